"""Which item of the sheet a cell belongs to: by the headings of the notebook, or by its code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from autograder.rubric.model import SectionSpec

_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_BOLD_LINE = re.compile(r"^\s*(?:\*\*|__)(.+?)(?:\*\*|__)\s*:?\s*$")


def assign_items(
    kinds: Sequence[str], sources: Sequence[str], sections: Mapping[str, SectionSpec]
) -> list[str | None]:
    """Return the item of each cell: by the heading above it, or by its code where nothing is headed.

    A heading opens an item's section; the section ends at the next heading of the same or a higher level.
    A notebook without any matching heading is read by the code patterns of the sections.
    """
    items: list[str | None] = []
    current: str | None = None
    level = 7
    for kind, source in zip(kinds, sources, strict=True):
        if kind == "markdown":
            for depth, text in headings(source):
                item = _match(text, [(item, section.headings) for item, section in sections.items()])
                if item is not None:
                    current, level = item, depth
                elif depth <= level and depth < 7:
                    current = None
        items.append(current)
    if any(item is not None for item in items):
        return items
    for index, (kind, source) in enumerate(zip(kinds, sources, strict=True)):
        if kind == "code":
            current = _match(source, [(item, section.code) for item, section in sections.items()]) or current
        items[index] = current
    return items


def headings(markdown: str) -> list[tuple[int, str]]:
    """Return (level, text) of each heading; a line in bold on its own counts as a heading of level 7."""
    found = []
    for line in markdown.splitlines():
        if match := _HEADING.match(line):
            found.append((len(match[1]), match[2]))
        elif match := _BOLD_LINE.match(line):
            found.append((7, match[1]))
    return found


def _match(text: str, patterns: Sequence[tuple[str, Sequence[str]]]) -> str | None:
    for item, expressions in patterns:
        if any(re.search(expression, text, re.IGNORECASE) for expression in expressions):
            return item
    return None
