"""How long a batch will still take, from what was measured so far. Pure: the caller brings the clock.

Notebooks run side by side and differ in length, and scoring comes after. So the rest of the batch is played
through: what runs ends when notebooks that ran as long usually end, what waits takes the mean, the workers take
one after the other, and the scorer follows behind.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

BEYOND_LIMIT = 0.05
"""What runs beyond its limit (it is being cleared up) is expected to take this share of its time again."""

OVERDUE_FACTOR = 4.0
"""How fast the expectation grows for what takes longer than all others: a third longer, and it is as long again.
So one that is late by a moment is not taken for one that hangs."""


@dataclass(frozen=True)
class Expected:
    """A notebook that will be executed."""

    key: str
    kind: str
    """Notebooks of one kind (a part of the assignment) are expected to take about the same time."""
    limit_seconds: float
    """How long its cells may take."""
    at_most_seconds: float
    """How long it may take in all: start, cells, calls, clearing up."""
    seconds_before: float | None = None
    """How long the same notebook took before."""


@dataclass(frozen=True)
class Left:
    """What is left of a batch."""

    seconds: float | None
    """The estimate; None before anything was measured."""
    at_most_seconds: float
    """What the limits allow."""


@dataclass
class Estimate:
    """The time left of a batch; told of everything that happens, asked at any time.

    Times are seconds of any clock that only runs forwards.
    """

    waiting: dict[str, Expected]
    n_workers: int
    n_to_score: int
    n_scorers: int = 1
    _running: dict[str, tuple[Expected, float]] = field(default_factory=dict)
    _finished: dict[str, list[float]] = field(default_factory=dict)
    _n_scored: int = 0
    _scoring_seconds: float = 0.0

    @classmethod
    def of(
        cls, expected: Iterable[Expected], n_workers: int, n_to_score: int, n_scorers: int = 1
    ) -> Estimate:
        """Return the estimate of a batch before it begins; `expected` in the order of execution."""
        return cls({one.key: one for one in expected}, max(1, n_workers), n_to_score, max(1, n_scorers))

    def started(self, key: str, now: float) -> None:
        """Note that a notebook began to run; one that is not known is left aside."""
        if (one := self.waiting.pop(key, None)) is not None:
            self._running[key] = (one, now)

    def executed(self, key: str, now: float) -> None:
        """Note that a notebook ended."""
        if (found := self._running.pop(key, None)) is not None:
            one, since = found
            self._finished.setdefault(one.kind, []).append(now - since)

    def scored(self, seconds: float) -> None:
        """Note that a submission was scored, and how long that took."""
        self._n_scored += 1
        self._scoring_seconds += seconds

    def running(self, now: float) -> list[tuple[str, float]]:
        """Return what runs now and since how many seconds, the longest first."""
        found = [(key, now - since) for key, (_, since) in self._running.items()]
        return sorted(found, key=lambda one: -one[1])

    def left(self, now: float) -> Left:
        """Return what is left of the batch."""
        rest = [self._rest(one, now - since) for one, since in self._running.values()]
        queue = [self._whole(one, now) for one in self.waiting.values()]
        at_most = self._play(
            [max(0.0, one.at_most_seconds - (now - since)) for one, since in self._running.values()],
            [one.at_most_seconds for one in self.waiting.values()],
        )
        known_rest = [seconds for seconds in rest if seconds is not None]
        known_queue = [seconds for seconds in queue if seconds is not None]
        is_known = len(known_rest) == len(rest) and len(known_queue) == len(queue)
        if not is_known or (self._n_scored == 0 and not rest and not queue and self.n_to_score):
            return Left(None, at_most)
        return Left(min(self._play(known_rest, known_queue), at_most), at_most)

    def _rest(self, one: Expected, elapsed: float) -> float | None:
        """Return what a running notebook will still take.

        The mean of those that took longer than it did so far; where none did, soon as long again, but never
        beyond its limit.
        """
        if elapsed >= one.limit_seconds:
            return BEYOND_LIMIT * elapsed
        if one.seconds_before is not None and elapsed < one.seconds_before:
            return one.seconds_before - elapsed
        before = [] if one.seconds_before is None else [one.seconds_before]
        measured = self._measured(one.kind) or before
        if not measured:
            return None
        longer = [seconds for seconds in measured if seconds > elapsed]
        overdue = min(elapsed, OVERDUE_FACTOR * (elapsed - max(measured)))
        rest = sum(longer) / len(longer) - elapsed if longer else overdue
        return min(rest, one.limit_seconds - elapsed)

    def _whole(self, one: Expected, now: float) -> float | None:
        """Return what a notebook that waits will take: as before, else the mean of its kind.

        Those that run count with what they are expected to take: the short ones end first, and a mean of
        these alone would promise too much.
        """
        if one.seconds_before is not None:
            return one.seconds_before
        measured = self._measured(one.kind)
        if not measured:
            return None
        totals = list(measured)
        for other, since in self._running.values():
            rest = self._rest(other, now - since) if other.kind == one.kind else None
            if rest is not None:
                totals.append(now - since + rest)
        return min(sum(totals) / len(totals), one.limit_seconds)

    def _measured(self, kind: str) -> list[float]:
        """Return the durations of a kind, or of all while there are none of it."""
        return self._finished.get(kind) or [seconds for found in self._finished.values() for seconds in found]

    def _play(self, rest: list[float], queue: list[float]) -> float:
        """Return when the last submission is scored, if everything takes as long as given."""
        free = [*rest, *[0.0] * (self.n_workers - len(rest))]
        ends = list(rest)
        heapq.heapify(free)
        for seconds in queue:
            end = heapq.heappop(free) + seconds
            heapq.heappush(free, end)
            ends.append(end)
        n_left = max(0, self.n_to_score - self._n_scored)
        mean = self._scoring_seconds / self._n_scored / self.n_scorers if self._n_scored else 0.0
        if not ends:
            return n_left * mean
        scored = 0.0
        for end in sorted(ends):
            scored = max(scored, end) + mean * n_left / len(ends)
        return scored
