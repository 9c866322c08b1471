"""How Moodle reads a grading worksheet (docs/lms.md names the sources of each rule)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from html.parser import HTMLParser
from typing import NamedTuple

from autograder.export.formats import Contents, Field, Reading, Template
from autograder.export.moodle_headings import Headings
from autograder.export.readers import ImportRefused, php, said

_FLOAT = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class _Record(NamedTuple):
    participant: str
    grade: Decimal | None
    maximum: Decimal | None
    is_locked: bool
    comment: str | None


def reading_of(languages: Sequence[Headings]) -> Reading:
    """Return the model for an interface in one of some languages."""

    def reading(
        files: Contents, template: Template | None
    ) -> tuple[Mapping[Field, str], Mapping[Field, str]]:
        assert template is not None
        (content,) = files.values()
        before: dict[Field, str] = {}
        known = list(_records(_rows(template.content), languages))
        for record in known:
            if record.grade is not None:
                before[record.participant, "score"] = said(record.grade)
            if record.comment:
                before[record.participant, "comment"] = text_of(record.comment)
        after = dict(before)
        participants = {record.participant for record in known}
        for record in _records(_kept(_rows(content)), languages):
            if record.participant in participants:
                _import(record, after)
        return before, after

    return reading


def _import(record: _Record, state: dict[Field, str]) -> None:
    """Do with one row what Moodle does, with the box ticked where it cannot read the dates."""
    grade = record.grade
    if grade is not None and not record.is_locked and 0 <= grade <= (record.maximum or grade):
        state[record.participant, "score"] = said(grade)
    if record.comment is None:
        return
    if record.comment:
        state[record.participant, "comment"] = text_of(record.comment)
    else:
        state.pop((record.participant, "comment"), None)  # a blank wipes what was there


def _records(rows: list[list[str]], languages: Sequence[Headings]) -> Iterator[_Record]:
    header = rows[0]
    words = next((one for one in languages if {one.identifier, one.grade, one.modified} <= set(header)), None)
    if words is None:
        raise ImportRefused("a needed heading is missing")
    at = {heading: column for column, heading in enumerate(header)}  # of two equal headings the last is read
    maximum = next((at[one] for one in words.maximum if one in at), None)
    for row in rows[1:]:
        number = re.search(r"\d+\s*\Z", row[at[words.identifier]])
        yield _Record(
            participant=number[0].strip() if number else "",
            grade=_number(row[at[words.grade]], words),
            maximum=None if maximum is None else _number(row[maximum], words),
            is_locked=words.changeable in at and row[at[words.changeable]] != words.yes,
            comment=row[at[words.comments]] if at.get(words.comments) else None,  # ignored in the first place
        )


def _rows(content: bytes) -> list[list[str]]:
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ImportRefused("the file is not UTF-8") from error
    text = re.sub("\r\n?", "\n", text).strip(" \t\n\r\x00\x0b")
    rows = php.rows_of(text)
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise ImportRefused("a row has too many or too few cells: nothing is imported, and no error is shown")
    return rows


def _kept(rows: list[list[str]]) -> list[list[str]]:
    """Return the rows as they come out of the file in which Moodle keeps them between preview and import."""
    return php.rows_of("".join(php.line_of(row) for row in rows))


def _number(cell: str, words: Headings) -> Decimal | None:
    """Return what PHP makes of a grade: text is 0, a tail that is no number is dropped."""
    text = cell.replace(" ", "").replace("\xa0", "")
    text = text.replace(",", ".") if words.decimal_comma else text
    if not text:
        return None
    found = _FLOAT.match(text)
    return Decimal(found[0].strip()) if found else Decimal(0)


def text_of(html: str) -> str:
    """Return the text that a browser shows of a comment."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    return "".join(parser.shown)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "br":
            self.shown.append("\n")

    def handle_data(self, data: str) -> None:
        self.shown.append(data)
