"""Which value of a notebook stands for what the rubric asks for: names, paths, bindings, suggestions, prints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from autograder.errors import UsageError
from autograder.probes.bindings import Binder, Bound, Tier
from autograder.probes.evidence import Agreement, Evidence, gather
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import Leaf, Observations
from autograder.probes.paths import parse_path
from autograder.records import ExecutionRecord
from autograder.rubric.model import EvidenceSpec, PartSpec

RNG = np.random.default_rng(0)
KEYS = [0.1, 0.5, 1.5]


def number(**about: Any) -> EvidenceSpec:
    return EvidenceSpec(kind="number", about="the rate", **about)


def points(**about: Any) -> EvidenceSpec:
    return EvidenceSpec(kind="array", about="the draws", shape=["n", 2], **about)


def table(**about: Any) -> EvidenceSpec:
    return EvidenceSpec(kind="table", about="the rates", keys=KEYS, **about)


def leaf(path: str, value: Any, cell: int = 1) -> Leaf:
    is_array = isinstance(value, np.ndarray)
    return Leaf(parse_path(path), cell, value, "ndarray" if is_array else "scalar", "float64")


def cells(*items: str | None, printed: Mapping[int, str] | None = None) -> list[NotebookCell]:
    printed = printed or {}
    return [
        NotebookCell(index, "code", "", printed.get(index, ""), 0, item, None)
        for index, item in enumerate(items)
    ]


def evidence_of(
    spec: EvidenceSpec,
    *leaves: Leaf,
    notebook: list[NotebookCell] | None = None,
    bindings: Mapping[str, str] | None = None,
    agreement: Agreement = lambda evidence, key: 0.0,
    key: str = "a2.it",
) -> Evidence:
    """Return the evidence of a notebook with three cells in sections a1, a2 and a4."""
    part = PartSpec(
        part="a", title="A", points=0, false_fail_rate=1e-3, filenames=[], items=[], evidence={key: spec}
    )
    notebook = cells("a1", "a2", "a4") if notebook is None else notebook
    record = ExecutionRecord(state="complete")
    return gather(part, notebook, Observations(leaves), record, {}, bindings or {}, agreement)


def bound_of(spec: EvidenceSpec, *leaves: Leaf, **about: Any) -> Bound:
    return evidence_of(spec, *leaves, **about).bound[about.get("key", "a2.it")]


def draws(n: int = 60, d: int = 2) -> np.ndarray:
    return RNG.normal(size=(n, d))


# ------------------------------------------------------------------ accepted names


def test_an_accepted_name_wins_over_what_looks_better() -> None:
    spec = number(names=["rate"], range=[0, 1], hints=["acc"])
    bound = bound_of(spec, leaf("acceptance", 0.08), leaf("rate", 7.0))
    assert bound.leaf is not None
    assert bound.leaf.value == 7.0
    assert bound.found is not None
    assert (bound.found.how, bound.found.path, bound.found.cell) == ("name", "rate", 1)


def test_the_first_accepted_name_wins_and_case_does_not_matter() -> None:
    bound = bound_of(number(names=["best", "rate"]), leaf("rate", 1.0), leaf("BEST", 2.0))
    assert bound.leaf is not None
    assert bound.leaf.value == 2.0


def test_of_one_name_the_last_fitting_value_counts() -> None:
    good, wrong_shape = draws(60), draws(60, 3)
    bound = bound_of(points(names=["x"]), leaf("x", draws(50)), leaf("x", good), leaf("x", wrong_shape))
    assert bound.leaf is not None
    assert bound.leaf.value is good


def test_a_value_of_a_wrong_kind_is_not_the_one() -> None:
    spec = number(names=["rate"])
    for wrong in (draws(), "0.5", True, None):
        assert not bound_of(spec, leaf("rate", wrong)).is_found
    assert not bound_of(points(names=["x"]), leaf("x", 3.0)).is_found


def test_a_name_that_another_section_overwrote_keeps_its_own_value() -> None:
    spec = number(names=["acceptance_rate"], range=[0, 1])
    own, other = leaf("acceptance_rate", 0.08, cell=1), leaf("acceptance_rate", 0.7, cell=2)
    bound = bound_of(spec, own, other)
    assert bound.leaf is own
    assert bound.tier is Tier.NAME


def test_a_name_of_another_section_is_only_a_suggestion() -> None:
    spec = number(names=["acceptance_rate"], hints=["rate"], range=[0, 1], agrees=["a2.x"])
    elsewhere, here = leaf("acceptance_rate", 0.7, cell=2), leaf("my_rate", 0.08, cell=1)

    def agreement(evidence: Evidence, key: str) -> float:
        return float(evidence.number(key) == 0.08)

    bound = bound_of(spec, elsewhere, here, agreement=agreement)
    assert bound.leaf is here
    assert bound.tier is Tier.SPEAKING_HERE
    alone = bound_of(number(names=["acceptance_rate"], suggest=False), elsewhere)
    assert alone.tier is Tier.NAME_ELSEWHERE


def test_without_sections_an_accepted_name_decides_wherever_it_is() -> None:
    bound = bound_of(number(names=["rate"]), leaf("rate", 0.7, cell=2), notebook=cells(None, None, None))
    assert bound.tier is Tier.NAME


@pytest.mark.parametrize("path", ["res[0.5].rate", "res['0.5']['rate']", "RES['s=0.5'].Rate"])
def test_a_path_leads_into_containers(path: str) -> None:
    bound = bound_of(number(names=["res[0.5].rate"]), leaf(path, 0.4), leaf("res[0.1].rate", 0.9))
    assert bound.leaf is not None
    assert bound.leaf.value == 0.4
    assert bound.found is not None
    assert bound.found.how == "path"


def test_an_array_of_one_number_is_a_number() -> None:
    evidence = evidence_of(number(names=["rate"]), leaf("rate", np.array([[0.25]])))
    assert evidence.number("a2.it") == 0.25


# ------------------------------------------------------------------ bindings by a person


def test_a_binding_by_a_person_wins_wherever_the_value_is() -> None:
    spec = number(names=["rate"])
    bound = bound_of(spec, leaf("rate", 1.0), leaf("out['r']", 2.0, cell=2), bindings={"a2.it": "out['r']"})
    assert bound.leaf is not None
    assert bound.leaf.value == 2.0
    assert bound.tier is Tier.BINDING
    assert bound.found is not None
    assert bound.found.how == "binding"


def test_a_binding_may_name_a_table() -> None:
    leaves = [leaf(f"r[{key}]", key) for key in KEYS]
    assert evidence_of(table(), *leaves, bindings={"a2.it": "r[{key}]"}).table("a2.it") == {
        key: key for key in KEYS
    }


@pytest.mark.parametrize(
    ("path", "said"), [("nothing", "leads to no number"), ("x", "leads to no number"), ("a[", "is no path")]
)
def test_a_binding_that_leads_nowhere_is_said_and_costs_nothing(path: str, said: str) -> None:
    leaves = (leaf("rate", 1.0), leaf("x", draws()))
    evidence = evidence_of(number(names=["rate"]), *leaves, bindings={"a2.it": path})
    assert evidence.number("a2.it") == 1.0
    (problem,) = evidence.problems
    assert said in problem
    binder = Binder(Observations(leaves), cells("a1", "a2"))
    with pytest.raises(UsageError, match=re.escape(said)):
        binder.candidates("a2.it", number(names=["rate"]), path)


def test_a_name_that_every_section_uses_counts_in_its_own_only() -> None:
    spec = number(own=["rate"], hints=["rate"])
    assert bound_of(spec, leaf("rate", 0.2, 0), leaf("rate", 0.4, 1), leaf("rate", 0.6, 2)).leaf == leaf(
        "rate", 0.4, 1
    )
    assert not bound_of(spec, leaf("rate", 0.2, 0), leaf("found_rate", 0.6, 2)).is_found
    assert bound_of(spec, leaf("found_rate", 0.4, 1), leaf("other_rate", 0.6, 2)).leaf == leaf(
        "found_rate", 0.4, 1
    )
    assert bound_of(spec, leaf("rate", 0.2, 0), notebook=cells(None, None)).is_found  # no sections


# ------------------------------------------------------------------ suggestion


def test_a_single_speaking_name_is_suggested() -> None:
    spec = number(names=["rate"], hints=["acc"], range=[0, 1])
    bound = bound_of(spec, leaf("acceptance", 0.08), leaf("other", 0.09), leaf("acc_count", 10000))
    assert bound.leaf is not None
    assert bound.leaf.value == 0.08
    assert bound.found is not None
    assert bound.found.how == "suggestion"


def test_a_name_that_does_not_speak_is_not_taken_unless_it_agrees() -> None:
    spec = number(names=["rate"], hints=["acc"], range=[0, 1], agrees=["a2.x"])
    assert not bound_of(spec, leaf("q", 0.08)).is_found
    bound = bound_of(spec, leaf("q", 0.08), agreement=lambda evidence, key: 1.0)
    assert bound.tier is Tier.HERE


def test_several_speaking_names_are_left_to_a_person() -> None:
    spec = number(hints=["acc"], range=[0, 1])
    bound = bound_of(spec, leaf("acc_a", 0.08), leaf("acc_b", 0.09))
    assert not bound.is_found
    assert {candidate.path for candidate in bound.candidates} == {"acc_a", "acc_b"}
    assert {candidate.summary for candidate in bound.candidates} == {"0.08", "0.09"}


def test_the_same_value_under_two_names_is_one_suggestion() -> None:
    assert bound_of(number(hints=["acc"]), leaf("acc_a", 0.08), leaf("acc_b", 0.08)).is_found


def test_the_item_s_own_section_goes_first() -> None:
    spec = number(hints=["acc"])
    bound = bound_of(spec, leaf("acc_a", 0.08, cell=1), leaf("acc_b", 0.09, cell=2))
    assert bound.leaf is not None
    assert bound.leaf.value == 0.08


def test_agreement_chooses_among_several() -> None:
    spec = number(hints=["acc"], range=[0, 1], agrees=["a2.x"])
    scores = {0.08: 0.5, 0.09: 1.0, 0.1: 0.0}
    bound = bound_of(
        spec,
        *(leaf(f"acc_{index}", value) for index, value in enumerate(scores)),
        agreement=lambda evidence, key: scores[evidence.number(key)],
    )
    assert bound.leaf is not None
    assert bound.leaf.value == 0.09


def test_agreement_is_asked_only_where_the_rubric_names_checks() -> None:
    bound = bound_of(
        number(hints=["acc"]),
        leaf("acc_a", 0.08),
        leaf("acc_b", 0.09),
        agreement=lambda evidence, key: evidence.number(key),
    )
    assert not bound.is_found


def test_only_agreed_takes_nothing_that_does_not_agree() -> None:
    spec = number(hints=["acc"], agrees=["a2.x"], only_agreed=True)
    bound = bound_of(spec, leaf("acc", 0.08))
    assert not bound.is_found
    assert bound.candidates == ()
    assert bound_of(spec, leaf("acc", 0.08), agreement=lambda evidence, key: 0.1).is_found


def test_what_must_not_be_meant_is_ruled_out() -> None:
    spec = number(hints=["acc"], avoid=["mh", "1/c"])
    assert not bound_of(spec, leaf("mh_acc", 0.7)).is_found
    bound = bound_of(spec, leaf("mh_acc", 0.7), leaf("acc", 0.08))
    assert bound.leaf is not None
    assert bound.leaf.value == 0.08


@pytest.mark.parametrize(
    ("spec", "wrong", "right"),
    [
        (points(hints=["x"], length=[50, 70]), draws(80), draws(60)),
        (points(hints=["x"], positive=True), -np.ones((60, 2)), np.ones((60, 2))),
        (number(hints=["x"], integer=True), 3.5, 3.0),
        (number(hints=["x"], range=[0, 1]), 2.0, 1.0),
        (EvidenceSpec(kind="array", about="m", shape=["n", "n"], hints=["x"]), draws(3, 4), draws(4, 4)),
    ],
)
def test_a_suggestion_must_look_right(spec: EvidenceSpec, wrong: Any, right: Any) -> None:
    assert not bound_of(spec, leaf("x_1", wrong)).is_found
    bound = bound_of(spec, leaf("x_1", wrong), leaf("x_2", right))
    assert bound.leaf is not None
    assert bound.leaf.value is right


def test_suggestion_can_be_switched_off() -> None:
    assert not bound_of(number(hints=["acc"], suggest=False), leaf("acc", 0.08)).is_found


# ------------------------------------------------------------------ tables


def assert_table(evidence: Evidence, expected: Mapping[float, Any]) -> None:
    found = evidence.table("a2.it")
    assert set(found) == set(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)


def test_a_table_by_key() -> None:
    leaves = [leaf(f"mh['s={key}'].rate", key / 2) for key in KEYS]
    assert_table(evidence_of(table(names=["mh[{key}].rate"]), *leaves), {key: key / 2 for key in KEYS})


def test_a_table_by_key_in_the_name() -> None:
    leaves = [leaf("acc_01", 0.9), leaf("acc_0_5", 0.8), leaf("acc_1p5", 0.7)]
    expected = {0.1: 0.9, 0.5: 0.8, 1.5: 0.7}
    assert_table(evidence_of(table(names=["acc_{key}"]), *leaves), expected)
    same = [leaf("acc_01", 0.9), leaf("acc_05", 0.8), leaf("acc_15", 0.7)]
    assert_table(evidence_of(table(hints=["acc"]), *same), expected)


def test_a_named_table_may_lack_keys() -> None:
    leaves = [leaf("mh[0.1]", 0.9), leaf("mh[0.5]", 0.8)]
    assert_table(evidence_of(table(names=["mh[{key}]"]), *leaves), {0.1: 0.9, 0.5: 0.8})


def test_a_suggested_table_must_be_complete() -> None:
    leaves = [leaf("acc_01", 0.9, cell=2), leaf("acc_05", 0.8, cell=2)]
    assert not bound_of(table(hints=["acc"]), *leaves).is_found


def test_a_table_by_list_index() -> None:
    leaves = [leaf(f"accs[{index}]", value) for index, value in enumerate([0.9, 0.8, 0.7])]
    assert_table(evidence_of(table(hints=["acc"]), *leaves), {0.1: 0.9, 0.5: 0.8, 1.5: 0.7})


def test_a_table_of_one_array_of_numbers() -> None:
    evidence = evidence_of(table(names=["rates"]), leaf("rates", np.array([0.9, 0.8, 0.7])))
    assert_table(evidence, {0.1: 0.9, 0.5: 0.8, 1.5: 0.7})


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["chains", "samples_mh"])
def test_a_table_by_slices_of_one_array(axis: int, name: str) -> None:
    one = RNG.normal(size=(3, 60, 2))
    spec = table(names=["chains"], hints=["mh"], shape=["n", 2])
    evidence = evidence_of(spec, leaf(name, one if axis == 0 else one.transpose(1, 0, 2)))
    assert_table(evidence, dict(zip(KEYS, one, strict=True)))


def test_a_table_of_arrays_by_key() -> None:
    arrays = {key: draws() for key in KEYS}
    leaves = [leaf(f"mh[{key}]['chain']", array) for key, array in arrays.items()]
    assert_table(evidence_of(table(names=["mh[{key}].chain"], shape=["n", 2]), *leaves), arrays)


def test_a_table_by_values_in_a_row() -> None:
    arrays = [draws() for _ in KEYS]
    leaves = [leaf(f"chain_{name}", a) for name, a in zip(("low", "mid", "high"), arrays, strict=True)]
    evidence = evidence_of(table(hints=["chain"], shape=["n", 2]), *leaves)
    assert_table(evidence, dict(zip(KEYS, arrays, strict=True)))
    found = evidence.bound["a2.it"].found
    assert found is not None
    assert found.path == "chain_low, chain_mid, chain_high"


def test_a_table_by_the_values_of_one_name_after_different_cells() -> None:
    notebook = cells("a1", "a2", "a2", "a2")
    leaves = [leaf("rate", value, cell) for cell, value in ((1, 0.9), (2, 0.8), (3, 0.7))]
    evidence = evidence_of(table(hints=["rate"]), *leaves, notebook=notebook)
    assert_table(evidence, {0.1: 0.9, 0.5: 0.8, 1.5: 0.7})


def test_two_values_in_a_row_are_no_table_of_three() -> None:
    leaves = [leaf(f"chain_{name}", draws()) for name in ("low", "high")]
    assert not bound_of(table(hints=["chain"], shape=["n", 2]), *leaves).is_found


# ------------------------------------------------------------------ other layouts of points


def test_points_may_be_kept_as_columns() -> None:
    array = draws()
    evidence = evidence_of(points(names=["samples"]), leaf("samples", array.T))
    np.testing.assert_array_equal(evidence.array("a2.it"), array)


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("x1_draws", "x2_draws", "x{1,2}_draws"),
        ("draws_x", "draws_y", "draws_{x,y}"),
        ("out.draws0", "out.draws1", 'out["draws{0,1}"]'),
    ],
)
def test_points_may_be_two_columns(first: str, second: str, shown: str) -> None:
    array = draws()
    evidence = evidence_of(points(hints=["draws"]), leaf(first, array[:, 0]), leaf(second, array[:, 1]))
    np.testing.assert_array_equal(evidence.array("a2.it"), array)
    found = evidence.bound["a2.it"].found
    assert found is not None
    assert found.path == shown


def test_columns_may_come_from_different_cells() -> None:
    array = draws()
    leaves = [leaf("x1_draws", array[:, 0], 1), leaf("x2_draws", array[:, 1], 2)]
    assert bound_of(points(hints=["draws"]), *leaves).is_found
    assert bound_of(points(hints=["draws"]), *reversed(leaves)).is_found


def test_columns_of_different_lengths_are_no_points() -> None:
    leaves = [leaf("x1_draws", draws(60)[:, 0]), leaf("x2_draws", draws(61)[:, 0])]
    assert not bound_of(points(hints=["draws"]), *leaves).is_found


# ------------------------------------------------------------------ printed numbers


@pytest.mark.parametrize(
    ("line", "value", "rounding"),
    [
        ("acceptance rate: 0.082", 0.082, 0.0005),
        ("acceptance rate = 8.2%", 0.082, 0.0005),
        ("acceptance rate 8.16 %", 0.0816, 0.00005),
        ("acceptance rate: 8.2e-2", 0.082, 0.0005),
        ("Acceptance rate of 10,000 draws: .0816", 0.0816, 0.00005),
    ],
)
def test_a_printed_number_with_its_rounding(line: str, value: float, rounding: float) -> None:
    bound = bound_of(number(hints=["rate"], range=[0, 1]), notebook=cells("a2", printed={0: line}))
    assert bound.leaf is not None
    assert bound.leaf.value == pytest.approx(value)
    assert bound.rounding == pytest.approx(rounding)
    assert bound.found is not None
    assert (bound.found.how, bound.found.path, bound.found.cell) == ("printed", line, 0)


@pytest.mark.parametrize(
    "line",
    [
        "something: 0.082",  # does not speak of it
        "mh rate: 0.082",  # speaks of something else
        "rate: 82.5",  # out of range
        "rate: 1",  # a whole number may be a counter
        "rate: 0.1 or 0.2",  # two numbers
        "rate",
    ],
)
def test_a_printed_line_that_does_not_count(line: str) -> None:
    spec = number(hints=["rate"], range=[0, 1], avoid=["mh"])
    assert not bound_of(spec, notebook=cells("a2", printed={0: line})).is_found


def test_a_printed_count_is_a_whole_number() -> None:
    spec = number(hints=["propos"], range=[10, 1e9], integer=True)
    bound = bound_of(spec, notebook=cells("a2", printed={0: "proposals: 122,561 in 1.5 s"}))
    assert bound.leaf is not None
    assert bound.leaf.value == 122561


def test_the_own_section_s_lines_go_first() -> None:
    notebook = cells("a1", "a2", printed={0: "rate: 0.7", 1: "rate: 0.08"})
    bound = bound_of(number(hints=["rate"]), notebook=notebook)
    assert bound.leaf is not None
    assert bound.leaf.value == 0.08


def test_a_variable_goes_before_a_printed_line() -> None:
    notebook = cells("a1", "a2", printed={1: "rate: 0.08"})
    bound = bound_of(number(hints=["rate"]), leaf("rate", 0.0816), notebook=notebook)
    assert bound.leaf is not None
    assert bound.leaf.value == 0.0816
    assert bound.rounding == 0.0


def test_a_printed_table() -> None:
    text = "s=0.1 acceptance 0.962\ns=0.5 acceptance 0.81\ns=1.5 acceptance 0.527"
    evidence = evidence_of(table(hints=["accept"], range=[0, 1]), notebook=cells("a2", printed={0: text}))
    assert_table(evidence, {0.1: 0.962, 0.5: 0.81, 1.5: 0.527})
    assert evidence.bound["a2.it"].rounding == pytest.approx(0.005)


def test_an_incomplete_printed_table_is_none() -> None:
    text = "s=0.1 acceptance 0.962\ns=0.5 acceptance 0.81"
    spec = table(hints=["accept"], range=[0, 1])
    assert not bound_of(spec, notebook=cells("a2", printed={0: text})).is_found


# ------------------------------------------------------------------ what evidence says of it


def test_evidence_that_is_not_there() -> None:
    evidence = evidence_of(number(names=["rate"]))
    assert not evidence.has("a2.it")
    assert not evidence.has(None)
    assert not evidence.has("a9.nothing")
    assert evidence.dtype("a2.it") == ""
    assert evidence.table("a2.it") == {}
    with pytest.raises(KeyError):
        evidence.number("a2.it")
    with pytest.raises(KeyError):
        evidence.array("a2.it")


def test_arrays_are_read_in_double_precision_and_the_student_s_type_is_kept() -> None:
    single = Leaf(parse_path("x"), 1, draws().astype(np.float32), "tensor", "float32")
    evidence = evidence_of(points(names=["x"]), single)
    assert evidence.array("a2.it").dtype == np.float64
    assert evidence.dtype("a2.it") == "float32"
