"""What a notebook put out as text, line by line, without what it merely repeats from its own source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.checks.findings import Context, Finding, failed, for_person
from autograder.probes.evidence import Evidence
from autograder.probes.notebooks import NotebookCell
from autograder.records import Found, Status

NUMBER = re.compile(r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?!\w)")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Line:
    """A line that a cell put out."""

    cell: int
    text: str

    @property
    def found(self) -> tuple[Found, ...]:
        """Where it stands."""
        return (Found(how="printed", path=self.text.strip()[:120], cell=self.cell),)

    @property
    def numbers(self) -> list[float]:
        """The numbers in it, of which `1,234` is one."""
        return [float(found.replace(",", "")) for found in NUMBER.findall(self.text)]


def lines_of(cells: Sequence[NotebookCell]) -> list[Line]:
    """Return the lines that cells put out and that do not stand in their source as they are."""
    return [Line(cell.index, text) for cell in cells for text in _computed(cell)]


def _computed(cell: NotebookCell) -> Iterator[str]:
    source = f" {' '.join(_WORD.findall(cell.source))} "
    for text in cell.printed.split("\n"):
        words = " ".join(_WORD.findall(text))
        if words and f" {words} " not in source:
            yield text


def lines_for(evidence: Evidence, item: str) -> list[Line]:
    """Return the lines of an item's section; of the whole notebook where its section cannot be told."""
    return lines_of(evidence.cells_of(item) or evidence.cells)


def lines_elsewhere(evidence: Evidence, item: str) -> list[Line]:
    """Return the lines of the other cells: headings may mislead, and one cell may print for all."""
    inside = {cell.index for cell in evidence.cells_of(item)}
    return lines_of([cell for cell in evidence.cells if inside and cell.index not in inside])


def nothing_printed(evidence: Evidence, context: Context, what: str) -> Finding:
    """Return what to say when what was looked for is in no output: pictures without text are shown to a person."""
    if cause := evidence.failure_in(context.item):
        return Finding(Status.BLOCKED, 0.0, message=f"Nothing shows {what}: {cause}.", expected=what)
    cells = evidence.cells_of(context.item)
    if any(cell.n_images for cell in cells) and not any(cell.printed.strip() for cell in cells):
        return for_person(f"A picture was put out and no text; a person looks for {what}.", expected=what)
    return failed(f"No output shows {what}.", observed="not found", expected=what, missing=True)


def with_prefix(context: Context, prefix: str) -> dict[str, float]:
    """Return the exact golden values `prefix[name]`, by name."""
    return {
        key[len(prefix) + 1 : -1]: value.truth
        for key, value in context.golden.values.items()
        if key.startswith(f"{prefix}[") and key.endswith("]") and value.truth is not None
    }
