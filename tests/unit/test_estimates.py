"""The time left: batches are simulated with a clock of their own, and the estimate is compared with the truth."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.estimates import Estimate, Expected, Left

LIMIT = 900.0


def expected(index: int, kind: str = "a", limit: float = LIMIT, before: float | None = None) -> Expected:
    return Expected(f"n{index}", kind, limit, limit + 150.0, before)


def simulate(
    durations: Sequence[float],
    n_workers: int = 2,
    scoring: float = 0.0,
    limit: float = LIMIT,
    before: Sequence[float | None] | None = None,
    every: float = 5.0,
) -> list[tuple[int, float, Left, float]]:
    """Return (n executed, seconds since the start, what was said, what was true) at every event and clock tick."""
    known = before or [None] * len(durations)
    tasks = [expected(i, limit=limit, before=known[i]) for i in range(len(durations))]
    estimate = Estimate.of(tasks, n_workers, len(durations))
    free = [0.0] * n_workers
    events: list[tuple[float, int, str, int]] = []
    for index, seconds in enumerate(durations):
        start = heapq.heappop(free)
        heapq.heappush(free, start + seconds)
        events += [(start, 1, "start", index), (start + seconds, 0, "end", index)]
    scorer = 0.0
    for end, _, _, index in sorted(event for event in events if event[2] == "end"):
        scorer = max(scorer, end) + scoring
        events.append((scorer, 0, "scored", index))
    total = scorer
    events += [(k * every, 2, "tick", -1) for k in range(1, int(total / every) + 1)]
    said, n_executed = [], 0
    for now, _, what, index in sorted(events):
        if what == "start":
            estimate.started(f"n{index}", now)
        elif what == "end":
            estimate.executed(f"n{index}", now)
            n_executed += 1
        elif what == "scored":
            estimate.scored(scoring)
        said.append((n_executed, now, estimate.left(now), total - now))
    return said


def errors_after(said: list[tuple[int, float, Left, float]], n_executed: int) -> list[float]:
    """Absolute errors, in seconds, of everything said after so many executions."""
    return [abs((left.seconds or 0.0) - true) for executed, _, left, true in said if executed >= n_executed]


def test_before_anything_is_measured_only_the_bound_is_known() -> None:
    estimate = Estimate.of([expected(i) for i in range(4)], 2, 4)
    estimate.started("n0", 0.0)
    assert estimate.left(0.0) == Left(None, 2 * (LIMIT + 150))
    assert estimate.left(100.0).seconds is None
    estimate.executed("n0", 100.0)
    assert estimate.left(100.0).seconds is not None


def test_equal_lengths_are_foreseen_exactly() -> None:
    for n_workers in (1, 2, 3, 8):
        said = simulate([30.0] * 12, n_workers=n_workers)
        assert max(errors_after(said, 1)) == pytest.approx(0.0, abs=1e-6)


def test_the_scoring_that_follows_is_part_of_it() -> None:
    said = simulate([30.0] * 12, scoring=10.0)
    assert max(errors_after(said, 4)) <= 20.0
    slow = simulate([10.0] * 12, scoring=20.0)  # the scorer is behind all the time
    assert max(errors_after(slow, 7)) <= 40.0  # from the first scoring on


@pytest.mark.parametrize("n_workers", [1, 2, 4])
def test_a_mix_of_short_and_long_ones_is_foreseen_within_a_third(n_workers: int) -> None:
    durations = [100.0 if (7 * i) % 5 < 2 else 1.0 for i in range(60)]
    said = simulate(durations, n_workers=n_workers)
    total = said[-1][1]
    assert max(errors_after(said, 10)) <= max(total / 3, 100.0)
    late = [error for error, one in zip(errors_after(said, 0), said, strict=True) if one[1] > 0.7 * total]
    assert max(late) <= max(total / 8, 100.0)


def test_one_that_hangs_is_waited_for_to_its_limit_and_no_longer() -> None:
    durations = [10.0] * 20 + [LIMIT] + [10.0] * 3
    said = simulate(durations)
    for _, now, left, true in said:
        if now > 150 + LIMIT / 2:  # the hanging one runs alone, beyond half of its limit
            assert left.seconds == pytest.approx(true, abs=1e-6)
        if now > 150:
            assert left.seconds is not None
            assert left.seconds <= true + 1e-6  # it is never said to run beyond its limit


def test_one_that_runs_longer_than_all_others_is_expected_to_take_as_long_again() -> None:
    estimate = Estimate.of([expected(0), expected(1)], 2, 0)
    estimate.started("n0", 0.0)
    estimate.started("n1", 0.0)
    estimate.executed("n0", 10.0)
    assert estimate.left(10.5).seconds == pytest.approx(2.0)  # late by a moment: about to end
    assert estimate.left(60.0).seconds == pytest.approx(60.0)
    assert estimate.left(800.0).seconds == pytest.approx(100.0)
    assert 0 < (estimate.left(930.0).seconds or 0) <= 120.0


def test_durations_of_an_earlier_execution_are_used_from_the_first_moment() -> None:
    durations = [100.0, 5.0, 50.0, 5.0, 5.0]
    said = simulate(durations, before=durations)
    assert max(errors_after(said, 0)) == pytest.approx(0.0, abs=1e-6)


def test_parts_are_measured_apart() -> None:
    estimate = Estimate.of([expected(0, "a"), expected(1, "b"), expected(2, "a"), expected(3, "b")], 1, 0)
    now = 0.0
    for key, seconds in (("n0", 10.0), ("n1", 200.0)):
        estimate.started(key, now)
        now += seconds
        estimate.executed(key, now)
    assert estimate.left(now).seconds == pytest.approx(210.0)


def test_scoring_alone_is_foreseen_after_the_first() -> None:
    estimate = Estimate.of([], 2, 10)
    assert estimate.left(0.0) == Left(None, 0.0)
    estimate.scored(3.0)
    assert estimate.left(3.0).seconds == pytest.approx(27.0)
    for _ in range(9):
        estimate.scored(3.0)
    assert estimate.left(30.0).seconds == 0.0


def test_what_runs_is_listed_the_longest_first() -> None:
    estimate = Estimate.of([expected(0), expected(1)], 2, 2)
    estimate.started("n0", 1.0)
    estimate.started("n1", 5.0)
    estimate.started("unknown", 5.0)
    assert estimate.running(7.0) == [("n0", 6.0), ("n1", 2.0)]
    estimate.executed("n0", 8.0)
    assert estimate.running(9.0) == [("n1", 4.0)]


@given(
    durations=st.lists(st.floats(0.1, 800.0), min_size=1, max_size=25),
    n_workers=st.integers(1, 5),
    scoring=st.floats(0.0, 30.0),
)
def test_an_estimate_is_never_negative_and_never_beyond_its_bound(
    durations: list[float], n_workers: int, scoring: float
) -> None:
    for _, _, left, _ in simulate(durations, n_workers, scoring, every=200.0):
        assert left.at_most_seconds >= 0
        assert left.seconds is None or 0 <= left.seconds <= left.at_most_seconds
