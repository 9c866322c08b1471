"""Marking side by side gives the marks of marking one after another, also when a process of it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from resume_worker import PreparedExecutor
from test_resume import notebook

from autograder import scorers
from autograder.courses import Course
from autograder.grading import Listener, grade, rescore
from autograder.records import Grade


@pytest.fixture(scope="module")
def graded_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six, marked one after another."""
    folder = tmp_path_factory.mktemp("scorers")
    for at in range(6):
        (folder / f"in/s{at}").mkdir(parents=True)
        (folder / f"in/s{at}/part_a.ipynb").write_text(notebook(f"work = {at}"))
    grade(folder / "in", Course.load("aml-a3", ["a"]), folder / "run", PreparedExecutor(folder / "log"))
    return folder / "run"


class Killer(Listener):
    """Kills the processes that mark, at the first mark."""

    def scored(self, grade: Grade, seconds: float) -> None:
        """One is there."""
        for path in Path("/proc").glob("[0-9]*/stat"):
            words = path.read_text().rpartition(")")[2].split()
            spawned = b"spawn_main" in (path.parent / "cmdline").read_bytes()
            if int(words[1]) == os.getpid() and spawned:
                os.kill(int(path.parent.name), signal.SIGKILL)
        time.sleep(0.2)


@pytest.mark.parametrize("listener", [Listener(), Killer()], ids=["whole", "killed"])
def test_marks_are_those_of_one_process(
    listener: Listener, graded_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = json.loads((graded_run / "results.json").read_text())
    monkeypatch.setattr(scorers, "n_for", lambda n: 2)
    batch, changes = rescore(graded_run, listener=listener)
    assert len(batch.grades) == 6
    assert changes == ()
    assert json.loads((graded_run / "results.json").read_text())["submissions"] == before["submissions"]


def test_few_are_marked_here() -> None:
    assert scorers.n_for(10) == 1
    assert 1 <= scorers.n_for(10_000) <= scorers.MOST


def test_nobody_marks_on_for_a_grading_that_was_killed(graded_run: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom autograder import scorers\n"
        "from autograder.courses import Course\nfrom autograder.grading import stored_submissions\n"
        "from autograder.store import RunDirectory\n"
        "if __name__ == '__main__':\n"
        "    run = RunDirectory(Path(sys.argv[1]))\n"
        "    marking = scorers.Marking(run, run.info(), Course.load('aml-a3', ['a']), {}, None)\n"
        "    pool = scorers.Scorers(marking, 2, 2)\n"
        "    [one.result() for one in map(pool.score, stored_submissions(run)[:2])]\n"
        "    print(*pool._pool._processes, flush=True)\n"
        "    time.sleep(60)\n"
    )
    script = graded_run.parent / "grading.py"
    script.write_text(code)
    command = [sys.executable, str(script), str(graded_run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as grader:
        assert grader.stdout is not None
        markers = [int(word) for word in grader.stdout.readline().split()]
        assert markers
        grader.kill()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{one}").exists() for one in markers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [one for one in markers if Path(f"/proc/{one}").exists()]
