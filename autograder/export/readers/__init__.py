"""Models of how each LMS reads what was written: its own rules, without a line of the writers.

Each model takes the files and the template, and says what the LMS has in every field before and after the import. A
number is said as decimal text without trailing zeros; a field without a value is left out.
"""

from __future__ import annotations

from decimal import Decimal


class ImportRefused(Exception):
    """The LMS would take nothing of the file; the message says why."""


def said(number: Decimal) -> str:
    """Return a number in the one way in which readings say it.

    >>> said(Decimal("78.50")), said(Decimal("100"))
    ('78.5', '100')
    """
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
