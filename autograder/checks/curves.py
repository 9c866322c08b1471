"""Claims about what a training showed: numbers an epoch, their levels, and how they hang together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from autograder.checks.bands import BandSpec, Placement, place
from autograder.checks.figures import nothing_drawn
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    FormCheckParams,
    RandomCheckParams,
    failed,
    for_person,
    join,
    judged,
    number,
    untried,
)
from autograder.checks.values import where
from autograder.probes.evidence import Evidence
from autograder.probes.observations import FigureSeen
from autograder.probes.typed import typed_in
from autograder.records import Found, Picture
from autograder.registry import CHECKS
from autograder.rubric.model import EvidenceKey, OptionalEvidenceKey

Array = npt.NDArray[np.float64]
MAX_POINTS = 2000
SAME = 1e-3
"""Relative difference up to which a drawn or printed number is the one that was computed."""


def curve_of(evidence: Evidence, key: str) -> Array:
    """Return the numbers of a curve in the order of the epochs."""
    return evidence.array(key).reshape(-1)


def _typed(evidence: Evidence, key: str, about: dict[str, Any]) -> Finding | None:
    """Return what to say of numbers that nothing computed."""
    name = typed_in(evidence, key)
    if not name:
        return None
    return failed(
        f"The numbers of `{name}` are written out in the notebook; nothing computes them. What a training showed "
        "has to come from that training.",
        **about,
    )


def _listed(values: Array) -> str:
    shown = [number(float(value)) for value in values[:3]]
    if len(values) > 4:
        shown.append("...")
    return ", ".join([*shown, *[number(float(value)) for value in values[3:][-1:]]])


class CurveInBands(RandomCheckParams):
    """A curve whose first and last value lie where correct trainings lie."""

    evidence: EvidenceKey
    label: str
    first: list[BandSpec] = Field(default_factory=list)
    """Bands of the first epoch, one a convention."""
    last: list[BandSpec] = Field(min_length=1)
    """Bands of the last epoch, one a convention."""


@CHECKS.register(CurveInBands)
def curve_in_bands(evidence: Evidence, params: CurveInBands, context: Context) -> Finding:
    """A reported curve ends, and where the rubric says so begins, where correct trainings do; each end counts equally."""
    values = curve_of(evidence, params.evidence)
    ends = [("first", params.first, values[:1])] if params.first else []
    ends.append(("last", params.last, values[-1:]))
    about: dict[str, Any] = {"observed": _listed(values), "found": where(evidence, params.evidence)}
    if not len(values) or not np.all(np.isfinite(values)):
        return failed(
            f"The {params.label} is not a number in every epoch.", expected="finite numbers", **about
        )
    placed = [
        (name, place(float(value[0]), specs, context, n_sharing=len(ends))) for name, specs, value in ends
    ]
    about["expected"] = "; ".join(f"{name} epoch {one.expected}" for name, one in placed)
    about["pictures"] = tuple(
        _picture(one, float(values[-1 if name == "last" else 0]), params.label, name) for name, one in placed
    )
    if (typed := _typed(evidence, params.evidence, about)) is not None:
        return typed
    wrong = [name for name, one in placed if not one.name]
    usual = {specs[0].name for _, specs, _ in ends}
    readings = {one.name for _, one in placed if one.name} - usual
    if not wrong:
        notes = tuple(f"Your {params.label} was read as: {name}." for name in sorted(readings))
        return judged(1.0, message=f"Your {params.label} is as in correct trainings.", notes=notes, **about)
    ends_in_words = f"in the {join(wrong)} epoch"
    message = (
        f"Your {params.label} is {_listed(values)}; {ends_in_words} that is not what correct trainings give."
    )
    return judged(1 - len(wrong) / len(placed), message=message, **about)


def _picture(placed: Placement, value: float, label: str, name: str) -> Picture:
    return placed.picture(value, f"{label}, {name} epoch")


class CurveFalls(CheckParams):
    """A loss that is lower at the end than in the beginning."""

    evidence: EvidenceKey
    label: str
    by: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Least share of the first value by which it falls."""
    either_sign: bool = False
    """Whether the negative may be reported (an ELBO, which rises)."""


@CHECKS.register(CurveFalls)
def curve_falls(evidence: Evidence, params: CurveFalls, context: Context) -> Finding:
    """The curve falls over the epochs: the model learns."""
    values = curve_of(evidence, params.evidence)
    expected = f"a {params.label} that falls"
    about: dict[str, Any] = {
        "observed": _listed(values),
        "expected": expected,
        "found": where(evidence, params.evidence),
    }
    if (typed := _typed(evidence, params.evidence, about)) is not None:
        return typed
    if len(values) < 2:
        return for_person(
            f"There is one value only of the {params.label}; whether it falls cannot be seen.", **about
        )
    if not np.all(np.isfinite(values)):
        return failed(f"The {params.label} is not a number in every epoch: the training diverged.", **about)
    if params.either_sign and values[0] < 0:
        values = -values
    if values[-1] < values[0] * (1 - params.by):
        return judged(1.0, message=f"Your {params.label} falls from epoch to epoch, as it should.", **about)
    return failed(f"Your {params.label} does not fall: it is {_listed(values)}.", **about)


class CurveIsPositive(CheckParams):
    """A quantity that is never negative, such as a divergence."""

    evidence: OptionalEvidenceKey
    label: str


@CHECKS.register(CurveIsPositive)
def curve_is_positive(evidence: Evidence, params: CurveIsPositive, context: Context) -> Finding:
    """The curve is 0 or more in every epoch, as a divergence must be; tried where it was kept."""
    if not evidence.has(params.evidence):
        return untried(f"The {params.label} of each epoch was not kept.")
    values = curve_of(evidence, params.evidence)
    about: dict[str, Any] = {
        "observed": _listed(values),
        "expected": "0 or more in every epoch",
        "found": where(evidence, params.evidence),
    }
    if (typed := _typed(evidence, params.evidence, about)) is not None:
        return typed
    if len(values) and np.all(np.isfinite(values)) and np.min(values) >= 0:
        return judged(1.0, message=f"Your {params.label} is positive in every epoch, as it must be.", **about)
    return failed(f"Your {params.label} is {_listed(values)}; it cannot be negative.", **about)


class CurveHasLength(CheckParams):
    """A curve with one value an epoch."""

    evidence: EvidenceKey
    label: str
    n: int = Field(gt=0)


@CHECKS.register(CurveHasLength)
def curve_has_length(evidence: Evidence, params: CurveHasLength, context: Context) -> Finding:
    """There is one value for each of the prescribed epochs, or one more for before the first."""
    n = len(curve_of(evidence, params.evidence))
    about: dict[str, Any] = {
        "observed": f"{n} values",
        "expected": f"{params.n} values",
        "found": where(evidence, params.evidence),
    }
    if (typed := _typed(evidence, params.evidence, about)) is not None:
        return typed
    if n in (params.n, params.n + 1):
        return judged(1.0, message=f"The {params.label} is there for every epoch.", **about)
    return failed(f"The {params.label} has {n} values; {params.n} epochs are prescribed.", **about)


class CurvesAddUp(CheckParams):
    """A total that is the sum of its terms in every epoch."""

    total: EvidenceKey
    terms: list[EvidenceKey] = Field(min_length=2)
    label: str
    rtol: float = Field(default=5e-3, gt=0.0)


@CHECKS.register(CurvesAddUp)
def curves_add_up(evidence: Evidence, params: CurvesAddUp, context: Context) -> Finding:
    """The total is the sum of its terms in every epoch, as a loss or, with the other sign, as a bound."""
    missing = next((key for key in params.terms if not evidence.has(key)), None)
    total = curve_of(evidence, params.total)
    expected = f"{params.label} = " + " + ".join(evidence.part.evidence[key].about for key in params.terms)
    about: dict[str, Any] = {
        "observed": _listed(total),
        "expected": expected,
        "found": where(evidence, params.total, *[key for key in params.terms if evidence.has(key)]),
    }
    if missing is not None:
        what = evidence.part.evidence[missing].about
        return for_person(f"No value was found for {what}, so the sum cannot be verified.", **about)
    terms = [curve_of(evidence, key) for key in params.terms]
    if (typed := _typed(evidence, params.total, about)) is not None:
        return typed
    if any(len(term) != len(total) for term in terms):
        return for_person("The curves have different lengths; a person will look at them.", **about)
    signs = [np.sum([sign * np.abs(term) for term in terms], axis=0) for sign in (1.0, -1.0)]
    if any(np.allclose(total, one, rtol=params.rtol, atol=params.rtol) for one in signs):
        return judged(1.0, message=f"The {params.label} is the sum of its terms in every epoch.", **about)
    gap = int(np.argmax(np.abs(np.abs(total) - signs[0])))
    message = (
        f"In epoch {gap + 1} the {params.label} is {number(float(total[gap]))}, but its terms add up to "
        f"{number(float(signs[0][gap]))}."
    )
    return failed(message, **about)


class CurveIsExpOf(CheckParams):
    """Perplexities that belong to losses."""

    perplexities: EvidenceKey
    losses: OptionalEvidenceKey
    label: str = "perplexity"
    rtol: float = Field(default=0.02, gt=0.0)
    """Means over batches and over tokens differ a little."""


@CHECKS.register(CurveIsExpOf)
def curve_is_exp_of(evidence: Evidence, params: CurveIsExpOf, context: Context) -> Finding:
    """The perplexity of every epoch is exp of that epoch's loss."""
    perplexities = curve_of(evidence, params.perplexities)
    keys = [params.perplexities] + ([params.losses] if evidence.has(params.losses) else [])
    about: dict[str, Any] = {
        "observed": _listed(perplexities),
        "expected": "exp of the validation loss",
        "found": where(evidence, *keys),
    }
    if (typed := _typed(evidence, params.perplexities, about)) is not None:
        return typed
    if not evidence.has(params.losses):
        return for_person("No validation losses were found to compare the perplexities with.", **about)
    losses = curve_of(evidence, params.losses)
    n = min(len(losses), len(perplexities))
    with np.errstate(over="ignore"):  # of a loss that was summed
        wanted, powers = np.exp(losses[-n:]), 2.0 ** losses[-n:]
    about["expected"] = f"exp of the validation loss: {_listed(wanted)}"
    if np.allclose(perplexities[-n:], wanted, rtol=params.rtol):
        return judged(1.0, message=f"The {params.label} is exp of the loss in every epoch.", **about)
    mistakes = {"2 to the power of the loss": powers, "the loss itself": losses[-n:]}
    named = next(
        (name for name, value in mistakes.items() if np.allclose(perplexities[-n:], value, rtol=SAME)), ""
    )
    cause = f" It is {named}." if named else ""
    return failed(f"Your {params.label} does not belong to your validation losses.{cause}", **about)


class CurvesAreDrawn(FormCheckParams):
    """Curves in figures."""

    curves: list[OptionalEvidenceKey] = Field(min_length=1)
    what: str
    """What must be seen, in words: "the losses of both networks"."""
    n_min: int = Field(default=2, gt=0)
    """Least number of points of a curve."""


@CHECKS.register(CurvesAreDrawn)
def curves_are_drawn(evidence: Evidence, params: CurvesAreDrawn, context: Context) -> Finding:
    """Every curve is drawn as a line, as marks or as bars, whatever its scale or sign; each counts equally."""
    drawn = [(figure, y) for figure in _figures(evidence, context.item) for y in sequences_in(figure)]
    drawn = [(figure, y) for figure, y in drawn if len(y) >= params.n_min]
    known = {key: curve_of(evidence, key) for key in params.curves if evidence.has(key)}
    if not drawn:
        return nothing_drawn(evidence, context.item, params.what)
    hits = {
        key: next((index for index, (_, y) in enumerate(drawn) if _is_same(y, values)), None)
        for key, values in known.items()
    }
    matched = [index for index in hits.values() if index is not None]
    # A curve that was not found by its name may be another one: a further line of the item's own stands for it.
    own = {id(figure) for figure in evidence.figures_of(context.item)}
    others = [index for index, (figure, _) in enumerate(drawn) if id(figure) in own and index not in matched]
    n_unsure = sum(hits.get(key) is None and not _is_named(evidence, key) for key in params.curves)
    matched += others[:n_unsure]
    shown = len(matched)
    found = [Found(how="figure", cell=drawn[index][0].cell) for index in matched]
    fraction = shown / len(params.curves)
    message = f"{params.what[0].upper()}{params.what[1:]} {'are' if len(params.curves) > 1 else 'is'} drawn."
    if fraction < 1:
        message = f"Of {params.what}, {shown} of {len(params.curves)} curves were found in the figures."
    return judged(
        fraction,
        observed=f"{shown} curves",
        expected=params.what,
        message=message,
        found=tuple(dict.fromkeys(found)),
    )


def _is_named(evidence: Evidence, key: str) -> bool:
    """Whether a curve was found under an accepted name, or where a person said."""
    found = evidence.bound[key].found if evidence.has(key) else None
    return found is not None and found.how in ("name", "path", "binding")


def _figures(evidence: Evidence, item: str) -> list[FigureSeen]:
    return [*evidence.figures_of(item), *evidence.figures_elsewhere(item)]


def sequences_in(figure: FigureSeen) -> list[Array]:
    """Return the heights of all lines, bars and clouds that a figure draws."""
    found: list[Any] = []
    for axes in figure.axes:
        found += [line.get("y", []) for line in axes.get("lines", []) if int(line.get("n", 0)) <= MAX_POINTS]
        bars = axes.get("bars")
        found += [
            one.get("heights", []) for one in (bars if isinstance(bars, list) else [bars] if bars else [])
        ]
        clouds = [figure.arrays.get(str(scatter.get("ref"))) for scatter in axes.get("scatters", [])]
        found += [
            cloud[:, 1] for cloud in clouds if cloud is not None and cloud.ndim == 2 and cloud.shape[1] == 2
        ]
    return [np.asarray(y, dtype=np.float64) for y in found]


def _is_same(drawn: Array, values: Array) -> bool:
    """Whether a drawn sequence is the curve, or the curve times a number (another sign, a mean over pixels)."""
    if len(drawn) != len(values) or not np.all(np.isfinite(drawn)) or not np.all(np.isfinite(values)):
        return False
    norm = float(values @ values)
    scale = float(drawn @ values) / norm if norm > 0 else 0.0
    return scale != 0 and bool(
        np.allclose(drawn, scale * values, rtol=SAME, atol=SAME * abs(scale) * norm**0.5)
    )


class CurvesAreComputed(CheckParams):
    """Curves of a training."""

    curves: list[EvidenceKey] = Field(min_length=1)


@CHECKS.register(CurvesAreComputed)
def curves_are_computed(evidence: Evidence, params: CurvesAreComputed, context: Context) -> Finding:
    """The numbers of a training are computed by it: no list of numbers stands in the code in their place."""
    there = [key for key in params.curves if evidence.has(key)]
    about: dict[str, Any] = {
        "observed": f"{len(there)} curves",
        "expected": "numbers that the training computed",
    }
    if not there:
        return untried("No numbers of the training were found.")
    about["found"] = where(evidence, *there)
    for key in there:
        if (typed := _typed(evidence, key, about)) is not None:
            return typed
    return judged(1.0, message="The numbers of the training are computed.", **about)
