"""The checks of Markov chains: right material passes, each typical mistake is named."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from evidence_builder import CASES, GOLDEN, PART, answer, evidence, passes, run

from autograder.probes.challenges import draw_cases
from autograder.records import Status
from reference.aml_a3.settings import RHO, STEP_SIZES
from reference.samplers import (
    autocorrelation,
    gaussian_mixture,
    gaussian_mixture_log_density,
    gibbs_sample,
    metropolis_hastings,
    mixture_log_density,
)

Array = np.ndarray
ORIGIN = np.zeros(2)
N = 6_000
SHORT = {"n_iter": N}
"""The chains of these tests are shorter than the sheet's, so that the tests are quick."""


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@functools.cache
def metropolis(step: float, seed: int = 1) -> tuple[Array, float]:
    return metropolis_hastings(mixture_log_density, N, step, ORIGIN, rng(seed))


def chains() -> dict[float, Array]:
    return {step: metropolis(step)[0] for step in STEP_SIZES}


def without_repeats(chain: Array) -> Array:
    moved = np.any(np.diff(chain, axis=0) != 0, axis=1)
    return chain[1:][moved]


@functools.cache
def bad_acceptance(step: float, mistake: str) -> Array:
    """A random walk with a wrong rule or a wrong step."""
    stream, x, log_p = rng(4), ORIGIN, float(mixture_log_density(ORIGIN))
    scale = {"variance": step**0.5, "double": 2 * step}.get(mistake, step)
    chain = np.empty((N, 2))
    for t in range(N):
        proposal = x + scale * stream.standard_normal(2)
        log_there = float(mixture_log_density(proposal))
        ratio = {"greedy": 50.0, "inverse": -1.0, "squared": 2.0}.get(mistake, 1.0) * (log_there - log_p)
        if mistake == "always" or np.log(stream.random()) < ratio:
            x, log_p = proposal, log_there
        chain[t] = x
    return chain


def chains_finding(table: Any, **about: Any) -> Any:
    return run("a4.chains", evidence({"a4.chains": table}), **(SHORT | about))


# ------------------------------------------------------------------ Metropolis


def test_chains_of_the_reference_pass_with_and_without_the_start() -> None:
    assert passes(chains_finding(chains()))
    assert passes(chains_finding({s: np.vstack([ORIGIN, chain]) for s, chain in chains().items()}))
    assert passes(chains_finding({s: chain[600:] for s, chain in chains().items()}))  # burn-in dropped


def test_each_step_size_counts_equally() -> None:
    some = chains() | {1.5: without_repeats(chains()[1.5])}
    finding = chains_finding(some)
    assert finding.fraction == pytest.approx(2 / 3)
    assert "s = 1.5" in finding.message
    assert "s = 0.5" not in finding.message
    assert chains_finding({0.5: chains()[0.5]}).fraction == pytest.approx(1 / 3)


def test_rejections_that_were_not_kept_are_named() -> None:
    finding = chains_finding({s: without_repeats(chain) for s, chain in chains().items()})
    assert finding.status is Status.FAILED
    assert finding.message.count("rejected proposals were not kept as repeats") == 3


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ("variance", "its jumps are too long"),
        ("double", ""),
        ("greedy", "less often than the acceptance rule allows"),
        ("inverse", ""),
        ("squared", "less often than the acceptance rule allows"),
        ("always", "never"),
    ],
)
def test_wrong_rules_fail(mistake: str, sentence: str) -> None:
    finding = chains_finding({0.5: bad_acceptance(0.5, mistake)})
    assert finding.status is Status.FAILED
    if mistake == "always":
        assert "no state is ever repeated" in finding.message
    else:
        assert sentence in finding.message


def test_a_variance_used_as_standard_deviation_of_the_step_is_found_for_a_small_step_too() -> None:
    assert chains_finding({0.1: bad_acceptance(0.1, "variance")}).status is Status.FAILED


def test_chains_under_each_others_names_fail() -> None:
    table = chains()
    assert chains_finding({0.1: table[0.5], 0.5: table[1.5], 1.5: table[0.1]}).status is Status.FAILED


def test_a_chain_that_starts_elsewhere_is_named() -> None:
    far = metropolis_hastings(mixture_log_density, N, 0.1, np.array([5.0, 5.0]), rng(3))[0]
    finding = chains_finding({0.1: far})
    assert "it starts at (" in finding.message
    assert passes(chains_finding(chains() | {0.1: far[10:]}))  # the first states dropped: no telling


def test_no_chain_is_missing_and_too_short_a_chain_proves_nothing() -> None:
    finding = run("a4.chains", evidence())
    assert finding.status is Status.FAILED
    assert finding.missing
    assert chains_finding({s: chain[:300] for s, chain in chains().items()}).status is Status.FAILED


def thinned(values: dict[float, Array]) -> Any:
    return run("a4.chains", evidence({"a4.draws": values}))


def test_thinned_draws_alone_are_judged_by_their_summaries() -> None:
    """With the exact repeat rate and jumps of the replicates the draws pass; independent draws do not."""
    stream = rng(9)
    independent = {s: stream.standard_normal((9000, 2)) for s in STEP_SIZES}
    finding = thinned(independent)
    assert finding.status is Status.FAILED
    assert "repeated draws" in finding.message
    constant = {s: np.ones((9000, 2)) for s in STEP_SIZES}
    assert thinned(constant).status is Status.FAILED


def rates_chain(rates: dict[float, float], table: dict[float, Array] | None = None) -> Any:
    values = {"a4.rates": rates, "a4.chains": chains() if table is None else table}
    return run("a4.rates_chain", evidence(values), n_iter=N, n_burn_in=600)


def test_rates_are_those_of_the_chains_by_each_convention() -> None:
    rates = {s: metropolis(s)[1] for s in STEP_SIZES}
    assert passes(rates_chain(rates))
    assert passes(rates_chain({s: 100 * rate for s, rate in rates.items()}))
    after = {s: float(np.mean(np.any(np.diff(c[600:], axis=0) != 0, axis=1))) for s, c in chains().items()}
    assert passes(rates_chain(after))


def test_rates_that_the_chains_do_not_give_fail_by_their_share() -> None:
    rates = {s: metropolis(s)[1] for s in STEP_SIZES}
    finding = rates_chain(rates | {0.5: 1 - rates[0.5]})
    assert finding.fraction == pytest.approx(2 / 3)
    assert "s = 0.5: you report" in finding.message
    assert rates_chain(dict.fromkeys(STEP_SIZES, 0.234)).status is Status.FAILED
    assert rates_chain(rates, {}).untried


def test_rates_have_bands_of_replicates() -> None:
    right = {s: float(GOLDEN.value(f"a4.rates[{s:g}]").truth or 0) for s in STEP_SIZES}
    assert passes(run("a4.rates", evidence({"a4.rates": right})))
    percent = run("a4.rates", evidence({"a4.rates": {s: 100 * rate for s, rate in right.items()}}))
    assert passes(percent)
    assert any("percentages" in note for note in percent.notes)
    rejected = run("a4.rates", evidence({"a4.rates": {s: 1 - rate for s, rate in right.items()}}))
    assert rejected.status is Status.FAILED
    one = run("a4.rates", evidence({"a4.rates": right | {1.5: right[0.1]}}))
    assert one.fraction == pytest.approx(2 / 3)
    assert run("a4.rates", evidence({"a4.rates": {0.1: right[0.1]}})).fraction == pytest.approx(1 / 3)


def target_of(challenge: str) -> Any:
    given = CASES[challenge]["0"]["target"]
    mixture = gaussian_mixture(np.ones(1), np.array([given["mean"]]), np.array([given["cov"]]))
    return functools.partial(gaussian_mixture_log_density, mixture=mixture)


def called_metropolis(**changes: Any) -> tuple[Array, float]:
    case = CASES["a4.sampler"]["0"] | changes
    return metropolis_hastings(target_of("a4.sampler"), case["n"], case["step"], np.array(case["x0"]), rng(6))


def mh_finding(*results: Any, **about: Any) -> Any:
    return run("a4.sampler", evidence(answers=[answer("a4.sampler", *results, **about)]))


def test_the_metropolis_function_passes_on_the_target_of_the_call() -> None:
    chain, rate = called_metropolis()
    assert passes(mh_finding(chain, rate))
    assert passes(mh_finding(rate, chain.T))


def test_a_metropolis_function_with_a_mistake_fails() -> None:
    case = CASES["a4.sampler"]["0"]
    own = metropolis_hastings(mixture_log_density, case["n"], case["step"], ORIGIN, rng(7))[0]
    assert mh_finding(own).status is Status.FAILED
    for step in (case["step"] ** 2, case["step"] ** 0.5):
        assert mh_finding(called_metropolis(step=step)[0]).status is Status.FAILED
    kept = without_repeats(called_metropolis(n=12_000)[0])[: case["n"]]
    finding = mh_finding(kept)
    assert "rejected proposals were not kept" in finding.message
    broken = np.where(np.arange(case["n"])[:, None] == 5, np.inf, called_metropolis()[0])
    assert "not finite" in mh_finding(broken).message


def test_no_challenge_has_a_scale_near_one_where_scale_and_variance_coincide() -> None:
    for key, role in (("a4.sampler", "step"), ("a3.sampler", "sigma"), ("a2.sampler", "sigma")):
        for run_secret in range(200):
            (case,) = draw_cases(PART.challenges[key], str(run_secret), "ada", key)
            scale = case["values"][role]
            assert scale**0.5 < 0.9 * scale


def test_a_function_with_thinning_built_in_is_untried() -> None:
    chain, _ = called_metropolis()
    roles = ("target", "n", "step", "x0", "rng")
    assert mh_finding(chain[600::5], roles=roles).untried
    assert mh_finding(chain[600::5], roles=("target", "x0", "rng")).untried
    assert mh_finding(0.7).untried
    assert run("a4.sampler", evidence()).untried


# ----------------------------------------------------------------------- Gibbs


@functools.cache
def gibbs(rho: float = RHO, n: int = N, seed: int = 2) -> Array:
    return gibbs_sample(n, rho, ORIGIN, rng(seed))


@functools.cache
def bad_gibbs(mistake: str, n: int = N, rho: float = RHO) -> Array:
    stream, (x1, x2) = rng(5), (0.0, 0.0)
    sd = {"variance as sd": 1 - rho**2, "sd 1": 1.0}.get(mistake, (1 - rho**2) ** 0.5)
    chain = np.empty((n, 2))
    for t in range(n):
        old = x1
        x1 = rho * x2 + sd * stream.standard_normal()
        x2 = rho * (old if mistake == "old state" else x1) + sd * stream.standard_normal()
        chain[t] = x1, x2
    return chain


def gibbs_finding(chain: Array) -> Any:
    return run("a5.chain", evidence({"a5.chain": chain}))


def every_update(n: int = N) -> Array:
    sweeps = gibbs(n=n)
    rows = np.repeat(sweeps, 2, axis=0)
    rows[::2, 1] = np.concatenate([[0.0], sweeps[:-1, 1]])
    return rows


def test_gibbs_chains_pass_by_each_convention() -> None:
    assert passes(gibbs_finding(gibbs()))
    assert passes(gibbs_finding(gibbs()[:, ::-1]))  # x2 first
    finding = gibbs_finding(every_update())
    assert passes(finding)
    assert finding.notes


def test_both_updates_from_the_old_state_are_named() -> None:
    finding = gibbs_finding(bad_gibbs("old state"))
    assert finding.status is Status.FAILED
    assert "both from the old state" in finding.message
    assert "must use the new value" in finding.message


def test_the_variance_used_as_standard_deviation_is_named_by_its_ratio() -> None:
    finding = gibbs_finding(bad_gibbs("variance as sd"))
    assert finding.status is Status.FAILED
    assert "the conditional variance is 0.19" in finding.message
    finding = gibbs_finding(bad_gibbs("sd 1"))
    assert "the conditional variance is 5." in finding.message


def test_another_correlation_and_independent_draws_fail() -> None:
    assert gibbs_finding(gibbs(0.8)).status is Status.FAILED
    exact = rng(8).multivariate_normal([0, 0], [[1, RHO], [RHO, 1]], size=N)
    assert gibbs_finding(exact).status is Status.FAILED
    repeated = np.repeat(gibbs(), 2, axis=0)
    assert "rows are repeated" in gibbs_finding(repeated).message


def test_thinned_gibbs_draws_are_judged_alone() -> None:
    draws = gibbs(n=50_000)[5_000::5]
    assert passes(run("a5.chain", evidence({"a5.draws": draws})))
    # Every update recorded, then cut to every fifth row: a slower memory, and legitimate.
    slower = every_update(n=25_000)[5_000::5]
    assert passes(run("a5.chain", evidence({"a5.draws": slower})))


def test_thinned_gibbs_draws_with_a_mistake_fail_with_the_reason() -> None:
    def reason(draws: Array) -> str:
        finding = run("a5.chain", evidence({"a5.draws": draws}))
        assert finding.status is Status.FAILED
        return finding.observed

    assert "variance of x1" in reason(bad_gibbs("variance as sd", 50_000)[5_000::5])
    assert "correlation of x₁ and x₂" in reason(gibbs(0.5, 50_000)[5_000::5])
    exact = rng(8).multivariate_normal([0, 0], [[1, RHO], [RHO, 1]], size=9_000)
    assert "neighbouring draws" in reason(exact)
    assert "mean of x1" in reason(gibbs(n=50_000)[5_000::5] + 1.0)
    assert "too few" in reason(gibbs()[:100])
    assert "No Gibbs chain" in run("a5.chain", evidence()).message


def test_the_gibbs_function_is_judged_with_the_correlation_of_the_call() -> None:
    rho, n = CASES["a5.sampler"]["0"]["rho"], CASES["a5.sampler"]["0"]["n"]

    def finding(*results: Any, **about: Any) -> Any:
        return run("a5.sampler", evidence(answers=[answer("a5.sampler", *results, **about)]))

    assert passes(finding(gibbs(rho, n)))
    assert passes(finding(gibbs(RHO, n), roles=["n", "x0", "rng"]))  # rho is fixed in the function
    assert finding(gibbs(RHO, n)).status is Status.FAILED
    wrong = finding(bad_gibbs("old state", n, rho))
    assert "both from the old state" in wrong.message
    assert "0.9" not in wrong.expected
    assert finding(gibbs(rho, n)[500::5], roles=["rho", "n"]).untried
    assert finding(np.full((n, 2), np.nan)).status is Status.FAILED
    assert finding(3.0).untried


# ------------------------------------------------------------ autocorrelation


def acf_finding(reported: Array, **values: Any) -> Any:
    held = {"a4.acf": reported, "a4.chains": chains()} | values
    return run("a4.acf", evidence(held), n_burn_in=600)


def x(column: int = 0, step: float = 0.5) -> Array:
    return chains()[step][:, column]


def by_loops(series: Array, divide_by_terms: bool = False) -> Array:
    """The definition once more, term by term."""
    n, centred = len(series), series - series.mean()
    sums = [sum(centred[: n - k] * centred[k:]) / (n - k if divide_by_terms else n) for k in range(51)]
    return np.array(sums) / sums[0]


def test_the_autocorrelation_passes_by_each_convention() -> None:
    readings = [
        by_loops(x()),
        by_loops(x(), divide_by_terms=True),
        np.array([1.0] + [np.corrcoef(x()[:-k], x()[k:])[0, 1] for k in range(1, 51)]),
        by_loops(x()[600:]),
        by_loops(x()[600::5]),
        autocorrelation(x(), 50)[1:],  # from lag 1
        autocorrelation(x(), 51),
        autocorrelation(x(), 50)[:, None],
    ]
    for reported in readings:
        assert passes(acf_finding(reported))
    draws = {s: chain[600::5] for s, chain in chains().items()}
    values = {"a4.acf": autocorrelation(draws[0.5][:, 0], 50), "a4.draws": draws}
    assert passes(run("a4.acf", evidence(values)))


def test_typical_mistakes_of_the_autocorrelation_are_named() -> None:
    raw = np.array([np.mean(x(1)[: N - k] * x(1)[k:]) for k in range(51)])
    mean_left_in = np.array([np.mean(x()[: N - k] * x()[k:]) for k in range(51)])
    named = {
        "that of x₂": autocorrelation(x(1), 50),
        "the chain for s = 1.5": autocorrelation(x(step=1.5), 50),
        "the chain for s = 0.1": autocorrelation(x(step=0.1), 50),
        "The mean was not subtracted": mean_left_in / mean_left_in[0],
        "It is the autocovariance": autocorrelation(x(), 50) * x().var(),
    }
    for sentence, reported in named.items():
        finding = acf_finding(reported)
        assert finding.status is Status.FAILED, sentence
        assert sentence in finding.message
        assert finding.pictures[0].kind == "acf"
    assert acf_finding(raw / raw[0]).status is Status.FAILED
    assert "20 lags; 50 are asked for" in acf_finding(autocorrelation(x(), 20)).message
    assert acf_finding(np.full(51, np.nan)).status is Status.FAILED
    assert run("a4.acf", evidence({"a4.acf": by_loops(x())})).untried


def test_the_autocorrelation_of_a_gibbs_chain_with_every_update_recorded_is_found() -> None:
    rows = every_update()
    for series in (rows[:, 0], rows[1::2, 0], rows[1200::10, 0]):
        reported = autocorrelation(series, 50)
        finding = run(
            "a5.acf", evidence({"a5.acf": reported, "a5.chain": rows}), n_iter=N, n_burn_in=600, thin=5
        )
        assert passes(finding)


def theory(reported: Array) -> Any:
    return run("a5.acf_theory", evidence({"a5.acf": reported}))


def test_the_fall_of_theory_passes_for_the_chain_and_for_the_thinned_chain() -> None:
    chain = gibbs(n=50_000)[5_000:, 0]
    assert passes(theory(autocorrelation(chain, 50)))
    finding = theory(autocorrelation(chain[::5], 50))
    assert passes(finding)
    assert "thinned" in finding.notes[0]
    assert passes(theory(autocorrelation(chain, 50)[1:]))


@pytest.mark.parametrize("phi", [0.9, 0.5, 0.0, 1.0])
def test_another_fall_fails(phi: float) -> None:
    finding = theory(phi ** np.arange(51.0))
    assert finding.status is Status.FAILED
    assert "does not fall as" in finding.message


def test_too_few_lags_are_said_so() -> None:
    assert "too few lags" in theory(0.81 ** np.arange(6.0)).message


def test_the_function_of_a_series_is_its_autocorrelation() -> None:
    case = CASES["a4.acf"]["0"]
    series, max_lag = np.array(case["series"]), case["max_lag"]

    def finding(*results: Any) -> Any:
        return run("a4.acf_function", evidence(answers=[answer("a4.acf", *results)]))

    right = autocorrelation(series, max_lag)
    for value in (right, right[1:], right[:, None], (n_terms(series, max_lag)), float(right[-1])):
        assert passes(finding(value))
    raw = np.array([np.mean(series[: len(series) - k] * series[k:]) for k in range(max_lag + 1)])
    for wrong in (raw / raw[0], right * series.var(), right[:20], np.full(51, np.nan), "no", np.zeros(0)):
        assert finding(wrong).status is Status.FAILED
    assert run("a4.acf_function", evidence()).untried


def n_terms(series: Array, max_lag: int) -> Array:
    n, centred = len(series), series - series.mean()
    return np.array([np.mean(centred[: n - k] * centred[k:]) for k in range(max_lag + 1)]) / series.var()
