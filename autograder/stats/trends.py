"""Whether a loss falls, and whether outputs go with their inputs, or chance alone explains what is seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats


def ends_of(first: Sequence[float], last: Sequence[float], n: int) -> tuple[list[float], list[float]] | None:
    """Return two ends of a series of n values without a value in common; None of fewer than two values.

    Parameters
    ----------
    first, last : the first and the last values, which overlap in a short series
    n : how many values there were

    Examples
    --------
    >>> ends_of([5.0, 4.0, 3.0], [4.0, 3.0, 2.0], 4)
    ([5.0, 4.0], [3.0, 2.0])
    """
    n_common = len(first) + len(last) - n
    if n_common <= 0:
        return (list(first), list(last)) if len(first) and len(last) else None
    series = [*first, *last[n_common:]]
    half = len(series) // 2
    return (series[:half], series[-half:]) if half else None


def fall_by_chance(first: npt.ArrayLike, last: npt.ArrayLike) -> float:
    """Return how probable it is that values as low as `last` follow those of `first` when nothing falls.

    Welch's t-test, one-sided. What falls without any noise, or between one value and one, does so surely: 0, and 1 where
    it does not fall.
    """
    begin, end = (np.asarray(one, dtype=np.float64) for one in (first, last))
    drop = float(begin.mean() - end.mean())
    spread = sum(float(one.var(ddof=1)) / len(one) for one in (begin, end) if len(one) > 1)
    if min(len(begin), len(end)) < 2 or spread <= (1e-12 * max(abs(begin.mean()), abs(end.mean()))) ** 2:
        return 0.0 if drop > 0 else 1.0
    return float(stats.ttest_ind(begin, end, equal_var=False, alternative="greater").pvalue)


def match_by_chance(outputs: npt.ArrayLike, inputs: npt.ArrayLike) -> float:
    """Return how probable it is that outputs are so near to their inputs when any output may belong to any input.

    Over all n! orders the sum of the inner products of outputs and inputs, each about its mean, has the mean 0 and the
    variance sum_ij a_ij^2 / (n - 1), where a_ij is the inner product of output i and input j (Hoeffding, 1951); it is
    taken as normal. 1 where all outputs are alike.

    Parameters
    ----------
    outputs, inputs : (n, D), n >= 2
    """
    y, x = (np.asarray(one, dtype=np.float64) for one in (outputs, inputs))
    products = (y - y.mean(axis=0)) @ (x - x.mean(axis=0)).T  # (n, n); its rows and columns add up to 0
    sd = float(np.sqrt(np.sum(products**2) / max(len(x) - 1, 1)))
    if sd <= 1e-12 * max(float(np.abs(y).max()), 1e-300):
        return 1.0
    return float(stats.norm.sf(float(np.trace(products)) / sd))
