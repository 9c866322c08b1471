"""Which formula a sampled latent variable follows, where the noise behind it is known.

z = mu + sigma * eps with sigma = exp(log_var / 2) (Kingma and Welling 2014, section 2.4), or a typical mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autograder.stats.arrays import FloatArray

ATOL = 2e-5
MAX_FLOOR = 0.01


class LatentFit(NamedTuple):
    """The formula that fits: "" for the right one, else the name of a mistake."""

    mistake: str
    notes: tuple[str, ...] = ()


def noise_of_shape(noise: Sequence[float], shape: tuple[int, ...]) -> FloatArray:
    """Return the noise that a source of a shape gave: the values in turn, repeated as often as needed."""
    filled: FloatArray = np.resize(np.asarray(noise, dtype=np.float64), int(np.prod(shape))).reshape(shape)
    return filled


def explain_latent(
    z: npt.ArrayLike, mu: npt.ArrayLike, log_var: npt.ArrayLike, noise: Sequence[float], form: str = "log_var"
) -> LatentFit | None:
    """Return which formula z (n, d) follows; None when none that is known.

    Parameters
    ----------
    mu, log_var : of the law, shape (n, d)
    noise : what the source gave, in order
    form : `log_var`, `sigma` or `variance`: what was handed over in place of the log variance
    """
    seen, m, v = (np.asarray(value, dtype=np.float64) for value in (z, mu, log_var))
    eps = noise_of_shape(noise, m.shape)
    row = noise_of_shape(noise, m.shape[1:])
    sigma = np.exp(0.5 * v)
    given = {"log_var": v, "sigma": sigma, "variance": sigma**2}[form]
    formulas = {
        "": m + sigma * eps,
        "shared_noise": m + sigma * row,
        "no_noise": m,
        "unscaled": m + eps,
        "no_mu": sigma * eps,
    }
    if form == "log_var":
        formulas |= {
            "log_var_as_sigma": m + v * eps,
            "variance_as_sigma": m + sigma**2 * eps,
            "exchanged": v + np.exp(0.5 * m) * eps,
        }
    elif form == "sigma":
        formulas |= {"exp_half_sigma": m + np.exp(0.5 * given) * eps, "exp_sigma": m + np.exp(given) * eps}
    return next((LatentFit(name) for name, value in formulas.items() if _same(seen, value)), None)


def _same(a: FloatArray, b: FloatArray) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=ATOL, atol=ATOL))


SPREADS: dict[str, tuple[str, Callable[[FloatArray], FloatArray]]] = {
    "a log variance": ("", lambda g: np.exp(0.5 * g)),
    "log σ": ("", np.exp),
    "σ, by softplus": ("", lambda g: np.logaddexp(0.0, g)),
    "σ, by sigmoid": ("", lambda g: 1 / (1 + np.exp(-g))),
    "σ, by ReLU or the absolute value": ("", np.abs),
    "nothing": ("unscaled", np.ones_like),
    "σ again": ("exp_half_sigma", lambda g: np.exp(0.5 * np.logaddexp(0.0, g))),
}
"""What the second head of an encoder may give, the mistake in it, and sigma as a function of the head's output."""


def explain_model(
    shown: Sequence[FloatArray], given: Sequence[FloatArray], noise: Sequence[float], has_asked: bool = True
) -> LatentFit | None:
    """Return how a whole model samples: some z that a layer is shown, from two outputs of layers; None if unknown.

    Parameters
    ----------
    shown, given : inputs and outputs of layers, matrices (n, d)
    has_asked : whether any source of noise was used
    """
    without_noise = False
    for z in shown:
        eps = noise_of_shape(noise, z.shape)
        alike = [half for one in given for half in _of_width(one, z.shape[1]) if len(half) == len(z)]
        for mu in alike:
            without_noise = without_noise or _same(z, mu)
            for spread in alike:
                if spread is mu:
                    continue
                for what, (mistake, sigma_of) in SPREADS.items():
                    with np.errstate(over="ignore"):
                        sigma = sigma_of(spread)
                        if _same(z, mu + (sigma + _floor(z - mu, sigma, eps)) * eps):
                            return LatentFit(mistake, (f"The encoder gives {what}.",) if not mistake else ())
    return LatentFit("no_noise") if without_noise and not has_asked else None


def _floor(noise: FloatArray, sigma: FloatArray, eps: FloatArray) -> float:
    """Return the small number that keeps a deviation away from 0 (`softplus(s) + 1e-4`), 0 where there is none."""
    over = float(np.median(noise / np.where(eps == 0.0, 1.0, eps) - sigma))
    return over if ATOL < over <= MAX_FLOOR else 0.0


def _of_width(values: FloatArray, d: int) -> list[FloatArray]:
    """A matrix of d columns; of 2 d columns, its halves: both heads of an encoder in one layer, in rows or in turn."""
    if values.shape[1] == 2 * d:
        return [values[:, :d], values[:, d:], values[:, ::2], values[:, 1::2]]
    return [values] if values.shape[1] == d else []
