"""Unpack what students hand in as an archive, into a folder of ours and nowhere else.

Which kind an archive is, its content tells, not its name. Entries are read, never extracted: a new regular file is
written under a name that was made safe (:mod:`autograder.intake.entry_names`), in a folder that is put in its place
only when everything is there. The folder is named after the sha256 of the archive, so that the same archive is
unpacked once. What is not unpacked is listed with the reason.

    <into>/<sha256, 16 hex>/index.json    what became of each entry
    <into>/<sha256, 16 hex>/files/...
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import ValidationError

from autograder.errors import InternalError
from autograder.intake.entries import ArchiveLimits, Entry, damaged
from autograder.intake.entry_names import MAX_DEPTH, EntryNames
from autograder.intake.files import is_noise, opened, printable
from autograder.intake.notebooks import known_start
from autograder.intake.problems import RefusedFile, UnreadableArchive
from autograder.intake.tars import READ_ERRORS as TAR_ERRORS
from autograder.intake.tars import is_tar, tar_entries
from autograder.intake.zips import READ_ERRORS as ZIP_ERRORS
from autograder.intake.zips import zip_entries
from autograder.records import Record

INDEX = "index.json"
_STARTS = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"PK\x07\x08": "zip",
    b"\x1f\x8b": "tar.gz",
    b"BZh": "tar.bz2",
    b"\xfd7zXZ\x00": "tar.xz",
    b"Rar!\x1a\x07": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
}
_OPENED = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")


class File(Record):
    """A file that was unpacked."""

    path: str
    """Below `files/`, with `/`."""
    size: int


class Aside(Record):
    """An entry that was not unpacked."""

    entry: str
    """Its name in the archive."""
    path: str
    """Where it would have been."""
    status: str
    why: str


class Unpacked(Record):
    """What became of the entries of an archive."""

    schema_version: Literal[1] = 1
    archive: str
    kind: str
    files: tuple[File, ...] = ()
    aside: tuple[Aside, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    """Name in the archive, path it got."""
    n_noise: int = 0
    """Hidden entries, those of an operating system, checkpoints."""


def archive_kind(path: Path) -> str | None:
    """Return what kind of archive a file is by its content, or None when it is none (or cannot be read).

    One of `zip`, `tar`, `tar.gz`, `tar.bz2`, `tar.xz`, which are opened, or words for a kind that is not.
    """
    try:
        with opened(path) as file:
            head = file.read(512)
            for start, kind in _STARTS.items():
                if head.startswith(start):
                    return kind
            if is_tar(head):
                return "tar"
            is_text = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"", b"{", b"[")
            # a zip may stand behind other bytes: a program that unpacks itself, or a download gone wrong
            return "zip" if not is_text and known_start(head) is None and zipfile.is_zipfile(file) else None
    except (RefusedFile, OSError):
        return None


def unpack(path: Path, into: Path, limits: ArchiveLimits) -> tuple[Path, Unpacked]:
    """Return the folder with the content of an archive, and what became of its entries; unpacked once.

    Raises
    ------
    UnreadableArchive
        When the archive is not unpacked; nothing of it is left in `into`.
    InternalError
        When `into` cannot be written.
    """
    kind = archive_kind(path)
    if kind is None or kind not in _OPENED:
        raise UnreadableArchive(
            "archive_kind",
            f"{path.name} is {kind or 'no archive'}, which is not opened here; hand in the .ipynb file itself",
            f"{path.name} is {kind or 'no archive'}; zip, tar, tar.gz, tar.xz and tar.bz2 are opened",
        )
    try:
        with opened(path) as file:
            place = into / _digest(file, path.name, limits)
            done = _kept(place)
            if done is None:
                done = _unpacked(file, kind, path.name, place, limits)
    except RefusedFile as error:
        raise UnreadableArchive(*error.problem) from error
    return place / "files", done


def _digest(file: BinaryIO, name: str, limits: ArchiveLimits) -> str:
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while chunk := file.read(1 << 20):
        digest.update(chunk)
        size += len(chunk)
        if size > limits.archive_bytes:
            raise UnreadableArchive(
                "too_large",
                f"{name} is larger than a hand-in may be; hand in the .ipynb file itself, without data",
                f"{name} has more than {limits.archive_bytes:,} bytes; not opened",
            )
    return digest.hexdigest()[:16]


def _kept(place: Path) -> Unpacked | None:
    """Return what was unpacked earlier, when it is all still there."""
    try:
        done = Unpacked.model_validate_json((place / INDEX).read_bytes())
    except (OSError, ValidationError):
        return None
    for file in done.files:
        path = place / "files" / file.path
        if path.is_symlink() or not path.is_file() or path.stat().st_size != file.size:
            return None
    return done


def _unpacked(file: BinaryIO, kind: str, name: str, place: Path, limits: ArchiveLimits) -> Unpacked:
    part = place.with_name(f".{place.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)  # of a grading that was killed
        (part / "files").mkdir(parents=True)
        done = _Unpacking(part / "files", name, kind, limits).run(file)
        (part / INDEX).write_text(done.model_dump_json(indent=1), encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)  # something that is not whole
        part.rename(place)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise InternalError(
            f"{name} cannot be unpacked into {place} ({error.strerror or error}); free some space and run the same "
            "command again"
        ) from error
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return done


class _Unpacking:
    """One archive on its way into one folder."""

    def __init__(self, folder: Path, archive: str, kind: str, limits: ArchiveLimits):
        self._folder, self._archive, self._kind, self._limits = folder, archive, kind, limits
        self._names = EntryNames(archive)
        self._files: dict[str, int] = {}
        self._aside: list[Aside] = []
        self._renamed: list[tuple[str, str]] = []
        self._n_noise = 0
        self._total = 0

    def run(self, file: BinaryIO) -> Unpacked:
        for entry in self._entries(file):
            self._take(entry)
        return Unpacked(
            archive=self._archive,
            kind=self._kind,
            files=tuple(File(path=path, size=size) for path, size in self._files.items()),
            aside=tuple(self._aside),
            renamed=tuple(self._renamed),
            n_noise=self._n_noise,
        )

    def _entries(self, file: BinaryIO) -> Iterator[Entry]:
        if self._kind == "zip":
            return zip_entries(file, self._archive, self._limits)
        return tar_entries(file, self._kind, self._archive, self._limits)

    def _take(self, entry: Entry) -> None:
        parts = self._names.path(entry.name, entry.is_folder)
        path = "/".join(parts)
        if not parts:
            return
        if any(is_noise(part) for part in parts):
            self._n_noise += 1
            if above := tuple(takewhile(lambda part: not is_noise(part), parts)):
                # somebody whose folder holds nothing else still handed in
                self._folder.joinpath(*above[:MAX_DEPTH]).mkdir(parents=True, exist_ok=True)
        elif len(parts) > MAX_DEPTH:
            self._leave(entry, path, "archive_too_deep", f"it lies more than {MAX_DEPTH} folders deep")
        elif entry.refused is not None:
            self._leave(entry, path, *entry.refused)
        elif entry.is_folder:
            self._folder.joinpath(*parts).mkdir(parents=True, exist_ok=True)
        elif entry.size > self._limits.entry_bytes:
            self._leave(
                entry, path, "too_large", f"it has {entry.size:,} bytes; at most {self._limits.entry_bytes:,}"
            )
        else:
            self._write(entry, path)

    def _write(self, entry: Entry, path: str) -> None:
        self._total += entry.size
        if self._total > self._limits.total_bytes:
            raise UnreadableArchive(
                "archive_too_large",
                f"{self._archive} holds more data than a hand-in has; hand in the .ipynb file itself",
                f"{self._archive}: more than {self._limits.total_bytes:,} bytes when unpacked; nothing was unpacked",
            )
        target = self._folder.joinpath(*path.split("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        if path in self._files:  # as every other program: the last one of a name counts
            self._leave(entry, path, "archive_duplicate", "a later entry of the same name replaces it")
            del self._files[path]
            target.unlink()
        problem = self._copy(entry, target)
        if problem is not None:
            target.unlink()
            self._leave(entry, path, "archive_damaged", problem)
            return
        self._files[path] = entry.size
        if path != entry.name.removeprefix("./"):
            self._renamed.append((printable(entry.name[:300]), path))

    def _copy(self, entry: Entry, target: Path) -> str | None:
        """Write an entry's content; return what is wrong with it."""
        flags = (
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        )
        with os.fdopen(os.open(target, flags, 0o644), "wb") as file:
            chunks = entry.chunks()
            while True:
                try:
                    chunk = next(chunks, b"")
                except UnreadableArchive:
                    raise
                except (*ZIP_ERRORS, *TAR_ERRORS) as error:
                    what = " ".join(str(error).split())[:200] or type(error).__name__
                    if self._kind != "zip":  # one stream: what comes after is lost too
                        raise damaged(self._archive, what) from error
                    return what
                if not chunk:
                    return None
                file.write(chunk)

    def _leave(self, entry: Entry, path: str, status: str, why: str) -> None:
        self._aside.append(Aside(entry=printable(entry.name[:300]), path=path, status=status, why=why))
