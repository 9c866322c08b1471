"""What a worker of a Dask cluster does for a grading: it runs notebooks behind its own fence.

The functions are called through the cluster; plain bytes go in and come out. A worker keeps what it was given by
content (modules, data sets) in its own scratch folder, which Dask removes with the worker.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from distributed import get_worker

import autograder
from autograder.environments import fingerprint
from autograder.errors import AutograderError
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Job, Options, Plan
from autograder.records import Limits

TOPIC = "autograder"
"""Of the events that say which job a worker began."""

_lock = threading.Lock()
_executors: dict[str, LocalExecutor] = {}
_cancelled: set[str] = set()


@dataclass(frozen=True)
class Order:
    """A notebook to run, but for the bytes of it."""

    grading: str
    """Token of the grading that wants it."""
    key: str
    """Of this try of this job."""
    plan: str
    """JSON of the :class:`Plan`."""
    limits: str
    """JSON of the :class:`Limits`."""
    input_digest: str
    options: str
    """JSON of the :class:`Options`, without their data."""
    files: Mapping[str, str]
    """Name in the kernel's folder to the digest of what lies there."""
    data: Mapping[str, str]
    """Place below the folder of data sets to digest."""


@dataclass(frozen=True)
class Answer:
    """What a notebook left behind."""

    record: str
    """JSON of the :class:`ExecutionRecord`."""
    executed: bytes
    """The executed notebook."""
    arrays: Mapping[str, bytes]
    """Container name to content."""


@dataclass(frozen=True)
class Facts:
    """What a worker says of itself before it is given work."""

    host: str
    version: str
    """Of the grader."""
    fingerprint: str
    """Of the kernels' interpreter, see :func:`autograder.environments.fingerprint`."""
    fence: str
    """The level of its fence, and why that one."""
    problem: str
    """Why it can run nothing, or ""."""


def examine(options: str) -> Facts:
    """Return what this worker is; its fence is put up and taken down for that."""
    asked = Options.model_validate_json(options)
    kernel: Literal["stock", "cold"] = "stock" if asked.kernel == "stock" else "cold"
    fence, problem = "", ""
    try:
        with LocalExecutor(asked.model_copy(update={"kernel": kernel, "data": _data_folder({})})) as trial:
            choice = trial.choice()
            fence = f"{choice.level} ({choice.why})"
    except (AutograderError, OSError) as error:
        problem = str(error)
    return Facts(socket.gethostname(), autograder.__version__, fingerprint(asked.python), fence, problem)


def missing(digests: Sequence[str]) -> list[str]:
    """Return those of the digests whose content this worker does not keep yet."""
    return [digest for digest in digests if not (_blobs() / digest).is_file()]


def keep(contents: Sequence[bytes]) -> None:
    """Keep contents, each under its SHA-256; a file of that name is whole."""
    for content in contents:
        path = _blobs() / hashlib.sha256(content).hexdigest()
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)


def run(order: Order, notebook: bytes) -> Answer:
    """Return what running a notebook leaves; it returns for every notebook, see :class:`Executor`.

    Raises
    ------
    AutograderError
        This worker has no fence (and `--fence none` was not asked for).
    OSError
        Its disk is full, or it was not given what the order names.
    """
    executor = _executor(order.options, order.data)
    get_worker().log_event(TOPIC, {"grading": order.grading, "key": order.key})
    folder = Path(tempfile.mkdtemp(prefix="job-", dir=_scratch()))
    try:
        source, out = folder / "notebook.ipynb", folder / "out"
        source.write_bytes(notebook)
        if order.grading in _cancelled:
            raise OSError("the grading was cancelled")
        job = Job(
            notebook=source,
            out=out,
            plan=Plan.model_validate_json(order.plan),
            limits=Limits.model_validate_json(order.limits),
            files={name: _blobs() / digest for name, digest in order.files.items()},
            input_digest=order.input_digest,
        )
        record = executor.execute(job)
        if record.state == "not_executed" and order.grading not in _cancelled and executor.is_cancelled:
            raise OSError("the kernels of this worker were ended for another grading")
        arrays = {path.name: path.read_bytes() for path in (out / "arrays").iterdir()}
        return Answer(record.model_dump_json(), (out / "executed.ipynb").read_bytes(), arrays)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def cancel(grading: str) -> None:
    """End the kernels of a grading that nobody waits for any more. Other gradings share the process that they are forks of:
    their notebooks run again.
    """
    with _lock:
        _cancelled.add(grading)
        held = list(_executors.values())
        _executors.clear()
    for executor in held:
        executor.cancel()


def _scratch() -> Path:
    folder = Path(get_worker().local_directory) / "autograder"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _blobs() -> Path:
    folder = _scratch() / "by-content"
    folder.mkdir(exist_ok=True)
    return folder


def _executor(options: str, data: Mapping[str, str]) -> LocalExecutor:
    """Return this worker's executor with these options, which shows these data sets."""
    key = json.dumps([options, sorted(data.items())])
    with _lock:
        if key not in _executors:
            shown = Options.model_validate_json(options).model_copy(update={"data": _data_folder(data)})
            _executors[key] = LocalExecutor(shown)
        return _executors[key]


def _data_folder(data: Mapping[str, str]) -> Path:
    """Return a folder with the files of data sets at their places; they were kept before."""
    digest = hashlib.sha256(json.dumps(sorted(data.items())).encode()).hexdigest()
    folder = _scratch() / f"data-{digest[:16]}"
    for place, content in data.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            shutil.copyfile(_blobs() / content, path)
    folder.mkdir(exist_ok=True)
    return folder
