"""The terms of a variational autoencoder's loss in closed form, and which combination of them a number is.

Sums over the whole batch, in nats. R is the reconstruction term of images x and their reconstruction r:

    bce               -sum x log r + (1 - x) log(1 - r)          r in (0, 1)
    bce_with_logits   the same with sigmoid(r) in place of r
    mse               sum (r - x)^2

K is KL(N(mu, sigma^2) || N(0, 1)) = 1/2 sum(mu^2 + sigma^2 - 1 - log sigma^2) (Kingma and Welling 2014, appendix B).
A loss is explained as a R + b K over several batches; a and b then tell its reduction and the weight of K.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autograder.stats.arrays import FloatArray

RIGHT_KL = "kl"
RTOL = 2e-5
ROUNDING = 1e-6


def reconstruction_sums(reconstruction: npt.ArrayLike, target: npt.ArrayLike) -> dict[str, float]:
    """Return R by kind; kinds that need r in (0, 1) are left out where it is not.

    Parameters
    ----------
    reconstruction, target : of one shape; target in [0, 1]

    Examples
    --------
    >>> round(reconstruction_sums([0.5, 0.5], [1.0, 0.0])["bce"], 4)
    1.3863
    """
    r, x = np.asarray(reconstruction, dtype=np.float64), np.asarray(target, dtype=np.float64)
    sums = {
        "bce_with_logits": np.sum(np.logaddexp(0.0, r) - x * r),
        "mse": np.sum((r - x) ** 2),
        "l1": np.sum(np.abs(r - x)),
    }
    if r.min() > 0 and r.max() < 1:
        sums["bce"] = -np.sum(x * np.log(r) + (1 - x) * np.log1p(-r))
        sums["bce_half"] = -np.sum(x * np.log(r))
        if x.min() > 0 and x.max() < 1:
            sums["bce_exchanged"] = -np.sum(r * np.log(x) + (1 - r) * np.log1p(-x))
    return {name: float(value) for name, value in sums.items()}


def kl_sums(mu: npt.ArrayLike, log_var: npt.ArrayLike) -> dict[str, float]:
    """Return K under `kl`, and what typical mistakes in its formula give, by name."""
    m, v = np.asarray(mu, dtype=np.float64), np.asarray(log_var, dtype=np.float64)
    s2 = np.exp(v)
    sums = {
        RIGHT_KL: m**2 + s2 - 1 - v,
        "log_var_as_sigma": m**2 + v**2 - 1 - np.log(v**2 + 1e-300),
        "half_exponent": m**2 + np.exp(0.5 * v) - 1 - v,
        "squared_exponent": m**2 + np.exp(2 * v) - 1 - 2 * v,
        "mu_not_squared": m + s2 - 1 - v,
        "no_mu": s2 - 1 - v,
        "mu_sign": -(m**2) + s2 - 1 - v,
        "no_log": m**2 + s2 - 1,
        "log_sign": m**2 + s2 - 1 + v,
        "half_log": m**2 + s2 - 1 - 0.5 * v,
        "no_one": m**2 + s2 - v,
        "no_sigma": m**2 - 1 - v,
    }
    return {name: float(0.5 * np.sum(value)) for name, value in sums.items()}


class Explained(NamedTuple):
    """A number as a R + b K of one kind each; "" where a term is not in it."""

    reconstruction: str
    kl: str
    a: float
    b: float


def explain(
    values: Sequence[float],
    reconstructions: Mapping[str, Sequence[float]],
    kls: Mapping[str, Sequence[float]],
    rtol: float = RTOL,
) -> Explained | None:
    """Return how the values of several batches follow from the sums of their terms; None when they do not.

    One term alone is taken where a second would explain hardly anything. Of pairs that fit equally well, the right
    kinds win, then the one whose ratio b / a is a whole number or the inverse of one.

    Parameters
    ----------
    values : (n_batches,), n_batches >= 3
    reconstructions, kls : kind to the sums of the batches, the right kinds first
    """
    y = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(y)) or not np.any(y):
        return None
    alone = _alone(y, reconstructions, kls)
    if alone is not None and alone[1] < ROUNDING:
        return alone[0]
    fits: list[tuple[Explained, float]] = []
    for reconstruction, r in reconstructions.items():
        for kl, k in kls.items():
            (a, b), residual = _combination(y, np.stack([np.asarray(r), np.asarray(k)], axis=1))
            if residual < rtol and a:
                fits.append((Explained(reconstruction, kl, a, b), residual))
    least = min((residual for _, residual in fits), default=np.inf)
    if alone is not None and alone[1] < min(rtol, 20 * least):
        return alone[0]
    close = [fit for fit, residual in fits if residual <= max(5 * least, ROUNDING)]
    kinds = list(kls)
    return min(close, key=lambda fit: (kinds.index(fit.kl) > 0, _oddness(fit)), default=None)


def _alone(
    y: FloatArray, reconstructions: Mapping[str, Sequence[float]], kls: Mapping[str, Sequence[float]]
) -> tuple[Explained, float] | None:
    """The single term that comes nearest to being a multiple of y, with its largest relative error."""
    found: list[tuple[Explained, float]] = []
    for kinds, is_kl in ((reconstructions, False), (kls, True)):
        for name, sums in kinds.items():
            factor = _multiple(y, np.asarray(sums))
            if factor is not None and factor[0]:
                one = Explained("", name, 0.0, factor[0]) if is_kl else Explained(name, "", factor[0], 0.0)
                found.append((one, factor[1]))
    return min(found, key=lambda one: one[1], default=None)


def _multiple(y: FloatArray, x: FloatArray) -> tuple[float, float] | None:
    """Factor and largest relative error of y = factor x."""
    square = float(x @ x)
    if not square or not np.isfinite(square):
        return None
    factor = float(x @ y) / square
    return factor, float(np.max(np.abs(y - factor * x)) / np.max(np.abs(y)))


def _combination(y: FloatArray, columns: FloatArray) -> tuple[tuple[float, float], float]:
    """Coefficients and largest relative error of the least-squares combination of two columns."""
    scale = np.abs(columns).max(axis=0)
    if not np.all(np.isfinite(scale)) or not np.all(scale):
        return (0.0, 0.0), np.inf
    found, *_ = np.linalg.lstsq(columns / scale, y, rcond=None)
    a, b = found / scale
    error = np.max(np.abs(y - columns @ np.array([a, b]))) / np.max(np.abs(y))
    return (float(a), float(b)), float(error)


def _oddness(fit: Explained) -> float:
    """How far the weight of the KL term is from a whole number or its inverse: those are meant more often."""
    ratio = abs(fit.b / fit.a)
    return min(
        abs(ratio - round(ratio)) if ratio >= 0.5 else np.inf,
        abs(1 / max(ratio, 1e-9) - round(1 / max(ratio, 1e-9))),
    )


def factor_name(factor: float, n: int, n_pixels: int, n_latent: int, rtol: float = 1e-3) -> str:
    """Return what a factor on a sum over a batch is: `sum`, `batch_mean`, `pixel_mean`, ...; "" when nothing known.

    >>> factor_name(1 / 3, 3, 784, 16), factor_name(1 / (3 * 784), 3, 784, 16)
    ('batch_mean', 'element_mean')
    """
    known = {
        "sum": 1.0,
        "batch_mean": 1 / n,
        "element_mean": 1 / (n * n_pixels),
        "pixel_mean": 1 / n_pixels,
        "latent_mean": 1 / n_latent,
        "latent_element_mean": 1 / (n * n_latent),
    }
    for name, value in known.items():
        if abs(abs(factor) - value) <= rtol * value:
            return name
    whole = 1 / abs(factor) if factor else 0.0
    is_whole = whole > 1.5 and abs(whole - round(whole)) <= rtol and round(whole) <= 1024
    return f"divided_by_{round(whole)}" if is_whole else ""
