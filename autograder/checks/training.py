"""Claims about what training used, by the kernel's recorders: optimizers, batches, clipping, initialisers, targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
from autograder.probes.evidence import Evidence
from autograder.probes.training import TrainingSeen
from autograder.records import Status
from autograder.registry import CHECKS


def seen_in(evidence: Evidence, item: str, *kinds: str) -> list[TrainingSeen]:
    """Return what was recorded in an item's section; in the whole notebook where nothing of it was there."""
    every = [one for one in evidence.observations.training if one.kind in kinds]
    inside = {cell.index for cell in evidence.cells_of(item)}
    return [one for one in every if one.cell in inside] or every


def _absent(evidence: Evidence, item: str, what: str, expected: str) -> Finding:
    if cause := evidence.failure_in(item):
        return Finding(Status.BLOCKED, 0.0, message=f"There is {what}: {cause}.", expected=expected)
    return failed(f"There is {what}.", observed="none", expected=expected, missing=True)


class OptimizerIs(CheckParams):
    """Class and settings of an optimizer; settings that are not given are not looked at."""

    name: str
    lr: float
    betas: list[float] | None = None
    weight_decay: float | None = None
    n: int = Field(default=1, ge=1)
    """How many optimizers have these settings (two for an adversarial pair)."""


@CHECKS.register(OptimizerIs)
def optimizer_is(evidence: Evidence, params: OptimizerIs, context: Context) -> Finding:
    """The optimizer that was made has the class and the settings of the sheet."""
    made = seen_in(evidence, context.item, "optimizer")
    expected = f"{params.name}, learning rate {params.lr:g}" + (
        f", betas {_pair(params.betas)}" if params.betas else ""
    )
    if not made:
        return _absent(evidence, context.item, "no optimizer of torch", expected)
    faults = [_optimizer_fault(one, params) for one in made]
    n_right = sum(not fault for fault in faults)
    observed = join(list(dict.fromkeys(_in_words(one) for one in made))[:4])
    about: dict[str, Any] = {"observed": observed, "expected": expected}
    if n_right >= min(params.n, len(made)):
        return judged(1.0, message="The optimizer is the one of the sheet.", **about)
    fault = min((one for one in faults if one), key=len)
    return judged(n_right / params.n, message=f"The optimizer is another one: {fault}.", **about)


def _pair(values: Any) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"


def _in_words(one: TrainingSeen) -> str:
    lr = one.settings.get("lr")
    return f"{one.name} with learning rate {number(lr)}" if isinstance(lr, int | float) else one.name


def _optimizer_fault(one: TrainingSeen, params: OptimizerIs) -> str:
    """Return what is different, or nothing."""
    faults = [] if one.name == params.name else [f"it is {one.name}, not {params.name}"]
    wanted = {"lr": ("learning rate", params.lr), "weight_decay": ("weight decay", params.weight_decay)}
    for key, (label, value) in wanted.items():
        if value is not None and not _is_near(one.settings.get(key), value):
            faults.append(f"the {label} is {_shown(one.settings.get(key))}, not {value:g}")
    if params.betas is not None:
        betas = one.settings.get("betas")
        same = isinstance(betas, list) and len(betas) == len(params.betas)
        if not same or not all(map(_is_near, betas or [], params.betas)):
            shown = _pair(betas) if isinstance(betas, list) and all(map(_is_number, betas)) else "not set"
            faults.append(f"betas are {shown}, not {_pair(params.betas)}")
    return "; ".join(faults)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_near(value: Any, truth: float) -> bool:
    return _is_number(value) and abs(value - truth) <= 1e-6 * max(1e-3, abs(truth))


def _shown(value: Any) -> str:
    return f"{value:g}" if _is_number(value) else "not set"


class BatchSizeIs(CheckParams):
    """Examples a batch."""

    size: int = Field(ge=1)
    shuffles: bool | None = None
    """Whether batches have to be shuffled; None when that is not looked at."""
    rows: list[int] = Field(default_factory=list)
    """Other numbers of rows that a loss on such a batch may see (a language model's tokens)."""


@CHECKS.register(BatchSizeIs)
def batch_size_is(evidence: Evidence, params: BatchSizeIs, context: Context) -> Finding:
    """Training batches have the size of the sheet, by their loaders, else by what the loss was shown."""
    loaders = seen_in(evidence, context.item, "loader", "epoch")
    expected = f"batches of {params.size}" + (", shuffled" if params.shuffles else "")
    sizes = _sizes(loaders)
    if not sizes:
        return _by_rows(evidence, params, context, expected)
    shuffled = _sizes([one for one in loaders if one.settings.get("shuffles") is True])
    about: dict[str, Any] = {
        "observed": f"batches of {join([str(one) for one in sizes])}",
        "expected": expected,
    }
    if params.size not in (shuffled or sizes):
        return failed(
            f"Your training batches hold {join([str(one) for one in shuffled or sizes])} examples.", **about
        )
    if params.shuffles and params.size not in shuffled:
        return judged(0.5, message="Your batches have the right size, but they are not shuffled.", **about)
    return judged(1.0, message=f"Your batches hold {params.size} examples.", **about)


def _sizes(loaders: Sequence[TrainingSeen]) -> list[int]:
    sizes = [one.settings.get("batch_size") for one in loaders]
    return sorted({size for size in sizes if isinstance(size, int) and not isinstance(size, bool)})


def _by_rows(evidence: Evidence, params: BatchSizeIs, context: Context, expected: str) -> Finding:
    """Return whether losses were shown batches of the size, where no loader was made."""
    losses = seen_in(evidence, context.item, "loss")
    rows = sorted({row for one in losses for row in one.settings.get("rows", []) if isinstance(row, int)})
    if not rows and seen_in(evidence, context.item, "step"):
        return untried("The loss is computed by hand, so that the size of a batch cannot be seen.")
    if not rows:
        return _absent(
            evidence, context.item, "no loader and no loss that tells the size of a batch", expected
        )
    about: dict[str, Any] = {
        "observed": f"losses of {join([str(one) for one in rows])} rows",
        "expected": expected,
    }
    if any(size in rows for size in (params.size, *params.rows)):
        if params.shuffles and _comes_again(losses):
            return judged(
                0.5, message="Your batches have the right size, but every epoch has the same ones.", **about
            )
        return judged(1.0, message=f"Your losses see batches of {params.size}.", **about)
    return failed(
        f"Your losses see {join([str(one) for one in rows])} rows, not batches of {params.size}.", **about
    )


def _comes_again(losses: Sequence[TrainingSeen]) -> bool:
    """Whether most batches of training begin with targets that one before began with: they were not shuffled."""
    n_batches = sum(_count(one, "batches") for one in losses)
    return n_batches > 2 and 2 * sum(_count(one, "repeated") for one in losses) > n_batches


def _count(one: TrainingSeen, key: str) -> int:
    value = one.settings.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


class ClipsGradients(CheckParams):
    """Clipping of the gradient's norm."""

    max_norm: float = Field(gt=0)


@CHECKS.register(ClipsGradients)
def clips_gradients(evidence: Evidence, params: ClipsGradients, context: Context) -> Finding:
    """The norm of the gradient is clipped to the sheet's value, before every update."""
    clips = seen_in(evidence, context.item, "clip")
    expected = f"clip_grad_norm_(…, {params.max_norm:g})"
    if not clips:
        return _clips_by_hand(evidence, params, context, expected)
    by_norm = [one for one in clips if one.name == "norm"]
    observed = join([f"{one.name} {_shown(one.settings.get('limit'))}" for one in clips[:3]])
    about: dict[str, Any] = {"observed": observed, "expected": expected}
    if not by_norm:
        return failed("Each element of the gradient is clipped, not its norm.", **about)
    if not any(_is_near(one.settings.get("limit"), params.max_norm) for one in by_norm):
        return failed(f"The gradient is clipped to another norm: {observed}.", **about)
    n_steps = sum(
        one.n for one in seen_in(evidence, context.item, "step") if one.cell in {c.cell for c in by_norm}
    )
    n_clips = sum(one.n for one in by_norm)
    if n_steps and n_clips < 0.5 * n_steps:
        return judged(0.5, message=f"The gradient is clipped in {n_clips} of {n_steps} updates.", **about)
    largest = _largest_norms(evidence, context)
    if largest and min(largest) > params.max_norm * 1.01:
        about["observed"] = f"an update with a gradient of norm {number(min(largest))}"
        return failed("The gradient is clipped, but updates are made with longer ones.", **about)
    return judged(1.0, message=f"The norm of the gradient is clipped to {params.max_norm:g}.", **about)


def _largest_norms(evidence: Evidence, context: Context) -> list[float]:
    """Return, for every optimizer, the largest norm of a gradient that it made a step with."""
    norms = [one.settings.get("largest_norm") for one in seen_in(evidence, context.item, "step")]
    return [float(norm) for norm in norms if isinstance(norm, int | float)]


def _clips_by_hand(evidence: Evidence, params: ClipsGradients, context: Context, expected: str) -> Finding:
    """Return whether updates are made with gradients of the norm itself, which clipping by hand gives."""
    norms = _largest_norms(evidence, context)
    if any(abs(norm - params.max_norm) <= 0.01 * params.max_norm for norm in norms):
        return judged(
            1.0,
            observed=f"gradients up to norm {number(min(norms))}",
            expected=expected,
            message=f"No update is made with a gradient longer than {params.max_norm:g}.",
        )
    return _absent(evidence, context.item, "no clipping of gradients", expected)


class InitialisesWith(CheckParams):
    """An initialiser of torch."""

    name: str
    """`xavier_uniform_`, ..."""
    min_matrices: int = Field(default=1, ge=1)
    """How many matrices it is used on at least."""


@CHECKS.register(InitialisesWith)
def initialises_with(evidence: Evidence, params: InitialisesWith, context: Context) -> Finding:
    """The weights were drawn by the initialiser of the sheet, called by the notebook itself."""
    used = seen_in(evidence, context.item, "initialiser")
    expected = f"{params.name} on {params.min_matrices} matrices or more"
    if not used:
        return _absent(
            evidence,
            context.item,
            "no initialiser: the weights are those that layers draw by default",
            expected,
        )
    names = list(dict.fromkeys(one.name for one in used))
    n = sum(
        one.settings["matrices"]
        for one in used
        if one.name == params.name and isinstance(one.settings.get("matrices"), int)
    )
    about: dict[str, Any] = {"observed": join([f"`{name}`" for name in names[:4]]), "expected": expected}
    if n >= params.min_matrices:
        return judged(1.0, message=f"`{params.name}` was used on {n} matrices.", **about)
    if n:
        return judged(0.5, message=f"`{params.name}` was used on {n} matrices only.", **about)
    return failed(f"The weights were drawn by {about['observed']}, not by `{params.name}`.", **about)


class TrainsOnTargets(CheckParams):
    """Constant targets of a loss, as the notebook's own training used them."""

    losses: list[str] = Field(default=["binary_cross_entropy", "binary_cross_entropy_with_logits"])
    targets: list[float]
    """All values that the targets take, each at least once, and no other."""
    also: list[float] = Field(default_factory=list)
    """Values that may occur beside them (the generator's target)."""
    never_alone: list[float] = Field(default_factory=list)
    """Values that no optimizer has for its only target: a generator with the fakes' target helps the discriminator."""
    once: bool = False
    """Whether one right pair is enough, where a notebook trains several: another may go wrong on purpose."""


@CHECKS.register(TrainsOnTargets)
def trains_on_targets(evidence: Evidence, params: TrainsOnTargets, context: Context) -> Finding:
    """In training, the loss got exactly these constant targets (of the first calls of each cell).

    Losses that are written out by hand have no targets that could be seen: a person looks. Where it was seen by which
    losses the optimizers moved, none climbs a loss and none has a target alone that cannot be.
    """
    every = seen_in(evidence, context.item, "loss")
    losses = [one for one in every if one.name in params.losses]
    found = sorted({float(t) for one in losses for t in one.settings.get("targets", []) if _is_number(t)})
    expected = f"targets {join([f'{value:g}' for value in params.targets])}"
    trains = bool(seen_in(evidence, context.item, "step"))
    if trains and not any(one.settings.get("targets") for one in every):
        return for_person(
            "The networks are trained by losses that are written out by hand, without targets that could be seen; "
            "a person looks which they are.",
            expected=expected,
        )
    if not found:
        return _absent(evidence, context.item, "no loss with constant targets", expected)
    observed = f"targets {join([f'{value:g}' for value in found])}"
    about: dict[str, Any] = {"observed": observed, "expected": expected}
    lacks = [one for one in params.targets if not any(abs(one - value) < 1e-3 for value in found)]
    more = [
        value
        for value in found
        if not any(abs(one - value) < 1e-3 for one in (*params.targets, *params.also))
    ]
    if not lacks and not more:
        fault = _update_fault(seen_in(evidence, context.item, "update"), params)
        if fault:
            return failed(fault, **about)
        return judged(1.0, message="The losses got the targets of the sheet.", **about)
    said = (
        f"{join([f'{one:g}' for one in lacks])} never occurs"
        if lacks
        else f"{join([f'{one:g}' for one in more])} occurs too"
    )
    return failed(f"The losses got other targets: {said}.", **about)


def _update_fault(updates: Sequence[TrainingSeen], params: TrainsOnTargets) -> str:
    """Return what is wrong with the losses that the optimizers moved by, or nothing."""
    targets: dict[Any, set[float]] = {}
    if params.once and any(_raises_fakes(one, params) for one in updates):
        return ""
    for one in updates:
        known = one.settings.get("targets")
        if isinstance(known, list):
            targets.setdefault(one.settings.get("number"), set()).update(map(float, known))
            factor = one.settings.get("factor")
            if _is_number(factor) and float(factor) < 0:  # type: ignore[arg-type]
                values = join([f"{value:g}" for value in known])
                return (
                    f"An optimizer climbs a cross-entropy with the target {values}: that is the saturating loss, "
                    "which has next to no gradient while the fakes are bad."
                )
    for found in targets.values():
        if len(found) == 1 and found <= set(params.never_alone):
            return (
                f"An optimizer moved by losses with the target {next(iter(found)):g} alone: "
                "the generator's loss is small then when its images are recognised as fakes."
            )
    return ""


def _raises_fakes(update: TrainingSeen, params: TrainsOnTargets) -> bool:
    """Whether an optimizer moves down a loss whose only target is none of those that cannot be alone."""
    known, factor = update.settings.get("targets"), update.settings.get("factor")
    is_down = _is_number(factor) and float(factor) > 0  # type: ignore[arg-type]
    return is_down and isinstance(known, list) and len(known) == 1 and known[0] not in params.never_alone
