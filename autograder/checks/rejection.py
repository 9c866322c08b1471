"""Claims about rejection sampling: the rate, its counts, the accepted draws, the sampler itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.calls import draws_in, successes, unanswered, used, what_varied
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    RandomCheckParams,
    failed,
    judged,
    number,
    untried,
)
from autograder.checks.targets import TargetSpec, accepted_plane, accepted_rate, contours_of, from_challenge
from autograder.checks.values import where
from autograder.probes.evidence import Evidence
from autograder.probes.observations import Answer
from autograder.records import Found, Picture
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey, EvidenceKey, OptionalEvidenceKey
from autograder.stats.bands import Band, negative_binomial
from autograder.stats.draws import cells_test, ks_projections
from autograder.stats.planes import Plane

Array = np.ndarray


QUADRATURE_STEP = 0.04


DIRECTIONS = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0))


class RejectionRateAgrees(RandomCheckParams):
    """The acceptance rate of rejection sampling as the sheet describes it."""

    rate: EvidenceKey
    proposals: OptionalEvidenceKey | None = None
    """Evidence with the number of proposals, where the notebook keeps it."""
    target: TargetSpec
    c: float
    sigma: float
    n: int


@CHECKS.register(RejectionRateAgrees)
def rejection_rate_agrees(evidence: Evidence, params: RejectionRateAgrees, context: Context) -> Finding:
    """The reported acceptance rate is E_q[min(1, p/(c q))], up to chance (negative binomial)."""
    value = reported = evidence.number(params.rate)
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
    if abs(reported - 1 / truth) < 0.05 / truth:  # more than 1, so that it was read as a percentage above
        cause = " It is the inverse: proposals an acceptance."
        about |= {"observed": number(reported), "notes": ()}
    return failed(
        f"Your acceptance rate is {about['observed']}; the procedure of the sheet does not give this.{cause}",
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
    proposals: OptionalEvidenceKey
    """Evidence with the number of proposals; without it, or where only rejections are counted, see below."""
    n: int
    draws: OptionalEvidenceKey | None = None


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
    is_count = 0 < proposals < float("inf")
    fits = is_count and any(
        abs(rate - n / tried) <= tolerance for n in accepted for tried in (proposals, n + proposals)
    )
    surplus = (
        is_count
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
    rows = rows[np.all(np.isfinite(rows), axis=1)] if rows.ndim == 2 else np.empty((0, 2))
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
        finding = _judge_sampler(answer, values, params, context.rate / len(called.answers))
        if best is None or finding.fraction > best.fraction:
            best = finding
    return best or unanswered(called, "a sampler")


def _judge_sampler(
    answer: Answer, values: dict[str, Any], params: RejectionFunctionFollows, rate: float
) -> Finding:
    """Return whether one answer of a sampler is a sample of the law that it was called for."""
    name, n = f"`{answer.function}`", int(used(answer, values, "n", params.n))
    draws = draws_in(answer, n)
    if draws is None:
        other = draws_in(answer, None)
        if other is None:
            return untried(f"{name} returns nothing that can be read as draws.")
        message = f"{name} was asked for {n:,} accepted draws and returned {len(other):,}."
        return failed(message, observed=f"{len(other):,} draws", expected=f"{n:,} draws")
    target = from_challenge(values["target"]) if answer.bound.get("target") else params.target
    sigma, c = used(answer, values, "sigma", params.sigma), used(answer, values, "c", params.c)
    fits, observed = follows(draws, accepted_plane(target.key, c, sigma, QUADRATURE_STEP), rate)
    about: dict[str, Any] = {
        "observed": observed,
        "expected": "draws from the target of the call",
        "found": (Found(how="call", path=answer.function),),
    }
    if fits:
        return judged(1.0, message=f"{name} also samples rightly from {what_varied(answer)}.", **about)
    return failed(f"{name}, called on {what_varied(answer)}, does not sample from it: {observed}.", **about)
