"""Statistics of an array that are compared with their replicates: of the reference, under other seeds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from autograder.registry import SUMMARIES

Array = npt.NDArray[np.float64]


class NoParams(BaseModel):
    """A summary has no parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@SUMMARIES.register(NoParams)
def repeat_rate(draws: Array) -> float:
    """Share of draws that equal the one before, in [0, 1]."""
    return float(np.mean(np.all(draws[1:] == draws[:-1], axis=1))) if len(draws) > 1 else 0.0


@SUMMARIES.register(NoParams)
def mean_square_jump(draws: Array) -> float:
    """Mean squared distance of neighbouring draws."""
    return float(np.mean(np.sum(np.diff(draws, axis=0) ** 2, axis=1))) if len(draws) > 1 else 0.0


@SUMMARIES.register(NoParams)
def mean_first(draws: Array) -> float:
    """Mean of the first coordinate."""
    return float(draws[:, 0].mean())


@SUMMARIES.register(NoParams)
def mean_second(draws: Array) -> float:
    """Mean of the second coordinate."""
    return float(draws[:, 1].mean())


@SUMMARIES.register(NoParams)
def mean_square_norm(draws: Array) -> float:
    """Mean of x1^2 + x2^2."""
    return float(np.mean(np.sum(draws**2, axis=1)))


@SUMMARIES.register(NoParams)
def first_value(curve: Array) -> float:
    """The first of the numbers of a curve: of the first epoch."""
    return float(curve.reshape(-1)[0])


@SUMMARIES.register(NoParams)
def last_value(curve: Array) -> float:
    """The last of the numbers of a curve: of the last epoch."""
    return float(curve.reshape(-1)[-1])
