"""Claims about the training of a diffusion model: its schedule, the noise it adds, what its network learns.

Most is judged by what the network was shown and gave in the notebook's own training (:mod:`autograder.probes.denoisers`), so
that no name and no form of the code matters.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from autograder.checks.calls import successes
from autograder.checks.figures import nothing_drawn
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    FormCheckParams,
    failed,
    for_person,
    judged,
    number,
    untried,
)
from autograder.checks.noisings import (
    PAPER,
    Noising,
    ScheduleParams,
    explain_noising,
    fault_of_noising,
    is_along,
    known_schedules,
    n_steps_in,
    own_alpha_bars,
    own_betas,
    training_seen,
    tried_noising,
)
from autograder.checks.reverse_steps import chain_seen, explain_steps
from autograder.checks.values import where
from autograder.probes.denoisers import CallsSeen
from autograder.probes.evidence import Evidence
from autograder.probes.observations import FigureSeen
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey, OptionalEvidenceKey
from autograder.stats.diffusion import Array, cosine_betas, linear_betas, schedule_of

SAME = 1e-3
N_FIFTHS = 5
LEAST_SHARE = 0.04
"""Smallest share of the training times in each fifth of the steps; a fifth is expected."""


class NoiseScheduleIs(ScheduleParams):
    """Variances, or their cumulative product."""

    of: Literal["betas", "alpha_bars"]


@CHECKS.register(NoiseScheduleIs)
def noise_schedule_is(evidence: Evidence, params: NoiseScheduleIs, context: Context) -> Finding:
    """The variances are the sheet's or a cosine schedule's; or ᾱ is the cumulative product of 1 − β, whatever β is."""
    key = params.betas if params.of == "betas" else params.alpha_bars
    betas, bars = own_betas(evidence, params), own_alpha_bars(evidence, params)
    linear, cosine = linear_betas(params.n_steps, params.first, params.last), cosine_betas(params.n_steps)
    if params.of == "betas":
        values = betas if betas is not None else (None if bars is None else 1 - bars / _shifted(bars))
        if values is None:
            return _used_schedule(evidence, params, context) or untried(
                "No array of the variances of the steps was found."
            )
        about = _about(
            evidence, key, values, f"{params.n_steps} values from {params.first:g} to {params.last:g}"
        )
        if _is_like(values, linear):
            return judged(
                1.0, message=f"β rises in equal steps from {params.first:g} to {params.last:g}.", **about
            )
        if _is_like(values, linear_betas(*PAPER)):
            notes = ("The paper's schedule of 1,000 steps is accepted.",)
            return judged(1.0, message="β is the paper's linear schedule.", notes=notes, **about)
        cosine = cosine_betas(len(values))
        if np.allclose(values[:-1], cosine[:-1], rtol=0.02, atol=2e-4):
            return judged(
                1.0,
                message="β is that of a cosine schedule.",
                notes=("A cosine schedule is accepted.",),
                **about,
            )
        return failed(
            f"β is no linear schedule from {params.first:g} to {params.last:g}{_why(values, linear)}.",
            **about,
        )
    if bars is None:
        return _used_schedule(evidence, params, context) or untried("No array of ᾱ was found.")
    about = _about(evidence, key, bars, "the cumulative product of 1 − β")
    for own in (betas, linear, cosine):
        right = schedule_of(own, "").alpha_bars if own is not None else None
        if right is not None and (_is_like(bars, right) or _is_like(bars, np.sqrt(right))):
            return judged(1.0, message="ᾱ is the cumulative product of 1 − β.", **about)
    base = betas if betas is not None else linear
    wrong: dict[str, Array] = {
        "it is the product of β": np.asarray(np.cumprod(base), np.float64),
        "it is 1 − β itself, not the product": 1 - base,
        "it is a sum": np.asarray(np.cumsum(1 - base), np.float64),
        "it is 1 minus the sum of β": 1 - np.asarray(np.cumsum(base), np.float64),
        "it is 1 − ᾱ": 1 - schedule_of(base, "").alpha_bars,
    }
    cause = next((f": {name}" for name, other in wrong.items() if _is_like(bars, other)), "")
    return failed(f"ᾱ is not the cumulative product of 1 − β{cause}.", **about)


def _used_schedule(evidence: Evidence, params: NoiseScheduleIs, context: Context) -> Finding | None:
    """Return that an accepted schedule is used where no array of it was found, by points of the training or of a chain."""
    schedules = known_schedules(evidence, params)
    chain = chain_seen(evidence, n_steps_in(evidence, params))
    seen = training_seen(evidence)
    is_used = (
        any(explain_noising(evidence, calls, schedules) is not None for calls in seen)
        or (
            chain is not None
            and chain.is_finite
            and explain_steps(chain, schedules, context.rate) is not None
        )
        or any(
            fault_of_noising(evidence, calls, schedules) for calls in seen
        )  # another mistake, with these numbers
    )
    message = "The schedule is that of the points in training or in sampling; no array of it was found."
    return judged(1.0, message=message) if is_used else None


def _about(evidence: Evidence, key: str | None, values: Array, expected: str) -> dict[str, Any]:
    shown = f"{len(values)} values from {number(float(values[0]))} to {number(float(values[-1]))}"
    found = where(evidence, key) if key is not None and evidence.has(key) else ()
    return {"observed": shown, "expected": expected, "found": found}


def _is_like(values: Array, right: Array) -> bool:
    return len(values) == len(right) and bool(np.allclose(values, right, rtol=SAME, atol=1e-6))


def _shifted(bars: Array) -> Array:
    return np.concatenate([[1.0], bars[:-1]])


def _why(values: Array, linear: Array) -> str:
    if len(values) != len(linear):
        return f": it has {len(values)} values"
    if _is_like(values[::-1], linear):
        return ": it falls"
    if bool(np.allclose(values, values[0])):
        return ": it is constant"
    root = np.linspace(np.sqrt(linear[0]), np.sqrt(linear[-1]), len(linear)) ** 2
    return ": its root rises in equal steps" if _is_like(values, root) else ""


class NoisingFollows(ScheduleParams):
    """What noised points are made of."""

    challenge: ChallengeKey
    """Mode `noising`: a function that noises, for notebooks whose training shows nothing."""


@CHECKS.register(NoisingFollows)
def noising_follows(evidence: Evidence, params: NoisingFollows, context: Context) -> Finding:
    """Noised points are √ᾱ·x₀ + √(1 − ᾱ)·ε with points of the data: those of the training, or a function's."""
    expected = "x_t = √ᾱ·x₀ + √(1 − ᾱ)·ε"
    seen = training_seen(evidence)
    schedules = known_schedules(evidence, params)
    for one in seen:
        noising = explain_noising(evidence, one, schedules)
        if noising is not None and not noising.is_normal:
            return failed("The noise that is added is not standard normal.", expected=expected)
        if noising is not None:
            return judged(
                1.0,
                observed=f"{noising.share:.0%} of {noising.n} points",
                expected=expected,
                message="The points that the network was trained on are √ᾱ·x₀ + √(1 − ᾱ)·ε.",
            )
    faults = [name for one in seen if (name := fault_of_noising(evidence, one, schedules))]
    if faults:
        return failed(f"The noised points are wrong: {faults[0]}.", expected=expected)
    tried = tried_noising(evidence.called[params.challenge], schedules)
    if tried is not None and not tried[1]:
        return judged(1.0, message=f"`{tried[0]}` gives √ᾱ·x₀ + √(1 − ᾱ)·ε.", expected=expected)
    if tried is not None:
        return failed(f"`{tried[0]}` gives other points: {tried[1]}.", expected=expected)
    if seen:
        message = "No data was found that the points of the training could come from; a person looks at the noising."
        return for_person(message, expected=expected)
    return untried("Neither a training that shows noised points nor a function that noises was found.")


class TrainsTowardsNoise(ScheduleParams):
    """What the network's answer is compared with in training."""


@CHECKS.register(TrainsTowardsNoise)
def trains_towards_noise(evidence: Evidence, params: TrainsTowardsNoise, context: Context) -> Finding:
    """The loss compares the network's answer with the noise that was added: its gradient is along their difference."""
    seen = training_seen(evidence)
    if not seen:
        return untried("No training of a network that takes noised points and times was seen.")
    schedules = known_schedules(evidence, params)
    expected = "the mean squared difference from the noise"
    for one in seen:
        noising = explain_noising(evidence, one, schedules)
        form = _loss_form(one, noising)
        if not form and noising is not None and noising.is_implied:
            form = "squared"
        if form:
            notes = (f"The loss is {_FORMS[form]}; that is accepted.",) if form != "squared" else ()
            return judged(
                1.0, message="The network is trained to predict the noise.", expected=expected, notes=notes
            )
    noising = next(
        (known for calls in seen if (known := explain_noising(evidence, calls, schedules)) is not None), None
    )
    if noising is None and not any(np.isfinite(calls.drawn).any() for calls in seen):
        return untried("The noise of the training could not be seen.")
    return failed(
        f"The network is not trained to predict the noise: {_other_target(seen[0], noising)}.",
        expected=expected,
    )


_FORMS = {
    "absolute": "the absolute difference",
    "huber": "Huber's, which is absolute for large differences",
    "weighted": "weighted by the time",
}


def _loss_form(calls: CallsSeen, noising: Noising | None) -> str:
    """Return how the gradient hangs together with the difference from the noise that was added; "" where it does not.

    Where it is not known which of the noise that was drawn was added, each may be meant.
    """
    forms = []
    for k in range(len(calls)):
        rows = np.isfinite(calls.gradient[k]).all(axis=1) & np.isfinite(calls.x[k]).all(axis=1)
        if not rows.any() or (noising is not None and k >= len(noising.noises)):
            continue
        noises = calls.drawn[k] if noising is None else [noising.noises[k]]
        gradient, out = calls.gradient[k][rows], calls.out[k][rows]
        known = [noise[rows] for noise in noises if np.isfinite(noise[rows]).all()]
        forms.append(next((form for noise in known if (form := _form(gradient, out - noise))), ""))
    found = [form for form in forms if form]
    return max(found, key=found.count) if len(found) >= 0.9 * max(len(forms), 1) else ""


def _form(gradient: Array, difference: Array) -> str:
    candidates = {
        "squared": difference,
        "absolute": np.sign(difference),
        "huber": np.clip(difference, -1.0, 1.0),
    }
    for form, direction in candidates.items():
        if is_along(gradient, direction):
            return form
    rows = np.linalg.norm(difference, axis=1) > 1e-4
    scales = np.sum(gradient * difference, axis=1) / np.maximum(np.sum(difference**2, axis=1), 1e-12)
    is_rowwise = np.allclose(gradient[rows], (scales[:, None] * difference)[rows], rtol=0.02, atol=1e-7)
    return "weighted" if is_rowwise and np.all(scales[rows] > 0) and rows.sum() > 4 else ""


def _other_target(calls: CallsSeen, noising: Noising | None) -> str:
    for k in range(len(calls)):
        rows = np.isfinite(calls.gradient[k]).all(axis=1) & np.isfinite(calls.x[k]).all(axis=1)
        if not rows.any():
            continue
        gradient, out, x = calls.gradient[k][rows], calls.out[k][rows], calls.x[k][rows]
        for noise in calls.drawn[k]:
            if np.isfinite(noise[rows]).all():
                if is_along(gradient, -(out - noise[rows])):
                    return "its loss rises where the noise is predicted better"
                if is_along(gradient, out + noise[rows]):
                    return "its target is the noise with the other sign"
                if is_along(gradient, out - noise[rows]):
                    return "its target is other noise than that which was added"
        if is_along(gradient, out - x):
            return "its target is the noised point"
        if is_along(gradient, out):
            return "its target is 0"
        if noising is not None and k < len(noising.points):
            points, steps = noising.points[k], noising.steps[k]
            known = steps >= 0
            full = np.flatnonzero(rows)
            at = [place for place, row in enumerate(full) if row < len(known) and known[row]]
            if at and is_along(gradient[at], out[at] - points[full[at]]):
                return "its target is the clean point x₀"
    return "its target is something else"


class TimesCoverSchedule(ScheduleParams):
    """Times that the network is told in training."""


@CHECKS.register(TimesCoverSchedule)
def times_cover_schedule(evidence: Evidence, params: TimesCoverSchedule, context: Context) -> Finding:
    """In training, times come from the whole schedule, and the network is told the time by which its points were noised."""
    n_steps = n_steps_in(evidence, params)
    expected = f"random times from all {n_steps} steps, each told with its own point"
    schedules = known_schedules(evidence, params)
    every = [one for one in evidence.observations.denoisers if one.training is not None and len(one.training)]
    if not every:
        return untried("No training of a network that takes noised points and times was seen.")
    worst = ""
    # A network inside another one is not told the time; what was told is seen at the outer one.
    told_any = any(one.has_times for one in every)
    for one in [one for one in every if one.has_times or not told_any]:
        calls = one.training
        noising = explain_noising(evidence, calls, schedules) if calls is not None else None
        told = one.times[np.isfinite(one.times)]
        steps = (
            np.concatenate([row[row >= 0] for row in noising.steps]) if noising is not None else np.zeros(0)
        )
        if one.has_times and len(told):
            shares = told / n_steps if told.max() > 1.5 else told
        elif len(steps):
            shares = steps / n_steps
        else:
            continue
        counts = np.histogram(np.clip(shares, 0, 1 - 1e-9), bins=N_FIFTHS, range=(0, 1))[0] / len(shares)
        if counts.min() < LEAST_SHARE:
            worst = worst or "times do not come from all parts of the schedule"
        elif noising is not None and one.has_times and not _agrees(calls, noising):
            worst = "the network is told another time than that of its points"
        else:
            return judged(
                1.0,
                message="Times are drawn from the whole schedule and told to the network.",
                expected=expected,
            )
    if not worst:
        return untried("The times that the network was told could not be seen.")
    return failed(f"In training, {worst}.", expected=expected)


def _agrees(calls: CallsSeen | None, noising: Noising) -> bool:
    """Whether the times that were told rise (or fall) with the steps that the points were noised by."""
    told, steps = [], []
    for k, row in enumerate(noising.steps):
        known = (row >= 0) & np.isfinite(calls.t[k][: len(row)]) if calls is not None else row < 0
        steps.append(row[known])
        told.append(calls.t[k][: len(row)][known] if calls is not None else np.zeros(0))
    t, at = np.concatenate(told), np.concatenate(steps)
    if len(at) < 16:
        return True
    order = np.lexsort((t, at))
    rises, slack = np.diff(t[order]), 1e-6
    return max(float(np.mean(rises >= -slack)), float(np.mean(rises <= slack))) >= 0.97


class UsesTimes(CheckParams):
    """Whether the time matters to the trained network."""

    challenge: ChallengeKey
    """Mode `denoiser`."""
    least: float = Field(default=1e-3, gt=0)
    """Smallest difference between times, as a share of the answer's size."""


@CHECKS.register(UsesTimes)
def uses_times(evidence: Evidence, params: UsesTimes, context: Context) -> Finding:
    """The trained network answers differently for the same points at other times."""
    differences = []
    for answer, _ in successes(evidence.called[params.challenge]):
        for leaf in answer.leaves:
            value = leaf.value
            if (
                isinstance(value, np.ndarray)
                and value.ndim == 3
                and len(value) > 1
                and np.isfinite(value).all()
            ):
                spread = float(np.sqrt(np.mean((value - value.mean(axis=0)) ** 2)))
                differences.append(spread / max(float(np.sqrt(np.mean(value**2))), 1e-12))
    if not differences:
        return untried("No network that takes points and times was seen, or its times could not be told.")
    most = max(differences)
    about = {
        "observed": f"a relative difference of {number(most)}",
        "expected": "another answer at another time",
    }
    if most >= params.least:
        return judged(1.0, message="The network's answer depends on the time.", **about)
    return failed(
        "The network gives the same answer at every time: it takes the time and does not use it.", **about
    )


class LossIsDrawn(FormCheckParams):
    """A line of the losses, as they are or smoothed."""

    losses: OptionalEvidenceKey
    n_min: int = Field(default=3, ge=2)


@CHECKS.register(LossIsDrawn)
def loss_is_drawn(evidence: Evidence, params: LossIsDrawn, context: Context) -> Finding:
    """A line over the updates is drawn where the network is trained, or the losses anywhere: all, some, or smoothed."""
    what = "the losses"
    for figure in evidence.figures_of(context.item):
        if any(len(y) >= params.n_min for y in _lines(figure)):
            return judged(1.0, message="The losses are drawn.", expected=what)
    losses = evidence.array(params.losses).reshape(-1) if evidence.has(params.losses) else np.zeros(0)
    for figure in evidence.figures_elsewhere(context.item):
        for y in _lines(figure):
            ends = (
                len(y) >= params.n_min
                and len(losses) > 1
                and np.allclose(y[[0, -1]], losses[[0, -1]], rtol=SAME)
            )
            if ends:
                return judged(1.0, message="The losses are drawn.", expected=what)
    return nothing_drawn(evidence, context.item, what)


def _lines(figure: FigureSeen) -> list[Array]:
    """Return the values of lines that go one way along the horizontal axis: curves, not clouds of points."""
    found = []
    for axes in figure.axes:
        for line in axes.get("lines", []):
            x, y = (np.asarray(line.get(key, []), dtype=np.float64) for key in ("x", "y"))
            if len(x) > 1 and len(x) == len(y) and bool(np.all(np.diff(x) > 0)) and np.isfinite(y).all():
                found.append(y)
    return found
