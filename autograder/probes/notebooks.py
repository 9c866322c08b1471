"""The executed notebook as plain cells, and which item of the sheet each cell belongs to."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.records import CellRecord
from autograder.rubric.model import SectionSpec
from autograder.rubric.sections import assign_items

_MAGIC_LINE = re.compile(
    r"^(\s*)(?:[%!?]|(?:pip3?|conda|mamba|apt|apt-get)\s+(?:un)?install\b|[\w.]+\?{1,2}\s*$)"
)
_ASSIGNED_MAGIC = re.compile(r"^(\s*[^\s=!%][^=!]*=)\s*[%!]")
_PYTHON_CELL = re.compile(r"^%%(?:time|timeit|capture|prun|memit|mprun|notify)\b")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


@dataclass(frozen=True)
class NotebookCell:
    """A cell as the student wrote it, with the text that it printed."""

    index: int
    kind: str
    """`code`, `markdown` or `raw`."""
    source: str
    printed: str
    n_images: int
    item: str | None
    record: CellRecord | None


def read_cells(
    notebook: Mapping[str, Any], sections: Mapping[str, SectionSpec], records: Sequence[CellRecord] = ()
) -> tuple[NotebookCell, ...]:
    """Return the cells of a notebook (nbformat 4 JSON) with the item that each belongs to."""
    raw = [cell for cell in notebook.get("cells", []) if isinstance(cell, dict)]
    sources = [_text(cell.get("source")) for cell in raw]
    kinds = [str(cell.get("cell_type", "")) for cell in raw]
    items = assign_items(kinds, sources, sections)
    by_index = {record.index: record for record in records}
    return tuple(
        NotebookCell(index, kinds[index], sources[index], *_outputs(cell), items[index], by_index.get(index))
        for index, cell in enumerate(raw)
    )


def _text(value: Any) -> str:
    return "".join(str(line) for line in value) if isinstance(value, list) else str(value or "")


def _outputs(cell: Mapping[str, Any]) -> tuple[str, int]:
    """Return the text that a cell printed (carriage returns resolved, colours removed) and its images."""
    texts, n_images = [], 0
    for output in cell.get("outputs") or []:
        if not isinstance(output, dict):
            continue
        if output.get("output_type") == "stream" and output.get("name") != "stderr":
            texts.append(_text(output.get("text")))
        data = output.get("data")
        if isinstance(data, dict):
            n_images += any(str(kind).startswith("image/") for kind in data)
            if "text/plain" in data:
                texts.append(_text(data["text/plain"]))
    lines = "\n".join(texts).split("\n")
    return _COLOURS.sub("", "\n".join(line.rsplit("\r", 1)[-1] for line in lines)), n_images


def parse_code(source: str) -> ast.Module | None:
    """Return the syntax tree of a code cell (magics and shell lines left out), or None when it is no Python."""
    for text in (source, _without_magics(source)):
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def _without_magics(source: str) -> str:
    """Return a cell as Python alone; the first line of `%%time` goes, and a cell like `%%bash` stays no Python."""
    lines = source.splitlines()
    while lines and (not lines[0].strip() or _PYTHON_CELL.match(lines[0])):
        lines.pop(0)
    is_continued = False
    for at, line in enumerate(lines):
        magic = _MAGIC_LINE.match(line)
        assigned = _ASSIGNED_MAGIC.match(line)
        is_magic = bool(magic or assigned) or is_continued
        if is_continued:
            lines[at] = ""
        elif magic and not line.startswith("%%"):
            lines[at] = f"{magic[1]}pass"
        elif assigned:
            lines[at] = f"{assigned[1]} None"
        is_continued = is_magic and line.rstrip().endswith("\\")
    return "\n".join(lines)


def asks_for_check(tree: ast.Module | None) -> bool:
    """Return whether a cell does nothing but ask for the self-check: `from autograder import check`, `check("a2")`."""
    return tree is not None and bool(tree.body) and all(map(_is_of_check, tree.body))


def _is_of_check(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return statement.module == "autograder"
    if isinstance(statement, ast.Import):
        return all(alias.name == "autograder" for alias in statement.names)
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Call) and ast.unparse(value.func) in ("check", "autograder.check")
