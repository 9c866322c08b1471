"""Ways to call one function with the inputs of one case; which of them it expects, only trying tells."""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


    def _call_attempts(
        self,
        challenge: dict[str, Any],
        case: dict[str, Any],
        function: Any,
        view: dict[str, Any],
        bound: Bound,
        form: str | None,
    ) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Calls to try in turn: kinds of generator, then torch tensors in place of arrays."""
        for stream, library in self._flavours(challenge, bound, view):

            def attempt(stream: str = stream, library: str = library) -> Any:
                keywords: dict[str, Any] = {}
                for role, place, name in bound:
                    value = self._value(challenge["roles"][role], role, name, case, form, stream, library)
                    if place == "parameter":
                        keywords[name] = value
                    else:
                        self.shell.user_ns[name] = value
                args, keywords = positional(function, keywords)
                return function(*args, **keywords)

            yield f"{stream}, {library}", attempt

    def _flavours(
        self, challenge: dict[str, Any], bound: Bound, view: dict[str, Any]
    ) -> list[tuple[str, str]]:
        kinds = {challenge["roles"][role]["kind"] for role, _, _ in bound}
        streams = ["Generator", "RandomState", "seed"] if "rng" in kinds else ["Generator"]
        legacy = [n for r, _, n in bound if challenge["roles"][r]["kind"] == "rng"]
        if any(isinstance(view.get(name), np.random.RandomState) for name in legacy):
            streams = ["RandomState", "Generator", "seed"]
        flavours = [(stream, "numpy") for stream in streams]
        if "torch" in sys.modules:
            if "rng" in kinds:
                flavours.append(("torch", "numpy"))
            if "point" in kinds or "array" in kinds:
                flavours += [(stream, "torch") for stream in streams[:1]]
                flavours += [("torch", "torch")] if "rng" in kinds else []
        return flavours

    def _value(
        self,
        rule: dict[str, Any],
        role: str,
        name: str,
        case: dict[str, Any],
        form: str | None,
        stream: str,
        library: str,
    ) -> Any:
        """A fresh value for one role."""
        kind, seed = rule["kind"], case["seed"]
        if kind == "rng":
            return self._stream(stream, seed)
        if kind == "seed":
            return seed
        if role not in case["values"]:
            raise Refusal("not_callable", f"the case has no value for {role}")
        value = case["values"][role]
        if kind == "target":
            return Target(value, log=form == "log_density" or is_log(rule, name))
        if kind in ("point", "array"):
            array = np.array(value, dtype=float)
            return sys.modules["torch"].from_numpy(array) if library == "torch" else array
        return copy.deepcopy(value)

    def _stream(self, stream: str, seed: int) -> Any:
        if stream == "RandomState":
            return self.seeds.make_state(seed)
        if stream == "torch":
            torch: Any = sys.modules["torch"]
            return torch.Generator().manual_seed(seed)
        return seed if stream == "seed" else self.seeds.make_generator(seed)

    def _point_attempts(
        self,
        challenge: dict[str, Any],
        case: dict[str, Any],
        function: Any,
        view: dict[str, Any],
        points: Array,
    ) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Ways to evaluate a function at points (n, d): at once, by coordinates, one by one."""
        rest = self._other_arguments(challenge, case, function, view, points.shape[1])

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
        apart = len(rest) == 0 and sum(map(_is_required, parameters)) >= points.shape[1]
        ways = [("columns", columns), ("points", pairs)]
        if not apart:
            ways = [("batch", batch), ("points", single), ("columns", rows)]
            if any(p.kind is p.VAR_POSITIONAL for p in parameters):
                ways.append(("columns", columns))
        for convert in converts:
            for how, way in ways:
                yield how, functools.partial(way, convert)

    def _other_arguments(
        self, challenge: dict[str, Any], case: dict[str, Any], function: Any, view: dict[str, Any], d: int
    ) -> list[Any]:
        """Values of the required parameters beyond the points: from roles, else from like-named globals."""
        needed = [p.name for p in parameters_of(function) if is_required(p)]
        lowered = {name.casefold(): value for name, value in view.items()}
        known = len(needed) > 1 and needed[1].casefold() in lowered and len(needed[1]) > 2
        if len(needed) < 2 or (len(needed) == d and not known):  # (x, y) rather than (x, weights)
            return []
        values = []
        for name in needed[1:]:
            role = next((r for r, rule in challenge["roles"].items() if is_named(name, rule)), None)
            if role is not None and role in case["values"]:
                values.append(
                    self._value(challenge["roles"][role], role, name, case, None, "Generator", "numpy")
                )
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
