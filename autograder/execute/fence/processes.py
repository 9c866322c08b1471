"""Process trees: who descends from whom, how much memory they hold, and how all of them end."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Container, Iterator
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
MIB = 2**20
MEASURE_SECONDS = 0.03


def descendants(root: int, *, spared: Container[int] = ()) -> list[int]:
    """Ids of the living processes below `root`, in no order; [] where the platform has no /proc.

    `spared`: processes that are left out with all that is below them.
    """
    children: dict[int, list[int]] = {}
    alive = set()
    for pid, parent, state in _processes():
        children.setdefault(parent, []).append(pid)
        if state != "Z":
            alive.add(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:  # through the dead as well: for a moment they still hold their children
        below = [pid for pid in children.get(waiting.pop(), ()) if pid not in spared]
        found += below
        waiting += below
    return [pid for pid in found if pid in alive]


def _processes() -> Iterator[tuple[int, int, str]]:
    try:
        entries = os.listdir("/proc")
    except OSError:
        return
    for entry in entries:
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                state, parent = _read(f"/proc/{entry}/stat").rpartition(")")[2].split()[:2]
                yield int(entry), int(parent), state


def _read(path: str) -> str:
    """A short file of /proc; without the layers of `open`, which cost more than the reading."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(handle, 4096).decode(errors="replace")
    finally:
        os.close(handle)


def waited_seconds(pid: int) -> float:
    """How long the first thread of a process stood ready to run and got no processor; 0 where that is unknown.

    Source: Linux, Documentation/scheduler/sched-stats.rst, /proc/<pid>/schedstat.
    """
    try:
        return int(_read(f"/proc/{pid}/schedstat").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def used_seconds(pid: int) -> float:
    """CPU seconds of a process: its threads and the children that it waited for; 0 where that is unknown.

    Source: proc_pid_stat(5), utime to cstime.
    """
    try:
        ticks = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()[11:15]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0.0


def threads(pids: list[int]) -> list[int]:
    """Ids of all threads of the processes."""
    found: list[int] = []
    for pid in pids:
        with contextlib.suppress(OSError):
            found += map(int, os.listdir(f"/proc/{pid}/task"))
    return found


def threads_of(uid: int) -> int:
    """How many threads a user runs; 0 where the platform has no /proc."""
    total = 0
    for pid, _, _ in _processes():
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == uid:
                total += len(os.listdir(f"/proc/{pid}/task"))
    return total


def memory_mib(pids: list[int], limit_mib: float) -> float:
    """Memory of the processes in MiB: resident sizes, or proportional ones when those exceed the limit.

    Resident sizes count shared pages once a process, so they overstate a tree of forks.
    """
    resident = sum(map(_resident_bytes, pids)) / MIB
    return resident if resident <= limit_mib else sum(map(_proportional_bytes, pids)) / MIB


class MemoryWatch:
    """Memory of a tree of processes, time after time, each time with little work."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def mib(self, pids: list[int], limit_mib: float) -> float:
        """As :func:`memory_mib`; of many processes that share pages, a part is measured anew each time."""
        resident = sum(map(_resident_bytes, pids)) / MIB
        if resident <= limit_mib:
            return resident
        deadline = time.monotonic() + MEASURE_SECONDS
        known = {pid: self._known[pid] for pid in pids if pid in self._known}
        for pid in [*(pid for pid in pids if pid not in known), *known]:  # the longest ago first
            known.pop(pid, None)
            known[pid] = _proportional_bytes(pid)
            if time.monotonic() > deadline:
                break
        self._known = known
        return sum(known.values()) / MIB


def own_mib() -> float:
    """Memory of this process in MiB; where /proc is out of reach, the most that it ever was."""
    now = _resident_bytes("self") / MIB
    if now == 0.0 and sys.platform != "win32":
        import resource

        now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)
    return now


def _resident_bytes(pid: int | str) -> int:
    try:
        return int(_read(f"/proc/{pid}/statm").split()[1]) * PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0


def _proportional_bytes(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return _resident_bytes(pid)
    counted = ("Pss_Anon:", "Pss_Shmem:")
    return sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith(counted))


def kill_tree(root: int, patience_seconds: float = 5.0) -> bool:
    """Kills `root` and everything below it; whether all of it is gone within `patience_seconds`.

    The root is stopped first, so that it starts nothing new, and killed last, so that orphans stay below.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(root, signal.SIGSTOP)
    gone = kill_below(root, patience_seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(root, signal.SIGKILL)
    return gone


def kill_below(root: int, patience_seconds: float = 5.0) -> bool:
    """Kills everything below `root`; whether nothing is left within `patience_seconds`."""
    deadline = time.monotonic() + patience_seconds
    while below := descendants(root):
        for pid in below:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
