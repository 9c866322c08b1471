"""Blackboard Learn: a column of the grade centre, downloaded to work offline."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograder.errors import UsageError
from autograder.export.comments import as_html
from autograder.export.deciding import Takes
from autograder.export.decimals import has_decimal_commas, number_of
from autograder.export.filling import fill
from autograder.export.formats import FORMATS, Draft, Format, FormatParams, Request, Template
from autograder.export.readers.blackboard import reading
from autograder.export.sheets import Row, Sheet, require_keys, require_whole
from autograder.export.tables import Table, read_table

_COLUMN = re.compile(
    r"(?P<title>.*?)\s*\[Total Pts: (?P<points>[\d.,]+)[^\]]*\]\s*\|\s*(?P<id>\d+)\s*", re.DOTALL
)
IDS = {"Username": "login", "Student ID": "number"}
COMMENT, COMMENT_FORMAT = "Feedback to Learner", "Feedback Format"


class BlackboardParams(FormatParams):
    """What `blackboard` can be told."""

    column: str = ""
    """The column: its heading, its title or its id. Needed when the template has several."""


@FORMATS.register(BlackboardParams)
def blackboard(params: BlackboardParams) -> Format:
    """Blackboard grade centre file."""

    def sheet(template: Template) -> Sheet:
        return read_grade_centre(template, params)

    def draft(request: Request) -> Draft:
        assert request.template is not None
        return fill(sheet(request.template), request, Takes(), comment_text=as_html)

    return Format(
        title="Blackboard grade centre file",
        draft=draft,
        reading=reading,
        sheet=sheet,
        needs_template="the column as Blackboard gives it (Grade Center, Work Offline, Download)",
        notes=("Upload it under Work Offline, and confirm our column alone.",),
    )


def read_grade_centre(template: Template, params: BlackboardParams) -> Sheet:
    """Return a download of the grade centre, understood.

    Raises
    ------
    UsageError
        When it is none, or our column is not to be told.
    """
    table = read_table(template.content, template.name, ("\t", ","), encoding=params.encoding)
    header = table.header
    if "Username" not in header:
        raise UsageError(f"{template.name} has no column Username, by which Blackboard knows its students")
    column = _our_column(table, params.column)
    rows = range(1, len(table.rows))
    require_keys(table, header.index("Username"), rows)
    require_whole(table, [header.index(name) for name in IDS if name in header], rows)
    has_decimal_commas(table.column(column, rows), f"{template.name}: the column {header[column]!r}")
    about = _COLUMN.fullmatch(header[column])
    assert about is not None
    comments = header.index(COMMENT) if COMMENT in header else None
    fixed = (
        {header.index(COMMENT_FORMAT): "HTML"} if comments is not None and COMMENT_FORMAT in header else {}
    )
    return Sheet(
        table=table,
        rows=tuple(_row(table, at, column) for at in rows),
        score_column=column,
        score_field=header[column],
        maximum=number_of(about["points"]),
        destination=f"blackboard:{about['id']}",
        comment_column=comments,
        fixed=fixed,
        notes=_notes(table, rows, column),
    )


def _our_column(table: Table, wanted: str) -> int:
    found = {at: one for at, heading in enumerate(table.header) if (one := _COLUMN.fullmatch(heading))}
    matches = [
        at for at, one in found.items() if not wanted or wanted in (table.header[at], one["title"], one["id"])
    ]
    if len(matches) != 1:
        listed = "; ".join(table.header[at] for at in found) or "none"
        what = "has several columns" if matches else f"has no column {wanted!r}"
        raise UsageError(f"{table.name} {what} that Blackboard knows; say which with --column: {listed}")
    return matches[0]


def _row(table: Table, at: int, column: int) -> Row:
    header = table.header
    ids = {kind: table.value(at, header.index(name)).strip() for name, kind in IDS.items() if name in header}
    names = [table.value(at, header.index(name)) for name in ("Last Name", "First Name") if name in header]
    return Row(
        at=at,
        key=ids["login"],
        ids={kind: value for kind, value in ids.items() if value},
        name=", ".join(names),
        score=number_of(table.value(at, column)),
    )


def _notes(table: Table, rows: Sequence[int], column: int) -> tuple[str, ...]:
    texts = {cell for cell in table.column(column, rows) if cell.strip() and number_of(cell) is None}
    if not texts:
        return ()
    return (f"the column says {', '.join(sorted(texts))} for some students; that stays as it is",)
