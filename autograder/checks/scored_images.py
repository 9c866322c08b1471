"""Claims about the scores of generated images, computed once more from what the student's own classifier gave."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    FormCheckParams,
    failed,
    join,
    judged,
    number,
    untried,
)
from autograder.checks.image_training import SLACK, trained_codes
from autograder.kernel_side.known_images import TEST, UNKNOWN
from autograder.probes.evidence import Evidence
from autograder.probes.layer_calls import Array, LayerSeen, OutputSeen
from autograder.probes.observations import Leaf
from autograder.records import Status
from autograder.registry import CHECKS
from autograder.stats.scores import frechet_of_features, inception_scores

IS, FID = "Inception Score", "Fréchet distance"
ROUNDING = 3e-6
"""Of sums in single precision."""
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Batch:
    """Images that a classifier was shown in one call, and its features of them."""

    cell: int
    step: int
    codes: Array
    mean: float
    features: Array
    """(n, n_features), before their activation."""
    layer: LayerSeen

    @property
    def is_new(self) -> bool:
        """Whether the images are generated ones."""
        return bool(np.all(self.codes == UNKNOWN))


def batches_in(evidence: Evidence) -> list[Batch]:
    """Return the batches that a convolutional classifier saw outside training, in order, equal ones once."""
    layers = evidence.observations.layers
    found: list[Batch] = []
    for first in (one for one in layers if one.role == "image" and one.n_in == 1):
        alike = [
            one for one in layers if one.cell == first.cell and one.role == "features" and one.n_in > 1000
        ]
        alike = [
            one
            for one in alike
            if (one.is_training, one.wants_gradients) == (first.is_training, first.wants_gradients)
        ]
        ends = np.cumsum(first.rows)
        for output in (output for one in alike for output in one.outputs):
            at = output.call - 1
            if at < len(ends) and ends[at] <= len(first.codes) and len(output.values) == first.rows[at]:
                codes = first.codes[ends[at] - first.rows[at] : ends[at]]
                found.append(
                    Batch(first.cell, output.step, codes, float(first.means[at]), output.values, first)
                )
    found.sort(key=lambda one: (one.cell, one.step))
    distinct: dict[tuple[int, bytes], Batch] = {}
    for one in found:
        distinct.setdefault((one.cell, one.features.tobytes()), one)
    return list(distinct.values())


@dataclass(frozen=True)
class Scored:
    """What was scored: real images, and the sets of generated ones."""

    real: tuple[Batch, ...]
    generated: tuple[Batch, ...]

    @property
    def real_features(self) -> Array:
        """Features of all real images."""
        return np.concatenate([one.features for one in self.real])

    @property
    def real_codes(self) -> Array:
        """Codes of all real images."""
        return np.concatenate([one.codes for one in self.real])


def scored_in(evidence: Evidence) -> Scored | None:
    """Return what was scored in the cells that show the classifier generated images; None when that was not seen."""
    batches = batches_in(evidence)
    generated = [one for one in batches if one.is_new and len(one.codes) > 1]
    cells = {one.cell for one in generated}
    real = [one for one in batches if not one.is_new and len(one.codes) > 1]
    near = [one for one in real if one.cell in cells]
    if not near:  # features of real images may be made in a cell of their own
        sizes = [one for one in real if len(one.codes) == 1000]
        near = sizes[-1:]
    if not generated or not near:
        return None
    return Scored(tuple(near), tuple(generated))


class ScoredImagesAre(CheckParams):
    """Which images are scored."""

    n_generated: int = Field(default=100, ge=2)
    n_real: int = Field(default=1000, ge=2)
    low: float = 0.0
    high: float = 1.0


@CHECKS.register(ScoredImagesAre)
def scored_images_are(evidence: Evidence, params: ScoredImagesAre, context: Context) -> Finding:
    """As many generated images of both models, in the classifier's range, are compared with test images."""
    expected = (
        f"{params.n_generated} generated images of each model, {params.n_real:,} test images, "
        f"in [{params.low:g}, {params.high:g}]"
    )
    scored = scored_in(evidence)
    if scored is None:
        return _unseen(evidence, context.item, expected)
    sizes = [len(one.codes) for one in scored.generated]
    n_real = len(scored.real_codes)
    limits = [one.layer.new for one in scored.generated if one.layer.new is not None]
    low, high = min(one[0] for one in limits), max(one[1] for one in limits)
    codes = scored.real_codes[scored.real_codes != UNKNOWN]
    trained = trained_codes(
        [one for one in evidence.observations.layers if one.role == "image" and one.n_in == 1]
    )
    is_test = bool(np.mean(codes >= TEST) > 0.9)
    was_trained = bool(np.mean(np.isin(codes, list(trained))) > 0.02)
    said = []
    if sum(size == params.n_generated for size in sizes) < 2 and sum(sizes) != 2 * params.n_generated:
        said.append(f"{join([str(size) for size in sizes[:4]])} generated images are scored")
    if n_real != params.n_real:
        said.append(f"{n_real:,} real images are compared with")
    if not is_test or was_trained:
        said.append("the real images are training images, not test images")
    if low < params.low - SLACK or high > params.high + SLACK:
        said.append(f"the generated images lie in [{number(low, 3)}, {number(high, 3)}]")
    about: dict[str, Any] = {"observed": join(said) or expected, "expected": expected}
    if not said:
        return judged(1.0, message="The images that are scored are those of the sheet.", **about)
    return judged(max(0.0, 1 - len(said) / 2), message=f"Other images are scored: {join(said)}.", **about)


def _unseen(evidence: Evidence, item: str, expected: str) -> Finding:
    if cause := evidence.failure_in(item):
        return Finding(Status.BLOCKED, 0.0, message=f"No images were scored: {cause}.", expected=expected)
    if not any(one.role == "image" and one.n_in == 1 for one in evidence.observations.layers):
        return failed(
            "No images were shown to a convolutional classifier.",
            observed="none",
            expected=expected,
            missing=True,
        )
    return untried("Which images were scored could not be seen.")


class ScoresMatchImages(CheckParams):
    """Reported scores."""

    n_splits: int = Field(default=10, ge=1)
    labels: list[str] = Field(default=["vae", "gan"])
    """Words by which the rows of the table are told apart."""
    scores: list[Literal["IS", "FID"]] = Field(default=["IS", "FID"], min_length=1)
    fid_rtol: float = Field(default=0.01, gt=0.0)
    is_rtol: float = Field(default=0.02, gt=0.0)


@CHECKS.register(ScoresMatchImages)
def scores_match_images(evidence: Evidence, params: ScoresMatchImages, context: Context) -> Finding:
    """The reported scores are those of the scored images under the student's own classifier; each counts equally."""
    asked = ["the Inception Score and its deviation"] if "IS" in params.scores else []
    asked += ["the Fréchet distance"] if "FID" in params.scores else []
    expected = f"{join(asked)} of both models"
    scored = scored_in(evidence)
    if scored is None:
        return _unseen(evidence, context.item, expected)
    groups = (
        scored.generated[-len(params.labels) :]
        if len(scored.generated) > len(params.labels)
        else scored.generated
    )
    truths = [_truths(evidence, one, scored, params) for one in groups]
    if len(truths) < len(params.labels):
        return untried("The images of both models could not be told apart.")
    if not any(truths):
        return untried("What the classifier said of the images could not be seen.")
    orders = _orders(evidence, groups, params.labels)
    best: tuple[int, list[str]] = (-1, [])
    for order in orders:
        wrong = [
            f"{what} of the {label.upper()}"
            for label, at in zip(params.labels, order, strict=True)
            for what, values in truths[at].items()
            if not _is_reported(evidence, context.item, label, what, values, params)
        ]
        n_right = sum(len(truths[at]) for at in order) - len(wrong)
        best = max(best, (n_right, wrong), key=lambda one: one[0])
    n = sum(len(one) for one in truths)
    first = truths[orders[0][0]]
    shown = "; ".join(f"{what} {number(values[0])}" for what, values in first.items())
    about: dict[str, Any] = {
        "observed": f"{best[0]} of {n} numbers",
        "expected": f"{params.labels[0].upper()}: {shown}",
    }
    if best[0] == n:
        return judged(1.0, message="The reported scores are those of your images.", **about)
    message = (
        f"These numbers do not belong to the images that were scored, or are not reported: {join(best[1])}."
    )
    return judged(best[0] / n, message=message, **about)


def _truths(
    evidence: Evidence, batch: Batch, scored: Scored, params: ScoresMatchImages
) -> dict[str, list[float]]:
    """Return what each number may be, by the accepted conventions."""
    truths: dict[str, list[float]] = {}
    distances = []
    for act, ddof in itertools.product((lambda x: np.maximum(x, 0.0), lambda x: x), (1, 0)):
        distances.append(frechet_of_features(act(scored.real_features), act(batch.features), ddof)["right"])
    logits = _logits(evidence, batch) if "IS" in params.scores else None
    if logits is not None:
        shifted = logits - logits.max(axis=1, keepdims=True)
        probs = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        right = inception_scores(probs, params.n_splits)["right"]
        truths[IS] = [right.mean]
        truths[f"deviation of the {IS}"] = [right.sd0, right.sd1]
    if "FID" in params.scores:
        truths[FID] = distances
    return truths


def _logits(evidence: Evidence, batch: Batch) -> Array | None:
    """Return what the last layer gave for a batch: the layer that takes the features, at the same time."""
    n, n_features = batch.features.shape
    outputs = [
        output
        for one in evidence.observations.layers
        if one.role == "features" and one.cell == batch.cell and one.n_in == n_features and one.n_out == 10
        for output in one.outputs
        if len(output.values) == n
    ]
    return _nearest(outputs, batch, evidence)


def _nearest(outputs: Sequence[OutputSeen], batch: Batch, evidence: Evidence) -> Array | None:
    """Return the output that belongs to a batch: the order of the calls is that of the batches of the same size."""
    alike = [
        one
        for one in batches_in(evidence)
        if one.cell == batch.cell and one.is_new and len(one.codes) == len(batch.codes)
    ]
    distinct: dict[bytes, Array] = {}
    for one in outputs:
        distinct.setdefault(one.values.tobytes(), one.values)
    place = next(
        (
            at
            for at, one in enumerate(alike)
            if one.features is batch.features or np.array_equal(one.features, batch.features)
        ),
        None,
    )
    listed = list(distinct.values())
    return listed[place] if place is not None and len(listed) == len(alike) else None


def _orders(evidence: Evidence, groups: Sequence[Batch], labels: Sequence[str]) -> list[tuple[int, ...]]:
    """Return which group each label may mean: by values under names with the label, else either way."""
    meant: list[int | None] = []
    for label in labels:
        means = [
            float(np.mean(leaf.value))
            for leaf in evidence.observations.leaves
            if isinstance(leaf.value, np.ndarray)
            and leaf.value.size == groups[0].codes.size * 784
            and leaf.value.dtype.kind == "f"
            and label in _words(leaf)
        ]
        hits = [at for at, one in enumerate(groups) if any(abs(one.mean - mean) < 1e-5 for mean in means)]
        meant.append(hits[0] if len(hits) == 1 else None)
    every = list(itertools.permutations(range(len(groups)), len(labels)))
    fitting = [
        order
        for order in every
        if all(want is None or want == at for want, at in zip(meant, order, strict=True))
    ]
    return fitting or every


def _is_reported(
    evidence: Evidence, item: str, label: str, what: str, values: Sequence[float], params: ScoresMatchImages
) -> bool:
    rtol = params.fid_rtol if what == FID else params.is_rtol
    least = 1.0 if what == IS else 0.0  # how far a score is from its least value is what the images say
    return any(
        abs(abs(seen) - value) <= max(rounding, rtol * (value - least), ROUNDING)
        for seen, rounding in _reported(evidence, item, label)
        for value in values
    )


def _reported(evidence: Evidence, item: str, label: str) -> Iterator[tuple[float, float]]:
    """Yield the numbers under names, keys or in printed lines that hold a label, each with half a unit of its last digit."""
    inside = {cell.index for cell in evidence.cells_of(item)}
    for leaf in evidence.observations.leaves:
        if label in _words(leaf) and leaf.number is not None and (leaf.cell in inside or not inside):
            yield leaf.number, 0.0
    for cell in evidence.cells:
        if cell.index in inside or not inside:
            for line in cell.printed.splitlines()[:400]:
                if label in line.casefold():
                    for found in NUMBER.finditer(line):
                        digits = (
                            len(found.group().partition(".")[2]) if "e" not in found.group().lower() else 6
                        )
                        yield float(found.group()), 0.51 * 10.0**-digits


def _words(leaf: Leaf) -> str:
    return " ".join(str(step) for step in (leaf.path.name, *leaf.path.steps)).casefold()


class TableIsShown(FormCheckParams):
    """Rows of numbers among what was printed."""

    labels: list[str] = Field(default=["vae", "gan"])
    n_numbers: int = Field(default=2, ge=1)
    """Least count of numbers in a row."""


@CHECKS.register(TableIsShown)
def table_is_shown(evidence: Evidence, params: TableIsShown, context: Context) -> Finding:
    """A row of numbers is printed or shown for every label (in its own line, or with the labels as columns)."""
    inside = evidence.cells_of(context.item) or list(evidence.cells)
    lines = [line.casefold() for cell in inside for line in cell.printed.splitlines()[:2000]]
    shown = [
        label
        for label in params.labels
        if any(label in line and len(NUMBER.findall(line)) >= params.n_numbers for line in lines)
    ]
    columns = [at for at, line in enumerate(lines) if all(label in line for label in params.labels)]
    if any(
        len(NUMBER.findall(line)) >= len(params.labels) for at in columns for line in lines[at + 1 : at + 4]
    ):
        shown = list(params.labels)
    expected = f"a row of numbers for {join([label.upper() for label in params.labels])}"
    about: dict[str, Any] = {
        "observed": join([label.upper() for label in shown]) or "none",
        "expected": expected,
    }
    if len(shown) == len(params.labels):
        return judged(1.0, message="The table is shown.", **about)
    if not shown and (cause := evidence.failure_in(context.item)):
        return Finding(Status.BLOCKED, 0.0, message=f"There is no table: {cause}.", expected=expected)
    return judged(len(shown) / len(params.labels), message=f"A table lacks {expected}.", **about)
