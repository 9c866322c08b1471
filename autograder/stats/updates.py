"""Gradients of known losses on the small networks that training steps are tried with, in closed form.

The stand-ins (one formula on either side of the kernel, and a test that they agree), with w(n, phase, scale)_j =
scale cos(phase (j + 1)):

    generator       f = tanh(A^T z + b)       A = w(2 n, phase, 0.4) as (2, n), b = w(n, phase + 0.5, 0.2)
    discriminator   l = x . w + c             w = w(n, phase + 1, 0.05), c = 0.3
    language model  l = gain E[token]         E = w(V^2, phase, 0.05) as (V, V)

A binary cross-entropy with target t has dl = sigma(l) - t, so that a gradient is a combination of two vectors, one
with sigma(l) and one with 1: least squares gives the target (Goodfellow et al. 2014, section 3, for the losses).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy

from autograder.stats.arrays import FloatArray

RTOL = 2e-3


def wave(n: int, phase: float, scale: float) -> FloatArray:
    """Return scale cos(phase (j + 1)) for j = 0..n-1."""
    values: FloatArray = scale * np.cos(phase * np.arange(1, n + 1))
    return values


class Half(NamedTuple):
    """One part of a loss: its weight and its target."""

    weight: float
    target: float


class DiscriminatorFit(NamedTuple):
    """The loss that a discriminator's gradient belongs to; a half is None where no such images were in it."""

    real: Half | None
    fake: Half | None
    family: str
    """`bce`, `wasserstein` or `least_squares`."""
    misfit: float = 0.0
    """How much of the gradient it leaves unexplained, as a share."""


def fit_discriminator(
    gradient: npt.ArrayLike, weights: npt.ArrayLike, batches: Sequence[tuple[FloatArray, bool]]
) -> DiscriminatorFit | None:
    """Return the loss whose gradient on the discriminator this is; None when it is none that is known.

    Parameters
    ----------
    gradient, weights : (n_pixels + 1,), the bias last
    batches : images (n, n_pixels) that it was shown, and whether they are real; one batch of each kind is in a loss
    """
    g, theta = np.asarray(gradient, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    real = [x for x, is_real in batches if is_real][:1]
    fakes = [x for x, is_real in batches if not is_real][::-1]  # the latest are the likeliest
    choices = [(real, [fake]) for fake in fakes] + [([], [fake]) for fake in fakes] + [(real, [])]
    for used_real, used_fake in choices:
        used = [(x, True) for x in used_real] + [(x, False) for x in used_fake]
        if not used:
            continue
        for family in ("bce", "least_squares"):
            halves = _halves(g, theta, used, family)
            if halves is not None:
                return halves
    return None


def _halves(
    g: FloatArray, theta: FloatArray, used: list[tuple[FloatArray, bool]], family: str
) -> DiscriminatorFit | None:
    columns = []
    for x, _ in used:
        rows = np.column_stack([x, np.ones(len(x))])
        logits = rows @ theta
        slope = scipy.special.expit(logits) if family == "bce" else logits
        columns += [(slope[:, None] * rows).mean(axis=0), rows.mean(axis=0)]
    found = combination(g, columns)
    if found is None:
        return None
    halves = {}
    for at, (_, is_real) in enumerate(used):
        slope, constant = found[2 * at], found[2 * at + 1]
        if abs(slope) < 1e-3 and abs(constant) > 1e-3:
            family, halves[is_real] = "wasserstein", Half(-constant, 1.0)
        elif abs(slope) < 1e-3:
            return None  # these images have no part in the loss
        else:
            halves[is_real] = Half(slope, -constant / slope)
    return DiscriminatorFit(halves.get(True), halves.get(False), family, misfit(g, columns, found))


def combination(g: FloatArray, columns: Sequence[FloatArray], rtol: float = RTOL) -> FloatArray | None:
    """Return the coefficients with which the columns give g; None when they do not.

    >>> combination(np.array([1.0, 2.0, 3.0]), [np.array([1.0, 2.0, 3.0])]).round(6).tolist()
    [1.0]
    """
    matrix = np.stack(columns, axis=1)
    norm = float(np.linalg.norm(g))
    if not norm or not np.all(np.isfinite(matrix)) or len(g) != len(matrix):
        return None
    scale = np.linalg.norm(matrix, axis=0)
    if not np.all(scale):
        return None
    scaled, *_ = np.linalg.lstsq(matrix / scale, g, rcond=None)
    found: FloatArray = scaled / scale
    return found if np.linalg.norm(matrix @ found - g) <= rtol * norm else None


def misfit(g: FloatArray, columns: Sequence[FloatArray], coefficients: FloatArray) -> float:
    """Return |columns coefficients - g| / |g|."""
    return float(np.linalg.norm(np.stack(columns, axis=1) @ coefficients - g) / np.linalg.norm(g))


class GeneratorFit(NamedTuple):
    """The loss that a generator's gradient belongs to."""

    kind: str
    """`non_saturating`, `minimax`, `flipped` or `wasserstein`."""
    target: float
    """Of the fakes in the binary cross-entropy; 1 but for smoothing."""
    weight: float
    misfit: float = 0.0
    """How much of the gradient it leaves unexplained, as a share."""


def fit_generator(
    gradient: npt.ArrayLike,
    weights: npt.ArrayLike,
    noises: Sequence[FloatArray],
    discriminators: Sequence[FloatArray],
) -> GeneratorFit | None:
    """Return the loss whose gradient on the generator this is; None when it is none that is known.

    Parameters
    ----------
    gradient, weights : (3 n_pixels,): A (2, n_pixels) row by row, then b
    noises : noise (n, 2) of every forward pass
    discriminators : weights (n_pixels + 1,) that the discriminator may have had
    """
    g, theta = np.asarray(gradient, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    n = len(theta) // 3
    for z in noises:
        images = np.tanh(z @ theta[: 2 * n].reshape(2, n) + theta[2 * n :])
        for d in discriminators:
            slope = scipy.special.expit(images @ d[:-1] + d[-1])
            columns = [_through_generator(s, z, images, d[:-1]) for s in (slope, np.ones(len(z)))]
            found = combination(g, columns)
            if found is not None:
                kind = _generator_kind(float(found[0]), float(found[1]))
                return kind._replace(misfit=misfit(g, columns, found))
    return None


def _through_generator(s: FloatArray, z: FloatArray, images: FloatArray, w: FloatArray) -> FloatArray:
    """Gradient on the generator of the mean of a loss whose derivative by the logits is s (n,)."""
    inner = (s / len(s))[:, None] * w * (1 - images**2)  # (n, n_pixels)
    return np.concatenate([(z.T @ inner).reshape(-1), inner.sum(axis=0)])


def _generator_kind(slope: float, constant: float) -> GeneratorFit:
    if abs(slope) < 1e-2 * abs(constant):
        return GeneratorFit("wasserstein", 1.0, -constant)
    if slope < 0:
        return GeneratorFit("minimax", 0.0, -slope)
    target = -constant / slope
    return GeneratorFit("flipped" if target < 0.5 else "non_saturating", target, slope)


def token_nlls(
    inputs: npt.ArrayLike, targets: npt.ArrayLike, phase: float, gain: float, vocab_size: int
) -> FloatArray:
    """Return -log p(target | input) in nats, of the shape of the inputs, by the language model above."""
    x, y = np.asarray(inputs, dtype=np.int64), np.asarray(targets, dtype=np.int64)
    table = scipy.special.log_softmax(
        gain * wave(vocab_size**2, phase, 0.05).reshape(vocab_size, vocab_size), axis=1
    )
    nlls: FloatArray = -table[x, y]
    return nlls


class LanguageFit(NamedTuple):
    """The loss that a language model's update belongs to, and how its gradient was clipped."""

    kind: str
    """`cross_entropy`, or the name of a mistake."""
    reduction: str
    """`mean`, `sum` or `batch_mean`; "" where clipping hides it."""
    clip: str
    """`norm`, `value` or "": not clipped."""
    norm: float
    """Of the gradient that moved the weights."""


def language_gradients(
    inputs: npt.ArrayLike, targets: npt.ArrayLike, phase: float, gain: float, vocab_size: int
) -> dict[str, FloatArray]:
    """Return the gradient (V^2,) of the mean cross-entropy, and of what typical mistakes compute, by name."""
    x, y = np.asarray(inputs, dtype=np.int64), np.asarray(targets, dtype=np.int64)
    table = wave(vocab_size**2, phase, 0.05).reshape(vocab_size, vocab_size)
    once = np.eye(vocab_size)

    def gradient(
        tokens: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64], twice: bool = False
    ) -> FloatArray:
        rows, labels = tokens.reshape(-1), wanted.reshape(-1)
        law = scipy.special.softmax(gain * table[rows], axis=1)
        slope = law - once[labels]
        if twice:  # cross-entropy of what was through a softmax already
            outer = scipy.special.softmax(law, axis=1) - once[labels]
            slope = law * (outer - (outer * law).sum(axis=1, keepdims=True))
        total = np.zeros_like(table)
        np.add.at(total, rows, gain * slope / len(rows))
        return total.reshape(-1)

    return {
        "cross_entropy": gradient(x, y),
        "copies": gradient(x, x),
        "shifted_again": gradient(x[:, :-1], y[:, 1:]),
        "double_softmax": gradient(x, y, twice=True),
        "last_only": gradient(x[:, -1:], y[:, -1:]),
    }


def fit_language(
    gradient: npt.ArrayLike,
    truths: dict[str, FloatArray],
    n_tokens: int,
    n_rows: int,
    max_norm: float | None,
) -> LanguageFit | None:
    """Return the loss that a gradient belongs to; None when it is none that is known.

    Parameters
    ----------
    gradient : (V^2,), as it was when the optimizer made its step
    truths : from :func:`language_gradients`
    n_tokens, n_rows : size of the batch
    max_norm : the norm to which it may have been clipped
    """
    g = np.asarray(gradient, dtype=np.float64)
    norm = float(np.linalg.norm(g))
    for kind, truth in truths.items():
        found = combination(g, [truth])
        if found is not None and found[0] > 0:
            factor = float(found[0])
            reductions = {"mean": 1.0, "sum": float(n_tokens), "batch_mean": n_tokens / n_rows}
            known = (name for name, value in reductions.items() if abs(factor - value) < 5e-3 * value)
            reduction = next(known, "")
            is_clipped = not reduction and max_norm is not None and abs(norm - max_norm) < 5e-3 * max_norm
            return LanguageFit(kind, reduction, "norm" if is_clipped else "", norm)
        limit = float(np.abs(g).max())
        clamped = np.clip(truth, -limit, limit)
        if combination(g, [clamped]) is not None:
            return LanguageFit(kind, "", "value", norm)
    return None
