"""Functions of a diffusion model on fixed points: one that adds noise, one that steps back.

The noise is handed over where a function takes it; where it draws it, every source gives the same known numbers. Times are
handed as one tensor, else row by row as whole numbers. A network that a function asks answers with known numbers.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np

from .binding import Refusal, positional
from .modes import MODES, Candidate, Fields, Mode, Setting
from .noise import VisibleNoise
from .placing import Placement, callables_of, like_named, placements, refusal, replace_globals, resolve, said

POINTS = ("x", "t", "noise")
"""Roles that parameters without a telling name may take."""
MAX_TENSORS = 6


def put_noising(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """What every way to call gives: `calls`, each with `bound` and the tensors of the points' shape."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        raise Refusal("not_callable", "the notebook does not use torch")
    function = resolve(candidate, setting.view)
    calls: list[dict[str, Any]] = []
    first: Exception | None = None
    for placed in placements(function, challenge["roles"], setting.view, POINTS):
        if not {"x", "t"} <= set(placed.values()):
            continue
        for way in (_at_once, _by_row):
            attempt = functools.partial(way, challenge, case["values"], function, setting, placed)
            try:
                given = setting.guarded(attempt)
            except Refusal:
                raise
            except Exception as error:  # another order, or times one by one, may be what the function expects
                first = first or error
                continue
            if given:
                calls.append({"bound": said(placed), "given": given})
                setting.answer["bound"] = {role: f"parameter {name}" for name, role in placed.items()}
                break
    if not calls:
        raise refusal(first)
    return {"result": setting.encoder.node({"calls": calls}), "status": "ok"}


def _at_once(
    challenge: dict[str, Any], values: dict[str, Any], function: Any, setting: Setting, placed: Placement
) -> list[Any]:
    torch: Any = sys.modules["torch"]
    times = torch.tensor(values["t"])
    return _called(challenge, values, function, setting, placed, slice(None), times)


def _by_row(
    challenge: dict[str, Any], values: dict[str, Any], function: Any, setting: Setting, placed: Placement
) -> list[Any]:
    rows = [
        _called(challenge, values, function, setting, placed, slice(at, at + 1), int(time))
        for at, time in enumerate(values["t"])
    ]
    return [np.concatenate(parts) for parts in zip(*rows, strict=False)]


def _called(
    challenge: dict[str, Any],
    values: dict[str, Any],
    function: Any,
    setting: Setting,
    placed: Placement,
    rows: slice,
    times: Any,
) -> list[Any]:
    torch: Any = sys.modules["torch"]
    points: dict[str, Any] = {
        role: torch.tensor(np.asarray(values[role], dtype=np.float32))[rows]
        for role in ("x", "noise", "predicted")
        if role in values
    }
    offered: dict[str, Any] = {**points, "t": times}
    if "predicted" in points:
        offered["model"] = _Answering(points["predicted"]).module()
    replace_globals(
        challenge, function, setting, placed, {"model": offered["model"]} if "model" in offered else {}
    )
    keywords = like_named(function, placed, setting.view)
    for name, role in placed.items():
        if role not in offered:
            raise Refusal("not_callable", f"the case has no value for {role}")
        keywords[name] = offered[role]
    args, keywords = positional(function, keywords)
    with VisibleNoise(points["noise"].reshape(-1).tolist()).in_place():
        result = function(*args, **keywords)
    items = list(result.values()) if isinstance(result, dict) else result
    listed = list(items) if isinstance(items, tuple | list) else [items]
    shape = points["x"].shape
    found = [one for one in listed if isinstance(one, torch.Tensor) and one.shape == shape]
    return [one.detach().double().numpy() for one in found][:MAX_TENSORS]


class _Answering:
    """A network that gives the same numbers whatever it is asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def module(self) -> Any:
        """The network as a module of torch."""
        torch: Any = sys.modules["torch"]
        answer = self.answer

        class Fixed(torch.nn.Module):  # type: ignore[misc]
            def forward(self, *_: Any, **__: Any) -> Any:
                return answer.clone()

        return Fixed()


MODES["noising"] = Mode(callables_of, put_noising)
