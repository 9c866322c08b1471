"""Verbs that make files of the reference: `template` for students, `golden` for the grader."""

from __future__ import annotations

from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.cli.interrupts import stoppable
from autograder.cli.options import AsJson, AssignmentArgument, PartsOption, WorkersOption, n_workers
from autograder.cli.output import err, line, print_json
from autograder.errors import UsageError, nearest
from autograder.registry import Assignment, find_assignment
from autograder.store import write_record, write_text

if TYPE_CHECKING:
    from autograder.golden import Golden, GoldenValue
    from autograder.rubric.model import PartSpec

OUT_OF_DATE = 1
SAME_TRUTH = 1e-7
"""Relative difference up to which two quadratures of one number, on two machines, are the same."""


# -------------------------------------------------------------------- template


def template(
    assignment: AssignmentArgument,
    part: PartsOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit status 1 when a template is out of date.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the students' notebooks from the reference.

    Writes `student_template/ID/part_X.ipynb`. What students see is an allow-list: signatures, docstrings
    and names.
    """
    from autograder.rendering import template_ipynb

    found = find_assignment(assignment)
    states: dict[str, str] = {}
    for part_id in reference_parts(found, part):
        path = found.student_template / f"part_{part_id}.ipynb"
        text = template_ipynb(found, part_id)
        is_same = path.is_file() and path.read_text(encoding="utf-8") == text
        if not is_same and not check:
            write_text(path, text)
        states[str(path)] = "up to date" if is_same else "out of date" if check else "written"
    if as_json:
        print_json(states)
    else:
        for name, state in states.items():
            line(f"{name}: {state}", "yellow" if state == "out of date" else "")
        if "out of date" in states.values():
            line(f"Make it again with: autograder template {assignment}")
    raise typer.Exit(OUT_OF_DATE if "out of date" in states.values() else 0)


def reference_parts(assignment: Assignment, chosen: list[str] | None) -> list[str]:
    """Return the parts whose reference notebook is here: the chosen ones, or all.

    Raises
    ------
    UsageError
        When the reference is not in this copy, or has no such part.
    """
    known = sorted(path.stem.removeprefix("notebook_") for path in assignment.reference.glob("notebook_*.py"))
    if not known:
        raise UsageError(
            f"{assignment.reference} holds no notebook: the reference of {assignment.id} is not in this copy"
        )
    for part in chosen or ():
        if part not in known:
            raise UsageError(
                f"the reference of {assignment.id} has no part {part!r}{nearest(part, known)} "
                f"(there are: {', '.join(known)})"
            )
    return chosen or known


# ---------------------------------------------------------------------- golden


def golden(
    assignment: AssignmentArgument,
    part: PartsOption = None,
    replicates: Annotated[
        int,
        typer.Option(
            min=2,
            metavar="N",
            help="Runs of the reference under other random streams; bands get narrower with more.",
        ),
    ] = 60,
    workers: WorkersOption = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Only compute the exact truths and compare; exit status 1 on a difference.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the golden values: exact truths, and replicates of the reference.

    Writes `reference/ID/golden/part_X.json`. The reference's own notebook is executed as a student's would
    be, once for each replicate; with 60 of them this takes some minutes. `--check` takes seconds.
    """
    import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
    from autograder.rubric.loader import load_rubric

    found = find_assignment(assignment)
    told: dict[str, Any] = {}
    for spec in load_rubric(found, part or ()).parts:
        path = found.golden(spec.part)
        told[spec.part] = {"path": str(path)}
        if check:
            told[spec.part]["differences"] = truth_differences(spec, path)
        else:
            made = make(found, spec, replicates, n_workers(workers))
            write_record(path, made)
            n_replicated = sum(value.replicates is not None for value in made.values.values())
            told[spec.part] |= {
                "values": len(made.values),
                "replicated": n_replicated,
                "replicates": replicates,
            }
    differs = any(entry.get("differences") for entry in told.values())
    if as_json:
        print_json(told)
    else:
        for entry in told.values():
            print_golden(entry)
        if differs:
            line(f"Make it again with: autograder golden {assignment}")
    raise typer.Exit(OUT_OF_DATE if differs else 0)


def make(assignment: Assignment, part: PartSpec, n_replicates: int, workers: int) -> Golden:
    """Return the golden values of a part, with a bar on standard error while the replicates run."""
    from autograder.cli.progress import bar
    from autograder.execute.local import LocalExecutor
    from autograder.goldens import make_golden

    with (
        LocalExecutor(own_work=True) as executor,
        stoppable("The golden file is as it was."),
        bar(err()) as progress,
    ):
        task = progress.add_task(f"Replicates of part {part.part}", total=n_replicates)

        def move(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return make_golden(assignment, part, executor, n_replicates, workers, move)


def truth_differences(part: PartSpec, path: Path) -> list[str]:
    """Return how the stored exact values differ from those computed now, a line each."""
    from autograder.golden import read_golden
    from autograder.goldens import truths_of

    stored, computed = read_golden(path).values, truths_of(part)
    exact = {key for key, value in stored.items() if value.truth is not None}
    lines = [f"{key}: stored, but the rubric declares no such truth" for key in sorted(exact - set(computed))]
    for key, value in sorted(computed.items()):
        if key not in stored:
            lines.append(f"{key}: not stored")
        elif not _same(stored[key], value):
            lines.append(f"{key}: stored {_truth(stored[key])}, computed {_truth(value)}")
    return lines


def _same(stored: GoldenValue, computed: GoldenValue) -> bool:
    pairs = ((stored.truth, computed.truth), (stored.sd, computed.sd))
    return stored.n == computed.n and all(
        a == b or (a is not None and b is not None and isclose(a, b, rel_tol=SAME_TRUTH)) for a, b in pairs
    )


def _truth(value: GoldenValue) -> str:
    return f"{value.truth} (sd {value.sd}, n {value.n})"


def print_golden(entry: dict[str, Any]) -> None:
    """Print what became of one golden file."""
    if "values" in entry:
        line(
            f"{entry['path']}: {entry['values']} values, "
            f"{entry['replicated']} of them with {entry['replicates']} replicates"
        )
    elif entry["differences"]:
        line(f"{entry['path']}: differs from what is computed now", "yellow")
        for difference in entry["differences"]:
            line(f"  {difference}")
    else:
        line(f"{entry['path']}: every exact value is as computed now")
