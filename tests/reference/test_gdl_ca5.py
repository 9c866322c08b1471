"""gdl-ca5: the notebook's two renderings, and that every mutant and style is what it says."""

import ast
import re
from itertools import pairwise

import pytest
from notebook_runs import ROOT, code_cells, code_of, load_source

import autograder.registered  # noqa: F401  # fills the registries
from autograder.registry import find_assignment
from autograder.rendering import solution_source, style_sources, template_ipynb
from autograder.rubric.loader import load_rubric
from autograder.template import inline, parse, template, to_percent
from reference.gdl_ca5 import settings, stand_ins
from reference.gdl_ca5.demo import CORRECT, WRONG, demo_class
from reference.gdl_ca5.mutants_p52 import MUTANTS
from reference.gdl_ca5.special_p52 import SPECIALS

ASSIGNMENT = find_assignment("gdl-ca5", ROOT)
RUBRIC = load_rubric(ASSIGNMENT)
PART = RUBRIC.part("p52")
SOLUTION = solution_source(ASSIGNMENT, "p52")
SOURCE = parse(load_source("reference.gdl_ca5.notebook_p52"))
STYLES = style_sources(ASSIGNMENT, "p52")


def test_the_committed_template_is_the_rendered_one() -> None:
    committed = (ASSIGNMENT.student_template / "part_p52.ipynb").read_text(encoding="utf-8")
    assert committed == template_ipynb(ASSIGNMENT, "p52")


def test_the_template_gives_no_answer_away() -> None:
    shown = to_percent(template(inline(SOURCE, load_source)))
    for secret in (
        "exp(0.5",
        "binary_cross_entropy",
        "nn.Linear",
        "scatter(",
        "4 and 9 overlap",
        "no gradient",
    ):
        assert secret not in shown, secret
    n_written = sum(check.check == "is_written" for _, check in PART.checks())
    assert shown.count("**YOUR ANSWER:**") == n_written + 1  # and once in the introduction


def test_points_are_those_of_the_sheet() -> None:
    """5.2: 15 points, 8 for coding and 7 for reflection."""
    written = sum(check.points for _, check in PART.checks() if check.check == "is_written")
    assert (PART.points, written) == (15, settings.VAE_REFLECTION)
    assert PART.points - written == settings.VAE_CODING
    assert RUBRIC.form_of(PART).filename == "{FirstName}_5.2_VAE.ipynb"
    assert RUBRIC.form.zip_name == "{FirstName}_CA5.zip"


def test_the_budget_cell_holds_the_settings_and_is_shortened() -> None:
    (cell,) = [cell for cell in SOURCE if "parameters" in cell.tags]
    values = [int(number) for number in re.findall(r"= ([\d_]+)", cell.source)]
    assert values == [settings.VAE_EPOCHS, settings.N_IMAGES, settings.N_SHOWN, settings.IMAGE_BATCH_SIZE]
    short = PART.values_of("short")
    assert set(short) >= set(values[:3])
    assert short[settings.N_IMAGES] <= stand_ins.N_TRAIN
    assert short[settings.N_SHOWN] <= stand_ins.N_TEST


# ------------------------------------------------------------------ mutants


def test_there_are_enough_mutants_in_every_item_with_automatic_marks() -> None:
    assert len(MUTANTS) >= 12
    automatic = {item.id for item, check in PART.checks() if check.check != "is_written"}
    assert {one.item for one in MUTANTS.values()} == automatic
    assert len({one.title for one in MUTANTS.values()}) == len(MUTANTS)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_another_notebook_that_is_still_python(name: str) -> None:
    mutant = MUTANTS[name]
    wrong = mutant.apply(SOLUTION)
    assert wrong != SOLUTION
    for cell in code_cells(wrong):
        ast.parse(code_of(cell))
    cells = zip(parse(wrong), parse(SOLUTION), strict=True)
    changed = {cell.item for cell, before in cells if cell.source != before.source}
    # The cell of V1 holds the network, and the sigmoid that is applied twice stands in the loss of V2.
    assert changed <= {mutant.item} | ({"v1", "v2"} if name == "sigmoid_twice" else set())


# ------------------------------------------------------------------ styles


def test_styles_differ_in_what_the_sheet_leaves_open() -> None:
    assert len(STYLES) >= 5
    everything = "\n".join(STYLES.values())
    for choice in (
        "ConvTranspose2d",
        "with_logits",
        "0.5 * ((out",
        "softplus",
        "rsample",
        "RMSprop",
        "reparametrizar",
    ):
        assert choice in everything, choice


@pytest.mark.parametrize("name", STYLES)
def test_a_style_is_python_with_a_budget_and_answers(name: str) -> None:
    cells = parse(STYLES[name])
    for cell in code_cells(STYLES[name]):
        ast.parse(code_of(cell))
    assert sum("parameters" in cell.tags for cell in cells) == 1
    assert sum(cell.kind == "markdown" and len(cell.source) > 150 for cell in cells) >= 1
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
    assert "grace-hopper/Grace_5.2_VAE.ipynb" in files
