"""One kernel: started behind its fence, asked to run code under a deadline, killed with all its children."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import zmq
from jupyter_client.blocking.client import BlockingKernelClient

from autograder.execute import processes
from autograder.execute.protocol import Options
from autograder.records import Limits

STARTUP_SECONDS = 60.0
INTERRUPT_GRACE_SECONDS = 2.0
IDLE_GRACE_SECONDS = 2.0
LISTEN_SECONDS = 0.25
MEMORY_CHECK_SECONDS = 0.15
ADDRESS_OVERHEAD_MIB = 1741
"""Address space that an idle kernel with torch and matplotlib reserves; it holds 0.3 GiB of it in memory."""
FILE_MIB = 1024
POLL_MS = 50
MIB = 2**20

INHERITED = ("PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")
LAUNCHER = Path(__file__).with_name("launcher.py")

How = Literal["ok", "error", "time_limit", "memory_limit", "died"]


class KernelStartError(RuntimeError):
    """The kernel did not start; the message has the end of its log."""


@dataclass(frozen=True)
class Outcome:
    """How running one piece of code ended; `lost`: messages of it did not arrive."""

    how: How
    reply: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    lost: bool = False


class _Client(BlockingKernelClient):
    """A client that neither blocks on a broken kernel nor takes a message of any size."""

    max_message_bytes = 64 * MIB

    def _create_connected_socket(self, channel: str, identity: bytes | None = None) -> Any:
        made = self.context.socket({"shell": zmq.DEALER, "iopub": zmq.SUB}[channel])
        made.linger = 0
        made.setsockopt(zmq.MAXMSGSIZE, self.max_message_bytes)
        made.setsockopt(zmq.SNDTIMEO, 2000)
        if identity:
            made.identity = identity
        made.connect(self._make_url(channel))
        return made


class Kernel:
    """A cold ipykernel in the folder `scratch`, which holds its sockets, its home and its working folder."""

    def __init__(self, scratch: Path, options: Options, limits: Limits) -> None:
        self.scratch = scratch
        self.options = options
        self.limits = limits
        self.facts: dict[str, Any] = {}
        self.alive = False
        self._connection = {
            "transport": "ipc",
            "ip": str(scratch / "k"),
            "key": secrets.token_hex(16),
            "signature_scheme": "hmac-sha256",
            **{f"{name}_port": n for n, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), 1)},
        }

    def start(self) -> None:
        """Returns when the kernel answers. KernelStartError when it does not within `STARTUP_SECONDS`."""
        report = self.scratch / "fence.json"
        self._launch(report)
        deadline = time.monotonic() + STARTUP_SECONDS
        wanted = [report, self.scratch / "k-1", self.scratch / "k-2"]
        while not all(path.exists() for path in wanted):
            if self._launcher.poll() is not None or time.monotonic() > deadline:
                raise KernelStartError(f"The kernel did not start: {self._log_end()}")
            time.sleep(0.01)
        self.facts = json.loads(report.read_text())
        self._connect()
        self.alive = True
        if not self._hears(deadline):
            raise KernelStartError(f"The kernel does not answer: {self._log_end()}")

    def fence(self) -> str:
        """The protection in force, in words."""
        network = "network off, own process space" if self.facts.get("network_off") else "network not fenced"
        limited = bool(self.facts.get("address_limit")) or sys.platform == "linux"
        memory = f"memory {self.limits.memory_mib} MiB" if limited else "memory not limited"
        return f"{network}; {memory}; no file system fence"

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
        outcome = self._wait(asked, started + seconds, keep, idle_seconds)
        if outcome.how == "time_limit" and not silent:
            outcome = self._interrupt(asked, keep, outcome)
        elif outcome.how == "time_limit":
            self._interrupt(asked, None, outcome)
        if outcome.how in ("died", "memory_limit"):
            self.kill()
        elif outcome.lost and idle_seconds == IDLE_GRACE_SECONDS:
            self._listen_again()
        return Outcome(outcome.how, outcome.reply, time.monotonic() - started, outcome.lost)

    def kill(self) -> None:
        """Ends the kernel and everything that it started; at once, without asking."""
        self.alive = False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._launcher.pid, signal.SIGKILL)
        processes.kill_below(os.getpid())
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._launcher.wait(5)

    def close(self) -> None:
        """Kills the kernel and closes the sockets."""
        self.kill()
        if hasattr(self, "_client"):
            self._client.shell_channel.stop()
            self._client.iopub_channel.stop()

    def _launch(self, report: Path) -> None:
        python = self.options.python or sys.executable
        connection = self.scratch / "connection.json"
        connection.write_text(json.dumps(self._connection))
        command = [python, "-P", "-m", "ipykernel_launcher", "-f", str(connection)]
        command += ["--HistoryManager.enabled=False", "--IPKernelApp.ignore_cwd=True"]
        launch = {
            "command": command,
            "environment": self._environment(),
            "folder": str(self.scratch / "work"),
            "report": str(report),
            "address_mib": ADDRESS_OVERHEAD_MIB + self.limits.memory_mib,
            "file_mib": FILE_MIB,
            "namespaces": self.options.fence == "auto" and sys.platform == "linux",
        }
        order = self.scratch / "launch.json"
        order.write_text(json.dumps(launch))
        with (self.scratch / "kernel.log").open("wb") as log:
            self._launcher = subprocess.Popen(
                [python, "-I", "-S", str(LAUNCHER), str(order)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        """Nothing of the grader's environment but what a program needs to start."""
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        home = str(self.scratch / "home")
        return kept | {
            "HOME": home,
            "IPYTHONDIR": f"{home}/.ipython",
            "JUPYTER_CONFIG_DIR": f"{home}/.jupyter",
            "MPLCONFIGDIR": f"{home}/.matplotlib",
            "XDG_CACHE_HOME": f"{home}/.cache",
            "TMPDIR": str(self.scratch / "tmp"),
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONHASHSEED": "0",
            "PYTHONSAFEPATH": "1",
            "PYTHONIOENCODING": "utf-8",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }

    def _connect(self) -> None:
        self._client = _Client()
        self._client.max_message_bytes = int((3 * self.limits.output_mib + 16) * MIB)
        self._client.load_connection_info(self._connection)  # type: ignore[arg-type]
        self._client.start_channels(shell=True, iopub=True, stdin=False, hb=False, control=False)
        self._session = self._client.session
        self._shell = self._client.shell_channel.socket
        self._iopub = self._client.iopub_channel.socket
        self._poller = zmq.Poller()
        self._poller.register(self._shell, zmq.POLLIN)
        self._poller.register(self._iopub, zmq.POLLIN)

    def _hears(self, deadline: float) -> bool:
        """Whether output arrives: a subscription takes effect some time after it was made."""
        while self.alive and time.monotonic() < deadline:
            left = deadline - time.monotonic()
            outcome = self.run("None", left, silent=True, idle_seconds=LISTEN_SECONDS)
            if outcome.how == "ok" and not outcome.lost:
                return True
        return False

    def _listen_again(self) -> None:
        """A new output socket: a message over the size limit ends the connection of the old one for good."""
        self._poller.unregister(self._iopub)
        self._iopub.close(linger=0)
        self._iopub = self._client.connect_iopub()
        self._poller.register(self._iopub, zmq.POLLIN)
        self._hears(time.monotonic() + STARTUP_SECONDS)

    def _wait(
        self,
        asked: str,
        deadline: float,
        keep: Callable[[dict[str, Any]], None] | None,
        idle_seconds: float = IDLE_GRACE_SECONDS,
    ) -> Outcome:
        """Collects messages until the reply and the idle status came, or the deadline or the kernel's end."""
        reply: dict[str, Any] | None = None
        idle, replied, checked = False, 0.0, time.monotonic()
        while True:
            ready = dict(self._poller.poll(POLL_MS))
            now = time.monotonic()
            if self._iopub in ready:
                idle = self._take(asked, keep) or idle
            if self._shell in ready and reply is None:
                reply = self._reply(asked)
                replied = now
            if reply is not None and (idle or now - replied > idle_seconds):
                how: How = "ok" if reply.get("status") == "ok" else "error"
                return Outcome(how, reply, lost=not idle)
            if self._launcher.poll() is not None:
                return Outcome("died")
            if now - checked > MEMORY_CHECK_SECONDS:
                checked = now
                if self._too_large():
                    return Outcome("memory_limit")
            if now > deadline and reply is None:
                return Outcome("time_limit")

    def _take(self, asked: str, keep: Callable[[dict[str, Any]], None] | None) -> bool:
        """Passes waiting messages on; whether the one that ends the execution was among them."""
        for _ in range(200):
            message = self._receive(self._iopub)
            if message is None:
                return False
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["msg_type"] == "status":
                if message["content"].get("execution_state") == "idle":
                    return True
            elif keep is not None:
                keep(message)
        return False

    def _reply(self, asked: str) -> dict[str, Any] | None:
        message = self._receive(self._shell)
        while message is not None:
            if message["msg_type"] == "execute_reply" and message["parent_header"].get("msg_id") == asked:
                content: dict[str, Any] = message["content"]
                return content
            message = self._receive(self._shell)
        return None

    def _receive(self, source: Any) -> dict[str, Any] | None:
        """The next well-formed message that waits, or None. What is forged or broken is passed over."""
        while True:
            try:
                _, message = self._session.recv(source, mode=zmq.NOBLOCK)
            except Exception:  # student code knows the key and can send anything
                continue
            if message is None:
                return None
            parts = (message.get(name) for name in ("header", "parent_header", "content"))
            if all(isinstance(part, dict) for part in parts) and isinstance(message.get("msg_type"), str):
                whole: dict[str, Any] = message
                return whole

    def _interrupt(
        self, asked: str, keep: Callable[[dict[str, Any]], None] | None, outcome: Outcome
    ) -> Outcome:
        """Interrupts what runs; kills the kernel when it does not answer and go on."""
        with contextlib.suppress(ProcessLookupError, KeyError):
            os.kill(self.facts["pid"], signal.SIGINT)
        stopped = self._wait(asked, time.monotonic() + INTERRUPT_GRACE_SECONDS, keep)
        if stopped.how in ("ok", "error"):
            check = self._session.msg(
                "execute_request", {"code": "None", "silent": True, "allow_stdin": False}
            )
            with contextlib.suppress(zmq.ZMQError):
                self._session.send(self._shell, check)
                answer = self._wait(
                    check["header"]["msg_id"], time.monotonic() + INTERRUPT_GRACE_SECONDS, None
                )
                if answer.how == "ok":
                    return outcome
        self.kill()
        return Outcome(stopped.how) if stopped.how == "memory_limit" else outcome

    def _too_large(self) -> bool:
        below = processes.descendants(self._launcher.pid)
        return processes.memory_mib(below, self.limits.memory_mib) > self.limits.memory_mib

    def _log_end(self) -> str:
        with contextlib.suppress(OSError):
            return (self.scratch / "kernel.log").read_text(errors="replace")[-600:]
        return "no log"
