"""Claims about what a training did: the loss that was differentiated falls, and reconstructions leave the mean image behind.

A sheet that leaves data, sizes and losses open gives no level to compare with. Two bounds hold for all of them: a loss that
does not fall differs from its beginning by the noise of its batches alone, and an output that ignores its image is never
nearer to a set of images than their own mean. How far a training gets that was shortened says nothing: it waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.autoencoders import (
    OfAutoencoder,
    about_model,
    models_in,
    no_model,
    recorded_in,
)
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    failed,
    for_person,
    judged,
    number,
    untried,
)
from autograder.probes.evidence import Evidence
from autograder.probes.training import TrainingSeen
from autograder.records import Status
from autograder.registry import CHECKS
from autograder.shortened import INJECTED
from autograder.stats.trends import ends_of, fall_by_chance, match_by_chance

BY_CHANCE = 1e-3
"""Largest probability with which a loss that does not fall, or an output that ignores its image, passes for the other."""


def was_shortened(evidence: Evidence) -> bool:
    """Return whether the notebook trained with smaller numbers than it was handed in with."""
    return any(INJECTED in cell.source for cell in evidence.cells)


class TrainingFalls(CheckParams):
    """The loss that the optimizers moved by, at the beginning and at the end."""

    items: list[str] = Field(min_length=1)
    """Whose cells train."""


@CHECKS.register(TrainingFalls)
def training_falls(evidence: Evidence, params: TrainingFalls, context: Context) -> Finding:
    """The loss that is differentiated falls in training by more than the noise of its batches, whatever is reported."""
    steps = recorded_in(evidence, "step", params.items)
    expected = "a loss that falls"
    if not steps:
        cause = next((cause for item in params.items if (cause := evidence.failure_in(item))), "")
        if cause:
            return Finding(Status.BLOCKED, 0.0, message=f"No training was seen: {cause}.", expected=expected)
        return failed("No training was seen.", observed="none", expected=expected, missing=True)
    if not any(_moves(one) for one in steps):
        message = "The optimizers hold weights that no gradient reaches: those of another network?"
        return failed(message, observed="no gradients", expected=expected)
    courses = [course for one in _by_optimizer(steps) if (course := _ends(one)) is not None]
    if not courses:
        return untried("By which losses the weights moved could not be seen.")
    begin, end = min(courses, key=lambda course: fall_by_chance(*course))
    first, last = float(np.mean(begin)), float(np.mean(end))
    about = {"observed": f"{number(first)} to {number(last)}", "expected": expected}
    if fall_by_chance(begin, end) < BY_CHANCE:
        return judged(
            1.0, message=f"The loss falls from {number(first)} to {number(last)} in training.", **about
        )
    message = f"it goes from {number(first)} to {number(last)}, no more than its batches differ"
    if fall_by_chance(end, begin) < BY_CHANCE:
        return failed(f"The loss rises in training: from {number(first)} to {number(last)}.", **about)
    if was_shortened(evidence):
        return for_person(f"In a training that was shortened the loss does not fall yet: {message}.", **about)
    if last < first and min(len(begin), len(end)) < MIN_EACH:
        return for_person(f"Too few updates to tell whether the loss falls: {message}.", **about)
    return failed(f"The loss does not fall in training: {message}.", **about)


MIN_EACH = 8
"""Losses at either end from which on batches tell their own noise."""


def _moves(one: TrainingSeen) -> bool:
    """Return whether an optimizer found a gradient; one that computes its own (LBFGS) finds none before its first update."""
    return one.n < 2 or "largest_norm" in one.settings


def _ends(steps: Sequence[TrainingSeen]) -> tuple[list[float], list[float]] | None:
    """Return the losses of the first and of the last updates of an optimizer, each loss once."""
    begin, end = _losses(steps[0], "first"), _losses(steps[-1], "last")
    if len(steps) > 1:
        return (begin, end) if begin and end else None
    return ends_of(begin, end, steps[0].n)


def _by_optimizer(steps: Sequence[TrainingSeen]) -> list[list[TrainingSeen]]:
    """Return the cells in which every optimizer moved, in their order."""
    numbers = dict.fromkeys(one.settings.get("number") for one in steps)
    return [
        sorted((one for one in steps if one.settings.get("number") == at), key=lambda one: one.cell)
        for at in numbers
    ]


def _losses(one: TrainingSeen, key: str) -> list[float]:
    values = one.settings.get(key)
    return [float(value) for value in values] if isinstance(values, list) else []


class ReconstructsHeldOut(OfAutoencoder):
    """The error of reconstructions, computed once more."""


@CHECKS.register(ReconstructsHeldOut)
def reconstructs_held_out(evidence: Evidence, params: ReconstructsHeldOut, context: Context) -> Finding:
    """Reconstructions, of held-out images if there are any, are nearer to their images than the mean image is."""
    models = models_in(evidence, params.challenge, params.items)
    if not models:
        return no_model(evidence, params.challenge)
    best = min(models, key=lambda model: model.unexplained)
    share = best.unexplained
    about: dict[str, Any] = {
        "observed": f"{share:.1%} of the mean image's error",
        "expected": "less than 100%, which any output that ignores its image has at least",
        **about_model(best),
    }
    on = f"on `{best.path}`" if best.path else "on images of the notebook"
    said = f"The reconstructions of `{best.name}` {on} have {share:.1%} of the error that the mean of these images has"
    if share < 1.0:
        return judged(1.0, message=f"{said}.", **about)
    if was_shortened(evidence):
        message = f"{said}: in a training that was shortened, nothing but the mean is learnt yet."
        return for_person(message, **about)
    if match_by_chance(best.y, best.x) < BY_CHANCE:
        return for_person(f"{said}, but they do follow their images; a person looks at them.", **about)
    return failed(f"{said}: one picture for all would be nearer to them.", **about)


def leaves_the_mean(evidence: Evidence, key: str) -> bool:
    """Return whether any autoencoder of the notebook gives back more than the mean image."""
    return any(model.unexplained < 1.0 for model in models_in(evidence, key))
