"""The course's own table of songs, read on the trusted side: who sings what, with which words."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import UsageError

MAX_BYTES = 512 * 2**20
MAX_FIELD = 2**24
_COLUMNS = {
    "artist": ("artist", "singer", "band", "performer"),
    "song": ("song", "title", "track"),
    "lyrics": ("lyric", "text", "words"),
}


@dataclass(frozen=True)
class Songs:
    """n songs, row by row as the file has them; what is missing is empty."""

    columns: tuple[str, ...]
    """All columns of the file."""
    artists: tuple[str, ...]
    titles: tuple[str, ...]
    lyrics: tuple[str, ...]
    n_bytes: int


def read_songs(path: Path) -> Songs:
    """Return the table of songs in a CSV file (UTF-8, else Latin-1; separated by commas, semicolons or tabs).

    Columns are known by their names, else taken in the order artist, song, ..., lyrics.

    Raises
    ------
    UsageError
        When the file cannot be read, is too large, or has fewer than three columns or no row.
    """
    try:
        seen = path.stat()
        return _read(path, seen.st_size, seen.st_mtime_ns)
    except (OSError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as a table ({error}); give a CSV file") from error


@functools.lru_cache(maxsize=2)
def _read(path: Path, size: int, mtime_ns: int) -> Songs:
    if size > MAX_BYTES:
        raise UsageError(f"{path} has {size:,} bytes; a table of songs may have {MAX_BYTES:,}")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    csv.field_size_limit(MAX_FIELD)
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    listed = [row for row in csv.reader(text.splitlines(keepends=True), delimiter=separator) if row]
    header, rows = listed[0] if listed else [], [row for row in listed[1:] if len(row) == len(listed[0])]
    if len(header) < len(_COLUMNS) or not rows:
        raise UsageError(
            f"{path}: expected columns for artist, song and lyrics and at least one row, found {header} and "
            f"{len(rows)} rows"
        )
    places = [_place(header, kind, at) for at, kind in enumerate(_COLUMNS)]
    artists, titles, lyrics = (tuple(row[place] for row in rows) for place in places)
    return Songs(tuple(header), artists, titles, lyrics, size)


def _place(header: list[str], kind: str, default: int) -> int:
    names = [name.strip().lower() for name in header]
    exact = [at for at, name in enumerate(names) if name in _COLUMNS[kind]]
    close = [at for at, name in enumerate(names) if any(word in name for word in _COLUMNS[kind])]
    return next(iter(exact + close), len(header) - 1 if kind == "lyrics" else default)
