"""Self-normalised importance sampling: estimates from weights, and what they should be.

Weights w_i = p(x_i) / q(x_i), normalised w~_i = w_i / sum w, mu = sum w~_i f_i, V = sum w~_i (f_i - mu)^2.
"Weighted sample variance" has several legitimate readings; each has its own name here and its own truth:

=============  ==========================================  ==============================================
name           value                                       reading
=============  ==========================================  ==============================================
population     V                                           variance of f under p
reliability    V / (1 - sum w~_i^2)                        the same, corrected (np.cov with aweights)
frequency      V W / (W - 1), W = sum w_i                  the same, weights as counts
estimator      sum w~_i^2 (f_i - mu)^2                     variance of mu (delta method)
per_ess        V / ESS                                     variance of mu, by the effective sample size
asymptotic     n sum w~_i^2 (f_i - mu)^2                   variance of sqrt(n) mu
=============  ==========================================  ==============================================

Sources: Owen (2013), Monte Carlo theory, methods and examples, section 9.2-9.3; Kish (1965).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autograder.stats.arrays import Density, FloatArray, finite, positive, series
from autograder.stats.planes import bounding_box, on_lattice
from autograder.stats.rejection import REACH, proposal_density

CONVENTIONS = ("population", "reliability", "frequency", "estimator", "per_ess", "asymptotic")


class Truth(NamedTuple):
    """The value that an estimate has for many draws, and the estimate's standard deviation at n draws."""

    value: float
    sd: float


def ess_weights(weights: npt.ArrayLike) -> float:
    """Return Kish's effective sample size (sum w)^2 / sum w^2, in [1, n]; higher is better.

    The scale of the weights does not matter; sums are taken over w / max w, so that neither overflows.

    Raises
    ------
    ValueError
        If the weights are empty, not finite, negative, or all zero.

    Examples
    --------
    >>> ess_weights([2.0, 2.0, 0.0, 0.0])
    2.0
    """
    w = series(weights, "weights")
    if w.min() < 0 or w.max() == 0:
        raise ValueError("weights: expected values >= 0 that are not all 0")
    w = w / w.max()
    return float(w.sum() ** 2 / np.sum(w**2))


def ess_log_weights(log_weights: npt.ArrayLike) -> float:
    """Return :func:`ess_weights` of exp(log_weights); -inf is a weight of zero.

    Raises
    ------
    ValueError
        If the log weights are empty, NaN or +inf, or all -inf.
    """
    return ess_weights(np.exp(_shifted(log_weights)))


def _shifted(log_weights: npt.ArrayLike) -> FloatArray:
    """Log weights (n,) minus their maximum."""
    given = np.asarray(log_weights, dtype=np.float64)
    series(np.where(given == -np.inf, 0.0, given), "log_weights")
    if given.max() == -np.inf:
        raise ValueError("log_weights: expected at least one weight > 0, got -inf only")
    return np.asarray(given - given.max(), dtype=np.float64)


def self_normalised_estimate(log_weights: npt.ArrayLike, f: npt.ArrayLike) -> float:
    """Return sum w_i f_i / sum w_i.

    Parameters
    ----------
    log_weights : (n,) in nats, any common constant added; -inf is a weight of zero
    f : (n,) values of the function at the draws

    Raises
    ------
    ValueError
        If the shapes differ, a value is NaN or infinite, or all weights are zero.

    Examples
    --------
    >>> round(self_normalised_estimate(np.log([1.0, 3.0]), [0.0, 1.0]), 12)
    0.75
    """
    w = np.exp(_shifted(log_weights))
    values = series(f, "f")
    if len(values) != len(w):
        raise ValueError(f"f: expected one value per weight, {len(w)}, got {len(values)}")
    return float(w @ values / w.sum())


def weighted_variances(log_weights: npt.ArrayLike, f: npt.ArrayLike) -> dict[str, float]:
    """Return the weighted variance of f under every name of :data:`CONVENTIONS` (formulas above).

    A convention that is undefined for these weights (reliability with a single positive weight, frequency
    with a total weight of at most 1) is NaN. Parameters, Raises: as :func:`self_normalised_estimate`.
    """
    mean = self_normalised_estimate(log_weights, f)
    shifted = _shifted(log_weights)
    w = np.exp(shifted)
    share = w / w.sum()
    deviation2 = (np.asarray(f, dtype=np.float64) - mean) ** 2
    population, squares = float(share @ deviation2), float(share @ share)
    with np.errstate(over="ignore"):
        excess = -np.expm1(-(float(np.max(np.asarray(log_weights))) + np.log(w.sum())))  # 1 - 1 / W
    estimator = float(share**2 @ deviation2)
    return {
        "population": population,
        "reliability": population / (1 - squares) if squares < 1 else float("nan"),
        "frequency": population / float(excess) if excess > 0 else float("nan"),
        "estimator": estimator,
        "per_ess": population * squares,
        "asymptotic": estimator * len(w),
    }


def truths(target: Density, sigma: float, f: Density, n: int, step: float = 0.02) -> dict[str, Truth]:
    """Return what `n` draws from q = N(0, sigma^2 I) should give for "mean", "ess" and each variance.

    Values to leading order in 1/n, standard deviations by the delta method: the influence function of each
    estimate, squared and integrated under q on a grid.

    Parameters
    ----------
    target : density p of the plane, (..., 2) -> (...,)
    sigma : standard deviation of the proposal, > 0
    f : function (..., 2) -> (...,)
    n : number of draws, >= 2

    Returns
    -------
    dict
        "mean", "ess" and the names of :data:`CONVENTIONS` to :class:`Truth`.

    Raises
    ------
    ValueError
        If sigma is not positive, n < 2, the target does not integrate to 1 within 1e-4, or the tails of
        p^4 / q^3 do not vanish inside 8 sigmas (the spread of the ESS is then infinite, or unknown).
    """
    sigma = positive(sigma, "sigma")
    if n < 2:
        raise ValueError(f"n: expected at least 2 draws, got {n}")
    at, q, p = _quadrature(target, sigma, step)
    w = np.divide(p, q, out=np.zeros_like(p), where=q > 0)
    values = finite(f(at), "f")

    def mean_q(g: FloatArray) -> float:
        return float(g @ q)

    mu = mean_q(w * values)
    dev2 = (values - mu) ** 2
    variance, second, spread = mean_q(w * dev2), mean_q(w**2), mean_q(w**2 * dev2)
    skew = mean_q(w**2 * (values - mu))
    # Influence functions: the first-order effect of one draw on n times the estimate.
    of_mean = w * (values - mu)
    of_variance = w * (dev2 - variance)
    of_ess = (2 * (w - 1) - (w**2 / second - 1)) / second
    of_spread = w**2 * dev2 - spread - 2 * spread * (w - 1) - 2 * skew * of_mean
    of_per_ess = second * of_variance + variance * (w**2 - second - 2 * second * (w - 1))

    def sd(influence: FloatArray) -> float:
        return float(np.sqrt(mean_q(influence**2) / n))

    reliability, frequency = 1 / (1 - second / n), n / (n - 1)
    return {
        "mean": Truth(mu, sd(of_mean)),
        "population": Truth(variance, sd(of_variance)),
        "reliability": Truth(variance * reliability, sd(of_variance) * reliability),
        "frequency": Truth(variance * frequency, sd(of_variance) * frequency),
        "estimator": Truth(spread / n, sd(of_spread) / n),
        "per_ess": Truth(variance * second / n, sd(of_per_ess) / n),
        "asymptotic": Truth(spread, sd(of_spread)),
        "ess": Truth(n / second, n * sd(of_ess)),
    }


def _quadrature(target: Density, sigma: float, step: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points (m, 2) and the masses there of q and of p, (m,), on the box where p + p^4 / q^3 lives."""

    def heaviest(x: FloatArray) -> FloatArray:
        p, q = target(x), proposal_density(x, sigma)
        ratio = np.divide(p, q, out=np.zeros_like(p), where=q > 0)
        return np.asarray(p + p * np.minimum(ratio, 1e60) ** 3, dtype=np.float64)

    reach = REACH * sigma
    low, high = bounding_box(heaviest, reach)
    if np.any(low <= -reach) or np.any(high >= reach):
        raise ValueError(
            "target: expected p^4 / q^3 to vanish inside 8 sigmas; the tails of p are too heavy for q"
        )
    n1, n2 = (int(k) for k in np.ceil((high - low) / step) + 1)
    e1, e2 = np.array([step, 0.0]), np.array([0.0, step])
    at = low + np.arange(n1)[:, None, None] * e1 + np.arange(n2)[:, None] * e2
    p = on_lattice(target, low, e1, e2, n1, n2).ravel() * step**2
    if abs(p.sum() - 1) > 1e-4:
        raise ValueError(f"target: expected a density with integral 1, got {p.sum():.6g}")
    flat = at.reshape(-1, 2)
    return flat, proposal_density(flat, sigma) * step**2, p
