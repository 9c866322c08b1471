"""One percent-format source, two notebooks: the solution, and what the student opens.

The source is a runnable Python file in Jupytext's percent format; a cell's header says what becomes of it:

    # %% [markdown] tags=["given"]                        kept in both
    # %% tags=["given"]                                   code, kept in both
    # %% tags=["task"] item="a2" functions=["f"] values=["x"]    code of the solution; stubs in the template
    # %% [markdown] tags=["explain"] item="a2"            the solution's explanation; a prompt in the template
    # %% [markdown] tags=["answer"] item="a4"             the model answer; "YOUR ANSWER" in the template

The template is built from an allow-list: of a task cell only the signatures and docstrings of `functions`,
the names in `values` and comment lines that begin with ``#:`` reach the student. Whatever is not named is
dropped, so a new helper in the solution cannot leak.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import nbformat

ROLES = ("given", "task", "explain", "answer")
INLINED_PACKAGE = "reference"
ANSWER_MARK = "**YOUR ANSWER:**"
EXPLAIN_PROMPT = "*Describe in a sentence or two what the next cell does, and replace this line.*"
CODE_PROMPT = "your code here"

_HEADER = re.compile(r"^# %%(?P<rest>.*)$")
_KEY = re.compile(r"\s*(?P<key>[A-Za-z_]+)=")
_SHOWN = "#:"


class TemplateError(ValueError):
    """The notebook source cannot be rendered; the message begins with `line N:`."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a notebook source."""

    kind: Literal["code", "markdown"]
    source: str
    """Text without the comment prefix of Markdown cells and without blank lines at either end."""
    tags: tuple[str, ...] = ()
    item: str | None = None
    functions: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)
    """1-based line of the cell's header in the source that it was parsed from."""

    @property
    def role(self) -> str:
        """The one tag among `ROLES`; raises TemplateError where there is none or more than one."""
        roles = [tag for tag in self.tags if tag in ROLES]
        if len(roles) != 1:
            raise TemplateError(
                self.line, f"a cell needs exactly one tag of {', '.join(ROLES)}; found {roles or 'none'}"
            )
        return roles[0]


# ------------------------------------------------------------------ percent format


def parse(text: str) -> list[Cell]:
    """Return the cells of a percent-format text.

    Comments and blank lines before the first header are skipped.

    Raises
    ------
    TemplateError
        A header that cannot be read, an unknown key, text before the first cell, a Markdown line that is no
        comment.
    """
    cells: list[Cell] = []
    header: Cell | None = None
    body: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _HEADER.match(line)
        if match:
            if header is not None:
                cells.append(_with_body(header, body))
            header, body = _parse_header(match["rest"], number), []
        elif header is not None:
            body.append((number, line))
        elif line.strip() and not line.startswith("#"):
            raise TemplateError(number, f"expected a cell header '# %%' before {line.strip()[:40]!r}")
    if header is not None:
        cells.append(_with_body(header, body))
    return cells


def _parse_header(rest: str, line: int) -> Cell:
    kind: Literal["code", "markdown"] = "code"
    rest = rest.strip()
    for mark in ("[markdown]", "[md]"):
        if rest.startswith(mark):
            kind, rest = "markdown", rest.removeprefix(mark)
    cell = Cell(kind=kind, source="", line=line)
    while rest.strip():
        match = _KEY.match(rest)
        if match is None:
            raise TemplateError(line, f"expected key=value in the cell header, found {rest.strip()[:40]!r}")
        try:
            value, end = json.JSONDecoder().raw_decode(rest, match.end())
        except json.JSONDecodeError as error:
            raise TemplateError(
                line, f'the value of {match["key"]!r} is no JSON: {error.msg}; write it like tags=["given"]'
            ) from None
        cell = _with_key(cell, match["key"], value, line)
        rest = rest[end:]
    return cell


def _with_key(cell: Cell, key: str, value: object, line: int) -> Cell:
    if key == "item":
        if not isinstance(value, str):
            raise TemplateError(line, f"'item' is a string like \"a2\", found {value!r}")
        return replace(cell, item=value)
    if key not in ("tags", "functions", "values"):
        raise TemplateError(line, f"unknown key {key!r}; known are tags, item, functions, values")
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise TemplateError(line, f'{key!r} is a list of strings like ["x"], found {value!r}')
    names = tuple(str(entry) for entry in value)
    if key == "tags":
        return replace(cell, tags=names)
    return replace(cell, functions=names) if key == "functions" else replace(cell, values=names)


def _with_body(header: Cell, body: Sequence[tuple[int, str]]) -> Cell:
    lines = []
    for number, line in body:
        if header.kind == "markdown" and line.strip():
            if not line.startswith("#"):
                raise TemplateError(
                    number, f"a line of a Markdown cell begins with '#', found {line.strip()[:40]!r}"
                )
            line = line[1:].removeprefix(" ")
        lines.append(line.rstrip())
    return replace(header, source="\n".join(lines).strip("\n"))


def to_percent(cells: Iterable[Cell]) -> str:
    """Return the percent-format text of `cells`; `parse` of it gives equal cells."""
    return "\n\n".join(_percent_cell(cell) for cell in cells) + "\n"


def _percent_cell(cell: Cell) -> str:
    header = ["# %%"] + (["[markdown]"] if cell.kind == "markdown" else [])
    for key in ("tags", "item", "functions", "values"):
        value = getattr(cell, key)
        if value:
            header.append(f"{key}={json.dumps(value)}")
    lines = cell.source.splitlines()
    if cell.kind == "markdown":
        lines = [f"# {line}".rstrip() for line in lines]
    if any(_HEADER.match(line) for line in lines):
        raise TemplateError(cell.line, "a line of the cell would read '# %%', which starts another cell")
    return "\n".join([" ".join(header), *lines])


# ------------------------------------------------------------------ inlining


def inline(cells: Iterable[Cell], load_source: Callable[[str], str]) -> list[Cell]:
    """Return the cells with every ``from reference.x import f, g`` replaced by the source of f and g.

    Parameters
    ----------
    load_source
        Module name (`reference.samplers`) to the text of the module.

    Raises
    ------
    TemplateError
        An import with `as` or `*`, or a name that the module does not define at its top level.
    """
    return [_inline_cell(cell, load_source) if cell.kind == "code" else cell for cell in cells]


def _inline_cell(cell: Cell, load_source: Callable[[str], str]) -> Cell:
    tree = _parse_code(cell)
    lines = cell.source.splitlines()
    for node in reversed(tree.body):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] != INLINED_PACKAGE:
            continue
        names = [alias.name for alias in node.names]
        if "*" in names or any(alias.asname for alias in node.names):
            raise TemplateError(
                cell.line + node.lineno, "an inlined import names what it needs, without 'as'"
            )
        try:
            text = _definitions(load_source(node.module or ""), names)
        except KeyError as error:
            raise TemplateError(
                cell.line + node.lineno, f"{node.module} defines no {error.args[0]!r} at its top level"
            ) from None
        end = node.end_lineno or node.lineno
        before, after = "\n".join(lines[: node.lineno - 1]), "\n".join(lines[end:])
        gap = "\n\n\n" if re.search(r"^(def|class) ", text, re.MULTILINE) else "\n\n"
        parts = [part for part in (before.rstrip("\n"), text, after.lstrip("\n")) if part]
        lines = gap.join(parts).splitlines()
    return replace(cell, source="\n".join(lines).strip("\n"))


def _definitions(module_source: str, names: Iterable[str]) -> str:
    """Source of the named definitions in the order of the module; KeyError names what is missing."""
    lines = module_source.splitlines()
    found: dict[str, tuple[int, int, bool]] = {}
    for node in ast.parse(module_source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found[node.name] = (start, node.end_lineno or start, False)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    found[target.id] = (node.lineno, node.end_lineno or node.lineno, True)
    text, was_constant = "", True
    for start, end, is_constant in sorted(found[name] for name in names):
        gap = "" if not text else "\n" if is_constant and was_constant else "\n\n\n"
        text += gap + "\n".join(lines[start - 1 : end])
        was_constant = is_constant
    return text


# ------------------------------------------------------------------ the two renderings


def solution(cells: Iterable[Cell]) -> list[Cell]:
    """Return the cells of the solution notebook: nothing is taken away, model answers get their mark."""
    rendered = []
    for cell in cells:
        if cell.role == "answer":
            cell = replace(cell, source=f"{ANSWER_MARK}\n\n{cell.source}")
        elif cell.role == "task":
            lines = [
                "#" + line[len(_SHOWN) :] if line.startswith(_SHOWN) else line
                for line in cell.source.splitlines()
            ]
            cell = replace(cell, source="\n".join(lines))
        rendered.append(cell)
    return rendered


def template(cells: Iterable[Cell]) -> list[Cell]:
    """Return the cells of the student's notebook: what is given, stubs, and prompts.

    Raises
    ------
    TemplateError
        A cell without a role; a named function that is missing or has no docstring; a named value that the
        cell never assigns.
    """
    rendered = []
    for cell in cells:
        match cell.role:
            case "task":
                cell = replace(cell, source=_stub(cell))
            case "explain":
                cell = replace(cell, source=EXPLAIN_PROMPT)
            case "answer":
                cell = replace(cell, source=ANSWER_MARK)
        rendered.append(cell)
    return rendered


def _stub(cell: Cell) -> str:
    tree = _parse_code(cell)
    comments, meanings = _shown_comments(cell)
    blocks = ["\n".join(comments)] if comments else []
    for name in cell.functions:
        owner = name.rpartition(".")[0]
        if not owner:
            blocks.append(_function_stub(cell, tree, name))
            continue
        defined = _definition(tree, owner) if owner in cell.functions else None
        if not isinstance(defined, ast.ClassDef) or _definition(defined, name.rpartition(".")[2]) is None:
            raise TemplateError(
                cell.line, f"functions names {name!r}; name its class before it, and a method that it defines"
            )
    assigned = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    for name in cell.values:
        if name not in assigned:
            raise TemplateError(cell.line, f"values names {name!r}, which this cell never assigns")
    stubs = [f"{name} = ...  # {meanings.get(name, CODE_PROMPT)}" for name in cell.values]
    if stubs:
        blocks.append("\n".join(stubs))
    if not cell.functions and not cell.values:
        blocks.append(f"# {CODE_PROMPT}")
    return ("\n\n\n" if cell.functions else "\n").join(blocks)


def _shown_comments(cell: Cell) -> tuple[list[str], dict[str, str]]:
    """Comment lines for the student, and the meaning of each value (`#: name: meaning`)."""
    comments: list[str] = []
    meanings: dict[str, str] = {}
    for line in cell.source.splitlines():
        if line.startswith(_SHOWN):
            text = line.removeprefix(_SHOWN).strip()
            name, _, meaning = text.partition(": ")
            if name in cell.values:
                meanings[name] = meaning
            else:
                comments.append(f"# {text}")
    return comments, meanings


def _function_stub(cell: Cell, tree: ast.Module, name: str) -> str:
    """Stub of a function, or of a class (`VAE`) with those of its methods that are named too (`VAE.encode`)."""
    node = _definition(tree, name)
    if node is None:
        raise TemplateError(cell.line, f"functions names {name!r}, which this cell does not define")
    stubs = [_signature_stub(cell, node, name)]
    if isinstance(node, ast.ClassDef):
        for full_name in cell.functions:
            owner, _, method_name = full_name.rpartition(".")
            if owner == name and (method := _definition(node, method_name)) is not None:
                stubs.append(_signature_stub(cell, method, full_name))
    return "\n\n".join(stubs)


def _definition(body: ast.Module | ast.ClassDef, name: str) -> ast.FunctionDef | ast.ClassDef | None:
    return next(
        (n for n in body.body if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == name), None
    )


def _signature_stub(cell: Cell, node: ast.FunctionDef | ast.ClassDef, name: str) -> str:
    where = cell.line + node.lineno
    if ast.get_docstring(node) is None:
        raise TemplateError(where, f"{name} needs a docstring: it is all that the student sees")
    end = node.body[0].end_lineno or node.lineno
    if len(node.body) > 1 and node.body[1].lineno == end:
        raise TemplateError(where, f"the body of {name} begins on the last line of its docstring")
    indent = " " * node.body[0].col_offset
    gap = "\n" if isinstance(node, ast.ClassDef) else ""  # a formatter wants a blank line after its docstring
    lines = cell.source.splitlines()[node.lineno - 1 : end]
    return "\n".join([*lines, f"{gap}{indent}...  # {CODE_PROMPT}"])


def _parse_code(cell: Cell) -> ast.Module:
    try:
        return ast.parse(cell.source)
    except SyntaxError as error:
        raise TemplateError(cell.line + (error.lineno or 0), f"the cell is no Python: {error.msg}") from None


# ------------------------------------------------------------------ notebooks


def to_notebook(cells: Iterable[Cell]) -> nbformat.NotebookNode:
    """Return an nbformat 4.5 notebook without outputs; equal cells give equal notebooks.

    A cell's id is its item and its place in it (`a2-03`), so that template and solution share their ids.
    """
    counts: Counter[str] = Counter()
    rendered = []
    for cell in cells:
        group = cell.item or "start"
        counts[group] += 1
        metadata = {key: value for key, value in (("item", cell.item), ("tags", list(cell.tags))) if value}
        node = {"cell_type": cell.kind, "id": f"{group}-{counts[group]:02d}", "metadata": metadata}
        code: dict[str, object] = {"execution_count": None, "outputs": []} if cell.kind == "code" else {}
        rendered.append({**node, **code, "source": cell.source})
    notebook: nbformat.NotebookNode = nbformat.from_dict(  # type: ignore[no-untyped-call]
        {
            "cells": rendered,
            "metadata": {
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )
    return notebook


def to_ipynb(cells: Iterable[Cell]) -> str:
    """Return the text of the notebook file, the same byte for byte at every call."""
    text: str = nbformat.writes(to_notebook(cells))  # type: ignore[no-untyped-call]
    return text.rstrip("\n") + "\n"
