"""Functions that the notebook made: what they take, and which names their code refers to."""

from __future__ import annotations

import contextlib
import dis
import functools
import inspect
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from .values import MAX_ITEMS


def describe_function(value: Any) -> dict[str, Any] | None:
    """Parameters and kind of a callable that the notebook made, or None for anything else."""
    kind = _function_kind(value)
    if kind is None:
        return None
    entry: dict[str, Any] = {"parameters": [], "required": 0, "kind": kind}
    with contextlib.suppress(TypeError, ValueError):
        known = list(inspect.signature(value).parameters.values())
        entry["parameters"] = [p.name for p in known][:MAX_ITEMS]
        entry["required"] = sum(map(is_required, known))
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


def is_required(parameter: inspect.Parameter) -> bool:
    """Whether a call must give the parameter."""
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )


def names_in_code(function: Any, namespace: dict[str, Any], stop: set[str]) -> list[str]:
    """Global names that `function` and the notebook functions it calls refer to; not those behind `stop`."""
    found: dict[str, None] = {}
    waiting = [function]
    while waiting:
        for code in codes_of(waiting.pop()):
            for name in code.co_names:
                if name in found:
                    continue
                found[name] = None
                if name in namespace and name not in stop and _function_kind(namespace[name]):
                    waiting.append(namespace[name])
    return list(found)


def compared_texts(function: Any) -> dict[str, list[str]]:
    """Each local name of a function's code to the texts that it is compared with: `how == "greedy"`."""
    found: dict[str, list[str]] = {}
    for code in codes_of(function):
        before: list[dis.Instruction] = []
        for one in dis.get_instructions(code):
            if one.opname in ("COMPARE_OP", "CONTAINS_OP"):
                names = [
                    name for past in before if past.opname.startswith("LOAD_FAST") for name in _named(past)
                ]
                texts = [
                    text for past in before if past.opname == "LOAD_CONST" for text in texts_in(past.argval)
                ]
                for name in names[-1:]:
                    found.setdefault(name, []).extend(texts)
            before = [*before[-1:], one]
    return {name: texts for name, texts in found.items() if texts}


def _named(instruction: dis.Instruction) -> tuple[str, ...]:
    value = instruction.argval
    return value if isinstance(value, tuple) else (value,)


def texts_in(constant: Any) -> Iterator[str]:
    """The texts of a constant of the code: itself, or those in it."""
    if isinstance(constant, str):
        yield constant
    elif isinstance(constant, tuple | frozenset):
        for one in constant:
            yield from texts_in(one)


def codes_of(value: Any) -> Iterator[types.CodeType]:
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
