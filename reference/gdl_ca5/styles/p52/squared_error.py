# style: squared error with its one half, encoder and decoder as two modules in one, sigma by softplus, no KL kept, noise by Normal.rsample
# %% [markdown]
# # Notebook 5.2

# %%
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F
import matplotlib.pyplot as plt
from torchvision.datasets import MNIST

# %% tags=["parameters"]
E = 10
N = 60000

# %%
X = MNIST("d", download=True).data[:N].reshape(-1, 784) / 255.0
T = MNIST("d", download=True, train=False)

# %% [markdown]
# ## Encoder and decoder

# %%
class Encoder(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(784, 256), nn.GELU(), nn.LayerNorm(256))
        self.m, self.s = nn.Linear(256, d), nn.Linear(256, d)

    def forward(self, x):
        h = self.body(x)
        return self.m(h), F.softplus(self.s(h))


class VariationalAutoencoder(nn.Module):
    def __init__(self, d=3):
        super().__init__()
        self.encoder = Encoder(d)
        self.decoder = nn.Sequential(nn.Linear(d, 256), nn.GELU(), nn.Linear(256, 784))

    def forward(self, x):
        mu, sigma = self.encoder(x)
        z = torch.distributions.Normal(mu, sigma).rsample()
        return self.decoder(z), mu, sigma

# %% [markdown]
# ## Loss: a Gaussian with unit variance, so half of the squared error

# %%
def elbo_loss(out, x, mu, sigma):
    rec = 0.5 * ((out - x) ** 2).sum(dim=1)
    kl = 0.5 * (mu**2 + sigma**2 - 1 - 2 * torch.log(sigma)).sum(dim=1)
    return (rec + kl).mean()

# %% [markdown]
# ## Training

# %%
net = VariationalAutoencoder()
opt = torch.optim.RMSprop(net.parameters(), lr=1e-3)
losses = []
for e in range(E):
    p = np.random.permutation(len(X))
    tot = 0
    for i in range(0, len(X), 100):
        x = X[p[i:i + 100]]
        out, mu, sigma = net(x)
        opt.zero_grad()
        l = elbo_loss(out, x, mu, sigma)
        l.backward()
        opt.step()
        tot += float(l) * len(x)
    losses.append(tot / len(X))
    print("Epoch", e, losses[-1])

# %%
plt.bar(range(E), losses)
plt.title("loss")
plt.show()

# %% [markdown]
# ## Latent space and samples

# %%
with torch.no_grad():
    Z = net.encoder(T.data[:1000].reshape(-1, 784) / 255.0)[0].numpy()
    G = net.decoder(torch.randn(9, 3)).clip(0, 1).numpy()
fig = plt.figure(figsize=(10, 4))
a = fig.add_subplot(1, 2, 1)
a.scatter(Z[:, 0], Z[:, 2], c=[plt.cm.tab10(int(k)) for k in T.targets[:1000]], s=5)
for k in range(9):
    b = fig.add_subplot(3, 6, 6 * (k // 3) + 4 + k % 3)
    b.imshow(G[k].reshape(28, 28), cmap="gray")
    b.axis("off")
plt.show()

# %% [markdown]
# ## Reflection
# 1. KL: insert both Gaussians; E_q (z-mu)^2 = sigma^2 and E_q z^2 = mu^2 + sigma^2 give 1/2 (mu^2 + sigma^2 - 1 - log sigma^2).
# 2. Without the reparameterisation there is no gradient through the sample.
# 3. The latent space separates 0 and 1; the samples are blurred. A larger decoder and more dimensions would be better.
