"""Evidence as the probes would give it, made by hand: for the tests of the checks."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.checks.findings import Context, Finding
from autograder.grading import Course
from autograder.judging import is_random
from autograder.probes.bindings import Bound, Tier
from autograder.probes.challenges import draw_cases
from autograder.probes.evidence import Called, Evidence
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import Answer, FigureSeen, Leaf, Observations, SeedSeen
from autograder.probes.paths import Path
from autograder.records import ExecutionRecord, Found
from autograder.registry import CHECKS
from autograder.rubric.model import CheckSpec, ItemSpec
from autograder.template_cells import NO_TEMPLATE, TemplateCells

COURSE = Course.load("aml-a3", ["a"])
PART = COURSE.rubric.parts[0]
GOLDEN = COURSE.goldens["a"]
N_RANDOM = sum(is_random(check) for _, check in PART.checks())
RATE = PART.false_fail_rate / N_RANDOM
"""What each random check of the shipped rubric is allowed to fail of correct work."""
CASES: dict[str, dict[str, dict[str, Any]]] = {
    key: {case["key"]: case["values"] for case in draw_cases(spec, "a fixed secret", "ada", key)}
    for key, spec in PART.challenges.items()
}


def leaf(value: Any, path: str = "value", *, cell: int = 0, dtype: str = "", device: str = "cpu") -> Leaf:
    """A recorded value: arrays keep their type, lists become arrays, numbers and texts are scalars."""
    value = np.array(value) if isinstance(value, list) else value
    if isinstance(value, np.ndarray):
        return Leaf(Path(path), cell, value, "ndarray", dtype or str(value.dtype), device)
    return Leaf(Path(path), cell, value, "scalar", dtype or type(value).__name__, device)


def bound(
    value: Any, *, key: str = "value", rounding: float = 0.0, dtype: str = "", device: str = "cpu"
) -> Bound:
    """A value under an accepted name; a mapping becomes a table."""
    found = Found(how="name", path=key.replace(".", "_"), cell=0)
    if isinstance(value, Bound):
        return value
    if isinstance(value, Mapping):
        table = {float(k): leaf(v, key, dtype=dtype, device=device) for k, v in value.items()}
        return Bound(table=table, found=found, tier=Tier.NAME, rounding=rounding)
    one = leaf(value, key, dtype=dtype, device=device)
    return Bound(leaf=one, found=found, tier=Tier.NAME, rounding=rounding)


def answer(
    challenge: str,
    *results: Any,
    function: str = "",
    roles: Iterable[str] | None = None,
    status: str = "ok",
    error: str = "",
    case: str = "0",
) -> Answer:
    """What a call gave back; `roles` are those that the function took as parameters (default: all of them)."""
    spec = PART.challenges[challenge]
    taken = tuple(spec.roles) if roles is None else tuple(roles)
    return Answer(
        challenge=challenge,
        case=case,
        status=status,
        function=function or ("" if status == "missing" else spec.names[0]),
        form=None,
        bound={role: f"parameter {role}" if role in taken else None for role in spec.roles},
        error=error,
        leaves=tuple(leaf(result, f"result[{index}]", cell=-1) for index, result in enumerate(results)),
    )


def figure(cell: int = 0, arrays: Mapping[str, Any] | None = None, **axes: Any) -> FigureSeen:
    """A figure with one pair of axes."""
    held = {name: np.asarray(value) for name, value in (arrays or {}).items()}
    return FigureSeen(cell, {"n": 1, "axes": [axes]}, held)


def line(y: Any, x: Any = None) -> dict[str, Any]:
    """A line of a plot."""
    heights = np.asarray(y, dtype=float)
    along = np.arange(len(heights)) if x is None else np.asarray(x)
    return {"n": len(heights), "x": along.tolist(), "y": heights.tolist()}


def code(source: str, index: int = 0, item: str | None = None) -> NotebookCell:
    """A code cell."""
    return NotebookCell(index, "code", source, "", 0, item, None)


def markdown(source: str, index: int = 0, item: str | None = None) -> NotebookCell:
    """A Markdown cell."""
    return NotebookCell(index, "markdown", source, "", 0, item, None)


def evidence(
    values: Mapping[str, Any] | None = None,
    *,
    answers: Sequence[Answer] = (),
    figures: Sequence[FigureSeen] = (),
    cells: Sequence[NotebookCell] = (),
    seeds: Sequence[SeedSeen] = (),
    torch_seeds: Sequence[int] = (),
) -> Evidence:
    """Evidence of the shipped part: what is not given was not found, what was not answered is missing."""
    found = {key: Bound() for key in PART.evidence}
    found |= {key: bound(value, key=key) for key, value in (values or {}).items()}
    leaves = tuple(
        one
        for each in found.values()
        for one in ([each.leaf] if each.leaf is not None else list((each.table or {}).values()))
    )
    called = {}
    for key, spec in PART.challenges.items():
        given = tuple(one for one in answers if one.challenge == key)
        called[key] = Called(key, spec, CASES[key], given or (answer(key, status="missing"),))
    observations = Observations(
        leaves, (), tuple(figures), tuple(seeds), tuple(torch_seeds), tuple(answers), ()
    )
    return Evidence(PART, tuple(cells), observations, ExecutionRecord(state="complete"), found, called)


@functools.cache
def checks_by_id() -> dict[str, tuple[ItemSpec, CheckSpec]]:
    """The checks of the shipped part."""
    return {check.id: (item, check) for item, check in PART.checks()}


def run(
    check_id: str,
    seen: Evidence,
    *,
    rate: float = RATE,
    template: TemplateCells = NO_TEMPLATE,
    **changes: Any,
) -> Finding:
    """What a check of the shipped rubric finds, with its parameters as they are there but for `changes`."""
    item, check = checks_by_id()[check_id]
    entry = CHECKS[check.check]
    params = entry.params.model_validate(check.params | changes)
    finding = entry.function(seen, params, Context(item.id, rate, GOLDEN, True, template))
    assert isinstance(finding, Finding)
    return finding


def passes(finding: Finding) -> bool:
    """Whether full points are given."""
    return finding.status.value == "passed" and finding.fraction == 1.0
