"""Bands: exact tails, stated discrepancies, and the coverage that replicates really have."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from autograder.stats import bands
from autograder.stats.bands import Band


def test_every_method_is_registered_under_its_name() -> None:
    assert set(bands.BAND_METHODS) == {
        "exact",
        "normal",
        "proportion",
        "negative_binomial",
        "replicates",
        "replicates_envelope",
    }
    assert all(name == method.__name__ for name, method in bands.BAND_METHODS.items())


def test_exact_adds_both_tolerances() -> None:
    band = bands.exact(-10.0, atol=0.5, rtol=0.1)
    assert (band.low, band.high, band.false_fail_rate, band.min_discrepancy) == (-11.5, -8.5, 0.0, 1.5)


def test_nan_is_outside() -> None:
    assert not bands.exact(0.0, atol=1.0).contains(nan)


def test_normal_is_the_textbook_interval() -> None:
    band = bands.normal(1.0, 2.0, n=10, rate=0.05)
    assert band.low == pytest.approx(1 - 2 * 1.959964, abs=1e-5)
    assert band.min_discrepancy == pytest.approx(2 * (1.959964 + 1.644854), abs=1e-5)


def test_a_deviation_of_min_discrepancy_is_caught_with_95_percent() -> None:
    band = bands.normal(0.0, 1.0, n=1, rate=1e-4)
    moved = stats.norm(band.min_discrepancy, 1.0)
    assert moved.cdf(band.low) + moved.sf(band.high) == pytest.approx(0.95, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(p=st.floats(0.01, 0.99), n=st.integers(1, 3000), rate=st.floats(1e-6, 0.2))
def test_proportion_rejects_at_most_rate_by_enumeration(p: float, n: int, rate: float) -> None:
    band = bands.proportion(p, n, rate)
    k = np.arange(n + 1)
    outside = np.array([not band.contains(c / n) for c in k])
    total = float(stats.binom.pmf(k, n, p)[outside].sum())
    assert total == pytest.approx(band.false_fail_rate, abs=1e-9)
    assert total <= rate * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(p=st.floats(0.02, 0.98), n=st.integers(1, 300), rate=st.floats(1e-6, 0.2))
def test_negative_binomial_rejects_at_most_rate_by_enumeration(p: float, n: int, rate: float) -> None:
    band = bands.negative_binomial(p, n, rate)
    failures = np.arange(int(stats.nbinom.isf(1e-13, n, p)) + 2)
    outside = np.array([not band.contains(n / (n + f)) for f in failures])
    total = float(stats.nbinom.pmf(failures, n, p)[outside].sum())
    assert total == pytest.approx(band.false_fail_rate, abs=1e-9)
    assert total <= rate * (1 + 1e-9)


def test_negative_binomial_power_at_its_discrepancy() -> None:
    band = bands.negative_binomial(0.0816, 10_000, 1e-4)
    for q in (0.0816 + band.min_discrepancy, 0.0816 - band.min_discrepancy):
        draws = 10_000 / (10_000 + np.random.default_rng(1).negative_binomial(10_000, q, 4000))
        missed = np.mean([band.contains(r) for r in draws])
        assert missed < 0.065  # 5 % or less; 4000 draws exceed this with probability below 1e-5
    assert 0.003 < band.min_discrepancy < 0.006


def test_the_band_of_the_assignment_cannot_tell_one_in_c_from_the_rate() -> None:
    """1/12 = 0.0833 against 0.0816 at N = 10,000: only the counts themselves show that 1/c was reported."""
    band = bands.negative_binomial(0.081587, 10_000, 1e-4)
    assert band.contains(1 / 12)
    assert abs(1 / 12 - 0.081587) < band.min_discrepancy


def test_a_direction_that_cannot_be_caught_is_infinite() -> None:
    assert bands.proportion(0.01, 20, 0.05).min_discrepancy == inf


def test_tolerance_factor_agrees_with_the_handbook() -> None:
    assert bands.tolerance_factor(43, 0.90, 0.99) == pytest.approx(2.2173, abs=1e-3)


def test_replicates_hold_their_coverage_with_their_confidence() -> None:
    """Of 2,000 sets of 20 normal replicates, 95 % give a band that holds 99 % of the law (sd 0.5 %)."""
    rng = np.random.default_rng(7)
    good = 0
    for sample in rng.normal(size=(2000, 20)):
        band = bands.replicates(float(sample.mean()), float(sample.std(ddof=1)), 20, rate=0.01)
        good += stats.norm.cdf(band.high) - stats.norm.cdf(band.low) >= 0.99
    assert 0.93 < good / 2000 < 0.97


def test_the_range_of_twenty_replicates_holds_78_percent() -> None:
    band = bands.replicates_envelope(0.0, 1.0, 20)
    assert band.false_fail_rate == pytest.approx(1 - 0.784, abs=1e-3)
    beta = 1 - band.false_fail_rate
    assert 20 * beta**19 - 19 * beta**20 == pytest.approx(0.05, abs=1e-9)
    assert band.truth is None
    assert "78.4%" in band.note


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bands.exact(nan), "truth: expected a finite number"),
        (lambda: bands.exact(0.0, atol=-1.0), "tolerances"),
        (lambda: bands.normal(0.0, 0.0, 1, 0.1), "sd: expected a finite number > 0, got 0.0"),
        (lambda: bands.normal(0.0, 1.0, 0, 0.1), "n: expected a whole number >= 1"),
        (lambda: bands.normal(0.0, 1.0, 1, 0.0), "rate"),
        (lambda: bands.proportion(0.5, 10, 0.99), r"rate: expected a number in \(0, 0.5\]"),
        (lambda: bands.proportion(1.0, 10, 0.1), "truth: expected a probability"),
        (lambda: bands.proportion(0.5, 0, 0.1), "n: expected"),
        (lambda: bands.negative_binomial(0.0, 10, 0.1), "p: expected a probability"),
        (lambda: bands.replicates(0.0, 1.0, 1, 0.1), "n_replicates"),
        (lambda: bands.replicates(0.0, 1.0, 5, 0.1, confidence=1.0), "confidence"),
        (lambda: bands.replicates_envelope(1.0, 0.0, 5), "low <= high"),
        (lambda: bands.replicates_envelope(0.0, 1.0, 5, confidence=0.0), "confidence"),
    ],
)
def test_unfit_parameters_are_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_bands_are_values() -> None:
    with pytest.raises(AttributeError):
        bands.exact(0.0).low = 1.0  # type: ignore[misc]
    assert bands.exact(1.0) == Band(1.0, 1.0, "exact", 0, 0.0, 0.0, 1.0)
