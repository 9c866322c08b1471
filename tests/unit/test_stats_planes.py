"""Quadrature on the plane against closed forms of Gaussian mixtures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from autograder.stats.mixtures import GaussianMixture
from autograder.stats.planes import Plane, bounding_box

WEIGHTS = np.array([0.4, 0.35, 0.25])
MEANS = np.array([[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]])
COVARIANCES = np.array([[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]])
MIXTURE = GaussianMixture(WEIGHTS, MEANS, COVARIANCES)


@pytest.fixture(scope="module")
def plane() -> Plane:
    return Plane.from_density(
        lambda x: 7 * MIXTURE.density(x), *bounding_box(MIXTURE.density, 15.0), step=0.05
    )


def test_mass_and_moments_are_exact_for_a_smooth_density(plane: Plane) -> None:
    assert plane.mass == pytest.approx(7.0, rel=1e-9)
    assert plane.mass_error < 1e-9
    np.testing.assert_allclose(plane.mean(), MIXTURE.mean, atol=1e-8)
    np.testing.assert_allclose(plane.covariance(), MIXTURE.covariance, atol=1e-7)


def test_expectation_and_variance_of_the_assignment(plane: Plane) -> None:
    def f(x: np.ndarray) -> np.ndarray:
        return np.asarray(x[..., 0] ** 2 + np.sin(x[..., 1]))

    sine = np.exp(-COVARIANCES[:, 1, 1] / 2) * np.sin(MEANS[:, 1])
    closed = WEIGHTS @ (COVARIANCES[:, 0, 0] + MEANS[:, 0] ** 2 + sine)
    assert plane.expectation(f) == pytest.approx(closed, abs=1e-7)
    assert closed == pytest.approx(6.365953, abs=1e-6)
    assert plane.variance(f) == pytest.approx(38.8068, abs=1e-4)


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (-1, 0), (0, -2), (1, 1), (1, -1), (0.3, -2.0)])
def test_projections_have_the_closed_form(plane: Plane, direction: tuple[float, float]) -> None:
    u = np.array(direction, dtype=float)
    t = np.linspace(-15, 15, 301)
    spread = np.sqrt(np.einsum("i,kij,j->k", u, COVARIANCES, u))
    closed = stats.norm.cdf((t[:, None] - MEANS @ u) / spread) @ WEIGHTS
    cdf = plane.marginal_cdf(direction)(t)
    np.testing.assert_allclose(cdf, closed, atol=1e-5)
    assert np.all(np.diff(cdf) >= 0)


def test_projections_run_from_zero_to_one(plane: Plane) -> None:
    cdf = plane.marginal_cdf((1, 1))
    assert (cdf(-1e6), cdf(1e6)) == (0.0, 1.0)


def test_cells_of_independent_coordinates_are_products() -> None:
    def density(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(-0.5 * (x[..., 0] ** 2 + (x[..., 1] / 2) ** 2)))

    plane = Plane.from_density(density, [-8, -16], [8, 16], step=0.05)
    edges = np.array([-np.inf, -1.0, 0.33, 2.0, np.inf])
    closed = np.outer(np.diff(stats.norm.cdf(edges)), np.diff(stats.norm.cdf(edges / 2)))
    np.testing.assert_allclose(plane.cell_probabilities(edges, edges), closed, atol=1e-8)


def test_equal_cells_are_equal_and_agree_with_rectangles(plane: Plane) -> None:
    edges_x, edges_y, probabilities = plane.equal_cells(8)
    assert probabilities.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(probabilities, 1 / 64, rtol=0.02)
    again = plane.cell_probabilities(edges_x[2:4], edges_y[2])
    np.testing.assert_allclose(again[0], probabilities[2], atol=1e-8)


def test_draws_follow_the_law(plane: Plane) -> None:
    x = plane.sample(np.random.default_rng(5), 50_000)
    assert np.all(np.abs(x.mean(axis=0) - MIXTURE.mean) < 5 * np.sqrt(np.diag(MIXTURE.covariance) / 50_000))


def test_bounding_box_keeps_the_mass_and_drops_the_rest() -> None:
    low, high = bounding_box(MIXTURE.density, 30.0)
    assert np.all(low > -12)
    assert np.all(high < 12)
    x = MIXTURE.sample(np.random.default_rng(0), 10_000)
    assert np.all((x > low) & (x < high))


@pytest.mark.parametrize(
    ("density", "box", "message"),
    [
        (lambda x: np.ones(x.shape[:-1]), 3.0, "widen the box"),
        (lambda x: np.zeros(x.shape[:-1]), 3.0, "positive mass"),
        (lambda x: np.full(x.shape[:-1], np.nan), 3.0, "finite values >= 0"),
        (lambda x: -np.exp(-np.sum(x**2, axis=-1)), 6.0, "finite values >= 0"),
        (lambda x: np.exp(-500 * np.sum(x**2, axis=-1)), 3.0, "smaller step"),
        (lambda x: np.exp(-np.sum(x**2, axis=-1)), 0.1, "4 steps"),
    ],
)
def test_what_does_not_converge_is_refused(density: object, box: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plane.from_density(density, [-box, -box], [box, box], step=0.1)  # type: ignore[arg-type]


def test_degenerate_questions_are_refused(plane: Plane) -> None:
    with pytest.raises(ValueError, match="direction"):
        plane.marginal_cdf((0.0, 0.0))
    with pytest.raises(ValueError, match="edges_x: expected at least two increasing"):
        plane.cell_probabilities([1.0, 0.0], [0.0, 1.0])
    with pytest.raises(ValueError, match="larger step"):
        Plane.from_density(MIXTURE.density, [-10, -10], [10, 10], step=1e-3)
    with pytest.raises(ValueError, match="zeros only"):
        bounding_box(lambda x: np.zeros(x.shape[:-1]), 3.0)
