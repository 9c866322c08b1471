"""The stand-ins for MNIST that short runs of gm-a0 are rehearsed on."""

from __future__ import annotations

from pathlib import Path

from reference.stand_ins import write_stand_ins

N_TRAIN, N_TEST, N_CHARACTERS, SEED = 1024, 160, 200, 0


def write(folder: Path) -> None:
    """Write them into `folder`; always the same ones. The text is not used."""
    write_stand_ins(folder, N_TRAIN, N_TEST, N_CHARACTERS, SEED)
