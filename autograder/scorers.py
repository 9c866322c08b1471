"""Marks submissions side by side, in processes of their own where there are many: marking is all computation.

A cluster of hundreds of workers hands back notebooks faster than one process marks them.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar

import autograder.registered  # noqa: F401  # fills the registries, in a process that was just started
from autograder.course_rules import CourseRules
from autograder.courses import Course
from autograder.jobs import Twins
from autograder.marking import score_submission
from autograder.records import Grade, Submission
from autograder.store import RunDirectory, RunInfo

LEAST = 40
"""Submissions for which starting processes pays: that takes as long as marking a dozen."""
MOST = 16


@dataclass(frozen=True)
class Marking:
    """What the marks of all submissions of a run rest on."""

    run: RunDirectory
    info: RunInfo
    course: Course
    twins: Twins
    rules: CourseRules | None

    def score(self, submission: Submission) -> tuple[Grade, float]:
        """Return the grade of a submission, and how many seconds that took; see `marking.score_submission`."""
        began = time.monotonic()
        found = score_submission(self.run, self.info, self.course, submission, self.twins, self.rules)
        return found, time.monotonic() - began


class Scorers:
    """Use it as a context manager; at its end nothing runs any more."""

    def __init__(self, marking: Marking, n_submissions: int, n_processes: int | None = None) -> None:
        self.marking = marking
        self.n = n_for(n_submissions) if n_processes is None else n_processes
        self._pool = self._started() if self.n > 1 else None

    def __enter__(self) -> Scorers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=error is None, cancel_futures=True)

    def score(self, submission: Submission) -> Future[tuple[Grade, float]]:
        """Return what will hold the grade; where no processes are used, it is there at once."""
        if self._pool is not None:
            try:
                return self._pool.submit(_Process.score, submission)
            except BrokenProcessPool:
                self._pool = None
        return self._here(submission)

    def result(self, submission: Submission, future: Future[tuple[Grade, float]]) -> tuple[Grade, float]:
        """Return the grade that a future holds; one that was lost with its process is made here."""
        try:
            return future.result()
        except BrokenProcessPool:
            self._pool = None
            return self.marking.score(submission)

    def _here(self, submission: Submission) -> Future[tuple[Grade, float]]:
        done: Future[tuple[Grade, float]] = Future()
        done.set_result(self.marking.score(submission))
        return done

    def _started(self) -> ProcessPoolExecutor:
        # Spawned, not forked: the caller has threads.
        return ProcessPoolExecutor(
            self.n,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_Process.begin,
            initargs=(self.marking,),
        )


def n_for(n_submissions: int) -> int:
    """Return how many processes mark so many submissions; 1 is the caller's own."""
    if n_submissions < LEAST:
        return 1
    return max(1, min(os.cpu_count() or 1, MOST, n_submissions // (LEAST // 2)))


class _Process:
    """One of the processes."""

    marking: ClassVar[Marking]

    @classmethod
    def begin(cls, marking: Marking) -> None:
        """Take what all marks rest on; the process ends with the grading, however that ends."""
        cls.marking = marking
        threading.Thread(target=_end_with_parent, daemon=True).start()

    @classmethod
    def score(cls, submission: Submission) -> tuple[Grade, float]:
        """Mark one submission."""
        return cls.marking.score(submission)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: after a SIGKILL nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
