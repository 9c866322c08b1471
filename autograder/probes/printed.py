"""Numbers that a notebook printed, with the digits that printing cut off."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from autograder.probes.paths import numeric_key
from autograder.records import Found
from autograder.rubric.model import EvidenceSpec

_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])\s*%?")
MAX_SHOWN = 120
FILLERS = {"or", "and", "to", "of", "is", "about", "approx"}


@dataclass(frozen=True)
class PrintedLine:
    """A line that a cell printed."""

    cell: int
    text: str

    @property
    def found(self) -> Found:
        """Where it was printed."""
        return Found(how="printed", path=self.text.strip()[:MAX_SHOWN], cell=self.cell)

    @property
    def pattern(self) -> str:
        """The line without its numbers: equal for the lines of a loop."""
        return re.sub(r"[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?", "#", " ".join(self.text.split()))

    def _all(self) -> list[tuple[str, float, float, str]]:
        """Return (as written, value, half a unit in its last digit, the words before it) of every number."""
        found = []
        last, label = 0, ""
        for match in _NUMBER.finditer(self.text):
            raw = match.group().strip()
            digits = raw.rstrip("% ").replace(",", "")
            if not any(sign.isdigit() for sign in digits):
                continue
            value = float(digits)
            mantissa, _, exponent = digits.lower().partition("e")
            rounding = 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
            if raw.endswith("%"):
                value, rounding = value / 100, rounding / 100
            words = self.text[last : match.start()].lower()
            if set(re.findall(r"[^\W\d_]+", words)) - FILLERS:  # `s=0.1 0.945`: one label for both
                label = words
            found.append((raw, value, rounding, label))
            last = match.end()
        return found

    def numbers(self, spec: EvidenceSpec) -> list[tuple[float, float]]:
        """Return (value, rounding) of the numbers in the line that the evidence may be.

        A number belongs to the words before it (`mean 6.35  variance 39.7`); where none of these names the
        evidence, to the line as a whole. Where only a number that agrees is used, the words after it count too.
        """
        low, high = spec.range or (-np.inf, np.inf)
        possible = [
            (value, rounding, words)
            for raw, value, rounding, words in self._all()
            if low <= value <= high
            and (not spec.integer or value.is_integer())
            and (spec.integer or "." in raw or value > 99)
        ]
        labelled = [one for one in possible if _names(one[2], spec)]
        if spec.only_agreed:  # agreement tells which one is meant, so that units count too
            units = dict(self._units())
            labelled += [one for one in possible if _names(units.get(one[0], ""), spec)]
        meant = labelled or (possible if _names(self.text.lower(), spec) else [])
        return [(value, rounding) for value, rounding, _ in meant]

    def _units(self) -> list[tuple[float, str]]:
        """Return every number with the two words after it: `785 characters and 141 words`."""
        found = re.finditer(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)\s+([^\W\d_]+(?: [^\W\d_]+)?)", self.text)
        return [(float(one[1].replace(",", "")), one[2].lower()) for one in found]

    def holds(self, key: float) -> bool:
        """Return whether the number `key` stands in the line."""
        return any(value == key for _, value, _, _ in self._all()) or numeric_key(self.text) == key


def _names(words: str, spec: EvidenceSpec) -> bool:
    """Return whether words name the evidence and nothing that rules it out."""
    return any(hint in words for hint in spec.hints) and not any(word in words for word in spec.avoid)
