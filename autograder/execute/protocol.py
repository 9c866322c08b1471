"""What an executor is given, what it leaves behind, and what it promises.

An execution turns a :class:`Job` into a folder::

    out/executed.ipynb                            the notebook with its outputs (cut at `limits.output_mib`)
    out/arrays/cell-0007.safetensors              what changed in the namespace in cell 7
    out/arrays/call-a2.sampler-0.safetensors      the answer to case "0" of challenge "a2.sampler"
    out/arrays/call-a2.sampler-0-density.safetensors and ...-log_density.safetensors
                                                  the two answers, where a target's form could not be told
    out/execution.json                            the ExecutionRecord, written last: once there, all is

The arrays come from a process that student code had control of: read them with
:func:`autograder.probes.container.read_container` and with nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import Field

from autograder.records import ExecutionRecord, Limits, Record

GRACE_SECONDS = 90.0
"""What starting, observing and clearing up may take beyond `limits.total_seconds` and the challenge calls."""


class Role(Record):
    """What one argument of a challenged function means, and the names that students give it."""

    kind: Literal[
        "target", "number", "rng", "seed", "point", "array", "tensor", "tokens", "module", "optimizer"
    ]
    names: tuple[str, ...] = ()
    """Parameter names, compared without case."""
    contains: tuple[str, ...] = ()
    """Words whose appearance in a parameter's name binds it when no name is equal."""
    globals: tuple[str, ...] = ()
    """Globals of the notebook that stand for this role in functions that take no such parameter."""
    log_tokens: tuple[str, ...] = ()
    """`target` only: words in a parameter's name that tell a log density from a density."""


class Case(Record):
    """One call: the seed of the random streams and the value of each role."""

    key: str = Field(pattern=r"^[A-Za-z0-9_]{1,40}$")
    seed: int = Field(ge=0, lt=2**32)
    values: dict[str, Any] = Field(default_factory=dict)
    """By role. A target is `{"family": "gaussian", "mean": [..], "cov": [[..]]}` or
    `{"family": "mixture", "weights": [..], "means": [[..]], "covs": [[[..]]]}`. Mode `points` has
    `points` (n, d)."""


class Challenge(Record):
    """Questions to one function or module of the notebook, with inputs drawn at grading time."""

    id: str = Field(pattern=r"^[A-Za-z0-9_.]{1,60}$")
    mode: Literal[
        "call",
        "points",
        "module",
        "loss",
        "noise",
        "step",
        "decoder",
        "likelihood",
        "autoencoder",
        "subwords",
        "conditional",
        "characters",
        "windows",
        "denoiser",
        "noising",
    ] = "call"
    """An entry of `autograder/kernel_side/modes.py`."""
    names: tuple[str, ...] = ()
    """Accepted names of the function, best first."""
    contains: tuple[tuple[str, ...], ...] = ()
    """Sets of words; a function whose name has all words of a set is taken when no name is equal."""
    roles: dict[str, Role] = Field(default_factory=dict)
    cases: tuple[Case, ...] = ()


class Plan(Record):
    """What is observed beyond the namespace itself."""

    seed_shift: int = 0
    """Added to every seed that the notebook sets; not 0 only when our own notebooks are replayed."""
    challenges: tuple[Challenge, ...] = ()


class Options(Record):
    """How an executor runs notebooks; but for `data`, it does not change what a notebook computes."""

    python: str = ""
    """Interpreter of the kernels; "" is the one that runs the grader."""
    fence: Literal["auto", "namespaces", "landlock", "container", "none"] = "auto"
    """A level of :mod:`autograder.execute.fences`; `auto`: the strongest that works here."""
    kernel: Literal["auto", "warm", "cold", "stock"] = "auto"
    """`warm`: forked from a process that has the imports done; `cold`: a program of its own, started anew;
    `stock`: the same, started by jupyter_client itself, which knows no fence; `auto`: warm where processes can
    be fenced, else stock."""
    is_patient: bool = True
    """Whether a notebook that met a limit of time with little of the processor used is run once more."""
    data: Path | None = None
    """Folder of the data sets of which kernels are shown those that are whole; None: as
    :func:`autograder.datasets.data_directory` finds it."""


class Job(Record):
    """One notebook to execute."""

    notebook: Path
    """A valid nbformat 4 file."""
    out: Path
    """Folder of the results; made when missing, emptied of an earlier execution's results first."""
    plan: Plan = Plan()
    limits: Limits = Limits()
    files: dict[str, Path] = Field(default_factory=dict)
    """Relative name in the kernel's working folder to the file that is copied there."""
    input_digest: str = ""
    """Copied into the record."""


@runtime_checkable
class Executor(Protocol):
    """Runs one notebook from its first cell to its last in a kernel of its own.

    Every executor passes `tests/contracts/test_executors.py`.
    """

    name: str
    """Short word in the record: `local`."""

    def describe(self) -> str:
        """One sentence on how and behind which fence this executor runs notebooks on this machine."""
        ...

    def execute(self, job: Job) -> ExecutionRecord:
        """The facts of running `job.notebook`; returns for every notebook, however it behaves.

        Limits (`job.limits`; times in wall-clock seconds, sizes in MiB):

        - a cell that runs longer than `cell_seconds` is interrupted; when it answers within 0.6 s the following cells
          go on and the state is `cell_limit`, else the kernel is killed. Time in which others keep the processors
          from it does not count, up to 3 s; a kernel that has started a crowd of processes is killed at once;
        - `total_seconds` for all cells together, from the first cell on: state `total_limit`;
        - `call_seconds` for one challenge call; these come after the last cell, on top of `total_seconds`;
        - `memory_mib` for the kernel and its children together: the cell fails with MemoryError, or the
          kernel is killed and the state is `memory_limit`;
        - `disk_mib` for the files that it writes: writing fails, or the state is `disk_limit`;
        - `output_mib` of outputs are kept (`output_cut`), `record_mib` of recorded values.

        The call returns after at most `total_seconds` + calls * `call_seconds` + `GRACE_SECONDS`, twice that
        when the worker had to be started again. At the end the kernel and all that it started are dead.

        Cells that fail do not end the run; they are facts in `cells`. A kernel that dies ends it
        (`kernel_died`): what was observed after earlier cells is kept.

        Raises
        ------
        OSError, InternalError
            `job.out` cannot be written, or the disk is full. Nothing that a notebook does raises: a notebook
            that cannot be read gives state `unreadable`, a worker that fails twice `not_executed`.
        ValueError
            A name in `job.files` leads out of the kernel's working folder.
        """
        ...

    def cancel(self) -> None:
        """End what runs: calls of :meth:`execute` return soon, with state `not_executed`, and no further one runs."""
        ...

    def where(self, out: Path) -> str:
        """Where the job with this folder of results runs now, in words; "" on this machine, or when it is not known."""
        ...
