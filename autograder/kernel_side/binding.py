"""Which function a challenge means, and which of its parameters or globals takes which role."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from .functions import describe_function, is_required, names_in_code


class Refusal(Exception):
    """A challenge that cannot be put, with its status."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


Bound = list[tuple[str, str, str]]
"""(role, "parameter" or "global", name); several globals may stand for one role."""


def functions_meant(
    challenge: dict[str, Any], made: dict[str, tuple[Any, int]]
) -> list[tuple[str, Any, int]]:
    """Name, callable and defining cell of the function a challenge is about.

    One function when it has an accepted name; else all whose names hold the words of the challenge, and
    for functions of points, then all that take one or two arguments (a language has many words for it).
    """
    lowered = {name.casefold(): name for name in made}
    names = [lowered[n.casefold()] for n in challenge["names"] if n.casefold() in lowered]
    for name in names:
        if not isinstance(made[name][0], type):
            return [(name, *made[name])]
    for words in challenge["contains"]:
        close = [n for n in made if all(word.casefold() in n.casefold() for word in words)]
        names += sorted(close, key=len)
    if challenge["mode"] == "points":
        about = {name: describe_function(value) for name, (value, _) in made.items()}
        names += [name for name, one in about.items() if one is not None and 1 <= one["required"] <= 2]
    meant = [name for name in dict.fromkeys(names) if not isinstance(made[name][0], type)]
    if meant:
        return [(name, *made[name]) for name in meant]
    if names:
        raise Refusal("not_callable", f"{names[0]} is a class, and a function is needed")
    raise Refusal("missing", "no function of this name was found")


def bind(challenge: dict[str, Any], function: Any, namespace: dict[str, Any]) -> Bound:
    """Which role goes where.

    Raises Refusal when the function needs a parameter that has no role.
    """
    parameters = parameters_of(function)
    bound: Bound = []
    free = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    for matches in (is_named, _contained):
        for role, rule in challenge["roles"].items():
            if any(role == known for known, _, _ in bound):
                continue
            hit = next((p for p in free if matches(p.name, rule)), None)
            if hit is not None:
                free.remove(hit)
                bound.append((role, "parameter", hit.name))
    unknown = [p.name for p in free if is_required(p)]
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


def parameters_of(function: Any) -> list[inspect.Parameter]:
    """The parameters. Raises Refusal when the function does not tell them."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise Refusal("not_callable", "the function does not tell its parameters") from None


def is_named(name: str, rule: dict[str, Any]) -> bool:
    """Whether a parameter has one of the role's names."""
    return name.casefold() in {known.casefold() for known in rule["names"]}


def _contained(name: str, rule: dict[str, Any]) -> bool:
    return any(word.casefold() in name.casefold() for word in rule["contains"])


def ambiguous_target(challenge: dict[str, Any], bound: Bound) -> bool | None:
    """Whether the form of the target cannot be told from its names; None when no target is handed."""
    names = [(role, name) for role, _, name in bound if challenge["roles"][role]["kind"] == "target"]
    return not all(is_log(challenge["roles"][role], name) for role, name in names) if names else None


def is_log(rule: dict[str, Any], name: str) -> bool:
    """Whether a name says that a log density is meant."""
    return any(token.casefold() in name.casefold() for token in rule["log_tokens"])


def forms_of(challenge: dict[str, Any], function: Any, view: dict[str, Any]) -> list[str | None]:
    """The forms in which the target may be meant, the likelier first; None alone when no target is handed."""
    unsure = ambiguous_target(challenge, bind(challenge, function, view))
    if unsure is None:
        return [None]
    return ["density", "log_density"] if unsure else ["log_density"]


def bound_names(challenge: dict[str, Any], bound: Iterable[tuple[str, str, str]]) -> dict[str, str | None]:
    """Where each role went, in words; None for a role that the function does not take."""
    names: dict[str, str | None] = dict.fromkeys(challenge["roles"])
    for role, place, name in bound:
        earlier = names[role]
        names[role] = f"{earlier}, {name}" if earlier else f"{place} {name}"
    return names


def positional(function: Any, keywords: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Positional-only parameters taken out of `keywords`, in order."""
    args = []
    for p in parameters_of(function):
        if p.kind is p.POSITIONAL_ONLY:
            if p.name not in keywords:
                break
            args.append(keywords.pop(p.name))
    return args, keywords
