"""The command line over downloads: what it recognises, what it says, how it exits. Nothing is executed (`replay`)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograder.cli.app import run
from tests.corpus.lms import (
    HandIn,
    canvas_files,
    canvas_gradebook,
    download,
    make_class,
    moodle_files,
    moodle_worksheet,
    notebook,
)

CLASS = make_class(4, seed=13)
COURSE = """time_zone: Europe/Berlin
assignments:
  aml-a3:
    due: 2026-11-21 23:59
    late: {per_day: 10 %}
"""


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def moodle(tmp_path: Path) -> list[str]:
    """A download of three of four, its worksheet in German, a course file."""
    hand_ins = [HandIn(one, {"part_a.ipynb": notebook(one.number)}) for one in CLASS[:3]]
    times = {one.moodle: "Sonntag, 22. November 2026, 08:06" for one in CLASS}
    return [
        str(put(tmp_path / "kurs.zip", download(moodle_files(hand_ins)))),
        "--roster",
        str(put(tmp_path / "worksheet.csv", moodle_worksheet(CLASS, "de", submitted=times))),
        "--course",
        str(put(tmp_path / "course.yaml", COURSE.encode())),
    ]


def grade(*arguments: str) -> int:
    return run(["grade", *arguments, "--assignment", "aml-a3", "--part", "a", "--budget", "replay"])


def test_a_dry_run_says_what_it_found_and_writes_nothing(
    moodle: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(*moodle, "--run", str(tmp_path / "run"), "--dry-run") == 0
    said = capsys.readouterr().out
    assert "3 hand-ins, taken in as moodle; nothing was executed" in said
    assert all(one.number in said for one in CLASS[:3])
    assert not (tmp_path / "run").exists()
    assert grade(*moodle, "--run", str(tmp_path / "run"), "--dry-run", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["form"] == "moodle"
    assert {tuple(one["students"]) for one in found["submissions"]} == {(one.number,) for one in CLASS[:3]}


def test_a_dry_run_needs_a_person_when_an_owner_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_ins = [HandIn(one, {"part_a.ipynb": notebook("1")}) for one in CLASS]
    source = put(tmp_path / "s.zip", download(canvas_files(hand_ins)))
    roster = put(tmp_path / "r.csv", canvas_gradebook(CLASS[:3]))
    assert grade(str(source), "--roster", str(roster), "--run", str(tmp_path / "run"), "--dry-run") == 1
    assert "unknown_student" in capsys.readouterr().out


def test_what_a_grading_says_of_a_class(
    moodle: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(*moodle, "--run", str(tmp_path / "run")) == 1
    said = capsys.readouterr().out
    assert "a download of Moodle" in said
    assert f"1 person of the roster without a submission: {CLASS[3].number}" in said
    assert f"Ana Müller-Íñiguez ({CLASS[0].number})" in said
    assert "late" in said
    results = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    assert {one["people"][0]["late"]["n_days"] for one in results["submissions"]} == {1}


def test_another_course_file_is_a_rescore(
    moodle: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(*moodle, "--run", str(tmp_path / "run")) == 1
    later = put(tmp_path / "later.yaml", COURSE.replace("21 23:59", "23 23:59").encode())
    capsys.readouterr()
    arguments = ["rescore", str(tmp_path / "run"), "--course", str(later), "--why", "extended for all"]
    assert run([*arguments, "--json"]) == 1
    results = json.loads(capsys.readouterr().out)["results"]
    assert {one["people"][0]["late"]["n_days"] for one in results["submissions"]} == {0}


def test_states_that_change_are_told(
    moodle: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(*moodle, "--run", str(tmp_path / "run")) == 1
    excused = put(tmp_path / "e.yaml", (COURSE + f"    excused: [{CLASS[1].number}]\n").encode())
    capsys.readouterr()
    run(["rescore", str(tmp_path / "run"), "--course", str(excused)])
    said = capsys.readouterr().out
    assert "Scores that changed (1)" in said
    assert "excused" in said


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("--roster", b"name\nAna\n", "Names alone identify nobody"),
        ("--groups", b"name,team\nAna,red\n", "expected the columns id and group"),
        ("--course", b"time_zone: Berlin\nassignments: {aml-a3: {}}\n", "course.yaml:1:12"),
    ],
)
def test_a_list_that_cannot_be_used_is_wrong_use(
    option: str,
    content: bytes,
    said: str,
    moodle: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "course.yaml" if option == "--course" else "list.csv"
    given = put(tmp_path / "wrong" / name, content)
    assert grade(moodle[0], option, str(given), "--run", str(tmp_path / "run")) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_source_may_be_said(moodle: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(moodle[0], "--from", "folder", "--run", str(tmp_path / "run"), "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["form"] == "folder"
    assert grade(moodle[0], "--from", "blackboard", "--run", str(tmp_path / "run")) == 2
