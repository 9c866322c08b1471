"""Tables in Markdown, as they are printed and as docs/performance.md has them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence


def show(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str] = ()
) -> None:
    """Prints one table with its notes."""
    lines = [columns, *rows]
    widths = [max(len(line[at]) for line in lines if at < len(line)) for at in range(len(columns))]
    print(f"\n## {title}\n")
    for number, line in enumerate(lines):
        cells = [*line, *[""] * (len(columns) - len(line))]
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for note in notes:
        print(f"\n{note}")
    sys.stdout.flush()


def verdict(is_met: bool, target: str) -> str:
    """The words for a target."""
    return f"{target}: {'met' if is_met else 'MISSED'}"


def say(text: str) -> None:
    """One line of progress, beside the tables."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
