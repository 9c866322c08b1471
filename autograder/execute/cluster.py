"""The executor of many machines: notebooks run on the workers of a Dask cluster, each behind its worker's fence.

The cluster is the department's: a scheduler and workers started by hand, by dask-jobqueue or by dask-kubernetes.
Only plain bytes travel. What comes back is facts and arrays, and is read here as what a kernel of this machine
leaves is read; nothing is marked on a worker.

Every job is given to one worker, chosen here: so it is known what runs where, what a worker was already sent, and
when one that is silent has to be given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from distributed import Client, Future, KilledWorker
from distributed.comm.core import CommClosedError

import autograder
from autograder.datasets import data_directory, shown_files
from autograder.environments import fingerprint
from autograder.errors import InternalError, UsageError
from autograder.execute import cluster_worker
from autograder.execute.cluster_worker import TOPIC, Answer, Facts, Order
from autograder.execute.local import CANCELLED, KERNELS
from autograder.execute.outcomes import (
    clear,
    deadline_seconds,
    finish,
    most_bytes,
    not_executed,
    refuse_outside,
)
from autograder.execute.protocol import Job, Options
from autograder.probes.container import is_container_name
from autograder.records import ExecutionRecord

N_ATTEMPTS = 3
"""Workers that a job may lose: the next try is on another one, while there is one."""
CONNECT_SECONDS = 20.0
POLL_SECONDS = 1.0
"""How often the scheduler is asked which workers there are."""
EXAMINE_SECONDS = 240.0
"""For a worker to say what it is: it starts a warm process for that."""
WAIT_SECONDS = 300.0
"""How long a job waits for a worker when none is left: one that was preempted may come back."""
GONE = (KilledWorker, CancelledError, asyncio.CancelledError, CommClosedError, OSError)


class _Lost(Exception):
    """A worker gave no result; with the reason."""


@dataclass
class _Worker:
    address: str
    n_threads: int
    asked: Future[Any] | None
    """The answer to what it is, while that is awaited."""
    host: str = ""
    fence: str = ""
    problem: str = ""
    n_running: int = 0
    kept: set[str] = field(default_factory=set)
    """Digests of what it was given."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_usable(self) -> bool:
        return self.asked is None and not self.problem


class DaskExecutor:
    """Runs notebooks on the workers of the cluster at `scheduler` (such as `tcp://10.0.0.1:8786`).

    Call :meth:`execute` from as many threads as there are workers' threads (:attr:`n_slots`).

    Raises
    ------
    UsageError
        Nobody answers at that address, or no worker there can run notebooks.
    """

    name = "dask"

    def __init__(self, scheduler: str, options: Options | None = None) -> None:
        self.options = options or Options()
        self.scheduler = scheduler
        self._grading = secrets.token_hex(8)
        self._changed = threading.Condition()
        self._workers: dict[str, _Worker] = {}
        self._asked_at = 0.0
        self._places: dict[Path, str] = {}
        self._started: dict[str, float] = {}
        self._is_cancelled = False
        folder = data_directory(self.options.data).resolve()
        self._data = {place: Path(path) for place, path in shown_files(folder).items()}
        self._digests = _Digests()
        logging.getLogger("distributed.client").setLevel(
            logging.ERROR
        )  # a lost scheduler is said by us, once
        try:
            self._client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise UsageError(
                f"no scheduler of a cluster answers at {scheduler} ({error or 'time is up'}); start one with "
                "`dask scheduler` and workers with `dask worker`, or check the address"
            ) from error
        self._client.subscribe_topic(TOPIC, self._note)

    def __enter__(self) -> DaskExecutor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the cluster; its workers go on for others."""
        with contextlib.suppress(*GONE, TimeoutError):
            self._client.close(timeout=CONNECT_SECONDS)

    def cancel(self) -> None:
        """See :class:`autograder.execute.protocol.Executor`."""
        self._is_cancelled = True
        with contextlib.suppress(*GONE, TimeoutError):
            self._client.run(cluster_worker.cancel, self._grading, on_error="ignore")

    def where(self, out: Path) -> str:
        """See :class:`autograder.execute.protocol.Executor`."""
        return self._places.get(out, "")

    @property
    def n_slots(self) -> int:
        """How many notebooks the workers that can be used run side by side; they are waited for."""
        self._survey()
        return sum(worker.n_threads for worker in self._workers.values() if worker.is_usable)

    def describe(self) -> str:
        """One sentence on the workers and their fences."""
        self._survey()
        usable = [worker for worker in self._workers.values() if worker.is_usable]
        refused = sorted(
            {f"{one.host or one.address}: {one.problem}" for one in self._workers.values() if one.problem}
        )
        hosts = {worker.host for worker in usable}
        told = (
            f"{len(usable)} worker{'s' * (len(usable) != 1)} on {len(hosts)} machine{'s' * (len(hosts) != 1)}"
        )
        fences = sorted({worker.fence for worker in usable})
        left_out = f" Not used: {'; '.join(refused)}." if refused else ""
        kernels = KERNELS["warm" if self.options.kernel == "auto" else self.options.kernel]
        return (
            f"Cluster {self.scheduler}: {told}. A kernel for each notebook, {kernels}; "
            f"fence: {' / '.join(fences)}.{left_out}"
        )

    def execute(self, job: Job) -> ExecutionRecord:
        """See :class:`autograder.execute.protocol.Executor`; the call waits while no worker is free."""
        refuse_outside(job)
        clear(job.out)
        record: ExecutionRecord | None = None
        why: list[str] = []
        tried: set[str] = set()
        tries = 0
        while record is None and len(why) < N_ATTEMPTS and (worker := self._acquire(tried)) is not None:
            self._places[job.out] = f"{worker.host} ({worker.address})"
            try:
                found = _unpack(self._ask(worker, job), job)
                tries += found.attempts
                tried.add(worker.address)
                if found.state == "not_executed" and self._has_other(tried):
                    raise _Lost(
                        f"{worker.address}: {found.detail}"
                    )  # what ails that machine may not ail another
                record = found.model_copy(update={"executor": self.name, "attempts": tries})
            except _Lost as error:
                why.append(str(error))
                tries += worker.address not in tried
                tried.add(worker.address)
                clear(job.out)
            finally:
                self._places.pop(job.out, None)
                self._release(worker)
        if record is None:
            detail = f"The cluster gave no result in {len(why)} tries ({'; '.join(why)})."
            record = not_executed(job, self.name, detail if why else CANCELLED, max(1, tries))
        return finish(job, record)

    # ---------------------------------------------------------------- a worker

    def _survey(self) -> None:
        """Wait until all workers have said what they are; UsageError when none of them can be used."""
        deadline = time.monotonic() + EXAMINE_SECONDS
        with self._changed:
            while True:
                self._look(at_once=True)
                if (
                    all(worker.asked is None for worker in self._workers.values())
                    or time.monotonic() > deadline
                ):
                    break
                self._changed.wait(POLL_SECONDS / 4)
            if any(worker.is_usable for worker in self._workers.values()):
                return
            reasons = "; ".join(
                f"{one.host or one.address}: {one.problem or 'does not answer'}"
                for one in self._workers.values()
            )
        raise UsageError(
            f"no worker of the cluster at {self.scheduler} can run notebooks ({reasons or 'there is none'}); "
            "start workers there with `dask worker`, from an environment with the same packages as this one"
        )

    def _look(self, at_once: bool = False) -> None:
        """Learn which workers there are; new ones are asked what they are. The lock is held."""
        now = time.monotonic()
        if now - self._asked_at < POLL_SECONDS and not at_once:
            return
        self._asked_at = now
        try:
            found: Mapping[str, int] = self._client.nthreads()
        except GONE as error:
            raise InternalError(
                f"the scheduler at {self.scheduler} does not answer any more ({error}); what is finished is kept: "
                "start the cluster again and give the same command"
            ) from error
        for address in self._workers.keys() - found.keys():
            del self._workers[address]
        for address, n_threads in found.items():
            if address not in self._workers:
                asked = self._submit(address, cluster_worker.examine, self._options)
                self._workers[address] = _Worker(address, n_threads, asked)
        for worker in self._workers.values():
            if worker.asked is not None and worker.asked.done():
                self._take_facts(worker, worker.asked)
                worker.asked = None

    def _take_facts(self, worker: _Worker, asked: Future[Any]) -> None:
        try:
            facts: Facts = asked.result(timeout=POLL_SECONDS)
        except Exception as error:  # whatever a worker without our package, or with another version, says
            worker.problem = f"it cannot be asked ({type(error).__name__}: {error})"[:300]
            return
        worker.host, worker.fence, worker.problem = facts.host, facts.fence, facts.problem
        if facts.version != autograder.__version__:
            worker.problem = f"it has version {facts.version} of the grader, not {autograder.__version__}"
        elif facts.fingerprint != fingerprint(self.options.python):
            worker.problem = "its packages differ from those here, so that results could differ"

    def _acquire(self, avoided: Iterable[str]) -> _Worker | None:
        """Return a worker with a free thread, one of those to be avoided only when there is no other; None when the
        grading was cancelled.
        """
        avoided = set(avoided)
        since = time.monotonic()
        with self._changed:
            while True:
                if self._is_cancelled:
                    return None
                self._look()
                usable = [worker for worker in self._workers.values() if worker.is_usable]
                others = [worker for worker in usable if worker.address not in avoided] or usable
                free = [worker for worker in others if worker.n_running < worker.n_threads]
                if free:
                    worker = min(free, key=lambda one: one.n_running / one.n_threads)
                    worker.n_running += 1
                    return worker
                if usable:
                    since = time.monotonic()
                elif time.monotonic() - since > WAIT_SECONDS:
                    break
                self._changed.wait(POLL_SECONDS)
        raise InternalError(
            f"no worker of the cluster at {self.scheduler} is left; what is finished is kept: start workers there "
            "and give the same command"
        )

    def _has_other(self, tried: Collection[str]) -> bool:
        with self._changed:
            return any(one.is_usable and one.address not in tried for one in self._workers.values())

    def _release(self, worker: _Worker) -> None:
        with self._changed:
            worker.n_running -= 1
            self._changed.notify_all()

    def _ask(self, worker: _Worker, job: Job) -> Answer:
        """Return what a job leaves on a worker."""
        data = {place: self._digests.of(path) for place, path in self._data.items()}
        files = {name: self._digests.of(path) for name, path in job.files.items()}
        contents = {data[place]: path for place, path in self._data.items()}
        contents |= {files[name]: path for name, path in job.files.items()}
        self._bring(worker, contents)
        key = f"autograder-{secrets.token_hex(8)}"
        order = Order(
            grading=self._grading,
            key=key,
            plan=job.plan.model_dump_json(),
            limits=job.limits.model_dump_json(),
            input_digest=job.input_digest,
            options=self._options,
            files=files,
            data=data,
        )
        try:
            future = self._submit(
                worker.address, cluster_worker.run, order, job.notebook.read_bytes(), key=key
            )
            answer: Answer = self._wait(worker, future, key, 2 * deadline_seconds(job))
            return answer
        finally:
            self._started.pop(key, None)

    def _bring(self, worker: _Worker, contents: Mapping[str, Path]) -> None:
        """Give a worker what it does not keep yet, once."""
        with worker.lock:
            if new := sorted(contents.keys() - worker.kept):
                asked = self._submit(worker.address, cluster_worker.missing, new)
                wanted = self._wait(worker, asked, "", EXAMINE_SECONDS)
                for digest in wanted:  # one by one: a data set need not be held twice
                    self._send(worker, contents[digest].read_bytes())
                worker.kept.update(new)

    def _send(self, worker: _Worker, content: bytes) -> None:
        try:
            (held,) = self._client.scatter([content], workers=[worker.address], hash=False)
        except (*GONE, TimeoutError) as error:
            raise _Lost(f"{worker.address} could not be sent its data: {error}") from error
        self._wait(worker, self._submit(worker.address, cluster_worker.keep, [held]), "", EXAMINE_SECONDS)

    def _submit(self, address: str, function: Any, *arguments: Any, key: str | None = None) -> Future[Any]:
        return self._client.submit(
            function, *arguments, workers=[address], allow_other_workers=False, pure=False, retries=0, key=key
        )

    def _wait(self, worker: _Worker, future: Future[Any], key: str, seconds: float) -> Any:
        """Return the result of a call; `_Lost` when the worker goes away, or is silent for too long once it began.

        A call without a key begins at once.
        """
        asked_at = time.monotonic()
        try:
            while True:
                done, value = self._poll(worker, future)
                if done:
                    return value
                began = asked_at if not key else self._started.get(key)
                if began is not None and time.monotonic() - began > seconds:
                    raise _Lost(f"{worker.address} was silent for {seconds:.0f} s")
                with self._changed:
                    self._look()
                    if worker.address not in self._workers:
                        raise _Lost(f"{worker.address} went away")
                if self._is_cancelled:
                    raise _Lost("the grading was cancelled")
        finally:
            with contextlib.suppress(*GONE, TimeoutError):
                future.cancel()

    def _poll(self, worker: _Worker, future: Future[Any]) -> tuple[bool, Any]:
        """Return whether a call has its result by now, and the result; whatever it failed by is the worker's fault."""
        try:
            return True, future.result(timeout=POLL_SECONDS)
        except TimeoutError:
            return False, None
        except UsageError as error:  # its fence does not work any more
            worker.problem = str(error)
            raise _Lost(f"{worker.address} refused: {error}") from error
        except Exception as error:
            told = f"{type(error).__name__} {error}"[:200]
            raise _Lost(f"{worker.address} gave no result: {told}") from error

    async def _note(self, event: tuple[float, Any]) -> None:
        """Note that a worker began a job of ours; the scheduler's clock may differ, so it counts from now."""
        _, said = event
        if isinstance(said, dict) and said.get("grading") == self._grading:
            self._started[str(said.get("key"))] = time.monotonic()

    @property
    def _options(self) -> str:
        return self.options.model_copy(update={"data": None}).model_dump_json()


class _Digests:
    """SHA-256 of files, asked once as long as their size and time stay."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], str] = {}

    def of(self, path: Path) -> str:
        facts = path.stat()
        key = (str(path), facts.st_size, facts.st_mtime_ns)
        if key not in self._known:
            with path.open("rb") as file:
                self._known[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self._known[key]


def _unpack(answer: Answer, job: Job) -> ExecutionRecord:
    """Write what a worker sent to `job.out`, with the same distrust as what a kernel here sends."""
    if len(answer.executed) + sum(map(len, answer.arrays.values())) > most_bytes(job):
        raise _Lost("a result that is larger than the limits allow")
    try:
        record = ExecutionRecord.model_validate_json(answer.record)
    except ValueError as error:
        raise _Lost(f"a record that is none: {error}"[:300]) from None
    arrays = job.out / "arrays"
    arrays.mkdir(exist_ok=True)
    for name, content in answer.arrays.items():
        if not is_container_name(name):
            raise _Lost("a file with a name that no container has")
        (arrays / name).write_bytes(content)
    (job.out / "executed.ipynb").write_bytes(answer.executed)
    return record
