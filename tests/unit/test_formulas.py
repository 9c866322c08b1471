"""Formulas as students write them: what is read, what is equal, and what hostile texts are refused."""

from __future__ import annotations

import pytest
from evidence_builder import markdown
from hypothesis import given, settings
from hypothesis import strategies as st
from test_checks_curves import seen

from autograder.checks.findings import Context, Finding
from autograder.formula_texts import MAX_DEGREE, MAX_LENGTH, FormulaError, read_formula
from autograder.formulas import is_equal, leading, shown
from autograder.golden import Golden
from autograder.records import Status
from autograder.registry import CHECKS
from autograder.template_cells import TemplateCells, squeeze

NAMES = {name: name for name in "DHTLV"} | {"d_model": "D", "seq_len": "T", "d": "D"}


def equal(a: str, b: str) -> bool:
    return is_equal(read_formula(a, NAMES), read_formula(b, NAMES))


@pytest.mark.parametrize(
    "text",
    [
        "4DH + 4H^2",
        "4*D*H + 4*H**2",
        "4H(D + H)",
        r"$4 \cdot D \cdot H + 4 H^{2}$",
        r"\(4 \times d_model \times H + 4H²\)",
        r"\frac{8H(D+H)}{2}",
        r"\left(4D + 4H\right) H",
        "FLOPs = 4DH + 4H^2 FLOPs",
        "2(2DH) + 2 (2 H H) = 4dH + 4H^2",
        "2·(2·D·H + 2·H·H)",
        "4 H^2 − (−4) D H",
        "0.5 * 8 H (D + H)",
        "4*H^3*(D+H)/H^2",
        "4,000 H (D + H) / 1,000",
    ],
)
def test_one_formula_in_many_notations(text: str) -> None:
    assert equal(text, "4*D*H + 4*H**2")


@pytest.mark.parametrize(
    "text", ["4DH", "2DH + 2H^2", "4DH + 4H^2 + 1", "4DH + 4H^3", "O(DH + H^2)", "4(DH + H)^2"]
)
def test_another_formula(text: str) -> None:
    assert not equal(text, "4*D*H + 4*H**2")


@pytest.mark.parametrize(
    ("text", "right", "same"),
    [
        ("O(T)", "O(T)", True),
        ("3T + 5", "O(T)", True),
        (r"\mathcal{O}(T^2 D + T)", "O(T^2 D)", True),
        (r"\Theta(T^{2} d)", "O(T^2 D)", True),
        ("O(T D (T + D))", "O(T^2 D + T D^2)", True),
        ("O(T^2)", "O(T^2 D)", False),
        (r"O(T \log T)", "O(T)", False),
        (r"O(T \log T)", r"O(2 T \ln(T))", True),
        ("O(1)", "O(1)", True),
        ("O(T)", "O(1)", False),
    ],
)
def test_orders_of_growth_compare_what_dominates(text: str, right: str, same: bool) -> None:
    assert equal(text, right) is same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "D!",
        "D +",
        "(D",
        "D)",
        "D^D",
        "D^(1/3)",
        "1/0",
        "D/(1 - 1)",
        "0^-1",
        "__import__('os').system('id')",
        "().__class__",
        "lambda: D",
        "D if H else T",
        "9**9**9**9",
        "((((D^12)^12)^12)^12)",
        "((9^12)^12)^12",
        "9" * 200,
        "(" * 60 + "D" + ")" * 60,
        "D+" * 150 + "D",
        "D" * (MAX_LENGTH + 1),
        f"D^{MAX_DEGREE + 1}",
        r"\input{D}",
        "D; H",
        "D\x00H",
    ],
)
def test_what_is_no_formula_is_refused_before_anything_is_computed(text: str) -> None:
    with pytest.raises(FormulaError):
        read_formula(text, NAMES)


@pytest.mark.parametrize("text", ["1/(D - D)", "log(D - D)", "sqrt(0 - D)", "(D - D)^-2", "0/D"])
def test_formulas_without_a_value_equal_nothing(text: str) -> None:
    assert not equal(text, "4*D*H")
    assert shown(read_formula(text, NAMES))


@given(st.text(alphabet="DHTLV0123456789+-*/^()[]{} .,\\$_=O²", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        formula = read_formula(text, NAMES)
    except FormulaError:
        return
    is_equal(formula, read_formula("D", NAMES))
    leading(formula)


TERMS = st.lists(
    st.tuples(st.integers(1, 9), st.sampled_from(["D", "H", "T", "D^2", "T H", "D H^2"])),
    min_size=1,
    max_size=5,
)


@given(TERMS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_terms_and_a_common_factor_change_nothing(
    terms: list[tuple[int, str]], random: object
) -> None:
    plain = " + ".join(f"{factor} {term}" for factor, term in terms)
    doubled = " + ".join(f"{2 * factor} * {term.replace(' ', '*')}" for factor, term in reversed(terms))
    assert equal(plain, f"({doubled}) / 2")
    assert not equal(plain, f"({doubled}) / 2 + 1")


# ---------------------------------------------------------------------- in answers

PARAMS = {
    "labels": [r"operations of one step"],
    "names": {"D": ["d", "d_model"], "H": ["h"]},
    "accepts": {"2*D*H + 2*H^2": "", "D*H + H^2": "a multiplication with its addition counts as one"},
    "mistakes": {"2*D*H": "the recurrent weights are missing"},
    "what": "the operations of one step",
}


def judge(*answers: str, template: TemplateCells = TemplateCells()) -> Finding:  # noqa: B008
    cells = [markdown(text, index, "r2") for index, text in enumerate(answers)]
    entry = CHECKS["formula_is"]
    context = Context("r2", 1e-4, Golden(), template=template)
    found = entry.function(seen({}, cells), entry.params.model_validate(PARAMS), context)
    assert isinstance(found, Finding)
    return found


@pytest.mark.parametrize(
    "answer",
    [
        "**YOUR ANSWER:**\n- Operations of one step: $2DH + 2H^2$",
        "operations of one step = 2 h (d + h) FLOPs",
        "| operations of one step | 2DH + 2H² | two products |",
        "The operations of one step are\n$$2 D H + 2 H^{2}$$",
        "Operations of one step: `2*D*H + 2*H**2`, because each weight is used once",
        "How many operations of one step does a cell take? 2DH + 2H^2",
        "Operations of one step of a cell: $2DH + 2H^2$",
        "The operations of one step come to $2DH + 2H^2$ FLOPs altogether.",
        "| operations of one step of a cell | 2DH + 2H^2 (no biases counted) | a remark |",
    ],
)
def test_a_right_formula_behind_its_label(answer: str) -> None:
    found = judge("Some text.", answer)
    assert (found.status, found.fraction) == (Status.PASSED, 1.0), found.message


def test_another_convention_is_named() -> None:
    found = judge("Operations of one step: DH + H^2")
    assert found.fraction == 1.0
    assert "counts as one" in found.notes[0]


def test_a_known_mistake_is_named() -> None:
    found = judge("Operations of one step: 2DH")
    assert found.status is Status.FAILED
    assert "the recurrent weights are missing" in found.message
    assert judge("Operations of one step: 7DH").message.endswith("is another one.")
    assert "an order of growth" in judge("Operations of one step: O(DH)").message


def test_a_wrong_formula_in_a_sentence_is_wrong() -> None:
    found = judge("Operations of one step and of its inputs: $2DH$")
    assert (found.status, found.observed) == (Status.FAILED, "2*D*H")


def test_what_cannot_be_read_is_for_a_person() -> None:
    found = judge("Operations of one step: twice as many as weights")
    assert found.status is Status.REVIEW
    assert "twice as many" in found.observed


def test_a_formula_without_a_label_that_is_known_is_for_a_person() -> None:
    assert judge("Ein Schritt kostet $2DH + 2H^2$.").status is Status.REVIEW


def test_a_blank_is_no_answer() -> None:
    for answer in ("Operations of one step: ____", "Operations of one step:", "Nothing here."):
        found = judge(answer)
        assert (found.status, found.missing) == (Status.FAILED, True)


def test_what_the_template_gives_is_no_answer() -> None:
    text = "Operations of one step: 2DH + 2H^2"
    assert judge(text, template=TemplateCells(frozenset({squeeze(text)}))).missing
