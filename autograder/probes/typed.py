"""Numbers that a notebook does not compute but holds as they are, told from the source of its cells."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.probes.evidence import Evidence

LEAST_NUMBERS = 2


def typed_in(evidence: Evidence, key: str) -> str:
    """Return the name under which the numbers of an array or table were typed in, or "".

    A list of losses that is written out in a cell was not computed there, however close to a correct run it lies.
    """
    if not evidence.has(key):
        return ""
    bound = evidence.bound[key]
    leaves = [bound.leaf] if bound.leaf is not None else list((bound.table or {}).values())
    sources = {cell.index: cell.source for cell in evidence.cells}
    for leaf in leaves:
        if leaf.path.name and _ends_typed(sources.get(leaf.cell, ""), leaf.path.name):
            return leaf.path.name
    return ""


def _ends_typed(source: str, name: str) -> bool:
    """Whether the last thing that a cell does to a name is to give it a display of plain numbers."""
    written = [node.lineno for node, one in _written_out(source) if one == name]
    filled = [node.lineno for node, one in _filled(source) if one == name]
    return bool(written) and max(written) > max(filled, default=0)


def _tree(source: str) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # shell lines, or no Python at all
        return []


def _written_out(source: str) -> Iterator[tuple[ast.stmt, str]]:
    """The names that are given a display of plain numbers, each with the statement."""
    for node in _tree(source):
        if isinstance(node, ast.Assign) and _n_numbers(node.value) >= LEAST_NUMBERS:
            yield from ((node, target.id) for target in node.targets if isinstance(target, ast.Name))


def _filled(source: str) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    """The names that are filled or given anything computed: by assignment, by item, or by a method."""
    for node in _tree(source):
        if isinstance(node, ast.Assign) and _n_numbers(node.value) < LEAST_NUMBERS:
            for target in node.targets:
                yield from ((node, name) for name in _names(target))
        elif isinstance(node, ast.AugAssign):
            yield from ((node, name) for name in _names(node.target))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from ((node, name) for name in _names(node.func.value))


def _names(target: ast.expr) -> Iterator[str]:
    yield from (one.id for one in ast.walk(target) if isinstance(one, ast.Name))


def _n_numbers(value: ast.expr) -> int:
    """How many numbers a display consists of; 0 when anything else is in it."""
    if isinstance(value, ast.Call) and len(value.args) >= 1:  # np.array([...]), torch.tensor([...])
        return _n_numbers(value.args[0]) if not isinstance(value.args[0], ast.Constant) else 0
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        return _n_numbers(value.operand)
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice):  # [...][:n_epochs]
        return _n_numbers(value.value)
    if isinstance(value, ast.Constant):
        return int(type(value.value) in (int, float))
    if isinstance(value, ast.List | ast.Tuple):
        counts = [_n_numbers(one) for one in value.elts]
    elif isinstance(value, ast.Dict):
        counts = [_n_numbers(one) for one in value.values]
    else:
        return 0
    return sum(counts) if counts and all(counts) else 0
