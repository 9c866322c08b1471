"""Truths of the table that notebooks are shown: computed when it is known which, and kept in the run.

A golden file holds those of the stand-in; the numbers of a course's own table take their place while it is graded.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import ClassVar

from autograder.datasets import how_to_get, table_path
from autograder.errors import UsageError
from autograder.golden import GoldenValue
from autograder.registry import TRUTHS
from autograder.stats.words import CHARACTERS, WORDS, means, ranked
from autograder.tables import Songs, read_songs
from autograder.truths import TruthParams

N_ROWS = 10
"""Rows at either end of the table whose titles are known."""


class OfSongs(TruthParams):
    """A table of songs."""

    of_data: ClassVar[bool] = True
    data: str = "Lyrics"
    """Which of the course's own tables it is."""


def _songs(params: OfSongs, folder: Path) -> Songs:
    path = table_path(folder, params.data)
    if path is None:
        raise UsageError(f"{folder} holds no {params.data}: {how_to_get(folder, [params.data])}")
    return read_songs(path)


def _count(value: float, source: str) -> GoldenValue:
    return GoldenValue(truth=float(value), source=source)


@TRUTHS.register(OfSongs)
def titles_of_rows(params: OfSongs, folder: Path) -> dict[str, GoldenValue]:
    """Titles and columns of the table: `[title]` the row of each of its first and last songs, `.column[name]` its place."""
    songs = _songs(params, folder)
    n = len(songs.titles)
    rows = [*range(min(N_ROWS, n)), *range(max(N_ROWS, n - N_ROWS), n)]
    found = {f"[{songs.titles[row]}]": _count(row, "row of the table") for row in rows}
    return found | {
        f".column[{name}]": _count(at, "column of the table") for at, name in enumerate(songs.columns)
    }


@TRUTHS.register(OfSongs)
def songs_of_artists(params: OfSongs, folder: Path) -> dict[str, GoldenValue]:
    """How many songs each artist has: `[artist]`; `.distinct[artist]` where titles are repeated."""
    songs = _songs(params, folder)
    rows = Counter(songs.artists)
    titles = Counter(artist for artist, _ in set(zip(songs.artists, songs.titles, strict=True)))
    found = {f"[{artist}]": _count(n, "rows of the table") for artist, n in rows.items()}
    return found | {
        f".distinct[{artist}]": _count(n, "distinct titles")
        for artist, n in titles.items()
        if n != rows[artist]
    }


@TRUTHS.register(OfSongs)
def size_of_table(params: OfSongs, folder: Path) -> dict[str, GoldenValue]:
    """Rows, columns, cells and bytes of the table, and its rows without repeats and without missing lyrics."""
    songs = _songs(params, folder)
    n, pairs = len(songs.titles), list(zip(songs.artists, songs.titles, songs.lyrics, strict=True))
    sizes = {
        "rows": n,
        "columns": len(songs.columns),
        "cells": n * len(songs.columns),
        "bytes": songs.n_bytes,
        "artists": len(set(songs.artists)),
        "titles": len(set(songs.titles)),
        "distinct": len(set(pairs)),
        "with_lyrics": sum(bool(one[2]) for one in pairs),
    }
    return {f".{name}": _count(value, "the table") for name, value in sizes.items()}


@TRUTHS.register(OfSongs)
def lengths_of_songs(params: OfSongs, folder: Path) -> dict[str, GoldenValue]:
    """Mean length of the lyrics, `.characters[rule]` and `.words[rule]`, by every rule of what is counted."""
    texts = [text for text in _songs(params, folder).lyrics if text]
    return {
        f".{kind}[{rule}]": _count(value, "mean over the songs")
        for kind, lengths in (("characters", CHARACTERS), ("words", WORDS))
        for rule, value in means(texts, lengths).items()
    }


@TRUTHS.register(OfSongs)
def counts_of_words(params: OfSongs, folder: Path) -> dict[str, GoldenValue]:
    """The most used words of all lyrics with their counts, `[rule][word]`, by every rule of what a word is."""
    return {
        f"[{rule}][{word}]": _count(count, "uses in all lyrics")
        for rule, counts in ranked(_songs(params, folder).lyrics).items()
        for word, count in counts.items()
    }
