"""A part that trains, end to end on stand-ins: short runs, stored outputs, a training that is cut off, no data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autograder import grading
from autograder.cli.authoring import write_stand_ins
from autograder.courses import Course
from autograder.errors import UsageError
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Job, Options
from autograder.records import ExecutionRecord, Grade, Limits, Status
from autograder.registry import find_assignment
from autograder.rendering import solution_source, to_ipynb
from autograder.rubric.model import Budget
from autograder.validation.outcomes import written_checks

ASSIGNMENT = find_assignment("aml-a3")
SOLUTION = to_ipynb(solution_source(ASSIGNMENT, "c"))
TRAINING = "losses.append(train_step("
LIMITS = Limits(cell_seconds=60, total_seconds=300, call_seconds=60, memory_mib=4096)


class Nobody:
    """An executor that must not be asked."""

    name = "nobody"

    def cancel(self) -> None:
        pass

    def where(self, out: Path) -> str:
        return ""

    def describe(self) -> str:
        return "Nothing is executed."

    def execute(self, job: Job) -> ExecutionRecord:
        raise AssertionError(f"{job.notebook} was executed")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stand-ins")
    write_stand_ins(ASSIGNMENT, folder)
    return folder


def hand_in(folder: Path, notebook: str) -> Path:
    """A class of one student."""
    path = folder / "class" / "ada" / "part_c.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(notebook, encoding="utf-8")
    return folder / "class"


def graded(folder: Path, notebook: str, budget: Budget, data: Path, limits: Limits = LIMITS) -> Grade:
    """The grade of one notebook of part c."""
    course = Course.load("aml-a3", ["c"], budget, stand_ins=budget == "short")
    source = hand_in(folder, notebook)
    if budget == "replay":
        return grading.grade(source, course, folder / "run", Nobody(), data=data).grades[0]
    with LocalExecutor(Options(data=data, is_patient=False), own_work=True) as executor:
        batch = grading.grade(source, course, folder / "run", executor, n_workers=1, limits=limits, data=data)
    return batch.grades[0]


def lost(grade: Grade) -> dict[str, float]:
    """Marks that were taken, by check."""
    checks = [check for item in grade.items for check in item.checks]
    missing = {check.id: check.points - check.earned - check.pending for check in checks}
    return {name: points for name, points in missing.items() if points > 1e-6}


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory, data: Path) -> tuple[Grade, Path]:
    folder = tmp_path_factory.mktemp("short")
    return graded(folder, SOLUTION, "short", data), folder / "run" / "submissions" / "ada"


def test_a_short_run_keeps_all_marks_and_says_what_it_was(short: tuple[Grade, Path]) -> None:
    grade, folder = short
    part = Course.load("aml-a3", ["c"], "short", stand_ins=True).rubric.parts[0]
    waiting = {check.id for item in grade.items for check in item.checks if check.pending}
    full_only = {check.id for _, check in part.checks() if "short" not in check.budgets}
    assert lost(grade) == {}
    assert waiting <= written_checks(part) | full_only
    told = " ".join(note.text for note in grade.notes)
    assert "Executed with the short budget: N_CHARACTERS = 12000." in told
    assert "small generated stand-ins for Tiny Shakespeare" in told
    assert "short budget" in (folder / "report.html").read_text(encoding="utf-8")
    executed = json.loads((folder / "executed.ipynb").read_text(encoding="utf-8"))
    given = json.loads(SOLUTION)
    assert len(executed["cells"]) == len(given["cells"]), "no cell is added: numbers of cells stay"


def test_stored_outputs_are_judged_without_a_kernel(
    short: tuple[Grade, Path], tmp_path: Path, data: Path
) -> None:
    stored = (short[1] / "executed.ipynb").read_text(encoding="utf-8")
    grade = graded(tmp_path, stored, "replay", data)
    assert lost(grade) == {}, "what stored outputs cannot show waits"
    assert grade.pending > 0
    assert {run.executor for run in grade.executions.values()} == {"replay"}
    assert any("Nothing was executed" in note.text for note in grade.notes)
    assert not list((tmp_path / "run").rglob("*.safetensors"))


def test_what_was_observed_before_a_limit_counts(tmp_path: Path, data: Path) -> None:
    notebook: dict[str, Any] = json.loads(SOLUTION)
    (cell,) = [cell for cell in notebook["cells"] if TRAINING in "".join(cell["source"])]
    source = "".join(cell["source"])
    cell["source"] = source.replace(TRAINING, f"__import__('time').sleep(30); {TRAINING}")
    limits = LIMITS.model_copy(update={"cell_seconds": 7.0})
    grade = graded(tmp_path, json.dumps(notebook), "short", data, limits)
    statuses = {check.id: check.status for item in grade.items for check in item.checks}
    assert "time limit" in grade.flags
    assert statuses["c1.model"] is Status.PASSED
    assert statuses["c3.greedy"] is Status.PASSED
    assert statuses["c2.epochs"] in (Status.BLOCKED, Status.FAILED)
    (note,) = [note for note in grade.notes if note.kind == "limit"]
    assert "One cell may take 7 s" in note.text
    assert "computed counts" in note.text


@pytest.mark.parametrize("budget", ["full", "short"])
def test_without_its_data_set_nothing_is_graded(budget: Budget, tmp_path: Path) -> None:
    course = Course.load("aml-a3", ["c"], budget)
    source = hand_in(tmp_path, SOLUTION)
    with pytest.raises(UsageError, match=r"part c need Tiny Shakespeare, .* autograder data fetch"):
        grading.grade(source, course, tmp_path / "run", Nobody(), data=tmp_path / "nowhere")
    assert not (tmp_path / "run" / "results.json").exists()


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("x = discs(90)", AssertionError, "was executed"),
        ("x = datasets.MNIST(root)", UsageError, "part a0 need MNIST"),
    ],
)
def test_where_students_choose_their_data_only_code_that_names_it_needs_the_set(
    code: str, error: type[Exception], said: str, tmp_path: Path
) -> None:
    course = Course.load("gm-a0", ["a0"], "short")
    source = hand_in(tmp_path, to_ipynb(f"# %%\n{code}\n"))
    (source / "ada" / "part_c.ipynb").rename(source / "ada" / "part_a0.ipynb")
    with pytest.raises(error, match=said):
        grading.grade(source, course, tmp_path / "run", Nobody(), data=tmp_path / "nowhere")


def test_stand_ins_are_for_short_runs() -> None:
    with pytest.raises(UsageError, match="generated stand-ins"):
        Course.load("aml-a3", ["c"], "full", stand_ins=True)


def test_a_run_keeps_its_budget(short: tuple[Grade, Path]) -> None:
    folder = short[1].parents[2]
    course = Course.load("aml-a3", ["c"], "replay")
    with pytest.raises(UsageError, match="a run with the budget short"):
        grading.grade(folder / "class", course, folder / "run", Nobody())
