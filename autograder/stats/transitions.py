"""Tests of a chain's transition kernel: exact however badly the chain mixes.

Given x_t, what x_{t+1} does has a known mean and variance. The differences to it are martingale increments:
their sum over its standard deviation is standard normal for a correct sampler, whether or not the chain has
found all modes. Chains must be recorded at every iteration (no thinning).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from autograder.stats.arrays import Density, FloatArray, positive, rows

GOLDEN = (5**0.5 - 1) / 2
BLOCK_NODES = 300_000


@dataclass(frozen=True)
class MetropolisZ:
    """z statistics of a random-walk Metropolis chain, each standard normal for a correct one."""

    moves: float
    """Number of moves against the sum of acceptance probabilities; positive: moves too often."""
    drift: tuple[float, float]
    """Steps of x1 and x2 away from the centre against their expectation; positive: drifts outwards."""
    squared_jump: float
    """Squared jump lengths against their expectation; positive: jumps too far or too often."""
    p_value: float
    """Smallest two-sided p-value times 4, at most 1 (Bonferroni)."""
    observed_rate: float
    expected_rate: float
    n_transitions: int


class OneStep(NamedTuple):
    """Conditional expectations over one proposal at each state."""

    acceptance: FloatArray
    """E[a], (n,)."""
    drift: FloatArray
    """E[e a], (n, 2)."""
    drift2: FloatArray
    """E[e_j^2 a], (n, 2)."""
    jump4: FloatArray
    """E[|e|^4 a], (n,)."""


def _proposals(n_states: int, step: float, n_nodes: int) -> Iterator[tuple[slice, FloatArray]]:
    """Blocks of states with their proposal steps e (b, n_nodes, 2) ~ N(0, step^2 I).

    A Fibonacci lattice over (radius quantile, angle), turned and shifted at random for each state: every
    state's average is unbiased, and errors of different states are independent.
    """
    rng = np.random.default_rng(20240229)  # fixed: the same chain always gets the same verdict
    nodes = np.arange(n_nodes)
    angle = 2 * np.pi * GOLDEN * nodes
    per_block = max(1, BLOCK_NODES // n_nodes)
    for start in range(0, n_states, per_block):
        part = slice(start, min(start + per_block, n_states))
        shift, turn = rng.random((2, part.stop - part.start, 1))
        radius = step * np.sqrt(-2 * np.log1p(-(nodes + shift) / n_nodes))
        theta = angle + 2 * np.pi * turn
        yield part, radius[..., None] * np.stack([np.cos(theta), np.sin(theta)], axis=-1)


def _one_step(log_density: Density, states: FloatArray, step: float, n_nodes: int) -> OneStep:
    n = len(states)
    here = np.asarray(log_density(states), dtype=np.float64)
    if here.shape != (n,) or not np.all(np.isfinite(here)):
        raise ValueError(
            "chain: expected states with a finite log density (n,); one has density 0, or NaN came back"
        )
    result = OneStep(np.empty(n), np.empty((n, 2)), np.empty((n, 2)), np.empty(n))
    for part, e in _proposals(n, step, n_nodes):
        there = log_density(states[part, None, :] + e)
        a = np.exp(np.minimum(there - here[part, None], 0.0))
        e2 = e**2
        result.acceptance[part] = a.mean(axis=1)
        result.drift[part] = np.einsum("bm,bmj->bj", a, e) / n_nodes
        result.drift2[part] = np.einsum("bm,bmj->bj", a, e2) / n_nodes
        result.jump4[part] = np.einsum("bm,bm->b", a, e2.sum(axis=-1) ** 2) / n_nodes
    return result


def one_step_acceptance(
    log_density: Density, states: npt.ArrayLike, step: float, n_nodes: int = 512
) -> FloatArray:
    """Return E[min(1, p(x + e) / p(x))], e ~ N(0, step^2 I), at each state: (n,) in (0, 1].

    A randomly shifted lattice per state: unbiased, and for 512 nodes within 0.004 of the value on
    the mixture of aml-a3 (the integrand has a kink), with 64 within 0.03.

    Parameters
    ----------
    log_density : log p up to a constant, (..., 2) -> (...,)
    states : (n, 2)
    step : standard deviation of the proposal's step, > 0
    n_nodes : proposals per state, >= 8

    Raises
    ------
    ValueError
        If states are not a finite (n, 2) table, have density 0, or a parameter is out of range.
    """
    if n_nodes < 8:
        raise ValueError(f"n_nodes: expected at least 8, got {n_nodes}")
    return _one_step(log_density, rows(states, "states", 2), positive(step, "step"), n_nodes).acceptance


def metropolis_z(
    log_density: Density,
    chain: npt.ArrayLike,
    step: float,
    centre: tuple[float, float] = (0.0, 0.0),
    max_transitions: int = 50_000,
    n_nodes: int = 64,
) -> MetropolisZ:
    """Return z statistics of x' = x + e, e ~ N(0, step^2 I), accepted with min(1, p(x') / p(x)).

    With a = min(1, p(x + e) / p(x)), for each kept transition: the move has mean E[a] and variance
    E[a] (1 - E[a]); the step of x_j mean E[e_j a] and variance E[e_j^2 a] - E[e_j a]^2; the squared jump mean
    E[|e|^2 a] and variance E[|e|^4 a] - E[|e|^2 a]^2. Each sum of differences is divided by the root of the
    sum of variances. Steps are counted away from the centre by the sign of x_j - centre_j alone: weights that
    grow with the distance would make the statistic of a slow chain that of Dickey and Fuller, not normal.

    Parameters
    ----------
    log_density : log p up to a constant, (..., 2) -> (...,)
    chain : (n, 2), every iteration recorded, rejected ones as repeated rows
    step : standard deviation of the proposal's step, > 0
    centre : point from which outwards is counted; any point fixed beforehand is right
    max_transitions : of the chain's n - 1 transitions at most so many are used, evenly spaced
    n_nodes : proposals per transition; averages are unbiased, so that few suffice

    Raises
    ------
    ValueError
        If the chain is not a finite (n, 2) table with n >= 100, visits states of density 0, or a parameter
        is out of range.
    """
    states = rows(chain, "chain", 2, at_least=100)
    n_used = min(len(states) - 1, max_transitions)
    if n_used < 50 or n_nodes < 8:
        raise ValueError(f"expected max_transitions >= 50 and n_nodes >= 8, got {max_transitions}, {n_nodes}")
    at = np.linspace(0, len(states) - 2, n_used).astype(np.int64)
    here, moved = states[at], states[at + 1] - states[at]
    one = _one_step(log_density, here, positive(step, "step"), n_nodes)
    is_move = np.any(moved != 0, axis=1)
    side = np.where(here >= np.asarray(centre, dtype=np.float64), 1.0, -1.0)
    jump2 = one.drift2.sum(axis=1)

    z_moves = _z(is_move - one.acceptance, one.acceptance * (1 - one.acceptance))
    outwards, variance = side * (moved - one.drift), one.drift2 - one.drift**2
    z_drift = [_z(outwards[:, j], variance[:, j]) for j in (0, 1)]
    z_jump = _z((moved**2).sum(axis=1) - jump2, one.jump4 - jump2**2)
    largest = max(abs(z) for z in (z_moves, *z_drift, z_jump))
    return MetropolisZ(
        moves=z_moves,
        drift=(z_drift[0], z_drift[1]),
        squared_jump=z_jump,
        p_value=min(1.0, 4 * two_sided(largest)),
        observed_rate=float(is_move.mean()),
        expected_rate=float(one.acceptance.mean()),
        n_transitions=n_used,
    )


def two_sided(z: float) -> float:
    """Return P(|Z| >= |z|) for a standard normal Z.

    Examples
    --------
    >>> round(two_sided(1.959964), 6)
    0.05
    """
    return float(2 * scipy.stats.norm.sf(abs(z)))


def z_limit(rate: float) -> float:
    """Return z with P(|Z| >= z) = rate for a standard normal Z.

    Examples
    --------
    >>> round(z_limit(0.05), 4)
    1.96
    """
    return float(scipy.stats.norm.isf(rate / 2))


def _z(increments: FloatArray, variances: FloatArray) -> float:
    """Sum of martingale increments over the root of the sum of their conditional variances."""
    total = float(variances.sum())
    if total <= 0:
        raise ValueError("chain: expected transitions with some randomness, got a sum of variances of 0")
    return float(increments.sum()) / float(np.sqrt(total))
