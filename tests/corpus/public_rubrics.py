"""A course as students get it: the public part of the rubric, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from ruamel.yaml import YAML

from autograder.registry import find_assignment
from autograder.rubric.loader import load_rubric
from autograder.rubric.public import public_part


def write_public(root: Path, parts: tuple[str, ...] = ("a",)) -> None:
    """Write the public part of `aml-a3` into `root`."""
    rubric = load_rubric(find_assignment("aml-a3"), parts)
    folder = root / "rubrics" / "aml-a3"
    folder.mkdir(parents=True)
    names = [f"part_{part.part}.yaml" for part in rubric.parts]
    about = {"schema": 1, "assignment": "aml-a3", "title": rubric.title, "parts": names}
    (folder / "rubric.yaml").write_text(json.dumps(about), encoding="utf-8")
    for part, name in zip(rubric.parts, names, strict=True):
        YAML(typ="safe").dump(public_part(part).model_dump(exclude_none=True), folder / name)
