"""The verb that stops a grading from elsewhere."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.options import AsJson
from autograder.cli.output import line, print_json
from autograder.errors import UsageError
from autograder.store import RunDirectory, write_text

ANSWER_SECONDS = 20.0
"""How long it is waited for the grading to take the request."""


def cancel(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="The run directory of the grading.", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Stop the grading that works on a run, wherever it was started.

    What is finished is kept; the command that started it, given again, continues with the rest. Works through the
    run directory, so also from another machine that shares it.
    """
    run = RunDirectory(directory)
    run.info()
    write_text(run.cancel, "")
    deadline = time.monotonic() + ANSWER_SECONDS
    while run.cancel.exists():
        if time.monotonic() > deadline:
            run.cancel.unlink(missing_ok=True)
            raise UsageError(f"nothing works on {directory}: there is nothing to stop")
        time.sleep(0.2)
    if as_json:
        print_json({"run": str(directory.resolve()), "stopped": True})
    else:
        line("It stops. The same grade command continues with the rest.")
