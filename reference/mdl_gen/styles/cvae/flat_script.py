# %% [markdown]
# # cVAE, as one script
# Radia Perlman

# %% tags=["parameters"]
EPOCHS, N = 20, 20000

# %% [markdown]
# ## Data, model, training
# No classes and no functions: two Sequentials, and the class joined to what they get. The loss is written out in the loop.

# %%
import torch, torchvision
from matplotlib import pyplot as plt

ds = torchvision.datasets.MNIST(".", train=True, download=True)
x_all = ds.data[:N].view(-1, 784).float() / 255
y_all = torch.eye(10)[ds.targets[:N]]
enc = torch.nn.Sequential(torch.nn.Linear(784 + 10, 256), torch.nn.ReLU(), torch.nn.Linear(256, 2 * 5))
dec = torch.nn.Sequential(
    torch.nn.Linear(5 + 10, 256), torch.nn.ReLU(), torch.nn.Linear(256, 784), torch.nn.Sigmoid()
)
opt = torch.optim.Adam(list(enc.parameters()) + list(dec.parameters()), lr=2e-3)
hist = []
for e in range(EPOCHS):
    s = 0
    perm = torch.randperm(len(x_all))
    for k in range(0, len(perm), 100):
        i = perm[k : k + 100]
        x, y = x_all[i], y_all[i]
        out = enc(torch.cat([x, y], 1))
        m, lv = out[:, :5], out[:, 5:]
        z = m + (lv / 2).exp() * torch.randn(len(i), 5)
        r = dec(torch.cat([z, y], 1))
        loss = torch.nn.functional.binary_cross_entropy(r, x, reduction="sum")
        loss = loss + 0.5 * (lv.exp() + m.pow(2) - lv - 1).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
        s += loss.item()
    hist.append(s / len(x_all))
    print(e, hist[-1])

# %% [markdown]
# ## Results
# Ten images of each class, and the loss.

# %%
fig, ax = plt.subplots(1, 2, figsize=(12, 5))
ax[0].plot(hist)
with torch.no_grad():
    big = torch.zeros(280, 280)
    for d in range(10):
        g = dec(torch.cat([torch.randn(10, 5), torch.eye(10)[[d] * 10]], 1)).view(10, 28, 28)
        for j in range(10):
            big[28 * d : 28 * d + 28, 28 * j : 28 * j + 28] = g[j]
ax[1].imshow(big.numpy())
plt.show()

# %% [markdown]
# ## Observations
# Every row shows its class. Some samples are blurry; the code holds the style, the label the digit.
