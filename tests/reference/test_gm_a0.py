"""gm-a0: the notebook's two renderings, and that every mutant and style is what it says."""

import ast
import re
from itertools import pairwise

import pytest
from notebook_runs import ROOT, code_cells, code_of, load_source

import autograder.registered  # noqa: F401  # fills the registries
from autograder.registry import find_assignment
from autograder.rendering import solution_source, template_ipynb
from autograder.rubric.loader import load_rubric
from autograder.template import inline, parse, template, to_percent
from reference.gm_a0 import settings, stand_ins
from reference.gm_a0.demo import CORRECT, WRONG, demo_class
from reference.gm_a0.mutants import MUTANTS
from reference.gm_a0.special import SPECIALS

ASSIGNMENT = find_assignment("gm-a0", ROOT)
PART = load_rubric(ASSIGNMENT).parts[0]
SOLUTION = solution_source(ASSIGNMENT, "a0")
SOURCE = parse(load_source("reference.gm_a0.notebook_a0"))
STYLES = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "reference" / "gm_a0" / "styles").glob("*.py"))
}


def test_the_committed_template_is_the_rendered_one() -> None:
    committed = (ASSIGNMENT.student_template / "part_a0.ipynb").read_text(encoding="utf-8")
    assert committed == template_ipynb(ASSIGNMENT, "a0")


def test_the_template_gives_no_answer_away() -> None:
    shown = to_percent(template(inline(SOURCE, load_source)))
    for secret in (
        "softplus",
        "mse_loss",
        "nn.Linear",
        "cholesky",
        "rand(",
        "lerp",
        "holes",
        "cross-entropy",
    ):
        assert secret not in shown, secret
    n_written = sum(check.check == "is_written" for item in PART.items for check in item.checks)
    assert shown.count("**YOUR ANSWER:**") == n_written + 1  # and once in the introduction


def test_the_budget_cell_holds_the_settings_and_is_shortened() -> None:
    (cell,) = [cell for cell in SOURCE if "parameters" in cell.tags]
    values = [int(number) for number in re.findall(r"= ([\d_]+)", cell.source)]
    assert values == [settings.EPOCHS, settings.N_TRAIN, settings.N_TEST, settings.BATCH_SIZE]
    short = PART.values_of("short")
    assert set(short) >= set(values[1:3])
    assert settings.EPOCHS in short.values()  # longer trainings are cut to it
    assert short[settings.N_TRAIN] <= stand_ins.N_TRAIN
    assert short[settings.N_TEST] <= stand_ins.N_TEST


def test_points_are_those_that_the_students_are_told() -> None:
    written = sum(c.points for i in PART.items for c in i.checks if c.check == "is_written")
    assert (PART.points, written) == (30, 10)
    text = " ".join(word for cell in SOURCE for word in cell.source.split())
    assert "the feedback uses 30" in text
    assert "Ten of them belong to written answers" in text
    assert [item.id for item in PART.items] == ["a1", "a2", "a3", "a4", "a5", "a6"]


# ------------------------------------------------------------------ mutants


def test_there_are_enough_mutants_in_every_item_with_automatic_marks() -> None:
    assert len(MUTANTS) >= 12
    automatic = {i.id for i in PART.items for c in i.checks if c.check != "is_written"}
    assert {one.item for one in MUTANTS.values()} == automatic
    assert len({one.title for one in MUTANTS.values()}) == len(MUTANTS)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_another_notebook_that_is_still_python(name: str) -> None:
    mutant = MUTANTS[name]
    wrong = mutant.apply(SOLUTION)
    assert wrong != SOLUTION
    for cell in code_cells(wrong):
        ast.parse(code_of(cell))
    changed = {
        cell.item
        for cell, before in zip(parse(wrong), parse(SOLUTION), strict=True)
        if cell.source != before.source
    }
    shared = {"a1", None}  # the training loop and the set-up serve both parts
    its_network = (
        {"a6"} if mutant.item == "a5" else set()
    )  # gives the parameters that another likelihood takes
    assert changed <= {mutant.item} | shared | its_network


# ------------------------------------------------------------------ styles


def test_styles_differ_in_what_the_sheet_leaves_open() -> None:
    assert len(STYLES) >= 6
    everything = "\n".join(STYLES.values())
    for choice in (
        "ConvTranspose2d",
        "Gaussian",
        "Bernoulli",
        "DataLoader",
        "rng.uniform",
        "class AE:",
        "codificar",
    ):
        assert choice in everything, choice
    assert sum("MNIST" not in source for source in STYLES.values()) >= 1


@pytest.mark.parametrize("name", STYLES)
def test_a_style_is_python_with_a_budget_and_answers(name: str) -> None:
    cells = parse(STYLES[name])
    assert re.match(r"# style: \S.{20,}\n", STYLES[name])
    for cell in code_cells(STYLES[name]):
        ast.parse(code_of(cell))
    assert sum("parameters" in cell.tags for cell in cells) == 1
    assert sum(cell.kind == "markdown" and len(cell.source) > 150 for cell in cells) >= 2
    assert any(before.kind == "markdown" for before, cell in pairwise(cells) if cell.kind == "code")
    assert not re.search(r"import autograder|from reference|TODO", STYLES[name])


# ------------------------------------------------------------------ special, demo


@pytest.mark.parametrize("name", SPECIALS)
def test_special_notebooks_are_python(name: str) -> None:
    for cell in code_cells(SPECIALS[name].apply(SOLUTION)):
        ast.parse(code_of(cell))


def test_the_demo_class_is_made_of_what_there_is() -> None:
    mutants = {name: one.apply for name, one in MUTANTS.items()}
    files = demo_class(SOLUTION, "# %%\n", mutants, STYLES, lambda source: source.encode())
    assert len(files) == len(CORRECT) + len(WRONG) + 4
    assert len({MUTANTS[name].item for name in WRONG.values()}) == len(WRONG)
    assert all(name.endswith("/part_a0.ipynb") for name in files)
