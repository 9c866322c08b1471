"""Limits from the command line: a number for all parts, or `PART=NUMBER` for one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from autograder.errors import UsageError, nearest

LEAST = {"cell_seconds": 0.1, "total_seconds": 0.1, "call_seconds": 0.1, "memory_mib": 64}
"""Name of a limit to the smallest value that makes sense."""


def parse_budgets(
    parts: Sequence[str], given: dict[str, Iterable[str] | None]
) -> dict[str, dict[str, float]]:
    """Return part id to name of a limit to its value, of what was given on the command line.

    What is given for a part counts more than what is given for all; of two values the later one counts.

    >>> parse_budgets(["a", "b"], {"total_seconds": ["b=3600", "900"], "memory_mib": None})
    {'a': {'total_seconds': 900.0}, 'b': {'total_seconds': 3600.0}}

    Raises
    ------
    UsageError
        When a value is no number, too small, or for a part that is not graded.
    """
    budgets: dict[str, dict[str, float]] = {part: {} for part in parts}
    for name, texts in given.items():
        read = [_read(name, text, parts) for text in texts or ()]
        for part, value in sorted(read, key=lambda one: one[0] != ""):  # those for all parts first
            for one in [part] if part else parts:
                budgets[one][name] = value
    return {part: values for part, values in budgets.items() if values}


def _read(name: str, text: str, parts: Sequence[str]) -> tuple[str, float]:
    """Return the part ("" for all) and the value of `NUMBER` or `PART=NUMBER`."""
    option = f"--{name.replace('_', '-')} {text}"
    part, equals, number = text.rpartition("=")
    if equals and part not in parts:
        raise UsageError(
            f"{option}: there is no part {part!r}{nearest(part, parts)} (there are: {', '.join(parts)})"
        )
    try:
        value = float(int(number)) if name == "memory_mib" else float(number)
    except ValueError:
        kind = "a whole number" if name == "memory_mib" else "a number"
        raise UsageError(
            f"{option}: {number!r} is not {kind}; give one for all parts, or PART=NUMBER"
        ) from None
    if not LEAST[name] <= value < math.inf:
        raise UsageError(f"{option}: the smallest value is {LEAST[name]:g}, and it must be finite")
    return part, value
