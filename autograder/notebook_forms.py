"""What sheets ask of the form of one notebook: it was run, prompts are answered, code is explained, names stand on top.

Every function takes the cells of a notebook and yields what is missing, in the student's words. Only what is there
counts: a comment with TODO in it says nothing, since it often stays when the work is done.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from autograder.probes.notebooks import asks_for_check, parse_code
from autograder.records import ExecutionRecord
from autograder.rubric.model import FormSpec
from autograder.rubric.sections import headings
from autograder.template_cells import NO_TEMPLATE, TemplateCells, squeeze

LONG_CELL = 10
"""Lines of code from which a cell must be commented, where comments are asked for."""
MAX_CELLS = 8
"""Cells that a finding names."""

_ANSWER_LINE = re.compile(r"(?im)^[^\w\n]*your\s+answer\b[^\w\n]*(?:here\b[^\w\n]*)?")
_NOT_YET = re.compile(
    r"(?i)(write|type|enter|put|add|replace)?\s*(your|the)?\s*(answer|text|comment)s?\s+here"
)
_NAMES = re.compile(
    r"(?im)^[^\w\n]*(?:(?:full\s+|group\s+|team\s+|student\s+)?names?|authors?|students?|group|team|members?|submitted\s+by|by|ids?|"
    r"nombres?|autor(?:es)?|alumn[oa]s?|estudiantes?|integrantes|noms?|auteurs?|namen|gruppe|nomi|שמות|שם|姓名|이름)"
    r"(?:\s+\d+)?(?:\s+members?)?(?:[ \t]*\([^)\n]*\))?[^\w\n]*[:：–-][^\w\n]*(?P<value>\w[^\n]*)"
)
_NO_NAME = re.compile(
    r"(?i)^\W*(your|full|first|last|student|name|names|tbd|todo|here|id|ids|\d{1,4}(?!\d)|\W)*$"
)


@dataclass(frozen=True)
class FormFinding:
    """One thing that the sheet asks of the form, and what is not so."""

    kind: str
    """A name for programs: `never_run`, `unanswered`, `forbidden_import`, ..."""
    text: str
    """What is found and what to do next."""
    part: str = ""
    """The part; "" for the hand-in as a whole."""
    file: str = ""
    cells: tuple[int, ...] = ()
    """1-based numbers of the cells that are meant."""
    is_fault: bool = True
    """Whether it must be mended; what is no fault is for the student to look at."""


@dataclass(frozen=True)
class FormCell:
    """A cell of a notebook as it was handed in."""

    number: int
    kind: str
    source: str
    count: int | None = None
    """The execution count that is stored."""
    n_outputs: int = 0
    errors: tuple[str, ...] = ()
    """The names of stored exceptions."""

    @property
    def tree(self) -> ast.Module | None:
        """Return the syntax tree of a code cell; None where it is no Python."""
        return parse_code(self.source) if self.kind == "code" else None

    @property
    def does_something(self) -> bool:
        """Whether a code cell holds more than comments and calls of the self-check."""
        tree = self.tree
        is_idle = tree is not None and (not tree.body or asks_for_check(tree))
        return self.kind == "code" and bool(self.source.strip()) and not is_idle


@dataclass(frozen=True)
class FormContext:
    """What is known beside the notebook itself."""

    form: FormSpec
    template: TemplateCells = NO_TEMPLATE
    n_answers: int = 0
    """Places for written answers in the template."""
    people: tuple[str, ...] = field(default=())
    """Names and numbers that the file name holds."""
    execution: ExecutionRecord | None = None


Cells = Sequence[FormCell]


def look(cells: Cells, context: FormContext) -> Iterator[FormFinding]:
    """Yield everything that the sheet asks of the form of a notebook and that is not so."""
    form = context.form
    asked: tuple[tuple[bool, Callable[[Cells, FormContext], Iterable[FormFinding]]], ...] = (
        (form.names_on_top, names_on_top),
        (form.outputs, outputs_stored),
        (form.answers, prompts_answered),
        (form.answers, placeholders_filled),
        (form.explanations == "cells", cells_explained),
        (form.explanations == "sections", sections_introduced),
        (form.comments, code_commented),
        (bool(form.forbidden), nothing_forbidden),
        (True, runs_through),
    )
    for is_asked, function in asked:
        if is_asked:
            yield from function(cells, context)


def outputs_stored(cells: Cells, context: FormContext) -> Iterator[FormFinding]:
    """Every code cell ran, in the order of the notebook, and left no error."""
    code = [cell for cell in cells if cell.does_something]
    again = "restart the kernel, run all cells, and save"
    if not code:
        yield FormFinding("no_code", "The notebook holds no code; hand in the one that you worked in.")
        return
    never = [cell for cell in code if cell.count is None]
    if len(never) == len(code) or not any(cell.n_outputs for cell in code):
        yield FormFinding("no_outputs", f"No outputs are stored; {again}.")
        return
    if never:
        what = _cells(never)
        yield FormFinding("never_run", f"{what} never ran; {again}.", cells=_numbers(never))
    counted = [cell for cell in code if cell.count is not None]
    for before, after in itertools.pairwise(counted):
        if (after.count or 0) <= (before.count or 0):
            text = (
                f"Cell {after.number} ran before cell {before.number} (counts {after.count} and {before.count}); "
                f"the results may be those of another order: {again}."
            )
            yield FormFinding("out_of_order", text, cells=(before.number, after.number))
            break
    for cell in code:
        for name in cell.errors[:1]:
            what = f"an error ({name})" if name else "an error"
            yield FormFinding(
                "error_output", f"Cell {cell.number} stores {what}; mend it, {again}.", cells=(cell.number,)
            )


def prompts_answered(cells: Cells, context: FormContext) -> Iterator[FormFinding]:
    """No prompt of the template, and no empty place for an answer, is left."""
    text_cells = [cell for cell in cells if cell.kind != "code"]
    empty, n_marked = [], 0
    for cell in text_cells:
        if squeeze(cell.source) in context.template.prompts:
            empty.append(cell)
            continue
        if squeeze(cell.source) in context.template.texts:
            continue
        _, *answers = _ANSWER_LINE.split(cell.source)
        n_marked += bool(answers)
        if any(not re.search(r"\w", _NOT_YET.sub("", answer)) for answer in answers):
            empty.append(cell)
    if empty:
        what = "still hold" if len(empty) > 1 else "still holds"
        yield FormFinding(
            "unanswered",
            f"{_cells(empty)} {what} a prompt and no answer; write yours.",
            cells=_numbers(empty),
        )
    n_left = n_marked + sum(squeeze(cell.source) in context.template.prompts for cell in text_cells)
    if n_left < context.n_answers:
        text = (
            f"The template has {context.n_answers} places for answers, marked YOUR ANSWER; not all of these marks are "
            "left. Make sure that each answer is there."
        )
        yield FormFinding("answer_marks", text, is_fault=False)


def placeholders_filled(cells: Cells, context: FormContext) -> Iterator[FormFinding]:
    """No `...` stands where code belongs, and every cell is Python."""
    for cell in cells:
        if cell.kind != "code" or not cell.source.strip() or cell.source.lstrip().startswith("%%"):
            continue
        tree = cell.tree
        if tree is None:
            yield FormFinding(
                "no_python",
                f"Cell {cell.number} is no valid Python; mend it or take it out.",
                cells=(cell.number,),
            )
            continue
        left = list(dict.fromkeys(_placeholders(tree.body)))
        is_untouched = not tree.body and squeeze(cell.source) in context.template.texts
        if left or is_untouched:
            what = f": {', '.join(f'`{name}`' for name in left[:MAX_CELLS])}" if any(left) else ""
            text = f"Cell {cell.number} still waits for your code{what}."
            yield FormFinding("placeholder", text, cells=(cell.number,))


def _placeholders(body: Sequence[ast.stmt], is_abstract: bool = False) -> Iterator[str]:
    """Yield the names of what is only announced: `x = ...`, a function whose body is `...`."""
    for node in body:
        match node:
            case ast.Assign(value=ast.Constant(value=value)) if value is ...:
                yield from (ast.unparse(target) for target in node.targets)
            case ast.AnnAssign(value=ast.Constant(value=value)) if value is ...:
                yield ast.unparse(node.target)
            case ast.Expr(value=ast.Constant(value=value)) if value is ... and not is_abstract:
                yield "..."
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                kept = {ast.unparse(one).rpartition(".")[2] for one in node.decorator_list}
                rest = node.body[1:] if ast.get_docstring(node) is not None else node.body
                if is_abstract or kept & {"abstractmethod", "overload"}:
                    continue
                if all(_says_nothing(one) for one in rest):
                    yield node.name
                else:
                    yield from _placeholders(node.body)
            case ast.ClassDef():
                bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                found = _placeholders(node.body, bool(bases & {"Protocol", "ABC"}))
                yield from (node.name if name == "..." else name for name in found)
            case _:
                for field_name in ("body", "orelse", "finalbody"):
                    yield from _placeholders(getattr(node, field_name, []))


def _says_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return node.value.value is ...
    return isinstance(node, ast.Raise) and "NotImplementedError" in ast.unparse(node)


def cells_explained(cells: Cells, context: FormContext) -> Iterator[FormFinding]:
    """Text of the student's own stands above every code cell."""
    bare, above = [], None
    for cell in cells:
        if not cell.source.strip() or (cell.kind == "code" and not cell.does_something):
            continue
        is_own = cell.does_something and squeeze(cell.source) not in context.template.texts
        if is_own and (above is None or above.kind != "markdown" or not _says_something(above, context)):
            bare.append(cell)
        above = cell
    if bare:
        text = f"No text stands above {_cells(bare).lower()}; say in a line of Markdown what it does."
        yield FormFinding("unexplained", text, cells=_numbers(bare))


def _says_something(cell: FormCell, context: FormContext) -> bool:
    return squeeze(cell.source) not in context.template.prompts and bool(re.search(r"\w", cell.source))


def sections_introduced(cells: Cells, context: FormContext) -> Iterator[FormFinding]:
    """Below every heading stands some text before the code begins."""
    if not any(headings(cell.source) for cell in cells if cell.kind == "markdown"):
        yield FormFinding("no_sections", "There are no headings; give each section one, and a text below it.")
        return
    bare: list[str] = []
    title, has_text = "", True
    for cell in cells:
        if cell.kind == "code" and cell.does_something:
            if not has_text:
                bare.append(title)
            has_text = True
        elif cell.kind == "markdown":
            for line in filter(str.strip, cell.source.splitlines()):
                if found := headings(line):
                    title, has_text = found[0][1], False
                elif squeeze(cell.source) not in context.template.prompts and re.search(r"\w", line):
                    has_text = True
    if bare:
        listed = ", ".join(f"“{name}”" for name in bare[:MAX_CELLS])
        yield FormFinding("unexplained", f"No text introduces {listed}; say what you did there and why.")


def code_commented(cells: Cells, context: FormContext) -> Iterator[FormFinding]:
    """No long cell is without a comment or a docstring."""
    bare = [
        cell
        for cell in cells
        if cell.does_something
        and squeeze(cell.source) not in context.template.texts
        and len([line for line in cell.source.splitlines() if line.strip()]) >= LONG_CELL
        and not re.search(r"(^|\s)#|\"\"\"|'''", cell.source)
    ]
    if bare:
        text = f"There is no comment in {_cells(bare).lower()}; say in comments what the steps do."
        yield FormFinding("uncommented", text, cells=_numbers(bare))


def names_on_top(cells: Cells, context: FormContext) -> Iterator[FormFinding]:
    """The names of the group stand above the first code cell, or in comments at its beginning."""
    top = ""
    for cell in cells:
        if cell.kind == "code" and cell.source.strip():
            comments = [line.strip() for line in cell.source.splitlines() if line.strip()]
            top += "\n" + "\n".join(line for line in comments if line.startswith("#"))
            break
        if squeeze(cell.source) not in context.template.texts:
            top += f"\n{cell.source}"
    words = top.lower()
    said = [found["value"] for found in _NAMES.finditer(top) if not _NO_NAME.match(found["value"])]
    if not said and not any(re.search(rf"\b{re.escape(one.lower())}\b", words) for one in context.people):
        text = "No names were found above the first code cell; write a line such as “Names: Ada Lovelace, Alan Turing”."
        yield FormFinding("no_names", text)


def nothing_forbidden(cells: Cells, context: FormContext) -> Iterator[FormFinding]:
    """No cell imports what the sheet rules out."""
    found: dict[str, list[FormCell]] = {}
    for cell in cells:
        if cell.kind == "code":
            for package in context.form.forbidden:
                if any(name == package or name.startswith(f"{package}.") for name in imports_of(cell)):
                    found.setdefault(package, []).append(cell)
    for package, where in found.items():
        verb = "imports" if len(where) == 1 else "import"
        text = f"{_cells(where)} {verb} `{package}`, which the sheet rules out."
        yield FormFinding("forbidden_import", text, cells=_numbers(where))


def imports_of(cell: FormCell) -> set[str]:
    """Return the full names of what a code cell imports, also where the cell is no Python."""
    tree = cell.tree
    if tree is None:
        lines = re.findall(r"(?m)^\s*(?:import|from)\s+([\w.]+)(?:\s+import\s+(\w+))?", cell.source)
        return {name for module, inner in lines for name in (module, f"{module}.{inner}")}
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module or ''}.{alias.name}" for alias in node.names} | {node.module or ""}
        elif isinstance(node, ast.Call) and _imports_by_name(node):
            names |= {str(one.value) for one in node.args[:1] if isinstance(one, ast.Constant)}
    return names


def _imports_by_name(call: ast.Call) -> bool:
    return ast.unparse(call.func).rpartition(".")[2] in ("import_module", "__import__")


def runs_through(cells: Cells, context: FormContext) -> Iterator[FormFinding]:
    """The notebook runs from top to bottom, as far as that was tried."""
    record = context.execution
    if record is None:
        text = "It was not run here; restart the kernel, run all cells, and look at every result."
        yield FormFinding("not_tried", text, is_fault=False)
        return
    for one in record.cells:
        if one.error is not None:
            text = f"From top to bottom, cell {one.index + 1} stops with {one.error.name}: {one.error.message}".rstrip()
            yield FormFinding("does_not_run", text, cells=(one.index + 1,))
            return
    if record.state != "complete":
        yield FormFinding("does_not_run", f"It did not run to its end: {record.detail or record.state}.")


def _numbers(cells: Iterable[FormCell]) -> tuple[int, ...]:
    return tuple(cell.number for cell in cells)


def _cells(cells: Sequence[FormCell]) -> str:
    """Return cells as a sentence begins with them: `Cell 3`, `Cells 3, 5 and 2 more`."""
    numbers = [str(cell.number) for cell in cells]
    shown, more = numbers[:MAX_CELLS], len(numbers) - MAX_CELLS
    if more > 0:
        return f"Cells {', '.join(shown)} and {more} more"
    if len(shown) == 1:
        return f"Cell {shown[0]}"
    return f"Cells {', '.join(shown[:-1])} and {shown[-1]}"
