"""Code as a row of words that say what it does: no names of the author's, no literals, no comments, no layout.

What disguises a copy and changes nothing of the work is written the same way: `for`, `while` and comprehensions are one
word and the body; `x += y` is `x = x + y`; `return` and an assignment are one; a `lambda` is a function. Counters,
plain constants, imports, signatures, annotations and docstrings say nothing and are left out. What a library is asked
for (`linalg.inv`, `.cumsum`) stays, whatever name the library was imported under.
"""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from autograder.probes.notebooks import parse_code
from autograder.template_cells import squeeze

MAX_TOKENS = 40_000
"""Words that are read of one notebook; students write a tenth of that."""
MAX_CHARACTERS = 500_000
"""Of code that is read of one notebook; a tree takes a hundred times that in memory."""
KEPT_NAMES = frozenset(dir(builtins))
_ADDING = ("append", "add", "extend")
_COUNTED = ("range", "enumerate", "trange", "tqdm")


@dataclass(frozen=True)
class Token:
    """One word of the code, and where it stands."""

    word: str
    cell: int
    """Index of the cell in the notebook."""
    line: int
    """1-based line of the cell."""


@dataclass
class Names:
    """What the names of a notebook stand for."""

    imported: dict[str, str] = field(default_factory=dict)
    """Name in the notebook to the last part of what was imported."""
    modules: set[str] = field(default_factory=set)
    """Names that are modules: `np` of `np.exp` says nothing beside `exp`."""
    own: set[str] = field(default_factory=set)
    """Attributes, functions and parameters that the author named."""


def tokens_of(cells: Iterable[tuple[int, str]], given: frozenset[str] = frozenset()) -> list[Token]:
    """Return the words of the code cells of a notebook, in the order of the cells.

    Parameters
    ----------
    cells : index and source of each code cell
    given : lines of the template, squeezed; words on them are left out
    """
    read = [(index, source, parse_code(source)) for index, source in _bounded(cells)]
    names = Names()
    for _, _, tree in read:
        if tree is not None:
            _learn(tree, names)
    found: list[Token] = []
    for index, source, tree in read:
        lines = source.splitlines()
        is_given = [squeeze(line) in given for line in lines]
        for word, line in _words_of(source, tree, names):
            if not (line <= len(lines) and is_given[line - 1]):
                found.append(Token(word, index, line))
        if len(found) >= MAX_TOKENS:
            return found[:MAX_TOKENS]
    return found


def _bounded(cells: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    n_left = MAX_CHARACTERS
    for index, source in cells:
        if source and n_left > 0:
            yield index, source[:n_left]
        n_left -= len(source)


def given_lines(sources: Iterable[str]) -> frozenset[str]:
    """Return the lines of a template, squeezed, that are told again when a student leaves them as they are."""
    return frozenset(squeeze(line) for source in sources for line in source.splitlines() if line.strip())


def _words_of(source: str, tree: ast.Module | None, names: Names) -> list[tuple[str, int]]:
    if tree is not None:
        try:
            reader = _Reader(names)
            reader.block(tree.body)
            return reader.found
        except RecursionError:  # a sum of thousands of terms is a tree as deep
            pass
    return list(_plain(source))


def _plain(source: str) -> Iterator[tuple[str, int]]:
    """Yield the words of a cell that is no Python, or a tree too deep: names and literals without their text."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME:
                is_kept = keyword.iskeyword(token.string) or token.string in KEPT_NAMES
                yield (token.string if is_kept else "V"), token.start[0]
            elif token.type == tokenize.NUMBER:
                yield "N", token.start[0]
            elif token.type == tokenize.STRING:
                yield "S", token.start[0]
            elif token.type == tokenize.OP:
                yield token.string, token.start[0]
    except (tokenize.TokenError, SyntaxError, ValueError):
        return  # what came before it is kept


def _learn(tree: ast.Module, names: Names) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names.imported[alias.asname or alias.name.split(".")[0]] = alias.name.rpartition(".")[2]
                names.modules.add(alias.asname or alias.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names.imported[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            names.own.add(node.name)
            names.own.update(
                one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
            )
        elif isinstance(node, ast.ClassDef):
            names.own.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.own.add(node.attr)


def _is_plain(node: ast.expr | None) -> bool:
    """Whether a value says nothing: a literal, a name, `...`, or a container of literals."""
    if isinstance(node, ast.UnaryOp):
        return _is_plain(node.operand)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return all(map(_is_plain, node.elts))
    if isinstance(node, ast.Dict):
        return all(map(_is_plain, [*node.values, *(key for key in node.keys if key is not None)]))
    return node is None or isinstance(node, ast.Constant | ast.Name)


def _is_counter(target: ast.expr, value: ast.expr) -> bool:
    """Whether `target = value` is `i = i + 1`."""
    return (
        isinstance(target, ast.Name)
        and isinstance(value, ast.BinOp)
        and isinstance(value.op, ast.Add | ast.Sub)
        and isinstance(value.left, ast.Name)
        and value.left.id == target.id
        and isinstance(value.right, ast.Constant)
    )


class _Reader:
    """Writes trees down as words; each with the line that it stands on."""

    def __init__(self, names: Names):
        self.names = names
        self.found: list[tuple[str, int]] = []
        self.line = 1

    def say(self, *words: str) -> None:
        self.found.extend((word, self.line) for word in words)

    # ------------------------------------------------------------ statements

    def block(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            self.line = statement.lineno
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Global() | ast.Nonlocal():
                pass
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self.say("class" if isinstance(node, ast.ClassDef) else "def")
                self.block(node.body)
            case ast.Assign():
                self.assignment(node.targets, node.value)
            case ast.AnnAssign() if node.value is not None:
                self.assignment([node.target], node.value)
            case ast.AugAssign():
                self.assignment([node.target], ast.BinOp(node.target, node.op, node.value))
            case ast.Return():
                self.assignment([], node.value)
            case ast.For() | ast.AsyncFor():
                self.loop(node.iter)
                self.block([*node.body, *node.orelse])
            case ast.While():
                self.say("loop")
                self.test(node.test)
                self.block([*node.body, *node.orelse])
            case ast.If():
                self.say("if")
                self.expression(node.test)
                self.block([*node.body, *node.orelse])
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name), args=[one])) if name in _ADDING:
                self.expression(one)
                self.say("add")
            case ast.Expr():
                if not _is_plain(node.value):
                    self.expression(node.value)
            case _:
                self.others(node)

    def assignment(self, targets: Sequence[ast.expr], value: ast.expr | None) -> None:
        """Write `targets = value`, or nothing where a name gets a literal or counts."""
        told = [target for target in targets if not isinstance(target, ast.Name)]
        if value is None or (_is_plain(value) and not any(isinstance(one, ast.Subscript) for one in told)):
            return
        if targets and _is_counter(targets[0], value):
            return
        self.say("=")
        for target in told:
            self.expression(target)
        self.expression(value)

    def loop(self, source: ast.expr) -> None:
        """Write the head of a loop; counting up is what any loop does."""
        if not _is_plain(source) and not (
            isinstance(source, ast.Call) and _last_name(source.func) in _COUNTED
        ):
            self.expression(source)
        self.say("loop")

    def test(self, node: ast.expr) -> None:
        """Write the condition of `while` where it asks for more than how far it is."""
        if any(isinstance(inner, ast.Call) for inner in ast.walk(node)):
            self.expression(node)

    def others(self, node: ast.AST) -> None:
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.expr):
                self.expression(inner)
            elif isinstance(inner, ast.stmt):
                self.block([inner])
            else:
                self.others(inner)

    # ----------------------------------------------------------- expressions

    def expression(self, node: ast.expr) -> None:
        self.line = getattr(node, "lineno", self.line)
        match node:
            case ast.Name():
                self.say(self.name(node.id))
            case ast.Constant():
                self.say(_literal(node.value))
            case ast.Attribute():
                self.attribute(node)
            case ast.Call():
                self.call(node)
            case ast.BinOp():
                self.expression(node.left)
                self.say(type(node.op).__name__)
                self.expression(node.right)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
                self.say("N")
            case ast.UnaryOp():
                self.say(type(node.op).__name__)
                self.expression(node.operand)
            case ast.Compare():
                self.expression(node.left)
                for operator, right in zip(node.ops, node.comparators, strict=True):
                    self.say(type(operator).__name__)
                    self.expression(right)
            case ast.List() | ast.Tuple() | ast.Set() | ast.Dict() if _is_plain(node):
                self.say("C")
            case ast.Lambda():
                self.say("def")
                self.assignment([], node.body)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                self.comprehension(node.generators, [node.elt])
            case ast.DictComp():
                self.comprehension(node.generators, [node.key, node.value])
            case ast.Subscript():
                self.expression(node.value)
                self.say("[")
                self.expression(node.slice)
            case ast.IfExp():
                self.say("if")
                for inner in (node.test, node.body, node.orelse):
                    self.expression(inner)
            case _:
                self.say(type(node).__name__)
                self.others(node)

    def name(self, name: str) -> str:
        return self.names.imported.get(name) or (name if name in KEPT_NAMES else "V")

    def attribute(self, node: ast.Attribute) -> None:
        if not (isinstance(node.value, ast.Name) and node.value.id in self.names.modules):
            self.expression(node.value)
        self.say("v" if node.attr in self.names.own else node.attr)

    def call(self, node: ast.Call) -> None:
        self.expression(node.func)
        self.say("(")
        for argument in node.args:
            self.expression(argument)
        for given in node.keywords:
            if given.arg is not None and given.arg not in self.names.own:
                self.say(f"{given.arg}=")
            self.expression(given.value)

    def comprehension(self, generators: Sequence[ast.comprehension], made: Sequence[ast.expr]) -> None:
        for generator in generators:
            self.loop(generator.iter)
            for test in generator.ifs:
                self.say("if")
                self.expression(test)
        for one in made:
            self.expression(one)
        self.say("add")


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _literal(value: object) -> str:
    if isinstance(value, str | bytes):
        return "S"
    return repr(value) if value is None or isinstance(value, bool) else "N"
