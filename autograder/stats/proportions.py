"""Exact confidence bounds of a proportion."""

from __future__ import annotations

import scipy


def upper_bound(k: int, n: int, confidence: float = 0.95) -> float:
    """Return the one-sided Clopper-Pearson upper bound of a proportion after `k` of `n`.

    The largest p with P(X <= k | n, p) >= 1 - confidence: the quantile `confidence` of Beta(k + 1, n - k).

    Parameters
    ----------
    k : events seen, 0 <= k <= n
    n : trials, >= 1
    confidence : in (0, 1)

    Raises
    ------
    ValueError
        If k, n or the confidence is out of range.

    Source: Clopper and Pearson (1934).

    Examples
    --------
    >>> round(upper_bound(0, 59), 4)  # 59 without a miss: below 5 %
    0.0495
    """
    if n < 1 or not 0 <= k <= n:
        raise ValueError(f"proportion: expected 0 <= k <= n with n >= 1, got k={k}, n={n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number in (0, 1), got {confidence}")
    return 1.0 if k == n else float(scipy.stats.beta.ppf(confidence, k + 1, n - k))
