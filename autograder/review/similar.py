"""How alike the answers of a class are: a plain comparison of words, to mark like alike and to see copies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from functools import lru_cache

LEAST_ALIKE = 0.6
MAX_WORDS = 400
MAX_SHOWN = 8


def alike(answer: str, others: Mapping[str, str]) -> list[tuple[str, float]]:
    """Return the keys of the answers that resemble `answer`, most alike first, with how much (0.6 to 1).

    Parameters
    ----------
    others : key to answer
    """
    found = []
    for key, other in others.items():
        ratio = likeness(answer, other)
        if ratio >= LEAST_ALIKE:
            found.append((key, ratio))
    return sorted(found, key=lambda one: (-one[1], one[0]))[:MAX_SHOWN]


def likeness(one: str, other: str) -> float:
    """Return twice the common words of two texts by all their words (0 to 1); 0 where it is below `LEAST_ALIKE`.

    >>> likeness("The chain mixes slowly.", "the chain mixes SLOWLY"), likeness("", "")
    (1.0, 0.0)
    """
    words = _words(one)
    return _ratio(words, _words(other)) if words else 0.0


@lru_cache(maxsize=20_000)
def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.lower())[:MAX_WORDS])


@lru_cache(maxsize=200_000)
def _ratio(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if matcher.real_quick_ratio() < LEAST_ALIKE or matcher.quick_ratio() < LEAST_ALIKE:
        return 0.0
    return round(matcher.ratio(), 3)
