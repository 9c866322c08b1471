# Source of the solution, the student template and the mutants of part a (format: autograder/template.py).
# The set-up imports what students need; the sheet asks for NumPy's global seed; tables and formulas are long.
# ruff: noqa: F401, I001, NPY002
# mypy: disable-error-code="index"
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

from reference.aml_a3.settings import SEED
from reference.samplers import Array, Density

np.random.seed(SEED)
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# %% [markdown] tags=["given"]
# The constants of the sheet: the three components of the target, the standard deviation `SIGMA` of the proposal
# of A2 and A3, and the envelope constant `C` of A2.

# %% tags=["given"]
from reference.aml_a3.settings import COVARIANCES, MEANS, SIGMA, WEIGHTS, C

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
# The log density of the target. Every covariance is factorised once (Cholesky), so that an evaluation only
# whitens the deviations from the three means; the components are added by log-sum-exp, which keeps the tails
# finite.

# %% tags=["task"] item="a1" functions=["mixture_log_density", "mixture_density"]
from typing import NamedTuple

from reference.samplers import (
    TARGET,
    GaussianMixture,
    gaussian_mixture,
    gaussian_mixture_log_density,
    mixture_density,
    mixture_log_density,
)

# %% [markdown] tags=["explain"] item="a1"
# The density on the mesh of the sheet. The sum over the mesh times the area of one cell must be close to 1.

# %% tags=["task"] item="a1" values=["grid_x", "grid_y", "grid_density"]
#: grid_x: (200, 200): the x coordinate of each mesh point
#: grid_y: (200, 200): the y coordinate of each mesh point
#: grid_density: (200, 200) float64: p at each mesh point
axis = np.linspace(-6, 6, 200)
grid_x, grid_y = np.meshgrid(axis, axis)
grid_density = mixture_density(np.stack([grid_x, grid_y], axis=-1))
print(f"integral over the mesh: {np.sum(grid_density) * (axis[1] - axis[0]) ** 2:.5f}")

# %% [markdown] tags=["explain"] item="a1"
# The contour of the true density: a correlated component in the middle and two more above it.

# %% tags=["task"] item="a1"
#: Figure: contour of grid_density over [-6, 6] x [-6, 6], with axis labels and a title.
fig, ax = plt.subplots(figsize=(6, 5))
lines = ax.contour(grid_x, grid_y, grid_density, levels=20, cmap="viridis")
fig.colorbar(lines, ax=ax, label="density")
ax.set(title="True density p(x)", xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
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
# Rejection sampling in batches: draw from the proposal, accept each point with probability
# $\min(1, p(x) / (c\,q(x)))$, and stop counting at the proposal that brings the last accepted draw.
#
# *A remark on the sheet:* $c = 12$ is not an envelope of this target. The supremum of $p/q$ is 17.98, near the
# second mean, so around $(3, 3)$ the ratio $p/(c\,q)$ exceeds 1. The procedure as written then accepts at the
# rate $\mathbb{E}_q[\min(1, p/(c\,q))]$, 0.0816 in place of $1/c = 0.0833$, and its draws follow $\min(p, c\,q)$, which
# holds a little too little of the second component.

# %% tags=["task"] item="a2" functions=["rejection_sample"]
from reference.samplers import RejectionInfo, proposal_log_density, rejection_sample, rejection_step

# %% [markdown] tags=["explain"] item="a2"
# 10,000 accepted draws with the constants of the sheet, and the share of the proposals that was accepted.

# %% tags=["task"] item="a2" values=["accepted_samples", "n_proposals", "acceptance_rate"]
#: accepted_samples: (10000, 2) float64: the accepted draws
#: n_proposals: int: how many proposals they took
#: acceptance_rate: float: the observed acceptance rate
accepted_samples, n_proposals = rejection_sample(mixture_density, 10_000, C, SIGMA, rng)
acceptance_rate = len(accepted_samples) / n_proposals
print(f"rejection sampling: {n_proposals} proposals, acceptance rate {acceptance_rate:.4f}")

# %% [markdown] tags=["explain"] item="a2"
# The accepted draws over the true contour: they fill all three components.

# %% tags=["task"] item="a2"
#: Figure: scatter of accepted_samples over the contour of the true density.
fig, ax = plt.subplots(figsize=(6, 6))
ax.scatter(accepted_samples[:, 0], accepted_samples[:, 1], s=3, alpha=0.3, label="accepted samples")
ax.contour(grid_x, grid_y, grid_density, levels=12, colors="black", linewidths=0.6)
ax.set(title="Rejection sampling", xlabel="$x_1$", ylabel="$x_2$", xlim=(-6, 6), ylim=(-6, 6), aspect="equal")
ax.legend(loc="lower right")
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
# Importance sampling: independent draws from the proposal with their log weights $\log p - \log q$, and the
# effective sample size, which says how many unweighted draws the weighted ones are worth.

# %% tags=["task"] item="a3" functions=["importance_sample", "effective_sample_size"]
from reference.samplers import effective_sample_size, importance_sample

# %% [markdown] tags=["explain"] item="a3"
# The self-normalised estimate of $\mathbb{E}[f]$, the weighted variance of $f$ around it, and the ESS.

# %% tags=["task"] item="a3" values=["is_draws", "is_weights", "is_mean", "is_variance", "is_ess"]
#: is_draws: (50000, 2) float64: the draws from the proposal
#: is_weights: (50000,) float64: their weights w, not logarithms
#: is_mean: float: the estimate of E[f]
#: is_variance: float: the weighted sample variance of f
#: is_ess: float: the effective sample size
is_draws, is_log_weights = importance_sample(mixture_log_density, 50_000, SIGMA, rng)
is_weights = np.exp(is_log_weights)
f_values = is_draws[:, 0] ** 2 + np.sin(is_draws[:, 1])
is_mean = float(np.sum(is_weights * f_values) / np.sum(is_weights))
is_variance = float(np.sum(is_weights * (f_values - is_mean) ** 2) / np.sum(is_weights))
is_ess = effective_sample_size(is_weights)
print(f"importance sampling: mean {is_mean:.4f}, variance {is_variance:.4f}, ESS {is_ess:.1f}")

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
# Random-walk Metropolis–Hastings: the proposal is symmetric, so a move is accepted with probability
# $\min(1, p(x')/p(x))$, and a rejected move repeats the present state. The autocorrelation is the sample
# covariance at each lag over the one at lag 0.

# %% tags=["task"] item="a4" functions=["metropolis_hastings", "autocorrelation"]
import math

from reference.samplers import (
    MetropolisInfo,
    MetropolisState,
    autocorrelation,
    metropolis_hastings,
    metropolis_init,
    metropolis_step,
)

# %% [markdown] tags=["explain"] item="a4"
# One chain for each step size, all from the origin; the first 5,000 iterations are dropped and every fifth of
# the rest is kept.

# %% tags=["task"] item="a4" values=["mh_results"]
#: mh_results: {0.1: {"chain": (50000, 2), "draws": (9000, 2), "acceptance_rate": float}, 0.5: ..., 1.5: ...}
mh_results = {}
for step in (0.1, 0.5, 1.5):
    chain, rate = metropolis_hastings(mixture_log_density, 50_000, step, np.zeros(2), rng)
    mh_results[step] = {"chain": chain, "draws": chain[5_000::5], "acceptance_rate": rate}
    print(f"Metropolis-Hastings, s = {step}: acceptance rate {rate:.4f}")

# %% [markdown] tags=["explain"] item="a4"
# Trace and autocorrelation of $x_1$ for $s = 0.5$, both of the draws that were kept: lag 1 is 5 iterations.

# %% tags=["task"] item="a4" values=["mh_acf"]
#: Figures, for s = 0.5: the trace of x_1, and the autocorrelation of x_1 for the lags 0 to 50.
#: mh_acf: (51,): the autocorrelation of x_1 for s = 0.5
trace = mh_results[0.5]["draws"][:, 0]
mh_acf = autocorrelation(trace, 50)
fig, (top, bottom) = plt.subplots(2, 1, figsize=(8, 6), layout="constrained")
top.plot(trace, linewidth=0.5)
top.set(title="Metropolis-Hastings, s = 0.5: trace of $x_1$", xlabel="draw kept", ylabel="$x_1$")
bottom.bar(np.arange(51), mh_acf, width=0.6)
bottom.set(title="Autocorrelation of $x_1$, s = 0.5", xlabel="lag (draws kept)", ylabel=r"$\rho(k)$")
plt.show()

# %% [markdown] tags=["given"] item="a4"
# **Question (A4).** How does the step size change the acceptance rate and the mixing of the chain? Comment
# briefly, with your numbers.

# %% [markdown] tags=["answer"] item="a4"
# The smaller the step, the more proposals are accepted (about 94 % for $s = 0.1$, 73 % for $0.5$, 41 % for
# $1.5$), but a high acceptance rate is not good mixing. With $s = 0.1$ the chain creeps: it needs thousands of
# iterations to get from one component to another, so 50,000 iterations hold only a few independent visits and its
# averages are not to be trusted. With $s = 0.5$ it explores a component well but changes between components
# rarely: the trace shows long stays, and the autocorrelation is still about 0.2 at lag 50 (250 iterations). With
# $s = 1.5$ more than half of the proposals are rejected, yet the accepted moves are large enough to cross the valleys:
# it mixes best of the three.

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
# A Gibbs sampler with a systematic scan: one iteration draws $x_1$ given $x_2$, then $x_2$ given the new $x_1$.

# %% tags=["task"] item="a5" functions=["gibbs_sample"]
from reference.samplers import GibbsState, gibbs_init, gibbs_sample, gibbs_step

# %% [markdown] tags=["explain"] item="a5"
# The chain from the origin for correlation 0.9, the draws after burn-in and thinning, and the autocorrelation of
# $x_1$ of these draws: lag 1 is 5 iterations.

# %% tags=["task"] item="a5" values=["gibbs_chain", "gibbs_draws", "gibbs_acf"]
#: gibbs_chain: (50000, 2) float64: the state after each iteration
#: gibbs_draws: (9000, 2) float64: after burn-in and thinning
#: gibbs_acf: (51,): the autocorrelation of x_1
gibbs_chain = gibbs_sample(50_000, 0.9, np.zeros(2), rng)
gibbs_draws = gibbs_chain[5_000::5]
gibbs_acf = autocorrelation(gibbs_draws[:, 0], 50)
print(
    f"Gibbs: correlation of the draws {np.corrcoef(gibbs_draws.T)[0, 1]:.4f}, ACF at lag 1 {gibbs_acf[1]:.4f}"
)

# %% [markdown] tags=["explain"] item="a5"
# The autocorrelation of $x_1$ and the draws, which lie along the diagonal as the correlation of 0.9 demands.

# %% tags=["task"] item="a5"
#: Figures: the autocorrelation of x_1 for the lags 0 to 50, and a scatter of gibbs_draws.
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
left.bar(np.arange(51), gibbs_acf, width=0.6)
left.set(title="Gibbs: autocorrelation of $x_1$", xlabel="lag (draws kept)", ylabel=r"$\rho(k)$")
right.scatter(gibbs_draws[:, 0], gibbs_draws[:, 1], s=3, alpha=0.3)
right.set(title="Gibbs: draws", xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
plt.show()

# %% [markdown] tags=["given"] item="a5"
# **Question (A5).** How well does this sampler mix, and what decides that? Comment briefly, with your numbers.

# %% [markdown] tags=["answer"] item="a5"
# It mixes well. No proposal is ever rejected, and the autocorrelation of $x_1$ falls geometrically: each iteration
# multiplies it by $\rho^2 = 0.81$, so after thinning by 5 it is about $0.81^5 = 0.35$ at lag 1 and lost in the noise
# from lag 4 or 5 on. The correlation decides: the conditionals have a standard deviation of only
# $\sqrt{1 - 0.9^2} = 0.44$, so the chain moves along the diagonal in small axis-parallel steps; nearer to
# $\rho = 1$ it would mix as slowly as Metropolis–Hastings with a small step. One iteration is worth
# $(1 - 0.81)/(1 + 0.81) \approx 0.1$ independent draws.
