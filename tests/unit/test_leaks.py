"""The proof that a bundle holds nothing of the course's own: one planted leak of every kind, in many disguises."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bundles
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autograder.fingerprints import KEPT_NAMES, marks, statements
from autograder.leaks import Kind, Leak, Withheld, find_leaks
from autograder.phrases import Phrases, forms_of, is_common, numbers, told_again
from autograder.registry import Assignment
from autograder.release import allowed_files, bundle
from autograder.rubric.loader import load_rubric
from autograder.withheld import withheld_of

Files = dict[str, bytes]


class Course:
    """The bundle of the small course, and what it withholds."""

    def __init__(self, assignment: Assignment) -> None:
        rubric = load_rubric(assignment)
        self.files = bundle(assignment, rubric)
        self.withheld = withheld_of(assignment, rubric, allowed_files(rubric))

    def leaks(self, files: Files) -> list[Leak]:
        return find_leaks(files, self.withheld)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    with pytest.MonkeyPatch.context() as patch:
        yield Course(bundles.small_course(tmp_path_factory.mktemp("course"), patch))


def with_cell(files: Files, kind: str, source: str, name: str = "part_a.ipynb", **more: Any) -> Files:
    """The bundle with one more cell at the end of a notebook."""
    notebook = json.loads(files[name])
    extra: dict[str, Any] = {"cell_type": kind, "id": "more", "metadata": {}, "source": source}
    if kind == "code":
        extra |= {"outputs": [], "execution_count": None}
    notebook["cells"].append(extra | more)
    return files | {name: json.dumps(notebook).encode()}


def notebook_with(course: Course, *sources: str) -> Files:
    """The first notebook of the bundle alone, with more code cells."""
    files = {"part_a.ipynb": course.files["part_a.ipynb"]}
    for source in sources:
        files = with_cell(files, "code", source)
    return files


def with_text(files: Files, text: str, name: str = "README.md") -> Files:
    return files | {name: files[name] + f"\n\n{text}\n".encode()}


def only(leaks: list[Leak], kind: Kind) -> list[Leak]:
    """The leaks, of which each must be of one kind."""
    assert leaks, f"no leak of kind {kind} was found"
    assert {leak.kind for leak in leaks} == {kind}, "\n".join(map(str, leaks))
    return leaks


def test_the_bundle_itself_leaks_nothing(course: Course) -> None:
    assert course.leaks(course.files) == []


# ----------------------------------------------------------------- statements

SPREAD = ast.unparse(ast.parse(bundles.MODULE))
BODY = [
    "centre = sum(w * v for v, w in zip(values, weights)) / sum(weights)",
    "deviations = [w * (v - centre) ** 2 for v, w in zip(values, weights)]",
    "if total <= 0.0625 * len(values):\n    print(total)",
]


@pytest.mark.parametrize("statement", BODY)
def test_a_statement_of_the_reference_is_named_with_its_place(course: Course, statement: str) -> None:
    (leak, *_) = only(course.leaks(with_cell(course.files, "code", f"import math\n{statement}")), "statement")
    assert leak.file == "part_a.ipynb"
    assert re.fullmatch(r"cell 6, line 2", leak.place)
    assert "reference/tools.py:" in leak.text


@pytest.mark.parametrize(
    "hide",
    [
        lambda text: ("markdown", f"Try this:\n\n```python\n{text}\n```"),
        lambda text: ("markdown", f"Remember that `{text}`."),
        lambda text: ("markdown", f"> 1. {text}"),
        lambda text: ("code", f"# {text}"),
        lambda text: ("code", f"def f(values, weights):\n    if values:\n        {text}"),
        lambda text: ("code", f"        {text}  # the rest of a function that began in the cell above"),
        lambda text: ("code", text.replace(" = ", " = (\n    ", 1) + "\n)"),
        lambda text: ("code", f"return {text.split(' = ', 1)[1]}"),
        lambda text: ("code", f"answer: float = {text.split(' = ', 1)[1]}"),
        lambda text: ("code", f"if True: {text}"),
        lambda text: ("code", f"first = 1; {text}"),
        lambda text: ("raw", text),
    ],
    ids=["fence", "span", "quote", "comment", "nested", "split", "wrapped", "returned", "typed", "inline", "joined", "raw"],
)  # fmt: skip
def test_a_statement_is_found_wherever_it_stands(
    course: Course, hide: Callable[[str], tuple[str, str]]
) -> None:
    for text in BODY[:2]:
        only(course.leaks(with_cell(course.files, *hide(text))), "statement")


def test_statements_are_found_in_every_file(course: Course) -> None:
    for name in course.files:
        if name.endswith((".md", ".yaml")):
            marked = f"# {BODY[0]}" if name.endswith(".yaml") else BODY[0]
            (leak, *_) = only(course.leaks(with_text(course.files, marked, name)), "statement")
            assert leak.file == name
    manifest = json.loads(course.files["release.json"])
    listed = course.files | {"release.json": json.dumps(manifest | {"note": BODY[0]}).encode()}
    (leak,) = only(course.leaks(listed), "statement")
    assert leak.place == "note"


names = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True).filter(
    lambda name: name not in KEPT_NAMES and not name.startswith("__") and name.isidentifier() and name not in (
        "if", "in", "is", "or", "and", "not", "for", "def", "del", "try", "as", "from", "with", "else", "elif", "pass",
        "while", "break", "class", "yield", "await", "async", "raise", "return", "import", "global", "assert", "except",
        "lambda", "finally", "continue", "nonlocal",
    )
)  # fmt: skip


@given(
    body=st.sampled_from(BODY[:2]),
    new=st.lists(names, min_size=8, max_size=8, unique=True),
    blanks=st.lists(st.sampled_from(["", " ", "  "]), min_size=64, max_size=64),
    breaks=st.lists(st.booleans(), min_size=64, max_size=64),
    indent=st.sampled_from(["", "    ", "\t"]),
)
def test_renamed_and_laid_out_anew_a_statement_is_still_found(
    course: Course, body: str, new: list[str], blanks: list[str], breaks: list[bool], indent: str
) -> None:
    renamed = ast.unparse(bundles.Renaming(new).visit(ast.parse(body)))
    target, value = renamed.split(" = ", 1)
    tokens = re.findall(r"\w+|\*\*|\W", value.replace(" ", " "))
    laid = f"{indent}{target} = ("
    for token, blank, is_broken in zip(tokens, blanks, breaks, strict=False):
        laid += f"{token}{blank}" + ("\n" if is_broken and token in "+-*/(,[" else "")
    laid += "".join(tokens[len(blanks) :]) + ")"
    ast.parse(laid.strip())  # the layout is Python still
    only(course.leaks(notebook_with(course, laid)), "statement")


@given(st.lists(names, min_size=8, max_size=8, unique=True), st.integers(1, 2))
def test_short_statements_in_a_row_are_found_also_over_two_cells(
    course: Course, new: list[str], at: int
) -> None:
    row = ["total = sum(weights)", "if total <= 0.0625 * len(values):", "result = sum(deviations) / total"]
    marked = Withheld()
    marked.add_code("\n".join(f"{line} pass" if line.endswith(":") else line for line in row), "here")
    tree = ast.parse("\n".join(f"{line} pass" if line.endswith(":") else line for line in row))
    lines = ast.unparse(bundles.Renaming(new).visit(tree)).replace("\n    pass", " pass").splitlines()
    marked.files = course.withheld.files
    only(
        find_leaks(notebook_with(course, *("\n".join(some) for some in (lines[:at], lines[at:]))), marked),
        "statement",
    )


def test_what_students_are_given_is_no_leak(course: Course) -> None:
    given_code = (
        "VALUES = [2.0, 3.0, 5.0, 7.0, 11.0]\nstep = (VALUES[1] - VALUES[0]) / (VALUES[2] - VALUES[1] + 0.5)"
    )
    assert course.leaks(with_cell(course.files, "code", given_code)) == []


def test_common_lines_are_no_leak(course: Course) -> None:
    common = "import numpy as np\nnp.random.seed(1234)\nfor k in range(10):\n    print(k)\nx = sum(y) / n\nplt.show()"
    assert course.leaks(with_cell(course.files, "code", common)) == []


def test_fingerprints_do_not_see_names_layout_or_what_the_value_is_used_for() -> None:
    def value(text: str) -> set[str]:
        return {mark for mark, _ in marks(list(statements(text))) if mark.startswith("value ")}

    plain = value("y = np.sum(w * (f - m) ** 2) / np.sum(w)")
    assert plain
    assert (
        plain
        == value("return xp.sum(a*(b-c)**2)/xp.sum(a)")
        == value("g = lambda: q.sum(r*(s-t)**2)/q.sum(r)")
    )
    assert plain != value("y = np.sum(w * (f - w) ** 2) / np.sum(w)")
    assert not value("Prose: a word, and (in brackets) another; 3/4 of it is new.")


# -------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    "text", ["10.239876543", "10.2399", "10.23987", "10.24", "1.02399e1", "-10.2399", "1023.99 %", "10.2399,"]
)
def test_a_golden_number_is_found_however_it_is_rounded(course: Course, text: str) -> None:
    (leak,) = only(course.leaks(with_cell(course.files, "markdown", f"You should get {text}")), "number")
    assert "a1.truth" in leak.text
    assert leak.place == "cell 6"


@pytest.mark.parametrize("text", ["10.2", "10.2388999", "0.25", "100", "v10.24.1", "a10.2399", "10.2499"])
def test_common_numbers_and_other_numbers_are_none(course: Course, text: str) -> None:
    assert course.leaks(with_cell(course.files, "markdown", f"You get {text} there")) == []


def test_numbers_of_hidden_checks_are_found(course: Course) -> None:
    rubric_number = forms_of([(0.3486784401, "a parameter")])
    assert [told_again(one, rubric_number) for one in numbers("phi = 0.348678")] == ["a parameter"]
    assert [told_again(one, forms_of([(1079600.0, "n")])) for one in numbers("1,079,600 weights")] == ["n"]
    assert [told_again(one, forms_of([(128.0, "n")])) for one in numbers("128 images, 128.0")] == [None, None]


@given(st.floats(1e-6, 1e9, allow_nan=False), st.integers(4, 9))
@example(1.23456499996, 9)
@example(1.23456499996, 6)
def test_a_number_with_enough_digits_is_told_again(value: float, n: int) -> None:
    looked_for = forms_of([(value, "it")])
    (written,) = numbers(f"so {value:.{n - 1}e} is it")
    expected = None if not looked_for or is_common(written.value) else "it"
    assert told_again(written, looked_for) == expected


# --------------------------------------------------------------- ids and texts


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        ("a1.value", "id", "hidden check"),
        ("see a1.said.", "id", "hidden check"),
        ("a1.truth", "id", "golden"),
        ("The weighted spread lies where it must", "text", "title"),
        ("the WEIGHTED spread, lies\nwhere it must!", "text", "title"),
        ("Hint: divide by the sum of all *weights* and never by the number of values", "text", "hint"),
        ("... every time: a spread around the wrong centre is too large every single time", "text", "why"),
        ("The sheet means the weighted variance and not its square root", "text", "erratum"),
        ("The spread is taken around the weighted centre and not around", "text", "explanation"),
        ("Heavy values pull the centre towards themselves, so that the", "text", "model answer"),
        ("the weights add up to next to nothing for so many values", "text", "reference/tools.py"),
    ],
)
def test_ids_titles_hints_and_answers_are_found(course: Course, text: str, kind: Kind, what: str) -> None:
    for files in (with_cell(course.files, "markdown", text), with_text(course.files, text)):
        assert all(what in leak.text for leak in only(course.leaks(files), kind))


def test_what_is_public_may_be_said(course: Course) -> None:
    public = "a1.count, a1.values: There are five values. Keep all of them. The values may stand in any order that you like."
    assert course.leaks(with_text(course.files, public)) == []


def test_model_answers_and_criteria_of_public_checks_are_hidden_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autograder import withheld

    assignment = bundles.small_course(tmp_path, monkeypatch)
    part = load_rubric(assignment).parts[0]
    check = next(one for _, one in part.checks() if one.public)
    guide = "Full marks for whoever says that all five of them are needed."
    monkeypatch.setattr(
        type(check), "model_dump", lambda *_, **__: {"model_answer": guide, "criteria": [{"text": guide}]}
    )
    assert list(withheld._guides(check)) == [guide, guide]


@given(
    st.lists(
        st.sampled_from(["the", "sum", "of", "weights", "is", "never", "less", "than", "one"]),
        min_size=8,
        max_size=14,
    )
)
def test_phrases_are_told_whatever_stands_around_them(sentence: list[str]) -> None:
    phrases = Phrases()
    phrases.add(" ".join(sentence), "it")
    found = list(phrases.find(f"Before: {'  '.join(sentence).upper()}. After"))
    assert found
    assert found[0][1] == "it"
    phrases.allow(" ".join(sentence))
    assert not list(phrases.find(" ".join(sentence)))


# ------------------------------------------------------------ notebooks, files


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"outputs": [{"output_type": "stream", "name": "stdout", "text": "3"}]}, "outputs"),
        ({"execution_count": 7}, "execution count 7"),
        ({"attachments": {"a.png": {"image/png": "aaaa"}}}, "attachments"),
        ({"metadata": {"author": "me"}}, "'author'"),
        ({"metadata": {"tags": ["solution"]}}, "'solution'"),
    ],
)
def test_outputs_counts_attachments_and_metadata_of_cells(
    course: Course, more: dict[str, Any], what: str
) -> None:
    (leak,) = only(course.leaks(with_cell(course.files, "code", "x = 1", **more)), "notebook")
    assert what in leak.text
    assert leak.place == "cell 6"


def test_metadata_of_notebooks(course: Course) -> None:
    notebook = json.loads(course.files["part_a.ipynb"])
    notebook["metadata"] |= {"author": "me"}
    notebook["metadata"]["kernelspec"] |= {"env": "mine"}
    notebook["more"] = 1
    found = only(course.leaks({"part_a.ipynb": json.dumps(notebook).encode()}), "notebook")
    assert [leak.place for leak in found] == ["more", "metadata.author", "metadata.kernelspec.env"]


@pytest.mark.parametrize("content", [b"[]", b"not json", b'{"cells": 3}', b'{"cells": [3]}'])
def test_what_is_no_notebook_is_refused(course: Course, content: bytes) -> None:
    assert only(course.leaks({"part_a.ipynb": content}), "notebook")


@pytest.mark.parametrize(
    "name", ["reference/tools.py", "part_b.ipynb", ".env", "rubrics/mini-a0/golden/part_a.json"]
)
def test_files_that_do_not_belong_there_are_named(course: Course, name: str) -> None:
    content = course.files["part_a.ipynb"] if name.endswith("ipynb") else b"{}"
    (leak,) = only(course.leaks(course.files | {name: content}), "file")
    assert leak.file == name


def test_bytes_that_are_no_text_are_refused(course: Course) -> None:
    (leak,) = only(course.leaks(course.files | {"README.md": b"\xff\xfe\x00"}), "file")
    assert "UTF-8" in leak.text


@pytest.mark.parametrize(
    "text", ["/" + "home/ada/course/solution", "C:" + "\\Users\\ada\\course", "file:" + "///course/x"]
)
def test_paths_of_one_machine_are_found(course: Course, text: str) -> None:
    only(course.leaks(with_cell(course.files, "markdown", f"See {text}")), "path")


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN " + "PRIVATE KEY-----",
        "password" + " = hunter2hunter2",
        "ghp" + "_" + "a1" * 18,
        "QUJD" * 40,
    ],
)
def test_secrets_and_encoded_data_are_found(course: Course, text: str) -> None:
    only(course.leaks(with_cell(course.files, "markdown", text)), "secret")


def test_every_leak_of_a_bundle_is_named_at_once(course: Course) -> None:
    files = with_cell(course.files, "code", BODY[0], execution_count=3)
    files = with_text(files, "a1.value is 10.239876")
    kinds = [leak.kind for leak in course.leaks(files)]
    assert sorted(kinds) == ["id", "notebook", "number", "statement"]
    assert all(str(leak).startswith(f"{leak.file}, ") for leak in course.leaks(files))
