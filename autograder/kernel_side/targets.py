"""The densities that are handed to a student's sampler."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from .containers import Array
from .values import as_plain, is_tensor


class Target:
    """A law that is handed to a student's sampler, however the sampler asks for it.

    Takes `(d,)`, `(..., d)`, `(d, n)`, separate coordinates, lists and torch tensors; tensors give tensors.
    """

    def __init__(self, family: dict[str, Any], log: bool) -> None:
        parts = family if family["family"] == "mixture" else {}
        self.weights = np.asarray(parts.get("weights", [1.0]), dtype=float)
        self.means = np.asarray(parts.get("means", [family.get("mean")]), dtype=float)
        covariances = np.asarray(parts.get("covs", [family.get("cov")]), dtype=float)
        roots = np.linalg.cholesky(covariances)
        self.whiten = np.linalg.inv(roots)
        self.d = self.means.shape[1]
        diagonals = np.diagonal(roots, axis1=-2, axis2=-1)
        constants = 0.5 * self.d * math.log(2 * math.pi) + np.log(diagonals).sum(axis=-1)
        self.norms = np.log(self.weights) - constants
        self.log = log
        self.__name__ = "log_density" if log else "density"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The density or log density at the given points."""
        return self._answer(self.log, *args, *kwargs.values())

    def pdf(self, *args: Any) -> Any:
        """The density, as frozen SciPy distributions name it."""
        return self._answer(False, *args)

    def logpdf(self, *args: Any) -> Any:
        """The log density, as frozen SciPy distributions name it."""
        return self._answer(True, *args)

    density = prob = pdf
    log_density = log_prob = logpdf

    def _answer(self, log: bool, *args: Any) -> Any:
        tensor = next((a for a in args if is_tensor(a)), None)
        value = self._log_density(self._points(*args))
        value = value if log else np.exp(value)
        if tensor is not None:
            torch: Any = sys.modules["torch"]
            dtype = tensor.dtype if tensor.dtype.is_floating_point else torch.float64
            return torch.as_tensor(value, dtype=dtype)
        return np.float64(value) if np.ndim(value) == 0 else value

    def _points(self, *args: Any) -> Array:
        """Points (..., d) from whatever was passed."""
        given = [np.asarray(as_plain(a), dtype=float) for a in args[: self.d]]
        first = given[0]
        alike = all(g.shape == first.shape for g in given) and first.shape != (self.d,)
        odd = first.ndim == 0 or self.d not in (first.shape[0], first.shape[-1])
        if len(given) == self.d > 1 and (alike or odd):
            return np.stack(np.broadcast_arrays(*given), axis=-1)
        if first.ndim and first.shape[-1] == self.d:
            return first
        if first.ndim > 1 and first.shape[0] == self.d:
            return np.moveaxis(first, 0, -1)
        if self.d == 1:
            return first[..., None]
        raise ValueError(
            f"points of {self.d} coordinates are expected, but the argument has shape {first.shape}"
        )

    def _log_density(self, points: Array) -> Array:
        """log sum_k w_k N(x | m_k, S_k), by the largest term."""
        scaled = np.einsum("kij,...kj->...ki", self.whiten, points[..., None, :] - self.means)
        stacked = self.norms - 0.5 * (scaled**2).sum(axis=-1)
        top = stacked.max(axis=-1)
        result: Array = top + np.log(np.exp(stacked - top[..., None]).sum(axis=-1))
        return result
