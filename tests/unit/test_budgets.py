"""Budgets: numbers of the cell tagged `parameters` are replaced, and stored outputs stand for an execution."""

from __future__ import annotations

from typing import Any

import pytest

from autograder.execution_notes import budget_notes
from autograder.intake.notebooks import normalise
from autograder.jobs import stored_record
from autograder.rubric.model import PartSpec
from autograder.shortened import replacements, with_values

PARAMETERS = """EPOCHS = 10  # of both networks
n_train: int = 50_000
BATCH_SIZE = 128
rate = 1e-3
half = 10 / 2
EPOCHS_TEXT = "10"
    indented = 10"""


def cell(source: str, *tags: str, kind: str = "code", **more: Any) -> dict[str, Any]:
    """A cell as Jupyter saves it."""
    return {"cell_type": kind, "source": source, "metadata": {"tags": list(tags)}, **more}


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    """A normalised notebook that keeps its outputs."""
    return normalise({"cells": list(cells), "nbformat": 4, "metadata": {}}, keep_outputs=True)


def test_numbers_of_the_sheet_are_replaced_by_value_whatever_their_names() -> None:
    given = notebook(cell("import torch"), cell(PARAMETERS, "parameters"), cell("EPOCHS = 10"))
    short = with_values(given, {10: 2, 50_000: 256})
    assert replacements(given, {10: 2, 50_000: 256}) == {"EPOCHS": 2, "n_train": 256}
    assert short["cells"][1]["source"].startswith(PARAMETERS.rstrip())
    assert short["cells"][1]["source"].endswith("EPOCHS = 2\nn_train = 256")
    assert [short["cells"][i] for i in (0, 2)] == [given["cells"][i] for i in (0, 2)]
    assert given["cells"][1]["source"] == PARAMETERS, "the notebook itself stays as it was"


@pytest.mark.parametrize(
    "given",
    [
        notebook(cell("EPOCHS = 10")),
        notebook(cell("EPOCHS = 10", "parameters", kind="markdown")),
        notebook(cell("EPOCHS = 7", "parameters")),
    ],
)
def test_a_notebook_without_such_numbers_stays_as_it_is(given: dict[str, Any]) -> None:
    assert with_values(given, {10: 2}) == given
    assert replacements(given, {10: 2}) == {}


PART = PartSpec.model_validate(
    {
        "part": "b",
        "title": "Training",
        "points": 1,
        "false_fail_rate": 1e-3,
        "filenames": ["*"],
        "budgets": {"full": {"replicates": 3}, "short": {"values": {10: 2}}},
        "items": [],
    }
)


def test_a_part_says_what_a_budget_replaces() -> None:
    assert PART.values_of("short") == {10: 2}
    assert PART.values_of("full") == PART.values_of("replay") == {}
    assert [PART.golden_kind(budget) for budget in ("full", "short", "replay")] == ["full", "short", "full"]
    plain = PART.model_copy(update={"budgets": {}})
    assert plain.golden_kind("short") == "full"
    assert plain.values_of("short") == {}


def test_the_report_says_which_budget_was_used() -> None:
    short = with_values(notebook(cell(PARAMETERS, "parameters")), {10: 2})
    assert list(budget_notes(PART, "full", short)) == []
    (note,) = budget_notes(PART, "short", short)
    assert "short budget: EPOCHS = 2." in note.text
    (note,) = budget_notes(PART, "short", notebook(cell("x = 1")))
    assert "No cell is tagged `parameters`" in note.text
    (note,) = budget_notes(PART, "replay", None)
    assert "Nothing was executed" in note.text


def test_stored_outputs_stand_for_an_execution() -> None:
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["line"]}
    kept = notebook(
        cell(
            "a = 1",
            execution_count=1,
            outputs=[{"output_type": "stream", "name": "stdout", "text": ["1\n", "2"]}],
        ),
        cell("b", execution_count=2, outputs=[error]),
        cell("c = 3", execution_count=None, outputs=[]),
        cell("", execution_count=None, outputs=[]),
        cell("Words", kind="markdown"),
    )
    record = stored_record(kept, "digest")
    assert [(one.index, one.status) for one in record.cells] == [
        (0, "ok"),
        (1, "error"),
        (2, "not_run"),
        (3, "ok"),
    ]
    assert record.cells[1].error is not None
    assert record.cells[1].error.name == "ValueError"
    assert kept["cells"][0]["outputs"][0]["text"] == "1\n2"
    assert record.executor == "replay"


@pytest.mark.parametrize(
    "outputs",
    [
        "no list",
        [1, None, {"output_type": "unknown"}, {"output_type": "display_data", "data": "text"}],
        [{"output_type": "update_display_data", "data": {}}],
    ],
)
def test_what_is_no_output_is_left_out(outputs: Any) -> None:
    assert notebook(cell("a", outputs=outputs, execution_count=True))["cells"][0]["outputs"] == []


def test_outputs_are_kept_as_text_of_known_kinds() -> None:
    data = {"text/plain": ["a", "b"], "application/x": {"large": 1}, "image/png": "abc"}
    one = {"output_type": "execute_result", "data": data, "metadata": {"x": 1}, "execution_count": 3}
    (output,) = notebook(cell("a", outputs=[one]))["cells"][0]["outputs"]
    assert output["data"] == {"text/plain": "ab", "image/png": "abc"}
    assert output["metadata"] == {}
