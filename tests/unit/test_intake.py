"""What is handed in: folders of every kind become rows, and files of every kind notebooks or a reason."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import UsageError
from autograder.intake import UnreadableNotebook, find_submissions, normalise, read_notebook
from autograder.intake.folders import safe_id
from autograder.intake.notebooks import parse_notebook
from autograder.records import Submission
from autograder.rubric.model import PartSpec, SectionSpec


def part(part_id: str = "a", filenames: list[str] | None = None, heading: str = "A1") -> PartSpec:
    return PartSpec(
        part=part_id,
        title=part_id,
        points=0,
        false_fail_rate=1e-3,
        filenames=filenames or [f"part_{part_id}*.ipynb"],
        items=[],
        sections={f"{part_id}1": SectionSpec(headings=[heading])},
    )


def notebook(*cells: dict[str, Any], **about: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)} | about


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: Any, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": 1}


def put(path: Path, tree: dict[str, Any] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tree or notebook(code("x = 1"))), encoding="utf-8")
    return path


def found(folder: Path, *parts: PartSpec) -> list[Submission]:
    return find_submissions(folder, parts or (part(),))


def one(folder: Path, *parts: PartSpec) -> Submission:
    (submission,) = found(folder, *parts)
    return submission


# ------------------------------------------------------------------ folders


def test_a_folder_and_a_file_per_student(tmp_path: Path) -> None:
    put(tmp_path / "bea" / "deep" / "work.ipynb")
    put(tmp_path / "ada.ipynb")
    first, second = found(tmp_path)
    assert (first.id, second.id) == ("ada", "bea")
    assert first.students == ("ada",)
    assert second.sources == {"a": str(tmp_path / "bea" / "deep" / "work.ipynb")}
    assert re.fullmatch("[0-9a-f]{64}", second.digests["a"])
    assert first.problem is second.problem is None


def test_a_single_file(tmp_path: Path) -> None:
    assert one(put(tmp_path / "ada.ipynb")).id == "ada"


def test_an_ending_in_capitals_is_a_notebook(tmp_path: Path) -> None:
    put(tmp_path / "ada.IPYNB")
    assert one(tmp_path).problem is None


@pytest.mark.parametrize(
    "noise",
    [
        "ada/.ipynb_checkpoints/part_a-checkpoint.ipynb",
        "ada/.ipynb_checkpoints/part_a.ipynb",
        "ada/part_a-checkpoint.ipynb",
        "ada/__MACOSX/part_a.ipynb",
        "ada/__MACOSX/._part_a.ipynb",
        "ada/._part_a.ipynb",
        "ada/sub/.git/part_a.ipynb",
        "__MACOSX/ada/part_a.ipynb",
        ".hidden/part_a.ipynb",
        ".DS_Store",
        "Thumbs.db",
        "copy-checkpoint.ipynb",
    ],
)
def test_noise_is_left_aside(tmp_path: Path, noise: str) -> None:
    own = put(tmp_path / "ada" / "part_a.ipynb")
    put(tmp_path / noise)
    submission = one(tmp_path)
    assert submission.sources == {"a": str(own)}
    assert submission.notes == ()


def test_noise_alone_is_no_notebook(tmp_path: Path) -> None:
    put(tmp_path / "ada" / "__MACOSX" / "part_a.ipynb")
    submission = one(tmp_path)
    assert submission.sources == {}
    assert submission.problem is not None
    assert submission.problem.startswith("there is no notebook (found: part_a.ipynb)")


def test_links_are_refused_and_never_followed(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside" / "secret.ipynb")
    batch = tmp_path / "batch"
    put(batch / "bea" / "part_a.ipynb")
    (batch / "ada.ipynb").symlink_to(outside)
    (batch / "carl").symlink_to(outside.parent)
    (batch / "bea" / "other.ipynb").symlink_to(outside)
    (batch / "dora").mkdir()
    (batch / "dora" / "only.ipynb").symlink_to(outside)
    ada, bea, carl, dora = found(batch)
    assert ada.problem == "ada.ipynb is a link; hand in the file itself"
    assert carl.problem == "carl is a link; hand in the file itself"
    assert bea.problem is None
    assert bea.notes == ("other.ipynb is a symbolic link; not followed",)
    assert dora.problem == "only.ipynb is a link; hand in the file itself"
    assert ada.problem_name == carl.problem_name == dora.problem_name == "link"
    assert all("secret" not in str(submission.sources) for submission in (ada, bea, carl, dora))


def test_what_is_no_notebook_still_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "ada.pdf").write_bytes(b"%PDF")
    (tmp_path / "bea").mkdir()
    (tmp_path / "bea" / "main.py").write_text("x = 1")
    (tmp_path / "carl").mkdir()
    put(tmp_path / "dora" / "part_a.ipynb").write_bytes(b"%PDF-1.7")
    problems = [submission.problem for submission in found(tmp_path)]
    assert problems == [
        "ada.pdf is no notebook; hand in the .ipynb file",
        "there is no notebook (found: main.py); hand in the .ipynb file",
        "there is no notebook (found: nothing); hand in the .ipynb file",
        "part_a.ipynb is a PDF, not a notebook; hand in the .ipynb file itself",
    ]


def test_an_empty_or_missing_folder_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no submissions"):
        found(tmp_path)
    (tmp_path / ".DS_Store").touch()
    with pytest.raises(UsageError, match="holds no submissions"):
        found(tmp_path)
    with pytest.raises(UsageError, match="there is no folder"):
        found(tmp_path / "nowhere")


def test_of_several_notebooks_the_named_one_is_taken(tmp_path: Path) -> None:
    put(tmp_path / "ada" / "PART_A_final.ipynb")
    put(tmp_path / "ada" / "scratch.ipynb", notebook(markdown("# A1")))
    submission = one(tmp_path)
    assert submission.sources["a"].endswith("PART_A_final.ipynb")
    assert submission.notes == ("part a: PART_A_final.ipynb, by its name; left aside: scratch.ipynb",)


def test_of_several_named_notebooks_the_one_that_speaks_of_the_part(tmp_path: Path) -> None:
    put(tmp_path / "ada" / "part_a.ipynb")
    put(tmp_path / "ada" / "part_a2.ipynb", notebook(markdown("# A1")))
    submission = one(tmp_path)
    assert submission.sources["a"].endswith("part_a2.ipynb")
    assert submission.notes == ("part a: part_a2.ipynb, by its content; the next best was part_a.ipynb",)


def test_of_several_unnamed_notebooks_the_one_that_speaks_of_the_part(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "broken.ipynb").write_text("{")
    put(tmp_path / "ada" / "one.ipynb")
    put(tmp_path / "ada" / "two.ipynb", notebook(markdown("# A1")))
    submission = one(tmp_path)
    assert submission.sources["a"].endswith("two.ipynb")
    assert submission.problem is None


def test_a_notebook_with_any_name_is_taken_when_it_is_the_only_one(tmp_path: Path) -> None:
    own = put(tmp_path / "ada" / "Untitled.ipynb")
    assert one(tmp_path).sources == {"a": str(own)}


def test_each_part_takes_its_own_notebook(tmp_path: Path) -> None:
    put(tmp_path / "ada" / "part_a.ipynb")
    put(tmp_path / "ada" / "rest.ipynb", notebook(markdown("# B1")))
    put(tmp_path / "bea" / "part_b.ipynb")
    put(tmp_path / "carl" / "stuff.ipynb")
    ada, bea, carl = found(tmp_path, part("a"), part("b", heading="B1"))
    assert {key: Path(path).name for key, path in ada.sources.items()} == {
        "a": "part_a.ipynb",
        "b": "rest.ipynb",
    }
    assert list(bea.sources) == ["b"]
    assert "no notebook was found for part a" in bea.notes
    assert bea.problem is None
    assert carl.problem_name == "no_part"
    assert carl.problem == (
        "none of the notebooks fits a part of the assignment; keep the file name of the template"
    )


def test_a_heading_alone_makes_no_part_of_a_notebook_that_is_named_for_another(tmp_path: Path) -> None:
    wide = part("a").model_copy(
        update={"sections": {f"a{n}": SectionSpec(headings=[f"A{n}"]) for n in range(1, 5)}}
    )
    put(tmp_path / "ada" / "part_b.ipynb", notebook(markdown("# A1")))
    put(tmp_path / "bea" / "part_b.ipynb", notebook(markdown("# A1"), markdown("# A2"), markdown("# B1")))
    ada, bea = found(tmp_path, wide, part("b", heading="B1"))
    assert list(ada.sources) == ["b"]
    assert list(bea.sources) == ["a", "b"], "everything in one file"


# ------------------------------------------------------------------ ids


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ada Lovelace", "Ada-Lovelace"),
        ("Ödön Őri", "Ödön-Őri"),
        ("张三", "张三"),
        ("a/b\\c", "a-b-c"),
        ("../../etc", "etc"),
        ("...", "submission"),
        ("", "submission"),
        ("🙂", "submission"),
        ("a\x00b\nc", "a-b-c"),
        ("x" * 300, "x" * 80),
    ],
)
def test_an_id_is_safe_as_a_folder_name(name: str, expected: str) -> None:
    assert safe_id(name, set()) == expected


def test_ids_are_unique_without_regard_to_case() -> None:
    taken: set[str] = set()
    assert [safe_id(name, taken) for name in ("Ada", "ada", "ADA", "ada-2")] == [
        "Ada",
        "ada-2",
        "ADA-3",
        "ada-2-2",
    ]


@given(st.lists(st.text(max_size=100), max_size=6))
def test_ids_of_any_names_are_safe_and_unique(names: list[str]) -> None:
    taken: set[str] = set()
    ids = [safe_id(name, taken) for name in names]
    assert len({one.lower() for one in ids}) == len(ids)
    for one_id in ids:
        assert re.fullmatch(r"[\w.-]{1,90}", one_id)
        assert one_id not in (".", "..")
        assert not one_id.startswith((".", "-"))


def test_a_folder_and_a_file_of_one_name_are_two_rows(tmp_path: Path) -> None:
    put(tmp_path / "ada" / "x.ipynb")
    put(tmp_path / "ada.ipynb")
    assert [submission.id for submission in found(tmp_path)] == ["ada", "ada-2"]


# ------------------------------------------------------------------ notebooks


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"  \n ", "is empty"),
        (b"%PDF-1.7 ...", "is a PDF"),
        (b"PK\x03\x04...", "is a zip archive"),
        (b"\n<!DOCTYPE html>", "is a web page"),
        (b"\x89PNG\r\n", "is a picture"),
        (b'{"cells": [', "is no valid JSON"),
        (b'{"cells": []} trailing', "is no valid JSON"),
        (b'{"cells": "\xff"}', "is not UTF-8 text"),
        (b"print('hello')", "is no valid JSON"),
        (b"[]", "it has no cells"),
        (b"{}", "it has no cells"),
        (b"7", "it has no cells"),
        (b'{"cells": null}', "has no list of cells"),
        (b'{"cells": {"0": {}}}', "has no list of cells"),
        (b'{"cells": ["x = 1"]}', "cell 1 of it.ipynb is not a cell but str"),
        (b"[" * 200_000, "it.ipynb"),
        (b'{"cells":' * 100_000, "it.ipynb"),
        (b'{"nbformat": 3, "worksheets": 7}', "old notebook format"),
        (b'{"cells": [], "nbformat": ' + b"9" * 5000 + b"}", "is no valid JSON"),
    ],
)
def test_what_cannot_be_read_is_said(content: bytes, said: str) -> None:
    with pytest.raises(UnreadableNotebook) as caught:
        parse_notebook(content, "it.ipynb")
    assert said in str(caught.value)
    assert "it.ipynb" in str(caught.value)


def test_a_missing_or_huge_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableNotebook, match="cannot be read"):
        read_notebook(tmp_path / "none.ipynb")
    monkeypatch.setattr("autograder.intake.notebooks.MAX_NOTEBOOK_BYTES", 2**20)
    path = tmp_path / "big.ipynb"
    path.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(UnreadableNotebook, match="is larger than 1 MiB; clear its outputs"):
        read_notebook(path)


@pytest.mark.parametrize("language", ["R", "julia"])
def test_another_language_is_refused(language: str) -> None:
    tree = notebook(code("x <- 1"), metadata={"kernelspec": {"name": "ir", "language": language}})
    with pytest.raises(UnreadableNotebook, match=f"is written in {language}; only Python"):
        normalise(tree)


def test_another_language_is_recognised_without_a_kernel_specification() -> None:
    tree = notebook(code("x <- 1"), metadata={"language_info": {"name": "R"}})
    with pytest.raises(UnreadableNotebook, match="is written in R; only Python"):
        normalise(tree)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        None,
        7,
        {"kernelspec": None},
        {"kernelspec": []},
        {"kernelspec": {"name": 7}},
        {"kernelspec": {"name": "my-env", "language": "Python"}},
        {"language_info": {"name": "python"}},
        {"language_info": "python"},
    ],
)
def test_any_metadata_of_a_python_notebook_is_taken(metadata: Any) -> None:
    clean = normalise(notebook(code("x = 1"), metadata=metadata))
    assert clean["metadata"]["kernelspec"]["language"] == "python"


def test_a_byte_order_mark_is_no_fault() -> None:
    content = b"\xef\xbb\xbf" + json.dumps(notebook(code("x = 1"))).encode()
    assert parse_notebook(content, "it")["cells"][0]["source"] == "x = 1"


def test_an_old_format_is_converted() -> None:
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["A1"]},
                    {
                        "cell_type": "code",
                        "collapsed": False,
                        "input": ["x = 1\n", "y = 2"],
                        "language": "python",
                        "metadata": {},
                        "outputs": [],
                        "prompt_number": 1,
                    },
                ],
            }
        ],
    }
    clean = parse_notebook(json.dumps(old).encode(), "it")
    assert [(cell["cell_type"], cell["source"]) for cell in clean["cells"]] == [
        ("markdown", "## A1"),
        ("code", "x = 1\ny = 2"),
    ]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("x = 1", "x = 1"),
        (["x = 1\n", "y = 2"], "x = 1\ny = 2"),
        (["x\n", 7, None, "y"], "x\ny"),
        (None, ""),
        (7, ""),
        ({"a": 1}, ""),
        ("a\x00b", "ab"),
        ("a\ud800b", "a?b"),
        ("π = 3\r\n", "π = 3\r\n"),
    ],
)
def test_sources_become_plain_strings(source: Any, text: str) -> None:
    (cell,) = normalise(notebook(code(source)))["cells"]
    assert cell["source"] == text
    cell["source"].encode("utf-8")


def test_a_cell_without_a_source_or_kind_is_taken() -> None:
    cells = normalise(notebook({}, {"cell_type": "heading", "source": "A"}, {"cell_type": 7}))["cells"]
    assert [cell["cell_type"] for cell in cells] == ["raw", "markdown", "raw"]


def test_tags_that_change_what_runs_are_left_out() -> None:
    tags = ["skip-execution", "given", "raises-exception", "given", 7, "", "a,b", None, "task"]
    (cell,) = normalise(notebook(code("x", tags=tags)))["cells"]
    assert cell["metadata"] == {"tags": ["given", "task"]}


@pytest.mark.parametrize("metadata", [None, 7, {"tags": "given"}, {"tags": None}, {"editable": False}])
def test_other_metadata_of_a_cell_is_left_out(metadata: Any) -> None:
    (cell,) = normalise(notebook(code("x") | {"metadata": metadata}))["cells"]
    assert cell["metadata"] == {}


@pytest.mark.parametrize("tags", [[["given"]], [{"a": 1}]])
def test_tags_that_are_no_words_are_left_out(tags: list[Any]) -> None:
    (cell,) = normalise(notebook(code("x", tags=tags)))["cells"]
    assert cell["metadata"]["tags"] in ([], ["given"])


def test_stored_outputs_and_ids_are_left_out() -> None:
    dirty = code("x") | {"outputs": [{"output_type": "stream", "text": "999"}], "id": "x" * 100}
    clean = normalise(notebook(dirty, dirty))["cells"]
    assert [cell["id"] for cell in clean] == ["cell-0000", "cell-0001"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in clean)


def test_normalising_twice_changes_nothing() -> None:
    once = normalise(notebook(markdown("# A1"), code(["x\n", "y"], tags=["given", "skip-execution"])))
    assert normalise(once) == once


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {
            "cells": st.lists(
                st.fixed_dictionaries({}, optional={"cell_type": JSON, "source": JSON, "metadata": JSON})
            )
        },
        optional={"metadata": JSON, "nbformat": st.integers(4, 5)},
    )
)
def test_any_json_with_cells_is_a_notebook_or_a_reason(tree: dict[str, Any]) -> None:
    try:
        clean = parse_notebook(json.dumps(tree).encode(), "it")
    except UnreadableNotebook:
        return
    json.dumps(clean, ensure_ascii=False).encode("utf-8")
