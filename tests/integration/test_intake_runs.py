"""Hand-ins of every kind through a whole grading: what the kernel gets, what people and programs read."""

from __future__ import annotations

import csv
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from autograder.courses import Course
from autograder.errors import UsageError
from autograder.execute.protocol import Job
from autograder.grading import Batch, grade
from autograder.intake import archives
from autograder.records import ExecutionRecord, Submission
from autograder.store import read_record, write_record
from tests.corpus.archives import CASES as ARCHIVES
from tests.corpus.archives import zipped
from tests.corpus.malformed import ACCEPTED, NAME, code, notebook
from tests.corpus.malformed import CASES as FILES


class RecordingExecutor:
    """Executes nothing; keeps what it was given to execute."""

    name = "recording"

    def __init__(self) -> None:
        self.helpers: dict[str, dict[str, str]] = {}

    def cancel(self) -> None:
        pass

    def where(self, out: Path) -> str:
        return ""

    def describe(self) -> str:
        """One sentence."""
        return "Nothing is executed."

    def execute(self, job: Job) -> ExecutionRecord:
        """Every cell ran and left nothing."""
        self.helpers[job.out.name] = {name: path.read_text() for name, path in job.files.items()}
        (job.out / "arrays").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(job.notebook, job.out / "executed.ipynb")
        n_cells = len(json.loads(job.notebook.read_text(encoding="utf-8"))["cells"])
        cells = tuple({"index": index, "status": "ok"} for index in range(n_cells))
        record = ExecutionRecord.model_validate(
            {"state": "complete", "cells": cells, "executor": self.name, "input_digest": job.input_digest}
        )
        write_record(job.out / "execution.json", record)
        return record


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load("aml-a3", ["a"])


def work(name: str) -> bytes:
    """A notebook that is nobody else's."""
    return json.dumps(notebook(code(f"name = {name!r}"))).encode()


def graded(source: Path, run: Path, course: Course, executor: RecordingExecutor | None = None) -> Batch:
    return grade(source, course, run, executor or RecordingExecutor(), secret="5ec7e7" * 5)


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# --------------------------------------------------------------------- helpers


HELPERS = {
    "ada/part_a.ipynb": work("ada"),
    "ada/mine.py": b"ada",
    "bea.ipynb": work("bea"),
    "carl.zip": zipped({"part_a.ipynb": work("carl"), "mine.py": b"carl", "deep/far.py": b"far"}),
    "dora.ipynb": zipped({"work/part_a.ipynb": work("dora"), "work/mine.py": b"dora", "top.py": b"top"}),
    "secret.py": b"somebody else's",
}
EXPECTED = {"ada": {"mine.py": "ada"}, "bea": {}, "carl": {"mine.py": "carl"}, "dora": {"mine.py": "dora"}}


def test_helpers_go_to_their_own_notebook_alone(course: Course, tmp_path: Path) -> None:
    for name, data in HELPERS.items():
        put(tmp_path / "class" / name, data)
    executor = RecordingExecutor()
    graded(tmp_path / "class", tmp_path / "run", course, executor)
    assert executor.helpers == EXPECTED


@pytest.mark.parametrize("wrapper", ["", "class/"])
def test_helpers_in_an_archive_of_a_class(wrapper: str, course: Course, tmp_path: Path) -> None:
    source = put(tmp_path / "class.zip", zipped({wrapper + name: data for name, data in HELPERS.items()}))
    executor = RecordingExecutor()
    batch = graded(source, tmp_path / "run", course, executor)
    assert executor.helpers == EXPECTED
    assert [one.submission.id for one in batch.grades] == ["ada", "bea", "carl", "dora", "secret"]


def test_a_file_per_student_shares_nothing_however_the_folder_is_named(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "class" / "bea.ipynb", work("bea"))
    put(tmp_path / "class" / "secret.py", b"somebody else's")
    monkeypatch.chdir(tmp_path)
    graded(Path("class"), tmp_path / "run", course)
    put(tmp_path / "class" / "bea.ipynb", work("bea, once more"))
    executor = RecordingExecutor()
    graded(tmp_path / "class", tmp_path / "run", course, executor)  # the same folder, called otherwise
    assert executor.helpers == {"bea": {}}


def test_a_helper_with_a_name_that_is_no_text_is_no_end(course: Course, tmp_path: Path) -> None:
    put(tmp_path / "class" / "ada" / "part_a.ipynb", work("ada"))
    put(Path(os.fsdecode(os.fsencode(tmp_path / "class" / "ada") + b"/l\xf6sung.py")), b"x = 1")
    executor = RecordingExecutor()
    batch = graded(tmp_path / "class", tmp_path / "run", course, executor)
    assert executor.helpers == {"ada": {}}
    assert any("bytes that are not UTF-8" in note for note in batch.grades[0].submission.notes)


# ---------------------------------------------------------------- what is told


def test_a_class_of_everything_is_graded(course: Course, tmp_path: Path) -> None:
    """One grading over both corpora: a row each, with the reason where people and programs look for it."""
    folder = tmp_path / "class"
    expected: dict[str, str] = {"zoe": ACCEPTED}
    put(folder / "zoe" / "part_a.ipynb", work("zoe"))
    for number, case in enumerate(FILES):
        if case.name in ("no_permission", "one_cell_of_five_megabytes"):
            continue
        name = f"f{number:03d}"
        (folder / name).mkdir()
        case.make(folder / name)
        in_folder = {"another_ending": "no_notebook", "a_pdf_by_name": "no_notebook"}
        expected[name] = in_folder.get(case.name, case.expected)
    for number, archive in enumerate(ARCHIVES):
        put(folder / f"g{number:03d}.upload", archive.make())
        expected[f"g{number:03d}"] = archive.expected
    batch = graded(folder, tmp_path / "run", course)

    results = json.loads(batch.run.results.read_text(encoding="utf-8"))
    names = {one["id"]: one["problem_name"] or ACCEPTED for one in results["submissions"]}
    assert names == expected
    page = batch.run.index.read_text(encoding="utf-8")
    with batch.run.scores.open(encoding="utf-8", newline="") as file:
        reasons = {row["id"]: row["reason"] for row in csv.DictReader(file)}
    for one in batch.grades:
        submission, name = one.submission, expected[one.submission.id]
        report = (batch.run.submission(submission.id) / "report.html").read_text(encoding="utf-8")
        if name == ACCEPTED:
            assert one.earned < one.possible
            continue
        assert one.state == "failed"
        assert one.earned == one.pending == 0
        assert reasons[submission.id]
        assert "could not be graded" in report
        assert f"<code>{name}</code>" in page
        assert f"<code>{name}</code>" not in report


@pytest.mark.parametrize("name", ["no_cell_at_all", "markdown_only"])
def test_a_notebook_in_which_nothing_runs_scores_nothing(name: str, course: Course, tmp_path: Path) -> None:
    (tmp_path / "class" / "ada").mkdir(parents=True)
    next(case for case in FILES if case.name == name).make(tmp_path / "class" / "ada")
    (ada,) = graded(tmp_path / "class", tmp_path / "run", course).grades
    assert ada.submission.sources == {"a": str(tmp_path / "class" / "ada" / NAME)}
    assert ada.submission.problem is None
    assert ada.earned == 0


def test_the_student_reads_the_sentence_and_the_instructor_the_finding(
    course: Course, tmp_path: Path
) -> None:
    put(tmp_path / "class" / "ada" / "part_a.ipynb", b"%PDF-1.5 and so on")
    batch = graded(tmp_path / "class", tmp_path / "run", course)
    report = (batch.run.submission("ada") / "report.html").read_text(encoding="utf-8")
    page = batch.run.index.read_text(encoding="utf-8")
    sentence = "part_a.ipynb is a PDF, not a notebook; hand in the .ipynb file itself"
    assert sentence in report
    assert "18 bytes begin with" not in report
    assert "its 18 bytes begin with" in page
    assert "<code>pdf</code>" in page


def test_one_damaged_part_of_several_is_told(tmp_path: Path, course: Course) -> None:
    from autograder.intake import find_submissions

    first = course.rubric.parts[0]
    second = first.model_copy(update={"part": "b", "filenames": ("part_b*.ipynb",)})
    put(tmp_path / "class" / "ada" / "part_a.ipynb", work("ada"))
    put(tmp_path / "class" / "ada" / "part_b.ipynb", b"%PDF")
    put(tmp_path / "class" / "bea" / "part_a.ipynb", b"")
    put(tmp_path / "class" / "bea" / "part_b.ipynb", b"%PDF")
    ada, bea = find_submissions(tmp_path / "class", [first, second])
    assert ada.problem is None
    assert any(
        note.startswith("part b: part_b.ipynb is a PDF") and note.endswith("(pdf)") for note in ada.notes
    )
    assert bea.problem_name == "empty_file"


def test_records_of_earlier_versions_are_read(tmp_path: Path) -> None:
    old: dict[str, Any] = {"id": "ada", "students": ["ada"], "problem": "it is empty"}
    put(tmp_path / "submission.json", json.dumps(old).encode())
    submission = read_record(tmp_path / "submission.json", Submission)
    assert submission is not None
    assert (submission.problem, submission.problem_name, submission.shares_folder) == (
        "it is empty",
        None,
        False,
    )


# ------------------------------------------------------------------ cut off


def test_a_grading_that_was_killed_while_unpacking_goes_on(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """As if by a signal."""

    source = tmp_path / "class"
    put(source / "ada.zip", zipped({"part_a.ipynb": work("ada")}))
    put(source / "bea.zip", zipped({"part_a.ipynb": work("bea")}))
    really = archives.zip_entries

    def dying(file: Any, archive: str, limits: Any) -> Any:
        if archive == "bea.zip":
            raise Killed
        return really(file, archive, limits)

    with monkeypatch.context() as patch:
        patch.setattr(archives, "zip_entries", dying)
        with pytest.raises(Killed):
            graded(source, tmp_path / "run", course)
    unpacked = {path: path.stat().st_mtime_ns for path in (tmp_path / "run" / "intake").rglob("*.ipynb")}
    assert len(unpacked) == 1
    batch = graded(source, tmp_path / "run", course)
    assert [one.submission.problem for one in batch.grades] == [None, None]
    assert {path: path.stat().st_mtime_ns for path in unpacked} == unpacked
    again = RecordingExecutor()
    graded(source, tmp_path / "run", course, again)
    assert again.helpers == {}  # nothing is executed twice


def test_wrong_use_makes_no_run(course: Course, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(UsageError):
            graded(source, tmp_path / "run", course)
    assert not (tmp_path / "run").exists()
    put(tmp_path / "own" / "thesis.txt", b"mine")
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as made:
        made.writestr("ada/part_a.ipynb", work("ada"))
    with pytest.raises(UsageError, match="is not empty and no run directory"):
        graded(tmp_path / "class.zip", tmp_path / "own", course)
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["thesis.txt"]
