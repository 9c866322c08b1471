"""Tables as an LMS gave them: read without losing a byte, and written again with single cells changed.

A cell keeps the text that it was written as. What is not changed comes out byte for byte as it came in: encoding, byte
order mark, delimiter, quotes, line ends.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from autograder.errors import UsageError

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MAX_BYTES = 64 * 1024 * 1024

Places = Mapping[tuple[int, int], str]
"""(row, column), both from 0, to a new text."""


class Cell(NamedTuple):
    """One cell: what it says, and how it was written."""

    value: str
    written: str


@dataclass(frozen=True)
class Table:
    """A delimited file."""

    name: str
    encoding: str
    bom: bytes
    delimiter: str
    rows: tuple[tuple[Cell, ...], ...]
    ends: tuple[str, ...]
    """What ends each row; "" for the last row of a file without a final line end."""

    def value(self, row: int, column: int) -> str:
        """Return what a cell says."""
        return self.rows[row][column].value

    @property
    def header(self) -> list[str]:
        """What the cells of the first row say."""
        return [cell.value for cell in self.rows[0]]

    def column(self, index: int, rows: Sequence[int]) -> list[str]:
        """Return what the cells of a column say, in some rows."""
        return [self.rows[row][index].value for row in rows]

    def content(
        self, changes: Places, *, rows: Sequence[int] | None = None, columns: Sequence[int] | None = None
    ) -> bytes:
        """Return the file with some cells changed.

        Parameters
        ----------
        rows, columns : what is kept; None: all
        """
        end = self.ends[0] or "\n"
        kept = range(len(self.rows)) if rows is None else rows
        parts = []
        for row in kept:
            cells = self.rows[row]
            wanted = range(len(cells)) if columns is None else columns
            written = [
                self._written(changes[row, column], cells[column])
                if (row, column) in changes
                else cells[column].written
                for column in wanted
            ]
            is_last = row == len(self.rows) - 1 or rows is None
            parts.append(self.delimiter.join(written) + (self.ends[row] if is_last else end))
        return self.bom + "".join(parts).encode(self.encoding)

    def _written(self, text: str, before: Cell) -> str:
        if "\r" in text:
            raise ValueError("a cell of a table holds no carriage return")
        must = any(sign in text for sign in (self.delimiter, '"', "\n", "\t")) or text != text.strip()
        doubled = text.replace('"', '""')
        return f'"{doubled}"' if must or before.written.startswith('"') else text


def read_table(
    content: bytes,
    name: str,
    delimiters: Sequence[str],
    *,
    encoding: str | None = None,
    has_escapes: bool = False,
    may_be_blank: bool = False,
) -> Table:
    r"""Return the table of a file.

    Parameters
    ----------
    delimiters : what may stand between cells; taken is the one that makes most cells of the first row
    encoding : of the file; None: by its byte order mark, else strict UTF-8
    has_escapes : whether `\` keeps a following `"` from ending a cell, as PHP writes and reads it
    may_be_blank : whether there may be lines with nothing but delimiters and blanks

    Raises
    ------
    UsageError
        When the file cannot be decoded, is no such table, or its rows have different numbers of cells.
    """
    if len(content) > MAX_BYTES:
        raise UsageError(f"{name} is larger than {MAX_BYTES // 2**20} MiB; this is no list of scores")
    bom, codec = next(
        ((bom, codec) for bom, codec in BOMS if content.startswith(bom)), (b"", encoding or "utf-8")
    )
    text = _decoded(content.removeprefix(bom), codec, name)
    delimiter = max(delimiters, key=lambda sign: _n_cells(text, sign, has_escapes))
    rows, ends = _rows(text, delimiter, has_escapes, name)
    if not rows:
        raise UsageError(f"{name} is empty; download it again")
    _require_rectangle(rows, ends, name, may_be_blank)
    return Table(name, codec, bom, delimiter, tuple(map(tuple, rows)), tuple(ends))


def _decoded(content: bytes, codec: str, name: str) -> str:
    try:
        text = content.decode(codec)
    except LookupError as error:
        raise UsageError(f"--encoding {codec}: Python knows no such encoding") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{name} is not {codec} (byte {error.start}); say what it is with --encoding, such as cp1252 or utf-16-le"
        ) from error
    if "\x00" in text:
        raise UsageError(f"{name} holds NUL characters; say what it is with --encoding, such as utf-16-le")
    return text


def _n_cells(text: str, delimiter: str, has_escapes: bool) -> int:
    try:
        rows, _ = _rows(text, delimiter, has_escapes, "", only_first=True)
    except UsageError:
        return 0
    return len(rows[0]) if rows else 0


def _rows(
    text: str, delimiter: str, has_escapes: bool, name: str, *, only_first: bool = False
) -> tuple[list[list[Cell]], list[str]]:
    inner = r'\\.|""|[^"\\]' if has_escapes else r'""|[^"]'
    cell = re.compile(
        rf'("(?:{inner})*+"|[^"\r\n{re.escape(delimiter)}]*)({re.escape(delimiter)}|\r\n|\n|\r|\Z)',
        re.DOTALL,
    )
    rows: list[list[Cell]] = []
    ends: list[str] = []
    row: list[Cell] = []
    at = 0
    while at < len(text) or row:
        found = cell.match(text, at)
        if found is None:
            raise UsageError(
                f"{name}: row {len(rows) + 1}, cell {len(row) + 1} has a quote in a place where none belongs; "
                "download the file again, and open it in no spreadsheet"
            )
        written, end = found.groups()
        value = written[1:-1].replace('""', '"') if written.startswith('"') else written
        row.append(Cell(value, written))
        at = found.end()
        if end != delimiter:
            rows.append(row)
            ends.append(end)
            row = []
            if only_first:
                break
    return rows, ends


def _require_rectangle(
    rows: Sequence[Sequence[Cell]], ends: Sequence[str], name: str, may_be_blank: bool
) -> None:
    for number, row in enumerate(rows, 1):
        is_blank = all(not cell.written.strip() for cell in row)
        if len(row) != len(rows[0]) and not (is_blank and may_be_blank):
            raise UsageError(
                f"{name}: row {number} has {len(row)} cells, the header has {len(rows[0])}; an import would lose rows. "
                "Download the file again, and open it in no spreadsheet"
            )
    if len(set(ends[:-1] or ends)) > 1 or (ends[-1] and ends[-1] != ends[0]):
        raise UsageError(f"{name} mixes line ends; an import would fail. Download the file again")
