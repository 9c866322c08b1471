"""Importance sampling: conventions against numpy, delta-method spreads against replicates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.stats import importance
from autograder.stats.mixtures import GaussianMixture
from autograder.stats.rejection import proposal_density

MIXTURE = GaussianMixture(
    [0.4, 0.35, 0.25],
    [[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]],
    [[[1.0, 0.8], [0.8, 1.5]], [[0.6, 0.0], [0.0, 0.6]], [[1.2, -0.6], [-0.6, 1.2]]],
)


def f(x: np.ndarray) -> np.ndarray:
    return np.asarray(x[..., 0] ** 2 + np.sin(x[..., 1]))


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=30), st.floats(1e-200, 1e200))
def test_ess_lies_between_one_and_n_and_ignores_the_scale(weights: list[float], scale: float) -> None:
    ess = importance.ess_weights(weights)
    assert 1 - 1e-12 <= ess <= len(weights) * (1 + 1e-12)
    assert importance.ess_weights(np.array(weights) * scale) == pytest.approx(ess)
    assert importance.ess_log_weights(np.log(weights) - 5000) == pytest.approx(ess)


def test_ess_of_equal_weights_is_n_and_of_one_weight_one() -> None:
    assert importance.ess_weights(np.full(7, 3.0)) == pytest.approx(7)
    assert importance.ess_log_weights([-np.inf, 800.0, -np.inf]) == 1.0


def test_conventions_agree_with_numpy() -> None:
    rng = np.random.default_rng(4)
    w, y = rng.gamma(2.0, size=40), rng.normal(size=40)
    got = importance.weighted_variances(np.log(w), y)
    assert set(got) == set(importance.CONVENTIONS)
    assert got["population"] == pytest.approx(float(np.cov(y, aweights=w, ddof=0)))
    assert got["reliability"] == pytest.approx(float(np.cov(y, aweights=w, ddof=1)))
    mean = np.average(y, weights=w)
    assert got["frequency"] == pytest.approx(float(w @ (y - mean) ** 2 / (w.sum() - 1)))
    assert got["estimator"] == pytest.approx(float((w / w.sum()) ** 2 @ (y - mean) ** 2))
    assert got["asymptotic"] == pytest.approx(40 * got["estimator"])
    assert got["per_ess"] == pytest.approx(got["population"] / importance.ess_weights(w))


def test_counts_as_weights_are_repetitions() -> None:
    counts, y = np.array([3, 1, 2]), np.array([0.0, 1.0, 5.0])
    repeated = np.repeat(y, counts)
    assert importance.weighted_variances(np.log(counts), y)["frequency"] == pytest.approx(
        repeated.var(ddof=1)
    )


def test_equal_weights_are_the_plain_estimates() -> None:
    y = np.arange(5.0)
    got = importance.weighted_variances(np.zeros(5), y)
    assert importance.self_normalised_estimate(np.full(5, -900.0), y) == pytest.approx(2.0)
    assert got["population"] == pytest.approx(y.var())
    assert got["reliability"] == pytest.approx(y.var(ddof=1))


def test_an_undefined_convention_is_nan() -> None:
    got = importance.weighted_variances([0.0, -np.inf], [1.0, 2.0])
    assert np.isnan(got["reliability"])
    assert np.isnan(got["frequency"])


def test_truths_of_the_assignment() -> None:
    truths = importance.truths(MIXTURE.density, 2.5, f, 50_000)
    assert truths["mean"].value == pytest.approx(6.365953, abs=1e-6)
    assert truths["mean"].sd == pytest.approx(0.06116, abs=5e-6)
    assert truths["population"].value == pytest.approx(38.8068, abs=5e-5)
    assert truths["ess"].value / 50_000 == pytest.approx(0.20576, abs=5e-6)
    assert truths["estimator"].value == pytest.approx(truths["mean"].sd ** 2, rel=1e-9)


def test_truths_of_a_gaussian_have_the_closed_form() -> None:
    """p = N(0, I), q = N(0, s^2 I): E_q w^2 = s^4 / (2 s^2 - 1)."""
    target = GaussianMixture([1.0], [[0.0, 0.0]], [np.eye(2)])
    truths = importance.truths(target.density, 1.5, lambda x: x[..., 0], 1000)
    assert truths["ess"].value == pytest.approx(1000 * (2 * 2.25 - 1) / 2.25**2, rel=1e-8)
    assert truths["mean"].value == pytest.approx(0.0, abs=1e-10)
    assert truths["population"].value == pytest.approx(1.0, rel=1e-8)


def test_delta_method_agrees_with_replicates() -> None:
    """600 runs of 4,000 draws: means within 4.5 standard errors plus O(1/n), spreads within 15 % (5 sd)."""
    n, n_runs = 4000, 600
    truths = importance.truths(MIXTURE.density, 2.5, f, n)
    rng = np.random.default_rng(8)
    seen: dict[str, list[float]] = {name: [] for name in truths}
    for _ in range(n_runs):
        x = 2.5 * rng.standard_normal((n, 2))
        log_w = MIXTURE.log_density(x) - np.log(proposal_density(x, 2.5))
        y = f(x)
        seen["mean"].append(importance.self_normalised_estimate(log_w, y))
        seen["ess"].append(importance.ess_log_weights(log_w))
        for name, value in importance.weighted_variances(log_w, y).items():
            seen[name].append(value)
    for name, truth in truths.items():
        values = np.array(seen[name])
        assert values.std() == pytest.approx(truth.sd, rel=0.15), name
        assert abs(values.mean() - truth.value) < truth.sd * (4.5 / n_runs**0.5 + 3 / n**0.5), name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: importance.ess_weights([]), "at least one value|n >= 1|empty"),
        (lambda: importance.ess_weights([0.0, 0.0]), "not all 0"),
        (lambda: importance.ess_weights([1.0, -1.0]), ">= 0"),
        (
            lambda: importance.ess_weights([1.0, np.nan]),
            r"weights: expected finite values, got nan at index \(1,\)",
        ),
        (lambda: importance.ess_log_weights([-np.inf]), "-inf only"),
        (lambda: importance.ess_log_weights([np.inf, 0.0]), "finite"),
        (lambda: importance.self_normalised_estimate([0.0], [1.0, 2.0]), "one value per weight, 1, got 2"),
        (lambda: importance.truths(MIXTURE.density, 2.5, f, 1), "at least 2 draws"),
        (lambda: importance.truths(MIXTURE.density, 1.0, f, 100), "too heavy"),
        (lambda: importance.truths(lambda x: 2 * MIXTURE.density(x), 2.5, f, 100), "integral 1"),
    ],
)
def test_degenerate_inputs_are_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
