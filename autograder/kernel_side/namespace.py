"""The notebook's names through time: what changed after a cell, and what they were after an earlier one."""

from __future__ import annotations

import copy
import json
import types
from typing import Any

import numpy as np

from .containers import MIB
from .functions import describe_function
from .values import MAX_VALUE_BYTES, Encoder, digest_of

MAX_FROZEN_BYTES = MIB // 8
LONG_LIST = 1000
OPAQUE = 2**60
"""Stands for the size of what is no plain data and cannot be compared or copied."""
ABSENT = object()


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
        mark = mark_of(value)
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
        digest = digest_of(json.dumps(node, ensure_ascii=False).encode("utf-8", "replace"))
        plain = size_of(node)
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


def mark_of(value: Any) -> tuple[int, ...] | None:
    """A quick sign that a long list holds the same objects as before; None for other values."""
    if type(value) not in (list, tuple) or len(value) < LONG_LIST:
        return None
    return id(value), len(value), hash(tuple(map(id, value)))


def size_of(node: Any) -> int:
    """Roughly the bytes that a node stands for; huge when some of it is no plain data."""
    kind = node["t"]
    if kind == "array":
        return int(np.prod(node["shape"], dtype=float)) * 8 + 8
    if kind == "list":
        return sum(map(_size, node["items"])) + (OPAQUE if node["n"] > len(node["items"]) else 8)
    if kind == "dict":
        inner = sum(size_of(k) + size_of(v) for k, v in node["items"])
        return inner + (OPAQUE if node["n"] > len(node["items"]) else 8)
    return OPAQUE if kind in ("object", "callable", "unsupported") else 64
