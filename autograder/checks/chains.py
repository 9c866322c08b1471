"""Claims about Markov chains: their transitions, what was kept of them, their autocorrelation."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.bands import BandSpec
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    RandomCheckParams,
    failed,
    join,
    judged,
    number,
    untried,
)
from autograder.checks.sampling import draws_in, successes, unanswered, used
from autograder.checks.targets import TargetSpec, from_challenge
from autograder.checks.values import where
from autograder.probes.evidence import Evidence
from autograder.probes.summaries import SUMMARIES
from autograder.records import Found, Picture
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey, EvidenceKey
from autograder.stats.chains import acf, acf_bartlett_sd, acf_pearson, move_rate
from autograder.stats.scans import GibbsFit, gibbs_z
from autograder.stats.transitions import MetropolisZ, metropolis_z

Array = np.ndarray
LEAST_CHAIN = 500
FAR_STEPS = 8.0
"""A step of a random walk is longer than so many standard deviations once in 10^14."""
MAX_TRANSITIONS = 20_000
"""Transitions of a chain that are judged, evenly spaced: enough for a difference of 0.015 in its move rate."""
FEW_DRAWS = 5
"""Replicates of a rare event may all have counted none: so many more are no evidence."""


# ------------------------------------------------------------- Metropolis-Hastings


class ChainsFollowTarget(RandomCheckParams):
    """Random-walk Metropolis chains, one a step size: every iteration kept, or thinned draws only."""

    chains: str
    """Evidence with every iteration (judged move by move, which needs no mixing)."""
    draws: str
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
        if chain is not None and chain.ndim == 2 and len(chain) >= LEAST_CHAIN and np.all(np.isfinite(chain)):
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
    chains: EvidenceKey
    n_burn_in: int
    n_iter: int


@CHECKS.register(RatesMatchChains)
def rates_match_chains(evidence: Evidence, params: RatesMatchChains, context: Context) -> Finding:
    """Each reported acceptance rate is the share of moves in its chain (all iterations, or after burn-in)."""
    rates, chains = evidence.table(params.rates), evidence.table(params.chains)
    rounding = evidence.bound[params.rates].rounding
    right: list[str] = []
    wrong: list[str] = []
    for step, chain in chains.items():
        if step not in rates:
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
        elif not np.all(np.isfinite(chain)):
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


# --------------------------------------------------------------------------- Gibbs


class GibbsChainFollows(RandomCheckParams):
    """A Gibbs chain on a bivariate Gaussian: every iteration kept, or thinned draws only."""

    chain: str
    draws: str
    mean: list[float]
    covariance: list[list[float]]
    thin: int


@CHECKS.register(GibbsChainFollows)
def gibbs_chain_follows(evidence: Evidence, params: GibbsChainFollows, context: Context) -> Finding:
    """The chain is a Gibbs sampler's: each coordinate is drawn from its conditional given the newest other one."""
    expected = "x₁ | x₂ and x₂ | x₁ drawn in turn from their conditionals"
    found = where(evidence, params.chain, params.draws)
    if evidence.has(params.chain):
        chain = evidence.array(params.chain)
        if (
            chain.ndim == 2
            and chain.shape[1] == 2
            and len(chain) >= LEAST_CHAIN
            and np.all(np.isfinite(chain))
        ):
            return _gibbs_finding(
                chain, params.mean, params.covariance, context.rate, "Your chain", expected, found
            )
    if evidence.has(params.draws):
        draws = evidence.array(params.draws)
        problem = _thinned_gibbs_problem(draws, np.array(params.covariance), params.thin, context.rate)
        about: dict[str, Any] = {"observed": problem or "as expected", "expected": expected, "found": found}
        if problem:
            return failed(f"Your draws are not those of this Gibbs sampler: {problem}.", **about)
        return judged(
            1.0, message="Your draws have the moments and the memory of this Gibbs sampler.", **about
        )
    cause = evidence.failure_in(context.item)
    return failed("No Gibbs chain was found." + (f" ({cause}.)" if cause else ""), expected=expected)


def _gibbs_finding(
    chain: Array, mean: Any, covariance: Any, rate: float, name: str, expected: str, found: tuple[Found, ...]
) -> Finding:
    fits = gibbs_z(chain, mean, covariance)
    convention, best = max(
        ((key, fit) for key, fit in fits.items() if fit.legitimate), key=lambda pair: pair[1].p_value
    )
    if best.p_value >= rate:
        notes = (f"The Gibbs chain was read as: {convention}.",) if not convention.startswith("sweep") else ()
        return judged(
            1.0,
            observed=convention,
            expected=expected,
            message=f"{name} is that of a Gibbs sampler ({convention}).",
            found=found,
            notes=notes,
        )
    problem = _gibbs_mistake(fits, rate, chain)
    return failed(
        f"{name} is not that of this Gibbs sampler: {problem}.",
        observed=problem,
        expected=expected,
        found=found,
    )


def _gibbs_mistake(fits: dict[str, GibbsFit], rate: float, chain: Array) -> str:
    for key, fit in fits.items():
        if not fit.legitimate and fit.has_structure and fit.p_value >= rate:
            return f"it draws {key}; the second draw must use the new value of the first"
    closest = max(
        (fit for fit in fits.values() if fit.has_structure), key=lambda one: one.p_value, default=None
    )
    if closest is None:
        return "rows are repeated, although a Gibbs sampler accepts every draw"
    ratio = float(np.mean(closest.variance_ratios))
    if not 0.9 < ratio < 1.1:
        return f"the conditional variance is {number(ratio)} times what it should be"
    return f"its correlation is {number(float(np.corrcoef(chain.T)[0, 1]))}"


def _thinned_gibbs_problem(draws: Array, cov: Array, thin: int, rate: float) -> str:
    """Return what is wrong with thinned draws, by moments with the errors of the AR(1) they are.

    A sweep multiplies the memory of each coordinate by rho^2 (every update recorded, or random scans: slower),
    so the slowest legitimate memory sets the errors.
    """
    if draws.ndim != 2 or draws.shape[1] != 2 or len(draws) < LEAST_CHAIN or not np.all(np.isfinite(draws)):
        return f"{len(draws)} draws are too few to be judged"
    rho = cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1])
    sweep = rho**2
    slowest = ((1 + abs(rho)) / 2) ** thin
    n, z = len(draws), _z_limit(rate / 5)
    spread = np.sqrt((1 + slowest) / (1 - slowest) / n)
    spread2 = np.sqrt(2 * (1 + slowest**2) / (1 - slowest**2) / n)
    for j in range(2):
        if abs(draws[:, j].mean()) > z * spread * np.sqrt(cov[j, j]):
            return f"the mean of x{j + 1} is {number(float(draws[:, j].mean()))}"
        if abs(draws[:, j].var() / cov[j, j] - 1) > z * spread2:
            return f"the variance of x{j + 1} is {number(float(draws[:, j].var()))}"
    corr = float(np.corrcoef(draws.T)[0, 1])
    if abs(np.arctanh(np.clip(corr, -0.999999, 0.999999)) - np.arctanh(rho)) > z * spread2:
        return f"the correlation of x₁ and x₂ is {number(corr)}"
    memory = float(acf(draws[:, 0], 1)[1])
    legitimate = (
        sweep**thin,
        sweep ** (thin / 2),
        sweep ** ((thin - 1) / 2),
        sweep ** ((thin + 1) / 2),
        slowest,
    )
    if min(abs(memory - one) for one in legitimate) > z / np.sqrt(n) * 1.5:
        return f"neighbouring draws have the correlation {number(memory)}"
    return ""


def _z_limit(rate: float) -> float:
    from scipy.stats import norm

    return float(norm.isf(rate / 2))


class GibbsFunctionFollows(RandomCheckParams):
    """The student's Gibbs sampler with another correlation and number of iterations."""

    challenge: ChallengeKey
    rho: float
    n: int


@CHECKS.register(GibbsFunctionFollows)
def gibbs_function_follows(evidence: Evidence, params: GibbsFunctionFollows, context: Context) -> Finding:
    """Called with another correlation, the function returns a Gibbs chain for it."""
    called = evidence.called[params.challenge]
    expected = "a Gibbs chain for the correlation of the call"
    best: Finding | None = None
    for answer, values in successes(called):
        chain = draws_in(answer, None)
        if chain is None or len(chain) < LEAST_CHAIN:
            finding = untried(f"`{answer.function}` returns no chain of every iteration to look at.")
        elif not np.all(np.isfinite(chain)):
            finding = failed(f"`{answer.function}` returned states that are not finite.", expected=expected)
        else:
            rho = next(
                (float(values["rho"]) for role in ("rho", "cov") if answer.bound.get(role)), params.rho
            )
            found = (Found(how="call", path=answer.function),)
            rate = context.rate / len(called.answers)
            finding = _gibbs_finding(
                chain,
                [0.0, 0.0],
                [[1.0, rho], [rho, 1.0]],
                rate,
                f"The chain of `{answer.function}`",
                expected,
                found,
            )
            asked = int(used(answer, values, "n", params.n))
            if not finding.fraction and len(chain) < 0.98 * asked and not answer.bound.get("thin"):
                finding = untried(
                    f"`{answer.function}` returns {len(chain):,} of {asked:,} states: burn-in or thinning is built in."
                )
        if best is None or finding.fraction > best.fraction:
            best = finding
    return best or unanswered(called, "the Gibbs sampler")


# --------------------------------------------------------------------- autocorrelation


class AcfMatchesDraws(CheckParams):
    """A reported autocorrelation function beside the chain it belongs to."""

    acf: EvidenceKey
    sources: list[EvidenceKey]
    """Chains or draws (arrays or tables) whose first column it may be computed from, raw or thinned."""
    key: float | None = None
    """The step size, where the sources are tables."""
    max_lag: int
    n_iter: int = 0
    """Iterations of the chain; a source with twice as many rows recorded every update of a coordinate."""
    n_burn_in: int = 0
    thin: int = 1
    atol: float = 2e-4


@CHECKS.register(AcfMatchesDraws)
def acf_matches_draws(evidence: Evidence, params: AcfMatchesDraws, context: Context) -> Finding:
    """The reported autocorrelation is that of x₁ of the chain (raw or thinned; biased, unbiased or pairwise)."""
    reported = evidence.array(params.acf).reshape(-1)
    found = where(evidence, params.acf)
    expected = f"the autocorrelation of x₁ up to lag {params.max_lag}"
    if len(reported) < params.max_lag or not np.all(np.isfinite(reported)):
        lags = f"{len(reported) - 1} lags"
        return failed(
            f"Your autocorrelation has {lags}; {params.max_lag} are asked for.",
            observed=lags,
            expected=expected,
            found=found,
        )
    columns = list(_first_columns(evidence, params))
    if not columns:
        return untried("There is no chain to compare the autocorrelation with.")
    for name, x1, _ in columns:
        if convention := _acf_convention(reported, x1, params.max_lag, params.atol):
            curve = acf(x1, params.max_lag)
            picture = acf_picture(reported, curve, "Your autocorrelation and that of your chain")
            return judged(
                1.0,
                observed=f"of {name}, {convention}",
                expected=expected,
                message=f"Your autocorrelation is that of x₁ of your chain ({name}).",
                found=found,
                pictures=(picture,),
            )
    cause = _other_series(evidence, params, reported, columns)
    return failed(
        "Your autocorrelation is not that of x₁ of your chain." + cause,
        observed="another sequence",
        expected=expected,
        found=found,
        pictures=(
            acf_picture(
                reported, acf(columns[0][1], params.max_lag), "Your autocorrelation and that of your chain"
            ),
        ),
    )


def _first_columns(evidence: Evidence, params: AcfMatchesDraws) -> Iterator[tuple[str, Array, Array]]:
    for source in params.sources:
        if not evidence.has(source):
            continue
        is_table = evidence.part.evidence[source].kind == "table"
        array = evidence.table(source).get(params.key or 0.0) if is_table else evidence.array(source)
        if array is None or array.ndim != 2 or array.shape[1] != 2 or len(array) <= params.max_lag + 2:
            continue
        readings = _readings(array, params.n_burn_in, params.thin)
        if params.n_iter and len(array) > 1.7 * params.n_iter:  # every update of a coordinate recorded
            readings += _readings(array, 2 * params.n_burn_in, 2 * params.thin)
            readings += _readings(array[1::2], params.n_burn_in, params.thin) + _readings(
                array[::2], params.n_burn_in, params.thin
            )
        for name, rows in readings:
            if (
                np.all(np.isfinite(rows))
                and np.ptp(rows[:, 0]) > 0
                and np.ptp(rows[:, 1]) > 0
                and len(rows) > params.max_lag + 2
            ):
                yield f"{evidence.part.evidence[source].about}, {name}", rows[:, 0], rows[:, 1]


def _readings(array: Array, n_burn_in: int, thin: int) -> list[tuple[str, Array]]:
    """Return the stretches of a chain that an autocorrelation may be taken of, named."""
    readings = [("as kept", array)]
    if len(array) > 2 * n_burn_in:
        readings += [("after burn-in", array[n_burn_in + shift :]) for shift in (0, 1)]
        readings += [("thinned", array[n_burn_in + shift :: thin]) for shift in range(thin + 1)]
        readings += [("thinned, burn-in kept", array[::thin])]
    return readings


def _acf_convention(reported: Array, x: Array, max_lag: int, atol: float) -> str:
    """Return the convention by which `reported` is the autocorrelation of `x`, or nothing. Lag 0 may be left out."""
    pieces = [reported[: max_lag + 1]] if len(reported) > max_lag else []
    for name, truth in _conventions(x, max_lag):
        if any(np.allclose(piece[1:], truth[1:], atol=atol) and abs(piece[0] - 1) < 1e-3 for piece in pieces):
            return name
        if np.allclose(reported[:max_lag], truth[1:], atol=atol):
            return f"{name}, from lag 1"
    return ""


def _conventions(x: Array, max_lag: int) -> list[tuple[str, Array]]:
    n = len(x)
    biased = acf(x, max_lag)
    own_means = (
        np.array(
            [np.mean((x[: n - k] - x[: n - k].mean()) * (x[k:] - x[k:].mean())) for k in range(max_lag + 1)]
        )
        / x.var()
    )
    lags = np.arange(max_lag + 1)
    readings = [
        ("divided by n", biased),
        ("divided by n − k", acf(x, max_lag, unbiased=True)),
        ("pairwise", acf_pearson(x, max_lag)),
        ("each stretch with its own mean", own_means),
    ]
    # One of the two sums divided by one less (np.cov beside np.var), in either place.
    readings += [
        (f"{name}, ddof 1 in the covariance", curve * (n - lags) / (n - lags - 1))
        for name, curve in readings[1:]
    ]
    readings += [(f"{name}, ddof 1 in the variance", curve * (n - 1) / n) for name, curve in readings]
    for _, curve in readings[4:]:
        curve[0] = 1.0 if abs(curve[0] - 1) < 2 / n else curve[0]
    return readings


def _other_series(
    evidence: Evidence, params: AcfMatchesDraws, reported: Array, columns: list[tuple[str, Array, Array]]
) -> str:
    if any(_acf_convention(reported, x2, params.max_lag, params.atol) for _, _, x2 in columns):
        return " It is that of x₂."
    tables = [
        source
        for source in params.sources
        if evidence.has(source) and evidence.part.evidence[source].kind == "table"
    ]
    others = [
        (key, array)
        for source in tables
        for key, array in evidence.table(source).items()
        if key != params.key
    ]
    for key, array in others:
        if array.ndim != 2 or len(array) <= params.max_lag + 2 or np.ptp(array[:, 0]) == 0:
            continue
        if _acf_convention(reported, array[:, 0], params.max_lag, params.atol):
            return f" It is that of the chain for s = {key:g}."
    for _, x1, _ in columns:
        raw = np.array([np.mean(x1[: len(x1) - k] * x1[k:]) for k in range(params.max_lag + 1)])
        if np.allclose(reported[: params.max_lag + 1], raw / raw[0], atol=1e-3):
            return " The mean was not subtracted."
        centred = acf(x1, params.max_lag) * float(x1.var())
        if np.allclose(reported[: params.max_lag + 1], centred, rtol=1e-2):
            return " It is the autocovariance; it was not divided by the variance."
    return ""


def acf_picture(
    observed: Array, expected: Array | None, title: str, low: Array | None = None, high: Array | None = None
) -> Picture:
    """Return an autocorrelation drawn over the expected one."""

    def rounded(values: Array | None) -> list[float] | None:
        return None if values is None else [round(float(value), 4) for value in values[:101]]

    data = {
        "observed": rounded(observed),
        "expected": rounded(expected),
        "low": rounded(low),
        "high": rounded(high),
        "label": "lag",
    }
    return Picture(kind="acf", title=title, data=data)


class AcfFollows(RandomCheckParams):
    """An autocorrelation function with a known shape phi^k."""

    acf: EvidenceKey
    phis: dict[str, float]
    """Convention (sweeps, thinned sweeps, ...) to the correlation of neighbours."""
    n: dict[str, int]
    """Convention to the number of rows that the estimate comes from."""
    max_lag: int


@CHECKS.register(AcfFollows)
def acf_follows(evidence: Evidence, params: AcfFollows, context: Context) -> Finding:
    """The autocorrelation falls as theory says, within Bartlett's errors, by one of the accepted conventions."""
    reported = evidence.array(params.acf).reshape(-1)
    found = where(evidence, params.acf)
    best: tuple[float, str, Array, Array] | None = None
    for name, phi in params.phis.items():
        truth = phi ** np.arange(params.max_lag + 1)
        sd = acf_bartlett_sd(phi ** np.arange(400.0), params.n[name], params.max_lag)
        z = _z_limit(context.rate / (params.max_lag * len(params.phis)))
        for offset in (0, 1):
            piece = reported[: params.max_lag + 1 - offset]
            lags = slice(offset, offset + len(piece))
            if len(piece) < 10:
                continue
            excess = float(np.max(np.abs(piece - truth[lags]) - z * sd[lags] - 2e-3))
            if best is None or excess < best[0]:
                best = (excess, name, truth, z * sd)
    if best is None:
        return failed(
            "Your autocorrelation has too few lags to be judged.",
            found=found,
            expected=join(list(params.phis)),
        )
    excess, name, truth, width = best
    picture = acf_picture(
        reported, truth, "Your autocorrelation over the expected one", truth - width, truth + width
    )
    about: dict[str, Any] = {
        "expected": f"a fall as of {join(list(params.phis))}",
        "found": found,
        "pictures": (picture,),
    }
    if excess <= 0:
        notes = (
            () if name == next(iter(params.phis)) else (f"The autocorrelation was read as that of {name}.",)
        )
        return judged(
            1.0,
            observed=name,
            message=f"The autocorrelation falls as it should ({name}).",
            notes=notes,
            **about,
        )
    return failed(
        "The autocorrelation does not fall as that of this sampler.", observed="another fall", **about
    )


class AcfFunctionAgrees(CheckParams):
    """A function of a series that must be its autocorrelation."""

    challenge: ChallengeKey
    atol: float = 1e-6


@CHECKS.register(AcfFunctionAgrees)
def acf_function_agrees(evidence: Evidence, params: AcfFunctionAgrees, context: Context) -> Finding:
    """Called on another series, the function returns its autocorrelation (by any accepted convention)."""
    called = evidence.called[params.challenge]
    for answer, values in successes(called):
        series, max_lag = np.asarray(values["series"], dtype=float), int(values["max_lag"])
        truths = _conventions(series, max_lag)
        about: dict[str, Any] = {
            "expected": "ρ(k) of the series of the call",
            "found": (Found(how="call", path=answer.function),),
        }
        for leaf in answer.leaves:
            if isinstance(leaf.value, str | None):
                continue
            value = np.asarray(leaf.value, dtype=float).reshape(-1)
            for name, truth in truths:
                # Lag 0 may be left out, and is 1 up to the convention's ddof; the last lag may be left out.
                whole = value.size >= max_lag and any(
                    len(piece) >= max_lag - 1 and np.allclose(piece, one[: len(piece)], atol=params.atol)
                    for piece, one in ((value[1 : max_lag + 1], truth[1:]), (value[:max_lag], truth[1:]))
                )
                single = value.size == 1 and abs(value[0] - truth[-1]) <= params.atol
                if whole or single:
                    return judged(
                        1.0,
                        observed=name,
                        message=f"`{answer.function}` is right for another series.",
                        **about,
                    )
        return failed(
            f"`{answer.function}`, called on another series, does not give its autocorrelation.",
            observed="other values",
            **about,
        )
    return unanswered(called, "the autocorrelation")
