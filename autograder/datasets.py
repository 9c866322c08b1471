"""The data sets that some parts train on: where they lie, whether they are whole, and which of them kernels see.

    DIR/MNIST/raw/train-images-idx3-ubyte(.gz) ...    the layout of torchvision
    DIR/tinyshakespeare/input.txt
    DIR/lyrics/lyrics.csv                             a table of the course's own, with any content

`DIR` is `--data`, else the environment variable AUTOGRADER_DATA, else a folder of the user's. Kernels see the
known files in it that are whole, and nothing else of it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from autograder.errors import UsageError
from autograder.kernel_side.known_data import (
    ALL_SETS,
    COURSE_SETS,
    KNOWN_SETS,
    STAND_INS,
    VARIABLE,
    KnownFile,
    KnownSet,
)

State = Literal["present", "stand-in", "damaged", "missing"]
PART = ".part"
"""Suffix of a file that is on its way."""


@dataclass(frozen=True)
class FileState:
    """One file of a data set as it lies in a folder."""

    path: Path
    state: State
    n_bytes: int
    """Of the file, or of what there is of one that is on its way."""
    file: KnownFile


@dataclass(frozen=True)
class SetState:
    """A data set as it lies in a folder: as bad as the worst of the files that it cannot be used without."""

    name: str
    files: tuple[FileState, ...]

    @property
    def state(self) -> State:
        """`present` when it can be used."""
        needed = {one.state for one in self.files if one.file.is_needed}
        worst: tuple[State, ...] = ("damaged", "missing", "stand-in")
        return next((state for state in worst if state in needed), "present")

    @property
    def is_whole(self) -> bool:
        """Whether every file is there, archives included."""
        return all(one.state == "present" for one in self.files)


def data_directory(chosen: Path | None = None) -> Path:
    """Return the folder of the data sets: as chosen, else AUTOGRADER_DATA, else the user's own; it may not exist."""
    if chosen is not None:
        return chosen
    if value := os.environ.get(VARIABLE, ""):
        return Path(value).expanduser()
    return platformdirs.user_data_path("autograder", appauthor=False) / "data"


def require_directory(chosen: Path | None) -> None:
    """Raise UsageError when a folder of data sets was chosen that is none."""
    if chosen is not None and not chosen.is_dir():
        raise UsageError(
            f"--data {chosen} is no folder; fetch the data sets with: autograder data fetch --data {chosen}"
        )


def status(
    directory: Path, sets: Iterable[KnownSet] = KNOWN_SETS, *, verified: bool = False
) -> list[SetState]:
    """Return how each data set lies in `directory`: by the sizes of its files, or, `verified`, by their sha256."""
    generated = _stand_ins(directory)
    return [
        SetState(known.name, tuple(_file_state(directory, file, verified, generated) for file in known.files))
        for known in sets
    ]


def _file_state(directory: Path, file: KnownFile, verified: bool, generated: dict[str, str]) -> FileState:
    path = directory / file.path
    if _is_stand_in(path, generated.get(file.path, "")):
        return FileState(path, "stand-in", path.stat().st_size, file)
    if not path.is_file():
        part = path.with_name(path.name + PART)
        return FileState(path, "missing", part.stat().st_size if part.is_file() else 0, file)
    size = path.stat().st_size
    is_good = is_whole(path, file) if verified else size == file.size
    return FileState(path, "present" if is_good else "damaged", size, file)


def is_whole(path: Path, file: KnownFile) -> bool:
    """Whether `path` holds the content of `file`; what was looked at once and has not changed is not read again."""
    try:
        seen = path.stat()
        if file.is_own:
            return seen.st_size > 0
        return seen.st_size == file.size and _sha256(path, seen.st_size, seen.st_mtime_ns) == file.sha256
    except OSError:
        return False


def _sha256_of(path: Path) -> str:
    seen = path.stat()
    return _sha256(path, seen.st_size, seen.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


# ------------------------------------------------------------------------ stand-ins


def has_stand_ins(directory: Path) -> bool:
    """Whether a folder holds generated files in the place of data sets."""
    return bool(_stand_ins(directory))


def _stand_ins(directory: Path) -> dict[str, str]:
    """Return what the manifest of a folder lists: path to sha256."""
    try:
        files = json.loads((directory / STAND_INS).read_text(encoding="utf-8"))["files"]
        return {str(path): str(digest) for path, digest in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_stand_in(path: Path, digest: str) -> bool:
    try:
        seen = path.stat()
        return bool(digest) and _sha256(path, seen.st_size, seen.st_mtime_ns) == digest
    except OSError:
        return False


# ------------------------------------------------------------------ what kernels see


def shown_files(directory: Path, sets: Iterable[KnownSet] = ALL_SETS) -> dict[str, Path]:
    """Return the files that kernels are shown: path below their folder of data sets to the file."""
    shown = {file.path: path for file, path, _ in _whole_files(directory, sets)}
    return shown | {STAND_INS: directory / STAND_INS} if shown and has_stand_ins(directory) else shown


def shown_sets(directory: Path, sets: Iterable[KnownSet] = ALL_SETS) -> dict[str, str]:
    """Return the data sets that kernels are shown whole: name to a digest of their content."""
    return {known.name: found for known in sets if (found := identity(directory, (known,)))}


def identity(directory: Path, sets: Iterable[KnownSet] = ALL_SETS) -> str:
    """Return a digest of the content that kernels are shown, or "": two equal ones give the same results."""
    found = sorted((file.path, digest) for file, _, digest in _whole_files(directory, sets))
    return hashlib.sha256(json.dumps(found).encode()).hexdigest() if found else ""


def missing_sets(directory: Path, names: Iterable[str], sets: Iterable[KnownSet] = ALL_SETS) -> list[str]:
    """Return those of the named data sets that kernels cannot be shown whole."""
    shown = shown_files(directory, sets)
    whole = {
        known.name for known in sets if all(file.path in shown for file in known.files if file.is_needed)
    }
    return [name for name in names if name not in whole]


def table_path(directory: Path, name: str) -> Path | None:
    """Return where the course's own table of this name lies, or None: there is none, or the name is another's."""
    for known in COURSE_SETS:
        path = directory / known.files[0].path
        if known.name == name and path.is_file():
            return path
    return None


def how_to_get(directory: Path, names: Iterable[str]) -> str:
    """Return what to do so that the named data sets are there, as the end of a sentence."""
    own = {known.name: directory / known.files[0].path for known in COURSE_SETS}
    listed = list(names)
    ways = [f"put the course's own table at {own[name]}" for name in listed if name in own]
    if any(name not in own for name in listed):
        ways.append("fetch it with: autograder data fetch")
    return "; ".join(ways)


def missing_for(directory: Path, names: Iterable[str], code: str | None = None) -> list[str]:
    """Return those of the named data sets that are missing and, where `code` is given, named in it."""
    missing = missing_sets(directory, names)
    return missing if code is None else [name for name in missing if _is_named(name, code)]


def _is_named(name: str, code: str) -> bool:
    """Return whether code names a data set (`datasets.MNIST`, `mnist_784`, `tiny-shakespeare`), and no other one."""
    words = r"[\W_]*".join(map(re.escape, name.split()))
    return bool(re.search(rf"(?<![a-z]){words}(?![a-z])", code, re.IGNORECASE))


def _whole_files(directory: Path, sets: Iterable[KnownSet]) -> Iterator[tuple[KnownFile, Path, str]]:
    """The files that can be shown, each with the digest of its content."""
    generated = _stand_ins(directory)
    for known in sets:
        for file in known.files:
            path, digest = directory / file.path, generated.get(file.path, "")
            if path.is_file() and _is_stand_in(path, digest):
                yield file, path, digest
            elif path.is_file() and is_whole(path, file):
                yield file, path, file.sha256 or _sha256_of(path)
