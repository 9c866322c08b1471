"""Falls and matches against closed forms, permutations, and many seeds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from autograder.stats.trends import ends_of, fall_by_chance, match_by_chance


def test_ends_have_no_value_in_common() -> None:
    series = [float(v) for v in range(100)]
    for n in (2, 3, 5, 16, 17, 20, 31, 32, 33, 100):
        ends = ends_of(series[: min(n, 16)], series[max(0, n - 16) : n], n)
        assert ends is not None
        begin, end = ends
        assert not set(begin) & set(end)
        assert (begin[0], end[-1]) == (0.0, n - 1.0)
        assert len(begin) == len(end) == min(n // 2, 16)
    assert ends_of([1.0], [1.0], 1) is None
    assert ends_of([], [], 0) is None


def test_a_fall_without_noise_is_sure() -> None:
    assert fall_by_chance([3.0], [2.0]) == 0.0
    assert fall_by_chance([2.0], [3.0]) == 1.0
    assert fall_by_chance([2.0, 2.0], [2.0, 2.0]) == 1.0
    assert fall_by_chance([2.0, 2.0], [1.0, 1.0]) == 0.0


def test_fall_is_welchs_test() -> None:
    """Welch's statistic written out: equal numbers, variances 1 and 4, a difference of one."""
    begin, end = np.array([-1.0, 0.0, 1.0]) + 1.0, np.array([-2.0, 0.0, 2.0])
    t, df = 1.0 / np.sqrt(5 / 3), (5 / 3) ** 2 / ((1 / 3) ** 2 / 2 + (4 / 3) ** 2 / 2)
    assert fall_by_chance(begin, end) == pytest.approx(stats.t.sf(t, df), rel=1e-9)


def test_a_level_seems_to_fall_as_seldom_as_it_says() -> None:
    rng = np.random.default_rng(3)
    found = np.array([fall_by_chance(rng.normal(5, 1, 16), rng.normal(5, 1, 16)) for _ in range(2000)])
    n = int((found < 0.05).sum())  # 100 expected
    assert stats.binomtest(n, 2000, 0.05).pvalue > 1e-4


def test_match_has_the_moments_of_all_orders() -> None:
    rng = np.random.default_rng(1)
    y, x = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    products = (y - y.mean(axis=0)) @ (x - x.mean(axis=0)).T
    every = [sum(products[i, j] for i, j in enumerate(order)) for order in itertools.permutations(range(6))]
    assert np.mean(every) == pytest.approx(0.0, abs=1e-12)
    z = np.trace(products) / np.std(every)
    assert match_by_chance(y, x) == pytest.approx(stats.norm.sf(z), rel=1e-9)


def test_match_depends_on_neither_place_nor_scale() -> None:
    rng = np.random.default_rng(2)
    x = rng.uniform(size=(32, 50))
    assert match_by_chance(0.01 * x + 3.0, x) == pytest.approx(match_by_chance(x, x), rel=1e-6)
    assert match_by_chance(x, x) < 1e-6
    assert match_by_chance(1 - x, x) > 1 - 1e-6
    assert match_by_chance(np.ones_like(x), x) == 1.0


def test_outputs_of_other_images_match_as_seldom_as_it_says() -> None:
    rng = np.random.default_rng(4)
    x = rng.uniform(size=(32, 60))
    found = np.array([match_by_chance(x[rng.permutation(32)], x) for _ in range(1000)])
    assert stats.binomtest(int((found < 0.05).sum()), 1000, 0.05).pvalue > 1e-4
