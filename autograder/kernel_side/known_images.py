"""Which image of MNIST a row of pixels is: by the pixels themselves, as the notebook loaded them."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from .containers import Array
from .tiles import as_pixels

UNKNOWN = -1
TEST = 1_000_000
"""Added to the place of an image in the test set, so that one number tells set and place."""


class KnownImages:
    """Codes of images: the place in the training set, the place in the test set + `TEST`, or `UNKNOWN`."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, Any]] = []
        self.places: dict[int, int] = {}

    def learn(self, its: Any) -> None:
        """Takes an MNIST data set that was just made; it is gone through when it is first needed."""
        with contextlib.suppress(Exception):
            first = 0 if its.train else TEST
            if all(known != first for known, _ in self.waiting) and first not in self.places.values():
                self.waiting.append((first, its.data.numpy().copy()))

    def codes(self, rows: Any) -> Array:
        """Codes (n,) of images (n, ...); numbers in any of the usual ranges."""
        pixels = as_pixels(rows).reshape(len(rows), -1)
        self._go_through()
        found = [self.places.get(hash(row.tobytes()), UNKNOWN) for row in pixels]
        return np.array(found, dtype=np.int32)

    def _go_through(self) -> None:
        for first, images in self.waiting:
            for place, row in enumerate(images.reshape(len(images), -1)):
                self.places.setdefault(hash(row.tobytes()), first + place)
        self.waiting = []
