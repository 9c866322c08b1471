"""Everything the checks may look at, for one notebook: data only, gathered on the trusted side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from autograder.errors import UsageError
from autograder.probes.bindings import Binder, Bound, Tier
from autograder.probes.notebooks import NotebookCell
from autograder.probes.observations import Answer, FigureSeen, Observations
from autograder.records import ExecutionRecord
from autograder.rubric.model import ChallengeSpec, PartSpec

Array = npt.NDArray[np.float64]


class NotObserved(LookupError):
    """Raised where evidence is asked for that was not gathered: a live namespace has no cells and no figures."""


@dataclass(frozen=True)
class Called:
    """The answers of one challenged function, with the inputs they belong to."""

    key: str
    spec: ChallengeSpec
    cases: Mapping[str, Mapping[str, Any]]
    """Case key to the values that were drawn."""
    answers: tuple[Answer, ...]

    @property
    def can_be_called(self) -> bool:
        """Whether the notebook has a function that this challenge fits at all."""
        return any(answer.status not in ("missing", "not_callable") for answer in self.answers)

    def is_meant(self, answer: Answer) -> bool:
        """Return whether the name of the function that answered says that it is the one meant.

        A function of points without such a name is tried too, and counts only when its answer is right.
        """
        name = answer.function.casefold()
        return name in map(str.casefold, self.spec.names) or any(
            all(word.casefold() in name for word in words) for words in self.spec.contains
        )

    @property
    def reason(self) -> str:
        """Why a function that seems to be meant could not be called: ` (...)`, or nothing."""
        refused = [answer for answer in self.answers if answer.status == "not_callable" and answer.error]
        return f" ({refused[0].error.partition(': ')[2]})" if refused else ""


@dataclass(frozen=True)
class Evidence:
    """All that was observed of one notebook, under the rubric's keys."""

    part: PartSpec
    cells: tuple[NotebookCell, ...]
    observations: Observations
    execution: ExecutionRecord
    bound: dict[str, Bound]
    called: Mapping[str, Called]
    problems: tuple[str, ...] = field(default=())

    def drawn_points(self, key: str) -> Array | None:
        """Return the points of an array, or of the arrays of a table, one below the other; None when not found."""
        if not self.has(key):
            return None
        is_table = self.part.evidence[key].kind == "table"
        arrays = list(self.table(key).values()) if is_table else [self.array(key)]
        rows = [array for array in arrays if array.ndim == 2 and array.shape[1] == 2]
        return np.concatenate(rows) if rows else None

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

    def cells_around(self, items: Collection[str]) -> tuple[NotebookCell, ...]:
        """Return the cells of some items, and those under headings that were not recognised: they belong to the item
        before them, at the beginning of the notebook to the one after.
        """
        known = [cell.item for cell in self.cells if cell.item is not None]
        last = known[0] if known else None
        found = []
        for cell in self.cells:
            last = cell.item if cell.item is not None else last
            if last in items:
                found.append(cell)
        return tuple(found)

    def figures_of(self, item: str) -> list[FigureSeen]:
        """Return the figures drawn in an item's section, and those of cells that belong to no item."""
        if not self.cells_of(item):  # its section cannot be told
            return list(self.observations.figures)
        foreign = {cell.index for cell in self.cells if cell.item not in (item, None)}
        return [figure for figure in self.observations.figures if figure.cell not in foreign]

    def figures_elsewhere(self, item: str) -> list[FigureSeen]:
        """Return the figures of other items' sections: headings may mislead, and one cell may draw for all."""
        inside = {id(figure) for figure in self.figures_of(item)}
        return [figure for figure in self.observations.figures if id(figure) not in inside]

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


Agreement = Callable[[Evidence, str], float]
"""How well the evidence under a key agrees with the rest, 0 to 1 (by the checks that the rubric names)."""


def gather(
    part: PartSpec,
    cells: Sequence[NotebookCell],
    observations: Observations,
    execution: ExecutionRecord,
    cases: Mapping[str, Iterable[Mapping[str, Any]]],
    bindings: Mapping[str, str],
    agreement: Agreement = lambda evidence, key: 0.0,
) -> Evidence:
    """Return the evidence of one notebook: values found under the rubric's keys, answers with their inputs.

    An accepted name in the item's own section decides. Otherwise the suggestion that agrees best with the other
    evidence is used; where none agrees, the one value whose name speaks of it; several such are left to a person.

    A binding that leads nowhere is noted among the problems, and the value is looked for as without it.
    """
    binder = Binder(observations, cells)
    problems = list(observations.problems)
    offered = {}
    for key, wanted in part.evidence.items():
        try:
            offered[key] = binder.candidates(key, wanted, bindings.get(key))
        except UsageError as error:
            problems.append(str(error))
            offered[key] = binder.candidates(key, wanted)
    bound = {key: _decided(candidates) for key, candidates in offered.items()}
    called = {}
    for key, spec in part.challenges.items():
        values = {str(case["key"]): case["values"] for case in cases.get(key, ())}
        answers = tuple(answer for answer in observations.answers if answer.challenge == key)
        called[key] = Called(key, spec, values, answers)
    evidence = Evidence(part, tuple(cells), observations, execution, bound, called, tuple(problems))
    for key, wanted in part.evidence.items():
        if not bound[key].is_found and offered[key]:
            scores = []
            for candidate in offered[key] if wanted.agrees else ():
                bound[key] = candidate
                scores.append(agreement(evidence, key))
            bound[key] = _suggested(offered[key], scores, wanted.only_agreed)
    return evidence


def _decided(candidates: Sequence[Bound]) -> Bound:
    """Return the candidate that needs no second opinion: a person's binding, or an accepted name in its place."""
    first = candidates[0] if candidates else Bound()
    return first if first.tier <= Tier.NAME and first.is_found else Bound()


def _suggested(candidates: Sequence[Bound], scores: Sequence[float], only_agreed: bool) -> Bound:
    """Return the candidate that agrees best (ties: the better tier); else the single one whose name speaks of it."""
    # A value whose name says nothing must satisfy a check in full; one that is named may be partly right.
    agreed = [
        score if candidate.tier.is_named or score >= 1.0 else 0.0
        for candidate, score in zip(candidates, scores, strict=False)
    ]
    if agreed and max(agreed) > 0:
        return candidates[agreed.index(max(agreed))]
    if only_agreed:
        return Bound()
    for tier in (Tier.NAME_ELSEWHERE, Tier.SPEAKING_HERE, Tier.SPEAKING):
        of_tier = [candidate for candidate in candidates if candidate.tier is tier]
        if len(of_tier) == 1:
            return of_tier[0]
        if of_tier:
            return Bound(candidates=tuple(candidate.as_candidate() for candidate in of_tier[:8]))
    printed = [candidate for candidate in candidates if candidate.tier is Tier.PRINTED]
    return printed[0] if len(printed) == 1 else Bound(is_undecided=bool(candidates))
