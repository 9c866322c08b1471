"""The stand-ins for MNIST that short runs of gm-a0 are rehearsed on."""

from __future__ import annotations

from pathlib import Path

from reference.stand_ins import write_stand_ins

N_TRAIN, N_TEST, N_CHARACTERS, SEED = 2_048, 256, 200, 0
"""As many images as a short run takes. The text is not used."""


def write(folder: Path) -> None:
    """Write them into `folder`; always the same ones."""
    write_stand_ins(folder, N_TRAIN, N_TEST, N_CHARACTERS, SEED)
