"""Sets of images that a notebook holds, whatever it calls them: tensors, arrays, data sets and loaders."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from .values import is_tensor

MAX_MEMBERS, MAX_SOURCES = 32, 4
MIN_NUMBERS, MIN_IMAGES = 16, 8
RESULT_WORDS = (
    "rec",
    "hat",
    "code",
    "latent",
    "label",
    "target",
    "gen",
    "sample",
    "loss",
    "err",
    "noise",
    "drawn",
)
"""Words of names of what was computed from images: those are no images to reconstruct."""


def image_sets(
    challenge: dict[str, Any], names: dict[str, Any], uniform: Any
) -> Iterator[tuple[str, str, Any]]:
    """Kind, path and a few rows (n, ...) of the image sets of a namespace: held-out ones first, then by their names."""
    found = []
    for path, value in _members(names):
        last = path.rpartition(".")[2].casefold()
        if any(word in last for word in RESULT_WORDS):
            continue
        kind, rank = _kind(challenge["roles"], last)
        found.append((rank, path, kind, value))
    n_given = 0
    for _, path, kind, value in sorted(found, key=lambda one: (one[0], len(one[1]))):
        with contextlib.suppress(Exception):
            rows = _rows(value, uniform)
            if rows is not None and n_given < MAX_SOURCES:
                n_given += 1
                yield kind, path, rows


def _kind(roles: dict[str, Any], last: str) -> tuple[str, int]:
    """Which images a name speaks of, and its rank: held-out ones before those of training, both before others."""
    for place, role in enumerate(("held_out", "training")):
        rule = roles.get(role, {"names": [], "contains": []})
        known = [name.casefold() for name in rule["names"]]
        if last in known:
            return role, 200 * place + known.index(last)
        if any(word in last for word in rule["contains"]):
            return role, 200 * place + 100
    return "other", 400


def _members(names: dict[str, Any], prefix: str = "", depth: int = 2) -> Iterator[tuple[str, Any]]:
    for name, value in list(names.items()):
        path = f"{prefix}.{name}" if prefix else str(name)
        yield path, value
        if depth and isinstance(value, dict | list | tuple) and len(value) <= MAX_MEMBERS:
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            yield from _members({str(key): one for key, one in pairs}, path, depth - 1)


def _rows(value: Any, uniform: Any) -> Any:
    """A few examples (n, ...) as a float tensor, at places that the case draws; None for what holds no images."""
    torch: Any = sys.modules["torch"]
    data = torch.utils.data
    if isinstance(value, data.DataLoader):
        value = value.dataset
    if is_tensor(value) or isinstance(value, np.ndarray):
        if value.ndim < 2 or len(value) < MIN_IMAGES or math.prod(value.shape[1:]) < MIN_NUMBERS:
            return None
        rows = value[_places(uniform, len(value))]
        rows = rows.detach().cpu() if is_tensor(rows) else torch.from_numpy(np.ascontiguousarray(rows))
    elif isinstance(value, data.Dataset):
        if len(value) < MIN_IMAGES:
            return None
        each = [value[int(at)] for at in _places(uniform, len(value))]
        each = [one[0] if isinstance(one, list | tuple) else one for one in each]
        rows = torch.stack([one if is_tensor(one) else torch.from_numpy(np.array(one)) for one in each])
        if rows.ndim < 2 or rows[0].numel() < MIN_NUMBERS:
            return None
    else:
        return None
    is_bytes = rows.dtype == torch.uint8
    rows = rows.to(torch.get_default_dtype())
    return rows / 255 if is_bytes else rows


def _places(uniform: Any, n: int) -> Any:
    """Up to 32 places in 0..n-1, each once."""
    return np.unique((uniform[:32] * n).astype(int).clip(0, n - 1))


def shapes_of(rows: Any) -> Iterator[Any]:
    """The same images in the shapes that networks take: as they are, flat, with a channel, as squares."""
    yield rows
    flat = rows.reshape(len(rows), -1)
    if rows.ndim != 2:
        yield flat
    side = math.isqrt(flat.shape[1])
    if rows.ndim == 3:
        yield rows.unsqueeze(1)
    if rows.ndim == 2 and side * side == flat.shape[1]:
        yield flat.reshape(len(rows), 1, side, side)
    if rows.ndim == 4 and rows.shape[-1] in (1, 3):
        yield rows.movedim(-1, 1)
