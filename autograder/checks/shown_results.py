"""Claims about what a reader of the file finds: a loss that falls, and outputs in every section; stored ones will do."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from autograder.checks.curves import sequences_in
from autograder.checks.findings import Context, Finding, FormCheckParams, failed, for_person, join, judged
from autograder.checks.training_goals import was_shortened
from autograder.probes.evidence import Evidence
from autograder.probes.notebooks import NotebookCell
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.template_cells import squeeze


class LossIsShown(FormCheckParams):
    """The course of a training, for a reader."""

    items: list[str] = Field(min_length=1)
    """Whose cells train."""


@CHECKS.register(LossIsShown)
def loss_is_shown(evidence: Evidence, params: LossIsShown, context: Context) -> Finding:
    """A loss that falls is drawn, or printed in two lines or more; stored outputs show it as well."""
    expected = "a loss that falls, drawn or printed"
    cells = evidence.cells_around(params.items) or evidence.cells
    inside = {cell.index for cell in cells}
    for figure in evidence.observations.figures:
        if figure.cell in inside and any(_falls(y) for y in sequences_in(figure)):
            found = (Found(how="figure", cell=figure.cell),)
            return judged(1.0, observed="drawn", expected=expected, message="The loss is drawn.", found=found)
    for cell in cells:
        if any(_falls(column) for column in printed_columns(cell)):
            found = (Found(how="printed", cell=cell.index),)
            return judged(
                1.0, observed="printed", expected=expected, message="The loss is printed.", found=found
            )
    if was_shortened(evidence) and any(len(y) > 1 for y in _shown(evidence, cells)):
        message = (
            "Numbers are shown, and in a training that was shortened no loss has to fall yet; a person looks."
        )
        return for_person(message, expected=expected)
    if any(cell.n_images for cell in cells) and not evidence.observations.figures:
        return for_person("Pictures are among the outputs; a person looks for the loss.", expected=expected)
    return failed(
        "No loss that falls is drawn or printed.", observed="not found", expected=expected, missing=True
    )


def _shown(evidence: Evidence, cells: Sequence[NotebookCell]) -> Iterator[Any]:
    """Yield all sequences of numbers that cells draw or print."""
    inside = {cell.index for cell in cells}
    for figure in evidence.observations.figures:
        if figure.cell in inside:
            yield from sequences_in(figure)
    for cell in cells:
        yield from printed_columns(cell)


def _falls(values: Any) -> bool:
    y = np.asarray(values, dtype=float)
    return len(y) > 1 and bool(np.all(np.isfinite(y))) and bool(y[-1] < y[0])


_NUMBER = re.compile(r"[-+]?\d[\d,_]*\.?\d*(?:[eE][-+]?\d+)?")


def printed_columns(cell: NotebookCell) -> Iterator[list[float]]:
    """Yield the numbers at the same place of alike lines that a cell printed, those with a decimal point."""
    alike: dict[str, list[list[str]]] = defaultdict(list)
    for line in cell.printed.splitlines():
        alike[" ".join(_NUMBER.sub("#", line).split())].append(_NUMBER.findall(line))
    for rows in alike.values():
        for column in zip(*rows, strict=True):
            if len(column) > 1 and any("." in one for one in column):
                yield [float(one.replace(",", "").replace("_", "")) for one in column]


class SectionsShowOutputs(FormCheckParams):
    """Outputs that a reader finds in the file."""

    items: list[str] = Field(min_length=1)


@CHECKS.register(SectionsShowOutputs)
def sections_show_outputs(evidence: Evidence, params: SectionsShowOutputs, context: Context) -> Finding:
    """Every section with code of the student's own has an output, so that the file can be read without running it."""
    sections = {
        item: [cell for cell in evidence.cells_of(item) if _is_own(cell, context)] for item in params.items
    }
    if not any(sections.values()):
        sections = {"": [cell for cell in evidence.cells if _is_own(cell, context)]}
    there = {item: cells for item, cells in sections.items() if cells}
    if not there:
        return failed("There is no code of yours.", expected="outputs", missing=True)
    bare = [
        cells[0].index + 1
        for cells in there.values()
        if not any(c.printed.strip() or c.n_images for c in cells)
    ]
    about: dict[str, Any] = {
        "observed": f"{len(there) - len(bare)} of {len(there)} sections",
        "expected": "an output in every section with code",
    }
    if not bare:
        return judged(1.0, message="Every section with code shows outputs.", **about)
    where = f"from cell {join([str(one) for one in bare])} on"
    message = (
        f"The code {where} shows nothing: print or draw its result, and save the notebook with its outputs."
    )
    return judged(1 - len(bare) / len(there), message=message, **about)


def _is_own(cell: NotebookCell, context: Context) -> bool:
    return (
        cell.kind == "code"
        and bool(cell.source.strip())
        and squeeze(cell.source) not in context.template.texts
    )
