"""Which Gibbs sampler made this chain? Residuals of the conditionals, for each way to scan and to record.

For x ~ N(mean, covariance) on the plane the conditional of x_j given the other coordinate is normal with
known mean and variance, so that the standardised residuals of a correct chain are independent N(0, 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from autograder.stats.arrays import FloatArray, finite, rows


@dataclass(frozen=True)
class GibbsFit:
    """How well a chain fits one convention."""

    p_value: float
    """Of all tests together (Bonferroni); 0 where the rows do not even have the convention's structure."""
    legitimate: bool
    """False for the known mistake that this entry recognises."""
    has_structure: bool
    """Whether the coordinates that must stay, stay, and those that must move, move."""
    z: dict[str, float]
    """Test to z statistic, each standard normal under the convention."""
    variance_ratios: tuple[float, float]
    """Residual variance of x1 and x2 over the conditional variance: 1 when right, 1 - rho^2 when the variance
    was used as standard deviation."""
    n: int
    """Residuals used."""


class Update(NamedTuple):
    """Draws of one coordinate: new value, the other coordinate as given, own old value; (n,) each."""

    coordinate: int
    value: FloatArray
    given: FloatArray
    own: FloatArray


class Scan(NamedTuple):
    """A chain read by a convention."""

    updates: tuple[Update, Update]
    extra: dict[str, float]
    """z statistics of the convention itself."""


def _sweep(chain: FloatArray, first: int) -> Scan | None:
    old, new = chain[:-1], chain[1:]
    if np.any(old == new):
        return None
    a, b = first, 1 - first
    return Scan((Update(a, new[:, a], old[:, b], old[:, a]), Update(b, new[:, b], new[:, a], old[:, b])), {})


def _synchronous(chain: FloatArray) -> Scan | None:
    old, new = chain[:-1], chain[1:]
    if np.any(old == new):
        return None
    return Scan((Update(0, new[:, 0], old[:, 1], old[:, 0]), Update(1, new[:, 1], old[:, 0], old[:, 1])), {})


def _single(old: FloatArray, new: FloatArray, which: npt.NDArray[np.int64]) -> tuple[Update, Update]:
    def update(j: int) -> Update:
        mine = which == j
        return Update(j, new[mine, j], old[mine, 1 - j], old[mine, j])

    return update(0), update(1)


def _alternating(chain: FloatArray, first: int) -> Scan | None:
    old, new = chain[:-1], chain[1:]
    which = (np.arange(len(old)) + first) % 2
    expected = np.stack([which == 0, which == 1], axis=1)
    return Scan(_single(old, new, which), {}) if np.array_equal(old != new, expected) else None


def _random_scan(chain: FloatArray) -> Scan | None:
    old, new = chain[:-1], chain[1:]
    moved = old != new
    which = np.argmax(moved, axis=1)
    n = len(which)
    if not np.all(moved.sum(axis=1) == 1) or min(which.sum(), n - which.sum()) < 2:
        return None
    balance = (2 * float(which.sum()) - n) / n**0.5
    switches = (2 * float(np.sum(which[1:] != which[:-1])) - (n - 1)) / (n - 1) ** 0.5
    return Scan(_single(old, new, which), {"scan balance": balance, "scan switches": switches})


CONVENTIONS: dict[str, tuple[bool, Callable[[FloatArray], Scan | None]]] = {
    "sweep, x1 first": (True, lambda chain: _sweep(chain, 0)),
    "sweep, x2 first": (True, lambda chain: _sweep(chain, 1)),
    "every update, x1 first": (True, lambda chain: _alternating(chain, 0)),
    "every update, x2 first": (True, lambda chain: _alternating(chain, 1)),
    "random scan": (True, _random_scan),
    "both from the old state": (False, _synchronous),
}
"""Name to whether the convention is legitimate, and the reader of a chain (None: no such structure)."""


def gibbs_z(chain: npt.ArrayLike, mean: npt.ArrayLike, covariance: npt.ArrayLike) -> dict[str, GibbsFit]:
    """Return how well the chain fits each convention of :data:`CONVENTIONS`.

    Standardised residuals e_t of each coordinate are tested for mean 0, variance 1 (chi-square), no slope on
    the coordinate it was given and on its own old value, no correlation with the residual before, and normal
    shape (Kolmogorov-Smirnov). Take the convention with the largest p-value: for a correct chain its own has
    a p-value below alpha with probability at most alpha, if n is well above 1 / (1 - rho^2).

    Parameters
    ----------
    chain : (n, 2), every sweep or every update recorded, n >= 20
    mean : (2,)
    covariance : (2, 2), positive definite

    Raises
    ------
    ValueError
        If the chain is not a finite (n, 2) table with n >= 20, or mean or covariance is unfit.
    """
    states = rows(chain, "chain", 2, at_least=20)
    mu, cov = finite(mean, "mean"), finite(covariance, "covariance")
    if (
        mu.shape != (2,)
        or cov.shape != (2, 2)
        or cov[0, 1] != cov[1, 0]
        or np.any(np.linalg.eigvalsh(cov) <= 0)
    ):
        raise ValueError(
            f"expected mean (2,) and a positive definite covariance (2, 2), got {mu}, {cov.tolist()}"
        )
    centred = states - mu
    fits = {}
    for name, (legitimate, read) in CONVENTIONS.items():
        scan = read(centred)
        fits[name] = _fit(scan, cov, legitimate) if scan else _no_structure(legitimate, len(states) - 1)
    return fits


def _no_structure(legitimate: bool, n: int) -> GibbsFit:
    return GibbsFit(0.0, legitimate, False, {}, (float("nan"), float("nan")), n)


def _fit(scan: Scan, cov: FloatArray, legitimate: bool) -> GibbsFit:
    z, ratios = dict(scan.extra), {}
    residuals = []
    for j, value, given, own in scan.updates:
        slope = cov[j, 1 - j] / cov[1 - j, 1 - j]
        e = (value - slope * given) / np.sqrt(cov[j, j] - slope * cov[j, 1 - j])
        n, x = len(e), f"x{j + 1}"
        ratios[j] = float(np.mean(e**2))
        z[f"{x} mean"] = float(e.sum()) / n**0.5
        z[f"{x} variance"] = _as_z(float(np.sum(e**2)), n)
        z[f"{x} slope on the other"] = float(e @ given) / float(np.sqrt(given @ given))
        z[f"{x} slope on itself"] = float(e @ own) / float(np.sqrt(own @ own))
        z[f"{x} lag 1"] = float(e[1:] @ e[:-1]) / (n - 1) ** 0.5
        residuals.append(e)
    if len(residuals[0]) == len(residuals[1]):
        z["x1 with x2"] = float(residuals[0] @ residuals[1]) / len(residuals[0]) ** 0.5
    shape = float(scipy.stats.kstest(np.concatenate(residuals), "norm").pvalue)
    smallest = min(shape, *(float(2 * scipy.stats.norm.sf(abs(value))) for value in z.values()))
    p_value = min(1.0, smallest * (len(z) + 1))
    n_all = sum(len(e) for e in residuals)
    return GibbsFit(p_value, legitimate, True, z, (ratios[0], ratios[1]), n_all)


def _as_z(sum_squares: float, n: int) -> float:
    """Chi-square with n degrees of freedom as a z of the same tail probability, from the smaller tail."""
    below, above = scipy.stats.chi2.logcdf(sum_squares, n), scipy.stats.chi2.logsf(sum_squares, n)
    tail = min(below, above)
    if not np.isfinite(tail):  # beyond what the tail can express: the normal approximation is as large
        return float((sum_squares - n) / np.sqrt(2 * n))
    size = -float(scipy.stats.norm.ppf(np.exp(max(tail, -700.0))))
    return -size if below < above else size
