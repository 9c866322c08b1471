"""Texts that go with a score, made safe for their reader."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

MAX_CHARACTERS = 4000
CUT = " ... (the rest is in the report)"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def plain(number: Decimal) -> str:
    """Return a number without exponent and trailing zeros.

    >>> plain(Decimal("78.50")), plain(Decimal("1E+2"))
    ('78.5', '100')
    """
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def normalised(text: str, limit: int = MAX_CHARACTERS) -> str:
    r"""Return text composed (NFC), with line ends as LF, without control characters, and not longer than `limit`.

    Tabs and line feeds stay.

    >>> normalised("a\r\nb\rc\x00")
    'a\nb\nc'
    """
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    text = "\n".join(line.rstrip() for line in _CONTROL.sub("", text).split("\n")).strip()
    return text if len(text) <= limit else text[: limit - len(CUT)].rstrip() + CUT


def as_html(text: str) -> str:
    r"""Return plain text as HTML that shows it: `& < >` escaped, a backslash as `&#92;`, lines kept by `<br>`.

    A reader of CSV files that takes a backslash for an escape (PHP's) never meets one.

    >>> as_html("a < b\n\\frac")
    'a &lt; b<br>&#92;frac'
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\\", "&#92;").replace("\n", "<br>")
