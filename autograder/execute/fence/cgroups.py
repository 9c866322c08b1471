"""Limits that Linux itself holds over a kernel and all that it starts: a control group, where one is delegated.

Without one, memory is watched from outside and processes are counted by user; with one, no moment lies between
excess and end. Source: Linux, Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import contextlib
import os

MIB = 2**20
CONTROLLERS = ("memory", "pids")
MOUNT = "/sys/fs/cgroup"


def own_group(mount: str = MOUNT, listing: str = "/proc/self/cgroup") -> str:
    """The folder of this process's control group, or "" where there is no version 2."""
    with contextlib.suppress(OSError), open(listing) as file:
        for line in file:
            number, _, rest = line.strip().partition(":")
            path = rest.partition(":")[2]
            if number == "0" and os.path.isfile(f"{mount}/cgroup.controllers"):
                return os.path.normpath(f"{mount}/{path.lstrip('/')}")
    return ""


def prepare(folder: str) -> bool:
    """Makes `folder` able to limit groups below it; whether it can.

    A group that limits others holds no processes itself, so those in it move into a group below first; that is
    done only where they are this one and the grader that started it.
    """
    try:
        if not set(CONTROLLERS) <= set(_read(f"{folder}/cgroup.controllers").split()):
            return False
        inside = _read(f"{folder}/cgroup.procs").split()
        if not set(inside) <= {str(os.getpid()), str(os.getppid())}:
            return False
        os.makedirs(f"{folder}/grader", exist_ok=True)
        for process in inside:
            _write(f"{folder}/grader/cgroup.procs", process)
        _write(f"{folder}/cgroup.subtree_control", " ".join(f"+{name}" for name in CONTROLLERS))
    except OSError:
        return False
    return True


class KernelGroup:
    """The group that the kernels of one slot run in; its files stay open when they are out of sight."""

    FILES = ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cgroup.procs", "cgroup.kill")

    def __init__(self, parent: str, name: str) -> None:
        self.folder = f"{parent}/{name}"
        os.makedirs(self.folder, exist_ok=True)
        self._files: dict[str, int] = {}
        for file in self.FILES:
            with contextlib.suppress(OSError):  # an older kernel, or one without swap
                self._files[file] = os.open(f"{self.folder}/{file}", os.O_WRONLY | os.O_CLOEXEC)
        self._events = os.open(f"{self.folder}/memory.events", os.O_RDONLY | os.O_CLOEXEC)
        self._n_killed = self.n_killed()

    def limit(self, memory_mib: int, n_processes: int) -> None:
        """Sets what the next kernel may take. OSError when it cannot be set."""
        self._n_killed = self.n_killed()
        self._tell("memory.max", str(memory_mib * MIB))
        self._tell("pids.max", str(n_processes))
        for file, text in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
            with contextlib.suppress(KeyError, OSError):
                self._tell(file, text)

    def enter(self) -> None:
        """Moves this process into the group."""
        self._tell("cgroup.procs", "0")

    def kill(self) -> None:
        """Ends all that runs in the group."""
        with contextlib.suppress(KeyError, OSError):
            self._tell("cgroup.kill", "1")

    def n_killed(self) -> int:
        """How many processes of the group ended for want of memory so far."""
        text = os.pread(self._events, 4096, 0).decode()
        counts = dict(line.split() for line in text.splitlines() if " " in line)
        return int(counts.get("oom_kill", 0))

    @property
    def was_out_of_memory(self) -> bool:
        """Whether the kernel that ran last was ended for want of memory."""
        return self.n_killed() > self._n_killed

    def _tell(self, file: str, text: str) -> None:
        os.pwrite(self._files[file], text.encode(), 0)


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
