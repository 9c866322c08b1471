"""The verb `check`: a student's own notebook, tried at home."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.interrupts import stoppable
from autograder.cli.options import AsJson, DataOption
from autograder.cli.output import err, line, print_json, print_place
from autograder.errors import UsageError
from autograder.registry import Assignment, assignment_ids, find_assignment
from autograder.store import write_text

if TYPE_CHECKING:
    from autograder.records import ExecutionRecord
    from autograder.selfcheck.choosing import Chosen
    from autograder.selfcheck.results import SelfCheck

SOMETHING_TO_LOOK_AT, OUR_FAILURE = 1, 3


def check(
    notebooks: Annotated[
        list[Path],
        typer.Argument(
            metavar="NOTEBOOK...",
            help="Your notebook, an `.ipynb` file; with `--submit-ready` all that you hand in.",
            show_default=False,
        ),
    ],
    assignment: Annotated[
        str | None,
        typer.Option(
            "--assignment",
            "-a",
            metavar="ID",
            help="The assignment. Default: told from the notebook.",
            show_default=False,
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="The part. Default: told from the notebook's file name, else from its content.",
            show_default=False,
        ),
    ] = None,
    item: Annotated[
        str | None,
        typer.Option("--item", metavar="ITEM", help="Only this item, such as `a2`.", show_default=False),
    ] = None,
    fast: Annotated[
        bool,
        typer.Option(
            "--fast",
            help="Train less: the numbers of the sheet are made smaller in the cell tagged `parameters`.",
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page too, with figures.", show_default=False),
    ] = None,
    data: DataOption = None,
    content: Annotated[
        Path | None,
        typer.Option(
            "--content",
            metavar="DIR",
            help="Folder that holds `rubrics`. Default: the nearest above the notebook.",
            show_default=False,
        ),
    ] = None,
    submit_ready: Annotated[
        bool,
        typer.Option(
            "--submit-ready",
            help="Look at what the sheet asks of the form: file names, outputs, answers, and that every notebook "
            "runs from top to bottom.",
        ),
    ] = False,
    runs: Annotated[
        bool,
        typer.Option(
            "--run/--no-run",
            help="With `--submit-ready`: run the notebooks, with less training where the sheet has a short budget.",
        ),
    ] = True,
    archive_into: Annotated[
        Path | None,
        typer.Option(
            "--zip",
            metavar="DIR",
            help="With `--submit-ready`: write the archive that the sheet asks for into this folder.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check your own notebook before you hand it in.

    Runs it from top to bottom as a grading does, and says what the public checks find, in the sentences of the
    report. Says as well what could not be checked, and how much only the course will check. Your file is not
    changed. Exit status 0 when all public checks passed, 1 when there is something to look at.
    """
    from autograder.cli.handin import submit_ready as look_at_form
    from autograder.datasets import require_directory
    from autograder.execute.local import LocalExecutor
    from autograder.execute.protocol import Options
    from autograder.selfcheck.choosing import choices, choose, find_content
    from autograder.selfcheck.executing import check_notebook, read_own
    from autograder.selfcheck.results import Outcome

    require_directory(data)
    notebook = notebooks[0]
    content_root = find_content(notebook.resolve().parent, content)
    if submit_ready:
        known = _one_assignment(content_root, assignment)
        ran = _run_through(known, notebooks, data) if runs else {}
        raise typer.Exit(
            look_at_form(known, notebooks, archive_into=archive_into, executions=ran, as_json=as_json)
        )
    if len(notebooks) > 1 or archive_into is not None:
        raise UsageError(
            "several notebooks and --zip go with --submit-ready; without it, check one at a time"
        )
    offered = choices(content_root, assignment, part, item)
    chosen = choose(offered, read_own(notebook), notebook.name, _how)
    with (
        LocalExecutor(Options(data=data), own_work=True) as executor,
        stoppable("Your notebook is as it was."),
        err().status(f"Running {notebook.name} ..."),
    ):
        err().print(executor.describe(), soft_wrap=True)
        found = check_notebook(notebook, chosen, executor, is_fast=fast, data=data)
    if html is not None:
        write_text(html, found.page())
    if as_json:
        print_json(found.document() | {"html": str(html.resolve()) if html is not None else None})
    else:
        print_self_check(found)
        if html is not None:
            line("")
            print_place("Page", html)
    status = 0 if found.is_clear else SOMETHING_TO_LOOK_AT
    raise typer.Exit(OUR_FAILURE if found.count(Outcome.OURS) else status)


def _one_assignment(root: Path, assignment: str | None) -> Assignment:
    """Return the assignment that notebooks are handed in for; UsageError where that has to be said."""
    known = assignment_ids(root) if assignment is None else [assignment]
    if len(known) > 1:
        raise UsageError(f"there are several assignments; say which: --assignment {' or '.join(known)}")
    return find_assignment(known[0], root)


def _run_through(
    assignment: Assignment, notebooks: list[Path], data: Path | None
) -> dict[str, ExecutionRecord | None]:
    """Return part id to what happens when its notebook runs from top to bottom."""
    import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
    from autograder.execute.local import LocalExecutor
    from autograder.execute.protocol import Options
    from autograder.handin import read_hand_in
    from autograder.rubric.loader import load_rubric
    from autograder.selfcheck.executing import run_through

    rubric = load_rubric(assignment)
    handed_in = read_hand_in(rubric, notebooks)
    found: dict[str, ExecutionRecord | None] = {}
    with (
        LocalExecutor(Options(data=data), own_work=True) as executor,
        stoppable("Your notebooks are as they were."),
        err().status("Running ...") as status,
    ):
        for part in rubric.parts:
            path = handed_in.notebooks.get(part.part)
            if path is not None and part.part not in handed_in.problems:
                status.update(f"Running {path.name} ...")
                found[part.part] = run_through(path, assignment.id, part, executor, data)
    return found


def _how(chosen: Chosen) -> str:
    return f"--assignment {chosen.assignment.id} --part {chosen.part.part}"


def print_self_check(found: SelfCheck) -> None:
    """Print a self-check."""
    for one in found.lines():
        line(one.text, one.style)
