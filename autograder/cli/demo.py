"""The verb `demo`: a small class, made and graded, with no download."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.interrupts import stoppable
from autograder.cli.options import AsJson, WorkersOption, n_workers
from autograder.cli.output import err, print_json
from autograder.errors import UsageError
from autograder.records import Limits
from autograder.registry import Assignment, find_assignment, load_reference_module, module_of
from autograder.store import RunDirectory

LIMITS = Limits(cell_seconds=20, total_seconds=120, call_seconds=20)
"""The slowest cell of a correct style takes 4 s on two busy cores; the endless loop costs 20 s."""
TRAINING_LIMITS = Limits(cell_seconds=180, total_seconds=600, call_seconds=60)
"""Of parts that train: a style with numbers of its own is not run short, and takes 20 s on a core of its own."""


def demo(
    assignment: Annotated[
        str, typer.Option("--assignment", "-a", metavar="ID", help="The assignment.")
    ] = "aml-a3",
    run: Annotated[
        Path, typer.Option("--run", "-r", metavar="DIR", help="Where the class and its results go.")
    ] = Path("demo-run"),
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh/--keep", help="Start over, or keep what an earlier demo executed and go on from there."
        ),
    ] = False,
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="What the class hands in; may be given several times. Default: the first part. Parts that train are run "
            "short, on small generated stand-ins for their data sets.",
        ),
    ] = None,
    workers: WorkersOption = None,
    as_json: AsJson = False,
) -> None:
    """Make a small class and grade it, end to end.

    About a dozen submissions: correct in several styles, one mistake each, an untouched template, a crash,
    an endless loop, numbers without work, and a file that is no notebook. Takes about a minute on two cores
    and downloads nothing. The notebooks are in `DIR/class`, the results in `DIR/run`. Exit status 0 when
    the demo ran.
    """
    from autograder.cli.authoring import write_stand_ins
    from autograder.cli.progress import BatchProgress
    from autograder.cli.runs import print_batch, run_document
    from autograder.courses import Course
    from autograder.execute.local import LocalExecutor
    from autograder.execute.protocol import Options
    from autograder.grading import grade
    from autograder.rubric.loader import load_rubric

    found = find_assignment(assignment)
    clear_place(run, assignment, fresh)
    parts = tuple(part or (load_rubric(found).parts[0].part,))
    specs = load_rubric(found, parts).parts
    needs_data = any(spec.data for spec in specs)
    trains = needs_data or any("short" in spec.budgets for spec in specs)
    course = Course.load(assignment, parts, "short" if trains else "full", stand_ins=needs_data)
    data = run / "data" if needs_data else None
    if data is not None:
        write_stand_ins(found, data)
    for name, content in [entry for one in parts for entry in class_files(found, one).items()]:
        path = run / "class" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    err().print(f"The class is in {run / 'class'}.", soft_wrap=True)
    with (
        LocalExecutor(Options(data=data), own_work=True) as executor,
        stoppable("What is finished is kept; the same command continues with the rest."),
        BatchProgress() as progress,
    ):
        batch = grade(
            run / "class",
            course,
            run / "run",
            executor,
            n_workers=n_workers(workers),
            limits=TRAINING_LIMITS if trains else LIMITS,
            data=data,
            author="demo",
            listener=progress,
        )
    if as_json:
        print_json(run_document(batch.run))
    else:
        print_batch(batch)


def clear_place(folder: Path, assignment: str, fresh: bool) -> None:
    """Make sure that `folder` is free for a demo, or holds one; with `fresh`, remove the earlier demo.

    Raises
    ------
    UsageError
        When something else is in the folder: it is left alone.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file; give --run a new folder")
    if not any(folder.iterdir()):
        return
    run = folder / "run"
    held = {path.name for path in folder.iterdir()}
    is_demo = (folder / "class").is_dir() and held <= {"class", "run", "data"}
    if not is_demo or (run.exists() and RunDirectory(run).info().assignment != assignment):
        raise UsageError(
            f"{folder} holds something else than a demo of {assignment}; give --run a new folder"
        )
    if fresh:
        shutil.rmtree(folder)


def class_files(assignment: Assignment, part: str) -> dict[str, bytes]:
    """Return the files of the demo class, as the reference makes them.

    Raises
    ------
    UsageError
        When the reference of the assignment is not in this copy.
    """
    from autograder import rendering

    template = "the student template"  # stands for it until it is written: it is made as a notebook at once

    def to_ipynb(source: str) -> bytes:
        text = (
            rendering.template_ipynb(assignment, part) if source == template else rendering.to_ipynb(source)
        )
        return text.encode()

    mutants = module_of(assignment, "mutants", part).MUTANTS
    files: dict[str, bytes] = load_reference_module(assignment, "demo").demo_class(
        rendering.solution_source(assignment, part),
        template,
        {name: mutant.apply for name, mutant in mutants.items()},
        rendering.style_sources(assignment, part),
        to_ipynb,
        part,
    )
    return files
