"""One slot: puts up the fence, starts the driver behind it, and forks, signals and ends kernels at its word.

The driver asks through a socket pair that keeps messages apart; every request has one answer:

    {"op": "prepare", "disk_mib", "seen_mib", "shared_mib", "memory_mib", "n_processes"}
                                                               empty folders and limits for the next kernel
    {"op": "spawn", ...}                                       see :func:`kernels.become`  -> {"pid"}
    {"op": "signal", "number"}
    {"op": "usage", "limit_mib"}           -> {"memory_mib", "disk_mib", "cpu_seconds"} of the kernel and all below it
    {"op": "crowd"}          -> {"n_processes"}, and "waited_seconds": how long the kernel itself got no processor
    {"op": "kill"}                                             all that the kernel started ends -> {"status", "cpu_seconds"}

and hears `{"event": "exit", "status", "out_of_memory"}` when a kernel ends by itself. A driver that ends, ends the slot.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import time
from typing import Any, NoReturn

from . import cgroups, folders, kernels, landlock, linux, processes, roots, seccomp

FOLDERS = ("home", "work", "tmp", "k", "seen")
MAX_MESSAGE = 4 * 2**20
KILL_SECONDS = 20.0
DISK_CHECK_SECONDS = 0.5
SHARED_MEMORY = "/dev/shm"
CROWD_SHARE = 0.75
"""A kernel that uses more than this share of the processes that it may have, threads counted, stands back: the processors
belong to the kernels beside it first."""
LAST = 19
"""The niceness of who gets what nobody else wants."""


class Supervisor:
    """The process that a slot consists of, before and after its fence is up.

    `spec`: `level`, `uid` and `gid` (of kernels, where the grader is root; else null), `keep` (capabilities that
    user then needs to reach the interpreter, where only Landlock fences), `connect` (no socket of others can be
    reached), `readable` (shown to
    kernels), `data` (files of data sets that are shown to them: place to path), `hidden` (covered),
    `driver` (`command`, `environment`, `readable`), `scratch` (a folder of this
    slot's own; only where the fence has no file system), `cgroup` (a control group that may hold others, or "").
    """

    def __init__(self, spec: dict[str, Any], channel: int) -> None:
        self.spec = spec
        self.level: str = spec["level"]
        self.channel = channel
        self.facts: dict[str, Any] = {"level": self.level}
        self.kernel = 0
        self.cpu_seconds = 0.0
        self.own_processes = -1
        self.measured = 0.0
        self.disk_mib, self.n_processes = 0.0, 0
        self.memory = processes.MemoryWatch()
        self.group: cgroups.KernelGroup | None = None
        if spec["cgroup"]:
            self.group = cgroups.KernelGroup(spec["cgroup"], f"slot-{os.getpid()}")
            self.facts["cgroup"] = True
        self.status = 0
        if (
            self.level != "namespaces" and spec["uid"] is None
        ):  # the limit on processes counts all of a user's
            self.facts["n_processes"] = processes.threads_of(os.getuid())

    # ------------------------------------------------------------------ fence

    def run(self) -> NoReturn:
        """Puts the fence up and serves until the driver ends; what goes wrong before is said on the channel."""
        self.spec["nice"] = linux.prefer()
        try:
            if self.level == "namespaces":
                self._enter_namespaces()
            else:
                linux.become_subreaper()
                self.folders = {name: f"{self.spec['scratch']}/{name}" for name in FOLDERS}
                self._make_folders()
            self.driver, self.line = self._start_driver()
            os.close(self.channel)
            self._serve()
        except BaseException as error:
            self._say_failure(error)
        os._exit(1)

    def _enter_namespaces(self) -> None:
        """This process becomes the first of a process space with a root of its own; the one before it waits."""
        uid, gid = os.getuid(), os.getgid()
        if uid == 0:  # files are laid out with root's rights, then these are given up for good
            linux.unshare(linux.CLONE_NEWNS)
            linux.make_mounts_private()
            uid, gid = self.spec["uid"], self.spec["gid"]
            self._lay_out(uid, gid)
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            linux.stay_inspectable()
        own = linux.CLONE_NEWUSER | linux.CLONE_NEWPID | linux.CLONE_NEWNS | linux.CLONE_NEWNET
        linux.unshare(own | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWCGROUP)
        linux.map_ids(uid, gid)
        if "root" not in self.facts:
            linux.make_mounts_private()
            self._lay_out(uid, gid)
        linux.die_with_parent(self.spec["parent"])
        first = os.fork()
        if first:
            os.close(self.channel)
            _, status = os.waitpid(first, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        linux.die_with_parent(0)
        self.own_processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        try:
            flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
            linux.mount("proc", f"{self.outer}/proc", "proc", flags)
            self.facts["proc"] = True
        except OSError:  # a container that covers parts of /proc lets nobody mount another
            self.facts["proc"] = False
        linux.enter_root(self.outer)
        linux.raise_loopback()
        socket.sethostname("slot")
        self.folders = dict(roots.ROOM_PARTS)
        self.folders |= {"k": roots.SOCKETS, "seen": roots.SEEN}

    def _lay_out(self, uid: int, gid: int) -> None:
        """The slot's root, and in it the kernels' root, which shows nothing of the grader."""
        readable = self.spec["readable"]
        shown = [*readable, *self.spec["driver"]["readable"]]
        data = {place: os.path.realpath(path) for place, path in self.spec["data"].items()}
        base = roots.base_beside([*shown, *data.values()])
        linux.mount("tmpfs", base, "tmpfs", linux.MS_NOSUID, "size=1m,mode=755")
        self.outer = f"{base}/outer"
        roots.build(self.outer, shown, uid, gid)
        os.makedirs(f"{self.outer}/kernel")
        roots.build(f"{self.outer}/kernel", readable, uid, gid)
        roots.show_files(f"{self.outer}/kernel", data)
        roots.hide(f"{self.outer}/kernel", self.spec["hidden"], readable)
        roots.close(f"{self.outer}/kernel")
        roots.close(self.outer)
        self.facts |= {"root": "/kernel", "work": f"{roots.ROOM}/work"}

    # ----------------------------------------------------------------- driver

    def _start_driver(self) -> tuple[int, socket.socket]:
        """Starts the driver with a line to this process; behind the fence it has no rights at all."""
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        driver = self.spec["driver"]
        process = os.fork()
        if process:
            its.close()
            return process, mine
        try:
            self._fence_driver()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(2, 1)
            for handle in (self.channel, its.fileno()):
                os.set_inheritable(handle, True)
            line = json.dumps(
                {"channel": self.channel, "line": its.fileno(), "folders": self.folders, "facts": self.facts}
            )
            os.execve(driver["command"][0], [*driver["command"], line], driver["environment"])
        except BaseException as error:
            os.write(2, f"the driver could not be started: {error!r}\n".encode())
        os._exit(127)

    def _fence_driver(self) -> None:
        """What reads a hostile kernel's messages is kept from the machine as well, but for its line to the grader."""
        keep = tuple(self.spec["keep"]) if self.level == "landlock" else ()
        if self.level == "landlock":
            if self.spec["uid"] is not None:
                linux.become_user(self.spec["uid"], self.spec["gid"], keep)
            readable = (
                *roots.SYSTEM,
                *roots.SETTINGS,
                *roots.COPIED,
                *self.spec["readable"],
                "/dev/null",
                "/dev/urandom",
            )
            rules = [(path, landlock.READ) for path in (*readable, *self.spec["driver"]["readable"])]
            landlock.restrict([*rules, *((path, landlock.WRITE) for path in self.folders.values())])
        linux.die_with_parent(os.getppid())
        if self.level != "none":
            linux.drop_capabilities(keep)
            seccomp.install(seccomp.Rules(network=False, connect=True))

    def _say_failure(self, error: BaseException) -> None:
        """One frame for the grader: why there is no slot."""
        text = json.dumps({"type": "failed", "why": f"{type(error).__name__}: {error}", "sizes": []}).encode()
        with contextlib.suppress(OSError):
            os.write(self.channel, len(text).to_bytes(4, "little") + text)

    # ---------------------------------------------------------------- serving

    def _serve(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.waiting = selectors.DefaultSelector()
        self.waiting.register(self.line, selectors.EVENT_READ)
        self.handle = -1
        while True:
            for key, _ in self.waiting.select():
                if key.fileobj is self.line:
                    request = self.line.recv(MAX_MESSAGE)
                    if not request:
                        self._end_kernel()
                        os._exit(0)
                    self._answer(json.loads(request))
                elif self.kernel:
                    self._end_kernel()
                    out_of_memory = self.group is not None and self.group.was_out_of_memory
                    self._tell({"event": "exit", "status": self.status, "out_of_memory": out_of_memory})
            self._reap()

    def _answer(self, request: dict[str, Any]) -> None:
        answer: dict[str, Any] = {}
        try:
            if request["op"] == "prepare":
                self._prepare(request)
            elif request["op"] == "spawn":
                self._spawn(request)
                answer = {"pid": self.kernel}
            elif request["op"] == "signal":
                if self.kernel:
                    os.kill(self.kernel, request["number"])
            elif request["op"] == "usage":
                answer = self._usage(request["limit_mib"])
            elif request["op"] == "crowd":
                waited = processes.waited_seconds(self.kernel)
                answer = {"n_processes": len(self._below()), "waited_seconds": waited}
            else:
                self._end_kernel()
                answer = {"status": self.status, "cpu_seconds": self.cpu_seconds}
        except OSError as error:
            answer = {"error": str(error)}
        self._tell(answer)

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self.line.send(json.dumps(message).encode())

    def _prepare(self, request: dict[str, Any]) -> None:
        """Empty folders; behind a file system of our own each with a size that it cannot outgrow."""
        self.status, self.cpu_seconds = 0, 0.0
        self.disk_mib, self.n_processes = request["disk_mib"], request["n_processes"]
        if self.group is not None:
            self.group.limit(request["memory_mib"], request["n_processes"])
        if self.level != "namespaces":
            self._make_folders()
            return
        flags = linux.MS_NOSUID | linux.MS_NODEV
        sizes = {roots.ROOM: (request["disk_mib"], 50_000), roots.SEEN: (request["seen_mib"], 20_000)}
        sizes |= {roots.SHARED: (request["shared_mib"], 5_000), roots.SOCKETS: (1, 64)}
        for place, (mib, n_files) in sizes.items():
            with contextlib.suppress(OSError):
                linux.unmount(place)
            linux.mount("tmpfs", place, "tmpfs", flags, f"size={mib}m,nr_inodes={n_files},mode=700")
        for part in roots.ROOM_PARTS:
            os.mkdir(f"{roots.ROOM}/{part}")

    def _make_folders(self) -> None:
        for path in self.folders.values():
            os.makedirs(
                path, mode=0o700, exist_ok=True
            )  # the folder itself stays: the driver's fence knows it
            folders.empty(path)
            if self.spec["uid"] is not None:
                os.chown(path, self.spec["uid"], self.spec["gid"])

    def _spawn(self, order: dict[str, Any]) -> None:
        """Forks the kernel; in a process space of its own where there are namespaces: its end is everybody's."""
        readable = list(self.spec["readable"])
        if self.level != "namespaces":  # there, data sets lie at their places in the kernels' root already
            readable += self.spec["data"].values()
        order |= {"folders": self.folders, "readable": readable, "parent": os.getpid()}
        order |= {"hidden": self.spec["hidden"]}
        order |= {"root": "/kernel", "proc": self.facts.get("proc", False)}
        if self.level == "namespaces":
            linux.setns(self.own_processes, linux.CLONE_NEWPID)
            linux.unshare(linux.CLONE_NEWPID)
        kernel = os.fork()
        if kernel == 0:
            if self.group is not None:
                self.group.enter()
            kernels.become(order, self.spec)
        if self.level == "namespaces":
            linux.setns(self.own_processes, linux.CLONE_NEWPID)
        self.kernel, self.status = kernel, 0
        self.handle = os.pidfd_open(kernel)
        self.waiting.register(self.handle, selectors.EVENT_READ)

    def _usage(self, limit_mib: float) -> dict[str, Any]:
        """Memory of the kernel and all below it, and of their files where no file system of ours limits those."""
        tree = self._below()
        used: dict[str, Any] = {"memory_mib": self.memory.mib(tree, limit_mib), "disk_mib": 0.0}
        used["cpu_seconds"] = sum(map(processes.used_seconds, tree))
        threads = processes.threads(tree)
        if len(threads) > CROWD_SHARE * self.n_processes:
            for thread in threads:
                linux.be_nice(LAST, thread)
        if self.level != "namespaces" and time.monotonic() - self.measured > DISK_CHECK_SECONDS:
            used["disk_mib"] = folders.used_mib(self.folders.values(), self.disk_mib)
            used["disk_mib"] += folders.nameless_mib(tree)
            if self.spec["uid"] is not None:
                used["disk_mib"] += folders.of_user_mib(SHARED_MEMORY, self.spec["uid"])
            self.measured = time.monotonic()
        return used

    def _below(self) -> list[int]:
        """The kernel and all that it started, orphans as well: those are this process's children where it is no
        first process of its own that inherits them.
        """
        if self.level == "namespaces":
            return [self.kernel, *processes.descendants(self.kernel)] if self.kernel else []
        return processes.descendants(os.getpid(), spared=(self.driver,))

    def _end_kernel(self) -> None:
        """Kills the kernel and all that it started, and waits for them."""
        if self.kernel:
            below = self._below()
            kernel, self.kernel = self.kernel, 0
            self.waiting.unregister(self.handle)
            os.close(self.handle)
            # All of it at once: what it started would keep the processors from it, and its own end takes work, too.
            for pid in (kernel, *below):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            _, status, used = os.wait4(kernel, 0)
            self.status = os.waitstatus_to_exitcode(status)
            self.cpu_seconds = used.ru_utime + used.ru_stime
        if self.group is not None:
            self.group.kill()
        if self.level != "namespaces":
            self._kill_orphans()
            if self.spec["uid"] is not None:  # nobody else is this user
                folders.unlink_of_user(SHARED_MEMORY, self.spec["uid"])
        self._reap()

    def _kill_orphans(self) -> None:
        """Everything below this process but the driver and what is below that; stopped first, so that none forks."""
        deadline = time.monotonic() + KILL_SECONDS
        while (found := self._below()) and time.monotonic() < deadline:
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in found:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)
            self._reap()
            time.sleep(0.005)

    def _reap(self) -> None:
        """Takes note of the dead; a driver that ended, ends this."""
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if (
                found is None or found.si_pid == self.kernel
            ):  # its handle tells of its end; its status is kept
                return
            os.waitpid(found.si_pid, 0)
            if found.si_pid == self.driver:
                self._end_kernel()
                os._exit(0)


def run(spec: dict[str, Any], channel: int) -> NoReturn:
    """The life of a slot's first process; never returns."""
    Supervisor(spec, channel).run()
