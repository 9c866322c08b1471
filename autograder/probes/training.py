"""What a notebook trained with, cell by cell: the entries of the kernel's training recorder, as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

KINDS = ("optimizer", "step", "loss", "initialiser", "clip", "mode", "loader", "epoch", "update")
MAX_ENTRIES = 64


@dataclass(frozen=True)
class TrainingSeen:
    """One thing that training used in a cell, and how often.

    `optimizer` (settings, number), `step` (number, the first and last losses that were differentiated, how many moved
    weights that had a gradient), `loss`
    (targets, rows), `initialiser` (matrices), `clip` (limit), `mode` (training), `loader` and `epoch` (batch_size,
    shuffles, examples): made, and iterated over; `update` (number of its optimizer, targets of the losses behind it, and
    their factor).
    """

    cell: int
    kind: str
    name: str
    n: int
    settings: dict[str, Any] = field(default_factory=dict)
    """Numbers, pairs of numbers and truth values by name."""


def training_in(document: dict[str, Any], cell: int) -> Iterator[TrainingSeen]:
    """Yield the entries of one cell's document; what is none is left out."""
    entries = document.get("training")
    for entry in entries[:MAX_ENTRIES] if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("kind") in KINDS and isinstance(entry.get("n"), int):
            flat = {
                key: value for key, value in entry.items() if key not in ("kind", "name", "n", "settings")
            }
            inner = entry.get("settings")
            settings = flat | (inner if isinstance(inner, dict) else {})
            known = {str(key): value for key, value in settings.items() if _is_plain(value)}
            yield TrainingSeen(cell, entry["kind"], str(entry.get("name", ""))[:60], entry["n"], known)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= 16 and all(_is_plain(item) and not isinstance(item, list) for item in value)
    return isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
