"""From which share on a pair is shown: derived from notebooks that are known to be independent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

FALSE_CLASSES = 0.05
"""Of classes of independent solutions, the share in which even one pair is shown."""
LEAST_PAIRS = 10
STANDARD = 0.35
"""Where an assignment has no independent solutions: on those of aml-a3 they share at most 0.14 and disguised copies at
least 0.54 (`make similarity`)."""


@dataclass(frozen=True)
class Threshold:
    """The share from which on a pair is shown."""

    value: float
    how: Literal["derived", "given", "standard"]
    n_independent: int = 0
    """Pairs of independent solutions that it is derived from."""
    median: float = 0.0
    largest: float = 0.0
    """The largest share of an independent pair."""
    n_compared: int = 0
    """Pairs that it is made for."""


def derived(independent: Sequence[float], n_compared: int) -> Threshold:
    """Return the threshold that fewer than one class of independent solutions in twenty reaches with any pair.

    Above their median the shares of independent pairs are taken to fall off exponentially (the mean excess is the
    scale: peaks over threshold, Pickands 1975, with shape 0), so that `n` pairs exceed
    median + scale log(n / (2 x 0.05)) with 0.05 of them expected. It is never below the largest share that was seen.

    Parameters
    ----------
    independent : shares, 0 to 1, of pairs that are known to be independent
    n_compared : pairs that will be compared; the more, the higher the threshold
    """
    shares = np.asarray(independent, dtype=np.float64)
    n_compared = max(n_compared, 1)
    if len(shares) < LEAST_PAIRS:
        return Threshold(STANDARD, "standard", len(shares), n_compared=n_compared)
    median = float(np.median(shares))
    above = shares[shares > median]
    scale = float((above - median).mean()) if len(above) else 0.0
    reached = median + scale * math.log(n_compared / (2 * FALSE_CLASSES))
    largest = float(shares.max())
    value = min(max(reached, largest), 1.0)
    return Threshold(round(value, 4), "derived", len(shares), round(median, 4), round(largest, 4), n_compared)
