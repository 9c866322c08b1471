"""Which likelihood a loss is: every kind, reduction and constant is found again, and nothing else is."""

import math

import numpy as np
import pytest
from scipy import stats

from autograder.stats.likelihoods import (
    RIGHT,
    Likelihood,
    Reading,
    explain_likelihood,
    likelihood_sums,
    readings,
)

N, D = 3, 40


def batches(n_batches: int = 5) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(n_batches):
        x = rng.uniform(0.02, 0.98, size=(N, D))
        share = rng.uniform(0.1, 0.9)
        theta = share * x + (1 - share) * rng.uniform(0.05, 0.95, size=(N, D))
        found.append((theta, x, rng.uniform(-2, 1, size=(N, D))))
    return found


SUMS = [likelihood_sums(*one) for one in batches()]


@pytest.mark.parametrize("kind", sorted(SUMS[0]))
@pytest.mark.parametrize(("a", "c"), [(1.0, 0.0), (1 / N, 0.0), (-0.5, 0.0), (2.0, 300.0)])
def test_every_kind_is_found_again_in_single_precision(kind: str, a: float, c: float) -> None:
    values = [float(np.float32(a * one[kind] + c)) for one in SUMS]
    found = explain_likelihood(values, SUMS)
    assert found is not None
    assert found.kind == kind
    assert found.a == pytest.approx(a, rel=1e-3)
    assert found.c == pytest.approx(c, abs=0.05)


@pytest.mark.parametrize("values", [[0.0] * 5, [math.nan] * 5, [1.0, 2.0, 1.5, -3.0, 9.0]])
def test_anything_else_is_nothing(values: list[float]) -> None:
    assert explain_likelihood(values, SUMS) is None


def test_densities_of_scipy_are_read_with_variance_and_constant() -> None:
    sigma = 0.6
    values = [-stats.norm.logpdf(x, theta, sigma).sum() / N for theta, x, _ in batches()]
    found = explain_likelihood(values, SUMS)
    assert found is not None
    first = readings(found, N, D)[0]
    assert (found.kind, first.reduction, first.constant) == ("mse", "batch_mean", "full")
    assert first.variance == pytest.approx(sigma**2, rel=1e-3)


def test_a_variance_from_the_decoder_is_read() -> None:
    values = [-stats.norm.logpdf(x, theta, np.exp(0.5 * log_var)).sum() for theta, x, log_var in batches()]
    found = explain_likelihood(values, SUMS)
    assert found is not None
    assert found.kind == "gaussian"
    assert readings(found, N, D)[0] == Reading("sum", 0.0, "full")


@pytest.mark.parametrize("constant", ["full", "without_two"])
def test_a_laplace_distribution_has_a_constant_of_its_own(constant: str) -> None:
    b = 0.2
    each = math.log(2 * b) if constant == "full" else math.log(b)
    found = Likelihood("l1", 1 / (b * N), D * each)
    assert readings(found, N, D)[0] == Reading("batch_mean", pytest.approx(b), constant)
    assert readings(found._replace(c=found.c * 1.1), N, D) == []


def test_a_laplace_distribution_is_one_of_them() -> None:
    values = [float(np.abs(x - theta).sum() / N) for theta, x, _ in batches()]
    found = explain_likelihood(values, SUMS)
    assert found is not None
    assert found.kind in RIGHT
    assert readings(found, N, D)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Likelihood("bce", 1 / N, 0.0), Reading("batch_mean", 0.0, "none")),
        (Likelihood("bce_with_logits", 1 / (N * D), 0.0), Reading("element_mean", 0.0, "none")),
        (Likelihood("bce", 1 / 17, 0.0), Reading("", 0.0, "none")),
        (Likelihood("mse", 1 / (N * D), 0.0), Reading("element_mean", 0.5, "none")),
        (Likelihood("mse", 0.5, 0.0), Reading("sum", 1.0, "none")),
        (Likelihood("mse", 0.123, 0.0), Reading("", 0.0, "none")),
    ],
)
def test_reductions_are_named(found: Likelihood, expected: Reading) -> None:
    assert readings(found, N, D)[0] == expected


@pytest.mark.parametrize(
    "found",
    [
        Likelihood("bce", 1.0, 40.0),
        Likelihood("mse", 0.5 / N, D * math.log(2 * math.pi)),
        Likelihood("gaussian", 1.0, 7.0),
    ],
)
def test_constants_that_no_density_has_are_not_read(found: Likelihood) -> None:
    assert readings(found, N, D) == []
