"""Texts under the law of the model that they were drawn from: what was kept, and whether the draws fit it.

A token's rank r among the model's probabilities q_0 >= q_1 >= ... is all that is looked at. At temperature T the law
is q^(1/T), normalised; decoders cut it (:func:`kept_top`, :func:`kept_mass`) and normalise what is left. The
probability integral transform of a draw, u = F(r - 1) + v q_r with v uniform, is uniform when the law is right
(Rosenblatt 1952); v is fixed here, so that a grade can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from autograder.stats.arrays import FloatArray

Kept = Callable[[FloatArray], FloatArray]
"""Laws (n, V), falling, to the laws that a decoder draws from."""
MARGIN = 1e-5
"""Of a mass: single precision decides on which side of p a sum lies."""
TIE = 1e-5
"""Relative difference of probabilities that single precision does not tell apart."""
MOST_SKEWNESS = 0.5
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.05, 20.0


def kept_top(k: int) -> Kept:
    """Return top-k: the k first probabilities, normalised.

    >>> kept_top(2)(np.array([[0.5, 0.3, 0.2]])).round(3).tolist()
    [[0.625, 0.375, 0.0]]
    """

    def cut(laws: FloatArray) -> FloatArray:
        return _normalised(np.where(np.arange(laws.shape[1]) < k, laws, 0.0))

    return cut


def kept_mass(p: float, is_inclusive: bool) -> Kept:
    """Return the nucleus: the fewest first probabilities that reach mass p, with or without the one that crosses p.

    >>> kept_mass(0.7, True)(np.array([[0.5, 0.3, 0.2]])).round(3).tolist()
    [[0.625, 0.375, 0.0]]
    >>> kept_mass(0.7, False)(np.array([[0.5, 0.3, 0.2]])).tolist()
    [[1.0, 0.0, 0.0]]
    """

    def cut(laws: FloatArray) -> FloatArray:
        mass = np.cumsum(laws, axis=1)
        is_in = (mass - laws < p + MARGIN) if is_inclusive else (mass <= p + MARGIN)
        is_in[:, 0] = True
        return _normalised(np.where(is_in, laws, 0.0))

    return cut


def _normalised(laws: FloatArray) -> FloatArray:
    result: FloatArray = laws / laws.sum(axis=1, keepdims=True)
    return result


@dataclass(frozen=True)
class Follows:
    """The ranks of the tokens of a text, and the model's probabilities before each of them, falling."""

    ranks: npt.NDArray[np.int64]
    laws: FloatArray
    """(n, V), at temperature 1."""

    def at(self, kept: Kept, temperature: float) -> FloatArray:
        """Return the laws (n, V) that a decoder draws from."""
        return kept(self._tempered(temperature))

    def _tempered(self, temperature: float) -> FloatArray:
        return _normalised(np.exp(np.log(np.maximum(self.laws, 1e-300)) / temperature))

    def n_outside(self, kept: Kept, temperature: float) -> int:
        """Return how many tokens such a decoder could not have drawn; a tie with the least of the kept may go either way."""
        whole = self._tempered(temperature)
        cut = kept(whole)
        least = np.min(np.where(cut > 0, whole, np.inf), axis=1)
        return int(np.sum(self._of_drawn(whole) < least * (1 - TIE)))

    def _of_drawn(self, laws: FloatArray) -> FloatArray:
        drawn: FloatArray = np.take_along_axis(laws, self.ranks[:, None], axis=1)[:, 0]
        return drawn

    def transform(self, kept: Kept, temperature: float) -> FloatArray:
        """Return the probability integral transform of every token, uniform on [0, 1] when the law is right."""
        laws = self.at(kept, temperature)
        own = self._of_drawn(laws)
        v = np.random.default_rng(1234).uniform(size=len(self.ranks))
        below = np.take_along_axis(np.cumsum(laws, axis=1), self.ranks[:, None], axis=1)[:, 0] - own
        u: FloatArray = np.clip(below + v * own, 0.0, 1.0)
        return u

    def surprise(self, kept: Kept, temperature: float) -> float:
        """Return the sum of log-probabilities, standardised: positive when likely tokens come too often.

        The logarithms are those of the law itself: their sum is the score by which one temperature is best told from
        the next.
        """
        return self._sums(kept, temperature)[0]

    def skewness(self, kept: Kept, temperature: float) -> float:
        """Return the skewness of that sum under the law; its tails are not a normal's where this is large."""
        return self._sums(kept, temperature)[1]

    def _sums(self, kept: Kept, temperature: float) -> tuple[float, float]:
        laws = self.at(kept, temperature)
        logs = np.log(np.maximum(self.laws, 1e-300))
        off = logs - np.sum(laws * logs, axis=1, keepdims=True)
        spread = float(np.sum(laws * off**2)) ** 0.5
        if spread == 0:
            return 0.0, 0.0
        return float(np.sum(self._of_drawn(off))) / spread, float(np.sum(laws * off**3)) / spread**3

    def temperature(self, kept: Kept) -> float:
        """Return the temperature under which the sum of log-probabilities is what is expected; bounded."""

        def excess(log_temperature: float) -> float:
            return self.surprise(kept, float(np.exp(log_temperature)))

        low, high = np.log(LEAST_TEMPERATURE), np.log(MOST_TEMPERATURE)
        if excess(low) >= 0:
            return LEAST_TEMPERATURE
        if excess(high) <= 0:
            return MOST_TEMPERATURE
        return float(np.exp(scipy.optimize.brentq(excess, low, high, xtol=1e-3)))


def fits_law(follows: Follows, kept: Kept, temperature: float = 1.0) -> float:
    """Return the p-value of the Kolmogorov-Smirnov test of a text's draws against a law."""
    return float(scipy.stats.kstest(follows.transform(kept, temperature), "uniform").pvalue)


def temperature_fits(follows: Follows, kept: Kept, temperature: float = 1.0) -> float:
    """Return the two-sided p-value of the text's mean log-probability under a law; 1 where its tails are unknown.

    Normal, with the Cornish-Fisher correction for skewness, z - (z^2 - 1) g / 6 (Cornish and Fisher 1938), by at most
    a third of z.
    """
    z, g = follows.surprise(kept, temperature), follows.skewness(kept, temperature)
    if abs(g) > MOST_SKEWNESS:
        return 1.0
    most = abs(z) / 3
    z -= min(most, max(-most, g * (z**2 - 1) / 6))
    return float(2 * scipy.stats.norm.sf(abs(z)))
