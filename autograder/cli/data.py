"""The verbs `data fetch`, `data verify` and `data status`: the data sets that some parts train on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.text import Text

from autograder.cli.interrupts import stoppable
from autograder.cli.options import AsJson, DataOption
from autograder.cli.output import err, line, print_json, table
from autograder.datasets import FileState, SetState, data_directory, status
from autograder.errors import UsageError

if TYPE_CHECKING:
    from autograder.fetching import Fetched

INCOMPLETE = 1
COLOURS = {"present": "green", "stand-in": "yellow", "damaged": "red", "missing": "yellow"}

app = typer.Typer(
    name="data",
    help="MNIST and Tiny Shakespeare for the parts that train on them: fetch, verify, status.",
    no_args_is_help=False,
    rich_markup_mode="markdown",
)


@app.callback(invoke_without_command=True)
def _start(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(UsageError.exit_code)


@app.command()
def fetch(data: DataOption = None, as_json: AsJson = False) -> None:
    """Fetch the data sets, once: notebooks then have them without a network.

    MNIST in the layout of torchvision, and the text of Tiny Shakespeare; 12 MB to fetch, 68 MB on the disk.
    What is there and whole is left alone; what broke off is continued; every file is checked against its
    sha256 before it counts. Exit status 1 when something could not be fetched, 3 when the disk is full.
    """
    from autograder.fetching import fetch as fetch_all

    directory = data_directory(data)
    with stoppable("What was fetched is kept; the same command continues."), _Progress() as progress:
        done = fetch_all(directory, listener=progress.listener)
    sets = status(directory, verified=True)
    if as_json:
        print_json(_document(directory, sets) | {"fetched": [vars(one) for one in done]})
    else:
        print_fetched(done)
        print_sets(directory, sets)
        if any(one.state == "failed" for one in done):
            line(
                f"Ask again when there is a network, or copy the files into {directory} from a machine that has them; "
                "`autograder data verify` then checks them."
            )
    raise typer.Exit(INCOMPLETE if any(one.state == "failed" for one in done) else 0)


@app.command()
def verify(data: DataOption = None, as_json: AsJson = False) -> None:
    """Read every file of the data sets and compare its sha256.

    Exit status 1 when a data set is missing or damaged: `autograder data fetch` mends it.
    """
    with stoppable("Nothing was changed."):
        _tell(data_directory(data), as_json, verified=True)


@app.command(name="status")
def show_status(data: DataOption = None, as_json: AsJson = False) -> None:
    """Say where the data sets are and which are there, by the sizes of their files.

    Exit status 1 when one is missing or damaged.
    """
    _tell(data_directory(data), as_json, verified=False)


def _tell(directory: Path, as_json: bool, *, verified: bool) -> None:
    try:
        sets = status(directory, verified=verified)
    except PermissionError as error:
        raise UsageError(f"{error.filename or directory} cannot be read ({error.strerror})") from error
    is_well = all(one.state == "present" for one in sets)
    if as_json:
        print_json(_document(directory, sets))
    else:
        print_sets(directory, sets)
        if not is_well:
            line("Mend it with: autograder data fetch")
    raise typer.Exit(0 if is_well else INCOMPLETE)


def _document(directory: Path, sets: Sequence[SetState]) -> dict[str, Any]:
    return {
        "directory": str(directory.absolute()),
        "sets": [
            {
                "name": one.name,
                "state": one.state,
                "files": [
                    {
                        "path": found.file.path,
                        "state": found.state,
                        "bytes": found.n_bytes,
                        "size": found.file.size,
                    }
                    for found in one.files
                ],
            }
            for one in sets
        ],
    }


def print_sets(directory: Path, sets: Sequence[SetState]) -> None:
    """Print where the data sets are, and a line for each data set, with the files that are not as they should be."""
    line(f"Data sets in {directory.absolute()}", "bold")
    rows = [
        (one.name, Text(one.state, style=COLOURS[one.state]), "; ".join(map(_lack, _lacking(one))))
        for one in sets
    ]
    table("", (("", "left"), ("", "left"), ("", "left")), rows)


def _lacking(one: SetState) -> list[FileState]:
    """Return the files that are to be named: none where all are missing."""
    lacking = [found for found in one.files if found.state in ("damaged", "missing")]
    is_nothing_there = all(found.state == "missing" and not found.n_bytes for found in one.files)
    return [] if is_nothing_there else lacking


def _lack(found: FileState) -> str:
    if found.state == "missing" and not found.n_bytes:
        return f"{found.file.name} is missing"
    told = f"{found.n_bytes:,} of {found.file.size:,} bytes"
    if found.state == "missing":
        return f"{found.file.name}: {told} were fetched"
    return (
        f"{found.file.name}: {told}"
        if found.n_bytes != found.file.size
        else f"{found.file.name} has another content"
    )


def print_fetched(done: Sequence[Fetched]) -> None:
    """Print what became of each file that was not there."""
    for one in done:
        if one.state == "failed" and not one.is_offline:
            line(f"{one.path} could not be fetched: {'; '.join(one.why)}.", "red")
        elif one.state in ("fetched", "unpacked"):
            line(f"{one.path}: {one.state} from {one.source}")
    offline = [one for one in done if one.is_offline]
    if offline:
        line(f"No network: {offline[0].path} could not be fetched ({'; '.join(offline[0].why)}).", "red")


class _Progress:
    """A bar on standard error while a file comes; silent in a file."""

    def __enter__(self) -> _Progress:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        from autograder.fetching import Listener
        from autograder.kernel_side.known_data import KnownFile

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            DownloadColumn(),
            TransferSpeedColumn(),
        )
        console = err()
        bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

        class Told(Listener):
            def begins(self, file: KnownFile, n_bytes: int) -> None:
                for task in bar.task_ids:
                    bar.remove_task(task)
                bar.add_task(file.name, total=file.size, completed=n_bytes)

            def moves(self, n_bytes: int) -> None:
                bar.update(bar.task_ids[-1], completed=n_bytes)

        self.listener = Told()
        self._bar = bar
        bar.start()
        return self

    def __exit__(self, *told: object) -> None:
        self._bar.stop()
