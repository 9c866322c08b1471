"""What goes to one student, what an LMS has of them, and what a server of an LMS must be able to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol

from autograder.export.deciding import Takes
from autograder.export.ledger import Line, same
from autograder.export.scores import StudentScore
from autograder.export.sheets import Row

MARK = "autograder:"
"""What a comment of ours says of itself, before the digest of what it brings."""


@dataclass(frozen=True)
class Criterion:
    """One row of a rubric at the LMS."""

    id: str
    text: str
    maximum: Decimal
    levels: Mapping[Decimal, str] = field(default_factory=dict)
    """Points to the id of the level that gives them, where only certain points can be given."""


@dataclass(frozen=True)
class RubricRow:
    """The points of one student in one row of a rubric."""

    criterion: Criterion
    points: Decimal
    comment: str = ""


@dataclass(frozen=True)
class Seen:
    """What an LMS has of one student."""

    row: Row
    comments: tuple[str, ...] = ()
    """Texts, oldest first."""
    rubric: Mapping[str, Decimal] | None = None
    """Criterion to points; None where the LMS does not tell them."""
    files: tuple[str, ...] | None = None
    """Names of the feedback files; None where the LMS keeps files with comments."""
    is_whole: bool = True
    """Whether the LMS tells everything; if not, a score that is not seen may be there all the same."""
    notes: tuple[str, ...] = ()

    def has(self, mark: str) -> bool:
        """Return whether a comment of ours is there."""
        return any(f"{MARK}{mark}" in text for text in self.comments)

    @property
    def foreign(self) -> tuple[str, ...]:
        """Comments that are not ours."""
        return tuple(text for text in self.comments if text.strip() and MARK not in text)


@dataclass(frozen=True)
class Parcel:
    """What is sent of one student: only what the LMS does not have."""

    student: str
    place: str
    """Of the student at the LMS."""
    name: str = ""
    before: str = ""
    value: str = ""
    """Decimal text or `EX`; "" when the score stays."""
    comment: str = ""
    """Plain text with its mark; "" when none is sent."""
    mark: str = ""
    """Digest of comment and report together."""
    report: Path | None = None
    rubric: tuple[RubricRow, ...] = ()
    keeps: str = ""
    """A comment that is there and has to be sent again, since the LMS takes no score without one."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to send."""
        return not (self.value or self.comment or self.report or self.rubric)

    def lines(self) -> tuple[Line, ...]:
        """Return what the ledger keeps of it."""
        found = []
        if self.value:
            found.append(Line(self.student, self.place, "score", self.value))
        if self.comment:
            found.append(Line(self.student, self.place, "comment", self.mark))
        if self.report is not None:
            found.append(Line(self.student, self.place, "report", file_digest(self.report)))
        if self.rubric:
            found.append(Line(self.student, self.place, "rubric", rubric_digest(self.rubric)))
        return tuple(found)

    def without(self, seen: Seen) -> Parcel:
        """Return what is left to send when an LMS has `seen`."""
        has_score = bool(self.value) and same_score(seen.row, self.value)
        has_comment = bool(self.comment) and seen.has(self.mark)
        if seen.rubric is None:  # it came with the rest, or not at all
            has_rubric = has_score if self.value else has_comment
        else:
            has_rubric = all(seen.rubric.get(row.criterion.id) == row.points for row in self.rubric)
        return replace(
            self,
            value="" if has_score else self.value,
            comment="" if has_comment else self.comment,
            report=None if has_comment else self.report,
            rubric=() if has_rubric else self.rubric,
        )


class Remote(Protocol):
    """A server of an LMS, seen from one assignment."""

    destination: str
    """The assignment, as the ledger names it."""
    route: str
    title: str
    maximum: Decimal | None
    takes: Takes
    replaces_comments: bool
    """Whether a student has one comment, which is replaced, or a list of them, to which one is added."""
    takes_comments: bool
    takes_reports: bool
    rubric: tuple[Criterion, ...]
    """Rows of the rubric at the LMS; empty when there is none."""
    rubric_decides: Literal["never", "when_sent", "always"]
    """When the LMS computes the score from its rubric."""
    notes: list[str]

    def students(self) -> Sequence[Row]:
        """Return whom the assignment is for."""

    def look(self, rows: Sequence[Row]) -> Mapping[str, Seen]:
        """Return what the LMS has of some students, by the keys of their rows."""

    def send(self, parcel: Parcel) -> None:
        """Send it; returns when the server said that it is stored.

        Raises
        ------
        Refused
            When the server said no.
        Uncertain
            When no answer came.
        Stopped
            When no further request makes sense.
        """


def same_score(row: Row, value: str) -> bool:
    """Return whether an LMS has a score already."""
    if value == "EX" or row.is_excused:
        return value == "EX" and row.is_excused
    return row.score is not None and same(f"{row.score:f}", value)


def mark_of(score: StudentScore, report: Path | None) -> str:
    """Return the digest of what a comment brings: its text and the report beside it."""
    told = [score.comment, "" if report is None else file_digest(report)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]


def file_digest(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rubric_digest(rows: Sequence[RubricRow]) -> str:
    """Return the sha256 of the points of a rubric."""
    told = sorted((row.criterion.id, f"{row.points:f}", row.comment) for row in rows)
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
