"""What a batch leaves for people and programs: `results.json`, `scores.csv`, the class page, the gradebook."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import reports
from autograder import __version__, gradebook
from autograder.class_lists import ClassLists
from autograder.courses import Course
from autograder.people import shared_late, shared_score
from autograder.questions import write_questions
from autograder.records import CheckResult, Grade, PersonGrade, PersonMark, possible_of
from autograder.review.standing import standing_of
from autograder.rubric.model import Rubric
from autograder.store import (
    RunDirectory,
    RunInfo,
    read_json,
    write_json,
    write_text,
)


def finish(
    run: RunDirectory, info: RunInfo, course: Course, grades: Sequence[Grade], *, author: str, why: str
) -> None:
    """Write `results.json`, `scores.csv`, the gradebook, the rubric that was used, and the pages of the class."""
    write_marks(run, info, course.rubric, grades, author=author, why=why)
    write_json(run.rubric, course.rubric.model_dump(mode="json"))
    write_class_page(run, grades)
    write_questions(run, course.rubric, grades)


def write_marks(
    run: RunDirectory, info: RunInfo, rubric: Rubric, grades: Sequence[Grade], *, author: str, why: str
) -> None:
    """Write `results.json` and `scores.csv`, and keep the marks in the gradebook."""
    write_json(run.results, results_of(info, rubric, grades, ClassLists.of(run)))
    write_text(run.scores, _scores_csv(rubric, grades))
    gradebook.record_scoring(run.gradebook, grades, rubric.sha256, author=author, why=why)


def write_class_page(run: RunDirectory, grades: Sequence[Grade]) -> None:
    """Write the class page from `results.json` and the grades, with links to the pages that stand beside it."""
    lists = ClassLists.of(run)
    rows = [class_row(run, grade) for grade in grades]
    page = reports.render_class(
        read_json(run.results),
        rows,
        lists.names(),
        lists.problems(),
        questions=run.questions_page.name,
        similarity=run.similarity_page.name if run.similarity_page.is_file() else None,
    )
    write_text(run.index, page)


def results_of(
    info: RunInfo, rubric: Rubric, grades: Sequence[Grade], lists: ClassLists | None = None
) -> dict[str, Any]:
    """Return `results.json` (schema 1): the same for the same submissions, however often the run was cut off."""
    fields = (
        "id",
        "title",
        "points",
        "fraction",
        "earned",
        "pending",
        "observed",
        "expected",
        "message",
        "hint",
    )
    return {
        "schema": 1,
        "assignment": info.assignment,
        "parts": list(info.parts),
        "engine": __version__,
        "rubric_sha256": rubric.sha256,
        "final": standing_of(grades).is_final,
        "roster": (lists or ClassLists()).document(),
        "absent": (lists or ClassLists()).absent(tuple(grades)),
        "submissions": [
            {
                "id": grade.submission.id,
                "students": list(grade.submission.students),
                "source": list(grade.submission.sources.values()),
                "state": grade.state,
                "problem_name": grade.submission.problem_name,
                "owner_problem": grade.submission.owner_problem,
                "people": [person.model_dump(mode="json") for person in grade.people],
                "late": late.model_dump(mode="json") if (late := shared_late(grade.people)) else None,
                "adjusted": shared_score(grade.people),
                "attempts": [attempt.model_dump(mode="json") for attempt in grade.attempts],
                "lms": {"system": grade.submission.system, **grade.submission.lms}
                if grade.submission.system
                else {},
                "received": [one.model_dump(mode="json") for one in grade.submission.received],
                "earned": grade.earned,
                "pending": grade.pending,
                "possible": grade.possible,
                "flags": list(grade.flags),
                "fences": sorted({run.fence_level for run in grade.executions.values() if run.fence_level}),
                "part_totals": [part_total(part.part, grade) for part in rubric.parts],
                "items": [
                    {
                        "id": item.id,
                        "part": item.part,
                        "title": item.title,
                        "earned": item.earned,
                        "pending": item.pending,
                        "possible": item.possible,
                        **({"extra": True} if item.extra else {}),
                        "checks": [
                            {"status": check.status.value}
                            | {key: getattr(check, key) for key in fields}
                            | {"marked": check.marked and check.marked.model_dump(mode="json")}
                            for check in item.checks
                        ],
                    }
                    for item in grade.items
                ],
            }
            for grade in grades
        ],
    }


def part_total(part: str, grade: Grade) -> dict[str, Any]:
    """Return the marks of one part of a submission."""
    items = [item for item in grade.items if item.part == part]
    marks = {key: round(sum(getattr(item, key) for item in items), 4) for key in ("earned", "pending")}
    return {"part": part} | marks | {"possible": possible_of(items)}


def _scores_csv(rubric: Rubric, grades: Sequence[Grade]) -> str:
    item_ids = [item.id for part in rubric.parts for item in part.items]
    parts = [part.part for part in rubric.parts] if len(rubric.parts) > 1 else []
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = ["id", "students", "state", "earned", "pending", "possible", *(f"part {part}" for part in parts)]
    extra = ["score", "late days", "deducted", "state of each"]
    writer.writerow([*heads, *item_ids, "flags", "reason", "by hand", "comments", *extra])
    for grade in grades:
        earned = {item.id: f"{item.earned:g}" for item in grade.items}
        row = [
            grade.submission.id,
            "; ".join(grade.submission.students),
            grade.state,
            f"{grade.earned:g}",
            f"{grade.pending:g}",
        ]
        row += [
            f"{grade.possible:g}",
            *(f"{part_total(part, grade)['earned']:g}" if grade.items else "" for part in parts),
            *(earned.get(item, "") for item in item_ids),
            "; ".join(grade.flags),
            grade.submission.problem or "",
            "; ".join(_by_hand(grade)),
            "; ".join(f"{check.id}: {mark.comment}" for check, mark in marked_checks(grade) if mark.comment),
            _of_people(grade, lambda one: f"{one.score:g}"),
            _of_people(grade, lambda one: f"{one.late.n_days}" if one.late else ""),
            _of_people(grade, lambda one: f"{one.deducted:g}" if one.deducted else ""),
            _of_people(grade, lambda one: one.state),
        ]
        writer.writerow([_no_formula(cell) for cell in row])
    return out.getvalue()


def _of_people(grade: Grade, value: Callable[[PersonGrade], str]) -> str:
    """Return a value of the people of a submission: once when it is the same for all, else for each by id."""
    values = [value(person) for person in grade.people]
    if len(set(values)) < 2:
        return values[0] if values else ""
    return "; ".join(f"{person.id}: {one}" for person, one in zip(grade.people, values, strict=True) if one)


def marked_checks(grade: Grade) -> Iterable[tuple[CheckResult, PersonMark]]:
    """Return the checks that a person marked, with the mark."""
    for item in grade.items:
        for check in item.checks:
            if check.marked is not None:
                yield check, check.marked


def _by_hand(grade: Grade) -> Iterable[str]:
    for check, mark in marked_checks(grade):
        was = f" (was {mark.automatic.earned:g}: {mark.reason})" if mark.kind == "override" else ""
        yield f"{check.id} {check.earned:g} of {check.points:g}{was}"


def _no_formula(cell: str) -> str:
    """Return a cell that a spreadsheet will not take for a formula."""
    return (
        f"'{cell}"
        if cell[:1] in tuple("=+@\t\r") or (cell[:1] == "-" and not cell[1:].replace(".", "").isdigit())
        else cell
    )


def class_row(run: RunDirectory, grade: Grade) -> dict[str, Any]:
    """Return what the class page shows of a submission beside its results."""
    return {
        "id": grade.submission.id,
        "students": list(grade.submission.students),
        "report": f"submissions/{grade.submission.id}/report.html",
        "view": f"submissions/{grade.submission.id}/instructor.html",
        "seconds": round(sum(execution.seconds for execution in grade.executions.values()), 1),
        "flags": list(grade.flags),
        "problem": grade.submission.problem,
        "problem_name": grade.submission.problem_name,
        "problem_detail": grade.submission.problem_detail,
        "state": grade.state,
        "notes": [
            *([grade.submission.owner_detail] if grade.submission.owner_detail else ()),
            *(note.text for note in grade.notes if note.kind in ("confirm", "same")),
            *grade.submission.instructor_notes,
            *grade.submission.notes,
        ],
    }


def rubric_changes(run: RunDirectory, rubric: Rubric) -> tuple[str, ...]:
    """Return what an edit of the rubric changed since the last scoring, a line each (path: old -> new)."""
    old = read_json(run.rubric)
    if not isinstance(old, dict):
        return ()
    return tuple(_differences("", old | {"sha256": ""}, rubric.model_dump(mode="json") | {"sha256": ""}))


def _differences(where: str, old: Any, new: Any) -> Iterable[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(f"{where}.{key}" if where else str(key), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            name = after.get("id", after.get("part", index)) if isinstance(after, dict) else index
            yield from _differences(f"{where}[{name}]", before, after)
    elif old != new:
        yield f"{where}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
