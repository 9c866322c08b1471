"""What both kinds of archive have in common: entries, and how much of them is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autograder.intake.problems import UnreadableArchive

CHUNK = 1 << 16
RATIO_FLOOR = 8 * 2**20
"""Below this size nothing is a bomb, however well it was packed."""


@dataclass(frozen=True)
class ArchiveLimits:
    """How much an archive may hold."""

    archive_bytes: int
    """Of the archive itself."""
    total_bytes: int
    """Of everything that is unpacked."""
    entry_bytes: int
    """Of one entry; a larger one is left aside."""
    n_entries: int
    ratio: int
    """Unpacked to packed size."""


OF_STUDENT = ArchiveLimits(256 * 2**20, 512 * 2**20, 128 * 2**20, 5_000, 200)
OF_CLASS = ArchiveLimits(4 * 2**30, 8 * 2**30, 512 * 2**20, 50_000, 1_000)


@dataclass(frozen=True)
class Entry:
    """One entry of an archive, before its name was looked at."""

    name: str
    is_folder: bool
    size: int
    """As the archive says; not more than this is ever read."""
    chunks: Callable[[], Iterator[bytes]]
    """Its content. Raises `UnreadableArchive` when the archive as a whole cannot be read on."""
    refused: tuple[str, str] | None = None
    """Status and reason why its content is not read."""


def too_many(archive: str, limits: ArchiveLimits, found: str) -> UnreadableArchive:
    """Return the refusal of an archive with too many entries."""
    return UnreadableArchive(
        "archive_too_large",
        f"{archive} holds more files than a hand-in has; hand in the .ipynb file itself",
        f"{archive} has {found}; at most {limits.n_entries:,} are unpacked",
    )


def damaged(archive: str, what: str) -> UnreadableArchive:
    """Return the refusal of an archive that cannot be read."""
    return UnreadableArchive(
        "archive_damaged",
        f"{archive} is damaged or cut off and cannot be unpacked; hand it in again, or the .ipynb file itself",
        f"{archive} is damaged: {' '.join(what.split())[:300]}",
    )


def bomb(archive: str, what: str) -> UnreadableArchive:
    """Return the refusal of an archive that is out of all proportion."""
    return UnreadableArchive(
        "archive_bomb",
        f"{archive} grows out of all proportion when it is unpacked; hand in the .ipynb file itself",
        f"{archive}: {what}; nothing was unpacked",
    )
