"""The live page of a grading, which also hears when somebody wants it to stop."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import threading
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from autograder.cli.progress import BatchProgress, duration
from autograder.store import RunDirectory, write_json, write_text

if TYPE_CHECKING:
    from autograder.execute.protocol import Executor

PAGE_SECONDS = 2.0


class LivePage:
    """Keeps `live.html` of a run up to date while a grading goes on, and stops it when that is asked for.

    Use it as a context manager inside :func:`autograder.cli.interrupts.stoppable`.
    """

    def __init__(
        self, run: RunDirectory, assignment: str, progress: BatchProgress, executor: Executor
    ) -> None:
        self._run, self._assignment, self._progress, self._executor = run, assignment, progress, executor
        self._began = datetime.now().astimezone()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> LivePage:
        with contextlib.suppress(OSError):
            self._run.cancel.unlink(missing_ok=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._write("done" if error is None else "stopped")

    def _keep(self) -> None:
        while not self._ended.wait(PAGE_SECONDS):
            self._write("running")
            if self._run.cancel.exists():
                with contextlib.suppress(OSError):
                    self._run.cancel.unlink()
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _write(self, state: str) -> None:
        from reports.live import render_live

        found = self._state(state)
        if not found["n_submissions"]:  # the run may belong to something else still
            return
        with contextlib.suppress(Exception):  # a page that cannot be written must not stop a grading
            write_json(self._run.live, found)
            write_text(self._run.live_page, render_live(found))

    def _state(self, state: str) -> dict[str, Any]:
        seen = self._progress.snapshot()
        return {
            "schema": 1,
            "assignment": self._assignment,
            "state": state,
            "began": f"{self._began:%H:%M:%S}",
            "at": f"{datetime.now().astimezone():%H:%M:%S}",
            "took": duration(seen.took_seconds),
            "left": seen.left,
            "n_submissions": seen.n_submissions,
            "n_to_execute": seen.n_to_execute,
            "n_executed": seen.n_executed,
            "n_scored": seen.n_scored,
            "n_failed": seen.n_failed,
            "fence": seen.fence,
            "running": [
                {
                    "who": who,
                    "seconds": round(seconds, 1),
                    "since": duration(seconds),
                    "where": self._executor.where(Path(out)),
                }
                for out, who, seconds in seen.running
            ],
            "recent": list(seen.recent),
            "cancel": f"autograder cancel {shlex.quote(str(self._run.path))}",
        }
