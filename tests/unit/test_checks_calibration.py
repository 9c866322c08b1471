"""Correct work does not fail: the reference's own functions, over many fixed seeds, at a false-fail rate of 1e-3.

Each test makes N_SEEDS correct runs. At the rate of 1e-3 a run the expected number of fails is 0.04, and a fail
among the fixed seeds would have had a chance of 4 % before they were fixed: none fails.
"""

from __future__ import annotations

import numpy as np
import pytest
from evidence_builder import answer, evidence, passes, run

from reference.aml_a3.settings import N_ACCEPT, N_IMPORTANCE, RHO, SIGMA, STEP_SIZES, C
from reference.samplers import (
    effective_sample_size,
    gibbs_sample,
    importance_sample,
    metropolis_hastings,
    mixture_density,
    mixture_log_density,
    rejection_sample,
)

N_SEEDS = 40
RATE = 1e-3
ORIGIN = np.zeros(2)
SHORT_CHAIN = 600
"""Little above the fewest rows that are judged: where approximations are worst."""


def test_rejection_sampling_does_not_fail() -> None:
    for seed in range(N_SEEDS):
        draws, n = rejection_sample(mixture_density, N_ACCEPT, C, SIGMA, np.random.default_rng(seed))
        seen = evidence({"a2.draws": draws, "a2.rate": N_ACCEPT / n, "a2.proposals": n})
        assert passes(run("a2.rate", seen, rate=RATE)), seed
        assert passes(run("a2.rate_count", seen)), seed
        assert passes(run("a2.draws", seen, rate=RATE)), seed


def test_importance_sampling_does_not_fail() -> None:
    for seed in range(N_SEEDS):
        draws, log_w = importance_sample(
            mixture_log_density, N_IMPORTANCE, SIGMA, np.random.default_rng(1000 + seed)
        )
        w, f = np.exp(log_w), draws[:, 0] ** 2 + np.sin(draws[:, 1])
        mean = float(np.average(f, weights=w))
        values = {
            "a3.draws": draws,
            "a3.weights": w,
            "a3.mean": mean,
            "a3.variance": float(np.average((f - mean) ** 2, weights=w)),
            "a3.ess": effective_sample_size(w),
        }
        for check in ("a3.proposal", "a3.weights", "a3.mean", "a3.variance", "a3.ess", "a3.consistent"):
            changes = {} if check in ("a3.weights", "a3.consistent") else {"rate": RATE}
            assert passes(run(check, evidence(values), **changes)), (seed, check)


def test_short_metropolis_chains_do_not_fail() -> None:
    for seed in range(N_SEEDS):
        chains = {
            step: metropolis_hastings(
                mixture_log_density, SHORT_CHAIN, step, ORIGIN, np.random.default_rng([2, seed, k])
            )[0]
            for k, step in enumerate(STEP_SIZES)
        }
        finding = run("a4.chains", evidence({"a4.chains": chains}), rate=RATE, n_iter=SHORT_CHAIN)
        assert passes(finding), (seed, finding.message)


@pytest.mark.parametrize("rho", [RHO, 0.5, -0.6])
def test_short_gibbs_chains_do_not_fail(rho: float) -> None:
    for seed in range(N_SEEDS):
        chain = gibbs_sample(SHORT_CHAIN, rho, ORIGIN, np.random.default_rng([3, seed]))
        covariance = [[1.0, rho], [rho, 1.0]]
        finding = run("a5.chain", evidence({"a5.chain": chain}), rate=RATE, covariance=covariance)
        assert passes(finding), (seed, finding.message)


def test_thinned_gibbs_draws_and_their_autocorrelation_do_not_fail() -> None:
    for seed in range(N_SEEDS // 4):  # chains of full length: the expected number of fails is 0.02
        chain = gibbs_sample(50_000, RHO, ORIGIN, np.random.default_rng([4, seed]))[5_000:]
        seen = evidence({"a5.draws": chain[::5]})
        assert passes(run("a5.chain", seen, rate=RATE)), seed
        centred = chain[:, 0] - chain[:, 0].mean()
        products = [float(np.mean(centred[: len(chain) - k] * centred[k:])) for k in range(51)]
        acf = np.array(products) / products[0]
        assert passes(run("a5.acf_theory", evidence({"a5.acf": acf}), rate=RATE)), seed


def test_a_sampler_that_fixes_everything_does_not_fail() -> None:
    for seed in range(N_SEEDS // 4):
        draws, _ = rejection_sample(mixture_density, 4_000, C, SIGMA, np.random.default_rng([5, seed]))
        seen = evidence(answers=[answer("a2.sampler", draws, roles=["n", "rng"])])
        assert passes(run("a2.sampler", seen, rate=RATE)), seed
