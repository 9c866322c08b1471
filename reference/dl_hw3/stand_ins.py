"""What stands for the course's own table, and for MNIST, where notebooks are rehearsed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reference.lyric_tables import write_table
from reference.stand_ins import write_images, write_manifest

SEED = 0
N_TRAIN, N_TEST = 500, 200
"""As many images as a short run takes."""


def write(folder: Path) -> None:
    """Write them into `folder`; always the same."""
    write_table(folder, SEED)
    write_images(folder, N_TRAIN, N_TEST, np.random.default_rng(SEED))
    write_manifest(
        folder, "A generated table of songs and generated digits; no lyrics of anybody's, not MNIST."
    )
