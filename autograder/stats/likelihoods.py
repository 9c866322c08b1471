"""Negative log-likelihoods of data with independent dimensions, and which one a loss is, up to scale and constant.

Sums over a whole batch of data x (n, D) and parameters t (n, D) as a decoder gives them:

    bce               -sum x log t + (1 - x) log(1 - t)        Bernoulli, t its probability
    bce_with_logits   the same with sigmoid(t) in place of t   Bernoulli, t its logit
    mse               sum (x - t)^2                            Gaussian of fixed variance about t
    mse_of_sigmoid    sum (x - sigmoid(t))^2                   the same about sigmoid(t)
    l1                sum |x - t|                              Laplace of fixed scale about t
    gaussian          1/2 sum v + (x - t)^2 exp(-v)            Gaussian of log variance v

-log N(x | t, s^2 I) is mse / (2 s^2) + n D / 2 log(2 pi s^2), and -log Laplace(x | t, b) is l1 / b + n D log(2 b): a loss is
explained as a S + c over several batches, and a and c then tell variance or scale, reduction and constant.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autograder.stats.losses import reconstruction_sums

RIGHT = ("bce_with_logits", "bce", "mse", "gaussian", "mse_of_sigmoid", "l1")
BERNOULLI = ("bce", "bce_with_logits")
OF_FIXED_VARIANCE = ("mse", "mse_of_sigmoid")
RTOL = 1e-4
"""Of the spread of the values: what rounding in single precision leaves."""


def likelihood_sums(theta: npt.ArrayLike, x: npt.ArrayLike, log_var: npt.ArrayLike) -> dict[str, float]:
    """Return S by kind, and what typical mistakes give: `norm`; of probabilities and logits `bce_half`, `bce_other_half`,
    `bce_sign`, `bce_exchanged`; of a Gaussian's variance `gaussian_no_term`, `gaussian_sign`, `gaussian_twice`,
    `gaussian_multiplied`.

    Parameters
    ----------
    theta : (n, D), in (0, 1), so that it may be a probability as well as a logit or a mean
    x : (n, D), in [0, 1]
    log_var : (n, D)
    """
    t, data, v = (np.asarray(one, dtype=np.float64) for one in (theta, x, log_var))
    found, other, black = 1 / (1 + np.exp(-t)), 1 - data, np.log1p(-t)
    weighted = (data - t) ** 2 * np.exp(-v)
    sums = reconstruction_sums(t, data) | {
        "gaussian": 0.5 * np.sum(weighted + v),
        "gaussian_no_term": 0.5 * np.sum(weighted),
        "gaussian_sign": 0.5 * np.sum(weighted - v),
        "gaussian_twice": np.sum(0.5 * weighted + v),
        "gaussian_multiplied": 0.5 * np.sum((data - t) ** 2 * np.exp(v) + v),
        "mse_of_sigmoid": np.sum((data - found) ** 2),
        "norm": np.sum(np.sqrt(np.sum((data - t) ** 2, axis=1))),
        "bce_other_half": -np.sum(other * black),
        "bce_sign": -np.sum(data * np.log(t) - other * black),
        "bce_half of logits": np.sum(data * np.logaddexp(0, -t)),
        "bce_other_half of logits": np.sum(other * np.logaddexp(0, t)),
        "bce_sign of logits": np.sum(np.logaddexp(0, t) + data * t),
        "bce_exchanged of logits": np.sum(np.logaddexp(0, data) - t * data),
    }
    return {name: float(value) for name, value in sums.items()}


class Likelihood(NamedTuple):
    """A loss as a S + c."""

    kind: str
    a: float
    c: float


def explain_likelihood(values: Sequence[float], sums: Sequence[Mapping[str, float]]) -> Likelihood | None:
    """Return which S the values of several batches follow, with factor and constant; None for none.

    Parameters
    ----------
    values : (n_batches,), n_batches >= 4
    sums : of every batch, by kind
    """
    y = np.asarray(values, dtype=np.float64)
    spread = float(np.ptp(y)) if np.all(np.isfinite(y)) else 0.0
    if spread <= 0:
        return None
    kinds = sorted(set.intersection(*map(set, sums)), key=lambda kind: kind not in RIGHT)
    fits: list[tuple[float, Likelihood]] = []
    for kind in kinds:
        s = np.array([one[kind] for one in sums])
        scale = float(np.ptp(s))
        if scale <= 0:
            continue
        columns = np.stack([(s - s.min()) / scale, np.ones_like(s)], axis=1)
        (slope, start), *_ = np.linalg.lstsq(columns, y, rcond=None)
        residual = float(np.max(np.abs(y - columns @ np.array([slope, start])))) / spread
        a = float(slope) / scale
        fits.append((residual, Likelihood(kind, a, float(start) - a * float(s.min()))))
    residual, best = min(fits, key=lambda fit: fit[0], default=(math.inf, None))
    return best if residual < RTOL else None


class Reading(NamedTuple):
    """One way to read factor and constant: the reduction, the variance (0 where there is none; of a Laplace distribution
    its scale), and the constant."""

    reduction: str
    variance: float
    constant: str
    """`none`, `full`, `without_two_pi` or `without_two`."""


def readings(found: Likelihood, n: int, n_dimensions: int, rtol: float = 2e-3) -> list[Reading]:
    """Return the ways to read a likelihood whose constant is that of the density, or is left out; best first.

    Parameters
    ----------
    n, n_dimensions : sizes of the batches, all alike

    Examples
    --------
    >>> readings(Likelihood("bce", 1 / 3, 0.0), 3, 784)[0]
    Reading(reduction='batch_mean', variance=0.0, constant='none')
    >>> readings(Likelihood("mse", 0.5 / 3, 392 * math.log(2 * math.pi)), 3, 784)[0]
    Reading(reduction='batch_mean', variance=1.0, constant='full')
    """
    size = n * n_dimensions
    factors = {"batch_mean": 1 / n, "sum": 1.0, "element_mean": 1 / size, "pixel_mean": 1 / n_dimensions}
    room = rtol * abs(found.a) * size  # of one unit in every number
    return list(_readings(found, factors, size, room, rtol))


def _readings(
    found: Likelihood, factors: Mapping[str, float], size: int, room: float, rtol: float
) -> Iterable[Reading]:
    is_free = abs(found.c) <= room
    if found.kind not in OF_FIXED_VARIANCE:
        for name, factor in factors.items():
            if abs(found.a - factor) <= rtol * factor:
                if is_free:
                    yield Reading(name, 0.0, "none")
                elif found.kind == "gaussian" and _is_near(
                    found.c, factor * size / 2 * math.log(2 * math.pi)
                ):
                    yield Reading(name, 0.0, "full")
        if found.kind == "l1" and found.a > 0 and not is_free:
            for name, factor in factors.items():
                scale = factor / found.a
                for constant, each in {"full": math.log(2 * scale), "without_two": math.log(scale)}.items():
                    if _is_near(found.c, factor * size * each):
                        yield Reading(name, scale, constant)
        if is_free:
            yield Reading("", 0.0, "none")
        return
    variances = {name: factor / (2 * found.a) for name, factor in factors.items() if found.a > 0}
    for name, variance in variances.items():
        constants = {"full": math.log(2 * math.pi * variance), "without_two_pi": math.log(variance)}
        for constant, each in constants.items():
            if not is_free and _is_near(found.c, factors[name] * size / 2 * each):
                yield Reading(name, variance, constant)
    if is_free:
        plain = [
            Reading(name, v, "none")
            for name, v in variances.items()
            if any(abs(v - one) <= rtol * one for one in (0.5, 1.0))
        ]
        yield from plain or [Reading("", 0.0, "none")]


def _is_near(value: float, truth: float, rtol: float = 2e-3) -> bool:
    return abs(value - truth) <= rtol * max(abs(truth), 1e-9)
