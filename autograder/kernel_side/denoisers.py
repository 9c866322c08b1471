"""What networks that predict the noise in points were shown and gave, in training and in sampling.

Such a network is known by what it takes and gives: points (n, d), a time for each or for all, and as many numbers back. Of
its calls are kept: the first rows of points, times and answers, the normal noise that was drawn before, and the gradient of
the loss by the answer, which tells what it is trained towards however the loss is written. No name is needed.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .binding import Refusal
from .modes import MODES, Candidate, Fields, Mode, Setting
from .namespace import Namespace
from .values import Encoder

MAX_D = 8
MAX_MORE = 512
"""Columns of an embedded time beside the points, at most: an encoder of images is no such network."""
MAX_ROWS = 64
MAX_TRAINING = 24
"""Calls in training of which everything is kept, for one network in one cell."""
MAX_TIMES = 200
"""Calls in training whose times are kept."""
MAX_CALLS = 1_100
"""Calls outside training that are kept, the last ones."""
MAX_NETWORKS = 8
MAX_DRAWN = 3
LAST = 2**30
"""A cell after all others."""

Entry = dict[str, Any]


class Place(NamedTuple):
    """Where points and times stand among a network's arguments."""

    points: int | str
    """Position of an argument, or its keyword."""
    time: int | str | None
    """None where times stand in columns beside the points, or cannot be seen."""
    n_more: int = 0
    """Columns beside those of the points."""
    is_first: bool = False
    """Whether the column of times stands before them."""


class Denoiser:
    """One network: how it is called, and the calls that are kept."""

    def __init__(self, module: Any, number: int) -> None:
        self.module = weakref.ref(module)
        self.number = number
        self.held: Any = None
        self.place: Place | None = None
        self.args: tuple[Any, ...] = ()
        self.kwargs: dict[str, Any] = {}
        self.low, self.high = float("inf"), float("-inf")
        self.is_whole = True
        self.n_drawn = 0
        self.clear()

    def clear(self) -> None:
        """Forgets the calls."""
        self.n = 0
        self.training: list[Entry] = []
        self.times: list[Any] = []
        self.others: collections.deque[Entry] = collections.deque(maxlen=MAX_CALLS)


KNOWN: list[Denoiser] = []
"""The networks of this notebook, for the mode `denoiser`."""


class DenoiserRecorder:
    """Calls of the current cell, by network."""

    def __init__(self, n_steps: Callable[[], int]) -> None:
        self.n_steps = n_steps
        """How many optimizer steps were made."""
        self.networks: dict[int, Denoiser | None] = {}
        self.drawn: collections.deque[tuple[int, tuple[int, ...], Any]] = collections.deque(maxlen=MAX_DRAWN)
        self.n_drawn = 0
        self.torch: Any = None
        self.hook: Any = None
        """Takes the hook away again."""

    def install(self, torch: Any) -> None:
        """Puts the hook in place, and notes normal noise that is drawn."""
        self.torch = torch
        register = torch.nn.modules.module.register_module_forward_hook
        self.hook = register(self._hook, with_kwargs=True)
        for name in ("randn", "randn_like", "normal"):
            setattr(torch, name, self._noting(getattr(torch, name)))

    def take(self, encoder: Encoder) -> list[Entry]:
        """The entries since the last call, with their arrays handed to `encoder`."""
        taken = []
        for network in KNOWN:
            if network.n:
                taken.append(_encoded(network, encoder))
                network.clear()
        return taken

    def _noting(self, original: Any) -> Any:
        @functools.wraps(original)
        def noted(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            with contextlib.suppress(Exception):
                if result.ndim == 2 and result.shape[1] <= MAX_D:
                    self.n_drawn += 1
                    self.drawn.append((self.n_drawn, tuple(result.shape), _rows(result)))
            return result

        return noted

    def _hook(self, module: Any, args: Any, kwargs: Any, output: Any) -> None:
        try:
            if output.ndim == 2 and output.shape[1] <= MAX_D and output.is_floating_point():
                self._note(module, args, kwargs, output)
        except Exception:  # whatever is called otherwise is no such network
            pass

    def _note(self, module: Any, args: Any, kwargs: Any, output: Any) -> None:
        network = self._network(module, args, kwargs, output)
        if network is None or network.place is None:
            return
        x, t = _read(network.place, args, kwargs, output.shape)
        network.n += 1
        network.args, network.kwargs = args, kwargs
        if t is not None:
            network.low, network.high = min(network.low, float(t.min())), max(network.high, float(t.max()))
            network.is_whole = network.is_whole and bool((t == t.round()).all())
        is_training = bool(output.requires_grad)
        if is_training and t is not None and len(network.times) < MAX_TIMES:
            network.times.append(_rows(t.reshape(-1)))
        is_one_time = t is None or t.numel() == 1 or bool((t == t.reshape(-1)[0]).all())
        is_kept = is_training and len(network.training) < MAX_TRAINING
        if is_kept or is_one_time:
            entry = self._entry(network, x, t, output)
            if is_kept:
                network.training.append(entry)
                output.register_hook(functools.partial(_differentiated, entry))
            if is_one_time:
                network.others.append(entry)
        network.n_drawn = self.n_drawn

    def _network(self, module: Any, args: Any, kwargs: Any, output: Any) -> Denoiser | None:
        known = self.networks.get(id(module), ...)
        if known is None or (isinstance(known, Denoiser) and known.module() is module):
            return known
        is_one = any(True for _ in module.children()) or any(True for _ in module.parameters(recurse=False))
        place = (
            _place(args, kwargs, output.shape)
            if is_one and type(module) is not self.torch.nn.Linear
            else None
        )
        if place is None or len(KNOWN) >= MAX_NETWORKS:
            return None
        network = self.networks[id(module)] = Denoiser(module, len(KNOWN))
        network.held, network.place = module, place  # held, so that its identity stays its own
        KNOWN.append(network)
        return network

    def _entry(self, network: Denoiser, x: Any, t: Any, output: Any) -> Entry:
        newest_first = list(reversed(self.drawn))
        wanted = tuple(x.shape)
        since = [rows for at, shape, rows in newest_first if at > network.n_drawn and shape == wanted]
        return {
            "x": _rows(x), "t": None if t is None else _rows(t.reshape(-1).expand(len(x))),
            "out": _rows(output), "drawn": since, "gradient": None,
            "facts": (float(len(x)), *_moments(x.detach()), float(self.n_steps())),
        }  # fmt: skip


def _differentiated(entry: Entry, gradient: Any) -> None:
    entry["gradient"] = _rows(gradient)


def _moments(x: Any) -> tuple[float, float, float]:
    """Mean, deviation and mean fourth power of all numbers."""
    return float(x.mean()), float(x.std()), float((x**4).mean())


def _rows(tensor: Any) -> Any:
    return tensor.detach()[:MAX_ROWS].clone()


# ------------------------------------------------------------------ what stands where


def _place(args: Any, kwargs: dict[str, Any], shape: Any) -> Place | None:
    """Where points and times are; None for what is called otherwise."""
    torch: Any = sys.modules["torch"]
    given: dict[int | str, Any] = dict(enumerate(args)) | kwargs
    points = next((at for at, value in given.items() if _is_points(value, shape)), None)
    if points is not None:
        rest = {at: value for at, value in given.items() if at != points}
        time = next((at for at, value in rest.items() if _is_time(value, shape[0])), None)
        is_told = time is not None or any(_is_embedding(value, shape[0]) for value in rest.values())
        return Place(points, time) if is_told else None
    for at, value in given.items():
        is_wider = isinstance(value, torch.Tensor) and value.ndim == 2 and value.shape[0] == shape[0]
        n_more = int(value.shape[1] - shape[1]) if is_wider else 0
        if shape[1] >= 2 and 1 <= n_more <= MAX_MORE and value.is_floating_point():
            is_first = n_more == 1 and bool((value[:, -1] < 0).any()) and not bool((value[:, 0] < 0).any())
            return Place(at, None, n_more, is_first)
    return None


def _is_points(value: Any, shape: Any) -> bool:
    torch: Any = sys.modules["torch"]
    return isinstance(value, torch.Tensor) and value.shape == shape and value.is_floating_point()


def _is_time(value: Any, n: int) -> bool:
    torch: Any = sys.modules["torch"]
    if isinstance(value, torch.Tensor):
        return value.numel() in (1, n)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_embedding(value: Any, n: int) -> bool:
    """Whether a value can be times that were embedded before they were handed over."""
    torch: Any = sys.modules["torch"]
    return isinstance(value, torch.Tensor) and value.ndim == 2 and value.shape[0] in (1, n)


def _read(place: Place, args: Any, kwargs: dict[str, Any], shape: Any) -> tuple[Any, Any]:
    """Points and times of a call; None for times that cannot be seen."""
    torch: Any = sys.modules["torch"]
    given: dict[int | str, Any] = dict(enumerate(args)) | kwargs
    whole = given[place.points]
    if place.time is not None:
        time = given[place.time]
        return whole, time.detach() if isinstance(time, torch.Tensor) else torch.tensor(float(time))
    if place.n_more != 1:
        return whole[:, : shape[1]], None
    return (whole[:, 1:], whole[:, 0].detach()) if place.is_first else (whole[:, :-1], whole[:, -1].detach())


# ------------------------------------------------------------------ on the way out


def _encoded(network: Denoiser, encoder: Encoder) -> Entry:
    place = network.place
    has_times = place is not None and (place.time is not None or place.n_more == 1)
    done: Entry = {"network": network.number, "n": network.n, "has_times": has_times}
    done["training"] = _stacked(network.training, encoder)
    done["others"] = _stacked(list(network.others), encoder)
    times = np.concatenate([one.double().numpy() for one in network.times] or [np.zeros(0)])
    done["times"] = encoder.array(times, "ndarray").get("ref")
    return done


def _stacked(entries: list[Entry], encoder: Encoder) -> Entry | None:
    if not entries:
        return None
    d = max(int(entry["x"].shape[1]) for entry in entries)
    entries = [entry for entry in entries if entry["x"].shape[1] == d]

    def padded(tensor: Any, *sides: int) -> Any:
        whole = np.full(sides, np.nan, np.float32)
        if tensor is not None:
            whole[tuple(slice(side) for side in tensor.shape)] = tensor.float().numpy()
        return whole

    drawn = np.stack(
        [
            np.stack([padded(one, MAX_ROWS, d) for one in [*entry["drawn"], None, None, None][:MAX_DRAWN]])
            for entry in entries
        ]
    )
    arrays = {
        "drawn": drawn,
        "t": np.stack([padded(entry["t"], MAX_ROWS) for entry in entries]),
        "facts": np.array([entry["facts"] for entry in entries], np.float64),
    }
    arrays |= {
        key: np.stack([padded(entry[key], MAX_ROWS, d) for entry in entries])
        for key in ("x", "out", "gradient")
    }
    return {key: encoder.array(array, "ndarray").get("ref") for key, array in arrays.items()}


# ------------------------------------------------------------------ asked afterwards


def put_denoiser(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """What a network that was seen gives for the same points at several times, from the first to the last it was told."""
    network: Denoiser = candidate.value
    if network.place is None or (network.place.time is None and network.place.n_more != 1):
        raise Refusal("not_callable", "its times could not be seen")
    copied = copy.deepcopy(network.held).eval()
    outputs = [
        setting.guarded(functools.partial(_asked, network, copied, case["values"], share))
        for share in case["values"]["times"]
    ]
    return {"result": setting.encoder.node(np.stack(outputs)), "status": "ok"}


def _asked(network: Denoiser, module: Any, values: dict[str, Any], share: float) -> Any:
    torch: Any = sys.modules["torch"]
    place: Any = network.place
    x = torch.tensor(np.asarray(values["x"], dtype=np.float32))
    time = network.low + share * (network.high - network.low)
    time = float(round(time)) if network.is_whole else time
    args, kwargs = list(network.args), dict(network.kwargs)

    def put(at: int | str, value: Any) -> None:
        if isinstance(at, int):
            args[at] = value
        else:
            kwargs[at] = value

    given = args[place.points] if isinstance(place.points, int) else kwargs[place.points]
    if place.time is None:
        column = torch.full((len(x), 1), time)
        x = torch.cat([column, x] if place.is_first else [x, column], dim=1)
    else:
        before = args[place.time] if isinstance(place.time, int) else kwargs[place.time]
        if isinstance(before, torch.Tensor):
            shape = before.shape if before.numel() == 1 else (len(x), *before.shape[1:])
            put(place.time, torch.full(tuple(shape), time).to(before.dtype))
        else:
            put(place.time, type(before)(time))
    put(place.points, x.to(given.dtype))
    with torch.no_grad():
        return module(*args, **kwargs).double().numpy()


def denoisers_of(challenge: dict[str, Any], namespace: Namespace) -> list[Candidate]:
    """The networks that were seen to predict something of points at times, the ones whose times are known first."""
    if not KNOWN:
        raise Refusal("missing", "no network was seen that takes points and times")
    told = sorted(
        KNOWN, key=lambda one: one.place is None or (one.place.time is None and one.place.n_more != 1)
    )
    return [Candidate("the network", network, LAST) for network in told]


MODES["denoiser"] = Mode(denoisers_of, put_denoiser)
