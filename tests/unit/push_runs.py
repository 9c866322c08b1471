"""Runs whose scores go to a server: a class with final marks, ids in a roster, a report each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from review_runs import check, make_run, rubric_of
from stand_ins import canvas as canvas_server
from stand_ins import moodle as moodle_server

from autograder.export.ledger import history
from autograder.export.scores import StudentScore
from autograder.push.canvas import Canvas
from autograder.push.delivering import Listener
from autograder.push.moodle import Moodle
from autograder.push.packing import PushChoices
from autograder.push.sessions import Session
from autograder.push.tokens import Token
from autograder.pushing import Push, push
from autograder.records import ExecutionRecord, Grade, ItemGrade, Status, Submission
from autograder.review.marks import with_marks
from autograder.rosters import Roster, RosterEntry
from autograder.store import RunDirectory, write_json, write_record

RUBRIC = rubric_of()
"""Two items of 3 marks each."""
NAMES = ("Ada", "Bo", "Cy", "Dee", "Eva", "Fay")
MATRICULATION = tuple(f"0004{number}" for number in range(len(NAMES)))


def grade_of(name: str, points: float, *, is_pending: bool = False) -> Grade:
    """Return a grade with so many of 6 marks, filled item by item."""
    items, left = [], points
    for item in RUBRIC.parts[0].items:
        results = []
        for spec in item.checks:
            share = min(float(spec.points), left)
            left -= share
            status = Status.REVIEW if is_pending and spec.check == "is_written" else Status.PASSED
            found = check(spec, status)
            if status is Status.PASSED:
                found = found.model_copy(update={"fraction": share / float(spec.points), "earned": share})
            results.append(found)
        items.append(
            ItemGrade(
                id=item.id,
                part="a",
                title=item.title,
                earned=sum(one.earned for one in results),
                pending=sum(one.pending for one in results),
                possible=float(item.points),
                checks=tuple(results),
            )
        )
    bare = Grade(
        submission=Submission(id=name.casefold(), students=(name,), sources={"a": "part_a.ipynb"}),
        assignment=RUBRIC.assignment,
        title=RUBRIC.title,
        parts=("a",),
        state="graded",
        earned=0.0,
        pending=0.0,
        possible=6.0,
        items=tuple(items),
        executions={"a": ExecutionRecord(state="complete")},
        cell_items={"a": tuple(item.id for item in items)},
        rubric_sha256=RUBRIC.sha256,
    )
    return with_marks(bare, {})


def scored_run(
    folder: Path,
    points: Sequence[float],
    *,
    pending: Sequence[int] = (),
    people: Mapping[int, Mapping[str, Any]] | None = None,
) -> RunDirectory:
    """Return a run in which the first students of NAMES have these marks; the same folder again is a regrade.

    Parameters
    ----------
    pending : positions of students whose written answers wait
    people : position of a student to what `results.json` says of them beside
    """
    grades = [
        grade_of(NAMES[at], given, is_pending=at in pending).model_copy(
            update={
                "submission": Submission(
                    id=NAMES[at].casefold(), students=(MATRICULATION[at],), sources={"a": "part_a.ipynb"}
                )
            }
        )
        for at, given in enumerate(points)
    ]
    run = make_run(folder, RUBRIC, grades)
    for at, grade in enumerate(grades):
        report = run.submission(grade.submission.id) / "report.html"
        report.write_text(f"<!doctype html><p>{NAMES[at]}: {points[at]}</p>", encoding="utf-8")
    results = _results(run)
    for at, about in (people or {}).items():
        results["submissions"][at]["people"] = [{"id": MATRICULATION[at], **about}]
    write_json(run.results, results)
    entries = tuple(
        RosterEntry(
            id=MATRICULATION[at],
            ids={"number": MATRICULATION[at], "login": NAMES[at].casefold()},
            name=NAMES[at],
        )
        for at in range(len(points))
    )
    write_record(run.roster, Roster(entries=entries))
    return run


def _results(run: RunDirectory) -> dict[str, Any]:
    import json

    return dict(json.loads(run.results.read_text(encoding="utf-8")))


def canvas_users(n: int) -> dict[int, dict[str, Any]]:
    """Return the students of a Canvas course; their ids there are 100, 101, ..."""
    return {
        100 + at: {
            "name": NAMES[at],
            "sortable_name": NAMES[at],
            "sis_user_id": MATRICULATION[at],
            "login_id": NAMES[at].casefold(),
        }
        for at in range(n)
    }


def moodle_users(n: int) -> dict[int, dict[str, Any]]:
    """Return the participants of a Moodle course; their ids there are 200, 201, ..."""
    return {
        200 + at: {"fullname": NAMES[at], "idnumber": MATRICULATION[at], "username": NAMES[at].casefold()}
        for at in range(n)
    }


class Pauses:
    """Waits that take no time."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def push_canvas(
    run: RunDirectory,
    server: canvas_server.CanvasStandIn,
    *,
    send: bool = True,
    pause: Pauses | None = None,
    token: str = canvas_server.TOKEN,
    clears_late: bool = False,
    **choices: Any,
) -> Push:
    """Push a run to a stand-in."""
    pause = pause or Pauses()

    def opening(scores: Sequence[StudentScore]) -> Canvas:
        session = Session(server.url, Token(token), pause)
        found = Canvas(
            session, str(canvas_server.COURSE), str(canvas_server.ASSIGNMENT), clears_late=clears_late
        )
        found.require_one_late_rule([one.key for one in scores if one.deduction])
        return found

    return push(
        run, opening, PushChoices(**choices), author="eva", is_sent=send, pause=pause, listener=Listener()
    )


def push_moodle(
    run: RunDirectory,
    server: moodle_server.MoodleStandIn,
    *,
    send: bool = True,
    workflow: str = "",
    token: str = moodle_server.TOKEN,
    **choices: Any,
) -> Push:
    """Push a run to a stand-in."""
    pause = Pauses()

    def opening(scores: Sequence[StudentScore]) -> Moodle:
        session = Session(server.url, Token(token), pause)
        return Moodle(session, str(moodle_server.COURSE), str(moodle_server.PAGE), workflow=workflow)

    return push(run, opening, PushChoices(**choices), author="eva", is_sent=send, pause=pause)


def actions(run: RunDirectory, student: str = MATRICULATION[0], what: str = "score") -> list[str]:
    """Return what the ledger says of one student, oldest first."""
    return [one.action for one in history(run.gradebook) if (one.student, one.what) == (student, what)]
