"""No evidence, however broken, makes a check of ours fail: every check of the rubric on every kind of rubbish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evidence_builder import GOLDEN, PART, answer, bound, evidence, figure, line

from autograder.golden import GoldenValue
from autograder.judging import Verdict, judge_part
from autograder.probes.evidence import Evidence
from autograder.probes.observations import FigureSeen
from autograder.records import Status
from autograder.registry import CHECKS, assignment_ids, find_assignment
from autograder.rubric.loader import load_rubric
from autograder.rubric.model import EvidenceSpec
from autograder.template_cells import NO_TEMPLATE

FORM = {"rows_kept", "in_double_precision", "seeds_are", "code_is_explained", "runs_on_cpu", "is_written"}
"""Checks that look at no number, so that numbers that are none may pass them."""
FIGURES = {name for name in CHECKS.names() if name.endswith("_is_drawn")}


def judge(seen: Evidence, tmp_path: Path) -> dict[str, Verdict]:
    """Every check on the evidence, through the same door as in a grading: findings are written to disk."""
    kept = tmp_path / "findings.json"
    judged = judge_part(PART, GOLDEN, NO_TEMPLATE, "one", lambda agreement: seen, kept)
    assert json.loads(kept.read_text(encoding="utf-8"))
    for check_id, verdict in judged.verdicts.items():
        assert verdict.finding.status is not Status.ERROR, f"{check_id}: {verdict.traceback}"
        assert 0.0 <= verdict.finding.fraction <= 1.0
    return judged.verdicts


def passing(verdicts: dict[str, Verdict]) -> set[str]:
    """The checks that gave points, apart from those of form and figures."""
    by_id = {check.id: check.check for _, check in PART.checks()}
    return {
        check_id
        for check_id, verdict in verdicts.items()
        if verdict.finding.fraction > 0 and by_id[check_id] not in FORM | FIGURES
    }


def fitted(array: Any, spec: EvidenceSpec) -> Any:
    """The array in the shape that the rubric names: the binder lets no other through, but any length and content."""
    sizes = {"n": len(np.atleast_1d(array))} if len(spec.shape) < 2 or spec.shape[-1] != "n" else {"n": 200}
    shape = tuple(sizes["n"] if size == "n" else int(size) for size in spec.shape)
    return np.resize(array, shape) if np.size(array) or not all(shape) else np.empty(0).reshape(0, *shape[1:])


def everywhere(array: Any, number: Any) -> Evidence:
    """The same value under every key of the rubric, each in its kind."""
    values: dict[str, Any] = {}
    for key, spec in PART.evidence.items():
        array = fitted(array, spec) if spec.shape else array
        if spec.kind == "table":
            values[key] = dict.fromkeys(spec.keys, array if spec.shape else number)
        else:
            values[key] = number if spec.kind == "number" else array
    return evidence(values)


ARRAYS = {
    "empty": np.empty(0),
    "empty table": np.empty((0, 2)),
    "one number": np.ones(1),
    "one row": np.ones((1, 2)),
    "vector": np.ones(51),
    "wide": np.ones((2, 9000)),
    "three columns": np.ones((9000, 3)),
    "cube": np.ones((10, 10, 10)),
    "constant": np.ones((9000, 2)),
    "zeros": np.zeros((50_000, 2)),
    "nan": np.full((9000, 2), np.nan),
    "inf": np.full((9000, 2), np.inf),
    "one nan": np.where(np.arange(18_000).reshape(-1, 2) == 7, np.nan, 1.0),
    "huge": np.full((9000, 2), 1e200),
    "alternating huge": 1e300 * np.where(np.arange(18_000).reshape(-1, 2) % 4 < 2, 1.0, -1.0),
    "tiny": np.full((9000, 2), 1e-310),
    "integers": np.arange(18_000).reshape(-1, 2),
    "booleans": np.zeros((9000, 2), dtype=bool),
    "vector of nan": np.full(51, np.nan),
    "long vector": np.linspace(0, 1, 50_000),
    "negative weights": -np.ones(50_000),
    "scalar": np.array(3.0),
}
NUMBERS = [
    0.0,
    -1.0,
    1.5,
    -10_000.0,
    float("nan"),
    float("inf"),
    -float("inf"),
    1e300,
    5e-324,
    2,
    np.full(1, 3.0),
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", ARRAYS)
def test_rubbish_arrays_are_judged_and_earn_nothing(kind: str, tmp_path: Path) -> None:
    assert not passing(judge(everywhere(ARRAYS[kind], 0.0), tmp_path))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("number", NUMBERS)
def test_rubbish_numbers_are_judged_and_earn_nothing(number: Any, tmp_path: Path) -> None:
    assert not passing(judge(everywhere(np.ones((3, 2)), number), tmp_path))


def test_no_evidence_at_all_is_judged_and_earns_nothing(tmp_path: Path) -> None:
    assert not passing(judge(evidence(), tmp_path))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "results",
    [
        (),
        ("a text",),
        (None,),
        (True,),
        (float("nan"),),
        (float("inf"), -1.0),
        *((array,) for array in ARRAYS.values()),
        (np.full((6000, 2), np.nan), 0.5),
        (np.full((4000, 2), np.inf), np.ones(4000)),
        (np.ones((4000, 2)), np.full(4000, np.nan)),
        (np.ones((4000, 2)), -np.ones(4000)),
        (np.zeros((6000, 2)), "text", None),
        (1e250 * np.ones((6000, 2)), np.ones(6000)),
        (np.random.default_rng(0).standard_normal((6000, 2)) * 1e200,),
        (np.full(64, np.nan),),
        (np.full(64, np.inf),),
        (np.full(51, 1e308),),
    ],
)
def test_rubbish_answers_are_judged_and_earn_nothing(results: tuple[Any, ...], tmp_path: Path) -> None:
    answers = [answer(key, *results) for key in PART.challenges]
    assert not passing(judge(evidence(answers=answers), tmp_path))


@pytest.mark.parametrize(
    "status", ["missing", "not_callable", "error", "time_limit", "bad_output", "unheard of"]
)
def test_calls_that_gave_nothing_are_judged(status: str, tmp_path: Path) -> None:
    answers = [answer(key, status=status, error="ValueError: no") for key in PART.challenges]
    assert not passing(judge(evidence(answers=answers), tmp_path))


def test_an_answer_to_a_case_that_nobody_asked_is_judged(tmp_path: Path) -> None:
    answers = [answer(key, np.ones((6000, 2)), case="99") for key in PART.challenges]
    assert not passing(judge(evidence(answers=answers), tmp_path))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "drawn",
    [
        figure(),
        FigureSeen(0, {}, {}),
        FigureSeen(0, {"axes": None}, {}),
        FigureSeen(0, {"axes": ["text", 3, None]}, {}),
        figure(contours=[{}], scatters=[{}], lines=[{}], bars={}, stems=[{}], vlines=[{}]),
        figure(contours=[{"shape": [], "xmin": None}], lines=[{"n": 300, "x": [], "y": []}]),
        figure(lines=[line(np.full(300, np.nan)), line([]), line([1.0])]),
        figure(
            arrays={"x": np.ones(0), "z": np.ones(3)},
            contours=[{"xref": "x", "yref": "x", "zref": "z", "shape": [3]}],
        ),
        figure(
            arrays={"x": np.linspace(-6, 6, 9), "z": np.full((9, 9), np.nan)},
            contours=[{"xref": "x", "yref": "x", "zref": "z", "shape": [9, 9]}],
        ),
        figure(
            arrays={"x": np.full(9, np.nan), "z": np.ones((9, 9))},
            contours=[{"xref": "x", "yref": "x", "zref": "z", "shape": [9, 9]}],
        ),
        figure(
            arrays={"x": np.zeros((0,)), "z": np.zeros((0, 0))},
            contours=[{"xref": "x", "yref": "x", "zref": "z", "shape": [0, 0]}],
        ),
    ],
)
def test_rubbish_figures_are_judged(drawn: FigureSeen, tmp_path: Path) -> None:
    held = {"a4.chains": {0.5: np.ones((9, 2))}, "a4.acf": np.ones(51)}
    assert not passing(judge(evidence(held, figures=[drawn]), tmp_path)) - {"a4.acf"}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_tables_with_keys_of_their_own_are_judged(tmp_path: Path) -> None:
    values = {
        key: {7.0: np.ones((9000, 2)), -1.0: np.empty((0, 2))}
        for key, spec in PART.evidence.items()
        if spec.kind == "table"
    }
    assert not passing(judge(evidence(values), tmp_path))


def test_what_is_found_can_be_written_down_when_numbers_are_not_finite(tmp_path: Path) -> None:
    """A picture of a number that is none must not stop the grading of a class."""
    values = {"a2.rate": bound(float("nan"), key="a2.rate"), "a3.ess": float("inf"), "a3.mean": -float("inf")}
    verdicts = judge(evidence(values), tmp_path)
    assert verdicts["a2.rate"].finding.status is Status.FAILED
    text = (tmp_path / "findings.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert "Infinity" not in text


# ------------------------------------------------------------------- coverage


def test_every_registered_check_is_used_by_the_rubric_or_tested() -> None:
    parts = [part for name in assignment_ids() for part in load_rubric(find_assignment(name)).parts]
    used = {check.check for part in parts for _, check in part.checks()}
    tests = "".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_checks_*.py")
    )
    assert [name for name in CHECKS.names() if name not in used and f'"{name}"' not in tests] == []


def test_every_check_of_the_rubric_is_run_by_these_tests() -> None:
    tests = "".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_checks_*.py")
    )
    kinds: dict[str, list[str]] = {}
    for _, check in PART.checks():
        kinds.setdefault(check.check, []).append(check.id)
    assert [name for name, ids in kinds.items() if not any(f'"{one}"' in tests for one in ids)] == []


@pytest.mark.parametrize("name", CHECKS.names())
def test_every_check_says_what_it_claims(name: str) -> None:
    entry = CHECKS[name]
    first = (entry.function.__doc__ or "").splitlines()[0]
    assert first.endswith(".")
    assert len(first) > 20
    assert entry.params.__doc__


def test_goldens_are_records_of_their_own() -> None:
    assert all(isinstance(value, GoldenValue) for value in GOLDEN.values.values())
