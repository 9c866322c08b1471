"""Compressed files read from front to back, with a bound on what their headers can ask for."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

from autograder.intake.entries import CHUNK

MAX_STREAMS = 1000
"""Compressed streams one after the other; millions of empty ones would only take time."""
MAX_XZ_BYTES = 256 * 2**20
"""Memory that an xz header may ask for (`xz -9` needs 65 MiB)."""


class Compression(NamedTuple):
    """How a compressed file is known and read."""

    magic: bytes
    new: Callable[[], Any]


COMPRESSIONS = {
    "tar.gz": Compression(b"\x1f\x8b", lambda: zlib.decompressobj(wbits=31)),
    "tar.bz2": Compression(b"BZh", bz2.BZ2Decompressor),
    "tar.xz": Compression(
        b"\xfd7zXZ\x00", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_XZ_BYTES)
    ),
}


class Decompressed:
    """What a compressed file holds. Bytes behind the last stream are left alone, as other programs do."""

    def __init__(self, file: BinaryIO, compression: Compression):
        self._file, self._compression = file, compression
        self._stream = compression.new()
        self._n_streams = 1
        self._pending = b""

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end.

        Raises
        ------
        EOFError
            When the file ends in the middle of a stream.
        OSError, zlib.error, lzma.LZMAError
            When it is damaged, or its checksum is wrong.
        """
        parts = []
        while size > 0 and (data := self._some(size)):
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        while not self._stream.eof or self._begins_another():
            packed = self._packed()
            data: bytes = self._stream.decompress(packed, size)
            # what zlib did not look at; the others keep it themselves and say so
            self._pending = getattr(self._stream, "unconsumed_tail", b"")
            if data:
                return data
            if not packed and not self._stream.eof:
                raise EOFError("it ends in the middle of its compressed data")
        return b""

    def _packed(self) -> bytes:
        if self._pending or not getattr(self._stream, "needs_input", True):
            return self._pending
        return self._file.read(CHUNK)

    def _begins_another(self) -> bool:
        rest = self._stream.unused_data.lstrip(b"\x00")
        while len(rest) < len(self._compression.magic):
            more = self._file.read(CHUNK)
            if not more:
                return False
            rest = (rest + more).lstrip(b"\x00")
        if not rest.startswith(self._compression.magic):
            return False
        self._n_streams += 1
        if self._n_streams > MAX_STREAMS:
            raise OSError(f"it has more than {MAX_STREAMS:,} compressed streams")
        self._stream, self._pending = self._compression.new(), rest
        return True
