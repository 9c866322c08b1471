"""Classical sampling methods in two dimensions, in float64, with the generator passed in.

Samplers are pure: `*_init` makes a state, `*_step` returns the next state (and an info where there is
something to diagnose) and changes nothing but the generator. The functions that students write are drivers
over them; their docstrings are what a student reads, so they say what to return and not how.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference.aml_a3.settings import COVARIANCES, MEANS, WEIGHTS

Array = NDArray[np.float64]
Density = Callable[[Array], Array]


# ------------------------------------------------------------------ target


class GaussianMixture(NamedTuple):
    """A mixture of k Gaussians in d dimensions, factorised once for many evaluations."""

    log_scales: Array  # (k,): log pi_k - log |Sigma_k| / 2 - (d / 2) log 2 pi
    means: Array  # (k, d)
    whiteners: Array  # (k, d, d): W_k with W_k Sigma_k W_k^T = I


def gaussian_mixture(weights: Array, means: Array, covariances: Array) -> GaussianMixture:
    """Return the factorised mixture.

    Parameters
    ----------
    weights, means, covariances
        Shapes (k,), (k, d) and (k, d, d); the weights are positive and sum to 1.

    Raises
    ------
    numpy.linalg.LinAlgError
        A covariance is not positive definite.
    """
    cholesky = np.linalg.cholesky(covariances)  # (k, d, d)
    log_dets = 2.0 * np.sum(np.log(np.diagonal(cholesky, axis1=-2, axis2=-1)), axis=-1)  # (k,)
    log_scales = np.log(weights) - 0.5 * (log_dets + means.shape[-1] * np.log(2.0 * np.pi))
    return GaussianMixture(log_scales, means, np.linalg.inv(cholesky))


def gaussian_mixture_log_density(x: Array, mixture: GaussianMixture) -> Array:
    """Return log sum_k pi_k N(x | mu_k, Sigma_k), by log-sum-exp over the components.

    Parameters
    ----------
    x
        Points (..., d).

    Returns
    -------
    Array
        Shape (...); finite far out in the tails, where the density itself underflows.
    """
    deviations = np.asarray(x, dtype=np.float64)[..., None, :] - mixture.means  # (..., k, d)
    whitened = np.matmul(mixture.whiteners, deviations[..., None])[..., 0]  # (..., k, d)
    log_components = mixture.log_scales - 0.5 * np.add.reduce(whitened * whitened, axis=-1)  # (..., k)
    log_p: Array = np.logaddexp.reduce(log_components, axis=-1)
    return log_p


def log_density(x: Array, weights: Array, means: Array, covariances: Array) -> Array:
    """Return the log density (...) of a Gaussian mixture at the points x (..., d)."""
    return gaussian_mixture_log_density(x, gaussian_mixture(weights, means, covariances))


TARGET = gaussian_mixture(WEIGHTS, MEANS, COVARIANCES)


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
    return gaussian_mixture_log_density(x, TARGET)


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


# ------------------------------------------------------------------ independent draws


def proposal_log_density(x: Array, sigma: float) -> Array:
    """Return log N(x | 0, sigma^2 I), shape (...), at the points x (..., 2)."""
    log_q: Array = -0.5 * np.sum(x * x, axis=-1) / sigma**2 - np.log(2.0 * np.pi * sigma**2)
    return log_q


class RejectionInfo(NamedTuple):
    """What became of a batch of n proposals."""

    acceptance_probability: Array  # (n,): min(1, p / (c q))
    is_accepted: NDArray[np.bool_]  # (n,)


def rejection_step(
    density: Density, n: int, c: float, sigma: float, rng: np.random.Generator
) -> tuple[Array, RejectionInfo]:
    """Return n proposals (n, 2) from N(0, sigma^2 I) and which of them are accepted.

    Where c is no envelope (p > c q somewhere) the accepted draws follow min(p, c q), not p.
    """
    proposals = sigma * rng.standard_normal((n, 2))  # (n, 2)
    q = np.exp(proposal_log_density(proposals, sigma))  # (n,)
    acceptance_probability = np.minimum(1.0, density(proposals) / (c * q))  # (n,)
    is_accepted = rng.random(n) < acceptance_probability
    return proposals, RejectionInfo(acceptance_probability, is_accepted)


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
    if n_accept < 0 or c <= 0.0 or sigma <= 0.0:
        raise ValueError(f"expected n_accept >= 0, c > 0, sigma > 0; got {n_accept}, {c}, {sigma}")
    batches: list[Array] = []
    n_accepted = 0
    n_proposals = 0
    n_batch = max(1_000, n_accept)
    while n_accepted < n_accept:
        proposals, info = rejection_step(density, n_batch, c, sigma, rng)
        accepted = np.flatnonzero(info.is_accepted)[: n_accept - n_accepted]
        batches.append(proposals[accepted])
        n_accepted += len(accepted)
        # Proposals after the last draw that was needed do not count.
        n_proposals += n_batch if n_accepted < n_accept else int(accepted[-1]) + 1
    samples = np.concatenate(batches) if batches else np.empty((0, 2))
    return samples, n_proposals


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
    draws = sigma * rng.standard_normal((n_draws, 2))  # (n, 2)
    log_weights = log_density(draws) - proposal_log_density(draws, sigma)  # (n,)
    return draws, log_weights


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
    largest = np.max(weights, initial=0.0)
    if largest == 0.0:
        return 0.0
    scaled = np.asarray(weights, dtype=np.float64) / largest  # squares of huge or tiny weights stay finite
    return float(np.sum(scaled) ** 2 / np.sum(scaled**2))


# ------------------------------------------------------------------ Markov chains


class MetropolisState(NamedTuple):
    """What the next step needs."""

    position: Array  # (d,)
    log_density: float


class MetropolisInfo(NamedTuple):
    """What happened in one step."""

    proposal: Array  # (d,)
    acceptance_probability: float  # min(1, p(proposal) / p(position))
    is_accepted: bool


def metropolis_init(position: Array, log_density: Density) -> MetropolisState:
    """Return the state at `position` (d,).

    Raises
    ------
    ValueError
        The density is zero (or not a number) there: no ratio to the start exists.
    """
    start = np.asarray(position, dtype=np.float64)
    log_p = float(log_density(start))
    if not math.isfinite(log_p):
        raise ValueError(f"expected a start where the density is positive; log p({start}) is {log_p}")
    return MetropolisState(start, log_p)


def metropolis_step(
    state: MetropolisState, log_density: Density, step: float, rng: np.random.Generator
) -> tuple[MetropolisState, MetropolisInfo]:
    """Return the state after one random-walk proposal N(position, step^2 I) (Metropolis et al. 1953)."""
    proposal = state.position + step * rng.standard_normal(state.position.shape)  # (d,)
    log_p = float(log_density(proposal))
    log_ratio = log_p - state.log_density
    acceptance_probability = math.exp(min(0.0, log_ratio))
    is_accepted = rng.random() < acceptance_probability
    next_state = MetropolisState(proposal, log_p) if is_accepted else state
    return next_state, MetropolisInfo(proposal, acceptance_probability, is_accepted)


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
    state = metropolis_init(x0, log_density)
    chain = np.empty((n_iter, len(state.position)))
    n_accepted = 0
    for t in range(n_iter):
        state, info = metropolis_step(state, log_density, step, rng)
        chain[t] = state.position
        n_accepted += info.is_accepted
    return chain, n_accepted / n_iter


class GibbsState(NamedTuple):
    """Both coordinates of the chain."""

    x1: float
    x2: float


def gibbs_init(position: Array) -> GibbsState:
    """Return the state at `position` (2,)."""
    return GibbsState(float(position[0]), float(position[1]))


def gibbs_step(state: GibbsState, rho: float, rng: np.random.Generator) -> GibbsState:
    """Return the state after one sweep: x1 given x2, then x2 given the new x1 (Geman and Geman 1984)."""
    sd = math.sqrt(1.0 - rho**2)
    x1 = rho * state.x2 + sd * rng.standard_normal()
    x2 = rho * x1 + sd * rng.standard_normal()
    return GibbsState(x1, x2)


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
    if not -1.0 < rho < 1.0:
        raise ValueError(f"expected -1 < rho < 1, got {rho}")
    state = gibbs_init(x0)
    chain = np.empty((n_iter, 2))
    for t in range(n_iter):
        state = gibbs_step(state, rho, rng)
        chain[t] = state
    return chain


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
    if not 0 <= max_lag < len(x):
        raise ValueError(f"expected 0 <= max_lag < {len(x)} (the length of x), got {max_lag}")
    if np.ptp(x) == 0.0:
        return np.ones(max_lag + 1)
    centred = x - np.mean(x)
    covariances = [np.dot(centred[: len(x) - k], centred[k:]) for k in range(max_lag + 1)]
    acf: Array = np.array(covariances) / covariances[0]
    return acf
