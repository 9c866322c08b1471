"""What the checks of diffusion models share: schedules, and how the points of a training were noised."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.spatial import cKDTree

from autograder.checks.calls import successes
from autograder.checks.findings import CheckParams
from autograder.checks.trees import items, tree_of
from autograder.probes.denoisers import CallsSeen
from autograder.probes.evidence import Called, Evidence
from autograder.rubric.model import OptionalEvidenceKey
from autograder.stats.diffusion import (
    LEAST_SIGNAL,
    Array,
    Schedule,
    cosine_betas,
    linear_betas,
    schedule_of,
    steps_of,
    wrong_factors,
)

Steps = npt.NDArray[np.int64]
PAPER = (1000, 1e-4, 0.02)
"""Steps, first and last variance of Ho, Jain and Abbeel (2020)."""
FEWEST = 4
"""Steps that a schedule must have."""
FEWEST_POINTS = 64
"""Rows of an array that can be the data."""
MAX_ARRAYS = 12
N_TRIED, N_CONFIRMED = 1, 12
"""Calls by which a reading is tried, and by which it is confirmed."""
FAULT = 0.3
"""Share of points that a mistake must explain: where it multiplies the data by next to nothing, it cannot be told."""
MOST = 0.85
"""Share of points that a reading must explain, of those at steps that leave enough of the data to tell."""
FEWEST_STEPS = 0.1
"""Share of a schedule's steps that must leave enough of the data."""
MANY_DEVIATIONS = 5.0


class ScheduleParams(CheckParams):
    """The sheet's schedule, and where the notebook's own may be."""

    n_steps: int = Field(ge=2)
    first: float = Field(gt=0)
    last: float = Field(gt=0)
    betas: OptionalEvidenceKey | None = None
    alpha_bars: OptionalEvidenceKey | None = None


def own_betas(evidence: Evidence, params: ScheduleParams) -> Array | None:
    """Return the notebook's variances by step; a leading 0 that counts steps from 1 is left out."""
    return _own(evidence, params.betas, 0.0)


def own_alpha_bars(evidence: Evidence, params: ScheduleParams) -> Array | None:
    """Return the notebook's cumulative products by step; a leading 1 is left out."""
    return _own(evidence, params.alpha_bars, 1.0)


def _own(evidence: Evidence, key: str | None, leading: float) -> Array | None:
    if key is None or not evidence.has(key):
        return None
    values = evidence.array(key).reshape(-1)
    values = values[1:] if len(values) and values[0] == leading else values
    return values if len(values) > 1 and bool(np.isfinite(values).all()) else None


def n_steps_in(evidence: Evidence, params: ScheduleParams) -> int:
    """Return how many steps the notebook's schedule has, or the sheet's; another number is judged once, in the schedule."""
    own = own_alpha_bars(evidence, params)
    own = own_betas(evidence, params) if own is None else own
    if own is not None and len(own) >= FEWEST:
        return len(own)
    schedules = known_schedules(evidence, params)
    noisings = (explain_noising(evidence, calls, schedules) for calls in training_seen(evidence))
    return next((len(one.schedule.betas) for one in noisings if one is not None), params.n_steps)


def known_schedules(evidence: Evidence, params: ScheduleParams) -> list[Schedule]:
    """Return the notebook's own schedule, right or wrong, and those that are accepted."""
    betas, bars = own_betas(evidence, params), own_alpha_bars(evidence, params)
    found = []
    if bars is not None and bool(np.all((bars > 0) & (bars < 1))):
        before = np.concatenate([[1.0], bars[:-1]])
        found.append(
            Schedule(
                "your own",
                betas if betas is not None and len(betas) == len(bars) else 1 - bars / before,
                bars,
            )
        )
    if betas is not None and bool(np.all((betas > 0) & (betas < 1))):
        found.append(schedule_of(betas, "your own"))
    found.append(schedule_of(linear_betas(params.n_steps, params.first, params.last), "the sheet's"))
    if betas is None and bars is None:
        found.append(schedule_of(linear_betas(*PAPER), "the paper's"))
    found.append(schedule_of(cosine_betas(params.n_steps), "cosine"))
    return [one for at, one in enumerate(found) if not any(_is_same(one, other) for other in found[:at])]


def _is_same(one: Schedule, other: Schedule) -> bool:
    pairs = ((one.betas, other.betas), (one.alpha_bars, other.alpha_bars))
    return all(len(a) == len(b) and bool(np.allclose(a, b, rtol=1e-5, atol=1e-9)) for a, b in pairs)


def training_seen(evidence: Evidence) -> list[CallsSeen]:
    """Return the calls of networks in training by which a loss was differentiated."""
    seen = [one.training for one in evidence.observations.denoisers if one.training is not None]
    return [calls for calls in seen if len(calls) and bool(np.isfinite(calls.gradient).any())]


@dataclass(frozen=True)
class Noising:
    """How the points of a training are made of data and noise."""

    schedule: Schedule
    steps: list[Steps]
    """Of each call, by row; -1 where it cannot be told."""
    points: list[Array]
    """Of each call, the clean points by row."""
    noises: list[Array]
    share: float
    n: int
    is_implied: bool
    """Whether the noise was not seen to be drawn, but is what the gradient of a squared error leads to."""
    data: Array
    """The points that were noised."""
    is_normal: bool
    """Whether the noise is standard normal, by its mean and its deviation."""


Source = Callable[[CallsSeen, int], Array]


_EXPLAINED: weakref.WeakKeyDictionary[CallsSeen, dict[tuple[bytes, ...], Noising | None]] = (
    weakref.WeakKeyDictionary()
)
"""What was found of some calls under some schedules: several checks ask the same."""


def explain_noising(evidence: Evidence, calls: CallsSeen, schedules: Sequence[Schedule]) -> Noising | None:
    """Return how the points of a training were noised, where that is right under one of the schedules; else None."""
    known = _EXPLAINED.setdefault(calls, {})
    key = tuple(schedule.alpha_bars.tobytes() for schedule in schedules)
    if key not in known:
        known[key] = _explained(evidence, calls, schedules)
    return known[key]


def _explained(evidence: Evidence, calls: CallsSeen, schedules: Sequence[Schedule]) -> Noising | None:
    for data in arrays_of(evidence, calls.x.shape[2]):
        tree = cKDTree(data)
        for is_implied, source in _sources():
            for schedule in schedules:
                factors = schedule.factors()
                least = MOST * float(np.mean(factors[:, 0] >= LEAST_SIGNAL))
                if least < FEWEST_STEPS or _share(calls, factors, tree, source, N_TRIED)[0] < 0.8 * least:
                    continue
                share, steps, n = _share(calls, factors, tree, source, N_CONFIRMED)
                if share >= least:
                    noises = [source(calls, k) for k in range(len(steps))]
                    points = [_clean(calls, k, schedule, noises[k], one) for k, one in enumerate(steps)]
                    return Noising(
                        schedule, steps, points, noises, share, n, is_implied, data, _is_normal(noises)
                    )
    return None


def _is_normal(noises: Sequence[Array]) -> bool:
    values = np.concatenate([one[np.isfinite(one)] for one in noises])
    slack = MANY_DEVIATIONS / np.sqrt(len(values))
    return bool(abs(float(values.mean())) <= slack and abs(float(values.std()) - 1.0) <= slack)


def fault_of_noising(evidence: Evidence, calls: CallsSeen, schedules: Sequence[Schedule]) -> str:
    """Return which known mistake explains the points of a training; nothing for any other one."""
    for data in list(arrays_of(evidence, calls.x.shape[2]))[:4]:
        tree = cKDTree(data)
        for schedule in schedules[:2]:
            for name, factors in wrong_factors(schedule).items():
                for is_implied, source in _sources():
                    if not is_implied and _share(calls, factors, tree, source, N_TRIED)[0] >= FAULT:
                        return name
    return ""


def _share(
    calls: CallsSeen, factors: Array, tree: cKDTree, source: Source, n_calls: int
) -> tuple[float, list[Steps], int]:
    """Return the share of points that are explained, their steps, and how many points there were."""
    found, n = [], 0
    for k in range(min(n_calls, len(calls))):
        x, noise = calls.x[k], source(calls, k)
        rows = np.isfinite(x).all(axis=1) & np.isfinite(noise).all(axis=1)
        steps = np.full(len(x), -1, dtype=np.int64)
        if rows.any():
            steps[rows] = steps_of(x[rows], noise[rows], factors, tree)
        found.append(steps)
        n += int(np.isfinite(x).all(axis=1).sum())
    return sum(int((one >= 0).sum()) for one in found) / max(n, 1), found, n


def _clean(calls: CallsSeen, k: int, schedule: Schedule, noise: Array, steps: Steps) -> Array:
    signal, scale = schedule.factors()[np.maximum(steps, 0)].T
    return np.asarray((calls.x[k] - scale[:, None] * noise) / signal[:, None])


def _sources() -> Iterator[tuple[bool, Source]]:
    """Yield where the noise may be found: among what was drawn, or by the gradient of a squared error."""
    for at in (0, 1, 2):
        yield False, functools.partial(_drawn, at)
    for factor in (2.0, 1.0):
        for over in ("all", "rows", "none"):
            yield True, functools.partial(_implied, factor, over)


def _drawn(at: int, calls: CallsSeen, k: int) -> Array:
    return np.asarray(calls.drawn[k, at] if at < calls.drawn.shape[1] else np.full_like(calls.x[k], np.nan))


def _implied(factor: float, over: str, calls: CallsSeen, k: int) -> Array:
    """Return the target of a squared error, by its gradient and what it is averaged over."""
    n = float(calls.n[k])
    size = {"all": n * calls.x.shape[2], "rows": n, "none": 1.0}[over]
    return np.asarray(calls.out[k] - calls.gradient[k] * size / factor)


def arrays_of(evidence: Evidence, d: int) -> Iterator[Array]:
    """Yield arrays of points that may be the data: as they are, then standardised."""
    found: dict[bytes, Array] = {}
    for leaf in evidence.observations.leaves:
        value = leaf.value
        is_points = isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[1] == d
        if (
            is_points
            and isinstance(value, np.ndarray)
            and len(value) >= FEWEST_POINTS
            and value.dtype.kind == "f"
        ):
            points = np.asarray(value, dtype=np.float64)
            if np.isfinite(points).all() and len(found) < MAX_ARRAYS:
                found.setdefault(leaf.digest, points)
    largest_first = sorted(found.values(), key=len, reverse=True)
    yield from largest_first
    for points in largest_first[:3]:
        low, high = points.min(axis=0), points.max(axis=0)
        for ddof in (0, 1):
            yield (points - points.mean(axis=0)) / np.maximum(points.std(axis=0, ddof=ddof), 1e-12)
        yield 2 * (points - low) / np.maximum(high - low, 1e-12) - 1


# ------------------------------------------------------------------ functions


def tried_noising(called: Called, schedules: Sequence[Schedule]) -> tuple[str, str] | None:
    """Return the function that noises and what is wrong with it, "" for nothing; None when none answered."""
    worst: tuple[str, str] | None = None
    for answer, values in successes(called):
        x, noise, t = (np.asarray(values[role], dtype=np.float64) for role in ("x", "noise", "t"))
        given = list(given_by(tree_of(answer)))
        if not given:
            continue
        for schedule in schedules:
            if any(_is_noised(one, x, noise, t, schedule.factors()) for one in given):
                return answer.function, ""
        faults = [
            name
            for schedule in schedules
            for name, factors in wrong_factors(schedule).items()
            if any(_is_noised(one, x, noise, t, factors) for one in given)
        ]
        worst = worst or (
            answer.function,
            faults[0] if faults else "they are no such mixture of data and noise",
        )
    return worst


def given_by(tree: Any) -> Iterator[Array]:
    """Yield the arrays of points (n, d) that the calls of a function gave."""
    for call in items(tree, "calls"):
        given = call.get("given")
        for value in given.values() if isinstance(given, dict) else [given]:
            if isinstance(value, np.ndarray) and value.ndim in (2, 3):
                yield from [value] if value.ndim == 2 else value


def _is_noised(given: Array, x: Array, noise: Array, t: Array, factors: Array) -> bool:
    for shift in (0, 1):  # steps counted from 0, or from 1
        at = t.astype(int) - shift
        if at.min() >= 0 and at.max() < len(factors) and given.shape == x.shape:
            right = factors[at, :1] * x + factors[at, 1:] * noise
            if np.allclose(given, right, rtol=1e-3, atol=3e-4):
                return True
    return False


def is_along(gradient: Array, direction: Array, slack: float = 0.01) -> bool:
    """Whether a gradient is a positive multiple of a direction."""
    size = float(np.sum(direction**2))
    if size < 1e-12 or not np.isfinite(gradient).all():
        return False
    scale = float(np.sum(gradient * direction)) / size
    return scale > 0 and float(np.linalg.norm(gradient - scale * direction)) <= slack * float(
        np.linalg.norm(gradient)
    )
