"""What Gradescope gets: public sentences at once, no score where one is not certain, no answers in the archive."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from push_runs import grade_of

from autograder.gradescope import running
from autograder.gradescope.archive import archive, requirements, zipped
from autograder.gradescope.budgets import budgets_of, container_mib
from autograder.gradescope.results import BLOCKED, MAX_OUTPUT, results_of, without_score
from autograder.gradescope.settings import Settings
from autograder.records import CheckResult, Grade, Note, Status, Submission
from autograder.registry import find_assignment
from autograder.review.marks import with_marks
from autograder.rubric.loader import load_rubric
from autograder.store import write_record

SETTINGS = Settings(assignment="aml-a3", parts=("a",))
WRITTEN = {"a1.comment", "a2.comment"}


def changed(grade: Grade, at: int, **about: Any) -> Grade:
    """Return a grade with its automatic check of one item changed."""
    items = list(grade.items)
    automatic, *others = items[at].checks
    checks = (CheckResult.model_validate(automatic.model_dump() | about), *others)
    sums = {key: sum(getattr(one, key) for one in checks) for key in ("earned", "pending")}
    items[at] = items[at].model_copy(update={"checks": checks, **sums})
    return with_marks(grade.model_copy(update={"items": tuple(items)}), {})


def test_public_checks_are_told_and_the_others_are_a_sum() -> None:
    grade = changed(grade_of("ada", 6.0, is_pending=True), 0, public=True, message="The rate is in the band.")
    grade = changed(
        grade, 1, message="HIDDEN SENTENCE", expected="0.123456", observed="0.99", title="HIDDEN TITLE"
    )
    found = results_of(grade, SETTINGS, WRITTEN, 12.3)
    assert found.has_score
    assert found.document["score"] == 2.0
    public, rest = found.document["tests"]
    assert (public["name"], public["visibility"]) == ("A1 Task: The rate is right", "visible")
    assert public["output"] == "The rate is in the band."
    assert (rest["name"], rest["visibility"]) == ("A2 Task: checks of the course", "after_published")
    assert (rest["score"], rest["max_score"], rest["output"]) == (1.0, 1.0, "")
    assert "HIDDEN" not in json.dumps(found.document)
    assert "0.123456" not in json.dumps(found.document)
    assert found.document["stdout_visibility"] == "hidden"


def test_written_answers_are_nobodys_test() -> None:
    found = results_of(grade_of("ada", 6.0, is_pending=True), SETTINGS, WRITTEN, 1.0)
    assert sum(test["max_score"] for test in found.document["tests"]) == 2.0
    assert "4 more marks are given by people." in found.document["output"]
    assert found.document["extra_data"]["by_hand"] == 4.0


@pytest.mark.parametrize("status", [Status.ERROR, Status.REVIEW])
def test_marks_that_wait_are_no_zero(status: Status) -> None:
    grade = changed(
        grade_of("ada", 6.0, is_pending=True),
        0,
        status=status,
        fraction=0.0,
        earned=0.0,
        pending=1.0,
        traceback="TRACE",
    )
    found = results_of(grade, SETTINGS, WRITTEN, 1.0)
    assert not found.has_score
    assert not {"score", "tests"} & set(found.document)
    assert "1 marks of the automatic checks wait for a person." in found.document["output"]
    partial = results_of(grade, SETTINGS.model_copy(update={"partial": True}), WRITTEN, 1.0)
    assert partial.document["score"] == 1.0
    assert "so far" in partial.document["output"]
    assert "TRACE" not in json.dumps(partial.document)


def test_a_blocked_public_check_does_not_say_by_what() -> None:
    grade = changed(
        grade_of("ada", 6.0),
        0,
        public=True,
        status=Status.BLOCKED,
        fraction=0.0,
        earned=0.0,
        message="by a2.secret",
    )
    (test, *_) = results_of(grade, SETTINGS, WRITTEN, 1.0).document["tests"]
    assert (test["output"], test["score"], test["status"]) == (BLOCKED, 0.0, "failed")


def test_a_failed_public_check_says_what_was_expected_and_a_passed_one_does_not() -> None:
    about = {
        "public": True,
        "expected": "0.7 to 0.8",
        "observed": "0.2",
        "hint": "Count them.",
        "message": "No.",
    }
    failed = changed(grade_of("ada", 6.0), 0, status=Status.FAILED, fraction=0.0, earned=0.0, **about)
    passed = changed(grade_of("ada", 6.0), 0, **about)
    said = [
        results_of(one, SETTINGS, WRITTEN, 1.0).document["tests"][0]["output"] for one in (failed, passed)
    ]
    assert said == ["No.\nExpected: 0.7 to 0.8\nFound: 0.2\nHint: Count them.", "No."]


def test_notes_that_tell_results_stay_out() -> None:
    notes = [
        Note(kind=kind, title=kind, text=f"text of {kind}")
        for kind in ("execution", "limit", "variant", "errata", "confirm", "same")
        if kind in Note.model_json_schema()["properties"]["kind"]["enum"]
    ]
    grade = grade_of("ada", 6.0).model_copy(update={"notes": tuple(notes)})
    output = results_of(grade, SETTINGS, WRITTEN, 1.0).document["output"]
    assert [note.kind for note in notes if f"text of {note.kind}" in output] == ["execution", "limit"]


def test_texts_of_students_are_cleaned_and_cut() -> None:
    grade = changed(grade_of("ada", 6.0), 0, public=True, message="\x1b[31mred\x00\u202e" + "x" * 10_000)
    (test, *_) = results_of(grade, SETTINGS, WRITTEN, 1.0).document["tests"]
    assert test["output"].startswith("[31mredxxx")
    assert len(test["output"]) == MAX_OUTPUT


def test_what_could_not_be_graded_says_why() -> None:
    grade = grade_of("ada", 0.0)
    grade = grade.model_copy(
        update={"submission": Submission(id="x", students=(), problem="it is a PDF"), "state": "failed"}
    )
    found = results_of(grade, SETTINGS, WRITTEN, 1.0)
    assert found.document["output"].startswith("Nothing of this could be graded: it is a PDF")


# ------------------------------------------------------------------ the archive


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return archive(find_assignment("aml-a3"), SETTINGS)


def test_the_archive_holds_what_marks_need_and_no_answers(files: dict[str, bytes]) -> None:
    assert {"setup.sh", "run_autograder", "settings.json", "started.json", "requirements.txt"} <= set(files)
    content = sorted(name for name in files if name.startswith("content/"))
    assert content == [
        "content/reference/aml_a3/golden/part_a.json",
        "content/rubrics/aml-a3/part_a.yaml",
        "content/rubrics/aml-a3/part_b.yaml",
        "content/rubrics/aml-a3/part_c.yaml",
        "content/rubrics/aml-a3/rubric.yaml",
        "content/student_template/aml-a3/part_a.ipynb",
    ]
    assert all(
        name.startswith(("content/", "engine/autograder/", "engine/reports/")) or "/" not in name
        for name in files
    )
    assert not [name for name in files if "mutants" in name or "styles" in name or "__pycache__" in name]
    assert "data.txt" not in files


def test_the_archive_of_a_part_with_data_fetches_them() -> None:
    found = archive(find_assignment("aml-a3"), SETTINGS.model_copy(update={"parts": ("b",)}))
    assert found["data.txt"].decode().split()


def test_the_programs_can_be_executed_and_the_bytes_are_the_same_each_time(files: dict[str, bytes]) -> None:
    content = zipped(files)
    assert content == zipped(dict(files))
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in found.infolist()}
        assert found.testzip() is None
    assert [name for name, mode in modes.items() if mode == 0o755] == ["run_autograder", "setup.sh"]
    for name in ("run_autograder", "setup.sh"):
        assert files[name].startswith(b"#!/usr/bin/env bash\n")
        assert b"\r" not in files[name]


def test_the_container_gets_the_packages_of_engine_and_kernel() -> None:
    names = {one.split(">")[0].split("=")[0] for one in requirements()}
    assert {"pydantic", "nbclient", "ipykernel", "torch", "matplotlib"} <= names
    assert not {"pytest", "mypy", "playwright", "canvasapi", "starlette"} & names


# ---------------------------------------------------------------- the container


def test_limits_fit_the_container() -> None:
    parts = load_rubric(find_assignment("aml-a3")).parts
    budgets = budgets_of(parts, 600.0, 768)
    assert sum(one["total_seconds"] for one in budgets.values()) <= 600.0 - 45 - 60 + 1e-6
    assert {one["memory_mib"] for one in budgets.values()} == {518}
    wide = budgets_of(parts[:1], 1e6, None)
    assert wide["a"]["total_seconds"] == parts[0].limits.total_seconds
    assert "memory_mib" not in wide["a"]


def test_the_memory_of_a_container_is_read(tmp_path: Path) -> None:
    (tmp_path / "v2").write_text("805306368\n", encoding="ascii")
    (tmp_path / "none").write_text("max\n", encoding="ascii")
    (tmp_path / "v1").write_text("9223372036854771712\n", encoding="ascii")
    assert container_mib([str(tmp_path / "v2")]) == 768
    assert container_mib([str(tmp_path / name) for name in ("absent", "none", "v1")]) is None


def laid_out(root: Path, settings: Settings | None = SETTINGS) -> Path:
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    if settings is not None:
        write_record(root / "source" / "settings.json", settings)
    return root / "results" / "results.json"


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_the_first_results_are_there_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = laid_out(tmp_path)
    seen: list[dict[str, Any]] = []

    def graded(*_: object) -> int:
        seen.append(read(results))
        return 0

    monkeypatch.setattr(running, "_grade", graded)
    assert running.run(tmp_path) == 0
    assert "Grading has started" in seen[0]["output"]
    assert "score" not in seen[0]


@pytest.mark.parametrize("error", [RuntimeError("boom"), MemoryError()])
def test_a_fault_of_ours_is_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    results = laid_out(tmp_path)

    def broken(*_: object) -> int:
        raise error

    monkeypatch.setattr(running, "_grade", broken)
    assert running.run(tmp_path) == 1
    found = read(results)
    assert "no fault of yours" in found["output"]
    assert not {"score", "tests"} & set(found)
    assert "boom" not in found["output"]


def test_an_archive_without_settings_says_so_to_the_instructor(tmp_path: Path) -> None:
    results = laid_out(tmp_path, None)
    assert running.run(tmp_path) == 1
    assert "settings.json is missing" in read(results)["extra_data"]["autograder"]


def test_a_grading_that_takes_too_long_ends_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = laid_out(tmp_path, SETTINGS.model_copy(update={"minutes": 0.001}))
    ended = threading.Event()
    said: list[int] = []

    def end(status: int) -> None:
        said.append(status)
        ended.set()

    def slow(*_: object) -> int:
        assert ended.wait(60)
        return 1

    monkeypatch.setattr(running, "_grade", slow)
    running.run(tmp_path, end=end)
    assert said == [1]
    assert "did not end within the time limit" in read(results)["output"]
    assert "score" not in read(results)


def test_only_plain_files_of_a_submission_are_taken(tmp_path: Path) -> None:
    source, secret = tmp_path / "submission", tmp_path / "secret"
    source.mkdir()
    secret.mkdir()
    (secret / "golden.json").write_text("{}", encoding="utf-8")
    (source / "part_a.ipynb").write_text("{}", encoding="utf-8")
    (source / "link.json").symlink_to(secret / "golden.json")
    (source / "folder").symlink_to(secret)
    running._take_in(source, tmp_path / "taken")
    assert [path.name for path in (tmp_path / "taken").rglob("*")] == ["part_a.ipynb"]


def test_the_first_results_of_the_shell_are_those_of_the_archive(files: dict[str, bytes]) -> None:
    assert json.loads(files["started.json"]) == without_score(json.loads(files["started.json"])["output"])
