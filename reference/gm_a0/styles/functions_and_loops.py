# style: encoder and decoder as two separate Sequentials, loops and losses written out in place, one function for both densities, probabilities in place of logits
# %% [markdown]
# # gm assignment 0

# %%
import numpy as np
import torch, torch.nn as nn
import matplotlib.pyplot as plt
from torchvision.datasets import MNIST

# %% tags=["parameters"]
n_epochs = 10
n = 60000
m = 10000

# %%
X_train = MNIST(".", train=True, download=True).data[:n].reshape(-1, 784) / 255.0
X_test = MNIST(".", train=False, download=True).data[:m].reshape(-1, 784) / 255.0
print(X_train.shape, X_test.shape)

# %% [markdown]
# # Part 1

# %%
enc = nn.Sequential(nn.Linear(784, 300), nn.Tanh(), nn.Linear(300, 20))
dec = nn.Sequential(nn.Linear(20, 300), nn.Tanh(), nn.Linear(300, 784), nn.Sigmoid())
opt = torch.optim.Adam(list(enc.parameters()) + list(dec.parameters()), lr=1e-3)
curve = []
for epoch in range(n_epochs):
    order = np.random.permutation(len(X_train))
    for start in range(0, len(order), 100):
        x = X_train[order[start:start + 100]]
        loss = ((dec(enc(x)) - x) ** 2).sum(1).mean()
        opt.zero_grad(); loss.backward(); opt.step()
        curve.append(loss.item())
plt.figure(); plt.plot(curve); plt.ylabel("loss"); plt.xlabel("step"); plt.show()

# %% [markdown]
# ## Reconstruction

# %%
@torch.no_grad()
def show(rows):
    k = len(rows)
    fig = plt.figure(figsize=(10, 1.2 * k))
    for r, row in enumerate(rows):
        for c, img in enumerate(row):
            plt.subplot(k, len(row), r * len(row) + c + 1)
            plt.imshow(img.reshape(28, 28), cmap="binary"); plt.axis("off")
    plt.show()

show([X_test[:6], dec(enc(X_test[:6])).detach()])

# %% [markdown]
# ## Generating
# I take pairs of real codes, mix them at random and add some noise.

# %%
with torch.no_grad():
    Z = enc(X_train)
    a, b = Z[torch.randint(len(Z), (18,))], Z[torch.randint(len(Z), (18,))]
    t = torch.rand(18, 1)
    z_new = t * a + (1 - t) * b + 0.1 * Z.std() * torch.randn(18, 20)
    imgs = dec(z_new)
show([imgs[:9], imgs[9:]])

# %% [markdown]
# ## Am I happy?
# Better than uniform codes but still strange shapes, because between two classes there is a region of codes that the decoder
# never saw. The space of codes has holes. A prior on the codes (VAE) would close them. Mixing only codes of one class
# gives better pictures.

# %% [markdown]
# # Part 2
# Gaussian or Bernoulli? Bernoulli fits MNIST better, most pixels are 0 or 1. Pixels are taken as independent given z,
# so the probability of an image is the product of those of its pixels, and $-\log$ of it is the sum
# $-\sum x \log p + (1-x) \log (1-p)$: the binary cross entropy. log is monotonic, so the minimum stays where it is.

# %%
def neg_log_likelihood(x, p, kind="bernoulli"):
    if kind == "bernoulli":
        p = p.clamp(1e-6, 1 - 1e-6)
        return -(x * p.log() + (1 - x) * (1 - p).log()).sum(dim=1)
    return 0.5 * ((x - p) ** 2).sum(dim=1)

# %% [markdown]
# ## Train with the nll

# %%
enc2 = nn.Sequential(nn.Linear(784, 300), nn.Tanh(), nn.Linear(300, 20))
dec2 = nn.Sequential(nn.Linear(20, 300), nn.Tanh(), nn.Linear(300, 784), nn.Sigmoid())
opt = torch.optim.Adam([*enc2.parameters(), *dec2.parameters()], lr=1e-3)
for epoch in range(n_epochs):
    order = np.random.permutation(len(X_train))
    total = 0
    for start in range(0, len(order), 100):
        x = X_train[order[start:start + 100]]
        loss = neg_log_likelihood(x, dec2(enc2(x))).mean()
        opt.zero_grad(); loss.backward(); opt.step()
        total += loss.item() * len(x)
    print("epoch", epoch, "nll", total / len(X_train))
show([X_test[:6], dec2(enc2(X_test[:6])).detach()])

# %% [markdown]
# Problem: log of 0 gave nan until I clamped the probabilities. Otherwise the pictures are the same as in part 1, a bit sharper.
