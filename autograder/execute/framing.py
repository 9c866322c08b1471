"""Frames between the grader and a slot: a JSON head and blobs, over a stream that a hostile process may hold.

u32 (little-endian): length of the head | head: a JSON object with `type` and `sizes` | the blobs, in order
"""

from __future__ import annotations

import json
import os
import socket
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

MAX_HEAD = 2**20
MAX_BLOBS = 10_000
CHUNK = 2**20
_OPEN = os.O_RDONLY
for _name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):  # as far as the platform has them
    _OPEN |= getattr(os, _name, 0)


class FramingError(OSError):
    """The other side is gone, too slow, or sends what is no frame."""


class NotAPlainFile(ValueError):
    """A link, a pipe, a device, a file of several names, or one that is too large."""


def send(channel: socket.socket, kind: str, blobs: Iterable[bytes] = (), **about: Any) -> None:
    """Sends one frame. OSError when the other side is gone."""
    parts = list(blobs)
    head = json.dumps({"type": kind, **about, "sizes": [len(blob) for blob in parts]}).encode()
    channel.sendall(len(head).to_bytes(4, "little") + head)
    for blob in parts:
        channel.sendall(blob)


def send_plain_file(channel: socket.socket, path: Path, max_bytes: int, **about: Any) -> int:
    """Sends a regular file with one name as the blob of a `file` frame, without reading it in; its size.

    NotAPlainFile when it is anything else, or larger; nothing was sent then.
    """
    try:
        handle = os.open(path, _OPEN)
    except OSError as error:
        raise NotAPlainFile(f"{path.name}: {error.strerror}") from None
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1 or facts.st_size > max_bytes:
            raise NotAPlainFile(f"{path.name} is no plain file of at most {max_bytes} bytes")
        head = json.dumps({"type": "file", **about, "sizes": [facts.st_size]}).encode()
        channel.sendall(len(head).to_bytes(4, "little") + head)
        left = facts.st_size
        while left:
            data = os.read(handle, min(CHUNK, left))
            if not data:  # it shrank: nobody writes any more, so this is not the kernel's doing
                raise OSError(f"{path.name} ended early")
            channel.sendall(data)
            left -= len(data)
        return facts.st_size
    finally:
        os.close(handle)


class Reader:
    """Reads frames, with a deadline and a limit on what all of them may hold."""

    def __init__(
        self, channel: socket.socket, deadline: float = float("inf"), max_bytes: int = 2**40
    ) -> None:
        self.channel = channel
        self.deadline = deadline
        self.left = max_bytes

    def head(self) -> dict[str, Any]:
        """The next frame's head; its blobs follow, each to be taken by :meth:`blob` or :meth:`blob_into`."""
        length = int.from_bytes(self._exactly(4), "little")
        if length > MAX_HEAD:
            raise FramingError(f"a head of {length} bytes")
        try:
            head = json.loads(self._exactly(length))
        except (ValueError, RecursionError) as error:
            raise FramingError(f"a head that is no JSON: {error}") from None
        sizes = head.get("sizes") if isinstance(head, dict) else None
        if (
            not isinstance(sizes, list)
            or len(sizes) > MAX_BLOBS
            or not all(type(n) is int and n >= 0 for n in sizes)
        ):
            raise FramingError("a head without the sizes of what follows")
        self.left -= sum(sizes)
        if self.left < 0:
            raise FramingError("more than may be sent in all")
        return dict(head)

    def blob(self, size: int) -> bytes:
        """The next blob."""
        return self._exactly(size)

    def blob_into(self, size: int, file: BinaryIO) -> None:
        """Writes the next blob to a file, piece by piece."""
        while size:
            data = self._exactly(min(size, CHUNK))
            file.write(data)
            size -= len(data)

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise FramingError("too late")
            self.channel.settimeout(min(left, 3600.0))
            try:
                data = self.channel.recv(min(size - len(parts), CHUNK))
            except TimeoutError:
                continue
            if not data:
                raise FramingError("the other side is gone")
            parts += data
        return bytes(parts)
