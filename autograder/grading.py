"""Grade a batch: execute what has not been executed, score everything, write results and reports.

Executing and scoring are two stages over files. A run that was cut off continues where it stopped; a scoring
never runs a notebook.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.courses import Course
from autograder.errors import UsageError, nearest
from autograder.execute.protocol import Executor, Job, Plan
from autograder.intake import UnreadableNotebook, find_submissions, read_notebook
from autograder.marking import score_submission
from autograder.probes.challenges import draw_cases
from autograder.records import (
    ExecutionRecord,
    Grade,
    Limits,
    Submission,
)
from autograder.results import finish, rubric_changes
from autograder.rubric.model import PartSpec
from autograder.store import (
    RunDirectory,
    RunInfo,
    new_secret,
    read_record,
    write_json,
    write_record,
)

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
    bindings: Mapping[str, Mapping[str, str]] | None = None,
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
    _refuse_unknown(bindings or {}, course, {submission.id for submission in submissions})
    run = RunDirectory(run_path)
    wanted = RunInfo(
        assignment=course.assignment.id,
        parts=parts,
        source=str(source),
        secret=secret or new_secret(),
        limits=limits,
        seed_shift=seed_shift,
        bindings={name: dict(paths) for name, paths in (bindings or {}).items()},
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


def _refuse_unknown(bindings: Mapping[str, Mapping[str, str]], course: Course, submissions: set[str]) -> None:
    keys = {key for part in course.rubric.parts for key in (*part.evidence, *part.challenges)}
    for submission, paths in bindings.items():
        if submission != "*" and submission not in submissions:
            raise UsageError(
                f"bindings: there is no submission {submission!r}{nearest(submission, submissions)}"
            )
        for key in paths:
            if key not in keys:
                raise UsageError(
                    f"bindings for {submission}: the rubric has no evidence {key!r}{nearest(key, keys)}"
                )


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
    plan = make_plan(part, cases, info.bindings_of(submission), info.seed_shift)
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


def make_plan(part: PartSpec, cases: Cases, bindings: Mapping[str, str], seed_shift: int = 0) -> Plan:
    """Return the plan that the kernel's observer carries out: which functions to call, on which inputs."""
    challenges = [
        {
            "id": key,
            "mode": spec.mode,
            "names": [bindings[key], *spec.names] if key in bindings else spec.names,
            "contains": spec.contains,
            "roles": {name: role.model_dump() | {"log_tokens": ["log"]} for name, role in spec.roles.items()},
            "cases": cases[key],
        }
        for key, spec in part.challenges.items()
    ]
    return Plan.model_validate({"seed_shift": seed_shift, "challenges": challenges})
