"""Losses of the notebook on fixed tensors: what each way to call returns; which is right, the trusted side says."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from .binding import Refusal, parameters_of, positional
from .functions import is_required
from .modes import MODES, Candidate, Fields, Mode, Setting
from .placing import Placement, callables_of, like_named, placements, refusal, resolve, said
from .stand_ins import stand_in_vae
from .values import MAX_ITEMS

TENSORS = ("reconstruction", "target", "mu", "log_var")
UNNAMED = (*TENSORS, "outputs")
"""Roles that parameters without a telling name may take; `outputs` are reconstruction, mu and log_var as one tuple."""
MAX_CALLS = 30


def put_loss(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """Every way to hand the tensors over, with what it returned: `calls`, each with `bound`, `form`, `value`."""
    function = resolve(candidate, setting.view)
    calls: list[dict[str, Any]] = []
    first: Exception | None = None
    always = case["values"].get("always", ())  # roles that are handed over in the place of a default, too
    roles = {role: rule | {"always": role in always} for role, rule in challenge["roles"].items()}
    every = list(ways(challenge | {"roles": roles}, function, setting.view))
    is_decided = len({said(placed) for placed, _ in every}) == 1
    for placed, form in every:
        attempt = functools.partial(_called, challenge, case, function, setting.view, placed, form)
        try:
            value = setting.guarded(attempt)
        except Refusal:
            raise
        except Exception as error:  # another order may be the one that the function expects
            first = first or error
            continue
        calls.append({"bound": said(placed), "form": form, "value": value})
    if not calls:
        if first is not None and is_decided and not {"model", "outputs"} & set(placed.values()):
            raise first
        raise refusal(first)
    setting.answer["bound"] = {role: f"parameter {name}" for name, role in placed.items()}
    return {"result": setting.encoder.node({"calls": calls}), "status": "ok"}


def ways(challenge: dict[str, Any], function: Any, view: dict[str, Any]) -> Iterator[tuple[Placement, str]]:
    """Placements with the form of the spread: log variance, and where no name says so, deviation and variance too."""
    roles, n_calls = challenge["roles"], 0
    few = sum(map(is_required, parameters_of(function))) <= 2
    left = tuple(role for role in (UNNAMED if few else TENSORS) if role in roles)
    for placed in placements(function, roles, view, left):
        name = next((name for name, role in placed.items() if role == "log_var"), "log")
        for form in FORMS[:1] if "log" in name.casefold() else FORMS:
            if n_calls < MAX_CALLS:
                yield placed, form
            n_calls += 1


FORMS = ("log_var", "sigma", "variance")


def spread(log_var: Any, form: str) -> Any:
    """A log variance in another form."""
    return {"log_var": lambda v: v, "sigma": lambda v: (0.5 * v).exp(), "variance": lambda v: v.exp()}[form](
        log_var
    )


def _called(
    challenge: dict[str, Any],
    case: dict[str, Any],
    function: Any,
    view: dict[str, Any],
    placed: Placement,
    form: str,
) -> Any:
    """What one way to call returns; tensors are made anew, so that no call sees another's changes."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        raise Refusal("not_callable", "the notebook does not use torch")
    tensors = {
        role: torch.tensor(np.asarray(case["values"][role], dtype=np.float32))
        for role in TENSORS
        if role in case["values"]
    }
    keywords = like_named(function, placed, view)
    for name, role in placed.items():
        if role == "model":
            keywords[name] = stand_in_vae(tensors)
        elif role == "outputs":
            keywords[name] = tuple(tensors[part] for part in ("reconstruction", "mu", "log_var"))
        elif role == "log_var":
            keywords[name] = spread(tensors[role], form)
        elif role in tensors:
            keywords[name] = tensors[role]
        elif role in case["values"]:
            keywords[name] = case["values"][role]
        else:
            raise Refusal("not_callable", f"the case has no value for {role}")
    args, keywords = positional(function, keywords)
    return _few(function(*args, **keywords))


def _few(value: Any) -> Any:
    """A result without tensors that are no loss: the reconstruction that is handed back with it."""
    torch: Any = sys.modules["torch"]
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return [_few(item) for item in value[:MAX_ITEMS]]
    if isinstance(value, torch.Tensor) and value.numel() > MAX_ITEMS:
        return None
    return value


MODES["loss"] = Mode(callables_of, put_loss)
