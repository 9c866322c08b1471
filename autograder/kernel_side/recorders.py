"""What training really used: optimizers, losses with their targets, batches, clipping, initialisers, modes.

Wrappers around torch's own functions note and pass on: no argument, no result and no random stream is changed.
Everything is bounded and counted by cell. What torch calls by itself (a layer that initialises itself) is left out.
"""

from __future__ import annotations

import contextlib
import functools
import math
import sys
from collections.abc import Callable
from typing import Any

from .minimised import MinimisedRecorder
from .updates import Updates

MAX_ENTRIES = 40
MAX_UPDATES = 12
MAX_LOOKED_AT = 60
MAX_BATCHES_KNOWN = 4096
N_COMPARED = 64
NEAR_LIMIT = 1e-6
N_FOLLOWED, HUGE = 16, 1e30
"""Losses kept of the beginning and of the end of a training; what stands for one that is not finite."""
LOSSES = (
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "nll_loss",
    "mse_loss", "l1_loss", "smooth_l1_loss", "kl_div",
)  # fmt: skip
CROSS_ENTROPIES = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
INITIALISERS = (
    "xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_",
    "normal_", "uniform_", "zeros_", "ones_", "constant_", "trunc_normal_",
)  # fmt: skip
SETTINGS = ("lr", "betas", "weight_decay", "momentum", "eps", "amsgrad", "alpha")

Entry = dict[str, Any]


class TrainingRecorder:
    """Entries of the current cell, by kind and identity; the same thing done again counts up."""

    def __init__(self) -> None:
        self.entries: dict[tuple[Any, ...], Entry] = {}
        self.dropped = 0
        self.optimizers: dict[int, int] = {}
        self.n_optimizers = 0
        self.n_steps = 0
        self.last: dict[int, tuple[Any, int]] = {}
        self.cleared: dict[int, bool] = {}
        self.norms: dict[int, float] = {}
        """Of every optimizer, the largest norm of a gradient that it made a step with."""
        self.weights: dict[int, list[float]] = {}
        """Of every optimizer, the largest weight before each step but the first: where weights are clipped, the limit."""
        self.looks: dict[int, int] = {}
        self.tokens: Any = None
        """Tokens (B, T) that an embedding looked up last, with gradients."""
        self.batches: set[int] = set()
        """Hashes of the beginnings of the targets that training was shown."""
        self.updates = Updates()
        self.minimised = MinimisedRecorder()

    def install(self, torch: Any) -> None:
        """Wraps the functions of torch, which is there."""
        self.minimised.install(torch)
        optimizer = torch.optim.Optimizer
        optimizer.__init__ = self._after(optimizer.__init__, self._made_optimizer)
        home = sys.modules[optimizer.__module__]
        home.register_optimizer_step_post_hook(self._stepped)
        home.register_optimizer_step_pre_hook(self._steps)
        for name in LOSSES:
            after = self.updates.computed if name in CROSS_ENTROPIES else None
            self._wrap(torch.nn.functional, name, functools.partial(self._computed, name), after)
        for home in (torch, torch.Tensor):
            self._wrap(home, "gather", self._gathered)
        torch.Tensor.backward = self._noting(torch.Tensor.backward, self._differentiated, self._accumulated)
        self._wrap_embedding(torch)
        for name in INITIALISERS:
            self._wrap(torch.nn.init, name, functools.partial(self._initialised, name))
        for home in (torch.nn.utils, torch.nn.utils.clip_grad):
            self._wrap(home, "clip_grad_norm_", functools.partial(self._clipped, "norm"))
            self._wrap(home, "clip_grad_value_", functools.partial(self._clipped, "value"))
        torch.nn.Module.train = self._before(torch.nn.Module.train, self._switched)
        loader = torch.utils.data.DataLoader
        loader.__init__ = self._after(loader.__init__, self._made_loader)
        loader.__iter__ = self._before(loader.__iter__, self._iterated)

    def take(self) -> list[Entry]:
        """The entries since the last call."""
        taken, self.entries = list(self.entries.values()), {}
        return taken

    # -------------------------------------------------------------- wrapping

    def _wrap(
        self, home: Any, name: str, before: Callable[..., None], after: Callable[..., None] | None = None
    ) -> None:
        if hasattr(home, name) and not hasattr(getattr(home, name), "_notes_training"):
            setattr(home, name, self._noting(getattr(home, name), before, after))

    def _wrap_embedding(self, torch: Any) -> None:
        """Notes what embeddings look up, whoever asks: layers of torch do it for the notebook."""
        embedding = torch.nn.functional.embedding
        if hasattr(embedding, "_notes_training"):
            return

        @functools.wraps(embedding)
        def noted(input: Any, *args: Any, **kwargs: Any) -> Any:
            with contextlib.suppress(Exception):
                if input.ndim == 2 and torch.is_grad_enabled():
                    self.tokens = input.detach()
            return embedding(input, *args, **kwargs)

        noted._notes_training = True  # type: ignore[attr-defined]
        torch.nn.functional.embedding = noted

    def _before(self, function: Any, note: Callable[..., None]) -> Any:
        return self._noting(function, note, None)

    def _after(self, function: Any, note: Callable[..., None]) -> Any:
        return self._noting(function, None, note)

    def _noting(
        self, function: Any, before: Callable[..., None] | None, after: Callable[..., None] | None
    ) -> Any:
        """The function, with notes: `before` of the arguments of what the notebook asks, `after` of the result, too."""

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if before is not None and _is_asked_by_notebook():
                with contextlib.suppress(Exception):
                    before(*args, **kwargs)
            result = function(*args, **kwargs)
            if after is not None:
                with contextlib.suppress(Exception):
                    after(result, *args, **kwargs)
            return result

        wrapped._notes_training = True  # type: ignore[attr-defined]
        return wrapped

    def _count(self, kind: str, *identity: Any, **about: Any) -> Entry:
        """The entry of a thing, made when it is new; counted."""
        key = (kind, *identity)
        if key not in self.entries:
            if len(self.entries) >= MAX_ENTRIES:
                self.dropped += 1
                return {"n": 0}
            self.entries[key] = {"kind": kind, "n": 0, **about}
        self.entries[key]["n"] += 1
        return self.entries[key]

    # -------------------------------------------------------------- what is noted

    def _made_optimizer(self, _: None, optimizer: Any, *__: Any, **___: Any) -> None:
        number = self.optimizers[id(optimizer)] = (
            self.n_optimizers
        )  # an identity may have been another's before
        self.n_optimizers += 1
        group = optimizer.param_groups[0]
        known = {name: _plain(group[name]) for name in SETTINGS if name in group}
        tensors = [p for one in optimizer.param_groups for p in one["params"]]
        about = {"tensors": len(tensors), "parameters": int(sum(p.numel() for p in tensors))}
        self._count(
            "optimizer", number, name=type(optimizer).__name__, number=number, settings=known, **about
        )

    def _steps(self, optimizer: Any, *_: Any) -> None:
        """Notes how long the gradient is with which a step is made: clipped by whatever means, or not."""
        with contextlib.suppress(Exception):
            number = self.optimizers.get(id(optimizer), -1)
            self.looks[number] = self.looks.get(number, 0) + 1
            if self.looks[number] <= MAX_LOOKED_AT:
                grads = [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
                torch: Any = sys.modules["torch"]
                with torch.no_grad():
                    norm = float(torch.stack(torch._foreach_norm(grads)).double().norm())
                self.norms[number] = max(self.norms.get(number, 0.0), norm)
                if self.looks[number] > 1:
                    self.weights.setdefault(number, []).append(_largest(torch, optimizer))

    def _stepped(self, optimizer: Any, *_: Any) -> None:
        self.n_steps += 1
        number = self.optimizers.get(id(optimizer), -1)
        group = optimizer.param_groups[0]
        known = {name: _plain(group[name]) for name in ("lr",) if name in group}
        entry = self._count(
            "step", number, name=type(optimizer).__name__, number=number, settings=known, kept=0
        )
        with contextlib.suppress(Exception):
            _follow(entry, self.updates.moved_by)
        self._updated(number)
        if number in self.norms:
            entry["largest_norm"] = self.norms[number]
        if seen := self.weights.get(number):
            largest = max(seen)
            entry["largest_weight"], entry["weights_looked_at"] = largest, len(seen)
            entry["at_largest"] = sum(one >= largest * (1 - NEAR_LIMIT) for one in seen)
        with contextlib.suppress(Exception):
            entry["kept"] += self._is_kept(optimizer)
            entry["moved"] = entry.get("moved", 0) + int(_has_gradients(optimizer))

    def _differentiated(self, loss: Any, *_: Any, **__: Any) -> None:
        for number, (gradient, version) in self.last.items():
            self.cleared[number] = self.cleared.get(number, False) or gradient._version != version
        self.updates.differentiated(loss)
        self.minimised.differentiated(loss)

    def _accumulated(self, *_: Any, **__: Any) -> None:
        """Notes what a backward pass left: clipping changes it before the step, clearing before the next pass."""
        for number, (gradient, _version) in self.last.items():
            self.last[number] = (gradient, gradient._version)

    def _updated(self, number: int) -> None:
        """Notes by which losses the optimizer moved."""
        taken = self.updates.take()
        n_kinds = sum(kind == "update" for kind, *_ in self.entries)
        if taken is not None and n_kinds < MAX_UPDATES:
            targets, factor = taken
            about = {"number": number, "targets": targets, "factor": factor}
            self._count("update", number, *targets, factor, name="update", **about)

    def _is_kept(self, optimizer: Any) -> bool:
        """Whether a step used gradients to which only those of backward passes were added since the last."""
        gradients = [
            p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None
        ]
        if not gradients:
            return False
        smallest = min(gradients, key=lambda grad: int(grad.numel()))
        before, version = self.last.get(id(optimizer), (None, 0))
        self.last[id(optimizer)] = (smallest, smallest._version)
        was_cleared = self.cleared.pop(id(optimizer), smallest._version != version + 1)
        return before is smallest and not was_cleared

    def _computed(self, name: str, input: Any = None, target: Any = None, *_: Any, **__: Any) -> None:
        entry = self._count("loss", name, name=name, targets=[], rows=[], sums_to_one=0, looked_at=0)
        if "targets" in entry and input.requires_grad and not target.is_floating_point():
            self._trained_on(entry, target.detach())
        if entry["n"] > MAX_LOOKED_AT or "targets" not in entry:
            return
        entry["looked_at"] += 1
        _add(entry["rows"], int(input.shape[0]) if input.ndim else 1)
        if target.is_floating_point() and name.startswith(("binary", "mse")):
            unique = target.detach().reshape(-1)[:4096].unique()
            if len(unique) <= 3:
                for value in unique.tolist():
                    _add(entry["targets"], round(float(value), 6))
        if name == "cross_entropy" and input.ndim == 2:
            rows = input.detach()[:64]
            near = (rows.sum(dim=1) - 1).abs().max() < 1e-4
            entry["sums_to_one"] += int(bool(near and rows.min() >= 0 and rows.shape[1] > 1))

    def _gathered(self, input: Any, dim: int, index: Any, **_: Any) -> None:
        """Notes what stands for a loss where a notebook writes it: the log-probabilities of the targets, picked."""
        if input.requires_grad and index.shape[-1] == 1 and dim in (-1, input.ndim - 1):
            entry = self._count("loss", "gather", name="gather", targets=[], rows=[], looked_at=0)
            if "targets" in entry:
                self._trained_on(entry, index.detach().squeeze(-1))

    def _trained_on(self, entry: Entry, target: Any) -> None:
        """Counts the targets of training, batches that were there before, and how targets follow their inputs."""
        entry["trained"] = entry.get("trained", 0) + int(target.numel())
        entry["batches"] = entry.get("batches", 0) + 1
        entry["largest"] = max(entry.get("largest", 0), int(target.max()))
        begins = hash(tuple(target.reshape(-1)[:N_COMPARED].tolist()))
        entry["repeated"] = entry.get("repeated", 0) + int(begins in self.batches)
        if len(self.batches) < MAX_BATCHES_KNOWN:
            self.batches.add(begins)
        if entry["batches"] > MAX_LOOKED_AT or self.tokens is None or self.tokens.numel() != target.numel():
            return
        x = self.tokens
        y = target.reshape(x.shape)
        for word, left, right in (
            ("next", y[:, :-1], x[:, 1:]),
            ("next_first", y[:-1], x[1:]),
            ("same", y, x),
            ("previous", y[:, 1:], x[:, :-1]),
        ):
            entry[word] = entry.get(word, 0) + int(left.numel() > 0 and bool((left == right).all()))

    def _initialised(self, name: str, tensor: Any = None, *_: Any, **__: Any) -> None:
        entry = self._count("initialiser", name, name=name, elements=0, matrices=0)
        entry["elements"] += int(tensor.numel())
        entry["matrices"] += int(tensor.ndim >= 2)

    def _clipped(self, how: str, parameters: Any = None, limit: Any = None, *_: Any, **named: Any) -> None:
        limit = float(named.get("max_norm", named.get("clip_value", limit)))
        self._count("clip", how, limit, name=how, limit=limit)

    def _switched(self, module: Any, mode: bool = True) -> None:
        name = type(module).__name__
        self._count("mode", name, bool(mode), name=name, training=bool(mode))

    def _made_loader(self, _: None, loader: Any, *__: Any, **___: Any) -> None:
        about = self._loader(loader)
        self._count("loader", *sorted(map(str, about.items())), **about)

    def _iterated(self, loader: Any) -> None:
        about = self._loader(loader)
        self._count("epoch", *sorted(map(str, about.items())), **about)

    def _loader(self, loader: Any) -> Entry:
        size = getattr(loader, "batch_size", None)
        sampler = type(getattr(loader, "sampler", None)).__name__
        about: Entry = {"batch_size": size, "shuffles": sampler in ("RandomSampler", "SubsetRandomSampler")}
        with contextlib.suppress(Exception):
            about |= {"examples": len(loader.dataset), "drop_last": bool(loader.drop_last)}
        return about


def _has_gradients(optimizer: Any) -> bool:
    """Whether a step moves anything: that of an optimizer of other networks than the ones that are trained does not."""
    return any(p.grad is not None for group in optimizer.param_groups for p in group["params"])


def _largest(torch: Any, optimizer: Any) -> float:
    """The largest absolute value of the weights that an optimizer holds."""
    held = [p.detach() for group in optimizer.param_groups for p in group["params"]]
    with torch.no_grad():
        return float(torch.stack(torch._foreach_norm(held, ord=float("inf"))).max())


def _is_asked_by_notebook() -> bool:
    """Whether the call comes from the notebook rather than from torch itself (a loss module's forward aside)."""
    frame = sys._getframe(2)
    asker = str(frame.f_globals.get("__name__"))
    return not asker.startswith("torch.") or asker == "torch.nn.modules.loss" or _is_switch(frame)


def _is_switch(frame: Any) -> bool:
    """Whether `eval()` asked, which is `train(False)` inside torch, and was asked by the notebook itself."""
    return frame.f_code.co_name == "eval" and not str(frame.f_back.f_globals.get("__name__")).startswith(
        "torch."
    )


def _follow(entry: Entry, moved_by: list[float]) -> None:
    """Adds what a step was made by to the first and to the last losses of an entry; no number counts as a huge one."""
    loss = sum(moved_by)
    loss = loss if math.isfinite(loss) else HUGE
    first, last = entry.setdefault("first", []), entry.setdefault("last", [])
    if moved_by and len(first) < N_FOLLOWED:
        first.append(loss)
    if moved_by:
        last.append(loss)
        del last[:-N_FOLLOWED]


def _add(values: list[Any], value: Any) -> None:
    if value not in values and len(values) < 8:
        values.append(value)


def _plain(value: Any) -> Any:
    """A setting as JSON: numbers and pairs of numbers."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool) else float(value)
