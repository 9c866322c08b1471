"""A course of two small parts whose bundle is looked at: one secret of every kind, each in one known place."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

from autograder.fingerprints import KEPT_NAMES
from autograder.registry import Assignment, find_assignment

MODULE = '''"""Shared functions of the reference."""


def weighted_spread(values, weights):
    """Return the spread of values under weights."""
    centre = sum(w * v for v, w in zip(values, weights)) / sum(weights)
    deviations = [w * (v - centre) ** 2 for v, w in zip(values, weights)]
    total = sum(weights)
    if total <= 0.0625 * len(values):
        raise ValueError("the weights add up to next to nothing for so many values")
    result = sum(deviations) / total
    return result
'''

NOTEBOOK = """# A comment of the author.
# %% [markdown] tags=["given"]
# # A small task
#
# Ask how wide the values lie, and say in a sentence what follows from the answer that you get.

# %% tags=["given"]
VALUES = [2.0, 3.0, 5.0, 7.0, 11.0]
step = (VALUES[1] - VALUES[0]) / (VALUES[2] - VALUES[1] + 0.5)

# %% [markdown] tags=["explain"] item="a1"
# The spread is taken around the weighted centre and not around the plain one.

# %% tags=["task"] item="a1" functions=["weighted_spread"] values=["spread"]
#: spread: float: how wide the values lie
from reference.tools import weighted_spread

spread = weighted_spread(VALUES, [1.0] * len(VALUES))

# %% [markdown] tags=["answer"] item="a1"
# Heavy values pull the centre towards themselves, so that the spread around it is the smallest of all.
"""

PART = """schema: 1
part: a
title: Spreads
points: 10
false_fail_rate: 1.0e-3
filenames: ["part_a*.ipynb"]
errata:
  - {item: a1, title: What a spread is, text: The sheet means the weighted variance and not its square root here.}
  - {item: a1, title: Any order, text: The values may stand in any order that you like., public: true}
sections:
  a1: {headings: [spread]}
evidence:
  a1.spread: {kind: number, about: the spread, names: [spread], agrees: [a1.value]}
  a1.values: {kind: array, about: the values, names: [VALUES], shape: [n]}
truths: {}
items:
  - id: a1
    title: A1 Spread
    points: 10
    checks:
      - id: a1.value
        check: number_in_band
        title: The weighted spread lies where it must
        points: 3
        why: A spread around the wrong centre is too large every single time.
        hint: Divide by the sum of all weights and never by the number of values.
        params:
          evidence: a1.spread
          label: spread
          bands: [{name: population, method: normal, golden: a1.truth}]
      - id: a1.count
        check: rows_kept
        title: There are five values
        points: 4
        public: true
        twin: a1.value
        params: {evidence: a1.values, n: 5}
        hint: Keep all of them.
      - id: a1.said
        check: is_written
        title: What follows from the spread
        points: 3
        params: {prompt: Say what follows., words: [spread]}
"""

RUBRIC = """schema: 1
assignment: mini-a0
title: A small course
parts: [part_a.yaml]
"""

GOLDEN = """{"schema_version": 1, "assignment": "mini-a0", "part": "a", "values":
 {"a1.truth": {"truth": 10.239876543, "sd": 0.25, "n": 100}}}
"""


class Renaming(ast.NodeTransformer):
    """Gives every variable another name."""

    def __init__(self, new: Iterable[str]) -> None:
        self.new = iter(new)
        self.known: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in KEPT_NAMES:
            return node
        if node.id not in self.known:
            self.known[node.id] = next(self.new)
        return ast.copy_location(ast.Name(self.known[node.id], node.ctx), node)


def write_course(root: Path) -> None:
    """Write the course: reference, golden values, rubric."""
    files = {
        "reference/tools.py": MODULE,
        "reference/mini_a0/notebook_a.py": NOTEBOOK,
        "reference/mini_a0/golden/part_a.json": GOLDEN,
        "rubrics/mini-a0/rubric.yaml": RUBRIC,
        "rubrics/mini-a0/part_a.yaml": PART,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def small_course(root: Path, monkeypatch: pytest.MonkeyPatch) -> Assignment:
    """Return the assignment of a course that is written to `root`."""
    write_course(root)
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(root))
    return find_assignment("mini-a0")
