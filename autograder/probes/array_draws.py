"""Arrays and numbers of given laws: inputs for functions that only the course's reference knows the answers of."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from autograder.probes.challenges import DrawParams
from autograder.registry import DRAWS

MAX_SIZE = 20_000
"""Numbers that one argument may have."""


class Law(BaseModel):
    """How one argument is drawn: its law, and its shape (none: a number)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    law: Literal["normal", "uniform", "integers", "simplex", "constant"]
    """`simplex`: positive numbers whose last axis adds up to 1; `integers`: `low` up to, and without, `high`."""
    shape: list[int] = Field(default_factory=list, max_length=4)
    low: float = 0.0
    high: float = 1.0
    mean: float = 0.0
    sd: float = Field(default=1.0, gt=0.0)
    value: float = 0.0
    """Of `constant`."""
    ascending: bool = False
    """Whether the last axis is sorted."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Law:
        if any(side < 1 for side in self.shape) or math.prod(self.shape) > MAX_SIZE:
            raise ValueError(f"a shape has sides of 1 or more and at most {MAX_SIZE:,} numbers")
        if self.law in ("uniform", "integers") and not self.low < self.high:
            raise ValueError("low must be less than high")
        if self.law == "simplex" and not self.shape:
            raise ValueError("a simplex needs a shape")
        return self

    def draw(self, rng: np.random.Generator) -> Any:
        """Return the numbers, as nested lists, or as one number."""
        shape = tuple(self.shape)
        drawn: np.ndarray
        if self.law == "normal":
            drawn = rng.normal(self.mean, self.sd, size=shape)
        elif self.law == "uniform":
            drawn = rng.uniform(self.low, self.high, size=shape)
        elif self.law == "integers":
            drawn = rng.integers(round(self.low), round(self.high), size=shape)
        elif self.law == "simplex":
            drawn = rng.uniform(0.2, 1.0, size=shape)
            drawn = drawn / drawn.sum(axis=-1, keepdims=True)
        else:
            drawn = np.full(shape, self.value)
        if self.ascending and shape:
            drawn = np.sort(drawn, axis=-1)
        return np.asarray(drawn).tolist()


class Arrays(DrawParams):
    """A law for each role."""

    arrays: dict[str, Law] = Field(min_length=1)


@DRAWS.register(Arrays)
def arrays(rng: np.random.Generator, params: Arrays) -> dict[str, Any]:
    """Arrays and numbers, each by its law; for challenges whose answers are the reference's (`stored`)."""
    return {role: law.draw(rng) for role, law in params.arrays.items()}
