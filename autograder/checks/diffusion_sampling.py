"""Claims about sampling from a diffusion model: each step back, the whole chain, and what comes out.

The chain is that of the notebook's own sampling, as its network was asked step by step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field
from scipy.stats import chi2, norm

from autograder.checks.calls import successes
from autograder.checks.findings import (
    Context,
    Finding,
    MissingEvidence,
    failed,
    for_person,
    judged,
    number,
    untried,
)
from autograder.checks.noisings import (
    ScheduleParams,
    explain_noising,
    given_by,
    known_schedules,
    n_steps_in,
    training_seen,
)
from autograder.checks.trees import tree_of
from autograder.checks.values import where
from autograder.probes.denoisers import CallsSeen
from autograder.probes.evidence import Called, Evidence
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey, OptionalEvidenceKey
from autograder.stats.diffusion import Array, Schedule, energy_distance

VARIANCES = ("β", "β̃")
CLIPS = (None, 1.0, 2.0, 3.0, 4.0, 5.0)
"""Within what the predicted x_0 is kept, where it is."""
MOST = 0.97
"""Share of the steps that a reading must explain."""
NEAR = 3e-4
MANY_DEVIATIONS = 5.0
MAX_POINTS = 2_000
NONE_LEFT, MOST_LEFT = 0.003, 0.2
"""Deviation from the mean of the last step: of samples that are that mean, and of what can be samples at all."""


@dataclass(frozen=True)
class Chain:
    """The calls of one chain, from the first to the last."""

    calls: CallsSeen
    at: slice

    @property
    def n(self) -> int:
        """How many steps it has."""
        return self.at.stop - self.at.start

    def rows(self) -> int:
        """How many of the first points were kept."""
        return int(np.isfinite(self.calls.x[self.at.start]).all(axis=1).sum())

    def of(self, array: Array) -> Array:
        """Return what belongs to the chain's calls, without rows that are not there."""
        return array[self.at]

    @property
    def times(self) -> Array:
        """(n,): what the network was told."""
        return self.of(self.calls.t)[:, 0]


def chain_seen(evidence: Evidence, n_steps: int) -> Chain | None:
    """Return the last whole chain of a notebook, or the last one that has at least half of the steps."""
    chains = [
        Chain(one.others, at)
        for one in evidence.observations.denoisers
        if one.others is not None
        for at in _runs(one.others)
        if at.stop - at.start >= max(2, n_steps // 2)
    ]
    whole = [chain for chain in chains if chain.n == n_steps]
    return (whole or chains or [None])[-1]


def _runs(calls: CallsSeen) -> Iterator[slice]:
    """Yield stretches of calls that can be one chain: as many points, no training between, no new start."""
    is_trained = np.isfinite(calls.gradient).any(axis=(1, 2))
    starts = [0]
    for k in range(1, len(calls)):
        is_new = calls.n[k] != calls.n[k - 1] or calls.steps[k] != calls.steps[k - 1] or _is_fresh(calls, k)
        if is_new or is_trained[k] != is_trained[k - 1]:
            starts.append(k)
    for start, stop in zip(starts, [*starts[1:], len(calls)], strict=True):
        if not is_trained[start]:
            yield from _by_direction(calls, start, stop)


def _is_fresh(calls: CallsSeen, k: int) -> bool:
    """Whether the points of a call are nothing but noise that was just drawn."""
    rows = np.isfinite(calls.x[k]).all(axis=1)
    return any(np.array_equal(calls.x[k][rows], noise[rows]) for noise in calls.drawn[k])


def _by_direction(calls: CallsSeen, start: int, stop: int) -> Iterator[slice]:
    """Yield the parts of a stretch in which times go one way; all of it where they are not told."""
    steps = np.diff(calls.t[start:stop, 0])
    if not len(steps) or not np.isfinite(steps).all():
        yield slice(start, stop)
        return
    way = np.sign(np.median(steps))
    breaks = [start + at + 1 for at in np.flatnonzero(np.sign(steps) == -way)] if way else []
    for first, end in zip([start, *breaks], [*breaks, stop], strict=True):
        yield slice(first, end)


class Reading(NamedTuple):
    """How a chain steps back."""

    schedule: Schedule
    variance: str
    clip: float | None
    share: float


def explain_steps(chain: Chain, schedules: Sequence[Schedule], rate: float) -> Reading | None:
    """Return the schedule and the variance under which every step is right; None where there is none."""
    x, out, drawn = (chain.of(one) for one in (chain.calls.x, chain.calls.out, chain.calls.drawn))
    r = chain.rows()
    x, out, drawn = x[:, :r], out[:, :r], drawn[:, :, :r]
    is_seen = (
        bool(np.isfinite(drawn[1:]).all(axis=(2, 3)).any(axis=1).mean() > MOST) if chain.n > 1 else False
    )
    for schedule in schedules:
        for steps in _numberings(chain, schedule):
            for clip in CLIPS:
                means = np.stack(
                    [schedule.reverse_means(x[k], out[k], steps[k], clip) for k in range(chain.n - 1)]
                )
                for name, variances in zip(VARIANCES, schedule.variances, strict=True):
                    scales = np.sqrt(np.maximum(variances[steps[:-1]], 0.0))
                    if is_seen:
                        share = _share_exact(x[1:], means, scales, drawn[1:])
                    else:
                        share = float(_is_noise(x[1:] - means, scales, out[:-1], x[:-1], rate))
                    if share >= MOST:
                        return Reading(schedule, name, clip, share)
    return None


def _numberings(chain: Chain, schedule: Schedule) -> Iterator[np.ndarray]:
    """Yield which step each call may be: by its place from the start of a whole chain, or from its end."""
    n = len(schedule.betas)
    for first in dict.fromkeys((n - 1, chain.n - 1, chain.n)):
        steps = first - np.arange(chain.n)
        if steps.min() >= 0 and steps.max() < n:
            yield steps
    if chain.n == n and bool(
        np.all(np.diff(chain.times) > 0)
    ):  # the wrong way, which the chain's own check tells
        yield np.arange(n)


def _share_exact(x: Array, means: Array, scales: Array, drawn: Array) -> float:
    slack = NEAR * (1.0 + np.abs(means).max(axis=(1, 2)))
    expected = means[:, None] + scales[:, None, None, None] * np.nan_to_num(drawn, nan=np.inf)
    off = np.abs(x[:, None] - expected).max(axis=(2, 3)).min(axis=1)
    return float(np.mean(off <= slack))


def _is_noise(rest: Array, scales: Array, out: Array, x: Array, rate: float) -> bool:
    """Whether what a step adds is standard normal noise times its scale, by tests at the check's rate."""
    kept = scales > 0
    z = rest[kept] / scales[kept][:, None, None]
    n, third = z.size, max(1, len(z) // 3)
    tests = [float(z.mean() * np.sqrt(n))]
    tests += [
        float(np.sum(z * other) / max(np.sqrt(np.sum(other**2)), 1e-12)) for other in (out[kept], x[kept])
    ]
    bound = norm.isf(rate / 12)
    if max(abs(one) for one in tests) > bound:
        return False
    for part in (z[:third], z[third:]):
        low, high = chi2.ppf([rate / 12, 1 - rate / 12], part.size)
        if not low <= float(np.sum(part**2)) <= high:
            return False
    return True


class ReverseStepsFollow(ScheduleParams):
    """Every step back of the chain."""

    is_random = True
    challenge: ChallengeKey
    """Mode `noising` with one time: a function that steps back, for notebooks without a chain."""


@CHECKS.register(ReverseStepsFollow)
def reverse_steps_follow(evidence: Evidence, params: ReverseStepsFollow, context: Context) -> Finding:
    """Each step back has DDPM's mean, and noise of variance β or β̃: in the notebook's chain, or in a function's answer."""
    expected = "(x_t − β/√(1 − ᾱ)·ε̂)/√α + σ·z with σ² = β or β̃"
    schedules = known_schedules(evidence, params)
    chain = chain_seen(evidence, n_steps_in(evidence, params))
    if chain is None:
        tried = _tried_step(evidence.called[params.challenge], schedules)
        if tried is None:
            return untried("No sampling step by step was seen, and no function for a step back was found.")
        function, is_right = tried
        if is_right:
            return judged(1.0, message=f"`{function}` takes the step back of DDPM.", expected=expected)
        return failed(f"`{function}` gives another point than the step back of DDPM.", expected=expected)
    reading = explain_steps(chain, schedules, context.rate)
    if reading is not None:
        notes = (f"The variance of a step was read as {reading.variance}.",)
        if reading.clip is not None:
            notes += (f"The predicted x₀ is kept within ±{reading.clip:g}; that is accepted.",)
        return judged(
            1.0,
            observed=f"{chain.n} steps",
            expected=expected,
            message="Every step back has the right mean and the right noise.",
            notes=notes,
        )
    return failed(f"The steps back are wrong: {_fault(chain, schedules[0])}.", expected=expected)


def _fault(chain: Chain, schedule: Schedule) -> str:
    """Return what is wrong with the step whose factors, as they explain it best, are furthest from the right ones."""
    places = sorted({chain.n // 10, chain.n // 2, chain.n - 1 - chain.n // 10})
    seen = [_factors(chain, schedule, k) for k in places if k + 1 < chain.n]
    step, found, right = max(seen, key=lambda one: float(np.nansum(np.abs(one[1] / one[2] - 1))))
    (a, b, c), beta = found, float(schedule.betas[step])
    said = f"at t = {step} a step takes {_listed(found)}, and DDPM {_listed(right)}"
    if abs(b + right[1]) < 0.1 * abs(right[1]):
        return f"the predicted noise is added, not taken away ({said})"
    if abs(c) < 1e-4:
        return f"no noise is added ({said})"
    if abs(c - beta) < 0.02 * beta:
        return f"the noise is multiplied by β, the variance, and not by its root ({said})"
    if abs(a - 1) < 1e-3 < abs(right[0] - 1) and abs(b / right[1] * right[0] - 1) < 0.02:
        return f"the division by √α is missing ({said})"
    return said


def _factors(chain: Chain, schedule: Schedule, k: int) -> tuple[int, Array, Array]:
    """Return the step of a call, and the factors of x_t, predicted noise and new noise: those that were seen, and DDPM's."""
    r, step = chain.rows(), min(chain.n - 1 - k, len(schedule.betas) - 1)
    x, out = (chain.of(one)[:, :r] for one in (chain.calls.x, chain.calls.out))
    noises = [one[:r].reshape(-1) for one in chain.of(chain.calls.drawn)[k + 1] if np.isfinite(one[:r]).all()]
    columns = [x[k].reshape(-1), out[k].reshape(-1), *noises[:1]]
    matrix, target = np.stack(columns, axis=1), x[k + 1].reshape(-1)
    found, *_ = np.linalg.lstsq(matrix, target, rcond=None)
    if len(found) < 3 and np.std(target - matrix @ found) < 1e-4:
        found = np.append(found, 0.0)
    beta, bar = float(schedule.betas[step]), float(schedule.alpha_bars[step])
    right = np.array([1.0, -beta / np.sqrt(1 - bar), np.sqrt(beta * (1 - beta))]) / np.sqrt(1 - beta)
    return step, np.append(found, np.full(3 - len(found), np.nan)), right


def _listed(factors: Array) -> str:
    a, b, c = (float(one) for one in factors)
    return f"{number(a)}·x_t {b:+.3g}·ε̂" + (f" {c:+.3g}·z" if np.isfinite(c) else "")


def _tried_step(called: Called, schedules: Sequence[Schedule]) -> tuple[str, bool] | None:
    worst: tuple[str, bool] | None = None
    for answer, values in successes(called):
        x, z, predicted = (np.asarray(values[role], dtype=np.float64) for role in ("x", "noise", "predicted"))
        given = [one for one in given_by(tree_of(answer)) if one.shape == x.shape]
        for schedule in schedules if given else ():
            for step in (int(values["t"][0]), int(values["t"][0]) - 1):
                mean = schedule.reverse_means(x, predicted, step)
                rights = [mean + np.sqrt(variances[step]) * z for variances in schedule.variances]
                if any(np.allclose(one, right, rtol=1e-3, atol=NEAR) for one in given for right in rights):
                    return answer.function, True
        worst = worst or ((answer.function, False) if given else None)
    return worst


class ChainRunsBackwards(ScheduleParams):
    """The chain as a whole."""


@CHECKS.register(ChainRunsBackwards)
def chain_runs_backwards(evidence: Evidence, params: ChainRunsBackwards, context: Context) -> Finding:
    """Sampling begins with standard normal noise and asks the network once for each step, from the last to the first."""
    n_steps = n_steps_in(evidence, params)
    expected = f"{n_steps} steps, from the last to the first, from standard normal noise"
    chain = chain_seen(evidence, n_steps)
    if chain is None:
        is_seen = any(
            one.others is not None or one.training is not None for one in evidence.observations.denoisers
        )
        if is_seen:
            return failed(
                "No sampling that asks the network step by step was seen.", expected=expected, missing=True
            )
        return untried("No network that predicts noise was seen.")
    about: dict[str, Any] = {"observed": f"{chain.n} steps", "expected": expected}
    steps = np.diff(chain.times)
    if np.isfinite(steps).all() and not (steps < 0).all():
        what = "rise" if (steps > 0).all() else "do not fall"
        return failed(f"The times that the network is told {what} from step to step.", **about)
    first = chain.at.start
    size = float(chain.calls.n[first]) * chain.calls.x.shape[2]
    mean, deviation = float(chain.calls.mean[first]), float(chain.calls.deviation[first])
    slack = MANY_DEVIATIONS / np.sqrt(size)
    is_flat = float(chain.calls.fourth[first]) < 3.0 - np.sqrt(96.0) * slack
    if abs(mean) > slack or abs(deviation - 1) > slack or is_flat:
        about["observed"] = f"a start of mean {number(mean, 2)} and deviation {number(deviation, 3)}"
        about["observed"] += ", flatter than a normal distribution" if is_flat else ""
        return failed("The chain does not start from standard normal noise.", **about)
    if chain.n != n_steps:
        share = 0.5 if abs(chain.n - n_steps) == 1 else 0.0
        message = f"The chain has {chain.n} steps."
        return judged(share, message=message, **about) if share else failed(message, **about)
    return judged(1.0, message="The chain runs through all steps, from noise to the data.", **about)


class LastStepHasNoNoise(ScheduleParams):
    """The end of the chain."""


@CHECKS.register(LastStepHasNoNoise)
def last_step_has_no_noise(evidence: Evidence, params: LastStepHasNoNoise, context: Context) -> Finding:
    """The samples are the mean of the last step: no noise is added there (with the variance β̃ it is 0)."""
    chain = chain_seen(evidence, n_steps_in(evidence, params))
    if chain is None:
        return untried("No sampling step by step was seen.")
    r, last = chain.rows(), chain.at.stop - 1
    x, out = chain.calls.x[last][:r], chain.calls.out[last][:r]
    n = int(chain.calls.n[last])
    worst: float | None = None
    for schedule in known_schedules(evidence, params):
        for clip in CLIPS:
            mean = schedule.reverse_means(x, out, 0, clip)
            for whole in _kept(evidence, n, x.shape[1]):
                rest = min(_rest(whole[:r], mean), _rest(whole[-n:][:r], mean))
                if rest <= NONE_LEFT:
                    return judged(
                        1.0,
                        message="No noise is added at the last step.",
                        expected="the mean of the last step",
                    )
                if rest <= MOST_LEFT:
                    worst = rest if worst is None else min(worst, rest)
    if worst is None:
        return untried("What the chain ends in was not found among the values.")
    return failed(
        "Noise is added at the last step, too: it stays in the samples.",
        observed=f"a difference of deviation {number(worst, 2)} from the mean",
        expected="the mean of the last step",
    )


def _kept(evidence: Evidence, n: int, d: int) -> Iterator[Array]:
    """Yield the arrays that can be what a chain of `n` points ended in, alone or as the last of several."""
    for leaf in evidence.observations.leaves:
        value = leaf.value
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.ndim not in (2, 3):
            continue
        whole = np.asarray(value if value.ndim == 2 else value[-1], dtype=np.float64)
        if whole.shape[1] == d and len(whole) >= n:
            yield whole


def _rest(samples: Array, mean: Array) -> float:
    """Return the deviation that is left of samples when they are fitted by the mean, coordinate by coordinate."""
    if samples.shape != mean.shape or not np.isfinite(samples).all():
        return np.inf
    left = []
    for y, m in zip(samples.T, mean.T, strict=True):
        columns = np.stack([m, np.ones_like(m)], axis=1)
        found, *_ = np.linalg.lstsq(columns, y, rcond=None)
        if abs(found[0]) < 1e-3:
            return np.inf
        left.append(float(np.std(y - columns @ found) / abs(found[0])))
    return max(left)


class SamplesFollowData(ScheduleParams):
    """Samples and data, compared as distributions."""

    samples: OptionalEvidenceKey
    data: OptionalEvidenceKey
    """Evidence with the data, where the training does not show which points it was."""
    full: float = Field(default=0.5, gt=0, lt=1)
    """Largest share of the energy distance that a normal distribution with the data's mean and covariance has."""


@CHECKS.register(SamplesFollowData)
def samples_follow_data(evidence: Evidence, params: SamplesFollowData, context: Context) -> Finding:
    """The samples are much nearer to the data than a normal distribution of the same mean and covariance is.

    Between that share of the distance and all of it, a person decides.
    """
    samples, data = _samples(evidence, params), _data(evidence, params)
    if samples is None or data is None:
        raise MissingEvidence(params.samples if samples is None else params.data)
    if samples.ndim != 2 or data.ndim != 2 or samples.shape[1] != data.shape[1]:
        return failed("The samples have not the shape of the data.", observed=f"shape {samples.shape}")
    if not np.isfinite(samples).all():
        return failed("Some of the samples are not finite.")
    samples, data = _thinned(samples), _thinned(data)
    rng = np.random.default_rng(0)
    normal = rng.multivariate_normal(data.mean(axis=0), np.cov(data.T), size=MAX_POINTS)
    limit = energy_distance(normal, data)
    standard = (data - data.mean(axis=0)) / data.std(axis=0)
    distance = min(energy_distance(samples, data), energy_distance(samples, standard))
    share = distance / limit
    about: dict[str, Any] = {
        "observed": f"an energy distance of {number(distance, 3)}",
        "expected": f"at most {number(params.full * limit, 3)}; a normal distribution has {number(limit, 3)}",
        "found": where(evidence, params.samples) if evidence.has(params.samples) else (),
    }
    if share <= params.full:
        return judged(1.0, message="The samples are distributed as the data.", **about)
    if share <= 1.0:
        message = "The samples resemble the data, but not closely; a person looks at them."
        return for_person(message, proposed=0.5, **about)
    return failed("The samples are further from the data than a normal distribution is.", **about)


def _samples(evidence: Evidence, params: SamplesFollowData) -> Array | None:
    """Return the samples: under a known name, or what the chain ended in."""
    if evidence.has(params.samples):
        return evidence.array(params.samples)
    chain = chain_seen(evidence, n_steps_in(evidence, params))
    if chain is None:
        return None
    r, last = chain.rows(), chain.at.stop - 1
    x, out, n = chain.calls.x[last][:r], chain.calls.out[last][:r], int(chain.calls.n[last])
    for schedule in known_schedules(evidence, params):
        mean = schedule.reverse_means(x, out, 0)
        for whole in _kept(evidence, n, x.shape[1]):
            if min(_rest(whole[:r], mean), _rest(whole[-n:][:r], mean)) <= MOST_LEFT:
                return whole
    return None


def _data(evidence: Evidence, params: SamplesFollowData) -> Array | None:
    schedules = known_schedules(evidence, params)
    for calls in training_seen(evidence):
        noising = explain_noising(evidence, calls, schedules)
        if noising is not None:
            return noising.data
    return evidence.array(params.data) if evidence.has(params.data) else None


def _thinned(points: Array) -> Array:
    return points[:: -(-len(points) // MAX_POINTS)] if len(points) > MAX_POINTS else points
