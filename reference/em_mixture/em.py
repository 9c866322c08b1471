"""EM for a mixture of Gaussians on the line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def log_joint(x: Array, weights: Array, means: Array, sds: Array) -> Array:
    """Return log(weight_k N(x_i | mean_k, sd_k^2)), shape (n, K)."""
    z = (x[:, None] - means) / sds  # (n, K)
    joint: Array = np.log(weights) - 0.5 * np.log(2 * np.pi) - np.log(sds) - 0.5 * z**2
    return joint


def responsibilities(x: Array, weights: Array, means: Array, sds: Array) -> Array:
    """Return p(component k | x_i), shape (n, K): rows add up to 1."""
    joint: Array = np.exp(log_joint(x, weights, means, sds))
    shares: Array = joint / joint.sum(axis=1, keepdims=True)
    return shares


def em_step(x: Array, weights: Array, means: Array, sds: Array) -> tuple[Array, Array, Array]:
    """Return weights, means and standard deviations, (K,) each, after one step of EM."""
    r = responsibilities(x, weights, means, sds)  # (n, K)
    n_k = r.sum(axis=0)  # (K,)
    new_means = (r * x[:, None]).sum(axis=0) / n_k
    variances = (r * (x[:, None] - new_means) ** 2).sum(axis=0) / n_k
    return n_k / len(x), new_means, np.sqrt(variances)


def log_likelihood(x: Array, weights: Array, means: Array, sds: Array) -> float:
    """Return the sum over x (n,) of the log density of the mixture."""
    joint = np.exp(log_joint(x, weights, means, sds))
    return float(np.log(joint.sum(axis=1)).sum())
