"""`export` from the shell: nothing half, nothing twice, nothing lower, and the proof that all arrived."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from autograder import cli, exporting
from autograder.errors import InternalError
from autograder.export import ledger
from autograder.review import store
from autograder.review.marks import automatic, basis_of
from autograder.review.store import Kind, Mark, Place
from autograder.rosters import Roster, RosterEntry
from autograder.store import RunDirectory, read_json, write_new_folder, write_record

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "unit"))
runs = importlib.import_module("review_runs")

NAMES = {"ada": "Ada Lovelace", "bo": "Bo Lovelace", "cy": "Cy Lovelace"}
HEAD = "Student,ID,SIS Login ID,Section,VAE (55)\n    Points Possible,,,,6.00\n"


class Class:
    """A run of three students, and the gradebook that Canvas has of them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]):
        self.run: RunDirectory = runs.class_run(folder / "run")
        self.folder = folder
        self.capsys = capsys
        self.scores = dict.fromkeys(NAMES, "")

    def mark(self, name: str, points: float, kind: Kind = "review") -> None:
        """Mark both written answers of a student; no report is rendered yet."""
        for grade in exporting.stored_grades(self.run):
            for item in grade.items:
                if grade.submission.id == name:
                    check = item.checks[1]
                    place = Place(name, check.id)
                    seen = store.standing_of(self.run.gradebook, place).version
                    mark = Mark(kind, points, reason="seen", basis=basis_of(automatic(check)))
                    store.add(self.run.gradebook, place, "eva", mark, seen)

    def download(self, name: str = "grades.csv", extra: str = "") -> Path:
        """Write the gradebook as Canvas has it now, newer than everything before."""
        rows = "".join(
            f"{name.title()},{100 + at},{NAMES[name]},S1,{score}\n"
            for at, (name, score) in enumerate(self.scores.items())
        )
        path = self.folder / name
        path.write_text(HEAD + rows + extra, encoding="utf-8", newline="")
        soon = time.time() + 1
        os.utime(path, (soon, soon))
        return path

    def export(self, *options: str | Path, to: str = "canvas") -> tuple[int, dict[str, Any]]:
        """Return the exit status and the JSON document of an export."""
        self.capsys.readouterr()
        status = cli.run(["export", str(self.run.path), "--to", to, "--json", *map(str, options)])
        said = self.capsys.readouterr()
        return status, json.loads(said.out) if said.out else {"said": " ".join(said.err.split())}

    def held(self) -> dict[str, str]:
        entries = ledger.history(self.run.gradebook)
        return {entry.student: entry.value for entry in ledger.holding(entries).values()}


@pytest.fixture
def course(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Class:
    """Return a class in which two of three are marked, and no report says so yet."""
    found = Class(tmp_path, capsys)
    found.mark("ada", 2.0)
    found.mark("bo", 1.5)
    return found


def test_from_the_marks_to_the_lms_and_back(course: Class) -> None:
    template = course.download()
    status, said = course.export("--template", template)
    assert status == 1
    assert [one["student"] for one in said["reconciliation"]["without_score"]] == ["Cy Lovelace"]
    assert (said["files"], said["n_unaccounted"]) == ([], 1)
    assert not course.run.exports.exists()
    assert course.held() == {}

    status, said = course.export("--template", template, "--accept", "pending")
    assert status == 0
    (path,) = map(Path, said["files"])
    assert path.read_text(encoding="utf-8").splitlines()[2:] == [
        "Ada,100,Ada Lovelace,S1,6.00",
        "Bo,101,Bo Lovelace,S1,5.00",
        "Cy,102,Cy Lovelace,S1,",
    ]
    assert course.held() == {"Ada Lovelace": "6.00", "Bo Lovelace": "5.00"}
    assert read_json(course.run.results)["submissions"][0]["earned"] == 6.0  # the marks were taken in

    course.scores |= {"ada": "6.00", "bo": "5.00"}
    status, said = course.export("--verify", course.download("after.csv"), "--template", template)
    assert (status, said["complete"], said["elsewhere"]) == (0, True, [])
    assert {entry.action for entry in ledger.history(course.run.gradebook)} == {"written", "verified"}

    course.mark("cy", 1.0)
    status, said = course.export("--template", course.download())
    assert status == 0
    assert {name: len(rows) for name, rows in said["reconciliation"].items() if rows} == {
        "written": 1,
        "unchanged": 2,
    }
    status, said = course.export("--template", course.download())
    assert (
        status == 0
    )  # Canvas was not told yet, as the fresh download shows: it is written again, and said so
    assert any("not at the LMS" in note for note in said["notes"])


def test_a_score_that_did_not_arrive_is_found_and_sent_again(course: Class) -> None:
    course.export("--template", course.download(), "--accept", "pending")
    course.scores |= {"ada": "6.00"}  # Canvas dropped Bo's
    after = course.download("after.csv")
    status, said = course.export("--verify", after)
    assert status == 1
    assert [(one["student"], one["what"]) for one in said["scores"]] == [
        ("Ada Lovelace", "arrived"),
        ("Bo Lovelace", "no score"),
    ]
    assert course.held() == {"Ada Lovelace": "6.00"}
    status, said = course.export("--template", after, "--accept", "pending")
    assert [one["student"] for one in said["reconciliation"]["written"]] == ["Bo Lovelace"]


def test_the_screen_says_what_did_not_arrive(course: Class) -> None:
    course.export("--template", course.download(), "--accept", "pending")
    before = course.download()
    course.scores |= {"ada": "6.00", "bo": "4.00", "cy": "1.00"}
    run, after = str(course.run.path), str(course.download("after.csv"))
    assert cli.run(["export", run, "--to", "canvas", "--verify", after, "--template", str(before)]) == 1
    said = " ".join(course.capsys.readouterr().out.split())
    assert "Bo Lovelace 101 5.00 4.00 differs" in said
    assert "row 102, VAE (55): 1 in place of nothing" in said
    assert "1 of 2 scores sent to canvas:55 arrived." in said


def test_a_stale_template_is_refused_until_it_is_said_that_nothing_was_imported(course: Class) -> None:
    template = course.download()
    os.utime(template, (1, 1))
    assert course.export("--template", template, "--accept", "pending")[0] == 0
    status, said = course.export("--template", template, "--accept", "pending")
    assert (status, "--not-imported" in said["said"]) == (2, True)
    entries = ledger.history(course.run.gradebook)
    status, said = course.export("--template", template, "--accept", "pending", "--not-imported", "--dry-run")
    assert (status, len(said["reconciliation"]["written"])) == (0, 2)
    assert ledger.history(course.run.gradebook) == entries  # a rehearsal takes nothing back
    status, said = course.export("--template", template, "--accept", "pending", "--not-imported")
    assert status == 0
    assert len(list(course.run.exports.rglob("grades.csv"))) == 2  # what was written before stays
    assert course.export("--not-imported", to="brightspace")[0] == 2


def test_the_other_way_into_moodle_can_be_taken_back(course: Class) -> None:
    status, _ = course.export("--accept", "pending", "--id", "number", to="moodle-gradebook")
    assert status == 0
    worksheet = course.folder / "worksheet.csv"
    rows = "".join(
        f"Participant {at},{name},-,,6.00,Yes,-\n" for at, name in enumerate(NAMES.values(), start=1)
    )
    head = "Identifier,ID number,Status,Grade,Maximum grade,Grade can be changed,Last modified (grade)\n"
    worksheet.write_text(head + rows, encoding="utf-8-sig", newline="")
    soon = time.time() + 1
    os.utime(worksheet, (soon, soon))
    status, said = course.export("--template", worksheet, "--accept", "pending", to="moodle")
    assert (status, "block each other" in said["said"]) == (2, True)
    status, said = course.export(
        "--template", worksheet, "--accept", "pending", "--not-imported", to="moodle"
    )
    assert (status, len(said["reconciliation"]["written"])) == (0, 2)


def test_nothing_is_lowered_unless_it_is_said(course: Class) -> None:
    course.export("--template", course.download(), "--accept", "pending")
    course.scores |= {"ada": "6.00", "bo": "5.00"}
    course.mark("ada", 0.5)
    status, said = course.export("--template", course.download(), "--accept", "pending")
    assert status == 1
    assert [(one["student"], one["value"]) for one in said["reconciliation"]["held_back"]] == [
        ("Ada Lovelace", "3.00")
    ]
    status, said = course.export("--template", course.download(), "--accept", "pending", "--accept", "lower")
    assert (status, said["files"]) == (0, [])
    status, said = course.export("--template", course.download(), "--accept", "pending", "--allow-lower")
    assert status == 0
    assert course.held()["Ada Lovelace"] == "3.00"


def test_the_record_says_only_what_lies_on_the_disk(course: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise InternalError("the disk is full")

    monkeypatch.setattr(exporting, "write_new_folder", fails)
    status, said = course.export("--template", course.download(), "--accept", "pending")
    assert (status, said["said"]) == (3, "the disk is full")
    assert course.held() == {}


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autograder import store as storing

    written: list[Path] = []

    def fails_later(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    monkeypatch.setattr(storing, "write_bytes", fails_later)
    with pytest.raises(InternalError, match="cannot be written"):
        write_new_folder(tmp_path / "out", {"a.json": b"1", "b/c.json": b"2"})
    assert list(tmp_path.iterdir()) == []


def test_a_rehearsal_writes_nothing(course: Class) -> None:
    status, said = course.export("--template", course.download(), "--accept", "pending", "--dry-run")
    assert (status, said["files"]) == (0, [])
    assert len(said["reconciliation"]["written"]) == 2
    assert course.held() == {}


def test_waivers_come_from_a_file(course: Class, tmp_path: Path) -> None:
    waivers = tmp_path / "waivers.csv"
    waivers.write_text(
        "id,reason\nCy Lovelace,handed in late; decided by Mia\n108,auditor\n", encoding="utf-8"
    )
    template = course.download(extra="Eve,108,eve,S1,\n")
    status, said = course.export("--template", template, "--waivers", waivers, "--out", tmp_path / "out.csv")
    assert status == 0
    assert said["files"] == [str(tmp_path / "out.csv")]
    whys = [one["why"] for one in said["reconciliation"]["without_score"]]
    assert whys[0].endswith("waived: handed in late; decided by Mia")
    waivers.write_text("student,why\n", encoding="utf-8")
    assert course.export("--template", template, "--waivers", waivers)[0] == 2


def test_the_roster_says_who_is_who(course: Class) -> None:
    ids = {"Ada Lovelace": "101", "Bo Lovelace": "100", "Cy Lovelace": "102"}
    entries = tuple(RosterEntry(id=name, ids={"canvas": canvas}, name="Ada") for name, canvas in ids.items())
    write_record(course.run.roster, Roster(entries=entries))
    status, said = course.export("--template", course.download(), "--accept", "pending")
    assert status == 0
    assert {one["student"]: one["row"] for one in said["reconciliation"]["written"]} == {
        "Ada Lovelace": "101",  # by the id, whatever the names and logins of the rows are
        "Bo Lovelace": "100",
    }
    course.run.roster.write_text("{", encoding="utf-8")
    status, said = course.export(to="plain-csv")
    assert (status, "is damaged" in said["said"]) == (2, True)


def test_a_waiver_for_nobody_is_told(course: Class) -> None:
    status, said = course.export(
        "--template", course.download(), "--accept", "pending", "--waive", "xy=a typo"
    )
    assert (status, said["notes"]) == (0, ["a waiver fits nobody: xy"])


def test_every_format_is_documented() -> None:
    page = (ROOT / "docs" / "lms.md").read_text(encoding="utf-8")
    verb = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    for name in exporting.format_names():
        assert f"| `{name}`" in page
        assert f"`{name}`" in verb


def test_the_screen_says_what_to_decide(course: Class) -> None:
    template = course.download(extra="Eve,108,eve,S1,\n")
    assert cli.run(["export", str(course.run.path), "--to", "canvas", "--template", str(template)]) == 1
    said = " ".join(course.capsys.readouterr().out.split())
    assert "2 in the LMS, without a score (2 not accounted for)" in said
    assert "Nothing was written: 2 cases not accounted for." in said
    assert "Say what is in order: --accept pending, --accept missing, --partial, --waive ID=REASON." in said


@pytest.mark.parametrize("name", ["plain-csv", "csv", "xlsx", "gradescope", "ags", "moodle-gradebook"])
def test_formats_without_a_template(course: Class, name: str) -> None:
    options = {
        "ags": ["--user", "any"],
        "moodle-gradebook": ["--accept", "unknown"],  # without a roster nobody has a number
    }
    status, said = course.export("--accept", "pending", *options.get(name, []), to=name)
    assert status == 0
    assert bool(said["files"]) == (name != "moodle-gradebook")
    assert all(Path(path).is_file() for path in said["files"])


@pytest.mark.parametrize(
    ("to", "options", "why"),
    [
        ("canvsa", (), "there is no export format 'canvsa'; did you mean 'canvas'?"),
        ("canvas", (), "give --template the gradebook as Canvas exports it"),
        ("canvas", ("--by", "email"), "--by is nothing that the format canvas can be told"),
        ("moodle-gradebook", ("--by", "name"), "--by: Input should be"),
        ("canvas", ("--accept", "ambiguous"), "there are: pending, missing"),
        ("canvas", ("--waive", "00101"), "expected NAME=TEXT"),
        ("plain-csv", ("--id", "logon"), "did you mean 'login'?"),
        ("canvas", ("--template", "nowhere.csv"), "nowhere.csv cannot be read"),
        ("gradescope", ("--verify", "grades.csv"), "has none that could be read"),
        ("canvas", ("--template", "grades.csv", "--out", "grades.csv"), "is the template itself"),
        ("canvas", ("--verify", "grades.csv"), "nothing was sent to canvas:55 yet"),
    ],
)
def test_wrong_use_is_told(
    course: Class, monkeypatch: pytest.MonkeyPatch, to: str, options: tuple[str, ...], why: str
) -> None:
    course.download()
    monkeypatch.chdir(course.folder)
    status, said = course.export(*options, to=to)
    assert status == 2
    assert why in said["said"]


def test_what_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["export", str(tmp_path), "--to", "plain-csv"]) == 2
    assert "is no run directory" in " ".join(capsys.readouterr().err.split())


def test_one_export_at_a_time(course: Class) -> None:
    with course.run.locked():
        status, said = course.export(to="plain-csv")
    assert status == 2
    assert "run" in said["said"]
