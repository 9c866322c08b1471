"""Folders that somebody hostile filled: how much is in them, and emptying them; at any depth, with any rights."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterable

MIB = 2**20
LEAST_BYTES = 4096
"""What a name counts at least: empty files have no blocks."""


def used_mib(tops: Iterable[str], limit_mib: float = float("inf")) -> float:
    """What lies below the folders; not counted to the end when it is beyond the limit.

    Infinite where folders lie in each other so deep that no path leads there.
    """
    total, waiting = 0, list(tops)
    while waiting and total <= limit_mib * MIB:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):
                        total += max(entry.stat(follow_symlinks=False).st_blocks * 512, LEAST_BYTES)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return float("inf")
    return total / MIB


def nameless_mib(pids: Iterable[int]) -> float:
    """Files without a name that processes hold open."""
    found: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    facts = os.stat(f"/proc/{pid}/fd/{name}")
                    if stat.S_ISREG(facts.st_mode) and facts.st_nlink == 0:
                        found[facts.st_dev, facts.st_ino] = facts.st_blocks * 512
    return sum(found.values()) / MIB


def empty(top: str) -> None:
    """Removes all that is below `top`, as far as that is possible; nobody may be at work there any more.

    What lies deeper is brought up first, so that no path grows and nothing recurses.
    """
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        with contextlib.suppress(OSError):
            os.chmod(folder, 0o700)
            with os.scandir(folder) as listed:
                entries = list(listed)
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        os.chmod(entry.path, 0o700)  # to be moved, it has to be writable
                        above = f"{top}/{secrets.token_hex(8)}"
                        os.rename(entry.path, above)
                        waiting.append(above)
                    else:
                        os.unlink(entry.path)
            if folder != top:
                _remove(folder)


def _remove(folder: str) -> None:
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def remove(top: str) -> None:
    """Removes a folder and all below it."""
    empty(top)
    _remove(top)


def unlink_of_user(folder: str, uid: int) -> None:
    """Removes the files right in a folder that belong to a user."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.stat(follow_symlinks=False).st_uid == uid:
                    os.unlink(entry.path)


def of_user_mib(folder: str, uid: int) -> float:
    """What the files right in a folder take that belong to a user."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                facts = entry.stat(follow_symlinks=False)
                total += facts.st_blocks * 512 if facts.st_uid == uid else 0
    return total / MIB
