"""Verbs on a run directory: `grade` makes one, `rescore` marks it again, `report` renders it again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder import gradebook
from autograder.cli.classes import (
    CourseOption,
    FromOption,
    GroupsOption,
    RosterOption,
    Source,
    class_lists,
    dry_run,
    print_class,
)
from autograder.cli.executors import (
    CacheOption,
    ExecutorKind,
    ExecutorOption,
    SchedulerOption,
    chosen_executor,
)
from autograder.cli.interrupts import stoppable
from autograder.cli.options import (
    AsJson,
    BudgetKind,
    BudgetOption,
    DataOption,
    FenceLevel,
    FenceOption,
    KernelKind,
    KernelOption,
    PartsOption,
    WorkersOption,
    author_or_me,
)
from autograder.cli.output import line, marks, plural, print_grades, print_json, print_place, table
from autograder.errors import UsageError, nearest
from autograder.gradebook import Change, Scoring
from autograder.records import Grade
from autograder.registry import find_assignment
from autograder.store import RunDirectory

if TYPE_CHECKING:
    from autograder.grading import Batch
    from autograder.rubric.model import Rubric

RunArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="The run directory that `grade --run` made.", show_default=False)
]
NEEDS_PERSON = 1
BUDGET = "[PART=]NUMBER"
EACH = (
    "A number holds for all parts, `b=NUMBER` for part b; may be given several times. "
    "Default: what the run had, else the rubric's."
)


def grade(
    submissions: Annotated[
        Path,
        typer.Argument(
            metavar="SUBMISSIONS",
            help="A folder with a sub-folder, a notebook or an archive for each student; an archive (zip, tar) that "
            "holds the same; the download of an LMS, or a folder of several; or one notebook.",
            show_default=False,
        ),
    ],
    assignment: Annotated[
        str,
        typer.Option(
            "--assignment", "-a", metavar="ID", help="The assignment, such as `aml-a3`.", show_default=False
        ),
    ],
    run: Annotated[
        Path,
        typer.Option(
            "--run",
            "-r",
            metavar="DIR",
            help="Where the results go. The run that is there is continued.",
            show_default=False,
        ),
    ],
    part: PartsOption = None,
    source: FromOption = Source.AUTO,
    roster: RosterOption = None,
    groups: GroupsOption = None,
    course_file: CourseOption = None,
    only_look: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Say what was found, whose it is and which file is which part's; execute and write nothing.",
        ),
    ] = False,
    workers: WorkersOption = None,
    cell_seconds: Annotated[
        list[str] | None, typer.Option(metavar=BUDGET, help=f"Longest time for one cell, in seconds. {EACH}")
    ] = None,
    total_seconds: Annotated[
        list[str] | None,
        typer.Option(metavar=BUDGET, help=f"Longest time for all cells of a notebook, in seconds. {EACH}"),
    ] = None,
    call_seconds: Annotated[
        list[str] | None,
        typer.Option(
            metavar=BUDGET, help=f"Longest time for one call of a student's function, in seconds. {EACH}"
        ),
    ] = None,
    memory_mib: Annotated[
        list[str] | None,
        typer.Option(metavar=BUDGET, help=f"Most memory for one notebook, in MiB. {EACH}"),
    ] = None,
    bindings: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="YAML that says where evidence is found: submission (or `*`), evidence key, path.",
            show_default=False,
        ),
    ] = None,
    data: DataOption = None,
    budget: BudgetOption = BudgetKind.FULL,
    fence: FenceOption = FenceLevel.AUTO,
    kernel: KernelOption = KernelKind.AUTO,
    executor: ExecutorOption = ExecutorKind.LOCAL,
    scheduler: SchedulerOption = None,
    cache: CacheOption = None,
    as_json: AsJson = False,
) -> None:
    """Execute and mark the notebooks of a class.

    Writes `results.json`, `scores.csv`, `index.html`, a report for each student and a view of it for you, with the
    executed notebook beside the marks, into the run directory.
    A grading that was cut off continues where it stopped when the same command is given again; no finished
    notebook is executed twice, and notebooks with the same content are executed once. Exit status 1 means
    that something is left for a person: written answers, values to confirm, files that are no notebooks.
    """
    from autograder.class_lists import ClassLists
    from autograder.cli.budgets import parse_budgets
    from autograder.cli.live import LivePage
    from autograder.cli.progress import BatchProgress
    from autograder.courses import Course
    from autograder.datasets import data_directory, has_stand_ins, require_directory
    from autograder.execute.protocol import Options
    from autograder.execution_cache import ExecutionCache
    from autograder.grading import grade as grade_batch
    from autograder.intake import read_class_bindings

    require_directory(data)
    course = Course.load(assignment, part or (), budget.value, has_stand_ins(data_directory(data)))
    if run.resolve().is_relative_to(submissions.resolve()):
        raise UsageError(
            f"--run {run} lies inside the submissions folder; give a folder outside {submissions}"
        )
    lists = class_lists(course.assignment.id, RunDirectory(run), roster, groups, course_file)
    if only_look:
        known = lists.over(ClassLists.of(RunDirectory(run)))
        needs = dry_run(submissions, course, source.form, known, as_json)
        raise typer.Exit(NEEDS_PERSON if needs else 0)
    budgets = parse_budgets(
        [one.part for one in course.rubric.parts],
        {
            "cell_seconds": cell_seconds,
            "total_seconds": total_seconds,
            "call_seconds": call_seconds,
            "memory_mib": memory_mib,
        },
    )
    with (
        chosen_executor(executor, scheduler, Options(fence=fence.value, kernel=kernel.value, data=data)) as (
            runner,
            n_slots,
        ),
        stoppable("What is finished is kept; the same command continues with the rest."),
        BatchProgress() as progress,
        LivePage(RunDirectory(run), course.assignment.id, progress, runner),
    ):
        batch = grade_batch(
            submissions,
            course,
            run,
            runner,
            n_workers=workers or n_slots,
            budgets=budgets,
            data=data,
            bindings=read_class_bindings(bindings) if bindings else None,
            author=author_or_me(None),
            listener=progress,
            form=source.form,
            lists=lists,
            cache=ExecutionCache(cache) if cache is not None else None,
        )
    if as_json:
        print_json(run_document(batch.run))
    else:
        print_batch(batch)
    raise typer.Exit(NEEDS_PERSON if batch.needs_person else 0)


def print_batch(batch: Batch) -> None:
    """Print the table of a class and where its page is."""
    print_class(batch.delivery, batch.lists, batch.grades)
    print_grades(batch.grades, batch.lists.names())
    print_place("Class page", batch.run.index)


def run_document(run: RunDirectory) -> dict[str, Any]:
    """Return what `--json` prints of a run: where it is, and its `results.json`."""
    return {"run": str(run.path.resolve()), "index": str(run.index.resolve()), "results": read_results(run)}


def read_results(run: RunDirectory) -> dict[str, Any]:
    """Return `results.json` of a run; UsageError when it is missing or damaged."""
    try:
        return dict(json.loads(run.results.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{run.results} is missing or damaged; make it again with: autograder rescore {run.path}"
        ) from error


# --------------------------------------------------------------------- rescore


def rescore(
    directory: RunArgument,
    why: Annotated[
        str | None,
        typer.Option(
            help="The reason, for the history. Default: the newest entry of the rubric's `changes`.",
            show_default=False,
        ),
    ] = None,
    author: Annotated[
        str | None,
        typer.Option(help="Who scores. Default: git's user.name, else the login name.", show_default=False),
    ] = None,
    bind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SUBMISSION:KEY=PATH",
            help="Confirm where a value is in a notebook, such as `ada:a2.rate=results.rate`; `*` stands for "
            "all submissions. Kept in the run; may be given several times.",
        ),
    ] = None,
    course_file: CourseOption = None,
    as_json: AsJson = False,
) -> None:
    """Mark a run again with the rubric as it is now; no notebook is executed.

    Says what the edit of the rubric changed, whose marks changed from what to what, and which scorings
    there were. With `--course` the rules of another course file hold from now on.
    """
    from autograder.cli.progress import BatchProgress
    from autograder.grading import rescore as rescore_run
    from autograder.rubric.loader import load_rubric

    run = RunDirectory(directory)
    info = run.info()
    rubric = load_rubric(find_assignment(info.assignment), info.parts)
    earlier = gradebook.scorings(run.gradebook)
    confirmed = [parse_binding(binding, run, rubric) for binding in bind or ()]
    before = (
        {entry["id"]: float(entry["earned"]) for entry in read_results(run)["submissions"]}
        if run.results.exists()
        else {}
    )
    rules = class_lists(info.assignment, run, None, None, course_file).rules
    scores_before = scores_of(run)
    reason = why or newest_reason(rubric, earlier)
    if bind and not reason:
        reason = f"confirmed {', '.join(bind)}"
    with (
        stoppable("Results and scores are as they were; the same command starts over."),
        BatchProgress() as progress,
    ):
        batch, edits = rescore_run(
            directory,
            author=author_or_me(author),
            why=reason,
            bindings=confirmed,
            listener=progress,
            rules=rules,
        )
    scorings = gradebook.scorings(run.gradebook)
    changes = gradebook.last_changes(run.gradebook) if len(scorings) > len(earlier) else []
    if as_json:
        print_json(
            run_document(run)
            | {
                "rubric_changes": list(edits),
                "mark_changes": [vars(change) for change in changes],
                "scorings": [vars(scoring) for scoring in scorings],
                "look_again": look_again(run, batch.grades),
                "score_changes": score_changes(scores_before, scores_of(run)),
            }
        )
    else:
        print_edits(edits)
        print_mark_changes(changes, before, batch.grades)
        print_score_changes(scores_before, scores_of(run))
        print_look_again(look_again(run, batch.grades))
        print_history(scorings)
        print_place("Class page", run.index)
    raise typer.Exit(NEEDS_PERSON if batch.needs_person else 0)


def parse_binding(text: str, run: RunDirectory, rubric: Rubric) -> tuple[str, str, str]:
    """Return (submission, evidence key, path) of `SUBMISSION:KEY=PATH`.

    Raises
    ------
    UsageError
        When the text is in another form, or names a submission, a key or a path that cannot be.
    """
    from autograder.probes.paths import parse_path

    place, equals, path = text.partition("=")
    submission, colon, key = place.rpartition(":")
    if not (equals and colon and submission and key):
        raise UsageError(f"--bind {text!r}: expected SUBMISSION:KEY=PATH, such as ada:a2.rate=results.rate")
    known = sorted(path.parent.name for path in (run.path / "submissions").glob("*/submission.json"))
    if submission != "*" and submission not in known:
        raise UsageError(
            f"--bind {text!r}: {run.path} has no submission {submission!r}{nearest(submission, known)}"
        )
    keys = [key for part in rubric.parts for key in part.evidence]
    if key not in keys:
        raise UsageError(
            f"--bind {text!r}: the rubric has no evidence {key!r}{nearest(key, keys)} "
            f"(there are: {', '.join(keys)})"
        )
    parse_path(path)
    return submission, key, path


def newest_reason(rubric: Rubric, scorings: Sequence[Scoring]) -> str:
    """Return the reason that the rubric's newest `changes` entry gives, unless a scoring gave it already."""
    told = {scoring.why for scoring in scorings}
    newest = [part.changes[-1].get("why", "") for part in rubric.parts if part.changes]
    return "; ".join(why for why in newest if why and why not in told)


def print_edits(edits: Sequence[str]) -> None:
    """Print what an edit changed in the rubric."""
    line("What changed in the rubric", "bold")
    for edit in edits or ("nothing",):
        line(f"  {edit}")
    line("")


def print_mark_changes(changes: Sequence[Change], before: dict[str, float], grades: Sequence[Grade]) -> None:
    """Print whose marks changed, from what to what, and by which checks."""
    changed: dict[str, list[Change]] = {}
    for change in changes:
        changed.setdefault(change.submission, []).append(change)
    if not changed:
        line("Nobody's marks changed.", "bold")
        line("")
        return
    rows = []
    for grade in grades:
        if found := changed.get(grade.submission.id):
            checks = ", ".join(
                f"{change.check} {marks(change.before)} → {marks(change.after)}" for change in found
            )
            old = marks(before[grade.submission.id]) if grade.submission.id in before else ""
            rows.append((", ".join(grade.submission.students), old, marks(grade.earned), checks))
    columns = (("Student", "left"), ("From", "right"), ("To", "right"), ("Checks", "left"))
    table(f"Marks that changed ({len(rows)} of {len(grades)} students)", columns, rows)
    line("")


def scores_of(run: RunDirectory) -> dict[tuple[str, str], str]:
    """Return (submission, person) to the score and its state, as `results.json` has them."""
    if not run.results.exists():
        return {}
    return {
        (entry["id"], person["id"]): marks(person["score"])
        if person["state"] in ("graded", "pending")
        else person["state"]
        for entry in read_results(run)["submissions"]
        for person in entry.get("people", ())
    }


def score_changes(
    before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]
) -> list[dict[str, str]]:
    """Return whose score changed, lateness and states included."""
    keys = dict.fromkeys((*before, *after))
    return [
        {"submission": key[0], "id": key[1], "before": before.get(key, ""), "after": after.get(key, "")}
        for key in keys
        if before.get(key) != after.get(key)
    ]


def print_score_changes(before: dict[tuple[str, str], str], after: dict[tuple[str, str], str]) -> None:
    """Print whose score changed; nothing when nobody's did."""
    rows = [(one["id"], one["before"], one["after"]) for one in score_changes(before, after)]
    if rows and before:
        table(
            f"Scores that changed ({len(rows)})", (("Who", "left"), ("From", "right"), ("To", "right")), rows
        )
        line("")


def look_again(run: RunDirectory, grades: Sequence[Grade]) -> list[dict[str, str]]:
    """Return the marks of people that deserve another look, with what changed since they were given."""
    from autograder.results import marked_checks
    from autograder.review.marks import lost_places
    from autograder.review.store import standings

    found = [
        {
            "submission": grade.submission.id,
            "check": check.id,
            "author": mark.author,
            "why": "; ".join(mark.look_again),
        }
        for grade in grades
        for check, mark in marked_checks(grade)
        if mark.look_again
    ]
    gone = lost_places(grades, standings(run.gradebook))
    return found + [
        {
            "submission": entry.place.submission,
            "check": entry.place.check,
            "author": entry.author,
            "why": "there is no such check or submission any more",
        }
        for entry in gone
    ]


def print_look_again(rows: Sequence[dict[str, str]]) -> None:
    """Print the marks of people that deserve another look; nothing when there are none."""
    if not rows:
        return
    columns = (("Submission", "left"), ("Check", "left"), ("By", "left"), ("What changed", "left"))
    title = f"Marks of people that deserve another look ({len(rows)}); they count until changed"
    table(title, columns, ([row["submission"], row["check"], row["author"], row["why"]] for row in rows))
    line("")


def print_history(scorings: Sequence[Scoring]) -> None:
    """Print every scoring of the run."""
    rows = ((scoring.time, scoring.author, scoring.why, scoring.rubric_sha256[:8]) for scoring in scorings)
    table("Scorings", (("When", "left"), ("Who", "left"), ("Why", "left"), ("Rubric", "left")), rows)
    line("")


# ---------------------------------------------------------------------- report


def report(
    directory: RunArgument,
    markers: Annotated[
        bool | None,
        typer.Option(
            "--show-markers/--hide-markers",
            help="Whether students' reports name the people who marked. Default: as the run has it, at first not.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take in what people marked, render everything again, and say whether the marks are final.

    Nothing is executed and no check is tried again: use it after a review, or when a file was lost. Exit status 1
    means that something is still pending.
    """
    from autograder.refreshing import refresh
    from autograder.review.standing import standing_of

    run = RunDirectory(directory)
    run.info()
    with run.locked():
        grades = refresh(run, author=author_or_me(None), show_markers=markers)
    standing = standing_of(grades)
    if as_json:
        print_json(run_document(run) | {"standing": str(standing)})
    else:
        line(f"{plural(len(grades), 'report')} rendered.")
        line(str(standing), "bold")
        print_place("Class page", run.index)
    raise typer.Exit(0 if standing.is_final else NEEDS_PERSON)
