"""What containers and objects of the notebook hold: models in a dictionary, in a trainer, in a dictionary of a trainer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MAX_HELD = 32


def held_in(value: Any, path: str, depth: int = 2) -> Iterator[tuple[str, Any]]:
    """Everything that a dictionary, a list or an object of a class of the notebook's holds, with its path."""
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list | tuple):
        inner = list(enumerate(value))
    elif not isinstance(value, type) and type(value).__module__ == "__main__":
        inner = list(getattr(value, "__dict__", {}).items())
    else:
        return
    for key, one in inner[:MAX_HELD]:
        yield f"{path}.{key}", one
        if depth > 1:
            yield from held_in(one, f"{path}.{key}", depth - 1)
