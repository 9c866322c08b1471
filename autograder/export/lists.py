"""Lists for people: a plain CSV and a spreadsheet, with every student and every state."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from decimal import Decimal

from autograder.errors import UsageError
from autograder.export.comments import normalised
from autograder.export.deciding import require_scores
from autograder.export.formats import FORMATS, Draft, Field, Format, FormatParams, Request
from autograder.export.outcomes import Outcome, accounted
from autograder.export.readers import lists as readers
from autograder.export.readers import said
from autograder.export.scores import StudentScore

GUARDED = ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula."""
NOTE = "a ' before a text keeps a spreadsheet from reading it as a formula"
KINDS = ("number", "login", "email", "canvas", "integration", "moodle")
HEADINGS = (
    "id",
    "name",
    "state",
    "score",
    "maximum",
    "before the late rule",
    "taken off",
    "late",
    "pending",
    "group",
    "submission",
    "reason",
)

CellValue = str | Decimal | None


class ListParams(FormatParams):
    """What a list can be told: nothing."""


@FORMATS.register(ListParams)
def plain_csv(params: ListParams) -> Format:
    """Plain CSV for people."""
    return Format(
        title="Plain CSV",
        draft=lambda request: _draft(request, "scores.csv", _csv),
        reading=readers.plain_csv,
        is_record=False,
        notes=("For people, not for an LMS: texts that look like formulas have a ' before them.",),
    )


@FORMATS.register(ListParams)
def xlsx(params: ListParams) -> Format:
    """Spreadsheet (XLSX) for people."""
    return Format(
        title="Spreadsheet",
        draft=lambda request: _draft(request, "scores.xlsx", _xlsx),
        reading=readers.xlsx,
        is_record=False,
        notes=("For people, not for an LMS.",),
    )


def _draft(request: Request, name: str, write: Callable[[Sequence[Sequence[CellValue]]], bytes]) -> Draft:
    require_scores(request.scores, request.choices)
    items = list(dict.fromkeys(item.id for score in request.scores for item in score.items))
    table: list[list[CellValue]] = [[*HEADINGS, *KINDS, *items]]
    table += [_row(score, items) for score in request.scores]
    outcomes = accounted(
        (
            Outcome(kind="written", student=one.key, row=one.key, name=one.name, value="", why=one.reason)
            for one in request.scores
        ),
        request.choices,
    )
    expected: dict[Field, str] = {}
    for score in request.scores:
        about = {"state": score.state.value, "name": normalised(score.name)}
        about |= {"score": said(score.score)} if score.score is not None else {}
        about |= {kind: score.ids[kind] for kind in KINDS if kind in score.ids}
        expected |= {(score.key, field): value for field, value in about.items() if value}
    return Draft({name: write(table)}, outcomes, "people", expected)


def _row(score: StudentScore, items: Sequence[str]) -> list[CellValue]:
    points = {item.id: item.points for item in score.items}
    return [
        score.key,
        normalised(score.name),
        score.state.value,
        score.score,
        score.maximum,
        score.raw,
        score.deduction or None,
        score.late,
        score.pending or None,
        " ".join(score.group),
        score.submission,
        normalised(score.reason),
        *(score.ids.get(kind) for kind in KINDS),
        *(points.get(item) for item in items),
    ]


def _csv(table: Sequence[Sequence[CellValue]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for at, row in enumerate(table):
        cells = [said(cell) if isinstance(cell, Decimal) else guarded(cell or "") for cell in row]
        writer.writerow([*cells, NOTE if at == 0 else ""])
    return out.getvalue().encode("utf-8-sig")


def guarded(text: str) -> str:
    """Return a text that a spreadsheet takes for text; one that begins with a guard gets another."""
    return f"'{text}" if text.startswith((*GUARDED, "'")) else text


def _xlsx(table: Sequence[Sequence[CellValue]]) -> bytes:
    try:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.utils.exceptions import IllegalCharacterError
    except ImportError as error:
        raise UsageError(
            'spreadsheets need openpyxl; install it with: pip install "generative-autograder[xlsx]"'
        ) from error
    book = Workbook(write_only=True)
    sheet = book.create_sheet("scores")
    sheet.freeze_panes = "C2"
    for row in table:
        cells = []
        for value in row:
            try:
                cell = WriteOnlyCell(sheet, value=float(value) if isinstance(value, Decimal) else value)
            except IllegalCharacterError as error:
                raise UsageError(f"{value!r} holds a character that no spreadsheet can hold") from error
            if isinstance(value, str):
                cell.data_type = "s"  # never a formula, however it begins
                cell.number_format = "@"  # and an id stays text when somebody edits it
            cells.append(cell)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
