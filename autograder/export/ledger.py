"""What was sent where, when and with which value: records in the gradebook that are added, never changed.

A *destination* is the place at an LMS that holds the scores of one assignment (`canvas:55`, `moodle`); a *route* is
the way there (a format of `export`, a `push`). All that one command sends is one *batch*. What holds for a student is
the last entry that was neither withdrawn (the file was never imported) nor followed by a failure in its own batch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from autograder.gradebook import opened

Action = Literal["written", "sending", "sent", "failed", "verified", "withdrawn"]
"""`written`: into a file, for a person to import. `sending`: a request is about to go out; an end with neither `sent` nor
`failed` behind it was cut off, and has to be read back. `verified`: found at the LMS; `failed`: it did not arrive, which
a verification records in the batch that was to bring it. `withdrawn`: the whole batch was never imported."""
What = Literal["score", "comment", "report", "rubric"]
EXCUSED = "EX"
"""The value of a score that says: excused."""

_TABLES = """
CREATE TABLE IF NOT EXISTS exports (
  id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, author TEXT NOT NULL, batch TEXT NOT NULL,
  destination TEXT NOT NULL, route TEXT NOT NULL, student TEXT NOT NULL, place TEXT NOT NULL,
  what TEXT NOT NULL CHECK (what IN ('score', 'comment', 'report', 'rubric')),
  action TEXT NOT NULL CHECK (action IN ('written', 'sending', 'sent', 'failed', 'verified', 'withdrawn')),
  value TEXT NOT NULL, detail TEXT NOT NULL, template_sha256 TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS exports_students ON exports (destination, student, what);
CREATE TRIGGER IF NOT EXISTS exports_stay BEFORE UPDATE ON exports
  BEGIN SELECT RAISE(ABORT, 'exports are never changed'); END;
CREATE TRIGGER IF NOT EXISTS exports_remain BEFORE DELETE ON exports
  BEGIN SELECT RAISE(ABORT, 'exports are never removed'); END;
"""
_COLUMNS = "id, time, author, batch, destination, route, student, place, what, action, value, detail, template_sha256"


@dataclass(frozen=True)
class Line:
    """One thing to record of one student."""

    student: str
    """Key of the student in the run."""
    place: str
    """Where at the destination: the participant, the user id, the row's key."""
    what: What = "score"
    value: str = ""
    """A score as decimal text (`78.50`) or EXCUSED; of everything else the sha256 of its content."""
    detail: str = ""


@dataclass(frozen=True)
class Entry:
    """One record."""

    id: int
    time: str
    author: str
    batch: str
    destination: str
    route: str
    student: str
    place: str
    what: What
    action: Action
    value: str
    detail: str
    template_sha256: str


@dataclass(frozen=True)
class Changes:
    """What a rerun has to send: students by what becomes of their score."""

    new: tuple[str, ...]
    """Never sent."""
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    lowered: tuple[str, ...]
    """The score fell; not in `changed`, unless that was allowed."""


def new_batch() -> str:
    """Return the name of a batch that nobody has."""
    return uuid4().hex


def record(
    path: Path,
    lines: Sequence[Line],
    action: Action,
    *,
    batch: str,
    destination: str,
    route: str,
    author: str,
    template_sha256: str = "",
) -> None:
    """Add a record for each line, all of them or none.

    Parameters
    ----------
    path : the gradebook

    Raises
    ------
    InternalError
        When the gradebook cannot be written.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    rows = [
        (
            now,
            author,
            batch,
            destination,
            route,
            line.student,
            line.place,
            line.what,
            action,
            line.value,
            line.detail,
            template_sha256,
        )
        for line in lines
    ]
    with _open(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            f"INSERT INTO exports ({_COLUMNS.removeprefix('id, ')}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def history(path: Path, destination: str | None = None) -> list[Entry]:
    """Return every record, oldest first, of one destination or of all."""
    if not path.exists():
        return []
    where, values = ("WHERE destination = ?", (destination,)) if destination is not None else ("", ())
    with _open(path) as connection:
        found = connection.execute(f"SELECT {_COLUMNS} FROM exports {where} ORDER BY id", values).fetchall()
    return [Entry(*row) for row in found]


def holding(entries: Sequence[Entry], what: What = "score") -> dict[str, Entry]:
    """Return, for each student, the last entry that holds: written, sent or verified, and not taken back since.

    Parameters
    ----------
    entries : of one destination, oldest first
    """
    withdrawn = {entry.batch for entry in entries if entry.action == "withdrawn"}
    last = {(entry.batch, entry.student): entry for entry in entries if entry.what == what}
    return {
        entry.student: entry
        for entry in last.values()
        if entry.action in ("written", "sent", "verified") and entry.batch not in withdrawn
    }


def unfinished(entries: Sequence[Entry], what: What = "score") -> dict[str, Entry]:
    """Return, for each student, a `sending` that nothing followed: whether it arrived has to be read back."""
    last = {entry.student: entry for entry in entries if entry.what == what and entry.action != "withdrawn"}
    return {student: entry for student, entry in last.items() if entry.action == "sending"}


def last_batch(entries: Sequence[Entry]) -> str | None:
    """Return the last batch that was written or sent and not withdrawn, or None."""
    withdrawn = {entry.batch for entry in entries if entry.action == "withdrawn"}
    batches = [
        entry.batch
        for entry in entries
        if entry.action in ("written", "sent") and entry.batch not in withdrawn
    ]
    return batches[-1] if batches else None


def changes(wanted: Mapping[str, str], held: Mapping[str, Entry], *, may_lower: bool = False) -> Changes:
    """Return what a rerun has to send.

    Parameters
    ----------
    wanted : student to the value of the score: decimal text, or EXCUSED
    held : what :func:`holding` returned for scores
    may_lower : whether a score may fall
    """
    new, changed, unchanged, lowered = [], [], [], []
    for student, value in wanted.items():
        before = held.get(student)
        if before is None:
            new.append(student)
        elif same(before.value, value):
            unchanged.append(student)
        elif is_lower(value, before.value) and not may_lower:
            lowered.append(student)
        else:
            changed.append(student)
    return Changes(tuple(new), tuple(changed), tuple(unchanged), tuple(lowered))


def same(one: str, other: str) -> bool:
    """Return whether two values of a score are the same.

    >>> same("78.5", "78.50"), same("EX", "0")
    (True, False)
    """
    if EXCUSED in (one, other):
        return one == other
    return Decimal(one) == Decimal(other)


def is_lower(value: str, before: str) -> bool:
    """Return whether a score falls; EXCUSED is neither lower nor higher than a number.

    >>> is_lower("9.50", "10"), is_lower("EX", "10")
    (True, False)
    """
    return EXCUSED not in (value, before) and Decimal(value) < Decimal(before)


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with opened(path, _TABLES) as connection:
        yield connection


def as_json(entry: Entry) -> dict[str, Any]:
    """Return a record for `--json`."""
    return dict(vars(entry))
