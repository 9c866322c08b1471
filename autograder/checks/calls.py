"""What came back from the functions of a notebook that were called on other inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checks.findings import (
    Finding,
    describe,
    failed,
    untried,
)
from autograder.probes.evidence import Called
from autograder.probes.observations import Answer, Leaf

Array = np.ndarray


def successes(called: Called) -> list[tuple[Answer, dict[str, Any]]]:
    """Return the answers that came back, with the inputs that belong to them."""
    return [
        (answer, dict(called.cases[answer.case]))
        for answer in called.answers
        if answer.status == "ok" and answer.case in called.cases
    ]


def unanswered(called: Called, what: str) -> Finding:
    """Return what to say when no call gave a result: nothing to call, or a function that fails."""
    if not called.can_be_called:
        return untried(f"No function for {what} was found that could be called{called.reason}.")
    worst = next(answer for answer in called.answers if answer.status not in ("missing", "not_callable"))
    sentence = describe(worst)
    return failed(sentence[:1].upper() + sentence[1:] + ".", expected="a result for other inputs")


def used(answer: Answer, values: dict[str, Any], role: str, otherwise: float) -> float:
    """Return the value that a role had in a call: the challenge's, or the sheet's where the function fixes it."""
    return float(values[role]) if answer.bound.get(role) and role in values else otherwise


def draws_in(answer: Answer, n: int | None) -> Array | None:
    """Return the array of `n` points (any number if None) in a result; (2, n) is read as its transpose."""
    for leaf in answer.leaves:
        value = leaf.value
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or value.ndim != 2:
            continue
        if value.shape[1] == 2 and n in (None, value.shape[0]):
            return np.asarray(value, dtype=float)
        if value.shape[0] == 2 and n in (None, value.shape[1]):
            return np.ascontiguousarray(np.asarray(value, dtype=float).T)
    return None


def vector_in(leaf: Leaf, n: int) -> Array | None:
    if isinstance(leaf.value, np.ndarray) and leaf.value.dtype.kind in "fiu" and leaf.value.size == n:
        return np.asarray(leaf.value, dtype=float).reshape(-1)
    return None


def numbers_in(leaf: Leaf) -> Array | None:
    """Return a value as an array of float64; None for a text, or for an array of anything but finite numbers."""
    if isinstance(leaf.value, np.ndarray):
        is_numbers = leaf.value.dtype.kind in "fiub" and leaf.value.size > 0
        array = leaf.value.astype(np.float64) if is_numbers else None
    else:
        array = np.array(float(leaf.value)) if isinstance(leaf.value, bool | int | float) else None
    return array if array is not None and bool(np.all(np.isfinite(array))) else None


def what_varied(answer: Answer) -> str:
    if answer.bound.get("target"):
        return "another target"
    return (
        "other settings"
        if any(answer.bound.get(role) for role in ("c", "sigma", "n", "step"))
        else "a second run"
    )
