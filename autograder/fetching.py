"""Fetching the data sets: from several mirrors in turn, continued where it broke off, checked before it counts."""

from __future__ import annotations

import contextlib
import errno
import gzip
import http.client
import shutil
import socket
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from autograder.datasets import PART, is_whole
from autograder.errors import InternalError, UsageError
from autograder.kernel_side.known_data import KNOWN_SETS, KnownFile, KnownSet

ANSWER_SECONDS = 30.0
"""How long a mirror may say nothing."""
N_TRIES = 3
"""How often one mirror is asked to continue a file that breaks off."""
CHUNK = 2**17
FILE_MODE = 0o644
"""Kernels of a grader that is root run as somebody else, who must be able to read the files."""
FULL = {errno.ENOSPC, errno.EDQUOT}


class Listener:
    """What a caller hears of while files are fetched; the base class hears nothing."""

    def begins(self, file: KnownFile, n_bytes: int) -> None:
        """A file begins to be fetched, of which so many bytes are there already."""

    def moves(self, n_bytes: int) -> None:
        """So many bytes of it are there now."""


@dataclass(frozen=True)
class Fetched:
    """What became of one file."""

    path: str
    """Below the folder of the data sets."""
    state: Literal["present", "fetched", "unpacked", "failed"]
    source: str = ""
    """URL or archive that it came from."""
    why: tuple[str, ...] = ()
    """`failed`: the reasons, one for each mirror that was tried."""
    is_offline: bool = False
    """`failed`: no mirror could be reached at all."""


class _Unusable(Exception):
    """A mirror that does not give the file; the message says why."""


class _Unreachable(_Unusable):
    """A mirror that does not answer."""


class _BrokeOff(_Unusable):
    """A mirror that gave a part of the file."""


def fetch(
    directory: Path, sets: Iterable[KnownSet] = KNOWN_SETS, listener: Listener | None = None
) -> list[Fetched]:
    """Return what became of every file of `sets` in `directory`; files that are whole are left as they are.

    Once every mirror of a file is out of reach, no further file is asked for.

    Raises
    ------
    UsageError
        When the folder cannot be written.
    InternalError
        When the disk is full: what was fetched is kept, and the same call continues.
    """
    listener = listener or Listener()
    done: list[Fetched] = []
    for known in sets:
        # Archives first: the other files are unpacked from them.
        for file in sorted(known.files, key=lambda one: not one.mirrors):
            is_offline = any(one.is_offline for one in done)
            done += [_bring(directory, file, listener, is_offline)]
    return done


def _bring(directory: Path, file: KnownFile, listener: Listener, is_offline: bool) -> Fetched:
    path = directory / file.path
    if is_whole(path, file):
        return Fetched(file.path, "present")
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    if not file.mirrors:
        return _unpack(path, file, is_offline)
    if is_offline:
        return Fetched(
            file.path, "failed", why=("not asked for, because there is no network",), is_offline=True
        )
    failures: list[_Unusable] = []
    why: list[str] = []
    for mirror in file.mirrors:
        try:
            _download(mirror, path, file, listener)
            return Fetched(file.path, "fetched", mirror)
        except _Unusable as error:
            failures.append(error)
            why.append(f"{urlsplit(mirror).hostname} {error}")
    is_offline = all(isinstance(failure, _Unreachable) for failure in failures)
    return Fetched(file.path, "failed", why=tuple(dict.fromkeys(why)), is_offline=is_offline)


def _download(mirror: str, path: Path, file: KnownFile, listener: Listener) -> None:
    """Fetch one file from one mirror. What was there of it may be another's, and is then fetched anew."""
    part = path.with_name(path.name + PART)
    had_some = _size(part) > 0
    for _ in range(2 if had_some else 1):
        _collect(mirror, part, file, listener)
        if is_whole(part, file):
            with _writing(path):
                _take_over(part, path)
            return
        with _writing(part):
            part.unlink()
    raise _Unusable("sends something else than this file (its checksum is wrong)")


def _collect(mirror: str, part: Path, file: KnownFile, listener: Listener) -> None:
    """Fill `part`, in several tries as long as each brings something."""
    for attempt in range(N_TRIES):
        before = _size(part)
        try:
            _continue(mirror, part, file, listener)
            return
        except _BrokeOff:
            if attempt == N_TRIES - 1 or _size(part) <= before:
                raise


def _continue(mirror: str, part: Path, file: KnownFile, listener: Listener) -> None:
    """Append to `part` what is missing of the file; start anew where the mirror does not continue files."""
    have = _size(part)
    if have > file.size:  # no part of this file
        have = 0
    listener.begins(file, have)
    if have == file.size:
        return
    with _answer(mirror, have) as answer, _writing(part), part.open("ab" if have else "wb") as target:
        continues = answer.status == 206 and _begins_at(answer, have)
        if have and not continues:
            target.truncate(0)
            have = 0
        told = answer.headers.get("Content-Length", "")
        if told.isdigit() and int(told) != file.size - have:
            raise _Unusable(f"sends {int(told):,} bytes, which is another file")
        while chunk := _read(answer):
            have += len(chunk)
            if have > file.size:
                target.truncate(0)
                raise _Unusable(f"sends more than the {file.size:,} bytes of this file")
            target.write(chunk)
            listener.moves(have)
    if have < file.size:
        raise _BrokeOff(f"broke off after {have:,} of {file.size:,} bytes")


@contextlib.contextmanager
def _answer(mirror: str, have: int) -> Iterator[Any]:
    """What a mirror answers to the request for the rest of a file, beyond its first `have` bytes."""
    headers = {"User-Agent": "autograder", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(mirror, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=ANSWER_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        what = "does not have it any more" if error.code in (404, 410) else "refuses"
        raise _Unusable(f"{what} ({error.code} {error.reason})") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _Unreachable(_unreachable(error)) from error
    with answer:
        yield answer


def _unreachable(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return f"does not answer within {ANSWER_SECONDS:g} s"
    if isinstance(reason, socket.gaierror):
        return "cannot be found: there is no network, or no name service"
    return f"cannot be reached ({getattr(reason, 'strerror', None) or reason})"


def _read(answer: Any) -> bytes:
    """The next piece; what breaks off ends it, and the caller sees that something is missing."""
    try:
        return bytes(answer.read(CHUNK))
    except http.client.IncompleteRead as error:
        return bytes(error.partial)
    except (OSError, http.client.HTTPException):
        return b""


def _begins_at(answer: Any, have: int) -> bool:
    return str(answer.headers.get("Content-Range", "")).strip().startswith(f"bytes {have}-")


def _unpack(path: Path, file: KnownFile, is_offline: bool) -> Fetched:
    """Unpack a file from the archive beside it."""
    packed = path.with_name(path.name + ".gz")
    if not packed.is_file():
        why = f"{packed.name} is not there to unpack it from"
        return Fetched(file.path, "failed", why=(why,), is_offline=is_offline)
    part = path.with_name(path.name + PART)
    try:
        with gzip.open(packed, "rb") as source, _writing(part), part.open("wb") as target:
            left = file.size + 1  # one byte more shows that it is another file, and no more is unpacked
            while left and (chunk := source.read(min(CHUNK, left))):
                left -= target.write(chunk)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        with _writing(part):
            part.unlink(missing_ok=True)
        return Fetched(file.path, "failed", why=(f"{packed.name} is damaged ({error})",))
    if not is_whole(part, file):
        with _writing(part):
            part.unlink()
        return Fetched(file.path, "failed", why=(f"{packed.name} holds something else",))
    with _writing(path):
        _take_over(part, path)
    return Fetched(file.path, "unpacked", packed.name)


def _take_over(part: Path, path: Path) -> None:
    part.chmod(FILE_MODE)
    part.replace(path)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into sentences."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError):
        raise
    except OSError as error:
        if error.errno in FULL:
            free = shutil.disk_usage(path.parent).free / 2**20
            raise InternalError(
                f"the disk is full: {path} cannot be written ({free:.0f} MiB free); "
                "free some space and run the same command again, it continues"
            ) from error
        raise UsageError(
            f"{error.filename or path} cannot be written ({error.strerror or error}); "
            "give --data a folder that you may write to, or set AUTOGRADER_DATA"
        ) from error
