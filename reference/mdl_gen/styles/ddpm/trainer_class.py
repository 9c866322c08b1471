# style: a module that holds schedule, network, loss and sampler; a loader; x0 is predicted on the way back
# %% [markdown]
# # DDPM on two moons
# Everything lives in one class.

# %% tags=["parameters"]
import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

N_UPDATES = 4000
torch.manual_seed(1234)

# %% [markdown]
# Two moons.

# %%
rng = np.random.default_rng(6)
a = rng.uniform(0, np.pi, 1000)
pts = np.concatenate([np.c_[np.cos(a), np.sin(a)], np.c_[1 - np.cos(a), 0.5 - np.sin(a)]]) + rng.normal(0, 0.08, (2000, 2))
X = torch.from_numpy(((pts - pts.mean(0)) / pts.std(0)).astype(np.float32))

# %% [markdown]
# ## D3 The network
# Time by an embedding layer, added in every block.


# %%
class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, width)
        self.time = nn.Linear(width, width)

    def forward(self, h, emb):
        return h + F.silu(self.layer(h) + self.time(emb))


class Net(nn.Module):
    def __init__(self, steps, width=96):
        super().__init__()
        self.emb = nn.Embedding(steps, width)
        self.inp = nn.Linear(2, width)
        self.blocks = nn.ModuleList([Block(width) for _ in range(3)])
        self.out = nn.Linear(width, 2)

    def forward(self, x, t):
        h, emb = self.inp(x), self.emb(t)
        for block in self.blocks:
            h = block(h, emb)
        return self.out(h)


# %% [markdown]
# ## D1, D2, D5 Diffusion
# Schedule as buffers; `q_sample`, `forward` (the loss), `p_sample` and `sample`.


# %%
class DDPM(nn.Module):
    def __init__(self, net, steps=100, beta_1=1e-3, beta_T=0.2):
        super().__init__()
        self.net, self.steps = net, steps
        betas = torch.linspace(beta_1, beta_T, steps)
        self.register_buffer("betas", betas)
        self.register_buffer("alphas_cumprod", torch.cumprod(1 - betas, 0))
        self.register_buffer("alphas_cumprod_prev", F.pad(self.alphas_cumprod[:-1], (1, 0), value=1.0))

    def q_sample(self, x_start, t, noise=None):
        noise = torch.randn_like(x_start) if noise is None else noise
        ac = self.alphas_cumprod[t].view(-1, 1)
        return ac.sqrt() * x_start + (1 - ac).sqrt() * noise

    def forward(self, x_start):
        t = torch.randint(0, self.steps, (x_start.size(0),), device=x_start.device).long()
        noise = torch.randn_like(x_start)
        return F.mse_loss(self.net(self.q_sample(x_start, t, noise), t), noise)

    @torch.no_grad()
    def p_sample(self, x, t):
        batch = torch.full((x.size(0),), t, dtype=torch.long)
        ac, prev, beta = self.alphas_cumprod[t], self.alphas_cumprod_prev[t], self.betas[t]
        x0 = (x - (1 - ac).sqrt() * self.net(x, batch)) / ac.sqrt()
        mean = prev.sqrt() * beta / (1 - ac) * x0 + (1 - beta).sqrt() * (1 - prev) / (1 - ac) * x
        noise = torch.randn_like(x) if t > 0 else torch.zeros_like(x)
        return mean + (beta * (1 - prev) / (1 - ac)).sqrt() * noise

    @torch.no_grad()
    def sample(self, n):
        x = torch.randn(n, 2)
        frames = [x]
        for t in range(self.steps)[::-1]:
            x = self.p_sample(x, t)
            frames.append(x)
        return x, frames


ddpm = DDPM(Net(100))
fig, axs = plt.subplots(1, 4)
for ax, t in zip(axs, (0, 25, 50, 99)):
    ax.scatter(*ddpm.q_sample(X, torch.full((2000,), t)).T, s=1)
plt.show()

# %% [markdown]
# ## D4 Training
# An exponential schedule of the learning rate; shuffled batches of 250.

# %%
loader = DataLoader(TensorDataset(X), batch_size=250, shuffle=True)
opt = torch.optim.Adam(ddpm.parameters(), lr=2e-3)
history, done = [], 0
while done < N_UPDATES:
    total = 0.0
    for (xb,) in loader:
        opt.zero_grad()
        loss = ddpm(xb)
        loss.backward()
        opt.step()
        done += 1
        total += loss.item()
    history.append(total / len(loader))
plt.plot(history)
plt.xlabel("epoch")
plt.show()

# %% [markdown]
# ## D6 Sampling
# 2000 points.

# %%
generated, frames = ddpm.sample(2000)
plt.scatter(X[:, 0], X[:, 1], s=1)
plt.scatter(generated[:, 0], generated[:, 1], s=1)
plt.show()

# %% [markdown]
# ## D7 Questions
# Noise has unit scale at all times. Small steps are Gaussian. Latents; cross-attention and classifier-free guidance.
