"""A lock on a folder that dies with the process that holds it, however that process ends."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from autograder.errors import InternalError, UsageError

_BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
MAX_HOLDER_BYTES = 1000


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path` for as long as the block lasts; it is made when missing and never removed.

    The operating system lets go of it when the process ends, also when it is killed, so nothing has to be
    cleaned up by hand. A file system that knows no locks (some network drives) is worked on without one.

    Parameters
    ----------
    what
        What is locked, as the sentence of the error names it.

    Raises
    ------
    UsageError
        When another process, or another thread of this one, holds it.
    InternalError
        When the lock file cannot be made.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InternalError(f"{path} cannot be written ({error.strerror})") from error
    try:
        if not _try_lock(file):
            raise UsageError(
                f"{what} is being worked on by another autograder{_holder(file)}; "
                "wait until it has ended, or stop it with Ctrl-C, then give the same command again"
            )
        _sign(file)
        yield
    finally:
        os.close(file)  # lets go of the lock


def _try_lock(file: int) -> bool:
    """Return False when somebody else holds the lock."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(file, MAX_HOLDER_BYTES, os.SEEK_SET)  # what lies before stays readable for others
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _BUSY
    return True


def _sign(file: int) -> None:
    """Write who holds the lock, for the sentence that others get."""
    holder = {"process": os.getpid(), "since": datetime.now().astimezone().isoformat(timespec="seconds")}
    with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, json.dumps(holder).encode())


def _holder(file: int) -> str:
    """Return ` (process 123, since 12:03:10)`, or nothing when it cannot be told."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        os.lseek(file, 0, os.SEEK_SET)
        told = json.loads(os.read(file, MAX_HOLDER_BYTES))
        since = datetime.fromisoformat(told["since"])
        return f" (process {int(told['process'])}, since {since:%H:%M:%S})"
    return ""
