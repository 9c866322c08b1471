"""Claims about how networks of images were trained: on which images, how long, which weights, in which mode."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pydantic import Field

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
    untried,
)
from autograder.checks.networks import modules_in
from autograder.checks.shortened_numbers import numbers_for
from autograder.checks.training import seen_in
from autograder.kernel_side.known_images import TEST, UNKNOWN
from autograder.probes.evidence import Evidence
from autograder.probes.layer_calls import Array, LayerSeen
from autograder.probes.training import TrainingSeen
from autograder.records import Status
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey

SLACK = 0.02


def layers_of(evidence: Evidence, item: str, role: str) -> list[LayerSeen]:
    """Return the calls of layers of a role in an item's section or in cells of no item.

    Where there are none, all of them: headings may mislead.
    """
    every = [one for one in evidence.observations.layers if one.role == role]
    return [one for one in every if is_of(evidence, item, one.cell)] or every


def trained_on(evidence: Evidence, item: str, first: int) -> list[LayerSeen]:
    """Return the calls of first layers that belong to a training; `first` tells convolutions (1) from pixels (784)."""
    layers = [one for one in layers_of(evidence, item, "image") if one.n_in == first]
    layers = layers or [
        one for one in evidence.observations.layers if (one.role, one.n_in) == ("image", first)
    ]
    return [one for one in layers if trained_calls(one).any()]


def is_of(evidence: Evidence, item: str, cell: int) -> bool:
    """Return whether a cell may belong to an item; any may where the item has no section of its own."""
    if not evidence.cells_of(item):
        return True
    return all(one.item in (item, None) for one in evidence.cells if one.index == cell)


def steps_of(evidence: Evidence, item: str) -> list[TrainingSeen]:
    """Return the updates of optimizers in an item's section or in cells of no item; else all of them."""
    steps = [one for one in evidence.observations.training if one.kind == "step"]
    return [one for one in steps if is_of(evidence, item, one.cell)] or steps


def trained_calls(layer: LayerSeen) -> Array:
    """Return which calls (calls,) were followed by a step of an optimizer before the next one of the layer."""
    moved: Array = np.diff(layer.steps) > 0
    return moved & layer.wants_gradients


def trained_codes(layers: Sequence[LayerSeen]) -> set[int]:
    """Return the codes of the images of MNIST that layers were trained on."""
    found: set[int] = set()
    for layer in layers:
        ends = np.minimum(np.cumsum(layer.rows), len(layer.codes))
        for is_trained, first, last in zip(trained_calls(layer), [0, *ends[:-1]], ends, strict=False):
            if is_trained:
                found.update(layer.codes[first:last].tolist())
    return found - {UNKNOWN}


def _not_trained(evidence: Evidence, item: str, expected: str) -> Finding:
    if cause := evidence.failure_in(item):
        return Finding(Status.BLOCKED, 0.0, message=f"No training was seen: {cause}.", expected=expected)
    return failed("No training was seen.", observed="none", expected=expected, missing=True)


class TrainsOnImages(CheckParams):
    """The images that a network was trained on."""

    low: float
    high: float
    also: list[list[float]] = Field(default_factory=list)
    """Other ranges, low and high, that are accepted."""
    first: int = 784
    """Inputs of its first layer: 784 pixels, or 1 channel; 0 for either."""


@CHECKS.register(TrainsOnImages)
def trains_on_images(evidence: Evidence, params: TrainsOnImages, context: Context) -> Finding:
    """The network was trained on training images in the sheet's range (half where one of both is not so)."""
    accepted = [[params.low, params.high], *params.also]
    expected = f"training images in {' or '.join(f'[{low:g}, {high:g}]' for low, high in accepted)}"
    firsts = [params.first] if params.first else [784, 1]
    layers = [one for first in firsts for one in trained_on(evidence, context.item, first)]
    if not layers and not params.first:  # shown in training mode, whether or not it was updated
        layers = [
            one
            for one in layers_of(evidence, context.item, "image")
            if one.wants_gradients and one.is_training
        ]
    if not layers and not params.first and steps_of(evidence, context.item):
        return for_person("What the network was trained on is not known; a person looks.", expected=expected)
    if not layers:
        if evidence.observations.layers or evidence.failure_in(context.item):
            return _not_trained(evidence, context.item, expected)
        return untried("Which images the network was trained on could not be seen.")
    shown = range_shown(evidence, layers)
    if shown is None:
        return untried("Which images the network was trained on could not be seen.")
    (low, high), codes = shown, trained_codes(layers)
    is_test = sum(code >= TEST for code in codes)
    said = []
    if all(abs(low - one[0]) > SLACK or abs(high - one[1]) > SLACK for one in accepted):
        said.append(f"the images lie in [{number(low, 3)}, {number(high, 3)}]")
    if is_test:
        said.append("images of the test set are among them")
    about: dict[str, Any] = {
        "observed": f"[{number(low, 3)}, {number(high, 3)}]" + (", test images" if is_test else ""),
        "expected": expected,
    }
    if not said:
        return judged(1.0, message="The training images are those of the sheet, in its range.", **about)
    return judged(
        1 - len(said) / 2, message=f"The network was trained on other images: {join(said)}.", **about
    )


def range_shown(evidence: Evidence, layers: Sequence[LayerSeen]) -> tuple[float, float] | None:
    """Return the range of the images that layers were shown: those of the data set, else any; None when it was not seen."""
    ranges = [one.known for one in layers if one.known is not None]
    if not ranges and any(len(one.codes) for one in layers) and evidence.observations.datasets:
        ranges = [one.new for one in layers if one.new is not None]
    return (min(one[0] for one in ranges), max(one[1] for one in ranges)) if ranges else None


class TrainsFor(CheckParams):
    """How many updates the optimizers made."""

    n_examples: list[int] = Field(min_length=1)
    """Training images an epoch; several where the sheet leaves it open."""
    n_epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    n: int = Field(default=1, ge=1)
    """How many optimizers make as many updates (two for an adversarial pair)."""
    first: int = 784
    """Inputs of the first layer of what is trained: 784 pixels, or 1 channel."""


@CHECKS.register(TrainsFor)
def trains_for(evidence: Evidence, params: TrainsFor, context: Context) -> Finding:
    """Every optimizer made one update a batch, over the sheet's epochs and training images."""
    allowed = set(_update_counts(evidence, params))
    expected = (
        f"{min(allowed):,} updates" if len(allowed) == 1 else f"{min(allowed):,} to {max(allowed):,} updates"
    )
    if evidence.observations.layers and not trained_on(evidence, context.item, params.first):
        return _not_trained(evidence, context.item, expected)
    seen = Counter[Any]()
    for one in steps_of(evidence, context.item):
        seen[one.settings.get("number")] += one.n
    if not seen:
        return _not_trained(evidence, context.item, expected)
    right = sum(n in allowed for n in seen.values())
    observed = join([f"{n:,}" for n in list(seen.values())[:4]]) + " updates"
    about: dict[str, Any] = {"observed": observed, "expected": expected}
    if right >= params.n:
        return judged(1.0, message=f"The training made {observed}, as the sheet's settings give.", **about)
    message = (
        f"The training made {observed}; {params.n_epochs} epochs of {params.n_examples[0]:,} images in batches of "
        f"{params.batch_size} give another number."
    )
    return judged(right / params.n, message=message, **about)


def _update_counts(evidence: Evidence, params: TrainsFor) -> Iterator[int]:
    sizes = [size for n in params.n_examples for size in numbers_for(evidence, n)]
    for size, n_epochs in itertools.product(sizes, numbers_for(evidence, params.n_epochs)):
        for a_batch in {
            size // params.batch_size,
            math.ceil(size / params.batch_size),
        }:  # the last one dropped or not
            yield max(1, a_batch) * n_epochs


class ImageBatchesHold(CheckParams):
    """Real images a batch."""

    size: int = Field(ge=1)


@CHECKS.register(ImageBatchesHold)
def image_batches_hold(evidence: Evidence, params: ImageBatchesHold, context: Context) -> Finding:
    """Most training batches hold as many images of MNIST as the sheet says, whatever else is shown with them."""
    expected = f"batches of {params.size}"
    layers = [one for one in layers_of(evidence, context.item, "image") if trained_calls(one).any()]
    sizes = Counter(size for one in layers for size in _real_images(one))
    if not sizes:
        if not layers and evidence.observations.layers:
            return _not_trained(evidence, context.item, expected)
        return untried("How many images a batch holds could not be seen.")
    usual = sizes.most_common(1)[0][0]
    about: dict[str, Any] = {"observed": f"batches of {usual}", "expected": expected}
    if usual == params.size:
        return judged(1.0, message=f"Your batches hold {usual} images.", **about)
    return failed(f"Your training batches hold {usual} images.", **about)


def _real_images(layer: LayerSeen) -> Iterator[int]:
    """Yield the number of images of MNIST in every call that showed any."""
    ends = np.cumsum(layer.rows)
    ends = ends[ends <= len(layer.codes)]
    for first, last in zip([0, *ends[:-1]], ends, strict=False):
        n = int(np.sum(layer.codes[first:last] != UNKNOWN))
        if n:
            yield n


class OptimizersHold(CheckParams):
    """Which weights are trained."""

    challenges: list[ChallengeKey] = Field(min_length=1)
    """The networks, each of which has an optimizer of its own."""


@CHECKS.register(OptimizersHold)
def optimizers_hold(evidence: Evidence, params: OptimizersHold, context: Context) -> Finding:
    """Every network has an optimizer that holds all of its weights and no others."""
    networks = {key: {one.n_parameters for one in modules_in(evidence, key)} for key in params.challenges}
    if not all(networks.values()):
        return untried("The networks whose weights are trained were not found.")
    made = seen_in(evidence, context.item, "optimizer")
    expected = "an optimizer for all weights of each network"
    if not made:
        return _not_trained(evidence, context.item, expected)
    held = Counter(one.settings.get("parameters") for one in made)
    right = 0
    for counts in networks.values():
        hit = next((n for n in counts if held.get(n, 0) > 0), None)
        right += hit is not None
        if hit is not None:
            held[hit] -= 1
    observed = join([f"{one.settings.get('parameters'):,} weights" for one in made[:4]])
    about: dict[str, Any] = {"observed": observed, "expected": expected}
    if right == len(networks):
        return judged(1.0, message="Every weight is trained by the optimizer of its own network.", **about)
    sizes = join([f"{min(counts):,}" for counts in networks.values()])
    message = f"The optimizers hold {observed}, and the networks have {sizes}: other weights are trained, or too few."
    return judged(right / len(networks), message=message, **about)


class ClearsGradients(CheckParams):
    """What happens to gradients between updates."""


@CHECKS.register(ClearsGradients)
def clears_gradients(evidence: Evidence, params: ClearsGradients, context: Context) -> Finding:
    """In training, no update uses the gradients of the one before once more."""
    steps = steps_of(evidence, context.item)
    expected = "gradients cleared before every backward pass"
    if not steps:
        return _not_trained(evidence, context.item, expected)
    kept = sum(n for one in steps if isinstance(n := one.settings.get("kept"), int))
    n = sum(one.n for one in steps)
    about: dict[str, Any] = {"observed": f"kept in {kept} of {n} updates", "expected": expected}
    if kept > 0.2 * n:
        message = "Gradients are never cleared: every update adds those of all earlier batches (`zero_grad`)."
        return failed(message, **about)
    return judged(1.0, message="Gradients are cleared between updates.", **about)


class TrainsInTrainingMode(CheckParams):
    """The mode of a network with dropout while it is trained."""


@CHECKS.register(TrainsInTrainingMode)
def trains_in_training_mode(evidence: Evidence, params: TrainsInTrainingMode, context: Context) -> Finding:
    """The network of images is in training mode when it is shown real images to learn from."""
    layers = [one for one in layers_of(evidence, context.item, "image") if trained_calls(one).any()]
    known = [one for one in layers if np.any(one.codes != UNKNOWN)] or layers
    expected = "training mode"
    if not known:
        return _not_trained(evidence, context.item, expected)
    n = {mode: sum(one.n for one in known if one.is_training is mode) for mode in (True, False)}
    about: dict[str, Any] = {
        "observed": "training mode" if n[True] else "evaluation mode",
        "expected": expected,
    }
    if n[True] >= n[False]:
        return judged(1.0, message="The network is trained in training mode, where dropout acts.", **about)
    return failed(
        "The network is in evaluation mode while it is trained, so that dropout never acts.", **about
    )


class SoftmaxIsSingle(CheckParams):
    """What the cross-entropy of logits is given."""


@CHECKS.register(SoftmaxIsSingle)
def softmax_is_single(evidence: Evidence, params: SoftmaxIsSingle, context: Context) -> Finding:
    """The cross-entropy, which has a softmax of its own, is not given probabilities."""
    losses = [one for one in seen_in(evidence, context.item, "loss") if one.name == "cross_entropy"]
    looked_at = sum(n for one in losses if isinstance(n := one.settings.get("looked_at"), int))
    twice = sum(n for one in losses if isinstance(n := one.settings.get("sums_to_one"), int))
    about: dict[str, Any] = {"observed": f"{twice} of {looked_at} calls", "expected": "logits"}
    if looked_at and twice > 0.5 * looked_at:
        message = (
            "The cross-entropy gets probabilities: the softmax is applied twice, which keeps the loss from 0."
        )
        return failed(message, **about)
    trained = [one for one in layers_of(evidence, context.item, "image") if trained_calls(one).any()]
    if not looked_at and not trained:
        return _not_trained(evidence, context.item, "logits")
    return judged(1.0, message="The softmax is applied once.", **about)


class LoadsTestSet(FormCheckParams):
    """The test set of MNIST."""


@CHECKS.register(LoadsTestSet)
def loads_test_set(evidence: Evidence, params: LoadsTestSet, context: Context) -> Finding:
    """The test set is that of MNIST: made with `train=False`, or read from its own file."""
    used = [one for one in evidence.observations.datasets if one.name == "MNIST" or "MNIST" in one.file]
    has_test = any(
        one.train is False or "t10k" in one.file for one in used if one.how != "made" or one.train is False
    )
    about: dict[str, Any] = {
        "observed": "the test set" if has_test else "the training set alone",
        "expected": "the test set",
    }
    if has_test:
        return judged(1.0, message="MNIST's test set is loaded.", **about)
    if not used:
        return untried("How the images were loaded could not be seen.")
    return failed("MNIST's test set is never loaded: without `train=False` it is the training set.", **about)
