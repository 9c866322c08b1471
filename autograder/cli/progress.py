"""Progress of a batch on standard error: how far it is, what runs now, and a time left that can be believed.

On a terminal a bar, and a line for everybody who is done. In a file one line from time to time.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from autograder.cli.output import err, marks, plural
from autograder.estimates import Estimate, Expected, Left
from autograder.execute.protocol import GRACE_SECONDS, Job
from autograder.grading import Listener
from autograder.records import ExecutionRecord, Grade, Submission

if TYPE_CHECKING:
    from autograder.jobs import Task

LINE_SECONDS = 10.0
"""In a file there is at most one line of progress in this time."""
QUIET_SECONDS = 60.0
"""And one in this time at least, while something runs."""
MAX_RUNNING_SHOWN = 4
MAX_RECENT = 12
FAULTS = ("fault of ours", "not executed")


def bar(console: Console) -> Progress:
    """Return a bar that counts, says how long it took and estimates what is left; silent in a file."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    return Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal, speed_estimate_period=3600
    )


@dataclass(frozen=True)
class Snapshot:
    """How far a grading is."""

    n_submissions: int
    n_to_execute: int
    n_executed: int
    n_scored: int
    n_failed: int
    fence: str
    took_seconds: float
    left: str
    """In words."""
    running: tuple[tuple[str, str, float], ...]
    """Folder of the job, whose it is, and since how many seconds it runs."""
    recent: tuple[str, ...]
    """Who was marked last, with the marks; newest first."""


class BatchProgress(Listener):
    """Shows a grading as it goes; use it as a context manager.

    Parameters
    ----------
    console : where to, standard error when not given
    clock : seconds that only run forwards
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or err()
        self._clock = clock
        self._lock = threading.RLock()  # notebooks are started from other threads
        self._began = clock()
        self._estimate = Estimate.of((), 1, 0)
        self._names: dict[str, str] = {}
        self._has_parts = False
        self._n_submissions = self._n_to_execute = self._n_executed = self._n_scored = self._n_failed = 0
        self._line_at = self._began
        self._line = ""
        self._fence = ""
        self._recent: deque[str] = deque(maxlen=MAX_RECENT)
        self._ended = threading.Event()
        self._live: Live | None = None
        if self._console.is_terminal:
            self._live = Live(
                console=self._console, get_renderable=self._shown, transient=True, refresh_per_second=2
            )

    def __enter__(self) -> BatchProgress:
        if self._live is not None:
            self._live.start()
        else:
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._live is not None:
            self._live.stop()
        else:
            self._ticker.join()
            if error is None and self._n_submissions:
                self._say(Text(f"{self._counts()}; took {duration(self._clock() - self._began)}."))

    # ------------------------------------------------------------ what is heard

    def begins(self, n_submissions: int, n_to_execute: int) -> None:
        """Say how much there is to do."""
        with self._lock:
            self._n_submissions, self._n_to_execute = n_submissions, n_to_execute
            self._estimate = Estimate.of((), 1, n_submissions)
        what = f"{plural(n_to_execute, 'notebook')} to execute" if n_to_execute else "nothing to execute"
        self._say(Text(f"{plural(n_submissions, 'submission')}, {what}."))

    def behind(self, fence: str) -> None:
        """Say which fence notebooks run behind."""
        self._fence = fence
        self._say(Text(fence))

    def planned(self, tasks: Sequence[Task], n_workers: int, n_scorers: int) -> None:
        """Note what may be expected of every notebook."""
        with self._lock:
            self._has_parts = len({task.part for task in tasks}) > 1
            self._names = {str(task.job.out): self._name(task) for task in tasks}
            self._estimate = Estimate.of(map(expected_of, tasks), n_workers, self._n_submissions, n_scorers)

    def started(self, submission: Submission, job: Job) -> None:
        """Show that a notebook runs now."""
        with self._lock:
            self._estimate.started(str(job.out), self._clock())

    def executed(self, submission: Submission, job: Job, record: ExecutionRecord) -> None:
        """Count a notebook that was executed."""
        with self._lock:
            self._n_executed += 1
            self._estimate.executed(str(job.out), self._clock())

    def further(self, tasks: Sequence[Task]) -> None:
        """Count notebooks that have to be executed after all."""
        with self._lock:
            self._n_to_execute += len(tasks)
            self._names |= {str(task.job.out): self._name(task) for task in tasks}
            self._estimate.waiting |= {str(task.job.out): expected_of(task) for task in tasks}

    def _name(self, task: Task) -> str:
        return f"{task.submission.id} {task.part}" if self._has_parts else task.submission.id

    def scored(self, grade: Grade, seconds: float) -> None:
        """Count who is done; on a terminal, say it with the marks."""
        with self._lock:
            self._n_scored += 1
            self._n_failed += grade.state == "failed" or any(flag in FAULTS for flag in grade.flags)
            self._estimate.scored(seconds)
            counted = f"{self._n_scored:>{len(str(self._n_submissions))}}/{self._n_submissions}  "
            self._recent.appendleft(_scored_line(grade, "").plain)
        if self._live is not None:
            self._say(_scored_line(grade, counted))
        else:
            self.tick()

    # ------------------------------------------------------------ what is shown

    def snapshot(self) -> Snapshot:
        """Return how far it is."""
        with self._lock:
            now = self._clock()
            running = self._estimate.running(now)
            return Snapshot(
                n_submissions=self._n_submissions,
                n_to_execute=self._n_to_execute,
                n_executed=self._n_executed,
                n_scored=self._n_scored,
                n_failed=self._n_failed,
                fence=self._fence,
                took_seconds=now - self._began,
                left=left_in_words(self._estimate.left(now)),
                running=tuple((key, self._names.get(key, "?"), seconds) for key, seconds in running),
                recent=tuple(self._recent),
            )

    def tick(self) -> None:
        """Print the line of progress when it is time for one; for where there is no terminal."""
        with self._lock:
            now = self._clock()
            waited = now - self._line_at
            line = self._summary(now)
            has_news = line.split(";")[0] != self._line.split(";")[0]
            if waited < LINE_SECONDS or not (has_news or waited >= QUIET_SECONDS):
                return
            self._line_at, self._line = now, line
        self._say(Text(line))

    def _tick(self) -> None:
        while not self._ended.wait(1.0):
            self.tick()

    def _summary(self, now: float) -> str:
        """Return `12 of 40 executed, 2 failed; about 8 min left; running: ada 3 min, bo 12 s`."""
        told = [self._counts(), left_in_words(self._estimate.left(now))]
        if running := self._running(now):
            told.append(f"running: {running}")
        return "; ".join(told)

    def _counts(self) -> str:
        done = f"{self._n_executed} of {self._n_to_execute} executed, " if self._n_to_execute else ""
        failed = f", {self._n_failed} failed" if self._n_failed else ""
        return f"{done}{self._n_scored} of {self._n_submissions} marked{failed}"

    def _running(self, now: float) -> str:
        found = self._estimate.running(now)
        shown = [
            f"{self._names.get(key, '?')} {duration(seconds)}" for key, seconds in found[:MAX_RUNNING_SHOWN]
        ]
        more = len(found) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "")

    def _shown(self) -> RenderableType:
        """Return the bar, and below it what runs."""
        with self._lock:
            if not self._n_submissions:
                return Text("Reading the submissions ...")
            now = self._clock()
            is_executing = self._n_executed < self._n_to_execute
            total, done = (
                (self._n_to_execute, self._n_executed)
                if is_executing
                else (self._n_submissions, self._n_scored)
            )
            row = Table.grid(padding=(0, 1))
            failed = Text(f"{self._n_failed} failed" if self._n_failed else "", style="red")
            row.add_row(
                "Executing" if is_executing else "Marking",
                _drawn(done, total),
                f"{done}/{total}",
                failed,
                duration(now - self._began),
                Text(left_in_words(self._estimate.left(now)), style="cyan"),
            )
            running = self._running(now)
        return Group(row, Text(f"  running: {running}", style="dim", no_wrap=True)) if running else row

    def _say(self, text: Text) -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody reads the progress: grading goes on
            self._console.print(text, soft_wrap=True)


def expected_of(task: Task) -> Expected:
    """Return what may be expected of a notebook by its limits, and by what it took before."""
    limits = task.job.limits
    n_calls = sum(len(challenge.cases) for challenge in task.job.plan.challenges)
    return Expected(
        key=str(task.job.out),
        kind=task.part,
        limit_seconds=limits.total_seconds,
        at_most_seconds=limits.total_seconds + n_calls * limits.call_seconds + GRACE_SECONDS,
        seconds_before=task.seconds_before,
    )


def left_in_words(left: Left) -> str:
    """Return the time left for people.

    >>> left_in_words(Left(340.0, 4000.0)), left_in_words(Left(None, 4000.0)), left_in_words(Left(None, 0.0))
    ('about 6 min left', 'time left unknown (at most 1 h 7 min)', 'time left unknown')
    """
    if left.seconds is not None:
        return f"about {duration(max(1.0, left.seconds))} left"
    bound = f" (at most {duration(left.at_most_seconds)})" if left.at_most_seconds else ""
    return f"time left unknown{bound}"


def duration(seconds: float) -> str:
    """Return a duration no finer than it can be meant.

    >>> duration(8.2), duration(100), duration(3900), duration(7200)
    ('8 s', '2 min', '1 h 5 min', '2 h')
    """
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def _drawn(done: int, total: int) -> Text:
    width = 30
    filled = round(width * done / total) if total else 0
    return Text("━" * filled, style="green").append("━" * (width - filled), style="dim")


def _scored_line(grade: Grade, counted: str) -> Text:
    text = Text(counted, style="dim")
    text.append(
        f"{', '.join(grade.submission.students) or grade.submission.id}  {marks(grade.earned)} of {marks(grade.possible)}",
        style="default",
    )
    if grade.pending:
        text.append(f", {marks(grade.pending)} pending")
    if remark := grade.submission.problem or ", ".join(grade.flags):
        text.append(f"  ({remark})", style="yellow")
    return text
