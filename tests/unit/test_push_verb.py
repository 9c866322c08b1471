"""The verb `push` as a person uses it: tokens in the environment, real processes, killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from push_runs import canvas_users, moodle_users, scored_run
from stand_ins import canvas as canvas_server
from stand_ins import moodle as moodle_server
from stand_ins.canvas import CanvasStandIn
from stand_ins.moodle import MoodleStandIn

from autograder import cli

ROOT = Path(__file__).parents[2]
CODE = "from autograder.cli import main; main()"
POINTS = (6.0, 4.5, 3.0)


@pytest.fixture
def canvas() -> Iterator[CanvasStandIn]:
    with CanvasStandIn(canvas_users(3)) as server:
        assert isinstance(server, CanvasStandIn)
        yield server


def words(run: Path, url: str, lms: str = "canvas", *more: str) -> list[str]:
    course, assignment = (
        (canvas_server.COURSE, canvas_server.ASSIGNMENT)
        if lms == "canvas"
        else (moodle_server.COURSE, moodle_server.PAGE)
    )
    place = ["--url", url, "--course", str(course), "--assignment", str(assignment)]
    return ["push", str(run), "--to", lms, *place, *more]


def program(command: list[str]) -> list[str]:
    return [sys.executable, "-c", CODE, *command]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "TOKEN" not in name}
    tokens = {
        "AUTOGRADER_CANVAS_TOKEN": canvas_server.TOKEN,
        "AUTOGRADER_MOODLE_TOKEN": moodle_server.TOKEN,
    }
    return kept | {"PYTHONPATH": str(ROOT)} | tokens | more


Told = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Told:
    """Run a command in this process, as its `main` does: one of its own takes a second to start."""

    def run(command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if "TOKEN" in name]:
                patch.delenv(name)
            for name, value in environment(**more).items():
                patch.setenv(name, value)
            capsys.readouterr()
            return subprocess.CompletedProcess(command, cli.run(command), *capsys.readouterr())

    return run


def told_by_a_process(command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        program(command),
        env=environment(**more),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def document(told: Told, command: list[str]) -> dict[str, Any]:
    done = told([*command, "--json"])
    assert done.returncode in (0, 1), done.stderr
    return dict(json.loads(done.stdout))


def test_a_rehearsal_then_the_real_thing_then_nothing(canvas: CanvasStandIn, tmp_path: Path) -> None:
    run = scored_run(tmp_path / "run", POINTS).path
    rehearsal = told_by_a_process(words(run, canvas.url))
    assert rehearsal.returncode == 0, rehearsal.stderr
    assert "nothing was sent" in rehearsal.stdout
    assert "Would send 3 students; say --send to do it." in rehearsal.stdout
    assert canvas.n_writes == 0
    sent = told_by_a_process(words(run, canvas.url, "canvas", "--send"))
    assert sent.returncode == 0, sent.stderr
    assert "3 students sent and read back, 0 not." in sent.stdout
    again = document(told_by_a_process, words(run, canvas.url, "canvas", "--send"))
    assert again["deliveries"] == []
    assert [one["kind"] for one in again["lists"]["unchanged"]] == ["unchanged"] * 3
    everything = rehearsal.stdout + rehearsal.stderr + sent.stdout + sent.stderr
    assert canvas_server.TOKEN not in everything


def test_exit_status_1_means_that_a_person_has_to_look(
    canvas: CanvasStandIn, tmp_path: Path, told: Told
) -> None:
    canvas.refuses = {101}
    run = scored_run(tmp_path / "run", POINTS).path
    done = told(words(run, canvas.url, "canvas", "--send"))
    assert done.returncode == 1
    unwrapped = " ".join(done.stdout.split())  # lines are as wide as the terminal
    assert "the grading period is closed" in unwrapped


def test_wrong_use_ends_with_2_and_without_a_token(canvas: CanvasStandIn, tmp_path: Path, told: Told) -> None:
    run = scored_run(tmp_path / "run", POINTS).path
    cases = [
        (told(words(run, "http://lms.example")), "https alone"),
        (told(words(run, canvas.url), AUTOGRADER_CANVAS_TOKEN=""), "AUTOGRADER_CANVAS_TOKEN is not set"),
        (
            told(words(run, canvas.url), AUTOGRADER_CANVAS_TOKEN="wrong-planted-token"),
            "does not take the token",
        ),
        (told(words(run, canvas.url, "canvas", "--accept", "all")), "--accept all"),
        (told(words(run, canvas.url, "canvas", "--id", "logon")), "did you mean 'login'?"),
        (told(words(tmp_path, canvas.url)), "no run directory"),
    ]
    for done, why in cases:
        assert done.returncode == 2, done.stderr
        assert why in done.stderr
        assert "planted" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert canvas.n_writes == 0


@pytest.mark.parametrize("lms", ["canvas", "moodle"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_killed_in_the_middle_each_score_arrives_once(
    tmp_path: Path, lms: str, number: int, told: Told
) -> None:
    """SIGKILL after the server stored a score and before its answer: the same command finishes the rest."""
    run = scored_run(tmp_path / "run", POINTS).path
    server = CanvasStandIn(canvas_users(3)) if lms == "canvas" else MoodleStandIn(moodle_users(3))
    with server:
        command = words(run, server.url, lms, "--send")
        process: subprocess.Popen[bytes]

        def kill(n_writes: int) -> None:
            if n_writes == number:
                process.send_signal(signal.SIGKILL)
                process.wait()

        server.after_write = kill
        process = subprocess.Popen(
            program(command), env=environment(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        process.communicate(timeout=600)
        assert process.returncode == -signal.SIGKILL
        server.after_write = lambda n_writes: None
        found = document(told, command)
        assert [one["state"] for one in found["deliveries"]] == ["verified"] * (3 - number)
        assert not found["needs_person"]
        assert document(told, command)["deliveries"] == []
    assert isinstance(server, CanvasStandIn | MoodleStandIn)
    assert sorted(user % 100 for user, _ in server.grade_events) == [0, 1, 2]
    if isinstance(server, CanvasStandIn):
        assert [len(comments) for comments in server.comments.values()] == [1, 1, 1]
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert canvas_server.TOKEN.encode() not in files
    assert moodle_server.TOKEN.encode() not in files
