"""Read a CSV file as a spreadsheet or an LMS wrote it: every cell as the text that it is, no number made of it."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import UsageError

MAX_BYTES = 32 * 2**20
SEPARATORS = (",", ";", "\t")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    line: int
    """1-based line of the file that the row begins on."""
    cells: tuple[str, ...]

    def cell(self, column: int | None) -> str:
        """Return a cell without blanks around it; "" for a column that there is not."""
        return self.cells[column].strip() if column is not None and column < len(self.cells) else ""


@dataclass(frozen=True)
class Table:
    """A CSV file."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    """Without those that are blank."""
    separator: str
    encoding: str
    """`utf-8`, `utf-8-sig` (with a byte order mark) or `utf-16`."""

    def column(self, index: int) -> list[str]:
        """Return the cells of a column; "" where a row is too short."""
        return [row.cell(index) for row in self.rows]


def read_table(path: Path) -> Table:
    """Return the table in a CSV file with a header; `,`, `;` or tab separates, whichever gives the header most cells.

    Raises
    ------
    UsageError
        When the file cannot be read, is no text in UTF-8 (or UTF-16 with its mark), or has no header.
    """
    text, encoding = _text(path)
    separator = max(SEPARATORS, key=lambda one: (_n_cells(text, one), -SEPARATORS.index(one)))
    rows = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=False)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(line, tuple(cells)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(
            f"{path}:{line}: this is no CSV ({error}); save it as “CSV UTF-8” and try again"
        ) from error
    if not rows:
        raise UsageError(f"{path} is empty; it must begin with a row of column names")
    header = tuple(cell.strip() for cell in rows[0].cells)
    return Table(path, header, tuple(rows[1:]), separator, encoding)


def _text(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES // 2**20} MiB; that is no list of a class")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 (byte {error.start:,}); names and ids are never guessed: save it as “CSV UTF-8”"
        ) from error
    if "\x00" in text:
        raise UsageError(f"{path} holds NULs: it is no CSV; save it as “CSV UTF-8”")
    return text, encoding


def _n_cells(text: str, separator: str) -> int:
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if any(cell.strip() for cell in cells):
                return len(cells)
    except csv.Error:
        pass
    return 0
