"""Rejection sampling: closed forms for Gaussians, the assignment's violated envelope, brute force."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.stats.mixtures import GaussianMixture
from autograder.stats.rejection import (
    acceptance_rate,
    accepted_law,
    envelope_supremum,
    proposal_density,
)

MIXTURE = GaussianMixture(
    [0.4, 0.35, 0.25],
    [[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]],
    [[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]],
)
STANDARD = GaussianMixture([1.0], [[0.0, 0.0]], [np.eye(2)])


def test_supremum_of_a_centred_gaussian_is_the_ratio_of_scales() -> None:
    value, point = envelope_supremum(STANDARD.density, 2.5)
    assert value == pytest.approx(6.25, rel=1e-9)
    np.testing.assert_allclose(point, 0.0, atol=1e-4)


def test_supremum_of_a_shifted_gaussian() -> None:
    """log p/q = -|x - m|^2/2 + |x|^2/(2 s^2) + log s^2 is largest at m s^2/(s^2 - 1)."""
    shifted = GaussianMixture([1.0], [[1.0, -2.0]], [np.eye(2)])
    value, point = envelope_supremum(shifted.density, 2.0)
    np.testing.assert_allclose(point, np.array([1.0, -2.0]) * 4 / 3, atol=1e-4)
    assert value == pytest.approx(4 * np.exp(5 / (2 * 3)), rel=1e-9)


def test_supremum_of_the_assignment() -> None:
    value, point = envelope_supremum(MIXTURE.density, 2.5)
    assert value == pytest.approx(17.980, abs=5e-4)
    np.testing.assert_allclose(point, [3.31, 3.32], atol=5e-3)


def test_a_valid_envelope_accepts_one_in_c() -> None:
    assert acceptance_rate(STANDARD.density, 7.0, 2.5) == pytest.approx(1 / 7, rel=1e-6)
    assert acceptance_rate(MIXTURE.density, 18.0, 2.5) == pytest.approx(1 / 18, rel=1e-6)


def test_a_violated_envelope_has_the_closed_form_for_a_gaussian() -> None:
    """p = N(0, I), q = N(0, s^2 I): min(p, c q) changes at r^2 = 2 log(s^2/c) / (1 - 1/s^2)."""
    c, s2 = 3.0, 6.25
    r2 = 2 * np.log(s2 / c) / (1 - 1 / s2)
    z = c * (1 - np.exp(-r2 / (2 * s2))) + np.exp(-r2 / 2)
    assert acceptance_rate(STANDARD.density, c, 2.5) == pytest.approx(z / c, rel=1e-4)


def test_the_assignment_accepts_neither_one_in_c_nor_the_target() -> None:
    law = accepted_law(MIXTURE.density, 12.0, 2.5)
    assert law.mass / 12 == pytest.approx(0.081587, abs=1e-6)
    np.testing.assert_allclose(law.mean(), [0.2365, 1.7685], atol=5e-5)


def test_brute_force_agrees() -> None:
    """Rate and mean of a plain run of 10^6 proposals, within 5 standard errors."""
    rng = np.random.default_rng(2)
    n = 1_000_000
    x = 2.5 * rng.standard_normal((n, 2))
    kept = x[rng.random(n) * 12 * proposal_density(x, 2.5) < MIXTURE.density(x)]
    law = accepted_law(MIXTURE.density, 12.0, 2.5, step=0.05)
    rate = law.mass / 12
    assert abs(len(kept) / n - rate) < 5 * np.sqrt(rate * (1 - rate) / n)
    assert np.all(np.abs(kept.mean(axis=0) - law.mean()) < 5 * np.sqrt(np.diag(law.covariance()) / len(kept)))


def test_heavier_tails_than_the_proposal_have_no_envelope() -> None:
    with pytest.raises(ValueError, match="heavier"):
        envelope_supremum(STANDARD.density, 0.8)


@pytest.mark.parametrize(("c", "sigma", "name"), [(0.0, 1.0, "c"), (1.0, -1.0, "sigma"), (np.nan, 1.0, "c")])
def test_unfit_constants_are_refused(c: float, sigma: float, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected a finite number > 0"):
        acceptance_rate(STANDARD.density, c, sigma)
