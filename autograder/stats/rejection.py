"""Rejection sampling on the plane as it is run: proposals of N(0, sigma^2 I), kept with min(1, p / (c q)).

Where p > c q the envelope is violated: the accepted draws then follow min(p, c q) / Z and not p, and a
proposal is accepted with probability Z / c and not 1 / c.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from autograder.stats.arrays import Density, FloatArray, positive
from autograder.stats.planes import Plane, bounding_box

REACH = 8.0
"""Half width of the scanned square in sigmas: the proposal's mass beyond is below 1e-13."""


class Supremum(NamedTuple):
    """The largest value of a function of the plane, and where it is."""

    value: float
    point: tuple[float, float]


def proposal_density(x: npt.ArrayLike, sigma: float) -> FloatArray:
    """Return q(x) = N(x | 0, sigma^2 I) on the plane, (..., 2) -> (...,)."""
    at = np.asarray(x, dtype=np.float64)
    radius2 = np.einsum("...i,...i->...", at, at)
    return np.asarray(np.exp(-0.5 * radius2 / sigma**2) / (2 * np.pi * sigma**2), dtype=np.float64)


def accepted_law(target: Density, c: float, sigma: float, step: float = 0.02) -> Plane:
    """Return the law of accepted draws, min(p, c q) / Z; `mass` is Z = integral of min(p, c q).

    Parameters
    ----------
    target : density p of the plane, (..., 2) -> (...,), in the scale in which c is meant
    c : envelope constant, > 0
    sigma : standard deviation of the proposal in both coordinates, > 0
    step : distance of the quadrature's points; the error of Z falls with its square

    Raises
    ------
    ValueError
        If c or sigma is not positive, or the quadrature has not converged.
    """
    c, sigma = positive(c, "c"), positive(sigma, "sigma")

    def kept(x: FloatArray) -> FloatArray:
        return np.minimum(target(x), c * proposal_density(x, sigma))

    low, high = bounding_box(kept, REACH * sigma)
    return Plane.from_density(kept, low, high, step)


def acceptance_rate(target: Density, c: float, sigma: float, step: float = 0.02) -> float:
    """Return E_q[min(1, p / (c q))], the probability of acceptance; 1 / c iff p <= c q everywhere.

    Parameters, Raises: as :func:`accepted_law`.
    """
    return accepted_law(target, c, sigma, step).mass / c


def envelope_supremum(target: Density, sigma: float) -> Supremum:
    """Return sup p / q and a point where it is reached: the smallest c that makes a valid envelope.

    The square of 8 sigmas is scanned with 401 x 401 points, then the best is refined (Nelder-Mead).

    Raises
    ------
    ValueError
        If sigma is not positive, or p / q is largest at the edge of the scan (the tails of p are heavier).
    """
    reach = REACH * positive(sigma, "sigma")

    def log_ratio(x: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            log_target = np.log(target(x))
        return np.asarray(log_target + 0.5 * np.einsum("...i,...i->...", x, x) / sigma**2, dtype=np.float64)

    axis = np.linspace(-reach, reach, 401)
    scan = log_ratio(np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1))
    i, j = np.unravel_index(int(np.argmax(scan)), scan.shape)
    if {int(i), int(j)} & {0, len(axis) - 1}:
        raise ValueError(
            "p / q: expected a maximum inside 8 sigmas, found it at the edge; the tails of p are heavier"
        )
    start = np.array([axis[i], axis[j]])
    found = scipy.optimize.minimize(
        lambda x: -float(log_ratio(x)), start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12}
    )
    value = float(np.exp(-found.fun)) * 2 * np.pi * sigma**2
    return Supremum(value, (float(found.x[0]), float(found.x[1])))
