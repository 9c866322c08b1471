"""The committed golden values of parts b and c: where they come from, and that a run of today gives them again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from rubric_keys import golden_keys

from autograder.cli.authoring import write_stand_ins
from autograder.datasets import data_directory, has_stand_ins, identity, missing_sets
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Options
from autograder.golden import Golden, read_golden
from autograder.goldens import replicate
from autograder.kernel_side.known_data import KNOWN_SETS
from autograder.lint import golden_kinds
from autograder.registry import find_assignment
from autograder.rendering import solution_source, to_ipynb
from autograder.rubric.loader import load_rubric
from autograder.rubric.model import GoldenKind
from autograder.shortened import with_values
from autograder.stats.bands import replicates

ASSIGNMENT = find_assignment("aml-a3")
PARTS = {part.part: part for part in load_rubric(ASSIGNMENT, ["b", "c"]).parts}
FILES = [(part.part, kind) for part in PARTS.values() for kind in golden_kinds(part)]
RATE = 1e-5
"""Chance that one number of a correct run falls out of its band here."""


def golden(part: str, kind: GoldenKind) -> Golden:
    return read_golden(ASSIGNMENT.golden(part, kind))


@pytest.mark.parametrize(("part", "kind"), FILES)
def test_provenance_says_what_made_the_file(part: str, kind: GoldenKind) -> None:
    found = golden(part, kind)
    assert (found.assignment, found.part) == ("aml-a3", part)
    assert found.provenance["budget"] == ("full" if kind == "full" else "short")
    values = {} if kind == "full" else PARTS[part].budgets["short"].values
    assert found.provenance["values"] == {str(old): new for old, new in values.items()}
    assert set(found.provenance["data"]) >= set(PARTS[part].data)
    assert all(len(digest) == 64 for digest in found.provenance["data"].values())
    assert found.provenance["n_replicates"] >= 2


@pytest.mark.parametrize(("part", "kind"), FILES)
def test_every_golden_key_of_the_rubric_exists(part: str, kind: GoldenKind) -> None:
    budget = "full" if kind == "full" else "short"
    used = {
        key
        for _, check in PARTS[part].checks()
        if budget in check.budgets
        for key in golden_keys(check.params)
    }
    found = golden(part, kind)
    assert used or (part, budget) == ("c", "short"), "levels of part c wait for a full run"
    assert all(found.value(key).replicates is not None for key in used)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_full_runs_go_further_than_short_ones(part: str) -> None:
    """The loss after a full training lies below that of a short run."""
    full, short = golden(part, "full"), golden(part, "short")
    last = "b1.reconstruction_last" if part == "b" else "c1.validation_last"
    a, b = full.value(last).replicates, short.value(last).replicates
    assert a is not None
    assert b is not None
    assert abs(a.mean) < abs(b.mean)


@pytest.mark.parametrize(("part", "kind"), [entry for entry in FILES if entry[1] != "full"])
def test_a_short_run_of_today_gives_the_stored_numbers(part: str, kind: GoldenKind, tmp_path: Path) -> None:
    spec, stored = PARTS[part], golden(part, kind)
    data = data_directory()
    if kind == "stand_ins":
        data = tmp_path / "data"
        write_stand_ins(ASSIGNMENT, data)
    elif not os.environ.get("AUTOGRADER_DATA") or missing_sets(data, spec.data) or has_stand_ins(data):
        pytest.skip("AUTOGRADER_DATA names no folder with the data sets")
    assert all(
        stored.provenance["data"][known.name] == identity(data, (known,))
        for known in KNOWN_SETS
        if known.name in spec.data
    )
    solution = with_values(json.loads(to_ipynb(solution_source(ASSIGNMENT, part))), spec.values_of("short"))
    with LocalExecutor(Options(data=data), own_work=True) as executor:
        runs = tmp_path / "runs"
        runs.mkdir()
        numbers = replicate(spec, solution, executor, 1, 1, lambda done, total: None, runs, "")
    assert numbers
    for key, (value,) in numbers.items():
        kept = stored.value(key).replicates
        assert kept is not None, key
        if kept.sd == 0:
            assert value == pytest.approx(kept.mean), key
        else:
            band = replicates(kept.mean, kept.sd, kept.n, RATE)
            assert band.low <= value <= band.high, f"{key}: {value} of {band.low} to {band.high}"
