"""Claims about the images that an open task shows: originals beside reconstructions, generated ones.

Images of MNIST are recognised by their pixels, at 28 x 28. Of another data set the sizes tell: a figure holds as many
images as fit into what is drawn.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.autoencoders import models_in
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    failed,
    for_person,
    judged,
    untried,
)
from autograder.checks.image_training import layers_of, trained_codes
from autograder.checks.images import ReconstructionsResemble, Shown, reconstructions_resemble, shown_in
from autograder.checks.training_goals import leaves_the_mean, was_shortened
from autograder.kernel_side.known_images import TEST, UNKNOWN
from autograder.probes.evidence import Evidence
from autograder.probes.observations import FigureSeen
from autograder.records import Found, Status
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey

MAX_PADDING = 4


class OfFigures(CheckParams):
    """Figures with images as large as those of the notebook's autoencoder."""

    challenge: ChallengeKey
    n: int = Field(default=4, ge=1)


def figures_for(evidence: Evidence, item: str) -> list[FigureSeen]:
    """Return the figures of images of an item; where it has none, those of others: headings may mislead.

    Two tasks may ask for the same figure, and one of them alone have it.
    """
    own = [one for one in evidence.figures_of(item) if any(axes.get("images") for axes in one.axes)]
    return own or evidence.figures_elsewhere(item)


def knows_images(evidence: Evidence) -> bool:
    """Return whether any image of MNIST was recognised: drawn, saved or shown to a network."""
    seen = evidence.observations
    pictures = [one for figure in seen.figures for one in figure.pictures] + list(seen.saved)
    codes = [one.codes for one in pictures] + [one.codes for one in seen.layers]
    return any(bool(np.any(one != UNKNOWN)) for one in codes)


def n_images(figure: FigureSeen, side: int) -> int:
    """Return how many square images of a side fit into what a figure draws, with or without margins between them."""
    return sum(
        _n_fitting(list(map(int, image.get("shape") or [])), side)
        for axes in figure.axes
        for image in axes.get("images", [])
    )


def _n_fitting(shape: Sequence[int], side: int) -> int:
    if len(shape) not in (2, 3) or side < 1:
        return 0
    for padding in range(MAX_PADDING + 1):
        for margin in (padding, 0):
            inner = [length - 2 * margin + padding for length in shape[:2]]
            if all(length > 0 and length % (side + padding) == 0 for length in inner):
                return (inner[0] // (side + padding)) * (inner[1] // (side + padding))
    return 0


def sides_of(evidence: Evidence, key: str) -> set[int]:
    """Return the sides of the images that the notebook's autoencoders take."""
    sides = set()
    for model in models_in(evidence, key):
        for n_channels in (1, 3):
            side = round((model.x.shape[1] / n_channels) ** 0.5)
            if n_channels * side * side == model.x.shape[1]:
                sides.add(side)
    return sides


def _nothing(evidence: Evidence, item: str, what: str) -> Finding:
    cells = evidence.cells_of(item) or list(evidence.cells)
    n = sum(cell.n_images for cell in cells)
    if n and not evidence.figures_of(item):
        return for_person(f"{n} pictures are among the outputs; a person looks for {what}.", expected=what)
    cause = evidence.failure_in(item)
    said = f"No figure shows {what}" + (f": {cause}" if cause else "")
    return failed(f"{said}.", observed="not found", expected=what, missing=True)


class OriginalsAreShown(OfFigures):
    """Images beside their reconstructions."""

    trained_in: str = ""
    """The item whose network must not have been trained on them."""


@CHECKS.register(OriginalsAreShown)
def originals_are_shown(evidence: Evidence, params: OriginalsAreShown, context: Context) -> Finding:
    """Images are drawn beside their reconstructions (half when none of them is held out)."""
    what = f"{params.n} test images beside their reconstructions"
    figures = figures_for(evidence, context.item)
    if not figures:
        return _nothing(evidence, context.item, what)
    if not knows_images(evidence):
        return _by_size(evidence, params, 2 * params.n, figures, what)
    drawn = [one for figure in figures for one in shown_in(figure)]
    drawn += _apart([one for figure in evidence.figures_of(context.item) for one in shown_in(figure)])
    if not drawn:
        return _nothing(evidence, context.item, what)
    best = max(drawn, key=lambda one: min(len(one.known), len(one.new)))
    n = min(len(best.known), len(best.new), params.n)
    about: dict[str, Any] = {
        "observed": f"{n} pairs",
        "expected": what,
        "found": (Found(how="figure", cell=best.cell),),
    }
    if n == 0:
        said = "the figures show images, but none beside what the network makes of it"
        return failed(f"Images and reconstructions are not compared: {said}.", **about)
    if best.known <= _trained(evidence, params.trained_in or context.item):
        message = "The network was trained on the images that are reconstructed; ideally they are held out."
        return judged(n / params.n / 2, message=message, **about)
    return judged(
        n / params.n, message=f"The figure shows {n} test images beside their reconstructions.", **about
    )


def _trained(evidence: Evidence, item: str) -> set[int]:
    """Return the codes of the images that a network was trained on; where none was seen, those of the training set."""
    seen = trained_codes(layers_of(evidence, item, "image"))
    return seen or {
        code
        for figure in evidence.observations.figures
        for one in shown_in(figure)
        for code in one.known
        if code < TEST
    }


class ShownPairsResemble(OfFigures):
    """How near the reconstructions that are drawn are to their images."""

    margin: float = Field(default=0.9, gt=0.0, le=1.0)
    """Largest share of the squared error of plain grey."""


@CHECKS.register(ShownPairsResemble)
def shown_pairs_resemble(evidence: Evidence, params: ShownPairsResemble, context: Context) -> Finding:
    """The reconstructions that are drawn are nearer to their images than plain grey is; only of MNIST this can be told."""
    if not knows_images(evidence):
        return untried("Which of the images that are drawn are real could not be told.")
    wanted = ReconstructionsResemble(n=params.n, margin=params.margin)
    found: Finding = reconstructions_resemble(evidence, wanted, context)
    if found.status is not Status.FAILED or not was_shortened(evidence):
        return found
    if leaves_the_mean(evidence, params.challenge):  # so could the reconstructions that are drawn
        return found
    message = "In a training that was shortened, the reconstructions do not resemble their images yet."
    return for_person(message, observed=found.observed, expected=found.expected)


def _apart(drawn: Sequence[Shown]) -> list[Shown]:
    """Return what the figures of one cell show together: originals in one, reconstructions in the next."""
    by_cell: dict[int, list[Shown]] = defaultdict(list)
    for one in drawn:
        by_cell[one.cell].append(one)
    return [
        Shown(
            cell, tuple(t for one in many for t in one.tiles), tuple(c for one in many for c in one.codes), ""
        )
        for cell, many in by_cell.items()
        if len(many) > 1
    ]


def _by_size(
    evidence: Evidence, params: OfFigures, n_wanted: int, figures: Sequence[FigureSeen], what: str
) -> Finding:
    """Return whether a figure, or the figures of one cell, holds as many images of the data's size."""
    sides = sides_of(evidence, params.challenge)
    if not sides:
        return untried(
            "How large an image is could not be told, so that no figure of images could be recognised."
        )
    counts: dict[int, int] = defaultdict(int)
    for figure in figures:
        counts[figure.cell] += max(n_images(figure, side) for side in sides)
    cell, n = max(counts.items(), key=lambda one: one[1])
    if n == 0:
        return failed(
            f"No figure shows {what}.", observed="no images of the data's size", expected=what, missing=True
        )
    message = f"The figure shows {n} images of the data's size."
    found = (Found(how="figure", cell=cell),)
    return judged(min(1.0, n / n_wanted), observed=f"{n} images", expected=what, message=message, found=found)


class GeneratedAreShown(OfFigures):
    """Images that the decoder made of drawn codes."""

    compared_in: str = ""
    """The item that shows reconstructions, which are no generated images."""


@CHECKS.register(GeneratedAreShown)
def generated_are_shown(evidence: Evidence, params: GeneratedAreShown, context: Context) -> Finding:
    """Different new images are drawn, neither real nor reconstructed ones; what was explored further is named."""
    what = f"{params.n} generated images"
    notes = tuple(f"Explored further: {one}." for one in explorations(evidence))
    figures = evidence.figures_of(context.item)
    if not figures:
        return _nothing(evidence, context.item, what)
    if not knows_images(evidence):
        return _by_size(evidence, params, params.n, figures, what)
    drawn = [one for figure in figures for one in shown_in(figure)]
    elsewhere = evidence.figures_elsewhere(context.item)
    before = [*elsewhere, *(evidence.figures_of(params.compared_in) if params.compared_in else [])]
    paired = [one for figure in before for one in shown_in(figure) if one.known]
    rebuilt = {tile for one in paired for tile in one.new}
    alone = [one for one in drawn if one.new and not one.known] or [one for one in drawn if one.new - rebuilt]
    if not alone:
        if drawn:
            message = "The images that are shown as generated ones are those of the data set."
            return failed(message, observed="real images", expected=what)
        return _nothing(evidence, context.item, what)
    best = max(alone, key=lambda one: len(one.new - rebuilt))
    n = min(len(best.new - rebuilt), params.n)
    about: dict[str, Any] = {
        "observed": f"{n} different new images",
        "expected": what,
        "found": (Found(how="figure", cell=best.cell),),
        "notes": notes,
    }
    if n == params.n:
        return judged(1.0, message="The figure shows different generated images.", **about)
    why = "some are alike" if len(best.tiles) >= params.n else f"{params.n} would show more"
    return judged(
        n / params.n if n > 1 else 0.0, message=f"The figure shows {n} different new images: {why}.", **about
    )


EXPLORED = {
    "convolutions": r"Conv(Transpose)?2d\(",
    "interpolation between codes": r"(?i)interpol|lerp|linspace\([^)]*\)[^\n]*(code|z\b)",
    "another way to draw codes": r"(?i)GaussianMixture|KernelDensity|MultivariateNormal|multivariate_normal|cholesky|cov\(",
    "another data set": r"(?i)FashionMNIST|CIFAR|KMNIST|EMNIST|SVHN|CelebA|load_digits|fetch_",
    "a variational autoencoder": r"(?i)class \w*VAE|reparam",
}
"""What the sheet suggests for further exploration, and the code that speaks of it."""


def explorations(evidence: Evidence) -> list[str]:
    """Return what the code of a notebook explores beyond the task; reported, and not marked."""
    code = "\n".join(cell.source for cell in evidence.cells if cell.kind == "code")
    return [name for name, pattern in EXPLORED.items() if re.search(pattern, code)]
