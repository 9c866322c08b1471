"""Takes messages from a kernel's socket, believing nothing: who sends them knows the key and can send anything."""

from __future__ import annotations

import re
from typing import Any

import zmq
from jupyter_client.session import Session

MIB = 2**20
MAX_FRAMES = 64
MAX_NODES = 200_000
"""Lists, objects and entries of a message: what is small as a text can take a hundred times as much when read."""
MAX_WIDE_BYTES = 3 * MIB
"""A text with one character from beyond the basic plane takes four bytes for each of the others."""
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_WIDE = re.compile(rb"[\xf0-\xf4]|\\u[dD][89abAB]")


class TooHeavy(ValueError):
    """A message that would take more memory than one is worth."""


def receive(session: Session, source: Any, max_bytes: int) -> dict[str, Any] | None:
    """The next message that waits at a socket, or None.

    Raises
    ------
    TooHeavy
        It is larger than `max_bytes` in all, or would be once it is read.
    Exception
        It is no message; whatever the parts that look into it raise.
    """
    frames = _frames(source, max_bytes)
    if frames is None:
        return None
    for frame in frames:
        _weigh(frame)
    _, parts = session.feed_identities(frames)
    message: dict[str, Any] = session.deserialize(parts)
    if not all(isinstance(message.get(name), dict) for name in ("header", "parent_header", "content")):
        raise TypeError("a message whose parts are no objects")
    if not isinstance(message.get("msg_type"), str):
        raise TypeError("a message without a type")
    return message


def _frames(source: Any, max_bytes: int) -> list[bytes] | None:
    """The frames of the next message; those of one that is too large are taken and thrown away."""
    frames: list[bytes] = []
    size, more = 0, True
    while more:
        try:
            frame: bytes = source.recv(zmq.NOBLOCK)
        except zmq.Again:
            return None
        more = bool(source.getsockopt(zmq.RCVMORE))
        size += len(frame)
        if size <= max_bytes and len(frames) < MAX_FRAMES:
            frames.append(frame)
        else:
            frames, size = [], max_bytes + 1
    if size > max_bytes:
        raise TooHeavy("a message of too many bytes or frames")
    return frames


def _weigh(text: bytes) -> None:
    """TooHeavy when the JSON in `text` stands for more than its length tells."""
    if _nodes(text) > MAX_NODES:
        outside, number = _nodes(text), 0
        for number, quoted in enumerate(_TEXT.finditer(text)):
            outside -= _nodes(quoted.group())
            if number > 2 * MAX_NODES:
                break
        if outside > MAX_NODES or number > 2 * MAX_NODES:
            raise TooHeavy("a message of too many values")
    if len(text) > MAX_WIDE_BYTES and _WIDE.search(text):
        raise TooHeavy("a long text of wide characters")


def _nodes(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")
