"""Mixtures of Gaussians in any dimension, in log space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from autograder.stats.arrays import FloatArray, finite, points

LOG_2PI = float(np.log(2 * np.pi))


def log_sum_exp(values: FloatArray, axis: int = 0) -> FloatArray:
    """Return log sum exp(values) along `axis`, without overflow; -inf where all terms are -inf.

    Examples
    --------
    >>> float(log_sum_exp(np.array([1000.0, 1000.0])).round(6))
    1000.693147
    """
    peak = np.max(values, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(peak), peak, 0.0)
    with np.errstate(divide="ignore"):
        total = np.log(np.sum(np.exp(values - shift), axis=axis, keepdims=True)) + shift
    return np.asarray(np.squeeze(total, axis=axis), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """p(x) = sum_k weights[k] N(x | means[k], covariances[k]).

    Parameters
    ----------
    weights : (K,) nonnegative, summing to 1 within 1e-9
    means : (K, d)
    covariances : (K, d, d) symmetric positive definite

    Raises
    ------
    ValueError
        If shapes disagree, weights are no probabilities, or a covariance is not positive definite.

    Examples
    --------
    >>> one = GaussianMixture([1.0], [[0.0, 0.0]], [np.eye(2)])
    >>> float(one.density(np.zeros(2)).round(6))  # 1 / (2 pi)
    0.159155
    """

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray

    def __init__(self, weights: npt.ArrayLike, means: npt.ArrayLike, covariances: npt.ArrayLike) -> None:
        w, mu, cov = finite(weights, "weights"), finite(means, "means"), finite(covariances, "covariances")
        if (
            w.ndim != 1
            or mu.ndim != 2
            or cov.shape != (len(w), mu.shape[1], mu.shape[1])
            or len(mu) != len(w)
        ):
            raise ValueError(
                f"mixture: expected weights (K,), means (K, d), covariances (K, d, d), "
                f"got {w.shape}, {mu.shape}, {cov.shape}"
            )
        if np.any(w < 0) or abs(w.sum() - 1) > 1e-9:
            raise ValueError(f"weights: expected nonnegative values with sum 1, got {w.tolist()}")
        if not np.allclose(cov, cov.swapaxes(1, 2), rtol=0, atol=1e-12):
            raise ValueError("covariances: expected symmetric matrices")
        for name, value in (("weights", w), ("means", mu), ("covariances", cov)):
            object.__setattr__(self, name, value)
        self._whiteners  # noqa: B018 - fails here, not at the first use, when a matrix is not positive definite

    @classmethod
    def from_mapping(cls, spec: Mapping[str, Any]) -> GaussianMixture:
        """Return the mixture of `{"weights": ..., "means": ..., "covariances": ...}`.

        Raises
        ------
        ValueError
            If a key is missing or unknown, or the values are no mixture.
        """
        names = ("weights", "means", "covariances")
        if set(spec) != set(names):
            raise ValueError(
                f"mixture: expected the keys {', '.join(names)}, got {', '.join(map(str, spec))}"
            )
        return cls(*(spec[name] for name in names))

    @property
    def n_dims(self) -> int:
        """Return d."""
        return int(self.means.shape[1])

    @cached_property
    def _whiteners(self) -> FloatArray:
        """Inverse Cholesky factors W (K, d, d): W (x - mean) is standard normal under component k."""
        try:
            factors = np.linalg.cholesky(self.covariances)
        except np.linalg.LinAlgError as error:
            raise ValueError("covariances: expected positive definite matrices") from error
        return np.linalg.inv(factors)

    @cached_property
    def _log_scales(self) -> FloatArray:
        """log weight - d/2 log 2 pi - 1/2 log det, (K,)."""
        log_det_half = -np.log(np.diagonal(self._whiteners, axis1=1, axis2=2)).sum(axis=1)
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights)
        return np.asarray(log_weights - 0.5 * self.n_dims * LOG_2PI - log_det_half, dtype=np.float64)

    def log_density(self, x: npt.ArrayLike) -> FloatArray:
        """Return log p(x) in nats, shape (..., d) -> (...,)."""
        at = points(x, "x", self.n_dims)
        terms = np.empty((len(self.weights), *at.shape[:-1]))
        for k, (mean, whitener) in enumerate(zip(self.means, self._whiteners, strict=True)):
            z = (at - mean) @ whitener.T
            terms[k] = self._log_scales[k] - 0.5 * np.einsum("...i,...i->...", z, z)
        return log_sum_exp(terms)

    def density(self, x: npt.ArrayLike) -> FloatArray:
        """Return p(x), shape (..., d) -> (...,)."""
        return np.asarray(np.exp(self.log_density(x)), dtype=np.float64)

    @property
    def mean(self) -> FloatArray:
        """Return E[x], (d,)."""
        return np.asarray(self.weights @ self.means, dtype=np.float64)

    @property
    def covariance(self) -> FloatArray:
        """Return Cov[x] = sum_k w_k (S_k + (m_k - m)(m_k - m)^T), (d, d)."""
        centred = self.means - self.mean
        within = np.einsum("k,kij->ij", self.weights, self.covariances)
        return np.asarray(within + (self.weights[:, None] * centred).T @ centred, dtype=np.float64)

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Return `n` independent draws, (n, d)."""
        which = rng.choice(len(self.weights), size=n, p=self.weights)
        noise = rng.standard_normal((n, self.n_dims))
        factors = np.linalg.cholesky(self.covariances)
        return np.asarray(
            self.means[which] + np.einsum("nij,nj->ni", factors[which], noise), dtype=np.float64
        )
