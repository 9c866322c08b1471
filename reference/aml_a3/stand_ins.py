"""The stand-ins for MNIST and Tiny Shakespeare that short runs of parts b and c are rehearsed on."""

from __future__ import annotations

from pathlib import Path

from reference.stand_ins import write_stand_ins

N_TRAIN, N_TEST, N_CHARACTERS, SEED = 4_096, 1_000, 20_000, 0
"""As many images as a short run takes: checks of splits and updates hold for them as for the real sets."""


def write(folder: Path) -> None:
    """Write them into `folder`; always the same ones."""
    write_stand_ins(folder, N_TRAIN, N_TEST, N_CHARACTERS, SEED)
