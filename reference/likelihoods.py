"""Negative log-likelihoods of high-dimensional data whose dimensions are independent given the code.

In nats, summed over dimensions and averaged over the batch: what a decoder that outputs the parameters of p(x | z) is
trained on (maximum likelihood).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def gaussian_nll(mean: Tensor, x: Tensor, sigma: float = 1.0) -> Tensor:
    """Return the mean negative log-likelihood of x under N(mean, sigma^2 I).

    -log N(x | m, s^2 I) = ||x - m||^2 / (2 s^2) + D/2 log(2 pi s^2) for D dimensions: a scaled squared error and a
    constant.

    Parameters
    ----------
    mean
        What the decoder gives, (n, D), any real numbers.
    x
        Data, n examples with D numbers each.
    sigma
        Standard deviation, the same in every dimension, > 0.
    """
    difference = x.flatten(1) - mean
    n_dimensions = mean.shape[1]
    constant = 0.5 * n_dimensions * math.log(2.0 * math.pi * sigma**2)
    return (0.5 * difference.square().sum(dim=1) / sigma**2 + constant).mean()


def bernoulli_nll(logits: Tensor, x: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of x under independent Bernoulli variables given by their logits.

    With p = sigmoid(l): -x log p - (1 - x) log(1 - p) = log(1 + exp(l)) - x l, the binary cross-entropy, which never
    takes the logarithm of a number that was rounded to 0.

    Parameters
    ----------
    logits
        What the decoder gives, (n, D), any real numbers.
    x
        Data in [0, 1], n examples with D numbers each.
    """
    each = F.softplus(logits) - x.flatten(1) * logits  # (n, D)
    return each.sum(dim=1).mean()


@torch.no_grad()
def bernoulli_floor(x: Tensor) -> Tensor:
    """Return the least value that `bernoulli_nll` can take on x (n, ...): the entropy of grey pixels, 0 for binary ones."""
    p = x.flatten(1)
    return (-torch.xlogy(p, p) - torch.xlogy(1.0 - p, 1.0 - p)).sum(dim=1).mean()
