"""Which module of the notebook a challenge means: live ones, their classes, and functions that make them."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .binding import Refusal, is_named, parameters_of
from .functions import describe_function, is_required
from .modes import Candidate
from .namespace import ABSENT, Namespace
from .subwords import vocabulary_sizes

MAX_PARTS = 32
CONFIGURATION_WORDS = ("config", "cfg", "args", "hparams", "settings")


def modules_meant(challenge: dict[str, Any], namespace: Namespace) -> list[Candidate]:
    """What may be meant, best first: accepted names before words, live modules before classes before functions.

    A name that was used again stands for every module it was given, the latest first: another part of the notebook
    may have taken it. Where the case tells a language model or the ends of a network, live modules of that form are
    meant before words in names are.
    """
    torch: Any = sys.modules.get("torch")
    if torch is None or getattr(torch, "nn", None) is None:
        raise Refusal("missing", "the notebook does not use torch")
    made = sorted(_made(torch, namespace), key=lambda entry: (entry[0], -entry[1].cell))
    if any(case["values"].get("kind") == "trained" for case in challenge.get("cases", ())):
        made = [entry for entry in made if entry[0] != 1]  # a class was not trained
    named = {name.casefold(): place for place, name in reversed(list(enumerate(challenge["names"])))}
    exact = [c for _, c in made if c.name.casefold() in named]
    exact.sort(key=lambda c: named[c.name.casefold()])
    close = [
        c
        for words in challenge["contains"]
        for kind, c in made
        if kind < 2 and all(word.casefold() in _words_of(c) for word in words)
    ]
    whole = _language_models(torch, made) if _wants_language_model(challenge) else []
    values: dict[str, Any] = next((case["values"] for case in challenge.get("cases", ())), {})
    family = values.get("family")
    if family:
        whole = [one for one in _of_own_classes(torch, made, namespace) if not _is_of_another(one, family)]
    if values.get("of_pieces"):
        sizes = vocabulary_sizes(namespace)
        whole = [one for one in whole if sizes is not None and _has_side(one, sizes)]
    whole += networks_between(challenge, namespace)
    meant = _distinct(
        [*exact, *close, *whole] if family else [*exact, *whole, *close], by_shapes=bool(family)
    )
    if not meant:
        raise Refusal("missing", "no module of this name was found")
    return meant


def _wants_language_model(challenge: dict[str, Any]) -> bool:
    values = [case["values"] for case in challenge.get("cases", ())]
    return any(one.get("kind") == "trained" or one.get("input", {}).get("kind") == "tokens" for one in values)


def _language_models(torch: Any, made: list[tuple[int, Candidate]]) -> list[Candidate]:
    """Live modules that embed tokens, the largest first: a language model under a name that nobody expected.

    Before a container of layers come the notebook's functions of such a container and of tokens.
    """
    found = [
        candidate
        for kind, candidate in made
        if kind == 0 and any(isinstance(part, torch.nn.Embedding) for part in candidate.value.modules())
    ]
    found.sort(key=lambda one: -sum(weights.numel() for weights in one.value.parameters()))
    functions = [candidate for kind, candidate in made if kind == 2]
    applied = [
        _applied(torch, f, c) for c in found if _is_container(torch, c.value) for f in _taking(c, functions)
    ]
    return [*applied, *found]


def _of_own_classes(torch: Any, made: list[tuple[int, Candidate]], namespace: Namespace) -> list[Candidate]:
    """Live modules whose class the notebook wrote, those that its objects hold too, the largest first."""
    live = [candidate for kind, candidate in made if kind == 0]
    for name, past in namespace.history.items():
        for cell, value in past:
            if value is not ABSENT and not isinstance(value, torch.nn.Module):
                live += _parts(torch, name, cell, value)
    found = [one for one in live if _is_own(one.value) and not _is_container(torch, one.value)]
    return sorted(found, key=lambda one: -sum(weights.numel() for weights in one.value.parameters()))


def _is_container(torch: Any, module: Any) -> bool:
    """Whether a module only holds layers: nobody can call it."""
    return bool(type(module).forward is torch.nn.Module.forward)


def _taking(container: Candidate, functions: list[Candidate]) -> list[Candidate]:
    """Functions of two arguments, those before the others whose first is called as the container is."""
    pairs = [
        (names[0] != container.name, one)
        for one in functions
        if len(names := [p.name for p in parameters_of(one.value) if is_required(p)]) == 2
    ]
    return [one for _, one in sorted(pairs, key=lambda pair: pair[0])]


def _applied(torch: Any, function: Candidate, container: Candidate) -> Candidate:
    """A function with its container as one module, whose weights are the container's."""

    class Applied(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.held = container.value

        def forward(self, given: Any) -> Any:
            return function.value(self.held, given)

    return Candidate(function.name, Applied(), max(function.cell, container.cell))


def _ends(challenge: dict[str, Any]) -> tuple[list[int], list[int]]:
    """The sizes that the first layer of the network meant may take, best first, and those that the last may give."""
    first: list[int] = []
    last: list[int] = []
    for case in challenge.get("cases", ()):
        ends = case["values"].get("ends") or {}
        first, last = first or ends.get("first", []), last or ends.get("last", [])
    return first, last


def networks_between(challenge: dict[str, Any], namespace: Namespace) -> list[Candidate]:
    """Live modules under any name, in containers and objects of the notebook too, that begin and end as the case tells."""
    torch: Any = sys.modules.get("torch")
    first, last = _ends(challenge)
    if torch is None or not first or not last:
        return []
    live = [candidate for kind, candidate in _made(torch, namespace) if kind == 0]
    live += [part for name, past in namespace.history.items() for part in _parts(torch, name, *past[-1])]
    found = [
        (first.index(ends[0]), -candidate.cell, candidate)
        for candidate in live
        if (ends := _ends_of(torch, candidate.value)) and ends[0] in first and ends[1] in last
    ]
    return [candidate for *_, candidate in sorted(found, key=lambda one: one[:2])]


def _parts(torch: Any, name: str, cell: int, value: Any) -> Iterator[Candidate]:
    """The modules that a dictionary, a list, an object or a module of the notebook's own holds directly."""
    if isinstance(value, torch.nn.Module):
        parts = (
            dict(value.named_children()) if _is_own(value) or isinstance(value, torch.nn.ModuleDict) else {}
        )
    elif isinstance(value, dict):
        parts = value
    elif isinstance(value, list | tuple):
        parts = dict(enumerate(value[:MAX_PARTS]))
    else:
        parts = getattr(value, "__dict__", {}) if _is_own(value) else {}
    for key, part in list(parts.items())[:MAX_PARTS]:
        if isinstance(part, torch.nn.Module):
            yield Candidate(f"{name}.{key}", part, cell)


def _is_own(value: Any) -> bool:
    """Whether the notebook wrote the class of a value."""
    return not isinstance(value, type) and type(value).__module__ == "__main__"


def _ends_of(torch: Any, module: Any) -> tuple[int, int] | None:
    """What the first linear or convolutional layer takes and what the last one gives, in the order they were made."""
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    layers = [part for part in module.modules() if isinstance(part, kinds)]
    if len(layers) < 2 or _is_container(torch, module):
        return None
    return int(layers[0].weight.shape[1]), int(layers[-1].weight.shape[0])


def _made(torch: Any, namespace: Namespace) -> Iterator[tuple[int, Candidate]]:
    """Every module (0), class of modules (1) and function (2) that a name was ever given."""
    for name, past in namespace.history.items():
        for cell, value in past:
            if value is ABSENT:
                continue
            if isinstance(value, torch.nn.Module):
                yield 0, Candidate(name, value, cell)
            elif isinstance(value, type) and issubclass(value, torch.nn.Module):
                if value.__module__ == "__main__":
                    yield 1, Candidate(name, value, cell)
            elif inspect.isfunction(value) and describe_function(value) is not None:
                yield 2, Candidate(name, value, cell)


def _words_of(candidate: Candidate) -> str:
    """What a candidate is called: its name, and for a live module its class too."""
    kind = "" if isinstance(candidate.value, type) else type(candidate.value).__name__
    return f"{candidate.name} {kind}".casefold()


FAMILIES = {
    "recurrent": ("rnn", "elman", "recurr", "rekurr", "recursiv", "gru", "lstm"),
    "attention": ("attention", "attn", "transformer", "gpt", "atenc", "aufmerk", "multihead", "qkv"),
}
"""Words in the classes and names of what a language model consists of."""


def _is_of_another(candidate: Candidate, family: str | None) -> bool:
    """Whether a live language model shows words of the other family and none of its own."""
    if family not in FAMILIES:
        return False
    parts = list(candidate.value.named_modules())
    said = " ".join(f"{name} {type(part).__name__}" for name, part in parts).casefold()
    shown = {one for one, words in FAMILIES.items() if any(word in said for word in words)}
    return bool(shown) and family not in shown


def _has_side(candidate: Candidate, sizes: set[int]) -> bool:
    return any(sizes & set(weights.shape) for weights in candidate.value.parameters())


def _distinct(candidates: list[Candidate], by_shapes: bool = False) -> list[Candidate]:
    """One candidate for each class of the notebook: a live module says all that its class would say.

    `by_shapes` keeps live modules of one class apart that have tensors of other shapes.
    """
    kept: dict[Any, Candidate] = {}
    for candidate in candidates:
        value = candidate.value
        is_live = not isinstance(value, type) and not inspect.isfunction(value)
        kind = type(value) if is_live else value
        # Two live modules of torch's own classes (two Sequentials) have nothing to do with each other.
        key: Any = kind if kind.__module__ == "__main__" else id(value)
        if by_shapes and is_live:
            key = (key, tuple(tuple(weights.shape) for weights in value.parameters()))
        kept.setdefault(key, candidate)
    return list(kept.values())


def made_of(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, view: dict[str, Any]
) -> Any:
    """A module to work on: a copy of a live one, else a new one of the class or from the function."""
    torch: Any = sys.modules["torch"]
    if isinstance(candidate.value, torch.nn.Module):
        return copied(candidate.value)
    made = built(challenge, case, candidate.value, view)
    if not isinstance(made, torch.nn.Module):
        raise Refusal("not_callable", f"{candidate.name} does not make a module")
    return made


def copied(module: Any) -> Any:
    """A deep copy; results of an earlier call that a module keeps as attributes are cut from their graph."""
    torch: Any = sys.modules["torch"]
    module = getattr(module, "_orig_mod", module)  # behind torch.compile
    memo: dict[int, Any] = {}
    for part in module.modules():
        for value in list(part.__dict__.values()):
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    return copy.deepcopy(module, memo)


def built(
    challenge: dict[str, Any], case: dict[str, Any], make: Callable[..., Any], view: dict[str, Any]
) -> Any:
    """What a class or function makes of the case's sizes; its own defaults are kept."""
    keywords: dict[str, Any] = {}
    positional: list[Any] = []
    for parameter in parameters_of(make):
        if not is_required(parameter):
            continue
        value = argument(parameter.name, challenge, case, view)
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(value)
        else:
            keywords[parameter.name] = value
    return make(*positional, **keywords)


def argument(name: str, challenge: dict[str, Any], case: dict[str, Any], view: dict[str, Any]) -> Any:
    """The value of a required argument: by role, else a global of that name, else a configuration."""
    role = role_of(name, challenge)
    if role is not None and role in case["values"]:
        return copy.deepcopy(case["values"][role])
    lowered = {known.casefold(): value for known, value in view.items()}
    if name.casefold() in lowered and not isinstance(lowered[name.casefold()], type):
        return copy.deepcopy(lowered[name.casefold()])
    if any(word in name.casefold() for word in CONFIGURATION_WORDS):
        for known, value in view.items():
            if any(word in known.casefold() for word in CONFIGURATION_WORDS):
                return (
                    built(challenge, case, value, view) if isinstance(value, type) else copy.deepcopy(value)
                )
    raise Refusal("not_callable", f"making it needs {name}, which the check cannot supply")


def role_of(name: str, challenge: dict[str, Any]) -> str | None:
    """The role of a parameter: by equal name, else by a word in it."""
    for role, rule in challenge["roles"].items():
        if is_named(name, rule):
            return str(role)
    for role, rule in challenge["roles"].items():
        if any(word.casefold() in name.casefold() for word in rule["contains"]):
            return str(role)
    return None
