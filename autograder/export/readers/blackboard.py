"""How Blackboard Learn reads a grade centre file (from its documentation; no Blackboard was run)."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from autograder.export.formats import Contents, Field, Template
from autograder.export.readers import ImportRefused, said
from autograder.export.readers.moodle_worksheet import text_of


def reading(files: Contents, template: Template | None) -> tuple[Mapping[Field, str], Mapping[Field, str]]:
    """Return the scores of all columns before and after: (user name, heading) to a number."""
    assert template is not None
    (content,) = files.values()
    before = dict(_cells(template.content))
    headings = _rows(template.content)[0]
    if _rows(content)[0] != headings:
        raise ImportRefused("a heading differs: Blackboard would make a new column of text")
    after = before | dict(_cells(content))
    return before, after


def _cells(content: bytes) -> Iterator[tuple[Field, str]]:
    header, *rows = _rows(content)
    if "Username" not in header:
        raise ImportRefused("there is no column Username")
    for row in rows:
        if len(row) != len(header):
            raise ImportRefused("a row has too many or too few cells")
        user = row[header.index("Username")]
        for heading, cell in zip(header, row, strict=True):
            text = cell.strip()
            if re.search(r"\|\s*\d+\s*\Z", heading) and text:
                yield (user, heading), _score(text)
            elif heading == "Feedback to Learner" and text:
                yield (user, "comment"), text_of(cell)


def _score(text: str) -> str:
    number = text.replace(",", ".")
    return said(Decimal(number)) if re.fullmatch(r"-?\d+(\.\d+)?", number) else text


def _rows(content: bytes) -> list[list[str]]:
    codec = next(
        (
            name
            for mark, name in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
            if content.startswith(mark)
        ),
        "utf-8-sig",
    )
    if codec == "utf-8-sig" and content[1:2] == b"\x00":
        codec = "utf-16-le"
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        raise ImportRefused(f"the file is not {codec}") from error
    sign = "\t" if "\t" in text.split("\n")[0] else ","
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True) if row]
    except csv.Error as error:
        raise ImportRefused(f"malformed: {error}") from error
