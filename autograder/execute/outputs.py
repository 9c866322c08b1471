"""Collects the outputs of a notebook from kernel messages, up to a number of bytes."""

from __future__ import annotations

import collections
import json
import logging
from typing import Any

from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_output

OVERHEAD_BYTES = 1000
"""What an output takes of our memory beside its content."""
MAX_TRACEBACK_LINES = 200
SHORT_LINES, SHORT_TEXT = 20, 500
"""Of an error that does not fit any more."""
MAX_SAME_DISPLAYS = 50
"""Outputs that can be updated together; each further one would be compared with all of them."""
KEPT = {"stream", "display_data", "execute_result", "update_display_data", "clear_output", "error"}


class Outputs:
    """Puts outputs into cells as a notebook client does; notes once where they were cut."""

    def __init__(self, notebook: NotebookNode, limit_bytes: int) -> None:
        self.room = limit_bytes
        self.cut = False
        self._has_short_error = False
        self._displays: collections.Counter[str] = collections.Counter()
        self._client = NotebookClient(notebook, store_widget_state=False)
        self._client.log.setLevel(logging.CRITICAL)
        self._client.reset_execution_trackers()
        self._client.clear_before_next_output = False

    def begin_cell(self) -> None:
        """Forgets a `clear_output(wait=True)` that nothing followed in the cell before."""
        self._client.clear_before_next_output = False
        self._has_short_error = False

    def keep(self, message: dict[str, Any], cell: NotebookNode, index: int) -> None:
        """Adds what the message says to `cell.outputs`; a message that makes no sense is left out."""
        if message["msg_type"] not in KEPT:
            return
        if message["msg_type"] == "error":
            self._keep_error(message["content"], cell)
            return
        size = OVERHEAD_BYTES + _size(message["content"])
        if size > self.room:
            self._cut(message, cell)
            return
        self.room -= size
        if message["msg_type"] == "stream":
            if self._client.clear_before_next_output:
                cell.outputs, self._client.clear_before_next_output = [], False
            _print(cell, str(message["content"].get("name")), str(message["content"].get("text")))
            return
        self._limit_updates(message["content"])
        try:
            self._client.process_message(message, cell, index)
        except Exception:
            return  # forged or malformed: not an output

    def _keep_error(self, content: dict[str, Any], cell: NotebookNode) -> None:
        """Adds an error; one a cell is kept even where there is no room, but short."""
        made = _error(content)
        size = OVERHEAD_BYTES + _size(made)
        if size > self.room:
            if self._has_short_error:
                self.note_cut(cell)
                return
            self._has_short_error = True
            made = _error(content, SHORT_LINES, SHORT_TEXT)
            size = 0
        self.room -= size
        cell.outputs.append(made)

    def _limit_updates(self, content: dict[str, Any]) -> None:
        """Takes the name from a display that was shown under it too often."""
        transient = content.get("transient")
        name = transient.get("display_id") if isinstance(transient, dict) else None
        if name is not None:
            self._displays[str(name)] += 1
            if self._displays[str(name)] > MAX_SAME_DISPLAYS:
                content["transient"] = {}

    def _cut(self, message: dict[str, Any], cell: NotebookNode) -> None:
        """Keeps the head of a text that does not fit, and says so in the cell where it happens first."""
        if message["msg_type"] == "stream" and self.room > OVERHEAD_BYTES:
            text = str(message["content"].get("text"))[: (self.room - OVERHEAD_BYTES) // 4]
            _print(cell, str(message["content"].get("name")), text)
            self.room = 0
        self.note_cut(cell)

    def note_cut(self, cell: NotebookNode) -> None:
        """Says once, in the cell where it happens first, that outputs are missing."""
        if not self.cut:
            self.cut = True
            _print(
                cell,
                "stderr",
                "\n[The outputs of this notebook are larger than the limit; the rest was cut.]\n",
            )


def _print(cell: NotebookNode, name: str, text: str) -> None:
    name = name if name in ("stdout", "stderr") else "stdout"
    last = cell.outputs[-1] if cell.outputs else None
    if last is not None and last.output_type == "stream" and last.name == name:
        last.text += text
    else:
        cell.outputs.append(new_output("stream", name=name, text=text))  # type: ignore[no-untyped-call]


def _error(
    content: dict[str, Any], n_lines: int = MAX_TRACEBACK_LINES, n_characters: int = 20_000
) -> NotebookNode:
    lines = content.get("traceback")
    kept = [str(line)[:n_characters] for line in lines[-n_lines:]] if isinstance(lines, list) else []
    name, value = str(content.get("ename"))[:200], str(content.get("evalue"))[:n_characters]
    made: NotebookNode = new_output("error", ename=name, evalue=value, traceback=kept)  # type: ignore[no-untyped-call]
    return made


def _size(content: dict[str, Any]) -> int:
    try:
        return len(json.dumps(content, default=str))
    except (ValueError, RecursionError):
        return 2**40
