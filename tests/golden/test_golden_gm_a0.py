"""The committed golden values of gm-a0: where they come from, and what its bounds rest on."""

from __future__ import annotations

import pytest

import autograder.registered  # noqa: F401  # fills the registries
from autograder.golden import Golden, read_golden
from autograder.kernel_side.known_data import KNOWN_SETS
from autograder.lint import golden_kinds
from autograder.registry import find_assignment
from autograder.rubric.loader import load_rubric
from autograder.rubric.model import GoldenKind

ASSIGNMENT = find_assignment("gm-a0")
PART = load_rubric(ASSIGNMENT).parts[0]
KINDS = golden_kinds(PART)


def golden(kind: GoldenKind) -> Golden:
    return read_golden(ASSIGNMENT.golden("a0", kind))


@pytest.mark.parametrize("kind", KINDS)
def test_provenance_says_what_made_the_file(kind: GoldenKind) -> None:
    found = golden(kind)
    assert (found.assignment, found.part) == ("gm-a0", "a0")
    assert found.provenance["budget"] == ("full" if kind == "full" else "short")
    values = {} if kind == "full" else PART.budgets["short"].values
    assert found.provenance["values"] == {str(old): new for old, new in values.items()}
    assert "MNIST" in {known.name for known in KNOWN_SETS}
    assert len(found.provenance["data"]["MNIST"]) == 64
    assert found.provenance["n_replicates"] >= 2
    assert set(found.values) == set(PART.summaries)


@pytest.mark.parametrize("kind", KINDS)
def test_the_solution_falls_in_every_replicate(kind: GoldenKind) -> None:
    """No level is asked for: the losses of the solution say that it learns, and how alike its replicates are."""
    for part in ("a1", "a6"):
        first, last = (golden(kind).value(f"{part}.{end}").replicates for end in ("first", "last"))
        assert first is not None
        assert last is not None
        assert last.maximum < 0.9 * first.minimum
        assert first.sd < 0.1 * first.mean


def test_full_runs_go_further_than_short_ones() -> None:
    for key in ("a1.last", "a6.last"):
        full, short = golden("full").value(key).replicates, golden("short").value(key).replicates
        assert full is not None
        assert short is not None
        assert full.mean < short.mean
