"""Claims about training steps that were made on small networks of ours: what moved, towards what, in which order."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.attempts import (
    SAME,
    Attempt,
    StepCheck,
    about_step,
    best_of_functions,
    discriminator_fits,
    families_of,
    generator_fits,
    is_of,
    likeliest_attempts,
    notes_of,
    sized,
)
from autograder.checks.findings import Context, Finding, failed, judged, number
from autograder.checks.trees import Tree, branch, text, vector
from autograder.probes.evidence import Evidence
from autograder.registry import CHECKS
from autograder.stats.updates import (
    DiscriminatorFit,
    GeneratorFit,
)

# ------------------------------------------------------------------ adversarial steps


@CHECKS.register(StepCheck)
def generator_step_leaves_discriminator(evidence: Evidence, params: StepCheck, context: Context) -> Finding:
    """The generator's loss moves the generator and nothing else."""

    def judge(attempt: Attempt) -> Finding | None:
        events, steps = attempt.events(), attempt.steps("generator")
        about = about_step(attempt, "the generator's loss moves the generator alone")
        name = f"`{attempt.function}`"
        if not steps:
            if not attempt.steps("discriminator"):
                return None
            fits = [fit for _, fit in discriminator_fits(attempt)]
            if not any(_is_generator_loss(fit) for fit in fits) and not (len(fits) > 1 and None in fits):
                return None  # the discriminator's half of a split step
            message = f"In {name} the generator's loss moves the discriminator, and the generator stays where it is."
            return failed(message, observed="the discriminator moves", **about)
        for at, fit in discriminator_fits(attempt):
            if _is_generator_loss(fit) and any(text(one, "event") == "backward" for one in events[:at]):
                message = (
                    f"In {name} the generator's loss moves the discriminator: it learns to call fakes real."
                )
                return failed(message, observed="the discriminator moves", **about)
        for at in steps:
            before = sized(attempt, events[at], "before", "discriminator")
            later = branch(events[at + 1]) if at + 1 < len(events) else {}
            after = sized(attempt, later, "after", "discriminator")
            if before is not None and after is not None and not np.allclose(before, after, atol=SAME):
                message = f"In {name} the step of the generator changes the discriminator as well."
                return failed(message, observed="the discriminator moves", **about)
        return judged(
            1.0,
            observed="the generator alone moves",
            message=f"In {name} the generator's step leaves the discriminator as it was.",
            notes=notes_of(attempt),
            **about,
        )

    return best_of_functions(evidence, params, "step of a generator", judge)


def _is_generator_loss(fit: DiscriminatorFit | None) -> bool:
    """Whether a discriminator was moved by a loss that wants fakes to be called real, and sees no real images."""
    return fit is not None and fit.real is None and fit.fake is not None and fit.fake.target > 0.6


@CHECKS.register(StepCheck)
def discriminator_step_reaches_only_discriminator(
    evidence: Evidence, params: StepCheck, context: Context
) -> Finding:
    """The discriminator's loss leaves no gradient in the generator that a later step would use."""

    def judge(attempt: Attempt) -> Finding | None:
        events, steps = attempt.events(), attempt.steps("discriminator")
        if not steps:
            return None
        about = about_step(attempt, "no gradient of the discriminator's loss moves the generator")
        name = f"`{attempt.function}`"
        notes = list(notes_of(attempt))
        for at in steps:
            earlier = [one for one in attempt.steps("generator") if one < at]
            own = [sized(attempt, events[one], "gradient", "generator") for one in earlier]
            leaked = sized(attempt, events[at], "gradient", "generator")
            if leaked is None or not np.any(leaked):
                continue
            if any(one is not None and np.allclose(one, leaked, atol=SAME) for one in own):
                continue  # left from the generator's own step
            if _is_cleared_before_use(events, at) and not _is_used_elsewhere(evidence, params, attempt):
                notes.append(
                    f"The fakes are not detached in the discriminator's step of {name}; the gradients that reach the "
                    "generator are cleared before they are used, so that this costs only time."
                )
                continue
            message = (
                f"In {name} the discriminator's loss reaches the generator: the fakes are not detached, and the "
                "gradients are not cleared before the generator's step."
            )
            return failed(message, observed="gradients in the generator", **about)
        return judged(
            1.0,
            observed="the discriminator alone",
            message=f"In {name} the discriminator's loss moves the discriminator alone.",
            notes=tuple(notes),
            **about,
        )

    return best_of_functions(evidence, params, "step of a discriminator", judge)


def _is_cleared_before_use(events: list[Tree], at: int) -> bool:
    """Whether the generator's gradients are cleared before its next step and before its loss is differentiated."""
    for event in events[at + 1 :]:
        if is_of(event, "clear", "generator"):
            return True
        if is_of(event, "step", "generator") or text(event, "event") == "backward":
            return False
    return True


def _is_used_elsewhere(evidence: Evidence, params: StepCheck, attempt: Attempt) -> bool:
    """Whether a gradient that one function leaves in the generator is in the step that another one makes with it."""
    if attempt.steps("generator") or any(is_of(one, "clear", "generator") for one in attempt.events()):
        return False
    moving = [one for one in likeliest_attempts(evidence, params.challenge) if one.steps("generator")]
    if params.family != "any":
        moving = [one for one in moving if params.family in families_of(one)]
    return bool(moving) and not any(_clears_first(one) for one in moving)


def _clears_first(attempt: Attempt) -> bool:
    """Whether a function clears the generator's gradients before it differentiates anything."""
    for event in attempt.events():
        if is_of(event, "clear", "generator"):
            return True
        if text(event, "event") == "backward":
            return False
    return False


class TargetsAre(StepCheck):
    """The targets of the discriminator's loss."""

    real: float = 1.0
    fake: float = 0.0


@CHECKS.register(TargetsAre)
def targets_are(evidence: Evidence, params: TargetsAre, context: Context) -> Finding:
    """The discriminator's update is that of a loss with these targets for real images and for fakes."""

    def judge(attempt: Attempt) -> Finding | None:
        fits = [fit for _, fit in discriminator_fits(attempt)]
        if not fits:
            return None
        about = about_step(attempt, f"targets {params.real:g} (real) and {params.fake:g} (fake)")
        halves = [half for fit in fits if fit is not None for half in (fit.real, fit.fake)]
        if None in fits or not halves:
            return _unfitted_targets(attempt, about)
        real = [fit.real.target for fit in fits if fit and fit.real]
        fake = [fit.fake.target for fit in fits if fit and fit.fake]
        if fits[0] is not None and fits[0].family != "bce":
            what = {
                "wasserstein": "a Wasserstein loss, which has no targets",
                "least_squares": "a squared error",
            }
            return failed(
                f"The discriminator's loss of `{attempt.function}` is {what[fits[0].family]}.",
                observed=what[fits[0].family],
                **about,
            )
        return _judge_targets(attempt, real, fake, params, about)

    return best_of_functions(evidence, params, "step of a discriminator", judge)


def _unfitted_targets(attempt: Attempt, about: dict[str, Any]) -> Finding:
    """Return what the recorded loss calls say where the update tells no targets."""
    pairs = [(one.get("low"), one.get("high")) for one in attempt.events() if text(one, "event") == "loss"]
    spread = [
        pair for pair in pairs if all(isinstance(value, float) for value in pair) and pair[0] != pair[1]
    ]
    if spread:
        what = "targets that vary between " + " and ".join(number(float(value or 0.0)) for value in spread[0])
        return failed(f"`{attempt.function}` uses {what}.", observed=what, **about)
    what = "another update"
    return failed(
        f"The discriminator's update in `{attempt.function}` belongs to no loss with targets for real and fake.",
        observed=what,
        **about,
    )


def _judge_targets(
    attempt: Attempt, real: list[float], fake: list[float], params: TargetsAre, about: dict[str, Any]
) -> Finding:
    name = f"`{attempt.function}`"
    observed = "; ".join(
        f"{kind} {number(values[0], 3)}" for kind, values in (("real", real), ("fake", fake)) if values
    )
    right = {
        "real": all(abs(one - params.real) < 0.01 for one in real) and bool(real),
        "fake": all(abs(one - params.fake) < 0.01 for one in fake) and bool(fake),
    }
    about["observed"] = observed
    if all(right.values()):
        return judged(
            1.0,
            message=f"{name} trains the discriminator on the right targets.",
            notes=notes_of(attempt),
            **about,
        )
    if not real or not fake:
        lacks = "real images" if not real else "fakes"
        return failed(f"The discriminator's loss of {name} sees no {lacks}.", **about)
    if real[0] < fake[0]:
        return failed(f"The labels are exchanged in {name}: real images get {number(real[0], 3)}.", **about)
    if abs(real[0] - 1.0) < 0.01 and params.real != 1.0:
        return failed(
            f"There is no label smoothing in {name}: real images get 1, not {params.real:g}.", **about
        )
    if right["real"] and abs(fake[0] - (1 - params.real)) < 0.01:
        return failed(
            f"{name} smooths both sides: fakes get {number(fake[0], 3)}, not {params.fake:g}.", **about
        )
    return failed(f"{name} trains the discriminator on other targets: {observed}.", **about)


# ------------------------------------------------------------------ clearing


class GradientsAreCleared(StepCheck):
    """The second of two calls."""


@CHECKS.register(GradientsAreCleared)
def gradients_are_cleared(evidence: Evidence, params: GradientsAreCleared, context: Context) -> Finding:
    """A second call from the same weights moves them as the first did: no gradient of the first is left over."""

    def judge(attempt: Attempt) -> Finding | None:
        networks = [of for of in ("discriminator", "generator", "model") if attempt.steps(of)]
        if not networks:
            return None
        about = about_step(attempt, "gradients cleared before every backward pass")
        dirty = [of for of in networks if not _is_clean(attempt, of)]
        if dirty:
            whose = " and ".join("the " + of for of in dirty)
            return failed(
                f"`{attempt.function}` does not clear the gradients of {whose}: those of earlier steps add up "
                "(`zero_grad` before `backward`).",
                observed=f"gradients of {whose} add up",
                **about,
            )
        return judged(1.0, observed="cleared", message=f"`{attempt.function}` clears the gradients.", **about)

    return best_of_functions(evidence, params, "training step", judge)


def _is_clean(attempt: Attempt, of: str) -> bool:
    """Whether the gradients of the second call are those of the first, or those of the second call's own loss."""
    first, second = attempt.events("first"), attempt.events("second")
    if of == "model" and not _norms_are_equal(first, second):
        return False
    pairs = list(zip(attempt.steps(of, "first"), attempt.steps(of, "second"), strict=False))
    if len(pairs) != len(attempt.steps(of, "first")):
        return False
    for one, other in pairs:
        a, b = vector(first[one], f"gradient_{of}"), vector(second[other], f"gradient_{of}")
        if a is None or b is None:
            return False
        if (a.shape == b.shape and np.allclose(a, b, rtol=1e-3, atol=1e-6)) or _is_explained(
            attempt, of, other
        ):
            continue
        return False
    return True


def _norms_are_equal(first: list[Tree], second: list[Tree]) -> bool:
    """Whether what was clipped was as long in both calls: clipped, a gradient that was added up looks like one."""
    before, after = (
        [float(one["norm"]) for one in events if isinstance(one.get("norm"), float)]
        for events in (first, second)
    )
    return len(before) != len(after) or bool(np.allclose(before, after, rtol=1e-3))


def _is_explained(attempt: Attempt, of: str, at: int) -> bool:
    """Whether a step of the second call belongs to a loss on what that call saw (its noise may be new)."""
    if of == "model":
        return False
    fits = (
        discriminator_fits(attempt, "second") if of == "discriminator" else generator_fits(attempt, "second")
    )
    fit = dict(fits).get(at)
    if isinstance(fit, DiscriminatorFit):
        return fit.real is not None and abs(fit.real.weight) <= 1.01
    return isinstance(fit, GeneratorFit) and abs(fit.weight) <= 1.01
