"""The cells of a notebook with what it shares marked line by line, to be shown beside another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from autograder.similarity.documents import Document
from autograder.similarity.tokens import Token
from autograder.similarity.winnowing import Region

MAX_LINES = 400
"""Lines that are shown of one side; a cell of which nothing is shared is not."""
MAX_WIDTH = 300


def marked(document: Document, tokens: Sequence[Token], regions: Sequence[Region]) -> list[dict[str, Any]]:
    """Return the cells that share something: number (from 1), and its lines as stretches of one region or of none (0)."""
    numbers: dict[tuple[int, int], int] = {}
    for region in regions:
        stretch = tokens[region.start : region.stop]
        for token in stretch:
            numbers.setdefault((token.cell, token.line), region.number)
    sharing = {cell for cell, _ in numbers}
    found: list[dict[str, Any]] = []
    n_left = MAX_LINES
    for index, source in document.code():
        if index not in sharing or n_left <= 0:
            continue
        lines = source.splitlines()
        shown = [[numbers.get((index, at), 0), line[:MAX_WIDTH]] for at, line in enumerate(lines[:n_left], 1)]
        n_left -= len(shown)
        found.append(
            {"cell": index + 1, "n_beyond": len(lines) - len(shown), "stretches": _stretches(_joined(shown))}
        )
    return found


def _joined(lines: list[list[Any]]) -> list[list[Any]]:
    """Mark blank lines, comments and brackets that stand between two lines of one region as of it."""
    for at, (number, _) in enumerate(lines):
        if number:
            continue
        above = lines[at - 1][0] if at else 0
        below = next((later for later, _ in lines[at + 1 : at + 4] if later), 0)
        if above and above == below:
            lines[at][0] = above
    return lines


def _stretches(lines: list[list[Any]]) -> list[list[Any]]:
    return [
        [number, "\n".join(text for _, text in group)]
        for number, group in groupby(lines, key=lambda line: line[0])
    ]
