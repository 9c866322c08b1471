"""What went otherwise in a cell than on the student's own machine: said under the cell, and recorded."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

MAX_NOTICES = 50
MAX_TEXT = 300


class Notices:
    """The notices of one cell after another."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def note(self, kind: str, what: str, said: str, **facts: Any) -> None:
        """Records `what` happened, with plain facts, and prints `said` on a line of its own; never raises."""
        if len(self.entries) < MAX_NOTICES:
            self.entries.append({"kind": kind, "what": _short(what), **facts})
        with contextlib.suppress(Exception):
            sys.stdout.write(f"[{said}]\n")
            sys.stdout.flush()

    def record(self, kind: str, what: str) -> None:
        """Records `what` happened, once in a cell, where an error says it already; never raises."""
        entry = {"kind": kind, "what": _short(what)}
        if entry not in self.entries and len(self.entries) < MAX_NOTICES:
            self.entries.append(entry)

    def take(self) -> list[dict[str, Any]]:
        """What was noted since the last call."""
        taken, self.entries = self.entries, []
        return taken


def _short(text: str) -> str:
    line = " ".join(str(text).encode("utf-8", "replace").decode().split())
    return line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 1]}…"
