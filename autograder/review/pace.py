"""How far the marking is, and how long the rest may take."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from statistics import median

from autograder.review.store import Entry

LONGEST_SECONDS = 600.0
"""A longer gap between two marks was a pause."""
RECENT = 30


def seconds_each(history: Iterable[Entry], author: str) -> float | None:
    """Return the usual time between two marks of this author (median of the last 30); None while it is unknown."""
    times = [
        datetime.fromisoformat(entry.time)
        for entry in history
        if entry.author == author and entry.undoes is None
    ]
    gaps = [(after - before).total_seconds() for before, after in pairwise(times)]
    usual = [gap for gap in gaps if 0 < gap <= LONGEST_SECONDS][-RECENT:]
    return median(usual) if len(usual) >= 3 else None
