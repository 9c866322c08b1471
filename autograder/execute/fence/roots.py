"""The file systems behind the fence: read-only runtimes on an empty root, built beside the machine's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import site
import sys
from collections.abc import Iterable

from . import linux

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
SETTINGS = ("/etc/alternatives", "/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/ca-certificates", "/etc/fonts")
COPIED = ("/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/debian_version", "/etc/os-release")
"""Copied, not shown: an update replaces such a file, and the one that is shown stays the old one."""
DEVICES = ("null", "zero", "full", "random", "urandom")
LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}

BASES = ("/mnt", "/media", "/srv", "/var/tmp", "/tmp", "/opt", "/home")
"""Folders of which one is covered, in our own view only, to build beside the machine's root."""
HOME, WORK, SPOOL, DATA = "/student", "/content", "/spool", "/datasets"
ROOM, SOCKETS, SEEN, SHARED = f"{SPOOL}/room", f"{SPOOL}/k", f"{SPOOL}/seen", f"{SPOOL}/shm"
ROOM_PARTS = {"home": HOME, "work": WORK, "tmp": "/tmp"}
"""Folders of a kernel's own file system, and where it sees them."""


def of_interpreter() -> list[str]:
    """The folders that this interpreter and its packages live in."""
    found = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        found.append(site.getusersitepackages())
    hop = sys.executable
    for _ in range(40):  # a chain of links from the environment to the program itself
        found.append(os.path.dirname(hop))
        if not os.path.islink(hop):
            break
        hop = os.path.join(os.path.dirname(hop), os.readlink(hop))
    return [os.path.normpath(path) for path in found if os.path.isdir(path)]


def outermost(paths: Iterable[str]) -> list[str]:
    """The paths that lie below no other of them, in alphabetical order."""
    found: list[str] = []
    for path in sorted(set(paths)):
        if not any(path == one or path.startswith(one.rstrip("/") + "/") for one in found):
            found.append(path)
    return found


def base_beside(paths: Iterable[str]) -> str:
    """A folder that exists and holds none of the paths. OSError when there is none."""
    shown = list(paths)
    for base in BASES:
        if os.path.isdir(base) and not any(path == base or path.startswith(base + "/") for path in shown):
            return base
    raise OSError(f"every one of {', '.join(BASES)} holds something that kernels need")


def build(root: str, readable: Iterable[str], uid: int, gid: int) -> None:
    """An empty file system at `root` that shows the system's programs, and `readable`; mounts are never written."""
    os.makedirs(root, exist_ok=True)
    linux.mount("tmpfs", root, "tmpfs", linux.MS_NOSUID, "size=8m,nr_inodes=4k,mode=755")
    for path in ("dev", "proc", "etc", "var", "tmp", "run", HOME[1:], WORK[1:], "dev/pts", "dev/shm"):
        os.makedirs(f"{root}/{path}", exist_ok=True)
    for path in (ROOM, SOCKETS, SEEN, SHARED):
        os.makedirs(f"{root}{path}")
    for path in (*SYSTEM, *SETTINGS):
        if os.path.islink(path):
            os.symlink(os.readlink(path), f"{root}{path}")
        elif os.path.isdir(path):
            _show(path, f"{root}{path}")
    for path in outermost([*readable, "/usr"]):
        if path != "/usr":
            _show(path, f"{root}{path}")
    for name in DEVICES:
        os.close(os.open(f"{root}/dev/{name}", os.O_CREAT, 0o666))
        linux.mount(f"/dev/{name}", f"{root}/dev/{name}", flags=linux.MS_BIND)
    for name, target in LINKS.items():
        os.symlink(target, f"{root}/dev/{name}")
    os.symlink("pts/ptmx", f"{root}/dev/ptmx")
    _settings(root, uid, gid)


def show_files(root: str, files: dict[str, str]) -> None:
    """Shows single files, place below `DATA` to path, read-only; one that has gone meanwhile is left out."""
    for place, path in files.items():
        target = f"{root}{DATA}/{place}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT, 0o444))
        with contextlib.suppress(OSError):
            linux.bind(path, target)
            linux.seal(target)


def hide(root: str, paths: Iterable[str], readable: Iterable[str]) -> None:
    """Covers each of `paths` that lies inside something shown by an empty folder."""
    shown = [*readable, *SYSTEM]
    flags = linux.MS_NOSUID | linux.MS_NODEV
    for path in paths:
        if any(path.startswith(one + "/") for one in shown) and os.path.isdir(f"{root}{path}"):
            linux.mount("tmpfs", f"{root}{path}", "tmpfs", flags, "size=4k,nr_inodes=2,mode=555")


def close(root: str) -> None:
    """Nothing can be written to the root itself any more."""
    flags = linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("none", root, flags=flags)


def _show(path: str, target: str) -> None:
    os.makedirs(target, exist_ok=True)
    linux.bind(path, target)
    linux.seal(target)


def _settings(root: str, uid: int, gid: int) -> None:
    texts = {
        "passwd": f"root:x:0:0::/:/bin/sh\nstudent:x:{uid}:{gid}::{HOME}:/bin/sh\n",
        "group": f"root:x:0:\nstudent:x:{gid}:\n",
        "hosts": "127.0.0.1 localhost\n::1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "hostname": "kernel\n",
    }
    for name, text in texts.items():
        with open(f"{root}/etc/{name}", "w") as file:
            file.write(text)
    for path in COPIED:
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(f"{root}{path}"), exist_ok=True)
            shutil.copyfile(path, f"{root}{path}")
