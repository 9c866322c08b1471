"""One kernel: asked to run code under a deadline, watched, interrupted, and ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from autograder.execute import messages
from autograder.execute.fence import processes
from autograder.execute.provisioners import (
    FencedProcess,
    FencedProvisioner,
    OneKernel,
    PlainProcess,
    Process,
    Supervisor,
)
from autograder.records import Limits

STARTUP_SECONDS = 60.0
INTERRUPT_GRACE_SECONDS = 0.6
"""From a deadline to the kill of a kernel that does not answer: whoever waits behind it waits less than a second."""
MAX_GRACE_SECONDS = 3.6
"""The same where others keep the processors from the kernel: the time in which it waited for one does not count."""
STARVED_SHARE, STARVED_SECONDS = 0.5, 0.5
"""Code that met its limit of time with less of the processor than this share of it was kept waiting by the machine, or
waited of its own will; limits of less time are not judged."""
CROWD = 24
"""A kernel with more processes at a deadline is killed at once: an interrupt reaches one of them."""
IDLE_GRACE_SECONDS = 2.0
LISTEN_SECONDS = 0.25
WATCH_SECONDS, WATCH_SHARE = 0.15, 10
"""The kernel's memory is looked at so often, but for no more than a tenth of the time."""
START_POLL_SECONDS = 0.002
ADDRESS_OVERHEAD_MIB = 1741
"""Address space that an idle kernel with torch and matplotlib reserves; it holds 0.3 GiB of it in memory."""
FILE_MIB = 1024
N_PROCESSES = min(128, 32 + 8 * (os.cpu_count() or 1))
"""A bomb of more would take the processors more than half a second to clear away; libraries start a thread or a
process for each processor, and get them."""
POLL_MS = 10
"""Also how long a kernel can fill our memory before that is seen."""
TAKE_SECONDS = 0.05
"""For how long messages are taken without a look at the clock, the kernel and our own memory."""
MIB = 2**20
MAX_MESSAGE_MIB = 12
"""A larger message is not taken: one figure or table of it would be longer than most notebooks."""
N_MESSAGES = 4
"""Messages that may wait here; a kernel keeps some more."""
OWN_MIB = 64
"""What messages may take of this process's memory, beside the outputs that are kept. One of many frames has no
limit of its own: libzmq counts it when it is whole."""
MAX_DROPS = 20

How = Literal["ok", "error", "time_limit", "memory_limit", "disk_limit", "died"]


class KernelStartError(RuntimeError):
    """The kernel did not start; the message has the end of its log."""


@dataclass(frozen=True)
class Outcome:
    """How running one piece of code ended.

    `lost`: messages of it did not arrive, or were refused; `deaf`: nor did the one that ends it.
    """

    how: How
    reply: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    lost: bool = False
    deaf: bool = False


@dataclass(frozen=True)
class Setup:
    """How kernels are started here."""

    python: str
    """The kernel's interpreter."""
    warm: bool
    environment: dict[str, str]
    supervisor: Supervisor | None
    """None: jupyter_client starts the kernel itself, with no fence."""
    folders: dict[str, str]
    """Places of `home`, `work`, `tmp`, `k` (sockets) and `seen` (observations)."""


class _Manager(KernelManager):
    """Kernels are ended without asking, so nothing connects to their control channel."""

    def _connect_control_socket(self) -> None:
        pass


class Kernel:
    """An ipykernel, started behind the fence as a fork or as a program, or without a fence by jupyter_client."""

    def __init__(self, setup: Setup, limits: Limits) -> None:
        self.setup = setup
        self.limits = limits
        self.alive = False
        self.was_killed = False
        """Whether SIGKILL ended it, and not ours: that of its own code, of a machine out of memory, of a person."""
        self.was_starved = False
        """Whether something met its limit of time and had little of the processor."""
        self.cpu_seconds = 0.0
        self._seen_cpu: float | None = None
        """CPU seconds when usage was last looked at."""
        self._process: Process | None = None
        self._lost = False
        self._n_drops = 0
        self._watch_at = 0.0
        self._max_own_mib = processes.own_mib() + OWN_MIB + limits.output_mib

    def start(self) -> None:
        """Returns when the kernel answers. KernelStartError when it does not within `STARTUP_SECONDS`."""
        deadline = time.monotonic() + STARTUP_SECONDS
        self._manager = self._make_manager()
        self._manager.start_kernel(env=self.setup.environment, cwd=self.setup.folders["work"])
        if self.setup.supervisor is None:
            self._process = PlainProcess(self._manager)
        else:
            self._process = FencedProcess(self.setup.supervisor)
            sockets = [Path(self.setup.folders["k"]) / f"k-{number}" for number in (1, 2)]
            while not all(path.exists() for path in sockets):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise KernelStartError(f"The kernel did not start: {self._log_end()}")
                time.sleep(START_POLL_SECONDS)
        self._connect()
        self.alive = True
        if not self._hears(deadline):
            raise KernelStartError(f"The kernel does not answer: {self._log_end()}")

    def run(
        self,
        code: str,
        seconds: float,
        *,
        silent: bool = False,
        keep: Callable[[dict[str, Any]], None] | None = None,
        idle_seconds: float = IDLE_GRACE_SECONDS,
    ) -> Outcome:
        """How `code` ended. Messages of it go to `keep`; beyond `seconds` it is interrupted, then killed."""
        started = time.monotonic()
        request = self._session.msg(
            "execute_request",
            {
                "code": code,
                "silent": silent,
                "store_history": not silent,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": False,
            },
        )
        try:
            self._session.send(self._shell, request)
        except zmq.ZMQError:
            self.kill()
            return Outcome("died")
        asked = request["header"]["msg_id"]
        self._lost, cpu_before = False, self._seen_cpu
        outcome = self._wait(asked, started + seconds, keep, idle_seconds)
        if outcome.how == "time_limit" and seconds >= STARVED_SECONDS:
            self._excess()
            used = (self._seen_cpu or 0.0) - (cpu_before or 0.0)
            self.was_starved |= self._seen_cpu is not None and used < STARVED_SHARE * seconds
        if outcome.how == "time_limit" and not silent:
            outcome = self._interrupt(asked, keep, outcome)
        elif outcome.how == "time_limit":
            self._interrupt(asked, None, outcome)
        if outcome.how in ("died", "memory_limit", "disk_limit"):
            self.kill()
        elif outcome.deaf and idle_seconds == IDLE_GRACE_SECONDS:
            self._listen_again()
        return replace(outcome, seconds=time.monotonic() - started, lost=self._lost or outcome.deaf)

    def kill(self) -> None:
        """Ends the kernel and everything that it started; at once, without asking."""
        was_alive, self.alive = self.alive, False
        if self._process is not None:
            with contextlib.suppress(OSError):
                used = self._process.kill()
                self.cpu_seconds = used if was_alive else max(used, self.cpu_seconds)

    def close(self) -> None:
        """Kills the kernel and closes the sockets."""
        self.kill()
        if hasattr(self, "_client"):
            self._client.shell_channel.stop()
            self._client.iopub_channel.stop()
        if hasattr(self, "_context"):
            self._context.destroy(linger=0)

    # ------------------------------------------------------------------ start

    def _make_manager(self) -> KernelManager:
        """A manager whose provisioner starts the kernel as `setup` says; sockets of it have limits from the start."""
        self._context = zmq.Context()
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, MAX_MESSAGE_MIB * MIB),
            (zmq.RCVHWM, N_MESSAGES),
            (zmq.SNDTIMEO, 2000),
        ):
            self._context.setsockopt(option, value)
        argv = [self.setup.python, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        argv += ["--HistoryManager.enabled=False", "--IPKernelApp.ignore_cwd=True"]
        sockets = self.setup.folders["k"]
        is_ipc = self.setup.supervisor is not None or sys.platform != "win32"
        manager = _Manager(
            context=self._context,
            kernel_spec_manager=OneKernel(argv),
            connection_file=f"{sockets}/connection.json",
            transport="ipc" if is_ipc else "tcp",
            ip=f"{sockets}/k" if is_ipc else "127.0.0.1",
        )
        manager.session.key = secrets.token_hex(16).encode()
        if self.setup.supervisor is not None:
            provisioner = FencedProvisioner(parent=manager, kernel_id=secrets.token_hex(8))
            provisioner.kernel_spec = manager.kernel_spec
            provisioner.supervisor = self.setup.supervisor
            provisioner.order = self._order(sockets)
            manager.provisioner = provisioner
        return manager

    def _order(self, sockets: str) -> dict[str, Any]:
        """What the supervisor is told beside command and environment."""
        assert self.setup.supervisor is not None
        return {
            "warm": self.setup.warm,
            "address_mib": ADDRESS_OVERHEAD_MIB + self.limits.memory_mib,
            "file_mib": FILE_MIB,
            "n_processes": N_PROCESSES + self.setup.supervisor.facts.get("n_processes", 0),
            "log": f"{sockets}/kernel.log",
            "pipe": f"{sockets}/pipe",
        }

    def _connect(self) -> None:
        # A client left to itself makes a context of its own, whose sockets have no limits.
        client: BlockingKernelClient = self._manager.client(context=self._context)
        client.start_channels(shell=True, iopub=True, stdin=False, hb=False, control=False)
        self._client = client
        self._session = client.session
        self._shell: Any = client.shell_channel.socket
        self._iopub: Any = client.iopub_channel.socket
        self._poller = zmq.Poller()
        self._poller.register(self._shell, zmq.POLLIN)
        self._poller.register(self._iopub, zmq.POLLIN)

    def _hears(self, deadline: float) -> bool:
        """Whether output arrives: a subscription takes effect some time after it was made."""
        while self.alive and time.monotonic() < deadline:
            left = deadline - time.monotonic()
            outcome = self.run("None", left, silent=True, idle_seconds=LISTEN_SECONDS)
            if outcome.how == "ok" and not outcome.deaf:
                return True
        return False

    def _listen_again(self) -> None:
        """A new output socket: a message over the size limit ends the connection of the old one for good."""
        self._close_output()
        self._open_output()
        self._hears(time.monotonic() + STARTUP_SECONDS)

    def _close_output(self) -> None:
        self._poller.unregister(self._iopub)
        self._iopub.close(linger=0)

    def _open_output(self) -> None:
        self._iopub = self._client.connect_iopub()
        self._poller.register(self._iopub, zmq.POLLIN)

    def _has_room(self) -> bool:
        """Whether the kernel leaves us memory; output that fills it is thrown away, as often as that helps."""
        if processes.own_mib() <= self._max_own_mib:
            return True
        self._lost = True
        self._n_drops += 1
        self._close_output()
        patience = time.monotonic() + TAKE_SECONDS
        while processes.own_mib() > self._max_own_mib - OWN_MIB / 4 and time.monotonic() < patience:
            time.sleep(POLL_MS / 1000)
        has_room = processes.own_mib() <= self._max_own_mib and self._n_drops <= MAX_DROPS
        self._open_output()
        return has_room

    def _log_end(self) -> str:
        with contextlib.suppress(OSError):
            return (Path(self.setup.folders["k"]) / "kernel.log").read_text(errors="replace")[-600:]
        return "no log"

    # ---------------------------------------------------------------- waiting

    def _wait(
        self,
        asked: str,
        deadline: float,
        keep: Callable[[dict[str, Any]], None] | None,
        idle_seconds: float = IDLE_GRACE_SECONDS,
    ) -> Outcome:
        """Collects messages until the reply and the idle status came, or the deadline or the kernel's end."""
        reply: dict[str, Any] | None = None
        idle, replied = False, 0.0
        while True:
            ready = dict(self._poller.poll(POLL_MS))
            now = time.monotonic()
            until = min(now + TAKE_SECONDS, max(deadline, now + POLL_MS / 1000))
            if self._iopub in ready:
                idle = self._take(asked, keep, until) or idle
            if self._shell in ready and reply is None:
                reply = self._reply(asked, until)
                replied = now
            if reply is not None and (idle or now - replied > idle_seconds):
                how: How = "ok" if reply.get("status") == "ok" else "error"
                return Outcome(how, reply, deaf=not idle)
            if self._has_ended():
                return Outcome(self._how_it_ended())
            if not self._has_room():
                return Outcome("died")
            if now > self._watch_at:
                if (excess := self._excess()) is not None:
                    return Outcome(excess)
                # Where processes without number leave us little of the processors, looking is what costs most.
                spent = time.monotonic() - now
                self._watch_at = now + max(WATCH_SECONDS, WATCH_SHARE * spent)
            if now > deadline and reply is None:
                return Outcome("time_limit")

    def _take(self, asked: str, keep: Callable[[dict[str, Any]], None] | None, until: float) -> bool:
        """Passes waiting messages on; whether the one that ends the execution was among them."""
        while (message := self._receive(self._iopub, until)) is not None:
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["msg_type"] == "status":
                if message["content"].get("execution_state") == "idle":
                    return True
            elif keep is not None:
                keep(message)
        return False

    def _reply(self, asked: str, until: float) -> dict[str, Any] | None:
        while (message := self._receive(self._shell, until)) is not None:
            if message["msg_type"] == "execute_reply" and message["parent_header"].get("msg_id") == asked:
                content: dict[str, Any] = message["content"]
                return content
        return None

    def _receive(self, source: Any, until: float) -> dict[str, Any] | None:
        """The next well-formed message that waits, or None. What is forged or broken is passed over."""
        while time.monotonic() < until:
            try:
                return messages.receive(self._session, source, MAX_MESSAGE_MIB * MIB)
            except messages.TooHeavy:
                self._lost = True
            except Exception:  # student code knows the key and can send anything
                continue
        return None

    def _interrupt(
        self, asked: str, keep: Callable[[dict[str, Any]], None] | None, outcome: Outcome
    ) -> Outcome:
        """Interrupts what runs; kills the kernel when it does not answer and go on, or is a crowd by now."""
        assert self._process is not None
        crowd = self._process.crowd()
        if crowd.n_processes > CROWD:
            self.kill()
            return outcome
        began, waited = time.monotonic(), crowd.waited_seconds
        patience = began + INTERRUPT_GRACE_SECONDS
        with contextlib.suppress(OSError):
            self._process.interrupt()
        while True:
            stopped = self._wait(asked, patience, keep, idle_seconds=LISTEN_SECONDS)
            waited_now = self._process.crowd().waited_seconds
            more = min(waited_now - waited, began + MAX_GRACE_SECONDS - patience)
            if stopped.how != "time_limit" or more < POLL_MS / 1000:
                break
            patience, waited = patience + more, waited_now
        if stopped.how in ("ok", "error"):
            check = self._session.msg(
                "execute_request", {"code": "None", "silent": True, "allow_stdin": False}
            )
            with contextlib.suppress(zmq.ZMQError):
                self._session.send(self._shell, check)
                answer = self._wait(check["header"]["msg_id"], patience, None, idle_seconds=LISTEN_SECONDS)
                if answer.how == "ok":
                    return outcome
        self.kill()
        return Outcome(stopped.how) if stopped.how in ("memory_limit", "disk_limit") else outcome

    def _has_ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None

    def _how_it_ended(self) -> Literal["memory_limit", "died"]:
        """What ended a kernel that we did not end."""
        supervisor = self.setup.supervisor
        if supervisor is not None and supervisor.out_of_memory:
            return "memory_limit"
        assert self._process is not None
        self.was_killed = self._process.poll() == -getattr(signal, "SIGKILL", 0)
        return "died"

    def _excess(self) -> Literal["memory_limit", "disk_limit"] | None:
        """Which limit that only we can watch is exceeded."""
        assert self._process is not None
        used = self._process.usage(self.limits.memory_mib)
        self._seen_cpu = used.cpu_seconds
        if used.memory_mib > self.limits.memory_mib:
            return "memory_limit"
        return "disk_limit" if used.disk_mib > self.limits.disk_mib else None
