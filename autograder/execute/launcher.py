"""Started in place of a kernel: fences itself in, says what it got, and becomes the kernel.

Runs as a file under the kernel's interpreter, so it needs the standard library alone. Its one argument is a
JSON file: `command`, `environment`, `folder` (the kernel's working folder), `report` (where it says what it
got), `address_mib`, `file_mib`, `namespaces`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8
MS_PRIVATE_RECURSIVE = (1 << 18) | (1 << 14)
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
MIB = 2**20

libc = ctypes.CDLL(None, use_errno=True)


def main(job_file: str) -> int:
    """Exit status of the kernel, 128 + signal when one ended it."""
    job = json.loads(Path(job_file).read_text())
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is meant for the kernel
    fenced = bool(job["namespaces"]) and in_child(enter_namespaces)
    if fenced:
        enter_namespaces()
    heard, said = os.pipe()
    kernel = os.fork()
    if kernel == 0:
        os.close(heard)
        become_kernel(job, fenced, said)
    os.close(said)
    with os.fdopen(heard) as pipe:
        facts = json.loads(pipe.read() or "{}")
    report = Path(job["report"])
    partial = report.with_suffix(".part")
    partial.write_text(json.dumps(facts | {"pid": kernel, "network_off": fenced}))
    partial.replace(report)
    _, status = os.waitpid(kernel, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def enter_namespaces() -> None:
    """Own user, process, mount and network namespace, loopback up. OSError when the platform refuses."""
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        asked = fcntl.ioctl(probe, SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack("16sh22x", asked)[1] | IFF_UP
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags))


def in_child(action: Any) -> bool:
    """Whether `action` works, tried in a process that ends at once."""
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        except BaseException:  # a child of fork must never return
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def become_kernel(job: dict[str, Any], fenced: bool, said: int) -> None:
    """Sets limits, reports them, and replaces this process by the kernel; never returns."""
    facts: dict[str, Any] = {}
    try:
        die_with_parent()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if fenced:
            facts["own_proc"] = mount_proc()
        with contextlib.suppress(AttributeError):  # Linux only
            libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        facts["address_limit"] = limit(resource.RLIMIT_AS, job["address_mib"] * MIB)
        limit(resource.RLIMIT_CORE, 0)
        limit(resource.RLIMIT_FSIZE, job["file_mib"] * MIB)
        with contextlib.suppress(OSError):
            os.nice(3)
        os.umask(0o077)
        os.chdir(job["folder"])
        os.write(said, json.dumps(facts).encode())
        os.close(said)
        os.execve(job["command"][0], job["command"], job["environment"])
    except BaseException as error:  # a child of fork must never return
        sys.stderr.write(f"the kernel could not be started: {error!r}\n")
        sys.stderr.flush()
    os._exit(127)


def die_with_parent() -> None:
    """SIGKILL for this process when the one that started it ends (Linux only)."""
    with contextlib.suppress(AttributeError):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def mount_proc() -> bool:
    """Whether /proc could be made to show the own process namespace."""
    libc.mount(b"none", b"/", None, MS_PRIVATE_RECURSIVE, None)
    return bool(libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID_NODEV_NOEXEC, None) == 0)


def limit(what: int, value: int) -> bool:
    """Whether both limits of a resource could be lowered to `value`."""
    try:
        hard = resource.getrlimit(what)[1]
        lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (lowered, lowered))
    except (OSError, ValueError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
