"""Mixture densities against scipy, moments against draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from autograder.stats.mixtures import GaussianMixture, log_sum_exp

WEIGHTS = [0.4, 0.35, 0.25]
MEANS = [[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]]
COVARIANCES = [[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]]
MIXTURE = GaussianMixture(WEIGHTS, MEANS, COVARIANCES)


def test_one_standard_component_has_the_closed_form() -> None:
    one = GaussianMixture([1.0], [[0.0, 0.0, 0.0]], [np.eye(3)])
    assert one.log_density([0.0, 0.0, 0.0]) == pytest.approx(-1.5 * np.log(2 * np.pi), rel=1e-14)


def test_density_agrees_with_scipy() -> None:
    x = np.random.default_rng(3).normal(scale=4, size=(500, 2))
    reference = sum(
        w * stats.multivariate_normal(m, c).pdf(x)
        for w, m, c in zip(WEIGHTS, MEANS, COVARIANCES, strict=True)
    )
    np.testing.assert_allclose(MIXTURE.density(x), reference, rtol=1e-12)


def test_the_log_density_does_not_underflow() -> None:
    assert MIXTURE.density([200.0, -200.0]) == 0.0
    assert np.isfinite(MIXTURE.log_density([200.0, -200.0]))


def test_shapes_follow_the_points() -> None:
    x = np.zeros((4, 5, 2))
    assert MIXTURE.log_density(x).shape == (4, 5)
    assert MIXTURE.log_density(x[0, 0]).shape == ()


def test_log_sum_exp_agrees_with_scipy_and_keeps_minus_infinity() -> None:
    values = np.array([[0.0, -np.inf, 800.0], [1.0, -np.inf, 801.0]])
    np.testing.assert_allclose(log_sum_exp(values, 0), special.logsumexp(values, axis=0))


def test_a_component_of_weight_zero_changes_nothing() -> None:
    padded = GaussianMixture([*WEIGHTS, 0.0], [*MEANS, [9.0, 9.0]], [*COVARIANCES, np.eye(2)])
    x = np.array([[1.0, 2.0], [9.0, 9.0]])
    np.testing.assert_allclose(padded.log_density(x), MIXTURE.log_density(x), rtol=1e-14)


def test_moments_agree_with_draws() -> None:
    """Means within 5 standard errors (fixed seed; false-fail rate 1e-6 on another)."""
    x = MIXTURE.sample(np.random.default_rng(11), 100_000)
    error = np.sqrt(np.diag(MIXTURE.covariance) / len(x))
    assert np.all(np.abs(x.mean(axis=0) - MIXTURE.mean) < 5 * error)
    np.testing.assert_allclose(np.cov(x.T), MIXTURE.covariance, atol=0.12)


def test_mean_and_covariance_have_the_closed_form() -> None:
    np.testing.assert_allclose(MIXTURE.mean, [0.3, 1.8])
    second = sum(
        w * (np.array(c) + np.outer(m, m)) for w, m, c in zip(WEIGHTS, MEANS, COVARIANCES, strict=True)
    )
    np.testing.assert_allclose(MIXTURE.covariance, second - np.outer([0.3, 1.8], [0.3, 1.8]), atol=1e-14)


def test_from_mapping_round_trips() -> None:
    spec = {"weights": WEIGHTS, "means": MEANS, "covariances": COVARIANCES}
    np.testing.assert_array_equal(GaussianMixture.from_mapping(spec).means, MIXTURE.means)
    with pytest.raises(ValueError, match="expected the keys weights, means, covariances"):
        GaussianMixture.from_mapping({"weights": WEIGHTS})


@pytest.mark.parametrize(
    ("weights", "means", "covariances", "message"),
    [
        ([0.5, 0.4], [[0.0], [1.0]], [[[1.0]], [[1.0]]], "sum 1"),
        ([1.5, -0.5], [[0.0], [1.0]], [[[1.0]], [[1.0]]], "nonnegative"),
        ([1.0], [[0.0, 0.0]], [[[1.0]]], r"expected weights \(K,\)"),
        ([1.0], [[0.0, 0.0]], [[[1.0, 0.5], [0.0, 1.0]]], "symmetric"),
        ([1.0], [[0.0, 0.0]], [[[1.0, 2.0], [2.0, 1.0]]], "positive definite"),
        ([1.0], [[0.0, np.nan]], [np.eye(2)], r"means: expected finite values, got nan at index \(0, 1\)"),
        ([], [], [], "empty"),
        (["a"], [[0.0]], [[[1.0]]], "expected numbers"),
    ],
)
def test_what_is_no_mixture_is_refused(
    weights: object, means: object, covariances: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        GaussianMixture(weights, means, covariances)  # type: ignore[arg-type]


def test_points_of_the_wrong_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match=r"x: expected shape \(\.\.\., 2\), got \(3,\)"):
        MIXTURE.density([1.0, 2.0, 3.0])
