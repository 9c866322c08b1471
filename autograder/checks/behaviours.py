"""Claims about how a network behaves: causality, independence, positions, dropout, range, gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    failed,
    for_person,
    join,
    judged,
    number,
    untried,
)
from autograder.checks.networks import judge_modules
from autograder.probes.evidence import Evidence
from autograder.probes.modules import Array, GradientsSeen, ModuleSeen, RunSeen, TensorSeen
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey

TOLERANCE = 1e-4
"""Of the output's spread: what rounding may move, in another order of summation."""


class OfModule(CheckParams):
    """A module of the notebook, run on other inputs."""

    challenge: ChallengeKey


def _about(module: ModuleSeen) -> dict[str, Any]:
    return {"found": (Found(how="call", path=module.name),)}


def _pair(module: ModuleSeen, first: str, second: str) -> tuple[Array, Array] | None:
    """Return the outputs of two runs, where both succeeded in one shape."""
    pair = []
    for name in (first, second):
        run = module.run(name)
        outputs = module.outputs(run) if run is not None else []
        if not outputs:
            return None
        pair.append(max(outputs, key=lambda output: output[1].ndim)[1])
    return (pair[0], pair[1]) if pair[0].shape == pair[1].shape else None


def _moved(a: Array, b: Array) -> Array:
    """Return the absolute differences in units of the spread."""
    spread = max(float(np.std(a)), 1e-12)
    return np.abs(np.nan_to_num(a, nan=0.0) - np.nan_to_num(b, nan=0.0)) / spread


def _is_mixed(module: ModuleSeen, axis: int) -> bool | None:
    """Return whether outputs along an axis of the input depend on each other; None when that was not seen."""
    pair = _pair(module, "own", "turned" if axis == 0 else "mirrored")
    if pair is None or pair[0].ndim <= axis:
        return None
    return bool(_moved(pair[0], np.flip(pair[1], axis)).max() > TOLERANCE)


def _is_time_first(module: ModuleSeen) -> bool:
    """Return whether a language model takes tokens of shape (T, B): the second axis is the one of the sequences."""
    return _is_mixed(module, 0) is True and _is_mixed(module, 1) is False


def _not_a_number(module: ModuleSeen) -> Finding | None:
    """Return the finding that outputs are NaN, which no comparison survives."""
    run = module.run("own")
    arrays = [array for _, array in module.outputs(run)] if run is not None else []
    if all(np.all(np.isfinite(array)) for array in arrays):
        return None
    message = f"`{module.name}` returns numbers that are not finite (NaN or infinite)."
    return failed(message, observed="NaN", expected="finite numbers", **_about(module))


class IsCausal(OfModule):
    """Tokens from the middle on are exchanged; nothing before may move."""


@CHECKS.register(IsCausal)
def is_causal(evidence: Evidence, params: IsCausal, context: Context) -> Finding:
    """No output moves when only later tokens change."""

    def judge(module: ModuleSeen) -> Finding:
        if (broken := _not_a_number(module)) is not None:
            return broken
        axis = 0 if _is_time_first(module) else 1
        pair = _pair(module, "own", "future" if axis else "future_rows")
        if pair is None or pair[0].ndim != 3 or pair[0].shape[axis] < 3:
            return untried(f"`{module.name}` gives no scores for every position.")
        half = pair[0].shape[axis] // 2
        moved = _moved(*pair).max(axis=(1 - axis, 2))
        expected = f"nothing moves before position {half}"
        early = np.flatnonzero(moved[:half] > TOLERANCE)
        if early.size:
            which = "all positions" if early.size == half else f"{early.size} of {half} positions"
            message = (
                f"`{module.name}` sees the future: with later tokens exchanged, {which} before them change."
            )
            return failed(message, observed=f"{which} move", expected=expected, **_about(module))
        if moved[half:].max() <= TOLERANCE:
            return failed(
                f"`{module.name}` does not look at its input: nothing changes when tokens do.",
                observed="nothing moves at all",
                expected=expected,
                **_about(module),
            )
        message = f"`{module.name}` does not see the future."
        return judged(1.0, observed="nothing moves", expected=expected, message=message, **_about(module))

    return judge_modules(evidence, params.challenge, "the language model", judge)


class IsBatchIndependent(OfModule):
    """The examples of a batch are put in another order; the outputs follow."""


@CHECKS.register(IsBatchIndependent)
def is_batch_independent(evidence: Evidence, params: IsBatchIndependent, context: Context) -> Finding:
    """In evaluation, what a network says of one example does not depend on the others of its batch."""

    def judge(module: ModuleSeen) -> Finding:
        if (broken := _not_a_number(module)) is not None:
            return broken
        is_mixed = _is_mixed(module, 0)
        if is_mixed is None or _is_random(module):
            return untried(f"`{module.name}` gives nothing that could be compared.")
        if is_mixed and not _is_time_first(module):
            return failed(
                f"`{module.name}` mixes the examples of a batch: in another order, their outputs change.",
                observed="outputs change with the order",
                expected="outputs in the order of the inputs",
                **_about(module),
            )
        return judged(1.0, message=f"`{module.name}` treats every example by itself.", **_about(module))

    return judge_modules(evidence, params.challenge, "the network", judge)


def _is_random(module: ModuleSeen) -> bool:
    pair = _pair(module, "own", "again")
    return pair is not None and bool(_moved(*pair).max() > TOLERANCE)


class IsDeterministic(OfModule):
    """The same input twice, in evaluation."""


@CHECKS.register(IsDeterministic)
def is_deterministic(evidence: Evidence, params: IsDeterministic, context: Context) -> Finding:
    """In evaluation, the same input gives the same output (noise of a latent draw is held fixed)."""

    def judge(module: ModuleSeen) -> Finding:
        runs = [module.run(name) for name in ("own", "canonical_0")]
        steps = [step for run in runs if run is not None for step in run.trace]
        active = [
            step for step in steps if step.get("op") == "dropout" and step.get("training") and step.get("p")
        ]
        if active or _is_random(module):
            why = "Dropout stays on in evaluation: pass training=self.training." if active else ""
            return failed(
                f"`{module.name}` gives another output for the same input in evaluation. {why}".strip(),
                observed="other outputs",
                expected="equal outputs",
                **_about(module),
            )
        if _pair(module, "own", "again") is None:
            return untried(f"`{module.name}` gives nothing that could be compared.")
        return judged(1.0, message=f"`{module.name}` repeats itself in evaluation.", **_about(module))

    return judge_modules(evidence, params.challenge, "the network", judge)


class UsesPositions(OfModule):
    """One token over and over; only its place can make a difference."""


@CHECKS.register(UsesPositions)
def uses_positions(evidence: Evidence, params: UsesPositions, context: Context) -> Finding:
    """The output for one repeated token differs from place to place, so positions are used."""

    def judge(module: ModuleSeen) -> Finding:
        run = module.run("one_token")
        outputs = [array for _, array in module.outputs(run) if array.ndim == 3] if run is not None else []
        if not outputs or outputs[0].shape[1] < 2:
            return untried(f"`{module.name}` gives no scores for every position.")
        spread = max(float(np.std(outputs[0])), 1e-12)
        moved = max(float(np.ptp(outputs[0], axis=axis).max()) for axis in (0, 1)) / spread
        if moved <= TOLERANCE:
            return failed(
                f"`{module.name}` does not know the order of its tokens: a repeated token is scored alike everywhere.",
                observed="equal scores at every place",
                expected="other scores at other places",
                **_about(module),
            )
        return judged(1.0, message=f"`{module.name}` uses the positions of its tokens.", **_about(module))

    return judge_modules(evidence, params.challenge, "the language model", judge)


class DropoutIs(OfModule):
    """The dropout layers that act in training, in their order."""

    p: list[float]
    """Rate of each; [] for none."""


@CHECKS.register(DropoutIs)
def dropout_is(evidence: Evidence, params: DropoutIs, context: Context) -> Finding:
    """Dropout acts in training with the sheet's rates, as often as it should, and not in evaluation."""

    def judge(module: ModuleSeen) -> Finding:
        training, evaluation = module.run("own_training"), module.run("own")
        if training is None or evaluation is None:
            return untried(f"`{module.name}` could not be run in training and in evaluation.")
        seen = _rates(training)
        about = {"observed": _shown(seen), "expected": _shown(params.p), **_about(module)}
        if _rates(evaluation):
            return failed(
                f"The dropout of `{module.name}` stays on in evaluation: pass training=self.training, or use nn.Dropout.",
                **about,
            )
        if np.allclose(seen, params.p, atol=1e-6) if len(seen) == len(params.p) else False:
            return judged(1.0, message=f"`{module.name}` has {_shown(seen)}.", **about)
        pair = _pair(module, "canonical_0", "training")
        if not seen and pair is not None and _moved(*pair).max() > TOLERANCE:
            return for_person(
                f"`{module.name}` behaves otherwise in training, by no dropout of torch's.", **about
            )
        if len(seen) == len(params.p) and np.allclose(seen, [1 - p for p in params.p], atol=1e-6):
            return failed(
                f"`{module.name}` has {_shown(seen)}: p is the rate that is dropped, not the one that is kept.",
                **about,
            )
        return failed(f"`{module.name}` has {_shown(seen)}, and should have {_shown(params.p)}.", **about)

    return judge_modules(evidence, params.challenge, "the network", judge)


def _rates(run: RunSeen) -> list[float]:
    """Return the rates of the dropout that acts in a run."""
    return [
        float(step["p"])
        for step in run.trace
        if step.get("op") == "dropout"
        and step.get("training")
        and isinstance(step.get("p"), int | float)
        and step["p"] > 0
    ]


def _shown(rates: Sequence[float]) -> str:
    if not rates:
        return "no dropout"
    return f"dropout {join([f'{rate:g}' for rate in rates])}"


class OutputRangeIs(OfModule):
    """What values the output can take."""

    low: float | None = None
    high: float | None = None
    is_unbounded: bool = False
    """Logits: values outside [0, 1] must occur."""
    size: int = Field(default=0, ge=0)
    """Numbers an example of the output that is meant (784); 0 for the first one."""


@CHECKS.register(OutputRangeIs)
def output_range_is(evidence: Evidence, params: OutputRangeIs, context: Context) -> Finding:
    """The output lies in the sheet's range and fills it: sigmoid in [0, 1], tanh in [-1, 1], logits anywhere."""

    def judge(module: ModuleSeen) -> Finding:
        values = output_values(module, params.size)
        if values is None:
            return untried(f"`{module.name}` gave no output to look at.")
        low, high = float(values.min()), float(values.max())
        about = {
            "observed": f"{number(low)} to {number(high)}",
            "expected": "any number" if params.is_unbounded else f"{params.low} to {params.high}",
            **_about(module),
        }
        if params.is_unbounded:
            if low >= 0 and high <= 1:
                return failed(f"`{module.name}` gives numbers in [0, 1]; it should give logits.", **about)
        elif (params.low is not None and low < params.low - 1e-6) or (
            params.high is not None and high > params.high + 1e-6
        ):
            return failed(f"`{module.name}` gives numbers beyond the range of the sheet.", **about)
        elif params.low is not None and params.low < 0 <= low:
            return failed(f"`{module.name}` gives no negative numbers; the range is [-1, 1].", **about)
        return judged(1.0, message=f"`{module.name}` gives numbers in the range of the sheet.", **about)

    return judge_modules(evidence, params.challenge, "the network", judge)


def output_values(module: ModuleSeen, size: int) -> Array | None:
    """Return all numbers of the output that is meant, over the runs in evaluation."""
    found = []
    for name in ("canonical_0", "canonical_1", "wide", "own"):
        run = module.run(name)
        outputs = [array for _, array in module.outputs(run)] if run is not None else []
        meant = [array for array in outputs if not size or array.size == size * len(array)]
        found += [meant[0].reshape(-1)] if meant and len(meant[0]) else []
    joined = np.concatenate(found) if found else np.zeros(0)
    return joined if joined.size and bool(np.all(np.isfinite(joined))) else None


class GradientsReach(OfModule):
    """Which weights the output depends on."""

    from_size: int = Field(default=0, ge=0)
    """Only from the output of so many numbers an example (the reconstruction: 784); 0 for any output."""


@CHECKS.register(GradientsReach)
def gradients_reach(evidence: Evidence, params: GradientsReach, context: Context) -> Finding:
    """Every weight of the network receives a gradient from its output, so that all of it is trained."""

    def judge(module: ModuleSeen) -> Finding:
        run = module.run("gradients")
        if run is None or not run.gradients:
            return untried(f"`{module.name}` could not be differentiated.")
        sizes = {path: array.size // max(1, len(array)) for path, array in module.outputs(run)}
        meant = [
            seen for seen in run.gradients if not params.from_size or sizes.get(seen.path) == params.from_size
        ]
        if not meant:
            return untried(f"`{module.name}` has no output of {params.from_size} numbers an example.")
        tensors = module.structure.tensors
        idle = [tensor.name for at, tensor in enumerate(tensors) if _is_idle(tensor, at, meant)]
        n = len(tensors)
        about = {
            "observed": f"{n - len(idle)} of {n} tensors",
            "expected": f"{n} of {n} tensors",
            **_about(module),
        }
        if module.structure.unregistered:
            held = join([f"`{name}`" for name in module.structure.unregistered[:3]])
            return failed(f"Layers in {held} stand in a plain list or dict: they are never trained.", **about)
        if idle:
            listed = join([f"`{name}`" for name in idle[:4]]) + (" and others" if len(idle) > 4 else "")
            return failed(
                f"No gradient reaches {listed} of `{module.name}`: never used, or cut off.", **about
            )
        return judged(1.0, message=f"All weights of `{module.name}` receive gradients.", **about)

    return judge_modules(evidence, params.challenge, "the network", judge)


def _is_idle(tensor: TensorSeen, at: int, gradients: Sequence[GradientsSeen]) -> bool:
    """Return whether no output depends on a tensor; a vector may have gradient 0 (the bias of a key always has)."""
    received = [seen.largest[at] for seen in gradients if at < len(seen.largest)]
    is_matrix = sum(size != 1 for size in tensor.shape) >= 2
    return not any(received) if is_matrix else all(value is None for value in received)
