"""The checks of form and of plain values: seeds, precision, explanations, the device, counts, written answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from evidence_builder import answer, code, evidence, leaf, markdown, passes, run

from autograder.checks.findings import Context
from autograder.golden import Golden
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import SeedSeen
from autograder.records import Status
from autograder.registry import CHECKS
from autograder.template_cells import TemplateCells, squeeze


def seeded(*calls: tuple[str, int | None], torch: tuple[int, ...] = ()) -> Any:
    seeds = [SeedSeen(0, call, seed) for call, seed in calls]
    return run("a1.seed", evidence(seeds=seeds, torch_seeds=torch))


# ----------------------------------------------------------------------- seeds


def test_both_seeds_pass_in_any_spelling() -> None:
    assert passes(seeded(("numpy.random.seed", 1234), ("torch.manual_seed", 1234)))
    assert passes(seeded(("numpy.random.default_rng", 1234), torch=(1234,)))
    assert passes(seeded(("numpy.random.seed", 7), ("numpy.random.seed", 1234), torch=(1234,)))


def test_one_seed_is_half_and_names_the_other() -> None:
    finding = seeded(("numpy.random.seed", 1234), torch=(0,))
    assert finding.fraction == 0.5
    assert "not set for PyTorch" in finding.message
    finding = seeded(("numpy.random.seed", 42), ("torch.manual_seed", 1234))
    assert finding.fraction == 0.5
    assert "NumPy was seeded with 42" in finding.message


def test_no_seed_and_seeds_of_the_clock_fail() -> None:
    assert seeded().status is Status.FAILED
    finding = seeded(("numpy.random.default_rng", None))
    assert finding.status is Status.FAILED
    assert "NumPy and PyTorch" in finding.message


# ------------------------------------------------------------------- precision


def precision(values: dict[str, Any], *answers: Any) -> Any:
    return run("a1.float64", evidence(values, answers=answers))


def test_double_precision_passes_and_single_is_named() -> None:
    grid = np.ones((200, 200))
    assert passes(precision({"a1.grid": grid}))
    finding = precision({"a1.grid": grid.astype(np.float32), "a3.draws": grid})
    assert finding.status is Status.FAILED
    assert "the density on the mesh" in finding.message
    assert "draws" not in finding.message


def test_what_the_density_returns_counts_too() -> None:
    assert passes(precision({}, answer("a1.density", np.ones(64))))
    assert passes(precision({}, answer("a1.density", 0.1)))
    finding = precision({"a1.grid": np.ones((200, 200))}, answer("a1.density", np.ones(64, dtype=np.float32)))
    assert "what your density returns" in finding.message


def test_nothing_with_a_precision_is_no_pass() -> None:
    assert precision({}).status is Status.FAILED
    assert precision({"a1.grid": np.ones((200, 200), dtype=int)}).status is Status.FAILED


# ---------------------------------------------------------------- explanations


def explained(*cells: NotebookCell, template: TemplateCells = TemplateCells()) -> Any:  # noqa: B008
    return run("a1.explained", evidence(cells=cells), template=template)


def test_markdown_before_every_code_cell_passes() -> None:
    assert passes(
        explained(markdown("The density.", 0), code("p = 1", 1), markdown("Draws.", 2), code("q", 3))
    )
    assert passes(explained(markdown("密度", 0), code("p = 1", 1)))  # no blanks between words
    assert passes(explained(markdown("Draws", 0), code("", 1), code("x = 1", 2)))  # empty cells do not count


def test_each_bare_code_cell_costs_its_share_and_is_named() -> None:
    finding = explained(markdown("The density.", 0), code("p = 1", 1), code("q = 2", 2), code("r = 3", 3))
    assert finding.fraction == pytest.approx(1 / 3)
    assert "cells 3 and 4" in finding.message
    assert explained(code("p = 1", 0)).status is Status.FAILED
    assert explained(markdown("---", 0), code("p = 1", 1)).status is Status.FAILED


def test_a_text_may_explain_several_cells_where_the_rubric_says_so() -> None:
    cells = [markdown("The density.", 0), *(code(f"p{at} = 1", at) for at in range(1, 5))]
    params = CHECKS["code_is_explained"].params.model_validate({"below": 3})
    finding = CHECKS["code_is_explained"].function(
        evidence(cells=cells), params, Context("a1", 1e-4, Golden())
    )
    assert finding.fraction == pytest.approx(3 / 4)
    assert "cell 5" in finding.message


def test_what_the_template_gives_explains_nothing() -> None:
    prompt, setup = "*Describe your density.*", "import numpy as np"
    template = TemplateCells(frozenset({squeeze(prompt), squeeze(setup)}), frozenset({squeeze(prompt)}))
    kept = explained(markdown(prompt, 0), code("p = 1", 1), template=template)
    assert kept.status is Status.FAILED
    only_given = explained(markdown(prompt, 0), code(setup, 1), template=template)
    assert "no code of yours" in only_given.message


# ---------------------------------------------------------------------- device


@pytest.mark.parametrize(
    "source", ['x = x.to("cuda")', "model.cuda()", 'device = "cuda:0"', "x = torch.ones(2, device='mps')"]
)
def test_a_gpu_asked_for_is_named_with_its_cell(source: str) -> None:
    finding = run("a1.cpu", evidence(cells=[markdown("Device", 0), code(source, 1)]))
    assert finding.status is Status.FAILED
    assert "Cell 2 asks for a GPU" in finding.message


@pytest.mark.parametrize(
    "source",
    [
        'device = "cuda" if torch.cuda.is_available() else "cpu"',
        "# never .cuda() here",
        "text = 'the cuda toolkit'",
        "%matplotlib inline\nx = 1",
        "def broken(",
    ],
)
def test_asking_first_and_talking_about_it_pass(source: str) -> None:
    assert passes(run("a1.cpu", evidence(cells=[code(source)])))


def test_values_on_another_device_fail() -> None:
    held = evidence({"a1.grid": np.ones((200, 200))})
    assert passes(run("a1.cpu", held))
    far = leaf(np.ones(3), "x", device="cuda:0")
    finding = run(
        "a1.cpu", type(held)(**{**vars(held), "observations": type(held.observations)(leaves=(far,))})
    )
    assert "kept on cuda" in finding.message


# ---------------------------------------------------------------------- counts


def test_the_number_of_rows_passes_within_the_convention() -> None:
    assert passes(run("a2.count", evidence({"a2.draws": np.zeros((10_000, 2))})))
    for n in (8_999, 9_000, 9_001):
        assert passes(run("a5.count", evidence({"a5.draws": np.zeros((n, 2))})))


def test_another_number_of_rows_says_what_the_sheet_asks() -> None:
    finding = run("a2.count", evidence({"a2.draws": np.zeros((9_990, 2))}))
    assert finding.status is Status.FAILED
    assert "You kept 9,990 rows" in finding.message
    assert "10,000" in finding.message
    assert "not of proposals" in finding.message
    thrice = {0.1: np.zeros((9_000, 2)), 0.5: np.zeros((10_000, 2))}
    finding = run("a4.count", evidence({"a4.draws": thrice}))
    assert finding.fraction == pytest.approx(1 / 3)
    assert "9,000, 10,000 and 0" in finding.message


# --------------------------------------------------------------------- answers


def test_a_written_answer_is_shown_to_a_person() -> None:
    cells = [
        markdown("## A4 Metropolis", 0, "a4"),
        markdown("**Answer:** small steps mix slowly.", 1, "a4"),
        markdown("Other item: mixing.", 2, "a5"),
    ]
    finding = run("a4.comment", evidence(cells=cells))
    assert finding.status is Status.REVIEW
    assert finding.answer == "**Answer:** small steps mix slowly."
    assert finding.found[0].cell == 1


def test_no_answer_is_proposed_as_zero_and_never_decided() -> None:
    finding = run("a4.comment", evidence(cells=[markdown("Nothing", 0, "a4")]))
    assert finding.status is Status.REVIEW
    assert "Proposed: 0 points" in finding.message
    template = TemplateCells(frozenset({squeeze("**Answer:** step size?")}))
    untouched = evidence(cells=[markdown("**Answer:** step size?", 0, "a4")])
    assert "Proposed: 0 points" in run("a4.comment", untouched, template=template).message


def test_an_answer_in_other_words_is_known_by_its_place_below_the_code() -> None:
    text = "Im małe kroki, tym wolniej łańcuch zapomina, skąd wyszedł; za duże są odrzucane."
    above = markdown("Teraz uruchamiam łańcuchy z czterema różnymi krokami i mierzę je.", 0, "a4")
    section = [above, code("run()", 1, "a4"), markdown(text, 2, "a4")]
    finding = run("a4.comment", evidence(cells=section))
    assert (finding.answer, finding.proposed) == (text, None)
    assert run("a4.comment", evidence(cells=section[:2])).proposed == 0.0


TEMPLATE = TemplateCells(
    frozenset(
        map(
            squeeze,
            (
                "**Question (A4).** How does the step size change the mixing? Comment briefly.",
                "**YOUR ANSWER:**",
            ),
        )
    )
)


@pytest.mark.parametrize(
    "text",
    [
        "**Your answer:**",
        "**YOUR ANSWER:** \n\n---",
        "### Answer (A4)\n\nAnswer:",
        "Question (A4). How does the step size change the mixing?\nComment briefly. **Answer:**",
        "Comment briefly on the step size and the mixing.",
        "Answer: *Write your answer here*",
    ],
)
def test_blank_answers_and_copied_questions_are_proposed_as_zero(text: str) -> None:
    finding = run("a4.comment", evidence(cells=[markdown(text, 1, "a4")]), template=TEMPLATE)
    assert finding.status is Status.REVIEW
    assert finding.proposed == 0.0
    assert "Proposed: 0 points" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "**YOUR ANSWER:** 0.94 for s = 0.1",
        "**Question (A4).** How does the step size change the mixing? Comment briefly.\n\nSmall steps creep.",
        "Answer: 步长越小接受率越高",
        "Answer: no.",
    ],
)
def test_an_answer_with_words_of_its_own_is_for_a_person_without_a_proposal(text: str) -> None:
    finding = run("a4.comment", evidence(cells=[markdown(text, 1, "a4")]), template=TEMPLATE)
    assert finding.status is Status.REVIEW
    assert finding.proposed is None
    assert finding.answer == text
