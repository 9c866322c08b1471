# style: the student template filled in: its cells, tags and docstrings kept, bodies by someone else
# %% [markdown] tags=["given"]
# # Advanced Machine Learning (CS60073), Assignment 3
# # Part A: Sampling Methods (50 marks)
#
# You approximate one target distribution with four classical methods and compare them.
#
# **What to do**
#
# 1. Work from top to bottom. Replace every `...` and every `your code here` with your code. You may add cells,
#    functions and imports wherever you like.
# 2. The sheet asks for a brief Markdown explanation before every code cell: replace the prompts
#    *Describe in a sentence or two ...* with your own words. Cells that you add need an explanation too.
# 3. Write the two comments (A4, A5) after **YOUR ANSWER:**.
# 4. Use `float64`, the CPU only, and the seed 1234; the set-up cell does all of that. Take random numbers from
#    the generator `rng`, and pass it to your functions.
# 5. Before you hand in: *Restart kernel and run all cells*, then look at every result and figure.
#
# **How it is marked**
#
# - Your notebook is run from top to bottom in a fresh kernel without a network. A cell that fails does not end
#   the run: the rest is still marked.
# - Values are read by their names, right after the cell that makes them. Your functions are also called with
#   other arguments (another target, other constants, fewer draws): use the parameters, not the global variables.
# - Your random numbers need not equal ours. Results are compared with the range that a correct solution falls in.
# - A mistake costs marks once: where a later item needs an earlier one, ours takes its place.
# - Keep the names below. If you rename, nothing breaks, but your values must be searched for, and
#   what cannot be told apart waits until a person has looked at it.
# - The two comments are read by a person.
#
# | item | functions | values | figures |
# | --- | --- | --- | --- |
# | A1 | `mixture_log_density`, `mixture_density` | `grid_x`, `grid_y`, `grid_density` | contour |
# | A2 | `rejection_sample` | `accepted_samples`, `n_proposals`, `acceptance_rate` | scatter over the contour |
# | A3 | `importance_sample`, `effective_sample_size` | `is_draws`, `is_weights`, `is_mean`, `is_variance`, `is_ess` | |
# | A4 | `metropolis_hastings`, `autocorrelation` | `mh_results`, `mh_acf` | trace, ACF |
# | A5 | `gibbs_sample` | `gibbs_chain`, `gibbs_draws`, `gibbs_acf` | ACF, scatter |

# %% [markdown] tags=["given"]
# ## Set-up
#
# Imports, the seed for NumPy and PyTorch, and the generator that all samplers draw from.

# %% tags=["given"]
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.typing import NDArray

SEED = 1234  # NumPy and PyTorch

Array = NDArray[np.float64]
Density = Callable[[Array], Array]

np.random.seed(SEED)
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# %% [markdown] tags=["given"]
# The constants of the sheet: the three components of the target, the standard deviation `SIGMA` of the proposal
# of A2 and A3, and the envelope constant `C` of A2.

# %% tags=["given"]
WEIGHTS = np.array([0.4, 0.35, 0.25], dtype=np.float64)  # (3,)
MEANS = np.array([[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]], dtype=np.float64)  # (3, 2)
COVARIANCES = np.array(
    [
        [[1.0, 0.8], [0.8, 1.5]],
        [[0.6, 0.0], [0.0, 0.6]],
        [[1.2, -0.6], [-0.6, 1.2]],
    ],
    dtype=np.float64,
)  # (3, 2, 2)
SIGMA = 2.5  # standard deviation of the proposal q = N(0, SIGMA^2 I)
C = 12.0  # envelope constant

# %% [markdown] tags=["given"] item="a1"
# ## A1 Target distribution (10 marks)
#
# The target is a mixture of three Gaussians in two dimensions,
#
# $$p(x) = \sum_{k=1}^3 \pi_k \, \mathcal{N}(x \mid \mu_k, \Sigma_k),$$
#
# with $\pi$ = `WEIGHTS`, $\mu_k$ = `MEANS[k]` and $\Sigma_k$ = `COVARIANCES[k]`.
#
# - Write `mixture_log_density(x)` and `mixture_density(x)` for any array of points of shape `(..., 2)`.
# - Evaluate the density on a mesh of 200 × 200 points over $[-6, 6]^2$: `grid_x`, `grid_y`, `grid_density`.
# - **Figure:** the contour of the true density over this mesh.

# %% [markdown] tags=["explain"] item="a1"
# The log density: squared Mahalanobis distance to each mean, then a log-sum-exp with the maximum taken out.

# %% tags=["task"] item="a1" functions=["mixture_log_density", "mixture_density"]
def mixture_log_density(x: Array) -> Array:
    """Return log p(x) of the target, in float64.

    Parameters
    ----------
    x
        Points, shape (..., 2): one point (2,), n points (n, 2), or a grid of them (200, 200, 2).

    Returns
    -------
    Array
        Shape (...): one number for each point.
    """
    diff = np.asarray(x, dtype=np.float64)[..., np.newaxis, :] - MEANS
    inv = np.linalg.inv(COVARIANCES)
    maha = np.sum(np.matmul(diff[..., np.newaxis, :], inv)[..., 0, :] * diff, axis=-1)
    logs = np.log(WEIGHTS) - np.log(2 * np.pi) - 0.5 * np.log(np.linalg.det(COVARIANCES)) - 0.5 * maha
    top = logs.max(axis=-1)
    return top + np.log(np.exp(logs - top[..., np.newaxis]).sum(axis=-1))


def mixture_density(x: Array) -> Array:
    """Return p(x) of the target, in float64.

    Parameters
    ----------
    x
        Points, shape (..., 2).

    Returns
    -------
    Array
        Shape (...): one number for each point.
    """
    return np.exp(mixture_log_density(x))

# %% [markdown] tags=["explain"] item="a1"
# I evaluate the density on the mesh.

# %% tags=["task"] item="a1" values=["grid_x", "grid_y", "grid_density"]
axis = np.linspace(-6, 6, 200)
grid_x, grid_y = np.meshgrid(axis, axis)
grid_density = mixture_density(np.stack((grid_x, grid_y), axis=-1))
print(grid_density.shape, grid_density.dtype, grid_density.max())

# %% [markdown] tags=["explain"] item="a1"
# Contour plot of the density.

# %% tags=["task"] item="a1"
plt.figure(figsize=(6, 5))
plt.contour(grid_x, grid_y, grid_density, levels=15)
plt.xlabel("x1")
plt.ylabel("x2")
plt.title("true density")
plt.show()

# %% [markdown] tags=["given"] item="a2"
# ## A2 Rejection sampling (10 marks)
#
# Proposal $q(x) = \mathcal{N}(x \mid 0, \sigma^2 I)$ with $\sigma$ = `SIGMA` = 2.5, envelope constant $c$ = `C` = 12.
# Sample until $N = 10{,}000$ draws are accepted.
#
# - Write `rejection_sample(density, n_accept, c, sigma, rng)`.
# - Run it on the target: `accepted_samples`, `n_proposals`, `acceptance_rate`. Print the acceptance rate.
# - **Figure:** scatter of the accepted samples over the contour of the true density.

# %% [markdown] tags=["explain"] item="a2"
# Rejection sampling: 500 proposals at a time, but they are looked at one after the other, until enough are accepted.

# %% tags=["task"] item="a2" functions=["rejection_sample"]
def rejection_sample(
    density: Density, n_accept: int, c: float, sigma: float, rng: np.random.Generator
) -> tuple[Array, int]:
    """Sample by rejection from the proposal q = N(0, sigma^2 I) until n_accept draws are accepted.

    Parameters
    ----------
    density
        p: takes points (n, 2), returns (n,).
    n_accept
        Number of accepted draws to return.
    c
        Envelope constant.
    sigma
        Standard deviation of the proposal in each coordinate.
    rng
        Source of all randomness.

    Returns
    -------
    samples : Array
        The accepted draws, shape (n_accept, 2).
    n_proposals : int
        How many proposals were made until the last of them was accepted.
    """
    samples = np.zeros((n_accept, 2))
    n_accepted = 0
    n_proposals = 0
    while n_accepted < n_accept:
        x = rng.normal(0, sigma, size=(500, 2))
        q = np.exp(-(x[:, 0] ** 2 + x[:, 1] ** 2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
        alpha = density(x) / (c * q)
        u = rng.uniform(size=500)
        for i in range(500):
            n_proposals += 1
            if u[i] < alpha[i]:
                samples[n_accepted] = x[i]
                n_accepted += 1
                if n_accepted == n_accept:
                    break
    return samples, n_proposals

# %% [markdown] tags=["explain"] item="a2"
# Run it with c = 12 and sigma = 2.5 and print the acceptance rate.

# %% tags=["task"] item="a2" values=["accepted_samples", "n_proposals", "acceptance_rate"]
accepted_samples, n_proposals = rejection_sample(mixture_density, 10000, C, SIGMA, rng)
acceptance_rate = 10000 / n_proposals
print("acceptance rate:", acceptance_rate)

# %% [markdown] tags=["explain"] item="a2"
# The accepted samples over the contour.

# %% tags=["task"] item="a2"
plt.figure(figsize=(6, 5))
plt.contour(grid_x, grid_y, grid_density, levels=15)
plt.scatter(accepted_samples[:, 0], accepted_samples[:, 1], s=1, alpha=0.4)
plt.xlabel("x1")
plt.ylabel("x2")
plt.title("rejection sampling")
plt.show()

# %% [markdown] tags=["given"] item="a3"
# ## A3 Importance sampling (10 marks)
#
# Same proposal $q$, $N = 50{,}000$ independent draws, weights $w_i = p(x_i) / q(x_i)$. For
# $f(x) = x_1^2 + \sin(x_2)$ estimate
#
# $$\hat{\mathbb{E}}[f] = \frac{\sum_i w_i f(x_i)}{\sum_i w_i}, \qquad
# \text{ESS} = \frac{(\sum_i w_i)^2}{\sum_i w_i^2}.$$
#
# - Write `importance_sample(log_density, n_draws, sigma, rng)` and `effective_sample_size(weights)`.
# - Run them on the target: `is_draws`, `is_weights`, and the results `is_mean`, `is_variance`, `is_ess`.
#   Print the estimated mean, the weighted sample variance of $f$, and the ESS.

# %% [markdown] tags=["explain"] item="a3"
# Draws from the proposal with log weights, and the effective sample size.

# %% tags=["task"] item="a3" functions=["importance_sample", "effective_sample_size"]
def importance_sample(
    log_density: Density, n_draws: int, sigma: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draw from the proposal q = N(0, sigma^2 I) and weight each draw for the target.

    Parameters
    ----------
    log_density
        log p: takes points (n, 2), returns (n,).
    n_draws
        Number of independent draws.
    sigma
        Standard deviation of the proposal in each coordinate.
    rng
        Source of all randomness.

    Returns
    -------
    draws : Array
        Shape (n_draws, 2).
    log_weights : Array
        Shape (n_draws,): log w_i, not normalised.
    """
    draws = rng.normal(0, sigma, size=(n_draws, 2))
    log_q = -(draws**2).sum(axis=1) / (2 * sigma**2) - np.log(2 * np.pi * sigma**2)
    return draws, log_density(draws) - log_q


def effective_sample_size(weights: Array) -> float:
    """Return the effective sample size of importance weights, between 1 and their number (higher is better).

    Parameters
    ----------
    weights
        Shape (n,), not negative, normalised or not: a common factor changes nothing.

    Returns
    -------
    float
        (sum w)^2 / sum w^2 (Kish 1965); 0.0 when no weight is positive.
    """
    return float(np.sum(weights) ** 2 / np.sum(weights**2))

# %% [markdown] tags=["explain"] item="a3"
# Self-normalised mean of f, its weighted variance, and the ESS.

# %% tags=["task"] item="a3" values=["is_draws", "is_weights", "is_mean", "is_variance", "is_ess"]
is_draws, log_weights = importance_sample(mixture_log_density, 50000, SIGMA, rng)
is_weights = np.exp(log_weights)
f = is_draws[:, 0] ** 2 + np.sin(is_draws[:, 1])
is_mean = np.sum(is_weights * f) / np.sum(is_weights)
is_variance = np.sum(is_weights * (f - is_mean) ** 2) / np.sum(is_weights)
is_ess = effective_sample_size(is_weights)
print("mean", is_mean, "variance", is_variance, "ESS", is_ess)

# %% [markdown] tags=["given"] item="a4"
# ## A4 Metropolis–Hastings (10 marks)
#
# Same target. Random-walk proposal $x' = x + \epsilon$, $\epsilon \sim \mathcal{N}(0, s^2 I)$, with step sizes
# $s \in \{0.1, 0.5, 1.5\}$. For each $s$: 50,000 iterations from $x_0 = (0, 0)$, burn-in 5,000, thin by 5.
#
# - Write `metropolis_hastings(log_density, n_iter, step, x0, rng)` and `autocorrelation(x, max_lag)`. The
#   autocorrelation function is $\rho(k) = \text{Cov}(x_t, x_{t+k}) / \text{Var}(x_t)$.
# - Run all three: `mh_results` is a dictionary with the keys `0.1`, `0.5`, `1.5`; each value is a dictionary
#   with `"chain"` (50,000 iterations), `"draws"` (after burn-in and thinning) and `"acceptance_rate"`. Print the
#   three acceptance rates.
# - For $s = 0.5$: `mh_acf`, the autocorrelation of $x_1$ up to lag 50.
# - **Figures:** for $s = 0.5$ the trace of $x_1$ and its autocorrelation up to lag 50.
# - **Comment** on step size and mixing.

# %% [markdown] tags=["explain"] item="a4"
# Metropolis-Hastings with Gaussian steps (uphill moves are always accepted), and the autocorrelation function.

# %% tags=["task"] item="a4" functions=["metropolis_hastings", "autocorrelation"]
def metropolis_hastings(
    log_density: Density, n_iter: int, step: float, x0: Array, rng: np.random.Generator
) -> tuple[Array, float]:
    """Run random-walk Metropolis-Hastings.

    Parameters
    ----------
    log_density
        log p: takes one point (2,), returns one number.
    n_iter
        Number of iterations.
    step
        Standard deviation s of the proposal in each coordinate.
    x0
        Start, shape (2,).
    rng
        Source of all randomness.

    Returns
    -------
    chain : Array
        Shape (n_iter, 2): where the chain is after each iteration (x0 itself is not part of it).
    acceptance_rate : float
        Share of the n_iter proposals that were accepted.
    """
    chain = np.zeros((n_iter, 2))
    x = np.array(x0, dtype=np.float64)
    lp = log_density(x)
    accepted = 0
    for t in range(n_iter):
        x_new = x + rng.normal(0, step, size=2)
        lp_new = log_density(x_new)
        if lp_new >= lp or rng.uniform() < np.exp(lp_new - lp):
            x = x_new
            lp = lp_new
            accepted += 1
        chain[t] = x
    return chain, accepted / n_iter


def autocorrelation(x: Array, max_lag: int) -> Array:
    """Return the autocorrelation function of a sequence, rho(k) for k = 0, ..., max_lag.

    Parameters
    ----------
    x
        One coordinate of a chain, shape (n,).
    max_lag
        Largest lag, less than n.

    Returns
    -------
    Array
        Shape (max_lag + 1,), with rho(0) = 1. A constant sequence gives 1 at every lag.
    """
    x = np.asarray(x, dtype=np.float64)
    mean, var = x.mean(), x.var()
    acf = np.ones(max_lag + 1)
    for k in range(1, max_lag + 1):
        acf[k] = np.mean((x[:-k] - mean) * (x[k:] - mean)) / var
    return acf

# %% [markdown] tags=["explain"] item="a4"
# The three step sizes; 5,000 states are thrown away and every fifth of the others is kept.

# %% tags=["task"] item="a4" values=["mh_results"]
mh_results = {}
for s in [0.1, 0.5, 1.5]:
    chain, acc = metropolis_hastings(mixture_log_density, 50000, s, np.array([0.0, 0.0]), rng)
    mh_results[s] = {"chain": chain, "draws": chain[5000::5], "acceptance_rate": acc}
    print("s =", s, "acceptance rate =", acc)

# %% [markdown] tags=["explain"] item="a4"
# Trace plot and ACF for s = 0.5, from the chain after burn-in.

# %% tags=["task"] item="a4" values=["mh_acf"]
x1 = mh_results[0.5]["chain"][:, 0]
mh_acf = autocorrelation(x1[5000:], 50)
plt.figure(figsize=(10, 3))
plt.plot(x1, lw=0.3)
plt.xlabel("iteration")
plt.ylabel("x1")
plt.title("trace, s = 0.5")
plt.show()
plt.figure(figsize=(10, 3))
plt.stem(range(51), mh_acf)
plt.xlabel("lag")
plt.title("ACF, s = 0.5")
plt.show()

# %% [markdown] tags=["given"] item="a4"
# **Question (A4).** How does the step size change the acceptance rate and the mixing of the chain? Comment
# briefly, with your numbers.

# %% [markdown] tags=["answer"] item="a4"
# **YOUR ANSWER:** The acceptance rate falls from 0.94 (s = 0.1) over 0.74 (s = 0.5) to 0.41 (s = 1.5). The mixing improves with the step: with 0.1 the chain
# moves so little that it stays near a mode for thousands of iterations, with 0.5 it changes the mode sometimes (ACF about 0.7 at lag 50),
# with 1.5 it changes often. So the largest step is the best of the three, although it is rejected most.

# %% [markdown] tags=["given"] item="a5"
# ## A5 Gibbs sampling (10 marks)
#
# Another target: $x \sim \mathcal{N}(0, \Sigma)$ with $\Sigma = \begin{bmatrix} 1 & 0.9 \\ 0.9 & 1 \end{bmatrix}$.
# Its conditionals are $x_1 \mid x_2 \sim \mathcal{N}(0.9\,x_2,\ 1 - 0.9^2)$ and
# $x_2 \mid x_1 \sim \mathcal{N}(0.9\,x_1,\ 1 - 0.9^2)$ (the second parameter is the variance). 50,000 iterations
# from $(0, 0)$, burn-in 5,000, thin by 5.
#
# - Write `gibbs_sample(n_iter, rho, x0, rng)` for any correlation `rho`.
# - Run it: `gibbs_chain` (all iterations), `gibbs_draws` (after burn-in and thinning), and `gibbs_acf`, the
#   autocorrelation of $x_1$ up to lag 50.
# - **Figures:** the autocorrelation, and a scatter of the draws.
# - **Comment** on mixing.

# %% [markdown] tags=["explain"] item="a5"
# The Gibbs sampler draws each coordinate given the other one.

# %% tags=["task"] item="a5" functions=["gibbs_sample"]
def gibbs_sample(n_iter: int, rho: float, x0: Array, rng: np.random.Generator) -> Array:
    """Run a Gibbs sampler for the Gaussian with means 0, variances 1 and correlation rho.

    Parameters
    ----------
    n_iter
        Number of iterations; each one updates both coordinates.
    rho
        Correlation, -1 < rho < 1.
    x0
        Start, shape (2,).
    rng
        Source of all randomness.

    Returns
    -------
    Array
        Shape (n_iter, 2): where the chain is after each iteration (x0 itself is not part of it).
    """
    chain = np.zeros((n_iter, 2))
    x1, x2 = x0
    for t in range(n_iter):
        x1 = rng.normal(rho * x2, np.sqrt(1 - rho**2))
        x2 = rng.normal(rho * x1, np.sqrt(1 - rho**2))
        chain[t, 0] = x1
        chain[t, 1] = x2
    return chain

# %% [markdown] tags=["explain"] item="a5"
# 50,000 iterations, then burn-in, thinning and the ACF of the chain after burn-in.

# %% tags=["task"] item="a5" values=["gibbs_chain", "gibbs_draws", "gibbs_acf"]
gibbs_chain = gibbs_sample(50000, 0.9, np.array([0.0, 0.0]), rng)
gibbs_draws = gibbs_chain[5000::5]
gibbs_acf = autocorrelation(gibbs_chain[5000:, 0], 50)
print("ACF at 1, 5, 10:", gibbs_acf[1], gibbs_acf[5], gibbs_acf[10])
print("correlation:", np.corrcoef(gibbs_draws[:, 0], gibbs_draws[:, 1])[0, 1])

# %% [markdown] tags=["explain"] item="a5"
# ACF plot and scatter plot.

# %% tags=["task"] item="a5"
plt.figure(figsize=(10, 3))
plt.stem(range(51), gibbs_acf)
plt.xlabel("lag")
plt.title("ACF of x1 (Gibbs)")
plt.show()
plt.figure(figsize=(5, 5))
plt.scatter(gibbs_draws[:, 0], gibbs_draws[:, 1], s=1)
plt.xlabel("x1")
plt.ylabel("x2")
plt.title("Gibbs samples")
plt.show()

# %% [markdown] tags=["given"] item="a5"
# **Question (A5).** How well does this sampler mix, and what decides that? Comment briefly, with your numbers.

# %% [markdown] tags=["answer"] item="a5"
# **YOUR ANSWER:** The ACF decays like 0.81^k and is almost zero at lag 20, so the chain mixes well. The correlation of 0.9 slows it down a bit.
