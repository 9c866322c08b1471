"""Options that several verbs share."""

from __future__ import annotations

import getpass
import os
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

AssignmentArgument = Annotated[str, typer.Argument(metavar="ID", help="The assignment, such as `aml-a3`.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document to standard output, and nothing else there.")
]
PartsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--part",
        metavar="PART",
        help="Only this part, such as `a`; may be given several times. Default: all parts.",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        max=1000,
        metavar="N",
        help="Notebooks executed side by side. Default: 2, or 1 on a single core; on a cluster, as many as it runs.",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder of the data sets. Default: the environment variable AUTOGRADER_DATA, else a folder of yours.",
        show_default=False,
    ),
]


class BudgetKind(StrEnum):
    """What `--budget` takes."""

    FULL = "full"
    SHORT = "short"
    REPLAY = "replay"


BudgetOption = Annotated[
    BudgetKind,
    typer.Option(
        "--budget",
        help="`full`: notebooks run as handed in; `short`: with smaller numbers in the cell tagged `parameters`, "
        "where a part says which; `replay`: nothing runs, the stored outputs are judged. What a budget cannot "
        "show waits.",
    ),
]


class FenceLevel(StrEnum):
    """What `--fence` takes."""

    AUTO = "auto"
    NAMESPACES = "namespaces"
    LANDLOCK = "landlock"
    CONTAINER = "container"
    NONE = "none"


class KernelKind(StrEnum):
    """What `--kernel` takes."""

    AUTO = "auto"
    WARM = "warm"
    COLD = "cold"
    STOCK = "stock"


FenceOption = Annotated[
    FenceLevel,
    typer.Option(
        "--fence",
        help="What keeps notebooks from the machine. `auto`: the strongest that works here; `none` runs other "
        "people's notebooks with your files and your network open to them.",
    ),
]
KernelOption = Annotated[
    KernelKind,
    typer.Option(
        "--kernel",
        help="`warm`: kernels are forked from a process that has the imports done; `cold`: each is started "
        "anew; `stock`: by jupyter_client itself, which knows no fence (with `--fence none`).",
    ),
]


def n_workers(chosen: int | None) -> int:
    """Return how many notebooks run side by side: as chosen, else one a core and at most two.

    Two is what fits the memory of a laptop: a kernel with PyTorch may take its whole limit.
    """
    return chosen or max(1, min(2, os.cpu_count() or 1))


def author_or_me(chosen: str | None) -> str:
    """Return the author of a scoring: as chosen, else git's user.name, else the login name."""
    if chosen:
        return chosen
    try:
        asked = subprocess.run(
            ["git", "config", "user.name"], capture_output=True, text=True, timeout=5, check=False
        )
        if name := asked.stdout.strip():
            return name
    except (OSError, subprocess.SubprocessError):
        pass  # no git here
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
