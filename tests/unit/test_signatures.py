"""Signatures of known mistakes: how sentences are compared, how the table is made, read and judged."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_validation import mutant, outcome, style, taken, validation

import autograder.registered  # noqa: F401  # the checks that rubrics name
from autograder.errors import UsageError
from autograder.lint import lint
from autograder.records import Status
from autograder.registry import find_assignment
from autograder.rubric.loader import load_rubric
from autograder.signatures import Signatures, clauses, outcome_of, read_signatures
from autograder.validation import signatures_of, write_signatures

ROOT = Path(__file__).parents[2]


# ------------------------------------------------------------------ sentences


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "In `VAE`, the noise is not scaled: z is μ + ε.",
            "In `my_sample`, the noise is not scaled: z is μ + ε.",
        ),
        ("You kept 45,000 rows; 9,000 are asked for.", "You kept 12 rows; 9,000 are asked for."),
        ("Losses are 1.2, 3.4, ..., 4.4; too large.", "Losses are 5e-3, -2; too large."),
        ("Found 12 % of it", "Found 7% of it."),
        ("No gradient reaches `a` and `b`.", "No gradient reaches `head.weight`, `head.bias` and `out`."),
    ],
)
def test_sentences_that_differ_in_numbers_and_names_are_the_same(one: str, other: str) -> None:
    assert clauses(one) == clauses(other) != ()


def test_sentences_that_name_different_mistakes_differ() -> None:
    half = "The KL term of `loss` is counted twice: the ½ is missing."
    sign = "The KL term of `loss` has the wrong sign: the loss rewards distance from the prior."
    assert not set(clauses(half)) & set(clauses(sign))
    assert clauses("It is that of x₂.") != clauses("It is that of x₁.")


@given(st.text(max_size=400))
def test_any_text_gives_few_clean_clauses(text: str) -> None:
    found = clauses(text)
    assert len(found) == len(set(found)) <= 12
    assert all(clause.strip("# ") for clause in found)


@pytest.mark.parametrize(
    "text", ["1" + " , " * 9_000 + "x", "`a` and " * 9_000, "`" * 90_000, "1, " * 90_000, "1 " * 9_000]
)
def test_endless_series_are_read_to_their_end(text: str) -> None:
    assert len(clauses(text)) <= 1


def test_what_could_not_be_tried_is_no_wrong_answer() -> None:
    assert outcome_of(Status.BLOCKED) == "blocked"
    assert {outcome_of(status) for status in (Status.FAILED, Status.PASSED)} == {"lost"}


# ------------------------------------------------------------------- the table


def test_a_signature_is_what_half_of_the_runs_have_in_common_in_the_own_item() -> None:
    wrong, unseen = mutant("wrong"), mutant("unseen", unrevealable="a person marks it")
    found = signatures_of(
        replace(
            validation(
                outcome(wrong, 0, taken("a2.draws"), taken("a2.rate"), taken("a1.density")),
                outcome(wrong, 1, taken("a2.draws")),
                outcome(wrong, 2, taken("a2.draws"), taken("a2.count", 0.0, 1.0)),
                outcome(unseen),
                outcome(style("loops"), 0, taken("a2.rate")),
                trials=(wrong, unseen, style("loops")),
            ),
            n_mutants=2,
        )
    )
    first, second = found.mistakes
    assert list(first.checks) == ["a2.draws"]
    assert first.checks["a2.draws"].clauses == ("a2.draws | is wrong",)
    assert (second.checks, second.unrevealable) == ({}, "a person marks it")
    assert (found.n_seeds, found.checks) == (3, ("a1.density", "a2.rate", "a2.draws"))
    assert first.findings(["a2.draws"]) == {("a2.draws", "=lost"), ("a2.draws", "a2.draws | is wrong")}
    assert first.findings(["a2.rate"]) == frozenset()


def test_a_notebook_that_we_could_not_execute_is_not_tried() -> None:
    trial = mutant("ours")
    ours = outcome(trial).model_copy(update={"state": "not_executed"})
    with pytest.raises(UsageError, match="1 of the 1 are not tried"):
        signatures_of(replace(validation(ours, trials=(trial,)), n_mutants=1))


@pytest.mark.parametrize("trials", [(mutant("tried"),), (mutant("tried"), mutant("never_run"))])
def test_a_table_of_some_of_the_mistakes_is_refused(trials: tuple[object, ...]) -> None:
    some = replace(validation(outcome(trials[0]), trials=trials), n_mutants=2)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"1 of the 2 are not tried; .* --only mutant"):
        signatures_of(some)


def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("rubrics", "reference"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "styles")
        )
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(tmp_path))
    return find_assignment("aml-a3").signatures("a")


def test_it_is_written_into_the_folder_of_the_rubric_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = course(tmp_path, monkeypatch)
    before = load_rubric(find_assignment("aml-a3")).sha256
    trial = mutant("wrong")
    made = replace(validation(outcome(trial, 0, taken("a2.rate")), trials=(trial,)), n_mutants=1)
    assert write_signatures(made) == place
    assert read_signatures(place) == signatures_of(made)
    assert load_rubric(find_assignment("aml-a3")).sha256 == before  # the rubric is what it was


def test_a_missing_table_is_none_and_a_damaged_one_says_how_to_make_it_again(tmp_path: Path) -> None:
    assert read_signatures(tmp_path / "part_a.json") is None
    for content in ("{", '{"schema_version": 9}', "[]"):
        (tmp_path / "part_a.json").write_text(content, encoding="utf-8")
        with pytest.raises(UsageError, match="make it again with: autograder validate"):
            read_signatures(tmp_path / "part_a.json")


def test_lint_finds_names_that_the_rubric_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = course(tmp_path, monkeypatch)
    trial = mutant("wrong", "a9")
    gone = outcome(trial, 0, taken("a9.gone"))
    write_signatures(replace(validation(gone, trials=(trial,)), n_mutants=1))
    report = lint(find_assignment("aml-a3"))
    said = [str(advice) for advice in report.advice if "signatures" in advice.path]
    assert not report.problems
    assert len(said) == 2
    assert "'a9.gone'" in said[0] + said[1]
    assert "'a9'" in said[0] + said[1]
    assert all("autograder validate aml-a3 --part a --signatures" in one for one in said)
    place.write_text("{", encoding="utf-8")
    (problem,) = lint(find_assignment("aml-a3")).problems
    assert "is damaged" in str(problem)


# ------------------------------------------------------- what is committed

TABLES = sorted((ROOT / "rubrics").glob("*/signatures/part_*.json"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_committed_tables_name_checks_that_exist_and_mistakes_of_the_reference(path: Path) -> None:
    table = Signatures.model_validate(json.loads(path.read_text(encoding="utf-8")))
    assignment = find_assignment(path.parents[1].name)
    part = load_rubric(assignment).part(table.part)
    checks = {check.id: item.id for item, check in part.checks()}
    assert (table.assignment, path.stem) == (assignment.id, f"part_{table.part}")
    assert set(table.checks) <= set(checks)
    for mistake in table.mistakes:
        assert {checks.get(check) for check in mistake.checks} <= {mistake.item}
        assert set(mistake.checks) <= set(table.checks)
    from autograder.registry import module_of

    listed = module_of(assignment, "mutants", table.part).MUTANTS.values()
    assert {mistake.id for mistake in table.mistakes} <= {one.id for one in listed}


def test_the_assignment_has_tables() -> None:
    assert {path.stem for path in TABLES if path.parents[1].name == "aml-a3"} >= {
        "part_a",
        "part_b",
        "part_c",
    }
