"""Truths of the images that notebooks are shown: how their classes are told, and what is known without any model.

Computed from the files when a grading begins, and kept in the run, so that a rehearsal on generated digits is judged by
generated digits.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from autograder.errors import UsageError
from autograder.golden import GoldenValue
from autograder.kernel_side.known_pixels import known_pixels
from autograder.registry import TRUTHS
from autograder.stats.digits import N_CLASSES, discriminant, pooled
from autograder.truths import TruthParams

DIGITS = 5


class OfImages(TruthParams):
    """MNIST."""

    of_data: ClassVar[bool] = True
    n_test: int = 100
    """The first test images, by which reconstructions are measured."""


@TRUTHS.register(OfImages)
def classes_of_images(params: OfImages, folder: Path) -> dict[str, GoldenValue]:
    """How classes of images are told (`.discriminant`), and the errors of class means: `.squared_error`, `.cross_entropy`.

    `.entropy` is the least that any binary cross-entropy of the images can be; all are sums over pixels, a mean over
    images. `.test_squared_error` is that of the first test images.
    """
    try:
        (images, labels), (tests, test_labels) = (
            known_pixels(name, str(folder)) for name in ("train", "t10k")
        )
    except OSError as error:
        raise UsageError(f"{error}; fetch it with: autograder data fetch --data {folder}") from error
    pixels = images.astype(np.float32) / 255.0
    means = np.stack([pixels[labels == c].mean(axis=0) for c in range(N_CLASSES)])
    first = tests[: params.n_test].astype(np.float32) / 255.0
    about = "mean over the training images"
    return {
        ".discriminant": GoldenValue(
            numbers=tuple(float(f"{v:.{DIGITS}g}") for v in discriminant(pooled(images), labels).reshape(-1)),
            source="linear discriminant of the training images, 14 by 14 pixels",
        ),
        ".squared_error": _value(_squared_error(pixels, means[labels]), about),
        ".cross_entropy": _value(_cross_entropy(pixels, means[labels]), about),
        ".entropy": _value(_cross_entropy(pixels, pixels), about),
        ".test_square": _value(
            _squared_error(first, np.zeros_like(first)), f"first {params.n_test} test images"
        ),
        ".test_squared_error": _value(
            _squared_error(first, means[test_labels[: params.n_test]]), f"first {params.n_test} test images"
        ),
    }


def _value(value: float, source: str) -> GoldenValue:
    return GoldenValue(truth=value, source=source)


def _squared_error(x: npt.NDArray[np.float32], given: npt.NDArray[np.float32]) -> float:
    return float(np.square(x - given).sum(axis=1, dtype=np.float64).mean())


def _cross_entropy(x: npt.NDArray[np.float32], given: npt.NDArray[np.float32]) -> float:
    p = np.clip(given, 1e-6, 1 - 1e-6)
    nats = -(x * np.log(p) + (1 - x) * np.log1p(-p))
    return float(nats.sum(axis=1, dtype=np.float64).mean())
