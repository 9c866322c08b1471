"""Do draws on the plane follow a law? Tests with stated error rates, and the numbers that explain a refusal.

All p-values assume independent draws. For the draws of a chain use :mod:`autograder.stats.transitions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from autograder.stats.arrays import FloatArray, finite, positive, rows
from autograder.stats.planes import Cdf, Plane

DIRECTIONS: tuple[tuple[float, float], ...] = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0))
MIN_EXPECTED = 8.0


@dataclass(frozen=True)
class KsResult:
    """Kolmogorov-Smirnov over several statistics of the draws."""

    statistic: float
    """Largest distance of the two distribution functions, over all parts."""
    p_value: float
    """Smallest p-value times the number of parts, at most 1 (Bonferroni)."""
    part: str
    """The part with the smallest p-value."""
    p_values: dict[str, float]
    n: int


@dataclass(frozen=True)
class Cell:
    """A rectangle of the plane with the draws that it should hold and that it holds."""

    x: tuple[float, float]
    y: tuple[float, float]
    expected: float
    observed: int


@dataclass(frozen=True)
class CellsResult:
    """Pearson's chi-square over cells of nearly equal probability."""

    statistic: float
    df: int
    p_value: float
    worst: Cell
    """The cell with the largest (observed - expected)^2 / expected."""
    n: int


def _ks(parts: dict[str, tuple[FloatArray, Cdf]]) -> KsResult:
    distances = {}
    for name, (values, cdf) in parts.items():
        level = cdf(np.sort(values))
        n = len(level)
        distances[name] = float(
            max((np.arange(1, n + 1) / n - level).max(), (level - np.arange(n) / n).max())
        )
    p_values = {name: float(scipy.stats.kstwo.sf(d, n)) for name, d in distances.items()}
    part = min(p_values, key=lambda name: p_values[name])
    p_value = min(1.0, p_values[part] * len(p_values))
    return KsResult(max(distances.values()), p_value, part, p_values, n)


def ks_projections(
    draws: npt.ArrayLike,
    law: Plane | Callable[[tuple[float, float]], Cdf],
    directions: Sequence[tuple[float, float]] = DIRECTIONS,
) -> KsResult:
    """Return the Kolmogorov-Smirnov test of the projections u.x on several directions.

    Parameters
    ----------
    draws : (n, 2), independent
    law : a :class:`Plane`, or a function from a direction u to the distribution function of u.x
    directions : the u to test

    Raises
    ------
    ValueError
        If the draws are not a finite (n, 2) table with n >= 2, or no direction is given.
    """
    at = rows(draws, "draws", 2, at_least=2)
    if not directions:
        raise ValueError("directions: expected at least one, got none")
    cdf_of = law.marginal_cdf if isinstance(law, Plane) else law
    return _ks(
        {f"({u[0]:g}, {u[1]:g})": (at @ np.asarray(u, dtype=np.float64), cdf_of(u)) for u in directions}
    )


def cells_test(draws: npt.ArrayLike, law: Plane, n_cells: int = 64) -> CellsResult:
    """Return Pearson's chi-square test over about `n_cells` cells of nearly equal probability.

    The cells partition the plane; there are fewer of them for few draws, so that each expects at least 8.

    Raises
    ------
    ValueError
        If the draws are not a finite (n, 2) table with n >= 32, or n_cells < 4.
    """
    at = rows(draws, "draws", 2, at_least=int(4 * MIN_EXPECTED))
    if n_cells < 4:
        raise ValueError(f"n_cells: expected at least 4, got {n_cells}")
    n = len(at)
    # 5 % above the floor: cells are of nearly, not exactly, equal probability
    n_side = max(2, min(round(n_cells**0.5), int((n / (1.05 * MIN_EXPECTED)) ** 0.5)))
    edges_x, edges_y, probabilities = law.equal_cells(n_side)
    observed = np.zeros((n_side, n_side), dtype=np.int64)
    strip = np.searchsorted(edges_x[1:-1], at[:, 0], side="right")
    for i in range(n_side):
        row = np.searchsorted(edges_y[i, 1:-1], at[strip == i, 1], side="right")
        observed[i] = np.bincount(row, minlength=n_side)
    expected = n * probabilities
    terms = (observed - expected) ** 2 / expected
    i, j = (int(k) for k in np.unravel_index(int(np.argmax(terms)), terms.shape))
    x_range, y_range = (
        (float(edges_x[i]), float(edges_x[i + 1])),
        (float(edges_y[i, j]), float(edges_y[i, j + 1])),
    )
    worst = Cell(x_range, y_range, float(expected[i, j]), int(observed[i, j]))
    statistic, df = float(terms.sum()), n_side**2 - 1
    return CellsResult(statistic, df, float(scipy.stats.chi2.sf(statistic, df)), worst, n)


def gaussian_draws_test(draws: npt.ArrayLike, sd: float) -> KsResult:
    """Return the test that the rows are independent draws of N(0, sd^2 I).

    Kolmogorov-Smirnov of each coordinate against N(0, sd^2) and of the squared radius / sd^2 against
    chi-square with d degrees of freedom; Bonferroni over the parts, named "x1", "x2", ... and "radius".

    Parameters
    ----------
    draws : (n, d), n >= 2
    sd : standard deviation of every coordinate, > 0

    Raises
    ------
    ValueError
        If the draws are not a finite (n, d) table with n >= 2, or sd is not positive.
    """
    scaled = rows(draws, "draws", at_least=2) / positive(sd, "sd")
    n_dims = scaled.shape[1]
    parts: dict[str, tuple[FloatArray, Cdf]] = {
        f"x{k + 1}": (scaled[:, k], scipy.stats.norm.cdf) for k in range(n_dims)
    }
    parts["radius"] = (
        np.einsum("ni,ni->n", scaled, scaled),
        lambda t: np.asarray(scipy.stats.chi2.cdf(t, n_dims)),
    )
    return _ks(parts)


def mean_z(
    draws: npt.ArrayLike, truth_mean: npt.ArrayLike, truth_var: npt.ArrayLike, ess: npt.ArrayLike
) -> FloatArray:
    """Return z = (mean(draws) - truth_mean) / sqrt(truth_var / ess) per coordinate.

    Parameters
    ----------
    draws : (n,) or (n, d)
    truth_mean, truth_var : scalar or (d,)
    ess : effective sample size, scalar or (d,); n for independent draws

    Raises
    ------
    ValueError
        If the draws are empty or not finite, or a variance or an effective sample size is not positive.
    """
    mean = finite(draws, "draws").mean(axis=0)
    variance, size = finite(truth_var, "truth_var"), finite(ess, "ess")
    if np.any(variance <= 0) or np.any(size <= 0):
        raise ValueError(f"truth_var, ess: expected values > 0, got {variance.tolist()}, {size.tolist()}")
    return np.asarray((mean - finite(truth_mean, "truth_mean")) / np.sqrt(variance / size), dtype=np.float64)
