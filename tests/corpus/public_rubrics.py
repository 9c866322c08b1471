"""A course as students get it: the public part of the rubric, and nothing else."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path

from ruamel.yaml import YAML

from autograder.registry import find_assignment
from autograder.rubric.loader import load_rubric
from autograder.rubric.public import public_part


def write_public(root: Path, parts: tuple[str, ...] = ("a",)) -> None:
    """Write the public part of `aml-a3` into `root`."""
    folder = root / "rubrics" / "aml-a3"
    folder.mkdir(parents=True)
    for name, text in _files(parts).items():
        (folder / name).write_text(text, encoding="utf-8")


@functools.cache
def _files(parts: tuple[str, ...]) -> dict[str, str]:
    rubric = load_rubric(find_assignment("aml-a3"), parts)
    names = [f"part_{part.part}.yaml" for part in rubric.parts]
    files = {
        "rubric.yaml": json.dumps({"assignment": "aml-a3", "title": rubric.title, "parts": names}),
    }
    for part, name in zip(rubric.parts, names, strict=True):
        text = io.StringIO()
        YAML(typ="safe").dump(public_part(part).model_dump(exclude_none=True), text)
        files[name] = text.getvalue()
    return files
