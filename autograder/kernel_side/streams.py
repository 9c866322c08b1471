"""What is printed and warned: limited in cells, swallowed in calls."""

from __future__ import annotations

import contextlib
import functools
import io
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from .containers import MIB


def limit_streams(limit_mib: float) -> None:
    """Stops printing after `limit_mib` in all: ipykernel would gather a flood in one huge message."""
    room = [int(limit_mib * MIB)]
    for stream in (sys.stdout, sys.stderr):
        stream.write = _limited(stream.write, room)  # type: ignore[method-assign]


def _limited(original: Any, room: list[int]) -> Any:
    @functools.wraps(original)
    def write(text: str) -> Any:
        if room[0] <= 0 or not isinstance(text, str):
            return original(text) if not isinstance(text, str) else len(text)
        kept = text[: room[0]]
        room[0] -= len(kept)
        original(kept)
        return len(text)

    return write


class Sink(io.TextIOBase):
    """Swallows what is printed."""

    def write(self, text: str) -> int:
        """The length of `text`."""
        return len(text)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No warnings within."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
