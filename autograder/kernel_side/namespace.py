"""The notebook's names through time: what changed after a cell, and what they were after an earlier one."""

from __future__ import annotations

import copy
import json
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from .containers import MIB
from .functions import describe_function
from .values import MAX_VALUE_BYTES, Encoder, digest_of, is_tensor

MAX_FROZEN_BYTES = MIB // 8
LONG_LIST = 1000
OPAQUE = 2**60
"""Stands for the size of what is no plain data and cannot be compared or copied."""
ABSENT = object()
"""Stands where a name has no value."""


class Namespace:
    """The notebook's own names: their values now, and the values that they had after every cell."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.digests: dict[str, str] = {}
        self.history: dict[str, list[tuple[int, Any]]] = {}
        self.copies: set[int] = set()
        self.marks: dict[str, tuple[tuple[int, ...] | None, Any]] = {}
        self.held: dict[str, Any] = {}

    @property
    def now(self) -> dict[str, Any]:
        """The live namespace, in which cells run."""
        live: dict[str, Any] = self.shell.user_ns
        return live

    def snapshot(self, index: int, document: dict[str, Any], encoder: Encoder) -> None:
        """Adds to the document of cell `index` what the cell changed and deleted."""
        names = self._names()
        for name, value in names.items():
            try:
                self._observe(name, value, index, document, encoder)
            except Exception as error:
                document["dropped"].append({"name": name, "why": f"{type(error).__name__}: {error}"[:300]})
        for name in [known for known in self.history if known not in names]:
            if self.history[name][-1][1] is not ABSENT:
                self.history[name].append((index, ABSENT))
                self.digests.pop(name, None)
                self.marks.pop(name, None)
                document["deleted"].append(name)

    def functions(self) -> dict[str, tuple[Any, int]]:
        """The last callable that each name was given, with the cell that gave it."""
        made: dict[str, tuple[Any, int]] = {}
        for name, past in self.history.items():
            for at, value in past:
                if value is not ABSENT and describe_function(value) is not None:
                    made[name] = (value, at)
        return made

    def view(self, cell: int) -> dict[str, Any]:
        """The namespace as it was after `cell`."""
        view: dict[str, Any] = {}
        for name, past in self.history.items():
            last = next((value for at, value in reversed(past) if at <= cell), ABSENT)
            if last is not ABSENT:
                view[name] = last
        return view

    def later(self, name: str, cell: int) -> Any:
        """The first value that `name` was given after `cell`, else the one at :meth:`hold`."""
        past = self.history.get(name, ())
        found = next((v for at, v in past if at > cell and v is not ABSENT), ABSENT)
        return self.held.get(name, ABSENT) if found is ABSENT else found

    def overlay(self, view: dict[str, Any], fresh: Callable[[Any, int], Any]) -> None:
        """Makes the live namespace look like `view`, with copies of small values.

        `fresh` makes a new random stream of the same kind; it is told how many were made before.
        """
        live = self.now
        for name in self._names():
            if name not in view:
                del live[name]
        memo: dict[int, Any] = {}
        for name, value in view.items():
            if isinstance(value, np.random.Generator | np.random.RandomState):
                memo.setdefault(id(value), fresh(value, len(memo)))
                live[name] = memo[id(value)]
            elif id(value) in self.copies:
                live[name] = copy.deepcopy(value)
            else:
                live[name] = value

    def hold(self) -> None:
        """Notes every live name, for :meth:`restore`."""
        self.held = dict(self.now)

    def restore(self) -> None:
        """Makes the live namespace what it was at :meth:`hold`."""
        live = self.now
        for name in [name for name in live if name not in self.held]:
            del live[name]
        live.update(self.held)

    def _names(self) -> dict[str, Any]:
        """The notebook's own names and their values."""
        hidden = {"In", "Out", "exit", "quit", "get_ipython", "open"}
        kept = {}
        for name, value in list(self.now.items()):
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
        known = past[-1][1] if past else ABSENT
        described = describe_function(value)
        if described is not None and known is not value:
            document["functions"][name] = described
        before = set(encoder.arrays)
        room = encoder.room
        node = encoder.node(value)
        digest = digest_of(json.dumps(node, ensure_ascii=False).encode("utf-8", "replace"))
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
            kept = _frozen(value) if plain <= MAX_FROZEN_BYTES else value
            if kept is not value:
                self.copies.add(id(kept))
            if plain >= OPAQUE or plain <= MAX_VALUE_BYTES:
                self.history.setdefault(name, []).append((index, kept))


def _frozen(value: Any) -> Any:
    """A copy of a small value; of a tensor that was computed with gradients, which nobody can copy, its numbers."""
    try:
        return copy.deepcopy(value)
    except Exception:
        return value.detach().clone() if is_tensor(value) else value


def _mark(value: Any) -> tuple[int, ...] | None:
    """A quick sign that a long list holds the same objects as before; None for other values."""
    if type(value) not in (list, tuple) or len(value) < LONG_LIST:
        return None
    return id(value), len(value), hash(tuple(map(id, value)))


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
