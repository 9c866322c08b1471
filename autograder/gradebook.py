"""The gradebook: every scoring of a run with its author and reason, and the marks that it gave (SQLite).

One transaction a scoring: it is there with all its marks, or not at all. The journal is SQLite's ordinary one, so
that the gradebook is a single file that can be copied and lies on any file system; what a killed process left in
it is rolled back by whoever opens the gradebook next.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.errors import InternalError
from autograder.records import Grade

_TABLES = """
CREATE TABLE IF NOT EXISTS scorings (
  id INTEGER PRIMARY KEY, time TEXT NOT NULL, author TEXT NOT NULL, why TEXT NOT NULL, rubric_sha256 TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS marks (
  scoring INTEGER NOT NULL REFERENCES scorings(id), submission TEXT NOT NULL, check_id TEXT NOT NULL,
  status TEXT NOT NULL, fraction REAL NOT NULL, points REAL NOT NULL, earned REAL NOT NULL, pending REAL NOT NULL,
  PRIMARY KEY (scoring, submission, check_id)
);
"""


@dataclass(frozen=True)
class Scoring:
    """One scoring of the run."""

    time: str
    author: str
    why: str
    rubric_sha256: str


@dataclass(frozen=True)
class Change:
    """A check whose marks the last scoring changed."""

    submission: str
    check: str
    before: float
    after: float


@contextmanager
def opened(path: Path, tables: str = _TABLES) -> Iterator[sqlite3.Connection]:
    """Give a connection to the gradebook for one transaction: it is committed at the end, or rolled back.

    Raises
    ------
    InternalError
        When the file cannot be used.
    """
    try:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            connection.execute("PRAGMA synchronous = EXTRA")  # a commit survives a power cut
            connection.executescript(tables)
            with connection:
                yield connection
    except sqlite3.Error as error:
        raise InternalError(
            f"the gradebook {path} cannot be used ({error}); free some space or move the file away"
        ) from error


def record_scoring(path: Path, grades: Sequence[Grade], rubric_sha256: str, *, author: str, why: str) -> None:
    """Keep a scoring and its marks, unless it gave the same marks by the same rubric as the last one."""
    rows = [
        (
            grade.submission.id,
            check.id,
            check.status.value,
            check.fraction,
            check.points,
            check.earned,
            check.pending,
        )
        for grade in grades
        for item in grade.items
        for check in item.checks
    ]
    with opened(path) as connection:
        connection.execute("BEGIN IMMEDIATE")  # what was read below still holds when it is written
        last = connection.execute(
            "SELECT id, rubric_sha256 FROM scorings ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if last is not None and last[1] == rubric_sha256:
            query = "SELECT submission, check_id, status, fraction, points, earned, pending FROM marks WHERE scoring = ?"
            if sorted(connection.execute(query, (last[0],)).fetchall()) == sorted(rows):
                return
        now = datetime.now(UTC).isoformat(timespec="seconds")
        cursor = connection.execute(
            "INSERT INTO scorings (time, author, why, rubric_sha256) VALUES (?, ?, ?, ?)",
            (now, author, why, rubric_sha256),
        )
        connection.executemany(
            "INSERT INTO marks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(cursor.lastrowid, *row) for row in rows]
        )


def scorings(path: Path) -> list[Scoring]:
    """Return every scoring of the run, oldest first."""
    with opened(path) as connection:
        rows = connection.execute(
            "SELECT time, author, why, rubric_sha256 FROM scorings ORDER BY id"
        ).fetchall()
    return [Scoring(*row) for row in rows]


def last_changes(path: Path) -> list[Change]:
    """Return the checks whose earned marks differ between the last two scorings."""
    query = """
        SELECT new.submission, new.check_id, COALESCE(old.earned, 0), new.earned FROM marks AS new
        LEFT JOIN marks AS old ON old.submission = new.submission AND old.check_id = new.check_id AND old.scoring = ?
        WHERE new.scoring = ? AND COALESCE(old.earned, 0) <> new.earned
        UNION ALL
        SELECT old.submission, old.check_id, old.earned, 0.0 FROM marks AS old
        LEFT JOIN marks AS new ON old.submission = new.submission AND old.check_id = new.check_id AND new.scoring = ?
        WHERE old.scoring = ? AND new.scoring IS NULL AND old.earned <> 0 ORDER BY 1, 2
    """
    with opened(path) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM scorings ORDER BY id DESC LIMIT 2")]
        if len(ids) < 2:
            return []
        new, old = ids
        return [Change(*row) for row in connection.execute(query, (old, new, new, old))]
