"""Numbers of questions against closed forms, SciPy and NumPy, and what is said where there is no number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from autograder.stats.questions import (
    MIN_PEOPLE,
    Effect,
    cronbach_alpha,
    effect_of,
    mean_share,
    rest_correlation,
    upper_lower,
)

RNG = np.random.default_rng(20_26)
SHARES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60)


# ----------------------------------------------------------------- difficulty


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 12), (7, 12), (12, 12), (150, 300)])
def test_the_interval_of_right_and_wrong_is_wilsons(k: int, n: int) -> None:
    found = mean_share(np.array([1.0] * k + [0.0] * (n - k)))
    reference = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert found.value == pytest.approx(k / n)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-12)


@given(SHARES)
def test_the_mean_lies_in_its_interval_and_the_interval_in_the_scale(shares: list[float]) -> None:
    found = mean_share(np.array(shares))
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0


def test_the_interval_of_part_marks_misses_the_truth_at_most_as_often_as_it_says() -> None:
    n_runs, truth = 4000, 0.75
    missed = 0
    for shares in RNG.beta(3.0, 1.0, size=(n_runs, 15)):
        found = mean_share(shares)
        assert found.low is not None
        assert found.high is not None
        missed += not found.low <= truth <= found.high
    assert missed / n_runs < 0.05  # part marks vary less than right and wrong: far fewer


def test_nobody_has_no_mean() -> None:
    found = mean_share(np.array([]))
    assert (found.n, found.value, found.reason) == (0, None, "nobody")


# ------------------------------------------------------------- discrimination


@pytest.mark.parametrize("n", [MIN_PEOPLE, 47, 300])
def test_the_correlation_and_its_interval_are_those_of_scipy(n: int) -> None:
    rest = RNG.uniform(size=n)
    own = (rest + RNG.normal(scale=0.5, size=n) > 0.5).astype(float)
    found = rest_correlation(own, rest)
    reference = stats.pearsonr(own, rest)
    interval = reference.confidence_interval(0.95)
    assert found.value == pytest.approx(reference.statistic, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_a_question_is_not_compared_with_itself() -> None:
    """Ten unrelated tasks: the total holds each of them, so that only the rest says that nothing goes with it."""
    marks = RNG.integers(0, 2, size=(2000, 10)).astype(float)
    own, total = marks[:, 0], marks.sum(axis=1)
    assert rest_correlation(own, total).value == pytest.approx(1 / np.sqrt(10), abs=0.05)
    assert rest_correlation(own, total - own).value == pytest.approx(0.0, abs=0.07)


def test_one_line_has_the_correlation_one() -> None:
    rest = np.linspace(0.0, 1.0, 12)
    for own, wanted in ((rest, 1.0), (1 - rest, -1.0)):
        found = rest_correlation(own, rest)
        assert (found.value, found.low, found.high) == pytest.approx((wanted, wanted, wanted), abs=1e-6)


@pytest.mark.parametrize("number", [rest_correlation, upper_lower])
def test_few_people_and_equal_marks_give_a_reason_in_place_of_a_number(number: object) -> None:
    assert callable(number)
    few, rest = np.linspace(0, 1, MIN_PEOPLE - 1), np.linspace(0, 1, MIN_PEOPLE)
    assert (number(few, few).value, number(few, few).reason) == (None, "too_few")
    assert (number(rest, np.full(MIN_PEOPLE, 0.1 + 0.2)).value, number(rest, 0 * rest).reason) == (
        None,
        "all_alike",
    )
    assert number(few, few).n == MIN_PEOPLE - 1


def test_a_question_that_all_solved_has_no_correlation() -> None:
    assert rest_correlation(np.ones(20), np.linspace(0, 1, 20)).reason == "all_alike"


def test_upper_less_lower_is_counted_over_27_percent_at_each_end() -> None:
    rest = np.arange(100.0)
    own = np.where(rest >= 73, 1.0, np.where(rest < 27, 0.25, 0.5))
    assert upper_lower(own, rest).value == pytest.approx(0.75)
    assert upper_lower(1 - own, rest).value == pytest.approx(-0.75)


def test_people_who_tie_at_the_border_share_its_places_in_any_order() -> None:
    rest = np.array([3.0] * 2 + [2.0] * 6 + [1.0] * 2)
    own = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    # 2.7 places at each end: 2 of them certain, 0.7 shared by six who earned a third of the marks
    wanted = (2 * 1.0 + 0.7 / 3) / 2.7 - (2 * 0.0 + 0.7 / 3) / 2.7
    for order in (np.arange(10), np.arange(10)[::-1], RNG.permutation(10)):
        assert upper_lower(own[order], rest[order]).value == pytest.approx(wanted)


# ---------------------------------------------------------------- reliability


def test_alpha_is_the_mean_of_all_split_half_coefficients() -> None:
    """Cronbach (1951): for an even number of items alpha is the mean of the Guttman-Flanagan split halves."""
    from itertools import combinations

    marks = RNG.normal(size=(40, 1)) + RNG.normal(size=(40, 4))
    total = marks.sum(axis=1).var(ddof=1)
    halves = []
    for first in combinations(range(4), 2):
        second = [item for item in range(4) if item not in first]
        parts = marks[:, first].sum(axis=1).var(ddof=1) + marks[:, second].sum(axis=1).var(ddof=1)
        halves.append(2 * (1 - parts / total))
    assert cronbach_alpha(marks).value == pytest.approx(np.mean(halves))


def test_alpha_of_parallel_items_is_the_formula_of_spearman_and_brown() -> None:
    k, between = 4, 0.3
    white = RNG.normal(size=(60, k))
    white = np.linalg.qr(white - white.mean(axis=0))[0]
    wanted = (1 - between) * np.eye(k) + between
    marks = white @ np.linalg.cholesky(wanted).T  # a sample whose covariances are exactly these
    assert cronbach_alpha(marks).value == pytest.approx(k * between / (1 + (k - 1) * between))


def test_the_interval_of_alpha_covers_what_it_says() -> None:
    """Parallel normal items with variance 1 of truth and of error: alpha = k / (k + 1)."""
    k, n, n_runs = 5, 20, 2000
    marks = RNG.normal(size=(n_runs, n, 1)) + RNG.normal(size=(n_runs, n, k))
    covered = 0
    for one in marks:
        found = cronbach_alpha(one)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= k / (k + 1) <= found.high
    assert stats.binomtest(covered, n_runs, 0.95).pvalue > 1e-4


def test_alpha_says_why_there_is_none() -> None:
    marks = RNG.normal(size=(20, 3))
    assert cronbach_alpha(marks[:, :1]).reason == "no_rest"
    assert cronbach_alpha(marks[: MIN_PEOPLE - 1]).reason == "too_few"
    assert cronbach_alpha(np.ones((20, 3))).reason == "all_alike"
    assert cronbach_alpha(np.empty((0, 3))).reason == "too_few"


# --------------------------------------------------------- effect on the total


def effect(earned: list[float], possible: list[float], own: list[float], own_possible: list[float]) -> Effect:
    return effect_of(*(np.array(values, dtype=float) for values in (earned, possible, own, own_possible)))


def test_a_check_that_all_solved_lowers_the_mean_when_it_goes() -> None:
    found = effect([6, 10], [10, 10], [2, 2], [2, 2])
    assert found.mean_change == pytest.approx((50 - 60) / 2)
    assert (found.largest_change, found.n_moved, found.n) == (pytest.approx(10.0), 1, 2)
    assert (found.n_reversed, found.n_pairs, found.kendall_tau) == (0, 1, 1.0)


def test_pairs_that_change_places_are_counted() -> None:
    found = effect([8, 6, 3], [10, 10, 10], [4, 0, 0], [4, 4, 4])  # 80, 60, 30 become 67, 100, 50
    assert found.n_reversed == 1
    assert found.kendall_tau == pytest.approx(1 / 3)


@pytest.mark.parametrize("n", [2, 9, 80])
def test_tau_is_that_of_scipy_with_ties(n: int) -> None:
    possible = np.full(n, 20.0)
    own = RNG.integers(0, 3, n).astype(float)
    earned = own + RNG.integers(0, 6, n)
    found = effect_of(earned, possible, own, np.full(n, 2.0))
    wanted = stats.kendalltau(earned, earned - own, variant="b").statistic
    if np.isnan(wanted):
        assert found.kendall_tau is None
    else:
        assert found.kendall_tau == pytest.approx(wanted, abs=1e-12)


def test_marks_that_wait_change_nothing() -> None:
    found = effect([6, 3], [10, 10], [0, 0], [0, 0])
    assert (found.mean_change, found.largest_change, found.n_moved, found.n_reversed) == (0.0, 0.0, 0, 0)
    assert found.kendall_tau == 1.0


def test_rounding_makes_no_order() -> None:
    """0.1 + 0.2 and 0.3 of the same marks are a tie, before and after."""
    found = effect([0.1 + 0.2, 0.3], [1, 1], [0.1, 0.1], [0.1, 0.1])
    assert (found.n_reversed, found.kendall_tau) == (0, None)


def test_people_without_other_decided_marks_are_left_out() -> None:
    found = effect([2, 5], [2, 10], [2, 1], [2, 1])
    assert found.n == 1
    assert effect([2], [2], [2], [2]) == Effect(0, 0.0, 0.0, 0, 0, 0, None)
    assert effect([], [], [], []).n == 0
