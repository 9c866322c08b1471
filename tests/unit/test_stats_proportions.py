"""Clopper-Pearson bounds against their definition."""

from __future__ import annotations

import pytest
from scipy import stats

from autograder.stats.proportions import upper_bound


def test_no_event_has_the_closed_form() -> None:
    assert upper_bound(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100), rel=1e-12)


@pytest.mark.parametrize(("k", "n", "confidence"), [(1, 48, 0.95), (3, 200, 0.99), (199, 200, 0.9)])
def test_it_inverts_the_binomial_tail(k: int, n: int, confidence: float) -> None:
    assert stats.binom.cdf(k, n, upper_bound(k, n, confidence)) == pytest.approx(1 - confidence, rel=1e-9)


def test_scipy_agrees() -> None:
    reference = stats.binomtest(2, 37, alternative="less").proportion_ci(0.95, method="exact").high
    assert upper_bound(2, 37) == pytest.approx(reference, rel=1e-9)


def test_all_events_leave_one() -> None:
    assert upper_bound(5, 5) == 1.0


@pytest.mark.parametrize(("k", "n", "confidence"), [(0, 0, 0.95), (-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1.0)])
def test_impossible_counts_are_refused(k: int, n: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        upper_bound(k, n, confidence)
