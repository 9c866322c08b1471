"""What known mistakes look like to the checks of a part: which marks each costs, and the sentences that say so.

`rubrics/<id>/signatures/part_<p>.json` holds one signature for each mistake that the validation tried, with its
provenance. Only `autograder validate --signatures` writes it; a grading reads it, and needs no reference for that. It
names mistakes, so that it belongs to what a course keeps to itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from autograder.errors import UsageError
from autograder.records import Record, Status

Outcome = Literal["lost", "blocked"]
"""`lost`: marks were taken; `blocked`: the check could not be tried."""
Finding = tuple[str, str]
"""A check with its outcome (`=lost`, `=blocked`) or with one clause of what it said."""

_CODE = re.compile(r"`[^`]*`")
_NUMBER = re.compile(r"(?<!\w)[-−+]?\d+(?:[.,_]\d+)*(?:[eE][-+]?\d+)?(?:\s?%)?")
_SERIES = re.compile(r"([#`])(?:(?:\s*(?:,|×|/|\.\.\.|…|\band\b|\bor\b|\bto\b)\s*)+\1)+")
_CLAUSE_END = re.compile(r"(?<=[.:;?!])\s+")
MAX_CLAUSES = 12


class CheckSignature(Record):
    """What a mistake does to one check."""

    outcome: Outcome
    clauses: tuple[str, ...] = ()
    """What the check says, without numbers and names (:func:`clauses`)."""


class Signature(Record):
    """One known mistake."""

    id: str
    item: str
    title: str
    """What the student did, in words that complete "the student ..."."""
    unrevealable: str = ""
    """Why no automatic check can see it; "" otherwise."""
    checks: dict[str, CheckSignature] = Field(default_factory=dict)
    """The checks of its own item that it costs marks; none when nothing sees it."""

    def findings(self, tried: Iterable[str]) -> frozenset[Finding]:
        """Return what it looks like to the checks that were tried."""
        known = ((name, self.checks[name]) for name in tried if name in self.checks)
        return frozenset(
            finding for name, check in known for finding in findings_of(name, check.outcome, check.clauses)
        )


class Signatures(Record):
    """All known mistakes of one part, as the validation found them."""

    schema_version: Literal[1] = 1
    assignment: str
    part: str
    engine: str
    rubric_sha256: str
    budget: str
    """How the wrong notebooks were run: a check that this budget cannot try says nothing of any mistake."""
    first_seed: int
    n_seeds: int
    checks: tuple[str, ...]
    """The checks that could be tried."""
    mistakes: tuple[Signature, ...]


def findings_of(check: str, outcome: Outcome, said: Iterable[str]) -> frozenset[Finding]:
    """Return the findings of one check: its outcome, and each clause of its sentence."""
    return frozenset([(check, f"={outcome}"), *((check, clause) for clause in said)])


def outcome_of(status: Status) -> Outcome:
    """Return how marks were lost on a check with this status."""
    return "blocked" if status is Status.BLOCKED else "lost"


def clauses(message: str) -> tuple[str, ...]:
    """Return the clauses of a check's sentence with numbers as `#` and code as a backtick, in lower case.

    What is left is what the check says of any notebook with this mistake, whatever its names and its values.

    >>> clauses("In `sample_z`, the noise is not scaled: z is μ + ε.")
    ('in `, the noise is not scaled', 'z is μ + ε')
    >>> clauses("The learning rate is 0.01, not 0.001; betas are (0.5, 0.999).")
    ('the learning rate is #, not #', 'betas are (#)')
    """
    text = _SERIES.sub(r"\1", _NUMBER.sub("#", _CODE.sub("`", message)))
    parts = (part.strip(" \t\n.:;,?!`").lower() for part in _CLAUSE_END.split(text))
    return tuple(dict.fromkeys(part for part in parts if part.strip("# ")))[:MAX_CLAUSES]


def read_signatures(path: Path) -> Signatures | None:
    """Return the signatures stored at `path`; None when there are none.

    Raises
    ------
    UsageError
        When the file is damaged.
    """
    try:
        return Signatures.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, ValueError) as error:
        raise UsageError(
            f"{path} is damaged ({error}); make it again with: autograder validate --signatures"
        ) from error
