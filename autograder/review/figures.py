"""The figures of a section as data URLs: PNG alone, taken apart and put together again without what is not the picture."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"sRGB"))
MAX_FIGURES, MAX_BYTES, MAX_SIDE, MAX_PIXELS = 24, 6_000_000, 12_000, 40_000_000


def figures_of(
    notebook: Mapping[str, Any], owners: Sequence[str | None], item: str
) -> tuple[list[dict[str, Any]], int]:
    """Return the figures of the cells that belong to an item, and how many there are beyond those shown.

    Parameters
    ----------
    notebook : nbformat 4 JSON, as executed
    owners : the item of each cell

    Returns
    -------
    A figure is `{"cell": 0-based index, "url": data URL}`.
    """
    shown: list[dict[str, Any]] = []
    n_beyond = n_bytes = 0
    for index, image in _images(notebook, owners, item):
        png = clean_png(image)
        if png is None or len(shown) >= MAX_FIGURES or n_bytes + len(png) > MAX_BYTES:
            n_beyond += 1
            continue
        n_bytes += len(png)
        url = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        shown.append({"cell": index, "url": url})
    return shown, n_beyond


def _images(
    notebook: Mapping[str, Any], owners: Sequence[str | None], item: str
) -> Iterator[tuple[int, bytes]]:
    cells = notebook.get("cells")
    for index, cell in enumerate(cells if isinstance(cells, list) else ()):
        if index >= len(owners) or owners[index] != item or not isinstance(cell, dict):
            continue
        for output in cell.get("outputs") or ():
            data = output.get("data") if isinstance(output, dict) else None
            image = data.get("image/png") if isinstance(data, dict) else None
            text = "".join(map(str, image)) if isinstance(image, list) else image
            if isinstance(text, str) and len(text) < 2 * MAX_BYTES:
                try:
                    yield index, base64.b64decode("".join(text.split()), validate=True)
                except (binascii.Error, ValueError):
                    yield index, b""


def clean_png(data: bytes) -> bytes | None:
    """Return a PNG with nothing in it but the picture; None when it is none, is damaged or is too large to show."""
    if not data.startswith(_SIGNATURE):
        return None
    kept, place = [_SIGNATURE], len(_SIGNATURE)
    while place + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        content = data[place + 8 : place + 8 + length]
        end = place + 12 + length
        if end > len(data) or data[end - 4 : end] != struct.pack(">I", zlib.crc32(kind + content)):
            return None
        if len(kept) == 1 and not (
            kind == b"IHDR" and length == 13 and fits(*struct.unpack_from(">II", content))
        ):
            return None
        if kind in _KEPT:
            kept.append(data[place:end])
        place = end
        if kind == b"IEND":
            return b"".join(kept)
    return None


def fits(width: int, height: int) -> bool:
    """Return whether a picture of so many pixels is shown."""
    return 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS
