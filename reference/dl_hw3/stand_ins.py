"""The generated table that stands for the course's own."""

from __future__ import annotations

from pathlib import Path

from reference.lyric_tables import write_table
from reference.stand_ins import write_manifest

SEED = 0


def write(folder: Path) -> None:
    """Write it into `folder`; always the same."""
    write_table(folder, SEED)
    write_manifest(folder, "A generated table of songs; no lyrics of anybody's.")
