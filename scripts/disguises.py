"""Copies of a notebook as somebody might disguise them: the work is the same, the text is another.

A disguise takes the code cells of a notebook and returns others. It need not run afterwards: what is measured is whether
`autograder similarity` still finds it.
"""

from __future__ import annotations

import ast
import builtins
import random
from collections.abc import Callable, Sequence

from autograder.probes.notebooks import parse_code

Cells = list[str]
_FILLER = ("# first the basics", "# as explained in the lecture", "# see the sheet", "# step by step")


def renamed(cells: Sequence[str], draw: random.Random) -> Cells:
    """Return the cells with other names for all that the author named, and for the modules that are imported."""
    trees = [_parsed(cell) for cell in cells]
    names = _Namer(trees, draw)
    return [ast.unparse(names.visit(tree)) for tree in trees]


def reordered(cells: Sequence[str], draw: random.Random) -> Cells:
    """Return the cells in another order, and the definitions of each cell in another order."""
    found = []
    for cell in cells:
        body = _parsed(cell).body
        definitions = [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        rest = [node for node in body if node not in definitions]
        draw.shuffle(definitions)
        found.append(_unparsed([*definitions, *rest]))
    draw.shuffle(found)
    return found


def recommented(cells: Sequence[str], draw: random.Random) -> Cells:
    """Return the cells without their comments and docstrings, with other comments, texts and line breaks."""
    found = []
    for cell in cells:
        tree = _Retold().visit(_parsed(cell))
        lines = ast.unparse(ast.fix_missing_locations(tree)).splitlines()
        # below a bracket or a string a comment would stand inside it, but unparse writes a statement on one line
        told = [
            f"{line}  {draw.choice(_FILLER)}" if draw.random() < 0.4 and "'''" not in line else line
            for line in lines
        ]
        found.append("\n".join(told))
    return found


def turned(cells: Sequence[str], draw: random.Random) -> Cells:
    """Return the cells with their loops turned: `for` over a range into `while`, comprehensions into loops."""
    return [ast.unparse(ast.fix_missing_locations(_Turned().visit(_parsed(cell)))) for cell in cells]


def everything(cells: Sequence[str], draw: random.Random) -> Cells:
    """Return the cells under all disguises together."""
    for disguise in (turned, renamed, recommented, reordered):
        cells = disguise(cells, draw)
    return list(cells)


DISGUISES: dict[str, Callable[[Sequence[str], random.Random], Cells]] = {
    "names changed": renamed,
    "cells reordered": reordered,
    "comments and texts changed": recommented,
    "loops turned": turned,
    "all of these": everything,
}


def _unparsed(body: list[ast.stmt]) -> str:
    return ast.unparse(ast.Module(body=body, type_ignores=[]))


class _Namer(ast.NodeTransformer):
    """Gives new names to what a notebook itself names."""

    def __init__(self, trees: Sequence[ast.Module], draw: random.Random):
        own: set[str] = set()
        for node in (node for tree in trees for node in ast.walk(tree)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                own.add(node.id)
            elif isinstance(node, ast.arg):
                own.add(node.arg)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("__"):
                own.add(node.name)
            elif isinstance(node, ast.Import):
                own.update(alias.asname for alias in node.names if alias.asname)
        listed = sorted(own - set(dir(builtins)) - {"self", "super", "forward"})
        numbers = draw.sample(range(1000), len(listed)) if len(listed) <= 1000 else range(len(listed))
        self.new = {name: f"v{number}" for name, number in zip(listed, numbers, strict=True)}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.new.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg, node.annotation = self.new.get(node.arg, node.arg), None
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        self.generic_visit(node)
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            alias.asname = self.new.get(alias.asname, alias.asname) if alias.asname else None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name, node.returns = self.new.get(node.name, node.name), None
        self.generic_visit(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self.new.get(node.name, node.name)
        self.generic_visit(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            node.attr = self.new.get(node.attr, f"m_{node.attr}")
        return node


class _Retold(ast.NodeTransformer):
    """Leaves docstrings out and says every other text in other words."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return ast.Pass()
        self.generic_visit(node)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str) and " " in node.value:
            return ast.Constant(f"now {node.value.lower()}")
        return node


class _Turned(ast.NodeTransformer):
    """Turns loops."""

    def __init__(self) -> None:
        self.n_lists = 0

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        counts = (
            isinstance(node.iter, ast.Call)
            and isinstance(node.iter.func, ast.Name)
            and node.iter.func.id == "range"
            and len(node.iter.args) in (1, 2)
            and isinstance(node.target, ast.Name)
            and not any(isinstance(inner, ast.Continue) for inner in ast.walk(node))
        )
        if not counts:
            return node
        assert isinstance(node.iter, ast.Call)
        assert isinstance(node.target, ast.Name)
        counter, bounds = node.target.id, node.iter.args
        start = ast.unparse(bounds[0]) if len(bounds) == 2 else "0"
        turned = ast.parse(
            f"{counter} = {start}\nwhile {counter} < {ast.unparse(bounds[-1])}:\n    {counter} += 1"
        )
        assert isinstance(turned.body[1], ast.While)
        turned.body[1].body = [*node.body, *turned.body[1].body]
        return turned.body

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        """Turn `x = [f(a) for a in b]` and `x = g([f(a) for a in b])` into a loop with `append`."""
        value = node.value
        inner = value
        if isinstance(value, ast.Call) and value.args and isinstance(value.args[0], ast.ListComp):
            inner = value.args[0]
        if not isinstance(inner, ast.ListComp) or len(inner.generators) != 1:
            return node
        generator, self.n_lists = inner.generators[0], self.n_lists + 1
        name = f"collected_{self.n_lists}"
        append = ast.parse(f"{name}.append(0)").body[0]
        assert isinstance(append, ast.Expr)
        assert isinstance(append.value, ast.Call)
        append.value.args = [inner.elt]
        body: list[ast.stmt] = [append]
        for test in generator.ifs:
            body = [ast.If(test, body, [])]
        loop = ast.For(generator.target, generator.iter, body, [])
        if inner is value:
            node.value = ast.Name(name, ast.Load())
        else:
            assert isinstance(value, ast.Call)
            value.args[0] = ast.Name(name, ast.Load())
        return [ast.parse(f"{name} = []").body[0], loop, node]


def _parsed(cell: str) -> ast.Module:
    """Return the tree of a cell, its magics left out; an empty one where it is no Python."""
    return parse_code(cell) or ast.Module(body=[], type_ignores=[])
