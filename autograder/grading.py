"""Grade a batch: execute what has not been executed, score everything, write results and reports.

Executing and scoring are two stages over files. A run that was cut off continues where it stopped; a scoring
never runs a notebook.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.class_lists import ClassLists, IntakeRecord
from autograder.course_rules import CourseRules
from autograder.courses import Course
from autograder.datasets import data_directory, how_to_get, identity, missing_for, missing_sets
from autograder.errors import InternalError, UsageError, nearest
from autograder.execute.protocol import Executor, Job
from autograder.execution_cache import ExecutionCache
from autograder.golden import GoldenValue
from autograder.goldens import truths_of
from autograder.intake import (
    Delivery,
    UnreadableNotebook,
    code_of,
    read_notebook,
    require_source,
    take_in,
)
from autograder.intake.deliveries import Form
from autograder.jobs import Task, Twins, groups_of, longest_first, may_be_shared, plan_tasks, twins_of
from autograder.marking import write_graded
from autograder.records import (
    ExecutionRecord,
    Grade,
    Limits,
    Submission,
)
from autograder.resubmissions import that_count, that_may_count
from autograder.results import finish, rubric_changes
from autograder.scorers import Marking, Scorers
from autograder.store import (
    Budgets,
    RunDirectory,
    RunInfo,
    new_secret,
    read_json,
    read_record,
    write_json,
    write_record,
)

DATA_TRUTHS = "data_truths.json"
"""In a run: what is true of the tables that its notebooks were shown."""


class Listener:
    """What a caller hears of while a batch is graded; the base class hears nothing."""

    def begins(self, n_submissions: int, n_to_execute: int) -> None:
        """The submissions were found."""

    def planned(self, tasks: Sequence[Task], n_workers: int, n_scorers: int) -> None:
        """What will be executed was decided: these, in this order, so many side by side, and so many marked."""

    def behind(self, fence: str) -> None:
        """How notebooks are executed: one sentence of the executor. Said only when something is executed."""

    def started(self, submission: Submission, job: Job) -> None:
        """A notebook begins to be executed. Called from the thread that does it."""

    def executed(self, submission: Submission, job: Job, record: ExecutionRecord) -> None:
        """A notebook was executed."""

    def further(self, tasks: Sequence[Task]) -> None:
        """These will be executed too: they equal one that was, but draw random numbers without a seed."""

    def scoring(self, submission: Submission) -> None:
        """A submission begins to be scored."""

    def scored(self, grade: Grade, seconds: float) -> None:
        """A submission was scored, which took so long."""


@dataclass(frozen=True)
class Batch:
    """What a grading produced."""

    run: RunDirectory
    grades: tuple[Grade, ...]
    """Those that count: of several attempts one."""
    course: Course
    lists: ClassLists = field(default_factory=ClassLists)
    delivery: Delivery | None = None
    """What was taken in; None when nothing was."""

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
    budgets: Budgets | None = None,
    python: str = "",
    data: Path | None = None,
    seed_shift: int = 0,
    secret: str | None = None,
    bindings: Mapping[str, Mapping[str, str]] | None = None,
    author: str = "",
    listener: Listener | None = None,
    form: Form | None = None,
    lists: ClassLists | None = None,
    cache: ExecutionCache | None = None,
) -> Batch:
    """Return the grades of all submissions in `source`, executing those that were not executed yet.

    Submissions with the same content are executed once, unless they draw random numbers without a seed. Nobody else
    can work on the run meanwhile.

    Parameters
    ----------
    limits : limits of every part, in place of the rubric's
    budgets : single limits of a part, over `limits` and the rubric's; those of the continued run stay
    python : interpreter of the executor's kernels; "" is the one that runs the grader
    data : folder of the data sets that the executor shows; None: as `datasets.data_directory` finds it
    form : what `source` is; None: its names tell
    lists : roster, groups, course rules; what is missing in them is taken from the continued run
    cache : executions that may be taken from other runs, and where new ones are kept

    Raises
    ------
    UsageError
        When there is nothing to grade, the run directory belongs to something else, or another process works
        on it.
    InternalError
        When the run directory cannot be written: what is finished is kept, and the same call continues.
    """
    listener = listener or Listener()
    require_source(source)
    run = RunDirectory(run_path)
    wanted = RunInfo(
        assignment=course.assignment.id,
        parts=tuple(part.part for part in course.rubric.parts),
        source=str(source),
        secret=secret or (cache.secret if cache is not None else new_secret()),
        limits=limits,
        budget=course.budget,
        stand_ins=course.stand_ins,
        budgets={part: dict(given) for part, given in (budgets or {}).items()},
        seed_shift=seed_shift,
        bindings={name: dict(paths) for name, paths in (bindings or {}).items()},
    )
    with run.locked():
        lists = (lists or ClassLists()).over(ClassLists.of(run))
        delivery = take_in(
            source,
            course.rubric.parts,
            run.intake,
            form=form,
            roster=lists.roster,
            groups=lists.groups,
            asked=[course.rubric.form_of(part).filename for part in course.rubric.parts],
        )
        submissions = that_may_count(delivery.submissions, lists.rules)
        _refuse_unknown(bindings or {}, course, {submission.id for submission in delivery.submissions})
        _require_data(course, submissions, data_directory(data))
        info = run.open(wanted)
        lists.keep(run)
        _keep_all(run, delivery)
        shown = identity(data_directory(data))
        course = with_data(course, run, data_directory(data))
        tasks = plan_tasks(run, info, course.rubric.parts, submissions, python, shown, course.goldens)
        if cache is not None:
            tasks = [cache.filled(task) for task in tasks]
        twins = twins_of((task.submission.id, task.digest) for task in tasks)
        with Scorers(Marking(run, info, course, twins, lists.rules), len(submissions)) as scorers:
            work = _Work(executor, listener, submissions, tasks, _Marks(scorers, listener), cache)
            found = work.carry_out(max(1, n_workers))
        grades = that_count(found, delivery.submissions, lists.rules)
        _tell_attempts(run, info, grades)
        finish(run, info, course, grades, author=author, why="graded")
    return Batch(run, grades, course, lists, delivery)


def _require_data(course: Course, submissions: Sequence[Submission], folder: Path) -> None:
    """Refuse to execute notebooks whose data set is not there: that would cost their authors marks."""
    if course.budget == "replay":
        return
    for part in course.rubric.parts:
        if not missing_for(folder, part.data):
            continue
        paths = [one.sources[part.part] for one in submissions if part.part in one.sources]
        codes = (_code(Path(path)) for path in paths) if part.own_data else (None for _ in paths)
        missing = sorted({name for code in codes for name in missing_for(folder, part.data, code)})
        if missing:
            raise UsageError(
                f"notebooks of part {part.part} need {' and '.join(missing)}, which {folder} does not hold; "
                f"{how_to_get(folder, missing)}"
            )


def with_data(course: Course, run: RunDirectory, folder: Path) -> Course:
    """Return the course with the truths of the data that this run shows; they are kept in it.

    A replay shows none: what was kept before holds, else the golden files.
    """
    truths = {}
    if course.budget != "replay":
        truths = {
            part.part: found
            for part in course.rubric.parts
            if not missing_sets(folder, part.data) and (found := truths_of(part, folder, of_data_alone=True))
        }
    if truths:
        path = run.path / DATA_TRUTHS
        document = {
            part: {key: value.model_dump(mode="json", exclude_none=True) for key, value in found.items()}
            for part, found in truths.items()
        }
        if read_json(path) != document:
            write_json(path, document)
    return course_of_run(course, run)


def course_of_run(course: Course, run: RunDirectory) -> Course:
    """Return the course with the truths of data that the run keeps; as it is where it keeps none."""
    kept = read_json(run.path / DATA_TRUTHS)
    if not isinstance(kept, dict):
        return course
    return course.with_truths(
        {
            part: {key: GoldenValue.model_validate(value) for key, value in found.items()}
            for part, found in kept.items()
        }
    )


def _code(path: Path) -> str:
    """Return the code of a notebook; "" of one that cannot be read, which needs no data."""
    try:
        return code_of(read_notebook(path))
    except UnreadableNotebook:
        return ""


def _keep_all(run: RunDirectory, delivery: Delivery) -> None:
    """Write what was taken in: which submissions there are, and each of them."""
    for submission in delivery.submissions:
        path = run.submission(submission.id) / "submission.json"
        if read_record(path, Submission) != submission:
            write_record(path, submission)
    ids = tuple(submission.id for submission in delivery.submissions)
    taken_in = IntakeRecord(form=delivery.form, submissions=ids, notes=tuple(delivery.notes))
    if read_record(run.taken_in, IntakeRecord) != taken_in:
        write_record(run.taken_in, taken_in)


class _Marks:
    """The scorings of one grading, on their way."""

    def __init__(self, scorers: Scorers, listener: Listener):
        self.n_scorers = scorers.n
        self.waiting: dict[Future[tuple[Grade, float]], Submission] = {}
        self.grades: dict[str, Grade] = {}
        self._scorers, self._listener = scorers, listener
        self._asked: set[str] = set()

    def ask(self, submission: Submission) -> None:
        """Have a submission marked, once."""
        if submission.id in self._asked:
            return
        self._asked.add(submission.id)
        self._listener.scoring(submission)
        future = self._scorers.score(submission)
        self.waiting[future] = submission
        if future.done():
            self.take(future)

    def take(self, future: Future[tuple[Grade, float]]) -> None:
        """Take a grade that is there."""
        submission = self.waiting.pop(future)
        self.grades[submission.id], seconds = self._scorers.result(submission, future)
        self._listener.scored(self.grades[submission.id], seconds)

    def of(self, submissions: Iterable[Submission]) -> tuple[Grade, ...]:
        """Return the grades of submissions in their order, when all of them are there."""
        while self.waiting:
            for future in wait(self.waiting, return_when=FIRST_COMPLETED).done:
                self.take(future)
        return tuple(self.grades[submission.id] for submission in submissions)


class _Work:
    """The executions of one grading, on their way, and what becomes of them."""

    def __init__(
        self,
        executor: Executor,
        listener: Listener,
        submissions: Sequence[Submission],
        tasks: Sequence[Task],
        marks: _Marks,
        cache: ExecutionCache | None,
    ):
        self._executor, self._listener, self._marks, self._cache = executor, listener, marks, cache
        self._submissions = submissions
        self._groups = {group[0].digest: group for group in groups_of(tasks)}
        self._n_open = {submission.id: 0 for submission in submissions}
        """How many parts of a submission are not executed yet."""
        for task in tasks:
            self._n_open[task.submission.id] += task.done is None

    def carry_out(self, n_workers: int) -> tuple[Grade, ...]:
        """Return the grades in the order of the submissions."""
        leaders = longest_first([task for group in self._groups.values() for task in _leaders(group)])
        if leaders:
            self._listener.behind(self._executor.describe())
        self._listener.begins(len(self._submissions), len(leaders))
        self._listener.planned(leaders, n_workers, self._marks.n_scorers)
        for group in self._groups.values():
            self._share_stored(group)
        for submission in self._submissions:
            if self._n_open[submission.id] == 0:
                self._marks.ask(submission)
        self._execute(leaders, n_workers)
        return self._marks.of(self._submissions)

    def _share_stored(self, group: Sequence[Task]) -> None:
        """Give what one of the group left at an earlier start to those that have nothing."""
        origin = _origin(group)
        others = [task for task in group if task.done is None]
        if (
            others
            and origin is not None
            and origin.done is not None
            and may_be_shared(origin.job.out, origin.done)
        ):
            self._share(origin, origin.done, others)

    def _execute(self, leaders: Sequence[Task], n_workers: int) -> None:
        pool = ThreadPoolExecutor(max_workers=n_workers)
        running: dict[Future[Any], Task] = {}
        cut: list[Task] = []
        try:
            for task in leaders:
                running[pool.submit(self._execute_one, task)] = task
            while running:
                done, _ = wait([*running, *self._marks.waiting], return_when=FIRST_COMPLETED)
                for future in done:
                    if future in self._marks.waiting:
                        self._marks.take(future)
                        continue
                    for task in self._take(running.pop(future), future):
                        running[pool.submit(self._execute_one, task)] = task
        except KeyboardInterrupt:
            # Their kernels are being killed: what they leave now says nothing about the notebooks.
            cut = [task for future, task in running.items() if not future.done()]
            self._executor.cancel()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            for task in cut:
                task.forget()

    def _execute_one(self, task: Task) -> ExecutionRecord:
        task.lay_out()
        self._listener.started(task.submission, task.job)
        try:
            return self._executor.execute(task.job)
        except OSError as error:
            raise InternalError(
                f"{error.filename or task.job.out} cannot be written ({error.strerror or error}); "
                "free some space and run the same command again"
            ) from error

    def _take(self, task: Task, future: Future[ExecutionRecord]) -> Sequence[Task]:
        """Take the result of one execution, for all that handed in the same; return those that need their own."""
        record = future.result()
        self._listener.executed(task.submission, task.job, record)
        self._settle(task.submission)
        if self._cache is not None:
            self._cache.keep(task, record)
        others = self._groups[task.digest][1:] if task is self._groups[task.digest][0] else []
        if not others or may_be_shared(task.job.out, record):
            self._share(task, record, others)
            return ()
        self._listener.further(others)
        return others

    def _share(self, origin: Task, record: ExecutionRecord, others: Iterable[Task]) -> None:
        for task in others:
            task.copy_from(origin, record)
            self._settle(task.submission)

    def _settle(self, submission: Submission) -> None:
        """Note that one more part of a submission is executed; score it when it was the last one."""
        self._n_open[submission.id] -= 1
        if self._n_open[submission.id] == 0:
            self._marks.ask(submission)


def _origin(group: Sequence[Task]) -> Task | None:
    """Return one of equal tasks that was executed at an earlier start."""
    return next((task for task in group if task.done is not None), None)


def _leaders(group: Sequence[Task]) -> Sequence[Task]:
    """Return which of equal tasks are executed first: one; none or all others where one was executed before."""
    origin = _origin(group)
    if origin is None or origin.done is None:
        return group[:1]
    others = [task for task in group if task.done is None]
    return () if not others or may_be_shared(origin.job.out, origin.done) else others


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
    run_path: Path,
    *,
    author: str = "",
    why: str = "",
    bindings: Iterable[tuple[str, str, str]] = (),
    listener: Listener | None = None,
    rules: CourseRules | None = None,
) -> tuple[Batch, tuple[str, ...]]:
    """Return the batch scored with the rubric as it is now, and what the edit changed; nothing is executed.

    Parameters
    ----------
    bindings : (submission, evidence key, path) that a person confirmed; kept in the run
    rules : of the course, in place of those that the run has; kept in it

    Raises
    ------
    UsageError, RubricError
        When the folder is no run, another process works on it, or the rubric is wrong: the stored marks stay
        as they are.
    """
    run = RunDirectory(run_path)
    info = run.info()
    course = Course.load(info.assignment, info.parts, info.budget, info.stand_ins)
    listener = listener or Listener()
    with run.locked():
        for confirmed in bindings:
            run.bind(*confirmed)
        info = run.info()
        course = course_of_run(course, run)
        changes = rubric_changes(run, course.rubric)
        lists = ClassLists.of(run).with_rules(rules)
        lists.keep(run)
        everything = stored_submissions(run)
        submissions = that_may_count(everything, lists.rules)
        listener.begins(len(submissions), 0)
        twins = stored_twins(run, info, submissions)
        with Scorers(Marking(run, info, course, twins, lists.rules), len(submissions)) as scorers:
            listener.planned((), 1, scorers.n)
            marks = _Marks(scorers, listener)
            for submission in submissions:
                marks.ask(submission)
            grades = marks.of(submissions)
        counted = that_count(grades, everything, lists.rules)
        _tell_attempts(run, info, counted)
        finish(run, info, course, counted, author=author, why=why or "rescored")
    return Batch(run, counted, course, lists), changes


def _tell_attempts(run: RunDirectory, info: RunInfo, grades: Iterable[Grade]) -> None:
    """Write those grades again that turned out to be one of several attempts."""
    for grade in grades:
        if grade.attempts:
            write_graded(run, info, grade)


def stored_submissions(run: RunDirectory) -> list[Submission]:
    """Return the submissions that were taken in last; in runs from before that was kept, all, in the order of ids."""
    taken_in = read_record(run.taken_in, IntakeRecord)
    if taken_in is not None:
        paths = [run.submission(one) / "submission.json" for one in taken_in.submissions]
    else:
        paths = sorted((run.path / "submissions").glob("*/submission.json"))
    found = (read_record(path, Submission) for path in paths)
    return [submission for submission in found if submission is not None]


def stored_twins(run: RunDirectory, info: RunInfo, submissions: Iterable[Submission]) -> Twins:
    """Return who handed in the same as whom, by the stored executions."""
    digests = []
    for submission in submissions:
        for part in submission.sources:
            path = run.part(submission.id, part, info.parts) / "execution.json"
            record = read_record(path, ExecutionRecord)
            if record is not None and record.input_digest:
                digests.append((submission.id, record.input_digest))
    return twins_of(digests)
