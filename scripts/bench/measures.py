"""What commands cost: wall seconds, CPU seconds of all their processes, and the memory of the biggest one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import TracebackType

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.05
KERNEL_WORDS = ("ipykernel_launcher", "ipykernel.kernelapp")
COMMAND_SECONDS = 900.0


class CommandError(RuntimeError):
    """A command failed; the message has the end of what it said."""


@dataclass(frozen=True)
class Usage:
    """What one run of a contender used; all notebooks together."""

    wall_seconds: float
    cpu_seconds: float
    kernel_cpu_seconds: float | None
    """The kernels' part of `cpu_seconds`."""
    peak_mib: float
    """Resident memory of the biggest process at its highest."""


def middle(runs: Sequence[Usage]) -> Usage:
    """The medians of several runs, each column by itself."""
    kernels = [run.kernel_cpu_seconds for run in runs if run.kernel_cpu_seconds is not None]
    return Usage(
        median(run.wall_seconds for run in runs),
        median(run.cpu_seconds for run in runs),
        median(kernels) if kernels else None,
        median(run.peak_mib for run in runs),
    )


# ------------------------------------------------------------------- processes


def descendants(root: int) -> Iterator[int]:
    """Living processes below `root`, read from the kernel's own lists of children."""
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 (names only, and often)
                below = list(map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split()))
                yield from below
                waiting += below


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on (state, parent, ...); OSError when it has ended."""
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()


def cpu_seconds(pid: int, *, with_waited: bool) -> float:
    """CPU seconds of a process; `with_waited`: of the children as well that it has waited for."""
    try:
        return sum(map(int, stat_fields(pid)[11 : 15 if with_waited else 13])) / TICKS
    except OSError:
        return 0.0


def tree_cpu_seconds(root: int) -> float:
    """CPU seconds of `root` and of all below it, the dead included whose parents live."""
    return sum(cpu_seconds(pid, with_waited=True) for pid in [root, *descendants(root)])


class Watch:
    """Reads the processes below this one while a block runs."""

    def __init__(self) -> None:
        self.peak_mib = 0.0
        self._kernels: dict[tuple[int, str], float] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    @property
    def kernel_cpu_seconds(self) -> float:
        """CPU seconds of processes that were started as kernels."""
        return sum(self._kernels.values())

    def _look_on(self) -> None:
        while not self._end.wait(SAMPLE_SECONDS):
            for pid in list(descendants(os.getpid())):
                with contextlib.suppress(OSError, IndexError, ValueError):
                    self._look_at(pid)

    def _look_at(self, pid: int) -> None:
        status = Path(f"/proc/{pid}/status").read_text(errors="replace")
        self.peak_mib = max(self.peak_mib, int(status.partition("VmHWM:")[2].split()[0]) / 1024)
        command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        if any(word in command for word in KERNEL_WORDS):
            key = (pid, stat_fields(pid)[19])
            self._kernels[key] = cpu_seconds(pid, with_waited=True)


# -------------------------------------------------------------------- commands


@dataclass(frozen=True)
class Command:
    """A program to run: its arguments, folder and environment."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]

    def run(self, log: Path) -> float:
        """CPU seconds of it and of all that was waited for. CommandError when it fails."""
        with log.open("wb") as said:
            process = subprocess.Popen(
                self.arguments,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            timer = threading.Timer(COMMAND_SECONDS, process.kill)
            timer.start()
            _, status, used = os.wait4(process.pid, 0)
            timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            end = " ".join(log.read_text(errors="replace").split())[-300:]
            raise CommandError(f"{Path(self.arguments[0]).name} ended with {process.returncode}: {end}")
        return used.ru_utime + used.ru_stime


def run_all(commands: Sequence[Command], n_at_once: int, logs: Path) -> Usage:
    """What running all the commands costs, so many at a time."""
    logs.mkdir(parents=True, exist_ok=True)
    paths = [logs / f"{index}.log" for index in range(len(commands))]
    began = time.perf_counter()
    with Watch() as watch, ThreadPoolExecutor(n_at_once) as pool:
        used = list(pool.map(Command.run, commands, paths))
        seconds = time.perf_counter() - began
    return Usage(seconds, sum(used), watch.kernel_cpu_seconds, watch.peak_mib)
