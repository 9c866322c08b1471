"""What counts as the same notebook, and in which order notebooks are executed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograder import environments, jobs
from autograder.courses import Course
from autograder.environments import fingerprint
from autograder.errors import InternalError
from autograder.execute.protocol import Job, Plan
from autograder.intake.notebooks import normalise
from autograder.jobs import Task, content_digest, groups_of, job_digest, longest_first, plan_tasks
from autograder.records import ExecutionRecord, Limits, Submission
from autograder.store import RunDirectory, RunInfo, read_json, write_record

PART = Course.load("aml-a3", ["a"]).rubric.parts[0]


def cells(*sources: str, kind: str = "code") -> dict[str, Any]:
    return normalise(
        {
            "cells": [
                {"cell_type": kind, "source": source, "metadata": {}, "outputs": [{"text": "old"}]}
                for source in sources
            ],
            "metadata": {"kernelspec": {"name": "mine", "language": "python"}},
            "nbformat": 4,
        }
    )


# ------------------------------------------------------------------- the content


def test_sources_and_kinds_of_cells_count(tmp_path: Path) -> None:
    digest = content_digest(cells("x = 1", "y = 2"), {})
    assert content_digest(cells("x = 1", "y = 2"), {}) == digest
    others = [cells("x = 1"), cells("y = 2", "x = 1"), cells("x = 1", "y = 3"), cells("x = 1\ny = 2")]
    others.append(cells("x = 1", "y = 2", kind="markdown"))
    assert digest not in {content_digest(other, {}) for other in others}


def test_stored_outputs_and_metadata_do_not_count() -> None:
    notebook = cells("x = 1")
    other = json.loads(json.dumps(notebook))
    other["metadata"]["kernelspec"]["name"] = "another"
    other["cells"][0]["id"] = "other"
    other["cells"][0]["metadata"] = {"tags": ["mine"]}
    other["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    assert content_digest(other, {}) == content_digest(notebook, {})


def test_helper_files_count_by_name_and_content(tmp_path: Path) -> None:
    notebook = cells("import helper")
    for name, text in (("one.py", "x = 1"), ("two.py", "x = 2"), ("same.py", "x = 1")):
        (tmp_path / name).write_text(text)
    digests = [
        content_digest(notebook, helpers)
        for helpers in (
            {},
            {"helper.py": tmp_path / "one.py"},
            {"helper.py": tmp_path / "two.py"},
            {"other.py": tmp_path / "one.py"},
            {"helper.py": tmp_path / "gone.py"},
        )
    ]
    assert len(set(digests)) == len(digests)
    assert content_digest(notebook, {"helper.py": tmp_path / "same.py"}) == digests[1]


# ----------------------------------------------------------------------- the job


def job(**about: Any) -> Job:
    return Job(notebook=Path("n"), out=Path("o"), **about)


def test_part_plan_limits_and_environment_count(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = job_digest("a", "content", job())
    assert job_digest("a", "content", job()) == digest
    others = [
        job_digest("b", "content", job()),
        job_digest("a", "other", job()),
        job_digest("a", "content", job(limits=Limits(cell_seconds=1))),
        job_digest("a", "content", job(plan=Plan(seed_shift=1))),
    ]
    monkeypatch.setattr(jobs, "fingerprint", lambda python: f"another {python}")
    others.append(job_digest("a", "content", job()))
    others.append(job_digest("a", "content", job(), "/opt/python"))
    others.append(job_digest("a", "content", job(), data="the data sets"))
    assert len({digest, *others}) == 8


def test_another_interpreter_is_asked_what_it_holds_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = subprocess.run

    def run(command: list[str], **about: Any) -> Any:
        asked.append(command[0])
        return real([sys.executable, *command[1:]], **about)

    monkeypatch.setattr(environments.subprocess, "run", run)
    fingerprint.cache_clear()
    other = fingerprint("another-python")
    assert fingerprint("another-python") == other
    assert asked == ["another-python"]
    assert fingerprint() == fingerprint(sys.executable)
    assert asked == ["another-python"]
    fingerprint.cache_clear()


def test_an_installed_version_changes_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    facts: Any = ("CPython", "3.12.1", [("NumPy", "2.0"), ("my_package", "1")])
    monkeypatch.setattr(environments, "_facts_of_ours", lambda: facts)

    def digest() -> str:
        fingerprint.cache_clear()
        return fingerprint()

    first = digest()
    facts = ("CPython", "3.12.1", [("my-package", "1"), ("numpy", "2.0"), ("numpy", "2.0")])
    assert digest() == first  # the order and the spelling of names are no difference
    facts = ("CPython", "3.12.1", [("NumPy", "2.1"), ("my_package", "1")])
    second = digest()
    facts = ("CPython", "3.12.2", [("NumPy", "2.0"), ("my_package", "1")])
    assert len({first, second, digest()}) == 3
    fingerprint.cache_clear()


def test_an_interpreter_that_is_none_is_said() -> None:
    with pytest.raises(InternalError, match="does not say what is installed in it"):
        fingerprint("/no/such/python")


# --------------------------------------------------------------------- the tasks


@pytest.fixture
def planned(tmp_path: Path) -> Any:
    """Gives the tasks of the notebooks in a folder, a folder a student."""
    run = RunDirectory(tmp_path / "run")
    info = RunInfo(assignment="aml-a3", parts=("a",), source=str(tmp_path / "in"), secret="s")

    def plan(secret: str = "s") -> dict[str, Task]:
        submissions = [
            Submission(id=folder.name, students=(folder.name,), sources={"a": str(folder / "part_a.ipynb")})
            for folder in sorted((tmp_path / "in").iterdir())
        ]
        told = info.model_copy(update={"secret": secret})
        return {task.submission.id: task for task in plan_tasks(run, told, [PART], submissions)}

    return plan


def hand_in(tmp_path: Path, name: str, *sources: str, helper: str = "") -> None:
    folder = tmp_path / "in" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "part_a.ipynb").write_text(json.dumps(cells(*sources)))
    if helper:
        (folder / "helper.py").write_text(helper)


def test_equal_notebooks_get_equal_challenges_and_others_do_not(tmp_path: Path, planned: Any) -> None:
    hand_in(tmp_path, "ada", "x = 1")
    hand_in(tmp_path, "bo", "x = 1")
    hand_in(tmp_path, "cy", "x = 2")
    hand_in(tmp_path, "di", "x = 1", helper="y = 1")
    tasks = planned()
    assert tasks["ada"].digest == tasks["bo"].digest
    assert tasks["ada"].cases == tasks["bo"].cases
    assert [[task.submission.id for task in group] for group in groups_of(tasks.values())] == [
        ["ada", "bo"],
        ["cy"],
        ["di"],
    ]
    cases = [tasks[name].cases for name in ("ada", "cy", "di")] + [planned("another run")["ada"].cases]
    assert all(a != b for i, a in enumerate(cases) for b in cases[:i])


def test_what_is_stored_of_the_same_task_is_done(tmp_path: Path, planned: Any) -> None:
    hand_in(tmp_path, "ada", "x = 1", helper="y = 1")
    task = planned()["ada"]
    task.lay_out()
    for state, is_done in (("not_executed", False), ("complete", True), ("total_limit", True)):
        record = ExecutionRecord(state=state, input_digest=task.digest, seconds=7.0)
        write_record(task.job.out / "execution.json", record)
        again = planned()["ada"]
        assert (again.done is not None) is is_done
        assert again.seconds_before == 7.0
    hand_in(tmp_path, "ada", "x = 1", helper="y = 2")
    changed = planned()["ada"]
    assert changed.done is None
    assert changed.job.files["helper.py"].read_text() == "y = 2"
    hand_in(tmp_path, "ada", "x = 2")
    assert planned()["ada"].seconds_before is None


def test_planning_leaves_a_stored_execution_until_the_new_one_begins(tmp_path: Path, planned: Any) -> None:
    hand_in(tmp_path, "ada", "x = 1")
    task = planned()["ada"]
    task.lay_out()
    stored = task.job.out / "execution.json"
    write_record(stored, ExecutionRecord(state="complete", input_digest=task.digest))
    cases = read_json(task.job.out / "cases.json")
    hand_in(tmp_path, "ada", "x = 2")
    changed = planned()["ada"]
    assert stored.exists()
    assert read_json(task.job.out / "cases.json") == cases
    changed.lay_out()
    assert not stored.exists()
    assert read_json(task.job.out / "cases.json") == changed.cases != cases


def test_the_longest_are_first_where_durations_are_known(tmp_path: Path, planned: Any) -> None:
    for name in ("ada", "bo", "cy", "di"):
        hand_in(tmp_path, name, f"x = {name!r}")
    tasks = list(planned().values())
    assert longest_first(tasks) == tasks
    known = [replace(task, seconds_before=s) for task, s in zip(tasks, (5.0, None, 30.0, 1.0), strict=True)]
    assert [task.submission.id for task in longest_first(known)] == ["cy", "bo", "ada", "di"]
