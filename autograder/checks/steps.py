"""Claims about training steps that were made on small networks of ours: what moved, by which loss, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from autograder.checks.calls import successes, unanswered
from autograder.checks.findings import CheckParams, Context, Finding, failed, judged, number, untried
from autograder.checks.trees import Tree, branch, items, text, tree_of, vector
from autograder.probes.evidence import Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey
from autograder.stats.updates import (
    DiscriminatorFit,
    GeneratorFit,
    LanguageFit,
    fit_discriminator,
    fit_generator,
    fit_language,
    language_gradients,
)

Array = np.ndarray
SAME = 1e-5
MAX_ROWS = 256


@dataclass(frozen=True)
class Attempt:
    """One function's two calls on networks that give logits, or probabilities."""

    function: str
    values: Mapping[str, Any]
    tree: Tree
    second_networks: bool = False

    @property
    def on_probabilities(self) -> bool:
        """Whether the discriminator gave probabilities."""
        return text(self.tree, "wears").startswith("sigmoid")

    def events(self, which: str = "first") -> list[Tree]:
        """The events of a call, in order."""
        return items(self.tree, which)

    def steps(self, of: str, which: str = "first") -> list[int]:
        """Positions of the steps of an optimizer."""
        return [at for at, one in enumerate(self.events(which)) if _is(one, "step", of)]


def _is(event: Tree, kind: str, of: str) -> bool:
    return text(event, "event") == kind and text(event, "of") == of


def attempts_in(evidence: Evidence, challenge: str) -> list[Attempt]:
    """Return every function's calls, under each convention that it accepts."""
    found = []
    for answer, values in successes(evidence.called[challenge]):
        tree = tree_of(answer)
        found += [Attempt(answer.function, values, branch(tree, key)) for key in sorted(tree, key=str)]
    return [one for one in found if one.tree]


class StepCheck(CheckParams):
    """A training step of an adversarial pair."""

    challenge: ChallengeKey
    family: Literal["any", "cross_entropy", "wasserstein"] = "any"
    """Whose losses are meant in a notebook that trains by both: functions that move by the other's are left out, and of
    several that move the same networks the best counts, since one may go wrong on purpose."""


OWN = {"discriminator": (True, False), "critic": (True, False), "generator": (False, True)}
"""Which of the two networks is moved by a function that makes the step of one."""


def best_of_functions(
    evidence: Evidence, params: StepCheck, what: str, judge: Callable[[Attempt], Finding | None]
) -> Finding:
    """Return the worst finding of the functions, each by its likeliest attempt.

    Where a family is meant: of functions that move the same networks the best counts; and of one network's update
    speaks the function that moves no other, where there is one.
    """
    attempts = likeliest_attempts(evidence, params.challenge)
    if params.family == "any":
        found = [finding for one in attempts if (finding := judge(one)) is not None]
        if not found:
            return _nothing_found(evidence, params, what, bool(attempts))
        return min(found, key=lambda one: one.fraction)
    known = [one for one in attempts if params.family in families_of(one)]
    unknown = [one for one in attempts if not families_of(one)]
    names = {name.casefold() for name in evidence.part.challenges[params.challenge].names}
    # What bears the very name is meant, whatever it moves by.
    named = [one for one in attempts if one.function.rpartition(".")[2].casefold() in names]
    for meant in (known, unknown, named):
        best: dict[tuple[bool, ...], Finding] = {}
        for one in meant:
            moved = tuple(bool(one.steps(network)) for network in ("discriminator", "generator"))
            finding = judge(one)
            if finding is not None and (moved not in best or finding.fraction > best[moved].fraction):
                best[moved] = finding
        if (own := OWN.get(str(getattr(params, "of", "")))) in best:
            return best[own]
        if best:
            return min(best.values(), key=lambda one: one.fraction)
    return _nothing_found(evidence, params, what, bool(attempts))


def _nothing_found(evidence: Evidence, params: StepCheck, what: str, has_attempts: bool) -> Finding:
    if has_attempts:
        return untried(f"The function that was found makes no {what}.")
    return unanswered(evidence.called[params.challenge], what)


def likeliest_attempts(evidence: Evidence, challenge: str) -> list[Attempt]:
    """Return the likeliest attempt of every function.

    A convention that the function does not mean runs too, and gives updates that belong to no loss, or to one by about:
    where logits hardly differ, any smooth function of them is nearly a straight line.
    """
    attempts = attempts_in(evidence, challenge)
    names = dict.fromkeys(one.function for one in attempts)
    return [max((one for one in attempts if one.function == name), key=_explained) for name in names]


def families_of(attempt: Attempt) -> set[str]:
    """Return the families of losses that the networks of an attempt moved by."""
    words = [fit.family for _, fit in discriminator_fits(attempt) if fit is not None]
    words += [fit.kind for _, fit in generator_fits(attempt) if fit is not None]
    known = {"bce": "cross_entropy", "wasserstein": "wasserstein", "least_squares": ""}
    return {known.get(word, "cross_entropy") for word in words} - {""}


def _explained(attempt: Attempt) -> tuple[int, float]:
    """How many steps of an attempt are the gradient of a loss that we know, and how well, larger being better."""
    if "real" not in attempt.values:
        return sum(fit is not None for fit in language_fits(attempt, None)), 0.0
    fits = [fit for _, fit in (*discriminator_fits(attempt), *generator_fits(attempt)) if fit is not None]
    return len(fits), -max((fit.misfit for fit in fits), default=0.0)


# ------------------------------------------------------------------ reading a call


def _batches(attempt: Attempt, events: list[Tree]) -> list[tuple[Array, bool]]:
    """Return the images that the discriminator was shown, and whether they are the real ones; mixed ones apart."""
    real = np.asarray(attempt.values["real"], dtype=float)
    known = np.concatenate([real, 2 * real - 1])  # a step may bring images from [0, 1] to [-1, 1] itself
    found: list[tuple[Array, bool]] = []
    for event in events:
        images = vector(event, "images") if text(event, "event") == "discriminator" else None
        if images is None or images.ndim != 2 or images.shape[1] != real.shape[1] or len(images) > MAX_ROWS:
            continue
        is_real = np.array([bool(np.any(np.all(np.abs(known - row) < 1e-4, axis=1))) for row in images])
        parts = [(images[is_real == kind], kind) for kind in (True, False)]
        found += [part for part in parts if len(part[0])]
    distinct: list[tuple[Array, bool]] = []
    for images, kind in found:
        if not any(
            kind == other and images.shape == x.shape and np.allclose(images, x) for x, other in distinct
        ):
            distinct.append((images, kind))
    return distinct


def _sized(attempt: Attempt, event: Tree, what: str, of: str) -> Array | None:
    """Return the recorded vector of a network, where it has the network's length."""
    n = np.shape(attempt.values["real"])[1]
    found = vector(event, f"{what}_{of}")
    return (
        found
        if found is not None and found.shape == ({"discriminator": n + 1, "generator": 3 * n}[of],)
        else None
    )


def discriminator_fits(
    attempt: Attempt, which: str = "first"
) -> Iterator[tuple[int, DiscriminatorFit | None]]:
    """Yield position and loss of every step of the discriminator."""
    events = attempt.events(which)
    for at in attempt.steps("discriminator", which):
        gradient = _sized(attempt, events[at], "gradient", "discriminator")
        before = _sized(attempt, events[at], "before", "discriminator")
        is_whole = gradient is not None and before is not None
        batches = _batches(attempt, events[:at])
        yield at, fit_discriminator(gradient, before, batches) if is_whole else None  # type: ignore[arg-type]


def generator_fits(attempt: Attempt, which: str = "first") -> Iterator[tuple[int, GeneratorFit | None]]:
    """Yield position and loss of every step of the generator."""
    events = attempt.events(which)
    for at in attempt.steps("generator", which):
        gradient = _sized(attempt, events[at], "gradient", "generator")
        before = _sized(attempt, events[at], "before", "generator")
        passes = [vector(one, "noise") for one in events[:at] if text(one, "event") == "generator"]
        noises = [
            z for z in passes if z is not None and z.ndim == 2 and z.shape[1] == 2 and 0 < len(z) <= MAX_ROWS
        ][::-1]
        states = [_sized(attempt, one, "before", "discriminator") for one in events[: at + 1]]
        distinct = {w.tobytes(): w for w in states if w is not None}
        weights = list(distinct.values())[::-1]
        is_whole = gradient is not None and before is not None
        yield at, fit_generator(gradient, before, noises, weights) if is_whole else None  # type: ignore[arg-type]


def about_step(attempt: Attempt, expected: str) -> dict[str, Any]:
    return {"expected": expected, "found": (Found(how="call", path=attempt.function),)}


def _notes(attempt: Attempt) -> tuple[str, ...]:
    if attempt.on_probabilities:
        return (f"`{attempt.function}` expects a discriminator that gives probabilities, not logits.",)
    return ()


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
            before = _sized(attempt, events[at], "before", "discriminator")
            later = branch(events[at + 1]) if at + 1 < len(events) else {}
            after = _sized(attempt, later, "after", "discriminator")
            if before is not None and after is not None and not np.allclose(before, after, atol=SAME):
                message = f"In {name} the step of the generator changes the discriminator as well."
                return failed(message, observed="the discriminator moves", **about)
        return judged(
            1.0,
            observed="the generator alone moves",
            message=f"In {name} the generator's step leaves the discriminator as it was.",
            notes=_notes(attempt),
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
        notes = list(_notes(attempt))
        for at in steps:
            earlier = [one for one in attempt.steps("generator") if one < at]
            own = [_sized(attempt, events[one], "gradient", "generator") for one in earlier]
            leaked = _sized(attempt, events[at], "gradient", "generator")
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
        if _is(event, "clear", "generator"):
            return True
        if _is(event, "step", "generator") or text(event, "event") == "backward":
            return False
    return True


def _is_used_elsewhere(evidence: Evidence, params: StepCheck, attempt: Attempt) -> bool:
    """Whether a gradient that one function leaves in the generator is in the step that another one makes with it."""
    if attempt.steps("generator") or any(_is(one, "clear", "generator") for one in attempt.events()):
        return False
    moving = [one for one in likeliest_attempts(evidence, params.challenge) if one.steps("generator")]
    if params.family != "any":
        moving = [one for one in moving if params.family in families_of(one)]
    return bool(moving) and not any(_clears_first(one) for one in moving)


def _clears_first(attempt: Attempt) -> bool:
    """Whether a function clears the generator's gradients before it differentiates anything."""
    for event in attempt.events():
        if _is(event, "clear", "generator"):
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
            notes=_notes(attempt),
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
    notes = list(_notes(attempt))
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
        notes=_notes(attempt),
        **about,
    )


# ------------------------------------------------------------------ language models


LANGUAGE_MISTAKES = {
    "copies": "the targets are the tokens that the model is shown: it learns to copy, not to predict the next",
    "shifted_again": "the targets are shifted once more: the model learns the token after the next",
    "double_softmax": "a softmax comes before the cross-entropy, which has one already",
    "last_only": "only the last position counts; every position predicts its next token",
}


def language_fits(attempt: Attempt, max_norm: float | None) -> list[LanguageFit | None]:
    """Return the loss of every step of a language model."""
    values, events = attempt.values, attempt.events()
    size = attempt.tree.get("vocab_size")
    if not isinstance(size, int) or not 10 <= size <= 2000 or "inputs" not in values:
        return []
    truths = language_gradients(values["inputs"], values["targets"], values["phase"], values["gain"], size)
    n_rows, length = np.shape(values["inputs"])
    found: list[LanguageFit | None] = []
    for at in attempt.steps("model"):
        g = vector(events[at], "gradient_model")
        is_whole = g is not None and g.shape == (size**2,)
        found.append(
            fit_language(g, truths, n_rows * length, n_rows, max_norm) if g is not None and is_whole else None
        )
    return found


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
