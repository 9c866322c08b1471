"""A table of song lyrics: counts, lengths, words, and a picture of the words.

A word is a run of letters, which may hold apostrophes, in lower case: "Don't" and "don't" are one word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes

STOP_WORDS = frozenset(
    {
        "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "from", "i", "i'm", "in", "is", "it", "me", "my",
        "not", "of", "on", "or", "so", "that", "the", "this", "to", "was", "we", "with", "you", "your",
    }
)  # fmt: skip
"""Words that say nothing about a song."""


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case: runs of letters with apostrophes inside."""
    return re.findall(r"[a-zà-ÿ]+(?:['’][a-zà-ÿ]+)*", text.lower())


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Return how often each word is used in all texts together."""
    return Counter(word for text in texts for word in words_of(text))


def draw_word_cloud(ax: Axes, counts: Counter[str], n_words: int, rng: np.random.Generator) -> None:
    """Draw the n most used words at random places, in sizes that follow the roots of their counts.

    Parameters
    ----------
    ax
        Empty axes, which become the unit square without ticks.
    counts
        Uses of each word.
    n_words
        How many are drawn; those that say nothing should be left out before.
    rng
        Gives the places and the colours.
    """
    chosen = counts.most_common(n_words)
    largest = chosen[0][1]
    rows = rng.permutation(n_words)
    for row, (word, count) in zip(rows, chosen, strict=True):
        ax.text(
            rng.uniform(0.12, 0.88),
            (row + 0.5) / n_words,
            word,
            fontsize=8 + 30 * (count / largest) ** 0.5,
            color=f"C{rng.integers(10)}",
            ha="center",
            va="center",
        )
    ax.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
