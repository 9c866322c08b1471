"""What stands for MNIST where notebooks are rehearsed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reference.stand_ins import write_images, write_manifest

SEED = 0
N_TRAIN, N_TEST = 2000, 200


def write(folder: Path) -> None:
    """Write them into `folder`; always the same."""
    write_images(folder, N_TRAIN, N_TEST, np.random.default_rng(SEED))
    write_manifest(folder, "Generated digits; not MNIST.")
