"""Try a rubric on every notebook under every seed, through the grading that students' notebooks go through.

    folder/notebooks/seed-000/   the trials of one seed
    folder/seed-000/             a run directory: one shift of all random streams, one secret
    folder/validation.json  validation.txt  validation.md

A run that was cut off continues where it stopped. With `rescore` nothing is executed: what is stored is
scored by the rubric as it is now.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from autograder import __version__, grading, marking
from autograder.courses import Course
from autograder.datasets import data_directory, has_stand_ins
from autograder.errors import UsageError
from autograder.execute.protocol import Executor
from autograder.grading import Listener
from autograder.intake.notebooks import parse_notebook
from autograder.records import ExecutionRecord, Grade, Submission
from autograder.rubric.model import Budget, PartSpec
from autograder.shortened import with_values
from autograder.store import RunDirectory, read_record, write_json, write_text
from autograder.validation.outcomes import Outcome, outcome_of, probing_checks, scalar_points, written_checks
from autograder.validation.signing import refuse_some
from autograder.validation.summary import Validation
from autograder.validation.tables import as_markdown, as_text
from autograder.validation.trials import SEEDED, Sample, Trial, collect_trials, sample_of, select

SHIFT_OF_SEED = 104_729
"""Seed k runs with every seed of the notebook raised by k times this: other streams than the goldens'
replicates (multiples of 7919), so that a band is not tried on the runs that it was made from."""


@dataclass(frozen=True)
class Progress:
    """How far a validation is, told after every outcome."""

    n_done: int
    n_total: int
    n_executed: int
    n_to_execute: int
    """As known so far."""
    seconds: float
    seconds_executing: float
    """Since the first execution began: what is stored from an earlier start says nothing about the pace."""
    outcome: Outcome

    @property
    def seconds_left(self) -> float | None:
        """What is left at the pace so far; None before anything can be told."""
        if self.n_executed and self.n_to_execute > self.n_executed:
            return self.seconds_executing / self.n_executed * (self.n_to_execute - self.n_executed)
        if self.n_executed == 0 and self.n_to_execute > 0:
            return None
        return self.seconds / self.n_done * (self.n_total - self.n_done)


Report = Callable[[Progress], None]


def validate(
    assignment: str,
    part: str,
    executor: Executor,
    folder: Path,
    *,
    n_seeds_styles: int = 25,
    n_seeds_mutants: int = 3,
    first_seed: int = 0,
    n_workers: int = 2,
    only: Collection[str] | None = None,
    sample: Sample | None = None,
    rescore: bool = False,
    signatures: bool = False,
    budget: Budget = "full",
    data: Path | None = None,
    progress: Report = lambda progress: None,
) -> Validation:
    """Return what the rubric of a part does to correct notebooks, to known mistakes and to special notebooks.

    Parameters
    ----------
    folder : where runs are kept; give the same folder to continue or to rescore
    n_seeds_styles : seeds for the solution and every correct style
    n_seeds_mutants : seeds for every mutant and special notebook
    first_seed : the first seed; seeds that no check was tuned on prove more
    only : words that choose among the notebooks (a kind, a name, an id, a pattern such as `mutant-acf*`)
    sample : a small selection with one seed, in place of all notebooks and seeds
    rescore : score what is stored, execute nothing; for edits of points, tolerances and checks. What the
        kernel was asked (the challenges) is as it was when the notebooks were executed.
    signatures : refuse at once what signatures of the known mistakes cannot be made of
    budget : how the notebooks are tried
    data : folder of the data sets that the executor shows

    Raises
    ------
    UsageError
        When the assignment, its reference or a named notebook is missing, `folder` holds something else, or
        signatures are wanted of some of the mistakes.
    RubricError
        When the rubric is wrong.
    """
    stand_ins = has_stand_ins(data_directory(data))
    course = Course.load(assignment, [part], budget, stand_ins)
    spec = course.rubric.part(part)
    trials = collect_trials(course.assignment, spec)
    n_mutants = sum(trial.kind == "mutant" for trial in trials)
    if sample is not None:
        trials, n_seeds_styles, n_seeds_mutants = sample_of(trials, sample), 1, 1
    if only is not None:
        trials = select(trials, only)
    if signatures:
        refuse_some(part, sum(trial.kind == "mutant" for trial in trials), n_mutants)
    if min(n_seeds_styles, n_seeds_mutants, n_workers) < 1 or first_seed < 0:
        raise UsageError("the numbers of seeds and workers must be at least 1, the first seed at least 0")
    rounds = [
        (first_seed + k, chosen)
        for k in range(max(n_seeds_styles, n_seeds_mutants))
        if (chosen := [t for t in trials if k < (n_seeds_styles if t.kind in SEEDED else n_seeds_mutants)])
    ]
    outcomes: list[Outcome] = []
    missing: list[str] = []

    def summary() -> Validation:
        return Validation(
            assignment=assignment,
            part=part,
            engine=__version__,
            rubric_sha256=course.rubric.sha256,
            first_seed=first_seed,
            budget=budget,
            n_mutants=n_mutants,
            trials=tuple(trials),
            outcomes=tuple(outcomes),
            automatic_checks=tuple(
                c.id for _, c in spec.checks() if c.id not in written_checks(spec) and budget in c.budgets
            ),
            scalar_points=scalar_points(spec),
            probing_checks=tuple(sorted(probing_checks(spec))),
            missing=tuple(missing),
        )

    if rescore:
        found, missing = _stored(folder, rounds, spec, budget)
        outcomes += _rescore(found, assignment, part, (budget, stand_ins), n_workers, progress)
        save(folder, summary())
        return summary()
    to_execute = sum(not _is_executed(folder, seed, trial) for seed, chosen in rounds for trial in chosen)
    hearer = _Hearer(spec, budget, sum(len(chosen) for _, chosen in rounds), to_execute, progress)
    for seed, chosen in rounds:
        hearer.turn_to(seed, chosen)
        source = folder / "notebooks" / f"seed-{seed:03d}"
        _lay_out(source, chosen)
        grading.grade(
            source,
            course,
            _run_folder(folder, seed),
            executor,
            n_workers=n_workers,
            data=data,
            seed_shift=SHIFT_OF_SEED * seed,
            secret=f"validation-{seed}",
            author="validate",
            listener=hearer,
        )
        outcomes += hearer.outcomes_in_order()
        save(folder, summary())
    return summary()


def save(folder: Path, validation: Validation) -> None:
    """Write `validation.json`, `validation.txt` and `validation.md`."""
    write_json(folder / "validation.json", validation.to_json())
    write_text(folder / "validation.txt", as_text(validation))
    write_text(folder / "validation.md", as_markdown(validation))


# ------------------------------------------------------------------- executing


class _Hearer(Listener):
    """Turns the grades of a run into outcomes and tells how far it is."""

    def __init__(self, part: PartSpec, budget: Budget, n_total: int, n_to_execute: int, progress: Report):
        self._budget = budget
        self._part, self._n_total, self._n_to_execute, self._progress = part, n_total, n_to_execute, progress
        self._n_done = self._n_executed = 0
        self._began = self._began_executing = time.monotonic()
        self._seed = 0
        self._trials: dict[str, Trial] = {}
        self._outcomes: dict[str, Outcome] = {}

    def turn_to(self, seed: int, trials: Sequence[Trial]) -> None:
        """Begin the run of another seed."""
        self._seed, self._trials, self._outcomes = seed, {trial.id: trial for trial in trials}, {}

    def outcomes_in_order(self) -> list[Outcome]:
        """Return the outcomes of this seed in the order of its trials."""
        return [self._outcomes[name] for name in self._trials]

    def executed(self, submission: Submission, record: ExecutionRecord) -> None:
        """A notebook was executed."""
        self._n_executed += 1

    def scored(self, grade: Grade) -> None:
        """A trial was scored."""
        trial = self._trials[grade.submission.id]
        outcome = outcome_of(trial, self._seed, grade, self._part, self._budget)
        self._outcomes[trial.id] = outcome
        self._n_done += 1
        now = time.monotonic()
        if self._n_executed == 0:
            self._began_executing = now
        self._progress(
            Progress(
                n_done=self._n_done,
                n_total=self._n_total,
                n_executed=self._n_executed,
                n_to_execute=max(self._n_to_execute, self._n_executed),
                seconds=now - self._began,
                seconds_executing=now - self._began_executing,
                outcome=outcome,
            )
        )


def _run_folder(folder: Path, seed: int) -> Path:
    return folder / f"seed-{seed:03d}"


def _is_executed(folder: Path, seed: int, trial: Trial) -> bool:
    stored = RunDirectory(_run_folder(folder, seed)).submission(trial.id)
    record = read_record(stored / "execution.json", ExecutionRecord)
    return record is not None and record.state != "not_executed"


def _lay_out(source: Path, trials: Iterable[Trial]) -> None:
    """Make `source` hold the notebooks of `trials` and no others."""
    wanted = {f"{trial.id}.ipynb": trial.notebook for trial in trials}
    for path in source.glob("*.ipynb"):
        if path.name not in wanted:
            path.unlink()
    for name, notebook in wanted.items():
        write_text(source / name, notebook)


# ------------------------------------------------------------------- rescoring


def _stored(
    folder: Path, rounds: Iterable[tuple[int, Sequence[Trial]]], part: PartSpec, budget: Budget
) -> tuple[list[tuple[int, Trial, Path]], list[str]]:
    """Return the trials whose execution is stored, and the names of those whose is not."""
    values = part.values_of(budget)
    found: list[tuple[int, Trial, Path]] = []
    missing: list[str] = []
    for seed, trials in rounds:
        for trial in trials:
            run_folder = _run_folder(folder, seed)
            stored = RunDirectory(run_folder).submission(trial.id)
            if _is_executed(folder, seed, trial) and _same_notebook(stored / "input.ipynb", trial, values):
                found.append((seed, trial, run_folder))
            else:
                missing.append(f"{trial.id} (seed {seed})")
    return found, missing


def _same_notebook(path: Path, trial: Trial, values: Mapping[int, int]) -> bool:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(stored == with_values(parse_notebook(trial.notebook.encode(), trial.id), values))


def _rescore(
    stored: Sequence[tuple[int, Trial, Path]],
    assignment: str,
    part: str,
    tried: tuple[Budget, bool],
    n_workers: int,
    progress: Report,
) -> list[Outcome]:
    """Return the outcomes of stored executions; several processes, since scoring is all computation."""
    outcomes: list[Outcome] = []
    began = time.monotonic()
    # spawned, not forked: the caller may have threads (a progress bar)
    pool = ProcessPoolExecutor(
        max(1, min(n_workers, len(stored))), mp_context=multiprocessing.get_context("spawn")
    )
    with pool:
        futures = [
            pool.submit(_score_stored, assignment, part, tried, seed, trial, path)
            for seed, trial, path in stored
        ]
        try:
            for future in futures:
                outcomes.append(future.result())
                progress(
                    Progress(len(outcomes), len(stored), 0, 0, time.monotonic() - began, 0.0, outcomes[-1])
                )
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return outcomes


def _score_stored(
    assignment: str, part: str, tried: tuple[Budget, bool], seed: int, trial: Trial, run_folder: Path
) -> Outcome:
    run = RunDirectory(run_folder)
    course = grading.course_of_run(_course(assignment, part, *tried), run)
    submission = read_record(run.submission(trial.id) / "submission.json", Submission)
    if submission is None:
        raise UsageError(
            f"{run.submission(trial.id)} is damaged; remove it and run the validation without rescoring"
        )
    grade = marking.score_submission(run, run.info(), course, submission)
    return outcome_of(trial, seed, grade, course.rubric.part(part), course.budget)


@cache
def _course(assignment: str, part: str, budget: Budget, stand_ins: bool) -> Course:
    return Course.load(assignment, [part], budget, stand_ins)
