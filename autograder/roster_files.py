"""Read a roster: a Canvas gradebook, a Moodle grading worksheet, a Gradescope roster or any CSV with an id column.

Which of them a file is, its header and its cells tell, in the language that it was downloaded in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from autograder.delimited import Row, Table, read_table
from autograder.errors import UsageError
from autograder.roster_headers import COLUMNS, GRADED, IDENTIFIERS, Column, plain_header
from autograder.rosters import IdKind, Roster, RosterEntry, RosterProblem, merged, with_own_ids

Kind = Literal["canvas", "moodle", "gradescope", "plain"]
_POINTS = re.compile(r"\s*points possible\b", re.IGNORECASE)
_MANUAL = re.compile(r"(Manual Posting.*|Muted)?", re.IGNORECASE)
_FORMULA_NAME = re.compile(r'="(.*)"', re.DOTALL)
_SCIENTIFIC = re.compile(r"\d[.,]\d+E\+\d+", re.IGNORECASE)
_PARTICIPANT = re.compile(r"(?P<word>[^\W\d][\D]*?)\s*(?P<number>\d+)")
_STUDENT_ROLES = ("", "student", "learner", "studierende", "studierende/r", "teilnehmer/in")


def read_rosters(paths: Sequence[Path]) -> Roster:
    """Return the class that one or several files tell of; see :func:`autograder.rosters.merged`."""
    return merged([read_roster(path) for path in paths])


def read_roster(path: Path) -> Roster:
    """Return the class that a file tells of.

    Raises
    ------
    UsageError
        When the file cannot be read, has no column with ids, or its ids were damaged by a spreadsheet.
    """
    table = read_table(path)
    kind = kind_of(table)
    found = _READERS[kind](table)
    _refuse_damaged(table, found)
    entries, problems = with_own_ids(_same_rows_once(found.entries))
    if not entries:
        raise UsageError(f"{path} names nobody; it should have a row for each student below its header")
    return Roster(
        files=(path.name,),
        kinds=(kind,),
        entries=entries,
        problems=(*found.problems, *problems),
        notes=tuple(found.notes),
    )


def kind_of(table: Table) -> Kind:
    """Return what a table is: `canvas`, `moodle`, `gradescope` or `plain`."""
    heads = table.header
    if _canvas_columns(heads) is not None:
        return "canvas"
    if _participants(table) is not None:
        return "moodle"
    names = {plain_header(head) for head in heads}
    return "gradescope" if "sid" in names and names & {"role", "email", "email address"} else "plain"


@dataclass
class _Found:
    """What a reader found."""

    entries: list[RosterEntry] = field(default_factory=list)
    problems: list[RosterProblem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refuse(self, where: str, name: Literal["no_id", "bad_id"], text: str) -> None:
        self.problems.append(RosterProblem(where=where, name=name, text=text))


def _where(table: Table, row: Row) -> str:
    return f"{table.path.name}:{row.line}"


def display_name(*parts: str) -> str:
    """Return a name for people to read: composed, and without what Canvas puts around one that begins with `=`."""
    text = " ".join(part for part in parts if part)
    if quoted := _FORMULA_NAME.fullmatch(text):
        text = quoted[1].replace('""', '"')
    return " ".join(unicodedata.normalize("NFC", text).split())


# ------------------------------------------------------------------------ Canvas


def _canvas_columns(heads: Sequence[str]) -> int | None:
    """Return how many columns stand before `Section` in the header of a Canvas gradebook; None when it is none."""
    is_whole = len(heads) > 3 and "Student" in heads[0] and "ID" in heads[1]
    is_split = len(heads) > 4 and (heads[0], heads[1]) == ("LastName", "FirstName") and "ID" in heads[2]
    if not (is_whole or is_split):
        return None
    return next((index for index, head in enumerate(heads) if "Section" in head), None)


def _canvas(table: Table) -> _Found:
    heads, found = table.header, _Found()
    columns: dict[str, int] = {head: index for index, head in reversed(list(enumerate(heads)))}
    kinds: dict[str, IdKind] = {
        "ID": "canvas",
        "SIS User ID": "number",
        "SIS Login ID": "login",
        "Integration ID": "integration",
    }
    section = _canvas_columns(heads)
    for row in table.rows:
        if _POINTS.match(row.cells[0]) or all(_MANUAL.fullmatch(cell.strip()) for cell in row.cells):
            continue
        name = display_name(*((row.cell(1), row.cell(0)) if heads[0] == "LastName" else (row.cell(0),)))
        ids = {kind: value for head, kind in kinds.items() if (value := row.cell(columns.get(head)))}
        where = _where(table, row)
        if name in ("Student, Test", "Test Student") and "number" not in ids:
            found.notes.append(f"{where}: Canvas' test student is left out")
            continue
        if "canvas" in ids and not re.fullmatch(r"[0-9]+", ids["canvas"]):
            found.refuse(
                where, "bad_id", f"the ID {ids.pop('canvas')!r} is no number; download the file again"
            )
        _with_email(ids)
        _keep(
            found,
            where,
            RosterEntry(id="", ids=ids, name=name, sections=_one(row.cell(section)), lines=(where,)),
        )
    return found


def _one(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


def _with_email(ids: dict[IdKind, str]) -> None:
    if "@" in ids.get("login", ""):
        ids.setdefault("email", ids["login"])


def _keep(found: _Found, where: str, entry: RosterEntry) -> None:
    if entry.ids:
        found.entries.append(entry)
    else:
        found.refuse(
            where, "no_id", f"{entry.name or 'a row'} has no id at all and cannot be told from others"
        )


# ------------------------------------------------------------------------ Moodle


def _participants(table: Table) -> int | None:
    """Return the column with the numbers of participants when the table is a Moodle worksheet, else None.

    A worksheet begins with a column such as `Participant 5`, the same word in every row, in any language, and has
    a column of grades under a name that is known, or one whose cells are dates or `-`.
    """
    if not table.rows or len(table.header) < 6:
        return None
    index = 0
    matches = [_PARTICIPANT.fullmatch(cell) for cell in table.column(index)]
    words = {match["word"] for match in matches if match}
    if (
        not all(matches)
        or len(words) != 1
        or not (len(next(iter(words))) > 2 or not next(iter(words)).isascii())
    ):
        return None
    is_known = plain_header(table.header[index]) in IDENTIFIERS
    has_grades = any(plain_header(head) in GRADED for head in table.header)
    has_dates = any(
        all(cell == "-" or re.search(r"\d{4}", cell) for cell in table.column(column))
        for column in range(3, len(table.header))
    )
    return index if (is_known and has_grades) or has_dates else None


def _moodle(table: Table) -> _Found:
    found, participants = _Found(), _participants(table)
    columns = _columns(("", *table.header[1:]))  # in German the identifier is called `ID`
    if "name" not in columns and len(table.header) > 1 and not _is_blind(table):
        columns["name"] = 1
    if "email" not in columns:
        columns |= _guessed("email", _email_columns(table), columns)
    if "number" not in columns:
        columns |= _guessed("number", _number_columns(table), columns)
        if "number" in columns:
            head = table.header[columns["number"]]
            found.notes.append(f"{table.path.name}: the column {head!r} is taken for the institution's ids")
    for row in table.rows:
        where = _where(table, row)
        match = _PARTICIPANT.fullmatch(row.cell(participants))
        ids = _ids(row, columns)
        if match:
            ids["moodle"] = match["number"]
        entry = _entry(row, columns, ids, where)
        _keep(found, where, entry)
    return found


def _is_blind(table: Table) -> bool:
    """Return whether the column after the identifier is no name: under blind marking there is none."""
    values = [cell for cell in table.column(1) if cell]
    return plain_header(table.header[1]) in {"status", "état", "estado", "stato"} or len(set(values)) < max(
        1, len(values) // 3
    )


def _email_columns(table: Table) -> list[int]:
    return [
        index
        for index in range(1, len(table.header))
        if (cells := [cell for cell in table.column(index) if cell])
        and all(re.fullmatch(r"[^@\s]+@[^@\s]+", cell) for cell in cells)
    ]


def _number_columns(table: Table) -> list[int]:
    """Return the columns that can be ids of the institution: all cells different, one word, with a digit, no grade."""
    return [
        index
        for index in range(2, len(table.header))
        if len(cells := [cell for cell in table.column(index) if cell]) == len(table.rows) > 1
        and len(set(cells)) == len(cells)
        and all(
            re.fullmatch(r"[^\s@]{4,}", cell)
            and re.search(r"\d", cell)
            and not re.fullmatch(r"\d+[.,]\d+", cell)
            for cell in cells
        )
    ]


def _guessed(column: Column, candidates: Sequence[int], known: dict[Column, int]) -> dict[Column, int]:
    free = [index for index in candidates if index not in known.values()]
    return {column: free[0]} if len(free) == 1 else {}


# ------------------------------------------------------------- any other CSV


def _columns(heads: Sequence[str]) -> dict[Column, int]:
    """Return which column is what, by the names that are known; the first of a kind counts."""
    found: dict[Column, int] = {}
    for index, head in enumerate(heads):
        name = plain_header(head)
        for column, aliases in COLUMNS.items():
            if name in aliases and column not in found and index not in found.values():
                found[column] = index
    return found


def _ids(row: Row, columns: dict[Column, int]) -> dict[IdKind, str]:
    kinds: tuple[IdKind, ...] = ("number", "login", "email", "canvas", "integration", "moodle")
    return {kind: value for kind in kinds if kind in columns and (value := row.cell(columns[kind]))}


def _entry(row: Row, columns: dict[Column, int], ids: dict[IdKind, str], where: str) -> RosterEntry:
    first, last = row.cell(columns.get("first name")), row.cell(columns.get("last name"))
    return RosterEntry(
        id="",
        ids=ids,
        name=display_name(row.cell(columns.get("name")) or f"{first} {last}".strip()),
        sections=_one(row.cell(columns.get("section"))),
        group=row.cell(columns.get("group")),
        submitted=(text if (text := row.cell(columns.get("submitted"))) != "-" else ""),
        lines=(where,),
    )


def _plain(table: Table) -> _Found:
    found, columns = _Found(), _columns(table.header)
    if not any(kind in columns for kind in ("number", "login", "email", "canvas", "moodle")):
        heads = ", ".join(repr(head) for head in table.header[:12])
        raise UsageError(
            f"{table.path}: no column with ids among {heads}; call one of them `id` (or `login`, `email`). "
            "Names alone identify nobody"
        )
    n_staff = 0
    for row in table.rows:
        if row.cell(columns.get("role")).casefold() not in _STUDENT_ROLES:
            n_staff += 1
            continue
        where = _where(table, row)
        ids = _ids(row, columns)
        if "moodle" in ids and (match := _PARTICIPANT.fullmatch(ids["moodle"])):
            ids["moodle"] = match["number"]
        _with_email(ids)
        _keep(found, where, _entry(row, columns, ids, where))
    if n_staff:
        found.notes.append(f"{table.path.name}: {n_staff} rows are staff and left out")
    return found


_READERS: dict[Kind, Callable[[Table], _Found]] = {
    "canvas": _canvas,
    "moodle": _moodle,
    "gradescope": _plain,
    "plain": _plain,
}


def _same_rows_once(entries: Iterable[RosterEntry]) -> list[RosterEntry]:
    """Return the entries; rows with equal ids and names are one person, who may be in several sections."""
    found: dict[tuple[tuple[str, str], ...], RosterEntry] = {}
    for entry in entries:
        key = (*sorted(entry.ids.items()), ("name", entry.name), ("group", entry.group))
        known = found.get(key)
        if known is not None:
            entry = known.model_copy(
                update={
                    "sections": tuple(dict.fromkeys((*known.sections, *entry.sections))),
                    "lines": (*known.lines, *entry.lines),
                }
            )
        found[key] = entry
    return list(found.values())


def _refuse_damaged(table: Table, found: _Found) -> None:
    for entry in found.entries:
        for kind, value in entry.ids.items():
            if _SCIENTIFIC.fullmatch(value):
                raise UsageError(
                    f"{', '.join(entry.lines)}: the {kind} {value!r} is a number that a spreadsheet rounded, so ids "
                    f"of {table.path.name} are lost; download it again and do not open it in a spreadsheet"
                )
