"""What attacks may reach, put up to notice when one does: sockets, files, a folder, a token and a process."""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import selectors
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]
TOKEN = "CONTAINMENT_TOKEN"
REST = "-and-the-rest"
PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/", "/srv", "/mnt", "/opt", "/home", "/root", str(ROOT))
IPC = ("shm", "sem", "msg")


class Canaries:
    """Stands for the machine and its user while notebooks run; `touched` says what was reached."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Canaries:
        self.marker = f"hostile-{secrets.token_hex(6)}"
        self.number = secrets.randbelow(10**9)
        self.top = Path(tempfile.mkdtemp(prefix="canaries-"))
        self.top.chmod(0o755)  # a file's mode must not be what keeps an attack out
        self.secrets = {name: secrets.token_hex(12) for name in ("file", "hand-in", "token")}
        self.home, self.folder = self.top / "home", self.top / "open"
        for place in (self.home, self.folder):
            place.mkdir()
            place.chmod(0o777)
        (self.home / "secret.txt").write_text(self.secrets["file"])
        (self.home / "other.ipynb").write_text(self.secrets["hand-in"])
        (self.home / "secret.txt").chmod(0o666)
        os.environ[TOKEN] = self.secrets["token"] + REST
        self._files = self._look_at_files()
        self.host = _own_address()
        self.contacts: list[str] = []
        self._listen()
        self._ipc = _shared_segments()
        return self

    def start_process(self, user: int | None) -> None:
        """Starts the process that is not to be touched, as the user that kernels run as: only the fence keeps them."""
        self._process = _sleeper(user)
        self._was = _standing(self._process.pid)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.environ.pop(TOKEN, None)
        self._ended.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.top, ignore_errors=True)

    def target(self) -> dict[str, Any]:
        """What a notebook is told of all this."""
        assert self._process is not None
        return {
            "marker": self.marker,
            "number": self.number,
            "home": str(self.home),
            "folder": str(self.folder),
            "secret": str(self.home / "secret.txt"),
            "project": str(ROOT),
            "host": self.host,
            "tcp_port": self.tcp_port,
            "udp_port": self.udp_port,
            "socket": str(self.top / "stream"),
            "datagrams": str(self.top / "datagrams"),
            "abstract": self.marker,
            "pid": self._process.pid,
            "token_begins": self.secrets["token"],
        }

    def touched(self) -> list[str]:
        """What was reached since the last call, or is there that was not."""
        found, self.contacts[:] = list(self.contacts), []
        files = self._look_at_files()
        found += [
            f"{path} is no longer what it was" for path in self._files if files.get(path) != self._files[path]
        ]
        found += [f"{path} is new" for path in files if path not in self._files]
        found += self._marked()
        assert self._process is not None
        if self._process.poll() is not None or _standing(self._process.pid) != self._was:
            found.append("the process of somebody else is no longer what it was")
        found += [f"left behind: {line}" for line in sorted(_shared_segments() - self._ipc)]
        return found

    def leaked(self, folder: Path) -> list[str]:
        """Names of the secrets that a file below `folder` holds."""
        wanted = {name: text.encode() for name, text in self.secrets.items()}
        wanted["token"] += REST.encode()
        found = set()
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                found |= {name for name, text in wanted.items() if text in content}
        return sorted(found)

    def processes_left(self) -> list[str]:
        """Command lines of processes that carry our mark."""
        mark, found = f"86400.{self.number}".encode(), []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if mark in (line := path.read_bytes()):
                    found.append(line.replace(b"\0", b" ").decode(errors="replace"))
        return found

    def _look_at_files(self) -> dict[str, tuple[int, ...]]:
        """Owner, mode, size and times of what may not be touched."""
        found = {}
        for path in (self.home, self.folder, *self.home.rglob("*"), *self.folder.rglob("*")):
            facts = path.lstat()
            found[str(path)] = (facts.st_mode, facts.st_uid, facts.st_size, facts.st_mtime_ns, facts.st_nlink)
        return found

    def _marked(self) -> list[str]:
        found = []
        for place in PLACES:
            with contextlib.suppress(OSError):
                found += [str(path) for path in Path(place).iterdir() if self.marker in path.name]
        return found

    # -------------------------------------------------------------- listeners

    def _listen(self) -> None:
        """Listens on every address of ours, with and without connections, and on sockets with names."""
        self._selector = selectors.DefaultSelector()
        self._ended = threading.Event()
        self.tcp_port = self._open(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0), "tcp")
        self.udp_port = self._open(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0), "udp")
        for family, host in ((socket.AF_INET, self.host), (socket.AF_INET6, "::1")):
            with contextlib.suppress(OSError):
                self._open(family, socket.SOCK_STREAM, (host, self.tcp_port), f"tcp {host}")
                self._open(family, socket.SOCK_DGRAM, (host, self.udp_port), f"udp {host}")
        named = (("stream", socket.SOCK_STREAM, ""), ("datagrams", socket.SOCK_DGRAM, "-d"))
        for name, kind, ending in named:
            self._open(socket.AF_UNIX, kind, str(self.top / name), name)
            (self.top / name).chmod(0o777)
            self._open(socket.AF_UNIX, kind, f"\0{self.marker}{ending}", f"abstract {name}")
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def _open(self, family: int, kind: int, address: Any, name: str) -> int:
        its = socket.socket(family, kind)
        its.setblocking(False)
        try:
            its.bind(address)
            if kind == socket.SOCK_STREAM:
                its.listen(50)
        except OSError:
            its.close()
            raise
        self._selector.register(its, selectors.EVENT_READ, name)
        return int(its.getsockname()[1]) if family == socket.AF_INET else 0

    def _hear(self) -> None:
        while not self._ended.is_set():
            for key, _ in self._selector.select(0.1):
                its: Any = key.fileobj
                with contextlib.suppress(OSError):
                    if its.type == socket.SOCK_STREAM:
                        its.accept()[0].close()
                    else:
                        its.recv(100)
                    self.contacts.append(f"the listener {key.data} was reached")


def _own_address() -> str:
    """The address of this machine towards others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.2"
        return str(probe.getsockname()[0])


def _sleeper(user: int | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["sleep", "86400"], user=user, group=user, extra_groups=[] if user else None, cwd="/"
    )


def _standing(pid: int) -> tuple[Any, ...]:
    """State, limits, priority, processors and schedule of a process."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        kinds = (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_AS)
        limits = tuple(resource.prlimit(pid, kind) for kind in kinds)
        order = (os.getpriority(os.PRIO_PROCESS, pid), os.sched_getscheduler(pid), os.sched_getaffinity(pid))
    except OSError as error:
        return (str(error),)
    return (state.replace("R", "S"), limits, order)


def _shared_segments() -> set[str]:
    """Owner and key of the old kinds of shared memory, semaphores and queues."""
    found = set()
    for kind in IPC:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]
            found |= {f"{kind} {' '.join(line.split()[:2])}" for line in lines}
    return found
