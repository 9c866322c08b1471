"""`autograder check` beside `autograder grade`: the same sentences, public checks only; and `check()` in a kernel."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from test_cli import Invoke, Said, notebook

from autograder import cli
from autograder.cli.demo import class_files
from autograder.courses import Course
from autograder.execute.kernel import Kernel, Setup
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Executor, Job
from autograder.grading import grade
from autograder.records import CellRecord, CheckResult, ExecutionRecord, Grade, Limits, Status
from autograder.registry import find_assignment
from autograder.selfcheck.choosing import choices
from autograder.selfcheck.executing import check_notebook
from autograder.selfcheck.results import Outcome, SelfCheck
from autograder.store import write_record
from tests.corpus.public_rubrics import write_public

ROOT = Path(__file__).parents[2]
LIMITS = Limits(cell_seconds=60, total_seconds=240, call_seconds=30)
STUDENTS = ("florence-nightingale", "grace-hopper", "karl-pearson", "charles-babbage")
"""Of the demo's class: other names than the template's; a crash in A3; constants; the template as it was given."""


class Kept:
    """Executes every notebook once, and gives its results again when it is asked for with fewer challenges."""

    name = "kept"

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.done: dict[str, Path] = {}

    def describe(self) -> str:
        return self.executor.describe()

    def execute(self, job: Job) -> ExecutionRecord:
        text = job.notebook.read_text(encoding="utf-8")
        if text not in self.done:
            self.done[text] = job.out
            return self.executor.execute(job)
        done = self.done[text]
        asked = {challenge.id for challenge in job.plan.challenges}
        (job.out / "arrays").mkdir(parents=True, exist_ok=True)
        for path in (done / "arrays").iterdir():
            if not path.name.startswith("call-") or path.name.split("-")[1] in asked:
                shutil.copyfile(path, job.out / "arrays" / path.name)
        shutil.copyfile(done / "executed.ipynb", job.out / "executed.ipynb")
        record = ExecutionRecord.model_validate_json((done / "execution.json").read_text(encoding="utf-8"))
        record = record.model_copy(update={"input_digest": job.input_digest})
        write_record(job.out / "execution.json", record)
        return record


SMALL = notebook(
    "import numpy as np\nimport torch\nfrom autograder import check\nnp.random.seed(1234)\ntorch.manual_seed(1234)",
    "accepted_samples = np.random.randn(10_000, 2)",
    'check("a2")',
    "is_draws = np.random.randn(40_000, 2)\nprint(undefined)",
)


@dataclass
class Class:
    """Notebooks that were graded, and the self-checks of the same."""

    folder: Path
    executor: Kept
    grades: dict[str, Grade]
    checked: dict[str, SelfCheck] = field(default_factory=dict)

    def check(self, student: str, root: Path) -> SelfCheck:
        (chosen,) = choices(root, "aml-a3", "a")
        return check_notebook(self.folder / student / "part_a.ipynb", chosen, self.executor)

    def public(self, student: str) -> dict[str, CheckResult]:
        """What the report says of the public checks."""
        found = (check for item in self.grades[student].items for check in item.checks)
        return {check.id: check for check in found if check.public}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    folder = tmp_path_factory.mktemp("class")
    files = class_files(find_assignment("aml-a3"), "a") | {"small/part_a.ipynb": SMALL.encode()}
    for name, text in files.items():
        if name.split("/")[0] in (*STUDENTS, "small"):
            (folder / name).parent.mkdir()
            (folder / name).write_bytes(text)
    with LocalExecutor(own_work=True) as executor:
        kept = Kept(executor)
        run = tmp_path_factory.mktemp("graded") / "run"
        batch = grade(folder, Course.load("aml-a3", ["a"]), run, kept, limits=LIMITS)
        made = Class(folder, kept, {one.submission.id: one for one in batch.grades})
        made.checked = {student: made.check(student, ROOT) for student in STUDENTS}
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("student", STUDENTS)
def test_the_self_check_says_what_the_report_says(student: str, graded: Class) -> None:
    told = graded.public(student)
    assert [check.id for check in graded.checked[student].checks] == list(told)
    for check in graded.checked[student].checks:
        report = told[check.id]
        for name in ("title", "status", "fraction", "message", "observed", "expected", "why", "hint"):
            assert getattr(check, name) == getattr(report, name), (check.id, name)


@pytest.mark.slow
@pytest.mark.parametrize("student", STUDENTS)
def test_at_home_it_says_the_same_or_that_it_cannot_tell(student: str, graded: Class, tmp_path: Path) -> None:
    """With the public part of the rubric alone: no golden values, no other checks that say which value is meant."""
    write_public(tmp_path)
    shutil.copytree(ROOT / "student_template" / "aml-a3", tmp_path / "student_template" / "aml-a3")
    result, told = graded.check(student, tmp_path), graded.public(student)
    assert {check.id for check in result.checks} == set(told)
    n_same = 0
    for check in result.checks:
        report = told[check.id]
        if check.outcome is Outcome.UNCHECKED and report.status is not Status.BLOCKED:
            assert "cannot tell" in check.message or "A person will say" in check.message
        else:
            assert (check.status, check.fraction) == (report.status, report.fraction), check.id
            n_same += check.message == report.message
    assert n_same >= 8


@pytest.mark.slow
@pytest.mark.parametrize("student", STUDENTS)
def test_nothing_of_the_other_checks_is_told(student: str, graded: Class) -> None:
    result, grade_of_all = graded.checked[student], graded.grades[student]
    public = {check.title for check in result.checks} | {check.message for check in result.checks}
    hidden = [check for item in grade_of_all.items for check in item.checks if not check.public]
    assert len(hidden) == 26
    for text in (json.dumps(result.document(), ensure_ascii=False), repr(result), result.page()):
        for check in hidden:
            assert check.title in public or check.title not in text
            assert check.message in public or check.message not in text
        for note in grade_of_all.notes:
            assert note.kind != "erratum" or note.text not in text


# ------------------------------------------------------------------ the command line


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words: object) -> Said:
        capsys.readouterr()
        return Said(cli.run([str(word) for word in words]), *capsys.readouterr())

    return run


class FakeExecutor:
    """Says that every cell ran, or that nothing could be executed."""

    name = "fake"
    state = "complete"
    jobs: list[Job] = []  # noqa: RUF012  (emptied by the fixture)

    def __init__(self, *options: object, **about: object) -> None:
        assert about["own_work"]

    def __enter__(self) -> FakeExecutor:
        return self

    def __exit__(self, *about: object) -> None:
        pass

    def describe(self) -> str:
        return "Runs nothing."

    def execute(self, job: Job) -> ExecutionRecord:
        self.jobs.append(job)
        cells = json.loads(job.notebook.read_text(encoding="utf-8"))["cells"]
        ran = tuple(CellRecord(index=index, status="ok") for index in range(len(cells)))
        return ExecutionRecord.model_validate({"state": self.state, "detail": "No reason.", "cells": ran})


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    monkeypatch.setattr("autograder.execute.local.LocalExecutor", FakeExecutor)
    monkeypatch.setattr(FakeExecutor, "state", "complete")
    FakeExecutor.jobs.clear()
    return FakeExecutor.jobs


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "mine" / "part_a.ipynb"
    path.parent.mkdir()
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.mark.slow
def test_check_runs_a_notebook_and_says_what_grade_says(
    own: Path, tmp_path: Path, graded: Class, invoke: Invoke
) -> None:
    """The same notebook, executed twice: for its grade, and by the command."""
    before, page = own.read_bytes(), tmp_path / "page.html"
    found = invoke("check", own, "--json", "--html", page)
    assert found.status == 1
    assert own.read_bytes() == before
    assert [path.name for path in own.parent.iterdir()] == ["part_a.ipynb"]
    checks = [check for item in found.json["items"] for check in item["checks"]]
    report = graded.public("small")
    assert {check["id"] for check in checks} == set(report)
    for check in checks:
        told = report[check["id"]]
        assert (check["message"], check["status"]) == (told.message, told.status.value), check["id"]
    said = {check["id"]: check["message"] for check in checks}
    assert said["a2.count"] == "You kept 10,000 rows."
    assert said["a1.seed"] == "NumPy and PyTorch were both seeded with 1234."
    assert found.json["stopped"] == 1  # `check` is left out while a notebook is executed, and stops nothing
    assert any("NameError" in note["text"] for note in found.json["notes"])
    assert "You kept 10,000 rows." in page.read_text(encoding="utf-8")


def test_what_it_prints_and_exits_with(own: Path, invoke: Invoke, fake: list[Job]) -> None:
    found = invoke("check", own, "--item", "a2")
    assert found.status == 1
    assert "A2 Rejection sampling" in found.out
    assert "Only the course will check: 4 more checks (7 points)." in found.out
    assert "A3" not in found.out
    assert fake[0].plan.challenges == ()


def test_a_failure_of_ours_is_status_3(
    own: Path,
    invoke: Invoke,
    fake: list[Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FakeExecutor, "state", "not_executed")
    found = invoke("check", own)
    assert (found.status, found.out) == (3, "")
    assert "No reason." in found.err


def test_all_public_checks_passed_is_status_0(
    own: Path,
    invoke: Invoke,
    fake: list[Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SelfCheck, "is_clear", True)
    assert invoke("check", own).status == 0


def test_every_check_draws_its_own_challenges(own: Path, invoke: Invoke, fake: list[Job]) -> None:
    for _ in range(2):
        invoke("check", own)
    one, other = (job.plan.challenges for job in fake)
    assert [challenge.id for challenge in one] == ["a1.density"]
    assert one[0].cases[0].seed != other[0].cases[0].seed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.ipynb"], "there is no file"),
        (["."], "is a folder; give the notebook itself"),
        (["part_a.ipynb", "--item", "a9"], "there is no item 'a9'"),
        (["part_a.ipynb", "--assignment", "aml-a4"], "did you mean 'aml-a3'"),
        (["part_a.ipynb", "--content", "."], "holds no rubric"),
        (["part_a.ipynb", "--data", "nowhere"], "is no folder"),
        (["homework.ipynb"], "may belong to several parts; say which"),
        (["part_a.pdf", "--part", "a"], "PDF"),
        (
            ["part_b.ipynb", "--fast"],
            "no cell tagged `parameters`, so that --fast has nothing to make smaller",
        ),
        (["tagged.ipynb", "--part", "b", "--fast"], "none of the sheet's numbers stands there"),
        (["part_b.ipynb", "--data", "empty"], "autograder data fetch"),
    ],
)
def test_wrong_use_says_what_to_do(
    words: list[str],
    said: str,
    own: Path,
    invoke: Invoke,
    fake: list[Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(own.parent)
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(ROOT))
    (own.parent / "empty").mkdir()
    (own.parent / "part_a.pdf").write_bytes(b"%PDF-1.5")
    for name in ("homework.ipynb", "part_b.ipynb"):
        (own.parent / name).write_text(notebook("x = 1"), encoding="utf-8")
    tagged = json.loads(notebook("seed = 7"))
    tagged["cells"][0]["metadata"] = {"tags": ["parameters"]}
    (own.parent / "tagged.ipynb").write_text(json.dumps(tagged), encoding="utf-8")
    found = invoke("check", *words)
    assert found.status == 2
    assert said in found.err
    assert not found.out
    assert not fake


def test_fast_makes_the_numbers_of_the_sheet_smaller(
    own: Path,
    invoke: Invoke,
    fake: list[Job],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("autograder.selfcheck.executing.missing_for", lambda *_: [])
    short = json.loads(notebook("n_epochs = 10"))
    short["cells"][0]["metadata"] = {"tags": ["parameters"]}
    path = tmp_path / "part_b.ipynb"
    path.write_text(json.dumps(short), encoding="utf-8")
    ran: list[str] = []
    monkeypatch.setattr(
        FakeExecutor, "execute", lambda self, job: ran.append(job.notebook.read_text()) or _nothing(job)
    )
    found = invoke("check", path, "--fast", "--content", ROOT)
    assert "n_epochs = 5" in ran[0]
    assert "short budget: n_epochs = 5" in found.out
    found = invoke("check", own, "--fast", "--content", ROOT)
    assert "Nothing in this part is long enough to be made shorter" in found.out


def _nothing(job: Job) -> ExecutionRecord:
    return ExecutionRecord(state="complete", cells=(CellRecord(index=0, status="ok"),))


def test_the_bundle_of_a_student_is_found_beside_the_notebook(
    own: Path,
    invoke: Invoke,
    fake: list[Job],
) -> None:
    write_public(own.parent)
    found = invoke("check", own, "--json").json
    assert found["only_course"] == {"n_checks": 24, "points": 35.5, "n_written": 2, "written_points": 2}
    text = json.dumps(found)
    assert "a2.rate" not in text
    assert "0.0816" not in text


# ------------------------------------------------------------------ in a kernel


CELLS = (
    "import random, numpy as np, torch\nfrom autograder import check",
    "accepted_samples = np.random.randn(10_000, 2)\n"
    "def mixture_density(points):\n    np.random.seed(1); torch.manual_seed(1); accepted_samples[:] = 0\n"
    "    return np.exp(-np.sum(np.asarray(points) ** 2, axis=-1))",
    "np.random.seed(5); random.seed(5); torch.manual_seed(5)\n"
    "expected = (random.random(), np.random.rand(), torch.rand(1).item())\n"
    "np.random.seed(5); random.seed(5); torch.manual_seed(5)\n"
    "before = (accepted_samples.sum(), sorted(set(globals()) - {'before'}))",
    'check("a2")',
    "check()",
    "assert (random.random(), np.random.rand(), torch.rand(1).item()) == expected\n"
    "assert accepted_samples.sum() == before[0]\n"
    "print(sorted(name for name in set(globals()) - set(before[1]) if not name.startswith('_')))",
)


def shown_by_kernel(cells: tuple[str, ...], folder: Path) -> list[list[dict[str, Any]]]:
    """What every cell puts out in a kernel without anything of the grader's, started in `folder`."""
    places = {name: str(folder / name) for name in ("home", "tmp", "k", "seen")}
    for place in places.values():
        Path(place).mkdir()
    kernel = Kernel(
        Setup(sys.executable, False, dict(os.environ), None, places | {"work": str(folder)}), Limits()
    )
    outputs: list[list[dict[str, Any]]] = []
    try:
        kernel.start()
        for cell in cells:
            messages: list[dict[str, Any]] = []
            assert kernel.run(cell, 120.0, keep=messages.append).how == "ok", messages
            outputs.append(
                [one["content"] for one in messages if one["msg_type"] in ("stream", "execute_result")]
            )
    finally:
        kernel.close()
    return outputs


@pytest.mark.slow
def test_check_shows_itself_in_a_kernel_and_changes_nothing(tmp_path: Path) -> None:
    write_public(tmp_path)
    outputs = shown_by_kernel(CELLS, tmp_path)
    one, every = (outputs[at][-1]["data"] for at in (3, 4))
    assert "✓ 10,000 draws were accepted" in one["text/plain"]
    assert "You kept 10,000 rows." in one["text/html"]
    assert "Could not be checked here: 1 public check" in one["text/plain"]  # the figure
    assert "14" not in one["text/plain"]
    assert "Your arrays are in double precision." in every["text/plain"]
    assert "Only the course will check: 24 more checks" in every["text/html"]
    assert outputs[5][-1]["text"].strip() == "['before']"


def test_before_handing_in_notebooks_run_from_top_to_bottom(
    tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell that needs a later one stops; a part whose data sets are not here is left to the student."""
    monkeypatch.setenv("AUTOGRADER_DATA", str(tmp_path))
    stops = tmp_path / "part_a.ipynb"
    stops.write_text(notebook("print(later)", "later = 1"), encoding="utf-8")
    trains = tmp_path / "part_c.ipynb"
    trains.write_text(notebook("print(1)"), encoding="utf-8")
    said = invoke(
        "check", "--submit-ready", stops, trains, "--assignment", "aml-a3", "--content", ROOT, "--json"
    )
    assert said.status == 1
    found = {(one["kind"], one["part"]): one["text"] for one in json.loads(said.out)["findings"]}
    assert "cell 1 stops with NameError" in found["does_not_run", "a"]
    assert ("not_tried", "a") not in found
    assert ("not_tried", "c") in found
