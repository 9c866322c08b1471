"""Modes of challenges: what each looks for in the notebook, and how it puts a case to what it found.

A new kind of challenge is a new entry of `MODES`, made in a module of its own that the observer imports.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .attempts import Attempts
from .binding import Refusal, bind, bound_names, forms_of, functions_meant
from .namespace import Namespace
from .seeds import SeedRecorder
from .values import Encoder

Fields = dict[str, Any]
"""What a mode adds to an answer: `status` (ok, bad_output, unsupported, ...), `result` (a node), `bound`, `how`."""


class Candidate(NamedTuple):
    """Something of the notebook that a challenge may mean, and the cell that made it."""

    name: str
    value: Any
    cell: int


@dataclasses.dataclass
class Setting:
    """What a case is put in: the namespace as it was where the candidate was made, and tools."""

    view: dict[str, Any]
    namespace: Namespace
    seeds: SeedRecorder
    encoder: Encoder
    """Turns the result into a node; arrays go through it."""
    form: str | None
    guarded: Callable[[Callable[[], Any]], Any]
    """Runs a call of student code: frozen namespace, the case's seed, no printing; what it raises comes through."""
    answer: Fields
    """The answer so far: what is put here stands even when the case fails."""


@dataclasses.dataclass(frozen=True)
class Mode:
    """How one kind of challenge works. Both functions may raise :class:`binding.Refusal`."""

    find: Callable[[dict[str, Any], Namespace], list[Candidate]]
    """(challenge, namespace) to what may be meant, best first."""
    put: Callable[[dict[str, Any], dict[str, Any], Candidate, Setting], Fields]
    """(challenge, case, candidate, setting) to the fields of the answer."""
    forms: Callable[[dict[str, Any], Any, dict[str, Any]], list[str | None]] = lambda *_: [None]
    """(challenge, value, view) to the forms in which it may be meant; a second one is tried in a second call."""


def functions_of(challenge: dict[str, Any], namespace: Namespace) -> list[Candidate]:
    """The functions that a challenge may mean, best first."""
    return [Candidate(*found) for found in functions_meant(challenge, namespace.functions())]


def listed(attempt: Callable[[], Any], n: int) -> tuple[Any, bool]:
    """What a call returns; of a generator of draws, which may have no end, the first n, and whether it was one."""
    result = attempt()
    if n and isinstance(result, Iterator):
        return list(itertools.islice(result, n)), True
    return result, False


def first_success(
    ways: Iterator[tuple[str, Callable[[], Any]]], case: dict[str, Any], setting: Setting
) -> tuple[str, Any, bool]:
    """The first way to call that works, what it returned, and whether that was cut from an iteration."""
    n = int(case["values"].get("n", 0))
    first: Exception | None = None
    for how, attempt in ways:
        try:
            return how, *setting.guarded(functools.partial(listed, attempt, n))
        except Exception as error:  # the next way to call may be the one that the function expects
            first = first or error
    raise first if first is not None else Refusal("not_callable", "there is no way to call the function")


def encoded(result: Any, setting: Setting) -> Fields:
    """The fields of a result: its node, and whether it is anything that can be read."""
    node = setting.encoder.node(result)
    return {"result": node, "status": "bad_output" if node["t"] == "unsupported" else "ok"}


def put_points(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """The values of a function of points."""
    attempts = Attempts(challenge, case, candidate.value, setting.view, setting.namespace, setting.seeds)
    how, result, is_cut = first_success(attempts.at_points(), case, setting)
    cut = {"bound": {"n": "length of the iteration"}} if is_cut else {}
    return {"how": how, **cut, **encoded(result, setting)}


def put_call(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """What a function returns whose arguments are known by their roles."""
    attempts = Attempts(challenge, case, candidate.value, setting.view, setting.namespace, setting.seeds)
    bound = bind(challenge, candidate.value, setting.view)
    names = setting.answer["bound"] = bound_names(challenge, bound)
    _, result, is_cut = first_success(attempts.with_roles(bound, setting.form), case, setting)
    if is_cut:
        names["n"] = "length of the iteration"
    return encoded(result, setting)


MODES: dict[str, Mode] = {
    "call": Mode(functions_of, put_call, forms_of),
    "points": Mode(functions_of, put_points),
}
"""Every kind of challenge by its name; later modules add theirs."""
