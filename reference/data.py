"""MNIST and Tiny Shakespeare from files, without a download, and the splits that the sheets ask for.

The folder named by the environment variable `AUTOGRADER_DATA` holds `MNIST/raw/` (the four idx files, plain or
gzipped: the layout of torchvision) and `tinyshakespeare/input.txt`.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

VARIABLE = "AUTOGRADER_DATA"
MNIST_FOLDER = Path("MNIST", "raw")
TEXT_FILE = Path("tinyshakespeare", "input.txt")
PREFIXES = {"train": "train", "test": "t10k"}

IMAGES_MAGIC = 2051  # unsigned bytes in three dimensions
LABELS_MAGIC = 2049  # unsigned bytes in one dimension
IMAGE_SHAPE = (28, 28)


class DataError(ValueError):
    """A data set is missing or damaged; the message names the file and the next step."""


class LabelledImages(NamedTuple):
    """n grey images with their classes."""

    pixels: Tensor  # (n, 1, 28, 28) float32 in [0, 1]
    labels: Tensor  # (n,) int64 in 0..9


# ------------------------------------------------------------------ files


def data_folder() -> Path:
    """Return the folder named by AUTOGRADER_DATA.

    Raises
    ------
    DataError
        The variable is not set, or what it names is no folder.
    """
    value = os.environ.get(VARIABLE, "")
    if not value:
        raise DataError(
            f"{VARIABLE} is not set; let it name the folder that holds MNIST/ and tinyshakespeare/"
        )
    folder = Path(value)
    if not folder.is_dir():
        raise DataError(f"{VARIABLE}={value} is no folder; let it name the one that holds MNIST/")
    return folder


def read_bytes(path: Path) -> bytes:
    """Return what is in `path`, or unpacked from `path` + ".gz" where only that exists.

    Raises
    ------
    DataError
        Neither file exists, or the packed one is damaged.
    """
    if path.is_file():
        return path.read_bytes()
    packed = path.with_name(path.name + ".gz")
    if not packed.is_file():
        raise DataError(f"{path}: found neither this file nor {packed.name}; fetch it or correct {VARIABLE}")
    try:
        return gzip.decompress(packed.read_bytes())
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{packed}: damaged ({error}); fetch it again") from error


def read_idx(path: Path, magic: int) -> NDArray[np.uint8]:
    """Return the array of an idx file: big-endian magic number and sizes, then unsigned bytes.

    Parameters
    ----------
    path
        The unpacked file; the packed one beside it is read where this is missing.
    magic
        2049 for labels, 2051 for images: 2048 + number of dimensions.

    Raises
    ------
    DataError
        No such file, another magic number, or more or fewer bytes than the header announces.
    """
    content = read_bytes(path)
    n_dims = magic - 2048
    n_header = 4 * (1 + n_dims)
    if len(content) < n_header:
        raise DataError(f"{path}: truncated, {len(content)} bytes hold no header; fetch it again")
    header = np.frombuffer(content[:n_header], dtype=">u4")
    if int(header[0]) != magic:
        raise DataError(f"{path}: expected the magic number {magic}, got {int(header[0])}; fetch it again")
    shape = tuple(int(size) for size in header[1:])
    expected = n_header + math.prod(shape)
    if len(content) != expected:
        raise DataError(f"{path}: expected {expected} bytes for {shape}, got {len(content)}; fetch it again")
    return np.frombuffer(content, dtype=np.uint8, offset=n_header).reshape(shape)


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write an array of unsigned bytes as an idx file, which `read_idx` reads back."""
    header = np.array([2048 + array.ndim, *array.shape], dtype=">u4")
    path.write_bytes(header.tobytes() + array.tobytes())


# ------------------------------------------------------------------ data sets


def load_mnist(folder: Path, subset: Literal["train", "test"]) -> LabelledImages:
    """Return the 60,000 training or 10,000 test images of MNIST under `folder` (LeCun et al. 1998).

    Raises
    ------
    DataError
        A file is missing or damaged, images are not 28 x 28, or labels do not fit them.
    """
    stem = folder / MNIST_FOLDER / PREFIXES[subset]
    images = read_idx(stem.with_name(stem.name + "-images-idx3-ubyte"), IMAGES_MAGIC)
    labels = read_idx(stem.with_name(stem.name + "-labels-idx1-ubyte"), LABELS_MAGIC)
    if images.shape[1:] != IMAGE_SHAPE:
        raise DataError(f"{stem}: expected images of {IMAGE_SHAPE}, got {images.shape[1:]}; fetch them again")
    if len(labels) != len(images) or np.any(labels > 9):
        raise DataError(
            f"{stem}: expected {len(images)} labels of 0 to 9, got {len(labels)}; fetch them again"
        )
    pixels = torch.from_numpy(images[:, None].astype(np.float32)) / 255.0  # (n, 1, 28, 28)
    return LabelledImages(pixels, torch.from_numpy(labels.astype(np.int64)))


def load_text(folder: Path) -> str:
    """Return Tiny Shakespeare (Karpathy 2015) from under `folder`.

    Raises
    ------
    DataError
        The file is missing, empty, or no UTF-8 text.
    """
    path = folder / TEXT_FILE
    if not path.is_file():
        raise DataError(f"{path}: no such file; fetch it or correct {VARIABLE}")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8 text ({error}); fetch it again") from error
    if not text:
        raise DataError(f"{path}: empty; fetch it again")
    return text


# ------------------------------------------------------------------ splits


def split_images(
    images: LabelledImages, n_validation: int, seed: int
) -> tuple[LabelledImages, LabelledImages]:
    """Return all but n_validation images, and n_validation images, by a permutation that `seed` fixes."""
    n = len(images.labels)
    if not 0 < n_validation < n:
        raise ValueError(f"expected 0 < n_validation < {n} (the number of images), got {n_validation}")
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    train, validation = order[: n - n_validation], order[n - n_validation :]
    return (
        LabelledImages(images.pixels[train], images.labels[train]),
        LabelledImages(images.pixels[validation], images.labels[validation]),
    )


def split_text(text: str) -> tuple[str, str, str]:
    """Return the first 90 %, the next 5 % and the last 5 % of the characters (both borders rounded down)."""
    first, second = len(text) * 90 // 100, len(text) * 95 // 100
    return text[:first], text[first:second], text[second:]
