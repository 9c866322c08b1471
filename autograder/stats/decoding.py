"""Laws of decoders on a language model whose probabilities are known by rank, and tests of draws against them.

After any token the token of rank r = 0, 1, ... has q_r proportional to (r + 1)^(-s); token j has rank
(a j + b previous + c) mod V. At temperature T the law is q^(1/T), normalised. Top-k keeps ranks below k (Fan et al.
2018); the nucleus keeps the fewest ranks whose mass reaches p (Holtzman et al. 2020, section 3.1: `inclusive`), or
those whose mass up to and with them stays below p (`strict`, one rank fewer).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from autograder.stats.arrays import FloatArray

IntArray = npt.NDArray[np.int64]
LEAST_EXPECTED = 10.0


def coprime(a: int, n: int) -> int:
    """Return the first number from a on that has no divisor in common with n.

    >>> coprime(5, 65), coprime(7, 65)
    (6, 7)
    """
    return a if math.gcd(a, n) == 1 else coprime(a + 1, n)


def ranks_of(
    tokens: npt.ArrayLike, previous: npt.ArrayLike, vocab_size: int, a: int, b: int, c: int
) -> IntArray:
    """Return the rank of each token after its predecessor, in 0..V-1 (0: the most probable)."""
    step = coprime(a, vocab_size)
    ranks: IntArray = (step * np.asarray(tokens) + b * np.asarray(previous) + c) % vocab_size
    return ranks


def law_of_ranks(vocab_size: int, exponent: float, temperature: float = 1.0) -> FloatArray:
    """Return the probability of each rank (V,), falling."""
    law: FloatArray = scipy.special.softmax(-exponent / temperature * np.log(np.arange(1, vocab_size + 1)))
    return law


def truncated(law: FloatArray, n: int) -> FloatArray:
    """Return the law of the n first ranks, normalised; the rest is 0."""
    kept = np.where(np.arange(len(law)) < n, law, 0.0)
    result: FloatArray = kept / kept.sum()
    return result


def nucleus_sizes(law: FloatArray, p: float, margin: float = 1e-6) -> tuple[int, int]:
    """Return how many ranks the strict and the inclusive nucleus keep; at least one each.

    At a tie, where the mass of some ranks is p to within the margin, the larger of the two sets is one more.

    >>> nucleus_sizes(np.array([0.5, 0.3, 0.2]), 0.7)
    (1, 2)
    """
    mass = np.cumsum(law)
    inclusive = int(np.searchsorted(mass, p - margin) + 1)
    strict = int(np.searchsorted(mass, p + margin))
    above = int(np.searchsorted(mass, p + margin) + 1)
    return max(1, min(strict, inclusive - 1)), min(len(law), max(inclusive, above))


class GTest(NamedTuple):
    """A likelihood-ratio test of counts against a law."""

    statistic: float
    n_cells: int
    p_value: float


def g_test(ranks: npt.ArrayLike, law: FloatArray) -> GTest:
    """Return the G-test of drawn ranks against a law, G = 2 sum O log(O / E), with Williams' correction.

    Neighbouring ranks are put together until each cell expects at least 10 draws, where the
    chi-squared tail holds down to 1e-4 (Sokal and Rohlf 1995, section
    17.2). A rank of probability 0 that was drawn gives p = 0.

    Raises
    ------
    ValueError
        No draws.
    """
    drawn = np.asarray(ranks, dtype=np.int64)
    if not len(drawn):
        raise ValueError("expected draws, got none")
    counts = np.bincount(drawn, minlength=len(law)).astype(float)
    if np.any(counts[: len(law)][law == 0]) or len(counts) > len(law):
        return GTest(math.inf, 0, 0.0)
    observed, expected = _pooled(counts, law * len(drawn))
    if len(expected) < 2:
        return GTest(0.0, len(expected), 1.0)
    positive = observed > 0
    statistic = 2 * float(np.sum(observed[positive] * np.log(observed[positive] / expected[positive])))
    n, k = float(len(drawn)), len(expected)
    correction = 1 + (np.sum(n / expected) - 1) / (6 * n * (k - 1))
    statistic /= float(correction)
    return GTest(statistic, k, float(scipy.stats.chi2.sf(statistic, k - 1)))


def _pooled(observed: FloatArray, expected: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Neighbouring cells put together until each expects enough; what is left at the end joins the last cell."""
    cells: list[list[float]] = []
    waiting = [0.0, 0.0]
    for o, e in zip(observed, expected, strict=True):
        waiting = [waiting[0] + o, waiting[1] + e]
        if waiting[1] >= LEAST_EXPECTED:
            cells.append(waiting)
            waiting = [0.0, 0.0]
    if cells:
        cells[-1] = [cells[-1][0] + waiting[0], cells[-1][1] + waiting[1]]
    else:
        cells = [waiting]
    table = np.array(cells)
    return table[:, 0], table[:, 1]


def temperature_of(ranks: npt.ArrayLike, exponent: float, n_kept: int) -> float:
    """Return the temperature that draws from the first n_kept ranks imply (maximum likelihood), inf for uniform draws.

    The mean of log(rank + 1) is the sufficient statistic: the temperature is the one whose law has the same mean.
    """
    logs = np.log(np.arange(1, n_kept + 1))
    mean = float(np.mean(np.log(np.asarray(ranks, dtype=float) + 1)))
    low, high = 1e-3, 1e3

    def mean_at(temperature: float) -> float:
        return float(truncated(law_of_ranks(n_kept, exponent, temperature), n_kept) @ logs)

    if mean >= mean_at(high):
        return math.inf
    for _ in range(100):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if mean_at(middle) < mean else (low, middle)
    return math.sqrt(low * high)


def law_in(values: npt.ArrayLike) -> FloatArray | None:
    """Return the law that a vector of logits, log-probabilities or probabilities (normalised or not) stands for.

    Ruled out are entries of 0 among probabilities, and of -inf or of below -1e4 among logits. None when nothing is left.
    """
    x = np.asarray(values, dtype=np.float64).reshape(-1)
    if np.any(np.isnan(x)) or np.any(x == np.inf):
        return None
    is_weights = x.sum() < 1 + 1e-3 or (x.max() <= 1 and np.any(x == 0))
    if np.all(x >= 0) and np.any(x > 0) and is_weights:
        law: FloatArray = x / x.sum()
        return law
    kept = x > -1e4
    if not np.any(kept):
        return None
    masked: FloatArray = scipy.special.softmax(np.where(kept, x, -np.inf))
    return masked
