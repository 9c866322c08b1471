"""Pictures of outputs as data URLs: PNG, JPEG and SVG, each taken apart, with nothing kept but the picture."""

from __future__ import annotations

import base64
import binascii
import struct

from autograder.notebook_pages.drawings import clean_svg
from autograder.review.figures import MAX_BYTES, clean_png, fits

_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Markers of the headers that browsers decode: baseline, extended, progressive."""
_KEPT = _FRAMES | {0xC4, 0xDB, 0xDD, 0xE0, 0xEE}
"""Headers, tables, and the two application markers that say how colours are coded."""


def data_url(kind: str, content: str) -> str | None:
    """Return a picture as a data URL; None when it is none, is damaged or is too large to show.

    Parameters
    ----------
    kind : media type, such as `image/png`
    content : base64, or the XML of an SVG
    """
    if len(content) > 2 * MAX_BYTES:
        return None
    cleaned = clean_svg(content) if kind == "image/svg+xml" else _cleaned(kind, _decoded(content))
    return f"data:{kind};base64,{base64.b64encode(cleaned).decode()}" if cleaned else None


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _cleaned(kind: str, data: bytes) -> bytes | None:
    if len(data) > MAX_BYTES:
        return None
    return {"image/png": clean_png, "image/jpeg": clean_jpeg}[kind](data)


def clean_jpeg(data: bytes) -> bytes | None:
    """Return a JPEG without comments, EXIF and what follows its end; None when it is none or too large."""
    if not data.startswith(b"\xff\xd8"):
        return None
    kept, place, has_size = [b"\xff\xd8"], 2, False
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        (length,) = struct.unpack_from(">H", data, place + 2)
        segment = data[place : place + 2 + length]
        if length < 2 or len(segment) < 2 + length:
            return None
        if marker in _FRAMES:
            if length < 8 or not fits(*reversed(struct.unpack_from(">HH", segment, 5))):
                return None
            has_size = True
        if marker == 0xDA:
            end = data.rfind(b"\xff\xd9")
            return b"".join(kept) + data[place : end + 2] if has_size and end > place else None
        if marker in _KEPT:
            kept.append(segment)
        place += 2 + length
    return None
