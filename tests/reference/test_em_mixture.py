"""The EM lab as a whole: mutants and styles are notebooks, the demo's class can be made, the sheet adds up."""

from __future__ import annotations

import ast

import pytest

import autograder.registered  # noqa: F401  # fills the registries
from autograder.registry import find_assignment
from autograder.rendering import solution_source, style_sources
from autograder.rubric.loader import load_rubric
from reference.em_mixture.demo import demo_class, load_styles
from reference.em_mixture.mutants import MUTANTS
from reference.em_mixture.special import SPECIALS

ASSIGNMENT = find_assignment("em-mixture")
(PART,) = load_rubric(ASSIGNMENT).parts
SOLUTION = solution_source(ASSIGNMENT, "em")


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_another_notebook_that_still_parses(name: str) -> None:
    text = MUTANTS[name].apply(SOLUTION)
    assert text != SOLUTION
    ast.parse(text)
    assert MUTANTS[name].item in {item.id for item in PART.items}


def test_special_notebooks_and_styles_parse() -> None:
    for text in [one.apply(SOLUTION) for one in SPECIALS.values()] + list(
        style_sources(ASSIGNMENT, "em").values()
    ):
        ast.parse(text)


def test_the_demo_class_is_made_of_what_there_is() -> None:
    mutants = {name: one.apply for name, one in MUTANTS.items()}
    files = demo_class(SOLUTION, "", mutants, load_styles(), lambda text: text.encode())
    assert len(files) == 8
    assert all(name.endswith("/part_em.ipynb") for name in files)


def test_at_least_a_dozen_mistakes_can_be_revealed() -> None:
    assert sum(one.unrevealable is None for one in MUTANTS.values()) >= 12
