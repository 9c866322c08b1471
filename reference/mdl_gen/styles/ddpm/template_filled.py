# style: the template's names and order, other code: a sinusoidal embedding, noise drawn inside, the posterior's variance
# %% [markdown]
# # Generative Models, lecture 6: a diffusion model from scratch
# ## Set-up
# Imports, seed, settings and data as given.

# %% tags=["parameters"]
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

torch.manual_seed(1234)
N_UPDATES = 4000

# %% [markdown]
# The steps and the two moons.

# %%
N_STEPS, BETA_START, BETA_END = 100, 1e-3, 0.2
moon_rng = np.random.default_rng(6)
angle = moon_rng.uniform(0, np.pi, 1000)
upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
moons = np.concatenate([upper, lower]) + moon_rng.normal(0, 0.08, (2000, 2))
data = torch.tensor((moons - moons.mean(axis=0)) / moons.std(axis=0), dtype=torch.float32)

# %% [markdown]
# ## D1 Noise schedule (3 points)
# Linear, as the sheet says.

# %%
betas = torch.linspace(BETA_START, BETA_END, N_STEPS)
alphas = 1 - betas
alpha_bars = alphas.cumprod(0)

# %% [markdown]
# ## D2 Noising in one step (3 points)
# Draws the noise and gives it back with the points.


# %%
def add_noise(x0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    noise = torch.randn_like(x0)
    a = alpha_bars[t].unsqueeze(-1)
    return torch.sqrt(a) * x0 + torch.sqrt(1 - a) * noise, noise


fig, axes = plt.subplots(1, 3, figsize=(9, 3))
for ax, step in zip(axes, [0, 30, 99]):
    xt, _ = add_noise(data, torch.full((2000,), step))
    ax.scatter(*xt.T, s=1)
plt.show()

# %% [markdown]
# ## D3 Predicting the noise (5 points)
# Sinusoidal embedding of the time, added to the first hidden layer.


# %%
class NoisePredictor(nn.Module):
    def __init__(self, n_hidden: int = 96):
        super().__init__()
        self.first = nn.Linear(2, n_hidden)
        self.from_time = nn.Linear(32, n_hidden)
        self.rest = nn.Sequential(nn.GELU(), nn.Linear(n_hidden, n_hidden), nn.GELU(), nn.Linear(n_hidden, n_hidden), nn.GELU(), nn.Linear(n_hidden, 2))

    def embed(self, t: Tensor) -> Tensor:
        frequencies = torch.exp(-math.log(1000.0) * torch.arange(16) / 16)
        angles = t[:, None].float() * frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.rest(self.first(x) + self.from_time(self.embed(t)))


# %% [markdown]
# Mean squared error of the noise.


# %%
def noise_loss(model: nn.Module, x0: Tensor) -> Tensor:
    t = torch.randint(N_STEPS, (x0.shape[0],))
    xt, noise = add_noise(x0, t)
    return F.mse_loss(model(xt, t), noise)


# %% [markdown]
# ## D4 Training (2 points)
# AdamW, batches of 200 points.

# %%
model = NoisePredictor()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
losses = []
for _ in range(N_UPDATES):
    optimizer.zero_grad()
    loss = noise_loss(model, data[torch.randperm(2000)[:200]])
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
plt.plot(losses)
plt.show()

# %% [markdown]
# ## D5 One step back (3 points)
# With the variance of the posterior.


# %%
@torch.no_grad()
def reverse_step(model: nn.Module, x: Tensor, t: int) -> Tensor:
    predicted = model(x, torch.full((x.shape[0],), t, dtype=torch.long))
    mean = (x - (1 - alphas[t]) / torch.sqrt(1 - alpha_bars[t]) * predicted) / torch.sqrt(alphas[t])
    if t > 0:
        variance = betas[t] * (1 - alpha_bars[t - 1]) / (1 - alpha_bars[t])
        mean = mean + torch.sqrt(variance) * torch.randn_like(x)
    return mean


# %% [markdown]
# ## D6 Sampling (2.5 points)
# From noise, all steps back.


# %%
def sample(model: nn.Module, n: int) -> Tensor:
    x = torch.randn(n, 2)
    for t in range(N_STEPS - 1, -1, -1):
        x = reverse_step(model, x, t)
    return x


samples = sample(model, 2000)
plt.scatter(data[:, 0], data[:, 1], s=1, label="data")
plt.scatter(samples[:, 0], samples[:, 1], s=1, label="samples")
plt.legend()
plt.show()

# %% [markdown]
# ## D7 Questions (1.5 points)
# 1. The noise always has the same scale.
# 2. Small steps are Gaussian.
# 3. Latent codes; text by cross-attention and guidance.
