"""Functions and methods that take tensors: what may be meant, and which argument goes where.

Names decide where they can. Required parameters whose names say nothing take the roles that are left, in every
order, and the trusted side sees what each order gave.
"""

from __future__ import annotations

import copy
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .binding import Refusal, is_named, parameters_of
from .functions import is_required, names_in_code
from .holders import held_in
from .modes import Candidate, Setting
from .namespace import ABSENT, Namespace
from .values import MAX_ITEMS

MAX_ORDERS = 24
MAX_CLASSES = 64
LOSS_WORDS = ("criterion", "loss", "bce")
"""Words of parameters that take a loss module."""
Placement = dict[str, str]
"""Parameter to role."""


# ------------------------------------------------------------------ what is meant


def callables_of(challenge: dict[str, Any], namespace: Namespace) -> list[Candidate]:
    """Functions, loss modules and methods of notebook classes that a challenge may mean, best first.

    Raises Refusal when there are none.
    """
    made = namespace.functions()
    offered: list[tuple[str, Candidate]] = []
    for name, (value, cell) in made.items():
        offered.append((name, Candidate(name, value, cell)))
        if isinstance(value, type):
            offered += [(m, Candidate(f"{name}.{m}", value, cell)) for m in methods_of(value)]
    found = [candidate for name, candidate in offered if _has_name(name, challenge["names"])]
    found.sort(key=lambda one: _rank(one.name, challenge["names"]))
    for words in challenge["contains"]:
        close = [one for name, one in offered if all(word.casefold() in name.casefold() for word in words)]
        found += sorted(close, key=lambda one: len(one.name))
    meant = list({one.name: one for one in found}.values())
    if not meant:
        raise Refusal("missing", "no function of this name was found")
    return meant


def guessed(namespace: Namespace, n_required: range, words: set[str], without: set[str]) -> list[Candidate]:
    """Functions of any name that need so many arguments and whose code, or what it calls, has one of the words; then
    methods of the notebook's classes.

    For what a notebook calls in a language of its own: such a guess counts where it is right, and nowhere else.
    """
    functions, methods = [], []
    for name, (value, cell) in namespace.functions().items():
        if isinstance(value, type):
            own = ((one, getattr(value, one)) for one in methods_of(value))
            methods += [
                Candidate(f"{name}.{one}", value, cell)
                for one, method in own
                if _may_be(method, 1, n_required, words, without, namespace)
            ]
        elif _may_be(value, 0, n_required, words, without, namespace):
            functions.append(Candidate(name, value, cell))
    return functions + methods


def _may_be(
    value: Any, n_bound: int, n_required: range, words: set[str], without: set[str], namespace: Namespace
) -> bool:
    """Whether a function needs so many arguments, beside the instance of a method, and its code has one of the words."""
    if not inspect.isroutine(value):
        return False
    n_bound = 0 if inspect.ismethod(value) else n_bound
    if sum(map(is_required, parameters_of(value))) - n_bound not in n_required:
        return False
    known = set(names_in_code(value, namespace.now, set()))
    return bool((not words or known & words) and not known & without)


def _has_name(name: str, names: list[str]) -> bool:
    return name.casefold() in {known.casefold() for known in names}


def _rank(name: str, names: list[str]) -> int:
    last = name.rpartition(".")[2].casefold()
    return next(rank for rank, known in enumerate(names) if known.casefold() in (last, name.casefold()))


def methods_of(kind: type) -> list[str]:
    """Names of the methods that a notebook's class defines itself or inherits from another of the notebook."""
    found: dict[str, None] = {}
    for base in kind.__mro__:
        if base.__module__ == "__main__":
            members = [name for name, member in vars(base).items() if inspect.isroutine(_bare(member))]
            found |= dict.fromkeys(name for name in members if not name.startswith("__"))
    return list(found)[:MAX_CLASSES]


def _bare(member: Any) -> Any:
    return getattr(member, "__func__", member)


def resolve(
    candidate: Candidate, view: dict[str, Any], later: dict[str, Any] | None = None
) -> Callable[..., Any]:
    """What is to be called: a function as it is, the forward of a module, a method of an instance.

    An instance may be made after its class: `later` are names as they are in the end.

    Raises Refusal when a class has to be made into an instance and needs arguments for it.
    """
    value, (_, _, method) = candidate.value, candidate.name.partition(".")
    if isinstance(value, type):
        instance = instance_of(value, view, method, later)
        if method or is_module(instance):
            bound: Callable[..., Any] = getattr(instance, method or "forward")
            return bound
        if callable(instance):
            made: Callable[..., Any] = instance
            return made
        raise Refusal("not_callable", f"{candidate.name} is a class, and a function is needed")
    function: Callable[..., Any] = value.forward if is_module(value) else value
    return function


def is_module(value: Any) -> bool:
    """Whether something is a torch module, without importing torch."""
    torch: Any = sys.modules.get("torch")
    return torch is not None and hasattr(torch, "nn") and isinstance(value, torch.nn.Module)


def instances_of(kind: type, view: dict[str, Any]) -> Iterator[Any]:
    """Live instances of a class: those with a name, those that something holds, and those of classes made of it."""
    held = [inner for name, value in view.items() for _, inner in held_in(value, name)]
    for values in (view.values(), held):
        yield from (value for value in values if type(value) is kind)
    for values in (view.values(), held):
        yield from (value for value in values if isinstance(value, kind))


def instance_of(kind: type, view: dict[str, Any], method: str, later: dict[str, Any] | None = None) -> Any:
    """A copy of a live instance, or a new one; for a method, if need be, one that was never initialised."""
    live = next(itertools.chain(instances_of(kind, view), instances_of(kind, later or {})), None)
    if live is not None:
        return copy.deepcopy(live)
    try:
        return kind()
    except Exception:
        if not method:
            raise Refusal("not_callable", f"{kind.__name__} cannot be made without arguments") from None
    torch: Any = sys.modules.get("torch")
    bare: Any = object.__new__(kind)
    if torch is not None and issubclass(kind, torch.nn.Module):
        torch.nn.Module.__init__(bare)
    return bare


# ------------------------------------------------------------------ what goes where


def placements(
    function: Any, roles: dict[str, dict[str, Any]], view: dict[str, Any], orderly: tuple[str, ...] = ()
) -> Iterator[Placement]:
    """Ways to hand the roles to a function's parameters; one when the names decide.

    Roles in `orderly` are the ones that parameters without a telling name may take.
    A required parameter that is a global of the notebook too is left to :func:`like_named`.

    Raises Refusal when a required parameter can take no role.
    """
    free = [p for p in parameters_of(function) if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    placed: Placement = {}
    for matches in (is_named, _contains):
        for role, rule in roles.items():
            if role not in placed.values():
                hits = [p for p in free if p.name not in placed and matches(p.name, rule)]
                if rule["kind"] == "number":  # a width may be called k, and there may be a k beside it
                    hits.sort(key=lambda p: _place(p.name, rule["names"]))
                hit = next(iter(hits), None)
                if hit is not None and (rule["kind"] != "number" or is_required(hit) or rule.get("always")):
                    placed[hit.name] = role
    unknown = [p.name for p in free if p.name not in placed and is_required(p)]
    left = [role for role in orderly if role in roles and role not in placed.values()]
    if len(unknown) > len(left):
        unknown = [name for name in unknown if global_for(name, view) is ABSENT]
    if len(unknown) > len(left):
        raise Refusal(
            "not_callable", f"the function needs {', '.join(unknown)}, which the check cannot supply"
        )
    for order in itertools.islice(itertools.permutations(left, len(unknown)), MAX_ORDERS):
        yield placed | dict(zip(unknown, order, strict=True))


def _place(name: str, names: list[str]) -> int:
    lowered = [known.casefold() for known in names]
    return lowered.index(name.casefold()) if name.casefold() in lowered else len(lowered)


def _contains(name: str, rule: dict[str, Any]) -> bool:
    return any(word.casefold() in name.casefold() for word in rule["contains"])


def global_for(name: str, view: dict[str, Any]) -> Any:
    """The notebook's own value for a parameter: its namesake, its loss module, the device; else ABSENT."""
    lowered = {known.casefold(): value for known, value in view.items()}
    if name.casefold() in lowered:
        return lowered[name.casefold()]
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return ABSENT
    if name.casefold() in ("device", "dev"):
        return torch.device("cpu")
    if any(word in name.casefold() for word in LOSS_WORDS):
        kind = torch.nn.modules.loss._Loss
        return next((value for value in view.values() if isinstance(value, kind)), ABSENT)
    return ABSENT


def like_named(function: Any, placed: Placement, view: dict[str, Any]) -> dict[str, Any]:
    """Values of required parameters that took no role, from the notebook itself."""
    needed = [p.name for p in parameters_of(function) if is_required(p) and p.name not in placed]
    found = {name: global_for(name, view) for name in needed}
    return {name: value for name, value in found.items() if value is not ABSENT}


def refusal(error: Exception | None) -> Refusal:
    """What to raise when no way to call a function works: with stand-ins of ours, that is not its mistake yet."""
    if error is None:
        return Refusal("not_callable", "there is no way to call the function")
    if isinstance(error, Refusal):
        return error
    text = f"{type(error).__name__}: {error}"[:300]
    return Refusal("not_callable", f"it does not fit what it was called with ({text})")


def replace_globals(
    challenge: dict[str, Any], function: Any, setting: Setting, placed: Placement, offered: dict[str, Any]
) -> None:
    """Puts what is offered under the global names, and the attributes of a method's owner, that the code refers to.

    A name is given a value even where the notebook never came to give it one.
    """
    roles = challenge["roles"]
    wanted = {name for rule in roles.values() for name in rule["globals"]}
    referred = names_in_code(function, setting.view, wanted)
    owner = getattr(function, "__self__", None)
    for role, rule in roles.items():
        if role in placed.values() or role not in offered:
            continue
        for name in rule["globals"]:
            if owner is not None and hasattr(owner, name):
                setattr(owner, name, offered[role])
            elif name in referred:
                setting.namespace.now[name] = offered[role]


def said(placed: Placement) -> str:
    """A placement in words: `target=x, reconstruction=x_hat`."""
    return ", ".join(f"{role}={name}" for name, role in list(placed.items())[:MAX_ITEMS])
