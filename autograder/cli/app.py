"""The application that all verbs belong to, and what becomes of an error."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from autograder import __version__
from autograder.cli import (
    authoring,
    cancelling,
    data,
    demo,
    export,
    gradescope,
    machine,
    push,
    questions,
    release,
    review,
    rubrics,
    runs,
    selfcheck,
    similarity,
)
from autograder.cli.output import err
from autograder.errors import AutograderError

WRONG_USE, OUR_FAILURE, STOPPED = 2, 3, 130

app = typer.Typer(
    name="autograder",
    help="Grade assignments on generative modelling that were handed in as Jupyter notebooks.",
    epilog="Exit status: 0 all graded or in order, 1 a person is needed, 2 wrong use, 3 a failure of ours.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for verb in (
    demo.demo,
    machine.doctor,
    runs.grade,
    cancelling.cancel,
    runs.rescore,
    review.review,
    runs.report,
    export.export,
    push.push,
    questions.questions,
    similarity.similarity,
    selfcheck.check,
    authoring.template,
    release.release,
    gradescope.gradescope,
    authoring.golden,
    rubrics.validate,
    rubrics.lint,
):
    app.command()(verb)
app.add_typer(data.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"autograder {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure of ours.")] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(WRONG_USE)


def main() -> None:
    """Run the command line of this process and exit with its status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="replace"
            )  # a name that the terminal cannot show must not end a grading
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Return the exit status of one command; every error becomes one message on standard error."""
    words = [word for word in arguments if word != "--debug"]  # accepted anywhere, also after the verb
    try:
        status = int(app(words, prog_name="autograder", standalone_mode=False) or 0)
        return _said("Stopped.", STOPPED) if status == STOPPED else status  # Typer makes this of Ctrl-C
    except typer.Abort:
        return _said("Stopped.", STOPPED)
    except AutograderError as error:
        return _said(str(error), error.exit_code)
    except BrokenPipeError:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115  (the reader left; nothing may be flushed to it at exit)
        return 0
    except Exception as error:
        if hasattr(error, "format_message"):  # Typer's own: an option that is missing or misspelt
            return _said(f"{error.format_message()}\nSee: autograder {_verb(words)}--help", WRONG_USE)
        return _said(_failure(error, "--debug" in arguments), OUR_FAILURE)


def _said(message: str, status: int) -> int:
    err().print(message, style="red", markup=False, soft_wrap=True)
    return status


def _verb(words: Sequence[str]) -> str:
    """Return the verb of a command, that of its group before it, with a blank behind each."""
    command = typer.main.get_command(app)
    told = ""
    for word in words:
        inner = getattr(command, "commands", {}).get(word)
        if inner is not None:
            command, told = inner, f"{told}{word} "
    return told


def _failure(error: Exception, debug: bool) -> str:
    """Return what to say of an exception that nobody foresaw, and keep its traceback."""
    text = "".join(traceback.format_exception(error))
    what = f"Something of ours broke ({type(error).__name__}: {error}). Nothing that was finished is lost."
    if debug:
        return f"{text}\n{what}"
    with tempfile.NamedTemporaryFile(
        "w", prefix="autograder-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(text)
    return f"{what}\nThe traceback is in {file.name}; --debug shows it here."
