"""Functions that no formula of the grader knows: compared with what the reference gave for the same inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kernel_asker import ask

import autograder.registered  # noqa: F401  # fills the registries
from autograder.checks.findings import Context, Finding
from autograder.errors import UsageError
from autograder.golden import Golden, StoredCase, StoredChallenge, StoredOutput
from autograder.probes.array_draws import Law
from autograder.probes.challenges import stored_cases
from autograder.probes.evidence import Evidence
from autograder.records import Status
from autograder.registry import CHECKS, find_assignment
from autograder.rubric.loader import load_rubric
from reference.em_mixture.em import em_step, log_likelihood, responsibilities

(PART,) = load_rubric(find_assignment("em-mixture")).parts
HEAD = "import numpy as np\nfrom scipy.stats import norm\n"
E_STEP = """
def e_step(x, w, mu, sigma):
    joint = w * norm.pdf(np.asarray(x)[:, None], mu, sigma)
    return joint / joint.sum(1, keepdims=True)
"""
M_STEP = """
def em_step(x, w, mu, sigma):
    r = e_step(x, w, mu, sigma)
    n = r.sum(0)
    mu = r.T @ x / n
    return n / len(x), mu, np.sqrt((r * (np.asarray(x)[:, None] - mu) ** 2).sum(0) / n)
"""
LIKELIHOOD = """
def log_likelihood(x, w, mu, sigma):
    return np.log((w * norm.pdf(np.asarray(x)[:, None], mu, sigma)).sum(1)).sum()
"""
SHARES = "return joint / joint.sum(1, keepdims=True)"
RIGHT = HEAD + E_STEP + M_STEP + LIKELIHOOD
FUNCTIONS = {
    "e1.responsibilities": responsibilities,
    "e1.step": em_step,
    "e2.log_likelihood": log_likelihood,
}


def answers_of(evidence: Evidence, key: str) -> StoredChallenge:
    """What the reference gives for the inputs that a notebook was asked."""
    cases = []
    for case, values in evidence.called[key].cases.items():
        given = FUNCTIONS[key](*(np.array(values[name]) for name in ("x", "weights", "means", "sds")))
        arrays = [np.asarray(one) for one in (given if isinstance(given, tuple) else (given,))]
        outputs = tuple(
            StoredOutput(path=f"result[{at}]", shape=one.shape, values=tuple(one.reshape(-1).tolist()))
            for at, one in enumerate(arrays)
        )
        cases.append(StoredCase(case=case, outputs=outputs))
    return StoredChallenge(secret="s", cases=tuple(cases))


def found(folder: Path, source: str, key: str, **params: Any) -> Finding:
    folder.mkdir(exist_ok=True)
    evidence = ask(folder, (source,), {key: PART.challenges[key]})
    golden = Golden(answers={key: answers_of(evidence, key)})
    check = CHECKS["function_gives"]
    (spec,) = (one for _, one in PART.checks() if one.params.get("challenge") == key)
    finding = check.function(
        evidence, check.params.model_validate({**spec.params, **params}), Context("e1", 1e-3, golden)
    )
    assert isinstance(finding, Finding)
    return finding


@pytest.mark.parametrize("key", FUNCTIONS)
def test_a_right_function_passes(key: str, tmp_path: Path) -> None:
    assert found(tmp_path, RIGHT, key).fraction == 1.0


VARIANTS = {
    "transposed": (SHARES, "return (joint / joint.sum(1, keepdims=True)).T"),
    "lists": (SHARES, "return (joint / joint.sum(1, keepdims=True)).tolist()"),
    "among others": (SHARES, SHARES.replace("return", "r =") + "\n    return {'r': r, 'joint': joint}"),
    "torch": (SHARES, "import torch\n    " + SHARES.replace("joint / joint", "torch.tensor(joint / joint") + ")"),
}  # fmt: skip


def test_results_may_be_stacked(tmp_path: Path) -> None:
    stacked = RIGHT.replace(
        "return n / len(x), mu, np.sqrt(", "return np.array([n / len(x), mu, np.sqrt("
    ).replace("/ n)\n\ndef log", "/ n)])\n\ndef log")
    assert stacked != RIGHT
    assert found(tmp_path, stacked, "e1.step").fraction == 1.0


@pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS)
def test_the_form_of_a_result_does_not_count(change: tuple[str, str], tmp_path: Path) -> None:
    assert RIGHT.count(change[0]) == 1
    finding = found(tmp_path, RIGHT.replace(*change), "e1.responsibilities")
    assert finding.fraction == 1.0, finding.message
    assert any("exchanged" in note for note in finding.notes) is (change == VARIANTS["transposed"])


WRONG = {
    "not divided": ("e1.responsibilities", "joint / joint.sum(1, keepdims=True)", "joint", 0.0, ""),
    "over x": ("e1.responsibilities", "joint.sum(1, keepdims=True)", "joint.sum(0)", 0.0, ""),
    "variances": ("e1.step", "np.sqrt((r", "((r", 2 / 3, "the standard deviations for other inputs: it is the square"),
    "sums": ("e1.step", "return n / len(x)", "return n", 2 / 3, "the weights for other inputs: it is 12 times as much"),
    "sign": ("e2.log_likelihood", "return np.log((w", "return -np.log((w", 0.0, "the sign is wrong"),
    "logarithm": ("e1.responsibilities", SHARES, SHARES.replace("return", "r =") + "\n    return np.log(r)", 0.0, "logar"),
    "fewer": ("e1.responsibilities", SHARES, SHARES.replace("return", "r =") + "\n    return r[:, 0]", 0.0, "12 numbers"),
    "nan": ("e1.responsibilities", SHARES, "return joint * np.nan", 0.0, "it gives no numbers"),
    "text": ("e1.responsibilities", SHARES, "return 'done'", 0.0, "it gives no numbers"),
}  # fmt: skip


@pytest.mark.parametrize(("key", "old", "new", "fraction", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_function_loses_what_is_wrong_of_it(
    key: str, old: str, new: str, fraction: float, said: str, tmp_path: Path
) -> None:
    assert RIGHT.count(old) == 1
    finding = found(tmp_path, RIGHT.replace(old, new), key)
    assert finding.fraction == pytest.approx(fraction)
    assert said in finding.message


def test_a_function_that_stops_is_judged_and_one_that_is_missing_is_not(tmp_path: Path) -> None:
    stops = found(
        tmp_path / "stops",
        RIGHT.replace("joint = w", "raise ValueError('no')\n    joint = w"),
        "e1.responsibilities",
    )
    assert (stops.status, stops.untried) == (Status.FAILED, False)
    assert "ValueError: no" in stops.message
    assert found(tmp_path / "missing", HEAD, "e1.responsibilities").untried


def test_a_function_that_fixes_what_is_needed_is_not_judged(tmp_path: Path) -> None:
    fixed = (
        HEAD + "X = np.zeros(12)\ndef responsibilities(weights, means, sds):\n    return X[:, None] * means\n"
    )
    finding = found(tmp_path, fixed, "e1.responsibilities")
    assert finding.untried
    assert "has no argument for x" in finding.message


def test_answers_that_nobody_stored_are_asked_for() -> None:
    with pytest.raises(UsageError, match="autograder golden"):
        Golden(assignment="x-1", part="a").answers_to("a1.f")


def test_stored_inputs_are_the_same_for_every_notebook_and_others_for_another_secret() -> None:
    spec = PART.challenges["e1.step"]
    assert stored_cases(spec, "one", "e1.step") == stored_cases(spec, "one", "e1.step")
    assert stored_cases(spec, "one", "e1.step") != stored_cases(spec, "two", "e1.step")


@pytest.mark.parametrize(
    ("law", "shape", "least", "most"),
    [
        ({"law": "uniform", "low": 2.0, "high": 3.0, "shape": [50]}, (50,), 2.0, 3.0),
        ({"law": "integers", "low": 0, "high": 4, "shape": [5, 6]}, (5, 6), 0, 3),
        ({"law": "simplex", "shape": [4, 3]}, (4, 3), 0.0, 1.0),
        ({"law": "constant", "value": 7.0}, (), 7.0, 7.0),
        ({"law": "normal", "mean": 100.0}, (), 90.0, 110.0),
    ],
)
def test_laws(law: dict[str, Any], shape: tuple[int, ...], least: float, most: float) -> None:
    drawn = np.array(Law.model_validate(law).draw(np.random.default_rng(1)))
    assert drawn.shape == shape
    assert least <= drawn.min() <= drawn.max() <= most
    if law["law"] == "simplex":
        assert np.allclose(drawn.sum(axis=-1), 1.0)


def test_sorted_arrays_ascend() -> None:
    drawn = Law(law="normal", shape=[3, 9], ascending=True).draw(np.random.default_rng(1))
    assert np.all(np.diff(drawn, axis=-1) >= 0)


@pytest.mark.parametrize(
    "law",
    [
        {"law": "uniform", "low": 1.0, "high": 1.0},
        {"law": "normal", "shape": [0]},
        {"law": "normal", "shape": [200, 200]},
        {"law": "simplex"},
        {"law": "normal", "sd": 0.0},
    ],
)
def test_laws_that_make_no_sense_are_refused(law: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Law.model_validate(law)
