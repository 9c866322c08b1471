"""The committed golden values and answers of the EM lab: the reference gives them again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

import autograder.registered  # noqa: F401  # fills the registries
from autograder.golden import read_golden
from autograder.probes.challenges import stored_cases
from autograder.registry import find_assignment
from autograder.rubric.loader import load_rubric
from reference.em_mixture.em import em_step, log_likelihood, responsibilities
from reference.em_mixture.settings import N_ITERATIONS, START_MEANS, START_SDS, START_WEIGHTS

ASSIGNMENT = find_assignment("em-mixture")
(PART,) = load_rubric(ASSIGNMENT).parts
GOLDEN = read_golden(ASSIGNMENT.golden("em"))
FUNCTIONS = {
    "e1.responsibilities": responsibilities,
    "e1.step": em_step,
    "e2.log_likelihood": log_likelihood,
}


@pytest.mark.parametrize("key", FUNCTIONS)
def test_answers_are_those_of_the_reference_for_the_inputs_that_its_secret_gives(key: str) -> None:
    stored = GOLDEN.answers_to(key)
    cases = stored_cases(PART.challenges[key], stored.secret, key)
    assert [one.case for one in stored.cases] == [case["key"] for case in cases]
    for kept, case in zip(stored.cases, cases, strict=True):
        given = FUNCTIONS[key](*(np.array(case["values"][name]) for name in ("x", "weights", "means", "sds")))
        arrays = given if isinstance(given, tuple) else (given,)
        assert len(arrays) == len(kept.outputs)
        for one, output in zip(arrays, kept.outputs, strict=True):
            np.testing.assert_allclose(np.asarray(one).reshape(-1), output.values, rtol=1e-10)
            assert np.asarray(one).shape == output.shape


def test_responsibilities_and_likelihood_are_those_of_scipy() -> None:
    rng = np.random.default_rng(3)
    x, weights = rng.normal(size=9), np.array([0.3, 0.7])
    means, sds = np.array([-1.0, 2.0]), np.array([0.5, 1.5])
    joint = weights * norm.pdf(x[:, None], means, sds)
    np.testing.assert_allclose(responsibilities(x, weights, means, sds), joint / joint.sum(1, keepdims=True))
    assert log_likelihood(x, weights, means, sds) == pytest.approx(float(np.log(joint.sum(1)).sum()))


def test_em_raises_the_likelihood_and_ends_where_the_golden_values_say() -> None:
    x = np.concatenate(
        [
            -2.0 + 0.8 * norm.ppf((np.arange(140) + 0.5) / 140),
            1.5 + 1.1 * norm.ppf((np.arange(260) + 0.5) / 260),
        ]
    )
    fit = (START_WEIGHTS, START_MEANS, START_SDS)
    curve = []
    for _ in range(N_ITERATIONS):
        fit = em_step(x, *fit)
        curve.append(log_likelihood(x, *fit))
    assert np.all(np.diff(curve) > -1e-9)
    for key, values in zip(("e3.weight", "e3.mean", "e3.sd"), fit, strict=True):
        replicates = GOLDEN.value(key).replicates
        assert replicates is not None
        assert (replicates.mean, replicates.sd) == (pytest.approx(values[0], abs=1e-9), 0.0)
