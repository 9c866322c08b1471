"""Claims about autocorrelation functions: of a chain, of a known process, of any series."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.checks.calls import successes, unanswered
from autograder.checks.findings import (
    CheckParams,
    Context,
    Finding,
    RandomCheckParams,
    failed,
    join,
    judged,
    untried,
)
from autograder.checks.values import where
from autograder.probes.evidence import Evidence
from autograder.records import Found, Picture
from autograder.registry import CHECKS
from autograder.rubric.model import ChallengeKey, EvidenceKey
from autograder.stats.chains import acf, acf_bartlett_sd, acf_pearson
from autograder.stats.transitions import z_limit

Array = np.ndarray


class AcfMatchesDraws(CheckParams):
    """A reported autocorrelation function beside the chain it belongs to."""

    acf: EvidenceKey
    sources: list[EvidenceKey]
    """Chains or draws (arrays or tables) whose first column it may be computed from, raw or thinned."""
    key: float | None = None
    """The step size, where the sources are tables."""
    max_lag: int
    n_iter: int = 0
    """Iterations of the chain; a source with twice as many rows recorded every update of a coordinate."""
    n_burn_in: int = 0
    thin: int = 1
    atol: float = 2e-4


@CHECKS.register(AcfMatchesDraws)
def acf_matches_draws(evidence: Evidence, params: AcfMatchesDraws, context: Context) -> Finding:
    """The reported autocorrelation is that of x₁ of the chain (raw or thinned; biased, unbiased or pairwise)."""
    reported = evidence.array(params.acf).reshape(-1)
    found = where(evidence, params.acf)
    expected = f"the autocorrelation of x₁ up to lag {params.max_lag}"
    if len(reported) < params.max_lag or not np.all(np.isfinite(reported)):
        lags = f"{len(reported) - 1} lags"
        return failed(
            f"Your autocorrelation has {lags}; {params.max_lag} are asked for.",
            observed=lags,
            expected=expected,
            found=found,
        )
    columns = list(_first_columns(evidence, params)) or list(_kept_series(evidence, params))
    if not columns:
        return untried("There is no chain to compare the autocorrelation with.")
    for name, x1, _ in columns:
        if convention := _acf_convention(reported, x1, params.max_lag, params.atol):
            curve = acf(x1, params.max_lag)
            picture = acf_picture(reported, curve, "Your autocorrelation and that of your chain")
            return judged(
                1.0,
                observed=f"of {name}, {convention}",
                expected=expected,
                message=f"Your autocorrelation is that of x₁ of your chain ({name}).",
                found=found,
                pictures=(picture,),
            )
    cause = _other_series(evidence, params, reported, columns)
    return failed(
        "Your autocorrelation is not that of x₁ of your chain." + cause,
        observed="another sequence",
        expected=expected,
        found=found,
        pictures=(
            acf_picture(
                reported, acf(columns[0][1], params.max_lag), "Your autocorrelation and that of your chain"
            ),
        ),
    )


def _first_columns(evidence: Evidence, params: AcfMatchesDraws) -> Iterator[tuple[str, Array, Array]]:
    for source in params.sources:
        if not evidence.has(source):
            continue
        is_table = evidence.part.evidence[source].kind == "table"
        array = evidence.table(source).get(params.key or 0.0) if is_table else evidence.array(source)
        if array is None or array.ndim != 2 or array.shape[1] != 2 or len(array) <= params.max_lag + 2:
            continue
        readings = _readings(array, params.n_burn_in, params.thin)
        if params.n_iter and len(array) > 1.7 * params.n_iter:  # every update of a coordinate recorded
            readings += _readings(array, 2 * params.n_burn_in, 2 * params.thin)
            readings += _readings(array[1::2], params.n_burn_in, params.thin) + _readings(
                array[::2], params.n_burn_in, params.thin
            )
        for name, rows in readings:
            if (
                np.all(np.isfinite(rows))
                and np.ptp(rows[:, 0]) > 0
                and np.ptp(rows[:, 1]) > 0
                and len(rows) > params.max_lag + 2
            ):
                yield f"{evidence.part.evidence[source].about}, {name}", rows[:, 0], rows[:, 1]


def _kept_series(evidence: Evidence, params: AcfMatchesDraws) -> Iterator[tuple[str, Array, Array]]:
    """Yield the long one-dimensional arrays of a notebook that kept no whole chain: x₁ alone may have been."""
    for leaf in evidence.observations.leaves:
        value = leaf.value
        if (
            isinstance(value, np.ndarray)
            and value.ndim == 1
            and value.dtype.kind == "f"
            and len(value) > 100 * params.max_lag
        ):
            series = value.astype(float)
            if np.all(np.isfinite(series)) and np.ptp(series) > 0:
                yield f"`{leaf.path}`", series, series


def _readings(array: Array, n_burn_in: int, thin: int) -> list[tuple[str, Array]]:
    """Return the stretches of a chain that an autocorrelation may be taken of, named."""
    readings = [("as kept", array)]
    if len(array) > 2 * n_burn_in:
        readings += [("after burn-in", array[n_burn_in + shift :]) for shift in (0, 1)]
        readings += [("thinned", array[n_burn_in + shift :: thin]) for shift in range(thin + 1)]
        readings += [("thinned, burn-in kept", array[::thin])]
    return readings


def _acf_convention(reported: Array, x: Array, max_lag: int, atol: float) -> str:
    """Return the convention by which `reported` is the autocorrelation of `x`, or nothing. Lag 0 may be left out."""
    pieces = [reported[: max_lag + 1]] if len(reported) > max_lag else []
    for name, truth in _conventions(x, max_lag):
        if any(np.allclose(piece[1:], truth[1:], atol=atol) and abs(piece[0] - 1) < 1e-3 for piece in pieces):
            return name
        if np.allclose(reported[:max_lag], truth[1:], atol=atol):
            return f"{name}, from lag 1"
    return ""


def _conventions(x: Array, max_lag: int) -> list[tuple[str, Array]]:
    n = len(x)
    biased = acf(x, max_lag)
    own_means = (
        np.array(
            [np.mean((x[: n - k] - x[: n - k].mean()) * (x[k:] - x[k:].mean())) for k in range(max_lag + 1)]
        )
        / x.var()
    )
    lags = np.arange(max_lag + 1)
    readings = [
        ("divided by n", biased),
        ("divided by n − k", acf(x, max_lag, unbiased=True)),
        ("pairwise", acf_pearson(x, max_lag)),
        ("each stretch with its own mean", own_means),
    ]
    # One of the two sums divided by one less (np.cov beside np.var), in either place.
    readings += [
        (f"{name}, ddof 1 in the covariance", curve * (n - lags) / (n - lags - 1))
        for name, curve in readings[1:]
    ]
    readings += [(f"{name}, ddof 1 in the variance", curve * (n - 1) / n) for name, curve in readings]
    for _, curve in readings[4:]:
        curve[0] = 1.0 if abs(curve[0] - 1) < 2 / n else curve[0]
    return readings


def _other_series(
    evidence: Evidence, params: AcfMatchesDraws, reported: Array, columns: list[tuple[str, Array, Array]]
) -> str:
    if any(_acf_convention(reported, x2, params.max_lag, params.atol) for _, _, x2 in columns):
        return " It is that of x₂."
    tables = [
        source
        for source in params.sources
        if evidence.has(source) and evidence.part.evidence[source].kind == "table"
    ]
    others = [
        (key, array)
        for source in tables
        for key, array in evidence.table(source).items()
        if key != params.key
    ]
    for key, array in others:
        if array.ndim != 2 or len(array) <= params.max_lag + 2 or np.ptp(array[:, 0]) == 0:
            continue
        if _acf_convention(reported, array[:, 0], params.max_lag, params.atol):
            return f" It is that of the chain for s = {key:g}."
    for _, x1, _ in columns:
        raw = np.array([np.mean(x1[: len(x1) - k] * x1[k:]) for k in range(params.max_lag + 1)])
        if np.allclose(reported[: params.max_lag + 1], raw / raw[0], atol=1e-3):
            return " The mean was not subtracted."
        centred = acf(x1, params.max_lag) * float(x1.var())
        if np.allclose(reported[: params.max_lag + 1], centred, rtol=1e-2):
            return " It is the autocovariance; it was not divided by the variance."
    return ""


def acf_picture(
    observed: Array, expected: Array | None, title: str, low: Array | None = None, high: Array | None = None
) -> Picture:
    """Return an autocorrelation drawn over the expected one."""

    def rounded(values: Array | None) -> list[float] | None:
        return None if values is None else [round(float(value), 4) for value in values[:101]]

    data = {
        "observed": rounded(observed),
        "expected": rounded(expected),
        "low": rounded(low),
        "high": rounded(high),
        "label": "lag",
    }
    return Picture(kind="acf", title=title, data=data)


class AcfFollows(RandomCheckParams):
    """An autocorrelation function with a known shape phi^k."""

    acf: EvidenceKey
    phis: dict[str, float]
    """Convention (sweeps, thinned sweeps, ...) to the correlation of neighbours."""
    n: dict[str, int]
    """Convention to the number of rows that the estimate comes from."""
    max_lag: int


@CHECKS.register(AcfFollows)
def acf_follows(evidence: Evidence, params: AcfFollows, context: Context) -> Finding:
    """The autocorrelation falls as theory says, within Bartlett's errors, by one of the accepted conventions."""
    reported = evidence.array(params.acf).reshape(-1)
    found = where(evidence, params.acf)
    best: tuple[float, str, Array, Array] | None = None
    for name, phi in params.phis.items():
        truth = phi ** np.arange(params.max_lag + 1)
        sd = acf_bartlett_sd(phi ** np.arange(400.0), params.n[name], params.max_lag)
        z = z_limit(context.rate / (params.max_lag * len(params.phis)))
        for offset in (0, 1):
            piece = reported[: params.max_lag + 1 - offset]
            lags = slice(offset, offset + len(piece))
            if len(piece) < 10:
                continue
            excess = float(np.max(np.abs(piece - truth[lags]) - z * sd[lags] - 2e-3))
            if best is None or excess < best[0]:
                best = (excess, name, truth, z * sd)
    if best is None:
        return failed(
            "Your autocorrelation has too few lags to be judged.",
            found=found,
            expected=join(list(params.phis)),
        )
    excess, name, truth, width = best
    picture = acf_picture(
        reported, truth, "Your autocorrelation over the expected one", truth - width, truth + width
    )
    about: dict[str, Any] = {
        "expected": f"a fall as of {join(list(params.phis))}",
        "found": found,
        "pictures": (picture,),
    }
    if excess <= 0:
        notes = (
            () if name == next(iter(params.phis)) else (f"The autocorrelation was read as that of {name}.",)
        )
        return judged(
            1.0,
            observed=name,
            message=f"The autocorrelation falls as it should ({name}).",
            notes=notes,
            **about,
        )
    return failed(
        "The autocorrelation does not fall as that of this sampler.", observed="another fall", **about
    )


class AcfFunctionAgrees(CheckParams):
    """A function of a series that must be its autocorrelation."""

    challenge: ChallengeKey
    atol: float = 1e-6


@CHECKS.register(AcfFunctionAgrees)
def acf_function_agrees(evidence: Evidence, params: AcfFunctionAgrees, context: Context) -> Finding:
    """Called on another series, the function returns its autocorrelation (by any accepted convention)."""
    called = evidence.called[params.challenge]
    for answer, values in successes(called):
        series, max_lag = np.asarray(values["series"], dtype=float), int(values["max_lag"])
        truths = _conventions(series, max_lag)
        about: dict[str, Any] = {
            "expected": "ρ(k) of the series of the call",
            "found": (Found(how="call", path=answer.function),),
        }
        for leaf in answer.leaves:
            if isinstance(leaf.value, str | None):
                continue
            value = np.asarray(leaf.value, dtype=float).reshape(-1)
            for name, truth in truths:
                # Lag 0 may be left out, and is 1 up to the convention's ddof; the last lag may be left out.
                whole = value.size >= max_lag and any(
                    len(piece) >= max_lag - 1 and np.allclose(piece, one[: len(piece)], atol=params.atol)
                    for piece, one in ((value[1 : max_lag + 1], truth[1:]), (value[:max_lag], truth[1:]))
                )
                single = value.size == 1 and abs(value[0] - truth[-1]) <= params.atol
                if whole or single:
                    return judged(
                        1.0,
                        observed=name,
                        message=f"`{answer.function}` is right for another series.",
                        **about,
                    )
        return failed(
            f"`{answer.function}`, called on another series, does not give its autocorrelation.",
            observed="other values",
            **about,
        )
    return unanswered(called, "the autocorrelation")
