"""Images of MNIST with their classes, read from the files that a kernel is shown."""

from __future__ import annotations

import functools
import gzip
import os

import numpy as np

from .containers import Array
from .known_data import MNIST, VARIABLE

HEADERS = {"images": 16, "labels": 8}
"""Bytes before the pixels, and before the classes."""
N_PIXELS = 784


def known_pixels(subset: str, folder: str = "") -> tuple[Array, Array]:
    """The images (n, 784) of levels 0 to 255 of `train` or `t10k` and their classes (n,); OSError without files.

    `folder` is that of the data sets; by default the one that a kernel is shown.
    """
    return _read(subset, folder or os.environ.get(VARIABLE, ""))


@functools.lru_cache(maxsize=2)
def _read(subset: str, folder: str) -> tuple[Array, Array]:
    images, labels = (_content(folder, f"{subset}-{kind}", start) for kind, start in HEADERS.items())
    return images.reshape(-1, N_PIXELS), labels.astype(np.int64)


def _content(folder: str, stem: str, start: int) -> Array:
    paths = [os.path.join(folder, *one.path.split("/")) for one in MNIST.files if stem in one.path]  # noqa: PTH118
    for path in sorted(paths, key=lambda path: path.endswith(".gz")):
        if folder and os.path.isfile(path):  # noqa: PTH113
            with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as file:  # noqa: PTH123
                return np.frombuffer(file.read(), np.uint8, offset=start)
    raise FileNotFoundError(f"{stem} of MNIST is not in {folder or 'any folder'}")
