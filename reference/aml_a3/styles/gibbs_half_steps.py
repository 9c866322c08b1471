# style: Gibbs recorded after each coordinate (100,000 rows), ACF of the thinned Metropolis chain, reliability-corrected weighted variance
# %% [markdown]
# # Assignment 3, Part A
# Sampling methods on a two-dimensional mixture.

# %% [markdown]
# Imports, seeds (1234), and the sizes that the sheet prescribes.

# %%
import numpy as np
import torch
import matplotlib.pyplot as plt

rng = np.random.default_rng(1234)
np.random.seed(1234)
torch.manual_seed(1234)

N_ACC, N_IS, N_MCMC, BURN_IN, THIN, MAX_LAG = 10000, 50000, 50000, 5000, 5, 50

# %% [markdown]
# ## Part 1: the target
# Three Gaussians. The mesh is built with `np.mgrid`, so the first axis of `Z` is x.

# %%
pis = (0.4, 0.35, 0.25)
mus = tuple(map(np.array, ([0.0, 0.0], [3.0, 3.0], [-3.0, 3.0])))
sigmas = tuple(
    map(np.array, ([[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]))
)


def normal_pdf(x, mu, sigma):
    """x has shape (2, ...)."""
    d = x - mu.reshape(2, *[1] * (x.ndim - 1))
    (a, b), (_, e) = sigma
    det = a * e - b * b
    return np.exp(-(e * d[0] ** 2 - 2 * b * d[0] * d[1] + a * d[1] ** 2) / (2 * det)) / (2 * np.pi * det**0.5)


def p(x):
    return sum(pi * normal_pdf(x, mu, sigma) for pi, mu, sigma in zip(pis, mus, sigmas))


XY = np.mgrid[-6:6:200j, -6:6:200j]
Z = p(XY)
print("mesh", XY.shape, "density", Z.shape, Z.dtype)

plt.figure(figsize=(5.5, 5))
plt.contour(XY[0], XY[1], Z, levels=15)
plt.gca().set(xlabel="x", ylabel="y", title="True density")
plt.show()

# %% [markdown]
# ## Part 2: rejection sampling
# The proposals are stored as columns (2, n). I count the proposals up to the last acceptance that is needed.

# %%
sd_q, c = 2.5, 12.0


def q(x):
    return np.exp(-(x[0] ** 2 + x[1] ** 2) / (2 * sd_q**2)) / (2 * np.pi * sd_q**2)


columns, n_prop = np.empty((2, 0)), 0
while columns.shape[1] < N_ACC:
    x = sd_q * rng.standard_normal((2, 2000))
    index = np.flatnonzero(rng.random(2000) <= p(x) / (c * q(x)))[: N_ACC - columns.shape[1]]
    columns = np.hstack([columns, x[:, index]])
    n_prop += 2000 if columns.shape[1] < N_ACC else index[-1] + 1
rate_rejection = N_ACC / n_prop
print(f"{n_prop} proposals, acceptance rate {rate_rejection:.4f}")

plt.figure(figsize=(5.5, 5))
plt.contour(XY[0], XY[1], Z, levels=15)
plt.scatter(columns[0], columns[1], s=1, c="k", alpha=0.3)
plt.gca().set(xlabel="x", ylabel="y", title="10,000 accepted samples")
plt.show()

# %% [markdown]
# ## Part 3: importance sampling
# "Weighted sample variance": the sum of w (f - mean)^2 over sum w, with the correction for reliability weights,
# 1 / (1 - sum w^2 / (sum w)^2), which `np.cov(..., aweights=w)` applies. With this ESS it hardly matters.

# %%
x = sd_q * rng.standard_normal((2, N_IS))
w = p(x) / q(x)
f = x[0] ** 2 + np.sin(x[1])
f_mean = w @ f / w.sum()
f_var = float(np.cov(f, aweights=w))
f_ess = w.sum() ** 2 / (w @ w)
print(f"E[f] {f_mean:.4f}   weighted variance {f_var:.4f}   ESS {f_ess:.1f}")
print(f"standard error of the estimate (delta method): {np.sqrt(((w * (f - f_mean)) ** 2).sum()) / w.sum():.4f}")

# %% [markdown]
# ## Part 4: Metropolis-Hastings
# The chain for each step is stored as (50000, 2); the draws are its rows from 5,000 on, every fifth.


# %%
def rwmh(s):
    increments = s * rng.standard_normal((N_MCMC, 2))
    uniforms = rng.random(N_MCMC)
    out = np.empty((N_MCMC, 2))
    x = np.zeros(2)
    px = p(x)
    hits = 0
    for i, (e, u) in enumerate(zip(increments, uniforms)):
        y = x + e
        py = p(y)
        if u * px <= py:
            x, px = y, py
            hits += 1
        out[i] = x
    return out, hits / N_MCMC


out_small, acc_small = rwmh(0.1)
out_mid, acc_mid = rwmh(0.5)
out_big, acc_big = rwmh(1.5)
draws_small, draws_mid, draws_big = (out[BURN_IN::THIN] for out in (out_small, out_mid, out_big))
print(f"acceptance: {acc_small:.4f} (0.1), {acc_mid:.4f} (0.5), {acc_big:.4f} (1.5)")

# %% [markdown]
# Autocorrelation by FFT (padded with zeros), normalised with n - k, of the thinned draws.


# %%
def acf_fft(x):
    n = len(x)
    F = np.fft.fft(x - np.mean(x), 4 * n)
    r = np.fft.ifft(np.abs(F) ** 2).real[: MAX_LAG + 1]
    r = r / (n - np.arange(MAX_LAG + 1))
    return r / r[0]


acf_mid = acf_fft(draws_mid[:, 0])
fig, ax = plt.subplots(1, 2, figsize=(12, 3.5))
ax[0].plot(draws_mid[:, 0], lw=0.5)
ax[0].set(title="Trace of $x_1$, s = 0.5 (9,000 draws)", xlabel="draw", ylabel="$x_1$")
ax[1].plot(acf_mid, ".-")
ax[1].set(title="ACF of the draws, s = 0.5", xlabel="lag", ylabel=r"$\rho$")
plt.show()
print("ACF of the draws at lag 1 and 50:", acf_mid[1], acf_mid[50])

# %% [markdown]
# **Brief comment.** 0.1: acceptance 0.94, the chain is a slow random walk and does not mix in 50,000 iterations.
# 0.5: acceptance 0.74, the modes are visited but it stays in each for a long time, the ACF of the draws is still positive at lag 50.
# 1.5: acceptance 0.41, frequent changes of the mode, best mixing.

# %% [markdown]
# ## Part 5: Gibbs
# One iteration updates x1 and then x2. I record the state after *each* of the two updates, to be able to draw the typical
# staircase path, so 50,000 iterations give 100,000 rows. Burn-in and thinning count iterations: 10,000 rows are dropped, then every
# tenth row is kept, which is the state at the end of every fifth iteration.

# %%
half = np.empty((2 * N_MCMC, 2))
x1, x2 = 0.0, 0.0
z = np.sqrt(0.19) * rng.standard_normal(2 * N_MCMC)
for i in range(N_MCMC):
    x1 = 0.9 * x2 + z[2 * i]
    half[2 * i] = x1, x2
    x2 = 0.9 * x1 + z[2 * i + 1]
    half[2 * i + 1] = x1, x2
half_after = half[2 * BURN_IN :]
gibbs_draws = half_after[2 * THIN - 1 :: 2 * THIN]
acf_half = acf_fft(half_after[:, 0])
acf_sweeps = acf_fft(half_after[1::2, 0])
print("rows", half.shape, "draws", gibbs_draws.shape, "correlation", np.corrcoef(gibbs_draws.T)[0, 1])
print("ACF of x1, half steps, lags 1, 2, 10:", acf_half[[1, 2, 10]])
print("ACF of x1, whole sweeps, lags 1, 2, 10:", acf_sweeps[[1, 2, 10]])

fig, ax = plt.subplots(1, 3, figsize=(15, 4))
ax[0].plot(half[:40, 0], half[:40, 1], "o-", ms=3, lw=0.8)
ax[0].set(title="first 40 half steps", xlabel="$x_1$", ylabel="$x_2$")
ax[1].plot(acf_half, ".-", label="after each coordinate")
ax[1].plot(acf_sweeps, ".-", label="after each sweep")
ax[1].set(title="ACF of $x_1$", xlabel="lag", ylabel=r"$\rho$")
ax[1].legend()
ax[2].scatter(gibbs_draws[:, 0], gibbs_draws[:, 1], s=1)
ax[2].set(title="Gibbs draws", xlabel="$x_1$", ylabel="$x_2$")
plt.show()

# %% [markdown]
# **Brief comment.** Per sweep the ACF is 0.81^k, per half step it needs twice as many lags since x1 stands still in every second
# row. Either way it is zero after some 20 sweeps: good mixing in spite of the correlation of 0.9.
