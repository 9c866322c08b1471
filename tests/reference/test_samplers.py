"""Reference samplers against SciPy, closed forms, quadrature and each other.

Random tests have fixed seeds; where a number is compared, the tolerance is at least five standard errors: a
correct sampler under a fresh seed would miss it in fewer than one of a million runs.
"""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logsumexp

from autograder.template import inline, parse, solution
from reference.aml_a3 import settings
from reference.samplers import (
    Array,
    autocorrelation,
    effective_sample_size,
    gibbs_init,
    gibbs_sample,
    gibbs_step,
    importance_sample,
    log_density,
    metropolis_hastings,
    metropolis_init,
    metropolis_step,
    mixture_density,
    mixture_log_density,
    proposal_log_density,
    rejection_sample,
    rejection_step,
)

ROOT = Path(__file__).parents[2]
ORIGIN = np.zeros(2)
COMPONENTS = [
    stats.multivariate_normal(mean, covariance)
    for mean, covariance in zip(settings.MEANS, settings.COVARIANCES, strict=True)
]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def quadrature(n: int = 1201) -> tuple[Array, float]:
    """Points (n, n, 2) of a fine mesh that holds all of target and proposal, and the area of a cell."""
    axis = np.linspace(-18, 18, n)
    return np.stack(np.meshgrid(axis, axis), axis=-1), (axis[1] - axis[0]) ** 2


def standard_log_density(x: Array) -> Array:
    return -0.5 * np.sum(x * x, axis=-1) - np.log(2 * np.pi)


# ------------------------------------------------------------------ target


def test_density_agrees_with_scipy() -> None:
    x = rng().uniform(-8, 8, size=(500, 2))
    log_parts = [np.log(w) + c.logpdf(x) for w, c in zip(settings.WEIGHTS, COMPONENTS, strict=True)]
    np.testing.assert_allclose(mixture_log_density(x), logsumexp(log_parts, axis=0), rtol=1e-12)
    np.testing.assert_allclose(mixture_density(x), np.exp(logsumexp(log_parts, axis=0)), rtol=1e-12)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 10_000))
def test_any_mixture_agrees_with_scipy(k: int, d: int, seed: int) -> None:
    g = rng(seed)
    weights = g.dirichlet(np.ones(k)) * 0.9 + 0.1 / k
    means = g.normal(size=(k, d))
    roots = g.normal(size=(k, d, d))
    covariances = roots @ roots.transpose(0, 2, 1) + np.eye(d)
    x = g.normal(size=(7, d))
    parts = [
        w * stats.multivariate_normal(m, s).pdf(x)
        for w, m, s in zip(weights, means, covariances, strict=True)
    ]
    np.testing.assert_allclose(np.exp(log_density(x, weights, means, covariances)), sum(parts), rtol=1e-9)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (5,), (4, 3)])
def test_density_keeps_the_leading_shape_in_float64(shape: tuple[int, ...]) -> None:
    for density in (mixture_density, mixture_log_density):
        value = np.asarray(density(np.ones((*shape, 2))))
        assert value.shape == shape
        assert value.dtype == np.float64
    assert mixture_density(np.ones(2, dtype=np.float32)).dtype == np.float64


def test_density_integrates_to_one() -> None:
    x, area = quadrature()
    assert np.sum(mixture_density(x)) * area == pytest.approx(1.0, abs=1e-9)


def test_log_density_stays_finite_where_the_density_underflows() -> None:
    far = np.array([1e3, -1e3])
    assert np.isfinite(mixture_log_density(far))
    assert mixture_density(far) == 0.0


def test_covariance_that_is_not_positive_definite_is_refused() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        log_density(ORIGIN, np.ones(1), np.zeros((1, 2)), np.array([[[1.0, 2.0], [2.0, 1.0]]]))


# ------------------------------------------------------------------ rejection sampling


def test_proposal_density_agrees_with_scipy() -> None:
    x = rng().normal(size=(20, 2)) * 4
    expected = stats.multivariate_normal(np.zeros(2), 2.5**2 * np.eye(2)).logpdf(x)
    np.testing.assert_allclose(proposal_log_density(x, 2.5), expected, rtol=1e-12)


def test_twelve_is_no_envelope_and_the_procedure_has_its_own_rate_and_law() -> None:
    x, area = quadrature()
    p, cq = mixture_density(x), settings.C * np.exp(proposal_log_density(x, settings.SIGMA))
    assert np.max(p / cq) * settings.C == pytest.approx(17.98, abs=0.01)
    rate = np.sum(np.minimum(p, cq)) * area / settings.C
    assert rate == pytest.approx(0.08159, abs=1e-4)

    samples, n_proposals = rejection_sample(mixture_density, 10_000, settings.C, settings.SIGMA, rng())
    standard_error = rate * np.sqrt((1 - rate) / 10_000)  # negative binomial
    assert 10_000 / n_proposals == pytest.approx(rate, abs=5 * standard_error)
    law = np.minimum(p, cq) / np.sum(np.minimum(p, cq))
    for axis in (0, 1):
        mean = np.sum(law * x[..., axis])
        sd = np.sqrt(np.sum(law * (x[..., axis] - mean) ** 2))
        assert np.mean(samples[:, axis]) == pytest.approx(mean, abs=5 * sd / 100)


def test_with_an_envelope_the_draws_follow_the_target() -> None:
    target = stats.multivariate_normal([0.5, -0.5], np.eye(2))
    samples, n_proposals = rejection_sample(target.pdf, 5_000, 5.0, 2.0, rng(1))
    assert stats.kstest(samples[:, 0], stats.norm(0.5, 1).cdf).pvalue > 1e-6
    assert stats.kstest(samples[:, 1], stats.norm(-0.5, 1).cdf).pvalue > 1e-6
    assert 5_000 / n_proposals == pytest.approx(0.2, abs=5 * 0.2 * np.sqrt(0.8 / 5_000))


def test_proposals_are_counted_to_the_last_acceptance() -> None:
    """As many proposals as draws where everything is accepted; otherwise the place of the n-th acceptance."""

    def everywhere(x: Array) -> Array:
        return np.full(len(x), 1e6)

    def right_half(x: Array) -> Array:
        return np.where(x[:, 0] > 0, 1e6, 0.0)

    samples, n_proposals = rejection_sample(everywhere, 1_234, 1.0, 1.0, rng())
    assert (samples.shape, n_proposals) == ((1_234, 2), 1_234)

    samples, n_proposals = rejection_sample(right_half, 10, 1.0, 1.0, rng(3))
    proposals = rng(3).standard_normal((1_000, 2))
    assert n_proposals == np.flatnonzero(proposals[:, 0] > 0)[9] + 1
    np.testing.assert_array_equal(samples, proposals[proposals[:, 0] > 0][:10])


def test_rejection_of_nothing_and_of_nonsense() -> None:
    samples, n_proposals = rejection_sample(mixture_density, 0, 12.0, 2.5, rng())
    assert (samples.shape, samples.dtype, n_proposals) == ((0, 2), np.float64, 0)
    for n_accept, c, sigma in ((-1, 12.0, 2.5), (1, 0.0, 2.5), (1, 12.0, 0.0)):
        with pytest.raises(ValueError, match="expected n_accept >= 0"):
            rejection_sample(mixture_density, n_accept, c, sigma, rng())


def test_rejection_info_holds_the_probabilities() -> None:
    proposals, info = rejection_step(mixture_density, 50, 12.0, 2.5, rng())
    q = np.exp(proposal_log_density(proposals, 2.5))
    np.testing.assert_allclose(
        info.acceptance_probability, np.minimum(1, mixture_density(proposals) / (12 * q))
    )
    assert info.is_accepted.dtype == np.bool_


# ------------------------------------------------------------------ importance sampling


def test_importance_weights_are_the_ratio_and_estimate_what_quadrature_gives() -> None:
    n = settings.N_IMPORTANCE
    draws, log_weights = importance_sample(mixture_log_density, n, settings.SIGMA, rng())
    assert draws.shape == (n, 2)
    assert log_weights.shape == (n,)
    assert stats.kstest(draws[:, 0], stats.norm(0, settings.SIGMA).cdf).pvalue > 1e-6
    w = np.exp(log_weights)
    np.testing.assert_allclose(
        w, mixture_density(draws) / np.exp(proposal_log_density(draws, 2.5)), rtol=1e-10
    )

    x, area = quadrature()
    p, q = mixture_density(x), np.exp(proposal_log_density(x, settings.SIGMA))
    f_x = x[..., 0] ** 2 + np.sin(x[..., 1])
    truth = np.sum(p * f_x) * area
    assert truth == pytest.approx(6.36595, abs=1e-4)
    error = np.sqrt(np.sum(p**2 / q * (f_x - truth) ** 2) * area / n)  # delta method
    f = draws[:, 0] ** 2 + np.sin(draws[:, 1])
    assert np.sum(w * f) / np.sum(w) == pytest.approx(truth, abs=5 * error)
    assert effective_sample_size(w) / n == pytest.approx(1 / (np.sum(p**2 / q) * area), rel=0.05)


def test_effective_sample_size_in_closed_form() -> None:
    assert effective_sample_size(np.ones(7)) == pytest.approx(7.0)
    assert effective_sample_size(np.array([0.0, 3.0, 0.0])) == pytest.approx(1.0)
    assert effective_sample_size(np.array([1.0, 2.0])) == pytest.approx(9 / 5)
    assert effective_sample_size(np.zeros(3)) == 0.0
    assert effective_sample_size(np.empty(0)) == 0.0


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20), st.sampled_from([1e-200, 1.0, 1e200]))
def test_effective_sample_size_is_bounded_and_free_of_scale(weights: list[float], factor: float) -> None:
    w = np.round(weights, 6)
    ess = effective_sample_size(w)
    assert ess == 0.0 if not w.any() else 1 - 1e-9 <= ess <= len(w) + 1e-9
    assert effective_sample_size(w * factor) == pytest.approx(ess)


# ------------------------------------------------------------------ Metropolis-Hastings


def test_metropolis_step_moves_or_stays_and_changes_nothing_else() -> None:
    g = rng()
    state = metropolis_init(np.array([1.0, -1.0]), standard_log_density)
    for _ in range(50):
        before = state.position.copy()
        following, info = metropolis_step(state, standard_log_density, 1.0, g)
        np.testing.assert_array_equal(state.position, before)
        ratio = np.exp(standard_log_density(info.proposal) - state.log_density)
        assert info.acceptance_probability == pytest.approx(min(1.0, ratio))
        expected = info.proposal if info.is_accepted else before
        np.testing.assert_array_equal(following.position, expected)
        assert following.log_density == pytest.approx(float(standard_log_density(following.position)))
        state = following


def test_metropolis_samples_a_gaussian_with_the_known_acceptance_rate() -> None:
    """In one dimension the rate of a random walk with s on N(0, 1) is (2 / pi) atan(2 / s)."""
    chain, rate = metropolis_hastings(lambda x: -0.5 * x[..., 0] ** 2, 40_000, 2.4, np.zeros(1), rng(5))
    truth = 2 / np.pi * np.arctan(2 / 2.4)
    assert rate == pytest.approx(truth, abs=0.02)
    assert rate == np.mean(np.any(np.diff(chain, axis=0, prepend=np.zeros((1, 1))) != 0, axis=1))
    assert np.mean(chain) == pytest.approx(0.0, abs=0.07)  # tau_int is about 4.5
    assert np.var(chain) == pytest.approx(1.0, abs=0.1)


def test_metropolis_never_accepts_a_point_of_density_zero() -> None:
    def inside(x: Array) -> Array:
        return np.where(np.all(np.abs(x) < 1, axis=-1), 0.0, -np.inf)

    chain, rate = metropolis_hastings(inside, 2_000, 1.0, ORIGIN, rng())
    assert np.all(np.abs(chain) < 1)
    assert 0 < rate < 1


def test_metropolis_with_a_tiny_or_huge_step() -> None:
    _, rate = metropolis_hastings(standard_log_density, 500, 1e-9, ORIGIN, rng())
    assert rate > 0.99
    chain, rate = metropolis_hastings(standard_log_density, 500, 1e9, ORIGIN, rng())
    assert rate == 0.0
    assert not chain.any()


def test_metropolis_refuses_a_start_of_density_zero() -> None:
    with pytest.raises(ValueError, match="expected a start where the density is positive"):
        metropolis_init(ORIGIN, lambda x: np.asarray(-np.inf))


# ------------------------------------------------------------------ Gibbs sampling


def test_gibbs_sweep_uses_the_new_first_coordinate() -> None:
    state, z = gibbs_init(np.array([0.3, -0.7])), rng(4).standard_normal(2)
    following = gibbs_step(state, 0.6, rng(4))
    assert following.x1 == pytest.approx(0.6 * -0.7 + 0.8 * z[0])
    assert following.x2 == pytest.approx(0.6 * following.x1 + 0.8 * z[1])


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.9])
def test_gibbs_has_the_moments_and_the_autocorrelation_of_theory(rho: float) -> None:
    n = 40_000
    chain = gibbs_sample(n, rho, ORIGIN, rng(2))
    assert chain.shape == (n, 2)
    tau = (1 + rho**2) / (1 - rho**2)  # integrated autocorrelation time of AR(1) with coefficient rho^2
    assert np.mean(chain[:, 0]) == pytest.approx(0.0, abs=5 * np.sqrt(tau / n))
    np.testing.assert_allclose(np.cov(chain.T), [[1, rho], [rho, 1]], atol=5 * np.sqrt(2 * tau / n))
    np.testing.assert_allclose(
        autocorrelation(chain[:, 0], 5), rho ** (2 * np.arange(6)), atol=5 * np.sqrt(2 * tau / n)
    )


@pytest.mark.parametrize("rho", [1.0, -1.0, 2.0])
def test_gibbs_refuses_a_degenerate_correlation(rho: float) -> None:
    with pytest.raises(ValueError, match="expected -1 < rho < 1"):
        gibbs_sample(10, rho, ORIGIN, rng())


# ------------------------------------------------------------------ autocorrelation


def test_autocorrelation_agrees_with_the_direct_formula() -> None:
    x = rng().normal(size=200).cumsum()
    direct = [
        sum((x[t] - x.mean()) * (x[t + k] - x.mean()) for t in range(200 - k)) / (200 * x.var())
        for k in range(31)
    ]
    acf = autocorrelation(x, 30)
    np.testing.assert_allclose(acf, direct, rtol=1e-10, atol=1e-12)
    assert acf.shape == (31,)
    assert acf.dtype == np.float64


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=40), st.floats(0.1, 10), st.floats(-5, 5))
def test_autocorrelation_is_bounded_and_free_of_scale_and_place(x: list[int], a: float, b: float) -> None:
    acf = autocorrelation(np.array(x), len(x) - 1)
    assert acf[0] == 1.0
    assert np.all(np.abs(acf) <= 1 + 1e-12)
    if len(set(x)) > 1:
        assert np.sum(acf[1:]) == pytest.approx(-0.5)  # the centred values sum to zero
        np.testing.assert_allclose(autocorrelation(a * np.array(x) + b, len(x) - 1), acf, atol=1e-9)


def test_autocorrelation_of_a_constant_and_beyond_the_end() -> None:
    np.testing.assert_array_equal(autocorrelation(np.full(10, 0.1), 3), np.ones(4))
    for max_lag in (-1, 10):
        with pytest.raises(ValueError, match="expected 0 <= max_lag < 10"):
            autocorrelation(np.arange(10), max_lag)


# ------------------------------------------------------------------ the solution notebook


def test_everything_repeats_under_one_seed() -> None:
    for first, second in zip(
        (rejection_sample(mixture_density, 50, 12.0, 2.5, rng(9))[0], gibbs_sample(50, 0.9, ORIGIN, rng(9))),
        (rejection_sample(mixture_density, 50, 12.0, 2.5, rng(9))[0], gibbs_sample(50, 0.9, ORIGIN, rng(9))),
        strict=True,
    ):
        np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_solution_notebook_runs_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    def load_source(module: str) -> str:
        return (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")

    cells = solution(inline(parse(load_source("reference.aml_a3.notebook_a")), load_source))
    namespace: dict[str, object] = {"__name__": "__main__"}
    for cell in cells:
        if cell.kind == "code":
            exec(compile(cell.source.replace("plt.show()", ""), "cell", "exec"), namespace)
            assert not [name for name in cell.values + cell.functions if name not in namespace]
    n_figures = len(plt.get_fignums())
    plt.close("all")

    assert n_figures == 4
    value = namespace.__getitem__
    assert value("SEED") == settings.SEED
    assert np.shape(value("grid_density")) == (settings.GRID_SIZE, settings.GRID_SIZE)
    assert np.shape(value("accepted_samples")) == (settings.N_ACCEPT, 2)
    assert np.shape(value("is_draws")) == (settings.N_IMPORTANCE, 2)
    results = value("mh_results")
    assert isinstance(results, dict)
    assert tuple(results) == settings.STEP_SIZES
    for result in results.values():
        assert result["chain"].shape == (settings.N_ITERATIONS, 2)
        assert result["draws"].shape == (9_000, 2)
    np.testing.assert_array_equal(
        value("gibbs_draws"), value("gibbs_chain")[settings.N_BURN_IN :: settings.THIN]
    )  # type: ignore[index]
    assert np.shape(value("mh_acf")) == np.shape(value("gibbs_acf")) == (settings.MAX_LAG + 1,)
    assert "acceptance rate" in capsys.readouterr().out
