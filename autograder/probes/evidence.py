"""Everything the checks may look at, for one notebook: data only, gathered on the trusted side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from autograder.probes.bindings import Binder, Bound
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import Answer, FigureSeen, Observations
from autograder.records import ExecutionRecord
from autograder.rubric.model import PartSpec

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Called:
    """The answers of one challenged function, with the inputs they belong to."""

    key: str
    cases: Mapping[str, Mapping[str, Any]]
    """Case key to the values that were drawn."""
    answers: tuple[Answer, ...]

    @property
    def can_be_called(self) -> bool:
        """Whether the notebook has a function that this challenge fits at all."""
        return any(answer.status not in ("missing", "not_callable") for answer in self.answers)

    @property
    def reason(self) -> str:
        """Why nothing could be called."""
        return next((answer.error for answer in self.answers if answer.error), "")


@dataclass(frozen=True)
class Evidence:
    """All that was observed of one notebook, under the rubric's keys."""

    part: PartSpec
    cells: tuple[NotebookCell, ...]
    observations: Observations
    execution: ExecutionRecord
    bound: Mapping[str, Bound]
    called: Mapping[str, Called]
    problems: tuple[str, ...] = field(default=())

    def number(self, key: str) -> float:
        """Return the number bound to `key`; KeyError when there is none."""
        leaf = self.bound[key].leaf
        if leaf is None:
            raise KeyError(key)
        return float(np.asarray(leaf.value, dtype=np.float64).reshape(-1)[0])

    def array(self, key: str) -> Array:
        """Return the array bound to `key` in double precision; KeyError when there is none."""
        leaf = self.bound[key].leaf
        if leaf is None:
            raise KeyError(key)
        return np.asarray(leaf.value, dtype=np.float64)

    def table(self, key: str) -> dict[float, Array]:
        """Return the values bound to `key`, one a table key (fewer when some were not found)."""
        return {
            k: np.asarray(leaf.value, dtype=np.float64) for k, leaf in (self.bound[key].table or {}).items()
        }

    def has(self, key: str | None) -> bool:
        """Return whether anything was found for `key`."""
        return key is not None and key in self.bound and self.bound[key].is_found

    def dtype(self, key: str) -> str:
        """Return the data type that the student's own value had."""
        bound = self.bound[key]
        leaf = bound.leaf or next(iter((bound.table or {}).values()), None)
        return leaf.dtype if leaf is not None else ""

    def cells_of(self, item: str) -> list[NotebookCell]:
        """Return the cells of an item's section."""
        return [cell for cell in self.cells if cell.item == item]

    def figures_of(self, item: str) -> list[FigureSeen]:
        """Return the figures drawn in an item's section; all figures when no section can be told."""
        figures = list(self.observations.figures)
        if not any(cell.item for cell in self.cells):
            return figures
        inside = {cell.index for cell in self.cells_of(item)}
        return [figure for figure in figures if figure.cell in inside]

    def failure_in(self, item: str) -> str:
        """Return a sentence on what stopped the work of an item, or nothing."""
        for cell in self.cells_of(item):
            record = cell.record
            if record is None or record.status == "ok" or cell.kind != "code":
                continue
            if record.status == "error" and record.error is not None:
                return f"cell {cell.index + 1} stopped with {record.error.name}: {_first_line(record.error.message)}"
            if record.status == "time_limit":
                return f"cell {cell.index + 1} was stopped at the time limit"
            if record.status == "not_run":
                return f"cell {cell.index + 1} was not run ({self.execution.detail or self.execution.state})"
        return ""


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0][:200]


def gather(
    part: PartSpec,
    cells: Sequence[NotebookCell],
    observations: Observations,
    execution: ExecutionRecord,
    cases: Mapping[str, Iterable[Mapping[str, Any]]],
    bindings: Mapping[str, str],
) -> Evidence:
    """Return the evidence of one notebook: values found under the rubric's keys, answers with their inputs."""
    binder = Binder(observations, cells, bindings)
    bound = {key: binder.bind(key, spec) for key, spec in part.evidence.items()}
    called = {}
    for key in part.challenges:
        values = {str(case["key"]): case["values"] for case in cases.get(key, ())}
        answers = tuple(answer for answer in observations.answers if answer.challenge == key)
        called[key] = Called(key, values, answers)
    return Evidence(part, tuple(cells), observations, execution, bound, called, observations.problems)
