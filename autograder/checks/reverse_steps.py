"""Chains of a diffusion model: the calls of a network that belong to one, and what its steps back are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2, norm

from autograder.checks.findings import number
from autograder.probes.denoisers import CallsSeen
from autograder.probes.evidence import Evidence
from autograder.stats.diffusion import Array, Schedule

VARIANCES = ("β", "β̃")
CLIPS = (None, 1.0, 2.0, 3.0, 4.0, 5.0)
"""Within what the predicted x_0 is kept, where it is."""
MOST = 0.97
"""Share of the steps that a reading must explain."""
NEAR = 3e-4


@dataclass(frozen=True)
class Chain:
    """The calls of one chain, from the first to the last."""

    calls: CallsSeen
    at: slice

    @property
    def n(self) -> int:
        """How many steps it has."""
        return int(self.at.stop - self.at.start)

    def rows(self) -> int:
        """How many of the first points were kept."""
        return int(np.isfinite(self.calls.x[self.at.start]).all(axis=1).sum())

    def of(self, array: Array) -> Array:
        """Return what belongs to the chain's calls, without rows that are not there."""
        return array[self.at]

    @property
    def is_finite(self) -> bool:
        """Whether the network's answers are numbers throughout."""
        return bool(np.isfinite(self.of(self.calls.out)[:, : self.rows()]).all())

    @property
    def times(self) -> Array:
        """(n,): what the network was told."""
        return self.of(self.calls.t)[:, 0]


def chain_seen(evidence: Evidence, n_steps: int) -> Chain | None:
    """Return the last whole chain of a notebook, or the last one that has at least half of the steps."""
    chains = [
        Chain(one.others, at)
        for one in evidence.observations.denoisers
        if one.others is not None
        for at in _runs(one.others)
        if at.stop - at.start >= max(2, n_steps // 2)
    ]
    whole = [chain for chain in chains if chain.n == n_steps]
    found = whole or chains
    return found[-1] if found else None


def _runs(calls: CallsSeen) -> Iterator[slice]:
    """Yield stretches of calls that can be one chain: as many points, no training between, no new start."""
    is_trained = [bool(np.isfinite(gradient).any()) for gradient in calls.gradient]
    starts = [0]
    for k in range(1, len(calls)):
        is_new = calls.n[k] != calls.n[k - 1] or calls.steps[k] != calls.steps[k - 1] or _is_fresh(calls, k)
        if is_new or is_trained[k] != is_trained[k - 1]:
            starts.append(k)
    for start, stop in zip(starts, [*starts[1:], len(calls)], strict=True):
        if not is_trained[start]:
            yield from _by_direction(calls, start, stop)


def _is_fresh(calls: CallsSeen, k: int) -> bool:
    """Whether the points of a call are nothing but noise that was just drawn."""
    rows = np.isfinite(calls.x[k]).all(axis=1)
    return bool(rows.any()) and any(np.array_equal(calls.x[k][rows], noise[rows]) for noise in calls.drawn[k])


def _by_direction(calls: CallsSeen, start: int, stop: int) -> Iterator[slice]:
    """Yield the parts of a stretch in which times go one way; all of it where they are not told."""
    steps = np.diff(calls.t[start:stop, 0])
    if not len(steps) or not np.isfinite(steps).all():
        yield slice(start, stop)
        return
    way = np.sign(np.median(steps))
    breaks = [start + at + 1 for at in np.flatnonzero(np.sign(steps) == -way)] if way else []
    for first, end in zip([start, *breaks], [*breaks, stop], strict=True):
        yield slice(first, end)


class Reading(NamedTuple):
    """How a chain steps back."""

    schedule: Schedule
    variance: str
    clip: float | None
    share: float


def explain_steps(chain: Chain, schedules: Sequence[Schedule], rate: float) -> Reading | None:
    """Return the schedule and the variance under which every step is right; None where there is none."""
    x, out, drawn = (chain.of(one) for one in (chain.calls.x, chain.calls.out, chain.calls.drawn))
    r = chain.rows()
    x, out, drawn = x[:, :r], out[:, :r], drawn[:, :, :r]
    seen = [any(bool(np.isfinite(one).all()) for one in call) for call in drawn[1:]]
    is_seen = bool(seen) and float(np.mean(seen)) > MOST
    for schedule in schedules:
        for steps in _numberings(chain, schedule):
            for clip in CLIPS:
                means = np.stack(
                    [schedule.reverse_means(x[k], out[k], steps[k], clip) for k in range(chain.n - 1)]
                )
                for name, variances in zip(VARIANCES, schedule.variances, strict=True):
                    scales = np.sqrt(np.maximum(variances[steps[:-1]], 0.0))
                    if is_seen:
                        share = _share_exact(x[1:], means, scales, drawn[1:])
                    else:
                        share = float(_is_noise(x[1:] - means, scales, out[:-1], x[:-1], rate))
                    if share >= MOST:
                        return Reading(schedule, name, clip, share)
    return None


def _numberings(chain: Chain, schedule: Schedule) -> Iterator[np.ndarray]:
    """Yield which step each call may be: by its place from the start of a whole chain, or from its end."""
    n = len(schedule.betas)
    for first in dict.fromkeys((n - 1, chain.n - 1, chain.n)):
        steps = first - np.arange(chain.n)
        if steps.min() >= 0 and steps.max() < n:
            yield steps
    if chain.n == n and bool(
        np.all(np.diff(chain.times) > 0)
    ):  # the wrong way, which the chain's own check tells
        yield np.arange(n)


def _share_exact(x: Array, means: Array, scales: Array, drawn: Array) -> float:
    slack = NEAR * (1.0 + np.abs(means).max(axis=(1, 2)))
    expected = means[:, None] + scales[:, None, None, None] * np.nan_to_num(drawn, nan=np.inf)
    off = np.abs(x[:, None] - expected).max(axis=(2, 3)).min(axis=1)
    return float(np.mean(off <= slack))


def _is_noise(rest: Array, scales: Array, out: Array, x: Array, rate: float) -> bool:
    """Whether what a step adds is standard normal noise times its scale, by tests at the check's rate."""
    kept = scales > 0
    z = rest[kept] / scales[kept][:, None, None]
    n, third = z.size, max(1, len(z) // 3)
    tests = [float(z.mean() * np.sqrt(n))]
    tests += [
        float(np.sum(z * other) / max(np.sqrt(np.sum(other**2)), 1e-12)) for other in (out[kept], x[kept])
    ]
    bound = norm.isf(rate / 12)
    if max(abs(one) for one in tests) > bound:
        return False
    for part in (z[:third], z[third:]):
        low, high = chi2.ppf([rate / 12, 1 - rate / 12], part.size)
        if not low <= float(np.sum(part**2)) <= high:
            return False
    return True


def fault_of_steps(chain: Chain, schedule: Schedule) -> str:
    """Return what is wrong with the step whose factors, as they explain it best, are furthest from the right ones."""
    places = sorted({chain.n // 10, chain.n // 2, chain.n - 1 - chain.n // 10})
    seen = [_factors(chain, schedule, k) for k in places if k + 1 < chain.n]
    step, found, right = max(seen, key=lambda one: float(np.nansum(np.abs(one[1] / one[2] - 1))))
    (a, b, c), beta = found, float(schedule.betas[step])
    said = f"at t = {step} a step takes {_listed(found)}, and DDPM {_listed(right)}"
    if abs(b + right[1]) < 0.1 * abs(right[1]):
        return f"the predicted noise is added, not taken away ({said})"
    if abs(c) < 1e-4:
        return f"no noise is added ({said})"
    if abs(c - beta) < 0.02 * beta:
        return f"the noise is multiplied by β, the variance, and not by its root ({said})"
    if abs(a - 1) < 1e-3 < abs(right[0] - 1) and abs(b / right[1] * right[0] - 1) < 0.02:
        return f"the division by √α is missing ({said})"
    return said


def _factors(chain: Chain, schedule: Schedule, k: int) -> tuple[int, Array, Array]:
    """Return the step of a call, and the factors of x_t, predicted noise and new noise: those that were seen, and DDPM's."""
    r, step = chain.rows(), min(chain.n - 1 - k, len(schedule.betas) - 1)
    x, out = (chain.of(one)[:, :r] for one in (chain.calls.x, chain.calls.out))
    noises = [one[:r].reshape(-1) for one in chain.of(chain.calls.drawn)[k + 1] if np.isfinite(one[:r]).all()]
    columns = [x[k].reshape(-1), out[k].reshape(-1), *noises[:1]]
    matrix, target = np.stack(columns, axis=1), x[k + 1].reshape(-1)
    found, *_ = np.linalg.lstsq(matrix, target, rcond=None)
    if len(found) < 3 and np.std(target - matrix @ found) < 1e-4:
        found = np.append(found, 0.0)
    beta, bar = float(schedule.betas[step]), float(schedule.alpha_bars[step])
    right = np.array([1.0, -beta / np.sqrt(1 - bar), np.sqrt(beta * (1 - beta))]) / np.sqrt(1 - beta)
    return step, np.append(found, np.full(3 - len(found), np.nan)), right


def _listed(factors: Array) -> str:
    a, b, c = (float(one) for one in factors)
    return f"{number(a)}·x_t {b:+.3g}·ε̂" + (f" {c:+.3g}·z" if np.isfinite(c) else "")
