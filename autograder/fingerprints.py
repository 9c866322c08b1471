"""Statements of Python without their names and their layout, wherever they stand: in code, in prose, in a comment.

Two statements have the same fingerprint when they compute the same in the same way, whatever their variables are
called, however they are broken into lines and whether the value is assigned, returned or printed bare. Text that is
no Python has none.
"""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

KEPT_NAMES = frozenset(dir(builtins))
"""Names that say what is computed; all others are the author's choice."""

RENAMED_SIZE = 8
"""Fewest nodes of a statement that is told whatever its names are: `a / (b * c)` is anybody's, eight nodes are not."""
EXACT_SIZE = 5
"""Fewest nodes of a statement that is told when all its names are the same."""
RUN, RUN_SIZE = 3, 12
"""Short statements are told as so many in a row that have so many nodes together, under one renaming."""
MAX_LINES = 60
"""Lines over which one statement may be spread."""

_PROMPT = re.compile(r"^\s*(?:(?:#:?|>>>|\.\.\.(?=\s)|>|//|[-*+] |\d+[.)] )\s*)*")
_FENCE = re.compile(r"^\s*(?:```.*|~~~.*|%%\w+.*)$")
_SPAN = re.compile(r"`([^`\n]+)`")
_DOING = (
    ast.Call,
    ast.Subscript,
    ast.Lambda,
    ast.ListComp,
    ast.GeneratorExp,
    ast.DictComp,
    ast.SetComp,
    ast.Await,
)
"""What a bare expression must hold one of: prose is full of a/b and x, y."""
_CLAUSES = (("elif ", "if "), ("else:", "if 1:"), ("except", "try:\n pass\nexcept"), ("finally:", "if 1:"))


@dataclass(frozen=True)
class Statement:
    """One simple statement, or the head of a compound one."""

    line: int
    """1-based, in the text that it was found in."""
    text: str
    exact: str
    """The tree with its names."""
    value: str
    """The tree of what it computes, its names numbered in the order of their appearance."""
    size: int
    """Nodes of the whole statement."""
    value_size: int
    node: ast.stmt


def statements(text: str) -> Iterator[Statement]:
    """Yield every statement in `text`, line by line, so that what stands around it does not matter."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        found, used = _statement_at(lines, at)
        found = found or [node for span in _SPAN.findall(lines[at]) for node in _parsed(span) or ()]
        for node in _flat(found):
            if (told := _told(node, at + 1)) is not None:
                yield told
        at += used


def marks(found: Sequence[Statement]) -> Iterator[tuple[str, Statement]]:
    """Yield the marks by which statements that follow each other are told again, each with its first statement."""
    for one in found:
        if one.size >= EXACT_SIZE:
            yield f"exact {one.exact}", one
        if one.value_size >= RENAMED_SIZE:
            yield f"value {one.value}", one
    for at in range(len(found) - RUN + 1):
        run = found[at : at + RUN]
        if sum(one.size for one in run) >= RUN_SIZE and all(one.size > 1 for one in run):
            yield "run " + "; ".join(_renamed([one.node for one in run])), run[0]


def _statement_at(lines: Sequence[str], at: int) -> tuple[list[ast.stmt], int]:
    """Return what can be read as Python from line `at` on, and how many lines it takes (1 where there is none)."""
    first = _PROMPT.sub("", lines[at])
    if not first.strip() or _FENCE.match(lines[at]):
        return [], 1
    for candidate in (first, lines[at].strip().strip("`")):
        logical, used = candidate.rstrip(), 1
        while used < MAX_LINES and at + used < len(lines) and _is_open(logical):
            logical = f"{logical.removesuffix(chr(92))}\n{_PROMPT.sub('', lines[at + used])}"
            used += 1
        body = _parsed(logical)
        if body is not None:
            return body, used
    return [], 1


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements with those that hang below them: `for x in xs: f(x)` is two."""
    for node in body:
        yield node
        for inner in ("body", "orelse", "finalbody"):
            yield from _flat(getattr(node, inner, []))


def _parsed(text: str) -> list[ast.stmt] | None:
    """Return the statements of a logical line; the head of a block counts by itself."""
    text = textwrap.dedent(text).strip()
    for start, whole in _CLAUSES:
        if text.startswith(start):
            text = whole + text[len(start) :]
    for form in (text, f"{text} pass", f"{text}\n pass") if text.endswith(":") else (text,):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # prose is full of odd escapes
                return ast.parse(form).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def _is_open(text: str) -> bool:
    """Whether a bracket or a line is still open; strings and comments are skipped roughly."""
    if text.endswith("\\"):
        return True
    bare = re.sub(r"\"[^\"\n]*\"|'[^'\n]*'|#[^\n]*", "", text)
    return sum(bare.count(sign) for sign in "([{") > sum(bare.count(sign) for sign in ")]}")


def _told(node: ast.stmt, line: int) -> Statement | None:
    """Return the statement without what says nothing: docstrings, imports, signatures, annotations."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass | ast.Global | ast.Nonlocal):
        return None
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return None
    if isinstance(node, ast.Expr) and not any(isinstance(n, _DOING) for n in ast.walk(node)):
        return None
    if isinstance(node, ast.AnnAssign):
        if node.value is None:
            return None
        node = ast.Assign([node.target], node.value, lineno=node.lineno)
    if isinstance(node, ast.For | ast.While | ast.If | ast.With | ast.Try | ast.Match):
        node = _head(node)
    value: ast.AST = getattr(node, "value", None) or node
    if isinstance(node, ast.AugAssign):
        value = node
    if isinstance(value, ast.Lambda):
        value = value.body
    return Statement(
        line, ast.unparse(node), ast.dump(node), _renamed([value])[0], _size(node), _size(value), node
    )


def _head(node: ast.For | ast.While | ast.If | ast.With | ast.Try | ast.Match) -> ast.stmt:
    """Return the head of a block as one statement; what hangs below it is told by its own lines."""
    parts: list[ast.expr] = []
    match node:
        case ast.For():
            parts = [node.target, node.iter]
        case ast.While() | ast.If():
            parts = [node.test]
        case ast.With():
            parts = [item.context_expr for item in node.items]
        case ast.Match():
            parts = [node.subject]
        case ast.Try():
            parts = [handler.type for handler in node.handlers if handler.type is not None]
    return ast.Expr(ast.Tuple(parts, ast.Load()) if len(parts) != 1 else parts[0])


def _size(node: ast.AST) -> int:
    return sum(not isinstance(inner, ast.expr_context) for inner in ast.walk(node))


class _Renamer:
    """Writes a tree down with numbers in the place of names."""

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}

    def name(self, name: str) -> str:
        return name if name in KEPT_NAMES else self.numbers.setdefault(name, f"_{len(self.numbers)}")

    def written(self, node: object) -> str:
        if isinstance(node, ast.Name):
            return self.name(node.id)
        if isinstance(node, ast.arg):
            return self.name(node.arg)
        if isinstance(node, ast.expr_context):
            return ""
        if isinstance(node, ast.AST):
            inner = ",".join(self.written(getattr(node, field, None)) for field in node._fields)
            return f"{type(node).__name__}({inner})"
        if isinstance(node, list):
            return f"[{','.join(map(self.written, node))}]"
        return repr(node)


def _renamed(nodes: Iterable[ast.AST]) -> list[str]:
    renamer = _Renamer()
    return [renamer.written(node) for node in nodes]
