"""What there is to execute: one task for each notebook, and which of them are the same.

Two tasks with equal digests (the same content, helper files, plan, limits and environment) give the same result.
They are executed once, and so is a task that was executed before.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from autograder.environments import fingerprint
from autograder.execute.protocol import Job, Plan
from autograder.golden import Golden
from autograder.intake import UnreadableNotebook, read_notebook
from autograder.probes.challenges import draw_cases, stored_cases
from autograder.records import CellError, CellRecord, ExecutionRecord, Submission
from autograder.rubric.model import PartSpec
from autograder.shortened import with_values
from autograder.store import (
    RunDirectory,
    RunInfo,
    copy_file,
    read_json,
    read_record,
    sync_folder,
    write_json,
    write_record,
    writing,
)

Cases = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Task:
    """One notebook of one submission, ready to be executed."""

    submission: Submission
    part: str
    job: Job
    notebook: dict[str, Any]
    cases: Cases
    done: ExecutionRecord | None
    """What is stored of exactly this task; None when it has to be executed."""
    seconds_before: float | None
    """How long the same content took before, under other limits or in another environment."""

    @property
    def digest(self) -> str:
        """Equal for tasks with equal outcomes."""
        return self.job.input_digest

    def lay_out(self) -> None:
        """Write what the execution reads; from here on there is no finished execution in the folder."""
        with writing(self.job.out):
            (self.job.out / "execution.json").unlink(missing_ok=True)
        write_json(self.job.out / "cases.json", self.cases)
        write_json(self.job.notebook, self.notebook)

    def forget(self) -> None:
        """Take back an execution that was cut off; an earlier one that is still there stays."""
        path = self.job.out / "execution.json"
        record = read_record(path, ExecutionRecord)
        if record is not None and record.input_digest == self.digest:
            with contextlib.suppress(OSError):
                path.unlink()

    def copy_from(self, other: Task, record: ExecutionRecord) -> ExecutionRecord:
        """Return the record of `other`'s execution as this task's own, with its results; the record comes last.

        An execution that failed through a fault of ours is not handed on as done: its record says so here too.
        """
        self.lay_out()
        record = record.model_copy(
            update={"same_as": other.submission.id, "kernel_stored": kernel_name(self.notebook)}
        )
        if record.state != "not_executed":
            with writing(self.job.out):
                _copy_results(other.job.out, self.job.out)
        write_record(self.job.out / "execution.json", record)
        return record


def _copy_results(source: Path, target: Path) -> None:
    """Copy the executed notebook and the arrays, plain files only, and have them written to the disk."""
    shutil.rmtree(target / "arrays", ignore_errors=True)
    (target / "arrays").mkdir(exist_ok=True)
    (target / "executed.ipynb").unlink(missing_ok=True)
    for path in [source / "executed.ipynb", *sorted((source / "arrays").glob("*"))]:
        if path.is_file() and not path.is_symlink():
            copy_file(path, target / path.relative_to(source))
    sync_folder(target / "arrays")
    sync_folder(target)


def kernel_name(notebook: Mapping[str, Any]) -> str:
    """Return the name of the kernel that a normalised notebook asks for."""
    name = notebook.get("metadata", {}).get("kernelspec", {}).get("name", "")
    return str(name)[:100]


# -------------------------------------------------------------------- planning


def plan_tasks(
    run: RunDirectory,
    info: RunInfo,
    parts: Iterable[PartSpec],
    submissions: Iterable[Submission],
    python: str = "",
    data: str = "",
    goldens: Mapping[str, Golden] = MappingProxyType({}),
) -> list[Task]:
    """Return a task for every notebook that can be read; for the others, their record is written.

    Parameters
    ----------
    goldens : part to its golden values, which hold the inputs of challenges that are stored
    python : interpreter of the kernels; "" is the one that runs the grader
    data : identity of the data sets that kernels are shown; "": none
    """
    parts = tuple(parts)
    found = (
        _task(run, info, one, part, python, data, goldens.get(part.part, Golden()))
        for one in submissions
        for part in parts
    )
    return [task for task in found if task is not None]


def _task(
    run: RunDirectory,
    info: RunInfo,
    submission: Submission,
    part: PartSpec,
    python: str,
    data: str,
    golden: Golden,
) -> Task | None:
    if submission.problem is not None or part.part not in submission.sources:
        return None
    folder = run.part(submission.id, part.part, info.parts)
    source = Path(submission.sources[part.part])
    try:
        notebook = read_notebook(source)
    except UnreadableNotebook as error:
        write_record(folder / "execution.json", ExecutionRecord(state="unreadable", detail=str(error)))
        return None
    helpers = _helpers_of(submission, part.part, source, info)
    content = content_digest(notebook, helpers)
    if info.budget == "replay":
        _take_stored(folder, source, notebook, content)
        return None
    cases = {
        key: stored_cases(spec, golden.answers_to(key).secret, key)
        if spec.stored
        else draw_cases(spec, info.secret, content, key)
        for key, spec in part.challenges.items()
    }
    if values := part.values_of(info.budget):
        notebook = with_values(notebook, values)
        content = content_digest(notebook, helpers)
    job = Job(
        notebook=folder / "input.ipynb",
        out=folder,
        plan=make_plan(part, cases, info.bindings_of(submission), info.seed_shift),
        limits=info.limits_of(part.part, part.limits),
        files=helpers,
    )
    job = job.model_copy(update={"input_digest": job_digest(part.part, content, job, python, data)})
    stored = read_record(folder / "execution.json", ExecutionRecord)
    is_same = read_json(job.notebook) == notebook
    before = stored.seconds if stored is not None and is_same and stored.seconds else None
    if stored is None or stored.input_digest != job.input_digest or stored.state == "not_executed":
        return Task(submission, part.part, job, notebook, cases, None, before)
    if not is_same:  # in something that does not count, such as the name of its kernel
        write_json(job.notebook, notebook)
    return Task(submission, part.part, job, notebook, cases, stored, before)


def _take_stored(folder: Path, source: Path, notebook: dict[str, Any], content: str) -> None:
    """Take a notebook as it was handed in, with the outputs that it holds, for an execution of it."""
    kept = read_notebook(source, keep_outputs=True)
    record = stored_record(kept, content)
    write_json(folder / "input.ipynb", notebook)
    write_json(folder / "executed.ipynb", kept)
    if read_record(folder / "execution.json", ExecutionRecord) != record:
        write_record(folder / "execution.json", record)


def stored_record(notebook: Mapping[str, Any], digest: str) -> ExecutionRecord:
    """Return what the outputs that a notebook holds say of the execution they came from.

    A cell that was never run, by its number, counts as not run; one whose outputs hold an error, as failed.
    """
    cells = []
    for index, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        found = next((one for one in cell["outputs"] if one.get("output_type") == "error"), None)
        if found is not None:
            about = {key: str(found.get(key, ""))[:2000] for key in ("ename", "evalue")}
            error = CellError(name=about["ename"], message=about["evalue"])
            cells.append(CellRecord(index=index, status="error", error=error))
        elif cell["execution_count"] is None and not cell["outputs"] and cell["source"].strip():
            cells.append(CellRecord(index=index, status="not_run"))
        else:
            cells.append(CellRecord(index=index, status="ok"))
    return ExecutionRecord(
        state="complete",
        detail="Nothing was executed: the outputs are those that were handed in.",
        cells=tuple(cells),
        executor="replay",
        fence="nothing was executed",
        input_digest=digest,
    )


def _helpers_of(submission: Submission, part: str, source: Path, info: RunInfo) -> dict[str, Path]:
    if part in submission.helpers:
        return {name: Path(path) for name, path in submission.helpers[part].items()}
    return {} if submission.shares_folder else helper_files(source, info)


def helper_files(source: Path, info: RunInfo) -> dict[str, Path]:
    """Return the modules beside a notebook, by name: it may import them."""
    if source.parent == Path(info.source):
        return {}  # a file per student: what lies beside it belongs to somebody else
    return {
        path.name: path
        for path in sorted(source.parent.glob("*.py"))
        if path.is_file() and not path.is_symlink() and path.name.isprintable()  # no bytes outside UTF-8
    }


def content_digest(notebook: Mapping[str, Any], helpers: Mapping[str, Path]) -> str:
    """Return the digest of what a student wrote: the cells' kinds and sources, and the helper files.

    Stored outputs do not count: they are cleared when a notebook is read, and nothing looks at them. Nor do
    metadata, such as the name of the kernel on the student's machine.
    """
    cells = [[cell["cell_type"], cell["source"]] for cell in notebook["cells"]]
    return _digest([cells, {name: _file_digest(path) for name, path in sorted(helpers.items())}])


def _file_digest(path: Path) -> str:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return ""


def job_digest(part: str, content: str, job: Job, python: str = "", data: str = "") -> str:
    """Return the digest of all that decides what an execution gives.

    The fence and the way a kernel is started do not belong to it: they decide what a notebook may do, not
    what it computes.
    """
    plan = job.plan.model_dump(mode="json")
    shown = [data] if data else []  # without data sets the digest is that of versions that knew none
    return _digest([part, content, plan, job.limits.model_dump(), fingerprint(python), *shown])


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


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


# -------------------------------------------------------------------- the same


def groups_of(tasks: Iterable[Task]) -> list[list[Task]]:
    """Return the tasks that need one execution together, each group in the order given."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.digest, []).append(task)
    return list(groups.values())


def longest_first(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks in the order of execution: the longest first, so that none of them ends long after the rest.

    One whose duration is not known counts as the mean of those that are; without any, the order stays.
    """
    known = [task.seconds_before for task in tasks if task.seconds_before is not None]
    mean = sum(known) / len(known) if known else 0.0
    return sorted(tasks, key=lambda task: -(mean if task.seconds_before is None else task.seconds_before))


Twins = Mapping[str, Sequence[str]]
"""Submission id to the ids of the others that handed in the same."""


def twins_of(digests: Iterable[tuple[str, str]]) -> Twins:
    """Return who handed in the same as whom, from pairs of submission id and digest.

    >>> twins_of([("ada", "1"), ("bo", "2"), ("cy", "1"), ("ada", "3"), ("bo", "3")])
    {'ada': ['cy', 'bo'], 'cy': ['ada'], 'bo': ['ada']}
    """
    groups: dict[str, list[str]] = {}
    for submission, digest in digests:
        groups.setdefault(digest, []).append(submission)
    twins: dict[str, list[str]] = {}
    for group in groups.values():
        for one in group:
            others = [other for other in group if other not in (one, *twins.get(one, ()))]
            if others:
                twins.setdefault(one, []).extend(others)
    return twins
