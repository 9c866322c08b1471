"""The command that starts a nursery inside an outer wall: bubblewrap, Podman or Docker.

The wall shows the interpreters and the system's libraries read-only, a folder of our own, and no network. An
image is needed only because the engines ask for one: it is empty, made here, and everything is shown from this
machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.execute.fence import roots

IMAGE = "localhost/autograder-empty"
PIDS_LIMIT, N_FILES = 1024, 1024
BUILD_SECONDS = 120


def program() -> str:
    """Path of the program that builds the wall here, or "".

    Bubblewrap needs no engine and no image; it is for ordinary users alone (root has namespaces, or nothing).
    """
    names = ("podman", "docker") if os.geteuid() == 0 else ("bwrap", "podman", "docker")
    return next((found for name in names if (found := shutil.which(name))), "")


def has_engine() -> bool:
    """Whether the program asks an engine, for which it needs the user's own settings."""
    return Path(program()).name in ("podman", "docker")


def walled(
    command: Sequence[str],
    environment: Mapping[str, str],
    readable: Sequence[str],
    writable: Path,
    uid: int | None,
) -> list[str]:
    """The command line that runs `command` inside the wall.

    Parameters
    ----------
    readable : folders beside those of the system that are shown, read-only
    writable : the one folder that can be written
    uid : who it runs as inside; None: who runs this

    Raises
    ------
    OSError
        When there is no such program, or the empty image cannot be made.
    """
    wall = program()
    if not wall:
        raise OSError("neither bubblewrap nor podman nor docker is here")
    links = {path: str(Path(path).readlink()) for path in roots.SYSTEM if Path(path).is_symlink()}
    system = [path for path in (*roots.SYSTEM, *roots.SETTINGS) if path not in links and Path(path).is_dir()]
    shown = roots.outermost([*readable, *system])
    if Path(wall).name == "bwrap":
        return [*_bubblewrap(wall, shown, links, writable), *command]
    _make_image(wall, links)
    return [*_engine(wall, environment, shown, writable, uid), IMAGE, *command]


def _bubblewrap(wall: str, shown: Sequence[str], links: Mapping[str, str], writable: Path) -> list[str]:
    words = [wall, "--unshare-all", "--die-with-parent", "--new-session", "--proc", "/proc", "--dev", "/dev"]
    words += ["--tmpfs", "/tmp"]
    for path in shown:
        words += ["--ro-bind", path, path]
    for path, target in links.items():
        words += ["--symlink", target, path]
    for path in roots.COPIED:
        words += ["--ro-bind-try", path, path]
    return [*words, "--bind", str(writable), str(writable), "--"]


def _engine(
    wall: str, environment: Mapping[str, str], shown: Sequence[str], writable: Path, uid: int | None
) -> list[str]:
    who = f"{uid}:{uid}" if uid is not None else f"{os.getuid()}:{os.getgid()}"
    words = [wall, "run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--user", who]
    words += ["--security-opt", "no-new-privileges", "--pids-limit", str(PIDS_LIMIT), "--tmpfs", "/tmp"]
    words += ["--ulimit", f"nofile={N_FILES}:{N_FILES}", "--ulimit", f"nproc={PIDS_LIMIT}:{PIDS_LIMIT}"]
    if Path(wall).name == "podman" and uid is None:
        words += ["--userns", "keep-id"]
    for path in shown:
        words += ["--volume", f"{path}:{path}:ro"]
    for path in roots.COPIED:
        if Path(path).is_file():
            words += ["--volume", f"{path}:{path}:ro"]
    words += ["--volume", f"{writable}:{writable}"]
    for name, value in environment.items():
        words += ["--env", f"{name}={value}"]
    return words


def _make_image(wall: str, links: Mapping[str, str]) -> None:
    """An image that holds the links of the system's root and nothing else; kept for the next time."""
    known = subprocess.run(
        [wall, "image", "inspect", IMAGE], capture_output=True, timeout=BUILD_SECONDS, check=False
    )
    if known.returncode == 0:
        return
    made = subprocess.run(
        [wall, "import", "-", IMAGE],
        input=_archive(links),
        capture_output=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if made.returncode != 0:
        raise OSError(
            f"{Path(wall).name} made no image: {made.stderr.decode(errors='replace')[-300:].strip()}"
        )


def _archive(links: Mapping[str, str]) -> bytes:
    import io
    import tarfile

    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for path, target in links.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return content.getvalue()
