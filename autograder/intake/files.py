"""Files of students on the disk: only regular files are opened, links are not followed, nothing blocks."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from autograder.intake.problems import Problem, RefusedFile

MAX_DEPTH = 32
MAX_FILES = 20_000
NOISE = ("__MACOSX", "Thumbs.db", "desktop.ini")
_OF_AN_LMS = re.compile(r"_[0-9]+_(?:[0-9]+_|assignsubmission_)")
"""In the name that an LMS gave: then a dot in front or `-checkpoint` behind is a person's, and nobody may be lost."""


def is_noise(name: str) -> bool:
    """Return whether a file or folder is left aside without a word: hidden, of the system, or a checkpoint."""
    is_odd = name.startswith(".") or Path(name).stem.endswith("-checkpoint")
    return name in NOISE or (is_odd and not _OF_AN_LMS.search(name))


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading; a pipe or device is not waited for, a link not followed.

    Raises
    ------
    RefusedFile
        When it is none (`link`, `not_a_file`) or cannot be opened (`unreadable`).
    """
    flags = os.O_RDONLY
    for flag in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):
        flags |= getattr(os, flag, 0)  # not every system has all of them
    try:
        handle = os.open(path, flags)
    except OSError as error:
        raise RefusedFile(*(problem_of(path) or _unreadable(path, error))) from error
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise RefusedFile(*_special(path.name))
        yield file


def read_file(path: Path, max_bytes: int) -> bytes:
    """Return the content of a regular file, at most `max_bytes + 1` bytes; see :func:`opened`."""
    with opened(path) as file:
        try:
            return file.read(max_bytes + 1)
        except OSError as error:
            raise RefusedFile(*_unreadable(path, error)) from error


def problem_of(path: Path) -> Problem | None:
    """Return why an entry of a folder is neither a regular file nor a folder that may be looked at."""
    name = printable(path.name)
    if name != path.name:
        return Problem(
            "bad_file_name",
            f"the name of {name} is not valid text; give the file a name of plain letters and hand it in again",
            f"the name has bytes that are not UTF-8: {os.fsencode(path.name)!r}",
        )
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        return _unreadable(path, error)
    if stat.S_ISLNK(mode):
        return Problem(
            "link", f"{name} is a link; hand in the file itself", f"{name} is a symbolic link; not followed"
        )
    return None if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else _special(name)


def printable(name: str) -> str:
    """Return a name without the surrogates that stand for bytes outside UTF-8."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _special(name: str) -> Problem:
    return Problem(
        "not_a_file",
        f"{name} is no file; hand in the .ipynb file itself",
        f"{name} is a pipe, a socket or a device; not opened",
    )


def _unreadable(path: Path, error: OSError) -> Problem:
    reason = error.strerror or str(error)
    code = errno.errorcode.get(error.errno or 0, "error")
    name = printable(path.name)
    return Problem(
        "unreadable",
        f"{name} cannot be read ({reason}); hand it in again, or ask your instructor",
        f"{name} cannot be read: {reason} ({code}); mend its permissions and grade again",
    )


class Listing(NamedTuple):
    """What lies in a folder and below it."""

    files: list[Path]
    """Regular files that are no noise, sorted."""
    noise: list[Path]
    aside: list[tuple[Path, Problem]]
    """What is neither, with the reason."""


def listing(folder: Path) -> Listing:
    """Return every file below `folder`; folders that are too deep or cannot be read are listed aside."""
    found = Listing([], [], [])
    waiting = [(folder, False, 0)]
    while waiting:
        current, in_noise, depth = waiting.pop()
        try:
            entries = sorted(current.iterdir())
        except OSError as error:
            found.aside.append((current, _unreadable(current, error)))
            continue
        for entry in entries:
            noise = in_noise or is_noise(entry.name)
            problem = problem_of(entry)
            if problem is not None:
                found.aside.extend([] if noise else [(entry, problem)])
            elif not entry.is_dir():
                (found.noise if noise else found.files).append(entry)
            elif depth < MAX_DEPTH:
                waiting.append((entry, noise, depth + 1))
            else:
                found.aside.append(_left(entry, f"lies more than {MAX_DEPTH} folders deep"))
            if len(found.files) + len(found.noise) + len(found.aside) + len(waiting) > MAX_FILES:
                found.aside.append(_left(entry, f"and the rest come after the first {MAX_FILES:,} files"))
                waiting.clear()
                break
    found.files.sort()
    found.noise.sort()
    return found


def _left(entry: Path, why: str) -> tuple[Path, Problem]:
    text = f"{entry.name} {why}"
    return entry, Problem("no_notebook", f"{text}; hand in the notebook alone", f"{text}; not looked at")
