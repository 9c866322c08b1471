"""The notebook source and its two renderings."""

import ast
import json
from pathlib import Path

import matplotlib
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.template import (
    ANSWER_MARK,
    EXPLAIN_PROMPT,
    Cell,
    TemplateError,
    inline,
    parse,
    solution,
    template,
    to_ipynb,
    to_notebook,
    to_percent,
)

ROOT = Path(__file__).parents[2]

SOURCE = '''# a comment before the first cell is skipped
# %% [markdown] tags=["given"]
# # Title
#
# Text

# %% tags=["given"]
import numpy as np

# %% [markdown] tags=["explain"] item="a1"
# The secret of the solution.

# %% tags=["task"] item="a1" functions=["double"] values=["total"]
#: Sum the doubled numbers.
#: total: float: the sum
SECRET = 2


def secret_helper(x):
    return x * SECRET


def double(
    x: float,
) -> float:
    """Return twice x."""
    # secret comment
    return secret_helper(x)


total = sum(double(x) for x in range(3))

# %% [markdown] tags=["answer"] item="a1"
# The secret answer.
'''


def load_source(module: str) -> str:
    return (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")


def part_a() -> list[Cell]:
    return inline(parse(load_source("reference.aml_a3.notebook_a")), load_source)


def statements(source: str) -> set[str]:
    """Every statement of the source, in one spelling, without docstrings and `...`."""
    return {
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    }


# ------------------------------------------------------------------ parse and to_percent


def test_parse_reads_kind_tags_item_and_names() -> None:
    title, setup, explain, task, answer = parse(SOURCE)
    assert (title.kind, title.role, title.source) == ("markdown", "given", "# Title\n\nText")
    assert (setup.kind, setup.source, setup.item) == ("code", "import numpy as np", None)
    assert explain.role == "explain"
    assert (task.item, task.functions, task.values) == ("a1", ("double",), ("total",))
    assert answer.source == "The secret answer."
    assert title.line == 2


def test_parse_takes_untagged_cells_and_none_at_all() -> None:
    assert parse("# style: terse\n# %%\nx = 1\n") == [Cell("code", "x = 1")]
    assert parse("# nothing\n\n") == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\n", 1, "expected a cell header"),
        ("\n# %% tags=given\n", 2, "no JSON"),
        ("# %% tags=[1]\n", 1, "list of strings"),
        ("# %% item=3\n", 1, "'item' is a string"),
        ("# %% colour=3\n", 1, "unknown key 'colour'; known are tags"),
        ("# %% A title\n", 1, "expected key=value"),
        ("# %% [markdown]\n# fine\nnot a comment\n", 3, "begins with '#'"),
    ],
)
def test_parse_says_where_and_what(text: str, line: int, message: str) -> None:
    with pytest.raises(TemplateError, match=message) as caught:
        parse(text)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"line {line}: ")


def test_to_percent_is_undone_by_parse() -> None:
    for cells in (parse(SOURCE), solution(parse(SOURCE)), template(part_a()), solution(part_a())):
        assert parse(to_percent(cells)) == cells


names = st.lists(st.text("abc_1\"'", min_size=1), max_size=2).map(tuple)
texts = st.text(st.sampled_from("ab#% \n"), max_size=30).map(
    lambda text: "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
)


@given(
    st.lists(
        st.builds(
            Cell,
            kind=st.sampled_from(["code", "markdown"]),
            source=texts,
            tags=names,
            item=st.none() | st.sampled_from(["a1", "a2"]),
            functions=names,
            values=names,
        ).filter(lambda cell: "%%" not in cell.source)
    )
)
def test_any_cells_survive_the_percent_format(cells: list[Cell]) -> None:
    assert parse(to_percent(cells)) == cells


@pytest.mark.parametrize("cell", [Cell("code", "x = 1\n# %% y"), Cell("markdown", "%% y")])
def test_to_percent_refuses_what_would_start_a_cell(cell: Cell) -> None:
    with pytest.raises(TemplateError, match="starts another cell"):
        to_percent([cell])


# ------------------------------------------------------------------ inline

MODULE = '''import math

SCALE: float = 2.0
LIMITS = (0, 1)  # both


def helper(x):
    """Return x."""
    return x


@staticmethod
def decorated(x):
    return helper(x)
'''


def test_inline_puts_definitions_in_the_order_of_the_module() -> None:
    (cell,) = inline(
        [Cell("code", "import os\nfrom reference.m import helper, LIMITS, SCALE, decorated\nhelper(1)")],
        lambda module: MODULE if module == "reference.m" else "",
    )
    assert cell.source == (
        "import os\n\n\n" + MODULE.removeprefix("import math\n\n").rstrip("\n") + "\n\n\nhelper(1)"
    )


def test_inline_leaves_other_imports_and_markdown_alone() -> None:
    cells = [Cell("code", "from math import sqrt"), Cell("markdown", "from reference.m import x")]
    assert inline(cells, lambda module: MODULE) == cells


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("from reference.m import nothing", "line 11: reference.m defines no 'nothing'"),
        ("from reference.m import helper as h", "without 'as'"),
        ("from reference.m import *", "without 'as'"),
        ("x =", "line 11: the cell is no Python"),
    ],
)
def test_inline_says_what_cannot_be_inlined(source: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        inline([Cell("code", source, line=10)], lambda module: MODULE)


# ------------------------------------------------------------------ solution and template


def test_solution_keeps_everything() -> None:
    rendered = solution(parse(SOURCE))
    assert "return secret_helper(x)" in rendered[3].source
    assert rendered[3].source.startswith("# Sum the doubled numbers.\n# total: float: the sum\nSECRET = 2")
    assert rendered[4].source == f"{ANSWER_MARK}\n\nThe secret answer."


def test_template_shows_signatures_docstrings_and_marked_comments_only() -> None:
    title, setup, explain, task, answer = template(parse(SOURCE))
    assert title.source == "# Title\n\nText"
    assert setup.source == "import numpy as np"
    assert explain.source == EXPLAIN_PROMPT
    assert answer.source == ANSWER_MARK
    assert task.source == (
        "# Sum the doubled numbers.\n\n\n"
        'def double(\n    x: float,\n) -> float:\n    """Return twice x."""\n    ...  # your code here\n\n\n'
        "total = ...  # float: the sum"
    )
    assert "secret" not in to_percent(template(parse(SOURCE))).lower()


def test_template_of_a_figure_cell_is_its_prompt() -> None:
    (cell,) = template([Cell("code", "#: Figure: draw it.\nplt.plot([1])", tags=("task",))])
    assert cell.source == "# Figure: draw it.\n# your code here"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (Cell("code", "x = 1", line=7), "line 7: a cell needs exactly one tag"),
        (Cell("code", "x = 1", tags=("given", "task"), line=7), "exactly one tag"),
        (Cell("code", "x = 1", tags=("task",), functions=("f",), line=7), "functions names 'f'"),
        (Cell("code", "x = 1", tags=("task",), values=("y",), line=7), "values names 'y'"),
        (
            Cell("code", "def f(): pass", tags=("task",), functions=("f",), line=7),
            "line 8: f needs a docstring",
        ),
        (
            Cell("code", 'def f():\n    "doc"; return 1', tags=("task",), functions=("f",), line=7),
            "begins on the last line of its docstring",
        ),
    ],
)
def test_template_refuses_what_it_cannot_render(cell: Cell, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        template([cell])


# ------------------------------------------------------------------ notebooks


def test_notebooks_are_valid_and_the_same_every_time() -> None:
    cells = template(parse(SOURCE))
    nbformat.validate(to_notebook(cells))
    assert to_ipynb(cells) == to_ipynb(template(parse(SOURCE)))
    assert [cell.id for cell in to_notebook(cells).cells] == [
        "start-01",
        "start-02",
        "a1-01",
        "a1-02",
        "a1-03",
    ]
    assert to_notebook(cells).cells[3].metadata == {"item": "a1", "tags": ["task"]}


def test_template_and_solution_share_their_cell_ids() -> None:
    cells = part_a()
    ids = [[cell.id for cell in to_notebook(render(cells)).cells] for render in (template, solution)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])


# ------------------------------------------------------------------ part a of aml-a3


def test_committed_student_template_is_what_the_source_renders() -> None:
    committed = ROOT / "student_template" / "aml-a3" / "part_a.ipynb"
    assert committed.read_text(encoding="utf-8") == to_ipynb(template(part_a())), (
        "student_template/aml-a3/part_a.ipynb is out of date: run `autograder template aml-a3`"
    )


def test_student_template_contains_nothing_of_the_bodies() -> None:
    cells = part_a()
    rendered = template(cells)
    shown = set[str]().union(*(statements(cell.source) for cell in rendered if cell.kind == "code"))
    text = "".join(json.dumps(cell.source) for cell in rendered)
    secret = set[str]()
    for cell in cells:
        if cell.role == "task":
            secret |= statements(cell.source)
            comments = {line.partition("# ")[2] for line in cell.source.splitlines() if "# " in line}
            said = {c for c in comments if len(c) > 15 and f"#: {c}" not in cell.source}
            assert not [comment for comment in said if comment in text]
        elif cell.role in ("explain", "answer"):
            assert cell.source not in text
    assert secret
    assert not secret & shown


def test_untouched_student_template_runs_and_leaves_everything_open() -> None:
    matplotlib.use("Agg")
    namespace: dict[str, object] = {}
    for cell in template(part_a()):
        if cell.kind == "code":
            exec(compile(cell.source, "cell", "exec"), namespace)
            assert all(namespace[name] is ... for name in cell.values)
            assert all(callable(namespace[name]) for name in cell.functions)
    assert namespace["SEED"] == 1234
