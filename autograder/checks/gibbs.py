"""Claims about Gibbs chains on a bivariate Gaussian: their updates, their moments, the sampler itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.calls import draws_in, successes, unanswered, used
from autograder.checks.findings import (
    Context,
    Finding,
    RandomCheckParams,
    failed,
    judged,
    number,
    untried,
)
from autograder.checks.metropolis import LEAST_CHAIN
from autograder.checks.values import where
from autograder.probes.evidence import Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey, OptionalEvidenceKey
from autograder.stats.chains import acf
from autograder.stats.scans import GibbsFit, gibbs_z
from autograder.stats.transitions import z_limit

Array = np.ndarray


class GibbsChainFollows(RandomCheckParams):
    """A Gibbs chain on a bivariate Gaussian: every iteration kept, or thinned draws only."""

    chain: OptionalEvidenceKey
    draws: OptionalEvidenceKey
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
    n, z = len(draws), z_limit(rate / 5)
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
