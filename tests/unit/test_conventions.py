"""Golden values of what a sheet leaves open: which are made, of which notebook, and where they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
from autograder import goldens
from autograder.conventions import conventions_of, edited, keys_in_conventions
from autograder.errors import UsageError
from autograder.golden import Golden, GoldenValue, read_golden
from autograder.registry import find_assignment
from autograder.rendering import solution_source
from autograder.rubric.loader import load_rubric

ASSIGNMENT = find_assignment("aml-a3")
(PART,) = load_rubric(ASSIGNMENT, ("c",)).parts
SOURCE = solution_source(ASSIGNMENT, "c")
NAMED = keys_in_conventions(PART, "full")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The notebooks that replicates were asked of; each gives its number among them, and a half more."""
    notebooks: list[str] = []

    def replicate(part: Any, solution: dict[str, Any], *about: Any) -> dict[str, list[float]]:
        notebooks.append("\n".join("".join(cell["source"]) for cell in solution["cells"]))
        n = float(len(notebooks))
        keys = {"c1.train_first", "c1.train_last", "c1.validation_last", "c2.last", "c2.final"}
        return {key: [n, n + 0.5] for key in keys}

    monkeypatch.setattr(goldens, "replicate", replicate)
    return notebooks


def make(**about: Any) -> Golden:
    executor: Any = None
    return goldens.make_golden(ASSIGNMENT, PART, executor, 2, **about)


def test_every_convention_that_a_band_names_is_one_edit_away_from_the_solution() -> None:
    assert set(NAMED) == set(conventions_of(ASSIGNMENT, PART))
    for name in NAMED:
        text = edited(ASSIGNMENT, PART, name, SOURCE)
        compile(text, name, "exec")
        assert text != SOURCE


def test_replicates_of_the_conventions_are_kept_beside_those_of_the_solution(
    asked: list[str], tmp_path: Path
) -> None:
    made = make(runs=tmp_path)
    assert len(asked) == 1 + len(NAMED)
    for n, (name, keys) in enumerate(NAMED.items(), 2):
        for key in keys:
            assert made.values[f"{key}@{name}"].replicates.mean == n + 0.25  # type: ignore[union-attr]
        assert f"c2.final@{name}" not in made.values  # no band names it
        assert (tmp_path / "conventions" / name).is_dir()
    assert set(made.provenance["conventions"]) == set(NAMED)
    assert len({one["reference_sha256"] for one in made.provenance["conventions"].values()}) == len(NAMED)


def test_one_convention_alone_leaves_the_other_values(asked: list[str], tmp_path: Path) -> None:
    stored = make(runs=tmp_path)
    asked.clear()
    made = make(runs=tmp_path, conventions=["tied_head"])
    assert len(asked) == 1
    assert "if config.is_tied:" not in asked[0]
    assert {key.partition("@")[2] for key in made.values} == {"tied_head"}
    merged = goldens.with_conventions(stored, made)
    assert set(merged.values) == set(stored.values)
    assert merged.values["c2.last@tied_head"] == made.values["c2.last@tied_head"]
    assert merged.values["c2.last"] == stored.values["c2.last"]
    assert set(merged.provenance["conventions"]) == set(NAMED)


def test_a_short_run_names_no_convention(asked: list[str], tmp_path: Path) -> None:
    assert not any("@" in key for key in make(runs=tmp_path, kind="short").values)
    assert len(asked) == 1


def test_a_name_that_nothing_knows_is_told(asked: list[str]) -> None:
    with pytest.raises(UsageError, match=r"names the convention 'tied_hed'.*tied_head"):
        make(conventions=["tied_hed"])
    assert not asked


def test_a_part_without_conventions_has_none() -> None:
    (part,) = load_rubric(ASSIGNMENT, ("a",)).parts
    assert conventions_of(ASSIGNMENT, part) == {}
    with pytest.raises(UsageError, match="has no convention 'x' for part a"):
        edited(ASSIGNMENT, part, "x", "")


def test_an_edit_that_does_not_fit_any_more_is_told() -> None:
    with pytest.raises(UsageError, match="tied_head does not fit the solution any more"):
        edited(ASSIGNMENT, PART, "tied_head", "pass")


def test_the_committed_values_say_what_they_were_made_of() -> None:
    golden = read_golden(ASSIGNMENT.golden("c"))
    told = golden.provenance["conventions"]
    assert set(told) == set(NAMED)
    for name, keys in NAMED.items():
        assert told[name]["reference_sha256"] == goldens._sha256(edited(ASSIGNMENT, PART, name, SOURCE))
        for key in keys:
            value: GoldenValue = golden.values[f"{key}@{name}"]
            assert value.replicates is not None
            assert value.replicates.n == told[name]["n_replicates"] >= 3
