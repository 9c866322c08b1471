"""Sentences and numbers as they can be told again in another text: without case, marks, line breaks, digits behind.

Sentences are compared by their words, in runs of `N_WORDS`; numbers by their first digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

N_WORDS = 8
"""Words in a row that are the same by copying, not by chance."""
LEAST_WORDS = 3
"""A shorter title is anybody's."""
N_DIGITS = 6
"""Digits to which a number is compared where it is written with as many."""
LEAST_DIGITS = 4
"""Digits that a number must be written with to be told again; one more for a whole number."""
COMMON_DIGITS = 3
"""A value with no more digits than these (0.5, 128, 12) is common: it tells nobody where it comes from."""

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(
    r"(?<![\w.,])[-+]?(?P<whole>\d{1,3}(?:[,_]\d{3})+|\d+)(?P<rest>\.\d*)?(?P<power>[eE][-+]?\d+)?"
    r"(?P<percent>\s?%)?(?!\w|[.,]\d)"
)


@dataclass(frozen=True)
class Word:
    """A word and where it begins."""

    text: str
    at: int


def words(text: str) -> list[Word]:
    """Return the words of a text in lower case."""
    return [
        Word(unicodedata.normalize("NFKC", found[0]).lower(), found.start()) for found in _WORD.finditer(text)
    ]


@dataclass
class Phrases:
    """Sentences that are looked for: title and hint as a whole, longer text by runs of its words."""

    runs: dict[str, str] = field(default_factory=dict)
    """A run of `N_WORDS` words to what it is of."""
    wholes: dict[str, dict[tuple[str, ...], str]] = field(default_factory=dict)
    """First word to the short sentences that begin with it, each with what it is."""

    def add(self, text: str, what: str, *, short: bool = True) -> None:
        """Look for `text` from now on; what is too short to be told again is left out, and with it, unless
        `short`, what is shorter than a run."""
        listed = [word.text for word in words(text)]
        for at in range(len(listed) - N_WORDS + 1):
            self.runs.setdefault(" ".join(listed[at : at + N_WORDS]), what)
        if short and LEAST_WORDS <= len(listed) < N_WORDS:
            self.wholes.setdefault(listed[0], {}).setdefault(tuple(listed), what)

    def allow(self, text: str) -> None:
        """Look for nothing any more that `text` holds."""
        for run, _, _ in list(self._found(text)):
            listed = tuple(run.split(" "))
            self.runs.pop(run, None)
            self.wholes.get(listed[0], {}).pop(listed, None)

    def find(self, text: str) -> Iterator[tuple[str, str, int]]:
        """Yield what is found: the words, what they are of, and where they begin; runs of one text once."""
        last, end = "", -1
        for run, what, at in self._found(text):
            if what != last or at > end:
                yield run, what, at
            last, end = what, at + len(run)

    def _found(self, text: str) -> Iterator[tuple[str, str, int]]:
        listed = words(text)
        plain = [word.text for word in listed]
        for at, word in enumerate(listed):
            run = " ".join(plain[at : at + N_WORDS])
            if run in self.runs and at + N_WORDS <= len(plain):
                yield run, self.runs[run], word.at
            for whole, what in self.wholes.get(word.text, {}).items():
                if tuple(plain[at : at + len(whole)]) == whole:
                    yield " ".join(whole), what, word.at


@dataclass(frozen=True)
class Written:
    """A number as it stands in a text."""

    text: str
    value: float
    digits: int
    """Significant digits that it is written with; zeros at the end of a whole number do not count."""
    is_whole: bool
    at: int


def numbers(text: str) -> Iterator[Written]:
    """Yield the numbers of a text; digits inside words, hexadecimal digests and version numbers are none."""
    for found in _NUMBER.finditer(text):
        whole, rest = re.sub(r"[,_]", "", found["whole"]), found["rest"] or ""
        digits = (whole + rest[1:]).lstrip("0")
        is_whole = len(rest) < 2 and not found["power"]
        value = float(f"{whole}{rest}{found['power'] or ''}")
        if found["percent"]:
            value /= 100
        yield Written(
            found[0], value, len(digits.rstrip("0") if is_whole else digits), is_whole, found.start()
        )


def forms(value: float) -> Iterator[str]:
    """Yield how a value may be written down: rounded or cut off, with `LEAST_DIGITS` to `N_DIGITS` digits."""
    for n in range(LEAST_DIGITS, N_DIGITS + 1):
        yield from _forms_of(value, n)


def _forms_of(value: float, n: int) -> Iterator[str]:
    mantissa, power = f"{abs(value):.15e}".split("e")
    yield f"{n}: {abs(value):.{n - 1}e}"
    yield f"{n}: {mantissa[: n + 1]}e{power}"


def is_common(value: float) -> bool:
    """Whether a value says nothing: 0, or one of few digits.

    >>> is_common(0.35), is_common(128.0), is_common(0.0815866)
    (True, True, False)
    """
    digits = f"{abs(value):.{N_DIGITS - 1}e}".split("e")[0].replace(".", "").rstrip("0")
    return len(digits) <= COMMON_DIGITS


def told_again(written: Written, looked_for: Mapping[str, str]) -> str | None:
    """Return what a written number is, of the forms that are looked for; None when it is none of them."""
    if written.digits < LEAST_DIGITS + written.is_whole or is_common(written.value):
        return None
    # cut off as well: what was rounded to nine digits and then to six may end in another digit
    found = (looked_for.get(form) for form in _forms_of(written.value, min(written.digits, N_DIGITS)))
    return next(filter(None, found), None)


def forms_of(values: Iterable[tuple[float, str]]) -> dict[str, str]:
    """Return every form of the values that are not common, with what each is."""
    found: dict[str, str] = {}
    for value, what in values:
        if value == value and abs(value) != float("inf") and not is_common(value):
            for form in forms(value):
                found.setdefault(form, what)
    return found
