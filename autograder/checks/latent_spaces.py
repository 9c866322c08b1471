"""Claims about the latent space of an autoencoder, and about what its decoder gives to the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import stats

from autograder.checks.behaviours import output_values
from autograder.checks.findings import CheckParams, Context, Finding, failed, for_person, judged, untried
from autograder.checks.images import drawn_for
from autograder.checks.losses import reconstruction_terms
from autograder.checks.networks import modules_in
from autograder.checks.training import seen_in
from autograder.probes.evidence import Evidence
from autograder.probes.observations import FigureSeen
from autograder.records import Found, Status
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey

Array = npt.NDArray[np.float64]

MAX_CLASSES = 40
TERMS = {
    "binary_cross_entropy": "bce",
    "binary_cross_entropy_with_logits": "bce_with_logits",
    "mse_loss": "mse",
}
"""Losses of torch, as the recorders call them, and the reconstruction terms that they are."""


class OutputFitsLoss(CheckParams):
    """A decoder and the loss that takes what it gives."""

    challenge_model: ChallengeKey
    challenge_loss: ChallengeKey
    size: int = Field(default=784, ge=1)
    """Numbers an example of the reconstruction."""


@CHECKS.register(OutputFitsLoss)
def output_fits_loss(evidence: Evidence, params: OutputFitsLoss, context: Context) -> Finding:
    """The decoder gives what the loss takes: numbers in [0, 1] for a cross-entropy, any for one with logits."""
    terms = reconstruction_terms(evidence, params.challenge_loss) or {
        TERMS[one.name] for one in seen_in(evidence, context.item, "loss") if one.name in TERMS
    }
    if not terms & set(TERMS.values()):
        return untried("Which reconstruction term the loss has could not be told.")
    for module in modules_in(evidence, params.challenge_model):
        values = output_values(module, params.size)
        if values is not None:
            break
    else:
        return untried("What the decoder gives could not be seen.")
    name = f"`{module.name}`"
    is_unit = bool(values.min() >= 0 and values.max() <= 1)
    about: dict[str, Any] = {
        "observed": "numbers in [0, 1]" if is_unit else "numbers beyond [0, 1]",
        "expected": "what the loss takes",
        "found": (Found(how="call", path=module.name),),
    }
    if "mse" in terms or ("bce" if is_unit else "bce_with_logits") in terms:
        return judged(1.0, message=f"The decoder of {name} gives what the loss takes.", **about)
    if is_unit:
        said = "gives numbers in [0, 1], and the loss applies a sigmoid to them once more"
        return failed(f"The decoder of {name} {said}: it can reach [0.5, 0.73] alone.", **about)
    return failed(
        f"The decoder of {name} gives numbers beyond [0, 1], of which there is no cross-entropy.", **about
    )


class CodesAreScattered(CheckParams):
    """A picture of the latent space."""

    n_min: int = Field(default=100, ge=10)
    """Fewest codes that show a latent space."""
    n_decoded: int = Field(default=64, ge=4)
    """Images of a decoded part of the latent space, which is another picture of it: a person looks."""
    p_value: float = Field(default=1e-6, gt=0.0, lt=0.1)
    """Chance that colours which say nothing of the points are taken for their classes."""


@CHECKS.register(CodesAreScattered)
def codes_are_scattered(evidence: Evidence, params: CodesAreScattered, context: Context) -> Finding:
    """The codes of many images are drawn as points (half), coloured by classes that lie in different places (half)."""
    expected = f"a scatter of {params.n_min} codes or more, with a colour for each class"
    figures = [*evidence.figures_of(context.item), *evidence.figures_elsewhere(context.item)]
    found = [
        (figure, groups)
        for figure in figures
        for groups in _clouds(figure)
        if sum(map(len, groups)) >= params.n_min
    ]
    if not found:
        if any(figure.axes and _n_points(figure) >= params.n_min for figure in figures):
            return failed(
                "Points are drawn, but they are no finite numbers.", observed="not finite", expected=expected
            )
        return _not_scattered(evidence, params, context, expected)
    figure, groups = min(found, key=lambda one: _chance(one[1]))
    n, n_classes, chance = sum(map(len, groups)), len(groups), _chance(groups)
    about: dict[str, Any] = {
        "observed": f"{n:,} points in {n_classes} colour{'s' if n_classes > 1 else ''}",
        "expected": expected,
        "found": (Found(how="figure", cell=figure.cell),),
    }
    if n_classes == 1:
        return judged(
            0.5,
            message="The codes are drawn, all in one colour: which class lies where cannot be seen.",
            **about,
        )
    if chance > params.p_value:
        said = "all colours lie in the same place: they are not classes, or the points are not the codes of images"
        return judged(0.5, message=f"Points are drawn, but {said}.", **about)
    return judged(1.0, message=f"The figure shows {n:,} codes in {n_classes} colours.", **about)


def _not_scattered(evidence: Evidence, params: CodesAreScattered, context: Context, expected: str) -> Finding:
    decoded = [one for one in drawn_for(evidence, context.item) if len(one.new) >= params.n_decoded]
    if decoded:
        return for_person(
            f"There is no scatter of codes, but a picture of {len(decoded[0].new)} decoded images; a person looks "
            "whether it shows the latent space.",
            expected=expected,
        )
    if any(cell.n_images for cell in evidence.cells_of(context.item)) and not evidence.figures_of(
        context.item
    ):
        return for_person(
            "A picture was put out whose drawing could not be followed; a person looks.", expected=expected
        )
    if cause := evidence.failure_in(context.item):
        return Finding(Status.BLOCKED, 0.0, message=f"There is no scatter: {cause}.", expected=expected)
    return failed(
        "No figure shows the codes of images.", observed="not found", expected=expected, missing=True
    )


def _clouds(figure: FigureSeen) -> Iterator[list[Array]]:
    """Yield the points of each axes in groups of one colour: by the colours of a scatter, else artist by artist."""
    for axes in figure.axes:
        groups: list[Array] = []
        for scatter in axes.get("scatters", []):
            points = figure.arrays.get(str(scatter.get("ref")))
            if points is None or points.ndim != 2 or points.shape[1] != 2:
                continue
            colours = figure.arrays.get(str(scatter.get("colours")))
            is_told = colours is not None and colours.shape == points.shape[:1]
            groups += _by_colour(points, colours) if is_told and colours is not None else [points]
        for line in axes.get("lines", []):
            x, y = (np.array([np.nan if v is None else v for v in line.get(k, [])], float) for k in "xy")
            if line.get("linestyle") in ("None", "", " ") and len(x) == len(y) > 1:
                groups.append(np.stack([x, y], axis=1))
        yield [good for one in groups if len(good := one[np.all(np.isfinite(one), axis=1)])]


def _n_points(figure: FigureSeen) -> int:
    """Return how many points the scatters of a figure have, whether they can be seen or not."""
    counts = [one.get("n", 0) for axes in figure.axes for one in axes.get("scatters", [])]
    return sum(count for count in counts if isinstance(count, int))


def _by_colour(points: Array, colours: Array) -> list[Array]:
    values = np.unique(colours[np.isfinite(colours)])
    if len(values) > MAX_CLASSES:  # a scale of colours
        edges = np.quantile(colours[np.isfinite(colours)], np.linspace(0, 1, 11)[1:-1])
        colours, values = np.digitize(colours, edges).astype(float), np.arange(10.0)
    return [points[colours == value] for value in values]


def _chance(groups: list[Array]) -> float:
    """Return the chance of groups that lie as far apart where their colours mean nothing (analysis of variance)."""
    groups = [one for one in groups if len(one) > 1]
    n, k = sum(map(len, groups)), len(groups)
    if k < 2 or n <= k:
        return 1.0
    centre = np.concatenate(groups).mean(axis=0)
    between = sum(len(one) * (one.mean(axis=0) - centre) ** 2 for one in groups) / (k - 1)
    within = sum(((one - one.mean(axis=0)) ** 2).sum(axis=0) for one in groups) / (n - k)
    ratios = [float(b / w) if w > 0 else 0.0 for b, w in zip(between, within, strict=True)]
    best = max((ratio for ratio in ratios if math.isfinite(ratio)), default=0.0)
    return min(1.0, 2 * float(stats.f.sf(best, k - 1, n - k)))
