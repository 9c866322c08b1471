"""Every mutant is one mistake, in one item, in a notebook that is still Python."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from autograder.template import Cell, inline, parse, solution, to_percent
from reference.aml_a3.mutants import MUTANTS, Mutant, drop_cell, mutant, swap

ROOT = Path(__file__).parents[2]
AT_LEAST = {"a1": 9, "a2": 10, "a3": 10, "a4": 11, "a5": 9}


def load_source(module: str) -> str:
    return (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def source() -> str:
    return to_percent(solution(inline(parse(load_source("reference.aml_a3.notebook_a")), load_source)))


def owner(cell: Cell) -> str:
    """Set-up and constants come before the first item and belong to it."""
    return cell.item or "a1"


@pytest.mark.parametrize("wrong", MUTANTS.values(), ids=lambda wrong: wrong.id)
def test_mutant_changes_cells_of_its_item_only(wrong: Mutant, source: str) -> None:
    right, changed = parse(source), parse(wrong.apply(source))
    assert changed != right
    for item in AT_LEAST:
        cells = [[cell for cell in notebook if owner(cell) == item] for notebook in (right, changed)]
        assert (cells[0] == cells[1]) == (item != wrong.item)
    for cell in changed:
        if cell.kind == "code":
            ast.parse(cell.source)


def test_there_are_enough_mutants_for_every_item() -> None:
    counts = Counter(wrong.item for wrong in MUTANTS.values())
    assert set(counts) == set(AT_LEAST)
    assert all(counts[item] >= n for item, n in AT_LEAST.items())


def test_mutants_differ_from_each_other(source: str) -> None:
    assert len({wrong.apply(source) for wrong in MUTANTS.values()}) == len(MUTANTS)
    assert len({(wrong.item, wrong.title) for wrong in MUTANTS.values()}) == len(MUTANTS)


def test_few_mutants_are_unrevealable_and_say_why() -> None:
    reasons = [wrong.unrevealable for wrong in MUTANTS.values() if wrong.unrevealable is not None]
    assert all(reasons)
    assert len(reasons) <= len(MUTANTS) // 20


def test_swap_and_drop_cell_want_exactly_one_place() -> None:
    assert swap("a b", "a", "c") == "c b"
    with pytest.raises(ValueError, match="found it 2 times"):
        swap("a a", "a", "c")
    with pytest.raises(ValueError, match="found it 0 times"):
        swap("a", "b", "c")
    assert drop_cell("# %%\na\n\n# %%\nb\n", "a") == "# %%\nb\n"
    with pytest.raises(ValueError, match="found 0"):
        drop_cell("# %%\na\n", "c")


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="two mutants are called mean_wrong"):

        @mutant("a1", "again")
        def mean_wrong(source: str) -> str:
            return source
