"""Reviews and overrides in the gradebook: records that are added, never changed and never removed.

A mark is given to a *place*: a check of a submission, in the first round (which counts) or the second (a second
marker, whose points are only shown beside the first's). The last record of a place is its version: who writes says
which version was seen, and is refused when somebody wrote since. Undoing adds a record as well.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from autograder.errors import AutograderError
from autograder.gradebook import opened

Kind = Literal["review", "override"]
Round = Literal[1, 2]

_TABLES = """
CREATE TABLE IF NOT EXISTS reviews (
  id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, author TEXT NOT NULL,
  submission TEXT NOT NULL, check_id TEXT NOT NULL, round INTEGER NOT NULL CHECK (round IN (1, 2)),
  kind TEXT NOT NULL CHECK (kind IN ('review', 'override')), points REAL CHECK (points >= 0),
  criteria TEXT NOT NULL, comment TEXT NOT NULL, reason TEXT NOT NULL, basis TEXT NOT NULL,
  undoes INTEGER UNIQUE REFERENCES reviews(id),
  CHECK (kind <> 'override' OR undoes IS NOT NULL OR trim(reason) <> '')
);
CREATE INDEX IF NOT EXISTS reviews_places ON reviews (submission, check_id, round);
CREATE TRIGGER IF NOT EXISTS reviews_stay BEFORE UPDATE ON reviews
  BEGIN SELECT RAISE(ABORT, 'reviews are never changed'); END;
CREATE TRIGGER IF NOT EXISTS reviews_remain BEFORE DELETE ON reviews
  BEGIN SELECT RAISE(ABORT, 'reviews are never removed'); END;
CREATE TABLE IF NOT EXISTS drafts (
  author TEXT NOT NULL, submission TEXT NOT NULL, check_id TEXT NOT NULL, round INTEGER NOT NULL,
  time TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (author, submission, check_id, round)
);
"""
_COLUMNS = (
    "id, time, author, submission, check_id, round, kind, points, criteria, comment, reason, basis, undoes"
)


class Place(NamedTuple):
    """What is marked."""

    submission: str
    check: str
    round: Round = 1


@dataclass(frozen=True)
class Mark:
    """What a person gives; `points` None takes an earlier mark back."""

    kind: Kind
    points: float | None
    criteria: tuple[str, ...] = ()
    comment: str = ""
    reason: str = ""
    basis: Mapping[str, Any] = field(default_factory=dict)
    """What the mark was given to: see :mod:`autograder.review.basis`."""


@dataclass(frozen=True)
class Entry:
    """One record."""

    id: int
    time: str
    author: str
    place: Place
    mark: Mark
    undoes: int | None = None


@dataclass(frozen=True)
class Standing:
    """What holds at a place."""

    version: int = 0
    """The id of its last record; 0 when there is none."""
    entry: Entry | None = None
    """The record that holds; None when nothing does."""


class Stale(AutograderError):
    """Somebody wrote to the place since the writer saw it: nothing was written."""

    def __init__(self, standing: Standing):
        self.standing = standing
        by = f" by {standing.entry.author}" if standing.entry else ""
        super().__init__(f"This was marked{by} meanwhile; look at that mark, then decide.")


class NothingToUndo(AutograderError):
    """The author has no mark that could be undone."""


def add(path: Path, place: Place, author: str, mark: Mark, version: int) -> Standing:
    """Add a mark, in one transaction that also drops the author's draft; return what holds now.

    The same mark by the same author once more (an answer of the server that was lost) is no second record.

    Parameters
    ----------
    version : the version of the place that the author saw

    Raises
    ------
    Stale
        When the place has another version: nothing is written.
    ValueError
        When the points are no number of 0 or more, or an override gives no reason.
    """
    if mark.points is not None and not 0 <= mark.points < math.inf:
        raise ValueError(f"expected points of 0 or more, found {mark.points}")
    if mark.kind == "override" and not mark.reason.strip():
        raise ValueError("an override needs a reason")
    with _writing(path) as connection:
        standing = _standing(_rows(connection, place))
        if standing.version != version:
            entry = standing.entry
            if entry is not None and (entry.author, entry.mark) == (author, mark):
                return standing
            raise Stale(standing)
        _insert(connection, place, author, mark, None)
        connection.execute(
            "DELETE FROM drafts WHERE author = ? AND submission = ? AND check_id = ? AND round = ?",
            (author, *place),
        )
        return _standing(_rows(connection, place))


def undo(path: Path, author: str) -> tuple[Entry, Standing]:
    """Take back the author's last mark that was not taken back yet; return it, and what holds in its place.

    Raises
    ------
    NothingToUndo
        When there is none.
    Stale
        When somebody else wrote to its place since.
    """
    with _writing(path) as connection:
        query = (
            f"SELECT {_COLUMNS} FROM reviews WHERE author = ? AND undoes IS NULL "
            "AND id NOT IN (SELECT undoes FROM reviews WHERE undoes IS NOT NULL) ORDER BY id DESC LIMIT 1"
        )
        row = connection.execute(query, (author,)).fetchone()
        if row is None:
            raise NothingToUndo("There is no mark of yours to undo.")
        undone = _entry(row)
        rows = _rows(connection, undone.place)
        if _holding(rows)[-1].id != undone.id:
            raise Stale(_standing(rows))
        _insert(connection, undone.place, author, undone.mark, undone.id)
        return undone, _standing(_rows(connection, undone.place))


def standings(path: Path) -> dict[Place, Standing]:
    """Return what holds at every place that was ever marked; nothing when there is no gradebook yet."""
    if not path.exists():
        return {}
    with opened(path, _TABLES) as connection:
        rows = connection.execute(f"SELECT {_COLUMNS} FROM reviews ORDER BY id").fetchall()
    places: dict[Place, list[Entry]] = {}
    for entry in map(_entry, rows):
        places.setdefault(entry.place, []).append(entry)
    return {place: _standing(entries) for place, entries in places.items()}


def standing_of(path: Path, place: Place) -> Standing:
    """Return what holds at one place."""
    with opened(path, _TABLES) as connection:
        return _standing(_rows(connection, place))


def history(path: Path, submission: str | None = None) -> list[Entry]:
    """Return every record, oldest first, of one submission or of all."""
    where, values = ("WHERE submission = ?", (submission,)) if submission is not None else ("", ())
    with opened(path, _TABLES) as connection:
        return [
            _entry(row)
            for row in connection.execute(f"SELECT {_COLUMNS} FROM reviews {where} ORDER BY id", values)
        ]


def keep_draft(path: Path, place: Place, author: str, content: Mapping[str, Any]) -> None:
    """Keep what the author has typed and not given yet, in place of what was kept before."""
    with _writing(path) as connection:
        connection.execute(
            "INSERT OR REPLACE INTO drafts VALUES (?, ?, ?, ?, ?, ?)",
            (author, *place, _now(), json.dumps(dict(content), ensure_ascii=False)),
        )


def draft(path: Path, place: Place, author: str) -> dict[str, Any] | None:
    """Return what the author has typed and not given yet."""
    with opened(path, _TABLES) as connection:
        row = connection.execute(
            "SELECT content FROM drafts WHERE author = ? AND submission = ? AND check_id = ? AND round = ?",
            (author, *place),
        ).fetchone()
    return None if row is None else dict(json.loads(row[0]))


@contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    with opened(path, _TABLES) as connection:
        connection.execute("BEGIN IMMEDIATE")  # what was read still holds when it is written
        yield connection


def _rows(connection: sqlite3.Connection, place: Place) -> list[Entry]:
    query = f"SELECT {_COLUMNS} FROM reviews WHERE submission = ? AND check_id = ? AND round = ? ORDER BY id"
    return [_entry(row) for row in connection.execute(query, place)]


def _standing(entries: Iterable[Entry]) -> Standing:
    """Return what holds after these records of one place."""
    listed = list(entries)
    holding = _holding(listed)
    last = holding[-1] if holding and holding[-1].mark.points is not None else None
    return Standing(listed[-1].id if listed else 0, last)


def _holding(entries: Iterable[Entry]) -> list[Entry]:
    """Return the marks of one place that were not undone, oldest first."""
    listed = list(entries)
    undone = {entry.undoes for entry in listed}
    return [entry for entry in listed if entry.undoes is None and entry.id not in undone]


def _insert(
    connection: sqlite3.Connection, place: Place, author: str, mark: Mark, undoes: int | None
) -> None:
    criteria = json.dumps(list(mark.criteria), ensure_ascii=False)
    basis = json.dumps(dict(mark.basis), ensure_ascii=False, sort_keys=True)
    connection.execute(
        f"INSERT INTO reviews ({_COLUMNS.removeprefix('id, ')}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (_now(), author, *place, mark.kind, mark.points, criteria, mark.comment, mark.reason, basis, undoes),
    )


def _entry(row: tuple[Any, ...]) -> Entry:
    key, time, author, submission, check, round_, kind, points, criteria, comment, reason, basis, undoes = row
    mark = Mark(
        cast(Kind, kind), points, tuple(json.loads(criteria)), comment, reason, dict(json.loads(basis))
    )
    return Entry(key, time, author, Place(submission, check, round_), mark, undoes)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
