"""Who is in the class and what was taken in: the options that say it, and what is printed of it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.cli.output import line, plural, print_json, table
from autograder.store import RunDirectory

if TYPE_CHECKING:
    from autograder.class_lists import ClassLists
    from autograder.courses import Course
    from autograder.intake import Delivery
    from autograder.intake.deliveries import Form
    from autograder.records import Grade, Submission

SHOWN = 40
"""Rows of a table that are printed."""


class Source(StrEnum):
    """What `--from` takes."""

    AUTO = "auto"
    FOLDER = "folder"
    CANVAS = "canvas"
    MOODLE = "moodle"
    GRADESCOPE = "gradescope"
    DOWNLOADS = "downloads"

    @property
    def form(self) -> Form | None:
        """The form of the source; None: its names tell."""
        forms: dict[Source, Form] = {
            Source.FOLDER: "folder",
            Source.CANVAS: "canvas",
            Source.MOODLE: "moodle",
            Source.GRADESCOPE: "gradescope",
            Source.DOWNLOADS: "downloads",
        }
        return forms.get(self)


FromOption = Annotated[
    Source,
    typer.Option(
        "--from",
        help="What SUBMISSIONS is. `auto`: the names in it tell. `folder`: something for each student; `canvas`, "
        "`moodle`, `gradescope`: the download of an LMS, unpacked or not; `downloads`: several of them.",
    ),
]
RosterOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--roster",
        metavar="FILE",
        help="Who is in the class: a Canvas gradebook, a Moodle grading worksheet, a Gradescope roster or a CSV with a "
        "column of ids; may be given several times. Kept in the run.",
        show_default=False,
    ),
]
GroupsOption = Annotated[
    Path | None,
    typer.Option(
        "--groups",
        metavar="CSV",
        help="Who works with whom (columns id and group), and whose an entry is that names nobody (column file). "
        "Kept in the run.",
        show_default=False,
    ),
]
CourseOption = Annotated[
    Path | None,
    typer.Option(
        "--course",
        metavar="FILE",
        help="The course file: deadline, late rule, extensions, attempts, who is excused. Kept in the run; "
        "`rescore --course` applies another one.",
        show_default=False,
    ),
]


def class_lists(
    assignment: str,
    run: RunDirectory | None,
    roster: Sequence[Path] | None,
    groups: Path | None,
    course: Path | None,
) -> ClassLists:
    """Return roster, groups and rules as given on the command line, people by the ids of the roster."""
    from autograder.class_lists import ClassLists
    from autograder.course_files import read_course_rules
    from autograder.groups import read_groups
    from autograder.roster_files import read_rosters

    stored = ClassLists.of(run) if run is not None else ClassLists()
    known = read_rosters(roster) if roster else stored.roster
    return ClassLists(
        known if roster else None,
        read_groups(groups, known) if groups else None,
        read_course_rules(course, assignment, known) if course else None,
    )


# ------------------------------------------------------------------- what is told


def print_class(delivery: Delivery | None, lists: ClassLists, grades: Sequence[Grade]) -> None:
    """Print what was taken in, what of the lists cannot be used, whose is not certain, and who handed in nothing."""
    if delivery is not None and delivery.form != "folder":
        told = {"downloads": "several downloads"}.get(
            delivery.form, f"a download of {delivery.form.capitalize()}"
        )
        line(f"Taken in as {told}.")
        for note in delivery.notes:
            line(f"  {note}")
    print_list_problems(lists)
    print_owners([grade.submission for grade in grades])
    absent = lists.absent(tuple(grades))
    if absent:
        missing = [one["id"] for one in absent if one["state"] == "missing"]
        rest = [f"{one['id']} ({one['state']})" for one in absent if one["state"] != "missing"]
        shown = [*missing, *rest]
        more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
        counted = "1 person" if len(absent) == 1 else f"{len(absent)} people"
        line(f"{counted} of the roster without a submission: {', '.join(shown[:SHOWN])}{more}")
    if absent or any(grade.submission.owner_problem for grade in grades):
        line("")


def print_list_problems(lists: ClassLists) -> None:
    """Print the rows of roster and groups file that cannot be used."""
    problems = lists.problems()
    if problems:
        line(f"Rows that cannot be used as they are ({len(problems)})", "bold")
        for text in problems[:SHOWN]:
            line(f"  {text}")
        if len(problems) > SHOWN:
            line(f"  and {len(problems) - SHOWN} more")
        line("")


def print_owners(submissions: Sequence[Submission]) -> None:
    """Print the hand-ins of which it is not certain whose they are."""
    rows = [
        (
            one.id,
            one.owner_problem or "in several hand-ins",
            one.owner_detail or "; ".join(one.instructor_notes),
        )
        for one in submissions
        if one.owner_problem or one.contested
    ]
    if rows:
        columns = (("Hand-in", "left"), ("Why", "left"), ("What was found", "left"))
        table(f"Whose is it? ({len(rows)})", columns, rows[:SHOWN])
        if len(rows) > SHOWN:
            line(f"and {len(rows) - SHOWN} more, on the class page")
        line("")


def dry_run(source: Path, course: Course, form: Form | None, lists: ClassLists, as_json: bool) -> bool:
    """Print what would be graded, and return whether a person is needed for it; nothing is kept.

    Archives are unpacked into a temporary folder that goes again.
    """
    from autograder.intake import take_in
    from autograder.resubmissions import that_may_count

    parts = course.rubric.parts
    with tempfile.TemporaryDirectory(prefix="autograder-") as folder:
        delivery = take_in(
            source,
            parts,
            Path(folder),
            form=form,
            roster=lists.roster,
            groups=lists.groups,
            asked=[course.rubric.form_of(part).filename for part in parts],
        )
    found = delivery.submissions
    counting = {one.id for one in that_may_count(found, lists.rules)}
    if as_json:
        print_json(_document(delivery, lists, counting))
    else:
        print_list_problems(lists)
        rows = [
            (
                one.id,
                ", ".join(one.students) or "?",
                "; ".join(f"{choice.part}: {choice.file}" for choice in one.choices),
                one.problem_name
                or one.owner_problem
                or ("" if one.id in counting else "another attempt counts"),
            )
            for one in found
        ]
        columns = (("Hand-in", "left"), ("Students", "left"), ("Notebooks", "left"), ("Remarks", "left"))
        table(
            f"{plural(len(found), 'hand-in')}, taken in as {delivery.form}; nothing was executed",
            columns,
            rows,
        )
        for note in delivery.notes:
            line(note)
        line("")
        print_owners(found)
    return any(one.problem or one.owner_problem or one.contested for one in found)


def _document(delivery: Delivery, lists: ClassLists, counting: set[str]) -> dict[str, Any]:
    return {
        "form": delivery.form,
        "notes": delivery.notes,
        "list_problems": lists.problems(),
        "submissions": [
            one.model_dump(mode="json") | {"counts": one.id in counting} for one in delivery.submissions
        ],
    }
