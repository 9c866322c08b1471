"""Drives one kernel through one notebook; `python -m autograder.execute.worker SCRATCH`.

Runs in a process of its own, because it parses what a kernel says. It reads `SCRATCH/job.json` and writes
`SCRATCH/executed.ipynb` and, last, `SCRATCH/record.json`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import re
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any, Literal

import nbformat

from autograder.execute.kernel import Kernel, Outcome
from autograder.execute.outputs import Outputs
from autograder.execute.protocol import Job
from autograder.kernel_side import MODULES
from autograder.records import CellError, CellRecord, ExecutionRecord

OBSERVE_SECONDS = 20.0
MAX_FUNCTIONS = 4
"""How many functions of a notebook one case is put to, where none has an accepted name."""
SECOND_FORM_FACTOR, SECOND_FORM_SECONDS = 4.0, 1.5
MAX_TRACEBACK = 4000
MIB = 2**20
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
KERNEL_SIDE = Path(__file__).parents[1] / "kernel_side"
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
CALL = '__import__("sys").modules["_notebook_observer"].observer.'

State = Literal["complete", "cell_limit", "total_limit", "memory_limit", "kernel_died", "unreadable"]


class Run:
    """One notebook on its way through one kernel."""

    def __init__(self, job: Job, scratch: Path) -> None:
        self.job = job
        self.scratch = scratch
        self.notebook = read_notebook(job.notebook)
        self.kernel = Kernel(scratch, job.options, job.limits)
        self.outputs = Outputs(self.notebook, int(job.limits.output_mib * MIB))
        self.state: State = "complete"
        self.detail = ""

    def execute(self) -> ExecutionRecord:
        """The record of running every cell, observing after each, and putting the challenges."""
        started = time.monotonic()
        try:
            self.kernel.start()
            self.kernel.run(self._observer_code(), OBSERVE_SECONDS, silent=True)
            limit = self.job.limits.output_mib + 1  # beyond our own cap, which then says that it cut
            self.kernel.run(f"{CALL}limit_streams({limit!r})", OBSERVE_SECONDS, silent=True)
            cells = self._cells()
            self._challenges()
        finally:
            self.kernel.close()
        return ExecutionRecord(
            state=self.state,
            detail=self.detail or "Every cell was run.",
            cells=tuple(cells),
            seconds=round(time.monotonic() - started, 3),
            executor="local",
            fence=self.kernel.fence(),
            kernel_stored=stored_kernel(self.notebook),
            output_cut=self.outputs.cut,
            input_digest=self.job.input_digest,
        )

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
            what = "The notebook" if total else f"Cell {index}"
            self.state = "total_limit" if total else "cell_limit"
            self.detail = f"{what} took longer than {seconds:g} s.{went_on}"
            return CellError(name="TimeLimit", message=self.detail)
        if outcome.how == "memory_limit":
            self.state = "memory_limit"
            self.detail = f"Cell {index} used more than {limits.memory_mib} MiB of memory."
            return CellError(name="MemoryLimit", message=self.detail)
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

    def _observer_code(self) -> str:
        """Code that builds `kernel_side` as a package of its own and leaves nothing in the namespace."""
        sources = {name: (KERNEL_SIDE / f"{name}.py").read_text(encoding="utf-8") for name in MODULES}
        arguments = (str(self.scratch / "seen"), self.job.plan.model_dump_json(), self.job.limits.record_mib)
        return "\n".join(
            [
                "def _load():",
                "    import importlib.machinery, sys, types",
                "    package = sys.modules['_notebook_observer'] = types.ModuleType('_notebook_observer')",
                "    package.__path__ = []",
                f"    for name, source in {sources!r}.items():",
                "        module = types.ModuleType(f'{package.__name__}.{name}')",
                "        module.__spec__ = importlib.machinery.ModuleSpec(module.__name__, None)",
                "        sys.modules[module.__name__] = module",
                "        exec(compile(source, f'<observer {name}>', 'exec'), module.__dict__)",
                # The last module is `observer`; what the worker asks for is its one instance.
                f"    package.observer = module.Observer(get_ipython(), *{arguments!r})",
                "    package.observer.install()",
                f"    sys.path.append({str(self.scratch / 'work')!r})",
                "_load()",
                "del _load",
            ]
        )


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """The notebook in nbformat 4, every source a string that can be sent. ValueError when that cannot be."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
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


def main(scratch: Path) -> None:
    """Executes `scratch/job.json` and leaves the record; a record is left for every notebook."""
    with contextlib.suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    job = Job.model_validate_json((scratch / "job.json").read_text())
    try:
        run = Run(job, scratch)
    except ValueError as error:
        record = ExecutionRecord(
            state="unreadable", detail=str(error), executor="local", input_digest=job.input_digest
        )
    else:
        record = run.execute()
        text = json.dumps(run.notebook, indent=1, default=str)
        (scratch / "executed.ipynb").write_text(text + "\n")
    partial = scratch / "record.part"
    partial.write_text(record.model_dump_json(indent=1))
    partial.replace(scratch / "record.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
