"""Autocorrelation, effective sample size and errors of Markov chains."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy

from autograder.stats.arrays import FloatArray, rows, series


def autocovariance(x: npt.ArrayLike, max_lag: int | None = None, unbiased: bool = False) -> FloatArray:
    """Return c_k = 1/n sum_t (x_t - mean)(x_{t+k} - mean) for k = 0..max_lag, (max_lag + 1,).

    Parameters
    ----------
    x : (n,) series, n >= 2
    max_lag : in [0, n - 1]; all lags when None
    unbiased : divide by n - k, the number of terms, instead of n

    Raises
    ------
    ValueError
        If the series is shorter than 2 or not finite, or max_lag is out of range.
    """
    values = series(x, "x", at_least=2)
    n = len(values)
    last = n - 1 if max_lag is None else max_lag
    if not 0 <= last <= n - 1:
        raise ValueError(f"max_lag: expected 0 <= max_lag <= {n - 1} for {n} values, got {max_lag}")
    # zeros behind the series: the transform's circular product is then the plain one
    size = scipy.fft.next_fast_len(2 * n - 1, real=True)
    spectrum = scipy.fft.rfft(values - values.mean(), size)
    products = np.asarray(scipy.fft.irfft(np.abs(spectrum) ** 2, size)[: last + 1], dtype=np.float64)
    terms = n - np.arange(last + 1) if unbiased else np.full(last + 1, n)
    return np.asarray(products / terms, dtype=np.float64)


def acf(x: npt.ArrayLike, max_lag: int | None = None, unbiased: bool = False) -> FloatArray:
    """Return the autocorrelations c_k / c_0, (max_lag + 1,), the first of them 1.

    Parameters: as :func:`autocovariance`.

    Raises
    ------
    ValueError
        As :func:`autocovariance`; also for a constant series, which has no autocorrelation.

    Examples
    --------
    >>> acf([1.0, -1.0, 1.0, -1.0], 1).tolist()
    [1.0, -0.75]
    """
    values = series(x, "x", at_least=2)
    if _is_constant(values):
        raise ValueError(
            "x: expected a series that varies, got a constant one: its autocorrelation is undefined"
        )
    c = autocovariance(values, max_lag, unbiased)
    return np.asarray(c / c[0], dtype=np.float64)


def acf_pearson(x: npt.ArrayLike, max_lag: int) -> FloatArray:
    """Return the correlations of x[:-k] and x[k:] as np.corrcoef computes them, (max_lag + 1,).

    Each lag has its own means and variances; differs from :func:`acf` by terms of order k / n.

    Raises
    ------
    ValueError
        If the series is not finite or constant (or constant up to its ends), or max_lag is not in [0, n - 2].
    """
    values = series(x, "x", at_least=2)
    if not 0 <= max_lag <= len(values) - 2:
        raise ValueError(f"max_lag: expected 0 <= max_lag <= {len(values) - 2}, got {max_lag}")
    result = np.ones(max_lag + 1)
    for k in range(max_lag + 1):
        a, b = values[: len(values) - k], values[k:]
        if _is_constant(a) or _is_constant(b):
            raise ValueError(f"x: expected a series that varies, got constant values at lag {k}")
        result[k] = np.corrcoef(a, b)[0, 1] if k else 1.0
    return result


def _is_constant(values: FloatArray) -> bool:
    return bool(np.ptp(values) == 0)


def tau_int(x: npt.ArrayLike) -> float:
    """Return the integrated autocorrelation time 1 + 2 sum_k acf_k, 1 for independent draws; lower is better.

    Geyer's initial monotone sequence: sums of neighbouring pairs acf_2k + acf_2k+1 are added while positive,
    each cut to the smallest before it. Infinite for a constant series; at least 1 / log10(n).

    Raises
    ------
    ValueError
        If the series is shorter than 4 or not finite.

    Source: Geyer (1992), Statistical Science 7:473-483, section 3.3.
    """
    values = series(x, "x", at_least=4)
    if _is_constant(values):
        return float("inf")
    rho = acf(values)
    pairs = rho[: len(rho) // 2 * 2].reshape(-1, 2).sum(axis=1)
    stop = int(np.argmax(pairs <= 0)) if np.any(pairs <= 0) else len(pairs)
    tau = 2 * float(np.minimum.accumulate(pairs[:stop]).sum()) - 1
    return max(tau, 1 / float(np.log10(max(len(values), 10))))


def ess_mcmc(x: npt.ArrayLike) -> float:
    """Return the effective sample size n / tau_int; higher is better. 0 for a constant series, by convention.

    Raises
    ------
    ValueError
        If the series is shorter than 4 or not finite.
    """
    values = series(x, "x", at_least=4)
    return len(values) / tau_int(values)


def mcse_mean(x: npt.ArrayLike) -> float:
    """Return the Monte Carlo standard error of the mean, sqrt(c_0 tau_int / n), in units of x.

    Infinite for a constant series: it says nothing about the mean of its target. A chain that has not
    visited all modes gives a value that is far too small.

    Raises
    ------
    ValueError
        If the series is shorter than 4 or not finite.
    """
    values = series(x, "x", at_least=4)
    if _is_constant(values):
        return float("inf")
    return float(np.sqrt(values.var() * tau_int(values) / len(values)))


def move_rate(chain: npt.ArrayLike) -> float:
    """Return the fraction of consecutive rows that differ, in [0, 1]: the acceptance rate of a chain.

    Parameters
    ----------
    chain : (n, d) or (n,), unthinned, n >= 2

    Raises
    ------
    ValueError
        If the chain is not finite or shorter than 2.

    Examples
    --------
    >>> move_rate([[0.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    0.5
    """
    values = np.asarray(chain, dtype=np.float64)
    states = rows(values[:, None] if values.ndim == 1 else values, "chain", at_least=2)
    return float(np.mean(np.any(states[1:] != states[:-1], axis=1)))


def acf_bartlett_sd(acf_true: npt.ArrayLike, n: int, max_lag: int) -> FloatArray:
    """Return the standard deviations of the sample autocorrelations of a linear process, (max_lag + 1,).

    Var r_k = 1/n sum_{v>=1} (rho_{v+k} + rho_{v-k} - 2 rho_v rho_k)^2 to leading order; 0 at lag 0.

    Parameters
    ----------
    acf_true : (L + 1,) true autocorrelations from lag 0, taken as 0 beyond: give them until they vanish
    n : length of the series, > max_lag
    max_lag : in [0, n - 1]

    Raises
    ------
    ValueError
        If acf_true does not start with 1, exceeds 1, or max_lag is out of range.

    Source: Bartlett (1946); Brockwell and Davis (1991), Time Series, equation 7.2.6.
    """
    rho = series(acf_true, "acf_true")
    if abs(rho[0] - 1) > 1e-12 or np.any(np.abs(rho) > 1 + 1e-12):
        raise ValueError(f"acf_true: expected autocorrelations that start with 1, got {rho[:3].tolist()}")
    if not 0 <= max_lag <= n - 1:
        raise ValueError(f"max_lag: expected 0 <= max_lag <= {n - 1}, got {max_lag}")
    reach = len(rho) + max_lag
    padded = np.zeros(reach + max_lag + 1)
    padded[: len(rho)] = rho
    v = np.arange(1, reach)
    variance = [
        np.sum((padded[v + k] + padded[np.abs(v - k)] - 2 * padded[v] * padded[k]) ** 2)
        for k in range(max_lag + 1)
    ]
    return np.asarray(np.sqrt(np.array(variance) / n), dtype=np.float64)
