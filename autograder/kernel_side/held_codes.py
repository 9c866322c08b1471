"""Layers that give the codes of a network, found by what they gave, and made to give others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from .values import is_tensor


class Head(NamedTuple):
    """A layer that gives codes (n, d): one of mean and log variance, or both side by side."""

    layer: Any
    d: int
    layout: str
    """`alone`, `halves` or `in turn`."""


class Leaves:
    """The layers of a network, and what they gave in a call."""

    def __init__(self, module: Any) -> None:
        self.layers = [part for part in module.modules() if next(part.children(), None) is None]
        self.gave: list[tuple[Any, Any]] = []

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Notes what layers give."""

        def note(layer: Any, args: Any, output: Any) -> None:
            if is_tensor(output) and output.ndim == 2:
                self.gave.append((layer, output))

        handles = [layer.register_forward_hook(note) for layer in self.layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def heads(self, narrow: list[Any]) -> list[Head]:
        """The layers whose outputs are what the model returned as codes."""
        found: list[Head] = []
        for code in narrow:
            d = int(code.shape[1])
            for layer, output in self.gave:
                layout = _layout_of(output, code)
                if layout and all(one.layer is not layer for one in found):
                    found.append(Head(layer, d, layout))
        return [one for one in found if one.d == found[0].d]

    @contextlib.contextmanager
    def replaced(self, heads: list[Head], codes: Any) -> Iterator[None]:
        """Makes the heads give codes of ours."""
        given = {
            "alone": codes,
            "halves": codes.repeat(1, 2),
            "in turn": codes.repeat_interleave(2, dim=1),
        }
        handles = [
            one.layer.register_forward_hook(lambda layer, args, output, value=given[one.layout]: value)
            for one in heads
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _layout_of(output: Any, code: Any) -> str:
    """How a layer's output (n, d) or (n, 2 d) holds a code (n, d); "" when it does not."""
    d = int(code.shape[1])
    if output.shape == code.shape and bool((output == code).all()):
        return "alone"
    if len(output) == len(code) and output.shape[1] == 2 * d:
        if any(bool((half == code).all()) for half in (output[:, :d], output[:, d:])):
            return "halves"
        if any(bool((half == code).all()) for half in (output[:, ::2], output[:, 1::2])):
            return "in turn"
    return ""
