"""What marks say of the questions that gave them: difficulty, discrimination, reliability, effect on the total.

Classical test theory (Lord and Novick, 1968). Where a number would mean nothing (too few people, marks that are all
alike), there is none and the reason stands in its place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

Array = NDArray[np.float64]
Reason = Literal["", "nobody", "too_few", "all_alike", "no_rest"]
"""Why there is no number: nobody's marks are decided; fewer than `MIN_PEOPLE`; one of the two is the same for all;
there is nothing to compare with."""

MIN_PEOPLE = 10
"""With nine people the 95 % interval of a correlation of 0.3 reaches from -0.45 to 0.80: that is no information."""
OUTER_SHARE = 0.27
"""Of a class at each end: the share that separates best when marks are normal (Kelley, 1939)."""
ALIKE = 1e-9
MOVED = 1.0
"""Percentage points from which on a total counts as moved."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, or the reason why there is none."""

    n: int
    """People that it rests on."""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: Reason = ""


@dataclass(frozen=True)
class Effect:
    """What a total would be without some of the marks in it; percentages are of the marks that are decided."""

    n: int
    """People who keep decided marks without them."""
    mean_change: float
    """Mean of (percent without - percent with), in percentage points: > 0 when the marks cost the class something."""
    largest_change: float
    """The largest of these changes, without its sign."""
    n_moved: int
    """People whose percent changes by `MOVED` points or more."""
    n_reversed: int
    """Pairs of people who change places."""
    n_pairs: int
    kendall_tau: float | None
    """Kendall's tau-b of the two rankings, 1 for the same; None when all are alike in one of them."""


def mean_share(shares: Array) -> Estimate:
    """Return the mean share of the marks that was earned, with Wilson's score interval; higher is easier.

    The interval is that of a proportion with the same mean. A share in [0, 1] varies no more than a proportion does,
    so that for part marks the interval is at least as wide as it has to be.

    Parameters
    ----------
    shares : (n,) in [0, 1]

    Source: Wilson (1927).

    Examples
    --------
    >>> found = mean_share(np.array([1.0, 1.0, 1.0, 0.0]))
    >>> found.value, round(found.low, 3), round(found.high, 3)
    (0.75, 0.301, 0.954)
    """
    n = len(shares)
    if n == 0:
        return Estimate(0, reason="nobody")
    mean, z = float(np.clip(shares.mean(), 0.0, 1.0)), float(scipy.stats.norm.ppf(0.975))
    middle = (mean + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(mean * (1 - mean) / n + z**2 / (4 * n**2))
    return Estimate(n, mean, min(max(middle - half, 0.0), mean), max(min(middle + half, 1.0), mean))


def rest_correlation(own: Array, rest: Array) -> Estimate:
    """Return the correlation of a question with the rest of the sheet: Pearson's r, Fisher's interval.

    In [-1, 1]: above 0 those who do well elsewhere do well here. The rest must not hold the question itself, or the
    question is compared with itself (the corrected correlation).

    Parameters
    ----------
    own, rest : (n,) shares of the same people

    Source: Henrysson (1963); Fisher (1921) for the interval, which takes both for normal: with marks of 0 and 1 it is
    a rule of thumb.
    """
    n = len(own)
    if n < MIN_PEOPLE:
        return Estimate(n, reason="too_few")
    if np.ptp(own) < ALIKE or np.ptp(rest) < ALIKE:
        return Estimate(n, reason="all_alike")
    r = float(np.clip(np.corrcoef(own, rest)[0, 1], -1.0, 1.0))
    z = math.atanh(min(max(r, -1 + 1e-12), 1 - 1e-12))
    half = float(scipy.stats.norm.ppf(0.975)) / math.sqrt(n - 3)
    return Estimate(n, r, min(math.tanh(z - half), r), max(math.tanh(z + half), r))


def upper_lower(own: Array, rest: Array) -> Estimate:
    """Return how much more of a question the best `OUTER_SHARE` of a class earned than the last, in [-1, 1].

    Best and last by the rest of the sheet. People who tie at the border of a group share its last places, so that
    the order of the class decides nothing. There is no interval.

    Parameters
    ----------
    own, rest : (n,) shares of the same people

    Source: Kelley (1939).

    Examples
    --------
    >>> rest = np.arange(12.0)
    >>> upper_lower((rest > 5).astype(float), rest).value
    1.0
    """
    n = len(own)
    if n < MIN_PEOPLE:
        return Estimate(n, reason="too_few")
    if np.ptp(rest) < ALIKE:
        return Estimate(n, reason="all_alike")
    upper, lower = _outer(rest), _outer(-rest)
    return Estimate(n, float(np.average(own, weights=upper) - np.average(own, weights=lower)))


def _outer(values: Array) -> Array:
    """Return the weight of each person in the group of the largest values: 1, a share at its border, or 0."""
    rounded = np.round(values, 9)
    weights = np.zeros(len(values))
    left = OUTER_SHARE * len(values)
    for level in np.unique(rounded)[::-1]:
        tied = rounded == level
        weights[tied] = min(1.0, left / tied.sum())
        left -= float(weights[tied].sum())
        if left <= ALIKE:
            break
    return weights


def cronbach_alpha(marks: Array) -> Estimate:
    """Return Cronbach's alpha, k/(k-1) (1 - sum of the items' variances / variance of their sum).

    At most 1; the share of the variance of totals that the items have in common, if they measure one thing. Below 0
    they contradict each other.

    Parameters
    ----------
    marks : (n, k) marks of n people in k items

    Source: Cronbach (1951); Feldt (1965) for the interval, F with n-1 and (n-1)(k-1) degrees of freedom.
    """
    n, k = marks.shape
    if k < 2:
        return Estimate(n, reason="no_rest")
    if n < MIN_PEOPLE:
        return Estimate(n, reason="too_few")
    total = float(marks.sum(axis=1).var(ddof=1))
    if total < ALIKE:
        return Estimate(n, reason="all_alike")
    alpha = k / (k - 1) * (1 - float(marks.var(axis=0, ddof=1).sum()) / total)
    law = scipy.stats.f(n - 1, (n - 1) * (k - 1))
    low, high = (1 - (1 - alpha) * float(law.ppf(q)) for q in (0.975, 0.025))
    return Estimate(n, alpha, low, high)


def effect_of(earned: Array, decided: Array, own_earned: Array, own_decided: Array) -> Effect:
    """Return what the totals of a class would be without some of the marks.

    Parameters
    ----------
    earned, decided : (n,) marks earned, and marks that are decided, of each person
    own_earned, own_decided : (n,) the same of what is taken away; 0 where it is not decided
    """
    kept = decided - own_decided > ALIKE
    was = 100 * earned[kept] / decided[kept]
    now = 100 * (earned - own_earned)[kept] / (decided - own_decided)[kept]
    n = len(was)
    if n == 0:
        return Effect(0, 0.0, 0.0, 0, 0, 0, None)
    change = np.abs(now - was)
    upper = np.triu_indices(n, 1)
    one, other = (np.sign(_differences(values)[upper]) for values in (was, now))
    products = one * other
    room = math.sqrt(float(np.abs(one).sum() * np.abs(other).sum()))
    return Effect(
        n=n,
        mean_change=float((now - was).mean()),
        largest_change=float(change.max()),
        n_moved=int((change >= MOVED - ALIKE).sum()),
        n_reversed=int((products < 0).sum()),
        n_pairs=len(products),
        kendall_tau=float(products.sum()) / room if room else None,
    )


def _differences(values: Array) -> Array:
    """Return (n, n) differences; what differs by rounding errors alone is the same."""
    rounded = np.round(values, 9)
    found: Array = rounded[:, None] - rounded[None, :]
    return found
