"""Formulas of a rubric, such as `x1**2 + sin(x2)`, as functions of points: parsed, never evaluated as Python."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

import numpy as np

from autograder.stats.arrays import FloatArray

_BINARY: dict[type[ast.operator], Callable[[FloatArray, FloatArray], FloatArray]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "sin": np.sin,
    "cos": np.cos,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
}


def function_of_points(formula: str) -> Callable[[FloatArray], FloatArray]:
    """Return f(x) for points x (..., d) -> (...,), with x1, x2, ... the coordinates.

    Numbers, + - * / **, parentheses and sin, cos, exp, log, sqrt, abs are known.

    Raises
    ------
    ValueError
        If the formula holds anything else; the message shows it.

    Examples
    --------
    >>> function_of_points("x1**2 + sin(x2)")(np.array([[3.0, 0.0]]))
    array([9.])
    """
    try:
        tree = ast.parse(formula, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"formula {formula!r}: {error.msg}") from error
    _value(tree, np.zeros((1, 9)), formula)
    return lambda points: np.asarray(
        _value(tree, np.asarray(points, dtype=np.float64), formula), dtype=np.float64
    )


def _value(node: ast.expr, points: FloatArray, formula: str) -> FloatArray:
    with np.errstate(all="ignore"):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return np.full(points.shape[:-1], float(node.value))
        if (
            isinstance(node, ast.Name)
            and node.id[:1] == "x"
            and node.id[1:].isdigit()
            and int(node.id[1:]) >= 1
        ):
            return points[..., int(node.id[1:]) - 1]
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return _BINARY[type(node.op)](
                _value(node.left, points, formula), _value(node.right, points, formula)
            )
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -_value(node.operand, points, formula)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _FUNCTIONS
            and len(node.args) == 1
            and not node.keywords
        ):
            return _FUNCTIONS[node.func.id](_value(node.args[0], points, formula))
    known = "x1, x2, ..., numbers, + - * / **, sin, cos, exp, log, sqrt, abs"
    raise ValueError(f"formula {formula!r}: {ast.unparse(node)!r} is not known ({known})")
