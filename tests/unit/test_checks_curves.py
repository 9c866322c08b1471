"""Curves of a training: their levels, that they fall, add up and belong to each other, and numbers that were typed in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from evidence_builder import bound, code, figure, line

from autograder.checks.findings import Context, Finding
from autograder.golden import Golden, GoldenValue, Replicates
from autograder.probes.bindings import Binder, Bound
from autograder.probes.evidence import Evidence
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import FigureSeen, Observations
from autograder.probes.typed import typed_in
from autograder.records import ExecutionRecord, Found, Status
from autograder.registry import CHECKS
from autograder.rubric.model import PartSpec

CURVES = ("total", "reconstruction", "kl", "losses", "perplexities")
PART = PartSpec.model_validate(
    {
        "part": "b",
        "title": "Training",
        "points": 1,
        "false_fail_rate": 1e-3,
        "filenames": ["*"],
        "evidence": {f"b1.{name}": {"kind": "array", "about": f"the {name}"} for name in CURVES},
        "items": [],
    }
)
GOLDEN = Golden(
    values={
        "b1.first": GoldenValue(
            replicates=Replicates(n=20, mean=200.0, sd=2.0, minimum=196.0, maximum=204.0)
        ),
        "b1.last": GoldenValue(replicates=Replicates(n=20, mean=105.0, sd=0.5, minimum=104.0, maximum=106.0)),
    }
)
BANDS = {
    "first": [
        {"name": "the loss", "method": "replicates", "golden": "b1.first"},
        {"name": "the bound", "method": "replicates", "golden": "b1.first", "scale": -1.0},
    ],
    "last": [
        {"name": "the loss", "method": "replicates", "golden": "b1.last"},
        {"name": "the bound", "method": "replicates", "golden": "b1.last", "scale": -1.0},
        {"name": "a mean over pixels", "method": "replicates", "golden": "b1.last", "scale": 1 / 784},
    ],
}


def seen(
    values: Mapping[str, Any], cells: Sequence[NotebookCell] = (), figures: Sequence[FigureSeen] = ()
) -> Evidence:
    """Evidence of a part with curves; every value was there after cell 0."""
    found = {key: Bound() for key in PART.evidence}
    found |= {f"b1.{name}": bound(value, key=name) for name, value in values.items()}
    observations = Observations(leaves=(), functions=(), figures=tuple(figures), seeds=(), answers=())
    return Evidence(PART, tuple(cells), observations, ExecutionRecord(state="complete"), found, {})


def judge(check: str, given: Evidence, /, **params: Any) -> Finding:
    """What a check says."""
    entry = CHECKS[check]
    found = entry.function(given, entry.params.model_validate(params), Context("b1", 1e-4, GOLDEN))
    assert isinstance(found, Finding)
    return found


@pytest.mark.parametrize(
    ("values", "fraction", "words"),
    [
        ([201.0, 130.0, 105.2], 1.0, "as in correct trainings"),
        ([-201.0, -130.0, -105.2], 1.0, "as in correct trainings"),
        ([201.0, 130.0, 140.0], 0.5, "in the last epoch"),
        ([300.0, 130.0, 105.0], 0.5, "in the first epoch"),
        ([300.0, 130.0, 140.0], 0.0, "in the first and last epoch"),
        ([201.0, math.nan], 0.0, "not a number"),
    ],
)
def test_a_curve_begins_and_ends_where_correct_trainings_do(
    values: list[float], fraction: float, words: str
) -> None:
    found = judge("curve_in_bands", seen({"total": values}), evidence="b1.total", label="loss", **BANDS)
    assert found.fraction == fraction
    assert words in found.message


def test_a_convention_that_is_not_the_first_is_named() -> None:
    values = [-201.0, -105.0]
    found = judge("curve_in_bands", seen({"total": values}), evidence="b1.total", label="loss", **BANDS)
    assert found.notes == ("Your loss was read as: the bound.",)


TYPED = "total = [201.0, 130.0, 105.2]"


@pytest.mark.parametrize(
    ("check", "params"),
    [
        ("curve_in_bands", {"evidence": "b1.total", "label": "loss", **BANDS}),
        ("curve_falls", {"evidence": "b1.total", "label": "loss"}),
        ("curve_has_length", {"evidence": "b1.total", "label": "loss", "n": 3}),
        ("curves_are_computed", {"curves": ["b1.kl", "b1.total"]}),
        ("curves_add_up", {"total": "b1.total", "terms": ["b1.reconstruction", "b1.kl"], "label": "loss"}),
    ],
)
def test_numbers_that_nothing_computes_count_nowhere(check: str, params: dict[str, Any]) -> None:
    values = {
        "total": [201.0, 130.0, 105.2],
        "reconstruction": [190.0, 115.0, 85.2],
        "kl": [11.0, 15.0, 20.0],
    }
    assert judge(check, seen(values, [code("total = train()")]), **params).fraction == 1.0
    found = judge(check, seen(values, [code(TYPED)]), **params)
    assert found.status is Status.FAILED
    assert "written out in the notebook" in found.message


def test_curves_that_were_not_found_leave_the_points_to_the_twin() -> None:
    assert judge("curves_are_computed", seen({}, [code("x = 1")]), curves=["b1.total"]).untried


@pytest.mark.parametrize(
    ("source", "is_typed"),
    [
        ("total = [1.0, 2.0, 3.0][:EPOCHS]", True),
        (TYPED, True),
        ("total = np.array([1, 2, 3.5])", True),
        ("total = {'a': 1.0, 'b': -2.0}", True),
        ("total = train()\ntotal = [1.0, 2.0]", True),
        ("total = []\nfor x in run():\n    total.append(x)", False),
        ("total = [0.0, 0.0]\ntotal[0] = run()", False),
        ("total = [run(), 2.0]", False),
        ("total = [1.0, 2.0]\ntotal += run()", False),
        ("total = [1.0]", False),
        ("total = train(10, 20)", False),
        ("%time total = [1.0, 2.0]", False),
    ],
)
def test_what_was_typed_in_is_told_from_what_was_computed(source: str, is_typed: bool) -> None:
    assert (typed_in(seen({"total": [1.0, 2.0]}, [code(source)]), "b1.total") == "total") is is_typed


@pytest.mark.parametrize(
    ("values", "params", "status"),
    [
        ([3.0, 2.0, 1.0], {}, Status.PASSED),
        ([3.0, 2.0, 3.1], {}, Status.FAILED),
        ([-3.0, -2.0], {"either_sign": True}, Status.PASSED),
        ([-3.0, -2.0], {}, Status.FAILED),
        ([3.0, 2.9], {"by": 0.1}, Status.FAILED),
        ([3.0, math.inf], {}, Status.FAILED),
        ([3.0], {}, Status.REVIEW),
    ],
)
def test_a_loss_falls(values: list[float], params: dict[str, Any], status: Status) -> None:
    found = judge("curve_falls", seen({"losses": values}), evidence="b1.losses", label="loss", **params)
    assert found.status is status


@pytest.mark.parametrize(("n", "fraction"), [(10, 1.0), (11, 1.0), (9, 0.0), (5, 0.0)])
def test_there_is_a_value_for_every_epoch(n: int, fraction: float) -> None:
    values = seen({"losses": np.arange(float(n))})
    assert judge("curve_has_length", values, evidence="b1.losses", label="loss", n=10).fraction == fraction


@pytest.mark.parametrize(
    ("total", "status"),
    [
        ([201.0, 100.0], Status.PASSED),
        ([-201.0, -100.0], Status.PASSED),
        ([190.0, 80.0], Status.FAILED),
        ([201.0, 80.0], Status.FAILED),
        ([201.0], Status.REVIEW),
    ],
)
def test_a_total_is_the_sum_of_its_terms(total: list[float], status: Status) -> None:
    values = {"total": total, "reconstruction": [190.0, 80.0], "kl": [11.0, 20.0]}
    terms = ["b1.reconstruction", "b1.kl"]
    assert judge("curves_add_up", seen(values), total="b1.total", terms=terms, label="ELBO").status is status
    del values["kl"]
    found = judge("curves_add_up", seen(values), total="b1.total", terms=terms, label="ELBO")
    assert found.status is Status.REVIEW


@pytest.mark.parametrize(
    ("perplexities", "status", "words"),
    [
        ([math.e**2, math.e], Status.PASSED, "every epoch"),
        ([math.e], Status.PASSED, "every epoch"),
        ([4.0, 2.0], Status.FAILED, "2 to the power"),
        ([2.0, 1.0], Status.FAILED, "the loss itself"),
        ([30.0, 20.0], Status.FAILED, "does not belong"),
    ],
)
def test_a_perplexity_is_exp_of_the_loss(perplexities: list[float], status: Status, words: str) -> None:
    values = seen({"perplexities": perplexities, "losses": [2.0, 1.0]})
    found = judge("curve_is_exp_of", values, perplexities="b1.perplexities", losses="b1.losses")
    assert found.status is status
    assert words in found.message
    alone = seen({"perplexities": perplexities})
    found = judge("curve_is_exp_of", alone, perplexities="b1.perplexities", losses="b1.losses")
    assert found.status is Status.REVIEW


def drawn(values: Mapping[str, Any], *lines: Any, scatters: Sequence[Any] = ()) -> Finding:
    """What is said of figures with these lines and clouds."""
    arrays = {str(index): cloud for index, cloud in enumerate(scatters)}
    refs = [{"ref": str(index), "n": len(cloud)} for index, cloud in enumerate(scatters)]
    one = figure(0, arrays, lines=[line(y) for y in lines], scatters=refs)
    params = {"curves": ["b1.reconstruction", "b1.kl"], "what": "the two terms"}
    return judge(
        "curves_are_drawn", seen(values, [code("plot")], [one] if lines or scatters else []), **params
    )


def test_curves_are_found_in_figures_whatever_their_scale() -> None:
    a, b = [190.0, 80.0, 70.0], [11.0, 20.0, 22.0]
    values = {"reconstruction": a, "kl": b}
    assert drawn(values, a, b).fraction == 1.0
    assert drawn(values, [-x for x in a], [x / 784 for x in b]).fraction == 1.0
    assert drawn(values, scatters=[np.column_stack([range(3), y]) for y in (a, b)]).fraction == 1.0
    assert drawn(values, a).fraction == 0.5
    assert drawn(values, [1.0, 2.0, 3.0]).fraction == 0.0
    assert drawn(values).status is Status.FAILED


def test_a_line_may_be_a_curve_that_was_found_elsewhere() -> None:
    found = bound([5.0, 6.0, 7.0])
    guessed = replace(found, found=Found(how="suggestion", path="batch_losses", cell=0))
    named = {"reconstruction": [190.0, 80.0, 70.0]}
    assert drawn(named | {"kl": guessed}, named["reconstruction"], [11.0, 20.0, 22.0]).fraction == 1.0
    assert drawn(named | {"kl": found}, named["reconstruction"], [11.0, 20.0, 22.0]).fraction == 0.5


def test_lines_count_where_the_numbers_were_not_kept() -> None:
    assert drawn({}, [190.0, 80.0], [11.0, 20.0]).fraction == 1.0
    assert drawn({}, [190.0, 80.0]).fraction == 0.5


def test_a_series_that_was_printed_and_not_kept_is_found() -> None:
    lines = [
        f"Epoche {k + 1}: Perplexität {value:.2f}, Verlust {loss:.3f}"
        for k, (value, loss) in enumerate([(82.55, 4.413), (53.79, 3.985), (46.0, 3.829)])
    ]
    cells = [
        NotebookCell(0, "code", "train()", "\n".join([*lines, "Perplexität am Ende: 45.90"]), 0, "b1", None)
    ]
    spec = PART.evidence["b1.perplexities"].model_copy(
        update={"drawn": True, "shape": ["n"], "length": [2, 20], "hints": ["perpl"]}
    )
    binder = Binder(Observations(leaves=(), functions=(), figures=(), seeds=(), answers=()), cells)
    (found,) = binder.candidates("b1.perplexities", spec)
    assert found.leaf is not None
    assert found.leaf.value.tolist() == [82.55, 53.79, 46.0]
    assert found.found is not None
    assert found.found.how == "printed"
