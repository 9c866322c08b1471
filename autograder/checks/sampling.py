"""Claims about independent draws: rejection sampling and self-normalised importance sampling."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    RandomCheckParams,
    describe,
    failed,
    judged,
    number,
    untried,
)
from autograder.checks.targets import TargetSpec, accepted_plane, accepted_rate, contours_of, from_challenge
from autograder.checks.values import where
from autograder.probes.evidence import Called, Evidence
from autograder.probes.observations import Answer, Leaf
from autograder.records import Found, Picture
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey, EvidenceKey
from autograder.stats.bands import Band, negative_binomial
from autograder.stats.draws import cells_test, gaussian_draws_test, ks_projections
from autograder.stats.expressions import function_of_points
from autograder.stats.importance import ess_log_weights, self_normalised_estimate, weighted_variances
from autograder.stats.planes import Plane

Array = np.ndarray
QUADRATURE_STEP = 0.04
DIRECTIONS = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0))


# -------------------------------------------------------------------- rejection


class RejectionRateAgrees(RandomCheckParams):
    """The acceptance rate of rejection sampling as the sheet describes it."""

    rate: EvidenceKey
    proposals: str | None = None
    """Evidence with the number of proposals, where the notebook keeps it."""
    target: TargetSpec
    c: float
    sigma: float
    n: int


@CHECKS.register(RejectionRateAgrees)
def rejection_rate_agrees(evidence: Evidence, params: RejectionRateAgrees, context: Context) -> Finding:
    """The reported acceptance rate is E_q[min(1, p/(c q))], up to chance (negative binomial)."""
    value = evidence.number(params.rate)
    rounding = evidence.bound[params.rate].rounding
    about: dict[str, Any] = {"found": where(evidence, params.rate)}
    notes: tuple[str, ...] = ()
    if 1.0 < value <= 100.0:
        value, notes = value / 100, ("Your acceptance rate was read as a percentage.",)
    truth = accepted_rate(params.target.key, params.c, params.sigma, QUADRATURE_STEP)
    bands = [("proposals counted to the last acceptance", negative_binomial(truth, params.n, context.rate))]
    if batch := _trimmed_batch(evidence, params, value, bands[0][1]):
        bands.append(("whole batches of proposals counted, acceptances trimmed", batch))
    inside = [name for name, band in bands if band.low - rounding <= value <= band.high + rounding]
    about |= {
        "observed": number(value),
        "expected": "; ".join(f"{number(band.low)} to {number(band.high)} ({name})" for name, band in bands),
        "pictures": (
            Picture(
                kind="band",
                title="acceptance rate",
                data={
                    "value": value,
                    "low": bands[0][1].low,
                    "high": bands[0][1].high,
                    "variants": [{"name": name, "low": band.low, "high": band.high} for name, band in bands],
                    "unit": "",
                    "label": "acceptance rate",
                },
            ),
        ),
        "notes": notes,
    }
    if inside:
        return judged(1.0, message=f"Your acceptance rate is {number(value)}, as it should be.", **about)
    cause = ""
    if abs(value - 1 / truth) < 0.05 / truth:
        cause = " It is the inverse: proposals an acceptance."
    return failed(
        f"Your acceptance rate is {number(value)}; the procedure of the sheet does not give this.{cause}",
        **about,
    )


def _trimmed_batch(evidence: Evidence, params: RejectionRateAgrees, value: float, band: Band) -> Band | None:
    """Return the band for n / (all proposals of the last batch), when the notebook's own count shows that it did this.

    The count then is a multiple of a round batch size and n over it is the rate that was reported.
    """
    if not evidence.has(params.proposals) or params.proposals is None:
        return None
    proposals = evidence.number(params.proposals)
    if proposals <= 0 or abs(params.n / proposals - value) > 1e-3 * value or proposals % 100:
        return None
    largest = next(
        (
            size
            for size in (100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 200, 100)
            if proposals % size == 0
        ),
        100,
    )
    return Band(
        low=params.n / (params.n / band.low + largest),
        high=band.high,
        method="negative_binomial, opened by one batch",
        n=params.n,
        false_fail_rate=band.false_fail_rate,
        min_discrepancy=band.min_discrepancy,
        truth=band.truth,
        note=f"batches of {largest}",
    )


class RateMatchesCount(CheckParams):
    """A reported acceptance rate beside the counts it comes from."""

    rate: EvidenceKey
    proposals: str
    """Evidence with the number of proposals; without it, or where only rejections are counted, see below."""
    n: int
    draws: str | None = None


@CHECKS.register(RateMatchesCount)
def rate_matches_count(evidence: Evidence, params: RateMatchesCount, context: Context) -> Finding:
    """The reported rate is acceptances over proposals, by the notebook's own counts (of proposals or of rejections)."""
    if not evidence.has(params.proposals):
        return untried("The notebook keeps no count of its proposals.")
    rate, proposals = evidence.number(params.rate), evidence.number(params.proposals)
    rate = rate / 100 if 1.0 < rate <= 100.0 else rate
    accepted = {float(params.n)}
    if evidence.has(params.draws) and params.draws is not None:
        accepted.add(float(len(evidence.array(params.draws))))
    tolerance = evidence.bound[params.rate].rounding + 1e-3 * rate
    # A batch's surplus acceptances are counted by some and trimmed by others: at most one batch more.
    fits = proposals > 0 and any(abs(rate - n / proposals) <= tolerance for n in accepted)
    fits = fits or any(abs(rate - n / (n + proposals)) <= tolerance for n in accepted)
    surplus = (
        proposals > 0
        and 0 <= rate * proposals - params.n <= 0.1 * params.n
        and abs(rate * proposals - round(rate * proposals)) < 0.02
    )
    about: dict[str, Any] = {
        "observed": f"{number(rate)} with {proposals:,.0f} proposals",
        "expected": "acceptances / proposals",
        "found": where(evidence, params.rate, params.proposals),
    }
    if fits or surplus:
        return judged(1.0, message="Your rate is your acceptances over your proposals.", **about)
    return failed(
        f"You counted {proposals:,.0f} proposals for {params.n:,} acceptances, which gives "
        f"{number(params.n / proposals) if proposals > 0 else 'no rate'}, but you report {number(rate)}.",
        **about,
    )


class AcceptedDrawsFollow(RandomCheckParams):
    """The draws that rejection sampling accepted."""

    draws: EvidenceKey
    target: TargetSpec
    c: float
    sigma: float


@CHECKS.register(AcceptedDrawsFollow)
def accepted_draws_follow(evidence: Evidence, params: AcceptedDrawsFollow, context: Context) -> Finding:
    """The accepted draws follow min(p, c q), by cells of the plane and by their projections."""
    draws = evidence.array(params.draws)
    law = accepted_plane(params.target.key, params.c, params.sigma, QUADRATURE_STEP)
    fits, observed = follows(draws, law, context.rate)
    about: dict[str, Any] = {
        "observed": observed,
        "expected": "draws from min(p, c·q), normalised",
        "found": where(evidence, params.draws),
        "pictures": (scatter_picture("Your accepted draws over the target", draws, params.target),),
    }
    if fits:
        return judged(
            1.0, message="Your accepted draws have the distribution that the procedure gives.", **about
        )
    return failed(
        f"Your accepted draws do not have the distribution that the procedure gives: {observed}.", **about
    )


def follows(draws: Array, law: Plane, rate: float) -> tuple[bool, str]:
    """Return whether draws follow a law at a false-fail rate, and the words that say how they differ."""
    if draws.ndim != 2 or draws.shape[1] != 2 or len(draws) < 200:
        return False, f"{len(draws)} draws are too few to be judged"
    if not np.all(np.isfinite(draws)):
        return False, "some draws are not finite"
    cells = cells_test(draws, law)
    projections = ks_projections(draws, law, DIRECTIONS)
    if cells.p_value >= rate / 2 and projections.p_value >= rate / 2:
        return True, f"{len(draws):,} draws, as expected in every region"
    worst = cells.worst
    if len(np.unique(draws.round(9), axis=0)) < 0.99 * len(draws):
        return False, "draws are repeated, though independent draws never are"
    direction = "fewer" if worst.observed > worst.expected else "more"
    return False, (
        f"in the region x₁ from {worst.x[0]:.1f} to {worst.x[1]:.1f}, x₂ from {worst.y[0]:.1f} to {worst.y[1]:.1f} "
        f"there are {worst.observed} draws, far from the {direction} that belong there"
    )


def scatter_picture(
    title: str, draws: Array, target: TargetSpec, low: float = -6.0, high: float = 6.0
) -> Picture:
    """Return at most 600 of the draws over the target's contours."""
    rows = draws[np.linspace(0, len(draws) - 1, min(600, len(draws))).astype(int)] if len(draws) else draws
    rows = rows[np.all(np.isfinite(rows), axis=1)] if rows.ndim == 2 else rows.reshape(0, 2)
    points = [[round(float(x), 3), round(float(y), 3)] for x, y in rows[:, :2]]
    data = {
        "points": points,
        "contours": list(contours_of(target.key, low, high)),
        "xlim": [low, high],
        "ylim": [low, high],
        "labels": ["x₁", "x₂"],
    }
    return Picture(kind="scatter", title=title, data=data)


class RejectionFunctionFollows(RandomCheckParams):
    """The student's rejection sampler on another target, constant and proposal."""

    challenge: ChallengeKey
    target: TargetSpec
    """The sheet's own target, for functions that cannot take another."""
    c: float
    sigma: float
    n: int


@CHECKS.register(RejectionFunctionFollows)
def rejection_function_follows(
    evidence: Evidence, params: RejectionFunctionFollows, context: Context
) -> Finding:
    """Called on another problem, the sampler returns the number of draws asked for, with the right distribution."""
    called = evidence.called[params.challenge]
    best: Finding | None = None
    for answer, values in successes(called):
        n = int(used(answer, values, "n", params.n))
        draws = draws_in(answer, n)
        if draws is None:
            finding = failed(
                f"`{answer.function}` returned no array with {n:,} draws.",
                expected=f"{n:,} draws in two columns",
            )
        else:
            target = from_challenge(values["target"]) if answer.bound.get("target") else params.target
            sigma, c = (
                float(used(answer, values, "sigma", params.sigma)),
                float(used(answer, values, "c", params.c)),
            )
            law = accepted_plane(target.key, c, sigma, QUADRATURE_STEP)
            fits, observed = follows(draws, law, context.rate / len(called.answers))
            about: dict[str, Any] = {
                "observed": observed,
                "expected": "draws from the target of the call",
                "found": (Found(how="call", path=answer.function),),
            }
            finding = (
                judged(
                    1.0,
                    message=f"`{answer.function}` also samples rightly from {_what_varied(answer)}.",
                    **about,
                )
                if fits
                else failed(
                    f"`{answer.function}`, called on {_what_varied(answer)}, does not sample from it: {observed}.",
                    **about,
                )
            )
        if best is None or finding.fraction > best.fraction:
            best = finding
    return best or unanswered(called, "a sampler")


def successes(called: Called) -> list[tuple[Answer, dict[str, Any]]]:
    """Return the answers that came back, with the inputs that belong to them."""
    return [
        (answer, dict(called.cases[answer.case]))
        for answer in called.answers
        if answer.status == "ok" and answer.case in called.cases
    ]


def unanswered(called: Called, what: str) -> Finding:
    """Return what to say when no call gave a result: nothing to call, or a function that fails."""
    if not called.can_be_called:
        return untried(f"No function for {what} was found that could be called{called.reason}.")
    worst = next(answer for answer in called.answers if answer.status not in ("missing", "not_callable"))
    sentence = describe(worst)
    return failed(sentence[:1].upper() + sentence[1:] + ".", expected="a result for other inputs")


def used(answer: Answer, values: dict[str, Any], role: str, otherwise: float) -> float:
    """Return the value that a role had in a call: the challenge's, or the sheet's where the function fixes it."""
    return float(values[role]) if answer.bound.get(role) and role in values else otherwise


def draws_in(answer: Answer, n: int | None) -> Array | None:
    """Return the array of `n` points (any number if None) in a result; (2, n) is read as its transpose."""
    for leaf in answer.leaves:
        value = leaf.value
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or value.ndim != 2:
            continue
        if value.shape[1] == 2 and n in (None, value.shape[0]):
            return np.asarray(value, dtype=float)
        if value.shape[0] == 2 and n in (None, value.shape[1]):
            return np.ascontiguousarray(np.asarray(value, dtype=float).T)
    return None


def _what_varied(answer: Answer) -> str:
    if answer.bound.get("target"):
        return "another target"
    return (
        "other settings"
        if any(answer.bound.get(role) for role in ("c", "sigma", "n", "step"))
        else "a second run"
    )


# ------------------------------------------------------------------- importance


class ProposalDrawsFollow(RandomCheckParams):
    """The draws of the proposal."""

    draws: EvidenceKey
    sigma: float


@CHECKS.register(ProposalDrawsFollow)
def proposal_draws_follow(evidence: Evidence, params: ProposalDrawsFollow, context: Context) -> Finding:
    """The proposal's draws are independent N(0, sigma² I)."""
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


class WeightsAreRatio(CheckParams):
    """Importance weights at the student's own draws."""

    weights: EvidenceKey
    draws: EvidenceKey
    target: TargetSpec
    sigma: float
    rtol: float = 1e-5


@CHECKS.register(WeightsAreRatio)
def weights_are_ratio(evidence: Evidence, params: WeightsAreRatio, context: Context) -> Finding:
    """The weights are p/q at the student's own draws, up to a common factor (normalised or not), or their logarithms."""
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
    draws: EvidenceKey
    mean: str
    variance: str
    ess: str
    f: str
    rtol: float = 1e-5


@CHECKS.register(EstimatesMatchWeights)
def estimates_match_weights(evidence: Evidence, params: EstimatesMatchWeights, context: Context) -> Finding:
    """The reported mean, variance and ESS are those of the student's own weights and draws."""
    draws, weights = evidence.array(params.draws), evidence.array(params.weights).reshape(-1)
    log_w = log_weights_of(weights)
    if log_w is None or len(log_w) != len(draws) or draws.ndim != 2 or not np.any(np.isfinite(log_w)):
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


def kept_rounding(value: float) -> float:
    """Return half a unit in the last decimal of a number that was rounded to four decimals or fewer, else 0.

    >>> kept_rounding(6.37), kept_rounding(6.3662413371)
    (0.005, 0.0)
    """
    decimals = len(repr(value).partition(".")[2]) if "e" not in repr(value) else 16
    return 0.5 * 10.0**-decimals if 0 < decimals <= 4 else 0.0


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
            vectors = [_one_dimensional(leaf, n) for leaf in answer.leaves]
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


def _one_dimensional(leaf: Leaf, n: int) -> Array | None:
    if isinstance(leaf.value, np.ndarray) and leaf.value.dtype.kind in "fiu" and leaf.value.size == n:
        return np.asarray(leaf.value, dtype=float).reshape(-1)
    return None


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
