"""Claims about sampling from a diffusion model: each step back, the whole chain, and what comes out.

The chain is that of the notebook's own sampling, as its network was asked step by step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pydantic import Field
from scipy.spatial import cKDTree

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
    arrays_of,
    explain_noising,
    given_by,
    known_schedules,
    n_steps_in,
    training_seen,
)
from autograder.checks.reverse_steps import CLIPS, chain_seen, explain_steps, fault_of_steps
from autograder.checks.trees import tree_of
from autograder.checks.values import where
from autograder.probes.evidence import Called, Evidence
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey, OptionalEvidenceKey
from autograder.stats.diffusion import Array, Schedule, energy_distance

NEAR = 3e-4
MANY_DEVIATIONS = 5.0
MAX_POINTS = 2_000
SAME_POINT = 1e-6
NONE_LEFT, MOST_LEFT = 0.003, 0.2
"""Deviation from the mean of the last step: of samples that are that mean, and of what can be samples at all."""


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
    if not chain.is_finite:
        return untried("The network's answers are not finite, so that the steps back cannot be followed.")
    reading = explain_steps(chain, schedules, context.rate)
    if reading is not None:
        notes = [f"The variance of a step was read as {reading.variance}."]
        if reading.clip is not None:
            notes.append(f"The predicted x₀ is kept within ±{reading.clip:g}; that is accepted.")
        return judged(
            1.0,
            observed=f"{chain.n} steps",
            expected=expected,
            message="Every step back has the right mean and the right noise.",
            notes=tuple(notes),
        )
    return failed(f"The steps back are wrong: {fault_of_steps(chain, schedules[0])}.", expected=expected)


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
    if chain is None or not chain.is_finite:
        return untried("No sampling step by step was seen, or its numbers are not finite.")
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
    full: float = Field(default=0.5, gt=0, lt=1)
    """Largest share of the energy distance that a normal distribution with the data's mean and covariance has."""


@CHECKS.register(SamplesFollowData)
def samples_follow_data(evidence: Evidence, params: SamplesFollowData, context: Context) -> Finding:
    """The samples are much nearer to the data than a normal distribution of the same mean and covariance is.

    Between that share of the distance and all of it, a person decides.
    """
    samples = _samples(evidence, params)
    data = _data(evidence, params, samples) if samples is not None else None
    if samples is None or data is None:
        raise MissingEvidence(params.samples)
    if samples.ndim != 2 or data.ndim != 2 or samples.shape[1] != data.shape[1]:
        return failed("The samples have not the shape of the data.", observed=f"shape {samples.shape}")
    if not np.isfinite(samples).all():
        return failed("Some of the samples are not finite.")
    samples, data = _thinned(samples), _thinned(data)
    rng = np.random.default_rng(0)
    normal = rng.multivariate_normal(data.mean(axis=0), np.cov(data.T), size=MAX_POINTS)
    limit = energy_distance(normal, data)
    standard = (data - data.mean(axis=0)) / data.std(axis=0)
    if any(float(np.mean(cKDTree(known).query(samples)[0] < SAME_POINT)) > 0.5 for known in (data, standard)):
        return failed("The samples are points of the data themselves.")
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
    if chain is None or not chain.is_finite:
        return None
    r, last = chain.rows(), chain.at.stop - 1
    x, out, n = chain.calls.x[last][:r], chain.calls.out[last][:r], int(chain.calls.n[last])
    for schedule in known_schedules(evidence, params):
        mean = schedule.reverse_means(x, out, 0)
        for whole in _kept(evidence, n, x.shape[1]):
            if min(_rest(whole[:r], mean), _rest(whole[-n:][:r], mean)) <= MOST_LEFT:
                return whole
    return None


def _data(evidence: Evidence, params: SamplesFollowData, samples: Array) -> Array | None:
    """Return the points that the network was trained on; where that was not seen, the largest other array of points."""
    schedules = known_schedules(evidence, params)
    for calls in training_seen(evidence):
        noising = explain_noising(evidence, calls, schedules)
        if noising is not None:
            return noising.data
    d = samples.shape[1] if samples.ndim == 2 else 0
    return next((one for one in arrays_of(evidence, d) if not np.array_equal(one, samples)), None)


def _thinned(points: Array) -> Array:
    return points[:: -(-len(points) // MAX_POINTS)] if len(points) > MAX_POINTS else points
