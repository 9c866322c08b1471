"""Beam search on a table of next-token laws: what each width finds, what is likeliest, and what usual mistakes find.

The law of the next token depends on the last one alone, log p(j | i) = table[i, j], so that the likeliest path is known
exactly (Viterbi 1967) and a test may enumerate all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from autograder.stats.arrays import FloatArray

Tokens = tuple[int, ...]


class Beam(NamedTuple):
    """What a beam search ends with."""

    path: Tokens
    score: float
    """Log-probability of the path in nats."""
    margin: float
    """Least distance of a score that was kept from one that was not, and of the best path from the next."""


def beam_search(
    log_probs: FloatArray, start: int, n: int, width: int, scores: FloatArray | None = None
) -> Beam:
    """Return the best of `width` hypotheses that are extended n times and cut to the `width` best each time.

    Parameters
    ----------
    log_probs
        Shape (K, K): row i holds log p(j | i).
    start
        The token that the first new one follows.
    scores
        What is added up in place of `log_probs`: a mistake's scores.
    """
    added = log_probs if scores is None else scores
    kept: list[tuple[float, Tokens]] = [(0.0, ())]
    margin = np.inf
    for step in range(n):
        grown = [
            (score + float(added[path[-1] if path else start, token]), (*path, token))
            for score, path in kept
            for token in range(len(log_probs))
        ]
        grown.sort(key=lambda one: -one[0])
        cut = 1 if step == n - 1 else width
        if len(grown) > cut:
            margin = min(margin, grown[cut - 1][0] - grown[cut][0])
        kept = grown[:width]
    return Beam(kept[0][1], log_prob_of(kept[0][1], start, log_probs), margin)


def likeliest_path(log_probs: FloatArray, start: int, n: int) -> Tokens:
    """Return the path of n tokens that has the largest probability (Viterbi 1967)."""
    scores = log_probs[start]
    back: list[np.ndarray] = []
    for _ in range(n - 1):
        grown = scores[:, None] + log_probs
        back.append(grown.argmax(axis=0))
        scores = grown.max(axis=0)
    path = [int(scores.argmax())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return tuple(reversed(path))


def log_prob_of(path: Sequence[int], start: int, log_probs: FloatArray) -> float:
    """Return the log-probability of a path after `start`, in nats (higher is better)."""
    return float(sum(log_probs[i, j] for i, j in zip((start, *path), path, strict=False)))


MISTAKES = {
    "greedy": "it follows the most probable token each time: a beam keeps several beginnings",
    "logits": "it adds up logits; only log-probabilities of different beginnings can be compared",
    "last_only": "it compares beginnings by their last token alone: scores add up along the path",
    "first_only": "it keeps several first tokens and goes on greedily from each: after every token all of them compete",
    "worst": "of the paths that are left it gives the least probable one",
    "least": "it keeps the least probable paths",
}
"""What each mistake does, in words that follow a colon."""


def mistaken_paths(
    log_probs: FloatArray, logits: FloatArray, start: int, n: int, width: int
) -> dict[str, Tokens]:
    """Return what each of the usual mistakes finds, by the keys of `MISTAKES`."""
    width = max(2, width)
    return {
        "greedy": beam_search(log_probs, start, n, 1).path,
        "logits": beam_search(log_probs, start, n, width, scores=logits).path,
        "last_only": _by_last_token(log_probs, start, n, width)[0],
        "first_only": _greedy_from_each(log_probs, start, n, width),
        "worst": _kept(log_probs, start, n, width)[-1],
        "least": beam_search(log_probs, start, n, width, scores=-log_probs).path,
    }


def _kept(log_probs: FloatArray, start: int, n: int, width: int) -> list[Tokens]:
    kept: list[Tokens] = [()]
    for _ in range(n):
        grown = [(*path, token) for path in kept for token in range(len(log_probs))]
        kept = sorted(grown, key=lambda path: -log_prob_of(path, start, log_probs))[:width]
    return kept


def _by_last_token(log_probs: FloatArray, start: int, n: int, width: int) -> list[Tokens]:
    kept: list[Tokens] = [()]
    for _ in range(n):
        grown = [
            (float(log_probs[path[-1] if path else start, token]), (*path, token))
            for path in kept
            for token in range(len(log_probs))
        ]
        kept = [path for _, path in sorted(grown, key=lambda one: -one[0])[:width]]
    return kept


def _greedy_from_each(log_probs: FloatArray, start: int, n: int, width: int) -> Tokens:
    first = np.argsort(-log_probs[start])[:width]
    paths = [(int(token), *beam_search(log_probs, int(token), n - 1, 1).path) for token in first]
    return max(paths, key=lambda path: log_prob_of(path, start, log_probs))
