"""The command line as its users meet it: what is printed where, the exit status, and what an error says."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pytest

from autograder import cli, gradebook
from autograder.cli import budgets, demo, interrupts, options, output
from autograder.errors import UsageError
from autograder.execute.protocol import Job
from autograder.kernel_side.containers import write_container
from autograder.records import CellRecord, ExecutionRecord
from autograder.registry import find_assignment
from autograder.rubric.loader import load_rubric
from autograder.signatures import clauses
from autograder.store import RunDirectory, RunInfo, write_record

ROOT = Path(__file__).parents[2]
VERBS = (
    "demo", "doctor", "grade", "rescore", "review", "report", "questions", "similarity", "export", "push", "gradescope",
    "check",
    "template", "release", "golden", "validate", "lint",
)  # fmt: skip


class Said(NamedTuple):
    """What a command left: exit status, standard output, standard error."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Invoke = Callable[..., Said]


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words: object) -> Said:
        capsys.readouterr()
        status = cli.run([str(word) for word in words])
        return Said(status, *capsys.readouterr())

    return run


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the course whose rubric may be edited."""
    root = tmp_path / "course"
    for name in ("rubrics", "reference", "student_template"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(root))
    return root


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def notebook(*sources: str) -> str:
    cells = [
        {
            "cell_type": "code",
            "id": f"c{i}",
            "metadata": {},
            "source": text,
            "outputs": [],
            "execution_count": None,
        }
        for i, text in enumerate(sources)
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def handed_in(tmp_path: Path) -> Path:
    """Two small notebooks and a file that is none."""
    folder = tmp_path / "handed in"
    for name in ("ada", "emmy"):
        (folder / name).mkdir(parents=True)
        text = notebook("acceptance_rate = 0.0816", f"name = {name!r}")
        (folder / name / "part_a.ipynb").write_text(text, encoding="utf-8")
    (folder / "blaise.pdf").write_bytes(b"%PDF-1.5")
    return folder


class FakeExecutor:
    """Claims that every cell ran, and that the notebook left the acceptance rate of rejection sampling."""

    name = "fake"
    executed: list[Job] = []  # noqa: RUF012  (emptied by the fixture)

    def __init__(self, *options: object, **about: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *about: object) -> None:
        pass

    def describe(self) -> str:
        return "Runs nothing."

    def execute(self, job: Job) -> ExecutionRecord:
        self.executed.append(job)
        (job.out / "arrays").mkdir(parents=True, exist_ok=True)
        cells = json.loads(job.notebook.read_text(encoding="utf-8"))["cells"]
        shutil.copyfile(job.notebook, job.out / "executed.ipynb")
        values = {"acceptance_rate": {"t": "float", "v": 0.0816}}
        document = {
            "cell": 0,
            "values": values,
            "deleted": [],
            "functions": {},
            "figures": [],
            "seeds": [],
            "torch_initial_seed": None,
            "dropped": [],
        }
        write_container(str(job.out / "arrays" / "cell-0000.safetensors"), document, {"unused": np.zeros(1)})
        record = ExecutionRecord(
            state="complete",
            cells=tuple(CellRecord(index=i, status="ok") for i in range(len(cells))),
            executor=self.name,
            input_digest=job.input_digest,
        )
        write_record(job.out / "execution.json", record)
        return record


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs that reached an executor, none of which was executed."""
    monkeypatch.setattr("autograder.execute.local.LocalExecutor", FakeExecutor)
    FakeExecutor.executed.clear()
    return FakeExecutor.executed


@pytest.fixture
def graded(invoke: Invoke, handed_in: Path, tmp_path: Path, fake: list[Job]) -> Path:
    """A run directory with the grades of the small class."""
    run = tmp_path / "run"
    assert invoke("grade", handed_in, "--assignment", "aml-a3", "--run", run).status == 1
    return run


# ------------------------------------------------------------------------ help


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_and_takes_json(verb: str, invoke: Invoke) -> None:
    said = invoke(verb, "--help")
    assert said.status == 0
    assert "--json" in said.out
    assert not said.err


def test_every_option_has_a_help_text() -> None:
    import typer.main

    group: Any = typer.main.get_command(cli.app)
    assert set(group.commands) == {*VERBS, "data"}
    verbs = group.commands | {f"data {verb}": one for verb, one in group.commands["data"].commands.items()}
    for verb, command in verbs.items():
        assert command.help, verb
        for parameter in command.params:
            assert parameter.help, f"{verb}: {parameter.name}"


def test_without_a_verb_the_help_is_shown(invoke: Invoke) -> None:
    said = invoke()
    assert said.status == 2
    assert all(verb in said.out for verb in VERBS)


def test_version(invoke: Invoke) -> None:
    assert invoke("--version") == Said(0, "autograder 0.1.0\n", "")


def test_main_exits_with_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["autograder", "--version"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0


# ---------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("grad",), "Did you mean 'grade'"),
        (("grade", "."), "--assignment"),
        (("grade", ".", "--assignment", "aml-a3"), "--run"),
        (("grade", ".", "--assignment", "aml-a33", "--run", "runs/x"), "did you mean 'aml-a3'?"),
        (("grade", "nowhere", "--assignment", "aml-a3", "--run", "runs/x"), "there is no folder nowhere"),
        (("grade", ".", "--assignment", "aml-a3", "--run", "runs/x"), "lies inside the submissions folder"),
        (("grade", "x", "--assignment", "aml-a3", "--run", "r", "--part", "z"), "there is no part 'z'"),
        (("lint", "gdl"), "there is no assignment 'gdl'; did you mean 'gdl-ca5'?"),
        (("template", "aml-a3", "--part", "q"), "has no part 'q' (there are: a, b, c)"),
        (("rescore", "nowhere"), "nowhere is no run directory"),
        (("report", "nowhere"), "nowhere is no run directory"),
        (("questions", "nowhere"), "nowhere is no run directory"),
        (
            ("validate", "aml-a3", "--part", "a", "--quick", "--signatures"),
            "need all known mistakes of part a",
        ),
        (("demo", "--run", "reference"), "holds something else than a demo"),
    ],
)
def test_wrong_use_is_one_message_and_status_2(
    words: tuple[str, ...], told: str, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for flags in ((), ("--json",)):
        said = invoke(*words, *(flags if words[0] in VERBS else ()))
        assert said.status == 2
        assert told in said.err
        assert "Traceback" not in said.err
        assert not said.out


def test_run_of_something_else_is_refused(
    invoke: Invoke, handed_in: Path, tmp_path: Path, fake: list[Job]
) -> None:
    other = RunInfo(assignment="gdl-ca5", parts=("a",), source="x", secret="s")
    RunDirectory(tmp_path / "other").open(other)
    said = invoke("grade", handed_in, "--assignment", "aml-a3", "--run", tmp_path / "other")
    assert said.status == 2
    assert "holds a run of gdl-ca5" in said.err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    said = invoke("grade", handed_in, "--assignment", "aml-a3", "--run", tmp_path / "full")
    assert said.status == 2
    assert "is not empty and no run directory" in said.err
    assert not fake


def test_unforeseen_failures_keep_their_traceback(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(assignment_id: str) -> None:
        raise RuntimeError("out of cheese")

    monkeypatch.setattr("autograder.cli.rubrics.find_assignment", break_down)
    said = invoke("lint", "aml-a3")
    assert said.status == 3
    assert "RuntimeError: out of cheese" in said.err
    assert "Traceback" not in said.err
    kept = Path(said.err.split("The traceback is in ")[1].split(";")[0])
    assert "break_down" in kept.read_text(encoding="utf-8")
    kept.unlink()
    said = invoke("lint", "aml-a3", "--debug")
    assert said.status == 3
    assert "Traceback" in said.err


def test_a_reader_that_leaves_is_no_failure() -> None:
    code = "import sys; from autograder.cli import main; sys.argv = ['autograder', 'lint', 'aml-a3']; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    told = process.stderr.read().decode()
    process.stderr.close()
    process.wait()
    assert "Traceback" not in told
    assert "broke" not in told


# ----------------------------------------------------------------------- grade


def test_grade_prints_the_class_and_where_its_page_is(
    invoke: Invoke, handed_in: Path, tmp_path: Path, fake: list[Job]
) -> None:
    run = tmp_path / "run"
    said = invoke("grade", handed_in, "--assignment", "aml-a3", "--part", "a", "--run", run)
    assert said.status == 1  # a person marks the written answers, and there is a PDF
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["Student", "ada", "blaise", "emmy"]
    assert "of 50" in lines[1]
    assert "blaise.pdf is no notebook; hand in the .ipynb file" in lines[2]
    assert "3 submissions: 0 graded, 2 need a person, 1 failed." in lines
    assert lines[-1] == f"Class page: {run / 'index.html'}"
    assert "3 submissions, 2 notebooks to execute." in said.err
    assert "2 of 2 executed, 3 of 3 marked, 1 failed" in said.err
    for name in ("index.html", "results.json", "scores.csv", "submissions/ada/report.html"):
        assert (run / name).is_file()
    assert {job.limits for job in fake} == {load_rubric(find_assignment("aml-a3"), ["a"]).parts[0].limits}


def test_grade_again_executes_nothing_and_says_so(graded: Path, invoke: Invoke, handed_in: Path) -> None:
    results = (graded / "results.json").read_bytes()
    n_executed = len(FakeExecutor.executed)
    said = invoke("grade", handed_in, "--assignment", "aml-a3", "--run", graded, "--json")
    assert len(FakeExecutor.executed) == n_executed
    assert "nothing to execute" in said.err
    assert (graded / "results.json").read_bytes() == results
    assert said.json == {
        "run": str(graded),
        "index": str(graded / "index.html"),
        "results": json.loads(results),
    }


def test_budgets_are_given_for_all_parts_or_for_one() -> None:
    parts = ["a", "b"]
    assert budgets.parse_budgets(parts, {"cell_seconds": None, "memory_mib": []}) == {}
    given = {"total_seconds": ["b=3600", "900"], "memory_mib": ["a=512"]}
    assert budgets.parse_budgets(parts, given) == {
        "a": {"total_seconds": 900.0, "memory_mib": 512.0},
        "b": {"total_seconds": 3600.0},
    }
    assert budgets.parse_budgets(parts, {"call_seconds": ["5", "7.5", "b=1", "b=2"]}) == {
        "a": {"call_seconds": 7.5},
        "b": {"call_seconds": 2.0},
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--total-seconds", "z=5"), "--total-seconds z=5: there is no part 'z' (there are: a, b, c)"),
        (("--memory-mib", "4.5"), "'4.5' is not a whole number"),
        (("--memory-mib", "2"), "the smallest value is 64"),
        (("--cell-seconds", "soon"), "'soon' is not a number; give one for all parts, or PART=NUMBER"),
        (("--call-seconds", "nan"), "must be finite"),
        (("--call-seconds", "a=inf"), "must be finite"),
        (("--call-seconds", "=5"), "there is no part ''"),
        (("--cell-seconds", "0"), "the smallest value is 0.1"),
    ],
)
def test_wrong_budgets_are_refused(
    words: tuple[str, ...], told: str, invoke: Invoke, handed_in: Path, tmp_path: Path, fake: list[Job]
) -> None:
    said = invoke("grade", handed_in, "--assignment", "aml-a3", "--run", tmp_path / "run", *words)
    assert said.status == 2
    assert told in said.err
    assert not fake
    assert not (tmp_path / "run").exists()


def test_budgets_reach_the_notebooks_and_stay_in_the_run(
    invoke: Invoke, handed_in: Path, tmp_path: Path, fake: list[Job]
) -> None:
    run = tmp_path / "run"
    words = ("grade", handed_in, "--assignment", "aml-a3", "--part", "a", "--run", run)
    of_rubric = load_rubric(find_assignment("aml-a3"), ["a"]).parts[0].limits
    invoke(*words, "--total-seconds", "a=77", "--memory-mib", "2048")
    wanted = of_rubric.model_copy(update={"total_seconds": 77.0, "memory_mib": 2048})
    assert [job.limits for job in fake] == [wanted, wanted]
    invoke(*words)
    assert len(fake) == 2  # the same limits hold: nothing is executed again
    invoke(*words, "--call-seconds", "9")
    assert [job.limits for job in fake[2:]] == [wanted.model_copy(update={"call_seconds": 9.0})] * 2
    invoke("rescore", run)
    assert RunDirectory(run).info().budgets == {
        "a": {"total_seconds": 77.0, "memory_mib": 2048.0, "call_seconds": 9.0}
    }


def test_workers_fit_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for n_cores, wanted in ((None, 1), (1, 1), (2, 2), (64, 2)):
        monkeypatch.setattr("os.cpu_count", lambda n_cores=n_cores: n_cores)
        assert options.n_workers(None) == wanted
    assert options.n_workers(5) == 5


def test_author_is_asked_of_git_then_of_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert options.author_or_me("Ada") == "Ada"
    monkeypatch.setenv("PATH", str(tmp_path))  # no git
    monkeypatch.setenv("LOGNAME", "emmy")
    assert options.author_or_me(None) == "emmy"


# ------------------------------------------------------------------- interrupts


def test_ctrl_c_says_how_to_go_on(
    invoke: Invoke, handed_in: Path, tmp_path: Path, fake: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    pressed = threading.Event()

    def press(executor: FakeExecutor, job: Job) -> ExecutionRecord:
        if not pressed.is_set():
            pressed.set()
            os.kill(os.getpid(), signal.SIGINT)
        return ExecutionRecord(state="not_executed", detail="killed")

    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(FakeExecutor, "execute", press)
        said = invoke("grade", handed_in, "--assignment", "aml-a3", "--run", tmp_path / "run")
    assert said.status == 130
    assert "Stopped. What is finished is kept; the same command continues" in said.err
    assert not said.out
    assert signal.getsignal(signal.SIGINT) is before
    said = invoke("grade", handed_in, "--assignment", "aml-a3", "--run", tmp_path / "run")
    assert said.status == 1
    assert "3 submissions: 0 graded, 2 need a person, 1 failed." in said.out


def test_what_breaks_while_stopping_is_not_our_failure() -> None:
    def break_while_stopping() -> None:
        with interrupts.stoppable("Nothing was lost."):
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                threading.Event().wait(10)
            except KeyboardInterrupt:
                raise OSError("the child is gone") from None

    with pytest.raises(interrupts.Stopped, match=r"Stopped\. Nothing was lost\."):
        break_while_stopping()


# --------------------------------------------------------------------- rescore


def test_rescore_says_what_changed_for_whom_and_why(content: Path, graded: Path, invoke: Invoke) -> None:
    edit(
        content / "rubrics/aml-a3/part_a.yaml", "title: The acceptance rate is right", "title: The rate fits"
    )
    n_executed = len(FakeExecutor.executed)
    said = invoke("rescore", graded, "--why", "clearer words", "--author", "Emmy")
    assert said.status == 1
    assert "The acceptance rate is right" in said.out.split("Nobody's marks changed")[0]
    assert "Nobody's marks changed." in said.out
    assert "Emmy" in said.out
    assert "clearer words" in said.out
    assert len(FakeExecutor.executed) == n_executed


def test_rescore_shows_marks_from_and_to(content: Path, graded: Path, invoke: Invoke) -> None:
    before = {
        entry["id"]: entry for entry in json.loads((graded / "results.json").read_text())["submissions"]
    }
    points = {check["id"]: check for item in before["ada"]["items"] for check in item["checks"]}
    assert points["a2.rate"]["earned"] > 0
    part = content / "rubrics/aml-a3/part_a.yaml"
    text = part.read_text(encoding="utf-8")
    for check, delta in (("a2.rate", 0.5), ("a2.count", -0.5)):
        head, tail = text.split(f"- id: {check}\n", 1)
        old = tail.split("points: ", 1)[1].split("\n", 1)[0]
        text = f"{head}- id: {check}\n" + tail.replace(f"points: {old}", f"points: {float(old) + delta}", 1)
    reason = "the rate was worth too little"
    part.write_text(text + f"\nchanges:\n  - {{date: 2026-01-01, why: {reason}}}\n", encoding="utf-8")
    said = invoke("rescore", graded, "--json")
    assert [(c["submission"], c["check"]) for c in said.json["mark_changes"]] == [
        ("ada", "a2.rate"),
        ("emmy", "a2.rate"),
    ]
    assert [scoring["why"] for scoring in said.json["scorings"]] == ["graded", reason]
    assert any("a2.rate" in change and "->" in change for change in said.json["rubric_changes"])
    assert said.json["results"]["submissions"][0]["earned"] == before["ada"]["earned"] + 0.5
    # A reason is used once, and a scoring that changes nothing does not show what an earlier one changed.
    said = invoke("rescore", graded)
    assert "Nobody's marks changed." in said.out
    edit(part, f"why: {reason}", f"why: {reason} indeed")
    assert gradebook.scorings(graded / "gradebook.db")[-1].why == reason
    assert f"{reason} indeed" in invoke("rescore", graded).out


def test_rescore_with_marks_prints_the_students(content: Path, graded: Path, invoke: Invoke) -> None:
    part = content / "rubrics/aml-a3/part_a.yaml"
    rubric = load_rubric(find_assignment("aml-a3"), ["a"]).parts[0]
    points = {check.id: check.points for _, check in rubric.checks()}
    text = part.read_text(encoding="utf-8")
    for check, other in (("a2.rate", "a2.count"), ("a2.count", "a2.rate")):
        head, tail = text.split(f"- id: {check}\n", 1)
        text = f"{head}- id: {check}\n" + tail.replace(
            f"points: {points[check]:g}", f"points: {points[other]:g}", 1
        )
    part.write_text(text, encoding="utf-8")
    said = invoke("rescore", graded, "--why", "swapped")
    assert "Marks that changed (2 of 3 students)" in said.out
    assert f"a2.rate {points['a2.rate']:g} → {points['a2.count']:g}" in said.out


def test_wrong_rubric_is_refused_with_its_place_and_marks_stay(
    content: Path, graded: Path, invoke: Invoke
) -> None:
    results = (graded / "results.json").read_bytes()
    edit(content / "rubrics/aml-a3/part_a.yaml", "check: rows_kept", "check: row_kept")
    for words in (("rescore", graded), ("lint", "aml-a3")):
        said = invoke(*words)
        assert said.status == 2
        told = said.err + said.out
        assert "part_a.yaml:" in told
        assert "there is no check 'row_kept'; did you mean 'rows_kept'?" in told
    assert (graded / "results.json").read_bytes() == results


@pytest.mark.parametrize(
    ("binding", "told"),
    [
        ("nonsense", "expected SUBMISSION:KEY=PATH"),
        ("adda:a2.rate=x", "has no submission 'adda'; did you mean 'ada'?"),
        ("ada:a2.rat=x", "has no evidence 'a2.rat'; did you mean 'a2.rate'?"),
        ("ada:a2.rate=x[", "is no path"),
    ],
)
def test_wrong_bindings_are_refused(graded: Path, invoke: Invoke, binding: str, told: str) -> None:
    said = invoke("rescore", graded, "--bind", binding)
    assert said.status == 2
    assert told in said.err
    assert RunDirectory(graded).info().bindings == {}


def test_bindings_are_kept_and_are_the_reason(graded: Path, invoke: Invoke) -> None:
    said = invoke(
        "rescore", graded, "--bind", "ada:a2.rate=acceptance_rate", "--bind", "*:a3.ess=n.eff", "--json"
    )
    assert said.status == 1
    assert RunDirectory(graded).info().bindings == {
        "ada": {"a2.rate": "acceptance_rate"},
        "*": {"a3.ess": "n.eff"},
    }


# ---------------------------------------------------------------------- report


def test_report_renders_what_was_lost(graded: Path, invoke: Invoke) -> None:
    pages = [graded / "index.html", graded / "submissions" / "ada" / "report.html"]
    texts = [page.read_text(encoding="utf-8") for page in pages]
    for page in pages:
        page.unlink()
    said = invoke("report", graded)
    assert said.status == 1
    first, standing, last = said.out.splitlines()
    assert (first, last) == ("3 reports rendered.", f"Class page: {graded / 'index.html'}")
    assert standing.startswith("Not final: ")
    assert [page.read_text(encoding="utf-8") for page in pages] == texts


@pytest.mark.parametrize("name", ["results.json", "submissions/emmy/grade.json"])
def test_report_of_a_damaged_run_names_the_way_out(graded: Path, invoke: Invoke, name: str) -> None:
    (graded / name).write_text("{", encoding="utf-8")
    said = invoke("report", graded)
    assert said.status == 2
    assert f"make it again with: autograder rescore {graded}" in said.err


# ------------------------------------------------------------------- questions


def test_questions_says_what_grading_wrote_and_changes_no_mark(graded: Path, invoke: Invoke) -> None:
    files = [graded / name for name in ("questions.json", "questions.html")]
    before, marks = [path.read_bytes() for path in files], (graded / "results.json").read_bytes()
    for path in files:
        path.unlink()
    said = invoke("questions", graded)
    assert said.status == 0
    assert [path.read_bytes() for path in files] == before
    assert (graded / "results.json").read_bytes() == marks
    assert said.out.splitlines()[-1] == f"Question analysis: {graded / 'questions.html'}"
    assert "too few to tell (2)" in said.out
    assert "A2 Rejection sampling" in said.out
    document = invoke("questions", graded, "--json").json
    assert document == json.loads(before[0])
    (a2,) = [item for part in document["parts"] for item in part["items"] if item["id"] == "a2"]
    (rate,) = [check for check in a2["checks"] if check["id"] == "a2.rate"]
    assert (rate["difficulty"]["n"], rate["statuses"]) == (2, {"passed": 2})
    assert sum(group["n"] for group in a2["mistakes"]) == a2["n_lost"] == 2


def test_questions_name_the_known_mistake_of_a_class(content: Path, graded: Path, invoke: Invoke) -> None:
    """The two notebooks lack everything but the rate: made a known mistake, they are like it."""
    grade = json.loads((graded / "submissions" / "ada" / "grade.json").read_text(encoding="utf-8"))
    lost = [
        check
        for item in grade["items"]
        if item["id"] == "a2"
        for check in item["checks"]
        if check["points"] > 0 and check["status"] == "failed"
    ]
    signature = {"id": "rate_alone", "item": "a2", "title": "hands in the rate alone"}
    signature |= {
        "checks": {check["id"]: {"outcome": "lost", "clauses": clauses(check["message"])} for check in lost}
    }
    table = {"assignment": "aml-a3", "part": "a", "engine": "0", "rubric_sha256": "0", "budget": "full"}
    table |= {
        "first_seed": 0,
        "n_seeds": 1,
        "checks": [check["id"] for check in lost],
        "mistakes": [signature],
    }
    place = content / "rubrics" / "aml-a3" / "signatures" / "part_a.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(table), encoding="utf-8")
    assert "hands in the rate alone" in invoke("questions", graded).out
    assert "hands in the rate alone" in (graded / "questions.html").read_text(encoding="utf-8")
    place.write_text("{", encoding="utf-8")
    said = invoke("questions", graded)
    assert said.status == 0
    assert "is damaged" in said.out


# ------------------------------------------------- what needs neither PyTorch nor a kernel


def test_marking_needs_no_pytorch_and_no_kernel(graded: Path) -> None:
    code = f"""
import sys
from importlib.abc import MetaPathFinder
class NotInstalled(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("torch", "ipykernel", "matplotlib", "pandas", "IPython"):
            raise ModuleNotFoundError(name)
# None in sys.modules would mislead SciPy, which looks for torch there.
sys.meta_path.insert(0, NotInstalled())
from autograder.cli import run
assert run(["report", {str(graded)!r}]) == 1
assert run(["rescore", {str(graded)!r}]) == 1
assert run(["questions", {str(graded)!r}]) == 0
assert run(["lint", "aml-a3"]) in (0, 2)
assert run(["template", "aml-a3", "--check"]) == 0
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_asking_for_help_loads_nothing_heavy() -> None:
    code = """
import sys
from autograder.cli import run
run(["--help"])
loaded = {name.split(".")[0] for name in sys.modules}
print(*loaded & {"scipy", "torch", "nbclient", "jinja2"}, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""


# ------------------------------------------------------------------- authoring


def test_template_is_made_again_when_it_is_out_of_date(content: Path, invoke: Invoke) -> None:
    path = content / "student_template" / "aml-a3" / "part_a.ipynb"
    assert invoke("template", "aml-a3", "--check").status == 0
    original = path.read_bytes()
    path.write_text("{}", encoding="utf-8")
    said = invoke("template", "aml-a3", "--check", "--json")
    assert said.status == 1
    assert [name for name, state in said.json.items() if state == "out of date"] == [str(path)]
    assert path.read_text(encoding="utf-8") == "{}"
    said = invoke("template", "aml-a3", "--part", "a")
    assert (said.status, said.out) == (0, f"{path}: written\n")
    assert path.read_bytes() == original


def test_without_the_reference_the_verb_says_so(content: Path, invoke: Invoke) -> None:
    for source in (content / "reference" / "aml_a3").glob("notebook_*.py"):
        source.unlink()
    said = invoke("template", "aml-a3")
    assert said.status == 2
    assert "the reference of aml-a3 is not in this copy" in said.err


def test_golden_check_compares_exact_values(
    content: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autograder import goldens

    computed = goldens.truths_of(load_rubric(find_assignment("aml-a3"), ["a"]).parts[0])
    monkeypatch.setattr(goldens, "truths_of", lambda *_: computed)  # quadratures take seconds
    said = invoke("golden", "aml-a3", "--part", "a", "--check")
    assert said.status == 0
    assert "every exact value is as computed now" in said.out
    path = content / "reference" / "aml_a3" / "golden" / "part_a.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    truth = stored["values"]["a2.rate"]["truth"]
    stored["values"]["a2.rate"]["truth"] = 1 / 12
    del stored["values"]["a2.envelope"]
    path.write_text(json.dumps(stored), encoding="utf-8")
    said = invoke("golden", "aml-a3", "--part", "a", "--check")
    assert said.status == 1
    assert "a2.envelope: not stored" in said.out
    assert f"a2.rate: stored {1 / 12}" in said.out
    assert f"computed {truth:.6f}"[:12] in said.out
    said = invoke("golden", "aml-a3", "--check", "--json")
    assert len(said.json["a"]["differences"]) == 2


def test_lint_shows_the_bands_and_the_risk(invoke: Invoke) -> None:
    report = invoke("lint", "aml-a3", "--json").json
    assert {row["method"] for row in report["bands"]} >= {"normal", "replicates"}
    assert [risk["part"] for risk in report["risks"]] == ["a", "b", "c"]
    risk = report["risks"][0]
    assert risk["rate_per_check"] * risk["n_random"] == pytest.approx(risk["false_fail_rate"])
    said = invoke("lint", "aml-a3")
    assert "a3.mean" in said.out
    assert said.status == (2 if report["problems"] else 0)


def test_validate_hands_its_options_on(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import autograder.validation

    called: dict[str, Any] = {}

    def fake_validate(*words: Any, **named: Any) -> autograder.validation.Validation:
        called.update(named, words=words)
        return autograder.validation.Validation("aml-a3", "a", "0", "0" * 64, 0, (), (), (), 0.0)

    monkeypatch.setattr(autograder.validation, "validate", fake_validate)
    out = tmp_path / "proof.md"
    said = invoke(
        *("validate", "aml-a3", "--part", "a", "--run", tmp_path / "v", "--seeds", 4, "--quick", "--out", out)
    )
    assert said.status == 1  # nothing was run, so nothing is proved
    assert called["words"][:2] == ("aml-a3", "a")
    assert called["words"][3] == tmp_path / "v"
    assert (called["n_seeds_styles"], called["n_seeds_mutants"]) == (4, 3)
    assert called["sample"] is not None
    assert out.read_text(encoding="utf-8").startswith("# Validation of aml-a3, part a")
    assert "Targets" in said.out
    assert invoke("validate", "aml-a3", "--part", "a", "--json").json["holds"] is False


# ------------------------------------------------------------------------ demo


def test_demo_class_is_made_of_the_reference() -> None:
    files = demo.class_files(find_assignment("aml-a3"), "a")
    assert len(files) >= 12
    template = (ROOT / "student_template" / "aml-a3" / "part_a.ipynb").read_bytes()
    assert list(files.values()).count(template) == 1
    assert sum(not content.startswith(b"{") for content in files.values()) == 1


def test_demo_grades_its_class(invoke: Invoke, tmp_path: Path, fake: list[Job]) -> None:
    folder = tmp_path / "show"
    said = invoke("demo", "--run", folder)
    assert said.status == 0
    assert said.out.splitlines()[-1] == f"Class page: {folder / 'run' / 'index.html'}"
    assert "13 submissions" in said.out
    assert {job.limits for job in fake} == {demo.LIMITS}
    fake.clear()
    assert invoke("demo", "--run", folder, "--json").json["results"]["assignment"] == "aml-a3"
    assert not fake  # --keep: nothing is executed twice
    assert invoke("demo", "--run", folder, "--fresh").status == 0
    assert len(fake) == 12


def test_demo_leaves_other_folders_alone(tmp_path: Path) -> None:
    demo.clear_place(tmp_path / "new", "aml-a3", fresh=True)
    demo.clear_place(tmp_path, "aml-a3", fresh=True)
    assert tmp_path.is_dir()
    (tmp_path / "class").mkdir()
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="something else"):
        demo.clear_place(tmp_path, "aml-a3", fresh=True)
    assert (tmp_path / "thesis.txt").is_file()
    with pytest.raises(UsageError, match="is a file"):
        demo.clear_place(tmp_path / "thesis.txt", "aml-a3", fresh=False)


# ----------------------------------------------------------------------- doctor


def test_doctor_prints_what_it_found(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    from autograder.doctor import Finding

    found = [Finding("Python", "ok", "3.12"), Finding("Fence", "note", "none", "use Linux")]
    monkeypatch.setattr("autograder.doctor.examine", lambda: found)
    said = invoke("doctor")
    assert said.status == 0
    assert "→ use Linux" in said.out
    assert "Everything that grading needs is here." in said.out
    found.append(Finding("Kernel", "problem", "not installed: torch", "make setup"))
    said = invoke("doctor", "--json")
    assert said.status == 1
    assert said.json["ok"] is False
    assert said.json["findings"][2]["mend"] == "make setup"
    assert "Mend the problems above" in invoke("doctor").out


# ----------------------------------------------------------------- real kernels


@pytest.mark.slow
def test_a_real_notebook_from_the_shell_to_its_report(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "ada.ipynb").write_text(
        notebook("import numpy as np\nnp.random.seed(1234)", "acceptance_rate = 0.0816", "1 / 0"),
        encoding="utf-8",
    )
    words = [
        "grade",
        folder,
        "--assignment",
        "aml-a3",
        "--part",
        "a",
        "--run",
        tmp_path / "run",
        "--cell-seconds",
        "30",
    ]
    code = "import sys; from autograder.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "160"},
    )
    assert done.returncode == 1, done.stderr
    assert "cell errors" in done.stdout
    assert "1 of 1 executed, 1 of 1 marked" in done.stderr
    assert RunDirectory(tmp_path / "run").info().budgets == {"a": {"cell_seconds": 30}}
    record = json.loads((tmp_path / "run/submissions/ada/execution.json").read_text())
    assert [cell["status"] for cell in record["cells"]] == ["ok", "ok", "error"]


# ------------------------------------------------------------------------ words


def test_marks_are_written_as_people_do() -> None:
    assert [output.marks(value) for value in (45.3571, 48.0, 0.1 + 0.2)] == ["45.36", "48", "0.3"]
    assert output.plural(1, "notebook") == "1 notebook"
