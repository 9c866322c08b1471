"""`make bench`: every table, one after another. Compare runs on an idle machine only."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Options
from scripts.bench import batch, grading, kernels, long, probes, sameness, tables

CACHE = batch.ROOT / "build" / "bench"
PACKAGES = ("torch", "torchvision", "numpy", "ipykernel", "jupyter_client", "nbclient", "pyzmq")
ALL_TABLES = "123456789"


def main(arguments: Sequence[str]) -> None:
    """Prints the tables that were asked for."""
    asked = _asked(arguments)
    print(f"# Bench of {datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}\n\n{_machine()}")
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    folder.chmod(0o755)
    try:
        if "1" in asked.only:
            batch.show(batch.measure(folder / "batch", CACHE, asked.notebooks, asked.rounds))
        _measure_kernels(asked, folder)
        if "7" in asked.only:
            tables.say("the stages of a grading")
            long.show_stages(folder / "stages", 1 if asked.quick else 3)
        if "8" in asked.only:
            tables.say("the probes of parts that train")
            probes.show_probes(folder / "probes")
        if "9" in asked.only:
            grading.show(folder / "grading", CACHE, 4 if asked.quick else 16)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{_load('At the end')}")


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter notebooks: two minutes")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of the batch (default: 1)")
    parser.add_argument("--notebooks", type=int, help="size of the batch (default: 16; quick: 4)")
    parser.add_argument(
        "--minutes", type=float, help="training of the long notebook (default: 2; quick: 0.1)"
    )
    parser.add_argument("--only", default=ALL_TABLES, help="numbers of the tables (default: all)")
    asked = parser.parse_args(arguments)
    asked.notebooks = asked.notebooks or (4 if asked.quick else 16)
    asked.minutes = asked.minutes or (0.1 if asked.quick else 2.0)
    return asked


def _measure_kernels(asked: argparse.Namespace, folder: Path) -> None:
    """Tables 2 to 6, with executors that are started once."""
    quick: bool = asked.quick
    shown: dict[str, Callable[[], None]] = {
        "2": lambda: kernels.show_cpu(warm, folder / "cpu", 3 if quick else 8),
        "3": lambda: kernels.show_memory(warm, cold, folder / "memory"),
        "4": lambda: kernels.show_fence(folder / "fence", 6 if quick else 20),
        "5": lambda: long.show_overhead(warm, folder / "long", asked.minutes),
        "6": lambda: sameness.show(warm, cold, folder / "same", 5 if quick else 50),
    }
    with contextlib.ExitStack() as stack:
        warm = stack.enter_context(LocalExecutor(Options(kernel="warm"), own_work=True))
        cold = stack.enter_context(LocalExecutor(Options(kernel="cold"), own_work=True))
        for number, show in shown.items():
            if number in asked.only:
                tables.say(f"table {number}")
                warm.choice()
                show()


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    system = f"{platform.system()} {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {system}; {versions}. {_load('At the start')}"
    )


def _load(when: str) -> str:
    return f"{when}, {os.getloadavg()[0]:.1f} processes were running or waiting to."


if __name__ == "__main__":
    main(sys.argv[1:])
