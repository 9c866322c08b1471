"""Entries of a tar archive, compressed or not, read once from front to back with a meter."""

from __future__ import annotations

import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from autograder.intake.entries import CHUNK, RATIO_FLOOR, ArchiveLimits, Entry, bomb, damaged, too_many
from autograder.intake.problems import UnreadableArchive
from autograder.intake.streams import COMPRESSIONS, Decompressed

READ_ERRORS = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, MemoryError)
MAX_HEADER_BYTES = 2**20
"""Of one entry's headers, long names included; `tarfile` reads them into memory as a whole."""
_SLACK = 64 * 1024


class _Meter(io.RawIOBase):
    """A stream that is read forward only, up to a limit, and never out of proportion to what it came from."""

    def __init__(self, stream: BinaryIO | Decompressed, archive: str, n_packed: int, limits: ArchiveLimits):
        self._stream, self._archive, self._n_packed, self._limits = stream, archive, n_packed, limits
        self._at = 0
        self.header_end: int | None = None
        """While an entry's header is read: where it must have ended."""
        self.last_block = b""

    def read(self, size: int = -1, /) -> bytes:
        if self.header_end is not None and self._at + size > self.header_end:
            raise damaged(
                self._archive, f"the header at byte {self._at:,} says that it is {size:,} bytes long"
            )
        data = self._stream.read(size)
        self._at += len(data)
        self._check()
        self.last_block = data
        return data

    def _check(self) -> None:
        limits = self._limits
        if self._at > RATIO_FLOOR and self._at > limits.ratio * max(self._n_packed, 1):
            raise bomb(self._archive, f"{self._n_packed:,} bytes became {self._at:,} before the end")
        if self._at > limits.total_bytes + limits.n_entries * 1024:
            raise UnreadableArchive(
                "archive_too_large",
                f"{self._archive} holds more data than a hand-in has; hand in the .ipynb file itself",
                f"{self._archive}: more than {limits.total_bytes:,} bytes when unpacked; nothing was unpacked",
            )

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0, /) -> int:
        if whence != 0 or offset < self._at:
            raise damaged(self._archive, f"an entry says that it begins before byte {self._at:,}")
        while self._at < offset:
            if not self.read(min(CHUNK, offset - self._at)):
                raise damaged(self._archive, f"it ends at byte {self._at:,}, in the middle of an entry")
        return self._at

    def drain(self) -> None:
        """Read to the end: only there a compressed stream tells whether it is whole."""
        while self.read(CHUNK):
            pass


def is_tar(head: bytes) -> bool:
    """Return whether 512 bytes are the header of a tar archive: its checksum is right."""
    try:
        tarfile.TarInfo.frombuf(head[:512], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def tar_entries(file: BinaryIO, kind: str, archive: str, limits: ArchiveLimits) -> Iterator[Entry]:
    """Yield the entries of a tar archive; the content of each must be read before the next is asked for.

    Raises
    ------
    UnreadableArchive
        When it cannot be read to its end, is out of proportion or too large, or is no tar at all.
    """
    n_packed = file.seek(0, 2)
    file.seek(0)
    stream = Decompressed(file, COMPRESSIONS[kind]) if kind in COMPRESSIONS else file
    meter = _Meter(stream, archive, n_packed, limits)
    try:
        yield from _members(meter, archive, kind, limits)
    except UnreadableArchive:
        raise
    except READ_ERRORS as error:
        raise damaged(archive, str(error) or type(error).__name__) from error
    except RecursionError as error:  # a chain of headers that describe headers
        raise damaged(archive, "its headers lie too deep in each other") from error


def _members(meter: _Meter, archive: str, kind: str, limits: ArchiveLimits) -> Iterator[Entry]:
    opened = _opened(meter, archive, kind)
    n_entries = 0
    while True:
        meter.header_end = max(opened.offset, meter.tell()) + MAX_HEADER_BYTES
        member = opened.next()
        meter.header_end = None
        cast("Any", opened).members.clear()  # or all of them are kept in memory
        if member is None:
            break
        n_entries += 1
        if n_entries > limits.n_entries:
            raise too_many(archive, limits, f"more than {limits.n_entries:,} entries")
        if member.size < 0:  # numbers may be signed; a negative one would read everything
            raise damaged(archive, f"the entry {member.name[:80]!r} has {member.size} bytes")
        yield _entry(opened, meter, member)
        meter.seek(max(opened.offset, meter.tell()))
    if meter.last_block.strip(b"\x00"):
        raise damaged(archive, f"what stands at byte {meter.tell() - 512:,} is no header of an entry")
    meter.drain()


def _opened(meter: _Meter, archive: str, kind: str) -> tarfile.TarFile:
    meter.header_end = MAX_HEADER_BYTES
    try:
        return tarfile.TarFile(fileobj=cast("BinaryIO", meter), errorlevel=2, encoding="utf-8")
    except tarfile.ReadError as error:
        if kind == "tar":
            raise
        raise UnreadableArchive(
            "archive_kind",
            f"{archive} is a compressed file, not an archive with a notebook; hand in the .ipynb file itself",
            f"{archive} is compressed ({kind.removeprefix('tar.')}), but holds no tar archive: {error}",
        ) from error


def _entry(opened: tarfile.TarFile, meter: _Meter, member: tarfile.TarInfo) -> Entry:
    refused = None
    if member.islnk() or member.issym():
        refused = "archive_link", f"it is a link to {member.linkname[:80]!r}"
    elif member.issparse():
        refused = "archive_special", "it is a sparse file"
    elif not (member.isreg() or member.isdir()):
        refused = "archive_special", "it is a device or a pipe"
    return Entry(member.name, member.isdir(), member.size, lambda: _chunks(opened, meter, member), refused)


def _chunks(opened: tarfile.TarFile, meter: _Meter, member: tarfile.TarInfo) -> Iterator[bytes]:
    left = member.size
    meter.seek(member.offset_data)
    while left:
        chunk = meter.read(min(CHUNK, left))
        if not chunk:
            raise tarfile.ReadError(
                f"it ends at byte {meter.tell():,}, in the middle of {member.name[:80]!r}"
            )
        left -= len(chunk)
        yield chunk
