# style: the template's names, plain Python loops, one point at a time
# %% [markdown]
# # Assignment 3, Part A: Sampling methods
# Everything runs on the CPU in double precision.

# %% [markdown]
# ## Setup
# Imports, the seed 1234 for NumPy and PyTorch, and the generator that all samplers share.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import torch

SEED = 1234
np.random.seed(SEED)
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# %% [markdown]
# The constants of the sheet.

# %%
WEIGHTS = np.array([0.4, 0.35, 0.25], dtype=np.float64)
MEANS = np.array([[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]], dtype=np.float64)
COVARIANCES = np.array(
    [
        [[1.0, 0.8], [0.8, 1.5]],
        [[0.6, 0.0], [0.0, 0.6]],
        [[1.2, -0.6], [-0.6, 1.2]],
    ],
    dtype=np.float64,
)
SIGMA = 2.5
C = 12.0

# %% [markdown]
# ## A1 Target distribution
# I compute the inverse and the normalising constant of each component once. The density of one point is
# the sum over the three components.

# %%
INVERSES = []
NORMALISERS = []
for k in range(3):
    INVERSES.append(np.linalg.inv(COVARIANCES[k]))
    NORMALISERS.append(2 * math.pi * math.sqrt(np.linalg.det(COVARIANCES[k])))


def mixture_density(x):
    total = 0.0
    for k in range(3):
        d = np.asarray(x, dtype=np.float64) - MEANS[k]
        total += WEIGHTS[k] * math.exp(-0.5 * (d @ INVERSES[k] @ d)) / NORMALISERS[k]
    return total


def mixture_log_density(x):
    density = mixture_density(x)
    if density == 0.0:
        return -math.inf
    return math.log(density)


print("p(0, 0) =", mixture_density(np.array([0.0, 0.0])))

# %% [markdown]
# Now the density on the 200 x 200 mesh, row by row, and its contours.

# %%
axis = np.linspace(-6, 6, 200)
grid_x, grid_y = np.meshgrid(axis, axis)
grid_density = np.zeros((200, 200))
for i in range(200):
    for j in range(200):
        grid_density[i, j] = mixture_density(np.array([grid_x[i, j], grid_y[i, j]]))

plt.figure(figsize=(6, 5))
plt.contour(grid_x, grid_y, grid_density, levels=12)
plt.colorbar(label="p(x)")
plt.xlabel("x1")
plt.ylabel("x2")
plt.title("True density")
plt.show()

# %% [markdown]
# ## A2 Rejection sampling
# Propose from N(0, sigma^2 I), accept with probability p(x) / (c q(x)), stop at the 10,000th acceptance.


# %%
def rejection_sample(density, n_accept, c, sigma, rng):
    samples = []
    n_proposals = 0
    while len(samples) < n_accept:
        x = rng.normal(0.0, sigma, size=2)
        n_proposals += 1
        q = math.exp(-(x[0] ** 2 + x[1] ** 2) / (2 * sigma**2)) / (2 * math.pi * sigma**2)
        u = rng.uniform()
        if u < density(x) / (c * q):
            samples.append(x)
    return np.array(samples), n_proposals


accepted_samples, n_proposals = rejection_sample(mixture_density, 10_000, C, SIGMA, rng)
acceptance_rate = len(accepted_samples) / n_proposals
print(f"proposals: {n_proposals}, acceptance rate: {acceptance_rate:.4f}")

# %% [markdown]
# The accepted points over the contours of the true density.

# %%
plt.figure(figsize=(6, 5))
plt.contour(grid_x, grid_y, grid_density, levels=12)
plt.scatter(accepted_samples[:, 0], accepted_samples[:, 1], s=2, alpha=0.3, color="black")
plt.xlabel("x1")
plt.ylabel("x2")
plt.title("Rejection sampling")
plt.show()

# %% [markdown]
# ## A3 Importance sampling
# 50,000 draws from the same proposal. The weights are kept as logs until the end.


# %%
def importance_sample(log_density, n_draws, sigma, rng):
    draws = np.zeros((n_draws, 2))
    log_weights = np.zeros(n_draws)
    for i in range(n_draws):
        x = rng.normal(0.0, sigma, size=2)
        log_q = -(x[0] ** 2 + x[1] ** 2) / (2 * sigma**2) - math.log(2 * math.pi * sigma**2)
        draws[i] = x
        log_weights[i] = log_density(x) - log_q
    return draws, log_weights


def effective_sample_size(weights):
    total = 0.0
    total_of_squares = 0.0
    for w in weights:
        total += w
        total_of_squares += w * w
    return total**2 / total_of_squares


is_draws, is_log_weights = importance_sample(mixture_log_density, 50_000, SIGMA, rng)
is_weights = np.exp(is_log_weights)

weighted_sum = 0.0
for w, x in zip(is_weights, is_draws):
    weighted_sum += w * (x[0] ** 2 + math.sin(x[1]))
is_mean = weighted_sum / is_weights.sum()

weighted_squares = 0.0
for w, x in zip(is_weights, is_draws):
    weighted_squares += w * (x[0] ** 2 + math.sin(x[1]) - is_mean) ** 2
is_variance = weighted_squares / is_weights.sum()
is_ess = effective_sample_size(is_weights)
print(f"E[f] = {is_mean:.4f}, Var[f] = {is_variance:.4f}, ESS = {is_ess:.1f} of 50000")

# %% [markdown]
# ## A4 Metropolis-Hastings
# Random walk with normal steps. The proposal is symmetric, so only the ratio of the target counts.


# %%
def metropolis_hastings(log_density, n_iter, step, x0, rng):
    chain = np.zeros((n_iter, 2))
    x = np.array(x0, dtype=np.float64)
    log_p = log_density(x)
    n_accepted = 0
    for t in range(n_iter):
        proposal = x + step * rng.normal(size=2)
        log_p_new = log_density(proposal)
        if math.log(1.0 - rng.uniform()) < log_p_new - log_p:
            x = proposal
            log_p = log_p_new
            n_accepted += 1
        chain[t] = x
    return chain, n_accepted / n_iter


mh_results = {}
for s in [0.1, 0.5, 1.5]:
    chain, rate = metropolis_hastings(mixture_log_density, 50_000, s, np.zeros(2), rng)
    draws = chain[5000::5]
    mh_results[s] = {"chain": chain, "draws": draws, "acceptance_rate": rate}
    print(f"s = {s}: acceptance rate {rate:.4f}, {len(draws)} draws kept")

# %% [markdown]
# The autocorrelation, lag by lag, for the states of the s = 0.5 chain after burn-in.


# %%
def autocorrelation(x, max_lag):
    n = len(x)
    mean = np.mean(x)
    variance = np.sum((x - mean) ** 2) / n
    acf = np.zeros(max_lag + 1)
    for lag in range(max_lag + 1):
        acf[lag] = np.sum((x[: n - lag] - mean) * (x[lag:] - mean)) / n / variance
    return acf


mh_acf = autocorrelation(mh_results[0.5]["chain"][5000:, 0], 50)
print("ACF at lags 1, 10, 50:", mh_acf[1], mh_acf[10], mh_acf[50])

# %% [markdown]
# Trace plot and ACF for s = 0.5.

# %%
plt.figure(figsize=(10, 3))
plt.plot(mh_results[0.5]["chain"][:, 0], linewidth=0.4)
plt.xlabel("iteration")
plt.ylabel("x1")
plt.title("Trace of x1, s = 0.5")
plt.show()

plt.figure(figsize=(7, 3))
plt.stem(np.arange(51), mh_acf)
plt.xlabel("lag")
plt.ylabel("ACF")
plt.title("ACF of x1, s = 0.5")
plt.show()

# %% [markdown]
# **Comment on A4.** With s = 0.1 almost every proposal is accepted (about 94 %), but each move is tiny, so the
# chain explores slowly and hardly leaves a mode. With s = 0.5 about 74 % are accepted and jumps between the
# modes are still rare, which is why the ACF is high even at lag 50. With s = 1.5 only about 41 % are accepted,
# yet the moves are large and the chain mixes best. A high acceptance rate is not the same as good mixing.

# %% [markdown]
# ## A5 Gibbs sampling
# Draw x1 given x2, then x2 given the new x1, and record the pair after the sweep.


# %%
def gibbs_sample(n_iter, rho, x0, rng):
    chain = np.zeros((n_iter, 2))
    x1, x2 = float(x0[0]), float(x0[1])
    sd = math.sqrt(1 - rho**2)
    for t in range(n_iter):
        x1 = rng.normal(rho * x2, sd)
        x2 = rng.normal(rho * x1, sd)
        chain[t, 0] = x1
        chain[t, 1] = x2
    return chain


gibbs_chain = gibbs_sample(50_000, 0.9, np.zeros(2), rng)
gibbs_draws = gibbs_chain[5000::5]
gibbs_acf = autocorrelation(gibbs_chain[5000:, 0], 50)
print("correlation of the draws:", np.corrcoef(gibbs_draws.T)[0, 1])
print("ACF at lags 1, 5, 10:", gibbs_acf[1], gibbs_acf[5], gibbs_acf[10])

# %% [markdown]
# ACF of x1 and scatter of the thinned draws.

# %%
plt.figure(figsize=(7, 3))
plt.stem(np.arange(51), gibbs_acf)
plt.xlabel("lag")
plt.ylabel("ACF")
plt.title("Gibbs: ACF of x1")
plt.show()

plt.figure(figsize=(5, 5))
plt.scatter(gibbs_draws[:, 0], gibbs_draws[:, 1], s=3, alpha=0.4)
plt.xlabel("x1")
plt.ylabel("x2")
plt.title("Gibbs draws")
plt.show()

# %% [markdown]
# **Comment on A5.** The ACF falls like 0.81^k: strong at first (0.81 at lag 1) because the coordinates are
# highly correlated and each conditional has a standard deviation of only 0.44, but practically zero from lag
# 20 or so. After thinning by 5 little correlation is left, and the scatter shows the tilted ellipse with
# correlation 0.9.
