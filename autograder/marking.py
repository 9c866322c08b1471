"""The grade of one submission, from what was stored when it was executed."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import reports
from autograder import __version__
from autograder.course_rules import CourseRules
from autograder.courses import Course
from autograder.errors import AutograderError
from autograder.execution_notes import budget_notes, execution_notes
from autograder.instructor_pages import write_instructor_page
from autograder.judging import judge_part
from autograder.people import with_people
from autograder.probes.evidence import Agreement, Evidence, gather
from autograder.probes.notebooks import read_cells
from autograder.probes.observations import Leaf, read_observations
from autograder.probes.surroundings import MISSING_DATA
from autograder.records import (
    CheckResult,
    ExecutionRecord,
    Grade,
    ItemGrade,
    Note,
    Record,
    Status,
    Submission,
    possible_of,
)
from autograder.review.marks import with_marks
from autograder.review.store import standings
from autograder.rubric.model import PartSpec
from autograder.scoring import score_part
from autograder.store import (
    RunDirectory,
    RunInfo,
    read_json,
    read_record,
    write_record,
    write_text,
)

Cases = dict[str, list[dict[str, Any]]]
OUR_FAULT = "This could not be marked because of a fault of ours; a person will look at it."


def score_submission(
    run: RunDirectory,
    info: RunInfo,
    course: Course,
    submission: Submission,
    twins: Mapping[str, Sequence[str]] | None = None,
    rules: CourseRules | None = None,
) -> Grade:
    """Return the grade of one submission from its stored execution, and write its grade and report.

    The marks that people gave are taken in from the gradebook.

    Parameters
    ----------
    twins : submission id to the ids of the others in the batch that handed in the same
    rules : of the course: what lateness costs
    """
    others = (twins or {}).get(submission.id, ())
    try:
        found = _graded(run, info, course, submission, others)
        marked = with_people(with_marks(found, standings(run.gradebook)), rules)
        write_graded(run, info, marked)
    except (AutograderError, OSError):  # nothing of one submission's: the rubric, the run, the disk
        raise
    except Exception:
        found = _unscored(info, course, submission, traceback.format_exc()[-4000:])
        marked = with_people(with_marks(found, standings(run.gradebook)), rules)
        write_graded(run, info, marked)
    return marked


def _unscored(info: RunInfo, course: Course, submission: Submission, told: str) -> Grade:
    """Return the grade of a submission that broke the grader: every mark waits, and the others are not held up."""
    items = [item for part in course.rubric.parts for item in _pending_items(part, OUR_FAULT)]
    first, *rest = items
    broken = first.checks[0].model_copy(update={"traceback": told})
    items = [first.model_copy(update={"checks": (broken, *first.checks[1:])}), *rest]
    return _grade(info, course, submission, items)


def _graded(
    run: RunDirectory, info: RunInfo, course: Course, submission: Submission, others: Sequence[str]
) -> Grade:
    items: list[ItemGrade] = []
    notes: list[Note] = []
    executions: dict[str, ExecutionRecord] = {}
    cell_items: dict[str, tuple[str | None, ...]] = {}
    bindings = info.bindings_of(submission)
    for part in course.rubric.parts:
        folder = run.part(submission.id, part.part, info.parts)
        execution = read_record(folder / "execution.json", ExecutionRecord)
        problem = submission.problem
        if problem is None and part.part not in submission.sources:
            problem = f"no notebook was found for part {part.part}"
        if problem is None and execution is not None and execution.state == "unreadable":
            problem = execution.detail
        if problem is not None:
            items += _blocked_items(part, problem)
            continue
        if execution is None or execution.state == "not_executed":
            detail = execution.detail if execution is not None else "it was not executed"
            items += _pending_items(
                part, f"The notebook could not be executed because of a fault of ours: {detail}"
            )
            continue
        executions[part.part] = execution
        part_items, part_notes, assigned = _score_part(folder, course, part, execution, bindings)
        items += part_items
        limits = execution.limits or info.limits_of(part.part, part.limits)
        notes += [*budget_notes(part, info.budget, read_json(folder / "input.ipynb"), info.stand_ins)]
        notes += [*execution_notes(part.part, execution, limits), *part_notes]
        cell_items[part.part] = assigned
    notes += _twin_notes(others)
    return _grade(
        info,
        course,
        submission,
        items,
        flags=tuple(_flags(submission, executions.values(), items, notes, others)),
        notes=tuple(notes),
        executions=executions,
        cell_items=cell_items,
    )


def _grade(
    info: RunInfo, course: Course, submission: Submission, items: Sequence[ItemGrade], **about: Any
) -> Grade:
    return Grade(
        submission=submission,
        assignment=course.assignment.id,
        title=course.rubric.title,
        parts=info.parts,
        state="graded",
        earned=0.0,
        pending=0.0,
        possible=possible_of(items),
        items=tuple(items),
        engine=__version__,
        rubric_sha256=course.rubric.sha256,
        **about,
    )


def write_graded(run: RunDirectory, info: RunInfo, grade: Grade) -> None:
    """Write the grade of a submission, the report that its students get, and the instructor's view."""
    folder = run.submission(grade.submission.id)
    write_record(folder / "grade.json", grade)
    html = reports.render_student(grade.model_dump(mode="json"), show_markers=info.show_markers)
    write_text(folder / "report.html", html)
    write_instructor_page(run, info, grade)


def _score_part(
    folder: Path, course: Course, part: PartSpec, execution: ExecutionRecord, bindings: Mapping[str, str]
) -> tuple[tuple[ItemGrade, ...], tuple[Note, ...], tuple[str | None, ...]]:
    def evidence_of(agreement: Agreement) -> Evidence:
        evidence = stored_evidence(folder, part, execution, bindings, agreement)
        write_record(folder / "evidence.json", _summary(evidence))
        return evidence

    execution_key = json.dumps([execution.model_dump(mode="json"), dict(bindings)], sort_keys=True)
    golden, template = course.goldens[part.part], course.templates[part.part]
    kept_at = folder / "findings.json"
    judged = judge_part(part, golden, template, execution_key, evidence_of, kept_at, course.budget)
    items, notes = score_part(part, judged.verdicts)
    return items, notes + judged.notes, judged.cell_items


def stored_evidence(
    folder: Path,
    part: PartSpec,
    execution: ExecutionRecord,
    bindings: Mapping[str, str],
    agreement: Agreement,
) -> Evidence:
    """Return the evidence of a notebook from what its execution left in `folder`."""
    notebook = read_json(folder / "executed.ipynb") or read_json(folder / "input.ipynb") or {"cells": []}
    cases: Cases = read_json(folder / "cases.json") or {}
    cells = read_cells(notebook, part.sections, execution.cells)
    return gather(part, cells, read_observations(folder / "arrays"), execution, cases, bindings, agreement)


class EvidenceRecord(Record):
    """`evidence.json`: under which name each key was found; the arrays lie in `arrays/`."""

    schema_version: int = 1
    values: dict[str, dict[str, Any]]
    calls: dict[str, list[dict[str, Any]]]


def _summary(evidence: Evidence) -> EvidenceRecord:
    values: dict[str, dict[str, Any]] = {}
    for key, bound in evidence.bound.items():
        leaves: list[tuple[float | None, Leaf]] = list((bound.table or {}).items())
        if bound.leaf is not None:
            leaves = [(None, bound.leaf)]
        values[key] = {
            "found": bound.found.model_dump(mode="json") if bound.found else None,
            "values": [
                {
                    "key": table_key,
                    "path": str(leaf.path),
                    "cell": leaf.cell,
                    "dtype": leaf.dtype,
                    "shape": list(getattr(leaf.value, "shape", ())),
                    "value": _scalar(leaf.value),
                }
                for table_key, leaf in leaves
            ],
            "candidates": [candidate.model_dump(mode="json") for candidate in bound.candidates],
        }
    calls = {
        key: [
            {
                "case": a.case,
                "form": a.form,
                "status": a.status,
                "function": a.function,
                "bound": a.bound,
                "error": a.error,
            }
            for a in called.answers
        ]
        for key, called in evidence.called.items()
    }
    return EvidenceRecord(values=values, calls=calls)


def _scalar(value: Any) -> bool | int | str | float | None:
    """Return a value that is one word or one finite number; None for an array."""
    if getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int | str) else None


def _blocked_items(part: PartSpec, problem: str) -> list[ItemGrade]:
    return _unjudged(part, Status.BLOCKED, problem)


def _pending_items(part: PartSpec, problem: str) -> list[ItemGrade]:
    return _unjudged(part, Status.ERROR, problem)


def _unjudged(part: PartSpec, status: Status, problem: str) -> list[ItemGrade]:
    items = []
    for item in part.items:
        checks = tuple(
            CheckResult(
                id=check.id,
                title=check.title,
                status=status,
                fraction=0.0,
                points=float(check.points),
                earned=0.0,
                pending=float(check.points) if status.is_pending else 0.0,
                message=problem,
                public=check.public,
                hidden=check.hidden,
            )
            for check in item.checks
        )
        pending = sum(check.pending for check in checks)
        items.append(
            ItemGrade(
                id=item.id,
                part=part.part,
                title=item.title,
                earned=0.0,
                pending=pending,
                possible=float(item.points),
                extra=item.extra,
                checks=checks,
            )
        )
    return items


def _flags(
    submission: Submission,
    executions: Iterable[ExecutionRecord],
    items: Sequence[ItemGrade],
    notes: Sequence[Note],
    twins: Sequence[str],
) -> Iterable[str]:
    if submission.problem is not None:
        yield "no notebook"
    words = {
        "cell_limit": "time limit",
        "total_limit": "time limit",
        "memory_limit": "memory limit",
        "disk_limit": "disk limit",
        "kernel_died": "kernel died",
        "not_executed": "not executed",
    }
    for execution in executions:
        if execution.state in words:
            yield words[execution.state]
        if any(cell.status == "error" for cell in execution.cells):
            yield "cell errors"
        if execution.output_cut:
            yield "output cut"
        if execution.fence_level == "none":
            yield "no fence"
    if any(note.kind == "execution" and note.title.endswith(MISSING_DATA) for note in notes):
        yield "data missing"
    if any(note.kind == "confirm" for note in notes):
        yield "values to confirm"
    elif any(
        found.how in ("suggestion", "printed")
        for item in items
        for check in item.checks
        for found in check.found
    ):
        yield "own names"
    if twins:
        yield f"same notebook as {twins[0]}" + (f" and {len(twins) - 1} more" if twins[1:] else "")


def _twin_notes(twins: Sequence[str]) -> Iterable[Note]:
    """Return what the instructor, and nobody else, is told of submissions that are the same."""
    if twins:
        yield Note(
            kind="same",
            title="Handed in more than once",
            text=f"The cells and helper files are the same as those of {', '.join(twins)}; they were executed once.",
        )
