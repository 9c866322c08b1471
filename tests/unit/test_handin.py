"""The form of a hand-in: what the five sheets ask, on notebooks as students write them, and the archive."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
from autograder.cli.app import run
from autograder.cli.handin import submit_ready
from autograder.errors import RubricError, UsageError
from autograder.handin import (
    Form,
    HandedIn,
    archive_of,
    filled_name,
    form_of,
    read_hand_in,
    write_archive,
)
from autograder.intake.file_names import name_pattern
from autograder.records import CellError, CellRecord, ExecutionRecord
from autograder.registry import find_assignment
from autograder.rubric.loader import load_rubric, read_rubric
from autograder.rubric.model import FormSpec, PartSpec, Rubric

ROOT = Path(__file__).parents[2]

Cell = dict[str, Any]


def text(source: str, **more: Any) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def code(source: str, count: int | None = 1, output: str | None = "42", error: str | None = None) -> Cell:
    outputs: list[dict[str, Any]] = []
    if output:
        outputs.append({"output_type": "stream", "name": "stdout", "text": output})
    if error is not None:
        outputs.append({"output_type": "error", "ename": error, "evalue": "", "traceback": []})
    return {
        "cell_type": "code",
        "metadata": {},
        "source": source,
        "execution_count": count,
        "outputs": outputs,
    }


def write(path: Path, *cells: Cell) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 4}),
        encoding="utf-8",
    )
    return path


def part(name: str, filename: str = "", **form: Any) -> PartSpec:
    own = form | ({"filename": filename} if filename else {})
    return PartSpec.model_validate(
        {
            "part": name,
            "title": f"Part {name}",
            "points": 0,
            "false_fail_rate": 0.001,
            "filenames": [f"*part_{name}*.ipynb", *([f"*{filename[-10:]}"] if filename else [])],
            "form": own,
            "items": [],
        }
    )


def sheet(form: dict[str, Any], *parts: PartSpec) -> Rubric:
    return Rubric(assignment="some-a1", title="T", parts=list(parts), form=FormSpec.model_validate(form))


def look(rubric: Rubric, *paths: Path, **more: Any) -> Form:
    return form_of(rubric, read_hand_in(rubric, paths), **more)


def faults(form: Form) -> list[str]:
    return [finding.kind for finding in form.findings if finding.is_fault]


def of_one(tmp_path: Path, form: dict[str, Any], *cells: Cell, **more: Any) -> Form:
    """What is said of one notebook under a form."""
    return look(sheet(form, part("a")), write(tmp_path / "part_a.ipynb", *cells), **more)


# ------------------------------------------------------- what the five sheets ask


HAIFA = sheet(
    {
        "explanations": "sections",
        "comments": True,
        "names_on_top": True,
        "forbidden": ["tensorflow", "keras"],
        "reminders": ["Print each model you use, with its layers and the total number of parameters."],
    },
    part("1", "HW3_PT1_{ID1}[_{ID2}].ipynb"),
    part("2", "HW3_PT2_{ID1}[_{ID2}].ipynb"),
)
FIRST_NAME = sheet(
    {"zip_name": "{FirstName}_CA5.zip"},
    part("1", "{FirstName}_5.1_LanguageModels.ipynb"),
    part("2", "{FirstName}_5.2_VAE.ipynb"),
)
MAGDEBURG = sheet(
    {
        "forbidden": ["tensorflow", "keras", "jax"],
        "reminders": ["Say if you used AI, for which parts, and why.", "Groups have at most four members."],
    },
    part("a"),
)
MADRID = sheet({"explanations": "sections"}, part("a"))

GOOD = (
    text("# Lyrics\n\nNames: Ada Lovelace, Alan Turing\n\nWe look at the songs first."),
    code("import torch\nx = 1  # one\nprint(x)", 1),
    text("## Model\n\nA small network, since the songs are few."),
    code("y = 2", 2),
)


def test_a_hand_in_as_the_sheet_asks_is_ready(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"HW3_PT{n}_123_456.ipynb", *GOOD) for n in (1, 2)]
    form = look(HAIFA, *paths)
    assert faults(form) == []
    assert form.is_ready
    assert form.words == {"ID1": "123", "ID2": "456"}
    assert [finding.kind for finding in form.findings] == ["not_tried", "not_tried", "reminder"]
    alone = [write(tmp_path / "alone" / f"HW3_PT{n}_123.ipynb", *GOOD) for n in (1, 2)]
    assert look(HAIFA, *alone).is_ready


def test_both_notebooks_must_be_there_and_belong_together(tmp_path: Path) -> None:
    one = write(tmp_path / "HW3_PT1_123_456.ipynb", *GOOD)
    form = look(HAIFA, one)
    assert faults(form) == ["part_missing"]
    assert "`HW3_PT2_{ID1}[_{ID2}].ipynb`" in form.findings[0].text
    other = write(tmp_path / "HW3_PT2_123_457.ipynb", *GOOD)
    form = look(HAIFA, one, other)
    assert faults(form) == ["names_differ"]
    assert "'457' here and '456'" in next(finding.text for finding in form.findings if finding.is_fault)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("HW3_PT1_ID1_ID2.ipynb", "file_name"),
        ("HW3_PT1_123_456 (1).ipynb", None),
        ("hw3_pt1_123_456.ipynb", "file_name"),
        ("HW3_PT1.ipynb", "file_name"),
        ("HW3_PT1_1_2_3.ipynb", "file_name"),
    ],
)
def test_file_names_are_the_sheets(tmp_path: Path, name: str, kind: str | None) -> None:
    rubric = HAIFA.model_copy(update={"parts": HAIFA.parts[:1]})
    assert faults(look(rubric, write(tmp_path / name, *GOOD))) == ([kind] if kind else [])


def test_without_a_prescribed_name_the_patterns_decide(tmp_path: Path) -> None:
    assert faults(look(MADRID, write(tmp_path / "my_part_a.ipynb", *GOOD))) == []
    form = look(MADRID, write(tmp_path / "homework.ipynb", *GOOD))
    assert faults(form) == ["file_name"]
    assert "call it part_a.ipynb" in form.findings[0].text


def test_copies_and_checkpoints_are_left_over(tmp_path: Path) -> None:
    good = write(tmp_path / "part_a.ipynb", *GOOD)
    form = look(MADRID, good, write(tmp_path / "Untitled.ipynb", *GOOD))
    assert [(finding.kind, finding.file) for finding in form.findings if finding.is_fault] == [
        ("file_left_over", "Untitled.ipynb")
    ]
    with pytest.raises(UsageError, match="is no file"):
        look(MADRID, tmp_path / "nothing.ipynb")


@pytest.mark.parametrize("content", [b"", b"%PDF-1.5 and more", b'{"cells": 3}'])
def test_what_cannot_be_read_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "part_a.ipynb"
    path.write_bytes(content)
    form = look(MADRID, path)
    assert faults(form) == ["unreadable"]
    assert "part_a.ipynb" in form.findings[0].text


def test_what_no_program_can_see_is_a_reminder(tmp_path: Path) -> None:
    form = look(MAGDEBURG, write(tmp_path / "part_a.ipynb", *GOOD))
    assert form.is_ready
    told = [finding.text for finding in form.findings if finding.kind == "reminder"]
    assert told == MAGDEBURG.form.reminders


# --------------------------------------------------------------------- outputs


def outputs(tmp_path: Path, *cells: Cell) -> Form:
    return of_one(tmp_path, {"answers": False}, *cells)


def test_cells_that_never_ran_are_named(tmp_path: Path) -> None:
    form = outputs(
        tmp_path,
        code("a = 1", 1),
        code("b = 2", None, None),
        code("# only a comment", None, None),
        code("", None),
    )
    assert faults(form) == ["never_run"]
    assert form.findings[0].cells == (2,)
    assert "Cell 2 never ran" in form.findings[0].text


def test_a_notebook_without_outputs_or_code_says_so(tmp_path: Path) -> None:
    assert faults(outputs(tmp_path, code("a = 1", None, None), code("b", None, None))) == ["no_outputs"]
    assert faults(outputs(tmp_path, code("a = 1", 1, None), code("b", 2, None))) == ["no_outputs"]
    assert faults(outputs(tmp_path, text("# A title"))) == ["no_code"]
    assert faults(outputs(tmp_path)) == ["no_code"]


@pytest.mark.parametrize(
    ("counts", "is_right"),
    [([1, 2, 3], True), ([5, 9, 240], True), ([1, 3, 2], False), ([2, 2, 3], False), ([30, 1, 2], False)],
)
def test_cells_ran_in_their_order(tmp_path: Path, counts: list[int], is_right: bool) -> None:
    form = outputs(tmp_path, *(code(f"x = {n}", n) for n in counts))
    assert faults(form) == ([] if is_right else ["out_of_order"])


@pytest.mark.parametrize(("name", "said"), [("KeyboardInterrupt", "(KeyboardInterrupt)"), ("", "an error;")])
def test_stored_errors_are_named(tmp_path: Path, name: str, said: str) -> None:
    form = outputs(tmp_path, code("a = 1", 1), code("train()", 2, None, error=name))
    assert faults(form) == ["error_output"]
    assert said in form.findings[0].text


def test_outputs_may_be_the_sheets_to_ask(tmp_path: Path) -> None:
    assert faults(of_one(tmp_path, {"outputs": False}, code("a = 1", None, None))) == []


# --------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    "prompt",
    [
        "**YOUR ANSWER:**",
        "> YOUR ANSWER:",
        "YOUR ANSWER:\n\n",
        "*Your answer here*",
        "Question?\n\n**YOUR ANSWER:** *write your answer here*",
        "**Your Answer**: ...",
    ],
)
def test_empty_places_for_answers_are_named(tmp_path: Path, prompt: str) -> None:
    form = of_one(tmp_path, {}, text(prompt), code("a = 1"))
    assert faults(form) == ["unanswered"]
    assert form.findings[0].cells == (1,)


@pytest.mark.parametrize(
    "answer",
    [
        "**YOUR ANSWER:** Larger steps mix better.",
        "> YOUR ANSWER:\n>\n> It is blurred.",
        "Write it after **YOUR ANSWER:**.",
        "Larger steps mix better.",
        "**YOUR ANSWER:**\n\n步长越大",
    ],
)
def test_answers_count_with_or_without_their_mark(tmp_path: Path, answer: str) -> None:
    assert faults(of_one(tmp_path, {}, text(answer), code("a = 1"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "x = ...",
        "x: float = ...",
        "def f(x):\n    '''Twice x.'''\n    ...",
        "def f(x): ...",
        "class A:\n    def f(self):\n        '''Doc.'''\n        ...",
        "def f(x):\n    raise NotImplementedError",
        "for k in range(3):\n    ...",
        "...  # your code here",
    ],
)
def test_placeholders_are_named(tmp_path: Path, source: str) -> None:
    form = of_one(tmp_path, {}, code(source))
    assert faults(form) == ["placeholder"]
    assert form.findings[0].cells == (1,)


@pytest.mark.parametrize(
    "source",
    [
        "y = x[..., 0]",
        "# TODO\nx = 1  # your code here",
        "class P(Protocol):\n    def f(self): ...",
        "class E(Exception):\n    pass",
        "from abc import ABC\nclass B(ABC):\n    def f(self):\n        raise NotImplementedError",
        "@overload\ndef f(x: int) -> int: ...",
        "%matplotlib inline\nx = 1",
        "!pip install tqdm",
        "%%bash\nls",
        "pip install tqdm",
        "x = np.mean(a, axis=...)",
    ],
)
def test_finished_code_is_none(tmp_path: Path, source: str) -> None:
    assert faults(of_one(tmp_path, {}, code(source))) == []


def test_a_class_that_is_only_announced_is_named(tmp_path: Path) -> None:
    form = of_one(tmp_path, {}, code('class VAE(nn.Module):\n    """The network."""\n\n    ...'))
    assert "`VAE`" in form.findings[0].text


def test_cells_that_are_no_python_are_named(tmp_path: Path) -> None:
    form = of_one(tmp_path, {}, code("input_ids =  # TODO"))
    assert faults(form) == ["no_python"]


# ------------------------------------------------------------ against our templates


def test_an_untouched_template_is_told_from_the_solution(tmp_path: Path) -> None:
    from autograder.rendering import solution_source, to_ipynb

    assignment = find_assignment("aml-a3")
    rubric = load_rubric(assignment)
    templates = {one.part: assignment.student_template / f"part_{one.part}.ipynb" for one in rubric.parts}
    form = look(rubric, *templates.values(), templates=templates)
    for one in rubric.parts:
        kinds = {finding.kind for finding in form.findings if finding.part == one.part and finding.is_fault}
        assert kinds == {"no_outputs", "unanswered", "placeholder"}, one.part
    solved = []
    for one in rubric.parts:
        notebook = json.loads(to_ipynb(solution_source(assignment, one.part)))
        for at, cell in enumerate(notebook["cells"]):
            if cell["cell_type"] == "code":
                cell |= {
                    "execution_count": at + 1,
                    "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}],
                }
        solved.append(tmp_path / f"part_{one.part}.ipynb")
        solved[-1].write_text(json.dumps(notebook), encoding="utf-8")
    form = look(rubric, *solved, templates=templates)
    assert [str(finding) for finding in form.findings if finding.is_fault] == []
    assert {finding.kind for finding in form.findings} == {"not_tried"}


def test_marks_of_answers_that_are_gone_are_to_look_at(tmp_path: Path) -> None:
    template = write(tmp_path / "template.ipynb", text("**YOUR ANSWER:**", metadata={"tags": ["answer"]}))
    form = of_one(tmp_path, {}, text("It mixes."), code("a = 1"), templates={"a": template})
    assert form.is_ready
    assert "answer_marks" in {finding.kind for finding in form.findings}
    form = of_one(tmp_path, {}, text("**YOUR ANSWER:** It mixes."), code("a = 1"), templates={"a": template})
    assert "answer_marks" not in {finding.kind for finding in form.findings}


# ---------------------------------------------------------- explanations, comments


def test_text_above_every_cell(tmp_path: Path) -> None:
    cells = (text("Words."), code("a = 1", 1), code("b = 2", 2), text("---"), code("c = 3", 3))
    form = of_one(tmp_path, {"explanations": "cells"}, *cells)
    assert faults(form) == ["unexplained"]
    assert form.findings[0].cells == (3, 5)
    assert "above cells 3 and 5" in form.findings[0].text
    assert faults(of_one(tmp_path, {"explanations": "none"}, *cells)) == []


def test_cells_that_ask_for_the_self_check_are_no_work(tmp_path: Path) -> None:
    asks = code('from autograder import check\ncheck("a2")', None, None)
    cells = (
        text("Words."),
        code("a = 1", 1),
        asks,
        code('check("a3")', None, None),
        text("More."),
        code("b = 2", 2),
    )
    assert faults(of_one(tmp_path, {"explanations": "cells"}, *cells)) == []


def test_text_below_every_heading(tmp_path: Path) -> None:
    cells = (
        text("# Data\n\nWe load it."),
        code("a", 1),
        text("## Model"),
        code("b", 2),
        text("Why."),
        code("c", 3),
    )
    form = of_one(tmp_path, {"explanations": "sections"}, *cells)
    assert faults(form) == ["unexplained"]
    assert "“Model”" in form.findings[0].text
    assert faults(of_one(tmp_path, {"explanations": "sections"}, code("a"))) == ["no_sections"]


def test_long_cells_are_commented(tmp_path: Path) -> None:
    long = "\n".join(f"x{k} = {k}" for k in range(12))
    assert faults(of_one(tmp_path, {"comments": True}, code(long))) == ["uncommented"]
    assert faults(of_one(tmp_path, {"comments": True}, code(f"# the numbers\n{long}"))) == []
    assert faults(of_one(tmp_path, {"comments": True}, code("x = 1"))) == []


@pytest.mark.parametrize(
    "top",
    [
        "Names: Ada Lovelace",
        "**Name:** Ada",
        "# HW3\n\nAuthors: A. Turing & A. Lovelace",
        "Group 7 members: Ada, Alan",
        "- Student (1): Ada",
        "שמות: עדה לאבלייס",
        "姓名：张伟",
        "Submitted by: Ada",
        "ID: 123456789",
        "Autor: Ada",
    ],
)
def test_names_on_top_are_seen(tmp_path: Path, top: str) -> None:
    assert faults(of_one(tmp_path, {"names_on_top": True}, text(top), code("a = 1"))) == []
    commented = code("\n".join(f"# {line}" for line in top.splitlines()) + "\na = 1")
    assert faults(of_one(tmp_path, {"names_on_top": True}, commented)) == []


@pytest.mark.parametrize(
    "top", ["# Homework 3", "Names:", "Names: your name", "Name: ID1", "We name things: a list."]
)
def test_no_names_on_top(tmp_path: Path, top: str) -> None:
    cells = (text(top), code("a = 1", 1), text("Names: Ada Lovelace"))
    assert faults(of_one(tmp_path, {"names_on_top": True}, *cells)) == ["no_names"]


def test_the_number_in_the_file_name_is_a_name(tmp_path: Path) -> None:
    rubric = sheet({"names_on_top": True}, part("1", "HW_{ID1}.ipynb"))
    path = tmp_path / "HW_31415.ipynb"
    assert faults(look(rubric, write(path, text("31415"), code("a = 1")))) == []
    assert faults(look(rubric, write(path, text("314159"), code("a = 1")))) == ["no_names"]


# ------------------------------------------------------------------------ packages


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import tensorflow as tf", True),
        ("from tensorflow.keras import layers", True),
        ("if True:\n    import keras", True),
        ("importlib.import_module('keras.models')", True),
        ("%time x = 1\nimport keras", True),
        ("input_ids = # TODO\nimport keras", True),
        ("import torch\nkeras = 1  # no keras here", False),
        ("import keras_like", False),
        ("from torch.utils import tensorboard", False),
        ("print('import keras')", False),
    ],
)
def test_forbidden_packages(tmp_path: Path, source: str, found: bool) -> None:
    form = of_one(tmp_path, {"forbidden": ["tensorflow", "keras"], "answers": False}, code(source))
    assert faults(form) == (["forbidden_import"] if found else [])


def test_a_part_of_a_package_may_be_forbidden(tmp_path: Path) -> None:
    form = {"forbidden": ["torch.nn.Transformer"]}
    assert faults(of_one(tmp_path, form, code("from torch.nn import Transformer"))) == ["forbidden_import"]
    assert faults(of_one(tmp_path, form, code("from torch.nn import Linear"))) == []


# -------------------------------------------------------------------------- running


def test_whether_it_runs_is_what_the_execution_says(tmp_path: Path) -> None:
    def said(record: ExecutionRecord | None) -> list[tuple[str, bool]]:
        form = of_one(tmp_path, {}, code("a = 1"), executions={"a": record})
        return [(finding.kind, finding.is_fault) for finding in form.findings]

    assert said(None) == [("not_tried", False)]
    assert said(ExecutionRecord(state="complete", cells=(CellRecord(index=0, status="ok"),))) == []
    error = CellError(name="NameError", message="name 'x' is not defined")
    broken = ExecutionRecord(state="complete", cells=(CellRecord(index=0, status="error", error=error),))
    assert said(broken) == [("does_not_run", True)]
    assert said(ExecutionRecord(state="total_limit", detail="it took too long")) == [("does_not_run", True)]


# ------------------------------------------------------------------ names, archive


def handed_in(tmp_path: Path, name: str = "Ada") -> tuple[HandedIn, Form]:
    paths = [
        write(tmp_path / f"{name}_5.1_LanguageModels.ipynb", code("import tools, numpy")),
        write(tmp_path / f"{name}_5.2_VAE.ipynb", code("a = 1")),
    ]
    read = read_hand_in(FIRST_NAME, paths)
    return read, form_of(FIRST_NAME, read)


def test_the_archive_holds_the_notebooks_and_what_they_import(tmp_path: Path) -> None:
    for name, source in {"tools": "import deeper", "deeper": "import tools", "unused": ""}.items():
        (tmp_path / f"{name}.py").write_text(source)
    (tmp_path / "MNIST.zip").write_bytes(b"a data set")
    read, form = handed_in(tmp_path)
    name, content = archive_of(FIRST_NAME, read, form.words)
    assert name == "Ada_CA5.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [
            "Ada_5.1_LanguageModels.ipynb",
            "Ada_5.2_VAE.ipynb",
            "deeper.py",
            "tools.py",
        ]
        assert archive.read("Ada_5.2_VAE.ipynb") == (tmp_path / "Ada_5.2_VAE.ipynb").read_bytes()
    for path in tmp_path.iterdir():
        path.touch()
    assert archive_of(FIRST_NAME, read, form.words) == (name, content)
    written = write_archive(FIRST_NAME, read, form.words, tmp_path / "out")
    assert written == tmp_path / "out" / "Ada_CA5.zip"
    assert written.read_bytes() == content
    assert [path.name for path in written.parent.iterdir()] == ["Ada_CA5.zip"]


def test_the_archive_can_be_graded(tmp_path: Path) -> None:
    from autograder.intake.folders import find_submissions

    read, form = handed_in(tmp_path / "work")
    write_archive(FIRST_NAME, read, form.words, tmp_path / "hand-ins" / "ada")
    (submission,) = find_submissions(tmp_path / "hand-ins", FIRST_NAME.parts, tmp_path / "unpacked")
    assert submission.problem is None


def test_an_archive_needs_every_part_and_a_name(tmp_path: Path) -> None:
    read, _ = handed_in(tmp_path)
    with pytest.raises(UsageError, match="no file name tells FirstName"):
        archive_of(FIRST_NAME, read, {})
    some = HandedIn({"1": read.notebooks["1"]})
    with pytest.raises(UsageError, match="missing: 2"):
        archive_of(FIRST_NAME, some, {"FirstName": "Ada"})
    twice = HandedIn({"1": read.notebooks["1"], "2": write(tmp_path / "b" / read.notebooks["1"].name)})
    with pytest.raises(UsageError, match="two files are called"):
        archive_of(FIRST_NAME, twice, {"FirstName": "Ada"})
    assert archive_of(MADRID, HandedIn({"a": read.notebooks["1"]}), {})[0] == "some-a1.zip"


words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 .'-]{0,12}", fullmatch=True)


@given(words, words, st.booleans())
def test_a_name_that_is_filled_in_is_read_again(one: str, two: str, is_pair: bool) -> None:
    asked = "HW3_PT1_{ID1}[_{ID2}].ipynb"
    said = {"ID1": one} | ({"ID2": two} if is_pair else {})
    found = name_pattern(asked).fullmatch(filled_name(asked, said))
    assert found is not None
    assert {word: value for word, value in found.groupdict().items() if value is not None} == said


# ------------------------------------------------------------------------- printed


def test_what_is_to_mend_is_printed_with_the_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assignment = find_assignment("aml-a3")
    templates = [assignment.student_template / f"part_{name}.ipynb" for name in "abc"]
    assert submit_ready(assignment, templates, archive_into=tmp_path) == 1
    said = capsys.readouterr().out
    assert "✗ part_a.ipynb: No outputs are stored" in said
    assert "? part_c.ipynb: It was not run here" in said
    assert "Written, but not ready to hand in:" in said
    assert (tmp_path / "aml-a3.zip").is_file()
    assert submit_ready(assignment, templates[:1], as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ready"], told["archive"]) == (False, None)
    assert [one["part"] for one in told["findings"] if one["kind"] == "part_missing"] == ["b", "c"]


def test_what_is_ready_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("autograder.rubric.loader.load_rubric", lambda _: MADRID)
    path = write(tmp_path / "part_a.ipynb", *GOOD)
    assert submit_ready(find_assignment("aml-a3"), [path], archive_into=tmp_path) == 0
    said = capsys.readouterr().out
    assert "has the form that the sheet asks for" in said
    assert "To hand in:" in said


def test_the_verb_looks_at_the_form_and_need_not_run_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = find_assignment("aml-a3").student_template
    paths = [str(folder / f"part_{name}.ipynb") for name in "abc"]
    options = ["--assignment", "aml-a3", "--content", str(ROOT), "--zip", str(tmp_path)]
    assert run(["check", "--submit-ready", "--no-run", *paths, *options, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["ready"]
    assert Path(told["archive"]).name == "aml-a3.zip"
    assert run(["check", *paths, *options]) == 2
    assert "go with --submit-ready" in capsys.readouterr().err


# --------------------------------------------------------------------- the settings


def test_a_part_sets_its_keys_over_those_of_the_assignment() -> None:
    rubric = sheet({"explanations": "cells", "outputs": False}, part("a", outputs=True))
    form = rubric.form_of(rubric.parts[0])
    assert (form.explanations, form.outputs) == ("cells", True)


def test_the_form_of_an_assignment_is_read_with_its_mistakes(tmp_path: Path) -> None:
    source = (ROOT / "rubrics" / "aml-a3" / "rubric.yaml").read_text(encoding="utf-8")
    for path in (ROOT / "rubrics" / "aml-a3").glob("part_*.yaml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    main = tmp_path / "rubric.yaml"
    main.write_text(source, encoding="utf-8")
    assert read_rubric(main, ["a"]).form.explanations == "cells"
    main.write_text(source.replace("explanations: cells", "explanatons: cells"), encoding="utf-8")
    with pytest.raises(
        RubricError, match=r"rubric.yaml:5:3: unknown key 'explanatons'; did you mean 'explanations'"
    ):
        read_rubric(main)
    main.write_text(source, encoding="utf-8")
    own = tmp_path / "part_a.yaml"
    text = own.read_text(encoding="utf-8")
    own.write_text(f"{text}\nform:\n  filename: '{{Name}}_MCMC.ipynb'\n", encoding="utf-8")
    with pytest.raises(
        RubricError, match=r"part_a.yaml:\d+:3: no pattern of 'filenames' fits 'Name_MCMC.ipynb'"
    ):
        read_rubric(main, ["a"])
    own.write_text(text, encoding="utf-8")
    main.write_text(source.replace("explanations: cells", "explanations: often"), encoding="utf-8")
    with pytest.raises(RubricError, match=r"rubric.yaml:5:3: .*'often'"):
        read_rubric(main)
