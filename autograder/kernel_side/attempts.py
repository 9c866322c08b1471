"""Ways to call one function with the inputs of one case; which of them it expects, only trying tells."""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .binding import Bound, Refusal, is_log, is_named, parameters_of, positional
from .containers import Array
from .functions import is_required
from .namespace import Namespace
from .seeds import SeedRecorder
from .targets import Target
from .values import as_array

Way = tuple[str, Callable[[], Any]]
"""What a way to call is named, and the call."""


class Attempts:
    """The ways to call `function` for `case` of `challenge`; `view` is the namespace where it was made."""

    def __init__(
        self,
        challenge: dict[str, Any],
        case: dict[str, Any],
        function: Any,
        view: dict[str, Any],
        namespace: Namespace,
        seeds: SeedRecorder,
    ) -> None:
        self.roles: dict[str, dict[str, Any]] = challenge["roles"]
        self.case = case
        self.function = function
        self.view = view
        self.namespace = namespace
        self.seeds = seeds

    def with_roles(self, bound: Bound, form: str | None) -> Iterator[Way]:
        """Calls to try in turn: kinds of generator, then torch tensors in place of arrays, in single precision at last."""
        for stream, library in self._flavours(bound):

            def attempt(stream: str = stream, library: str = library) -> Any:
                keywords: dict[str, Any] = {}
                for role, place, name in bound:
                    value = self._value(role, name, form, stream, library)
                    if place == "parameter":
                        keywords[name] = value
                    else:
                        self.namespace.now[name] = value
                args, keywords = positional(self.function, keywords)
                return self.function(*args, **keywords)

            yield f"{stream}, {library}", attempt

    def _flavours(self, bound: Bound) -> list[tuple[str, str]]:
        """Kind of random stream and library of the arrays, the likelier first."""
        kinds = {self.roles[role]["kind"] for role, _, _ in bound}
        streams = ["Generator", "RandomState", "seed"] if "rng" in kinds else ["Generator"]
        legacy = [n for r, _, n in bound if self.roles[r]["kind"] == "rng"]
        if any(isinstance(self.view.get(name), np.random.RandomState) for name in legacy):
            streams = ["RandomState", "Generator", "seed"]
        flavours = [(stream, "numpy") for stream in streams]
        if "torch" in sys.modules:
            if "rng" in kinds:
                flavours.append(("torch", "numpy"))
            if "point" in kinds or "array" in kinds:
                flavours += [(stream, library) for library in ("torch", "single") for stream in streams[:1]]
                flavours += [("torch", "torch")] if "rng" in kinds else []
        return flavours

    def _value(self, role: str, name: str, form: str | None, stream: str, library: str) -> Any:
        """A fresh value for one role, which goes to `name`."""
        rule, values = self.roles[role], self.case["values"]
        kind, seed = rule["kind"], self.case["seed"]
        if kind == "rng":
            return self.seeds.stream(stream, seed)
        if kind == "seed":
            return seed
        if role not in values:
            raise Refusal("not_callable", f"the case has no value for {role}")
        value = values[role]
        if kind == "target":
            return Target(value, log=form == "log_density" or is_log(rule, name))
        if kind in ("point", "array"):
            array = np.array(value, dtype=float)
            if library == "numpy":
                return array
            tensor: Any = sys.modules["torch"].from_numpy(array)
            return tensor.float() if library == "single" else tensor  # as networks give them
        return copy.deepcopy(value)

    def at_points(self) -> Iterator[Way]:
        """Ways to evaluate the function at points (n, d): at once, by coordinates, one by one."""
        function = self.function
        points = np.asarray(self.case["values"]["points"], dtype=float)
        rest = self._other_arguments(points.shape[1])

        def batch(convert: Any) -> Any:
            return _per_point(function(convert(points), *rest), len(points))

        def columns(convert: Any) -> Any:
            return _per_point(function(*(convert(c) for c in points.T), *rest), len(points))

        def rows(convert: Any) -> Any:
            return _per_point(function(convert(points.T), *rest), len(points))

        def single(convert: Any) -> Any:
            return np.stack([_per_point(function(convert(p), *rest), 1)[0] for p in points])

        def pairs(convert: Any) -> Any:
            return np.stack([_per_point(function(*(convert(v) for v in p), *rest), 1)[0] for p in points])

        converts: list[Any] = [np.array]
        if "torch" in sys.modules:
            converts.append(lambda a: sys.modules["torch"].from_numpy(np.array(a)))
        parameters = parameters_of(function)
        apart = len(rest) == 0 and sum(map(is_required, parameters)) >= points.shape[1]
        ways = [("columns", columns), ("points", pairs)]
        if not apart:
            ways = [("batch", batch), ("points", single), ("columns", rows)]
            if any(p.kind is p.VAR_POSITIONAL for p in parameters):
                ways.append(("columns", columns))
        for convert in converts:
            for how, way in ways:
                yield how, functools.partial(way, convert)

    def _other_arguments(self, d: int) -> list[Any]:
        """Values of the required parameters beyond the points: from roles, else from like-named globals."""
        needed = [p.name for p in parameters_of(self.function) if is_required(p)]
        lowered = {name.casefold(): value for name, value in self.view.items()}
        known = len(needed) > 1 and needed[1].casefold() in lowered and len(needed[1]) > 2
        if len(needed) < 2 or (len(needed) == d and not known):  # (x, y) rather than (x, weights)
            return []
        values = []
        for name in needed[1:]:
            role = next((r for r, rule in self.roles.items() if is_named(name, rule)), None)
            if role is not None and role in self.case["values"]:
                values.append(self._value(role, name, None, "Generator", "numpy"))
            elif name.casefold() in lowered:
                values.append(copy.deepcopy(lowered[name.casefold()]))
            else:
                raise Refusal("not_callable", f"the function needs {name}, which the check cannot supply")
        return values


def _per_point(result: Any, n: int) -> Array:
    """`result` as an array (n,); ValueError when it does not hold one number a point."""
    array = as_array(result)[0]
    if array is None and type(result) in (int, float):
        array = np.asarray(result)
    if array is None or array.size != n or array.dtype.kind not in "fiu":
        shape = "no numbers" if array is None else f"shape {array.shape}"
        raise ValueError(f"expected {n} numbers, got {type(result).__name__} of {shape}")
    return array.reshape(n)
