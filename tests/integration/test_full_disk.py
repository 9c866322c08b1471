"""The disk runs full in the middle of a grading: it is said, nothing is lost, and the same command continues."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from resume_worker import PreparedExecutor, graded
from test_batches import hand_in
from test_resume import assert_whole, executed_twice

from autograder import cli
from autograder.errors import InternalError
from autograder.execute.protocol import Job
from autograder.records import ExecutionRecord

WRITES: tuple[tuple[Any, str], ...] = (
    (os, "fsync"),
    (os, "write"),
    (shutil, "copyfile"),
    (Path, "mkdir"),
    (Path, "replace"),
)
"""Through one of these goes everything that a batch writes, but for the gradebook."""


class Disk:
    """Counts what is written, and is full at one moment."""

    def __init__(self, full_at: int | None = None):
        self.full_at = full_at
        self.n_writes = 0

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Stand between the batch and the disk."""
        for owner, name in WRITES:
            patch.setattr(owner, name, self._watched(getattr(owner, name)))

    def _watched(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def write(*args: Any, **about: Any) -> Any:
            self.n_writes += 1
            if self.n_writes == self.full_at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*args, **about)

        return write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three students, two of whom handed in the same."""
    for name, text in (("ada", "one"), ("bo", "two"), ("chen", "one")):
        hand_in(tmp_path / "in", name, text)
    return tmp_path / "in"


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_at_every_write_in_turn(
    step: int, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    with monkeypatch.context() as patch:
        disk = Disk()
        disk.watch(patch)
        graded(source, whole, tmp_path / "whole.log")
    assert disk.n_writes > 50
    told = []
    for full_at in itertools.count(1, step):
        run, log = tmp_path / f"run-{full_at}", tmp_path / f"log-{full_at}"
        log.write_text("")
        with monkeypatch.context() as patch:
            disk = Disk(full_at)
            disk.watch(patch)
            try:
                graded(source, run, log)
            except InternalError as error:
                told.append(str(error))
        if disk.n_writes < full_at:
            break
        if run.exists():
            assert_whole(run)
        graded(source, run, log)
        assert executed_twice(log) == []
        assert not list(run.rglob(".*.part"))
        for name in ("results.json", "scores.csv", "index.html", "questions.json"):
            assert (run / name).read_bytes() == (whole / name).read_bytes(), full_at
        shutil.rmtree(run)
    assert len(told) > 50 / step
    assert all("cannot be written (No space left on device)" in text for text in told)
    assert all("free some space and run the same command again" in text for text in told)


def test_in_the_gradebook(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    connect = sqlite3.connect

    def full(*args: Any, **about: Any) -> sqlite3.Connection:
        connection = connect(*args, **about)
        connection.execute("PRAGMA max_page_count = 3")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", full)
        with pytest.raises(InternalError, match=r"gradebook\.db cannot be used \(database or disk is full\)"):
            graded(source, run, log)
    assert_whole(run)
    graded(source, run, log)
    assert executed_twice(log) == []
    assert_whole(run)


def test_the_command_line_says_so_and_exits_with_3(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(PreparedExecutor):
        def __init__(self, *options: object, **about: object) -> None:
            super().__init__(tmp_path / "log")

        def execute(self, job: Job) -> ExecutionRecord:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(job.out / "executed.ipynb"))

    words = ["grade", str(source), "--assignment", "aml-a3", "--part", "a", "--run", str(tmp_path / "run")]
    monkeypatch.setattr("autograder.execute.local.LocalExecutor", Full)
    assert cli.run(words) == 3
    told = capsys.readouterr().err
    assert "executed.ipynb cannot be written (No space left on device); free some space" in told
    assert "Traceback" not in told
    monkeypatch.setattr(
        "autograder.execute.local.LocalExecutor", lambda *options, **about: PreparedExecutor(tmp_path / "log")
    )
    assert cli.run(words) == 1  # written answers wait for a person
