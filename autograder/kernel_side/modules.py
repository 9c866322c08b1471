"""Challenges to torch modules: what one consists of, what runs in it, and what it returns for canonical weights.

Everything is done on a copy, or on a module newly made. What is recorded is plain data; all comparisons are made
outside. A case says what to run::

    input: {"kind": "tokens" | "floats", "shapes": [[2, 12], ...]}     the first shape that is accepted is used
    arrays: {"base": [...], ...}                                        flat, as long as the shapes say
    runs: [{"name", "input", "filling", "training", "trace", "gradients", "turned"}, ...]
    fillings: [[key, scale], ...]; filling -1 leaves the weights as they are
    methods: names of methods or parts to call in place of the module itself
    d_model, n_head: sizes that canonical weights of a Transformer need
"""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import sys
from typing import Any

import numpy as np

from .binding import Refusal, parameters_of
from .fillings import Filling, hashed
from .found_modules import made_of, modules_meant
from .functions import is_required
from .modes import MODES, Candidate, Fields, Mode, Setting
from .structure import describe_module, outputs_of, tensors
from .traces import tracer
from .trained import put_trained
from .values import is_tensor, tensor_array

MAX_OUTPUTS = 8
MAX_OUTPUT_BYTES = 2**21
TARGET_WORDS = ("target", "label")
"""Arguments of a language model that only its loss needs."""


def put_module(
    challenge: dict[str, Any], case: dict[str, Any], candidate: Candidate, setting: Setting
) -> Fields:
    """Structure of a module and the results of the case's runs; of one that stays as it was trained, what it says."""
    if case["values"].get("kind") == "trained":
        return put_trained(challenge, case, candidate, setting)
    module = setting.guarded(lambda: made_of(challenge, case, candidate, setting.view))
    record: dict[str, Any] = {"structure": describe_module(module), "runs": [], "cell": candidate.cell}
    setting.answer["record"] = record
    probe = Probe(module, case["values"], setting)
    record["unsupported"] = probe.unsupported
    record["d_model"], record["method"] = probe.d_model, probe.method
    for run in case["values"]["runs"]:
        record["runs"].append(probe.run(run))
    record["input_shape"] = probe.shape
    answered = any(run["status"] == "ok" for run in record["runs"])
    first = next((run["error"] for run in record["runs"] if run["error"]), None)
    return {"status": "ok" if answered else "error", "error": None if answered else first}


class Probe:
    """One module under one case."""

    def __init__(self, module: Any, values: dict[str, Any], setting: Setting) -> None:
        self.torch: Any = sys.modules["torch"]
        self.module = module
        self.values = values
        self.setting = setting
        self.d_model = self._width() if values.get("d_model") else 0
        self.fillings = [
            Filling(key, scale, self.d_model, int(values.get("n_head", 1)))
            for key, scale in values["fillings"]
        ]
        self.unsupported = [
            list(tensor.shape)
            for _, tensor in tensors(module)
            if self.fillings and self.fillings[0].tensor(list(tensor.shape)) is None
        ]
        self.method = next((m for m in values.get("methods", ()) if callable(getattr(module, m, None))), "")
        self.shape: list[int] | None = None
        self.rest = self._other_arguments()

    def _other_arguments(self) -> list[Any]:
        """What a call needs beyond its input: no targets. Raises Refusal when it needs anything else."""
        call = getattr(self.module, self.method) if self.method else self.module
        call = call.forward if isinstance(call, self.torch.nn.Module) else call
        needed = [p.name for p in parameters_of(call)[1:] if is_required(p)]
        unknown = [name for name in needed if not any(word in name.casefold() for word in TARGET_WORDS)]
        if unknown:
            raise Refusal(
                "not_callable", f"calling it needs {', '.join(unknown)}, which the check cannot supply"
            )
        return [None] * len(needed)

    def _width(self) -> int:
        """The size of the embedding that the module really has, else the case's."""
        parts = [part for part in self.module.modules() if isinstance(part, self.torch.nn.Embedding)]
        return int(parts[0].embedding_dim) if parts else int(self.values["d_model"])

    def run(self, run: dict[str, Any]) -> dict[str, Any]:
        """The outputs, trace and gradients of one run; what goes wrong is told, never raised."""
        done: dict[str, Any] = {"name": run["name"], "status": "ok", "error": None, "outputs": []}
        if run["filling"] >= 0 and self.unsupported:
            return done | {"status": "unsupported"}
        shapes = [self.shape] if self.shape else self.values["input"]["shapes"]
        for shape in shapes:
            try:
                done |= self.setting.guarded(functools.partial(self._at, run, list(shape)))
            except Exception as error:
                named = {"name": type(error).__name__, "message": str(error)[:400]}
                done |= {"status": "error", "error": done["error"] or named}
                continue
            self.shape = self.shape or list(shape)
            return done | {"status": "ok", "error": None}
        return done

    def _at(self, run: dict[str, Any], shape: list[int]) -> dict[str, Any]:
        """One run on an input of one shape."""
        module = self._prepared(run)
        owned = {id(tensor): name for name, tensor in tensors(module)}
        steps: list[dict[str, Any]] = []
        before = _attributes(module)
        call = getattr(module, self.method) if self.method else module
        with tracer(owned, steps, int(self.values["noise_key"]), bool(run.get("turned"))):
            result = call(self._input(run["input"], shape), *self.rest)
        outputs = outputs_of(result) + _new(before, _attributes(module))
        found: dict[str, Any] = {"outputs": self._encoded(outputs[:MAX_OUTPUTS])}
        if run.get("trace"):
            found["trace"] = steps
        if run.get("gradients"):
            found["gradients"] = self._gradients(module, outputs[:MAX_OUTPUTS])
            if self.values["input"]["kind"] == "tokens":
                # What takes no such row, or has other outputs, is not told.
                with contextlib.suppress(Exception):
                    found["first"] = self._reaches_first(module, call, shape[-1])
        return found

    def _reaches_first(self, module: Any, call: Any, length: int) -> float | None:
        """The largest absolute gradient that the scores of the last token send to the weights of the first token alone.

        None where no weights belong to single tokens. The scores are a difference of two, of tokens that do not occur:
        the head's weights of the first token have no part in it, nor has a normalisation.
        """
        torch = self.torch
        named = [tensor for _, tensor in tensors(module)]
        tokens = torch.arange(length, device=named[0].device)[None]
        scores = next(one for _, one in outputs_of(call(tokens, *self.rest)) if one.numel() % length == 0)
        scores = scores.reshape(length, -1)

        def of_first(at: int) -> float:
            score = scores[at, length] - scores[at, length + 1]
            grads = torch.autograd.grad(score, named, retain_graph=True, allow_unused=True)
            matrices = [grad for grad in grads if grad is not None and grad.ndim == 2]
            sides = [
                (grad, side) for grad in matrices for side in (0, 1) if grad.shape[side] == scores.shape[1]
            ]
            return max((float(grad.select(side, 0).abs().max()) for grad, side in sides), default=0.0)

        found = of_first(length - 1) if of_first(0) else None
        return found if found is not None and math.isfinite(found) else None

    def _prepared(self, run: dict[str, Any]) -> Any:
        """A copy with its weights filled, in training or evaluation mode."""
        torch = self.torch
        module = copy.deepcopy(self.module)
        module.train(bool(run.get("training")))
        with torch.no_grad():
            for part in module.modules():
                if hasattr(part, "reset_running_stats"):
                    part.reset_running_stats()
            for place, (_, tensor) in enumerate(tensors(module)):
                tensor.requires_grad_(True)
                if run["filling"] < 0:
                    continue
                values = self.fillings[run["filling"]].tensor(list(tensor.shape))
                if run.get("gradients") and values is not None:  # nothing may cancel by symmetry
                    spread = float(np.std(values)) or 1.0
                    values = values + 0.2 * spread * hashed(list(tensor.shape), 7919 + place)
                tensor.copy_(torch.from_numpy(np.ascontiguousarray(values)))
        return module

    def _input(self, name: str, shape: list[int]) -> Any:
        """The input of a run; a longer one keeps all but the last side of the shape."""
        flat = np.asarray(self.values["arrays"][name])
        if flat.size != math.prod(shape):
            shape = [*shape[:-1], flat.size // math.prod(shape[:-1])]
        torch = self.torch
        kind = torch.long if self.values["input"]["kind"] == "tokens" else torch.get_default_dtype()
        first = next((tensor for _, tensor in tensors(self.module)), None)
        given = torch.from_numpy(flat.reshape(shape)).to(kind)
        return given if first is None else given.to(first.device)

    def _encoded(self, outputs: list[tuple[str, Any]]) -> list[dict[str, Any]]:
        encoded = []
        for path, tensor in outputs:
            array = tensor_array(tensor.detach())
            if array is not None and array.nbytes <= MAX_OUTPUT_BYTES:
                encoded.append({"path": path, "node": self.setting.encoder.array(array, "tensor")})
        return encoded

    def _gradients(self, module: Any, outputs: list[tuple[str, Any]]) -> list[dict[str, Any]]:
        """For each output, the largest absolute gradient that every tensor receives from it; None for none."""
        named = tensors(module)
        found: list[dict[str, Any]] = []
        for path, output in outputs:
            if not output.requires_grad:
                found.append({"path": path, "largest": [None] * len(named)})
                continue
            weights = self.torch.from_numpy(hashed(list(output.shape), 104729)).to(output)
            grads = self.torch.autograd.grad(
                (output * weights).sum(), [t for _, t in named], retain_graph=True, allow_unused=True
            )
            largest: list[float | None] = []
            for grad in grads:
                most = None if grad is None else float(grad.abs().max())
                largest.append(most if most is not None and math.isfinite(most) else None)
            found.append({"path": path, "largest": largest})
        return found


def _attributes(module: Any) -> dict[str, Any]:
    """Tensors that a module keeps as plain attributes."""
    return {name: value for name, value in module.__dict__.items() if is_tensor(value)}


def _new(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, Any]]:
    """What a call left in attributes: `self.z_mean = ...`."""
    return [
        (f"self.{name}", value)
        for name, value in after.items()
        if value.is_floating_point() and before.get(name) is not value
    ]


MODES["module"] = Mode(modules_meant, put_module)
