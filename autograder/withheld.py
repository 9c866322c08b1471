"""What a course keeps to itself of an assignment: gathered from the reference, the goldens and the rubric.

What may be shown is told by the same sources, not by what a bundle happens to hold: `given` cells, the signatures,
docstrings and `#:` lines that a template shows, the public keys of the rubric.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
from autograder.golden import Golden, read_golden
from autograder.leaks import Withheld
from autograder.phrases import forms_of, numbers
from autograder.public_rubric import goldens_named, needed_keys
from autograder.registry import Assignment
from autograder.rendering import inlined_cells
from autograder.rubric.model import CheckSpec, PartSpec, Rubric
from autograder.rubric.public import is_public
from autograder.template import ANSWER_MARK, EXPLAIN_PROMPT, Cell

GUIDES = ("model_answer", "criteria")
"""Keys of a check that only the person who marks reads, whether it is public or not."""
ASKED = "prompt"
"""The parameter of a written answer that repeats the sheet's question."""


def withheld_of(assignment: Assignment, rubric: Rubric, files: Iterable[str]) -> Withheld:
    """Return what no bundle of an assignment may hold.

    Parameters
    ----------
    rubric
        Of all parts: what one part withholds is looked for in the bundle of another.
    files
        The files that a bundle may have.

    Raises
    ------
    UsageError
        When the reference or its golden values are not in this copy.
    """
    withheld = Withheld(files=frozenset(files))
    shown = list(_shown(assignment, rubric))
    for text in shown:
        withheld.show_code(text)
    values: list[tuple[float, str]] = []
    goldens: list[tuple[float, str]] = []
    for part in rubric.parts:
        goldens += _golden_numbers(assignment, part)
        for what, said in _hidden_texts(part):
            withheld.phrases.add(said, what)
            values += [(one.value, f"of {what}") for one in numbers(said)]
        values += _hidden_numbers(part)
        for cell in inlined_cells(assignment, part.part):
            if cell.role in ("explain", "answer"):
                what = f"the reference's {'model answer' if cell.role == 'answer' else 'explanation'}"
                where = f"{assignment.notebook_source(part.part).name}:{cell.line}"
                withheld.phrases.add(cell.source, f"{what} ({where})", short=False)
        withheld.ids |= _hidden_ids(part)
    for path in reference_files(assignment):
        text, where = path.read_text(encoding="utf-8"), _where(assignment, path)
        withheld.add_code(text, where)
        for line, said in _prose(text):
            withheld.phrases.add(said, f"the reference's ({where}:{line})", short=False)
    withheld.numbers = forms_of(values)
    for text in shown:
        withheld.allow(text)
    withheld.numbers |= forms_of(goldens)  # that a `given` cell shows one is a mistake, and no permission
    return withheld


def reference_files(assignment: Assignment) -> list[Path]:
    """Return the Python files of the reference that an assignment rests on: shared modules and its own folder."""
    return sorted([*assignment.reference.parent.glob("*.py"), *assignment.reference.rglob("*.py")])


def _where(assignment: Assignment, path: Path) -> str:
    return path.relative_to(assignment.reference.parent.parent).as_posix()


def _prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments and texts of a Python file with their lines; comments below each other are one."""
    block, start, last = "", 0, -1
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.STRING:
            yield token.start[0], token.string
        elif token.type == tokenize.COMMENT:
            if token.start[0] != last + 1:
                yield start, block
                block, start = "", token.start[0]
            block, last = f"{block}\n{token.string}", token.start[0]
    yield start, block


# --------------------------------------------------------------------- rubric


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from _strings(value)


def _guides(check: CheckSpec) -> Iterator[str]:
    return _strings({key: value for key, value in check.model_dump().items() if key in GUIDES})


def _hidden_texts(part: PartSpec) -> Iterator[tuple[str, str]]:
    for _, check in part.checks():
        for text in _guides(check):
            yield f"the marking guide of {check.id}", text
        if is_public(check):
            continue
        yield f"the title of the hidden check {check.id}", check.title
        for key in ("why", "hint"):
            yield f"the {key} of the hidden check {check.id}", getattr(check, key)
        for text in _strings({key: value for key, value in check.params.items() if key != ASKED}):
            yield f"a parameter of the hidden check {check.id}", text
    for erratum in part.errata:
        if not erratum.public:
            yield f"an erratum of {erratum.item} that is not public", f"{erratum.title}\n{erratum.text}"
    for change in part.changes:
        yield "a change of the rubric", change.get("why", "")


def _hidden_ids(part: PartSpec) -> dict[str, str]:
    shown = {key for keys in needed_keys(part) for key in keys}
    ids = {check.id: "the id of a hidden check" for _, check in part.checks() if not is_public(check)}
    goldens = [key for _, check in part.checks() for key in goldens_named(check.params)]
    ids |= dict.fromkeys((*part.truths, *part.summaries, *goldens), "the key of a golden value")
    public = {check.id for _, check in part.checks() if is_public(check)} | {item.id for item in part.items}
    return {key: what for key, what in ids.items() if key not in shown | public | set(part.public_values)}


def _hidden_numbers(part: PartSpec) -> Iterator[tuple[float, str]]:
    def walk(node: Any) -> Iterator[float]:
        if isinstance(node, int | float) and not isinstance(node, bool):
            yield float(node)
        elif isinstance(node, dict | list):
            for value in node.values() if isinstance(node, dict) else node:
                yield from walk(value)

    for _, check in part.checks():
        if not is_public(check):
            for value in walk(check.params):
                yield value, f"a parameter of the hidden check {check.id}"


def _golden_numbers(assignment: Assignment, part: PartSpec) -> Iterator[tuple[float, str]]:
    for path in sorted((assignment.reference / "golden").glob(f"part_{part.part}.*json")):
        golden: Golden = read_golden(path)
        for key, one in golden.values.items():
            if key in part.public_values:
                continue
            told = {"truth": one.truth, "sd": one.sd}
            if one.replicates is not None:
                told |= one.replicates.model_dump(include={"mean", "sd", "minimum", "maximum"})
            for name, value in told.items():
                if value is not None:
                    yield float(value), f"the golden value {key} ({name}, {path.name})"
        for key, challenge in golden.answers.items():
            for case in challenge.cases:
                for output in case.outputs:
                    yield from (
                        (value, f"the reference's answer to {key} ({path.name})") for value in output.values
                    )


# -------------------------------------------------------------------- allowed


def _shown(assignment: Assignment, rubric: Rubric) -> Iterator[str]:
    """Yield the texts that students get on purpose."""
    yield from (rubric.title, EXPLAIN_PROMPT, ANSWER_MARK, *_strings(rubric.form.model_dump()))
    for part in rubric.parts:
        yield part.title
        for item in part.items:
            yield from (item.title, item.sheet)
        for _, check in part.checks():
            if is_public(check):
                yield from (check.title, check.why, check.hint, *_strings(check.params))
        evidence, challenges = needed_keys(part)
        yield from (part.evidence[key].about for key in evidence)
        yield from (text for key in challenges for text in _strings(part.challenges[key].model_dump()))
        for erratum in part.errata:
            if erratum.public:
                yield f"{erratum.title}\n{erratum.text}"
        for cell in inlined_cells(assignment, part.part):
            yield from _shown_of(cell)


def _shown_of(cell: Cell) -> Iterator[str]:
    if cell.role == "given":
        yield cell.source
    if cell.role != "task":
        return
    yield "\n".join(line[2:] for line in cell.source.splitlines() if line.startswith("#:"))
    wanted = {name.rpartition(".")[2] for name in cell.functions}
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in wanted:
            first = node.body[0]
            yield "\n".join(cell.source.splitlines()[node.lineno - 1 : first.end_lineno])
