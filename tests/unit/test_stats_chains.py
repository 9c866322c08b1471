"""Chain diagnostics against closed forms of AR(1), plain sums, and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from autograder.stats import chains

PHI = 0.81


def ar1(rng: np.random.Generator, n: int, n_chains: int, phi: float = PHI) -> np.ndarray:
    """Stationary series of unit variance, (n_chains, n)."""
    noise = np.sqrt(1 - phi**2) * rng.standard_normal((n_chains, n))
    noise[:, 0] /= np.sqrt(1 - phi**2)
    return np.asarray(signal.lfilter([1.0], [1.0, -phi], noise, axis=1))


@pytest.mark.parametrize("unbiased", [False, True])
def test_autocovariance_is_the_plain_sum(unbiased: bool) -> None:
    x = np.random.default_rng(1).normal(5.0, 2.0, size=57)
    d = x - x.mean()
    plain = [d[: 57 - k] @ d[k:] / (57 - k if unbiased else 57) for k in range(57)]
    np.testing.assert_allclose(chains.autocovariance(x, unbiased=unbiased), plain, atol=1e-12)


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=40), st.floats(0.1, 10), st.floats(-100, 100))
def test_acf_ignores_scale_and_place(values: list[float], scale: float, place: float) -> None:
    x = np.array(values)
    if np.ptp(x) < 1e-3:
        return
    rho = chains.acf(x)
    assert rho[0] == 1
    assert np.all(np.abs(rho) <= 1 + 1e-9)
    np.testing.assert_allclose(chains.acf(scale * x + place), rho, atol=1e-6)


def test_pearson_convention_is_numpy() -> None:
    x = np.random.default_rng(2).normal(size=300).cumsum()
    rho = chains.acf_pearson(x, 50)
    assert rho[50] == pytest.approx(np.corrcoef(x[:-50], x[50:])[0, 1])
    assert rho[0] == 1


def test_tau_of_ar1_has_the_closed_form() -> None:
    """(1 + phi) / (1 - phi) = 9.53; the mean over 40 chains of 20,000 is within 3 %."""
    x = ar1(np.random.default_rng(3), 20_000, 40)
    tau = np.mean([chains.tau_int(series) for series in x])
    assert tau == pytest.approx((1 + PHI) / (1 - PHI), rel=0.03)


def test_independent_draws_have_tau_one() -> None:
    x = np.random.default_rng(4).normal(size=50_000)
    assert chains.tau_int(x) == pytest.approx(1.0, abs=0.05)
    assert chains.ess_mcmc(x) == pytest.approx(50_000, rel=0.05)


def test_antithetic_chains_have_a_large_but_finite_ess() -> None:
    x = ar1(np.random.default_rng(5), 5000, 1, phi=-0.95)[0]
    assert 5000 < chains.ess_mcmc(x) <= 5000 * np.log10(5000) + 1e-6


def test_mcse_is_calibrated() -> None:
    """mean / mcse over 400 chains has standard deviation 1 within 15 % (4 sd)."""
    x = ar1(np.random.default_rng(6), 4000, 400)
    z = [series.mean() / chains.mcse_mean(series) for series in x]
    assert np.std(z) == pytest.approx(1.0, rel=0.15)


def test_a_constant_chain_follows_the_convention() -> None:
    x = np.full(10, 3.3)
    assert chains.ess_mcmc(x) == 0.0
    assert chains.mcse_mean(x) == np.inf
    assert chains.tau_int(x) == np.inf
    assert chains.move_rate(x) == 0.0
    for call in (chains.acf, lambda v: chains.acf_pearson(v, 2)):
        with pytest.raises(ValueError, match="varies"):
            call(x)


def test_move_rate_counts_rows_that_differ() -> None:
    chain = np.array([[0, 0], [0, 1], [0, 1], [2, 1], [2, 1]], dtype=float)
    assert chains.move_rate(chain) == 0.5
    assert chains.move_rate(chain[:, 0]) == 0.25


def test_bartlett_of_ar1_has_the_closed_form() -> None:
    """Box and Jenkins: n Var r_k = (1 + p^2)(1 - p^2k) / (1 - p^2) - 2 k p^2k."""
    k = np.arange(51)
    closed = (1 + PHI**2) * (1 - PHI ** (2 * k)) / (1 - PHI**2) - 2 * k * PHI ** (2 * k)
    sd = chains.acf_bartlett_sd(PHI ** np.arange(300), 1000, 50)
    np.testing.assert_allclose(sd, np.sqrt(closed / 1000), rtol=1e-9, atol=1e-12)


def test_bartlett_of_white_noise_is_one_over_root_n() -> None:
    np.testing.assert_allclose(chains.acf_bartlett_sd([1.0], 400, 3), [0.0, 0.05, 0.05, 0.05])


def test_bartlett_agrees_with_replicates() -> None:
    """500 chains of 10,000: spread of the sample ACF within 15 % (4.7 sd)."""
    x = ar1(np.random.default_rng(7), 10_000, 500)
    seen = np.array([chains.acf(series, 50) for series in x]).std(axis=0)
    sd = chains.acf_bartlett_sd(PHI ** np.arange(300), 10_000, 50)
    np.testing.assert_allclose(seen[1:], sd[1:], rtol=0.15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chains.acf([]), "empty"),
        (lambda: chains.acf([1.0]), "n >= 2"),
        (lambda: chains.acf([1.0, np.nan]), "finite values, got nan"),
        (lambda: chains.acf([1.0, 2.0], 2), "max_lag"),
        (lambda: chains.acf(np.zeros((3, 2))), r"expected shape \(n,\)"),
        (lambda: chains.acf_pearson([1.0, 2.0, 4.0], 2), "max_lag"),
        (lambda: chains.tau_int([1.0, 2.0, 3.0]), "n >= 4"),
        (lambda: chains.move_rate([[1.0, 2.0]]), "at least 2 rows"),
        (lambda: chains.acf_bartlett_sd([0.5], 10, 2), "start with 1"),
        (lambda: chains.acf_bartlett_sd([1.0], 10, 10), "max_lag"),
    ],
)
def test_degenerate_inputs_are_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
