"""Networks, methods and functions of a notebook that take a class beside an image, a code, or alone: ways to call them."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .binding import Refusal, parameters_of
from .conditions import joined_sizes
from .found_modules import copied, live_modules
from .functions import is_required
from .known_pixels import N_PIXELS
from .modes import Candidate, Setting
from .placing import Placement, callables_of, like_named, methods_of, placements, resolve

MAX_CANDIDATES = 24


@dataclasses.dataclass(frozen=True)
class Way:
    """Something of the notebook that can be called, with what its parameters take."""

    name: str
    function: Callable[..., Any]
    placed: Placement
    rest: dict[str, Any]
    """Values of required parameters that take nothing of ours."""

    def __call__(self, **given: Any) -> Any:
        keywords = dict(self.rest)
        for parameter, role in self.placed.items():
            if role in given:
                keywords[parameter] = given[role]
        return self.function(**keywords)


def ways(challenge: dict[str, Any], setting: Setting, roles: tuple[str, ...]) -> Iterator[Way]:
    """What takes all of some roles: live networks, their methods, and functions of an accepted name, best first."""
    given = {role: challenge["roles"][role] for role in ("count", *roles) if role in challenge["roles"]}
    networks = live_modules(challenge, setting.namespace)
    offered: list[tuple[str, Callable[..., Any]]] = []
    for one in networks[:MAX_CANDIDATES]:
        module = copied(one.value).eval()
        offered.append((one.name, module.forward))
        offered += [
            (f"{one.name}.{name}", getattr(module, name))
            for name in methods_of(type(module))
            if name != "forward" and not name.startswith("_")
        ]
    with contextlib.suppress(Refusal):
        for one in callables_of(challenge, setting.namespace)[:MAX_CANDIDATES]:
            if isinstance(one.value, type) and _is_network(one.value):
                continue
            with contextlib.suppress(Exception):
                offered.append((one.name, resolve(one, setting.view)))
    for name, function in offered:
        if not callable(function):
            continue
        with contextlib.suppress(Refusal, Exception):
            for placed in placements(function, given, setting.view, roles):
                if set(roles) <= set(placed.values()):
                    rest = _rest(function, placed, setting.view, networks)
                    yield Way(name, function, placed, rest)


def _is_network(kind: type) -> bool:
    torch: Any = sys.modules["torch"]
    return issubclass(kind, torch.nn.Module)


def _rest(
    function: Any, placed: Placement, view: dict[str, Any], networks: list[Candidate]
) -> dict[str, Any]:
    """Values of required parameters that take nothing of ours: the notebook's own, else its first network."""
    rest = like_named(function, placed, view)
    for parameter in parameters_of(function):
        if (
            is_required(parameter)
            and parameter.name not in placed
            and parameter.name not in rest
            and networks
        ):
            rest[parameter.name] = copied(networks[0].value).eval()
    return rest


def decoders(challenge: dict[str, Any], setting: Setting) -> Iterator[Way]:
    """What may make images of codes and classes."""
    yield from ways(challenge, setting, ("code", "label"))
    yield from joined(challenge, setting, N_PIXELS)


def joined(challenge: dict[str, Any], setting: Setting, gives: int) -> Iterator[Way]:
    """Networks of one input that holds an image, or for `gives` pixels a code, and a class side by side."""
    torch: Any = sys.modules["torch"]
    for one in live_modules(challenge, setting.namespace)[:MAX_CANDIDATES]:
        sizes = joined_sizes(torch, one.value)
        if sizes is None or (sizes[0] > N_PIXELS) == bool(gives):
            continue
        module = copied(one.value).eval()
        if sum(map(is_required, parameters_of(module.forward))) != 1:
            continue

        def together(module: Any = module, **given: Any) -> Any:
            first = given["image"] if "image" in given else given["code"]
            label = given["label"]
            if label.ndim != 2:
                raise ValueError("one-hot rows stand beside numbers")
            return module(torch.cat([first, label.to(first.dtype)], dim=1))

        roles = {"code" if gives else "image": "code" if gives else "image", "label": "label"}
        yield Way(one.name, together, roles, {})
