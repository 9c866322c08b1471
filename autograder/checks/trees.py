"""Answers of the neural modes as plain nested data: mappings, lists, numbers, texts and arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from autograder.probes.observations import Answer, Leaf

Tree = dict[Any, Any]


def tree_of(answer: Answer) -> Tree:
    """Return the result of an answer as nested mappings; positions of a list are whole numbers.

    The members of a short array are left out: the array itself is there.
    """
    tree: Tree = {}
    arrays: set[tuple[Any, ...]] = set()
    for leaf in answer.leaves:
        steps = _steps(leaf)
        if not steps or any(steps[:end] in arrays for end in range(1, len(steps))):
            continue
        if isinstance(leaf.value, np.ndarray):
            arrays.add(steps)
        inner = tree
        for step in steps[:-1]:
            inner = inner.setdefault(step, {})
            if not isinstance(inner, dict):
                break
        else:
            inner[steps[-1]] = leaf.value
    return tree


def _steps(leaf: Leaf) -> tuple[Any, ...]:
    return tuple(int(step) if isinstance(step, float) else step for step in leaf.path.steps)


def branch(tree: Any, *steps: Any) -> Tree:
    """Return the mapping under some steps; an empty one when there is none (student code can forge anything)."""
    for step in steps:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}


def items(tree: Any, *steps: Any) -> list[Tree]:
    """Return the mappings of a list, in order."""
    inner = branch(tree, *steps)
    return [
        inner[key]
        for key in sorted(key for key in inner if isinstance(key, int))
        if isinstance(inner[key], dict)
    ]


def text(tree: Mapping[Any, Any], key: str) -> str:
    """Return a text, or nothing."""
    value = tree.get(key)
    return value if isinstance(value, str) else ""


def vector(tree: Mapping[Any, Any], key: str) -> np.ndarray | None:
    """Return a finite array in double precision; None when there is none."""
    value = tree.get(key)
    if isinstance(value, bool) or not isinstance(value, np.ndarray | int | float):
        return None
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or not np.all(np.isfinite(array)):
        return None
    return array.astype(np.float64)


def numbers(tree: Any, prefix: tuple[Any, ...] = ()) -> Iterable[tuple[tuple[Any, ...], float]]:
    """Yield every number of a tree with its steps; arrays of up to 16 numbers count one by one."""
    if isinstance(tree, dict):
        for key, inner in tree.items():
            yield from numbers(inner, (*prefix, key))
    elif isinstance(tree, np.ndarray) and tree.dtype.kind in "fiu" and tree.size <= 16:
        for index, value in enumerate(tree.reshape(-1)):
            yield (*prefix, index) if tree.size > 1 else prefix, float(value)
    elif isinstance(tree, int | float) and not isinstance(tree, bool):
        yield prefix, float(tree)
