"""The data sets that some parts train on: where they lie, whether they are whole, and which of them kernels see.

    DIR/MNIST/raw/train-images-idx3-ubyte(.gz) ...    the layout of torchvision
    DIR/tinyshakespeare/input.txt

`DIR` is `--data`, else the environment variable AUTOGRADER_DATA, else a folder of the user's. Kernels see the
known files in it that are whole, and nothing else of it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from autograder.errors import UsageError
from autograder.kernel_side.known_data import KNOWN_SETS, VARIABLE, KnownFile, KnownSet

State = Literal["present", "damaged", "missing"]
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
        return "damaged" if "damaged" in needed else "missing" if "missing" in needed else "present"

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
    return [
        SetState(known.name, tuple(_file_state(directory, file, verified) for file in known.files))
        for known in sets
    ]


def _file_state(directory: Path, file: KnownFile, verified: bool) -> FileState:
    path = directory / file.path
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
        return seen.st_size == file.size and _sha256(path, seen.st_size, seen.st_mtime_ns) == file.sha256
    except OSError:
        return False


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


# ------------------------------------------------------------------ what kernels see


def shown_files(directory: Path, sets: Iterable[KnownSet] = KNOWN_SETS) -> dict[str, Path]:
    """Return the files that kernels are shown: path below their folder of data sets to the file."""
    return {file.path: path for file, path in _whole_files(directory, sets)}


def shown_sets(directory: Path, sets: Iterable[KnownSet] = KNOWN_SETS) -> dict[str, str]:
    """Return the data sets that kernels are shown whole: name to a digest of their content."""
    return {known.name: found for known in sets if (found := identity(directory, (known,)))}


def identity(directory: Path, sets: Iterable[KnownSet] = KNOWN_SETS) -> str:
    """Return a digest of the content that kernels are shown, or "": two equal ones give the same results."""
    found = sorted((file.path, file.sha256) for file, _ in _whole_files(directory, sets))
    return hashlib.sha256(json.dumps(found).encode()).hexdigest() if found else ""


def _whole_files(directory: Path, sets: Iterable[KnownSet]) -> Iterator[tuple[KnownFile, Path]]:
    for known in sets:
        for file in known.files:
            path = directory / file.path
            if path.is_file() and is_whole(path, file):
                yield file, path
