"""How a notebook cuts a text into inputs and targets: functions, data sets, loaders and generators, on a text of ours.

No token of that text occurs twice, so that each tells what follows it. What is told are pairs, `{x, y}` each, whatever
the notebook calls them and however many there are.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .binding import Refusal, parameters_of, positional
from .functions import is_required, names_in_code
from .modes import MODES, Candidate, Fields, Mode, Setting
from .namespace import Namespace
from .placing import Placement, callables_of, global_for, guessed, placements, refusal, resolve, said

FORMS = ("tensor", "list", "array")
MAX_PAIRS = 3
MAX_ROWS = 8
TRAIN = "train"


def put_windows(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """The inputs and targets that something of the notebook makes of the text; the first form that gives any."""
    if "torch" not in sys.modules:
        raise Refusal("not_callable", "the notebook does not use torch")
    make = _maker(candidate, setting)
    roles = {role: rule | {"always": True} for role, rule in challenge["roles"].items()}
    first: Exception | None = None
    for placed in itertools.islice(placements(make, roles, setting.view, ("tokens", "context_length")), 4):
        for form in FORMS:
            attempt = functools.partial(_cut, challenge, case, make, setting, placed, form)
            try:
                found = setting.guarded(attempt)
            except Refusal:
                raise
            except Exception as error:  # the next form may be the one that it expects
                first = first or error
                continue
            if found:
                pairs = {str(at): {"x": x, "y": y} for at, (x, y) in enumerate(found)}
                return {
                    "result": setting.encoder.node({"pairs": pairs, "bound": said(placed)}),
                    "status": "ok",
                }
    raise refusal(first or ValueError("it gives no inputs and targets"))


def makers_of(challenge: dict[str, Any], namespace: Namespace) -> list[Candidate]:
    """What makes windows by its name; else functions of few arguments, of which one counts where it is right."""
    try:
        return callables_of(challenge, namespace)
    except Refusal:
        return guessed(
            namespace,
            range(3),
            {"stack", "view", "reshape", "cat", "tensor", "randint", "unfold"},
            {"backward"},
        )


def _maker(candidate: Candidate, setting: Setting) -> Callable[..., Any]:
    """What is called: a class of data sets itself, anything else as it is resolved."""
    if isinstance(candidate.value, type) and "." not in candidate.name:
        made: Callable[..., Any] = candidate.value
        return made
    return resolve(candidate, setting.view)


def _cut(
    challenge: dict[str, Any],
    case: dict[str, Any],
    make: Callable[..., Any],
    setting: Setting,
    placed: Placement,
    form: str,
) -> list[tuple[Any, Any]]:
    values, view = case["values"], setting.view
    offered = {"context_length": values["context_length"], "batch_size": values["batch_size"], "split": TRAIN}
    offered["tokens"] = _in_form(values["tokens"], form)
    keywords = {name: offered[role] for name, role in placed.items() if role in offered}
    needed = [p.name for p in parameters_of(make) if is_required(p) and p.name not in keywords]
    keywords |= {name: global_for(name, view) for name in needed}
    _replace_texts(challenge, make, setting, placed, offered["tokens"])
    args, keywords = positional(make, keywords)
    return list(itertools.islice(_pairs(make(*args, **keywords)), MAX_PAIRS))


def _replace_texts(
    challenge: dict[str, Any], make: Any, setting: Setting, placed: Placement, tokens: Any
) -> None:
    """Puts our text in the place of the globals that the code cuts, where it takes none."""
    if "tokens" in placed.values():
        return
    wanted = challenge["roles"]["tokens"]["globals"]
    owner = getattr(make, "__self__", None)
    for name in wanted:
        if owner is not None and hasattr(owner, name):
            setattr(owner, name, tokens)
        elif name in names_in_code(make, setting.view, set(wanted)):
            old = setting.view.get(name)
            setting.namespace.now[name] = dict.fromkeys(old, tokens) if isinstance(old, dict) else tokens


def _in_form(tokens: list[int], form: str) -> Any:
    torch: Any = sys.modules["torch"]
    if form == "tensor":
        return torch.tensor(tokens)
    return np.array(tokens) if form == "array" else list(tokens)


# ------------------------------------------------------------------ what came out


def _pairs(result: Any, depth: int = 2) -> Iterator[tuple[Any, Any]]:
    """Inputs and targets in a result: a pair of arrays, or the pairs of a list, a data set, a loader, a generator."""
    if isinstance(result, dict):
        result = tuple(result.values())
    if _is_pair(result):
        x, y = _rows(result[0]), _rows(result[1])
        if x is not None and y is not None and x.ndim:
            n = MAX_ROWS if x.ndim > 1 else len(x)
            yield x[:n], y[:n] if y.ndim and len(y) == len(x) else y
            return
    if not depth or isinstance(result, str | np.ndarray) or hasattr(result, "numel"):
        return
    if hasattr(result, "__getitem__") and hasattr(result, "__len__"):
        places = sorted({0, 1, len(result) - 1} & set(range(len(result))))
        members: Iterator[Any] = (result[at] for at in places)
    elif hasattr(result, "__iter__"):
        members = iter(result)
    else:
        return
    for member in itertools.islice(members, MAX_PAIRS):
        yield from _pairs(member, depth - 1)


def _is_pair(result: Any) -> bool:
    """Whether a result is inputs and targets themselves, not a list of windows or of such pairs."""
    if not isinstance(result, tuple | list) or len(result) < 2 or isinstance(result[0], tuple):
        return False
    if isinstance(result, tuple):
        return True
    first = result[0]
    is_of_pairs = isinstance(first, list) and len(first) == 2 and not isinstance(first[0], int)
    return len(result) == 2 and not is_of_pairs


def _rows(value: Any) -> Any:
    """Whole numbers as an array; None for anything else."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    elif hasattr(value, "item") and not isinstance(value, np.ndarray):
        value = value.item()
    if isinstance(value, list | tuple) and value and hasattr(value[0], "detach"):
        value = [one.detach().cpu().numpy() for one in value]
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    if array.dtype.kind not in "iu" or not array.size:
        return None
    return array


MODES["windows"] = Mode(makers_of, put_windows)
