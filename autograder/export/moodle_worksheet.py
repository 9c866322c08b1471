"""Moodle: the grading worksheet of an assignment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from pydantic import Field

from autograder.errors import UsageError
from autograder.export.comments import as_html
from autograder.export.deciding import Takes
from autograder.export.decimals import has_decimal_commas, number_of
from autograder.export.filling import fill
from autograder.export.formats import FORMATS, Draft, Format, FormatParams, Request, Template
from autograder.export.moodle_headings import LANGUAGES, Headings
from autograder.export.readers.moodle_worksheet import reading_of
from autograder.export.routes import require_one_route
from autograder.export.sheets import Row, Sheet, require_keys, require_whole
from autograder.export.tables import Table, read_table
from autograder.roster_headers import COLUMNS, Column, plain_header

ROLES = ("identifier", "grade", "modified", "maximum", "changeable", "comments", "name", "yes")
_PARTICIPANT = re.compile(r"(\d+)\s*\Z")
BOX = "Allow updating records that have been modified more recently than in the spreadsheet"


class WorksheetParams(FormatParams):
    """What `moodle-worksheet` can be told."""

    header: Mapping[str, str] = Field(default_factory=dict)
    """Headings in another language: `identifier`, `grade`, `modified`, `maximum`, `changeable`, `yes` (what stands
    under `changeable` when it can), `comments`, `name` to the text."""


@FORMATS.register(WorksheetParams)
def moodle_worksheet(params: WorksheetParams) -> Format:
    """Moodle grading worksheet."""
    headings = _headings_of(params.header)

    def sheet(template: Template) -> Sheet:
        return read_worksheet(template, headings, params.encoding)

    def draft(request: Request) -> Draft:
        assert request.template is not None
        require_one_route(request, "moodle", "moodle_worksheet")
        found = sheet(request.template)
        made = fill(found, request, Takes(), comment_text=as_html)
        written = [one for one in made.outcomes if one.kind == "written"]
        rows = {row.key: row.at for row in found.rows}
        column = found.comment_column
        n_comments = sum(
            bool(one.comment)
            and column is not None
            and found.table.value(rows[one.row], column) != as_html(one.comment)
            for one in written
        )
        told = f"Moodle should say: Updated {len(written)} grades and {n_comments} feedback instances"
        return Draft(made.files, made.outcomes, made.destination, made.expected, (*made.notes, told))

    return Format(
        title="Moodle grading worksheet",
        draft=draft,
        reading=reading_of(headings),
        sheet=sheet,
        needs_template="the worksheet that Moodle gives (assignment, Submissions, Download grading worksheet)",
        notes=(
            "Upload it before the feedback files: their upload makes the worksheet stale for everybody.",
            "Select all participants in the page's group filter: Moodle ignores rows of other groups silently.",
        ),
    )


def _headings_of(given: Mapping[str, str]) -> tuple[Headings, ...]:
    if not given:
        return LANGUAGES
    unknown = [role for role in given if role not in ROLES]
    lacking = [role for role in ("identifier", "grade", "modified", "maximum") if role not in given]
    if unknown or lacking:
        raise UsageError(
            f"--header takes {', '.join(ROLES)}, the first four are needed; "
            f"{'unknown: ' + ', '.join(unknown) if unknown else 'missing: ' + ', '.join(lacking)}"
        )
    if "changeable" in given and "yes" not in given:
        raise UsageError(
            f"--header changeable={given['changeable']}: say with --header yes=TEXT what stands there when a grade can be "
            "changed; every other row counts as locked"
        )
    own = Headings(
        language="other",
        identifier=given["identifier"],
        grade=given["grade"],
        modified=given["modified"],
        maximum=(given["maximum"],),
        scale="",
        changeable=given.get("changeable", ""),
        comments=given.get("comments", ""),
        name=given.get("name", ""),
        yes=given.get("yes", ""),
    )
    return (own,)


def read_worksheet(template: Template, headings: Sequence[Headings], encoding: str | None) -> Sheet:
    """Return a worksheet that Moodle made, understood.

    Raises
    ------
    UsageError
        When it is none, a spreadsheet rewrote it, the assignment has no points, or an import would go wrong.
    """
    name = template.name
    table = read_table(template.content, name, (",", ";"), encoding=encoding, has_escapes=True)
    words = _language(table, headings)
    if table.delimiter != "," or not table.bom:
        what = "semicolons" if table.delimiter != "," else "no byte order mark"
        raise UsageError(
            f"{name} has {what}, Moodle's own file has not: a spreadsheet rewrote it, with damage that cannot be "
            "seen. Download it again and open it in no spreadsheet"
        )
    at = {heading: column for column, heading in reversed(list(enumerate(table.header)))}
    maximum_column = next((at[one] for one in words.maximum if one in at), None)
    if maximum_column is None:
        what = "is graded by a scale" if words.scale in at else "has no column of the maximum"
        raise UsageError(f"{name}: the assignment {what}; points cannot be sent to it")
    rows = range(1, len(table.rows))
    grade = at[words.grade]
    has_decimal_commas(table.column(grade, rows), f"{name}: the column {words.grade!r}")
    return Sheet(
        table=table,
        rows=_rows(table, words, at),
        score_column=grade,
        maximum=_maximum(table, maximum_column),
        destination="moodle",
        comment_column=at.get(words.comments),
        notes=tuple(_notes(table, words, at)),
    )


def _language(table: Table, headings: Sequence[Headings]) -> Headings:
    for one in headings:
        if {one.identifier, one.grade, one.modified} <= set(table.header):
            return one
    raise UsageError(
        f"{table.name} is no grading worksheet in {' or '.join(one.language for one in headings)} "
        f"(its heading is {', '.join(table.header)!r}); name its headings with --header ROLE=TEXT: identifier (of the "
        "participant), grade, modified (when the grade was), maximum; and, so that locked rows and comments are seen, "
        "changeable (with yes: what stands there when it can be), comments, name"
    )


def _maximum(table: Table, column: int) -> Decimal | None:
    cells = set(table.column(column, range(1, len(table.rows))))
    if len(cells) > 1:
        raise UsageError(f"{table.name}: the maximum differs from row to row ({', '.join(sorted(cells))})")
    return number_of(cells.pop()) if cells else None


def _rows(table: Table, words: Headings, at: Mapping[str, int]) -> tuple[Row, ...]:
    identifier = at[words.identifier]
    rows = range(1, len(table.rows))
    require_keys(table, identifier, rows)
    require_whole(table, id_columns(table, identifier), rows)
    found: list[Row] = []
    for row in rows:
        said = table.value(row, identifier)
        number = _PARTICIPANT.search(said)
        if number is None:
            raise UsageError(f"{table.name}: row {row + 1} has the identifier {said!r}, which has no number")
        ids = {
            kind: table.value(row, column).strip() for column, kind in id_columns(table, identifier).items()
        }
        changeable = table.value(row, at[words.changeable]) if words.changeable in at else words.yes
        found.append(
            Row(
                at=row,
                key=number[1],
                ids={"moodle": number[1]} | {kind: value for kind, value in ids.items() if value},
                name=table.value(row, at[words.name]) if words.name in at else "",
                score=number_of(table.value(row, at[words.grade])),
                locked="" if changeable == words.yes else _locked(words.changeable, changeable),
            )
        )
    keys = [one.key for one in found]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise UsageError(f"{table.name}: participant {twice[0]} has two rows; download it again")
    return tuple(found)


def id_columns(table: Table, identifier: int) -> dict[int, str]:
    """Return the columns that hold ids, in any language that is known: column to kind of id."""
    kinds: tuple[Column, ...] = ("email", "number", "login")
    return {
        at: kind
        for at, heading in enumerate(table.header)
        for kind in kinds
        if at != identifier and plain_header(heading) in COLUMNS[kind]
    }


def _locked(heading: str, said: str) -> str:
    return (
        f"{heading}: {said}. The gradebook has it locked or overridden (any import of a gradebook CSV does that), "
        "and Moodle would skip it silently"
    )


def _notes(table: Table, words: Headings, at: Mapping[str, int]) -> list[str]:
    notes = []
    rows = range(1, len(table.rows))
    dated = [one for one in table.column(at[words.modified], rows) if one.strip() not in ("", "-")]
    if dated and words.language != "English":
        notes.append(
            f"{len(dated)} rows carry a date that Moodle cannot read in this language, and it would skip them "
            f'silently: tick "{BOX}", or download and upload with the interface in English'
        )
    if words.language != "English":
        notes.append("upload it with the interface in the language in which it was downloaded")
    if any("workflow" in heading.casefold() for heading in table.header):
        notes.append(
            "the gradebook shows a grade only when its marking workflow is set to Released, at Moodle"
        )
    if words.changeable not in at:
        notes.append(
            "no column says whose grade cannot be changed (--header changeable=TEXT): Moodle skips those silently, so verify"
        )
    if words.name in at:
        evil = [one for one in table.column(at[words.name], rows) if one[:1] in ("=", "+", "-", "@")]
        if evil:
            notes.append(f"{len(evil)} names look like formulas; do not open the file in a spreadsheet")
    if words.comments in at and at[words.comments] == 0:
        notes.append("the column of comments comes first, where Moodle ignores it")
    return notes
