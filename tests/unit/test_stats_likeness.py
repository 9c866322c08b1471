"""Weighted Jaccard likeness: closed cases and properties."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.stats.likeness import likeness, rarity, unseen_weight

SETS = st.sets(st.integers(0, 8))
WEIGHTS = st.dictionaries(st.integers(0, 8), st.floats(0.01, 10.0))


def test_with_equal_weights_it_is_jaccards() -> None:
    assert likeness({1, 2, 3}, {2, 3, 4, 5}, {}) == pytest.approx(2 / 5)


def test_what_is_rare_weighs_more() -> None:
    weights = rarity([{"run", "half"}, {"run", "sign"}, {"run"}, {"run", "half"}])
    assert weights == pytest.approx({"run": math.log(2), "half": math.log(3), "sign": math.log(5)})
    assert unseen_weight(4) == pytest.approx(math.log(5))
    assert likeness({"run", "half"}, {"run", "half"}, weights) == 1.0
    assert (
        likeness({"run", "sign"}, {"run", "half"}, weights)
        < likeness({"run"}, {"run", "half"}, weights)
        < 0.5
    )


@given(SETS, SETS, WEIGHTS)
def test_it_is_symmetric_and_one_for_equal_sets_alone(
    one: set[int], other: set[int], weights: dict[int, float]
) -> None:
    found = likeness(one, other, weights)
    assert 0.0 <= found <= 1.0
    assert found == likeness(other, one, weights)
    assert (found == 1.0) == (one == other and bool(one))
    assert (found == 0.0) == (not one & other)


@given(SETS, SETS)
def test_it_never_falls_when_both_gain_the_same(one: set[int], other: set[int]) -> None:
    assert likeness(one | {99}, other | {99}, {}) >= likeness(one, other, {})


def test_nothing_is_like_nothing() -> None:
    assert likeness(set(), set(), {}) == 0.0
    assert rarity([]) == {}
    assert unseen_weight(0) > 0
