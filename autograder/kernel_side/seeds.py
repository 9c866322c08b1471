"""The seeds that a notebook sets: recorded, shifted on request, and streams made beside the recording."""

from __future__ import annotations

import contextlib
import functools
import random
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

QUIET_PACKAGES = {"numpy", "scipy", "torch", "pandas", "matplotlib", "sklearn", "seaborn", "IPython"}
"""Libraries that make streams of their own, which are not the notebook's doing."""
GO_BETWEENS = ("torch._dynamo", "torch._compile")
"""Modules that `torch.manual_seed` goes through once they are imported (by torchvision, for one)."""


def _numpy_state() -> Any:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002  (what notebooks draw from)
    return name, np.asarray(keys).tobytes(), rest


def _torch_state() -> bytes:
    torch: Any = sys.modules["torch"]
    return bytes(torch.get_rng_state().numpy())


GLOBAL_STREAMS: dict[str, Callable[[], Any]] = {
    "numpy": _numpy_state,
    "random": random.getstate,
    "torch": _torch_state,
}
STREAM_OF = {"numpy.random.seed": "numpy", "random.seed": "random", "torch.manual_seed": "torch"}


class SeedRecorder:
    """Wraps the functions that set seeds; passes on the same call, shifted only on request."""

    def __init__(self, shift: int) -> None:
        self.shift = shift
        self.calls: list[dict[str, Any]] = []
        self.numpy_seed = np.random.seed
        self.python_seed = random.seed
        self.make_generator = np.random.default_rng
        self.make_state = np.random.RandomState
        self.torch_seed: Callable[[int], Any] | None = None
        self.untouched: dict[str, Any] = {}
        """State at the start of every global stream that no seed was set for yet."""
        self.by_chance: set[str] = set()
        """What was drawn without a seed, so that another execution gives something else."""

    def install(self) -> None:
        """Replaces the functions of NumPy and `random`; torch's follow when it is imported."""
        mtrand: Any = np.random.mtrand
        np.random.seed = mtrand.seed = self._wrap("numpy.random.seed", self.numpy_seed)
        np.random.default_rng = self._wrap("numpy.random.default_rng", self.make_generator)
        random.seed = self._wrap("random.seed", self.python_seed)
        state = self._state_class()
        mtrand.RandomState = state
        np.random.RandomState = state  # type: ignore[misc]
        self.untouched |= {name: read() for name, read in GLOBAL_STREAMS.items() if name != "torch"}

    def torch_random(self, module: Any) -> None:
        """Wraps `torch.random.manual_seed`, and `torch.manual_seed` where it has its own already."""
        original = self.torch_seed = module.manual_seed
        module.manual_seed = self._wrap("torch.manual_seed", original)
        torch: Any = sys.modules.get("torch")
        known = getattr(torch, "manual_seed", None)  # none while torch is being imported
        if known is original:
            torch.manual_seed = module.manual_seed
        elif known is not None:
            torch.manual_seed = self._wrap("torch.manual_seed", known)

    def torch_generators(self, torch: Any) -> None:
        """Shifts the seeds of `torch.Generator` objects too, where seeds are shifted at all.

        `torch` is wholly imported: asked for its state earlier, it ends the process.
        """
        self.untouched.setdefault("torch", _torch_state())
        if not self.shift:
            return
        recorder, real = self, torch.Generator

        class Meta(type(real)):  # type: ignore[misc]
            def __instancecheck__(cls, value: Any) -> bool:
                return isinstance(value, real)

        class Generator(real, metaclass=Meta):  # type: ignore[misc, valid-type]
            def manual_seed(self, seed: Any) -> Any:
                is_own = _module_of_caller(sys._getframe(1)).partition(".")[0] not in QUIET_PACKAGES
                return super().manual_seed(int(seed) + (recorder.shift if is_own else 0))

        Generator.__module__, Generator.__qualname__ = real.__module__, real.__qualname__
        torch.Generator = Generator

    def note(self, call: str, seed: Any) -> Any:
        """Records the seed that was given; returns the one to use."""
        whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
        if seed is None:
            self.by_chance.add(call)
        elif call in STREAM_OF:
            self.look(STREAM_OF[call])
            self.untouched.pop(STREAM_OF[call], None)
        if len(self.calls) < 1000:
            self.calls.append({"call": call, "seed": int(seed) if whole and abs(int(seed)) < 2**63 else None})
        return int(seed) + self.shift if whole and self.shift else seed

    def look(self, *streams: str) -> None:
        """Notes which of the streams (default: all) moved without a seed."""
        for name in streams or tuple(self.untouched):
            with contextlib.suppress(Exception):
                if name in self.untouched and GLOBAL_STREAMS[name]() != self.untouched[name]:
                    self.by_chance.add(name)
                    del self.untouched[name]

    def set_all(self, seed: int) -> None:
        """Sets every library's seed, unrecorded."""
        self.python_seed(seed)
        self.numpy_seed(seed)
        if self.torch_seed is not None:
            self.torch_seed(seed)

    def stream(self, kind: str, seed: int) -> Any:
        """What a function may expect as its source of randomness, unrecorded."""
        if kind == "RandomState":
            return self.make_state(seed)
        if kind == "torch":
            torch: Any = sys.modules["torch"]
            made = torch.Generator()
            real: Any = torch._C.Generator
            real.manual_seed(made, seed)
            return made
        return seed if kind == "seed" else self.make_generator(seed)

    def fresh(self, value: Any, seed: int) -> Any:
        """A new stream of the kind of `value`, unrecorded."""
        if isinstance(value, np.random.Generator):
            return self.make_generator(seed)
        return self.make_state(seed % 2**32)

    def _wrap(self, call: str, function: Any) -> Any:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = self._noted(call, args, kwargs)
            return function(*args, **kwargs)

        return wrapped

    def _noted(self, call: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The arguments to use, after recording; as given when a library is the caller."""
        with contextlib.suppress(Exception):
            caller = _module_of_caller(sys._getframe(2))
            if caller.partition(".")[0] in QUIET_PACKAGES:
                return args, kwargs
            if args:
                return (self.note(call, args[0]), *args[1:]), kwargs
            key = next((k for k in ("seed", "a") if k in kwargs), None)
            seed = self.note(call, kwargs.get(key) if key else None)
            return args, (kwargs | {key: seed} if key else kwargs)
        return args, kwargs

    def _state_class(self) -> Any:
        """A stand-in for RandomState: makes real ones, and answers isinstance as the real one does."""
        recorder, real = self, self.make_state

        class Meta(type):
            def __call__(cls, *args: Any, **kwargs: Any) -> Any:
                if cls is not stand_in:
                    return super().__call__(*args, **kwargs)
                args, kwargs = recorder._noted("numpy.random.RandomState", args, kwargs)
                return real(*args, **kwargs)

            def __instancecheck__(cls, value: Any) -> bool:
                return isinstance(value, real) if cls is stand_in else super().__instancecheck__(value)

            def __subclasscheck__(cls, other: type) -> bool:
                return issubclass(other, real) if cls is stand_in else super().__subclasscheck__(other)

        names = {"__module__": real.__module__, "__doc__": real.__doc__, "__qualname__": "RandomState"}
        stand_in = Meta("RandomState", (real,), names)
        return stand_in


def _module_of_caller(frame: types.FrameType | None) -> str:
    """The module that called, past those that only hand calls on."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if not name.startswith(GO_BETWEENS):
            return name
        frame = frame.f_back
    return ""
