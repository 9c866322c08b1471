"""Texts under the law that they were drawn from: correct draws pass at their rate, other settings are seen."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.stats.generations import Follows, Kept, fits_law, kept_mass, kept_top, temperature_fits

N, V = 200, 65


def laws(rng: np.random.Generator, sharpness: float = 2.0) -> np.ndarray:
    """Laws as a model trained for a while has them: some sure, some not."""
    logits = rng.normal(size=(N, V)) * rng.uniform(0.3, sharpness, size=(N, 1))
    weights = np.exp(logits)
    return -np.sort(-weights / weights.sum(axis=1, keepdims=True), axis=1)


def drawn(rng: np.random.Generator, kept: Kept, temperature: float = 1.0) -> Follows:
    given = laws(rng)
    at = Follows(np.zeros(N, dtype=np.int64), given).at(kept, temperature)
    ranks = np.array([rng.choice(V, p=row / row.sum()) for row in at])
    return Follows(ranks, given)


def p_value(one: Follows, kept: Kept) -> float:
    return 0.0 if one.n_outside(kept, 1.0) else min(fits_law(one, kept), temperature_fits(one, kept))


@pytest.mark.parametrize("kept", [kept_top(20), kept_mass(0.9, True), kept_mass(0.9, False)])
def test_correct_draws_fail_at_the_stated_rate(kept: Kept) -> None:
    rng = np.random.default_rng(5)
    rate, n_texts = 0.02, 300
    failures = sum(p_value(drawn(rng, kept), kept) < rate / 2 for _ in range(n_texts))
    # Two tests share a rate of 0.02: 6 of 300 are expected at most, 18 once in 100,000.
    assert failures <= 18


@pytest.mark.parametrize("temperature", [0.7, 1.6])
def test_another_temperature_is_seen_and_named(temperature: float) -> None:
    rng = np.random.default_rng(6)
    kept = kept_top(20)
    texts = [drawn(rng, kept, temperature) for _ in range(20)]
    # One text of 200 tokens shows it at a rate of 0.001 in four of five cases.
    assert sum(p_value(one, kept) < 1e-3 for one in texts) >= 13
    assert np.median([one.temperature(kept) for one in texts]) == pytest.approx(temperature, abs=0.1)


def test_fewer_and_more_tokens_than_k_are_seen() -> None:
    rng = np.random.default_rng(7)
    assert p_value(drawn(rng, kept_top(5)), kept_top(20)) < 1e-6
    assert drawn(rng, kept_top(60)).n_outside(kept_top(20), 1.0) > 5
    assert p_value(drawn(rng, kept_mass(0.5, True)), kept_mass(0.9, True)) < 1e-6


def test_a_greedy_text_has_the_least_temperature() -> None:
    rng = np.random.default_rng(8)
    greedy = Follows(np.zeros(N, dtype=np.int64), laws(rng))
    assert greedy.temperature(kept_top(20)) == pytest.approx(0.05)


def test_laws_of_one_likely_token_are_not_called_wrong() -> None:
    """A model that ends in a softmax has nearly uniform laws, whose mean log-probability is far from normal."""
    rng = np.random.default_rng(9)
    failures = 0
    for _ in range(300):
        given = np.exp(rng.dirichlet(np.full(V, 0.02), size=N))
        given = -np.sort(-given / given.sum(axis=1, keepdims=True), axis=1)
        at = Follows(np.zeros(N, dtype=np.int64), given).at(kept_top(20), 1.0)
        ranks = np.array([rng.choice(V, p=row / row.sum()) for row in at])
        failures += p_value(Follows(ranks, given), kept_top(20)) < 1e-3
    # Two tests at 0.001 of 300 texts: 0.6 are expected, 6 once in 10,000.
    assert failures <= 5
