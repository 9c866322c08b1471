"""Mini-batches in a random order, and the averages that a loop over them reports."""

# Some methods of torch carry no types, backward and split among them.
# mypy: untyped-calls-exclude="torch"

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def shuffled_batches(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield the indices 0, ..., n - 1 in a random order, batch_size at a time; the last batch may be smaller.

    Raises
    ------
    ValueError
        Nothing to draw from, or batches of nothing.
    """
    if n < 1 or batch_size < 1:
        raise ValueError(f"expected n >= 1 and batch_size >= 1, got {n} and {batch_size}")
    yield from torch.randperm(n, generator=generator).split(batch_size)


def mean_over_examples(losses: Sequence[Tensor], sizes: Sequence[int]) -> Tensor:
    """Return the mean over examples of per-batch means: a smaller last batch weighs less.

    Parameters
    ----------
    losses
        One tensor of k means a batch, each (k,) or ().
    sizes
        Number of examples in each batch.

    Returns
    -------
    Tensor
        Shape (k,) or (), float64.
    """
    weights = torch.tensor(sizes, dtype=torch.float64)
    mean: Tensor = torch.tensordot(weights / weights.sum(), torch.stack(list(losses)).double(), dims=1)
    return mean
