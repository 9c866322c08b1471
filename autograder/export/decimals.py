"""Scores as text, and texts of an LMS as scores: decimal numbers, never floats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from autograder.errors import UsageError

CENT = Decimal("0.01")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
_BY_SPREADSHEET = re.compile(r"\d(?:[.,]\d+)?[Ee]\+\d+")


def two_places(number: Decimal) -> str:
    """Return a score as every LMS reads it: a point, two places, rounded half up.

    >>> two_places(Decimal("78.345")), two_places(Decimal(5))
    ('78.35', '5.00')
    """
    if not number.is_finite():
        raise ValueError(f"a score is a finite number, not {number}")
    return f"{number.quantize(CENT, ROUND_HALF_UP):f}"


def in_cents(numbers: Sequence[Decimal]) -> list[Decimal]:
    """Return numbers of two places that add up to the sum of those given, rounded half up.

    Each is rounded up or down; the largest remainders go up, so nothing that has two places changes.

    >>> [str(one) for one in in_cents([Decimal("9.9333"), Decimal("3.3333"), Decimal("0.3334"), Decimal(2)])]
    ['9.93', '3.33', '0.34', '2.00']
    """
    total = Decimal(two_places(sum(numbers, Decimal(0))))
    rounded = [number.quantize(CENT, ROUND_FLOOR) for number in numbers]
    n_up = int((total - sum(rounded, Decimal(0))) / CENT)
    by_remainder = sorted(range(len(numbers)), key=lambda at: rounded[at] - numbers[at])
    for at in by_remainder[:n_up]:
        rounded[at] += CENT
    return rounded


def as_read(value: str) -> str:
    """Return what a model of a reader says of a value that was written: a number without trailing zeros, or `EX`.

    >>> as_read("78.50"), as_read("EX")
    ('78.5', 'EX')
    """
    return f"{Decimal(value).normalize():f}" if _NUMBER.fullmatch(value) else value


def has_decimal_commas(cells: Iterable[str], where: str) -> bool:
    """Return whether the numbers of a column are written with a comma.

    Raises
    ------
    UsageError
        When some have a comma and some a point: then nobody can tell what `1,234` is.
    """
    numbers = [cell.strip() for cell in cells if _NUMBER.fullmatch(cell.strip())]
    commas, points = (any(sign in cell for cell in numbers) for sign in ",.")
    if commas and points:
        raise UsageError(
            f"{where} holds numbers with a comma and numbers with a point; download the file again, "
            "and open it in no spreadsheet"
        )
    return commas


def number_of(cell: str) -> Decimal | None:
    """Return the number that a cell of a numeric column holds, None for every other text.

    >>> number_of(" 78,50 "), number_of("EX"), number_of("1.234,5")
    (Decimal('78.50'), None, None)
    """
    text = cell.strip()
    return Decimal(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None


def is_damaged(cell: str) -> bool:
    """Return whether a spreadsheet wrote an id anew, as in `1.23E+15`."""
    return bool(_BY_SPREADSHEET.fullmatch(cell.strip()))
