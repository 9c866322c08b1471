"""What the first and last layers of image networks were shown and gave, and the pictures of small images, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autograder.kernel_side.known_images import UNKNOWN
from autograder.kernel_side.tiles import tiles_of

Array = npt.NDArray[Any]
MAX_ENTRIES = 64


@dataclass(frozen=True)
class OutputSeen:
    """What one layer gave in one call: (n, n_out), before any activation."""

    cell: int
    layer: int
    n_in: int
    step: int
    """How many optimizer steps had been made."""
    call: int
    values: Array


@dataclass(frozen=True)
class LayerSeen:
    """The calls of one layer in one cell, in one mode."""

    cell: int
    role: str
    """`image` (the first layer of a network of images), `latent` (of noise or codes), `features` (near the end)."""
    layer: int
    """Number of the layer in the notebook."""
    n_in: int
    n_out: int
    is_training: bool
    wants_gradients: bool
    n: int
    rows: Array
    """(calls,): examples of each call."""
    steps: Array
    """(calls + 1,): optimizer steps made before each call, and in the end."""
    codes: Array
    """Codes of the images that were shown, call after call."""
    noise: Array
    """(calls, 4): sign of the values, mean, deviation, share of negative ones."""
    means: Array
    """(calls,): mean of the values of each call, where images are shown."""
    known: tuple[float, float] | None
    """Range of the images of MNIST among them."""
    new: tuple[float, float] | None
    """Range of the other images: generated ones."""
    outputs: tuple[OutputSeen, ...]
    is_trainable: bool


@dataclass(frozen=True)
class PictureSeen:
    """A picture of small images, side by side: drawn in a figure or saved to a file."""

    cell: int
    tiles: Array
    """(n, 28, 28) grey levels, row by row."""
    n_rows: int
    n_columns: int
    codes: Array
    """Codes of the small images; empty where nobody looked."""
    label: str
    """The title above it, or the file's name."""
    is_saved: bool = False


def layers_in(document: dict[str, Any], cell: int, arrays: Mapping[str, Array]) -> Iterator[LayerSeen]:
    """Yield the layers of one cell's document; what is none is left out."""
    entries = document.get("layers")
    for entry in entries[:MAX_ENTRIES] if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or entry.get("role") not in ("image", "latent", "features"):
            continue
        numbers = [entry.get(key) for key in ("layer", "n_in", "n_out", "n")]
        if not all(isinstance(one, int) and not isinstance(one, bool) for one in numbers):
            continue
        layer, n_in, n_out, n = (int(one) for one in numbers if one is not None)
        rows, steps, codes = (_vector(arrays.get(str(entry.get(key)))) for key in ("rows", "steps", "codes"))
        if len(steps) != len(rows) + 1:
            continue
        noise, means = (arrays.get(str(entry.get(key))) for key in ("noise", "means"))
        if means is None or means.shape != (len(rows),):
            means = np.full(len(rows), np.nan)
        is_whole = noise is not None and noise.ndim == 2 and noise.shape[1] == 4
        outputs = tuple(_outputs(entry.get("outputs"), cell, layer, n_in, arrays))
        yield LayerSeen(
            cell, str(entry["role"]), layer, n_in, n_out, entry.get("training") is True, entry.get("grad") is True,
            n, rows, steps, codes, noise if is_whole and noise is not None else np.zeros((0, 4)),
            means, _pair(entry.get("known")), _pair(entry.get("new")), outputs, entry.get("trainable") is True,
        )  # fmt: skip


def _outputs(
    listed: Any, cell: int, layer: int, n_in: int, arrays: Mapping[str, Array]
) -> Iterator[OutputSeen]:
    for one in listed[:MAX_ENTRIES] if isinstance(listed, list) else []:
        values = arrays.get(str(one.get("ref"))) if isinstance(one, dict) else None
        if values is not None and values.ndim == 2 and values.dtype.kind == "f":
            step, call = one.get("step"), one.get("call")
            if isinstance(step, int) and isinstance(call, int):
                yield OutputSeen(cell, layer, n_in, step, call, np.asarray(values, dtype=np.float64))


def saved_in(document: dict[str, Any], cell: int, arrays: Mapping[str, Array]) -> Iterator[PictureSeen]:
    """Yield the pictures that one cell saved."""
    entries = document.get("pictures")
    for entry in entries[:MAX_ENTRIES] if isinstance(entries, list) else []:
        picture = arrays.get(str(entry.get("ref"))) if isinstance(entry, dict) else None
        codes = entry.get("codes") if isinstance(entry, dict) else None
        if picture is not None:
            known = codes if isinstance(codes, list) else []
            seen = picture_of(picture, cell, str(entry.get("path", "")), known)
            if seen is not None:
                yield seen


def picture_of(
    picture: Array, cell: int, label: str, codes: Any = (), is_saved: bool = True
) -> PictureSeen | None:
    """Return a picture cut into its small images; None when it is no grid of them."""
    if picture.ndim != 2 or picture.dtype != np.uint8:
        return None
    tiles, n_rows, n_columns = tiles_of(picture)
    known = np.array([one if isinstance(one, int) else UNKNOWN for one in codes], dtype=np.int64)
    if len(known) != len(tiles):
        known = np.zeros(0, dtype=np.int64)
    return PictureSeen(cell, tiles, n_rows, n_columns, known, label, is_saved) if len(tiles) else None


def _vector(array: Array | None) -> Array:
    return (
        array if array is not None and array.ndim == 1 and array.dtype.kind in "iu" else np.zeros(0, np.int64)
    )


def _pair(value: Any) -> tuple[float, float] | None:
    is_pair = isinstance(value, list) and len(value) == 2 and all(isinstance(one, float) for one in value)
    return (value[0], value[1]) if is_pair else None
