"""Grade a batch: execute what has not been executed, score everything, write results and reports.

Executing and scoring are two stages over files. A run that was cut off continues where it stopped; a scoring
never runs a notebook.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import autograder.checks  # fills the registry that rubrics refer to
import autograder.truths  # noqa: F401
import reports
from autograder import __version__, gradebook
from autograder.errors import UsageError
from autograder.execute.protocol import Executor, Job, Plan
from autograder.golden import Golden, read_golden
from autograder.intake import UnreadableNotebook, find_submissions, read_notebook
from autograder.judging import judge_part
from autograder.probes.challenges import draw_cases
from autograder.probes.evidence import Agreement, Evidence, gather
from autograder.probes.notebooks import read_cells
from autograder.probes.observations import Leaf, read_observations
from autograder.records import (
    CheckResult,
    ExecutionRecord,
    Grade,
    ItemGrade,
    Limits,
    Note,
    Record,
    Status,
    Submission,
)
from autograder.registry import Assignment, find_assignment
from autograder.rubric.loader import load_rubric
from autograder.rubric.model import PartSpec, Rubric
from autograder.scoring import score_part
from autograder.store import (
    RunDirectory,
    RunInfo,
    new_secret,
    read_record,
    write_json,
    write_record,
    write_text,
)
from autograder.template_cells import TemplateCells, template_cells

Cases = dict[str, list[dict[str, Any]]]


class Listener:
    """What a caller hears of while a batch is graded; the base class hears nothing."""

    def begins(self, n_submissions: int, n_to_execute: int) -> None:
        """The submissions were found."""

    def executed(self, submission: Submission, record: ExecutionRecord) -> None:
        """A notebook was executed."""

    def scored(self, grade: Grade) -> None:
        """A submission was scored."""


@dataclass(frozen=True)
class Course:
    """What a scoring needs of an assignment, read once."""

    assignment: Assignment
    rubric: Rubric
    goldens: Mapping[str, Golden]
    templates: Mapping[str, TemplateCells] = field(default_factory=dict)

    @classmethod
    def load(cls, assignment_id: str, parts: Iterable[str] = ()) -> Course:
        """Return the rubric, goldens and template cells of an assignment.

        Raises
        ------
        RubricError, UsageError
            When the assignment, its rubric or a golden file is missing or wrong.
        """
        assignment = find_assignment(assignment_id)
        rubric = load_rubric(assignment, parts)
        goldens = {part.part: read_golden(assignment.golden(part.part)) for part in rubric.parts}
        templates = {
            part.part: template_cells(assignment.student_template / f"part_{part.part}.ipynb")
            for part in rubric.parts
        }
        return cls(assignment, rubric, goldens, templates)


@dataclass(frozen=True)
class Batch:
    """What a grading produced."""

    run: RunDirectory
    grades: tuple[Grade, ...]
    course: Course

    @property
    def needs_person(self) -> bool:
        """Whether anything is left for a person to decide."""
        return any(grade.state != "graded" for grade in self.grades)


def grade(
    source: Path,
    course: Course,
    run_path: Path,
    executor: Executor,
    *,
    n_workers: int = 2,
    limits: Limits | None = None,
    seed_shift: int = 0,
    secret: str | None = None,
    author: str = "",
    listener: Listener | None = None,
) -> Batch:
    """Return the grades of all submissions in `source`, executing those that were not executed yet.

    Raises
    ------
    UsageError
        When there is nothing to grade, or the run directory belongs to something else.
    InternalError
        When the run directory cannot be written.
    """
    listener = listener or Listener()
    parts = tuple(part.part for part in course.rubric.parts)
    submissions = find_submissions(source, course.rubric.parts)
    run = RunDirectory(run_path)
    wanted = RunInfo(
        assignment=course.assignment.id,
        parts=parts,
        source=str(source),
        secret=secret or new_secret(),
        limits=limits,
        seed_shift=seed_shift,
    )
    info = run.open(wanted)
    for submission in submissions:
        write_record(run.submission(submission.id) / "submission.json", submission)
    jobs = [
        (submission, part, job)
        for submission in submissions
        for part in course.rubric.parts
        if (job := _job(run, info, submission, part)) is not None
    ]
    listener.begins(len(submissions), len(jobs))
    waiting = {submission.id: 0 for submission in submissions}
    for submission, _, _ in jobs:
        waiting[submission.id] += 1
    grades: dict[str, Grade] = {}

    def score(submission: Submission) -> None:
        scored = score_submission(run, info, course, submission)
        grades[submission.id] = scored
        listener.scored(scored)

    for submission in submissions:
        if waiting[submission.id] == 0:
            score(submission)
    pool = ThreadPoolExecutor(max_workers=max(1, n_workers))
    try:
        running: dict[Future[ExecutionRecord], tuple[Submission, Job]] = {
            pool.submit(executor.execute, job): (submission, job) for submission, _, job in jobs
        }
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                submission, job = running.pop(future)
                record = future.result()
                listener.executed(submission, record)
                waiting[submission.id] -= 1
                if waiting[submission.id] == 0:
                    score(submission)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    ordered = tuple(grades[submission.id] for submission in submissions)
    finish(run, info, course, ordered, author=author, why="graded")
    return Batch(run, ordered, course)


def rescore(
    run_path: Path, *, author: str = "", why: str = "", listener: Listener | None = None
) -> tuple[Batch, tuple[str, ...]]:
    """Return the batch scored with the rubric as it is now, and what the edit changed; nothing is executed.

    Raises
    ------
    UsageError, RubricError
        When the folder is no run, or the rubric is wrong: the stored marks stay as they are.
    """
    run = RunDirectory(run_path)
    info = run.info()
    course = Course.load(info.assignment, info.parts)
    changes = rubric_changes(run, course.rubric)
    submissions = stored_submissions(run)
    listener = listener or Listener()
    listener.begins(len(submissions), 0)
    grades = []
    for submission in submissions:
        grades.append(score_submission(run, info, course, submission))
        listener.scored(grades[-1])
    finish(run, info, course, grades, author=author, why=why or "rescored")
    return Batch(run, tuple(grades), course), changes


def stored_submissions(run: RunDirectory) -> list[Submission]:
    """Return the submissions of a run, in the order of their ids."""
    found = (
        read_record(path, Submission) for path in sorted((run.path / "submissions").glob("*/submission.json"))
    )
    return [submission for submission in found if submission is not None]


# ------------------------------------------------------------------- executing


def _job(run: RunDirectory, info: RunInfo, submission: Submission, part: PartSpec) -> Job | None:
    """Return what is left to execute of a part, or None when it is done or there is nothing."""
    if submission.problem is not None or part.part not in submission.sources:
        return None
    folder = run.part(submission.id, part.part, info.parts)
    limits = info.limits or part.limits
    source = Path(submission.sources[part.part])
    try:
        notebook = read_notebook(source)
    except UnreadableNotebook as error:
        write_record(folder / "execution.json", ExecutionRecord(state="unreadable", detail=str(error)))
        return None
    cases = {key: draw_cases(spec, info.secret, submission.id, key) for key, spec in part.challenges.items()}
    plan = make_plan(part, cases, info.seed_shift)
    text = json.dumps([notebook, plan.model_dump(mode="json"), limits.model_dump()], sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    done = read_record(folder / "execution.json", ExecutionRecord)
    if done is not None and done.input_digest == digest and done.state != "not_executed":
        return None
    (folder / "execution.json").unlink(missing_ok=True)
    write_json(folder / "input.ipynb", notebook)
    write_json(folder / "cases.json", cases)
    helpers = {
        path.name: path
        for path in sorted(source.parent.glob("*.py"))
        if path.is_file() and not path.is_symlink()
    }
    if source.parent == Path(info.source):
        helpers = {}  # a file per student: what lies beside it belongs to somebody else
    return Job(
        notebook=folder / "input.ipynb",
        out=folder,
        plan=plan,
        limits=limits,
        files=helpers,
        input_digest=digest,
    )


def make_plan(part: PartSpec, cases: Cases, seed_shift: int = 0) -> Plan:
    """Return the plan that the kernel's observer carries out: which functions to call, on which inputs."""
    challenges = [
        {
            "id": key,
            "mode": spec.mode,
            "names": spec.names,
            "contains": spec.contains,
            "roles": {name: role.model_dump() | {"log_tokens": ["log"]} for name, role in spec.roles.items()},
            "cases": cases[key],
        }
        for key, spec in part.challenges.items()
    ]
    return Plan.model_validate({"seed_shift": seed_shift, "challenges": challenges})


# --------------------------------------------------------------------- scoring


def score_submission(run: RunDirectory, info: RunInfo, course: Course, submission: Submission) -> Grade:
    """Return the grade of one submission from its stored execution, and write its grade and report."""
    items: list[ItemGrade] = []
    notes: list[Note] = []
    executions: dict[str, ExecutionRecord] = {}
    cell_items: dict[str, tuple[str | None, ...]] = {}
    bindings = info.bindings.get("*", {}) | info.bindings.get(submission.id, {})
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
        notes += part_notes
        cell_items[part.part] = assigned
    earned, pending = sum(item.earned for item in items), sum(item.pending for item in items)
    is_failed = submission.problem is not None or not executions
    grade_record = Grade(
        submission=submission,
        assignment=course.assignment.id,
        title=course.rubric.title,
        parts=info.parts,
        state="failed" if is_failed else "needs_review" if pending else "graded",
        earned=round(earned, 4),
        pending=round(pending, 4),
        possible=sum(item.possible for item in items),
        flags=tuple(_flags(submission, executions.values(), items, notes)),
        items=tuple(items),
        notes=tuple(notes),
        executions=executions,
        cell_items=cell_items,
        engine=__version__,
        rubric_sha256=course.rubric.sha256,
    )
    folder = run.submission(submission.id)
    write_record(folder / "grade.json", grade_record)
    write_text(
        folder / "report.html", reports.render_student(grade_record.model_dump(mode="json"), viewer="student")
    )
    return grade_record


def _score_part(
    folder: Path, course: Course, part: PartSpec, execution: ExecutionRecord, bindings: Mapping[str, str]
) -> tuple[tuple[ItemGrade, ...], tuple[Note, ...], tuple[str | None, ...]]:
    def evidence_of(agreement: Agreement) -> tuple[Evidence, tuple[Note, ...]]:
        notebook = (
            _read_json(folder / "executed.ipynb") or _read_json(folder / "input.ipynb") or {"cells": []}
        )
        cases: Cases = _read_json(folder / "cases.json") or {}
        cells = read_cells(notebook, part.sections, execution.cells)
        observations = read_observations(folder / "arrays")
        notes: tuple[Note, ...] = ()
        try:
            evidence = gather(part, cells, observations, execution, cases, bindings, agreement)
        except UsageError as error:  # a confirmed binding that leads nowhere in this notebook
            evidence = gather(part, cells, observations, execution, cases, {}, agreement)
            notes = (Note(kind="confirm", title="binding", text=str(error)),)
        write_record(folder / "evidence.json", _summary(evidence))
        return evidence, notes

    execution_key = json.dumps([execution.model_dump(mode="json"), dict(bindings)], sort_keys=True)
    golden, template = course.goldens[part.part], course.templates[part.part]
    judged = judge_part(part, golden, template, execution_key, evidence_of, folder / "findings.json")
    items, notes = score_part(part, judged.verdicts)
    return items, notes + judged.notes, judged.cell_items


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
                    "value": leaf.value if isinstance(leaf.value, bool | int | str) else _finite(leaf.value),
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


def _finite(value: Any) -> float | None:
    return (
        float(value) if isinstance(value, float) and value == value and abs(value) != float("inf") else None
    )


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


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
                checks=checks,
            )
        )
    return items


def _flags(
    submission: Submission,
    executions: Iterable[ExecutionRecord],
    items: Sequence[ItemGrade],
    notes: Sequence[Note],
) -> Iterable[str]:
    if submission.problem is not None:
        yield "no notebook"
    words = {
        "cell_limit": "time limit",
        "total_limit": "time limit",
        "memory_limit": "memory limit",
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
    statuses = {check.status for item in items for check in item.checks}
    if Status.ERROR in statuses:
        yield "fault of ours"
    if any(note.kind == "confirm" for note in notes):
        yield "values to confirm"
    elif any(
        found.how in ("suggestion", "printed")
        for item in items
        for check in item.checks
        for found in check.found
    ):
        yield "own names"


# --------------------------------------------------------------------- results


def finish(
    run: RunDirectory, info: RunInfo, course: Course, grades: Sequence[Grade], *, author: str, why: str
) -> None:
    """Write `results.json`, `scores.csv`, `index.html`, the gradebook and the rubric that was used."""
    results = results_of(info, course, grades)
    write_json(run.results, results)
    write_text(run.scores, _scores_csv(course, grades))
    gradebook.record_scoring(run.gradebook, grades, course.rubric.sha256, author=author, why=why)
    write_json(run.rubric, course.rubric.model_dump(mode="json"))
    write_text(run.index, reports.render_class(results, [class_row(run, grade) for grade in grades]))


def results_of(info: RunInfo, course: Course, grades: Sequence[Grade]) -> dict[str, Any]:
    """Return `results.json` (schema 1): the same for the same submissions, however often the run was cut off."""
    fields = ("id", "title", "points", "fraction", "earned", "observed", "expected", "message", "hint")
    return {
        "schema": 1,
        "assignment": info.assignment,
        "parts": list(info.parts),
        "engine": __version__,
        "rubric_sha256": course.rubric.sha256,
        "submissions": [
            {
                "id": grade.submission.id,
                "students": list(grade.submission.students),
                "source": list(grade.submission.sources.values()),
                "state": grade.state,
                "earned": grade.earned,
                "pending": grade.pending,
                "possible": grade.possible,
                "flags": list(grade.flags),
                "items": [
                    {
                        "id": item.id,
                        "part": item.part,
                        "title": item.title,
                        "earned": item.earned,
                        "pending": item.pending,
                        "possible": item.possible,
                        "checks": [
                            {"status": check.status.value} | {key: getattr(check, key) for key in fields}
                            for check in item.checks
                        ],
                    }
                    for item in grade.items
                ],
            }
            for grade in grades
        ],
    }


def _scores_csv(course: Course, grades: Sequence[Grade]) -> str:
    item_ids = [item.id for part in course.rubric.parts for item in part.items]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["id", "students", "state", "earned", "pending", "possible", *item_ids, "flags", "reason"]
    )
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
            *(earned.get(item, "") for item in item_ids),
            "; ".join(grade.flags),
            grade.submission.problem or "",
        ]
        writer.writerow([_no_formula(cell) for cell in row])
    return out.getvalue()


def _no_formula(cell: str) -> str:
    """Return a cell that a spreadsheet will not take for a formula."""
    return (
        f"'{cell}"
        if cell[:1] in "=+@\t\r" or (cell[:1] == "-" and not cell[1:].replace(".", "").isdigit())
        else cell
    )


def class_row(run: RunDirectory, grade: Grade) -> dict[str, Any]:
    """Return what the class page shows of a submission beside its results."""
    return {
        "id": grade.submission.id,
        "students": list(grade.submission.students),
        "report": f"submissions/{grade.submission.id}/report.html",
        "seconds": round(sum(execution.seconds for execution in grade.executions.values()), 1),
        "flags": list(grade.flags),
        "problem": grade.submission.problem,
        "state": grade.state,
        "notes": [note.text for note in grade.notes if note.kind == "confirm"] + list(grade.submission.notes),
    }


def rubric_changes(run: RunDirectory, rubric: Rubric) -> tuple[str, ...]:
    """Return what an edit of the rubric changed since the last scoring, a line each (path: old -> new)."""
    old = _read_json(run.rubric)
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
