"""Reads what a kernel wrote, believing nothing: JSON and plain arrays, sizes capped, no pickle.

The layout is that of safetensors: u64 little-endian header length, JSON header
`{name: {dtype, shape, data_offsets}, "__metadata__": {"json": "<document>"}}`, raw buffer.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

MAX_HEADER_BYTES = 32 * 2**20
MAX_DEPTH = 48
MAX_NODES = 1_000_000
"""Lists, mappings and their entries; an empty list of two characters takes thirty times as much in memory."""
MAX_INT_DIGITS = 20
MAX_SHAPE = 2**40

DTYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}

_CELL = re.compile(r"^cell-(\d{4,6})\.safetensors$")
_CALL = re.compile(r"^call-[A-Za-z0-9_.]+-[A-Za-z0-9_]+(-\d+)?(-density|-log_density)?\.safetensors$")


class ContainerError(ValueError):
    """A file that is not a container, with a sentence that says why."""


@dataclass(frozen=True)
class Container:
    """One document and the arrays that its nodes refer to by `ref`, `zref`, `xref`, `yref`."""

    document: dict[str, Any]
    arrays: dict[str, np.ndarray[Any, np.dtype[Any]]]


def read_container(path: Path, max_bytes: int = 256 * 2**20) -> Container:
    """The document and arrays in `path`.

    Raises
    ------
    ContainerError
        The file is missing, is a link or no plain file, is larger than `max_bytes`, or breaks the layout.
    """
    data = _read_plain_file(path, max_bytes)
    if len(data) < 8:
        raise ContainerError(f"{path.name}: {len(data)} bytes are too few for a container.")
    length = int.from_bytes(data[:8], "little")
    if length > min(MAX_HEADER_BYTES, len(data) - 8):
        raise ContainerError(f"{path.name}: a header of {length} bytes is beyond the file or the limit.")
    header = _load_json(data[8 : 8 + length], path.name)
    if not isinstance(header, dict):
        raise ContainerError(f"{path.name}: the header is no JSON object.")
    metadata = header.pop("__metadata__", None)
    text = metadata.get("json") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise ContainerError(f"{path.name}: the header holds no document.")
    document = _load_json(text.encode(), path.name)
    if not isinstance(document, dict):
        raise ContainerError(f"{path.name}: the document is no JSON object.")
    return Container(document, _arrays(header, memoryview(data)[8 + length :], path.name))


def is_container_name(name: str) -> bool:
    """Whether a container may be called this."""
    return bool(_CELL.match(name) or _CALL.match(name))


def list_containers(folder: Path) -> tuple[dict[int, Path], list[Path]]:
    """Paths of the cell containers by cell index (ascending), and of the call containers (by name)."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    cells = {int(found[1]): folder / name for name in names if (found := _CELL.match(name))}
    return dict(sorted(cells.items())), [folder / name for name in names if _CALL.match(name)]


def copy_container(source: Path, target: Path, max_bytes: int) -> int:
    """Bytes copied from a plain file to `target`. ContainerError as :func:`read_container`; not parsed."""
    data = _read_plain_file(source, max_bytes)
    target.write_bytes(data)
    return len(data)


def _read_plain_file(path: Path, max_bytes: int) -> bytes:
    """All bytes of a regular file with one name; never follows a link, never blocks on a pipe."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise ContainerError(f"{path.name}: cannot be opened as a plain file ({error}).") from None
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
        os.close(handle)
        raise ContainerError(f"{path.name}: is not a plain file with a single name.")
    with os.fdopen(handle, "rb") as file:
        if facts.st_size > max_bytes:
            raise ContainerError(f"{path.name}: {facts.st_size} bytes exceed the limit of {max_bytes}.")
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ContainerError(f"{path.name}: grew beyond the limit of {max_bytes} bytes.")
    return data


def _load_json(data: bytes, name: str) -> Any:
    """JSON without NaN, huge numbers, duplicate keys, lone surrogates or deep nesting."""
    if sum(map(data.count, (b"[", b"{", b","))) > MAX_NODES:  # before anything is made of it
        raise ContainerError(f"{name}: the JSON is refused (more than {MAX_NODES:,} values).")
    try:
        loaded = json.loads(
            data.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_small_int,
            object_pairs_hook=_unique,
        )
        return _clean(loaded, MAX_DEPTH, [MAX_NODES])
    except (ValueError, RecursionError, MemoryError) as error:
        raise ContainerError(f"{name}: the JSON is refused ({str(error)[:200]}).") from None


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"number out of range: {text[:40]}")
    return value


def _small_int(text: str) -> int:
    if len(text) > MAX_INT_DIGITS:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _clean(node: Any, depth: int, budget: list[int]) -> Any:
    """`node` with every string writable as UTF-8; ValueError when nested or sized beyond the limits."""
    budget[0] -= 1
    if depth < 0 or budget[0] < 0:
        raise ValueError("nested too deeply, or too many values")
    if isinstance(node, str):
        return node.encode("utf-8", "replace").decode("utf-8")
    if isinstance(node, list):
        return [_clean(item, depth - 1, budget) for item in node]
    if isinstance(node, dict):
        return {_clean(key, 0, budget): _clean(item, depth - 1, budget) for key, item in node.items()}
    return node


def _arrays(
    header: dict[str, Any], buffer: memoryview, name: str
) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """Copies of the arrays; their ranges must cover `buffer` in the header's order without gap or overlap."""
    arrays: dict[str, np.ndarray[Any, np.dtype[Any]]] = {}
    position = 0
    for key, entry in header.items():
        dtype, shape, begin, end = _entry(entry, f"{name}: array {key[:40]!r}")
        size = math.prod(shape) * dtype.itemsize
        if math.prod(n or 1 for n in shape) > MAX_SHAPE:  # numpy refuses such a shape even when it is empty
            raise ContainerError(f"{name}: array {key[:40]!r} has an impossible shape.")
        if begin != position or end != begin + size or end > len(buffer):
            raise ContainerError(f"{name}: array {key[:40]!r} does not lie where its shape says.")
        position = end
        raw = np.frombuffer(buffer[begin:end], dtype=np.uint8)
        if dtype.kind == "b":  # a byte of 7 in a bool array is neither true nor false to numpy
            arrays[key] = (raw != 0).reshape(shape)
        else:
            arrays[key] = raw.copy().view(dtype).reshape(shape)
    if position != len(buffer):
        raise ContainerError(f"{name}: {len(buffer) - position} bytes belong to no array.")
    return arrays


def _entry(entry: Any, where: str) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    """dtype, shape and range of one array's entry in the header."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ContainerError(f"{where} has no dtype, shape and data_offsets.")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in DTYPES:
        raise ContainerError(f"{where} has the unknown dtype {str(kind)[:20]!r}.")
    if not _counts(shape) or len(shape) > 16 or not _counts(offsets) or len(offsets) != 2:
        raise ContainerError(f"{where} has a shape or range that is no list of counts.")
    return np.dtype(DTYPES[kind]), tuple(shape), offsets[0], offsets[1]


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 2**40 for item in value)
