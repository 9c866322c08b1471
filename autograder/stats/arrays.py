"""Validated float64 arrays: what every statistic accepts, and the sentence when it is something else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Density = Callable[[FloatArray], FloatArray]
"""A function of points, (..., d) -> (...,)."""


def finite(values: npt.ArrayLike, name: str) -> FloatArray:
    """Return `values` as a float64 array.

    Raises
    ------
    ValueError
        If it is not numeric, empty, or holds NaN or infinities (the first such position is named).
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected numbers, got {type(values).__name__}") from error
    if array.size == 0:
        raise ValueError(f"{name}: expected at least one value, got an empty array of shape {array.shape}")
    bad = ~np.isfinite(array)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name}: expected finite values, got {array[where]} at index {where}")
    return array


def points(values: npt.ArrayLike, name: str, n_dims: int | None = None) -> FloatArray:
    """Return `values` as finite points of shape (..., d), d in the last axis.

    Raises
    ------
    ValueError
        As :func:`finite`; also if the last axis is not `n_dims` long.
    """
    array = finite(values, name)
    if array.ndim == 0 or (n_dims is not None and array.shape[-1] != n_dims):
        raise ValueError(f"{name}: expected shape (..., {n_dims or 'd'}), got {array.shape}")
    return array


def rows(values: npt.ArrayLike, name: str, n_dims: int | None = None, at_least: int = 1) -> FloatArray:
    """Return `values` as a finite table of shape (n, d) with n >= `at_least`.

    Raises
    ------
    ValueError
        As :func:`points`; also if it is not two-dimensional or has too few rows.
    """
    array = points(values, name, n_dims)
    if array.ndim != 2:
        raise ValueError(f"{name}: expected shape (n, {n_dims or 'd'}), got {array.shape}")
    if len(array) < at_least:
        raise ValueError(f"{name}: expected at least {at_least} rows, got {len(array)}")
    return array


def series(values: npt.ArrayLike, name: str, at_least: int = 1) -> FloatArray:
    """Return `values` as a finite vector of shape (n,) with n >= `at_least`.

    Raises
    ------
    ValueError
        As :func:`finite`; also if it is not one-dimensional or too short.
    """
    array = finite(values, name)
    if array.ndim != 1 or len(array) < at_least:
        raise ValueError(f"{name}: expected shape (n,) with n >= {at_least}, got {array.shape}")
    return array


def positive(value: float, name: str) -> float:
    """Return `value` as a float.

    Raises
    ------
    ValueError
        Unless it is finite and greater than 0.
    """
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name}: expected a finite number > 0, got {value}")
    return float(value)
