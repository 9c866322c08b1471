"""A validation goes through the grading, continues where it was cut off, and can be scored again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from autograder.courses import Course
from autograder.errors import UsageError
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Job
from autograder.records import ExecutionRecord
from autograder.store import write_record
from autograder.validation import Progress, Sample, validate
from autograder.validation.trials import collect_trials

ONLY = ("template", "empty", "weights_swapped", "template_filled")


class Blank:
    """An executor under which every cell does nothing: quick, and enough to follow what is executed when."""

    name = "blank"

    def __init__(self, n_until_cut: int = 1_000):
        self.jobs: list[Job] = []
        self._n_until_cut = n_until_cut

    def cancel(self) -> None:
        pass

    def where(self, out: Path) -> str:
        return ""

    def describe(self) -> str:
        return "Executes nothing."

    def execute(self, job: Job) -> ExecutionRecord:
        if len(self.jobs) == self._n_until_cut:
            raise KeyboardInterrupt
        self.jobs.append(job)
        (job.out / "arrays").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(job.notebook, job.out / "executed.ipynb")
        record = ExecutionRecord(state="complete", executor=self.name, input_digest=job.input_digest)
        write_record(job.out / "execution.json", record)
        return record


def test_every_seed_is_a_run_with_its_own_streams_and_challenges(tmp_path: Path) -> None:
    executor, told = Blank(), list[Progress]()
    found = validate(
        "aml-a3",
        "a",
        executor,
        tmp_path,
        n_seeds_styles=3,
        n_seeds_mutants=2,
        only=ONLY,
        progress=told.append,
    )
    assert sorted((o.name, o.seed) for o in found.outcomes) == sorted(
        [("template_filled", seed) for seed in range(3)]
        + [(name, seed) for name in ("template", "empty", "weights_swapped") for seed in range(2)]
    )
    assert len({job.plan.seed_shift for job in executor.jobs}) == 3
    assert len({job.plan.challenges[0].cases[0].seed for job in executor.jobs}) == len(executor.jobs)
    assert (told[-1].n_done, told[-1].n_total, told[-1].n_executed, told[-1].seconds_left) == (9, 9, 9, 0.0)
    stored = json.loads((tmp_path / "validation.json").read_text(encoding="utf-8"))
    assert len(stored["outcomes"]) == 9
    assert "template_filled" in (tmp_path / "validation.txt").read_text(encoding="utf-8")
    assert "| template_filled |" in (tmp_path / "validation.md").read_text(encoding="utf-8")


def test_later_seeds_are_other_runs(tmp_path: Path) -> None:
    first, later = Blank(), Blank()
    validate("aml-a3", "a", first, tmp_path, n_seeds_mutants=1, only=["template"])
    found = validate("aml-a3", "a", later, tmp_path, n_seeds_mutants=1, first_seed=5, only=["template"])
    assert found.outcomes[0].seed == 5
    assert first.jobs[0].plan != later.jobs[0].plan


def test_cut_off_and_continued_it_executes_nothing_twice(tmp_path: Path) -> None:
    cut, rest = Blank(n_until_cut=3), Blank()
    arguments = {"n_seeds_styles": 2, "n_seeds_mutants": 2, "n_workers": 1, "only": ONLY}
    with pytest.raises(KeyboardInterrupt):
        validate("aml-a3", "a", cut, tmp_path / "cut", **arguments)  # type: ignore[arg-type]
    continued = validate("aml-a3", "a", rest, tmp_path / "cut", **arguments)  # type: ignore[arg-type]
    assert len(cut.jobs) == 3
    assert len(rest.jobs) == 5
    whole = validate("aml-a3", "a", Blank(), tmp_path / "whole", **arguments)  # type: ignore[arg-type]
    assert continued.to_json() == whole.to_json()


def test_rescoring_executes_nothing_and_names_what_is_missing(tmp_path: Path) -> None:
    before = validate("aml-a3", "a", Blank(), tmp_path, n_seeds_styles=1, n_seeds_mutants=1, only=ONLY)
    stored = tmp_path / "seed-000" / "submissions" / "mutant-weights_swapped" / "input.ipynb"
    none = Blank(n_until_cut=0)
    same = validate(
        "aml-a3",
        "a",
        none,
        tmp_path,
        n_seeds_styles=1,
        n_seeds_mutants=1,
        n_workers=1,
        only=ONLY,
        rescore=True,
    )
    assert same.to_json() == before.to_json()
    stored.write_text(json.dumps({"cells": []}), encoding="utf-8")
    less = validate(
        "aml-a3",
        "a",
        none,
        tmp_path,
        n_seeds_styles=2,
        n_seeds_mutants=1,
        n_workers=1,
        only=ONLY,
        rescore=True,
    )
    assert less.missing == ("mutant-weights_swapped (seed 0)", "style-template_filled (seed 1)")
    assert len(less.outcomes) == 3
    assert not less.holds


def test_every_trial_of_the_assignment_can_be_made() -> None:
    course = Course.load("aml-a3", ["a"])
    trials = collect_trials(course.assignment, course.rubric.part("a"))
    assert len({trial.id for trial in trials}) == len(trials)
    assert sum(trial.kind == "style" for trial in trials) >= 10
    assert sum(trial.kind == "mutant" for trial in trials) >= 40
    assert {trial.name for trial in trials if trial.kind == "special"} >= {
        "template",
        "empty",
        "printed_constants",
    }
    for trial in trials:
        assert json.loads(trial.notebook)["nbformat"] == 4


def test_senseless_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        validate("aml-a3", "a", Blank(), tmp_path, n_seeds_mutants=0)


@pytest.mark.slow
def test_a_sample_of_the_rubric_is_fair_and_sharp(tmp_path: Path) -> None:
    """`VALIDATION_ROTATION` chooses other styles and mutants; the whole is `autograder validate`."""
    rotation = int(os.environ.get("VALIDATION_ROTATION", "0"))
    found = validate("aml-a3", "a", LocalExecutor(), tmp_path, sample=Sample(rotation=rotation))
    assert (len(found.styles), len(found.mutants)) == (3, 8)
    assert [t for t in found.targets if t.holds is not True] == []
