"""A report names the limit that was met, its value, and what still counts."""

from __future__ import annotations

from typing import Any

import pytest

from autograder.execution_notes import execution_notes
from autograder.records import CellRecord, ExecutionRecord, Limits

LIMITS = Limits(cell_seconds=60, total_seconds=900, memory_mib=4096, output_mib=20)


def told(state: str, *statuses: str, **about: Any) -> list[tuple[str, str, str]]:
    """Return (kind, title, text) of the notes; the code cells are every second cell."""
    cells = tuple(
        CellRecord.model_validate({"index": 2 * i, "status": status}) for i, status in enumerate(statuses)
    )
    record = ExecutionRecord.model_validate({"state": state, "cells": cells} | about)
    return [(note.kind, note.title, note.text) for note in execution_notes("a", record, LIMITS)]


def test_an_execution_within_its_limits_has_no_note() -> None:
    assert told("complete", "ok", "error") == []


def test_a_cell_that_took_too_long() -> None:
    assert told("cell_limit", "ok", "time_limit", "ok") == [
        (
            "limit",
            "Part a: time for one cell",
            "One cell may take 60 s; cell 3 was stopped there. What the other 2 code cells computed counts.",
        )
    ]


def test_several_cells_that_took_too_long_and_what_was_not_run() -> None:
    ((_, _, text),) = told(
        "cell_limit", "ok", "time_limit", "time_limit", "not_run", "not_run", "not_run", "not_run"
    )
    assert text == (
        "One cell may take 60 s; cells 3 and 5 were stopped there. What the other code cell computed counts. "
        "The 4 code cells from 7 to 13 were not run."
    )


def test_a_notebook_that_took_too_long_and_a_cell_before() -> None:
    notes = told("total_limit", "time_limit", "ok", "time_limit", "not_run")
    assert [title for _, title, _ in notes] == [
        "Part a: time for the whole notebook",
        "Part a: time for one cell",
    ]
    assert notes[0][2] == (
        "All cells together may take 15 min (900 s); it was stopped in cell 5. "
        "What the other code cell computed counts. Cell 7 was not run."
    )
    assert notes[1][2].startswith("One cell may take 60 s; cell 1 was stopped there.")


def test_memory() -> None:
    ((kind, title, text),) = told("memory_limit", "error", "not_run")
    assert (kind, title) == ("limit", "Part a: memory")
    assert text.startswith("The notebook may use 4,096 MiB of memory; it used more in cell 1.")


def test_files() -> None:
    ((kind, title, text),) = told("disk_limit", "ok", "error", "not_run")
    assert (kind, title) == ("limit", "Part a: size of its files")
    assert text.startswith("The notebook may write 512 MiB of files; it wrote more in cell 3.")


def test_nothing_that_came_to_its_end() -> None:
    ((_, _, text),) = told("total_limit", "time_limit", "not_run")
    assert "No cell had come to its end before. Cell 3 was not run." in text


def test_a_kernel_that_ended_itself_is_no_limit() -> None:
    ((kind, _, text),) = told("kernel_died", "ok", "error", "not_run")
    assert kind == "execution"
    assert text.startswith("Python itself ended in cell 3: not by a limit of time.")


def test_outputs_that_were_cut() -> None:
    notes = told("complete", "ok", output_cut=True)
    assert notes == [
        (
            "limit",
            "Part a: size of the outputs",
            "The outputs may take 20 MiB together; what is beyond was cut. What was computed counts all the same.",
        )
    ]


@pytest.mark.parametrize("state", ["cell_limit", "total_limit", "memory_limit", "kernel_died"])
def test_a_record_without_cells_is_told_too(state: str) -> None:
    for _, _, text in told(state):
        assert text.endswith(".")
