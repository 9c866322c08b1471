"""Drives kernels through notebooks, one after another, behind the slot's fence.

A driver reads what kernels say, so it has no rights, no files of the machine and no secret, and every notebook
is run by a fork of it that ends afterwards. It is asked and answers in frames (:mod:`autograder.execute.framing`):

    job: the plan, limits and names of helper files; the notebook and the helpers as blobs
    file: one recorded container            done: the record and the executed notebook
    starved: it has to be run once more     lost: so it has, by another worker
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import json
import os
import re
import shutil
import socket
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any, Literal

import nbformat

from autograder.execute import framing
from autograder.execute.fence import observing
from autograder.execute.kernel import N_PROCESSES, STARVED_SHARE, Kernel, KernelStartError, Outcome, Setup
from autograder.execute.outputs import Outputs
from autograder.execute.protocol import Plan
from autograder.execute.provisioners import Supervisor
from autograder.kernel_side import MODULES
from autograder.probes.container import list_containers
from autograder.records import CellError, CellRecord, ExecutionRecord, Limits, Record

OBSERVE_SECONDS = 20.0
MAX_FUNCTIONS = 4
"""How many functions of a notebook one case is put to, where none has an accepted name."""
SECOND_FORM_FACTOR, SECOND_FORM_SECONDS = 4.0, 1.5
MAX_TRACEBACK = 4000
MAX_CONTAINER_OVERHEAD = 64 * 2**20
MIB = 2**20
SHARED_MIB = 512
BASE_MIB = 256
"""Memory beside the student's own that a control group counts: the kernel itself and files in memory."""
KERNEL_SIDE = Path(__file__).parents[1] / "kernel_side"
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
CALL = '__import__("sys").modules["_notebook_observer"].observer.'

State = Literal[
    "complete", "cell_limit", "total_limit", "memory_limit", "disk_limit", "kernel_died", "unreadable"
]


class Task(Record):
    """What of a :class:`autograder.execute.protocol.Job` crosses the fence, beside the files themselves."""

    plan: Plan
    limits: Limits
    input_digest: str
    files: tuple[str, ...] = ()
    """Names of the helper files, in the order of their blobs."""
    python: str
    kernel: Literal["warm", "cold", "stock"]
    environment: dict[str, str]
    executor: str
    level: str
    """Level of the fence, for the record."""
    is_last: bool = False
    """Nothing is tried again after this."""
    is_patient: bool = True
    """As in :class:`autograder.execute.protocol.Options`."""


class KernelKilledError(RuntimeError):
    """Somebody killed the kernel, and it may not have been the notebook: what it computed is not all it can."""


class KernelStarvedError(RuntimeError):
    """A limit of time was met with little of the processor used: another try tells the machine from the notebook."""


class Run:
    """One notebook on its way through one kernel."""

    def __init__(self, job: Task, notebook: bytes, setup: Setup) -> None:
        self.job = job
        self.folders = setup.folders
        self.notebook = read_notebook(notebook)
        self.kernel = Kernel(setup, job.limits)
        self.outputs = Outputs(self.notebook, int(job.limits.output_mib * MIB))
        self.state: State = "complete"
        self.detail = ""

    def execute(self) -> ExecutionRecord:
        """The record of running every cell, observing after each, and putting the challenges."""
        started = time.monotonic()
        try:
            self.kernel.start()
            self._load_observer()
            limit = self.job.limits.output_mib + 1  # beyond our own cap, which then says that it cut
            self.kernel.run(f"{CALL}limit_streams({limit!r})", OBSERVE_SECONDS, silent=True)
            cells = self._cells()
            self._challenges()
            self._refuse_killed()
        finally:
            self.kernel.close()
        self._refuse_starved()
        return ExecutionRecord(
            state=self.state,
            detail=self.detail or "Every cell was run.",
            cells=tuple(cells),
            seconds=round(time.monotonic() - started, 3),
            executor=self.job.executor,
            fence=fence_in_words(self.job, self.kernel.setup.supervisor),
            fence_level=self.job.level,
            kernel=self.job.kernel,
            kernel_cpu_seconds=round(self.kernel.cpu_seconds, 3),
            kernel_stored=stored_kernel(self.notebook),
            output_cut=self.outputs.cut,
            limits=self.job.limits,
            input_digest=self.job.input_digest,
        )

    def _refuse_killed(self) -> None:
        """KernelKilledError when SIGKILL ended the kernel, and it was not ours.

        No process can send it to the first one of its own process space: there it came from outside, as it does when
        the machine runs out of memory. At the other levels a notebook can, but not if another try goes well.
        """
        if self.kernel.was_killed and (self.job.level == "namespaces" or not self.job.is_last):
            raise KernelKilledError("the kernel was killed from outside; is the machine short of memory?")

    def _refuse_starved(self) -> None:
        """KernelStarvedError when the machine may have kept the notebook waiting until a limit of time, and there is another
        try. One that waits of its own will meets the limit again, and that counts.
        """
        all_of_it = STARVED_SHARE * self.job.limits.total_seconds
        is_slow = self.state == "total_limit" and 0.0 < self.kernel.cpu_seconds < all_of_it
        if (self.kernel.was_starved or is_slow) and self.job.is_patient and not self.job.is_last:
            raise KernelStarvedError("a limit of time was met with little of the processor used")

    def _cells(self) -> list[CellRecord]:
        records: list[CellRecord] = []
        deadline = time.monotonic() + self.job.limits.total_seconds
        for index, cell in enumerate(self.notebook.cells):
            if cell.cell_type != "code":
                continue
            cell.outputs, cell.execution_count = [], None
            if not self.kernel.alive or self.state == "total_limit":
                records.append(CellRecord(index=index, status="not_run"))
            elif not cell.source.strip():
                records.append(CellRecord(index=index, status="ok"))
            else:
                records.append(self._cell(index, cell, deadline))
                self._observe(index)
        return records

    def _cell(self, index: int, cell: Any, deadline: float) -> CellRecord:
        """Runs one cell and notes what became of it."""
        limits = self.job.limits
        left = deadline - time.monotonic()
        allowed = max(min(limits.cell_seconds, left), 0.001)
        self.outputs.begin_cell()
        outcome = self.kernel.run(
            cell.source, allowed, keep=lambda message: self.outputs.keep(message, cell, index)
        )
        if outcome.lost:
            self.outputs.note_cut(cell)
        count = outcome.reply.get("execution_count")
        cell.execution_count = count if type(count) is int else None
        error = self._ended(index, outcome, total=allowed < limits.cell_seconds)
        if error is None and outcome.how == "error":
            error = cell_error(outcome.reply)
        status: Literal["ok", "error", "time_limit"]
        status = "time_limit" if outcome.how == "time_limit" else ("error" if error else "ok")
        return CellRecord(index=index, status=status, seconds=round(outcome.seconds, 3), error=error)

    def _ended(self, index: int, outcome: Outcome, total: bool) -> CellError | None:
        """The error of a cell that met a limit or ended the kernel; notes the state of the run."""
        limits = self.job.limits
        if outcome.how == "time_limit":
            went_on = "" if self.kernel.alive else " It could not be interrupted, so the kernel was ended."
            seconds = limits.total_seconds if total else limits.cell_seconds
            what = "The notebook" if total else f"Cell {index + 1}"
            self.state = "total_limit" if total else "cell_limit"
            self.detail = f"{what} took longer than {seconds:g} s.{went_on}"
            return CellError(name="TimeLimit", message=self.detail)
        if outcome.how == "memory_limit":
            self.state = "memory_limit"
            self.detail = f"Cell {index + 1} used more than {limits.memory_mib} MiB of memory."
            return CellError(name="MemoryLimit", message=self.detail)
        if outcome.how == "disk_limit":
            self.state = "disk_limit"
            self.detail = f"Cell {index + 1} wrote more than {limits.disk_mib} MiB of files."
            return CellError(name="DiskLimit", message=self.detail)
        if outcome.how == "died":
            self.state = "kernel_died"
            self.detail = f"The kernel ended while cell {index + 1} ran."
            return CellError(name="KernelDied", message=self.detail)
        return None

    def _observe(self, index: int) -> None:
        """Has the observer write what changed; a kernel that no longer answers ends the run."""
        if not self.kernel.alive:
            return
        outcome = self.kernel.run(f"{CALL}after_cell({index})", OBSERVE_SECONDS, silent=True)
        if not self.kernel.alive and self.state in ("complete", "cell_limit"):
            self.state = "memory_limit" if outcome.how == "memory_limit" else "kernel_died"
            self.detail = f"The kernel stopped answering after cell {index + 1}."
        elif outcome.how != "ok" and not self.detail:
            self.detail = (
                f"What cell {index + 1} computed could not be recorded ({outcome.reply.get('ename')})."
            )

    def _challenges(self) -> None:
        """Puts every case to the function that is meant, or to each that may be meant where no name decides.

        The second call is for the other form of a target that could be either.
        """
        for challenge in self.job.plan.challenges:
            for case in challenge.cases:
                for rank in range(MAX_FUNCTIONS):
                    first = self._call(challenge.id, case.key, rank, False, self.job.limits.call_seconds)
                    if challenge.mode == "call":
                        # The wrong form can make a sampler run for ever: it gets little more than the first took.
                        patience = first.seconds * SECOND_FORM_FACTOR + SECOND_FORM_SECONDS
                        seconds = min(self.job.limits.call_seconds, patience)
                        self._call(challenge.id, case.key, rank, True, seconds)
                    if first.how == "time_limit":  # one function that hangs is enough
                        break

    def _call(self, challenge_id: str, case_key: str, rank: int, second: bool, seconds: float) -> Outcome:
        if not self.kernel.alive:
            return Outcome("died")
        code = f"{CALL}call({challenge_id!r}, {case_key!r}, {rank}, {second})"
        return self.kernel.run(code, seconds, silent=True)

    def _load_observer(self) -> None:
        """Starts the observer. A warm kernel has it already, where its modules could be imported; others build it.

        KernelStartError where it does not start: without it a notebook would seem to have computed nothing.
        """
        if self.job.kernel == "warm":
            found = self.kernel.run(self._observer_code(with_sources=False), OBSERVE_SECONDS, silent=True)
            if found.how == "ok":
                return
        built = self.kernel.run(self._observer_code(with_sources=True), OBSERVE_SECONDS, silent=True)
        if built.how != "ok":
            why = f"{built.reply.get('ename', built.how)}: {str(built.reply.get('evalue', ''))[:300]}"
            raise KernelStartError(f"What observes the notebook did not start ({why})")

    def _observer_code(self, *, with_sources: bool) -> str:
        """Code that starts the observer and leaves nothing in the namespace."""
        arguments = (self.folders["seen"], self.job.plan.model_dump_json(), self.job.limits.record_mib)
        lines = ["def _load():", "    import sys", "    scope = {'__name__': 'observing'}"]
        lines.append(f"    exec({inspect.getsource(observing)!r}, scope)")
        if with_sources:
            sources = {name: (KERNEL_SIDE / f"{name}.py").read_text(encoding="utf-8") for name in MODULES}
            lines.append(f"    scope['build']({sources!r})")
        else:
            lines.append(
                f"    if {observing.OBSERVER!r} not in sys.modules: raise LookupError('no observer')"
            )
        lines.append(f"    scope['start'](get_ipython(), {arguments!r}, {self.folders['work']!r})")
        return "\n".join([*lines, "_load()", "del _load"])


def fence_in_words(task: Task, supervisor: Supervisor | None) -> str:
    """The protection in force, in words."""
    memory = f"memory {task.limits.memory_mib} MiB"
    if task.level in ("namespaces", "container"):
        watched = "" if supervisor is None or supervisor.facts.get("proc", True) else " a process"
        return f"network off, own process space, own file system; {memory}{watched}"
    if task.level == "landlock":
        return f"network off, other processes and files out of reach; {memory}"
    return f"no fence: network, files and processes are open; {memory if sys.platform == 'linux' else 'memory not limited'}"


def read_notebook(content: bytes) -> nbformat.NotebookNode:
    """The notebook in nbformat 4, every source a string that can be sent. ValueError when that cannot be."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = content.decode("utf-8-sig")
            notebook: nbformat.NotebookNode = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
        for cell in notebook.cells:
            cell.source = str(cell.source).encode("utf-8", "replace").decode()
            _ = cell.cell_type
    except Exception as error:  # nbformat raises seven kinds of exception on malformed files
        raise ValueError(
            f"The notebook cannot be read ({type(error).__name__}: {str(error)[:200]})."
        ) from error
    return notebook


def stored_kernel(notebook: nbformat.NotebookNode) -> str:
    """Name of the kernel that the notebook asks for, or ""."""
    spec = notebook.metadata.get("kernelspec") if isinstance(notebook.get("metadata"), dict) else None
    name = spec.get("name") if isinstance(spec, dict) else None
    return name[:100] if isinstance(name, str) else ""


def cell_error(reply: dict[str, Any]) -> CellError:
    """The exception of an error reply, without terminal colours."""
    lines = reply.get("traceback")
    text = "\n".join(map(str, lines)) if isinstance(lines, list) else ""
    return CellError(
        name=_text(reply.get("ename") or "Error")[:200],
        message=ANSI.sub("", _text(reply.get("evalue")))[:2000],
        traceback=ANSI.sub("", _text(text))[-MAX_TRACEBACK:],
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value).encode("utf-8", "replace").decode()


class Host:
    """Takes jobs from the grader and runs each in a fork of this process."""

    def __init__(
        self, channel: socket.socket, supervisor: Supervisor | None, folders: dict[str, str]
    ) -> None:
        self.channel = channel
        self.supervisor = supervisor
        self.folders = folders

    def serve(self) -> None:
        """Runs jobs until the grader closes its end."""
        facts = self.supervisor.facts if self.supervisor is not None else {"level": "none"}
        framing.send(self.channel, "ready", facts=facts)
        gc.collect()
        gc.freeze()
        reader = framing.Reader(self.channel)
        while True:
            try:
                head = reader.head()
            except framing.FramingError:
                return
            notebook, *helpers = [reader.blob(size) for size in head["sizes"]]
            job = Task.model_validate(head["job"])
            self._in_a_fork(job, notebook, helpers)

    def _in_a_fork(self, job: Task, notebook: bytes, helpers: list[bytes]) -> None:
        """What a kernel does to the process that listens to it, ends with its notebook."""
        if not hasattr(os, "fork"):
            self._run(job, notebook, helpers)
            return
        child = os.fork()
        if child == 0:
            status = 1
            try:
                self._run(job, notebook, helpers)
                status = 0
            except BaseException as error:
                traceback.print_exception(error, file=sys.stderr)
                sys.stderr.flush()
            os._exit(status)
        _, status = os.waitpid(child, 0)
        if status != 0:
            framing.send(
                self.channel, "lost", why=f"the driver ended with status {os.waitstatus_to_exitcode(status)}"
            )

    def _run(self, job: Task, notebook: bytes, helpers: list[bytes]) -> None:
        executed = ""
        try:
            run = Run(
                job,
                notebook,
                Setup(job.python, job.kernel == "warm", job.environment, self.supervisor, self.folders),
            )
        except ValueError as error:
            record = ExecutionRecord(
                state="unreadable", detail=str(error), executor=job.executor, input_digest=job.input_digest
            )
        else:
            self._lay_out(job, helpers)
            try:
                record = run.execute()
            except KernelStarvedError as error:
                framing.send(self.channel, "starved", why=str(error))
                return
            except KernelKilledError as error:
                framing.send(self.channel, "lost", why=str(error))
                return
            executed = json.dumps(run.notebook, indent=1, default=str) + "\n"
            self._send_containers(job)
        blobs = [record.model_dump_json(indent=1).encode(), executed.encode("utf-8", "replace")]
        framing.send(self.channel, "done", blobs)

    def _lay_out(self, job: Task, helpers: list[bytes]) -> None:
        """Empty folders for the kernel, with the student's own files in its working folder."""
        if self.supervisor is not None:
            seen = int(job.limits.record_mib) + MAX_CONTAINER_OVERHEAD // MIB
            sizes = {"disk_mib": job.limits.disk_mib, "seen_mib": seen, "shared_mib": SHARED_MIB}
            memory = job.limits.memory_mib + BASE_MIB
            self.supervisor.ask("prepare", **sizes, memory_mib=memory, n_processes=N_PROCESSES)
            work = _place(self.folders["work"], self.supervisor)
        else:
            for folder in self.folders.values():
                shutil.rmtree(folder, ignore_errors=True)
                Path(folder).mkdir(mode=0o700, parents=True)
            work = Path(self.folders["work"])
        for name, content in zip(job.files, helpers, strict=True):
            target = work / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def _send_containers(self, job: Task) -> None:
        """The containers that the observer wrote; only plain files of a sane size."""
        left = int(job.limits.record_mib * MIB) + MAX_CONTAINER_OVERHEAD
        with contextlib.suppress(OSError):  # it was the kernel's, who may have locked it
            os.chmod(self.folders["seen"], 0o700)  # noqa: PTH101
        cells, calls = list_containers(Path(self.folders["seen"]))
        for path in [*cells.values(), *calls]:
            with contextlib.suppress(framing.NotAPlainFile):
                left -= framing.send_plain_file(self.channel, path, left, name=path.name)


def _place(work: str, supervisor: Supervisor) -> Path:
    """Where the driver finds the kernel's working folder."""
    return Path(supervisor.facts.get("work", work))


def main(place: dict[str, Any]) -> None:
    """Serves at `place`: numbers of the open sockets `channel` and `line` (or null), `folders`, `facts`."""
    if sys.platform == "win32":
        channel = socket.fromshare(sys.stdin.buffer.read())
    else:
        channel = socket.socket(fileno=place["channel"])
    supervisor = None
    if place["line"] is not None:
        supervisor = Supervisor(socket.socket(fileno=place["line"]), place["folders"], place["facts"])
    Host(channel, supervisor, place["folders"]).serve()
