"""Metropolis kernel tests: calibrated for chains that have not mixed, sharp for typical mistakes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from autograder.stats.mixtures import GaussianMixture
from autograder.stats.transitions import MetropolisZ, metropolis_z, one_step_acceptance

MIXTURE = GaussianMixture(
    [0.4, 0.35, 0.25],
    [[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]],
    [[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]],
)
STANDARD = GaussianMixture([1.0], [[0.0, 0.0]], [np.eye(2)])


def metropolis(
    rng: np.random.Generator,
    n: int,
    step: float,
    n_chains: int = 1,
    log_density: Callable[[np.ndarray], np.ndarray] = MIXTURE.log_density,
    shift: float = 0.0,
) -> np.ndarray:
    """Chains (n, n_chains, 2) from (0, 0)."""
    x = np.zeros((n_chains, 2))
    here, out = log_density(x), np.empty((n, n_chains, 2))
    for t in range(n):
        y = x + step * rng.standard_normal((n_chains, 2)) + shift
        there = log_density(y)
        ok = np.log(rng.random(n_chains)) < there - here
        x, here = np.where(ok[:, None], y, x), np.where(ok, there, here)
        out[t] = x
    return out


@pytest.mark.parametrize("step", [0.1, 1.5])
def test_acceptance_at_the_mode_has_the_closed_form(step: float) -> None:
    """At the mode of N(0, I): E exp(-|e|^2 / 2) = 1 / (1 + s^2)."""
    got = one_step_acceptance(STANDARD.log_density, [[0.0, 0.0]], step)
    assert got[0] == pytest.approx(1 / (1 + step**2), abs=2e-3)


def test_acceptance_agrees_with_brute_force() -> None:
    """The docstring allows 4e-3; 400,000 plain proposals have a standard error of 7e-4."""
    rng = np.random.default_rng(1)
    states = MIXTURE.sample(rng, 12)
    e = 1.5 * rng.standard_normal((400_000, 2))
    got = one_step_acceptance(MIXTURE.log_density, states, 1.5)
    for state, value in zip(states, got, strict=True):
        ratio = MIXTURE.log_density(state + e) - MIXTURE.log_density(state)
        assert value == pytest.approx(np.exp(np.minimum(ratio, 0)).mean(), abs=6e-3)


def test_acceptance_is_repeatable_and_tends_to_one_for_small_steps() -> None:
    states = MIXTURE.sample(np.random.default_rng(2), 50)
    first = one_step_acceptance(MIXTURE.log_density, states, 1e-6)
    np.testing.assert_array_equal(first, one_step_acceptance(MIXTURE.log_density, states, 1e-6))
    np.testing.assert_allclose(first, 1.0, atol=1e-4)


@pytest.mark.parametrize("step", [0.1, 0.5, 1.5])
def test_z_is_standard_normal_for_correct_chains(step: float) -> None:
    """150 chains of 1,000 steps, far from mixed for s = 0.1: each z passes KS at 1e-4, p < 0.05 in < 12 %."""
    chains = metropolis(np.random.default_rng(10), 1000, step, 150)
    results = [metropolis_z(MIXTURE.log_density, chains[:, k], step) for k in range(150)]
    table = np.array([(r.moves, *r.drift, r.squared_jump) for r in results])
    for column in table.T:
        assert stats.kstest(column, "norm").pvalue > 1e-4
    assert np.mean([r.p_value < 0.05 for r in results]) < 0.12


def test_transitions_may_be_thinned_out_but_stay_consecutive() -> None:
    chain = metropolis(np.random.default_rng(3), 4000, 0.5)[:, 0]
    result = metropolis_z(MIXTURE.log_density, chain, 0.5, max_transitions=500)
    assert result.n_transitions == 500
    assert result.p_value > 1e-4


def _z(chain: np.ndarray, step: float = 1.5) -> MetropolisZ:
    return metropolis_z(MIXTURE.log_density, chain, step)


def test_mistakes_are_seen() -> None:
    rng = np.random.default_rng(4)
    n = 5000
    right = metropolis(rng, n, 1.5)[:, 0]
    assert _z(right).p_value > 1e-4
    moved = right[1:][np.any(right[1:] != right[:-1], axis=1)]
    assert _z(moved).moves > 10  # only accepted states recorded
    assert _z(metropolis(rng, n, 1.5**0.5)[:, 0]).squared_jump < -5  # s^2 taken for s
    assert _z(metropolis(rng, n, 1.5, log_density=lambda x: 2 * MIXTURE.log_density(x))[:, 0]).moves < -5
    assert _z(metropolis(rng, n, 1.5, log_density=lambda x: 0 * x[..., 0])[:, 0]).moves > 10  # always accepts
    assert _z(metropolis(rng, n, 1.5, log_density=STANDARD.log_density)[:, 0]).p_value < 1e-6
    assert _z(metropolis(rng, n, 1.5, shift=0.3)[:, 0]).p_value < 1e-6  # drifting proposal, no correction
    assert _z(np.zeros((n, 2))).moves < -10


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        (np.zeros((0, 2)), "empty"),
        (np.zeros((200, 3)), r"expected shape \(\.\.\., 2\)"),
        (np.zeros((99, 2)), "at least 100 rows"),
        (np.full((200, 2), np.nan), "finite values, got nan"),
        (np.full((200, 2), 1e200), "density 0"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_degenerate_chains_are_refused(chain: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metropolis_z(MIXTURE.log_density, chain, 0.5)


def test_unfit_parameters_are_refused() -> None:
    chain = metropolis(np.random.default_rng(5), 100, 0.5)[:, 0]
    with pytest.raises(ValueError, match="step"):
        metropolis_z(MIXTURE.log_density, chain, 0.0)
    with pytest.raises(ValueError, match="max_transitions"):
        metropolis_z(MIXTURE.log_density, chain, 0.5, max_transitions=5)
    with pytest.raises(ValueError, match="n_nodes"):
        one_step_acceptance(MIXTURE.log_density, chain, 0.5, n_nodes=2)
