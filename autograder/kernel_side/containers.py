"""Writing a container: one JSON document and the arrays it refers to, in safetensors layout."""

from __future__ import annotations

import json
import math
import os
from typing import Any

import numpy as np

MIB = 2**20
MAX_DOCUMENT_BYTES = 12 * MIB

DTYPES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "uint16": "U16",
    "int16": "I16",
    "uint32": "U32",
    "int32": "I32",
    "uint64": "U64",
    "int64": "I64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
}

Array = np.ndarray[Any, np.dtype[Any]]


def write_container(path: str, document: dict[str, Any], arrays: dict[str, Array]) -> int:
    """Bytes written; the file appears under its name only when it is whole."""
    header: dict[str, Any] = {"__metadata__": {"json": _as_json(document)}}
    position = 0
    for ref, array in arrays.items():
        end = position + array.nbytes
        header[ref] = {
            "dtype": DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [position, end],
        }
        position = end
    text = json.dumps(header, ensure_ascii=False).encode("utf-8", "replace")
    text += b" " * (-len(text) % 8)
    partial = path + ".part"
    with open(partial, "wb") as file:  # noqa: PTH123
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).data if array.nbytes else b"")
    os.replace(partial, path)  # noqa: PTH105
    return 8 + len(text) + position


def _as_json(document: dict[str, Any]) -> str:
    """The document as JSON; a number that is none (a gradient that diverged, a clip at infinity) is left out of it."""
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(document), ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def fit(document: dict[str, Any]) -> dict[str, Any]:
    """The document, without the points of its lines when it would be too large, then without its figures."""
    for shrink in ("lines", "figures", "values"):
        if len(json.dumps(document)) <= MAX_DOCUMENT_BYTES:
            return document
        document["dropped"].append({"name": shrink, "why": "the description of this cell is too large"})
        if shrink == "lines":
            for line in (li for f in document["figures"] for a in f["axes"] for li in a["lines"]):
                line["x"], line["y"] = line["x"][::16], line["y"][::16]
        else:
            document[shrink] = type(document[shrink])()
    return document
