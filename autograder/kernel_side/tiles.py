"""Pictures as grey pixels, and the small images that one picture shows side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from .containers import Array

SIDE = 28
"""Pixels a side of the small images."""
MAX_PADDING = 4
MEAN, DEVIATION = 0.1307, 0.3081
"""By which MNIST is usually standardised."""


def as_pixels(values: Any) -> Array:
    """Numbers as grey levels 0 to 255, whether they are in [0, 1], in [-1, 1], standardised, or levels already."""
    array = np.asarray(values)
    if array.dtype == np.uint8:
        return array
    array = np.nan_to_num(array.astype(np.float32, copy=False))
    low, high = (float(f(array)) for f in (np.min, np.max)) if array.size else (0.0, 0.0)
    if low >= -1e-4 and high <= 1.0001:
        array = array * 255.0
    elif low >= -1.0001 and high <= 1.0001:
        array = (array + 1.0) * 127.5
    elif -0.45 < low < 0.0:
        array = (array * DEVIATION + MEAN) * 255.0
    return np.rint(np.clip(array, 0.0, 255.0)).astype(np.uint8)


def as_picture(values: Any) -> Array | None:
    """Grey levels (height, width) of what is drawn or saved as one picture; None when it is none."""
    array = np.ma.filled(values, 0) if isinstance(values, np.ma.MaskedArray) else np.asarray(values)
    if array.ndim == 3 and array.shape[2] in (1, 3, 4):
        array = array[..., 0]
    if array.ndim != 2 or array.dtype.kind not in "fiub" or min(array.shape) < SIDE:
        return None
    pixels = as_pixels(array)
    return _with_unit_tiles(array, pixels) if array.dtype.kind == "f" else pixels


def _with_unit_tiles(array: Array, pixels: Array) -> Array:
    """The grey levels of a grid whose range is none of the usual ones, with those of its images that lie in [0, 1].

    Data beside what a linear decoder makes of them, in one picture: the data are known by their own levels.
    """
    found = layout(*array.shape) if np.all(np.isfinite(array)) else None
    if found is None or (array.min() >= -1e-4 and array.max() <= 1.0001):
        return pixels
    mended = pixels.copy()
    n_rows, n_columns, padding, margin = found
    for r in range(n_rows):
        for c in range(n_columns):
            y, x = (margin + at * (SIDE + padding) for at in (r, c))
            tile = array[y : y + SIDE, x : x + SIDE]
            if tile.min() >= -1e-6 and 0.5 < tile.max() <= 1.000001:
                mended[y : y + SIDE, x : x + SIDE] = as_pixels(tile)
    return mended


def layout(height: int, width: int) -> tuple[int, int, int, int] | None:
    """Rows, columns, padding and margin of a grid of small images; None when the sizes are those of no grid."""
    for padding in range(MAX_PADDING + 1):
        step = SIDE + padding
        for margin in dict.fromkeys((padding, 0)):
            inner = [side - 2 * margin + padding for side in (height, width)]
            if all(side > 0 and side % step == 0 for side in inner):
                return inner[0] // step, inner[1] // step, padding, margin
    return None


def tiles_of(picture: Array) -> tuple[Array, int, int]:
    """The small images (n, 28, 28) of a picture row by row, and how many rows and columns; none when it is no grid."""
    found = layout(*picture.shape)
    if found is None:
        return np.zeros((0, SIDE, SIDE), np.uint8), 0, 0
    n_rows, n_columns, padding, margin = found
    step = SIDE + padding
    corners = [(margin + r * step, margin + c * step) for r in range(n_rows) for c in range(n_columns)]
    return np.stack([picture[y : y + SIDE, x : x + SIDE] for y, x in corners]), n_rows, n_columns
