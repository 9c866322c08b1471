"""What a report says of an execution that met a limit: which one, its value, and what still counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autograder.records import CellRecord, ExecutionRecord, Limits, Note
from autograder.rubric.model import Budget, PartSpec
from autograder.shortened import INJECTED


def budget_notes(
    part: PartSpec, budget: Budget, notebook: Mapping[str, Any] | None, stand_ins: bool = False
) -> Iterator[Note]:
    """Return a note on how a notebook was tried, where that was not as handed in.

    Parameters
    ----------
    notebook : as it was executed
    stand_ins : whether it was shown generated data in the place of data sets
    """
    if stand_ins and part.data and budget != "replay":
        text = (
            f"Executed on small generated stand-ins for {' and '.join(part.data)}: a rehearsal, which says nothing "
            "about runs on the data sets themselves."
        )
        yield Note(kind="execution", title=f"Part {part.part}: stand-ins", text=text)
    title = f"Part {part.part}: budget"
    if budget == "replay":
        text = (
            "Nothing was executed. What the stored outputs cannot show waits for a grading that runs the "
            "notebook."
        )
        yield Note(kind="execution", title=title, text=text)
    elif budget == "short" and "short" in part.budgets:
        sources = [cell["source"] for cell in (notebook or {"cells": []})["cells"]]
        put_in = [source.partition(INJECTED)[2].split("\n") for source in sources if INJECTED in source]
        values = ", ".join(line for lines in put_in for line in lines if line)
        text = (
            f"Executed with the short budget: {values}. Bands are those of such runs."
            if values
            else "No cell is tagged `parameters`, so the notebook was executed as it was handed in."
        )
        yield Note(kind="execution", title=title, text=text)


def execution_notes(part: str, execution: ExecutionRecord, limits: Limits) -> Iterator[Note]:
    """Return a note for every limit that an execution met, and for a kernel that ended itself.

    Parameters
    ----------
    limits : those that were in force
    """
    stopped = [cell for cell in execution.cells if cell.status == "time_limit"]
    if execution.state == "total_limit":
        last = stopped.pop() if stopped else None
        where = f"; it was stopped in cell {last.index + 1}" if last else ""
        text = f"All cells together may take {_seconds(limits.total_seconds)}{where}."
        yield _note("limit", part, "time for the whole notebook", text, execution.cells)
    if stopped:
        verb = "was stopped there" if len(stopped) == 1 else "were stopped there"
        text = f"One cell may take {_seconds(limits.cell_seconds)}; {_cells(stopped)} {verb}."
        yield _note("limit", part, "time for one cell", text, execution.cells)
    if execution.state == "memory_limit":
        text = f"The notebook may use {limits.memory_mib:,} MiB of memory; it used more{_in_last(execution)}."
        yield _note("limit", part, "memory", text, execution.cells)
    if execution.state == "disk_limit":
        text = f"The notebook may write {limits.disk_mib:,} MiB of files; it wrote more{_in_last(execution)}."
        yield _note("limit", part, "size of its files", text, execution.cells)
    if execution.state == "kernel_died":
        text = f"Python itself ended{_in_last(execution)}: not by a limit of time."
        yield _note("execution", part, "Python ended", text, execution.cells)
    if execution.output_cut:
        text = f"The outputs may take {limits.output_mib:g} MiB together; what is beyond was cut."
        yield _note(
            "limit", part, "size of the outputs", f"{text} What was computed counts all the same.", ()
        )


def _note(kind: str, part: str, title: str, text: str, cells: Sequence[CellRecord]) -> Note:
    return Note.model_validate(
        {
            "kind": kind,
            "title": f"Part {part}: {title}",
            "text": f"{text} {counted}" if (counted := _counted(cells)) else text,
        }
    )


def _counted(cells: Sequence[CellRecord]) -> str:
    """Return which cells count although a limit was met, and which could not."""
    if not cells:
        return ""
    n_ran = sum(cell.status in ("ok", "error") for cell in cells)
    missed = [cell for cell in cells if cell.status == "not_run"]
    told = f"What the other {n_ran} code cells computed counts." if n_ran != 1 else ""
    told = told or "What the other code cell computed counts."
    if n_ran == 0:
        told = "No cell had come to its end before."
    if missed:
        verb = "was" if len(missed) == 1 else "were"
        told += f" {_cells(missed).capitalize()} {verb} not run."
    return told


def _in_last(execution: ExecutionRecord) -> str:
    """Return ` in cell 7`: the last one that was begun."""
    begun = [cell for cell in execution.cells if cell.status != "not_run"]
    return f" in cell {begun[-1].index + 1}" if begun else ""


def _cells(cells: Sequence[CellRecord]) -> str:
    """Return the cells as a reader counts them: `cell 4`, `cells 4, 6 and 9`, `cells 4 to 12`."""
    numbers = [cell.index + 1 for cell in cells]
    if len(numbers) == 1:
        return f"cell {numbers[0]}"
    if len(numbers) > 3:
        return f"the {len(numbers)} code cells from {numbers[0]} to {numbers[-1]}"
    return f"cells {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _seconds(value: float) -> str:
    """Return a limit in words: `45 s`, `15 min (900 s)`."""
    return f"{value:g} s" if value < 120 else f"{value / 60:.3g} min ({value:g} s)"
