"""Every mutant of parts b and c is one mistake, in one item, in a notebook that is still Python."""

import ast
import itertools
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest
from notebook_runs import ITEMS, ROOT, STYLES, solution_text

from autograder.registry import Assignment
from autograder.template import Cell, parse
from autograder.validation.trials import collect_trials
from reference.aml_a3 import (
    mutants,
    mutants_b,
    mutants_b_gan,
    mutants_b_scores,
    mutants_b_vae,
    mutants_c,
    mutants_c_model,
    mutants_c_texts,
    special_b,
    special_c,
)
from reference.aml_a3.conventions_c import CONVENTIONS
from reference.aml_a3.mutants import Mutant

MUTANTS = {"b": mutants_b.MUTANTS, "c": mutants_c.MUTANTS}
SPECIALS = {"b": special_b.SPECIALS, "c": special_c.SPECIALS}
ALL = [(part, wrong) for part in ITEMS for wrong in MUTANTS[part].values()]
ALL_SPECIALS = [(part, one) for part in ITEMS for one in SPECIALS[part]]
AT_LEAST = {"b1": 20, "b2": 5, "b3": 20, "b4": 5, "b5": 20, "c1": 30, "c2": 8, "c3": 20}
EVIDENCE = {
    "b": {"structure", "loss", "step", "training", "form"},
    "c": {"structure", "loss", "step", "decoder", "training", "form"},
}


@pytest.mark.parametrize(("part", "wrong"), ALL, ids=[f"{part}-{wrong.id}" for part, wrong in ALL])
def test_mutant_changes_cells_of_its_item_only(part: str, wrong: Mutant) -> None:
    """Set-up, budget and data belong to no item: any mutant may change them."""
    right, changed = right_cells(part), parse(wrong.apply(solution_text(part)))
    differing = [cell for cell in changed if cell not in right] + [c for c in right if c not in changed]
    assert differing
    assert {cell.item for cell in differing} <= {wrong.item, None}
    for cell in differing:
        if cell.kind == "code":
            ast.parse(cell.source)


def right_cells(part: str) -> list[Cell]:
    return parse(solution_text(part))


@pytest.mark.parametrize("part", ITEMS)
def test_there_are_enough_mutants_for_every_item_and_evidence(part: str) -> None:
    counts = Counter(wrong.item for wrong in MUTANTS[part].values())
    assert set(counts) == set(ITEMS[part])
    assert all(n >= AT_LEAST[item] for item, n in counts.items())
    revealed_by = {wrong.revealed_by for wrong in MUTANTS[part].values() if wrong.unrevealable is None}
    assert revealed_by == EVIDENCE[part]
    assert len(ALL) >= 60


@pytest.mark.parametrize("part", ITEMS)
def test_mutants_differ_from_each_other(part: str) -> None:
    found = MUTANTS[part].values()
    assert len({wrong.apply(solution_text(part)) for wrong in found}) == len(found)
    assert len({(wrong.item, wrong.title) for wrong in found}) == len(found)


@pytest.mark.parametrize("part", ITEMS)
def test_few_mutants_are_unrevealable_and_say_why(part: str) -> None:
    reasons = [wrong.unrevealable for wrong in MUTANTS[part].values() if wrong.unrevealable is not None]
    assert all(reasons)
    assert len(reasons) <= len(MUTANTS[part]) // 20


def test_parts_have_registries_of_their_own() -> None:
    assert {wrong.item[0] for wrong in mutants.MUTANTS.values()} == {"a"}
    with pytest.raises(ValueError, match="two mutants are called kl_sign_wrong"):

        @mutants_b_vae.mutant("b1", "again")
        def kl_sign_wrong(source: str) -> str:
            return source


def test_no_mutant_of_a_part_hides_another() -> None:
    pieces = {
        "b": (mutants_b_vae, mutants_b_gan, mutants_b_scores),
        "c": (mutants_c_model, mutants_c_texts),
    }
    for part, modules in pieces.items():
        assert sum(len(module.MUTANTS) for module in modules) == len(MUTANTS[part])


# ------------------------------------------------------------------ special notebooks


@pytest.mark.parametrize(("part", "name"), ALL_SPECIALS)
def test_special_notebooks_are_notebooks(part: str, name: str) -> None:
    one = SPECIALS[part][name]
    assert (one.id, one.part) == (name, part)
    assert set(one.items) <= set(ITEMS[part])
    assert (one.expects == "all_elsewhere") == bool(one.items)
    cells = parse(one.apply(solution_text(part)))
    for cell in cells:
        if cell.kind == "code":
            compile(cell.source, name, "exec")


@pytest.mark.parametrize("part", ITEMS)
def test_constants_compute_nothing_and_prose_has_no_code(part: str) -> None:
    constants = parse(SPECIALS[part]["printed_constants"].apply(solution_text(part)))
    tree = ast.parse("\n".join(cell.source for cell in constants if cell.kind == "code"))
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    assert all(
        before.kind == "markdown" for before, cell in itertools.pairwise(constants) if cell.kind == "code"
    )
    prose = parse(SPECIALS[part]["prose_only"].apply(solution_text(part)))
    assert {cell.kind for cell in prose} == {"markdown"}


@pytest.mark.parametrize("part", ITEMS)
def test_unfinished_and_crashed_differ_from_the_solution_in_their_items_only(part: str) -> None:
    right = right_cells(part)
    unfinished = SPECIALS[part]["unfinished"]
    kept = parse(unfinished.apply(solution_text(part)))
    assert kept == [cell for cell in right if cell.item not in unfinished.items]
    crash = SPECIALS[part]["crash"]
    crashed = parse(crash.apply(solution_text(part)))
    (cell,) = [a for a, b in zip(right, crashed, strict=True) if a != b]
    assert cell.item in crash.items


# ------------------------------------------------------------------ collection


@pytest.mark.parametrize("part", ITEMS)
def test_trials_of_a_part_are_its_own(part: str) -> None:
    root = ROOT / "reference" / "aml_a3"
    assignment = Assignment("aml-a3", ROOT / "rubrics" / "aml-a3" / "rubric.yaml", root, ROOT)
    spec = SimpleNamespace(part=part, items=[SimpleNamespace(id=item) for item in ITEMS[part]])
    trials = collect_trials(assignment, cast(Any, spec))
    names = {kind: {t.name for t in trials if t.kind == kind} for kind in ("style", "mutant", "special")}
    assert names["style"] == {*STYLES[part], *(CONVENTIONS if part == "c" else ())}
    assert names["mutant"] == set(MUTANTS[part])
    assert names["special"] == {"template", "empty", *SPECIALS[part]}
