"""Canonical weights: every tensor of a network filled by its shape alone, so that names and layout cannot matter.

The trusted side computes the formula with the same values, by this same code. All that is random is a hash of
whole numbers, which gives the same digits everywhere.

Equal shapes hold equal values, and a matrix and its transpose hold transposes. In a Transformer the maps of the
attention are one symmetric block, repeated: it is then all one whether the projections stand apart, fused,
interleaved or one a head, and in which order. The price: what only differs by an exchange of equal shapes is
not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .containers import Array

ROOT_3 = math.sqrt(3.0)
MAX_FILLED = 2**24
MASK = 2**64 - 1
GOLDEN, MIX_1, MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def hashed(shape: Sequence[int], key: int) -> Array:
    """Numbers of mean 0 and variance 1, uniform: the same for the same shape and key (splitmix64)."""
    start = key * GOLDEN
    for size in shape:
        start = (start ^ (size + 1)) * MIX_1 + GOLDEN
    n = math.prod(shape)
    with np.errstate(over="ignore"):
        state = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(GOLDEN) + np.uint64(start & MASK)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(MIX_1)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(MIX_2)
        state = state ^ (state >> np.uint64(31))
    unit = (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return ((2.0 * unit - 1.0) * ROOT_3).reshape(tuple(shape))


class Filling:
    """Values by shape. With `d_model` and `n_head` those of a Transformer, else those of layers in a row."""

    def __init__(self, key: int, scale: float, d_model: int = 0, n_head: int = 1) -> None:
        self.key = key
        self.scale = scale
        self.d_model = d_model
        self.d_head = d_model // max(1, n_head) if d_model and d_model % max(1, n_head) == 0 else d_model

    def tensor(self, shape: Sequence[int]) -> Array | None:
        """The values of a tensor; None for a shape that has no canonical values."""
        if math.prod(shape) > MAX_FILLED:
            return None
        core = [size for size in shape if size != 1] or [1]  # a convolution of width 1 is a matrix
        if len(core) == 1:
            return self._vector(core[0]).reshape(tuple(shape))
        if len(core) == 2 and len(shape) < 4:
            return self._matrix(*core).reshape(tuple(shape))
        if not self.d_model:
            return self._kernel(shape)
        packed = self._packed(core)
        return None if packed is None else packed.reshape(tuple(shape))

    def _vector(self, n: int) -> Array:
        """Weights and biases alike; in a Transformer the weights of norms too, so they keep away from 0."""
        if not self.d_model:
            return 0.25 * hashed([n], self.key)
        block = self.d_head if n % self.d_head == 0 else n
        return np.tile(0.5 + 0.2 * hashed([block], self.key), n // block)

    def _matrix(self, rows: int, columns: int) -> Array:
        if self._is_map(rows) and self._is_map(columns):
            block = self._block()
            return np.tile(block, (rows // self.d_head, columns // self.d_head))
        small, large = sorted((rows, columns))
        matrix = hashed([small, large], self.key) * self.scale / math.sqrt(small)
        if rows == columns:
            return (matrix + matrix.T) / math.sqrt(2.0)
        return matrix if rows < columns else np.ascontiguousarray(matrix.T)

    def _block(self) -> Array:
        """One symmetric square of the size of a head."""
        d = self.d_head
        square = hashed([d, d], self.key)
        n_head = self.d_model // d
        return (square + square.T) * self.scale / math.sqrt(2.0 * d * n_head)

    def _is_map(self, size: int) -> bool:
        """Whether a side of a matrix can be that of a projection of the attention: some heads, up to three times."""
        sides = {k * side for k in (1, 2, 3) for side in (self.d_head, self.d_model)}
        return self.d_model > 0 and size in sides

    def _packed(self, core: Sequence[int]) -> Array | None:
        """Projections packed in one tensor: (heads, d, d_head), (d, heads, d_head), (3, d, d), ..."""
        if self._is_map(core[-1]) and self._is_map(core[-2]):
            return np.broadcast_to(self._matrix(core[-2], core[-1]), tuple(core)).copy()
        rest = math.prod(core[1:])
        if self._is_map(core[0]) and self._is_map(rest):
            return self._matrix(core[0], rest).reshape(tuple(core))
        return None

    def _kernel(self, shape: Sequence[int]) -> Array:
        return hashed(shape, self.key) * self.scale * math.sqrt(2.0 / math.prod(shape[1:]))
