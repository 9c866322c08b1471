"""How PHP reads and writes delimited text: a backslash keeps a quote from ending a cell, and stays where it is."""

from __future__ import annotations

import re

_QUOTED = re.compile(r'[\s",\\]')


def rows_of(text: str, delimiter: str = ",") -> list[list[str]]:
    """Return the rows of a text as `fgetcsv` gives them; blank lines are left out."""
    rows, at = [], 0
    while at < len(text):
        if text[at] == "\n":
            at += 1
            continue
        row: list[str] = []
        while True:
            cell, at = _cell(text, at, delimiter)
            row.append(cell)
            if at >= len(text) or text[at] == "\n":
                at += 1
                break
            at += 1
        rows.append(row)
    return rows


def _cell(text: str, at: int, delimiter: str) -> tuple[str, int]:
    """Return a cell and the place of what ends it."""
    start = at
    while start < len(text) and text[start] in " \t" and text[start] != delimiter:
        start += 1
    if text[start : start + 1] != '"':
        end = at
        while end < len(text) and text[end] not in (delimiter, "\n"):
            end += 1
        return text[at:end], end
    found, at = [], start + 1
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            found.append(text[at : at + 2])
            at += 2
        elif sign != '"':
            found.append(sign)
            at += 1
        elif text[at + 1 : at + 2] == '"':
            found.append('"')
            at += 2
        else:
            at += 1
            break
    end = at
    while end < len(text) and text[end] not in (delimiter, "\n"):
        end += 1
    return "".join(found) + text[at:end], end


def line_of(cells: list[str]) -> str:
    """Return a row as `fputcsv` writes it."""
    return ",".join(_written(cell) for cell in cells) + "\n"


def _written(cell: str) -> str:
    if not _QUOTED.search(cell):
        return cell
    out, is_escaped = [], False
    for sign in cell:
        if sign == "\\":
            is_escaped = True
        elif sign == '"' and not is_escaped:
            out.append('"')
            is_escaped = False
        else:
            is_escaped = False
        out.append(sign)
    return f'"{"".join(out)}"'
