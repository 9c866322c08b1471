"""How Brightspace reads a grades file (from its documentation; no Brightspace was run)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from autograder.export.formats import Contents, Field, Template
from autograder.export.readers import ImportRefused, said


def reading(files: Contents, template: Template | None) -> tuple[Mapping[Field, str], Mapping[Field, str]]:
    """Return the points of all items before and after: (first id, heading) to a number."""
    assert template is not None
    (content,) = files.values()
    known = {heading for heading in _rows(template.content)[0] if "Points Grade" in heading}
    before = dict(_cells(template.content, known))
    return before, before | dict(_cells(content, known))


def _cells(content: bytes, known: set[str]) -> Iterator[tuple[Field, str]]:
    header, *rows = _rows(content)
    if header[-1].strip() != "End-of-Line Indicator" or header[0].strip() not in ("OrgDefinedId", "Username"):
        raise ImportRefused("the first or the last column is not what Brightspace expects")
    for row in rows:
        if len(row) != len(header) or row[-1].strip() != "#":
            raise ImportRefused("a row does not end with '#'")
        for heading, cell in zip(header, row, strict=True):
            if heading not in known:
                if "Points Grade" in heading:
                    raise ImportRefused(f"{heading!r} would make a new item")
            elif cell.strip():
                yield (row[0].strip().lstrip("#"), heading), _points(cell.strip(), heading)


def _points(text: str, heading: str) -> str:
    number = Decimal(text.replace(",", "."))
    maximum = re.search(r"MaxPoints:\s*([\d.]+)", heading)
    is_cut = maximum is not None and "CanExceed" not in heading and number > Decimal(maximum[1])
    return said(Decimal(maximum[1])) if is_cut and maximum else said(number)


def _rows(content: bytes) -> list[list[str]]:
    text = content.decode("utf-8-sig")
    first = text.split("\n")[0]
    sign = max(",\t;", key=first.count)
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True) if row]
    except csv.Error as error:
        raise ImportRefused(f"malformed: {error}") from error
