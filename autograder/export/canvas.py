"""Canvas: the gradebook CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from autograder.errors import UsageError, nearest
from autograder.export.deciding import Takes
from autograder.export.decimals import has_decimal_commas, number_of
from autograder.export.filling import fill
from autograder.export.formats import FORMATS, Draft, Format, FormatParams, Request, Template
from autograder.export.readers.canvas import reading
from autograder.export.sheets import Row, Sheet, require_keys, require_whole
from autograder.export.tables import Table, read_table

TOTALS = (
    "Current Score",
    "Current Points",
    "Current Grade",
    "Final Score",
    "Final Points",
    "Final Grade",
    "Override Score",
    "Override Grade",
    "Override Status",
)
"""Canvas ignores every column whose heading holds one of these."""
IDS = {
    "ID": "canvas",
    "SIS User ID": "number",
    "SIS Login ID": "login",
    "Integration ID": "integration",
}
_ASSIGNMENT = re.compile(r"(.*)\s\((\d+)\)")
_POINTS = "Points Possible"
_TEST_STUDENTS = ("Test Student", "Student, Test")
_EXCUSED = ("EX", "EXCUSED")


class CanvasParams(FormatParams):
    """What `canvas` can be told."""

    column: str = ""
    """The assignment: its heading, its title or its id. Needed when the template has several."""
    narrow: bool = False
    """Only the students' columns, our column, and rows that are written: nothing else can change."""


@FORMATS.register(CanvasParams)
def canvas(params: CanvasParams) -> Format:
    """Canvas gradebook CSV."""

    def sheet(template: Template) -> Sheet:
        return read_gradebook(template, params)

    def draft(request: Request) -> Draft:
        assert request.template is not None
        found = sheet(request.template)
        narrow = {}
        if params.narrow:
            last = _section(found.table.header)
            heads = [at for at in range(len(found.table.rows)) if at not in {row.at for row in found.rows}]
            narrow = {"columns": (*range(last + 1), found.score_column), "heads": heads}
        made = fill(
            found,
            request,
            Takes(excused=True, above_maximum=True),
            comment_text=str,
            only_written=params.narrow,
            **narrow,
        )
        return replace(made, notes=(*made.notes, *_late_notes(request)))

    return Format(
        title="Canvas gradebook CSV",
        draft=draft,
        reading=reading,
        sheet=sheet,
        needs_template="the gradebook as Canvas exports it (Grades, Export)",
        notes=("Import it under Grades, Import, and look at the preview: nobody but our column may change.",),
    )


def read_gradebook(template: Template, params: CanvasParams) -> Sheet:
    """Return a gradebook that Canvas exported, understood.

    Raises
    ------
    UsageError
        When it is none, when our column is not to be told, or when an import of it would go wrong.
    """
    table = read_table(
        template.content, template.name, (";", ","), encoding=params.encoding, may_be_blank=True
    )
    if table.bom and table.rows[0][0].written.startswith('"'):
        raise UsageError(
            f"{template.name} has a byte order mark before a quoted heading; Canvas would refuse all of it. "
            "Download it again, and save it with no other program"
        )
    section = _section(table.header)
    column = our_column(table, params.column, section)
    points = [at for at in range(1, len(table.rows)) if _POINTS in table.value(at, 0)]
    if not points:
        raise UsageError(f"{template.name} has no row 'Points Possible'; download the gradebook again")
    if re.search(r"read\s+only", table.value(points[0], column)):
        raise UsageError(f"{template.name}: Canvas lets nobody write the column {table.header[column]!r}")
    students = [at for at in range(1, len(table.rows)) if at not in points and _is_student(table, at)]
    where = f"{template.name}: the column {table.header[column]!r}"
    has_decimal_commas([*table.column(column, students), table.value(points[0], column)], where)
    return Sheet(
        table=table,
        rows=_rows(table, students, column, section),
        score_column=column,
        maximum=number_of(table.value(points[0], column)),
        destination=f"canvas:{_names(table.header[column])[-1]}",
        score_field=table.header[column],
        notes=tuple(_notes(table, students, section, column)),
    )


def _section(header: Sequence[str]) -> int:
    """Return the last of the students' columns."""
    names = 1 if header and "Student" in header[0] else 2
    is_list = len(header) > 3 and (names == 1 or [*header[:2]] == ["LastName", "FirstName"])
    if not is_list or "ID" not in header[names] or "Section" not in header:
        raise UsageError(
            f"this is no gradebook that Canvas exported: its heading begins with {', '.join(header[:4])!r}, expected "
            "Student, ID, ..., Section"
        )
    return header.index("Section")


def our_column(table: Table, wanted: str, section: int) -> int:
    """Return the column of our assignment.

    Parameters
    ----------
    wanted : heading, title or id; "": the only one there is

    Raises
    ------
    UsageError
        When it is not to be told, or Canvas would not take its scores.
    """
    header = table.header
    found = {
        at: heading
        for at, heading in enumerate(header)
        if at > section and _ASSIGNMENT.fullmatch(heading) and not any(total in heading for total in TOTALS)
    }
    for heading in header[section + 1 :]:
        if wanted and wanted in _names(heading) and heading not in found.values():
            raise UsageError(
                f"{table.name}: Canvas ignores the column {heading!r}, since its title holds the name of a total; "
                "rename the assignment, then download the gradebook again"
            )
    matches = [at for at, heading in found.items() if not wanted or wanted in _names(heading)]
    listed = "; ".join(found.values()) or "none"
    if not matches:
        known = list(found.values())
        raise UsageError(
            f"{table.name} has no assignment {wanted!r}{nearest(wanted, known)} (there are: {listed})"
        )
    if len(matches) > 1:
        raise UsageError(f"{table.name} has several assignments; say which with --column: {listed}")
    return matches[0]


def _names(heading: str) -> tuple[str, ...]:
    """Return by what an assignment can be named: its heading, title and id; nothing when it is no assignment."""
    found = _ASSIGNMENT.fullmatch(heading)
    return (heading, found[1], found[2]) if found else ()


def _is_student(table: Table, at: int) -> bool:
    said = [cell.value.strip() for cell in table.rows[at] if cell.value.strip()]
    return any(one != "Muted" and not one.startswith("Manual Posting") for one in said)


def _rows(table: Table, students: Sequence[int], column: int, section: int) -> tuple[Row, ...]:
    header = table.header
    kinds = {at: IDS[header[at]] for at in range(section) if header[at] in IDS}
    key = next(at for at, kind in kinds.items() if kind == "canvas")
    require_keys(table, key, students)
    require_whole(table, kinds, students)
    for at in students:
        if not table.value(at, key).strip().isdecimal():
            raise UsageError(
                f"{table.name}: row {at + 1} has the ID {table.value(at, key)!r}, which Canvas would read as another "
                "one; download the gradebook again and open it in no spreadsheet"
            )
    return tuple(_row(table, at, column, kinds, key) for at in students)


def _row(table: Table, at: int, column: int, kinds: dict[int, str], key: int) -> Row:
    said = table.value(at, column).strip()
    ids = {kind: table.value(at, place).strip() for place, kind in kinds.items()}
    name = ", ".join(table.value(at, place) for place in range(key))
    return Row(
        at=at,
        key=ids["canvas"],
        ids={kind: value for kind, value in ids.items() if value},
        name=name,
        score=number_of(said),
        is_excused=said.upper() in _EXCUSED,
        locked="Canvas has the assignment as not given to this student" if said == "N/A" else "",
        is_staff=name in _TEST_STUDENTS,
    )


def _late_notes(request: Request) -> list[str]:
    if not any(score.deduction for score in request.scores):
        return []
    return [
        "what lateness costs is taken off here: Canvas' own late policy must be off, or it is taken off twice"
    ]


def _notes(table: Table, students: Sequence[int], section: int, column: int) -> list[str]:
    notes = []
    evil = [at + 1 for at in students if table.value(at, 0)[:1] in "=+-@" and table.value(at, 0)]
    if evil:
        notes.append(
            f"names in rows {', '.join(map(str, evil[:5]))} look like formulas; do not open it in a spreadsheet"
        )
    others = [
        heading
        for at, heading in enumerate(table.header)
        if at > section and at != column and _ASSIGNMENT.fullmatch(heading)
    ]
    if others:
        notes.append(
            f"the file holds {len(others)} other assignments as they were when it was downloaded; if somebody grades "
            "them meanwhile, take --narrow"
        )
    return notes
