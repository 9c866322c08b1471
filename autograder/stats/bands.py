"""The interval in which a correct submission's number falls, with the risk that it does not.

`false_fail_rate` is the probability that a correct submission is outside; `min_discrepancy` the smallest
true deviation that is caught with 95 % probability, in the worse of the two directions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, inf, isfinite
from typing import TypeVar

import scipy

from autograder.stats.arrays import positive

CATCH = 0.95


@dataclass(frozen=True)
class Band:
    """An interval, and how far it can be trusted."""

    low: float
    high: float
    method: str
    n: int
    """Draws, trials or replicates behind it; 0 where nothing is random."""
    false_fail_rate: float
    min_discrepancy: float
    """Infinite where a deviation in one direction can never be caught."""
    truth: float | None
    """The exact value; None where there is none."""
    note: str = ""

    def contains(self, x: float) -> bool:
        """Return whether low <= x <= high; False for NaN."""
        return self.low <= x <= self.high


BandMethod = Callable[..., Band]
Method = TypeVar("Method", bound=BandMethod)
BAND_METHODS: dict[str, BandMethod] = {}


def band_method(function: Method) -> Method:
    """Register a band method under its own name."""
    BAND_METHODS[function.__name__] = function
    return function


def _rate(rate: float) -> float:
    if not 0 < rate <= 0.5:
        raise ValueError(f"rate: expected a number in (0, 0.5], got {rate}")
    return float(rate)


def _number(value: float, name: str) -> float:
    if not isfinite(value):
        raise ValueError(f"{name}: expected a finite number, got {value}")
    return float(value)


@band_method
def exact(truth: float, atol: float = 0.0, rtol: float = 0.0) -> Band:
    """Return truth +- (atol + rtol |truth|), for values in which nothing is random.

    Raises
    ------
    ValueError
        If the truth is not finite or a tolerance is negative.

    Examples
    --------
    >>> exact(2.0, atol=0.5).contains(2.5)
    True
    """
    if not (atol >= 0 and rtol >= 0 and isfinite(atol + rtol)):
        raise ValueError(f"tolerances: expected finite numbers >= 0, got atol={atol}, rtol={rtol}")
    half = atol + rtol * abs(_number(truth, "truth"))
    return Band(truth - half, truth + half, "exact", 0, 0.0, half, float(truth))


@band_method
def normal(truth: float, sd: float, n: int, rate: float) -> Band:
    """Return truth +- z_{1 - rate/2} sd, for a statistic that is nearly normal.

    Parameters
    ----------
    truth : expectation of the statistic
    sd : standard deviation of the *statistic* at n draws (a standard error, not the spread of one draw)
    n : draws behind it, for the record
    rate : false-fail rate, in (0, 0.5]

    Raises
    ------
    ValueError
        If the truth is not finite, sd is not positive, n < 1, or the rate is out of range.
    """
    _at_least(n, 1, "n")
    half = float(scipy.stats.norm.isf(_rate(rate) / 2)) * positive(sd, "sd")
    caught = half + float(scipy.stats.norm.ppf(CATCH)) * sd
    return Band(_number(truth, "truth") - half, truth + half, "normal", n, rate, caught, float(truth))


@band_method
def proportion(truth: float, n: int, rate: float) -> Band:
    """Return the band of k / n, k ~ Binomial(n, truth), with at most rate/2 outside on each side.

    Its ends lie half a count beyond the last accepted counts, so that no rounding decides.
    `false_fail_rate` is the exact probability outside, at most `rate`.

    Parameters
    ----------
    truth : probability of success, in (0, 1)
    n : trials, fixed beforehand
    rate : in (0, 0.5]

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    _at_least(n, 1, "n")
    if not 0 < truth < 1:
        raise ValueError(f"truth: expected a probability in (0, 1), got {truth}")
    law = scipy.stats.binom(n, truth)
    k_low, k_high = int(law.ppf(_rate(rate) / 2)), int(law.isf(rate / 2))

    def outside(p: float) -> float:
        return float(scipy.stats.binom.cdf(k_low - 1, n, p) + scipy.stats.binom.sf(k_high, n, p))

    low, high = max(0.0, (k_low - 0.5) / n), min(1.0, (k_high + 0.5) / n)
    return Band(low, high, "proportion", n, outside(truth), _worse_side(outside, truth), float(truth))


@band_method
def negative_binomial(p: float, n_successes: int, rate: float) -> Band:
    """Return the band of N / T, T the number of trials when the N-th success ends the sampling.

    T - N ~ NegativeBinomial(N, p); at most rate/2 outside on each side, ends half a trial beyond the last
    accepted T. Where proposals are counted to the end of a batch, N / T is not this statistic.

    Parameters
    ----------
    p : probability of success, in (0, 1)
    n_successes : N, >= 1
    rate : in (0, 0.5]

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """
    _at_least(n_successes, 1, "n_successes")
    if not 0 < p < 1:
        raise ValueError(f"p: expected a probability in (0, 1), got {p}")
    law = scipy.stats.nbinom(n_successes, p)
    few, many = int(law.ppf(_rate(rate) / 2)), int(law.isf(rate / 2))

    def outside(q: float) -> float:
        return float(
            scipy.stats.nbinom.cdf(few - 1, n_successes, q) + scipy.stats.nbinom.sf(many, n_successes, q)
        )

    low = n_successes / (n_successes + many + 0.5)
    high = 1.0 if few == 0 else n_successes / (n_successes + few - 0.5)
    return Band(low, high, "negative_binomial", n_successes, outside(p), _worse_side(outside, p), float(p))


@band_method
def replicates(mean: float, sd: float, n_replicates: int, rate: float, confidence: float = 0.95) -> Band:
    """Return mean +- k sd of replicates: with `confidence` it holds a share 1 - rate of all correct runs.

    k is Howe's two-sided normal tolerance factor, k^2 = z^2 (1 + 1/N) (N - 1) / chi2, with z the normal
    quantile 1 - rate/2 and chi2 the quantile 1 - confidence of chi-square with N - 1 degrees of freedom.

    Assumes that the statistic is normal over replicates: far in the tails N runs cannot show it.

    Parameters
    ----------
    mean, sd : of the replicates (sd with N - 1 in the denominator)
    n_replicates : N, >= 2
    rate : in (0, 0.5]
    confidence : in (0, 1)

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Source: Howe (1969), JASA 64:610-620; NIST Handbook 7.2.6.3.
    """
    _at_least(n_replicates, 2, "n_replicates")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number in (0, 1), got {confidence}")
    k = tolerance_factor(n_replicates, 1 - _rate(rate), confidence)
    half = k * positive(sd, "sd")
    caught = half + float(scipy.stats.norm.ppf(CATCH)) * sd
    note = f"normal over replicates; coverage {1 - rate:.6g} with {confidence:.0%} confidence"
    return Band(
        _number(mean, "mean") - half, mean + half, "replicates", n_replicates, rate, caught, mean, note
    )


def tolerance_factor(n: int, coverage: float, confidence: float) -> float:
    """Return Howe's k for `n` normal replicates (formula and source: :func:`replicates`).

    Examples
    --------
    >>> round(tolerance_factor(43, 0.90, 0.99), 3)  # NIST Handbook 7.2.6.3: 2.217
    2.217
    """
    z = float(scipy.stats.norm.ppf((1 + coverage) / 2))
    chi2 = float(scipy.stats.chi2.ppf(1 - confidence, n - 1))
    return z * float(((1 + 1 / n) * (n - 1) / chi2) ** 0.5)


@band_method
def replicates_envelope(low: float, high: float, n: int, confidence: float = 0.95) -> Band:
    """Return the range of `n` replicates, with the false-fail rate that it really has.

    With `confidence` the range holds a share beta of the law, n beta^(n-1) - (n-1) beta^n = 1 - confidence;
    `false_fail_rate` is 1 - beta. No assumption on the law but continuity: 20 runs hold 78 % of it.

    `min_discrepancy` is the range itself: a shift by as much leaves the band with probability n / (n + 1) on
    average, which reaches 95 % from n = 19; infinite below.

    Raises
    ------
    ValueError
        If low > high, an end is not finite, n < 2, or the confidence is out of range.

    Source: Wilks (1941), Annals of Mathematical Statistics 12:91-96.
    """
    _at_least(n, 2, "n")
    if not _number(low, "low") <= _number(high, "high"):
        raise ValueError(f"range: expected low <= high, got {low} > {high}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number in (0, 1), got {confidence}")
    coverage = float(scipy.stats.beta.ppf(1 - confidence, n - 1, 2))
    note = f"range of {n} replicates; coverage {coverage:.1%} with {confidence:.0%} confidence"
    shift = high - low if n / (n + 1) >= CATCH else inf
    return Band(float(low), float(high), "replicates_envelope", n, 1 - coverage, shift, None, note)


def _at_least(value: int, least: int, name: str) -> None:
    if value != floor(value) or value < least:
        raise ValueError(f"{name}: expected a whole number >= {least}, got {value}")


def _worse_side(outside: Callable[[float], float], p: float) -> float:
    """Smallest shift of p that is outside with probability `CATCH`, in the direction that needs more."""
    tiny = 1e-12
    shifts = []
    for end in (tiny, 1 - tiny):
        if outside(end) < CATCH:
            return inf
        shifts.append(abs(float(scipy.optimize.brentq(lambda q: outside(q) - CATCH, *sorted((p, end)))) - p))
    return max(shifts)
