"""Values as nodes: plain data that says what a value is, and arrays named by their content."""

from __future__ import annotations

import collections
import contextlib
import hashlib
import math
import sys
import types
from typing import Any

import numpy as np

from .containers import DTYPES, MIB, Array

MAX_VALUE_BYTES = 16 * MIB
MAX_TEXT = 20_000
MAX_ELEMENTS = 2_000_000
MAX_ITEMS = 64
MAX_DEPTH = 4

Node = dict[str, Any]


class Encoder:
    """Turns values into nodes and collects their arrays, each named by its content."""

    def __init__(self, room: int) -> None:
        self.arrays: dict[str, Array] = {}
        self.room = room

    def node(self, value: Any, depth: int = MAX_DEPTH) -> Node:
        """The node of `value`; what is no plain data becomes `unsupported` with its class."""
        kind = type(value)
        if value is None or value is Ellipsis:
            return {"t": "none" if value is None else "ellipsis"}
        if kind is bool or (kind is int and -(2**63) <= value < 2**64):
            return {"t": kind.__name__, "v": value}
        if kind is float:
            return {"t": "float", "v": value if math.isfinite(value) else str(value)}
        if kind is str:
            return {"t": "str", "v": value[:MAX_TEXT]}
        labelled = _labelled(value)
        if labelled is not None and depth > 0:
            items = [[self.node(str(k)), self.node(v, depth - 1)] for k, v in labelled[:MAX_ITEMS]]
            return {"t": "dict", "items": items, "n": len(labelled), "src": "frame"}
        array, source, device = as_array(value)
        if array is not None:
            return self.array(array, source, device, _dtype_name(value, array))
        if depth > 0:
            found = self._nested(value, depth)
            if found is not None:
                return found
        if callable(value):
            return {"t": "callable", "class": kind.__name__}
        return {"t": "unsupported", "class": kind.__name__}

    def array(self, array: Array, source: str, device: str = "cpu", dtype: str = "") -> Node:
        """The node of an array; without content when it is too large or the room is used up."""
        node: Node = {"t": "array", "ref": None, "dtype": dtype or array.dtype.name}
        node |= {"shape": list(array.shape), "src": source, "device": device}
        if array.nbytes > MAX_VALUE_BYTES:
            return node | {"dropped": f"{array.nbytes} bytes are more than a value may have"}
        solid = np.ascontiguousarray(array).reshape(array.shape)
        ref = "k" + digest_of(
            f"{solid.dtype.name}{solid.shape}".encode(), solid.data if solid.nbytes else b""
        )
        if ref not in self.arrays:
            if solid.nbytes > self.room:
                return node | {"dropped": "the notebook's room for recorded values is used up"}
            self.room -= solid.nbytes
            self.arrays[ref] = solid
        return node | {"ref": ref}

    def _nested(self, value: Any, depth: int) -> Node | None:
        kind = type(value)
        if isinstance(value, dict):
            pairs = list(dict.items(value))
            entries = [[self.node(k, depth - 1), self.node(v, depth - 1)] for k, v in pairs[:MAX_ITEMS]]
            return {"t": "dict", "items": entries, "n": len(pairs)}
        if kind in (list, tuple, range, collections.deque):
            items = [self.node(item, depth - 1) for item in list(value)[:MAX_ITEMS]]
            return {"t": "list", "items": items, "n": len(value)}
        attributes = _attributes(value)
        if attributes is None:
            return None
        kept = [(k, v) for k, v in attributes.items() if not k.startswith("_")][:MAX_ITEMS]
        return {
            "t": "object",
            "class": kind.__name__,
            "attrs": {k: self.node(v, depth - 1) for k, v in kept},
        }


def as_array(value: Any) -> tuple[Array | None, str, str]:
    """`value` as a numeric array with its source and device, or None when it is no array."""
    kind = type(value)
    if kind is np.ndarray or isinstance(value, np.ma.MaskedArray):
        plain = np.ma.filled(value, np.nan) if isinstance(value, np.ma.MaskedArray) else value
        return (_little(plain), "ndarray", "cpu") if plain.dtype.name in DTYPES else (None, "", "")
    if isinstance(value, np.generic):
        plain = np.asarray(value)
        return (plain, "scalar", "cpu") if plain.dtype.name in DTYPES else (None, "", "")
    if is_tensor(value):
        return tensor_array(value), "tensor", str(value.device)
    if kind in (list, tuple, range, collections.deque) and len(value):
        return _list_array(list(value), MAX_DEPTH), "list", "cpu"
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.Series | pandas.DataFrame | pandas.Index):
        plain = value.to_numpy()
        source = "frame" if isinstance(value, pandas.DataFrame) else "series"
        return (_little(plain), source, "cpu") if plain.dtype.name in DTYPES else (None, "", "")
    return None, "", ""


def _list_array(items: list[Any], depth: int) -> Array | None:
    """One array of a list of numbers or of equal-shape arrays, else None."""
    if len(items) > MAX_ELEMENTS or depth == 0:
        return None
    kinds = set(map(type, items))
    if kinds & {str, dict, type(None), set}:
        return None
    if _converts_at_once(items, kinds):
        try:
            plain = np.array(items)
        except (OverflowError, ValueError):
            return None
        return plain if plain.dtype.name in DTYPES else None
    parts: list[Array] = []
    for item in items:
        if type(item) in (list, tuple):
            part = _list_array(list(item), depth - 1) if item else None
        elif type(item) in (int, float, bool):
            part = np.asarray(item)
        else:
            part = as_array(item)[0]
        if part is None or (parts and part.shape != parts[0].shape) or part.dtype.name not in DTYPES:
            return None
        parts.append(part)
        if parts[0].size * len(parts) > 4 * MAX_ELEMENTS:
            return None
    return np.stack(parts)


def _converts_at_once(items: list[Any], kinds: set[type]) -> bool:
    """Whether NumPy alone tells what the list is: numbers, equal arrays, or rows that begin with numbers."""
    if all(kind in (int, float, bool) or issubclass(kind, np.generic) for kind in kinds):
        return True
    if kinds == {np.ndarray}:
        return len({item.shape for item in items}) == 1
    return kinds <= {list, tuple} and all(type(value) in (int, float, bool) for value in items[0])


def _little(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder("<")) if array.dtype.byteorder == ">" else array


def is_tensor(value: Any) -> bool:
    """Whether `value` is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    known = getattr(torch, "Tensor", None)
    return known is not None and type(value) in (known, torch.nn.Parameter)  # type: ignore[union-attr]


def tensor_array(value: Any) -> Array | None:
    """The tensor's numbers, or None for tensors that NumPy cannot hold."""
    torch: Any = sys.modules["torch"]
    if (
        value.layout != torch.strided
        or value.is_quantized
        or value.is_complex()
        or value.device.type == "meta"
    ):
        return None
    plain = value.detach().resolve_neg().cpu()
    array = plain.float().numpy() if plain.dtype == torch.bfloat16 else plain.numpy()
    return array if array.dtype.name in DTYPES else None


def _dtype_name(value: Any, array: Array) -> str:
    return str(value.dtype).removeprefix("torch.") if is_tensor(value) else array.dtype.name


def _labelled(value: Any) -> list[tuple[str, Any]] | None:
    """The columns of a data frame, or the entries of a short series with names, else None."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return [(str(name), value.iloc[:, at]) for at, name in enumerate(value.columns)]
    is_short = pandas is not None and isinstance(value, pandas.Series) and len(value) <= MAX_ITEMS
    if is_short and all(isinstance(name, str) for name in value.index):
        return [(name, value.iloc[at]) for at, name in enumerate(value.index)]
    return None


def _attributes(value: Any) -> dict[str, Any] | None:
    """Stored attributes of an instance made of notebook classes and their like; no property is run."""
    kind = type(value)
    if isinstance(value, type | types.ModuleType | types.FunctionType):
        return None
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return dict(zip(kind._fields, tuple(value), strict=False))
    if kind.__module__ != "__main__" and kind is not types.SimpleNamespace:
        known = getattr(kind, "__dataclass_fields__", None)
        if known is None:
            return None
    torch: Any = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.nn.Module):
        return {}
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            with contextlib.suppress(AttributeError):
                found[name] = object.__getattribute__(value, name)
    with contextlib.suppress(AttributeError):
        found |= object.__getattribute__(value, "__dict__")
    return {str(name): item for name, item in found.items()}


def as_plain(value: Any) -> Any:
    """A tensor as an array; anything else as it is."""
    return tensor_array(value) if is_tensor(value) else value


def digest_of(*parts: Any) -> str:
    """A short name of some bytes."""
    running = hashlib.blake2b(digest_size=10)
    for part in parts:
        running.update(part)
    return running.hexdigest()
