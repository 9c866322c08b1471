"""The page of a grading that is going on, and the verb that stops one."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from autograder import cli
from autograder.cli import live
from autograder.cli.live import LivePage
from autograder.cli.progress import Snapshot
from autograder.store import RunDirectory
from reports.live import render_live

STATE = {
    "assignment": "em-mixture",
    "began": "10:00:00",
    "at": "10:00:07",
    "took": "7 s",
    "left": "about 2 min left",
    "n_submissions": 3,
    "n_to_execute": 2,
    "n_executed": 1,
    "n_scored": 1,
    "n_failed": 0,
    "fence": "fence: namespaces",
    "running": [{"who": "<b>ada</b>", "seconds": 3.0, "since": "3 s", "where": "node7 (tcp://10.0.0.7:1)"}],
    "recent": ["bo  3 of 4"],
    "cancel": "autograder cancel runs/one",
}


def test_a_running_grading_loads_itself_again_and_one_that_ended_does_not() -> None:
    running = render_live({**STATE, "state": "running"})
    assert 'http-equiv="refresh"' in running
    assert "node7" in running
    assert "autograder cancel runs/one" in running
    assert "<b>ada" not in running  # what students are called is text
    for state, said in (("done", "index.html"), ("stopped", "the same command continues")):
        page = render_live({**STATE, "state": state})
        assert 'http-equiv="refresh"' not in page
        assert said in page


class Seen:
    """Stands for a progress, and for an executor."""

    def snapshot(self) -> Snapshot:
        """One of three is done."""
        return Snapshot(3, 2, 1, 1, 0, "fence", 7.0, "left", (("out", "ada", 3.0),), ("bo",))

    def where(self, out: Path) -> str:
        """On a node."""
        return f"node of {out}"


def test_the_page_is_kept_and_a_request_to_stop_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PAGE_SECONDS", 0.01)
    sent: list[int] = []
    monkeypatch.setattr(live.os, "kill", lambda process, number: sent.append(number))
    run, seen = RunDirectory(tmp_path), Seen()
    anything: Any = seen
    with LivePage(run, "em-mixture", anything, anything):
        run.cancel.write_text("")
        deadline = time.monotonic() + 10
        while not sent and time.monotonic() < deadline:
            time.sleep(0.01)
        assert json.loads(run.live.read_text())["running"][0]["where"] == "node of out"
    assert sent == [signal.SIGTERM]
    assert not run.cancel.exists()
    assert json.loads(run.live.read_text())["state"] == "done"
    assert "index.html" in run.live_page.read_text()


def test_where_nothing_runs_there_is_nothing_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["cancel", str(tmp_path)]) == 2
    assert "is no run directory" in capsys.readouterr().err
