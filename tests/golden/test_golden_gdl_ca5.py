"""The committed golden values of gdl-ca5: where they come from, and what its bounds rest on."""

from __future__ import annotations

import pytest

import autograder.registered  # noqa: F401  # fills the registries
from autograder.golden import Golden, read_golden
from autograder.lint import golden_kinds
from autograder.registry import find_assignment
from autograder.rubric.loader import load_rubric
from autograder.rubric.model import GoldenKind

ASSIGNMENT = find_assignment("gdl-ca5")
PART = load_rubric(ASSIGNMENT).part("p52")
KINDS = golden_kinds(PART)


def golden(kind: GoldenKind) -> Golden:
    return read_golden(ASSIGNMENT.golden("p52", kind))


@pytest.mark.parametrize("kind", KINDS)
def test_provenance_says_what_made_the_file(kind: GoldenKind) -> None:
    found = golden(kind)
    assert (found.assignment, found.part) == ("gdl-ca5", "p52")
    assert found.provenance["budget"] == ("full" if kind == "full" else "short")
    values = {} if kind == "full" else PART.budgets["short"].values
    assert found.provenance["values"] == {str(old): new for old, new in values.items()}
    assert len(found.provenance["data"]["MNIST"]) == 64
    assert found.provenance["n_replicates"] >= 2
    assert set(found.values) == set(PART.summaries)


@pytest.mark.parametrize("kind", KINDS)
def test_the_solution_falls_much_further_than_a_training_has_to(kind: GoldenKind) -> None:
    """No level is asked for. The least fall that counts is far from what any replicate of the solution does."""
    (by,) = (check.params["by"] for _, check in PART.checks() if check.check == "curve_falls")
    first, last = (golden(kind).value(f"v3.{end}").replicates for end in ("first", "last"))
    assert first is not None
    assert last is not None
    assert last.maximum < first.minimum * (1 - 10 * by)


def test_full_runs_go_further_than_short_ones() -> None:
    full, short = golden("full").value("v3.last").replicates, golden("short").value("v3.last").replicates
    assert full is not None
    assert short is not None
    assert full.mean < short.mean
