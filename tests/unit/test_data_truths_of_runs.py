"""A grading compares with the table that its notebooks are shown, and keeps what is true of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.courses import Course
from autograder.grading import DATA_TRUTHS, course_of_run, with_data
from autograder.store import RunDirectory

COURSE = Course.load("dl-hw3", ["pt1"], "short", stand_ins=True)
STORED = COURSE.goldens["pt1"].values


def run_with(tmp_path: Path, table: str = "") -> tuple[RunDirectory, Path]:
    data = tmp_path / "data"
    (data / "lyrics").mkdir(parents=True, exist_ok=True)
    if table:
        (data / "lyrics/lyrics.csv").write_text(table, encoding="utf-8")
    (tmp_path / "run").mkdir(exist_ok=True)
    return RunDirectory(tmp_path / "run"), data


TABLE = "artist,song,lyrics\nAnn,Red,the sea the sea\nBo,Blue,a sea\n"


def test_the_truths_of_the_shown_table_take_the_place_of_the_stand_ins(tmp_path: Path) -> None:
    run, data = run_with(tmp_path, TABLE)
    values = with_data(COURSE, run, data).goldens["pt1"].values
    assert STORED["l3.size.rows"].truth == 166
    assert values["l3.size.rows"].truth == 2
    assert {key for key in values if key.startswith("l2.songs[")} == {"l2.songs[Ann]", "l2.songs[Bo]"}
    assert values["l4.characters"] == STORED["l4.characters"], "what is no truth of data stays"


def test_they_are_kept_in_the_run_so_that_rescoring_needs_no_table(tmp_path: Path) -> None:
    run, data = run_with(tmp_path, TABLE)
    graded = with_data(COURSE, run, data)
    assert (
        json.loads((run.path / DATA_TRUTHS).read_text(encoding="utf-8"))["pt1"]["l3.size.rows"]["truth"] == 2
    )
    (data / "lyrics/lyrics.csv").unlink()
    assert course_of_run(COURSE, run).goldens == graded.goldens
    replayed = with_data(replace(COURSE, budget="replay"), run, data)
    assert replayed.goldens == graded.goldens, "a replay shows no data and keeps what was true"


@pytest.mark.parametrize("kept", ["", "[]"])
def test_without_a_table_the_golden_files_hold(tmp_path: Path, kept: str) -> None:
    run, data = run_with(tmp_path)
    if kept:
        (run.path / DATA_TRUTHS).write_text(kept)
    assert with_data(COURSE, run, data).goldens == COURSE.goldens


def test_parts_without_such_truths_keep_no_file(tmp_path: Path) -> None:
    run, data = run_with(tmp_path, TABLE)
    sampling = Course.load("aml-a3", ["a"])
    assert with_data(sampling, run, data).goldens == sampling.goldens
    assert not (run.path / DATA_TRUTHS).exists()
