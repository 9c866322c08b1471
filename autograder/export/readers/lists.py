"""How a person's spreadsheet reads the lists."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from autograder.export.formats import Contents, Field, Template
from autograder.export.readers import ImportRefused, said


def plain_csv(files: Contents, template: Template | None) -> tuple[Mapping[Field, str], Mapping[Field, str]]:
    """Return what the CSV says of each student: (id, column) to a text."""
    (content,) = files.values()
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    if any(len(row) != len(rows[0]) for row in rows):
        raise ImportRefused("a row has too many or too few cells")
    for row in rows[1:]:
        if any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row):
            raise ImportRefused("a cell begins like a formula")
    return {}, _fields([[cell.removeprefix("'") for cell in row] for row in rows])


def xlsx(files: Contents, template: Template | None) -> tuple[Mapping[Field, str], Mapping[Field, str]]:
    """Return what the spreadsheet says of each student: (id, column) to a text."""
    from openpyxl import load_workbook

    (content,) = files.values()
    sheet = load_workbook(io.BytesIO(content), read_only=True)["scores"]
    rows = []
    for cells in sheet.iter_rows():
        if any(cell.data_type == "f" for cell in cells):
            raise ImportRefused("a cell is a formula")
        rows.append([_text(cell.value) for cell in cells])
    return {}, _fields(rows)


def _text(value: object) -> str:
    if isinstance(value, int | float):
        return said(Decimal(repr(value)))
    return "" if value is None else str(value)


def _fields(rows: Sequence[Sequence[str]]) -> dict[Field, str]:
    header, *students = rows
    wanted: Iterable[str] = (
        "name",
        "state",
        "score",
        "number",
        "login",
        "email",
        "canvas",
        "integration",
        "moodle",
    )
    found = [
        dict(zip(header, row, strict=False)) for row in students
    ]  # a spreadsheet drops blanks at the end
    return {(one["id"], name): one[name] for one in found for name in wanted if one.get(name)}
