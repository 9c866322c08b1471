"""What every executor does around a notebook: the folder of its results, and how long it may take."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from autograder.execute.driver import MAX_CONTAINER_OVERHEAD, MIB
from autograder.execute.protocol import GRACE_SECONDS, Job
from autograder.records import ExecutionRecord
from autograder.store import sync_folder, write_record

MAX_EXECUTED_BYTES = 256 * MIB


def refuse_outside(job: Job) -> None:
    """Raise ValueError for a helper file that would lie outside the working folder."""
    for name in job.files:
        path = Path(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"Job.files: {name!r} lies outside the working folder")


def deadline_seconds(job: Job) -> float:
    """How long one try of a job may take, from its start to its record."""
    calls = sum(4 * len(challenge.cases) for challenge in job.plan.challenges)
    return job.limits.total_seconds + calls * job.limits.call_seconds + GRACE_SECONDS


def most_bytes(job: Job) -> int:
    """How much a notebook may leave: arrays and the executed notebook."""
    return int(job.limits.record_mib * MIB) + MAX_CONTAINER_OVERHEAD + MAX_EXECUTED_BYTES


def clear(out: Path) -> None:
    """Make the folder, without the results of an earlier execution."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "execution.json").unlink(missing_ok=True)
    (out / "executed.ipynb").unlink(missing_ok=True)
    if (out / "arrays").is_dir():
        shutil.rmtree(out / "arrays")


def not_executed(job: Job, executor: str, detail: str, attempts: int) -> ExecutionRecord:
    """The record of a notebook that a fault of ours kept from running: it waits, and costs no mark."""
    return ExecutionRecord(
        state="not_executed",
        detail=detail,
        executor=executor,
        attempts=attempts,
        input_digest=job.input_digest,
        limits=job.limits,
    )


def finish(job: Job, record: ExecutionRecord) -> ExecutionRecord:
    """Complete the results and have them written to the disk, before the record says that they are there."""
    if not (job.out / "executed.ipynb").exists():
        shutil.copyfile(job.notebook, job.out / "executed.ipynb")
    arrays = job.out / "arrays"
    arrays.mkdir(exist_ok=True)
    for path in [job.out / "executed.ipynb", *arrays.iterdir()]:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    sync_folder(arrays)
    write_record(job.out / "execution.json", record)
    return record
