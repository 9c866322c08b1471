"""How kernels are started for jupyter_client: by the slot's supervisor behind its fence, or as a plain process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from dataclasses import dataclass
from typing import Any, Protocol

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from jupyter_core.utils import run_sync

from autograder.execute.fence import processes

ANSWER_SECONDS = 60.0
MAX_MESSAGE = 4 * 2**20


@dataclass(frozen=True)
class Usage:
    """What a kernel and all that it started take."""

    memory_mib: float = 0.0
    disk_mib: float = 0.0
    """Files that no file system limits."""
    cpu_seconds: float | None = None
    """None where it is unknown."""


@dataclass(frozen=True)
class Crowd:
    """A kernel and all that it started, without a look at what they take: many processes take long to measure."""

    n_processes: int = 1
    waited_seconds: float = 0.0
    """How long the kernel itself, since it was started, stood ready to run and got no processor."""


class Process(Protocol):
    """What a kernel needs of the process that it is."""

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""

    def interrupt(self) -> None:
        """SIGINT, or what stands for it."""

    def usage(self, limit_mib: float) -> Usage:
        """What it and all below it take; memory is looked at closely when it is beyond the limit."""

    def crowd(self) -> Crowd:
        """How many it and all below it are, and how long it waited for a processor."""

    def kill(self) -> float:
        """Ends it and all that it started; CPU seconds that it used."""


class Supervisor:
    """The driver's line to the slot's supervisor; see :mod:`autograder.execute.fence.supervisor`."""

    def __init__(self, line: socket.socket, folders: dict[str, str], facts: dict[str, Any]) -> None:
        self.line = line
        self.line.settimeout(ANSWER_SECONDS)
        self.folders = folders
        self.facts = facts
        self.status: int | None = None
        self.out_of_memory = False

    def ask(self, op: str, **about: Any) -> dict[str, Any]:
        """The answer to one request. OSError when it was refused or nobody is there."""
        self.line.send(json.dumps({"op": op, **about}).encode())
        while True:
            answer = self._receive()
            if "event" not in answer:
                break
            self._hear(answer)
        if "error" in answer:
            raise OSError(f"{op}: {answer['error']}")
        return answer

    def listen(self) -> None:
        """Takes note of what the supervisor said without being asked."""
        self.line.setblocking(False)
        try:
            while True:
                self._hear(self._receive())
        except BlockingIOError:
            pass
        finally:
            self.line.settimeout(ANSWER_SECONDS)

    def _hear(self, message: dict[str, Any]) -> None:
        if message.get("event") == "exit":
            self.status = message["status"]
            self.out_of_memory = bool(message["out_of_memory"])

    def _receive(self) -> dict[str, Any]:
        text = self.line.recv(MAX_MESSAGE)
        if not text:
            raise OSError("the supervisor is gone")
        return dict(json.loads(text))


class FencedProcess:
    """A kernel that the supervisor forked."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor

    def poll(self) -> int | None:
        """See :class:`Process`."""
        self.supervisor.listen()
        return self.supervisor.status

    def interrupt(self) -> None:
        """See :class:`Process`."""
        self.supervisor.ask("signal", number=int(signal.SIGINT))

    def usage(self, limit_mib: float) -> Usage:
        """See :class:`Process`."""
        return Usage(**self.supervisor.ask("usage", limit_mib=limit_mib))

    def crowd(self) -> Crowd:
        """See :class:`Process`."""
        return Crowd(**self.supervisor.ask("crowd"))

    def kill(self) -> float:
        """See :class:`Process`."""
        ended = self.supervisor.ask("kill")
        if self.supervisor.status is None:
            self.supervisor.status = ended["status"]
        return float(ended["cpu_seconds"])


class FencedProvisioner(KernelProvisionerBase):
    """Starts a kernel through the supervisor; the kernel is a fork of warm imports, or a program of its own."""

    supervisor: Supervisor
    order: dict[str, Any]
    """What :func:`autograder.execute.fence.kernels.become` is told beside the command and the environment."""
    process: FencedProcess | None = None

    @property
    def has_process(self) -> bool:
        """Whether a kernel was started and not yet cleaned up."""
        return self.process is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Writes the connection file and the command line."""
        manager: Any = self.parent
        for number, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1):
            setattr(manager, f"{name}_port", number)
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        kwargs["cmd"] = manager.format_kernel_cmd()
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Has the supervisor fork the kernel."""
        self.supervisor.status, self.supervisor.out_of_memory = None, False
        self.supervisor.ask("spawn", command=cmd, environment=kwargs["env"], **self.order)
        self.process = FencedProcess(self.supervisor)
        return self.connection_info

    async def poll(self) -> int | None:
        """The exit status, or None while the kernel runs."""
        return self.process.poll() if self.process is not None else 0

    async def wait(self) -> int | None:
        """The exit status; the kernel is ended first when it still runs."""
        await self.kill()
        return self.supervisor.status

    async def send_signal(self, signum: int) -> None:
        """A signal for the kernel's first process."""
        self.supervisor.ask("signal", number=signum)

    async def kill(self, restart: bool = False) -> None:
        """Ends the kernel and all that it started."""
        if self.process is not None:
            self.process.kill()

    async def terminate(self, restart: bool = False) -> None:
        """As :meth:`kill`: nothing of a student's code runs at the end."""
        await self.kill()

    async def cleanup(self, restart: bool = False) -> None:
        """Forgets the process."""
        self.process = None


class OneKernel(KernelSpecManager):
    """Knows the one kernel that notebooks are given, whatever they ask for."""

    def __init__(self, argv: list[str], **about: Any) -> None:
        super().__init__(**about)
        self.argv = argv

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The Python kernel."""
        return KernelSpec(argv=self.argv, display_name="Python 3", language="python", interrupt_mode="signal")


class PlainProcess:
    """A kernel that jupyter_client started itself, with no fence: what every platform can do."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        provisioner = manager.provisioner
        assert isinstance(provisioner, LocalProvisioner)
        self.provisioner = provisioner

    def poll(self) -> int | None:
        """See :class:`Process`."""
        process = self.provisioner.process
        return process.poll() if process is not None else 0

    def interrupt(self) -> None:
        """See :class:`Process`."""
        run_sync(self.manager._async_interrupt_kernel)()

    def usage(self, limit_mib: float) -> Usage:
        """See :class:`Process`; known on Linux alone."""
        pid = self.provisioner.pid
        if pid is None:
            return Usage()
        tree = [pid, *processes.descendants(pid)]
        used = sum(map(processes.used_seconds, tree))
        return Usage(processes.memory_mib(tree, limit_mib), cpu_seconds=used or None)

    def crowd(self) -> Crowd:
        """See :class:`Process`; known on Linux alone."""
        pid = self.provisioner.pid
        if pid is None:
            return Crowd()
        return Crowd(1 + len(processes.descendants(pid)), processes.waited_seconds(pid))

    def kill(self) -> float:
        """See :class:`Process`; what it started is found as far as the platform tells."""
        pid = self.provisioner.pid
        if pid is not None:
            _kill_children(pid)
        with contextlib.suppress(OSError, RuntimeError):
            run_sync(self.provisioner.kill)()
        with contextlib.suppress(OSError, RuntimeError):
            run_sync(self.provisioner.wait)()
        return 0.0


def _kill_children(pid: int) -> None:
    if os.path.isdir("/proc/self"):  # noqa: PTH112 (tells Linux from the rest)
        processes.kill_tree(pid)
        return
    with contextlib.suppress(Exception):  # psutil comes with ipykernel; without it children may live on
        import psutil  # type: ignore[import-untyped, unused-ignore]

        for child in psutil.Process(pid).children(recursive=True):
            child.kill()
