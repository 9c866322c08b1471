"""The verb that makes the bundle for students, and proves one that is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.options import AsJson, AssignmentArgument, PartsOption
from autograder.cli.output import line, plural, print_json, print_place
from autograder.errors import UsageError
from autograder.registry import find_assignment

if TYPE_CHECKING:
    from autograder.leaks import Leak

LEAKS = 2


def release(
    assignment: AssignmentArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write the bundle here.", show_default=False),
    ] = None,
    part: PartsOption = None,
    verify: Annotated[
        Path | None,
        typer.Option(
            "--verify",
            metavar="DIR",
            help="Write nothing; prove that the bundle in this folder holds nothing that must stay with the course.",
            show_default=False,
        ),
    ] = None,
    install: Annotated[
        str,
        typer.Option(
            "--install",
            metavar="COMMAND",
            help="How your students install the autograder; stands in the bundle's README. Default: with pip, at "
            "this version.",
            show_default=False,
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make the bundle that students get, and prove that it leaks nothing.

    It holds the template notebooks, the public part of the rubric for the self-check, a README and where the data
    comes from. A bundle that holds statements of the reference, golden numbers, hidden ids or sentences, outputs or
    foreign metadata is refused, every finding named; exit status 2.
    """
    from autograder.release import LeakError
    from autograder.release import release as write_bundle
    from autograder.release import verify as verify_bundle

    if (out is None) == (verify is None):
        raise UsageError("give --out DIR to make a bundle, or --verify DIR to prove one")
    found = find_assignment(assignment)
    folder = (out or verify or Path()).resolve()
    files: dict[str, str] = {}
    leaks: tuple[Leak, ...] = ()
    try:
        if out is not None:
            files = write_bundle(found, out, part or (), install)
        else:
            leaks = tuple(verify_bundle(found, folder))
    except LeakError as error:
        if not as_json:
            raise
        leaks = error.leaks
    if as_json:
        print_json({"bundle": str(folder), "files": files, "leaks": [vars(leak) for leak in leaks]})
        raise typer.Exit(LEAKS if leaks else 0)
    if leaks:
        raise LeakError(leaks, f"{folder} must not be handed out: {plural(len(leaks), 'finding')}.")
    if out is not None:
        line(f"{plural(len(files), 'file')}, and the proof found nothing that must stay with the course.")
        print_place("The bundle", folder)
    else:
        line(f"{folder}: the proof found nothing that must stay with the course.")
