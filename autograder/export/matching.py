"""Whose row is whose: by ids alone, never by names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autograder.errors import UsageError, nearest
from autograder.export.scores import ANY_ID, StudentScore
from autograder.export.sheets import Row

WITHOUT_CASE = frozenset({"email", "login"})
"""Kinds of ids in which the case of letters does not count."""


@dataclass(frozen=True)
class Matching:
    """Whose row is whose."""

    rows: Mapping[str, Row]
    """Student to row."""
    ambiguous: Mapping[str, str]
    """Student to what speaks against each single row."""
    unknown: tuple[str, ...]
    """Students without a row."""
    free: tuple[Row, ...]
    """Rows that no student lays claim to."""


def folded(kind: str, value: str) -> str:
    """Return an id in the form in which it is compared."""
    text = value.strip()
    return text.casefold() if kind in WITHOUT_CASE else text


def match(
    scores: Sequence[StudentScore], rows: Sequence[Row], *, pinned: Mapping[str, str], id_kind: str = ""
) -> Matching:
    """Return whose row is whose.

    A student has the row that one of its ids names. Two rows, a row for two students, and an id that speaks against
    the row are ambiguous.

    Parameters
    ----------
    pinned : student to the key of the row that is meant, decided by a person
    id_kind : what ids of an unknown kind are; "": any

    Raises
    ------
    UsageError
        When a pinned student or row is not there.
    """
    by_id: dict[tuple[str, str], list[Row]] = {}
    by_key = {row.key: row for row in rows}
    for row in rows:
        for kind, value in row.ids.items():
            by_id.setdefault((kind, folded(kind, value)), []).append(row)
    _require_pins(pinned, [score.key for score in scores], by_key)
    found: dict[str, Row] = {}
    ambiguous: dict[str, str] = {}
    contested: set[str] = set()
    for score in scores:
        if score.key in pinned:
            found[score.key] = by_key[pinned[score.key]]
            continue
        ids = {id_kind if kind == ANY_ID and id_kind else kind: value for kind, value in score.ids.items()}
        fitting = _fitting(ids, by_id)
        if len(fitting) == 1:
            row = next(iter(fitting.values()))
            found[score.key] = row
            if against := _against(ids, row):
                ambiguous[score.key] = against
        elif fitting:
            ambiguous[score.key] = f"its ids name several rows: {', '.join(fitting)}"
            contested |= set(fitting)
    _add_shared(found, ambiguous)
    taken = contested | {row.key for row in found.values()}
    return Matching(
        rows={student: row for student, row in found.items() if student not in ambiguous},
        ambiguous=ambiguous,
        unknown=tuple(score.key for score in scores if score.key not in found and score.key not in ambiguous),
        free=tuple(row for row in rows if row.key not in taken),
    )


def _require_pins(pinned: Mapping[str, str], students: Sequence[str], rows: Mapping[str, Row]) -> None:
    for student, row in pinned.items():
        if student not in students:
            raise UsageError(
                f"--match {student}={row}: the run has no student {student!r}{nearest(student, students)}"
            )
        if row not in rows:
            raise UsageError(f"--match {student}={row}: the template has no row {row!r}{nearest(row, rows)}")


def _fitting(ids: Mapping[str, str], by_id: Mapping[tuple[str, str], list[Row]]) -> dict[str, Row]:
    fitting = {}
    for kind, value in ids.items():
        kinds = {known for known, _ in by_id} if kind == ANY_ID else {kind}
        for known in kinds:
            for row in by_id.get((known, folded(known, value)), ()):
                fitting[row.key] = row
    return fitting


def _against(ids: Mapping[str, str], row: Row) -> str:
    """Return what speaks against a row: an id of the same kind that is another one."""
    for kind, value in ids.items():
        other = row.ids.get(kind)
        if other is not None and folded(kind, other) != folded(kind, value):
            return f"one id names row {row.key}, but its {kind} is {value} here and {other} there"
    return ""


def _add_shared(found: Mapping[str, Row], ambiguous: dict[str, str]) -> None:
    holders: dict[str, list[str]] = {}
    for student, row in found.items():
        holders.setdefault(row.key, []).append(student)
    for key, students in holders.items():
        if len(students) > 1:
            for student in students:
                ambiguous[student] = f"row {key} fits {' and '.join(students)}"


def hint_of_zeros(score: StudentScore, rows: Sequence[Row]) -> str:
    """Return that a row has the same number but for leading zeros, or ""."""
    for value in score.ids.values():
        for row in rows:
            for other in row.ids.values():
                digits = value.isdecimal() and other.isdecimal()
                if digits and value != other and value.lstrip("0") == other.lstrip("0"):
                    return f"row {row.key} has {other}: leading zeros differ; did a spreadsheet take them?"
    return ""
