"""The claim that a training step moves its network by the gradient of the right loss."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from autograder.checks.attempts import (
    Attempt,
    StepCheck,
    about_step,
    best_of_functions,
    discriminator_fits,
    generator_fits,
    language_fits,
    notes_of,
)
from autograder.checks.findings import Context, Finding, failed, judged, number, untried
from autograder.checks.trees import text, vector
from autograder.probes.evidence import Evidence
from autograder.registry import CHECKS
from autograder.stats.updates import LanguageFit


class UpdateFollows(StepCheck):
    """The update of one network, as the gradient of a loss."""

    of: Literal["discriminator", "generator", "language_model"]
    generator_targets: list[float] = Field(default=[1.0])
    """Accepted targets of the fakes in the generator's loss."""
    max_norm: float | None = None
    """`language_model`: the norm to which gradients are clipped; None when that is not asked for."""
    reductions: list[str] = Field(default=["mean"])
    """`language_model`: accepted reductions (`mean`, `sum`, `batch_mean`)."""


@CHECKS.register(UpdateFollows)
def update_follows(evidence: Evidence, params: UpdateFollows, context: Context) -> Finding:
    """The weights move by the gradient of the right loss, compared with its closed form on small networks."""
    judges = {
        "discriminator": lambda attempt: _judge_discriminator(attempt),
        "generator": lambda attempt: _judge_generator(attempt, params),
        "language_model": lambda attempt: _judge_language(attempt, params),
    }
    what = {"language_model": "a training step"}.get(params.of, f"step of a {params.of}")
    return best_of_functions(evidence, params, what, judges[params.of])


def _judge_discriminator(attempt: Attempt) -> Finding | None:
    fits = [fit for _, fit in discriminator_fits(attempt)]
    if not fits:
        return None
    name = f"`{attempt.function}`"
    about = about_step(attempt, "binary cross-entropy: real images towards 1, fakes towards 0")
    for fit in fits:
        if fit is None:
            message = f"The discriminator's update in {name} is not the gradient of its loss on real images and fakes."
            return failed(message, observed="another update", **about)
        if fit.family != "bce":
            what = {"wasserstein": "a Wasserstein loss", "least_squares": "a squared error"}[fit.family]
            return failed(f"{name} trains the discriminator by {what}.", observed=what, **about)
    real, fake = (
        [fit.real for fit in fits if fit and fit.real],
        [fit.fake for fit in fits if fit and fit.fake],
    )
    if not real or not fake:
        lacks = "real images" if not real else "fakes"
        return failed(
            f"The discriminator's update in {name} sees no {lacks}.", observed=f"no {lacks}", **about
        )
    if real[0].target < fake[0].target:
        message = f"The labels are exchanged in {name}: the discriminator learns to call fakes real."
        return failed(message, observed="exchanged labels", **about)
    if real[0].weight < 0 or fake[0].weight < 0:
        return failed(
            f"{name} moves the discriminator up its loss, not down.", observed="the wrong sign", **about
        )
    notes = list(notes_of(attempt))
    if abs(real[0].weight - fake[0].weight) > 0.02 * abs(real[0].weight):
        ratio = number(real[0].weight / fake[0].weight, 3)
        return failed(
            f"{name} weighs real images {ratio} times as much as fakes.", observed="unequal halves", **about
        )
    if abs(real[0].weight - 0.5) < 0.01:
        notes.append(
            f"{name} takes the mean of both halves, not their sum: half the gradient; that is accepted."
        )
    return judged(
        1.0,
        observed="binary cross-entropy",
        message=f"{name} moves the discriminator by the gradient of its loss.",
        notes=tuple(notes),
        **about,
    )


def _judge_generator(attempt: Attempt, params: UpdateFollows) -> Finding | None:
    fits = list(generator_fits(attempt))
    if not fits:
        return None
    name = f"`{attempt.function}`"
    about = about_step(attempt, "the non-saturating loss −log D(G(z))")
    events = attempt.events()
    for at, fit in fits:
        gradient = vector(events[at], "gradient_generator")
        if gradient is not None and not np.any(gradient):
            message = f"No gradient reaches the generator in {name}: the fakes of its own loss are detached."
            return failed(message, observed="no gradient", **about)
        if fit is None:
            message = f"The generator's update in {name} is not the gradient of its loss on the fakes."
            return failed(message, observed="another update", **about)
        mistakes = {
            "minimax": "the saturating (minimax) loss log(1 − D(G(z))): its gradient vanishes while fakes are bad",
            "flipped": "a loss with the fakes' own label: the generator learns to be recognised",
            "wasserstein": "a Wasserstein loss",
        }
        if fit.kind in mistakes:
            return failed(f"{name} trains the generator by {mistakes[fit.kind]}.", observed=fit.kind, **about)
        if fit.weight < 0:
            return failed(
                f"{name} moves the generator up its loss, not down.", observed="the wrong sign", **about
            )
        if not any(abs(fit.target - one) < 0.01 for one in params.generator_targets):
            said = f"target {number(fit.target, 3)}"
            return failed(f"In {name} the generator's loss has the {said}, not 1.", observed=said, **about)
    return judged(
        1.0,
        observed="non-saturating",
        message=f"{name} moves the generator by the gradient of the non-saturating loss.",
        notes=notes_of(attempt),
        **about,
    )


# ------------------------------------------------------------------ language models


LANGUAGE_MISTAKES = {
    "copies": "the targets are the tokens that the model is shown: it learns to copy, not to predict the next",
    "shifted_again": "the targets are shifted once more: the model learns the token after the next",
    "double_softmax": "a softmax comes before the cross-entropy, which has one already",
    "last_only": "only the last position counts; every position predicts its next token",
}


def _judge_language(attempt: Attempt, params: UpdateFollows) -> Finding | None:
    fits = language_fits(attempt, params.max_norm)
    if not fits:
        return None
    name = f"`{attempt.function}`"
    about = about_step(attempt, "the gradient of the cross-entropy of the next token")
    if len(fits) > 1:
        what = f"{len(fits)} updates for one batch"
        return failed(f"{name} makes {what}.", observed=what, **about)
    fit = fits[0]
    if fit is None:
        message = f"The update in {name} is not the gradient of the cross-entropy of the next token."
        return failed(message, observed="another update", **about)
    if fit.kind in LANGUAGE_MISTAKES:
        what = LANGUAGE_MISTAKES[fit.kind]
        return failed(f"In {name} {what}.", observed=what, **about)
    if params.max_norm is not None and fit.clip == "" and attempt.tree.get("own_weights") is True:
        return untried(f"{name} reaches weights of its own, so that its clipping of others cannot be tried.")
    if params.max_norm is not None and fit.clip != "norm":
        return _unclipped(attempt, fit, params.max_norm, about)
    if fit.clip == "" and fit.reduction and fit.reduction not in params.reductions:
        what = {"sum": "summed over all tokens", "batch_mean": "summed over positions"}.get(
            fit.reduction, fit.reduction
        )
        return failed(f"The loss of {name} is {what}, not averaged.", observed=what, **about)
    clipped = f", clipped to norm {number(fit.norm)}" if fit.clip == "norm" else ""
    return judged(
        1.0,
        observed=f"cross-entropy{clipped}",
        message=f"{name} moves the weights by the gradient of the cross-entropy{clipped}.",
        **about,
    )


def _unclipped(attempt: Attempt, fit: LanguageFit, max_norm: float, about: dict[str, Any]) -> Finding:
    name, events = f"`{attempt.function}`", attempt.events()
    clips = [at for at, one in enumerate(events) if text(one, "event") == "clip"]
    steps = attempt.steps("model")
    if fit.clip == "value":
        what = "clips each element, not the norm of the gradient"
    elif clips and steps and clips[0] > steps[0]:
        what = "clips the gradient after the update, where it changes nothing"
    elif clips and isinstance(events[clips[0]].get("limit"), float):
        what = f"clips to the norm {number(events[clips[0]]['limit'])}, not {max_norm:g}"
    else:
        what = f"does not clip the gradient: its norm is {number(fit.norm)}"
    return failed(f"{name} {what}.", observed=what, **about)
