"""What is kept of an executed notebook: each cell as HTML that is known to be harmless, each limit with a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from nbconvert.filters import Highlight2HTML
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

from autograder.notebook_pages.markup import clean_html
from autograder.notebook_pages.pictures import data_url
from autograder.notebook_pages.texts import MAX_TEXT, printed_html, visible
from autograder.review.texts import to_html

MAX_CELLS, MAX_OUTPUTS = 1_000, 60
MAX_SOURCE = 60_000
MAX_NOTEBOOK_TEXT = 3_000_000
"""Characters of all printed texts and tables together."""
MAX_PICTURES_BYTES = 40_000_000

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Block:
    """One output as the page shows it."""

    kind: str
    """`printed`, `complaint` (standard error), `error`, `picture`, `rich` or `note`."""
    html: Markup


class Room:
    """How much of a notebook is still shown."""

    def __init__(self) -> None:
        self.text, self.pictures = MAX_NOTEBOOK_TEXT, MAX_PICTURES_BYTES

    def printed(self, kind: str, text: str) -> Iterator[Block]:
        """Return a text as far as there is room for it."""
        limit = max(min(MAX_TEXT, self.text), 0)
        html, n_left_out = printed_html(text, limit)
        self.text -= min(len(text), limit)
        yield Block(kind, html)
        if n_left_out:
            yield note(
                f"{n_left_out:,} of its {len(text):,} characters are not shown; the stored notebook has them all."
            )

    def picture(self, url: str, words: str) -> Block:
        """Return a picture as far as there is room for it."""
        if len(url) > self.pictures:
            return note("A picture is not shown: the notebook holds more than this page does.")
        self.pictures -= len(url)
        return Block("picture", Markup('<img src="{}" alt="{}">').format(url, words))


def note(text: str) -> Block:
    """Return a sentence of ours."""
    return Block("note", Markup("{}").format(text))


class Tame(Preprocessor):
    """Moves what is shown of each cell into `resources["cells"]`: nothing else of the notebook reaches the template."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Return the notebook without its cells, and the cells as they are shown."""
        room = Room()
        cells, nb.cells = nb.cells, []
        resources["cells"] = [
            _tamed(index, cell if isinstance(cell, dict) else {}, room)
            for index, cell in enumerate(cells[:MAX_CELLS])
        ]
        resources["n_cells_left_out"] = max(len(cells) - MAX_CELLS, 0)
        return nb, resources


def _tamed(index: int, cell: Json, room: Room) -> dict[str, Any]:
    kind = {"markdown": "markdown", "code": "code"}.get(str(cell.get("cell_type")), "raw")
    source = joined(cell.get("source"))
    beyond = len(source) - MAX_SOURCE
    shown = source[:MAX_SOURCE]
    html = (
        Markup(to_html(shown, "h2"))
        if kind == "markdown"
        else _code(shown)
        if kind == "code"
        else _raw(shown)
    )
    blocks = [note(f"{beyond:,} more characters of this cell are not shown.")] if beyond > 0 else []
    outputs = _merged(cell.get("outputs") or ()) if kind == "code" else []
    for output in outputs[:MAX_OUTPUTS]:
        blocks += _blocks(output, f"Figure of cell {index + 1}", room)
    if len(outputs) > MAX_OUTPUTS:
        blocks.append(note(f"{len(outputs) - MAX_OUTPUTS:,} more outputs of this cell are not shown."))
    return {"number": index + 1, "kind": kind, "shown": html, "blocks": blocks}


def _code(source: str) -> Markup:
    """Return Python with its syntax marked by classes; the cell's own idea of its language is not asked."""
    highlight = Highlight2HTML(extra_formatter_options={"nowrap": True})  # type: ignore[no-untyped-call]
    return Markup(highlight(visible(source), language="python"))


def _raw(source: str) -> Markup:
    return Markup("{}").format(visible(source))


def joined(text: Any) -> str:
    """Return a text of a notebook, which may be a list of lines."""
    return "".join(map(str, text)) if isinstance(text, list) else text if isinstance(text, str) else ""


def _merged(outputs: Any) -> list[Json]:
    """Return the outputs with what was printed in one go as one."""
    merged: list[Json] = []
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        name = str(output.get("name")) if output.get("output_type") == "stream" else None
        if name is not None and merged and "texts" in merged[-1] and merged[-1]["name"] == name:
            merged[-1]["texts"].append(joined(output.get("text")))
        elif name is not None:
            merged.append({"output_type": "stream", "name": name, "texts": [joined(output.get("text"))]})
        else:
            merged.append(output)
    return merged


def _blocks(output: Json, words: str, room: Room) -> Iterator[Block]:
    kind = output.get("output_type")
    if kind == "stream":
        is_error = output["name"] == "stderr"
        yield from room.printed("complaint" if is_error else "printed", "".join(output["texts"]))
    elif kind == "error":
        trace = output.get("traceback")
        text = "\n".join(map(str, trace)) if isinstance(trace, list) and trace else ""
        yield from room.printed("error", text or f"{output.get('ename')}: {output.get('evalue')}")
    else:
        data = output.get("data")
        yield from _displayed(data if isinstance(data, dict) else {}, words, room)


def _displayed(data: Json, words: str, room: Room) -> Iterator[Block]:
    """Return the best of the forms in which something was displayed that can be shown."""
    refused = False
    for kind in ("image/png", "image/jpeg", "image/svg+xml"):
        if content := joined(data.get(kind)):
            if url := data_url(kind, content):
                yield room.picture(url, words)
                return
            refused = True
    if html := joined(data.get("text/html")):
        cleaned, is_less = clean_html(html)
        if cleaned and len(cleaned) <= room.text:
            room.text -= len(cleaned)
            yield Block("rich", cleaned)
            if is_less:
                yield note("Scripts, styles, forms and addresses of this output are left out.")
            return
        refused = True
    for kind in ("text/markdown", "text/latex"):
        if text := joined(data.get(kind)):
            room.text -= min(len(text), MAX_TEXT)
            yield Block("rich", Markup(to_html(text[:MAX_TEXT] if room.text > 0 else "")))
            return
    if text := joined(data.get("text/plain")):
        yield from room.printed("printed", text)
    if refused or not text:
        yield note("Something was displayed here in a form that this page does not show.")
