# style: no functions but the network, three cells, NumPy's noise, a sum of squares for a loss, 1,000 samples twice
# %% [markdown]
# # Lab 6, diffusion
# Data, schedule and network.

# %% tags=["parameters"]
import matplotlib.pyplot as plt
import numpy as np
import torch

N_UPDATES = 4000
torch.manual_seed(0)
rng = np.random.default_rng(6)
w = rng.uniform(0, np.pi, 1000)
pts = np.vstack([np.c_[np.cos(w), np.sin(w)], np.c_[1 - np.cos(w), 0.5 - np.sin(w)]]) + rng.normal(0, 0.08, (2000, 2))
pts = ((pts - pts.mean(0)) / pts.std(0)).astype("float32")
beta = np.linspace(1e-3, 0.2, 100)
alpha_bar = np.cumprod(1 - beta)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(2 + 20, 128)
        self.b = torch.nn.Linear(128, 128)
        self.c = torch.nn.Linear(128, 128)
        self.d = torch.nn.Linear(128, 2)

    def forward(self, x, t):  # t: (n, 1) in [0, 1)
        waves = torch.cat([f(t * 2**k) for k in range(10) for f in (torch.sin, torch.cos)], 1)
        h = torch.relu(self.a(torch.cat([x, waves], 1)))
        return self.d(torch.relu(self.c(torch.relu(self.b(h)))))


# %% [markdown]
# Training: a batch, its times, its noise, and the squared distance. A look at noised points comes first.

# %%
fig, ax = plt.subplots(1, 3)
for one, k in zip(ax, [5, 40, 90]):
    z = rng.standard_normal(pts.shape)
    far = np.sqrt(alpha_bar[k]) * pts + np.sqrt(1 - alpha_bar[k]) * z
    one.scatter(far[:, 0], far[:, 1], s=1)
plt.show()
net = Net()
adam = torch.optim.Adam(net.parameters(), lr=1e-3)
losses = []
for i in range(N_UPDATES):
    x0 = pts[rng.integers(0, 2000, 256)]
    k = rng.integers(0, 100, 256)
    eps = rng.standard_normal((256, 2)).astype("float32")
    xt = np.sqrt(alpha_bar[k])[:, None] * x0 + np.sqrt(1 - alpha_bar[k])[:, None] * eps
    guess = net(torch.tensor(xt, dtype=torch.float32), torch.tensor(k / 100, dtype=torch.float32)[:, None])
    loss = ((torch.tensor(eps) - guess) ** 2).sum() / 256
    adam.zero_grad()
    loss.backward()
    adam.step()
    losses.append(float(loss))
plt.plot(np.convolve(losses, np.ones(50) / 50, "valid"))
plt.title("loss, smoothed")
plt.show()

# %% [markdown]
# Sampling: all steps back, twice, for 1,000 points each.

# %%
parts = []
for _ in range(2):
    x = rng.standard_normal((1000, 2))
    for k in range(99, -1, -1):
        with torch.no_grad():
            e = net(torch.tensor(x, dtype=torch.float32), torch.full((1000, 1), k / 100)).numpy()
        x = (x - beta[k] / np.sqrt(1 - alpha_bar[k]) * e) / np.sqrt(1 - beta[k])
        if k:
            x = x + np.sqrt(beta[k]) * rng.standard_normal((1000, 2))
    parts.append(x)
samples = np.concatenate(parts)
plt.scatter(samples[:, 0], samples[:, 1], s=1)
plt.show()

# %% [markdown]
# Questions: the noise has one scale; small steps are nearly Gaussian; latent codes, and the text by cross-attention.
