"""The claim about a function that no formula of the grader knows: it gives what the reference's gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.calls import Array, numbers_in, successes, unanswered
from autograder.checks.findings import CheckParams, Context, Finding, failed, join, judged, number, untried
from autograder.golden import StoredOutput
from autograder.probes.evidence import Evidence
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey

FEW = 4
"""Numbers of an output that a message shows."""


class FunctionGives(CheckParams):
    """A function whose answers the golden file holds, for inputs that were drawn with them."""

    challenge: ChallengeKey
    """One that is `stored`."""
    what: str
    """What the function gives, in words: "the responsibilities"."""
    outputs: list[str] = Field(default_factory=list)
    """What its results are, in order, where it gives several: each counts equally."""
    needs: list[str] = Field(default_factory=list)
    """Roles without which the answer says nothing: a function that fixes one of them is not judged here."""
    rtol: float = Field(default=1e-5, gt=0.0)
    atol: float = Field(default=1e-8, ge=0.0)


@CHECKS.register(FunctionGives)
def function_gives(evidence: Evidence, params: FunctionGives, context: Context) -> Finding:
    """Called on other inputs, the function gives what the reference's gives; each of its results counts equally."""
    called = evidence.called[params.challenge]
    wanted = {one.case: one.outputs for one in context.golden.answers_to(params.challenge).cases}
    answered = [one for one in successes(called) if one[0].case in wanted]
    if not answered:
        return unanswered(called, params.what)
    first = answered[0][0]
    fixed = [role for role in params.needs if not first.bound.get(role)]
    if fixed:
        return untried(
            f"`{first.function}` has no argument for {join(fixed)}, so that it cannot be compared."
        )
    names = _names(params, wanted[first.case])
    right = dict.fromkeys(names, True)
    shown: dict[str, tuple[str, str]] = {}
    causes: dict[str, set[str]] = {name: set() for name in names}
    notes: set[str] = set()
    for answer, _ in answered:
        # A list stands there as a whole and as its members: what is meant is found by size and value.
        arrays = [array for leaf in answer.leaves if (array := numbers_in(leaf)) is not None]
        stacked = next((one for one in arrays if one.ndim > 1 and len(one) == len(names)), None)
        if stacked is not None and not any(one.size == stacked[0].size for one in arrays):
            arrays += list(stacked)
        for name, output in zip(names, wanted[answer.case], strict=True):
            truth = np.array(output.values).reshape(output.shape)
            seen = _like(arrays, truth, params)
            if seen is not None:
                notes |= (
                    {_TURNED}
                    if seen.shape != truth.shape and truth.ndim == 2 and min(truth.shape) > 1
                    else set()
                )
                continue
            before = wanted[answer.case][: names.index(name)]
            nearest = _meant(arrays, truth, sum(len(one.values) == truth.size for one in before))
            shown.setdefault(name, (_few(nearest), _few(truth)))
            causes[name].add(_relation(nearest, truth, params))
            right[name] = False
    about: dict[str, Any] = {
        "found": (Found(how="call", path=first.function),),
        "notes": tuple(sorted(notes)),
    }
    wrong = [name for name in names if not right[name]]
    if not wrong:
        message = f"`{first.function}` gives {params.what} for other inputs, too."
        return judged(1.0, message=message, observed=f"{len(answered)} calls", expected=params.what, **about)
    about |= {"observed": shown[wrong[0]][0], "expected": shown[wrong[0]][1]}
    told = f"`{first.function}` does not give {join(wrong)} for other inputs"
    cause = causes[wrong[0]].pop() if len(causes[wrong[0]]) == 1 else ""
    told += f": {cause}." if cause else "."
    if len(wrong) == len(names):
        is_empty = not any(numbers_in(leaf) is not None for answer, _ in answered for leaf in answer.leaves)
        return failed(told, missing=is_empty, **about)
    return judged(1.0 - len(wrong) / len(names), message=told, **about)


_TURNED = "A result has rows and columns exchanged; that is accepted."


def _names(params: FunctionGives, outputs: Sequence[StoredOutput]) -> list[str]:
    """Return a name for each result: those of the rubric, or one for all."""
    if len(params.outputs) == len(outputs):
        return list(params.outputs)
    if len(outputs) == 1:
        return [params.what]
    return [f"{params.what} ({position})" for position in range(1, len(outputs) + 1)]


def _like(arrays: Sequence[Array], truth: Array, params: FunctionGives) -> Array | None:
    """Return the array that has the values of `truth`, whatever its place, sides of 1 and orientation."""
    for array in arrays:
        if array.size != truth.size:
            continue
        shaped = array.squeeze()
        forms = [shaped] if shaped.ndim < 2 else [shaped, shaped.T]
        for form in forms:
            is_same_shape = form.shape == truth.squeeze().shape
            if is_same_shape and np.allclose(form, truth.squeeze(), rtol=params.rtol, atol=params.atol):
                return array
    return None


def _meant(arrays: Sequence[Array], truth: Array, rank: int) -> Array | None:
    """Return the array that most likely stands for a result: of those of its size the one in its place, else the largest."""
    of_size = [array for array in arrays if array.size == truth.size]
    if of_size:
        return of_size[min(rank, len(of_size) - 1)]
    return max(arrays, key=lambda array: array.size, default=None)


def _few(array: Array | None) -> str:
    if array is None:
        return "no numbers"
    values = [number(float(value)) for value in array.reshape(-1)[:FEW]]
    shape = f" (shape {' × '.join(map(str, array.shape))})" if array.size > FEW else ""
    return ", ".join(values) + (", ..." if array.size > FEW else "") + shape


def _relation(seen: Array | None, truth: Array, params: FunctionGives) -> str:
    """Return how a wrong result hangs together with the right one, where one relation explains all its numbers."""
    if seen is None:
        return "it gives no numbers"
    if seen.size != truth.size:
        return f"it gives {seen.size} numbers where {truth.size} are expected"
    given, right = seen.reshape(-1), truth.reshape(-1)

    def same(one: Array, other: Array) -> bool:
        return bool(np.allclose(one, other, rtol=params.rtol, atol=params.atol))

    if same(given, -right):
        return "the sign is wrong"
    if np.all(right > 0) and same(given, np.log(right)):
        return "it is the logarithm of what it should be"
    if np.all(given > 0) and same(np.log(given), right):
        return "it is the exponential of what it should be"
    if np.all(right >= 0) and same(given, np.sqrt(right)):
        return "it is the square root of what it should be"
    if np.all(given >= 0) and same(np.sqrt(given), right):
        return "it is the square of what it should be"
    if right.size > 1 and np.all(np.abs(right) > params.atol):
        ratios = given / right
        if same(ratios, np.full_like(ratios, ratios[0])):
            return f"it is {number(float(ratios[0]))} times as much"
    return ""
