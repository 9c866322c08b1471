"""How Canvas reads a gradebook CSV (docs/lms.md names the sources of each rule)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from autograder.export.formats import Contents, Field, Template
from autograder.export.readers import ImportRefused, said

_BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"-?[0-9.,]+%?")
_IGNORED = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
_ASSIGNMENT = re.compile(r".*\s\(\d+\)", re.DOTALL)
_STUDENT_COLUMNS = ("SIS User ID", "SIS Login ID", "Integration ID", "Root Account", "Section")


def reading(files: Contents, template: Template | None) -> tuple[Mapping[Field, str], Mapping[Field, str]]:
    """Return the scores of all assignments before and after the import: (user id, heading) to a number or `EX`."""
    assert template is not None
    (content,) = files.values()
    before = {place: cell for place, cell in _cells(template.content) if cell}
    after = dict(before)
    for place, cell in _cells(content):
        if cell:
            after[place] = cell
        else:
            after.pop(place, None)  # a blank over a score removes it
    return before, after


def _cells(content: bytes) -> Iterator[tuple[Field, str]]:
    rows = _rows(content)
    header = rows[0]
    first = _first_assignment(header)
    read_only: set[int] = set()
    students = []
    for row in rows[1:]:
        if "Points Possible" in row[0]:
            read_only |= {at for at, cell in enumerate(row) if re.search(r"read\s+only", cell)}
        elif not all(re.fullmatch(r"\s*|Muted|Manual Posting.*", cell) for cell in row):
            students.append(row)
    id_at = 2 if header[0] == "LastName" else 1
    for row in students:
        user = _integer(row[id_at])
        for at in range(first, len(header)):
            heading = header[at]
            if _IGNORED.search(heading) or at in read_only or at >= len(row):
                continue
            if not _ASSIGNMENT.fullmatch(heading):
                continue  # a custom column, or a new assignment that the user is asked about
            yield (
                (user, heading),
                _score(row[header.index(heading)]),
            )  # of two equal headings the first is read


def _integer(cell: str) -> str:
    found = re.match(r"\s*\d+", cell)
    if found is None:
        raise ImportRefused(f"the student with ID {cell!r} is unknown")
    return str(int(found[0]))


def _score(cell: str) -> str:
    text = cell.strip()
    if text in ("", "-", "N/A"):
        return ""
    if text.upper() in ("EX", "EXCUSED"):
        return "EX"
    if not re.fullmatch(r"-?\d+(\.\d*)?", text):
        return text  # a letter or a percentage, which Canvas interprets
    return said(Decimal(text).quantize(Decimal("0.01")))


def _rows(content: bytes) -> list[list[str]]:
    if content.startswith(_BOM + b'"'):
        raise ImportRefused("a byte order mark before a quoted cell is malformed CSV")
    try:
        text = content.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ImportRefused("the file is not UTF-8") from error
    delimiter = _delimiter(text)
    if len(set(re.findall(r"\r\n|\n|\r", re.sub(r'"(?:[^"]|"")*"', "", text)))) > 1:
        raise ImportRefused("line ends are mixed")
    lines = [
        line for line in re.split(r"(?<=\n)|(?<=\r)(?!\n)", text) if not re.fullmatch(r"[;, ]+\s*", line)
    ]
    try:
        rows = list(csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ImportRefused(f"malformed CSV: {error}") from error
    return [[_rewritten(cell) for cell in row] for row in rows if row]


def _delimiter(text: str) -> str:
    lines = re.split(r"\r\n|\n|\r", text)[:3]
    counts = {}
    for sign in ";,":
        try:
            numbers = {
                len(row) for line in lines if line for row in csv.reader([line], delimiter=sign, strict=True)
            }
        except csv.Error:
            numbers = set()
        counts[sign] = numbers.pop() if len(numbers) == 1 else 0
    return ";" if counts[";"] > counts[","] else ","


def _rewritten(cell: str) -> str:
    if not _NUMBER.fullmatch(cell) or not re.search(r"[.,]", cell):
        return cell
    parts = re.split(r"[.,]", cell)
    return f"{''.join(parts[:-1])}.{parts[-1]}"


def _first_assignment(header: list[str]) -> int:
    """Return the first column behind the students' columns."""
    is_one_name = len(header) > 3 and "Student" in header[0] and "ID" in header[1]
    is_two_names = (
        len(header) > 4 and header[0] == "LastName" and header[1] == "FirstName" and "ID" in header[2]
    )
    if not is_one_name and not is_two_names:
        raise ImportRefused("Invalid header row")
    at = 2 if is_one_name else 3
    while at < len(header) and header[at] in _STUDENT_COLUMNS:
        at += 1
    if "Section" not in header[at - 1]:
        raise ImportRefused("Invalid header row: the last of the students' columns is not the section")
    return at
