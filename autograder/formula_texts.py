r"""Formulas as students write them, read by a small grammar: `4DH + 4H^2`, `$2 T \cdot H^{2}$`, `O(T**2 d_model)`.

The text is hostile: nothing of it is evaluated, names are those that the caller knows, and length, depth, degree and the
size of numbers are limited before anything is computed.

    sum      = ["+" | "-"] product { ("+" | "-") product }
    product  = power { ["*" | "/"] power }                   a missing sign is a product
    power    = atom [ "^" (["-"] number | group) ]
    atom     = number | name | function group | \frac group group | group
    group    = "(" sum ")" | "{" sum "}" | "[" sum "]"
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

MAX_LENGTH = 400
MAX_TOKENS = 200
MAX_DEPTH = 24
MAX_DEGREE = 24
MAX_EXPONENT = 12
MAX_BITS = 256

Operation = Literal["+", "*", "/", "^", "log", "sqrt", "name", "number"]


class FormulaError(ValueError):
    """A text is no formula of this grammar; the message says what could not be read."""


@dataclass(frozen=True)
class Node:
    """One operation of a formula that was read."""

    operation: Operation
    parts: tuple[Node, ...] = ()
    name: str = ""
    value: Fraction = Fraction(0)
    degree: int = 0
    bits: int = 0
    depth: int = 1


@dataclass(frozen=True)
class Formula:
    """A formula; `is_order` where it was written as O(...) or Θ(...)."""

    tree: Node
    is_order: bool = False
    text: str = field(default="", compare=False)


_WRITTEN = (
    (r"\\(left|right|displaystyle|bigl?|bigr?|Bigl?|Bigr?)\b", " "),
    (r"\\(text|mathrm|mathit|operatorname|mathbf|texttt)\s*\{([^{}]*)\}", r" \2 "),
    (r"\\mathcal\s*\{?\s*O\s*\}?", " O "),
    (r"\\Theta\b|Θ", " O "),
    (r"\\(cdot|times|ast)\b|[·×⋅∙∗]", " * "),
    (r"\\div\b|÷", " / "),
    (r"\\(d|t)?frac\b", " \\\\frac "),
    (r"\\(log|ln|sqrt)\b", r" \1 "),
    (r"\\(quad|qquad|,|;|!|:)|~|\\ ", " "),
    (r"\\_", "_"),
    (r"[−–]", "-"),
    (r"\*\*", "^"),
    (r"(?<=\d),(?=\d{3}(?!\d))", ""),
    (r"[$`]|\\[()\[\]]", " "),
)
_RAISED = {"²": "2", "³": "3", "⁴": "4"}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<frac>\\frac)|(?P<word>[A-Za-zα-ωΑ-Ω][A-Za-z0-9α-ωΑ-Ω]*(?:_\{?[A-Za-z0-9]+\}?)*)"
    r"|(?P<sign>[-+*/^(){}\[\]])|(?P<raised>[²³⁴]))"
)
_UNITS = frozenset(
    (
        "flop",
        "flops",
        "operations",
        "ops",
        "multiplications",
        "macs",
        "parameters",
        "params",
        "weights",
        "steps",
        "step",
        "tokens",
    )
)
_EQUALS = re.compile(r"=|≈|\\approx|\\sim|\\equiv|≡")


def read_formula(text: str, names: Mapping[str, str]) -> Formula:
    """Return the formula that a text holds; of a chain of equations the last side.

    Parameters
    ----------
    text : as a student wrote it
    names : what may stand for a variable to its name: `{"D": "D", "d_model": "D"}`; runs of letters are products of them

    Raises
    ------
    FormulaError
        When the text is too long, or holds anything that the grammar has not.
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"longer than {MAX_LENGTH} signs")
    plain = text
    for pattern, written in _WRITTEN:
        plain = re.sub(pattern, written, plain)
    plain = _EQUALS.split(plain)[-1].strip().rstrip(".;,")
    tokens = _tokens(plain, names)
    reader = _Reader(tokens, names)
    is_order = bool(tokens) and tokens[0] == ("word", "O") and "O" not in names
    if is_order:
        reader.at = 1
    tree = reader.group() if is_order else reader.sum()
    if reader.at < len(tokens):
        raise FormulaError(f"{tokens[reader.at][1]!r} stands where nothing is expected")
    return Formula(tree, is_order, text.strip())


Token = tuple[str, str]


def _tokens(text: str, names: Mapping[str, str]) -> list[Token]:
    found: list[Token] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FormulaError(f"{text[at:].strip()[:12]!r} is no part of a formula")
        at = match.end()
        kind = str(match.lastgroup)
        token = match[kind]
        if kind == "raised":
            found += [("sign", "^"), ("number", _RAISED[token])]
        elif kind == "word":
            found += _words(token, names)
        else:
            found.append((kind, token))
        if len(found) > MAX_TOKENS:
            raise FormulaError(f"more than {MAX_TOKENS} signs and names")
    return found


def _words(word: str, names: Mapping[str, str]) -> list[Token]:
    """Split a run of letters into names that are known, the longest first."""
    word = word.replace("{", "").replace("}", "")
    if word.casefold() in _UNITS and word not in names:
        return []
    if word in ("log", "ln", "sqrt", "O") and word not in names:
        return [("word", word)]
    found: list[Token] = []
    rest = word
    while rest:
        known = max((name for name in names if rest.startswith(name)), key=len, default="")
        if known:
            found.append(("word", known))
        elif match := re.match(r"\d+", rest):
            known = match[0]
            found.append(("number", known))
        else:
            raise FormulaError(f"{word!r} is no name that is used here")
        rest = rest[len(known) :]
    return found


class _Reader:
    """Reads tokens from the left, one function a rule of the grammar."""

    def __init__(self, tokens: Sequence[Token], names: Mapping[str, str]) -> None:
        self.tokens, self.names = tokens, names
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise FormulaError(f"expected {wanted!r}, found {self.peek() or 'the end'!r}")
        self.at += 1

    def sum(self) -> Node:
        sign = self.peek()
        if sign in ("+", "-"):
            self.at += 1
        node = self.product()
        node = _negative(node) if sign == "-" else node
        while (sign := self.peek()) in ("+", "-"):
            self.at += 1
            right = self.product()
            node = _joined("+", node, _negative(right) if sign == "-" else right)
        return node

    def product(self) -> Node:
        node = self.power()
        while True:
            sign = self.peek()
            if sign in ("*", "/"):
                self.at += 1
            elif sign == "" or sign in "+-)}]^":
                return node
            node = _joined("/" if sign == "/" else "*", node, self.power())

    def power(self) -> Node:
        node = self.atom()
        if self.peek() != "^":
            return node
        self.at += 1
        if self.peek() == "-":
            self.at += 1
            exponent = -self.exponent()
        else:
            exponent = self.exponent()
        return _raised(node, exponent)

    def exponent(self) -> Fraction:
        node = self.group() if self.peek() in ("(", "{", "[") else self.atom()
        value = _constant(node)
        if value is None:
            raise FormulaError("an exponent that is no number")
        return value

    def atom(self) -> Node:
        if self.at >= len(self.tokens):
            raise FormulaError("the formula ends too early")
        kind, token = self.tokens[self.at]
        if token in ("(", "{", "["):
            return self.group()
        self.at += 1
        if kind == "number":
            return _number(Fraction(token))
        if kind == "frac":
            return _joined("/", self.group(), self.group())
        if token in ("log", "ln", "sqrt") and token not in self.names:
            inner = self.group() if self.peek() in ("(", "{", "[") else self.atom()
            operation: Operation = "sqrt" if token == "sqrt" else "log"
            return _made(operation, (inner,), inner.degree, inner.bits)
        if kind == "word" and token in self.names:
            return Node("name", name=self.names[token], degree=1, bits=1)
        raise FormulaError(f"{token!r} stands where a number or a name is expected")

    def group(self) -> Node:
        closing = {"(": ")", "{": "}", "[": "]"}.get(self.peek())
        if closing is None:
            raise FormulaError(f"expected a bracket, found {self.peek() or 'the end'!r}")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FormulaError(f"more than {MAX_DEPTH} brackets in each other")
        self.at += 1
        node = self.sum()
        self.take(closing)
        self.depth -= 1
        return node


def _number(value: Fraction) -> Node:
    bits = value.numerator.bit_length() + value.denominator.bit_length()
    return _made("number", (), 0, bits, value=value)


def _negative(node: Node) -> Node:
    return _joined("*", _number(Fraction(-1)), node)


def _joined(operation: Operation, left: Node, right: Node) -> Node:
    """Return a sum, a product or a quotient, with bounds of its degree and of the numbers in it."""
    if operation == "/" and _constant(right) == 0:
        raise FormulaError("a division by 0")
    degree = max(left.degree, right.degree) if operation == "+" else left.degree + right.degree
    return _made(operation, (left, right), degree, left.bits + right.bits)


def _raised(node: Node, exponent: Fraction) -> Node:
    if abs(exponent) > MAX_EXPONENT or exponent.denominator not in (1, 2):
        raise FormulaError(f"an exponent beyond {MAX_EXPONENT}, or a root that is none of squares")
    if exponent < 0 and _constant(node) == 0:
        raise FormulaError("a division by 0")
    size = max(1, -(-abs(exponent.numerator) // exponent.denominator))
    return _made("^", (node,), node.degree * size, node.bits * size, value=exponent)


def _made(
    operation: Operation, parts: tuple[Node, ...], degree: int, bits: int, value: Fraction = Fraction(0)
) -> Node:
    if degree > MAX_DEGREE:
        raise FormulaError(f"a degree beyond {MAX_DEGREE}")
    if bits > MAX_BITS * 4 or (operation == "number" and bits > MAX_BITS):
        raise FormulaError("numbers that are too large")
    depth = 1 + max((part.depth for part in parts), default=0)
    return Node(operation, parts, value=value, degree=degree, bits=bits, depth=depth)


def _constant(node: Node) -> Fraction | None:
    """Return the number that a part without names is; None where it has names or functions."""
    if node.operation == "number":
        return node.value
    if node.operation in ("name", "log", "sqrt"):
        return None
    values = [_constant(part) for part in node.parts]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    if node.operation == "+":
        return known[0] + known[1]
    if node.operation == "*":
        return known[0] * known[1]
    if node.operation == "/":
        return known[0] / known[1] if known[1] else None
    return (
        known[0] ** int(node.value) if node.value.denominator == 1 and (known[0] or node.value > 0) else None
    )
