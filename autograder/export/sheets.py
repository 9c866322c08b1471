"""A list of students as an LMS downloads it: who stands in which row, and which cells are ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from autograder.errors import UsageError
from autograder.export.comments import plain
from autograder.export.decimals import is_damaged
from autograder.export.tables import Table


@dataclass(frozen=True)
class Row:
    """A student as the LMS has them."""

    at: int
    """Position in the table, from 0."""
    key: str
    """Identifies the student for the LMS: unique in the sheet, never blank."""
    ids: Mapping[str, str]
    """Kind of id to the id; blank ones left out."""
    name: str = ""
    score: Decimal | None = None
    """What the LMS has; None for none."""
    is_excused: bool = False
    locked: str = ""
    """Why the LMS would not take a score; "" when it would."""
    is_staff: bool = False
    """A row that is no student's, such as Canvas' test student, unless somebody's score belongs to it."""


@dataclass(frozen=True)
class Sheet:
    """A download, understood."""

    table: Table
    rows: tuple[Row, ...]
    score_column: int
    maximum: Decimal | None
    destination: str
    """The assignment that it is of, as the ledger names it."""
    score_field: str = "score"
    """What the reader's model calls our column."""
    comment_column: int | None = None
    fixed: Mapping[int, str] = field(default_factory=dict)
    """Columns that say a fixed text wherever a comment is written."""
    notes: tuple[str, ...] = ()


def require_keys(table: Table, column: int, rows: Sequence[int], pattern: str = "") -> None:
    """Raise UsageError when a key is blank, damaged by a spreadsheet, or there twice (V1)."""
    require_whole(table, [column], rows)
    seen: dict[str, int] = {}
    heading = table.header[column]
    for at in rows:
        value = table.value(at, column).strip()
        where = f"{table.name}: row {at + 1}, {heading}"
        if not value.lstrip("#"):
            raise UsageError(f"{where} is blank: nobody can tell whose row it is. Download the file again")
        if value in seen:
            raise UsageError(f"{where} is {value}, as in row {seen[value] + 1}. Download the file again")
        seen[value] = at


def require_whole(table: Table, columns: Iterable[int], rows: Sequence[int]) -> None:
    """Raise UsageError when a spreadsheet rewrote an id in one of the columns: it fits nobody any more."""
    for column in columns:
        for at in rows:
            if is_damaged(table.value(at, column)):
                raise UsageError(
                    f"{table.name}: row {at + 1}, {table.header[column]} is {table.value(at, column)}: a spreadsheet "
                    "rewrote it. Download the file again and open it in no spreadsheet"
                )


def require_maximum(found: Decimal | None, wanted: Decimal, where: str) -> None:
    """Raise UsageError when the LMS has another maximum than the rubric (V3): nothing is rescaled silently."""
    if found is not None and found != wanted:
        raise UsageError(
            f"{where} has {plain(found)} points, the rubric {plain(wanted)}; set the points of the assignment at the LMS "
            f"to {plain(wanted)} and download the file again"
        )
