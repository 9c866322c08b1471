"""The levels of the fence, which of them hold on this machine, and which one a grading takes.

From the strongest down; each is tried, not guessed:

namespaces   own users, processes, network, files, names and ipc for every kernel, built without any right
landlock     rules that the kernel lays on itself, where namespaces are refused (inside most containers)
container    bubblewrap, Podman or Docker as the outer wall, Landlock within
none         time, memory and output are limited; files, network and processes are open
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autograder.errors import UsageError
from autograder.execute import containers

Level = Literal["namespaces", "landlock", "container", "none"]
LADDER: tuple[Level, ...] = ("namespaces", "landlock", "container", "none")
PROTECTING = LADDER[:3]
"""Levels behind which other people's notebooks may run without anybody asking for it."""

MENDS: dict[Level, str] = {
    "namespaces": "allow user namespaces: sysctl -w user.max_user_namespaces=15000 (Debian: "
    "kernel.unprivileged_userns_clone=1; Ubuntu 24.04 and newer: kernel.apparmor_restrict_unprivileged_userns=0); "
    "in Docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined",
    "landlock": "Linux 6.12 or newer with landlock among its security modules (lsm=landlock,...)",
    "container": "install bubblewrap, or Podman or Docker, and let this user run it; needs Landlock as well",
    "none": "",
}

Try = Callable[[Level], str]
"""Sets a level up and takes it down again; why that was not possible, or ""."""


@dataclass(frozen=True)
class Choice:
    """The level that was taken, and why."""

    level: Level
    why: str
    """One sentence."""


def possible(level: Level) -> str:
    """What speaks against a level before it is tried, or ""."""
    if level == "none":
        return ""
    if sys.platform != "linux":
        return f"{platform.system()} has no such fence"
    if level == "container":
        return "" if containers.program() else "neither bubblewrap nor Podman nor Docker is installed"
    if level == "landlock" and (reached := reachable_engine()):
        return f"{reached} can be reached, and Landlock does not keep a kernel from a socket that it knows"
    return ""


def reachable_engine() -> str:
    """A socket through which a container engine would hand out this machine, or ""."""
    for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock"):
        if Path(path).is_socket() and os.access(path, os.W_OK):
            return path
    return ""


def sockets_in_reach(uid: int | None) -> list[str]:
    """Socket files of this machine that a user could connect to; Landlock does not keep a kernel from them."""
    try:
        lines = Path("/proc/net/unix").read_text(errors="replace").splitlines()[1:]
    except OSError:
        return ["/proc/net/unix cannot be read"]
    paths = {
        words[7] for line in lines if len(words := line.split(maxsplit=7)) == 8 and words[7].startswith("/")
    }
    return sorted(path for path in paths if _may_connect(Path(path), uid))


def _may_connect(path: Path, uid: int | None) -> bool:
    try:
        facts = path.stat()
        if uid in (None, 0) or facts.st_uid == uid:
            return True
        open_to_all = all(folder.stat().st_mode & 0o001 for folder in path.parents)
        return bool(facts.st_mode & 0o022) and open_to_all
    except OSError:
        return False  # not there, or out of reach for us too


def choose(asked: str, attempt: Try, *, own_work: bool) -> Choice:
    """The level that a grading runs behind.

    Parameters
    ----------
    asked : `auto`, or the name of a level
    attempt : tries a level
    own_work : the notebooks are one's own: without a fence they run, too

    Raises
    ------
    UsageError
        When the level that was asked for does not work here, or none does and the work is other people's.
    """
    if asked != "auto":
        level: Level = next(level for level in LADDER if level == asked)
        if why_not := possible(level) or attempt(level):
            raise UsageError(f"the fence {level} does not work here: {why_not}; {MENDS[level]}")
        return Choice(level, "as asked for")
    refused: list[str] = []
    for level in PROTECTING:
        why_not = possible(level) or attempt(level)
        if not why_not:
            return Choice(level, "; ".join([*refused, "the strongest that works here"]))
        refused.append(f"no {level}: {why_not}")
    told = "; ".join(refused)
    if not own_work:
        raise UsageError(
            f"no fence works on this machine ({told}), so other people's notebooks are not run; "
            "`autograder doctor` says what to install; `--fence none` runs them all the same, "
            "with your files and your network open to them"
        )
    return Choice("none", told)
