"""Fingerprints of a row of words by winnowing (Schleimer, Wilkerson, Aiken 2003), with the library copydetect.

Of every `WINDOW` successive runs of `N_WORDS` words one is kept, by its hash: whatever two rows share that is at least
`N_WORDS + WINDOW - 1` words long leaves a common fingerprint, and nothing shorter than `N_WORDS` does.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from autograder.errors import UsageError

N_WORDS = 12
"""Words that are the same in a row before it counts: a statement or two."""
WINDOW = 4


@dataclass(frozen=True)
class Prints:
    """The fingerprints of one notebook."""

    at: Mapping[int, list[int]]
    """Fingerprint to the positions where it begins, in the row of words."""

    @property
    def hashes(self) -> frozenset[int]:
        """The fingerprints alone."""
        return frozenset(self.at)


@cache
def library() -> Any:
    """Return `copydetect.utils`; UsageError where it is not installed."""
    try:
        from copydetect import utils
    except ImportError as error:
        raise UsageError(
            f"comparing notebooks needs packages that are not installed ({error.name}); "
            'install them with: pip install "generative-autograder[similarity]"'
        ) from error
    return utils


def runs_of(words: Sequence[str]) -> frozenset[int]:
    """Return every run of `N_WORDS` words, not a selection: what is left out of other rows wherever it stands."""
    return frozenset(_hashed(words).tolist())


def prints_of(words: Sequence[str], given: frozenset[int] = frozenset()) -> Prints:
    """Return the fingerprints of a row of words.

    Parameters
    ----------
    given : runs that are anybody's, as those of the template
    """
    hashes = _hashed(words)
    if not len(hashes):
        return Prints({})
    kept, places = library().winnow(hashes, min(WINDOW, len(hashes)), remove_duplicates=False)
    at: dict[int, list[int]] = {}
    for value, place in zip(kept.tolist(), places.tolist(), strict=True):
        if value not in given:
            at.setdefault(value, []).append(place)
    return Prints(at)


def _hashed(words: Sequence[str]) -> np.ndarray:
    # copydetect hashes slices with `hash`: of text it differs from process to process, of whole numbers it does not
    numbers = tuple(zlib.crc32(word.encode("utf-8", "replace")) for word in words)
    if len(numbers) < N_WORDS:
        return np.array([], dtype=np.int64)
    return np.asarray(library().hashed_kgrams(numbers, N_WORDS), dtype=np.int64)


@dataclass(frozen=True)
class Region:
    """A stretch of words, by position: the first and the one behind the last."""

    start: int
    stop: int
    number: int
    """Regions of two notebooks with the same number share the most."""


def shared_regions(one: Prints, other: Prints) -> tuple[list[Region], list[Region]]:
    """Return the stretches of two rows of words that share fingerprints, those of the first numbered from 1."""
    common_one, common_other = library().find_fingerprint_overlap(one.hashes, other.hashes, one.at, other.at)
    stretches = [_stretches(common) for common in (common_one, common_other)]
    first = [Region(start, stop, number) for number, (start, stop) in enumerate(stretches[0], 1)]
    owner = {place: region.number for region in first for place in range(region.start, region.stop)}
    starts = [start for start, _ in stretches[1]]
    votes: dict[int, dict[int, int]] = {}
    for value in one.hashes & other.hashes:
        numbers = {owner[place] for place in one.at[value] if place in owner}
        for place in other.at[value]:
            index = bisect_right(starts, place) - 1
            for number in numbers:
                counted = votes.setdefault(index, {})
                counted[number] = counted.get(number, 0) + 1
    second = [
        Region(start, stop, max(votes[index], key=lambda number: (votes[index][number], -number)))
        for index, (start, stop) in enumerate(stretches[1])
    ]
    return first, second


def _stretches(places: np.ndarray) -> list[tuple[int, int]]:
    if not len(places):
        return []
    starts, stops = library().get_copied_slices(np.unique(places), N_WORDS)
    return [(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)]
