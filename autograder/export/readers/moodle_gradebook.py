"""How Moodle's gradebook imports a CSV file: strictly, and all or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from autograder.export.formats import Contents, Field, Reading, Template
from autograder.export.readers import ImportRefused, php, said
from autograder.export.readers.moodle_worksheet import text_of


def reading_of(score: str, user: str) -> Reading:
    """Return the model for a mapping of columns: `score` to its item, `user` to the user."""

    def reading(
        files: Contents, template: Template | None
    ) -> tuple[Mapping[Field, str], Mapping[Field, str]]:
        (content,) = files.values()
        before: dict[Field, str] = {}
        if template is not None:
            for row, field, cell in _cells(template.content, score, user):
                if re.fullmatch(r"-?\d+([.,]\d+)?", cell):
                    before[row, field] = said(Decimal(cell.replace(",", ".")))
        after = dict(before)
        users = {row for row, _, _ in _cells(template.content, score, user)} if template is not None else None
        for row, field, cell in _cells(content, score, user):
            if not row or (users is not None and row not in users):
                raise ImportRefused(f"the user {row!r} is unknown: nothing at all is imported")
            if not cell:
                after.pop((row, field), None)  # a blank clears
            elif field == "comment":
                after[row, field] = text_of(cell)
            elif not re.fullmatch(r"-?\d+(\.\d+)?", cell):
                raise ImportRefused(f"the grade {cell!r} is no number: nothing at all is imported")
            else:
                after[row, field] = said(Decimal(cell))
        return before, after

    return reading


def _cells(content: bytes, score: str, user: str) -> Iterator[tuple[str, str, str]]:
    text = re.sub("\r\n?", "\n", content.decode("utf-8-sig")).strip(" \n\r\x00\x0b")
    first = text.split("\n")[0]
    sign = max(",;\t", key=first.count)
    header, *rows = php.rows_of(text, sign)
    if any(len(row) != len(header) for row in rows):
        raise ImportRefused("a row has too many or too few cells")
    names = [name for name in header if name.casefold() == user.casefold()] or [
        name for name in header if name in ("E-Mail-Adresse", "ID-Nummer", "Anmeldename")
    ]
    if not names or score not in header:
        raise ImportRefused(f"there is no column {user!r} or {score!r} to map")
    for row in rows:
        who = row[header.index(names[0])]
        yield who, score, row[header.index(score)].strip()
        if "Feedback" in header:
            yield who, "comment", row[header.index("Feedback")]
