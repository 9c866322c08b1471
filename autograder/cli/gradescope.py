"""The verb `gradescope`: the archive that runs this grader inside Gradescope."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.options import AsJson, AssignmentArgument, FenceLevel, FenceOption, PartsOption
from autograder.cli.output import line, plural, print_json, print_place
from autograder.registry import find_assignment


class Shown(StrEnum):
    """What `--visibility` takes."""

    VISIBLE = "visible"
    AFTER_PUBLISHED = "after_published"
    AFTER_DUE_DATE = "after_due_date"
    HIDDEN = "hidden"


def gradescope(
    assignment: AssignmentArgument,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Write the archive here.", show_default=False)
    ],
    part: PartsOption = None,
    minutes: Annotated[
        float, typer.Option(min=2, max=40, metavar="N", help="Gradescope's time limit, as you set it there.")
    ] = 10.0,
    visibility: Annotated[
        Shown,
        typer.Option(
            help="When students see the sums of the checks that are not public. With anything but `visible`, Gradescope "
            "does not show them a total before."
        ),
    ] = Shown.AFTER_PUBLISHED,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial",
            help="A submission of which marks wait for a person gets what is earned so far, not no score.",
        ),
    ] = False,
    fence: FenceOption = FenceLevel.AUTO,
    as_json: AsJson = False,
) -> None:
    """Make the archive that grades submissions inside Gradescope.

    Upload it at Gradescope (Configure Autograder, Zip file upload). It holds the whole rubric and the golden values:
    give it to no student. Where Gradescope's container lets no fence be put up, nothing is graded, unless you say
    `--fence none`; then a notebook can read all of it and write its own score.
    """
    from autograder.courses import Course
    from autograder.gradescope.archive import write_archive
    from autograder.gradescope.settings import Settings
    from autograder.rubric.public import WRITTEN

    found = find_assignment(assignment)
    course = Course.load(assignment, part or ())
    settings = Settings(
        assignment=assignment,
        parts=tuple(one.part for one in course.rubric.parts),
        minutes=minutes,
        visibility=visibility.value,
        partial=partial,
        fence=fence.value,
    )
    files = write_archive(found, settings, out)
    checks = [check for one in course.rubric.parts for _, check in one.checks()]
    by_hand = sum(check.points for check in checks if check.check == WRITTEN)
    points = sum(check.points for check in checks)
    if as_json:
        told = {"out": str(out.resolve()), "files": len(files), "points": points, "by_hand": by_hand}
        print_json(told | {"settings": settings.model_dump(mode="json")})
        return
    line(f"{plural(len(files), 'file')}, parts {', '.join(settings.parts)}.")
    line(
        f"Set the autograder's points to {points - by_hand:g}; {by_hand:g} more are marked by hand (manual questions)."
    )
    if fence is FenceLevel.NONE:
        line("NO FENCE: a notebook can read the rubric and the goldens, and write its own score.", "red")
    print_place("Archive", out)
