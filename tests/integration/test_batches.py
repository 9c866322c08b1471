"""A batch as a whole: equal notebooks are executed once, one grading at a time works on a run, nothing is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from resume_worker import PreparedExecutor, graded
from test_resume import executed_twice, notebook

from autograder import cli, jobs, marking
from autograder.courses import Course
from autograder.errors import InternalError, UsageError
from autograder.execute.protocol import Job
from autograder.execution_cache import ExecutionCache
from autograder.grading import Listener, grade, rescore
from autograder.jobs import Task
from autograder.records import ExecutionRecord, Grade, Limits, Submission
from autograder.store import RunDirectory, read_record


def hand_in(folder: Path, name: str, text: str, helper: str = "") -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "part_a.ipynb").write_text(notebook(f"work = {text!r}"), encoding="utf-8")
    if helper:
        (folder / name / "helper.py").write_text(helper, encoding="utf-8")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four students, two of whom handed in the same."""
    for name, text in (("ada", "one"), ("bo", "two"), ("chen", "one"), ("dara", "three")):
        hand_in(tmp_path / "in", name, text)
    return tmp_path / "in"


def executed(log: Path) -> list[str]:
    """Who was executed since the log was last emptied."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    log.write_text("")
    return sorted(line.split()[1] for line in lines if line.startswith("finished"))


def record_of(run: Path, name: str) -> ExecutionRecord:
    record = read_record(run / "submissions" / name / "execution.json", ExecutionRecord)
    assert record is not None
    return record


def flags_of(run: Path) -> dict[str, list[str]]:
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    return {one["id"]: one["flags"] for one in results["submissions"]}


# ------------------------------------------------------------------ the same notebook


def test_equal_notebooks_are_executed_once(source: Path, tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    batch = graded(source, run, log)
    assert executed(log) == ["ada", "bo", "dara"]
    ada, chen = run / "submissions" / "ada", run / "submissions" / "chen"
    copied = sorted(path.relative_to(ada) for path in ada.rglob("*") if path.suffix in (".safetensors",))
    assert copied
    for name in (*copied, "executed.ipynb", "cases.json", "input.ipynb"):
        assert (chen / name).read_bytes() == (ada / name).read_bytes()
    assert record_of(run, "chen") == record_of(run, "ada").model_copy(update={"same_as": "ada"})
    assert record_of(run, "ada").same_as == ""
    earned = {one.submission.id: one.earned for one in batch.grades}
    assert earned["chen"] == earned["ada"] > 0


def test_only_the_instructor_is_told_who_handed_in_the_same(source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    graded(source, run, tmp_path / "log")
    flags = flags_of(run)
    assert "same notebook as chen" in flags["ada"]
    assert "same notebook as ada" in flags["chen"]
    assert not any(flag.startswith("same") for name in ("bo", "dara") for flag in flags[name])
    assert "same notebook as chen" in (run / "index.html").read_text(encoding="utf-8")
    for name, other in (("ada", "chen"), ("chen", "ada")):
        report = (run / "submissions" / name / "report.html").read_text(encoding="utf-8")
        assert other not in re.sub(r"[0-9a-f]{12,}", "", report)  # digests may spell a name
        assert "same notebook" not in report
        assert "more than once" not in report


def test_scoring_again_says_the_same(source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    graded(source, run, tmp_path / "log")
    before = (run / "results.json").read_bytes()
    rescore(run)
    assert (run / "results.json").read_bytes() == before


def test_three_of_a_kind_are_named_shortly(source: Path, tmp_path: Path) -> None:
    hand_in(source, "eve", "one")
    run = tmp_path / "run"
    graded(source, run, tmp_path / "log")
    assert "same notebook as ada and 1 more" in flags_of(run)["eve"]
    stored = read_record(run / "submissions" / "eve" / "grade.json", Grade)
    assert stored is not None
    assert "ada, chen" in next(note.text for note in stored.notes if note.kind == "same")


def test_who_comes_later_with_the_same_is_not_executed(source: Path, tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    graded(source, run, log)
    executed(log)
    hand_in(source, "eve", "two")
    graded(source, run, log)
    assert executed(log) == []
    assert record_of(run, "eve").same_as == "bo"
    whole = tmp_path / "whole"
    graded(source, whole, tmp_path / "whole.log")
    assert (run / "results.json").read_bytes() == (whole / "results.json").read_bytes()


def test_who_hands_in_anew_is_the_same_no_more(source: Path, tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    graded(source, run, log)
    executed(log)
    hand_in(source, "ada", "another")
    graded(source, run, log)
    assert executed(log) == ["ada"]
    assert not any(flag.startswith("same") for flags in flags_of(run).values() for flag in flags)


def test_a_failure_of_ours_is_not_handed_on_as_done(source: Path, tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    batch = graded(source, run, log, state="not_executed")
    assert executed(log) == ["ada", "bo", "dara"]
    assert all(one.earned == 0 and one.pending == one.possible for one in batch.grades)
    assert not (run / "submissions" / "chen" / "executed.ipynb").exists()
    again = graded(source, run, log)
    assert executed(log) == ["ada", "bo", "dara"]
    assert all(one.earned > 0 for one in again.grades)


def test_what_ctrl_c_kills_is_not_taken_for_the_notebooks_own_end(source: Path, tmp_path: Path) -> None:
    stopped = threading.Event()

    class Killed(PreparedExecutor):
        def execute(self, job: Job) -> ExecutionRecord:
            if job.out.name == "ada":
                return super().execute(job)
            stopped.wait(60)
            record = super().execute(job).model_copy(update={"state": "kernel_died"})
            (job.out / "execution.json").write_text(record.model_dump_json())
            return record

    class Stopper(Listener):
        def scored(self, grade: Grade, seconds: float) -> None:
            stopped.set()
            raise KeyboardInterrupt

    course, run, log = Course.load("aml-a3", ["a"]), tmp_path / "run", tmp_path / "log"
    with pytest.raises(KeyboardInterrupt):
        grade(source, course, run, Killed(log), listener=Stopper())
    assert record_of(run, "ada").state == "complete"
    assert not (run / "submissions" / "bo" / "execution.json").exists()
    executed(log)
    graded(source, run, log)
    assert executed(log) == ["bo", "dara"]


@pytest.mark.parametrize("step", ["copy_results", "write_record"])
def test_cut_off_while_results_are_copied_it_goes_on_and_ends_the_same(
    step: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    graded(source, tmp_path / "whole", tmp_path / "whole.log")

    def cut(*args: object) -> None:
        raise RuntimeError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, step, cut)
        with pytest.raises(RuntimeError, match="cut off"):
            graded(source, run, log)
    assert not (run / "submissions" / "chen" / "execution.json").exists()
    graded(source, run, log)
    assert executed_twice(log) == []
    assert (run / "results.json").read_bytes() == (tmp_path / "whole" / "results.json").read_bytes()


def test_a_changed_helper_file_is_executed_again(source: Path, tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    hand_in(source, "ada", "one", helper="x = 1")
    graded(source, run, log)
    assert executed(log) == ["ada", "bo", "chen", "dara"]  # ada and chen differ in what they may import
    graded(source, run, log)
    assert executed(log) == []
    hand_in(source, "ada", "one", helper="x = 2")
    graded(source, run, log)
    assert executed(log) == ["ada"]
    (source / "ada" / "helper.py").unlink()
    graded(source, run, log)
    assert executed(log) == []  # now it is chen's
    assert record_of(run, "ada").same_as == "chen"


def test_another_environment_is_another_execution(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    graded(source, run, log)
    executed(log)
    monkeypatch.setattr(jobs, "fingerprint", lambda python: "upgraded")
    graded(source, run, log)
    assert executed(log) == ["ada", "bo", "dara"]


# ------------------------------------------------------------------- what may be shared


class Counter(Listener):
    """Counts what is to be executed."""

    n = 0

    def begins(self, n_submissions: int, n_to_execute: int) -> None:
        """So many."""
        self.n = n_to_execute

    def further(self, tasks: Any) -> None:
        """And these."""
        self.n += len(tasks)


def test_nobody_has_the_luck_of_somebody_else(source: Path, tmp_path: Path) -> None:
    """What drew random numbers without a seed is executed for everybody who handed it in."""
    course, run, log = Course.load("aml-a3", ["a"]), tmp_path / "run", tmp_path / "log"
    heard = Counter()
    grade(source, course, run, PreparedExecutor(log, by_chance=("numpy",)), listener=heard)
    assert executed(log) == ["ada", "bo", "chen", "dara"]
    assert heard.n == 4
    assert record_of(run, "chen").same_as == ""
    hand_in(source, "emmy", "one")
    grade(source, course, run, PreparedExecutor(log, by_chance=("numpy",)))
    assert executed(log) == ["emmy"]


def test_executions_are_shared_between_runs_by_content(source: Path, tmp_path: Path) -> None:
    course, log = Course.load("aml-a3", ["a"]), tmp_path / "log"
    cache = tmp_path / "cache"
    first = grade(source, course, tmp_path / "one", PreparedExecutor(log), cache=ExecutionCache(cache))
    assert executed(log) == ["ada", "bo", "dara"]
    hand_in(source, "emmy", "four")
    second = grade(source, course, tmp_path / "two", PreparedExecutor(log), cache=ExecutionCache(cache))
    assert executed(log) == ["emmy"]
    assert record_of(tmp_path / "two", "bo").from_cache
    marks = {one.submission.id: one.earned for one in second.grades}
    assert marks.items() >= {one.submission.id: one.earned for one in first.grades}.items()
    assert (cache.stat().st_mode & 0o077) == 0
    third = grade(
        source, course, tmp_path / "three", PreparedExecutor(log)
    )  # without it, with another secret
    assert executed(log) == ["ada", "bo", "dara", "emmy"]
    assert len(third.grades) == 5


def test_a_cache_has_one_secret_and_says_when_it_is_damaged(tmp_path: Path) -> None:
    first, second = ExecutionCache(tmp_path / "cache"), ExecutionCache(tmp_path / "cache")
    assert first.secret == second.secret
    (tmp_path / "cache" / "secret.json").write_text("{")
    with pytest.raises(InternalError, match="is damaged: remove the folder"):
        ExecutionCache(tmp_path / "cache")


@pytest.mark.parametrize("executor", [{"by_chance": ("torch",)}, {"state": "kernel_died"}])
def test_what_another_try_might_change_is_not_kept(
    executor: dict[str, Any], source: Path, tmp_path: Path
) -> None:
    course, log, cache = Course.load("aml-a3", ["a"]), tmp_path / "log", ExecutionCache(tmp_path / "cache")
    grade(source, course, tmp_path / "one", PreparedExecutor(log, **executor), cache=cache)
    executed(log)
    grade(source, course, tmp_path / "two", PreparedExecutor(log), cache=cache)
    assert executed(log) == ["ada", "bo", "dara"]


# ------------------------------------------------------------------- order and limits


class Slow(PreparedExecutor):
    """Claims that notebooks took as long as it is told."""

    def __init__(self, log: Path, seconds: dict[str, float]):
        super().__init__(log)
        self.seconds = seconds

    def execute(self, job: Job) -> ExecutionRecord:
        """See the protocol."""
        record = super().execute(job).model_copy(update={"seconds": self.seconds[job.out.name]})
        (job.out / "execution.json").write_text(record.model_dump_json())
        return record


class Hearer(Listener):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.started_by: dict[str, threading.Thread] = {}

    def planned(self, tasks: Any, n_workers: int, n_scorers: int) -> None:
        """What will be executed."""
        self.order = [task.submission.id for task in tasks]

    def started(self, submission: Submission, job: Job) -> None:
        """A notebook begins."""
        self.started_by[submission.id] = threading.current_thread()


def test_a_submission_that_breaks_the_grader_waits_and_holds_up_no_other(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = marking._score_part

    def breaks(folder: Path, *about: Any) -> Any:
        if "bo" in folder.parts:
            raise ValueError("Out of range float values are not JSON compliant: nan")
        return whole(folder, *about)

    monkeypatch.setattr(marking, "_score_part", breaks)
    batch = graded(source, tmp_path / "run", tmp_path / "log")
    by_id = {one.submission.id: one for one in batch.grades}
    broken = by_id.pop("bo")
    assert (broken.earned, broken.pending) == (0.0, broken.possible)
    assert broken.flags == ("fault of ours",)
    assert "nan" in broken.items[0].checks[0].traceback
    assert sorted(by_id) == ["ada", "chen", "dara"]
    assert all(one.earned > 0 and "fault of ours" not in one.flags for one in by_id.values())
    page = (tmp_path / "run" / "submissions" / "bo" / "report.html").read_text(encoding="utf-8")
    assert "fault of ours" in page
    assert "JSON compliant" not in page


def test_the_longest_are_executed_first_when_it_is_known_which_they_are(source: Path, tmp_path: Path) -> None:
    course, run = Course.load("aml-a3", ["a"]), tmp_path / "run"
    executor = Slow(tmp_path / "log", {"ada": 5.0, "bo": 2.0, "dara": 90.0})
    first, second = Hearer(), Hearer()
    grade(source, course, run, executor, listener=first)
    assert first.order == ["ada", "bo", "dara"]
    assert set(first.started_by) == {"ada", "bo", "dara"}
    assert threading.main_thread() not in first.started_by.values()
    grade(source, course, run, executor, listener=second, budgets={"a": {"cell_seconds": 9.0}})
    assert second.order == ["dara", "ada", "bo"]


def test_limits_given_for_a_part_stay_until_others_are_given(source: Path, tmp_path: Path) -> None:
    course, run, log = Course.load("aml-a3", ["a"]), tmp_path / "run", tmp_path / "log"
    executor = PreparedExecutor(log)

    def limits() -> Limits:
        info = RunDirectory(run).info()
        return info.limits_of("a", course.rubric.parts[0].limits)

    grade(source, course, run, executor, budgets={"a": {"total_seconds": 50.0}})
    executed(log)
    grade(source, course, run, executor)
    assert executed(log) == []
    grade(source, course, run, executor, budgets={"a": {"memory_mib": 512.0}})
    assert (limits().total_seconds, limits().memory_mib) == (50.0, 512)
    assert limits().cell_seconds == course.rubric.parts[0].limits.cell_seconds
    assert executed(log) == ["ada", "bo", "dara"]


def test_the_run_of_an_earlier_version_is_continued_with_its_limits(source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    limits = Limits(cell_seconds=7).model_dump()
    old = {"schema_version": 1, "assignment": "aml-a3", "parts": ["a"], "source": str(source), "secret": "s"}
    old |= {"limits": limits, "bindings": {}, "seed_shift": 0}
    (run / "run.json").write_text(json.dumps(old))
    graded(source, run, tmp_path / "log")
    info = RunDirectory(run).info()
    assert info.secret == "s"
    assert info.limits_of("a", Limits()) == Limits(cell_seconds=7)


# ---------------------------------------------------------------------- one at a time


class Intruder(Listener):
    """Tries to work on the same run while it is graded."""

    def __init__(self, source: Path, run: Path, log: Path):
        self.source, self.run, self.log = source, run, log
        self.refusals: list[str] = []

    def scored(self, grade: Grade, seconds: float) -> None:
        """A submission was scored."""
        for act in (lambda: graded(self.source, self.run, self.log), lambda: rescore(self.run)):
            with pytest.raises(UsageError) as refused:
                act()
            self.refusals.append(str(refused.value))


def test_a_second_grading_of_the_same_run_is_refused(source: Path, tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    intruder = Intruder(source, run, log)
    batch = graded(source, run, log, intruder)
    assert len(batch.grades) == 4
    assert len(intruder.refusals) == 8
    assert all(f"{run} is being worked on by another autograder" in text for text in intruder.refusals)
    assert executed(log) == ["ada", "bo", "dara"]


def test_every_verb_that_writes_into_a_run_is_refused_meanwhile(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    graded(source, run, tmp_path / "log")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != ".lock"}
    words = ["grade", str(source), "--assignment", "aml-a3", "--part", "a", "--run", str(run)]
    for command in (words, ["rescore", str(run), "--bind", "ada:a2.rate=x"], ["report", str(run)]):
        with RunDirectory(run).locked():
            assert cli.run(command) == 2
        assert "is being worked on by another autograder" in capsys.readouterr().err
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != ".lock"}
    assert after == before


# ------------------------------------------------------------------- what is left lying


def dead_process() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_half_written_files_of_dead_processes_are_removed(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    folder = run.submission("ada")
    folder.mkdir(parents=True)
    shutil.copy(__file__, run.path / "run.json")
    living = os.getppid()
    gone = [folder / f".grade.json.{dead_process()}.part", run.path / f".results.json.{os.getpid()}.part"]
    old = folder / f".evidence.json.{living}.part"
    kept = [folder / f".grade.json.{living}.part", folder / "notes.part", folder / ".mine.part"]
    for path in (*gone, old, *kept):
        path.write_text("half")
    an_age_ago = time.time() - 100_000
    os.utime(old, (an_age_ago, an_age_ago))
    with run.locked():
        assert not any(path.exists() for path in (*gone, old))
        assert all(path.exists() for path in kept)


def test_a_run_killed_before_its_first_file_is_begun_anew(source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / ".lock").write_text("")
    (run / f".run.json.{dead_process()}.part").write_text('{"assignm')
    assert len(graded(source, run, tmp_path / "log").grades) == 4
    assert not list(run.rglob(".*.part"))


def test_a_folder_with_something_else_is_left_as_it_is(source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty and no run directory"):
        graded(source, run, tmp_path / "log")
    assert [path.name for path in run.iterdir()] == ["thesis.txt"]


def test_copies_hold_plain_files_only(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Task.copy_from

    def with_link(self: Task, other: Task, record: ExecutionRecord) -> ExecutionRecord:
        (other.job.out / "arrays" / "cell-0001.safetensors").symlink_to("/etc/hostname")
        return real(self, other, record)

    monkeypatch.setattr(Task, "copy_from", with_link)
    graded(source, tmp_path / "run", tmp_path / "log")
    arrays = tmp_path / "run" / "submissions" / "chen" / "arrays"
    assert [path.name for path in arrays.iterdir()] == ["cell-0000.safetensors"]
