"""The executor of one machine: warm or cold kernels in fenced slots, side by side."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from pathlib import Path
from types import TracebackType
from typing import Literal

from autograder.datasets import data_directory, shown_files
from autograder.execute import fences, framing, outcomes
from autograder.execute.driver import Task
from autograder.execute.fences import Choice, Level
from autograder.execute.protocol import Job, Options
from autograder.execute.slots import Nursery, Slot, SlotError, SlotRefused, environment, plain_slot
from autograder.probes.container import is_container_name
from autograder.records import ExecutionRecord

TRIES = 3
"""For a level of the fence that broke while it was put up."""
N_ATTEMPTS = 2
"""For a notebook whose worker ended."""
CANCELLED = "The grading was cancelled."
KERNELS = {
    "warm": "forked from a process that has the imports done",
    "cold": "started anew",
    "stock": "started anew by jupyter_client",
}


class LocalExecutor:
    """Runs notebooks one after another or, called from several threads, side by side.

    `own_work`: the notebooks are the caller's own, so that they run even where no fence works. Processes start
    with the first notebook; `close`, leaving a `with` block, or the end of the caller's process ends them.
    """

    name = "local"

    def __init__(self, options: Options | None = None, *, own_work: bool = False) -> None:
        self.options = options or Options()
        self.own_work = own_work
        self._lock = threading.Lock()
        self._idle: list[Slot] = []
        self._held: list[Nursery] = []
        self._choice: Choice | None = None
        self.is_cancelled = False
        self._end = weakref.finalize(self, _close, self._held, self._idle)

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all processes; the executor may be used again."""
        with self._lock:
            _close(self._held, self._idle)

    def cancel(self) -> None:
        """See :class:`autograder.execute.protocol.Executor`."""
        self.is_cancelled = True
        self.close()  # with their nursery all slots end, those that run a notebook too

    def where(self, out: Path) -> str:
        """See :class:`autograder.execute.protocol.Executor`."""
        return ""

    def choice(self) -> Choice:
        """The level of the fence that notebooks run behind here, and why; tried once.

        Raises
        ------
        UsageError
            See :func:`autograder.execute.fences.choose`.
        """
        with self._lock:
            if self._choice is None:
                attempt = self._try if self.kernel != "stock" else _refuse_stock
                self._choice = fences.choose(self.options.fence, attempt, own_work=self.own_work)
            return self._choice

    def survey(self) -> dict[Level, str]:
        """Why each level that protects does not work here, or ""; each is put up and taken down."""
        with self._lock:
            found: dict[Level, str] = {}
            for level in fences.PROTECTING:
                found[level] = fences.possible(level) or self._try(level)
                _close(self._held, self._idle)
            return found

    @property
    def kernel(self) -> Literal["warm", "cold", "stock"]:
        """How kernels are started here."""
        if sys.platform != "linux":
            return "stock"
        return "warm" if self.options.kernel == "auto" else self.options.kernel

    def describe(self) -> str:
        """One sentence on how notebooks are run here."""
        level = self.choice().level
        kernels = KERNELS[self.kernel]
        return f"A kernel for each notebook, {kernels}; fence: {level} ({self.choice().why})."

    def execute(self, job: Job) -> ExecutionRecord:
        """See :class:`autograder.execute.protocol.Executor`."""
        task, blobs = self._task(job)
        outcomes.clear(job.out)
        record, why, tries = None, "", 0
        while record is None and tries < N_ATTEMPTS and not self.is_cancelled:
            tries += 1
            try:
                tried = task.model_copy(update={"is_last": tries == N_ATTEMPTS})
                record = self._attempt(job, tried, blobs).model_copy(update={"attempts": tries})
            except (framing.FramingError, SlotError, _Starved) as error:
                why = str(error)
                outcomes.clear(job.out)
        if record is None:
            detail = f"The worker ended {'once' if tries < N_ATTEMPTS else 'twice'} without a result ({why})."
            record = outcomes.not_executed(job, self.name, detail if tries else CANCELLED, max(1, tries))
        return outcomes.finish(job, record)

    # --------------------------------------------------------------- a notebook

    def _task(self, job: Job) -> tuple[Task, list[bytes]]:
        """What crosses the fence; ValueError for a helper file that would lie outside the working folder."""
        outcomes.refuse_outside(job)
        task = Task(
            plan=job.plan,
            limits=job.limits,
            input_digest=job.input_digest,
            files=tuple(job.files),
            python=self.python,
            kernel=self.kernel,
            environment={},
            executor=self.name,
            level=self.choice().level,
            is_patient=self.options.is_patient,
        )
        return task, [job.notebook.read_bytes(), *(path.read_bytes() for path in job.files.values())]

    @property
    def python(self) -> str:
        """The kernels' interpreter."""
        return self.options.python or sys.executable

    def _attempt(self, job: Job, task: Task, blobs: list[bytes]) -> ExecutionRecord:
        """The record of one try. A slot that failed is not used again."""
        slot = self._slot()
        is_whole = False
        try:
            sent = task.model_copy(update={"environment": environment(slot.home, slot.tmp, slot.data)})
            framing.send(slot.channel, "job", blobs, job=sent.model_dump(mode="json"))
            record = _receive(slot, job)
            is_whole = True
            return record
        except _Starved:
            is_whole = True
            raise
        except BrokenPipeError as error:
            raise SlotError("the slot is gone") from error
        finally:
            if is_whole:
                with self._lock:
                    self._idle.append(slot)
            else:
                self._drop(slot)

    def _slot(self) -> Slot:
        """A slot that waits, or a new one."""
        level = self.choice().level
        with self._lock:
            if self._idle:
                return self._idle.pop()
            return self._new_slot(level)

    def _new_slot(self, level: Level) -> Slot:
        if self.kernel == "stock":
            return _ready(plain_slot(self._data()))
        nursery = self._nursery(level)
        try:
            slot = nursery.slot(level)
        except SlotError:
            self._held.clear()  # it is gone; the next try gets another
            nursery.close()
            raise
        return _ready(slot)

    def _nursery(self, level: Level) -> Nursery:
        walled = level == "container"
        if self._held and self._held[0].walled != walled:  # the level below was tried
            _close(self._held, self._idle)
        if not self._held:
            is_warm = self.kernel == "warm"
            self._held.append(Nursery(self.python, warm=is_warm, walled=walled, data=self._data()))
        return self._held[0]

    def _data(self) -> dict[str, str]:
        """The files of data sets that kernels are shown: place below their folder to path."""
        folder = data_directory(self.options.data).resolve()
        return {place: str(path) for place, path in shown_files(folder).items()}

    def _drop(self, slot: Slot) -> None:
        with self._lock:
            slot.end()

    def _try(self, level: Level) -> str:
        """Whether a level works here: it is put up. One that only broke is tried again, for what a notebook or a
        passer-by kills must not lower the fence.
        """
        why_not = ""
        for _ in range(TRIES):
            try:
                self._idle.append(self._new_slot(level))
                return ""
            except SlotRefused as error:
                return str(error)
            except OSError as error:
                why_not = str(error)
        return why_not


class _Starved(Exception):
    """A notebook had too little of the processors to be judged, and is run once more."""


def _ready(slot: Slot) -> Slot:
    try:
        slot.wait_until_ready()
    except SlotError:
        slot.end()
        raise
    return slot


def _refuse_stock(level: Level) -> str:
    return "" if level == "none" else "jupyter_client starts a stock kernel, and knows no fence"


def _close(held: list[Nursery], idle: list[Slot]) -> None:
    while idle:
        idle.pop().end()
    while held:
        held.pop().close()


def _receive(slot: Slot, job: Job) -> ExecutionRecord:
    """Takes the results out of a slot into `job.out`; SlotError when the driver was lost."""
    deadline = time.monotonic() + outcomes.deadline_seconds(job)
    reader = framing.Reader(slot.channel, deadline, outcomes.most_bytes(job))
    arrays = job.out / "arrays"
    arrays.mkdir(exist_ok=True)
    while True:
        head = reader.head()
        if head["type"] == "file" and len(head["sizes"]) == 1:
            name = head.get("name")
            if not isinstance(name, str) or not is_container_name(name):
                raise framing.FramingError("a file with a name that no container has")
            with (arrays / name).open("wb") as file:
                reader.blob_into(head["sizes"][0], file)
        elif head["type"] == "done" and len(head["sizes"]) == 2:
            text, executed = (reader.blob(size) for size in head["sizes"])
            if executed:
                (job.out / "executed.ipynb").write_bytes(executed)
            try:
                return ExecutionRecord.model_validate_json(text)
            except ValueError as error:
                raise framing.FramingError(f"a record that is none: {error}") from None
        elif head["type"] == "starved":
            raise _Starved(str(head.get("why", ""))[:500])
        else:
            raise SlotError(str(head.get("why", "an answer that is none"))[:500] + f": {slot.log_end()}")
