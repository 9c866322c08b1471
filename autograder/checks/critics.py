"""Claims about critics (Arjovsky et al. 2017) and about which of several networks is trained how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from autograder.checks.attempts import (
    Attempt,
    StepCheck,
    about_step,
    best_of_functions,
    discriminator_fits,
    generator_fits,
    likeliest_attempts,
)
from autograder.checks.behaviours import OfModule, output_values
from autograder.checks.findings import CheckParams, Context, Finding, failed, judged, number, untried
from autograder.checks.image_training import not_trained, steps_of
from autograder.checks.networks import judge_modules, modules_in
from autograder.checks.training import seen_in
from autograder.checks.trees import vector
from autograder.probes.evidence import Evidence
from autograder.probes.modules import ModuleSeen
from autograder.probes.training import TrainingSeen
from autograder.records import Found
from autograder.registry import CHECKS

BOUNDED = ("tanh", "sigmoid", "hardtanh")
AT_LIMIT = 0.5
"""Share of the updates before which the largest weight is the same one: that of clipped weights."""


# ------------------------------------------------------------------ the loss


class UpdateIsWasserstein(StepCheck):
    """The update of a critic or of its generator."""

    family: Literal["any", "cross_entropy", "wasserstein"] = "wasserstein"
    of: Literal["critic", "generator"]


@CHECKS.register(UpdateIsWasserstein)
def update_is_wasserstein(evidence: Evidence, params: UpdateIsWasserstein, context: Context) -> Finding:
    """The weights move by the gradient of the means of the critic, with the right sign.

    Both signs exchanged, in the critic and in its generator, are the same training, and are accepted.
    """
    attempts = likeliest_attempts(evidence, params.challenge)
    is_turned = _signs(attempts, "critic") == {-1} and _signs(attempts, "generator") == {-1}

    def judge(attempt: Attempt) -> Finding | None:
        one = _judge_critic if params.of == "critic" else _judge_generator
        return one(attempt, is_turned)

    return best_of_functions(evidence, params, f"step of a {params.of}", judge)


def _signs(attempts: Sequence[Attempt], of: str) -> set[int]:
    """Return the signs with which networks were moved: 1 where high scores mean real."""
    weights: list[float] = []
    for attempt in attempts:
        if of == "critic":
            fits = [fit for _, fit in discriminator_fits(attempt) if fit and fit.family == "wasserstein"]
            weights += [
                half.weight * sign for fit in fits for half, sign in ((fit.real, 1), (fit.fake, -1)) if half
            ]
        else:
            weights += [fit.weight for _, fit in generator_fits(attempt) if fit and fit.kind == "wasserstein"]
    return {1 if weight > 0 else -1 for weight in weights}


_TURNED = (
    "The critic scores fakes higher than real points, and the generator lowers its scores: the same training."
)


def _judge_critic(attempt: Attempt, is_turned: bool) -> Finding | None:
    fits = [fit for _, fit in discriminator_fits(attempt)]
    if not fits:
        return None
    name = f"`{attempt.function}`"
    about = about_step(attempt, "the gradient of E[C(fake)] − E[C(real)]")
    for fit in fits:
        if fit is None:
            message = f"The critic's update in {name} is not the gradient of E[C(fake)] − E[C(real)]."
            return failed(message, observed="another update", **about)
        if fit.family != "wasserstein":
            what = {"bce": "a cross-entropy", "least_squares": "a squared error"}[fit.family]
            return failed(f"{name} trains the critic by {what}, not by its means.", observed=what, **about)
    real, fake = (
        next((fit.real for fit in fits if fit and fit.real), None),
        next((fit.fake for fit in fits if fit and fit.fake), None),
    )
    if real is None or fake is None:
        lacks = "real points" if real is None else "fakes"
        return failed(f"The critic's loss in {name} sees no {lacks}.", observed=f"no {lacks}", **about)
    if real.weight * fake.weight > 0:
        message = f"{name} adds the means of real points and of fakes; the critic's loss is their difference."
        return failed(message, observed="the sum of both means", **about)
    if abs(real.weight + fake.weight) > 0.02 * abs(real.weight):
        message = (
            f"{name} weighs real points {number(abs(real.weight / fake.weight), 3)} times as much as fakes."
        )
        return failed(message, observed="unequal means", **about)
    if real.weight < 0 and not is_turned:
        message = f"The sign of the critic's loss is wrong in {name}: it learns to score fakes higher than real points."
        return failed(message, observed="the wrong sign", **about)
    message = f"{name} moves the critic by the difference of its means."
    notes = (_TURNED,) if real.weight < 0 else ()
    return judged(1.0, observed="the difference of the means", message=message, notes=notes, **about)


def _judge_generator(attempt: Attempt, is_turned: bool) -> Finding | None:
    fits = list(generator_fits(attempt))
    if not fits:
        return None
    name = f"`{attempt.function}`"
    about = about_step(attempt, "the gradient of −E[C(fake)]")
    events = attempt.events()
    for at, fit in fits:
        gradient = vector(events[at], "gradient_generator")
        if gradient is not None and not gradient.any():
            message = f"No gradient reaches the generator in {name}: the fakes of its own loss are detached."
            return failed(message, observed="no gradient", **about)
        if fit is None:
            message = f"The generator's update in {name} is not the gradient of −E[C(fake)]."
            return failed(message, observed="another update", **about)
        if fit.kind != "wasserstein":
            message = f"{name} trains the generator by a cross-entropy, not by the critic's mean."
            return failed(message, observed="a cross-entropy", **about)
        if fit.weight < 0 and not is_turned:
            message = f"The sign of the generator's loss is wrong in {name}: its samples flee what the critic calls real."
            return failed(message, observed="the wrong sign", **about)
    message = f"{name} moves the generator by the critic's mean."
    return judged(
        1.0, observed="the critic's mean", message=message, notes=(_TURNED,) if is_turned else (), **about
    )


# ------------------------------------------------------------------ how it is trained


class WeightsAreClipped(CheckParams):
    """Weights that are clipped after every update."""

    limit: float = Field(gt=0)
    """The sheet's limit; any other that holds weights is accepted."""


@CHECKS.register(WeightsAreClipped)
def weights_are_clipped(evidence: Evidence, params: WeightsAreClipped, context: Context) -> Finding:
    """Some network is trained whose weights lie within one limit before each update, from the second on."""
    expected = f"weights in [−{params.limit:g}, {params.limit:g}] after every update"
    steps = steps_of(evidence, context.item)
    if not steps:
        return not_trained(evidence, context.item, expected)
    clipped = [one for one in steps if is_clipped(one, params.limit)]
    if clipped:
        limit = number(float(clipped[0].settings["largest_weight"]), 3)
        message = f"The critic's weights are clipped to {limit} after every update."
        return judged(1.0, observed=f"weights up to {limit}", expected=expected, message=message)
    largest = [one.settings.get("largest_weight") for one in steps]
    known = [value for value in largest if isinstance(value, float)]
    if not known:
        return untried("No training of more than one update was seen.")
    observed = f"weights up to {number(min(known), 3)}"
    return failed(
        "No network is trained with weights that are clipped after each of its updates.",
        observed=observed,
        expected=expected,
    )


def is_clipped(step: TrainingSeen, limit: float) -> bool:
    """Whether the weights of an optimizer stay within a limit that some of them are always at."""
    largest, seen, at = (
        step.settings.get(key) for key in ("largest_weight", "weights_looked_at", "at_largest")
    )
    if not isinstance(largest, float) or not isinstance(seen, int) or not isinstance(at, int):
        return False
    return at >= max(2, AT_LIMIT * seen) and largest <= 10 * limit


class UpdatesMoreOften(CheckParams):
    """A critic that makes several updates for each of its generator."""

    ratio: float = Field(gt=1)
    """The sheet's number of updates; two or more are accepted."""
    limit: float = Field(gt=0)
    """The limit of the critic's weights, by which its optimizer is known."""


@CHECKS.register(UpdatesMoreOften)
def updates_more_often(evidence: Evidence, params: UpdatesMoreOften, context: Context) -> Finding:
    """The critic's optimizer makes several updates for each update of the optimizer that was made beside it."""
    expected = f"{params.ratio:g} updates of the critic for one of the generator"
    steps = steps_of(evidence, context.item)
    if not steps:
        return not_trained(evidence, context.item, expected)
    n: Counter[int] = Counter()
    for one in steps:
        n[_number_of(one)] += one.n
    clipped = {_number_of(one) for one in steps if is_clipped(one, params.limit)}
    pairs = [(a, b) for a in n for b in n if abs(a - b) == 1 and (a in clipped or not clipped)]
    if not pairs:
        return untried("Which optimizers belong to the critic and to its generator could not be seen.")
    found = max(n[a] / n[b] for a, b in pairs)
    observed = f"{number(found, 3)} updates for one"
    about: dict[str, Any] = {"observed": observed, "expected": expected}
    if found >= 1.9:
        return judged(1.0, message=f"The critic makes {observed} of the generator.", **about)
    return failed(f"The critic makes {observed} of the generator: it cannot follow.", **about)


def _number_of(one: TrainingSeen) -> int:
    value = one.settings.get("number")
    return value if isinstance(value, int) else -1


class TrainsAgain(CheckParams):
    """A further training in the item's own section."""

    n: int = Field(ge=1)
    """Optimizers that make updates in the whole notebook, where no section tells them apart."""
    n_min: int = Field(default=10, ge=1)
    """Updates of each."""


@CHECKS.register(TrainsAgain)
def trains_again(evidence: Evidence, params: TrainsAgain, context: Context) -> Finding:
    """Networks are trained once more: in the item's own section, or by further optimizers."""
    every = [one for one in evidence.observations.training if one.kind == "step"]
    own = {cell.index for cell in evidence.cells_of(context.item)}
    here = sum(one.n for one in every if one.cell in own)
    counts: Counter[int] = Counter()
    for one in every:
        counts[_number_of(one)] += one.n
    n = sum(count >= params.n_min for count in counts.values())
    about: dict[str, Any] = {"observed": f"{n} networks are trained", "expected": "a further training"}
    if here >= params.n_min or n >= params.n:
        return judged(1.0, message="Networks are trained once more.", **about)
    if not every:
        return not_trained(evidence, context.item, "a further training")
    return failed(
        "No further training was seen: the other run has to be made, not told.", missing=True, **about
    )


# ------------------------------------------------------------------ what it gives


class GivesPoints(OfModule):
    """Points of a space."""

    size: int = Field(default=2, ge=1)
    """Numbers of a point."""


@CHECKS.register(GivesPoints)
def gives_points(evidence: Evidence, params: GivesPoints, context: Context) -> Finding:
    """A generator gives points, and nothing at its end bounds them to [-1, 1]."""
    expected = f"{params.size} numbers for each noise vector"

    def judge(module: ModuleSeen) -> Finding:
        about: dict[str, Any] = {"expected": expected, "found": (Found(how="call", path=module.name),)}
        own = module.run("own")
        sizes = {a.size // len(a) for _, a in (module.outputs(own) if own is not None else []) if len(a)}
        if own is None or not sizes:
            return untried(f"`{module.name}` could not be run.")
        if params.size not in sizes:
            observed = f"{max(sizes)} numbers for each noise vector"
            return failed(f"`{module.name}` gives {observed}.", observed=observed, **about)
        values = output_values(module, params.size)
        last = str(own.trace[-1].get("op", "")) if own.trace else ""
        if last in BOUNDED and values is not None and float(abs(values).max()) <= 1.0:
            message = (
                f"`{module.name}` ends in {last}: no point beyond [−1, 1] can be reached, where data are."
            )
            return failed(message, observed=f"{last} at the end", **about)
        return judged(1.0, observed=expected, message=f"`{module.name}` gives points.", **about)

    return judge_modules(evidence, params.challenge, "the generator", judge, params.named_alone)


class ScoresFitLoss(OfModule):
    """The range of a discriminator's numbers."""


@CHECKS.register(ScoresFitLoss)
def scores_fit_loss(evidence: Evidence, params: ScoresFitLoss, context: Context) -> Finding:
    """The discriminator gives what its loss takes: no probabilities where the loss applies a sigmoid itself."""
    modules = modules_in(evidence, params.challenge)
    working = [module for module in modules if any(run.status == "ok" for run in module.record.runs)]
    if not working:
        return untried("No discriminator was found that could be run.")
    values = output_values(working[0], 1)
    if values is None:
        return untried(f"`{working[0].name}` gave no number for each point.")
    low, high = float(values.min()), float(values.max())
    about: dict[str, Any] = {
        "observed": f"{number(low)} to {number(high)}",
        "expected": "logits for a loss of logits",
        "found": (Found(how="call", path=working[0].name),),
    }
    losses = {one.name for one in seen_in(evidence, context.item, "loss")}
    is_twice = "binary_cross_entropy_with_logits" in losses and "binary_cross_entropy" not in losses
    if low >= 0.0 and high <= 1.0 and is_twice:
        message = f"`{working[0].name}` gives probabilities, and the loss applies a sigmoid once more."
        return failed(message, **about)
    return judged(1.0, message=f"`{working[0].name}` gives what its loss takes.", **about)
