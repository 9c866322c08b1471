"""Distribution tests: scipy's statistics, uniform p-values, and power for typical mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from autograder.stats import draws
from autograder.stats.mixtures import GaussianMixture
from autograder.stats.planes import Plane
from autograder.stats.rejection import accepted_law, proposal_density

MIXTURE = GaussianMixture(
    [0.4, 0.35, 0.25],
    [[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]],
    [[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]],
)


@pytest.fixture(scope="module")
def law() -> Plane:
    return accepted_law(MIXTURE.density, 12.0, 2.5)


def accepted(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draws of a plain rejection sampler with c = 12, sigma = 2.5."""
    x = 2.5 * rng.standard_normal((n * 16, 2))
    return np.asarray(x[rng.random(len(x)) * 12 * proposal_density(x, 2.5) < MIXTURE.density(x)][:n])


def test_ks_is_scipys(law: Plane) -> None:
    x = accepted(np.random.default_rng(1), 300)
    result = draws.ks_projections(x, law, [(1, 0), (1, 1)])
    for key, values, u in (("(1, 0)", x[:, 0], (1, 0)), ("(1, 1)", x.sum(axis=1), (1, 1))):
        reference = stats.kstest(values, law.marginal_cdf(u), method="exact")
        assert result.p_values[key] == pytest.approx(reference.pvalue, rel=1e-6)
    assert result.p_value == pytest.approx(min(1.0, 2 * min(result.p_values.values())))


def test_ks_takes_closed_form_distribution_functions() -> None:
    x = np.random.default_rng(2).normal(size=(500, 2))
    result = draws.ks_projections(x, lambda u: stats.norm(scale=np.hypot(*u)).cdf)
    assert result.p_value > 1e-4


def test_cells_are_pearsons_chi_square(law: Plane) -> None:
    x = accepted(np.random.default_rng(3), 2000)
    result = draws.cells_test(x, law, n_cells=16)
    edges_x, edges_y, probabilities = law.equal_cells(4)
    counts = [
        np.sum((x[:, 0] > edges_x[i]) & (x[:, 0] <= edges_x[i + 1]) & (x[:, 1] > low) & (x[:, 1] <= high))
        for i in range(4)
        for low, high in zip(edges_y[i][:-1], edges_y[i][1:], strict=True)
    ]
    reference = stats.chisquare(counts, 2000 * probabilities.ravel())
    assert result.statistic == pytest.approx(reference.statistic)
    assert result.p_value == pytest.approx(reference.pvalue)
    assert result.df == 15


def test_p_values_are_uniform_for_correct_samplers(law: Plane) -> None:
    """300 runs of 500 draws of a real rejection sampler: KS of the p-values at 1e-3."""
    rng = np.random.default_rng(4)
    runs = accepted(rng, 150_000).reshape(300, 500, 2)
    cells = [draws.cells_test(x, law).p_value for x in runs]
    assert stats.kstest(cells, "uniform").pvalue > 1e-3
    ks = [draws.ks_projections(x, law) for x in runs]
    for part in ks[0].p_values:
        assert stats.kstest([r.p_values[part] for r in ks], "uniform").pvalue > 1e-3
    assert np.mean([r.p_value < 0.05 for r in ks]) < 0.09  # Bonferroni: at most 5 %, 3 sd above


def test_draws_of_the_target_are_not_those_of_the_violated_envelope(law: Plane) -> None:
    """p and min(p, 12 q) differ by 2 % in mass: 50,000 draws show it, and the cell says where."""
    x = MIXTURE.sample(np.random.default_rng(5), 50_000)
    result = draws.cells_test(x, law)
    assert result.p_value < 1e-6
    assert result.worst.x[0] > 1.5
    assert result.worst.y[0] > 1.5
    assert result.worst.observed > result.worst.expected
    assert draws.ks_projections(x, law).p_value < 1e-6


@pytest.mark.parametrize("mistake", ["proposals", "sigma squared", "shrunk"])
def test_typical_mistakes_are_seen(law: Plane, mistake: str) -> None:
    rng = np.random.default_rng(6)
    x = {
        "proposals": 2.5 * rng.standard_normal((2000, 2)),
        "sigma squared": 6.25 * rng.standard_normal((2000, 2)),
        "shrunk": 0.9 * accepted(rng, 2000),
    }[mistake]
    assert min(draws.cells_test(x, law).p_value, draws.ks_projections(x, law).p_value) < 1e-4


def test_gaussian_draws_are_recognised_and_their_scale_matters() -> None:
    x = 2.5 * np.random.default_rng(7).standard_normal((3000, 2))
    assert draws.gaussian_draws_test(x, 2.5).p_value > 1e-3
    assert draws.gaussian_draws_test(x, 2.5**0.5).p_value < 1e-12
    assert draws.gaussian_draws_test(x * [1.0, -1.0], 2.5).p_value > 1e-3
    dependent = np.stack([x[:, 0], np.abs(x[:, 0]) * np.sign(x[:, 1])], axis=1)
    result = draws.gaussian_draws_test(dependent, 2.5)
    assert result.part == "radius"
    assert result.p_value < 1e-6


def test_gaussian_p_values_hold_their_level() -> None:
    """400 runs of 200 draws: each part uniform (KS at 1e-3)."""
    runs = np.random.default_rng(8).standard_normal((400, 200, 2))
    results = [draws.gaussian_draws_test(x, 1.0) for x in runs]
    for part in ("x1", "x2", "radius"):
        assert stats.kstest([r.p_values[part] for r in results], "uniform").pvalue > 1e-3


def test_mean_z_is_standardised() -> None:
    x = np.array([[1.0, 2.0], [3.0, 2.0]])
    np.testing.assert_allclose(draws.mean_z(x, [1.0, 2.0], [2.0, 1.0], 2), [1.0, 0.0])
    assert draws.mean_z([1.0, 1.0], 0.0, 4.0, 16) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((0, 2)), "empty"),
        (np.zeros((1, 2)), "at least"),
        (np.zeros((50, 3)), r"\(\.\.\., 2\)"),
        (np.full((50, 2), np.nan), "finite values, got nan"),
    ],
)
def test_degenerate_draws_are_refused(law: Plane, values: np.ndarray, message: str) -> None:
    for test in (draws.ks_projections, draws.cells_test):
        with pytest.raises(ValueError, match=message):
            test(values, law)  # type: ignore[operator]


def test_constant_draws_are_refuted_not_refused(law: Plane) -> None:
    x = np.zeros((100, 2))
    assert draws.ks_projections(x, law).p_value < 1e-6
    assert draws.cells_test(x, law).p_value < 1e-6


def test_unfit_parameters_are_refused(law: Plane) -> None:
    x = np.zeros((100, 2))
    with pytest.raises(ValueError, match="directions"):
        draws.ks_projections(x, law, [])
    with pytest.raises(ValueError, match="n_cells"):
        draws.cells_test(x, law, 2)
    with pytest.raises(ValueError, match="sd: expected"):
        draws.gaussian_draws_test(x, 0.0)
    with pytest.raises(ValueError, match="values > 0"):
        draws.mean_z(x, 0.0, 0.0, 10)
