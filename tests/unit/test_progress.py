"""What a grading says of its progress, on a terminal and in a file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from autograder.cli.progress import BatchProgress
from autograder.execute.protocol import Job
from autograder.jobs import Task
from autograder.records import ExecutionRecord, Grade, Limits, Submission


class Clock:
    """Goes on when it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def task(name: str, part: str = "a") -> Task:
    limits = Limits(total_seconds=600)
    job = Job(notebook=Path("n"), out=Path(name, part), limits=limits, input_digest=f"{name}-{part}")
    return Task(Submission(id=name, students=(name.title(),)), part, job, {}, {}, None, None)


def mark(one: Task, state: str = "graded", **about: Any) -> Grade:
    grade = {"submission": one.submission, "assignment": "x", "title": "t", "parts": ("a",), "state": state}
    return Grade.model_validate(grade | {"earned": 4.0, "pending": 0.0, "possible": 5.0} | about)


class Batch:
    """A batch that is told to a progress step by step."""

    def __init__(self, *names: str, terminal: bool = False):
        self.clock, self.text = Clock(), io.StringIO()
        console = Console(
            file=self.text, force_terminal=terminal, width=120, color_system=None, highlight=False
        )
        self.progress = BatchProgress(console, self.clock)
        self.tasks = {name: task(name) for name in names}
        self.progress.begins(len(names), len(names))
        self.progress.planned(list(self.tasks.values()), 2, 1)

    def start(self, name: str) -> None:
        self.progress.started(self.tasks[name].submission, self.tasks[name].job)

    def end(self, name: str, state: str = "graded", **about: Any) -> None:
        one = self.tasks[name]
        record = ExecutionRecord(state="complete", input_digest=one.digest)
        self.progress.executed(one.submission, one.job, record)
        self.progress.scoring(one.submission)
        self.progress.scored(mark(one, state, **about), 0.0)

    def wait(self, seconds: float) -> None:
        """Let time pass as the ticker of a file sees it."""
        for _ in range(int(seconds)):
            self.clock.now += 1.0
            self.progress.tick()

    def said(self) -> list[str]:
        """What was said since the last time."""
        lines = self.text.getvalue().splitlines()
        self.text.seek(0)
        self.text.truncate()
        return lines


def test_a_file_gets_a_line_now_and_then() -> None:
    batch = Batch("ada", "bo", "chen", "dara")
    assert batch.said() == ["4 submissions, 4 notebooks to execute."]
    batch.start("ada")
    batch.start("bo")
    batch.wait(9)
    assert batch.said() == []
    batch.wait(1)
    assert batch.said() == [
        "0 of 4 executed, 0 of 4 marked; time left unknown (at most 23 min); running: ada 10 s, bo 10 s"
    ]
    batch.wait(20)  # nothing happened: nothing is said
    assert batch.said() == []
    batch.end("ada")
    batch.start("chen")
    batch.end("bo", state="failed")
    batch.start("dara")
    assert len(batch.said()) == 1
    batch.wait(10)
    assert batch.said() == [
        "2 of 4 executed, 2 of 4 marked, 1 failed; about 20 s left; running: chen 10 s, dara 10 s"
    ]


def test_there_is_at_most_one_line_in_ten_seconds_and_one_in_a_minute() -> None:
    names = [f"s{i:02}" for i in range(40)]
    batch = Batch(*names)
    batch.said()
    for name in names:
        batch.start(name)
        batch.wait(2)
        batch.end(name)
    lines = batch.said()
    assert 7 <= len(lines) <= 8  # 80 s
    assert "about 1 s left" in lines[-1]
    batch = Batch("hangs")
    batch.said()
    batch.start("hangs")
    batch.wait(300)
    assert 4 <= len(batch.said()) <= 6


def test_failures_and_the_time_left_are_told() -> None:
    batch = Batch("ada", "bo", "chen", "dara", "eve", "fay")
    batch.start("ada")
    batch.start("bo")
    batch.clock.now += 30.0
    batch.end("ada", state="failed")
    batch.start("chen")
    batch.end("bo", state="needs_review", flags=("fault of ours",))
    batch.start("dara")
    batch.said()
    batch.wait(12)
    assert batch.said() == [
        "2 of 6 executed, 2 of 6 marked, 2 failed; about 50 s left; running: chen 10 s, dara 10 s"
    ]


def test_parts_are_told_apart_only_where_there_are_several() -> None:
    batch = Batch("ada")
    both = [task("ada", "a"), task("ada", "b")]
    batch.progress.planned(both, 2, 1)
    for one in both:
        batch.progress.started(one.submission, one.job)
    batch.said()
    batch.wait(10)
    assert batch.said()[0].endswith("running: ada a 10 s, ada b 10 s")


def test_of_many_that_run_only_some_are_named() -> None:
    names = [f"s{i}" for i in range(7)]
    batch = Batch(*names)
    for name in names:
        batch.start(name)
    batch.said()
    batch.wait(10)
    assert batch.said()[0].endswith("s3 10 s and 3 more")


def test_the_end_is_told_in_a_file_and_not_after_a_failure() -> None:
    batch = Batch("ada")
    with batch.progress:
        batch.start("ada")
        batch.clock.now += 75.0
        batch.end("ada")
    assert batch.said()[-1] == "1 of 1 executed, 1 of 1 marked; took 1 min."
    batch = Batch("ada")
    batch.said()
    with pytest.raises(RuntimeError), batch.progress:
        raise RuntimeError
    assert batch.said() == []


def test_a_terminal_shows_who_is_done_and_what_runs() -> None:
    batch = Batch("ada", "bo", "chen", terminal=True)
    with batch.progress:
        batch.start("ada")
        batch.start("bo")
        batch.clock.now += 100.0
        batch.end("ada", flags=("cell errors",))
        batch.start("chen")
    shown = batch.text.getvalue()
    assert "1/3  Ada  4 of 5  (cell errors)" in shown
    assert "Executing" in shown
    assert "about" in shown
    assert "running: bo 2 min, chen 0 s" in shown
