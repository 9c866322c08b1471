"""Formulas as mathematics: equivalent expressions are equal, and orders of growth are compared by what dominates.

SymPy builds and compares what :mod:`autograder.formula_texts` has read; it is given no text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autograder.errors import UsageError
from autograder.formula_texts import Formula, Node

if TYPE_CHECKING:
    import sympy

PRIMES = (10007, 20011, 30011, 40009, 50021, 60013, 70001, 80021, 90001)
"""Values that variables take, so far apart that formulas of small degree which agree there are the same."""
DIGITS = 40
TOLERANCE = 1e-25


def expression(formula: Formula) -> sympy.Expr:
    """Return a formula as an expression of positive variables.

    Raises
    ------
    UsageError
        When SymPy is not installed.
    """
    return _built(formula.tree, _sympy())


def is_equal(given: Formula, right: Formula) -> bool:
    """Return whether two formulas are the same function, or two orders of growth the same order."""
    if right.is_order:
        return leading(given) == leading(right)
    if given.is_order:
        return False
    sympy = _sympy()
    one, other = expression(given), expression(right)
    names = sorted(one.free_symbols | other.free_symbols, key=str)
    for shift in range(3):
        at = {name: PRIMES[(place + shift) % len(PRIMES)] for place, name in enumerate(names)}
        a, b = (sympy.N(side.subs(at), DIGITS) for side in (one, other))
        if not (a.is_finite and b.is_finite and abs(a - b) <= TOLERANCE * (1 + abs(b))):
            return False
    return True


def leading(formula: Formula) -> frozenset[tuple[tuple[str, Any], ...]]:
    """Return the terms that no other term dominates, without their factors: those of T² + T are {T²}.

    A term dominates another where each of its exponents is at least as large. Logarithms count as variables of their own.
    """
    sympy = _sympy()
    whole = sympy.expand(expression(formula))
    logs = {
        one: sympy.Symbol(f"log_{at}", positive=True)
        for at, one in enumerate(sorted(whole.atoms(sympy.log), key=str))
    }
    terms = []
    for term in sympy.Add.make_args(whole.xreplace(logs)):
        powers = {
            str(base): exponent for base, exponent in term.as_powers_dict().items() if base.free_symbols
        }
        terms.append(powers)
    names = sorted({name for powers in terms for name in powers})
    vectors = {tuple(powers.get(name, 0) for name in names) for powers in terms}
    kept = [one for one in vectors if not any(one != other and _dominates(other, one) for other in vectors)]
    return frozenset(
        tuple((name, exponent) for name, exponent in zip(names, one, strict=True) if exponent) for one in kept
    )


def shown(formula: Formula) -> str:
    """Return a formula in one line, as SymPy writes it: `4*D*H + 4*H**2`."""
    text = str(_sympy().expand(expression(formula)))[:300]
    return f"O({text})" if formula.is_order else text


def _dominates(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    return all(bool(one >= other) for one, other in zip(a, b, strict=True))


def _built(node: Node, sympy: Any) -> Any:
    parts = [_built(part, sympy) for part in node.parts]
    if node.operation == "number":
        return sympy.Rational(node.value.numerator, node.value.denominator)
    if node.operation == "name":
        return sympy.Symbol(node.name, positive=True)
    if node.operation == "+":
        return parts[0] + parts[1]
    if node.operation == "*":
        return parts[0] * parts[1]
    if node.operation == "/":
        return parts[0] / parts[1]
    if node.operation == "log":
        return sympy.log(parts[0])
    if node.operation == "sqrt":
        return sympy.sqrt(parts[0])
    return parts[0] ** sympy.Rational(node.value.numerator, node.value.denominator)


def _sympy() -> Any:
    try:
        import sympy
    except ImportError as error:
        raise UsageError(
            "formulas in answers need SymPy, which is not installed; next: pip install 'generative-autograder[formulas]'"
        ) from error
    return sympy
