"""Moodle: a CSV file for the import of the gradebook."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Literal

from autograder.errors import UsageError, nearest
from autograder.export.comments import as_html
from autograder.export.deciding import Takes
from autograder.export.decimals import as_read, has_decimal_commas, number_of
from autograder.export.filling import fill
from autograder.export.formats import FORMATS, Draft, Field, Format, FormatParams, Request, Template
from autograder.export.listing import listed, written
from autograder.export.moodle_worksheet import id_columns
from autograder.export.readers.moodle_gradebook import reading_of
from autograder.export.routes import require_one_route
from autograder.export.scores import ANY_ID
from autograder.export.sheets import Row, Sheet, require_keys, require_whole
from autograder.export.tables import read_table

HEADINGS = {"number": "ID number", "login": "Username", "email": "Email address"}
"""What identifies a user to the import; each is also what the import can map."""
SCORE, FEEDBACK = "Score", "Feedback"
WARNING = (
    "the import makes these grades overridden in the gradebook: from then on Moodle skips these students in every "
    "grading worksheet. Take moodle-worksheet for an assignment, this for a manual item alone"
)


class GradebookParams(FormatParams):
    """What `moodle-gradebook` can be told."""

    column: str = ""
    """Heading of our grade item in the template."""
    by: Literal["number", "login", "email"] = "number"
    """Which id identifies a user: `ID number`, `Username` or `Email address`."""


@FORMATS.register(GradebookParams)
def moodle_gradebook(params: GradebookParams) -> Format:
    """Moodle gradebook CSV import."""

    def sheet(template: Template) -> Sheet:
        return read_export(template, params)

    def draft(request: Request) -> Draft:
        require_one_route(request, "moodle", "moodle_gradebook")
        if request.template is None:
            return _made(request, params)
        found = sheet(request.template)
        return fill(found, request, Takes(), comment_text=as_html, only_written=True)

    return Format(
        title="Moodle gradebook CSV import",
        draft=draft,
        reading=reading_of(params.column or SCORE, HEADINGS[params.by]),
        sheet=sheet,
        notes=(
            f"Import it under Grades, Import, CSV: map {HEADINGS[params.by]} to the user and our score to its item, "
            "every other column to Ignore.",
            WARNING,
        ),
    )


def _made(request: Request, params: GradebookParams) -> Draft:
    """Return a file of our own: an id, a score, a comment; only rows that are written, since a blank clears."""
    destination = request.choices.destination or "moodle"
    known = (params.by, ANY_ID) if request.choices.id_kind == params.by else (params.by,)
    outcomes = listed(
        request,
        Takes(),
        destination,
        lambda score: next((score.ids[kind].strip() for kind in known if kind in score.ids), ""),
        f"has no {HEADINGS[params.by]!r} in a roster; --id {params.by} says that the ids of a run without one are that",
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([HEADINGS[params.by], SCORE, FEEDBACK])
    expected: dict[Field, str] = {}
    for one in written(outcomes):
        writer.writerow([one.row, one.value, as_html(one.comment)])
        expected[one.row, SCORE] = as_read(one.value)
        if one.comment:
            expected[one.row, "comment"] = one.comment
    content = out.getvalue().encode("utf-8")
    return Draft({"moodle-gradebook.csv": content}, outcomes, destination, expected)


def read_export(template: Template, params: GradebookParams) -> Sheet:
    """Return a plain-text export of the gradebook, understood.

    Raises
    ------
    UsageError
        When it lacks the id or our item.
    """
    table = read_table(
        template.content, template.name, (",", ";", "\t"), encoding=params.encoding, has_escapes=True
    )
    columns = {kind: at for at, kind in id_columns(table, -1).items()}
    if params.by not in columns:
        raise UsageError(f"{template.name} has no column {HEADINGS[params.by]!r}; --by names another id")
    if params.column not in table.header:
        raise UsageError(
            f"{template.name} has no column {params.column!r}{nearest(params.column, table.header)}; name our grade "
            f"item with --column (there are: {', '.join(table.header)})"
        )
    rows = range(1, len(table.rows))
    column = table.header.index(params.column)
    require_keys(table, columns[params.by], rows)
    require_whole(table, columns.values(), rows)
    has_decimal_commas(table.column(column, rows), f"{template.name}: the column {params.column!r}")

    def row(at: int) -> Row:
        ids: Mapping[str, str] = {kind: table.value(at, place).strip() for kind, place in columns.items()}
        return Row(
            at=at,
            key=ids[params.by],
            ids={kind: value for kind, value in ids.items() if value},
            score=number_of(table.value(at, column)),
        )

    return Sheet(
        table=table,
        rows=tuple(row(at) for at in rows),
        score_column=column,
        score_field=params.column,
        maximum=None,
        destination="moodle",
        notes=("the file does not say the item's maximum: Moodle refuses all of it when a score is above",),
    )
