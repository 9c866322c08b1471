"""Closed forms of denoising diffusion (Ho, Jain, Abbeel 2020), and what of them observed points fit.

Steps are counted from 0: `alpha_bars[i]` is the product of the first i + 1 factors 1 - beta.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

Array = npt.NDArray[np.float64]
LEAST_SIGNAL = 2e-3
"""Smallest factor of x_0 by which it can be told from x_t in single precision."""
NEAR = 2e-4
SIGNAL_SLACK = 2e-6
"""How far off x_0 may be: NEAR, and this over the factor of x_0."""


def linear_betas(n: int, first: float, last: float) -> Array:
    """Return variances in equal steps.

    >>> linear_betas(3, 0.1, 0.3).tolist()
    [0.1, 0.2, 0.3]
    """
    return np.asarray(np.linspace(first, last, n).round(15))


def cosine_betas(n: int, offset: float = 0.008, most: float = 0.999) -> Array:
    """Return the variances of the cosine schedule (Nichol and Dhariwal 2021, eq. 17), at most `most`."""
    at = np.arange(n + 1) / n
    alpha_bars = np.cos((at + offset) / (1 + offset) * np.pi / 2) ** 2
    return np.asarray(np.minimum(1 - alpha_bars[1:] / alpha_bars[:-1], most), dtype=np.float64)


@dataclass(frozen=True)
class Schedule:
    """Variances by step, and the product of what is left."""

    name: str
    betas: Array
    alpha_bars: Array

    @property
    def before(self) -> Array:
        """(n,): the product up to the step before, 1 at the first."""
        return np.concatenate([[1.0], self.alpha_bars[:-1]])

    @property
    def variances(self) -> tuple[Array, Array]:
        """Both accepted variances of a reverse step: beta, and that given x_0 (eq. 7), which is 0 at the first step."""
        return self.betas, (1.0 - self.before) / (1.0 - self.alpha_bars) * self.betas

    def factors(self) -> Array:
        """(n, 2): of x_0 and of the noise in x_t (eq. 4)."""
        return np.stack([np.sqrt(self.alpha_bars), np.sqrt(1.0 - self.alpha_bars)], axis=1)

    def reverse_means(self, x: Array, noise: Array, step: int, clip: float | None = None) -> Array:
        """Return the mean of x_{t-1} given x_t and the predicted noise (eq. 11); with x_0 kept within `clip`, if any."""
        beta, bar, before = self.betas[step], self.alpha_bars[step], self.before[step]
        if clip is None:
            return np.asarray((x - beta / np.sqrt(1.0 - bar) * noise) / np.sqrt(1.0 - beta))
        x0 = np.clip((x - np.sqrt(1.0 - bar) * noise) / np.sqrt(bar), -clip, clip)
        return np.asarray(
            np.sqrt(before) * beta / (1.0 - bar) * x0 + np.sqrt(1.0 - beta) * (1.0 - before) / (1.0 - bar) * x
        )


def schedule_of(betas: Array, name: str) -> Schedule:
    """Return the schedule of some variances."""
    return Schedule(name, betas, np.asarray(np.cumprod(1.0 - betas), dtype=np.float64))


def wrong_factors(schedule: Schedule) -> dict[str, Array]:
    """Return factors (n, 2) of x_0 and of the noise that mistakes give, by a sentence that names each."""
    bars, alphas = schedule.alpha_bars, 1.0 - schedule.betas
    one = np.ones_like(bars)
    pairs = {
        "the roots are missing: it mixes with ᾱ and 1 − ᾱ": (bars, 1 - bars),
        "the noise is multiplied by 1 − ᾱ and not by its root": (np.sqrt(bars), 1 - bars),
        "the data is multiplied by ᾱ and not by its root": (bars, np.sqrt(1 - bars)),
        "it uses α of one step in the place of the product ᾱ": (np.sqrt(alphas), np.sqrt(1 - alphas)),
        "the data is not scaled by √ᾱ": (one, np.sqrt(1 - bars)),
        "the noise is not scaled by √(1 − ᾱ)": (np.sqrt(bars), one),
        "the factors of data and noise are exchanged": (np.sqrt(1 - bars), np.sqrt(bars)),
        "the noise is subtracted": (np.sqrt(bars), -np.sqrt(1 - bars)),
        "the noise is multiplied by √ᾱ, too": (np.sqrt(bars), np.sqrt(bars)),
    }
    return {name: np.stack(pair, axis=1) for name, pair in pairs.items()}


def steps_of(x_t: Array, noise: Array, factors: Array, data: cKDTree) -> npt.NDArray[np.int64]:
    """Return for each row (n, d) the step at which taking the noise away leads to a point of the data; -1 for none."""
    signals, scales = factors.T
    kept = np.flatnonzero(np.abs(signals) >= LEAST_SIGNAL)
    slack = NEAR + SIGNAL_SLACK / np.abs(signals[kept])
    points = (x_t[None] - scales[kept, None, None] * noise[None]) / signals[kept, None, None]
    distances, _ = data.query(points.reshape(-1, x_t.shape[1]), distance_upper_bound=float(slack.max()))
    excess = distances.reshape(len(kept), len(x_t)) / slack[:, None]
    nearest = excess.argmin(axis=0)
    return np.where(excess.min(axis=0) <= 1.0, kept[nearest], -1)


def energy_distance(a: Array, b: Array) -> float:
    """Return 2 E|X - Y| - E|X - X'| - E|Y - Y'| of two samples (n, d), without bias (Szekely and Rizzo 2013)."""
    within = [cdist(one, one).sum() / (len(one) * (len(one) - 1)) for one in (a, b)]
    return float(2 * cdist(a, b).mean() - sum(within))
