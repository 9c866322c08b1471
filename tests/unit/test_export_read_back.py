"""The reading back is a check that can fail: every fault that is put into the writers is found by the models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from export_classes import canvas_export, format_of, moodle_worksheet, request_of, scores_of
from test_export_formats import student, with_report

from autograder.errors import UsageError
from autograder.export import feedback
from autograder.export import moodle_worksheet as worksheet
from autograder.export.comments import as_html
from autograder.export.tables import Table
from autograder.export.verifying import read_back

CLASS = [student(1, comment="ends \\"), student(2, comment='say "no", \\" x'), student(3, comment="<b>&")]
CONTENTS = {"moodle_worksheet": moodle_worksheet(CLASS), "canvas": canvas_export(CLASS)}
OPTIONS: dict[str, dict[str, Any]] = {"canvas": {"column": "55"}}


def differences(name: str) -> list[str]:
    """Return what the model of a reader finds wrong in a file of this class."""
    form = format_of(name, **OPTIONS.get(name, {}))
    request = request_of(scores_of(CLASS), CONTENTS[name])
    return [str(one) for one in read_back(form, form.draft(request), request.template)[1]]


@pytest.mark.parametrize("name", CONTENTS)
def test_what_is_right_is_found_right(name: str) -> None:
    assert differences(name) == []


@pytest.mark.parametrize(
    ("fault", "row"),
    [
        (lambda text: as_html(text).replace("&#92;", "\\"), "row 302, score: nothing in place of 41.5"),
        (lambda text: text, "row 302, score: nothing in place of 41.5"),
        (lambda text: "", "row 303, comment: nothing"),
        (
            lambda text: as_html(text).replace("&lt;", "<").replace("&gt;", ">"),
            "row 303, comment: Score: ",
        ),
    ],
)
def test_unsafe_comments_are_found(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[str], str], row: str
) -> None:
    monkeypatch.setattr(worksheet, "as_html", fault)
    assert any(one.startswith(row) for one in differences("moodle_worksheet"))


@pytest.mark.parametrize("name", CONTENTS)
def test_scores_in_the_wrong_row_are_found(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    content = Table.content

    def shifted(self: Table, changes: Any, **kept: Any) -> bytes:
        last = len(self.rows) - 1
        return content(
            self, {(min(row + 1, last), column): text for (row, column), text in changes.items()}, **kept
        )

    monkeypatch.setattr(Table, "content", shifted)
    assert differences(name)


@pytest.mark.parametrize("score", ["41,5", "41.5%", "EX", "410.50"])
def test_scores_that_moodle_reads_otherwise_are_found(monkeypatch: pytest.MonkeyPatch, score: str) -> None:
    content = Table.content

    def changed(self: Table, changes: Any, **kept: Any) -> bytes:
        wrong = {place: score if text == "41.50" else text for place, text in changes.items()}
        return content(self, wrong, **kept)

    monkeypatch.setattr(Table, "content", changed)
    found = differences("moodle_worksheet")
    assert bool(found) == (score != "41.5%")  # which PHP reads as 41.5


def test_cells_without_their_quotes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Table, "_written", lambda self, text, before: text)
    with pytest.raises(UsageError, match="too many or too few cells"):
        differences("moodle_worksheet")


def test_a_report_in_a_name_that_is_not_read_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    zipped = feedback.zipped
    monkeypatch.setattr(
        feedback,
        "zipped",
        lambda files: zipped({name.replace("_", "-"): text for name, text in files.items()}),
    )
    (score,) = scores_of([student()])
    form = format_of("canvas_feedback")
    request = request_of([with_report(tmp_path, score)], folder=tmp_path)
    assert read_back(form, form.draft(request), None)[1]
