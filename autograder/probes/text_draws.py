"""Inputs for notebooks of text: characters for a tokeniser, a text to cut into windows, a model for a beam search."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from autograder.probes.challenges import DrawParams, Values
from autograder.registry import DRAWS
from autograder.stats.beams import beam_search, likeliest_path, mistaken_paths

UNKNOWN = ("€", "λ", "☃", "Ж")
"""Characters that a text in English does not have; the kernel takes one that the notebook's own vocabulary lacks."""
MAX_WIDTH = 12
"""Widths that a function may fix by itself."""
MAX_TRIES = 20_000
LEAST_MARGIN = 1e-2


class CharacterTexts(DrawParams):
    """Texts of the characters that a notebook knows, and one with a character that it does not know."""

    n: int = Field(default=3, ge=1, le=16)
    length: int = Field(default=40, ge=4, le=1000)
    decode: list[str]
    """Names of the function that turns tokens into text, best first."""


@DRAWS.register(CharacterTexts)
def character_texts(rng: np.random.Generator, params: CharacterTexts) -> Values:
    """Places of characters in the notebook's own vocabulary, and characters that it is unlikely to have.

    The last text begins and ends with the first character that is known, a blank or the end of a line in nearly every table.
    """
    places = rng.integers(0, 10**6, size=(params.n, params.length))
    places[-1, [0, -1]] = 0
    return {
        "places": places.tolist(),
        "unknown": list(UNKNOWN),
        "decode": params.decode,
    }


class WindowTokens(DrawParams):
    """A text of different tokens, so that each tells what follows it."""

    n: int = Field(default=700, ge=50, le=5000)
    context_length: int = Field(default=12, ge=3, le=128)
    """What a function is told where it takes a length."""
    batch_size: int = Field(default=5, ge=1, le=64)


@DRAWS.register(WindowTokens)
def window_tokens(rng: np.random.Generator, params: WindowTokens) -> Values:
    """A permutation of 0, ..., n - 1, the length of a window and the size of a batch."""
    tokens = rng.permutation(params.n).tolist()
    return {"tokens": tokens, "context_length": params.context_length, "batch_size": params.batch_size}


class BeamProblem(DrawParams):
    """A table of next-token laws on which a beam finds what the greedy path misses."""

    of: Literal["any_width", "one_width"] = "any_width"
    """`any_width`: every width from 2 on finds the likeliest path; `one_width`: the width of 2 finds another path than
    any larger one."""
    n_tokens: int = Field(default=8, ge=4, le=12)
    n: int = Field(default=6, ge=3, le=12)
    n_prompt: int = Field(default=5, ge=1, le=64)
    context_length: int = Field(default=128, ge=8)
    guesses: bool = True
    """Whether functions of any name are tried where no name fits; they count where they are right."""


@DRAWS.register(BeamProblem)
def beam_problem(rng: np.random.Generator, params: BeamProblem) -> Values:
    """A prompt, logits by the last token, and a width; greedy and the usual mistakes find other paths."""
    for _ in range(MAX_TRIES):
        table = (rng.normal(size=(params.n_tokens, params.n_tokens)) * 1.3).round(3)
        shifts = rng.uniform(-4.0, 4.0, size=(params.n_tokens, 1)).round(3)  # a softmax does not see them
        start = int(rng.integers(params.n_tokens))
        width = 2 if params.of == "one_width" else int(rng.integers(3, 6))
        if _tells(table + shifts, start, params.n, width, params.of == "one_width"):
            break
    else:
        raise ValueError("no table was found on which a beam search differs from the greedy path")
    prompt = [*rng.integers(params.n_tokens, size=params.n_prompt - 1).tolist(), start]
    return {
        "strategy": "beam",
        "prompt": prompt,
        "n": params.n,
        "width": width,
        "context_length": params.context_length,
        "guesses": params.guesses,
        "table": (table + shifts).round(3).tolist(),
    }


def _tells(logits: np.ndarray, start: int, n: int, width: int, is_one_width: bool) -> bool:
    """Whether right and wrong searches end with different paths, none of them by a hair."""
    logits = logits.round(3)
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    meant = beam_search(log_probs, start, n, width)
    best = likeliest_path(log_probs, start, n)
    if (meant.path == best) is is_one_width or meant.margin < LEAST_MARGIN:
        return False
    others = [beam_search(log_probs, start, n, w) for w in range(2, MAX_WIDTH + 1) if w != width]
    if any((one.path == meant.path) is is_one_width for one in others):
        return False
    return meant.path not in mistaken_paths(log_probs, logits, start, n, width).values()
