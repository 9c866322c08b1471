"""n-gram models against counts in plain Python, closed forms, and the law that probabilities sum to one."""

import math
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference import data
from reference.ngrams import (
    fit_ngram,
    interpolated_probs,
    interpolation_weights,
    ngram_perplexity,
    ngram_probs,
)
from reference.stand_ins import grammar_text
from reference.tokenizers import build_vocab

TOKENS = st.lists(st.integers(0, 3), min_size=0, max_size=30)


@given(TOKENS, TOKENS, st.integers(1, 4), st.floats(0.01, 5.0))
def test_probabilities_agree_with_counts_in_plain_python(
    train: list[int], test: list[int], n: int, alpha: float
) -> None:
    model = fit_ngram(np.array(train, dtype=np.int64), n, 4, alpha)
    grams = Counter(tuple(train[i : i + n]) for i in range(len(train) - n + 1))
    contexts: Counter[tuple[int, ...]] = Counter()
    for gram, count in grams.items():
        contexts[gram[:-1]] += count
    expected = []
    for i in range(len(test) - n + 1):
        gram = tuple(test[i : i + n])
        expected.append((grams[gram] + alpha) / (contexts[gram[:-1]] + 4 * alpha))
    np.testing.assert_allclose(ngram_probs(model, np.array(test, dtype=np.int64)), expected, rtol=1e-12)


@given(TOKENS, st.integers(1, 3), st.floats(0.01, 5.0))
def test_probabilities_of_all_continuations_sum_to_one(train: list[int], n: int, alpha: float) -> None:
    model = fit_ngram(np.array(train, dtype=np.int64), n, 4, alpha)
    for context in product(range(4), repeat=n - 1):
        probs = [ngram_probs(model, np.array([*context, token]))[0] for token in range(4)]
        assert sum(probs) == pytest.approx(1.0)
        assert min(probs) > 0


def test_perplexity_in_closed_form() -> None:
    """A coin has 2, a cycle nearly 1 once a token of the past is seen, and nothing learnt the vocabulary."""
    cycle = np.arange(3_000) % 3
    assert ngram_perplexity(ngram_probs(fit_ngram(cycle, 1, 3, 1e-9), cycle)) == pytest.approx(3.0)
    assert ngram_perplexity(ngram_probs(fit_ngram(cycle, 2, 3, 1e-9), cycle)) == pytest.approx(1.0)
    assert ngram_perplexity(ngram_probs(fit_ngram(cycle[:0], 2, 7, 1.0), cycle)) == pytest.approx(7.0)
    assert ngram_perplexity(np.full(9, 0.5)) == pytest.approx(2.0)
    assert ngram_perplexity(np.array([0.1, 0.4])) == pytest.approx(5.0)


def test_interpolation_is_the_mixture_and_its_corners_are_the_models() -> None:
    g = np.random.default_rng(0)
    train, test = g.integers(0, 5, 300), g.integers(0, 5, 60)
    models = [fit_ngram(train, n, 5, 0.5) for n in (1, 2, 3)]
    weights = np.array([0.2, 0.3, 0.5])
    parts = [ngram_probs(model, test)[2 - i :] for i, model in enumerate(models)]
    np.testing.assert_allclose(interpolated_probs(models, weights, test), weights @ np.array(parts))
    for i, corner in enumerate(np.eye(3)):
        np.testing.assert_allclose(interpolated_probs(models, corner, test), parts[i])


@pytest.mark.parametrize("weights", [[1.0], [0.5, 0.6], [1.5, -0.5]])
def test_weights_that_are_no_law_are_refused(weights: list[float]) -> None:
    models = [fit_ngram(np.arange(4), n, 4, 1.0) for n in (1, 2)]
    with pytest.raises(ValueError, match="expected 2 weights"):
        interpolated_probs(models, np.array(weights), np.arange(4))


def test_em_beats_equal_weights_and_every_single_order() -> None:
    text = grammar_text(4_000, np.random.default_rng(0))
    tokens = build_vocab(text).encode(text).numpy()
    train, held_out = tokens[:3_000], tokens[3_000:]
    models = [fit_ngram(train, n, len(set(text)), 0.1) for n in (1, 2, 3, 5)]
    weights = interpolation_weights(models, held_out)
    assert weights.shape == (4,)
    assert math.isclose(weights.sum(), 1.0)
    best = ngram_perplexity(interpolated_probs(models, weights, held_out))
    for other in (np.full(4, 0.25), *np.eye(4)):
        assert best <= ngram_perplexity(interpolated_probs(models, other, held_out)) + 1e-9


@pytest.mark.parametrize(("n", "alpha", "vocab_size"), [(0, 1.0, 4), (1, 0.0, 4), (32, 1.0, 4)])
def test_orders_and_smoothing_out_of_range_are_refused(n: int, alpha: float, vocab_size: int) -> None:
    with pytest.raises(ValueError, match="expected n >= 1, alpha > 0"):
        fit_ngram(np.arange(4), n, vocab_size, alpha)


def test_tokens_outside_the_vocabulary_and_empty_splits_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected tokens in 0\.\.2, got 0\.\.3"):
        fit_ngram(np.arange(4), 2, 3, 1.0)
    with pytest.raises(ValueError, match="shorter than the n-gram"):
        ngram_perplexity(ngram_probs(fit_ngram(np.arange(4), 3, 4, 1.0), np.arange(2)))


def test_tiny_shakespeare_has_its_known_perplexities(data_sets: Path) -> None:
    """Deterministic counts; of single characters, the exponential of the cross-entropy of two histograms."""
    text = data.load_text(data_sets)
    train, validation, _ = (build_vocab(text).encode(part).numpy() for part in data.split_text(text))
    p = (np.bincount(train, minlength=65) + 0.1) / (len(train) + 6.5)
    q = np.bincount(validation, minlength=65) / len(validation)
    found = [ngram_perplexity(ngram_probs(fit_ngram(train, n, 65, 0.1), validation)) for n in (1, 2, 3, 4)]
    assert found[0] == pytest.approx(np.exp(-np.sum(q * np.log(p))), rel=1e-12)
    assert found == pytest.approx([28.013710, 11.857987, 7.380756, 5.624016], rel=1e-6)
