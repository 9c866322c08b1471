"""How much time and memory a notebook may have inside a container with limits of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.rubric.model import PartSpec

MARGIN_SECONDS = 45.0
"""Kept for starting a kernel and for marking, on half a processor."""
LEAST_SECONDS = 10.0
GRADER_MIB = 250
"""Memory of the grader itself, beside the notebook."""
LEAST_MIB = 256
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_UNLIMITED_MIB = 2**20


def budgets_of(
    parts: Sequence[PartSpec], seconds: float, memory_mib: int | None
) -> dict[str, dict[str, float]]:
    """Return the limits of each part that fit a container: never more than the rubric's.

    Parameters
    ----------
    seconds : for everything, until the container is ended
    memory_mib : of the container, None when it has no limit
    """
    free = max(LEAST_SECONDS, seconds - MARGIN_SECONDS - seconds * 0.1)
    asked = sum(part.limits.total_seconds for part in parts)
    share = min(1.0, free / asked)
    found: dict[str, dict[str, float]] = {}
    for part in parts:
        total = part.limits.total_seconds * share
        limits = {"total_seconds": total, "cell_seconds": min(part.limits.cell_seconds, total)}
        limits["call_seconds"] = min(part.limits.call_seconds, max(5.0, free * 0.05))
        if memory_mib is not None:
            limits["memory_mib"] = min(part.limits.memory_mib, max(LEAST_MIB, memory_mib - GRADER_MIB))
        found[part.part] = limits
    return found


def container_mib(files: Sequence[str] = _LIMITS) -> int | None:
    """Return how much memory this container may use, None when nothing limits it."""
    for file in files:
        try:
            text = Path(file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text.isdecimal() and int(text) // 2**20 < _UNLIMITED_MIB:
            return int(text) // 2**20
    return None


def is_cut(parts: Sequence[PartSpec], budgets: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return, for each part that gets less than its rubric gives, a sentence that says so."""
    told = []
    for part in parts:
        for name, value in budgets[part.part].items():
            if value < getattr(part.limits, name):
                told.append(f"part {part.part}: {name} {value:g} in place of {getattr(part.limits, name):g}")
    return told
