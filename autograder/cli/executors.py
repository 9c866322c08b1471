"""Where notebooks run: the options of `grade`, and the executor that they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.options import n_workers
from autograder.errors import UsageError

if TYPE_CHECKING:
    from autograder.execute.protocol import Executor, Options


class ExecutorKind(StrEnum):
    """What `--executor` takes."""

    LOCAL = "local"
    DASK = "dask"


ExecutorOption = Annotated[
    ExecutorKind,
    typer.Option(
        "--executor",
        help="`local`: kernels on this machine; `dask`: on the workers of a Dask cluster (extra `cluster`), each behind "
        "its own fence; marks are given here either way.",
    ),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Where the cluster's scheduler listens, such as tcp://10.0.0.1:8786; needed by `--executor dask`.",
        show_default=False,
    ),
]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="A folder of executions that several runs and machines share by content; what drew random numbers without "
        "a seed is not among them. Give it from the first `grade` of a run on.",
        show_default=False,
    ),
]


@contextmanager
def chosen_executor(
    kind: ExecutorKind, scheduler: str | None, options: Options
) -> Iterator[tuple[Executor, int]]:
    """Yield the executor that was asked for, and how many notebooks it runs side by side.

    Raises
    ------
    UsageError
        The address is missing or nobody answers there, no worker can be used, or the extra is not installed.
    """
    from autograder.execute.local import LocalExecutor

    if kind is ExecutorKind.LOCAL:
        if scheduler is not None:
            raise UsageError("--scheduler is for a cluster: add --executor dask")
        with LocalExecutor(options) as local:
            yield local, n_workers(None)
        return
    if scheduler is None:
        raise UsageError("--executor dask needs --scheduler ADDRESS, such as tcp://10.0.0.1:8786")
    try:
        from autograder.execute.cluster import DaskExecutor
    except ImportError as error:
        raise UsageError(
            f"--executor dask needs Dask ({error}); "
            'install it with: pip install "generative-autograder[cluster]"'
        ) from error
    with DaskExecutor(scheduler, options) as cluster:
        yield cluster, cluster.n_slots
