"""Grids of small images, to look at."""

from __future__ import annotations

from torch import Tensor


def image_grid(images: Tensor, n_rows: int, n_columns: int, size: int = 28) -> Tensor:
    """Return the first n_rows * n_columns images as one picture, filled row by row.

    Parameters
    ----------
    images
        Any shape that holds n >= n_rows * n_columns square images: (n, 784), (n, 28, 28) or (n, 1, 28, 28).
    size
        Pixels a side of one image.

    Returns
    -------
    Tensor
        Shape (n_rows * size, n_columns * size).
    """
    if len(images) < n_rows * n_columns:
        raise ValueError(f"expected {n_rows * n_columns} images for the grid, got {len(images)}")
    cells = images[: n_rows * n_columns].reshape(n_rows, n_columns, size, size)
    return cells.permute(0, 2, 1, 3).reshape(n_rows * size, n_columns * size)
