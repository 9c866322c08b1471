"""Generated stand-ins for MNIST and Tiny Shakespeare, for tests and demos where the data sets are absent.

They look like what they replace (shapes, range, classes, characters) and are much easier: nothing that is
measured on them says anything about the real ones.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from reference.data import IMAGE_SHAPE, MNIST_FOLDER, PREFIXES, TEXT_FILE, LabelledImages, write_idx

Array = NDArray[np.float64]

MANIFEST = "stand-ins.json"

CORNERS = {
    "a": (-0.5, -1.0), "b": (0.5, -1.0),
    "c": (-0.5, 0.0), "d": (0.5, 0.0),
    "e": (-0.5, 1.0), "f": (0.5, 1.0),
    "t": (0.0, -1.0), "u": (0.0, 1.0),
}  # fmt: skip
"""Where strokes begin and end, as (x, y) with y downwards: three rows of a box, and its top and bottom centre."""

STROKES = ("ab bf fe ea", "tu", "ab bd de ef", "ab bd cd df ef", "ac cd bf", "ba ac cd df fe",
           "ba ae ef fd dc", "ab bu", "ab bf fe ea cd", "dc ca ab bf fe")  # fmt: skip
"""The strokes of each digit, between two corners each."""

LINES = {
    "speaker": ("FIRST CLERK:", "SECOND CLERK:", "THE QUEEN:", "A FOOL:"),
    "subject": ("The night", "My lord", "This crown", "Our quarrel", "The sea"),
    "verb": ("forgets", "commands", "betrays", "outlives", "forgives"),
    "object": ("the king", "a lesser grief", "all reason", "her own name", "our peace"),
    "end": (".", "!", "?", ", and so do I.", "; say no more."),
}
"""The grammar: a speaker, then lines of subject, verb, object and end."""


def distance_to_segment(points: Array, start: Array, end: Array) -> Array:
    """Return the distance (n,) of points (n, 2) from the segment between two points (2,)."""
    direction = end - start
    along = np.clip((points - start) @ direction / (direction @ direction), 0.0, 1.0)  # (n,)
    distance: Array = np.linalg.norm(points - start - along[:, None] * direction, axis=1)
    return distance


def draw_digit(digit: int, rng: np.random.Generator) -> Array:
    """Return a digit (28, 28) in [0, 1], with its own size, slant, place and thickness of stroke."""
    rows, columns = np.indices(IMAGE_SHAPE)
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1) / 13.5 - 1.0  # (784, 2) in [-1, 1]
    size, slant, thickness = rng.uniform(0.55, 0.75), rng.uniform(-0.3, 0.3), rng.uniform(0.06, 0.14)
    shape = size * np.array([[1.0, 0.0], [-slant, 1.0]])  # (2, 2): x gains with height, y is scaled
    place = rng.uniform(-0.12, 0.12, size=2)
    corners = {name: np.array(corner) @ shape + place for name, corner in CORNERS.items()}
    segments = [(corners[stroke[0]], corners[stroke[1]]) for stroke in STROKES[digit].split()]
    distance = np.min([distance_to_segment(pixels, start, end) for start, end in segments], axis=0)
    image: Array = np.clip(0.5 + (thickness - distance) / 0.08, 0.0, 1.0).reshape(IMAGE_SHAPE)
    return image


def stroke_digits(n: int, rng: np.random.Generator) -> LabelledImages:
    """Return n digits made of straight strokes, their classes drawn at random: a stand-in for MNIST."""
    labels = rng.integers(0, 10, size=n)
    pixels = np.array([draw_digit(int(label), rng) for label in labels]).reshape(n, 1, *IMAGE_SHAPE)
    return LabelledImages(torch.from_numpy(pixels.astype(np.float32)), torch.from_numpy(labels))


def grammar_text(n_characters: int, rng: np.random.Generator) -> str:
    """Return a text of n_characters made by a small grammar: a stand-in for Tiny Shakespeare."""
    parts: list[str] = []
    n_written = 0
    while n_written < n_characters:
        speech = [str(rng.choice(LINES["speaker"]))]
        for _ in range(rng.integers(1, 4)):
            subject, verb, object_, end = (
                str(rng.choice(LINES[kind])) for kind in ("subject", "verb", "object", "end")
            )
            speech.append(f"{subject} {verb} {object_}{end}")
        parts.append("\n".join(speech) + "\n\n")
        n_written += len(parts[-1])
    return "".join(parts)[:n_characters]


def write_stand_ins(folder: Path, n_train: int, n_test: int, n_characters: int, seed: int) -> None:
    """Write stand-ins under `folder` in the layout of the data sets, with a manifest that says what they are.

    The grader shows kernels what the manifest lists, and knows by it that they are no data sets.
    """
    rng = np.random.default_rng(seed)
    write_images(folder, n_train, n_test, rng)
    (folder / TEXT_FILE).parent.mkdir(parents=True, exist_ok=True)
    (folder / TEXT_FILE).write_text(grammar_text(n_characters, rng), encoding="utf-8", newline="\n")
    write_manifest(
        folder, "Generated stand-ins in the layout of MNIST and Tiny Shakespeare; not the data sets."
    )


def write_images(folder: Path, n_train: int, n_test: int, rng: np.random.Generator) -> None:
    """Write digits made of strokes under `folder` in the layout of MNIST."""
    raw = folder / MNIST_FOLDER
    raw.mkdir(parents=True, exist_ok=True)
    for subset, n in (("train", n_train), ("test", n_test)):
        digits = stroke_digits(n, rng)
        pixels = np.rint(255 * digits.pixels[:, 0].numpy()).astype(np.uint8)
        write_idx(raw / f"{PREFIXES[subset]}-images-idx3-ubyte", pixels)
        write_idx(raw / f"{PREFIXES[subset]}-labels-idx1-ubyte", digits.labels.numpy().astype(np.uint8))


def write_manifest(folder: Path, note: str) -> None:
    """Write what lies under `folder` into the manifest by which the grader knows stand-ins."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    manifest = {
        "note": note,
        "files": {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        },
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8", newline="\n")
