"""Claims about generated images of every class that are drawn, and about the level of a loss and the run as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.conditional_models import uses_other_data, weights_of
from autograder.checks.curves import curve_of
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    FormCheckParams,
    failed,
    for_person,
    join,
    judged,
    number,
)
from autograder.checks.image_training import layers_of, trained_calls
from autograder.checks.images import Shown, drawn_for
from autograder.checks.training import seen_in
from autograder.checks.values import where
from autograder.kernel_side.known_images import UNKNOWN
from autograder.probes.evidence import Evidence
from autograder.records import Found, Status
from autograder.registry import CHECKS
from autograder.rubric.model import EvidenceKey
from autograder.stats.digits import recognised

N_PIXELS = 784
MOST, DEVIATIONS = 0.25, 3.0
"""Share of images that are taken for one class where all are shown: a tenth, and those that are mistaken for it; and how
many standard deviations above it a picture is of that class alone."""


class ClassesAreShown(CheckParams):
    """Generated images of every class."""

    n_classes: int = Field(default=10, ge=2)
    golden: str
    """Golden prefix of the classes of images."""


@CHECKS.register(ClassesAreShown)
def classes_are_shown(evidence: Evidence, params: ClassesAreShown, context: Context) -> Finding:
    """As many generated images as there are classes are drawn, or more, and not of one class alone (a share of fewer)."""
    what = f"generated images of {params.n_classes} classes"
    drawn = [one for one in drawn_for(evidence, context.item) if one.new and not one.known]
    if not drawn:
        return _no_picture(evidence, context.item, what)
    tiles = _largest(drawn, params.n_classes)
    about: dict[str, Any] = {
        "observed": f"{len(tiles)} generated images",
        "expected": what,
        "found": (Found(how="figure", cell=drawn[0].cell),),
    }
    pixels = np.stack([np.frombuffer(tile, dtype=np.uint8) for tile in tiles])
    told = Counter(recognised(pixels, weights_of(context, params.golden)).tolist())
    digit, most = told.most_common(1)[0]
    limit = MOST + DEVIATIONS * (MOST * (1 - MOST) / len(tiles)) ** 0.5
    if len(tiles) >= params.n_classes and most > limit * len(tiles):
        return failed(
            f"The generated images that are drawn are of one class: {most} of {len(tiles)} look like a {digit}.",
            **about,
        )
    if len(tiles) >= params.n_classes:
        return judged(1.0, message=f"{len(tiles)} generated images are drawn, of several classes.", **about)
    message = f"{len(tiles)} generated images are drawn together; {params.n_classes} classes are asked for."
    return judged(len(tiles) / params.n_classes if len(tiles) > 1 else 0.0, message=message, **about)


def _largest(drawn: list[Shown], n_classes: int) -> list[bytes]:
    """Return the different images of the figure that shows most; of all figures together where each shows few."""
    best = max(drawn, key=lambda one: len(one.new))
    if len(best.new) >= n_classes:
        return list(best.new)
    together = {tile for one in drawn if len(one.tiles) < n_classes for tile in one.new}
    return list(together if len(together) > len(best.new) else best.new)


def _no_picture(evidence: Evidence, item: str, what: str) -> Finding:
    if uses_other_data(evidence):
        return for_person(
            f"The data set is another one than MNIST: a person looks for {what}.", expected=what
        )
    has_output = any(cell.n_images for cell in evidence.cells)
    if has_output and not evidence.observations.figures:
        return for_person(
            f"A picture was put out whose drawing could not be followed; a person looks for {what}.",
            expected=what,
        )
    if cause := evidence.failure_in(item):
        return Finding(Status.BLOCKED, 0.0, message=f"There is no picture of {what}: {cause}.", expected=what)
    shows_real = any(one.known and not one.new for one in drawn_for(evidence, item))
    said = "the images that are drawn are those of the data set" if shows_real else "no figure shows them"
    return failed(f"There are no {what}: {said}.", observed="not found", expected=what, missing=True)


# ---------------------------------------------------------------------- the level of a loss


class LossIsPlausible(CheckParams):
    """The last value of a training loss."""

    evidence: EvidenceKey
    golden: str
    """Golden prefix of what is known of the images without any model."""


@CHECKS.register(LossIsPlausible)
def loss_is_plausible(evidence: Evidence, params: LossIsPlausible, context: Context) -> Finding:
    """The last loss is between what no model can be below and what the mean image of a class gives without a code.

    It may be a sum or a mean over pixels, images or batches; each has bounds of its own.
    """
    values = curve_of(evidence, params.evidence)
    last = abs(float(values[-1])) if len(values) else float("nan")
    about: dict[str, Any] = {"observed": number(last), "found": where(evidence, params.evidence)}
    if uses_other_data(evidence):
        return for_person("The data set is another one than MNIST: a person looks at the loss.", **about)
    bounds = dict(_bounds(evidence, context, params.golden))
    usual = next(iter(bounds))
    about["expected"] = (
        f"{number(bounds[usual][0])} to {number(bounds[usual][1])} ({usual}), or in another unit"
    )
    if not np.isfinite(last):
        return failed("The last loss is not a finite number.", **about)
    fits = [name for name, (low, high) in bounds.items() if low < last < high]
    if fits:
        return judged(1.0, message=f"Your last loss is plausible as {join(fits[:1])}.", **about)
    return failed(
        f"Your last loss, {number(last)}, is none that a trained network has, in any unit that is known.",
        **about,
    )


def _bounds(evidence: Evidence, context: Context, golden: str) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield what a loss may be, in words, with its bounds: below any model, and the class means without a code."""
    values = {
        name: float(context.golden.value(f"{golden}.{name}").truth or 0.0)
        for name in ("entropy", "cross_entropy", "squared_error")
    }
    seen = {one.name for one in seen_in(evidence, context.item, "loss")}
    has_bce = any("binary_cross_entropy" in name for name in seen)
    has_mse = any("mse" in name for name in seen)
    terms = {"cross-entropy": (values["entropy"], values["cross_entropy"])}
    if not has_bce:
        terms["squared error"] = (0.02 * values["squared_error"], values["squared_error"])
        terms["half of the squared error"] = tuple(v / 2 for v in terms["squared error"])  # type: ignore[assignment]
    if has_mse and not has_bce:
        del terms["cross-entropy"]
    sizes = {"a mean over images": 1.0, "a mean over pixels": 1 / N_PIXELS}
    batch, n_batches = _batches(evidence, context.item)
    if batch:
        sizes |= {"a sum over a batch": batch, "a sum over an epoch": batch * n_batches}
        sizes |= {
            "a sum of means over batches": n_batches,
            "a sum of means over pixels": n_batches / N_PIXELS,
        }
    for unit, scale in sizes.items():
        for term, (low, high) in terms.items():
            yield f"{term}, {unit}", (low * scale, high * scale)


def _batches(evidence: Evidence, item: str) -> tuple[float, float]:
    """Return images a batch and batches an epoch in training; zeros where they were not seen."""
    rows: Counter[int] = Counter()
    codes: list[Any] = []
    for layer in layers_of(evidence, item, "image"):
        rows.update(layer.rows[trained_calls(layer)].tolist())
        codes.append(layer.codes[layer.codes != UNKNOWN])
    if not rows:
        return 0.0, 0.0
    batch = rows.most_common(1)[0][0]
    n_images = len(np.unique(np.concatenate(codes))) if codes else 0
    return float(batch), float(max(1, round(n_images / batch)))


# ---------------------------------------------------------------------- the run as a whole


class RunsThrough(FormCheckParams):
    """A run from top to bottom."""


@CHECKS.register(RunsThrough)
def runs_through(evidence: Evidence, params: RunsThrough, context: Context) -> Finding:
    """Every code cell runs, from top to bottom in a fresh kernel; one that fails costs all of it."""
    cells = [cell for cell in evidence.cells if cell.kind == "code" and cell.source.strip()]
    bad = [cell.index + 1 for cell in cells if cell.record is not None and cell.record.status != "ok"]
    about: dict[str, Any] = {
        "observed": f"{len(cells) - len(bad)} of {len(cells)} cells",
        "expected": "all of them",
    }
    if not bad:
        return judged(1.0, message="Your notebook runs from top to bottom.", **about)
    named = f"cell{'s' if len(bad) > 1 else ''} {join([str(one) for one in bad[:6]])}"
    return failed(f"Your notebook does not run from top to bottom: {named} failed.", **about)
