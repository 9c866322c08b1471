"""The run directory and the gradebook: whole files or none, nobody's folder taken, every scoring kept."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import gradebook
from autograder.errors import InternalError, UsageError
from autograder.records import CheckResult, Grade, ItemGrade, Limits, Status, Submission
from autograder.store import (
    RunDirectory,
    RunInfo,
    new_secret,
    read_record,
    write_json,
    write_record,
    write_text,
)

# ------------------------------------------------------------------ files


def test_a_file_is_written_whole_with_the_folders_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "a.txt"
    write_text(path, "one\r\ntwo: π\n")
    assert path.read_bytes() == "one\r\ntwo: π\n".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be synchronised there")
def test_content_is_on_the_disk_before_its_name_and_the_name_before_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, Path]] = []
    fsync, replace = os.fsync, Path.replace

    def synchronised(file: int) -> None:
        done.append(
            ("fsync", Path(f"/proc/self/fd/{file}").resolve() if Path("/proc/self/fd").is_dir() else tmp_path)
        )
        fsync(file)

    def renamed(path: Path, target: Path) -> Path:
        done.append(("replace", target))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synchronised)
    monkeypatch.setattr(Path, "replace", renamed)
    write_text(tmp_path / "new" / "a.txt", "text")
    assert [what for what, _ in done] == ["fsync", "fsync", "replace", "fsync"]
    if Path("/proc/self/fd").is_dir():
        beside = tmp_path / "new" / f".a.txt.{os.getpid()}.part"
        assert [path for _, path in done] == [tmp_path, beside, tmp_path / "new" / "a.txt", tmp_path / "new"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "a.json"
    write_text(path, "before")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), full)
        with pytest.raises(InternalError, match=r"a\.json cannot be written \(No space left on device\)"):
            write_text(path, "after")
    assert path.read_text(encoding="utf-8") == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]
    write_text(path, "after")
    assert path.read_text(encoding="utf-8") == "after"


def test_what_is_in_the_way_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InternalError, match="cannot be written"):
        write_text(tmp_path / "file" / "below.txt", "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InternalError, match="cannot be written"):
        write_text(tmp_path / "folder", "text")
    assert not list(tmp_path.glob(".*.part"))


def test_an_interruption_in_the_middle_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_text(path, "before")

    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_text(path, "after")
    assert path.read_text(encoding="utf-8") == "before"


def test_json_is_written_as_given_and_knows_no_nan(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"z": "π", "a": [1]})
    assert path.read_text(encoding="utf-8") == '{\n "z": "π",\n "a": [\n  1\n ]\n}\n'
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(path, float("nan"))
    assert json.loads(path.read_text(encoding="utf-8"))["z"] == "π"


def test_a_record_comes_back_or_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    record = Submission(id="ada", students=("Ada",), notes=("π",))
    write_record(path, record)
    assert read_record(path, Submission) == record
    assert read_record(path, Grade) is None
    assert read_record(tmp_path / "none.json", Submission) is None
    assert read_record(tmp_path, Submission) is None
    for damage in (b"", b"{", b"\xff\xfe", b'{"id": 7}', b'{"id": "a", "students": [], "more": 1}'):
        path.write_bytes(damage)
        assert read_record(path, Submission) is None


# ------------------------------------------------------------------ the run directory


def info(assignment: str = "aml-a3", parts: tuple[str, ...] = ("a",), **about: object) -> RunInfo:
    return RunInfo.model_validate(
        {"assignment": assignment, "parts": parts, "source": "class", "secret": new_secret()} | about
    )


def test_a_new_run_is_written_at_once(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    wanted = info()
    assert run.open(wanted) == wanted == run.info()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert RunDirectory(tmp_path).open(info()).assignment == "aml-a3"


def test_the_secret_is_kept_when_a_run_is_continued(tmp_path: Path) -> None:
    first = RunDirectory(tmp_path).open(info())
    again = RunDirectory(tmp_path).open(info())
    assert again.secret == first.secret


def test_limits_of_the_continued_run_are_those_last_given(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    first = run.open(info(limits=Limits(cell_seconds=5)))
    assert run.open(info()).limits == Limits(cell_seconds=5)
    again = run.open(info(limits=Limits(cell_seconds=7)))
    assert again.limits == run.info().limits == Limits(cell_seconds=7)
    assert again.secret == first.secret


@pytest.mark.parametrize("other", [info("aml-a4"), info(parts=("b",)), info(parts=("a", "b"))])
def test_the_run_of_something_else_is_left_alone(tmp_path: Path, other: RunInfo) -> None:
    run = RunDirectory(tmp_path)
    first = run.open(info())
    with pytest.raises(UsageError, match="holds a run of aml-a3 part a; give --run another folder"):
        run.open(other)
    assert run.info() == first


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match="is not empty and no run directory; give --run a new folder"):
        RunDirectory(tmp_path).open(info())
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("content", ["", "{", '{"assignment": "aml-a3"}'])
def test_a_damaged_run_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    for act in (RunDirectory(tmp_path).info, lambda: RunDirectory(tmp_path).open(info())):
        with pytest.raises(UsageError, match=r"has no readable run\.json"):
            act()
    assert (tmp_path / "run.json").read_text() == content


def test_bindings_add_up_and_survive_a_continuation(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.open(info())
    run.bind("ada", "a2.rate", "acc")
    run.bind("*", "a2.rate", "rate")
    run.bind("ada", "a2.draws", "kept")
    run.bind("ada", "a2.rate", "acc2")
    expected = {"ada": {"a2.rate": "acc2", "a2.draws": "kept"}, "*": {"a2.rate": "rate"}}
    assert run.info().bindings == expected
    assert run.open(info()).bindings == expected


def test_a_part_has_a_folder_of_its_own_only_among_several(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    assert run.part("ada", "a", ("a",)) == tmp_path / "submissions" / "ada"
    assert run.part("ada", "a", ("a", "b")) == tmp_path / "submissions" / "ada" / "a"


def test_secrets_differ() -> None:
    assert len({new_secret() for _ in range(20)}) == 20
    assert re.fullmatch("[0-9a-f]{32}", new_secret())


# ------------------------------------------------------------------ the gradebook


def grade(student: str = "ada", **earned: float) -> Grade:
    """Return a grade with a check of 2 points for each keyword."""
    checks = tuple(
        CheckResult(
            id=check, title=check, status=Status.PASSED, fraction=points / 2, points=2.0, earned=points
        )
        for check, points in earned.items()
    )
    total = sum(earned.values())
    item = ItemGrade(
        id="a1", part="a", title="A1", earned=total, pending=0.0, possible=2.0 * len(checks), checks=checks
    )
    return Grade(
        submission=Submission(id=student, students=(student,)),
        assignment="aml-a3",
        title="t",
        parts=("a",),
        state="graded",
        earned=total,
        pending=0.0,
        possible=2.0 * len(checks),
        items=(item,),
    )


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "gradebook.db"


def keep(book: Path, *grades: Grade, rubric: str = "r1", why: str = "why", author: str = "eva") -> None:
    gradebook.record_scoring(book, grades, rubric, author=author, why=why)


def test_scorings_are_kept_with_author_and_reason(book: Path) -> None:
    keep(book, grade(x=1.0), why="graded")
    keep(book, grade(x=2.0), rubric="r2", why="the band was too narrow", author="ole")
    first, second = gradebook.scorings(book)
    assert (first.author, first.why, first.rubric_sha256) == ("eva", "graded", "r1")
    assert (second.author, second.why, second.rubric_sha256) == ("ole", "the band was too narrow", "r2")
    assert first.time <= second.time


def test_the_same_marks_by_the_same_rubric_are_kept_once(book: Path) -> None:
    ada, bea = grade("ada", x=1.0), grade("bea", x=2.0)
    keep(book, ada, bea)
    keep(book, bea, ada, why="again, in another order")
    assert len(gradebook.scorings(book)) == 1
    keep(book, ada, bea, rubric="r2")
    assert len(gradebook.scorings(book)) == 2


def test_other_marks_by_the_same_rubric_are_kept(book: Path) -> None:
    keep(book, grade(x=1.0))
    keep(book, grade(x=1.5))
    keep(book, grade(x=1.0))
    assert len(gradebook.scorings(book)) == 3


def test_what_the_last_scoring_changed(book: Path) -> None:
    assert gradebook.last_changes(book) == []
    keep(book, grade("ada", x=1.0, y=2.0), grade("bea", x=1.0))
    assert gradebook.last_changes(book) == []
    keep(book, grade("ada", x=1.5, y=2.0), grade("bea", x=1.0), rubric="r2")
    assert gradebook.last_changes(book) == [gradebook.Change("ada", "x", 1.0, 1.5)]
    keep(book, grade("ada", x=1.5, y=2.0, z=0.5), grade("bea", x=0.0), rubric="r3")
    assert gradebook.last_changes(book) == [
        gradebook.Change("ada", "z", 0.0, 0.5),
        gradebook.Change("bea", "x", 1.0, 0.0),
    ]


def test_marks_of_a_check_that_is_gone_are_a_change(book: Path) -> None:
    keep(book, grade("ada", x=1.0, y=2.0))
    keep(book, grade("ada", x=1.0), rubric="r2")
    assert gradebook.last_changes(book) == [gradebook.Change("ada", "y", 2.0, 0.0)]


def test_an_empty_class_is_a_scoring(book: Path) -> None:
    keep(book)
    assert len(gradebook.scorings(book)) == 1


def test_a_scoring_that_breaks_leaves_no_trace(book: Path) -> None:
    keep(book, grade(x=1.0))
    with pytest.raises(InternalError, match="cannot be used"):
        keep(book, grade("bea", x=1.0), grade("bea", x=2.0))
    assert len(gradebook.scorings(book)) == 1


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
def test_a_scoring_that_is_killed_leaves_no_trace(book: Path) -> None:
    keep(book, grade(x=1.0))
    code = """if True:
        import os, signal, sqlite3, sys
        connection = sqlite3.connect(sys.argv[1])
        connection.execute("PRAGMA cache_size = 1")  # what is written goes to the file at once
        connection.execute("INSERT INTO scorings VALUES (2, 't', 'a', 'w', 'r')")
        rows = [(2, f"s{i}", "x" * 500, "passed", 1, 1, 1, 0) for i in range(2000)]
        connection.executemany("INSERT INTO marks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run([sys.executable, "-c", code, str(book)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert book.with_name("gradebook.db-journal").exists()
    assert len(gradebook.scorings(book)) == 1
    keep(book, grade(x=2.0))
    assert gradebook.last_changes(book) == [gradebook.Change("ada", "x", 1.0, 2.0)]


def test_a_file_that_is_no_gradebook_is_said(book: Path) -> None:
    book.write_text("no database at all, " * 100)
    with pytest.raises(InternalError, match=r"gradebook\.db cannot be used .*move the file away"):
        gradebook.scorings(book)


def test_a_locked_gradebook_is_said(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(book, grade(x=1.0))
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, timeout: real(path, timeout=0.01))
    other = real(book)
    try:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InternalError, match="locked"):
            keep(book, grade(x=2.0))
    finally:
        other.close()
