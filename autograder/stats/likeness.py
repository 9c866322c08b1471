"""How alike two sets of findings are: weighted Jaccard likeness, with what is rare weighing more."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def rarity(sets: Collection[Collection[T]]) -> dict[T, float]:
    """Return the weight of every element: w(t) = log(1 + N / n(t)), for N sets of which n(t) hold t.

    What every set holds weighs log 2 and no less, so that it still counts.

    Source: inverse document frequency (Spärck Jones, 1972), smoothed so that it stays positive.

    Examples
    --------
    >>> {key: round(value, 3) for key, value in sorted(rarity([{"a"}, {"a", "b"}]).items())}
    {'a': 0.693, 'b': 1.099}
    """
    counts = Counter(element for one in sets for element in set(one))
    return {element: math.log1p(len(sets) / n) for element, n in counts.items()}


def unseen_weight(n_sets: int) -> float:
    """Return the weight of what no set holds: as if one of them did."""
    return math.log1p(max(n_sets, 1))


def likeness(
    one: Collection[T], other: Collection[T], weights: Mapping[T, float], unseen: float = 1.0
) -> float:
    """Return the weighted Jaccard likeness, sum of w over the common elements / sum of w over all of both.

    In [0, 1]; 1 for equal sets, 0 for sets without a common element and for two empty ones: nothing is like nothing.

    Parameters
    ----------
    weights : weight of an element, > 0
    unseen : weight of an element that has none there

    Source: Jaccard (1901); the weighted form of Chum, Philbin and Zisserman (2008).

    Examples
    --------
    >>> likeness({"a", "b"}, {"b", "c"}, {"b": 2.0})
    0.5
    """
    first, second = set(one), set(other)
    common = math.fsum(weights.get(element, unseen) for element in first & second)
    total = math.fsum(weights.get(element, unseen) for element in first | second)
    return common / total if total > 0 else 0.0
