"""Observes a notebook from inside its kernel; the source of this file is sent there, so it stands alone.

What it sees after every cell goes to a container in safetensors layout: values that changed, functions,
figures, seeds. It also calls functions of the notebook with challenge inputs. It never raises into a cell,
never changes a result and never draws from a random stream. Student code shares this process and can forge
anything here: the trusted side reads the containers with :mod:`autograder.probes.container`, and compares.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import functools
import hashlib
import importlib.abc
import importlib.machinery
import inspect
import io
import json
import math
import os
import random
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

MIB = 2**20
MAX_VALUE_BYTES = 16 * MIB
MAX_FROZEN_BYTES = MIB // 8
LONG_LIST = 1000
MAX_TEXT = 20_000
MAX_ELEMENTS = 2_000_000
MAX_ITEMS = 64
MAX_DEPTH = 4
MAX_POINTS = 4096
MAX_BARS = 512
MAX_CONTOUR = 400
MAX_FIGURES = 32
MAX_ARTISTS = 24
MAX_DOCUMENT_BYTES = 12 * MIB
CELL_DIGITS = 4
OPAQUE = 2**60
"""Stands for the size of what is no plain data and cannot be compared or copied."""
QUIET_PACKAGES = {"numpy", "scipy", "torch", "pandas", "matplotlib", "sklearn", "seaborn", "IPython"}

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

Node = dict[str, Any]
Array = np.ndarray[Any, np.dtype[Any]]
_ABSENT = object()


# ------------------------------------------------------------------ writing


def write_container(path: str, document: dict[str, Any], arrays: dict[str, Array]) -> int:
    """Bytes written; the file appears under its name only when it is whole."""
    header: dict[str, Any] = {
        "__metadata__": {"json": json.dumps(document, ensure_ascii=False, allow_nan=False)}
    }
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


# ------------------------------------------------------------------ values as nodes


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
        ref = "k" + _digest(f"{solid.dtype.name}{solid.shape}".encode(), solid.data if solid.nbytes else b"")
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
    if _is_tensor(value):
        return _tensor_array(value), "tensor", str(value.device)
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


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    known = getattr(torch, "Tensor", None)
    return known is not None and type(value) in (known, torch.nn.Parameter)  # type: ignore[union-attr]


def _tensor_array(value: Any) -> Array | None:
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
    return str(value.dtype).removeprefix("torch.") if _is_tensor(value) else array.dtype.name


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


def _mark(value: Any) -> tuple[int, ...] | None:
    """A quick sign that a long list holds the same objects as before; None for other values."""
    if type(value) not in (list, tuple) or len(value) < LONG_LIST:
        return None
    return id(value), len(value), hash(tuple(map(id, value)))


def _digest(*parts: Any) -> str:
    running = hashlib.blake2b(digest_size=10)
    for part in parts:
        running.update(part)
    return running.hexdigest()


def _size(node: Any) -> int:
    """Roughly the bytes that a node stands for; huge when some of it is no plain data."""
    kind = node["t"]
    if kind == "array":
        return int(np.prod(node["shape"], dtype=float)) * 8 + 8
    if kind == "list":
        return sum(map(_size, node["items"])) + (OPAQUE if node["n"] > len(node["items"]) else 8)
    if kind == "dict":
        inner = sum(_size(k) + _size(v) for k, v in node["items"])
        return inner + (OPAQUE if node["n"] > len(node["items"]) else 8)
    return OPAQUE if kind in ("object", "callable", "unsupported") else 64


# ------------------------------------------------------------------ functions


def describe_function(value: Any) -> dict[str, Any] | None:
    """Parameters and kind of a callable that the notebook made, or None for anything else."""
    kind = _function_kind(value)
    if kind is None:
        return None
    entry: dict[str, Any] = {"parameters": [], "required": 0, "kind": kind}
    with contextlib.suppress(TypeError, ValueError):
        known = list(inspect.signature(value).parameters.values())
        entry["parameters"] = [p.name for p in known][:MAX_ITEMS]
        entry["required"] = sum(map(_is_required, known))
    return entry


def _function_kind(value: Any) -> str | None:
    if not callable(value):
        return None
    if isinstance(value, type):
        return "class" if value.__module__ == "__main__" else None
    if isinstance(value, types.FunctionType):
        at_home = value.__module__ == "__main__" or not _is_installed(value.__code__.co_filename)
        return "function" if at_home else None
    if isinstance(value, types.MethodType):
        return "method"
    if isinstance(value, functools.partial | np.vectorize) or type(value).__module__ == "__main__":
        return "other"
    return "other" if getattr(value, "__module__", None) == "__main__" else None


def _is_installed(file: str) -> bool:
    return any(file.startswith(root) for root in {sys.prefix, sys.base_prefix} if root) or "packages" in file


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )


def names_in_code(function: Any, namespace: dict[str, Any], stop: set[str]) -> list[str]:
    """Global names that `function` and the notebook functions it calls refer to; not those behind `stop`."""
    found: dict[str, None] = {}
    waiting = [function]
    while waiting:
        for code in _codes(waiting.pop()):
            for name in code.co_names:
                if name in found:
                    continue
                found[name] = None
                if name in namespace and name not in stop and _function_kind(namespace[name]):
                    waiting.append(namespace[name])
    return list(found)


def _codes(value: Any) -> Iterator[types.CodeType]:
    """Code objects of a function, of what it wraps, of a class's methods, and all code nested in them."""
    value = inspect.unwrap(value) if callable(value) else value
    if isinstance(value, functools.partial):
        value = value.func
    if isinstance(value, np.vectorize):
        value = value.pyfunc
    members = vars(value).values() if isinstance(value, type) else [value]
    if not isinstance(value, type | types.FunctionType | types.MethodType):
        members = vars(type(value)).values()
    for member in members:
        code = getattr(getattr(member, "__func__", member), "__code__", None)
        stack = [code] if isinstance(code, types.CodeType) else []
        while stack:
            top = stack.pop()
            yield top
            stack += [const for const in top.co_consts if isinstance(const, types.CodeType)]


# ------------------------------------------------------------------ seeds


class SeedRecorder:
    """Wraps the functions that set seeds; passes on the same call, shifted only on request."""

    def __init__(self, shift: int) -> None:
        self.shift = shift
        self.calls: list[dict[str, Any]] = []
        self.numpy_seed = np.random.seed
        self.python_seed = random.seed
        self.make_generator = np.random.default_rng
        self.make_state = np.random.RandomState
        self.torch_seed: Callable[[int], Any] | None = None

    def install(self) -> None:
        """Replaces the functions of NumPy and `random`; torch's follow when it is imported."""
        mtrand: Any = np.random.mtrand
        np.random.seed = mtrand.seed = self._wrap("numpy.random.seed", self.numpy_seed)
        np.random.default_rng = self._wrap("numpy.random.default_rng", self.make_generator)
        random.seed = self._wrap("random.seed", self.python_seed)
        state = self._state_class()
        mtrand.RandomState = state
        np.random.RandomState = state  # type: ignore[misc]

    def torch_random(self, module: Any) -> None:
        """Wraps `torch.random.manual_seed`."""
        self.torch_seed = module.manual_seed
        module.manual_seed = self._wrap("torch.manual_seed", module.manual_seed)

    def note(self, call: str, seed: Any) -> Any:
        """Records the seed that was given; returns the one to use."""
        whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
        if len(self.calls) < 1000:
            self.calls.append({"call": call, "seed": int(seed) if whole and abs(int(seed)) < 2**63 else None})
        return int(seed) + self.shift if whole and self.shift else seed

    def _wrap(self, call: str, function: Any) -> Any:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = self._noted(call, args, kwargs)
            return function(*args, **kwargs)

        return wrapped

    def _noted(self, call: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The arguments to use, after recording; as given when a library is the caller."""
        with contextlib.suppress(Exception):
            caller = str(sys._getframe(2).f_globals.get("__name__"))
            if caller.partition(".")[0] in QUIET_PACKAGES:
                return args, kwargs
            if args:
                return (self.note(call, args[0]), *args[1:]), kwargs
            key = next((k for k in ("seed", "a") if k in kwargs), None)
            seed = self.note(call, kwargs.get(key) if key else None)
            return args, (kwargs | {key: seed} if key else kwargs)
        return args, kwargs

    def _state_class(self) -> Any:
        """A stand-in for RandomState: makes real ones, and answers isinstance as the real one does."""
        recorder, real = self, self.make_state

        class Meta(type):
            def __call__(cls, *args: Any, **kwargs: Any) -> Any:
                if cls is not stand_in:
                    return super().__call__(*args, **kwargs)
                args, kwargs = recorder._noted("numpy.random.RandomState", args, kwargs)
                return real(*args, **kwargs)

            def __instancecheck__(cls, value: Any) -> bool:
                return isinstance(value, real) if cls is stand_in else super().__instancecheck__(value)

            def __subclasscheck__(cls, other: type) -> bool:
                return issubclass(other, real) if cls is stand_in else super().__subclasscheck__(other)

        names = {"__module__": real.__module__, "__doc__": real.__doc__, "__qualname__": "RandomState"}
        stand_in = Meta("RandomState", (real,), names)
        return stand_in


# ------------------------------------------------------------------ figures


class FigureRecorder:
    """Describes figures before they are closed, and remembers what contours were drawn from."""

    def __init__(self) -> None:
        self.seen: dict[int, Any] = {}
        self.keys = 0
        self.done = False
        self.dropped = 0

    def patch_figure_list(self, module: Any) -> None:
        """Looks at figures before `matplotlib._pylab_helpers.Gcf` destroys them."""
        gcf = module.Gcf
        for name in ("destroy", "destroy_fig", "destroy_all"):
            self._before(gcf, name)

    def patch_axes(self, module: Any) -> None:
        """Remembers x, y and z of `Axes.contour` and `Axes.contourf`."""
        for name, filled in (("contour", False), ("contourf", True)):
            setattr(module.Axes, name, self._remember(getattr(module.Axes, name), filled))

    def cell_begins(self, *_: Any) -> None:
        """IPython `pre_execute`."""
        self.done = False

    def cell_ends(self, *_: Any) -> None:
        """IPython `post_execute`, called before the inline backend shows and closes the figures."""
        self.look()
        self.done = True

    def look(self) -> None:
        """Keeps a description of every open figure, replacing an earlier one of the same figure."""
        helpers: Any = sys.modules.get("matplotlib._pylab_helpers")
        if helpers is None or self.done:
            return
        with contextlib.suppress(Exception), _quiet():
            for manager in list(helpers.Gcf.figs.values()):
                figure = manager.canvas.figure
                key = getattr(figure, "_seen_as", None)
                if key is None:
                    self.keys += 1
                    key = figure._seen_as = self.keys
                if key not in self.seen and len(self.seen) >= MAX_FIGURES:
                    self.dropped += 1
                    continue
                self.seen[key] = describe_figure(figure)

    def take(self) -> list[Any]:
        """What was seen since the last call."""
        found = [entry for _, entry in sorted(self.seen.items())]
        self.seen, self.done, self.dropped = {}, False, 0
        return found

    def _before(self, gcf: Any, name: str) -> None:
        original = getattr(gcf, name)

        @functools.wraps(original)
        def wrapped(cls: Any, *args: Any, **kwargs: Any) -> Any:
            self.look()
            return original(*args, **kwargs)

        setattr(gcf, name, classmethod(wrapped))

    def _remember(self, original: Any, filled: bool) -> Any:
        @functools.wraps(original)
        def wrapped(axes: Any, *args: Any, **kwargs: Any) -> Any:
            drawn = original(axes, *args, **kwargs)
            with contextlib.suppress(Exception):
                known = axes.__dict__.setdefault("_seen_contours", [])
                if len(known) < MAX_ARTISTS:
                    known.append(describe_contour(args, filled))
            return drawn

        return wrapped


def describe_contour(args: tuple[Any, ...], filled: bool) -> dict[str, Any]:
    """Axes and heights of a contour; `z[i, j]` lies at `(x[j], y[i])`, whichever way the mesh was made."""
    given = [np.ma.filled(np.ma.asarray(_plain(a)).astype(float), np.nan) for a in args[:3]]
    if len(given) < 3:
        z = given[0]
        x, y = np.arange(z.shape[1], dtype=float), np.arange(z.shape[0], dtype=float)
    else:
        x, y, z = given
    if x.ndim == 2 and y.ndim == 2 and x.shape == y.shape == z.shape and z.size:
        if np.all(x == x[:1]) and np.all(y == y[:, :1]):
            x, y = x[0], y[:, 0]
        elif np.all(x == x[:, :1]) and np.all(y == y[:1]):
            x, y, z = x[:, 0], y[0], z.T
    small = max(z.shape, default=0) <= MAX_CONTOUR
    regular = x.ndim == y.ndim == 1
    return {
        "filled": filled,
        "shape": list(z.shape),
        "limits": [_number(f(a)) for a in (x, y) for f in (np.min, np.max)],
        "z": z.copy() if small else None,
        "x": x.copy() if regular and small else None,
        "y": y.copy() if regular and small else None,
    }


def describe_figure(figure: Any) -> dict[str, Any]:
    """What a figure shows: titles, limits and data of its axes; arrays stay arrays for now."""
    axes = [a for a in figure.axes if a.get_label() != "<colorbar>"][:MAX_ITEMS]
    heading = getattr(figure, "_suptitle", None)
    return {
        "n": int(getattr(figure, "number", 0) or 0),
        "size_inches": [_number(side) for side in figure.get_size_inches()],
        "suptitle": heading.get_text()[:500] if heading is not None else "",
        "axes": [_describe_axes(a) for a in axes],
    }


def _describe_axes(axes: Any) -> dict[str, Any]:
    legend = axes.get_legend()
    kinds = [(type(artist).__name__, artist) for artist in axes.collections]
    scatters = [artist for kind, artist in kinds if kind == "PathCollection"][:MAX_ARTISTS]
    sticks = [artist for kind, artist in kinds if kind == "LineCollection"][:MAX_ARTISTS]
    meshes = [artist for kind, artist in kinds if kind == "QuadMesh"][:MAX_ARTISTS]
    bars = [c for c in axes.containers if type(c).__name__ == "BarContainer"]
    heights = [_number(patch.get_height()) for c in bars for patch in c.patches[:MAX_BARS]]
    return {
        "title": "\n".join(filter(None, (axes.get_title(loc) for loc in ("center", "left", "right"))))[:500],
        "xlabel": axes.get_xlabel()[:500],
        "ylabel": axes.get_ylabel()[:500],
        "xlim": [_number(v) for v in axes.get_xlim()],
        "ylim": [_number(v) for v in axes.get_ylim()],
        "xscale": axes.get_xscale(),
        "legend": [text.get_text()[:200] for text in legend.get_texts()[:MAX_ITEMS]] if legend else [],
        "lines": [_describe_line(line) for line in axes.lines[:MAX_ARTISTS]],
        "scatters": [_describe_scatter(artist) for artist in scatters],
        "contours": list(getattr(axes, "_seen_contours", ())),
        "images": [_describe_image(image) for image in axes.images[:MAX_ARTISTS]]
        + [_describe_mesh(mesh) for mesh in meshes],
        "bars": {"n": sum(len(c.patches) for c in bars), "heights": heights[:MAX_BARS]},
        "stems": [stem for artist in sticks if (stem := _describe_sticks(artist))],
    }


def _describe_line(line: Any) -> dict[str, Any]:
    x, y = (np.ravel(np.asarray(data, dtype=float)) for data in line.get_data(orig=False))
    keep = _thin(len(x))
    return {
        "n": len(x),
        "x": [_number(v) for v in x[keep]],
        "y": [_number(v) for v in y[keep]],
        "linestyle": str(line.get_linestyle()),
        "marker": str(line.get_marker()),
        "label": str(line.get_label())[:200],
    }


def _describe_scatter(artist: Any) -> dict[str, Any]:
    points: Array = np.ma.filled(np.ma.asarray(artist.get_offsets(), dtype=float), np.nan).reshape(-1, 2)
    low, high = (np.nanmin(points, axis=0), np.nanmax(points, axis=0)) if len(points) else (2 * [np.nan],) * 2
    limits = {
        "xmin": _number(low[0]),
        "xmax": _number(high[0]),
        "ymin": _number(low[1]),
        "ymax": _number(high[1]),
    }
    return {"n": len(points), **limits, "points": points[_thin(len(points))]}


def _describe_sticks(artist: Any) -> dict[str, Any] | None:
    """Upright lines from a baseline, as `stem`, `vlines` and `acorr` draw them."""
    segments = [np.asarray(s, dtype=float) for s in artist.get_segments()]
    upright = [s for s in segments if s.shape == (2, 2) and s[0, 0] == s[1, 0]]
    if not upright or len(upright) < len(segments):
        return None
    tops = [s[np.argmax(np.abs(s[:, 1])), 1] for s in upright]
    return {"n": len(tops), "y": [_number(v) for v in tops[:MAX_BARS]]}


def _describe_image(image: Any) -> dict[str, Any]:
    return {"shape": list(np.shape(image.get_array())), "extent": [_number(v) for v in image.get_extent()]}


def _describe_mesh(mesh: Any) -> dict[str, Any]:
    corners = np.asarray(mesh.get_coordinates(), dtype=float)
    x, y = corners[..., 0], corners[..., 1]
    extent = [_number(v) for v in (x.min(), x.max(), y.min(), y.max())]
    return {"shape": list(np.shape(mesh.get_array())), "extent": extent}


def _thin(n: int) -> Any:
    return slice(None) if n <= MAX_POINTS else np.linspace(0, n - 1, MAX_POINTS).astype(int)


def _number(value: Any) -> float | None:
    plain = float(value)
    return plain if math.isfinite(plain) else None


def _plain(value: Any) -> Any:
    return _tensor_array(value) if _is_tensor(value) else value


def finish_figures(figures: list[Any], encoder: Encoder) -> list[Any]:
    """Figures with their arrays handed to `encoder` and replaced by refs."""

    def ref(array: Any) -> str | None:
        node = encoder.array(np.asarray(array, dtype=float), "ndarray") if array is not None else {}
        return node.get("ref")

    for axes in (a for figure in figures for a in figure["axes"]):
        axes["scatters"] = [s | {"ref": ref(s.pop("points"))} for s in map(dict, axes["scatters"])]
        contours = []
        for known in axes["contours"]:
            entry = dict(known)
            limits = dict(zip(("xmin", "xmax", "ymin", "ymax"), entry.pop("limits"), strict=True))
            refs = {f"{axis}ref": ref(entry.pop(axis)) for axis in "zxy"}
            contours.append(entry | limits | refs)
        axes["contours"] = contours
    return figures


# ------------------------------------------------------------------ imports


class AfterImport(importlib.abc.MetaPathFinder):
    """Calls a function with a module right after the module was first executed."""

    def __init__(self, hooks: dict[str, Callable[[Any], None]]) -> None:
        self.hooks = hooks

    def install(self) -> None:
        """Runs the hooks of modules that are there already; waits for the others."""
        for name in [name for name in self.hooks if name in sys.modules]:
            self.hooks.pop(name)(sys.modules[name])
        sys.meta_path.insert(0, self)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """The spec that the other finders give, with a loader that calls the hook at the end."""
        hook = self.hooks.pop(fullname, None)
        if hook is None:
            return None
        for finder in [f for f in sys.meta_path if f is not self]:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = HookedLoader(spec.loader, hook)
                return spec
        return None


class HookedLoader(importlib.abc.Loader):
    """Stands in for a loader until the module is executed, then leaves no trace."""

    def __init__(self, real: Any, hook: Callable[[Any], None]) -> None:
        self.real = real
        self.hook = hook

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        """What the real loader makes."""
        made: types.ModuleType | None = self.real.create_module(spec)
        return made

    def exec_module(self, module: types.ModuleType) -> None:
        """Executes the module as the real loader does, then calls the hook."""
        module.__loader__ = self.real
        if module.__spec__ is not None:
            module.__spec__.loader = self.real
        self.real.exec_module(module)
        with contextlib.suppress(Exception):
            self.hook(module)


# ------------------------------------------------------------------ challenges


class Target:
    """A law that is handed to a student's sampler, however the sampler asks for it.

    Takes `(d,)`, `(..., d)`, `(d, n)`, separate coordinates, lists and torch tensors; tensors give tensors.
    """

    def __init__(self, family: dict[str, Any], log: bool) -> None:
        parts = family if family["family"] == "mixture" else {}
        self.weights = np.asarray(parts.get("weights", [1.0]), dtype=float)
        self.means = np.asarray(parts.get("means", [family.get("mean")]), dtype=float)
        covariances = np.asarray(parts.get("covs", [family.get("cov")]), dtype=float)
        roots = np.linalg.cholesky(covariances)
        self.whiten = np.linalg.inv(roots)
        self.d = self.means.shape[1]
        diagonals = np.diagonal(roots, axis1=-2, axis2=-1)
        constants = 0.5 * self.d * math.log(2 * math.pi) + np.log(diagonals).sum(axis=-1)
        self.norms = np.log(self.weights) - constants
        self.log = log
        self.__name__ = "log_density" if log else "density"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The density or log density at the given points."""
        return self._answer(self.log, *args, *kwargs.values())

    def pdf(self, *args: Any) -> Any:
        """The density, as frozen SciPy distributions name it."""
        return self._answer(False, *args)

    def logpdf(self, *args: Any) -> Any:
        """The log density, as frozen SciPy distributions name it."""
        return self._answer(True, *args)

    density = prob = pdf
    log_density = log_prob = logpdf

    def _answer(self, log: bool, *args: Any) -> Any:
        tensor = next((a for a in args if _is_tensor(a)), None)
        value = self._log_density(self._points(*args))
        value = value if log else np.exp(value)
        if tensor is not None:
            torch: Any = sys.modules["torch"]
            dtype = tensor.dtype if tensor.dtype.is_floating_point else torch.float64
            return torch.as_tensor(value, dtype=dtype)
        return np.float64(value) if np.ndim(value) == 0 else value

    def _points(self, *args: Any) -> Array:
        """Points (..., d) from whatever was passed."""
        given = [np.asarray(_plain(a) if _is_tensor(a) else a, dtype=float) for a in args[: self.d]]
        first = given[0]
        alike = all(g.shape == first.shape for g in given) and first.shape != (self.d,)
        odd = first.ndim == 0 or self.d not in (first.shape[0], first.shape[-1])
        if len(given) == self.d > 1 and (alike or odd):
            return np.stack(np.broadcast_arrays(*given), axis=-1)
        if first.ndim and first.shape[-1] == self.d:
            return first
        if first.ndim > 1 and first.shape[0] == self.d:
            return np.moveaxis(first, 0, -1)
        if self.d == 1:
            return first[..., None]
        raise ValueError(
            f"points of {self.d} coordinates are expected, but the argument has shape {first.shape}"
        )

    def _log_density(self, points: Array) -> Array:
        """log sum_k w_k N(x | m_k, S_k), by the largest term."""
        scaled = np.einsum("kij,...kj->...ki", self.whiten, points[..., None, :] - self.means)
        stacked = self.norms - 0.5 * (scaled**2).sum(axis=-1)
        top = stacked.max(axis=-1)
        result: Array = top + np.log(np.exp(stacked - top[..., None]).sum(axis=-1))
        return result


class Sink(io.TextIOBase):
    """Swallows what is printed."""

    def write(self, text: str) -> int:
        """The length of `text`."""
        return len(text)


class Refusal(Exception):
    """A challenge that cannot be put, with its status."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


Bound = list[tuple[str, str, str]]
"""(role, "parameter" or "global", name); several globals may stand for one role."""


def bind(challenge: dict[str, Any], function: Any, namespace: dict[str, Any]) -> Bound:
    """Which role goes where.

    Raises Refusal when the function needs a parameter that has no role.
    """
    parameters = _parameters(function)
    bound: Bound = []
    free = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    for matches in (_named, _contained):
        for role, rule in challenge["roles"].items():
            if any(role == known for known, _, _ in bound):
                continue
            hit = next((p for p in free if matches(p.name, rule)), None)
            if hit is not None:
                free.remove(hit)
                bound.append((role, "parameter", hit.name))
    unknown = [p.name for p in free if _is_required(p)]
    if unknown:
        raise Refusal(
            "not_callable", f"the function needs {', '.join(unknown)}, which the check cannot supply"
        )
    wanted = {g for rule in challenge["roles"].values() for g in rule["globals"]}
    referred = names_in_code(function, namespace, wanted)
    for role, rule in challenge["roles"].items():
        if all(role != known for known, _, _ in bound):
            bound += [(role, "global", name) for name in rule["globals"] if name in referred]
    return bound


def _parameters(function: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise Refusal("not_callable", "the function does not tell its parameters") from None


def _named(name: str, rule: dict[str, Any]) -> bool:
    return name.casefold() in {known.casefold() for known in rule["names"]}


def _contained(name: str, rule: dict[str, Any]) -> bool:
    return any(word.casefold() in name.casefold() for word in rule["contains"])


def ambiguous_target(challenge: dict[str, Any], bound: Bound) -> bool | None:
    """Whether the form of the target cannot be told from its names; None when no target is handed."""
    names = [(role, name) for role, _, name in bound if challenge["roles"][role]["kind"] == "target"]
    return not all(_is_log(challenge["roles"][role], name) for role, name in names) if names else None


def _is_log(rule: dict[str, Any], name: str) -> bool:
    return any(token.casefold() in name.casefold() for token in rule["log_tokens"])


# ------------------------------------------------------------------ the observer


class Observer:
    """Everything that is observed of one notebook; its methods are called through silent executions.

    `folder` takes the containers, `plan` is the plan's JSON, `record_mib` the room for values in MiB.
    """

    def __init__(self, shell: Any, folder: str, plan: str, record_mib: float) -> None:
        self.shell = shell
        self.folder = folder
        settings = json.loads(plan)
        self.challenges = {c["id"]: c for c in settings["challenges"]}
        self.room = int(record_mib * MIB)
        self.seeds = SeedRecorder(settings["seed_shift"])
        self.figures = FigureRecorder()
        self.digests: dict[str, str] = {}
        self.history: dict[str, list[tuple[int, Any]]] = {}
        self.copies: set[int] = set()
        self.marks: dict[str, tuple[tuple[int, ...] | None, Any]] = {}
        self.live: dict[str, Any] = {}

    def install(self) -> None:
        """Puts the recorders in place; before any cell of the notebook."""
        self.seeds.install()
        hooks: dict[str, Callable[[Any], None]] = {
            "torch.random": self.seeds.torch_random,
            "matplotlib._pylab_helpers": self.figures.patch_figure_list,
            "matplotlib.axes._axes": self.figures.patch_axes,
        }
        AfterImport(hooks).install()
        self.shell.events.register("pre_execute", self.figures.cell_begins)
        self.shell.events.register("post_execute", self.figures.cell_ends)
        # IPython 9 keeps a copy of all that is printed, and puts back `write` as it was before each cell.
        self.shell._tee = lambda channel: contextlib.nullcontext()

    def after_cell(self, index: int) -> None:
        """Writes the container of cell `index`."""
        encoder = Encoder(self.room)
        document: dict[str, Any] = {
            "cell": index,
            "values": {},
            "deleted": [],
            "functions": {},
            "dropped": [],
        }
        names = self._names()
        for name, value in names.items():
            try:
                self._observe(name, value, index, document, encoder)
            except Exception as error:
                document["dropped"].append({"name": name, "why": f"{type(error).__name__}: {error}"[:300]})
        for name in [known for known in self.history if known not in names]:
            if self.history[name][-1][1] is not _ABSENT:
                self.history[name].append((index, _ABSENT))
                self.digests.pop(name, None)
                self.marks.pop(name, None)
                document["deleted"].append(name)
        if self.figures.dropped:
            document["dropped"].append({"name": "figures", "why": f"{self.figures.dropped} figures too many"})
        document["figures"] = finish_figures(self.figures.take(), encoder)
        document["seeds"], self.seeds.calls = self.seeds.calls, []
        torch: Any = sys.modules.get("torch")
        initial = getattr(torch, "initial_seed", None)
        document["torch_initial_seed"] = int(initial()) if initial is not None else None
        self.room = encoder.room
        self._write(f"cell-{index:0{CELL_DIGITS}d}", _fit(document), encoder)

    def limit_streams(self, limit_mib: float) -> None:
        """Stops printing after `limit_mib` in all: ipykernel would gather a flood in one huge message."""
        room = [int(limit_mib * MIB)]
        for stream in (sys.stdout, sys.stderr):
            stream.write = self._limited(stream.write, room)  # type: ignore[method-assign]

    @staticmethod
    def _limited(original: Any, room: list[int]) -> Any:
        @functools.wraps(original)
        def write(text: str) -> Any:
            if room[0] <= 0 or not isinstance(text, str):
                return original(text) if not isinstance(text, str) else len(text)
            kept = text[: room[0]]
            room[0] -= len(kept)
            original(kept)
            return len(text)

        return write

    def call(self, challenge_id: str, case_key: str, rank: int = 0, second: bool = False) -> None:
        """Puts one case of a challenge to a function of the notebook and writes the answer's container.

        `rank` counts the functions that may be meant, best first; beyond the last nothing happens. `second`
        asks for the other form of an ambiguous target, and does nothing where there is none.
        """
        challenge = self.challenges[challenge_id]
        case = next(c for c in challenge["cases"] if c["key"] == case_key)
        answer: dict[str, Any] = {"id": challenge_id, "case": case_key, "status": "missing", "function": None}
        answer |= {"form": None, "bound": {}, "error": None, "result": None, "how": None}
        stem = f"call-{challenge_id}-{case_key}" + (f"-{rank}" if rank else "")
        self.live = dict(self.shell.user_ns)
        noted, shift = list(self.seeds.calls), self.seeds.shift
        encoder = Encoder(MAX_VALUE_BYTES * 2)
        try:
            meant = self._find(challenge)
            if rank >= len(meant):
                return
            name, function, cell = meant[rank]
            answer["function"] = name
            view = self._view(cell)
            view[name] = function
            forms = self._forms(challenge, function, view) if challenge["mode"] == "call" else [None]
            if second and len(forms) < 2:
                return
            answer["form"] = forms[int(second)]
            stem += f"-{answer['form']}" if len(forms) > 1 else ""
            # What stands if the kernel ends during the call.
            self._write(stem, answer | {"status": "time_limit"}, Encoder(0))
            self._run(challenge, case, function, cell, view, answer, encoder)
        except Refusal as refusal:
            if second or rank:
                return
            answer |= {"status": refusal.status, "error": {"name": "Refusal", "message": str(refusal)}}
        except KeyboardInterrupt:
            answer["status"] = "time_limit"
        except BaseException as error:  # SystemExit and whatever else a notebook raises
            message = {"name": type(error).__name__, "message": _message(error)}
            answer |= {"status": "error", "error": message}
        finally:
            self._restore(self.live)
            self.seeds.calls, self.seeds.shift = noted, shift
        self._write(stem, answer, encoder)

    # -------------------------------------------------------------- the namespace

    def _names(self) -> dict[str, Any]:
        """The notebook's own names and their values."""
        hidden = {"In", "Out", "exit", "quit", "get_ipython", "open"}
        kept = {}
        for name, value in list(self.shell.user_ns.items()):
            own = isinstance(name, str) and not name.startswith("_") and name not in hidden
            if own and not isinstance(value, types.ModuleType):
                kept[name] = value
        return kept

    def _observe(self, name: str, value: Any, index: int, document: dict[str, Any], encoder: Encoder) -> None:
        """Adds `name` to the document when it changed since the last snapshot."""
        mark = _mark(value)
        if mark is not None and self.marks.get(name, (None, None))[0] == mark:
            return
        self.marks[name] = (mark, value if mark else None)  # held, so that its identity stays its own
        past = self.history.get(name)
        known = past[-1][1] if past else _ABSENT
        described = describe_function(value)
        if described is not None and known is not value:
            document["functions"][name] = described
        before = set(encoder.arrays)
        room = encoder.room
        node = encoder.node(value)
        digest = _digest(json.dumps(node, ensure_ascii=False).encode("utf-8", "replace"))
        plain = _size(node)
        if self.digests.get(name) == digest and (plain < OPAQUE or known is value):
            for ref in set(encoder.arrays) - before:
                del encoder.arrays[ref]
            encoder.room = room
            return
        changed = self.digests.get(name) != digest or known is not value
        self.digests[name] = digest
        if changed:
            document["values"][name] = node
            if "dropped" in node:
                document["dropped"].append({"name": name, "why": node["dropped"]})
            kept = copy.deepcopy(value) if plain <= MAX_FROZEN_BYTES else value
            if kept is not value:
                self.copies.add(id(kept))
            if plain >= OPAQUE or plain <= MAX_VALUE_BYTES:
                self.history.setdefault(name, []).append((index, kept))

    def _view(self, cell: int) -> dict[str, Any]:
        """The namespace as it was after `cell`."""
        view: dict[str, Any] = {}
        for name, past in self.history.items():
            last = next((value for at, value in reversed(past) if at <= cell), _ABSENT)
            if last is not _ABSENT:
                view[name] = last
        return view

    def _later(self, name: str, cell: int) -> Any:
        """The first value that `name` was given after `cell`, else the live one."""
        past = self.history.get(name, ())
        found = next((v for at, v in past if at > cell and v is not _ABSENT), _ABSENT)
        return self.live.get(name, _ABSENT) if found is _ABSENT else found

    def _restore(self, namespace: dict[str, Any]) -> None:
        live = self.shell.user_ns
        for name in [name for name in live if name not in namespace]:
            del live[name]
        live.update(namespace)

    # -------------------------------------------------------------- calls

    def _find(self, challenge: dict[str, Any]) -> list[tuple[str, Any, int]]:
        """Name, callable and defining cell of the function a challenge is about.

        One function when it has an accepted name; else all whose names hold the words of the challenge, and
        for functions of points, then all that take one or two arguments (a language has many words for it).
        """
        made: dict[str, tuple[Any, int]] = {}
        for name, past in self.history.items():
            for at, value in past:
                if value is not _ABSENT and describe_function(value) is not None:
                    made[name] = (value, at)
        lowered = {name.casefold(): name for name in made}
        names = [lowered[n.casefold()] for n in challenge["names"] if n.casefold() in lowered]
        for name in names:
            if not isinstance(made[name][0], type):
                return [(name, *made[name])]
        for words in challenge["contains"]:
            close = [n for n in made if all(word.casefold() in n.casefold() for word in words)]
            names += sorted(close, key=len)
        if challenge["mode"] == "points":
            names += [n for n in made if 1 <= describe_function(made[n][0])["required"] <= 2]  # type: ignore[index]
        meant = [name for name in dict.fromkeys(names) if not isinstance(made[name][0], type)]
        if meant:
            return [(name, *made[name]) for name in meant]
        if names:
            raise Refusal("not_callable", f"{names[0]} is a class, and a function is needed")
        raise Refusal("missing", "no function of this name was found")

    def _forms(self, challenge: dict[str, Any], function: Any, view: dict[str, Any]) -> list[str | None]:
        unsure = ambiguous_target(challenge, bind(challenge, function, view))
        if unsure is None:
            return [None]
        return ["density", "log_density"] if unsure else ["log_density"]

    def _run(
        self,
        challenge: dict[str, Any],
        case: dict[str, Any],
        function: Any,
        cell: int,
        view: dict[str, Any],
        answer: dict[str, Any],
        encoder: Encoder,
    ) -> None:
        """Fills `answer` with what the function returned."""
        if challenge["mode"] == "points":
            points = np.asarray(case["values"]["points"], dtype=float)
            attempts = self._point_attempts(challenge, case, function, view, points)
        else:
            bound = bind(challenge, function, view)
            answer["bound"] = _bound_names(challenge, bound)
            attempts = self._call_attempts(challenge, case, function, view, bound, answer["form"])
        first: Exception | None = None
        for how, attempt in attempts:
            try:
                result = self._guarded(attempt, view, cell, case["seed"])
            except Exception as error:  # the next way to call may be the one that the function expects
                first = first or error
                continue
            answer["how"] = how if challenge["mode"] == "points" else None
            answer["result"] = encoder.node(result)
            answer["status"] = "bad_output" if answer["result"]["t"] == "unsupported" else "ok"
            return
        raise first if first is not None else Refusal("not_callable", "there is no way to call the function")

    def _guarded(self, attempt: Callable[[], Any], view: dict[str, Any], cell: int, seed: int) -> Any:
        """Runs a call in the frozen namespace; a name that is missing there is taken from a later cell."""
        added: dict[str, Any] = {}
        for _ in range(MAX_ITEMS):
            self._overlay(view | added, seed)
            self._seed(seed)
            sink = Sink()
            try:
                with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink), _quiet():
                    return attempt()
            except NameError as error:
                name = getattr(error, "name", None) or ""
                later = self._later(name, cell)
                if not name or name in added or later is _ABSENT:
                    raise
                added[name] = later
        raise Refusal(
            "not_callable", "too many names of the notebook are missing where the function is defined"
        )

    def _overlay(self, view: dict[str, Any], seed: int) -> None:
        """Makes the live namespace look like `view`, with fresh generators and copies of small values."""
        live = self.shell.user_ns
        for name in self._names():
            if name not in view:
                del live[name]
        memo: dict[int, Any] = {}
        for name, value in view.items():
            if isinstance(value, np.random.Generator | np.random.RandomState):
                memo.setdefault(id(value), self._fresh(value, seed + len(memo)))
                live[name] = memo[id(value)]
            elif id(value) in self.copies:
                live[name] = copy.deepcopy(value)
            else:
                live[name] = value

    def _fresh(self, value: Any, seed: int) -> Any:
        if isinstance(value, np.random.Generator):
            return self.seeds.make_generator(seed)
        return self.seeds.make_state(seed % 2**32)

    def _seed(self, seed: int) -> None:
        self.seeds.python_seed(seed)
        self.seeds.numpy_seed(seed)
        if self.seeds.torch_seed is not None:
            self.seeds.torch_seed(seed)

    def _call_attempts(
        self,
        challenge: dict[str, Any],
        case: dict[str, Any],
        function: Any,
        view: dict[str, Any],
        bound: Bound,
        form: str | None,
    ) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Calls to try in turn: kinds of generator, then torch tensors in place of arrays."""
        for stream, library in self._flavours(challenge, bound, view):

            def attempt(stream: str = stream, library: str = library) -> Any:
                keywords: dict[str, Any] = {}
                for role, place, name in bound:
                    value = self._value(challenge["roles"][role], role, name, case, form, stream, library)
                    if place == "parameter":
                        keywords[name] = value
                    else:
                        self.shell.user_ns[name] = value
                args, keywords = _positional(function, keywords)
                return function(*args, **keywords)

            yield f"{stream}, {library}", attempt

    def _flavours(
        self, challenge: dict[str, Any], bound: Bound, view: dict[str, Any]
    ) -> list[tuple[str, str]]:
        kinds = {challenge["roles"][role]["kind"] for role, _, _ in bound}
        streams = ["Generator", "RandomState", "seed"] if "rng" in kinds else ["Generator"]
        legacy = [n for r, _, n in bound if challenge["roles"][r]["kind"] == "rng"]
        if any(isinstance(view.get(name), np.random.RandomState) for name in legacy):
            streams = ["RandomState", "Generator", "seed"]
        flavours = [(stream, "numpy") for stream in streams]
        if "torch" in sys.modules:
            if "rng" in kinds:
                flavours.append(("torch", "numpy"))
            if "point" in kinds or "array" in kinds:
                flavours += [(stream, "torch") for stream in streams[:1]]
                flavours += [("torch", "torch")] if "rng" in kinds else []
        return flavours

    def _value(
        self,
        rule: dict[str, Any],
        role: str,
        name: str,
        case: dict[str, Any],
        form: str | None,
        stream: str,
        library: str,
    ) -> Any:
        """A fresh value for one role."""
        kind, seed = rule["kind"], case["seed"]
        if kind == "rng":
            return self._stream(stream, seed)
        if kind == "seed":
            return seed
        if role not in case["values"]:
            raise Refusal("not_callable", f"the case has no value for {role}")
        value = case["values"][role]
        if kind == "target":
            return Target(value, log=form == "log_density" or _is_log(rule, name))
        if kind in ("point", "array"):
            array = np.array(value, dtype=float)
            return sys.modules["torch"].from_numpy(array) if library == "torch" else array
        return copy.deepcopy(value)

    def _stream(self, stream: str, seed: int) -> Any:
        if stream == "RandomState":
            return self.seeds.make_state(seed)
        if stream == "torch":
            torch: Any = sys.modules["torch"]
            return torch.Generator().manual_seed(seed)
        return seed if stream == "seed" else self.seeds.make_generator(seed)

    def _point_attempts(
        self,
        challenge: dict[str, Any],
        case: dict[str, Any],
        function: Any,
        view: dict[str, Any],
        points: Array,
    ) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Ways to evaluate a function at points (n, d): at once, by coordinates, one by one."""
        rest = self._other_arguments(challenge, case, function, view, points.shape[1])

        def batch(convert: Any) -> Any:
            return _per_point(function(convert(points), *rest), len(points))

        def columns(convert: Any) -> Any:
            return _per_point(function(*(convert(c) for c in points.T), *rest), len(points))

        def rows(convert: Any) -> Any:
            return _per_point(function(convert(points.T), *rest), len(points))

        def single(convert: Any) -> Any:
            return np.stack([_per_point(function(convert(p), *rest), 1)[0] for p in points])

        def pairs(convert: Any) -> Any:
            return np.stack([_per_point(function(*(convert(v) for v in p), *rest), 1)[0] for p in points])

        converts: list[Any] = [np.array]
        if "torch" in sys.modules:
            converts.append(lambda a: sys.modules["torch"].from_numpy(np.array(a)))
        parameters = _parameters(function)
        apart = len(rest) == 0 and sum(map(_is_required, parameters)) >= points.shape[1]
        ways = [("columns", columns), ("points", pairs)]
        if not apart:
            ways = [("batch", batch), ("points", single), ("columns", rows)]
            if any(p.kind is p.VAR_POSITIONAL for p in parameters):
                ways.append(("columns", columns))
        for convert in converts:
            for how, way in ways:
                yield how, functools.partial(way, convert)

    def _other_arguments(
        self, challenge: dict[str, Any], case: dict[str, Any], function: Any, view: dict[str, Any], d: int
    ) -> list[Any]:
        """Values of the required parameters beyond the points: from roles, else from like-named globals."""
        needed = [p.name for p in _parameters(function) if _is_required(p)]
        lowered = {name.casefold(): value for name, value in view.items()}
        known = len(needed) > 1 and needed[1].casefold() in lowered and len(needed[1]) > 2
        if len(needed) < 2 or (len(needed) == d and not known):  # (x, y) rather than (x, weights)
            return []
        values = []
        for name in needed[1:]:
            role = next((r for r, rule in challenge["roles"].items() if _named(name, rule)), None)
            if role is not None and role in case["values"]:
                values.append(
                    self._value(challenge["roles"][role], role, name, case, None, "Generator", "numpy")
                )
            elif name.casefold() in lowered:
                values.append(copy.deepcopy(lowered[name.casefold()]))
            else:
                raise Refusal("not_callable", f"the function needs {name}, which the check cannot supply")
        return values

    def _write(self, stem: str, document: dict[str, Any], encoder: Encoder) -> None:
        write_container(f"{self.folder}/{stem}.safetensors", document, encoder.arrays)


def _bound_names(challenge: dict[str, Any], bound: Iterable[tuple[str, str, str]]) -> dict[str, str | None]:
    names: dict[str, str | None] = dict.fromkeys(challenge["roles"])
    for role, place, name in bound:
        earlier = names[role]
        names[role] = f"{earlier}, {name}" if earlier else f"{place} {name}"
    return names


def _positional(function: Any, keywords: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Positional-only parameters taken out of `keywords`, in order."""
    args = []
    for p in _parameters(function):
        if p.kind is p.POSITIONAL_ONLY:
            if p.name not in keywords:
                break
            args.append(keywords.pop(p.name))
    return args, keywords


def _per_point(result: Any, n: int) -> Array:
    """`result` as an array (n,); ValueError when it does not hold one number a point."""
    array = as_array(result)[0]
    if array is None and type(result) in (int, float):
        array = np.asarray(result)
    if array is None or array.size != n or array.dtype.kind not in "fiu":
        shape = "no numbers" if array is None else f"shape {array.shape}"
        raise ValueError(f"expected {n} numbers, got {type(result).__name__} of {shape}")
    return array.reshape(n)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _message(error: BaseException) -> str:
    try:
        return str(error)[:1000]
    except Exception:
        return "(no message)"


def _fit(document: dict[str, Any]) -> dict[str, Any]:
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
