# style: torch float64 tensors throughout, torch.randn and torch.rand draws, results are tensors
# %% [markdown]
# # Assignment 3 part A, in PyTorch
# I use tensors for everything; NumPy is only imported to set its seed.

# %% [markdown]
# ### Setup
# float64 is made the default dtype, the device is the CPU.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import torch

seed = 1234
np.random.seed(seed)
torch.manual_seed(seed)
torch.set_default_dtype(torch.float64)
device = torch.device("cpu")

# %% [markdown]
# ### A1: target
# Batched Mahalanobis distances with the inverse Cholesky factors, then `torch.logsumexp` over the components.

# %%
weights = torch.tensor([0.4, 0.35, 0.25], device=device)
means = torch.tensor([[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]], device=device)
covs = torch.tensor(
    [[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]], device=device
)
inv_chol = torch.linalg.inv(torch.linalg.cholesky(covs))
log_coef = torch.log(weights) - math.log(2 * math.pi) - 0.5 * torch.logdet(covs)


def log_p(x):
    """x: (..., 2) tensor -> (...) tensor"""
    diff = (x.unsqueeze(-2) - means).unsqueeze(-1)
    z = (inv_chol @ diff).squeeze(-1)
    return torch.logsumexp(log_coef - 0.5 * (z * z).sum(-1), dim=-1)


def p(x):
    return log_p(x).exp()


axis = torch.linspace(-6, 6, 200)
xx, yy = torch.meshgrid(axis, axis, indexing="xy")
density_grid = p(torch.stack([xx, yy], dim=-1))
print(density_grid.dtype, density_grid.shape, "max", density_grid.max().item())

plt.contour(xx, yy, density_grid, levels=15)
plt.title("Target density")
plt.xlabel("x1")
plt.ylabel("x2")
plt.show()

# %% [markdown]
# ### A2: rejection sampling
# Batches of proposals; the proposals after the 10,000th accepted one are not counted.

# %%
sigma = 2.5
c = 12.0


def log_q(x, sigma):
    return -0.5 * (x**2).sum(-1) / sigma**2 - math.log(2 * math.pi * sigma**2)


def rejection_sampling(p, n_samples, c, sigma, batch=8192):
    chunks, total, n_ok = [], 0, 0
    while n_ok < n_samples:
        x = sigma * torch.randn(batch, 2)
        u = torch.rand(batch)
        idx = torch.nonzero(u < p(x) / (c * log_q(x, sigma).exp())).flatten()
        if n_ok + len(idx) >= n_samples:
            idx = idx[: n_samples - n_ok]
            total += int(idx[-1]) + 1
        else:
            total += batch
        chunks.append(x[idx])
        n_ok += len(idx)
    return torch.cat(chunks), total


accepted, total = rejection_sampling(p, 10_000, c, sigma)
accept_rate = torch.tensor(10_000 / total)
print(f"acceptance rate: {accept_rate.item():.4f}")

plt.contour(xx, yy, density_grid, levels=15)
plt.scatter(accepted[:, 0], accepted[:, 1], s=1, c="orange")
plt.title("Rejection sampling")
plt.xlabel("x1")
plt.ylabel("x2")
plt.show()

# %% [markdown]
# ### A3: importance sampling
# Self-normalised weights by softmax of the log weights.

# %%
n = 50_000
x_q = sigma * torch.randn(n, 2)
log_w = log_p(x_q) - log_q(x_q, sigma)
w_norm = torch.softmax(log_w, dim=0)
f = x_q[:, 0] ** 2 + torch.sin(x_q[:, 1])

mean_f = (w_norm * f).sum()
var_f = (w_norm * (f - mean_f) ** 2).sum()
ess = 1.0 / (w_norm**2).sum()
print("mean:", mean_f.item(), " variance:", var_f.item(), " ESS:", ess.item())

# %% [markdown]
# ### A4: Metropolis-Hastings
# All random numbers of a run are drawn in advance with torch.


# %%
@torch.no_grad()
def metropolis(log_p, n_iter, s, x0):
    eps = s * torch.randn(n_iter, 2)
    log_u = torch.log(torch.rand(n_iter))
    x = x0.clone()
    lp = log_p(x)
    chain = torch.empty(n_iter, 2)
    accepted = torch.zeros(n_iter, dtype=torch.bool)
    for t in range(n_iter):
        y = x + eps[t]
        lp_y = log_p(y)
        if log_u[t] < lp_y - lp:
            x, lp = y, lp_y
            accepted[t] = True
        chain[t] = x
    return chain, accepted


chains, acc = {}, {}
for s in [0.1, 0.5, 1.5]:
    chains[s], flags = metropolis(log_p, 50_000, s, torch.zeros(2))
    acc[s] = flags.double().mean()
    print(f"s={s}: acceptance {acc[s].item():.4f}")
kept = {s: chain[5000::5] for s, chain in chains.items()}

# %% [markdown]
# ACF for s = 0.5 as inner products of shifted tensors, with the trace above it.


# %%
def acf(x, max_lag=50):
    x = x - x.mean()
    return torch.stack([(x[: len(x) - k] * x[k:]).sum() for k in range(max_lag + 1)]) / (x * x).sum()


acf_mh = acf(chains[0.5][5000:, 0])
print("rho(50) =", acf_mh[50].item())
fig, ax = plt.subplots(2, 1, figsize=(9, 6))
ax[0].plot(chains[0.5][:, 0], linewidth=0.4)
ax[0].set_title("x1 trace, s = 0.5")
ax[0].set_xlabel("iteration")
ax[0].set_ylabel("x1")
ax[1].stem(torch.arange(51), acf_mh)
ax[1].set_title("ACF of x1, s = 0.5")
ax[1].set_xlabel("lag")
ax[1].set_ylabel("rho")
plt.tight_layout()
plt.show()

# %% [markdown]
# Comment: the bigger the step, the fewer proposals are accepted (94 %, 74 %, 41 %), but the farther the chain gets.
# 0.1 hardly ever changes the mode, 0.5 changes it sometimes, 1.5 often. So among these 1.5 mixes best although it is
# accepted least.

# %% [markdown]
# ### A5: Gibbs
# Alternating draws from the two conditionals, starting at the origin.

# %%
rho = 0.9
noise = math.sqrt(1 - rho**2) * torch.randn(50_000, 2)
gibbs = torch.empty(50_000, 2)
x1, x2 = torch.zeros(()), torch.zeros(())
for t in range(50_000):
    x1 = rho * x2 + noise[t, 0]
    x2 = rho * x1 + noise[t, 1]
    gibbs[t, 0] = x1
    gibbs[t, 1] = x2
gibbs_kept = gibbs[5000::5]
acf_gibbs = acf(gibbs[5000:, 0])
print("correlation:", torch.corrcoef(gibbs_kept.T)[0, 1].item())
print("ACF at lags 1, 5, 10:", acf_gibbs[[1, 5, 10]].tolist())

fig, ax = plt.subplots(1, 2, figsize=(10, 4))
ax[0].stem(torch.arange(51), acf_gibbs)
ax[0].set_title("Gibbs: ACF of x1")
ax[0].set_xlabel("lag")
ax[0].set_ylabel("rho")
ax[1].scatter(gibbs_kept[:, 0], gibbs_kept[:, 1], s=2, alpha=0.5)
ax[1].set_title("Gibbs: samples")
ax[1].set_xlabel("x1")
ax[1].set_ylabel("x2")
plt.show()

# %% [markdown]
# Comment: the ACF drops geometrically (0.81 per sweep) and is near zero after 20 lags. Mixing is good; it would get
# worse with a correlation nearer to 1, because then the conditionals are narrower.
