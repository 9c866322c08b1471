"""Progress of a batch on standard error: a bar with the time left, and a line for everybody who is done."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from autograder.cli.output import err, marks, plural
from autograder.grading import Listener
from autograder.records import ExecutionRecord, Grade, Submission


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


class BatchProgress(Listener):
    """Shows a grading as it goes; use it as a context manager."""

    def __init__(self) -> None:
        self._bar = bar(err())
        self._task = self._bar.add_task("Grading", total=None)
        self._counts_executions = False
        self._n_submissions = self._n_scored = 0

    def __enter__(self) -> BatchProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begins(self, n_submissions: int, n_to_execute: int) -> None:
        """Say how much there is to do."""
        self._n_submissions, self._counts_executions = n_submissions, n_to_execute > 0
        what = f"{plural(n_to_execute, 'notebook')} to execute" if n_to_execute else "nothing to execute"
        self._say(Text(f"{plural(n_submissions, 'submission')}, {what}."))
        verb = "Executing" if n_to_execute else "Scoring"
        self._bar.update(self._task, total=n_to_execute or n_submissions, description=verb)

    def executed(self, submission: Submission, record: ExecutionRecord) -> None:
        """Move the bar on."""
        if self._counts_executions:
            self._bar.advance(self._task)

    def scored(self, grade: Grade) -> None:
        """Say who is done, with the marks."""
        self._n_scored += 1
        if not self._counts_executions:
            self._bar.advance(self._task)
        text = Text(f"{self._n_scored:>{len(str(self._n_submissions))}}/{self._n_submissions}  ", style="dim")
        text.append(
            f"{', '.join(grade.submission.students)}  {marks(grade.earned)} of {marks(grade.possible)}",
            style="default",
        )
        if grade.pending:
            text.append(f", {marks(grade.pending)} pending")
        if remark := grade.submission.problem or ", ".join(grade.flags):
            text.append(f"  ({remark})", style="yellow")
        self._say(text)

    def _say(self, text: Text) -> None:
        self._bar.console.print(text, soft_wrap=True)
