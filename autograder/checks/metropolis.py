"""Claims about random-walk Metropolis chains: their moves, their start, their rates, the sampler itself."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.bands import BandSpec
from autograder.checks.calls import draws_in, successes, unanswered, used
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    RandomCheckParams,
    failed,
    for_person,
    judged,
    number,
    untried,
)
from autograder.checks.targets import TargetSpec, from_challenge
from autograder.checks.values import where
from autograder.probes.evidence import Evidence
from autograder.records import Found
from autograder.registry import CHECKS, SUMMARIES
from autograder.rubric.model import ChallengeKey, EvidenceKey, OptionalEvidenceKey
from autograder.stats.chains import move_rate
from autograder.stats.transitions import MetropolisZ, metropolis_z

Array = np.ndarray


LEAST_CHAIN = 500


FAR_OUT = 1e100
FAR_STEPS = 8.0
"""A step of a random walk is longer than so many standard deviations once in 10^14."""


MAX_TRANSITIONS = 20_000
"""Transitions of a chain that are judged, evenly spaced: enough for a difference of 0.015 in its move rate."""


FEW_DRAWS = 5
"""Replicates of a rare event may all have counted none: so many more are no evidence."""


class ChainsFollowTarget(RandomCheckParams):
    """Random-walk Metropolis chains, one a step size: every iteration kept, or thinned draws only."""

    chains: OptionalEvidenceKey
    """Evidence with every iteration (judged move by move, which needs no mixing)."""
    draws: OptionalEvidenceKey
    """Evidence with the thinned draws (judged by the summaries' replicates)."""
    target: TargetSpec
    x0: list[float] = Field(default_factory=lambda: [0.0, 0.0])
    """Where the chains start; seen where all of their `n_iter` iterations were kept."""
    n_iter: int
    summaries: list[str]
    """Golden keys `<summary>[<step>]`, of the summaries declared in the rubric."""


@CHECKS.register(ChainsFollowTarget)
def chains_follow_target(evidence: Evidence, params: ChainsFollowTarget, context: Context) -> Finding:
    """The chain of each step size moves as random-walk Metropolis on the target does (each counts equally)."""
    chains, draws = evidence.table(params.chains), evidence.table(params.draws)
    steps = [float(key) for key in evidence.part.evidence[params.draws].keys]
    if not chains and not draws and _trace_seen(evidence):
        return for_person(
            "The chains were not kept, though a trace of one is drawn; a person looks at the code.",
            expected="a chain for each step size",
        )
    if not chains and not draws:
        cause = evidence.failure_in(context.item)
        return failed(
            "No chain was found." + (f" ({cause}.)" if cause else ""),
            expected="a chain for each step size",
            missing=True,
        )
    right, wrong = 0, []
    for step in steps:
        chain = chains.get(step)
        if chain is not None and chain.ndim == 2 and len(chain) >= LEAST_CHAIN and _is_finite(chain):
            problem = _moves_problem(
                _moves(params.target.key, chain.tobytes(), step), context.rate / len(steps)
            )
            problem = problem or _start_problem(chain, step, params)
        elif step in draws:
            problem = _summary_problem(draws[step], step, params, evidence, context, len(steps))
        else:
            problem = "nothing was kept"
        right += not problem
        wrong += [f"s = {step:g}: {problem}"] if problem else []
    message = "Each chain moves as random-walk Metropolis on the target does."
    if wrong:
        message = "Not a random-walk Metropolis chain on the target: " + "; ".join(wrong) + "."
    return judged(
        right / len(steps),
        observed="; ".join(wrong) or "moves as expected",
        expected="proposals N(x, s² I), accepted with min(1, p(x′)/p(x)), the old state repeated when rejected",
        message=message,
        found=where(evidence, params.chains, params.draws),
    )


def _is_finite(chain: Array) -> bool:
    """Return whether all states are numbers whose squares do not overflow."""
    return bool(np.all(np.abs(chain) < FAR_OUT))


def _trace_seen(evidence: Evidence) -> bool:
    """Return whether some figure shows a line of so many points as a trace has."""
    lines = [
        line
        for figure in evidence.observations.figures
        for axes in figure.axes
        for line in axes.get("lines", [])
    ]
    return any(int(line.get("n", 0)) >= LEAST_CHAIN for line in lines)


@functools.lru_cache(maxsize=64)
def _moves(target: str, chain: bytes, step: float) -> MetropolisZ:
    mixture = TargetSpec.model_validate_json(target).mixture()
    return metropolis_z(
        mixture.log_density, np.frombuffer(chain).reshape(-1, 2), step, max_transitions=MAX_TRANSITIONS
    )


def _moves_problem(z: MetropolisZ, rate: float) -> str:
    """Return what is wrong with a chain's moves, in words, or nothing."""
    if z.p_value >= rate:
        return ""
    if z.observed_rate > 0.9999:
        return "no state is ever repeated, so rejected proposals were not kept as repeats"
    largest = max(
        ("moves", abs(z.moves)),
        ("drift", max(map(abs, z.drift))),
        ("jump", abs(z.squared_jump)),
        key=lambda one: one[1],
    )
    if largest[0] == "moves":
        more = "more" if z.moves > 0 else "less"
        return f"it moves {more} often than the acceptance rule allows ({number(z.observed_rate)} of the iterations)"
    if largest[0] == "jump":
        return f"its jumps are too {'long' if z.squared_jump > 0 else 'short'} for this step size"
    return "it drifts away from where the target has its mass"


def _start_problem(chain: Array, step: float, params: ChainsFollowTarget) -> str:
    """Return that a whole chain starts elsewhere, or nothing: its first state is one step from x0 at most."""
    if len(chain) < params.n_iter - 1 or np.linalg.norm(chain[0] - np.array(params.x0)) <= FAR_STEPS * step:
        return ""
    return f"it starts at ({number(float(chain[0, 0]), 2)}, {number(float(chain[0, 1]), 2)})"


def _summary_problem(
    draws: Array, step: float, params: ChainsFollowTarget, evidence: Evidence, context: Context, n_steps: int
) -> str:
    """Return which summary of thinned draws is outside its replicates, in words, or nothing."""
    if len(draws) < 2:
        return "nothing was kept"
    n_tests = n_steps * len(params.summaries)
    for key in params.summaries:
        spec = evidence.part.summaries[key]
        value = SUMMARIES[spec.statistic].function(draws)
        band = BandSpec(name=key, method="replicates", golden=f"{key}[{step:g}]").band(context, n_tests)
        grain = FEW_DRAWS / len(draws) if spec.statistic == "repeat_rate" else 0.0
        if not band.low - grain <= value <= band.high + grain:
            return f"{spec.about} is {number(value)}"
    return ""


class RatesMatchChains(CheckParams):
    """Reported acceptance rates beside the chains they belong to."""

    rates: EvidenceKey
    chains: OptionalEvidenceKey
    """Evidence with every iteration; a notebook may keep thinned draws only."""
    n_burn_in: int
    n_iter: int


@CHECKS.register(RatesMatchChains)
def rates_match_chains(evidence: Evidence, params: RatesMatchChains, context: Context) -> Finding:
    """Each reported acceptance rate is the share of moves in its chain (all iterations, or after burn-in)."""
    if not evidence.has(params.chains):
        return untried("No whole chain was kept to compare the acceptance rates with.")
    rates, chains = evidence.table(params.rates), evidence.table(params.chains)
    rounding = evidence.bound[params.rates].rounding
    right: list[str] = []
    wrong: list[str] = []
    for step, chain in chains.items():
        if step not in rates:
            continue
        if len(chain) < 2 or not _is_finite(chain) or not np.any(chain != chain[0]):
            wrong.append(f"s = {step:g}: the chain has no moves that could be counted")
            continue
        rate = float(rates[step].reshape(-1)[0])
        rate = rate / 100 if 1.5 < rate <= 100 else rate
        whole = len(chain) >= params.n_iter - 1
        truths = [move_rate(chain)] + ([move_rate(chain[params.n_burn_in :])] if whole else [])
        tolerance = (1e-3 if whole else 1e-2) + rounding
        fits = any(abs(rate - truth) <= tolerance for truth in truths)
        (right if fits else wrong).append(
            f"s = {step:g}: you report {number(rate)}, the chain moves in {number(truths[0])}"
        )
    if not right and not wrong:
        return untried("There is no chain to compare the acceptance rates with.")
    n_keys = len(evidence.part.evidence[params.rates].keys)
    message = (
        "Your acceptance rates are those of your chains."
        if not wrong
        else "Rate and chain disagree: " + "; ".join(wrong) + "."
    )
    return judged(
        len(right) / n_keys,
        observed=f"{len(right)} of {n_keys} agree",
        expected="all agree",
        message=message,
        found=where(evidence, params.rates, params.chains),
    )


class MetropolisFunctionMoves(RandomCheckParams):
    """The student's Metropolis sampler on another target, step and start."""

    challenge: ChallengeKey
    target: TargetSpec
    step: float
    n: int


@CHECKS.register(MetropolisFunctionMoves)
def metropolis_function_moves(
    evidence: Evidence, params: MetropolisFunctionMoves, context: Context
) -> Finding:
    """Called on another problem, the sampler's chain moves as random-walk Metropolis does."""
    called = evidence.called[params.challenge]
    best: Finding | None = None
    for answer, values in successes(called):
        chain = draws_in(answer, None)
        about: dict[str, Any] = {
            "expected": "a random-walk Metropolis chain on the target of the call",
            "found": (Found(how="call", path=answer.function),),
        }
        asked = int(used(answer, values, "n", params.n))
        if chain is None or len(chain) < LEAST_CHAIN:
            finding = untried(f"`{answer.function}` returns no chain of every iteration to look at.")
        elif not answer.bound.get("n") and not answer.bound.get("step") and len(chain) < 0.8 * asked:
            finding = untried(f"`{answer.function}` returns thinned draws only.")
        elif not _is_finite(chain):
            finding = failed(f"`{answer.function}` returned states that are not finite.", **about)
        elif answer.bound.get("n") and len(chain) < 0.98 * asked and not answer.bound.get("thin"):
            finding = untried(
                f"`{answer.function}` returns {len(chain):,} of {asked:,} states: burn-in or thinning is built in."
            )
        else:
            target = from_challenge(values["target"]) if answer.bound.get("target") else params.target
            step = float(used(answer, values, "step", params.step))
            z = _moves(target.key, chain.tobytes(), step)
            problem = _moves_problem(z, context.rate / len(called.answers))
            finding = (
                failed(
                    f"`{answer.function}`, called on another target: {problem}.", observed=problem, **about
                )
                if problem
                else judged(
                    1.0,
                    observed=f"{number(z.observed_rate)} of the iterations move",
                    message=f"`{answer.function}` also moves rightly on another target.",
                    **about,
                )
            )
        if best is None or finding.fraction > best.fraction:
            best = finding
    return best or unanswered(called, "the Metropolis chain")
