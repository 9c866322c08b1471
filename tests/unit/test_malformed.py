"""Every file of the corpus of malformed notebooks ends where the corpus says, alone and in a class."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.intake import UnreadableNotebook, find_submissions, read_notebook
from autograder.intake.notebooks import parse_notebook
from autograder.intake.problems import STATUSES, RefusedFile
from autograder.records import Submission
from autograder.rubric.model import PartSpec, SectionSpec
from tests.corpus.malformed import ACCEPTED, CASES, NAME, Case, code, notebook, raw

PART = PartSpec(
    part="a",
    title="a",
    points=0,
    false_fail_rate=1e-3,
    filenames=["part_a*.ipynb"],
    items=[],
    sections={"a1": SectionSpec(headings=["A1"])},
)
GOOD = raw(code("answer = 42"))


def made(case: Case, folder: Path) -> Path:
    if case.name == "no_permission" and os.geteuid() == 0:
        pytest.skip("the superuser may read everything")
    folder.mkdir(parents=True, exist_ok=True)
    case.make(folder)
    return folder


def found(folder: Path, into: Path) -> list[Submission]:
    return find_submissions(folder, [PART], into)


def assert_as_expected(submission: Submission, case: Case) -> None:
    if case.expected == ACCEPTED:
        assert (submission.problem_name, submission.problem, submission.problem_detail) == (None,) * 3
        clean = read_notebook(Path(submission.sources["a"]))
        json.dumps(clean, ensure_ascii=False, allow_nan=False).encode("utf-8")
        return
    assert submission.problem_name == case.expected
    assert submission.problem
    assert submission.problem_detail
    assert "hand" in submission.problem  # what to do next
    json.dumps(submission.model_dump(mode="json"), ensure_ascii=False).encode("utf-8")


def test_the_corpus_is_wide() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 60
    assert {case.expected for case in CASES} <= {ACCEPTED, *STATUSES}
    assert all(case.make.__doc__ or case.make.__name__ for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_in_the_folder_of_a_class(case: Case, tmp_path: Path) -> None:
    folder = made(case, tmp_path / "class")
    (submission,) = found(folder, tmp_path / "into")
    assert_as_expected(submission, case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_file_in_the_folder_of_a_student(case: Case, tmp_path: Path) -> None:
    made(case, tmp_path / "class" / "ada")
    (submission,) = found(tmp_path / "class", tmp_path / "into")
    assert submission.id == "ada"
    if case.expected in ("not_a_notebook", "pdf") and "a" not in submission.sources:
        assert submission.problem_name == "no_notebook"  # files of other kinds may lie in a student's folder
    else:
        assert_as_expected(submission, case)


def test_all_of_them_beside_a_good_one(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    cases = {}
    for number, case in enumerate(CASES):
        if case.name == "no_permission" and os.geteuid() == 0:
            continue
        workshop = tmp_path / "workshop" / case.name
        workshop.mkdir(parents=True)
        case.make(workshop)
        for entry in sorted(workshop.iterdir()):
            if entry.name.startswith(".") or "checkpoint" in entry.name:
                continue
            name = f"s{number:03d}"
            cases[name] = case
            folder.mkdir(exist_ok=True)
            odd = os.fsdecode(b"\xf6") if case.name == "a_name_in_latin1" else ""
            entry.rename(folder / f"{name}{odd}{entry.suffix}")
    (folder / "zoe").mkdir()
    (folder / "zoe" / "part_a.ipynb").write_text(GOOD, encoding="utf-8")
    rows = {one.id.removesuffix(".ipynb"): one for one in found(folder, tmp_path / "into")}
    assert len(rows) == len(cases) + 1
    zoe = rows.pop("zoe")
    assert zoe.problem is None
    assert zoe.digests["a"] == hashlib.sha256(GOOD.encode()).hexdigest()
    assert (folder / "zoe" / "part_a.ipynb").read_text(encoding="utf-8") == GOOD
    for name, submission in rows.items():
        assert_as_expected(submission, cases[name])


def test_every_status_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "instructor.md").read_text(encoding="utf-8")
    section = page.split("## Why a hand-in could not be graded")[1].split("\n## ")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)) == STATUSES


def test_what_is_neutralised(tmp_path: Path) -> None:
    by_name = {case.name: case for case in CASES}
    folder = made(by_name["tags_that_change_what_runs"], tmp_path / "tags")
    assert [cell["metadata"] for cell in read_notebook(folder / NAME)["cells"]] == [{"tags": ["mine"]}]
    folder = made(by_name["duplicate_keys"], tmp_path / "keys")
    assert [cell["source"] for cell in read_notebook(folder / NAME)["cells"]] == ["x = 'last'"]
    folder = made(by_name["a_cell_without_a_kind"], tmp_path / "kind")
    assert [cell["cell_type"] for cell in read_notebook(folder / NAME)["cells"]] == ["raw", "code"]


@pytest.mark.parametrize(
    "name", ["format_1", "format_2", "format_3_with_worksheets", "format_3_with_new_cells", "format_5"]
)
def test_cells_of_every_format_are_kept(name: str, tmp_path: Path) -> None:
    folder = made(next(case for case in CASES if case.name == name), tmp_path)
    cells = read_notebook(folder / NAME)["cells"]
    assert [(cell["cell_type"], cell["source"]) for cell in cells] == [("code", "x = 1")]


def test_a_file_that_cannot_be_read_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "ada.ipynb").write_text(GOOD, encoding="utf-8")
    really = os.open

    def refuse(path: Path, *more: int) -> int:
        if Path(path).name == "ada.ipynb":
            raise PermissionError(13, "Permission denied")
        return really(path, *more)

    monkeypatch.setattr("autograder.intake.files.os.open", refuse)
    (ada,) = found(tmp_path / "class", tmp_path / "into")
    assert ada.problem_name == "unreadable"
    assert "EACCES" in (ada.problem_detail or "")


def test_a_file_that_becomes_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "pipe.ipynb").unlink(missing_ok=True)
    os.mkfifo(tmp_path / "pipe.ipynb")
    with pytest.raises(UnreadableNotebook) as caught:
        read_notebook(tmp_path / "pipe.ipynb")
    assert caught.value.problem.name == "not_a_file"
    with pytest.raises(UnreadableNotebook) as caught:
        read_notebook(Path("/dev/zero"))
    assert caught.value.problem.name == "not_a_file"


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_every_cut_is_told_as_a_cut(ensure_ascii: bool) -> None:
    whole = notebook(
        code("s = 'ö\\n' + \"你\" # \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"))
    )
    text = json.dumps(whole, ensure_ascii=ensure_ascii).encode()
    for end in range(1, len(text)):
        with pytest.raises(UnreadableNotebook) as caught:
            parse_notebook(text[:end], "it.ipynb")
        assert caught.value.problem.name == "truncated_json", text[:end]


@given(
    st.binary(max_size=200) | st.text(max_size=60).map(lambda text: ("{" + text).encode("utf-8", "replace"))
)
def test_any_bytes_are_a_notebook_or_a_named_reason(data: bytes) -> None:
    try:
        parse_notebook(data, "it.ipynb")
    except UnreadableNotebook as error:
        name, sentence, detail = error.problem
        assert name in STATUSES
        assert "it.ipynb" in sentence
        assert "it.ipynb" in detail


def test_a_name_that_nobody_documented_is_our_mistake() -> None:
    with pytest.raises(KeyError):
        RefusedFile("no_such_status", "sentence")


def test_a_deep_tree_of_folders_is_looked_at_without_an_end(tmp_path: Path) -> None:
    deep = tmp_path / "class" / "ada"
    for _ in range(60):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "part_a.ipynb").write_text(GOOD, encoding="utf-8")
    (ada,) = found(tmp_path / "class", tmp_path / "into")
    assert ada.problem_name == "no_notebook"
    assert any("more than 32 folders deep" in note for note in ada.notes)
    shutil.rmtree(tmp_path / "class")
