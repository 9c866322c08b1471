"""Gibbs conventions: the one that made the chain fits, the others and the mistakes do not."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.stats.scans import CONVENTIONS, GibbsFit, gibbs_z

RHO = 0.9
COVARIANCE = [[1.0, RHO], [RHO, 1.0]]


def gibbs(
    rng: np.random.Generator, n: int, how: str, sd: float = (1 - RHO**2) ** 0.5, rho: float = RHO
) -> np.ndarray:
    """A chain (n, 2) from (0, 0), recorded by the convention `how`."""
    x, out = np.zeros(2), np.empty((n, 2))
    for t in range(n):
        if how == "both from the old state":
            x = rho * x[::-1] + sd * rng.standard_normal(2)
        else:
            order = {
                "sweep, x1 first": [0, 1],
                "sweep, x2 first": [1, 0],
                "every update, x1 first": [(t + 1) % 2],
                "every update, x2 first": [t % 2],
                "random scan": [int(rng.integers(2))],
            }[how]
            for j in order:
                x[j] = rho * x[1 - j] + sd * rng.standard_normal()
        out[t] = x
    return out


def best(fits: dict[str, GibbsFit]) -> str:
    return max(fits, key=lambda name: fits[name].p_value)


@pytest.mark.parametrize("how", list(CONVENTIONS))
def test_the_convention_that_made_the_chain_fits_alone(how: str) -> None:
    fits = gibbs_z(gibbs(np.random.default_rng(1), 4000, how), [0, 0], COVARIANCE)
    assert best(fits) == how
    assert fits[how].p_value > 1e-3
    assert all(fit.p_value < 1e-6 for name, fit in fits.items() if name != how)


def test_only_the_synchronous_scan_is_a_mistake() -> None:
    fits = gibbs_z(gibbs(np.random.default_rng(2), 50, "sweep, x1 first"), [0, 0], COVARIANCE)
    assert [name for name, fit in fits.items() if not fit.legitimate] == ["both from the old state"]


def test_p_values_hold_their_level() -> None:
    """300 correct chains of 400 sweeps: p < 0.05 in at most 9 % (3 sd above the level)."""
    rng = np.random.default_rng(3)
    how = "sweep, x1 first"
    fits = [gibbs_z(gibbs(rng, 400, how), [0, 0], COVARIANCE)[how] for _ in range(300)]
    assert np.mean([fit.p_value < 0.05 for fit in fits]) < 0.09
    for name in fits[0].z:
        z = np.array([fit.z[name] for fit in fits])
        assert z.std() == pytest.approx(1.0, abs=0.2), name
        assert abs(z.mean()) < 0.3, name


def test_mean_and_scales_of_the_target_are_used() -> None:
    x = gibbs(np.random.default_rng(4), 3000, "sweep, x2 first")
    scaled = x * [2.0, 0.5] + [3.0, -1.0]
    covariance = [[4.0, RHO], [RHO, 0.25]]
    fits = gibbs_z(scaled, [3.0, -1.0], covariance)
    assert best(fits) == "sweep, x2 first"
    assert fits["sweep, x2 first"].p_value > 1e-3


def test_variance_used_as_standard_deviation_shows_in_the_ratio() -> None:
    x = gibbs(np.random.default_rng(5), 5000, "sweep, x1 first", sd=1 - RHO**2)
    fit = gibbs_z(x, [0, 0], COVARIANCE)["sweep, x1 first"]
    assert fit.p_value < 1e-9
    np.testing.assert_allclose(fit.variance_ratios, 1 - RHO**2, rtol=0.1)


@pytest.mark.parametrize("change", [{"rho": 0.8}, {"rho": -0.9}, {"sd": 1.0}])
def test_wrong_conditionals_fit_nothing(change: dict[str, float]) -> None:
    fits = gibbs_z(gibbs(np.random.default_rng(6), 5000, "sweep, x1 first", **change), [0, 0], COVARIANCE)
    assert max(fit.p_value for fit in fits.values()) < 1e-6


def test_independent_draws_of_the_target_are_no_gibbs_chain() -> None:
    x = np.random.default_rng(7).multivariate_normal([0, 0], COVARIANCE, size=5000)
    assert max(fit.p_value for fit in gibbs_z(x, [0, 0], COVARIANCE).values()) < 1e-6


def test_a_constant_chain_has_no_structure() -> None:
    fits = gibbs_z(np.zeros((100, 2)), [0, 0], COVARIANCE)
    assert all(fit.p_value == 0 and not fit.has_structure for fit in fits.values())


@pytest.mark.parametrize(
    ("chain", "covariance", "message"),
    [
        (np.zeros((0, 2)), COVARIANCE, "empty"),
        (np.zeros((19, 2)), COVARIANCE, "at least 20 rows"),
        (np.full((30, 2), np.inf), COVARIANCE, "finite values, got inf"),
        (np.zeros((30, 3)), COVARIANCE, r"\(\.\.\., 2\)"),
        (np.zeros((30, 2)), [[1.0, 2.0], [2.0, 1.0]], "positive definite"),
    ],
)
def test_degenerate_inputs_are_refused(
    chain: np.ndarray, covariance: list[list[float]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        gibbs_z(chain, [0, 0], covariance)
