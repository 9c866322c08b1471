"""Verbs that make files of the reference: `template` for students, `golden` for the grader."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from autograder.cli.interrupts import stoppable
from autograder.cli.options import (
    AsJson,
    AssignmentArgument,
    DataOption,
    PartsOption,
    WorkersOption,
    n_workers,
)
from autograder.cli.output import err, line, print_json
from autograder.datasets import require_directory
from autograder.errors import UsageError, nearest
from autograder.registry import Assignment, find_assignment, load_reference_module
from autograder.store import write_record, write_text

if TYPE_CHECKING:
    from autograder.golden import Golden, GoldenValue
    from autograder.rubric.model import GoldenKind, PartSpec

OUT_OF_DATE = 1
N_REPLICATES = 60
SAME_TRUTH = 1e-7
SAME_NUMBERS = 1e-3
"""Of the weights of a classifier: solved for, and rounded."""
"""Relative difference up to which two quadratures of one number, on two machines, are the same."""


class GoldenRuns(StrEnum):
    """What `golden --only` takes."""

    FULL = "full"
    SHORT = "short"
    STAND_INS = "stand_ins"


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
        int | None,
        typer.Option(
            min=2,
            metavar="N",
            help="Runs of the reference under other random streams; bands get narrower with more. Default: as "
            "the rubric says, else 60.",
            show_default=False,
        ),
    ] = None,
    workers: WorkersOption = None,
    data: DataOption = None,
    runs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep the runs of the reference here, and go on from those that are there already.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        GoldenRuns | None,
        typer.Option(
            "--only",
            help="Only the golden values from these runs: as handed in, short ones, or short ones on generated "
            "stand-ins for the data sets. Default: all that a part needs.",
        ),
    ] = None,
    convention: Annotated[
        list[str] | None,
        typer.Option(
            "--convention",
            metavar="NAME",
            help="Only what this convention gives (the rubric's golden values `KEY@NAME`); the other golden values stay. "
            "May be given several times.",
            show_default=False,
        ),
    ] = None,
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

    Writes `reference/ID/golden/part_X.json`, and for a part that trains `part_X.short.json` (the short budget)
    and `part_X.stand_ins.json` (the same on generated stand-ins). The reference's own notebook is executed as a
    student's would be, once for each replicate: minutes for a part that samples, hours for one that trains.
    `--check` takes seconds.
    """
    import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
    from autograder.golden import read_golden
    from autograder.goldens import with_conventions
    from autograder.rubric.loader import load_rubric

    found = find_assignment(assignment)
    told: dict[str, Any] = {}
    require_directory(data)
    for spec, kind in _goldens_of(load_rubric(found, part or ()).parts, only):
        path = found.golden(spec.part, kind)
        key = spec.part if kind == "full" else f"{spec.part}.{kind}"
        told[key] = {"path": str(path)}
        if check:
            told[key]["differences"] = truth_differences(spec, path, found if kind == "stand_ins" else None)
        else:
            n = replicates or _n_replicates(spec, kind)
            with _data_for(found, kind, data) as folder:
                kept = runs / key if runs is not None else None
                made = make(found, spec, n, n_workers(workers), kind, folder, kept, convention)
            if convention:
                made = with_conventions(read_golden(path), made)
            write_record(path, made)
            n_replicated = sum(value.replicates is not None for value in made.values.values())
            told[key] |= {"values": len(made.values), "replicated": n_replicated, "replicates": n}
    differs = any(entry.get("differences") for entry in told.values())
    if as_json:
        print_json(told)
    else:
        for entry in told.values():
            print_golden(entry)
        if differs:
            line(f"Make it again with: autograder golden {assignment}")
    raise typer.Exit(OUT_OF_DATE if differs else 0)


def _goldens_of(parts: Iterable[PartSpec], only: GoldenRuns | None) -> Iterator[tuple[PartSpec, GoldenKind]]:
    """Return every golden file that is asked for: the part and the kind of its runs."""
    from autograder.lint import golden_kinds

    for spec in parts:
        for kind in golden_kinds(spec):
            if only is None or only.value == kind:
                yield spec, kind


def _n_replicates(part: PartSpec, kind: GoldenKind) -> int:
    budget: Literal["full", "short"] = "full" if kind == "full" else "short"
    return part.budgets[budget].replicates if budget in part.budgets else N_REPLICATES


@contextmanager
def _data_for(assignment: Assignment, kind: GoldenKind, data: Path | None) -> Iterator[Path | None]:
    """Give the folder of the data sets, or of stand-ins that are generated for the time being."""
    if kind != "stand_ins":
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="stand-ins-") as folder:
        write_stand_ins(assignment, Path(folder))
        yield Path(folder)


def write_stand_ins(assignment: Assignment, folder: Path) -> None:
    """Have the reference write its stand-ins for the data sets into `folder`; always the same ones."""
    load_reference_module(assignment, "stand_ins").write(folder)


def make(
    assignment: Assignment,
    part: PartSpec,
    n_replicates: int,
    workers: int,
    kind: GoldenKind = "full",
    data: Path | None = None,
    runs: Path | None = None,
    conventions: Collection[str] | None = None,
) -> Golden:
    """Return the golden values of a part, with a bar on standard error while the replicates run."""
    from autograder.cli.progress import bar
    from autograder.execute.local import LocalExecutor
    from autograder.execute.protocol import Options
    from autograder.goldens import make_golden

    with (
        LocalExecutor(Options(data=data), own_work=True) as executor,
        stoppable("The golden file is as it was."),
        bar(err()) as progress,
    ):
        task = progress.add_task(f"Replicates of part {part.part}", total=n_replicates)

        def move(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return make_golden(
            assignment,
            part,
            executor,
            n_replicates,
            workers,
            move,
            kind=kind,
            data=data,
            runs=runs,
            conventions=conventions or None,
        )


def truth_differences(part: PartSpec, path: Path, of_stand_ins: Assignment | None = None) -> list[str]:
    """Return how the stored exact values differ from those computed now, a line each.

    Truths of data are compared for the stand-ins alone, which can be made anywhere.
    """
    from autograder.golden import read_golden
    from autograder.goldens import is_of_data, truths_of

    with ExitStack() as stack:
        folder = stack.enter_context(_data_for(of_stand_ins, "stand_ins", None)) if of_stand_ins else None
        stored, computed = read_golden(path).values, truths_of(part, folder)
    exact = {
        key
        for key, value in stored.items()
        if value.truth is not None and (folder is not None or not is_of_data(part, key))
    }
    lines = [f"{key}: stored, but the rubric declares no such truth" for key in sorted(exact - set(computed))]
    for key, value in sorted(computed.items()):
        if key not in stored:
            lines.append(f"{key}: not stored")
        elif not _same(stored[key], value):
            lines.append(f"{key}: stored {_truth(stored[key])}, computed {_truth(value)}")
    return lines


def _same(stored: GoldenValue, computed: GoldenValue) -> bool:
    pairs = ((stored.truth, computed.truth), (stored.sd, computed.sd))
    lists = stored.numbers or (), computed.numbers or ()
    if len(lists[0]) != len(lists[1]) or not all(
        isclose(a, b, rel_tol=SAME_NUMBERS, abs_tol=SAME_NUMBERS) for a, b in zip(*lists, strict=True)
    ):
        return False
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
