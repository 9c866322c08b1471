"""Claims about the noise that generated images are made from: its law, and whether it stays the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from autograder.checks.findings import CheckParams, Context, Finding, failed, judged, number, untried
from autograder.checks.image_training import layers_of, trained_calls
from autograder.probes.evidence import Evidence
from autograder.probes.layer_calls import LayerSeen
from autograder.registry import CHECKS

MANY_DEVIATIONS = 5.0


class NoiseIsNormal(CheckParams):
    """The noise that images are made from."""

    rows: list[int] = Field(default_factory=list)
    """Only calls on so many vectors (10 samples) that nothing was trained by; [] for the calls in training."""


@CHECKS.register(NoiseIsNormal)
def noise_is_normal(evidence: Evidence, params: NoiseIsNormal, context: Context) -> Finding:
    """Images are made from standard normal noise: its mean, its deviation and the share of negative numbers."""
    layers = layers_of(evidence, context.item, "latent")
    chosen = [(one, call) for one in layers for call in _calls(one, params.rows)]
    if not chosen:
        return untried("What the images are made from could not be seen.")
    laws = [
        _law([pair for pair in chosen if pair[0].layer == layer])
        for layer in {one.layer for one, _ in chosen}
    ]
    alone = [
        [_law([pair]) for pair in chosen if pair[0].layer == layer]
        for layer in {one.layer for one, _ in chosen}
    ]
    # Several sets of as many vectors may be decoded, for other purposes too: one of each network has to be right.
    right = [
        law.is_normal or (bool(params.rows) and any(one.is_normal for one in each))
        for law, each in zip(laws, alone, strict=True)
    ]
    mean, deviation, negative, _ = next(
        (law for law, is_right in zip(laws, right, strict=True) if not is_right), laws[0]
    )
    about: dict[str, Any] = {
        "observed": f"mean {number(mean, 3)}, deviation {number(deviation, 3)}, {negative:.0%} negative",
        "expected": "mean 0, deviation 1, half of them negative",
    }
    if all(right):
        return judged(1.0, message="The images are made from standard normal noise.", **about)
    what = "it is the same vector every time" if deviation < 1e-6 else "it is not standard normal"
    if negative < 0.01 and deviation > 0:
        what = "none of it is negative (`rand` in place of `randn`?)"
    return failed(f"The noise that images are made from is another one: {what}.", **about)


def _calls(layer: LayerSeen, rows: Sequence[int]) -> list[int]:
    n = min(len(layer.rows), len(layer.noise))
    is_trained = trained_calls(layer)[:n]
    if rows:
        return [c for c in range(n) if layer.rows[c] in rows and not is_trained[c] and _has_law(layer, c)]
    trained = np.flatnonzero(is_trained).tolist()
    return [call for call in trained if layer.rows[call] >= 16 and _has_law(layer, call)][:2000]


def _has_law(layer: LayerSeen, call: int) -> bool:
    """Whether the law of a call was measured: of long trainings it is that of the first batches alone."""
    return bool(layer.noise[call, 3] >= 0)


class _Law(NamedTuple):
    mean: float
    deviation: float
    negative: float
    """Share of negative numbers."""
    n: float

    @property
    def is_normal(self) -> bool:
        slack = MANY_DEVIATIONS / math.sqrt(max(self.n, 1.0))
        near = abs(self.mean) <= slack and abs(self.deviation - 1.0) <= slack
        return near and abs(self.negative - 0.5) <= 0.5 * slack


def _law(calls: Sequence[tuple[LayerSeen, int]]) -> _Law:
    sizes = np.array([one.rows[call] * one.n_in for one, call in calls], dtype=float)
    stats = np.array([one.noise[call] for one, call in calls])
    mean, negative = (float(np.average(stats[:, at], weights=sizes)) for at in (1, 3))
    square = float(np.average(stats[:, 2] ** 2 + stats[:, 1] ** 2, weights=sizes))
    return _Law(mean, math.sqrt(max(0.0, square - mean**2)), negative, float(sizes.sum()))


class NoiseIsFixed(CheckParams):
    """Vectors that are decoded again and again."""

    rows: int = Field(ge=1)
    n_in: int = Field(ge=1)
    """Dimensions of the noise, which tell it from the codes of another network."""


@CHECKS.register(NoiseIsFixed)
def noise_is_fixed(evidence: Evidence, params: NoiseIsFixed, context: Context) -> Finding:
    """The images of the grids come from the same noise vectors at different times of the training."""
    every = [one for one in evidence.observations.layers if one.role == "latent"]
    layers = [one for one in every if one.n_in == params.n_in] or every
    times: dict[tuple[int, float], set[int]] = {}
    for one in layers:
        for call in range(min(len(one.rows), len(one.noise), len(one.steps))):
            if one.rows[call] >= params.rows:
                key = (int(one.rows[call]), float(one.noise[call, 0]))
                times.setdefault(key, set()).add(int(one.steps[call]))
    exact = {key: seen for key, seen in times.items() if key[0] == params.rows}
    asked = exact or times
    expected = f"{params.rows} noise vectors, the same at every grid"
    if not asked:
        return untried("What the images are made from could not be seen.")
    most = max(len(seen) for seen in asked.values())
    if most == len(asked) == 1:
        return untried("Only one grid was made, which cannot show whether the noise changes.")
    about: dict[str, Any] = {
        "observed": f"the same noise at {most} times of the training",
        "expected": expected,
    }
    if most >= 2:
        return judged(1.0, message="The grids show the same noise vectors at different times.", **about)
    return failed(
        "The grids are made from new noise every time, or all at one time of the training.", **about
    )
