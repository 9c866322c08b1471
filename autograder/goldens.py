"""Make the golden file of a part: exact truths, and replicates of the reference's own notebook.

The reference is a submission: its solution notebook goes through the same executor and the same probes as a
student's, once for each shift of its random streams.
"""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from autograder import __version__
from autograder.conventions import edited, keys_in_conventions
from autograder.datasets import data_directory, identity, shown_sets
from autograder.errors import InternalError, UsageError, nearest
from autograder.execute.protocol import Executor, Job, Plan
from autograder.golden import MARK, Golden, GoldenValue, Replicates
from autograder.jobs import job_digest
from autograder.probes.evidence import Evidence, gather
from autograder.probes.notebooks import read_cells
from autograder.probes.observations import read_observations
from autograder.records import ExecutionRecord
from autograder.registry import SUMMARIES, TRUTHS, Assignment
from autograder.rendering import solution_source, to_ipynb
from autograder.rubric.model import Budget, GoldenKind, PartSpec
from autograder.shortened import with_values
from autograder.store import read_record, write_json
from autograder.stored_answers import is_whole, stored_answers, why_not_whole

SHIFT_OF_REPLICATE = 7919
"""Replicate k runs with every seed raised by k times this."""


def make_golden(
    assignment: Assignment,
    part: PartSpec,
    executor: Executor,
    n_replicates: int,
    n_workers: int = 2,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    kind: GoldenKind = "full",
    data: Path | None = None,
    runs: Path | None = None,
    conventions: Collection[str] | None = None,
) -> Golden:
    """Return the golden values of a part, from one kind of runs.

    Parameters
    ----------
    data : folder of the data sets that the executor shows
    runs : where the runs of the reference are kept: those that are there already are not repeated
    conventions : only what these give of the ways that a sheet leaves open; None: everything

    Raises
    ------
    InternalError
        When a replicate of the reference does not run through.
    UsageError
        When the rubric or the reference knows no such convention.
    """
    budget: Budget = "full" if kind == "full" else "short"
    source = solution_source(assignment, part.part)
    shown = identity(data_directory(data)) if part.data else ""
    if not _has_numbers(part):
        n_replicates = 0
    named = keys_in_conventions(part, budget)
    wanted = {name: edited(assignment, part, name, source) for name in _known(named, conventions)}

    def samples_of(text: str, folder: Path) -> dict[str, GoldenValue]:
        solution = with_values(json.loads(to_ipynb(text)), part.values_of(budget))
        samples = replicate(part, solution, executor, n_replicates, n_workers, progress, folder, shown)
        return {key: _replicated(key, numbers, n_replicates) for key, numbers in samples.items()}

    values: dict[str, GoldenValue] = {}
    with _kept(runs) as folder:
        if conventions is None:
            values = truths_of(part, data_directory(data))
            for key, value in samples_of(source, folder).items():
                values[key] = (
                    values[key].model_copy(update={"replicates": value.replicates})
                    if key in values
                    else value
                )
        for name, text in wanted.items():
            own = folder / "conventions" / name
            own.mkdir(parents=True, exist_ok=True)
            given = samples_of(text, own)
            values |= {f"{key}{MARK}{name}": given[key] for key in sorted(named[name])}
        answers = stored_answers(part, source, executor, folder, shown) if conventions is None else {}
    made = datetime.now(UTC).isoformat(timespec="seconds")
    provenance = {
        "made": made,
        "engine": __version__,
        "reference_sha256": _sha256(source),
        "n_replicates": n_replicates,
        "conventions": {
            name: {"made": made, "reference_sha256": _sha256(text), "n_replicates": n_replicates}
            for name, text in wanted.items()
        },
        "seed_shift": SHIFT_OF_REPLICATE,
        "budget": budget,
        "values": {str(old): new for old, new in part.values_of(budget).items()},
        "data": shown_sets(data_directory(data)) if part.data else "none",
        "versions": {name: version(name) for name in ("numpy", "scipy", "torch")},
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }
    return Golden(
        assignment=assignment.id,
        part=part.part,
        provenance=provenance,
        values=dict(sorted(values.items())),
        answers=answers,
    )


def _has_numbers(part: PartSpec) -> bool:
    """Return whether runs of the reference give anything that is kept: a number, a table of them, a summary."""
    return bool(part.summaries) or any(spec.kind in ("number", "table") for spec in part.evidence.values())


def with_conventions(stored: Golden, made: Golden) -> Golden:
    """Return stored golden values with those of the conventions that were made again."""
    told = {
        **stored.provenance,
        "conventions": stored.provenance.get("conventions", {}) | made.provenance["conventions"],
    }
    values = dict(sorted((stored.values | made.values).items()))
    return stored.model_copy(update={"provenance": told, "values": values})


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _known(named: Mapping[str, object], conventions: Collection[str] | None) -> list[str]:
    """Return the conventions to run, in the order of the rubric; UsageError when it names one of them nowhere."""
    for name in conventions or ():
        if name not in named:
            raise UsageError(f"no check of this budget names the convention {name!r}{nearest(name, named)}")
    return [name for name in named if conventions is None or name in conventions]


def _replicated(key: str, numbers: Sequence[float], n: int) -> GoldenValue:
    if len(numbers) != n:
        raise InternalError(f"the reference gave {key!r} in {len(numbers)} of {n} replicates")
    sample = np.array(numbers)
    replicates = Replicates(
        n=len(sample),
        mean=float(sample.mean()),
        sd=float(sample.std(ddof=1)),
        minimum=float(sample.min()),
        maximum=float(sample.max()),
    )
    return GoldenValue(source="replicates of the reference", replicates=replicates)


def truths_of(
    part: PartSpec, data: Path | None = None, *, of_data_alone: bool = False
) -> dict[str, GoldenValue]:
    """Return the exact values of a part, by the engine's own formulas.

    Parameters
    ----------
    data : folder of the data sets; without it, truths of data are left out
    of_data_alone : whether the others are left out
    """
    values: dict[str, GoldenValue] = {}
    for key, spec in part.truths.items():
        truth = TRUTHS[spec.truth]
        params = truth.params.model_validate(spec.params)
        is_of_data = bool(getattr(params, "of_data", False))
        if (is_of_data and data is None) or (of_data_alone and not is_of_data):
            continue
        given = (params, data) if is_of_data else (params,)
        for suffix, value in truth.function(*given).items():
            values[f"{key}{suffix}"] = value
    return values


def is_of_data(part: PartSpec, key: str) -> bool:
    """Return whether a golden value is one of the data that notebooks are shown."""
    return any(
        key.startswith((f"{name}[", f"{name}.")) and getattr(TRUTHS[spec.truth].params, "of_data", False)
        for name, spec in part.truths.items()
    )


def replicate(
    part: PartSpec,
    solution: dict[str, Any],
    executor: Executor,
    n: int,
    n_workers: int,
    progress: Callable[[int, int], None],
    folder: Path,
    data: str,
) -> dict[str, list[float]]:
    """Return every number of each of `n` runs of the reference, by golden key.

    Parameters
    ----------
    solution : the reference's notebook
    folder : where the runs are kept: those that are there already are not repeated
    data : identity of the data sets that the executor shows

    Raises
    ------
    InternalError
        When a run does not go through.
    """
    samples: dict[str, list[float]] = defaultdict(list)
    notebook = folder / "solution.ipynb"
    write_json(notebook, solution)
    content = hashlib.sha256(notebook.read_bytes()).hexdigest()

    def run(index: int) -> Path:
        plan = Plan(seed_shift=SHIFT_OF_REPLICATE * (index + 1))
        job = Job(notebook=notebook, out=folder / f"{index:03d}", plan=plan, limits=part.limits)
        job = job.model_copy(update={"input_digest": job_digest(part.part, content, job, data=data)})
        stored = read_record(job.out / "execution.json", ExecutionRecord)
        if stored is None or stored.input_digest != job.input_digest or not is_whole(stored):
            executor.execute(job)
        return job.out

    with ThreadPoolExecutor(max_workers=n_workers) as pool:
        for done, out in enumerate(pool.map(run, range(n)), 1):
            record = read_record(out / "execution.json", ExecutionRecord)
            if record is None or not is_whole(record):
                raise InternalError(f"the reference's notebook did not run through ({why_not_whole(record)})")
            executed = json.loads((out / "executed.ipynb").read_text(encoding="utf-8"))
            cells = read_cells(executed, part.sections, record.cells)
            evidence = gather(part, cells, read_observations(out / "arrays"), record, {}, {})
            for key, value in numbers_of(part, evidence).items():
                samples[key].append(value)
            progress(done, n)
    return dict(samples)


@contextmanager
def _kept(runs: Path | None) -> Iterator[Path]:
    if runs is not None:
        yield runs
        return
    with tempfile.TemporaryDirectory(prefix="golden-") as folder:
        yield Path(folder)


def numbers_of(part: PartSpec, evidence: Evidence) -> dict[str, float]:
    """Return every number among the evidence, and every summary, under its golden key (`a4.rates[0.5]`)."""
    numbers: dict[str, float] = {}
    for key, spec in part.evidence.items():
        if not evidence.has(key):
            continue
        if spec.kind == "number":
            numbers[key] = evidence.number(key)
        elif spec.kind == "table" and not spec.shape:
            numbers |= {
                f"{key}[{k:g}]": float(value.reshape(-1)[0]) for k, value in evidence.table(key).items()
            }
    for key, summary in part.summaries.items():
        if not evidence.has(summary.of):
            continue
        statistic = SUMMARIES[summary.statistic].function
        if part.evidence[summary.of].kind == "table":
            numbers |= {f"{key}[{k:g}]": statistic(array) for k, array in evidence.table(summary.of).items()}
        else:
            numbers[key] = statistic(evidence.array(summary.of))
    return numbers
