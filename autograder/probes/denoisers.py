"""What networks that predict noise were shown and gave, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
MAX_ENTRIES = 16


@dataclass(frozen=True, eq=False)
class CallsSeen:
    """Calls of one network in one cell, in their order; rows that were not there are NaN."""

    x: Array
    """(calls, rows, d): the first points of each call."""
    t: Array
    """(calls, rows): their times as the network was told; NaN where they could not be seen."""
    out: Array
    """(calls, rows, d)"""
    drawn: Array
    """(calls, draws, rows, d): normal noise of the points' shape that was drawn since the call before, the newest first."""
    gradient: Array
    """(calls, rows, d): of the loss, by the network's answer; NaN where none came."""
    n: Array
    """(calls,): points of each call."""
    mean: Array
    """(calls,): over all numbers of the points."""
    deviation: Array
    """(calls,)"""
    fourth: Array
    """(calls,): the mean fourth power."""
    steps: Array
    """(calls,): optimizer steps made before."""

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class DenoiserSeen:
    """One network in one cell."""

    cell: int
    network: int
    n: int
    """Calls, also those that were not kept."""
    has_times: bool
    """Whether its times could be seen."""
    times: Array
    """Times of the first calls in training."""
    training: CallsSeen | None
    others: CallsSeen | None
    """Calls whose points all have one time, the last ones."""


def denoisers_in(document: dict[str, Any], cell: int, arrays: Mapping[str, Any]) -> Iterator[DenoiserSeen]:
    """Yield the networks of one cell's document; what is none is left out."""
    entries = document.get("denoisers")
    for entry in entries[:MAX_ENTRIES] if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            continue
        network, n = entry.get("network"), entry.get("n")
        if not isinstance(network, int) or not isinstance(n, int):
            continue
        times = _numbers(arrays.get(str(entry.get("times"))), 1)
        yield DenoiserSeen(
            cell,
            network,
            n,
            entry.get("has_times") is True,
            times if times is not None else np.zeros(0),
            _calls(entry.get("training"), arrays),
            _calls(entry.get("others"), arrays),
        )


def _calls(entry: Any, arrays: Mapping[str, Any]) -> CallsSeen | None:
    if not isinstance(entry, dict):
        return None

    def read(key: str, ndim: int) -> Array | None:
        return _numbers(arrays.get(str(entry.get(key))), ndim)

    x, t, out, gradient = read("x", 3), read("t", 2), read("out", 3), read("gradient", 3)
    drawn, facts = read("drawn", 4), read("facts", 2)
    if x is None or t is None or out is None or gradient is None or drawn is None or facts is None:
        return None
    is_whole = (
        out.shape == gradient.shape == x.shape and t.shape == x.shape[:2] and facts.shape == (len(x), 5)
    )
    if not is_whole or drawn.shape != (len(x), drawn.shape[1], *x.shape[1:]):
        return None
    return CallsSeen(x, t, out, drawn, gradient, *facts.T)


def _numbers(array: Any, ndim: int) -> Array | None:
    is_numbers = isinstance(array, np.ndarray) and array.ndim == ndim and array.dtype.kind == "f"
    return np.asarray(array, dtype=np.float64) if is_numbers else None
