"""Layers in a row as a formula, with their typical mistakes: multilayer perceptrons, small convolutional networks.

A layer is written as in a sheet: `linear 784 512`, `conv 1 32 3 1` (channels, side, padding), `relu`,
`leaky_relu 0.2`, `dropout 0.3`, `max_pool 2`, `flatten`, `tanh`, `sigmoid`, `softmax`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from autograder.stats.arrays import FloatArray
from autograder.stats.language_models import Fill, activated, softmax
from autograder.stats.readings import RTOL, Reading, error_of

ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "gelu", "silu")
SIZES = {"linear": 2, "conv": 4, "leaky_relu": 1, "dropout": 1, "max_pool": 1}
NAMES = {
    "relu": "ReLU", "leaky_relu": "LeakyReLU", "tanh": "Tanh", "sigmoid": "Sigmoid", "gelu": "GELU",
    "silu": "SiLU", "softmax": "Softmax", "linear": "Linear", "conv": "Conv2d", "dropout": "Dropout",
    "max_pool": "MaxPool", "flatten": "Flatten",
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One layer: what it does, and its numbers."""

    kind: str
    numbers: tuple[float, ...] = ()

    def __str__(self) -> str:
        if self.kind == "linear":
            return f"Linear({self.numbers[0]:g}→{self.numbers[1]:g})"
        if self.kind == "conv":
            return f"Conv2d({self.numbers[0]:g}→{self.numbers[1]:g}, k={self.numbers[2]:g}, p={self.numbers[3]:g})"
        inside = ", ".join(f"{number:g}" for number in self.numbers)
        return NAMES.get(self.kind, self.kind) + (f"({inside})" if inside else "")


def parse_layer(text: str) -> Layer:
    """Return the layer that a line of a rubric names.

    Raises
    ------
    ValueError
        When the kind is unknown or the count of its numbers is wrong.

    >>> str(parse_layer("linear 784 512")), str(parse_layer("leaky_relu 0.2"))
    ('Linear(784→512)', 'LeakyReLU(0.2)')
    """
    kind, *numbers = text.split()
    if kind not in NAMES:
        raise ValueError(f"no layer is called {kind!r} (there are: {', '.join(NAMES)})")
    if len(numbers) != SIZES.get(kind, 0):
        raise ValueError(f"{kind} takes {SIZES.get(kind, 0)} numbers, found {len(numbers)} in {text!r}")
    return Layer(kind, tuple(float(number) for number in numbers))


def through(x: FloatArray, layers: Iterable[Layer], fill: Fill, has_biases: bool = True) -> FloatArray:
    """Return what layers make of x in evaluation: (n, features), or (n, channels, height, width)."""
    for layer in layers:
        x = _applied(x, layer, fill, has_biases)
    return x


def _applied(x: FloatArray, layer: Layer, fill: Fill, has_biases: bool) -> FloatArray:
    if layer.kind == "linear":
        n_in, n_out = (int(number) for number in layer.numbers)
        out = x.reshape(len(x), -1) @ fill((n_out, n_in)).T
        return np.asarray(out + fill((n_out,)) if has_biases else out)
    if layer.kind == "conv":
        n_in, n_out, side, padding = (int(number) for number in layer.numbers)
        out = convolved(x, fill((n_out, n_in, side, side)), padding)
        return np.asarray(out + fill((n_out,))[:, None, None] if has_biases else out)
    if layer.kind == "max_pool":
        k = int(layer.numbers[0])
        n, c, h, w = x.shape
        cut = x[:, :, : h // k * k, : w // k * k]
        return np.asarray(cut.reshape(n, c, h // k, k, w // k, k).max(axis=(3, 5)))
    if layer.kind == "flatten":
        return x.reshape(len(x), -1)
    if layer.kind == "dropout":
        return x
    if layer.kind == "softmax":
        return softmax(x)
    slope = f":{layer.numbers[0]:g}" if layer.kind == "leaky_relu" else ""
    return activated(x, layer.kind + slope)


def convolved(x: FloatArray, kernel: FloatArray, padding: int) -> FloatArray:
    """Return the cross-correlation (n, out, H, W) of x (n, in, h, w) with a kernel (out, in, k, k), stride 1."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], axis=(2, 3))
    return np.asarray(np.einsum("nchwij,ocij->nohw", windows, kernel, optimize=True))


def mistakes_in(layers: Sequence[Layer]) -> Iterator[tuple[str, tuple[Layer, ...]]]:
    """Yield typical mistakes in writing down layers: the sentence, and the layers that it gives."""
    layers = tuple(layers)
    places = [at for at, layer in enumerate(layers) if layer.kind in (*ACTIVATIONS, "softmax")]
    hidden = [at for at in places if at != len(layers) - 1]
    if hidden:
        without = tuple(layer for at, layer in enumerate(layers) if at not in hidden)
        yield f"The {layers[hidden[0]]} is missing after every hidden layer.", without
    for other in _others([layers[at] for at in hidden]):
        everywhere = tuple(other if at in hidden else layer for at, layer in enumerate(layers))
        yield f"The hidden layers have {other} in place of {layers[hidden[0]]}.", everywhere
    for at in places:
        after = _before(layers, at)
        place = "at the end" if at == len(layers) - 1 else f"after {after}"
        yield f"The {layers[at]} {place} is missing.", layers[:at] + layers[at + 1 :]
        for other in [*_others([layers[at]]), Layer("softmax")]:
            changed = (*layers[:at], other, *layers[at + 1 :])
            yield f"There is {other} in place of {layers[at]} {place}.", changed
    if not places or places[-1] != len(layers) - 1:
        for extra in ("sigmoid", "tanh", "softmax", "relu"):
            yield f"There is a {Layer(extra)} at the end that should not be there.", (*layers, Layer(extra))
    if places and places[-1] == len(layers) - 1:
        yield f"The {layers[-1]} at the end is applied twice.", (*layers, layers[-1])


def _before(layers: Sequence[Layer], at: int) -> Layer:
    return next(
        (layers[i] for i in range(at - 1, -1, -1) if layers[i].kind in ("linear", "conv")), layers[at]
    )


def _others(layers: Sequence[Layer]) -> list[Layer]:
    """Return the activations that are mistaken for those of some layers."""
    slopes = [Layer("leaky_relu", (slope,)) for slope in (0.01, 0.02, 0.1, 0.2, 0.3, 0.8)]
    plain = [Layer(kind) for kind in ("relu", "tanh", "sigmoid", "gelu", "silu")]
    return [other for other in (*plain, *slopes) if layers and other not in layers]


@dataclass(frozen=True)
class LayerTrial:
    """One run of layers with canonical weights: input, output, filling."""

    x: FloatArray
    output: FloatArray
    fill: Fill


def layers_reading(
    trials: Sequence[LayerTrial], layers: Sequence[Layer], variants: Iterable[Sequence[Layer]] = ()
) -> Reading:
    """Return the accepted variant that fits every trial, else the mistake, else nothing known.

    `layers` is the sheet's; the `variants` (logits where the sheet ends in a softmax) are accepted too and named.
    """
    for has_biases in (True, False):
        bare = () if has_biases else ("no biases",)
        if fits(trials, layers, has_biases):
            return Reading(bare, is_known=True)
        for variant in variants:
            if fits(trials, variant, has_biases):
                return Reading((*bare, _difference(layers, variant)), is_known=True)
    for mistake, wrong in mistakes_in(layers):
        if fits(trials, wrong, True):
            return Reading(fault=mistake, is_known=True)
    return Reading()


def _difference(layers: Sequence[Layer], variant: Sequence[Layer]) -> str:
    if list(variant) == list(layers[:-1]):
        return f"without the {layers[-1]} at the end"
    return ", ".join(map(str, variant))


def fits(trials: Sequence[LayerTrial], layers: Sequence[Layer], has_biases: bool) -> bool:
    """Return whether some layers give the output of every trial."""
    for trial in trials:
        try:
            expected = through(trial.x, layers, trial.fill, has_biases)
        except ValueError:
            return False
        if trial.output.size != expected.size or not trial.output.size:
            return False
        if error_of(trial.output.reshape(expected.shape), expected) > RTOL:
            return False
    return bool(trials)
