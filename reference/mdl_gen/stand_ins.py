"""What stands for MNIST and Tiny Shakespeare where notebooks are rehearsed."""

from __future__ import annotations

from pathlib import Path

from reference.stand_ins import write_stand_ins

N_TRAIN, N_TEST, N_CHARACTERS, SEED = 600, 200, 20_000, 0


def write(folder: Path) -> None:
    """Write them into `folder`; always the same."""
    write_stand_ins(folder, N_TRAIN, N_TEST, N_CHARACTERS, SEED)
