"""Numbers that a training minimised, with what they may have been computed from, as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MAX_ENTRIES = 64
KINDS = ("bce", "bce_with_logits", "mse", "mse_of_logits")


@dataclass(frozen=True)
class MinimisedSeen:
    """One backward pass."""

    cell: int
    value: float
    """The number that was differentiated."""
    rows: int
    """Images of the batch."""
    sums: tuple[dict[str, float], ...]
    """For what may be a reconstruction, the sum of each kind of reconstruction term over the batch."""
    codes: tuple[Array, ...]
    """(rows, d): what layers gave that may be mean or spread of codes, or both side by side."""


def minimised_in(document: dict[str, Any], cell: int, arrays: Mapping[str, Array]) -> Iterator[MinimisedSeen]:
    """Yield the backward passes of one cell's document; what is none is left out."""
    entries = document.get("minimised")
    for entry in entries[:MAX_ENTRIES] if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            continue
        value, rows, listed = entry.get("value"), entry.get("rows"), entry.get("sums")
        if not _is_number(value) or not isinstance(rows, int) or not isinstance(listed, list):
            continue
        sums = tuple(
            {kind: float(one[kind]) for kind in KINDS if _is_number(one.get(kind))}
            for one in listed[:8]
            if isinstance(one, dict)
        )
        refs = entry.get("codes")
        found = [arrays.get(str(ref)) for ref in (refs[:8] if isinstance(refs, list) else [])]
        codes = tuple(
            np.asarray(code, dtype=np.float64)
            for code in found
            if code is not None and code.ndim == 2 and code.dtype.kind == "f" and len(code) == rows
        )
        yield MinimisedSeen(cell, float(value), rows, sums, codes)  # type: ignore[arg-type]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
