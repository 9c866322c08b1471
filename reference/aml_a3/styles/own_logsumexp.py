# style: the template's names, Cholesky factors and a hand-written log-sum-exp; normalised weights; figures saved and closed
# %% [markdown]
# # Part A - Sampling methods
# All probability computations are in log space and float64.

# %% [markdown]
# ## Setup
# Seeds for NumPy and PyTorch; a folder for the figures.

# %%
import os

import numpy as np
import torch
import matplotlib.pyplot as plt

SEED = 1234
np.random.seed(SEED)
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
os.makedirs("figures", exist_ok=True)

# %% [markdown]
# The constants from the template.

# %%
WEIGHTS = np.array([0.4, 0.35, 0.25])
MEANS = np.array([[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]])
COVARIANCES = np.array([[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]])
SIGMA = 2.5
C = 12.0

# %% [markdown]
# ## A1 Target distribution
# With the Cholesky factor L of a covariance, the Mahalanobis distance is the norm of z = L^-1 (x - mu), and
# log det = 2 sum log diag L. A 2 x 2 lower triangle is solved by hand. The log-sum-exp subtracts the maximum.

# %%
CHOLESKY = [np.linalg.cholesky(S) for S in COVARIANCES]


def log_sum_exp(values, axis=-1):
    top = np.max(values, axis=axis, keepdims=True)
    return np.squeeze(top, axis=axis) + np.log(np.sum(np.exp(values - top), axis=axis))


def log_normal_2d(x, mean, L):
    z1 = (x[..., 0] - mean[0]) / L[0, 0]
    z2 = (x[..., 1] - mean[1] - L[1, 0] * z1) / L[1, 1]
    return -0.5 * (z1 * z1 + z2 * z2) - np.log(2 * np.pi) - np.log(L[0, 0]) - np.log(L[1, 1])


def mixture_log_density(x):
    x = np.asarray(x, dtype=np.float64)
    parts = [np.log(w) + log_normal_2d(x, m, L) for w, m, L in zip(WEIGHTS, MEANS, CHOLESKY)]
    return log_sum_exp(np.stack(parts, axis=-1))


def mixture_density(x):
    return np.exp(mixture_log_density(x))


axis = np.linspace(-6.0, 6.0, 200)
grid_x, grid_y = np.meshgrid(axis, axis, indexing="ij")
grid_density = mixture_density(np.stack([grid_x, grid_y], axis=-1))
print("largest value on the mesh:", grid_density.max())

fig = plt.figure(figsize=(6, 5))
plt.contour(grid_x, grid_y, grid_density, 15)
plt.xlabel("x1"), plt.ylabel("x2"), plt.title("target density")
plt.savefig("figures/a1_contour.png")
plt.close(fig)

# %% [markdown]
# ## A2 Rejection sampling
# The comparison log u < log p - log c - log q avoids every under- and overflow.


# %%
def log_proposal(x, sigma):
    return -0.5 * np.sum(x**2, axis=-1) / sigma**2 - np.log(2 * np.pi) - 2 * np.log(sigma)


def rejection_sample(density, n_accept, c, sigma, rng):
    samples = np.empty((n_accept, 2))
    n_done, n_proposals = 0, 0
    while n_done < n_accept:
        x = rng.normal(scale=sigma, size=(4096, 2))
        with np.errstate(divide="ignore"):
            log_ratio = np.log(density(x)) - np.log(c) - log_proposal(x, sigma)
        accept = np.log1p(-rng.random(4096)) < log_ratio
        for i in range(4096):
            n_proposals += 1
            if accept[i]:
                samples[n_done] = x[i]
                n_done += 1
                if n_done == n_accept:
                    break
    return samples, n_proposals


accepted_samples, n_proposals = rejection_sample(mixture_density, 10000, C, SIGMA, rng)
acceptance_rate = len(accepted_samples) / n_proposals
print("acceptance rate:", acceptance_rate)
ratio = np.exp(mixture_log_density(accepted_samples) - log_proposal(accepted_samples, SIGMA))
print(
    "largest p/q among the accepted points:",
    ratio.max(),
    "(larger than 12, so c = 12 is not a true envelope)",
)

fig = plt.figure(figsize=(6, 5))
plt.contour(grid_x, grid_y, grid_density, 15)
plt.plot(accepted_samples[:, 0], accepted_samples[:, 1], "k.", markersize=1)
plt.xlabel("x1"), plt.ylabel("x2"), plt.title("rejection samples over the target")
plt.savefig("figures/a2_rejection.png")
plt.close(fig)

# %% [markdown]
# ## A3 Importance sampling
# The weights are normalised by the log-sum-exp of all 50,000 log weights, so they add up to one.


# %%
def importance_sample(log_density, n_draws, sigma, rng):
    draws = rng.normal(scale=sigma, size=(n_draws, 2))
    return draws, log_density(draws) - log_proposal(draws, sigma)


def effective_sample_size(weights):
    return float(np.sum(weights) ** 2 / np.sum(weights**2))


is_draws, is_log_weights = importance_sample(mixture_log_density, 50000, SIGMA, rng)
is_weights = np.exp(is_log_weights - log_sum_exp(is_log_weights))
f_values = is_draws[:, 0] ** 2 + np.sin(is_draws[:, 1])
is_mean = float(np.sum(is_weights * f_values))
is_variance = float(np.sum(is_weights * (f_values - is_mean) ** 2))
is_ess = effective_sample_size(is_weights)
print("estimated mean:", is_mean)
print("weighted sample variance:", is_variance)
print("ESS:", is_ess)

# %% [markdown]
# ## A4 Metropolis-Hastings
# The log density is the only thing the sampler needs.


# %%
def metropolis_hastings(log_density, n_iter, step, x0, rng):
    chain = np.empty((n_iter, 2))
    x = np.asarray(x0, dtype=np.float64).copy()
    log_p = log_density(x)
    n_accept = 0
    for t in range(n_iter):
        y = x + rng.normal(scale=step, size=2)
        log_p_y = log_density(y)
        if np.log(1.0 - rng.random()) <= log_p_y - log_p:
            x, log_p = y, log_p_y
            n_accept += 1
        chain[t] = x
    return chain, n_accept / n_iter


mh_results = {}
for s in (0.1, 0.5, 1.5):
    chain, rate = metropolis_hastings(mixture_log_density, 50000, s, np.zeros(2), rng)
    mh_results[s] = {"chain": chain, "draws": chain[5000:][::5], "acceptance_rate": rate}
    print(f"s = {s}: acceptance rate = {rate:.4f}")

# %% [markdown]
# Unbiased autocovariances (divided by n - k) over the unbiased variance estimate, then trace and ACF for s = 0.5.


# %%
def autocorrelation(x, max_lag):
    x = np.asarray(x, dtype=np.float64)
    n = x.size
    d = x - x.mean()
    covariances = np.array([np.sum(d[: n - k] * d[k:]) / (n - k) for k in range(max_lag + 1)])
    return covariances / covariances[0]


mh_acf = autocorrelation(mh_results[0.5]["chain"][5000:, 0], 50)
print("MH ACF at lag 50:", mh_acf[50])

fig, axes = plt.subplots(2, 1, figsize=(9, 6))
axes[0].plot(mh_results[0.5]["chain"][:, 0], lw=0.3)
axes[0].set_xlabel("iteration")
axes[0].set_ylabel("x1")
axes[0].set_title("trace of x1 (s = 0.5)")
axes[1].plot(np.arange(51), mh_acf, "o-", ms=3)
axes[1].set_xlabel("lag")
axes[1].set_ylabel("autocorrelation")
fig.tight_layout()
fig.savefig("figures/a4_mh.png")
plt.close(fig)

# %% [markdown]
# **Your answer (step size vs. mixing):** The acceptance rates are about 0.945, 0.74 and 0.41. The smallest step has the highest
# acceptance and the worst mixing: its random walk needs thousands of iterations to go from one component to another. The largest step
# trades acceptance for distance and visits all three components often. A rate near 0.3 - 0.4 is a sensible goal in two dimensions.

# %% [markdown]
# ## A5 Gibbs sampling
# Systematic scan; recorded after each full sweep.


# %%
def gibbs_sample(n_iter, rho, x0, rng):
    sd = np.sqrt(1.0 - rho**2)
    chain = np.empty((n_iter, 2))
    x1, x2 = x0
    for t in range(n_iter):
        x1 = rho * x2 + sd * rng.standard_normal()
        x2 = rho * x1 + sd * rng.standard_normal()
        chain[t] = (x1, x2)
    return chain


gibbs_chain = gibbs_sample(50000, 0.9, np.zeros(2), rng)
gibbs_draws = gibbs_chain[5000:][::5]
gibbs_acf = autocorrelation(gibbs_chain[5000:, 0], 50)
print("mean:", gibbs_draws.mean(axis=0), "correlation:", np.corrcoef(gibbs_draws, rowvar=False)[0, 1])
print("ACF at lag 1, 5 and 20:", gibbs_acf[1], gibbs_acf[5], gibbs_acf[20])

fig, axes = plt.subplots(1, 2, figsize=(10, 4))
axes[0].plot(np.arange(51), gibbs_acf, "o-", ms=3)
axes[0].plot(np.arange(51), 0.81 ** np.arange(51), "r--", label="0.81^k")
axes[0].set_xlabel("lag")
axes[0].set_ylabel("autocorrelation")
axes[0].legend()
axes[1].scatter(gibbs_draws[:, 0], gibbs_draws[:, 1], s=2)
axes[1].set_xlabel("x1")
axes[1].set_ylabel("x2")
fig.savefig("figures/a5_gibbs.png")
plt.close(fig)

# %% [markdown]
# **Your answer (mixing):** The measured ACF lies on 0.81^k. The high correlation of the target makes each
# conditional narrow, so neighbouring states are alike, but the integrated autocorrelation time is only about
# (1 + 0.81) / (1 - 0.81) = 9.5 iterations, so the chain mixes quickly compared with 50,000 iterations.
