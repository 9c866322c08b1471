"""Claims about self-normalised importance sampling: draws, weights, estimates, the sampler itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.calls import draws_in, successes, unanswered, used, vector_in
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    MissingEvidence,
    RandomCheckParams,
    failed,
    judged,
    number,
    untried,
)
from autograder.checks.targets import TargetSpec, from_challenge
from autograder.checks.values import where
from autograder.probes.evidence import Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey, EvidenceKey, OptionalEvidenceKey
from autograder.stats.draws import gaussian_draws_test
from autograder.stats.expressions import function_of_points
from autograder.stats.importance import ess_log_weights, self_normalised_estimate, weighted_variances

Array = np.ndarray
FAR_OUT = 1e100


class ProposalDrawsFollow(RandomCheckParams):
    """The draws of the proposal."""

    draws: OptionalEvidenceKey
    weights: OptionalEvidenceKey
    """Evidence that shows that there were draws, where a notebook keeps only their weights."""
    sigma: float


@CHECKS.register(ProposalDrawsFollow)
def proposal_draws_follow(evidence: Evidence, params: ProposalDrawsFollow, context: Context) -> Finding:
    """The proposal's draws are independent N(0, sigma² I)."""
    if not evidence.has(params.draws):
        return _without_draws(evidence, params.draws, params.weights)
    draws = evidence.array(params.draws)
    expected = f"draws from N(0, {params.sigma:g}² I)"
    if draws.ndim != 2 or draws.shape[1] != 2 or len(draws) < 200 or not np.all(np.isfinite(draws)):
        return failed(
            "Your draws are not a finite table of points.",
            expected=expected,
            found=where(evidence, params.draws),
        )
    result = gaussian_draws_test(draws, params.sigma)
    spread = number(float(draws.std()))
    about: dict[str, Any] = {
        "observed": f"standard deviation {spread}",
        "expected": expected,
        "found": where(evidence, params.draws),
    }
    if result.p_value >= context.rate:
        return judged(1.0, message="Your draws come from the proposal of the sheet.", **about)
    cause = ""
    if abs(float(draws.std()) - params.sigma**0.5) < 0.03 * params.sigma**0.5:
        cause = " That is √σ: σ seems to have been used as the variance."
    return failed(
        f"Your draws do not come from the proposal of the sheet: their standard deviation is {spread}.{cause}",
        **about,
    )


def _without_draws(evidence: Evidence, draws: str, weights: str) -> Finding:
    """Return that only the weights of the draws were kept, which leaves the estimates to judge by."""
    if not evidence.has(weights):
        raise MissingEvidence(draws)
    return untried("The draws were not kept, only their weights.")


class WeightsAreRatio(CheckParams):
    """Importance weights at the student's own draws."""

    weights: EvidenceKey
    draws: OptionalEvidenceKey
    target: TargetSpec
    sigma: float
    rtol: float = 1e-5


@CHECKS.register(WeightsAreRatio)
def weights_are_ratio(evidence: Evidence, params: WeightsAreRatio, context: Context) -> Finding:
    """The weights are p/q at the student's own draws, up to a common factor (normalised or not), or their logarithms."""
    if not evidence.has(params.draws):
        return _without_draws(evidence, params.draws, params.weights)
    draws, weights = evidence.array(params.draws), evidence.array(params.weights).reshape(-1)
    about: dict[str, Any] = {
        "expected": "wᵢ = p(xᵢ)/q(xᵢ), up to a common factor",
        "found": where(evidence, params.weights, params.draws),
    }
    return judge_weights(weights, draws, params.target, params.sigma, params.rtol, "Your weights", about)


def judge_weights(
    weights: Array,
    draws: Array,
    target: TargetSpec,
    sigma: float,
    rtol: float,
    name: str,
    about: dict[str, Any],
) -> Finding:
    """Return whether weights are p/q at the draws, and which mistake they show if not."""
    if draws.ndim != 2 or len(draws) != len(weights):
        return failed(
            f"There are {len(weights):,} weights for {len(draws):,} draws.",
            observed="another number",
            **about,
        )
    if not _are_draws(draws):
        return failed("Your draws are not a finite table of different points.", observed="no draws", **about)
    log_p = target.mixture().log_density(draws)
    square = np.sum(draws**2, axis=1)
    log_q = -0.5 * square / sigma**2 - np.log(2 * np.pi * sigma**2)
    log_w = log_weights_of(weights)
    if log_w is None:
        return failed(f"{name} are negative or not finite.", observed="no weights", **about)
    seen = np.isfinite(log_w) & (log_p > log_p.max() - 30)

    def fits(truth: Array) -> bool:
        offset = (log_w - truth)[seen]
        return offset.size > 0 and float(np.ptp(offset)) < 10 * rtol

    if fits(log_p - log_q):
        return judged(1.0, observed="p/q at every draw", message=f"{name} are p/q at your draws.", **about)
    mistakes = {
        "they are q/p, the inverse": log_q - log_p,
        "they are p alone; the division by q is missing": log_p,
        "they are q alone": log_q,
        "σ was used as the variance of q": log_p + 0.5 * square / sigma,
        "they are all equal": np.zeros(len(draws)),
        "they are (p/q)²": 2 * (log_p - log_q),
        "they are √(p/q)": 0.5 * (log_p - log_q),
    }
    cause = next((sentence for sentence, truth in mistakes.items() if fits(truth)), "")
    message = f"{name} are not p/q at your draws" + (f": {cause}." if cause else ".")
    return failed(message, observed=cause or "other values", **about)


def _are_draws(draws: Array) -> bool:
    """Return whether draws are points that differ, with squares that do not overflow: else anything fits them."""
    return (
        draws.ndim == 2
        and len(draws) > 1
        and bool(np.all(np.abs(draws) < FAR_OUT) and np.ptp(draws, 0).any())
    )


def log_weights_of(weights: Array) -> Array | None:
    """Return logarithms of weights that may be given as weights or, when some are negative, as logarithms."""
    if not np.all(np.isfinite(weights) | (weights == -np.inf)):
        return None
    if np.any(weights < 0):
        return weights
    with np.errstate(divide="ignore"):
        logarithms: Array = np.log(weights)
    return logarithms


class EstimatesMatchWeights(CheckParams):
    """Reported estimates beside the weights and draws they come from."""

    weights: EvidenceKey
    draws: OptionalEvidenceKey
    mean: OptionalEvidenceKey
    variance: OptionalEvidenceKey
    ess: OptionalEvidenceKey
    f: str
    rtol: float = 1e-5


@CHECKS.register(EstimatesMatchWeights)
def estimates_match_weights(evidence: Evidence, params: EstimatesMatchWeights, context: Context) -> Finding:
    """The reported mean, variance and ESS are those of the student's own weights and draws."""
    if not evidence.has(params.draws):
        return _ess_matches(evidence, params)
    draws, weights = evidence.array(params.draws), evidence.array(params.weights).reshape(-1)
    log_w = log_weights_of(weights)
    if log_w is None or len(log_w) != len(draws) or not _are_draws(draws) or not np.any(np.isfinite(log_w)):
        return failed(
            "Your weights do not belong to your draws.", found=where(evidence, params.weights, params.draws)
        )
    f = function_of_points(params.f)(draws)
    variances = weighted_variances(log_w, f)
    truths = {
        params.mean: [self_normalised_estimate(log_w, f)],
        params.variance: [value for value in variances.values() if np.isfinite(value)],
        params.ess: [ess_log_weights(log_w)],
    }
    right: list[str] = []
    wrong: list[str] = []
    for key, values in truths.items():
        if not evidence.has(key):
            continue
        reported, about = evidence.number(key), evidence.part.evidence[key].about
        tolerance = max(evidence.bound[key].rounding, kept_rounding(reported))
        fits = any(abs(reported - value) <= params.rtol * abs(value) + tolerance for value in values)
        (right if fits else wrong).append(about)
        if not fits:
            wrong[-1] += f" (you report {number(reported)}, your weights give {number(values[0])})"
    if not right and not wrong:
        return failed(
            "No estimate was found to compare with your weights.",
            expected="mean, variance and ESS of your weights",
        )
    message = "What you report is what your weights give."
    if wrong:
        message = "What you report is not what your own weights give: " + "; ".join(wrong) + "."
    return judged(
        len(right) / len(truths) if wrong else 1.0,
        observed=f"{len(right)} of {len(right) + len(wrong)} agree",
        expected="all agree",
        message=message,
        found=where(evidence, params.mean, params.variance, params.ess),
    )


def _ess_matches(evidence: Evidence, params: EstimatesMatchWeights) -> Finding:
    """Return whether the reported ESS is that of the weights, which is all that they tell without their draws."""
    log_w = log_weights_of(evidence.array(params.weights).reshape(-1))
    if log_w is None or not evidence.has(params.ess) or not np.any(np.isfinite(log_w)):
        raise MissingEvidence(params.draws)
    truth, reported = ess_log_weights(log_w), evidence.number(params.ess)
    tolerance = params.rtol * truth + max(evidence.bound[params.ess].rounding, kept_rounding(reported))
    fits = abs(reported - truth) <= tolerance
    message = (
        "The ESS that you report is that of your weights."
        if fits
        else (f"You report an ESS of {number(reported)}; your own weights give {number(truth)}.")
    )
    found = where(evidence, params.ess, params.weights)
    return judged(
        float(fits),
        observed=number(reported),
        expected="the ESS of your weights",
        message=message,
        found=found,
    )


def kept_rounding(value: float) -> float:
    """Return half a unit in the last decimal of a number that was rounded to four decimals or fewer, else (and for 0) 0.

    >>> kept_rounding(6.37), kept_rounding(6.3662413371)
    (0.005, 0.0)
    """
    decimals = len(repr(value).partition(".")[2]) if "e" not in repr(value) else 16
    return 0.5 * 10.0**-decimals if value and 0 < decimals <= 4 else 0.0


class ImportanceFunctionWeighs(RandomCheckParams):
    """The student's importance sampler on another target and proposal."""

    challenge: ChallengeKey
    target: TargetSpec
    sigma: float
    n: int
    rtol: float = 1e-5


@CHECKS.register(ImportanceFunctionWeighs)
def importance_function_weighs(
    evidence: Evidence, params: ImportanceFunctionWeighs, context: Context
) -> Finding:
    """Called on another problem, the sampler draws from that proposal and weighs by p/q."""
    called = evidence.called[params.challenge]
    best: Finding | None = None
    for answer, values in successes(called):
        n = int(used(answer, values, "n", params.n))
        draws = draws_in(answer, n)
        about: dict[str, Any] = {
            "expected": "draws from the proposal of the call, weighed by p/q",
            "found": (Found(how="call", path=answer.function),),
        }
        if draws is None:
            finding = untried(f"`{answer.function}` returns no draws to look at.")
        else:
            target = from_challenge(values["target"]) if answer.bound.get("target") else params.target
            sigma = float(used(answer, values, "sigma", params.sigma))
            vectors = [vector_in(leaf, n) for leaf in answer.leaves]
            findings = [
                judge_weights(
                    vector, draws, target, sigma, params.rtol, f"The weights of `{answer.function}`", about
                )
                for vector in vectors
                if vector is not None
            ]
            finding = max(
                findings,
                key=lambda one: one.fraction,
                default=untried(f"`{answer.function}` returns no weights."),
            )
            if finding.fraction and gaussian_draws_test(draws, sigma).p_value < context.rate / len(
                called.answers
            ):
                finding = failed(
                    f"`{answer.function}` does not draw from the proposal it is called with.", **about
                )
        if best is None or finding.fraction > best.fraction:
            best = finding
    return best or unanswered(called, "importance sampling")


class EssFunctionAgrees(CheckParams):
    """A function of weights that must be Kish's effective sample size."""

    challenge: ChallengeKey
    rtol: float = Field(default=1e-6, gt=0)


@CHECKS.register(EssFunctionAgrees)
def ess_function_agrees(evidence: Evidence, params: EssFunctionAgrees, context: Context) -> Finding:
    """Called on other weights (unnormalised), the function returns (Σw)²/Σw²."""
    called = evidence.called[params.challenge]
    for answer, values in successes(called):
        truth = ess_log_weights(np.log(np.asarray(values["weights"], dtype=float)))
        as_logs = ess_log_weights(np.asarray(values["weights"], dtype=float))
        numbers = [value for leaf in answer.leaves if (value := leaf.number) is not None]
        about: dict[str, Any] = {
            "observed": ", ".join(map(number, numbers)) or "no number",
            "expected": "(Σw)²/Σw²",
            "found": (Found(how="call", path=answer.function),),
        }
        if any(abs(value - one) <= params.rtol * one for value in numbers for one in (truth, as_logs)):
            return judged(1.0, message=f"`{answer.function}` is right for other weights.", **about)
        return failed(f"`{answer.function}`, called on other weights, does not give (Σw)²/Σw².", **about)
    return unanswered(called, "the effective sample size")
