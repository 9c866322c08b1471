"""The executor of one machine: a worker process and a cold kernel for every notebook."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from autograder.execute import processes
from autograder.execute.kernel import INHERITED
from autograder.execute.protocol import GRACE_SECONDS, Job
from autograder.probes.container import ContainerError, copy_container, list_containers
from autograder.records import ExecutionRecord

MAX_SOCKET_PATH = 90
MAX_CONTAINER_OVERHEAD = 64 * 2**20
PACKAGE_ROOT = Path(__file__).parents[2]


class LocalExecutor:
    """Runs notebooks one after another or, called from several threads, side by side."""

    name = "local"

    def describe(self) -> str:
        """One sentence on how notebooks are run here."""
        if sys.platform == "linux":
            return "One cold kernel a notebook; no network where user namespaces are allowed; memory limited."
        return "One cold kernel a notebook; network and files are not fenced on this platform."

    def execute(self, job: Job) -> ExecutionRecord:
        """See :class:`autograder.execute.protocol.Executor`."""
        _clear(job.out)
        record, log = None, ""
        for attempt in (1, 2):
            with _scratch() as folder:
                scratch = Path(folder)
                log = _work(job, scratch)
                record = _record(scratch)
                _collect(job, scratch)
            if record is not None:
                record = record.model_copy(update={"attempts": attempt})
                break
        if record is None:
            detail = f"The worker ended twice without a result: {log[-600:]}"
            record = ExecutionRecord(
                state="not_executed",
                detail=detail,
                executor=self.name,
                attempts=2,
                input_digest=job.input_digest,
            )
        _write(job.out / "execution.json", record.model_dump_json(indent=1) + "\n")
        return record


def _work(job: Job, scratch: Path) -> str:
    """Runs the worker to its end or to the deadline; the end of its log."""
    for name in ("work", "home", "tmp", "seen"):
        (scratch / name).mkdir()
    for name, source in job.files.items():
        target = scratch / "work" / name
        if not target.resolve().is_relative_to((scratch / "work").resolve()):
            raise ValueError(f"Job.files: {name!r} lies outside the working folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    absolute = job.model_copy(update={"notebook": job.notebook.resolve(), "out": job.out.resolve()})
    (scratch / "job.json").write_text(absolute.model_dump_json())
    log = scratch / "worker.log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "autograder.execute.worker", str(scratch)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_environment(),
            start_new_session=True,
        )
    try:
        worker.wait(_deadline_seconds(job))
    except subprocess.TimeoutExpired:
        pass
    finally:
        if worker.poll() is None:  # a process id that was waited for may belong to someone else by now
            processes.kill_tree(worker.pid)
            worker.wait()
    with contextlib.suppress(OSError):  # the scratch folder may have been cleared away
        return log.read_text(errors="replace")
    return ""


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in (*INHERITED, "HOME", "TMPDIR") if name in os.environ}
    return kept | {"PYTHONPATH": str(PACKAGE_ROOT)}


def _deadline_seconds(job: Job) -> float:
    calls = sum(4 * len(challenge.cases) for challenge in job.plan.challenges)
    return job.limits.total_seconds + calls * job.limits.call_seconds + GRACE_SECONDS


def _record(scratch: Path) -> ExecutionRecord | None:
    """What the worker recorded, or None when it died before it could."""
    with contextlib.suppress(OSError, ValueError):
        return ExecutionRecord.model_validate_json((scratch / "record.json").read_text())
    return None


def _collect(job: Job, scratch: Path) -> None:
    """Moves the results to `job.out`; of the containers only plain files of a sane size."""
    executed = scratch / "executed.ipynb"
    shutil.copyfile(executed if executed.is_file() else job.notebook, job.out / "executed.ipynb")
    arrays = job.out / "arrays"
    arrays.mkdir(exist_ok=True)
    cells, calls = list_containers(scratch / "seen")
    left = int(job.limits.record_mib * 2**20) + MAX_CONTAINER_OVERHEAD
    for path in [*cells.values(), *calls]:
        with contextlib.suppress(ContainerError):
            left -= copy_container(path, arrays / path.name, left)


def _clear(out: Path) -> None:
    """Makes the folder, without the results of an earlier execution."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "execution.json").unlink(missing_ok=True)
    (out / "executed.ipynb").unlink(missing_ok=True)
    if (out / "arrays").is_dir():
        shutil.rmtree(out / "arrays")


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".part")
    partial.write_text(text)
    partial.replace(path)


def _scratch() -> tempfile.TemporaryDirectory[str]:
    """A private folder whose path is short enough for sockets."""
    root = tempfile.gettempdir()
    short = root if len(root) < MAX_SOCKET_PATH - 30 else "/tmp"
    return tempfile.TemporaryDirectory(prefix="autograder-", dir=short, ignore_cleanup_errors=True)
