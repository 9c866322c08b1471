"""The checks of a density: right material passes, each typical mistake is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from evidence_builder import CASES, answer, evidence, figure, passes, run

from autograder.records import Status
from reference.aml_a3.settings import COVARIANCES, MEANS, WEIGHTS
from reference.samplers import log_density, mixture_density, mixture_log_density

Array = np.ndarray
POINTS = np.array(CASES["a1.density"]["0"]["points"])
AXIS = np.linspace(-6, 6, 200)
MESH = np.stack(np.meshgrid(AXIS, AXIS), axis=-1)


def called_with(values: Any, function: str = "mixture_density") -> Any:
    return run("a1.density", evidence(answers=[answer("a1.density", values, function=function)]))


def parts(x: Array) -> tuple[Array, Array]:
    """Each component's quadratic form and determinant: written down once more, by explicit inverses."""
    d = x[:, None, :] - MEANS
    return np.einsum("nki,kij,nkj->nk", d, np.linalg.inv(COVARIANCES), d), np.linalg.det(COVARIANCES)


def summed(x: Array, keep: tuple[int, ...] = (0, 1, 2), power: float = 0.5, half: float = 0.5) -> Array:
    square, det = parts(x)
    terms = WEIGHTS / (2 * np.pi * det**power) * np.exp(-half * square)
    return np.asarray(terms[:, list(keep)].sum(axis=1))


def diagonal(x: Array) -> Array:
    return np.exp(log_density(x, WEIGHTS, MEANS, np.stack([np.diag(np.diag(c)) for c in COVARIANCES])))


def squared(x: Array) -> Array:
    return np.exp(log_density(x, WEIGHTS, MEANS, COVARIANCES @ COVARIANCES))


def exchanged(x: Array) -> Array:
    return np.exp(log_density(x, WEIGHTS[[1, 0, 2]], MEANS, COVARIANCES))


def unweighted(x: Array) -> Array:
    square, det = parts(x)
    return np.asarray((np.exp(-0.5 * square) / (2 * np.pi * np.sqrt(det))).sum(axis=1))


@pytest.mark.parametrize("density", [mixture_density, mixture_log_density, summed])
def test_the_density_passes_in_either_form(density: Callable[[Array], Array]) -> None:
    assert passes(called_with(density(POINTS)))
    assert passes(called_with(density(POINTS)[:, None]))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (diagonal, "with the correlations left out"),
        (lambda x: np.log(diagonal(x)), "with the correlations left out"),
        (squared, "squares of the covariances"),
        (exchanged, "the weights of components 1 and 2 exchanged"),
        (
            lambda x: np.exp(log_density(x, np.full(3, 1 / 3), MEANS, COVARIANCES)),
            "with equal weights",
        ),
        (lambda x: summed(x, keep=(0, 1)), "Component 3 is missing"),
        (lambda x: summed(x, keep=(1, 2)), "Component 1 is missing"),
        (lambda x: summed(x, power=1.0), "without the square root of the determinant"),
        (lambda x: summed(x, power=0.0), "without the determinant"),
        (lambda x: summed(x, half=1.0), "without the factor ½"),
        (unweighted, "without their weights"),
    ],
)
def test_each_typical_mistake_is_named(wrong: Callable[[Array], Array], sentence: str) -> None:
    finding = called_with(wrong(POINTS))
    assert finding.status is Status.FAILED
    assert sentence in finding.message


@pytest.mark.parametrize("factor", [2.0, 2 * np.pi, 0.1])
def test_a_constant_factor_costs_half(factor: float) -> None:
    for values in (factor * mixture_density(POINTS), mixture_log_density(POINTS) + np.log(factor)):
        finding = called_with(values)
        assert finding.fraction == 0.5
        assert "constant factor" in finding.message
        assert f"{factor:.4g}" in finding.message


def test_another_function_fails_with_an_example() -> None:
    finding = called_with(np.abs(POINTS).sum(axis=1))
    assert finding.status is Status.FAILED
    assert "for example" in finding.message


def test_the_expected_values_are_not_given_away() -> None:
    finding = called_with(np.zeros(len(POINTS)))
    truth = mixture_density(POINTS)
    assert not any(f"{value:.4g}" in finding.message for value in truth)


def test_a_function_without_a_speaking_name_counts_only_when_it_is_right() -> None:
    assert passes(called_with(mixture_density(POINTS), function="h"))
    assert called_with(np.abs(POINTS).sum(axis=1), function="h").untried


def test_the_best_of_several_functions_counts() -> None:
    answers = [
        answer("a1.density", diagonal(POINTS), function="density_draft"),
        answer("a1.density", mixture_density(POINTS), function="mixture_density"),
    ]
    assert passes(run("a1.density", evidence(answers=answers)))


def test_a_function_that_stops_fails_and_no_function_is_untried() -> None:
    broken = answer("a1.density", status="error", error="ValueError: shapes", function="mixture_density")
    finding = run("a1.density", evidence(answers=[broken]))
    assert finding.status is Status.FAILED
    assert "ValueError: shapes" in finding.message
    assert run("a1.density", evidence()).untried


# -------------------------------------------------------------------- surface


def surface(z: Array, x: Array = AXIS, y: Array = AXIS) -> Any:
    drawn = figure(
        arrays={"x": x, "y": y, "z": z},
        contours=[{"xref": "x", "yref": "y", "zref": "z", "shape": list(z.shape)}],
    )
    return run("a1.surface", evidence(figures=[drawn]))


def test_the_surface_passes_scaled_or_in_the_logarithm() -> None:
    for z in (mixture_density(MESH), 7.0 * mixture_density(MESH), mixture_log_density(MESH) - 3.0):
        assert passes(surface(z))
    assert passes(surface(mixture_density(MESH[:, ::2]), x=AXIS[::2]))


def test_wrong_surfaces_fail_with_the_reason() -> None:
    assert "x and y exchanged" in surface(mixture_density(MESH).T).message
    assert "do not fit" in surface(mixture_density(MESH)[:-1]).message
    wrong = diagonal(MESH.reshape(-1, 2)).reshape(200, 200)
    finding = surface(wrong)
    assert finding.status is Status.FAILED
    assert "does not show the target" in finding.message
    assert "No contour" in run("a1.surface", evidence()).message


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_flat_and_broken_surfaces_fail(value: float) -> None:
    assert surface(np.full((200, 200), value)).status is Status.FAILED
