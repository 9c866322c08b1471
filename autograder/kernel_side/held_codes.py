"""Layers that give the codes of a network, found by what they gave, and made to give others."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .structure import outputs_of
from .values import is_tensor

N_PIXELS = 784
MAX_NARROW = 512


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


def draws_that_fit(model: Any, args: tuple[Any, ...], known: Any, silent: Any) -> list[str]:
    """Which draws of a code give what a whole model returns for `args`, where its layers are made to give that draw.

    `known` and `silent` make contexts in which the noise is known, and is 0; `known` has it as `like(shape)`. For models
    whose code is joined to something else before any layer is shown it.
    """
    torch: Any = sys.modules["torch"]

    def run(noise: Any) -> tuple[Any, list[Any]]:
        torch.manual_seed(0)  # dropout leaves out the same
        with noise.in_place(), torch.no_grad():
            found = [tensor for _, tensor in outputs_of(model(*args))]
        n = next(len(one) for one in args if one.is_floating_point() and one.ndim > 1)
        sized = [one.reshape(n, -1) for one in found if one.ndim >= 2 and len(one) == n]
        whole = next((one for one in sized if one.shape[1] == N_PIXELS), None)
        return whole, [one for one in sized if one.shape[1] <= MAX_NARROW]

    leaves = Leaves(model)
    with leaves.watched():
        whole, narrow = run(known)
    heads = leaves.heads(narrow)
    if whole is None or len(narrow) < 2 or not heads:
        return []
    mean, spread = narrow[0], narrow[1]
    noise = known.like(mean.shape)
    is_deviation = bool((spread >= 0).all())  # softplus(...), exp(...)
    draws: dict[str, Callable[[], Any]] = {
        "": lambda: mean + (spread if is_deviation else torch.exp(0.5 * spread)) * noise,
        "variance_as_sigma": lambda: mean + torch.exp(spread) * noise,
        "log_var_as_sigma": lambda: mean + spread * noise,
        "no_noise": lambda: mean,
        "unscaled": lambda: mean + noise,
    }
    found = []
    for name, draw in draws.items():
        with leaves.replaced(heads, draw()):
            again, _ = run(silent)
        if again is not None and bool(torch.allclose(again, whole, rtol=1e-4, atol=1e-5)):
            found.append(name)
    return found
