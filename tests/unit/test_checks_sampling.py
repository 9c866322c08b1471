"""The checks of rejection and importance sampling: right material passes, each typical mistake is named."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from evidence_builder import CASES, GOLDEN, answer, bound, evidence, passes, run

from autograder.records import Status
from reference.aml_a3.settings import N_ACCEPT, N_IMPORTANCE, SIGMA, C
from reference.samplers import (
    effective_sample_size,
    gaussian_mixture,
    gaussian_mixture_log_density,
    importance_sample,
    mixture_density,
    mixture_log_density,
    proposal_log_density,
    rejection_sample,
)

Array = np.ndarray


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@functools.cache
def rejection() -> tuple[Array, int]:
    return rejection_sample(mixture_density, N_ACCEPT, C, SIGMA, rng(1))


@functools.cache
def importance() -> tuple[Array, Array]:
    return importance_sample(mixture_log_density, N_IMPORTANCE, SIGMA, rng(2))


def target_of(challenge: str) -> Any:
    """The log density of the target that a challenge hands over."""
    given = CASES[challenge]["0"]["target"]
    mixture = gaussian_mixture(np.ones(1), np.array([given["mean"]]), np.array([given["cov"]]))
    return functools.partial(gaussian_mixture_log_density, mixture=mixture)


# ------------------------------------------------------------------ rejection


def rate_finding(rate: Any, proposals: float | None = None) -> Any:
    values = {"a2.rate": rate} | ({} if proposals is None else {"a2.proposals": proposals})
    return run("a2.rate", evidence(values))


def test_the_rate_of_the_procedure_passes() -> None:
    rate = N_ACCEPT / rejection()[1]
    assert passes(rate_finding(rate))
    assert passes(rate_finding(np.float64(rate)))


def test_a_rate_in_percent_passes_with_a_note() -> None:
    finding = rate_finding(100 * N_ACCEPT / rejection()[1])
    assert passes(finding)
    assert any("percentage" in note for note in finding.notes)


def test_an_inverted_rate_is_named() -> None:
    for rate in (rejection()[1] / N_ACCEPT, 12.26):
        finding = rate_finding(rate)
        assert finding.status is Status.FAILED
        assert "inverse" in finding.message


@pytest.mark.parametrize("rate", [0.0785, 1 / C + 4e-3, 0.0, -0.08, 1.0, 0.5, 1e9])
def test_other_rates_fail(rate: float) -> None:
    assert rate_finding(rate).status is Status.FAILED


def test_a_printed_rate_is_judged_with_its_rounding() -> None:
    low = float(GOLDEN.value("a2.rate").truth or 0) - 5 * float(GOLDEN.value("a2.rate").sd or 0)
    assert rate_finding(low).status is Status.FAILED
    assert passes(rate_finding(bound(low, rounding=0.005)))


def test_whole_batches_of_proposals_pass_when_the_own_count_shows_them() -> None:
    count = 200_000  # two batches of 100,000 proposals, acceptances cut at 10,000
    assert rate_finding(N_ACCEPT / count).status is Status.FAILED
    assert passes(rate_finding(N_ACCEPT / count, count))
    # No multiple of a round batch, or another rate than the counts give: no excuse.
    assert rate_finding(N_ACCEPT / 199_999, 199_999).status is Status.FAILED
    assert rate_finding(0.06, count).status is Status.FAILED
    # A batch more than was needed is too many.
    assert rate_finding(N_ACCEPT / 400_000, 400_000).status is Status.FAILED


def count_finding(rate: float, proposals: float | None, **values: Any) -> Any:
    held = {"a2.rate": rate} | ({} if proposals is None else {"a2.proposals": proposals}) | values
    return run("a2.rate_count", evidence(held))


def test_the_rate_is_that_of_the_counts() -> None:
    draws, n = rejection()
    assert passes(count_finding(N_ACCEPT / n, n))
    assert passes(count_finding(100 * N_ACCEPT / n, n))
    assert passes(count_finding(N_ACCEPT / n, n - N_ACCEPT))  # rejections counted
    assert passes(count_finding(10_007 / 123_000, 123_000))  # surplus of the last batch counted
    short = {"a2.draws": draws[:9_000]}
    assert passes(count_finding(9_000 / 110_000, 110_000, **short))
    assert count_finding(N_ACCEPT / n, None).untried


def test_a_rate_that_the_counts_do_not_give_fails_with_both() -> None:
    finding = count_finding(1 / 12, 125_000)
    assert finding.status is Status.FAILED
    assert "125,000" in finding.message
    assert "0.08333" in finding.message


def draws_finding(draws: Array) -> Any:
    return run("a2.draws", evidence({"a2.draws": draws}))


def test_the_accepted_draws_pass() -> None:
    finding = draws_finding(rejection()[0])
    assert passes(finding)
    assert finding.pictures[0].kind == "scatter"


def test_wrong_draws_fail_with_the_region_or_the_reason() -> None:
    draws = rejection()[0]
    everything = SIGMA * rng(5).standard_normal((N_ACCEPT, 2))
    assert "there are" in draws_finding(everything).message
    assert "there are" in draws_finding(draws[:, ::-1]).message
    assert "repeated" in draws_finding(np.repeat(draws[: N_ACCEPT // 10], 10, axis=0)).message
    assert "too few" in draws_finding(draws[:150]).message
    broken = draws.copy()
    broken[7, 1] = np.nan
    assert "not finite" in draws_finding(broken).message


def test_draws_of_p_itself_are_told_from_draws_of_the_procedure() -> None:
    """c = 12 cuts the peaks: a sampler with a true envelope answers another question than the sheet's."""
    exact, _ = rejection_sample(mixture_density, N_ACCEPT, 18.0, SIGMA, rng(8))
    assert draws_finding(exact).status is Status.FAILED


def sampler_finding(*results: Any, **about: Any) -> Any:
    return run("a2.sampler", evidence(answers=[answer("a2.sampler", *results, **about)]))


def called_rejection(
    *, c: float | None = None, sigma: float | None = None, n: int | None = None, own_target: bool = False
) -> tuple[Array, int]:
    case, log_p = CASES["a2.sampler"]["0"], target_of("a2.sampler")
    density = mixture_density if own_target else lambda x: np.exp(log_p(x))
    return rejection_sample(density, n or case["n"], c or case["c"], sigma or case["sigma"], rng(3))


def test_the_sampler_passes_on_the_target_of_the_call() -> None:
    draws, n = called_rejection()
    assert passes(sampler_finding(draws, n))
    assert passes(sampler_finding(draws.T, n))
    own = called_rejection(c=C, sigma=SIGMA, own_target=True)[0]
    assert passes(sampler_finding(own, roles=["n", "rng"]))  # everything but n is fixed in the function


def test_a_sampler_that_ignores_its_arguments_fails() -> None:
    ignores_target = called_rejection(own_target=True, c=C, sigma=SIGMA)[0]
    finding = sampler_finding(ignores_target)
    assert finding.status is Status.FAILED
    assert "another target" in finding.message
    counts_proposals = called_rejection(n=300)[0]
    assert "asked for 4,000 accepted draws and returned 300" in sampler_finding(counts_proposals).message
    proposals_only = float(CASES["a2.sampler"]["0"]["sigma"]) * rng(4).standard_normal((4000, 2))
    assert sampler_finding(proposals_only).status is Status.FAILED


def test_a_sampler_that_was_not_there_is_untried_and_one_that_stops_fails() -> None:
    assert run("a2.sampler", evidence()).untried
    refused = answer("a2.sampler", status="not_callable", error="TypeError: needs q", function="rejection")
    assert "needs q" in run("a2.sampler", evidence(answers=[refused])).message
    for status, word in (
        ("error", "stopped with"),
        ("time_limit", "too long"),
        ("bad_output", "nothing that"),
    ):
        finding = sampler_finding(status=status, error="IndexError: 3")
        assert finding.status is Status.FAILED
        assert word in finding.message


# ----------------------------------------------------------------- importance


def test_draws_of_the_proposal_pass_and_sigma_as_variance_is_named() -> None:
    assert passes(run("a3.proposal", evidence({"a3.draws": importance()[0]})))
    variance = SIGMA**0.5 * rng(6).standard_normal((N_IMPORTANCE, 2))
    finding = run("a3.proposal", evidence({"a3.draws": variance}))
    assert finding.status is Status.FAILED
    assert "σ seems to have been used as the variance" in finding.message
    squared = SIGMA**2 * rng(6).standard_normal((N_IMPORTANCE, 2))
    assert run("a3.proposal", evidence({"a3.draws": squared})).status is Status.FAILED


def weights_finding(weights: Any, draws: Any = None) -> Any:
    draws = importance()[0] if draws is None else draws
    return run("a3.weights", evidence({"a3.weights": weights, "a3.draws": draws}))


def test_weights_pass_normalised_or_not_and_as_logarithms() -> None:
    _, log_w = importance()
    w = np.exp(log_w)
    for weights in (w, w / w.sum(), w / w.max(), log_w, log_w - log_w.max(), w[:, None], w * 1e-200):
        assert passes(weights_finding(weights))


def test_typical_mistakes_of_weights_are_named() -> None:
    draws, log_w = importance()
    log_p, log_q = mixture_log_density(draws), proposal_log_density(draws, SIGMA)
    variance = -0.5 * np.sum(draws**2, axis=1) / SIGMA
    named = {
        "q/p, the inverse": np.exp(log_q - log_p),
        "p alone": np.exp(log_p),
        "q alone": np.exp(log_q),
        "σ was used as the variance": np.exp(log_p - variance),
        "all equal": np.full(len(draws), 1 / len(draws)),
        "(p/q)²": np.exp(2 * log_w),
        "√(p/q)": np.exp(0.5 * log_w),
    }
    for sentence, weights in named.items():
        finding = weights_finding(weights)
        assert finding.status is Status.FAILED, sentence
        assert sentence in finding.message
    other = weights_finding(np.exp(log_w) + 0.1)
    assert other.status is Status.FAILED
    assert other.observed == "other values"
    assert "weights for" in weights_finding(np.exp(log_w)[:-1]).message
    assert "not finite" in weights_finding(np.where(np.arange(len(log_w)) == 3, np.nan, log_w)).message


def weighted() -> tuple[float, float, float]:
    draws, log_w = importance()
    f = draws[:, 0] ** 2 + np.sin(draws[:, 1])
    w = np.exp(log_w)
    mean = float(np.average(f, weights=w))
    return mean, float(np.average((f - mean) ** 2, weights=w)), effective_sample_size(w)


def consistent(**changes: Any) -> Any:
    draws, log_w = importance()
    mean, variance, ess = weighted()
    values = {
        "a3.draws": draws,
        "a3.weights": np.exp(log_w),
        "a3.mean": mean,
        "a3.variance": variance,
        "a3.ess": ess,
    }
    return run("a3.consistent", evidence({k: v for k, v in (values | changes).items() if v is not None}))


def test_estimates_of_the_own_weights_pass() -> None:
    assert passes(consistent())
    mean, variance, ess = weighted()
    assert passes(consistent(**{"a3.mean": round(mean, 3), "a3.ess": round(ess, 1)}))
    assert passes(consistent(**{"a3.variance": variance / ess}))
    assert passes(consistent(**{"a3.weights": importance()[1]}))


def test_estimates_that_the_weights_do_not_give_are_named() -> None:
    finding = consistent(**{"a3.ess": 1 / weighted()[2]})
    assert finding.fraction == pytest.approx(2 / 3)
    assert "effective sample size" in finding.message
    plain = importance()[0]
    unweighted = float(np.mean(plain[:, 0] ** 2 + np.sin(plain[:, 1])))
    finding = consistent(**{"a3.mean": unweighted, "a3.ess": 50_000.0, "a3.variance": 1.0})
    assert finding.status is Status.FAILED
    nothing = consistent(**{"a3.mean": None, "a3.ess": None, "a3.variance": None})
    assert "No estimate" in nothing.message


def test_what_is_not_reported_is_not_held_against_the_rest() -> None:
    finding = consistent(**{"a3.ess": None})
    assert finding.fraction == 1.0


def importance_finding(*results: Any, **about: Any) -> Any:
    return run("a3.sampler", evidence(answers=[answer("a3.sampler", *results, **about)]))


def test_the_importance_sampler_passes_on_the_target_of_the_call() -> None:
    case = CASES["a3.sampler"]["0"]
    draws, log_w = importance_sample(target_of("a3.sampler"), case["n"], case["sigma"], rng(11))
    assert passes(importance_finding(draws, log_w))
    assert passes(importance_finding(np.exp(log_w), draws))
    log_q = proposal_log_density(draws, case["sigma"])
    finding = importance_finding(draws, log_q - target_of("a3.sampler")(draws))
    assert "q/p, the inverse" in finding.message
    narrow, narrow_w = importance_sample(target_of("a3.sampler"), case["n"], 1.0, rng(12))
    assert importance_finding(narrow, narrow_w).status is Status.FAILED
    assert importance_finding(draws).untried
    assert importance_finding(log_w).untried
    assert run("a3.sampler", evidence()).untried


def test_draws_of_another_proposal_with_weights_to_match_fail() -> None:
    """A sampler that weighs rightly but draws from half of the proposal only."""
    case = CASES["a3.sampler"]["0"]
    draws, _ = importance_sample(target_of("a3.sampler"), case["n"], case["sigma"], rng(11))
    draws = np.abs(draws)
    log_w = target_of("a3.sampler")(draws) - proposal_log_density(draws, case["sigma"])
    finding = importance_finding(draws, log_w)
    assert finding.status is Status.FAILED
    assert "does not draw from the proposal" in finding.message


def ess_finding(value: Any) -> Any:
    return run("a3.ess_function", evidence(answers=[answer("a3.ess", value)]))


def test_the_function_of_weights_is_kish() -> None:
    weights = np.array(CASES["a3.ess"]["0"]["weights"])
    ess = effective_sample_size(weights)
    assert passes(ess_finding(ess))
    assert passes(ess_finding(np.array([ess])))
    assert passes(ess_finding(effective_sample_size(np.exp(weights - weights.max()))))  # takes logarithms
    for wrong in (
        1 / float(np.sum(weights**2)),
        ess / len(weights),
        float(len(weights)),
        float("nan"),
        "many",
    ):
        assert ess_finding(wrong).status is Status.FAILED
    assert run("a3.ess_function", evidence()).untried


# -------------------------------------------------------------------- numbers


def test_each_convention_of_the_variance_has_its_band() -> None:
    for name in ("population", "reliability", "estimator", "per_ess", "asymptotic"):
        truth = GOLDEN.value(f"a3.{name}").truth
        finding = run("a3.variance", evidence({"a3.variance": truth}))
        assert passes(finding), name
    assert run("a3.variance", evidence({"a3.variance": 6.23})).status is Status.FAILED  # its root
    noted = run("a3.variance", evidence({"a3.variance": GOLDEN.value("a3.estimator").truth}))
    assert any("variance of the estimator" in note for note in noted.notes)


@pytest.mark.parametrize(
    ("check", "key", "wrong"), [("a3.mean", "a3.mean", 6.0), ("a3.ess", "a3.ess", 4861.2)]
)
def test_numbers_outside_their_bands_fail(check: str, key: str, wrong: float) -> None:
    assert passes(run(check, evidence({key: GOLDEN.value(key).truth})))
    finding = run(check, evidence({key: wrong}))
    assert finding.status is Status.FAILED
    assert finding.pictures[0].kind == "band"


def test_a_near_miss_is_named() -> None:
    finding = run(
        "a3.mean",
        evidence({"a3.mean": 10_288.0}),
        near_miss={"a3.ess": "That is the effective sample size."},
    )
    assert "That is the effective sample size." in finding.message
