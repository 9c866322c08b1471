"""Models of n-grams of characters, the baseline of every other language model.

A model of order n gives p(token | the n - 1 tokens before it) from counts, with additive smoothing; an
interpolated model mixes the orders 1, ..., n (Jelinek and Mercer 1980).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Array = NDArray[np.float64]


class NGramModel(NamedTuple):
    """Counts of the n-grams, and of the contexts that they continue, of one training sequence."""

    n: int
    vocab_size: int
    alpha: float  # added to the count of every n-gram
    codes: Codes  # (k,), rising: the n-grams seen
    counts: Codes  # (k,)
    context_codes: Codes  # (m,), rising: the contexts seen, of n - 1 tokens
    context_counts: Codes  # (m,)


def ngram_codes(tokens: Codes, n: int, vocab_size: int) -> Codes:
    """Return one number for each run of n tokens (len(tokens) - n + 1,): its digits in base vocab_size."""
    codes = np.zeros(max(0, len(tokens) - n + 1), dtype=np.int64)
    for offset in range(n):
        codes = codes * vocab_size + tokens[offset : offset + len(codes)]
    return codes


def fit_ngram(tokens: Codes, n: int, vocab_size: int, alpha: float) -> NGramModel:
    """Return the n-gram model of a sequence.

    p(token | context) = (count(context, token) + alpha) / (count(context) + alpha * vocab_size).

    Parameters
    ----------
    tokens
        Shape (n_tokens,), values in 0..vocab_size - 1.
    n
        Order: 1 looks at no context, 2 at one token, ...
    alpha
        Additive smoothing, positive (1 is Laplace's rule).

    Raises
    ------
    ValueError
        An order below 1, no smoothing, tokens outside the vocabulary, or codes that 64 bits do not hold.
    """
    tokens = np.asarray(tokens, dtype=np.int64)
    if n < 1 or alpha <= 0.0 or n * math.log2(vocab_size) >= 63:
        raise ValueError(f"expected n >= 1, alpha > 0, vocab_size^n < 2^63; got {n}, {alpha}, {vocab_size}")
    if len(tokens) and not 0 <= tokens.min() <= tokens.max() < vocab_size:
        raise ValueError(f"expected tokens in 0..{vocab_size - 1}, got {tokens.min()}..{tokens.max()}")
    codes, counts = np.unique(ngram_codes(tokens, n, vocab_size), return_counts=True)
    starts, first = np.unique(codes // vocab_size, return_index=True)  # contexts that something follows
    context_counts = np.add.reduceat(counts, first) if len(first) else counts
    return NGramModel(n, vocab_size, alpha, codes, counts, starts, context_counts)


def count_of(wanted: Codes, codes: Codes, counts: Codes) -> Codes:
    """Return the count of each wanted code, 0 where it was not seen; `codes` rise."""
    if len(codes) == 0:
        return np.zeros(wanted.shape, dtype=np.int64)
    places = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
    return np.where(codes[places] == wanted, counts[places], 0)


def ngram_probs(model: NGramModel, tokens: Codes) -> Array:
    """Return p(tokens[i] | the n - 1 tokens before it) for i = n - 1, ..., shape (len(tokens) - n + 1,)."""
    codes = ngram_codes(np.asarray(tokens, dtype=np.int64), model.n, model.vocab_size)
    joint = count_of(codes, model.codes, model.counts)
    context = count_of(codes // model.vocab_size, model.context_codes, model.context_counts)
    probs: Array = (joint + model.alpha) / (context + model.alpha * model.vocab_size)
    return probs


def interpolated_probs(models: list[NGramModel], weights: Array, tokens: Codes) -> Array:
    """Return the mixture sum_j weights[j] p_j of several orders, where the longest one has its context.

    Parameters
    ----------
    models
        Any orders, of one vocabulary.
    weights
        Shape (len(models),), not negative, sum 1.

    Returns
    -------
    Array
        Shape (len(tokens) - n + 1,), n the highest order.
    """
    is_law = np.all(np.asarray(weights) >= 0.0) and math.isclose(np.sum(weights), 1.0)
    if len(weights) != len(models) or not is_law:
        raise ValueError(f"expected {len(models)} weights that are not negative and sum to 1, got {weights}")
    mixture: Array = np.tensordot(np.asarray(weights), component_probs(models, tokens), axes=1)
    return mixture


def component_probs(models: list[NGramModel], tokens: Codes) -> Array:
    """Return the probabilities (len(models), len(tokens) - n + 1) of each model, n the highest order."""
    longest = max(model.n for model in models)
    return np.array([ngram_probs(model, tokens[longest - model.n :]) for model in models])


def interpolation_weights(models: list[NGramModel], held_out: Codes, n_iterations: int = 50) -> Array:
    """Return weights (len(models),) of high likelihood on held-out tokens, by EM from equal weights.

    No iteration lowers the likelihood (Jelinek and Mercer 1980). The tokens must not be those that were
    counted (the highest order would take all), nor those that are scored afterwards.
    """
    probs = component_probs(models, held_out)  # (k, n)
    weights = np.full(len(models), 1.0 / len(models))
    for _ in range(n_iterations):
        joint = weights[:, None] * probs  # (k, n)
        weights = np.mean(joint / joint.sum(axis=0), axis=1)
    return weights


def ngram_perplexity(probs: Array) -> float:
    """Return exp of the mean of -log p over tokens: 1 or more (lower is better).

    The first n - 1 tokens of a split serve as context only.
    """
    if len(probs) == 0:
        raise ValueError("expected at least one scored token: the split is shorter than the n-gram")
    return float(np.exp(-np.mean(np.log(probs))))
