"""Inception Score, Frechet distance and perplexity in closed form, with their legitimate conventions and typical mistakes.

IS   = exp(E_x KL(p(y|x) || p(y))), p(y) the mean of a split's rows       (Salimans et al. 2016, section 4)
FID  = |m_a - m_b|^2 + Tr(S_a + S_b - 2 (S_a S_b)^(1/2))                  (Dowson and Landau 1982; Heusel et al. 2017)
PPL  = exp(mean negative log-likelihood of a token, in nats)              (Jelinek et al. 1977)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autograder.stats.arrays import FloatArray


class Score(NamedTuple):
    """Mean and standard deviation over splits; the deviation by either ddof."""

    mean: float
    sd0: float
    sd1: float


def divergences(probs: npt.ArrayLike, marginal: npt.ArrayLike | None = None) -> FloatArray:
    """Return KL(p(y|x) || p(y)) in nats for every row (n,), with 0 log 0 = 0.

    Parameters
    ----------
    probs : (n, n_classes), rows summing to 1
    marginal : p(y), by default the mean of the rows
    """
    p = np.asarray(probs, dtype=np.float64)
    q = np.broadcast_to(p.mean(axis=0) if marginal is None else np.asarray(marginal), p.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0)
    result: FloatArray = terms.sum(axis=1)
    return result


def inception_scores(probs: npt.ArrayLike, n_splits: int) -> dict[str, Score]:
    """Return the score over contiguous splits under `right`, and what typical mistakes give, by name.

    The right score lies between 1 (rows all the same) and n_classes (one-hot, classes equally often).
    """
    p = np.asarray(probs, dtype=np.float64)
    splits = np.array_split(p, n_splits)
    overall = p.mean(axis=0)
    logs = [float(divergences(split).mean()) for split in splits]
    per_row = np.log(p.shape[1])
    entropies = [float((divergences(split, np.full(p.shape[1], 1 / p.shape[1]))).mean()) for split in splits]
    with np.errstate(divide="ignore", invalid="ignore"):
        reversed_logs = [_reversed(split) for split in splits]
    values = {
        "right": np.exp(logs),
        "no_exp": np.array(logs),
        "base_2": np.exp2(np.array(logs)),
        "bits_in_exp": np.exp(np.array(logs) / np.log(2)),
        "marginal_of_all": np.exp([float(divergences(split, overall).mean()) for split in splits]),
        "no_splits": np.exp([float(divergences(p).mean())]),
        "uniform_marginal": np.exp(entropies),
        "entropy_only": np.exp(per_row - np.array(entropies)),
        "reversed": np.exp(reversed_logs),
        "exp_of_mean": np.exp([float(np.mean(logs))]),
        "mean_over_classes": np.exp(np.array(logs) / p.shape[1]),
    }
    return {name: _score(np.asarray(one)) for name, one in values.items()}


def _reversed(split: FloatArray) -> float:
    """E_x KL(p(y) || p(y|x)); inf where a row has a zero."""
    q = split.mean(axis=0)
    return float(np.mean(np.sum(np.where(q > 0, q * (np.log(q) - np.log(split)), 0.0), axis=1)))


def _score(values: FloatArray) -> Score:
    if not np.all(np.isfinite(values)):
        return Score(np.nan, np.nan, np.nan)
    sd1 = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return Score(float(values.mean()), float(values.std()), sd1)


# ------------------------------------------------------------------ Frechet distance


def trace_of_root(cov_a: FloatArray, cov_b: FloatArray) -> float:
    """Return Tr (S_a S_b)^(1/2) of symmetric positive semi-definite matrices of any rank.

    The eigenvalues of S_a S_b are those of R^T S_b R with S_a = R R^T, which is symmetric.
    """
    values, vectors = np.linalg.eigh(cov_a)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    return float(np.sum(np.sqrt(np.clip(np.linalg.eigvalsh(root.T @ cov_b @ root), 0.0, None))))


def frechet(mean_a: FloatArray, cov_a: FloatArray, mean_b: FloatArray, cov_b: FloatArray) -> dict[str, float]:
    """Return the distance of two Gaussians under `right`, and what typical mistakes give, by name.

    Parameters
    ----------
    mean_a, mean_b : (d,)
    cov_a, cov_b : (d, d), of any rank
    """
    shift = float(np.sum((mean_a - mean_b) ** 2))
    traces, root = float(np.trace(cov_a) + np.trace(cov_b)), trace_of_root(cov_a, cov_b)
    product = np.diag(cov_a @ cov_b)
    right = max(0.0, shift + traces - 2 * root)
    with np.errstate(invalid="ignore"):
        elementwise = float(np.sum(np.sqrt(product)))
        entries = float(np.sum(np.sqrt(np.diag(cov_a) * np.diag(cov_b))))
    return {
        "right": right,
        "root_of_it": float(np.sqrt(right)),
        "one_root": shift + traces - root,
        "no_root": shift + traces - 2 * float(np.trace(cov_a @ cov_b)),
        "root_elementwise": shift + traces - 2 * elementwise,
        "root_of_entries": shift + traces - 2 * entries,
        "no_cross_term": shift + traces,
        "plus_cross_term": shift + traces + 2 * root,
        "mean_not_squared": float(np.sqrt(shift)) + traces - 2 * root,
        "mean_only": shift,
        "no_mean": max(0.0, traces - 2 * root),
        "mean_of_squares": shift / len(mean_a) + traces - 2 * root,
    }


def frechet_of_features(features_a: npt.ArrayLike, features_b: npt.ArrayLike, ddof: int) -> dict[str, float]:
    """Return :func:`frechet` of the means and covariances of two sets of rows (n, d)."""
    moments: list[FloatArray] = []
    for features in (features_a, features_b):
        rows = np.asarray(features, dtype=np.float64)
        moments += [rows.mean(axis=0), np.atleast_2d(np.cov(rows, rowvar=False, ddof=ddof))]
    return frechet(*moments)


# ------------------------------------------------------------------ perplexity


def perplexities(nlls: npt.ArrayLike) -> dict[str, float]:
    """Return exp(mean NLL) under `right`, and what typical mistakes give, by name.

    Parameters
    ----------
    nlls : negative log-likelihood of every token, in nats

    Examples
    --------
    >>> perplexities([0.0, 0.0])["right"]
    1.0
    """
    x = np.asarray(nlls, dtype=np.float64)
    mean = float(x.mean())
    return {
        "right": float(np.exp(mean)),
        "no_exp": mean,
        "base_2": float(np.exp2(mean)),
        "base_10": float(10**mean),
        "bits": mean / float(np.log(2)),
        "negative": float(np.exp(-mean)),
        "mean_of_exp": float(np.mean(np.exp(x))),
        "sum": float(np.exp(min(x.sum(), 700.0))),
    }
