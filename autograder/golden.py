"""Golden values: what the reference gives, what mathematics says it must give, and where both came from.

`reference/<id>/golden/part_<p>.json` holds, for each evidence key, the exact truth (when there is one), its
sampling standard deviation, and the replicates of the reference under other seeds. Only
`autograder golden` writes it, with provenance; a missing file is an error, never an empty golden.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from autograder.errors import UsageError, nearest
from autograder.records import Record

MARK = "@"
"""Between the key of a golden value and the convention that it holds in (:mod:`autograder.conventions`)."""


class Replicates(Record):
    """One statistic of the reference over runs that differ in their random streams only."""

    n: int = Field(ge=2)
    mean: float
    sd: float = Field(ge=0)
    minimum: float
    maximum: float


class GoldenValue(Record):
    """One golden value with its sources."""

    truth: float | None = None
    sd: float | None = None
    """Sampling standard deviation of the statistic in one correct run."""
    n: int | None = None
    """Sample size that the sd belongs to."""
    source: str = ""
    """`quadrature`, `closed form`, ... with the formula in words."""
    replicates: Replicates | None = None
    numbers: tuple[float, ...] | None = Field(default=None, exclude_if=lambda value: value is None)
    """What is no single number: the weights of a classifier."""


class StoredOutput(Record):
    """One array or number of an answer."""

    path: str
    """Where it stands in what the function returned; "" for the whole."""
    shape: tuple[int, ...]
    values: tuple[float, ...]


class StoredCase(Record):
    """What the reference's function gave for one set of inputs."""

    case: str
    outputs: tuple[StoredOutput, ...] = Field(min_length=1)


class StoredChallenge(Record):
    """A challenge whose inputs were drawn with the golden values, and the reference's answers to it."""

    secret: str
    """What the inputs are drawn from; with it and the answers nobody needs the reference."""
    cases: tuple[StoredCase, ...] = Field(min_length=1)


class Golden(Record):
    """All golden values of one part."""

    schema_version: int = 1
    assignment: str = ""
    part: str = ""
    provenance: dict[str, Any] = Field(default_factory=dict)
    values: dict[str, GoldenValue] = Field(default_factory=dict)
    answers: dict[str, StoredChallenge] = Field(default_factory=dict)
    """The reference's answers to the challenges that are stored, by the challenge's key."""

    def answers_to(self, challenge: str) -> StoredChallenge:
        """Return the reference's answers to a challenge.

        Raises
        ------
        UsageError
            When there are none.
        """
        if challenge not in self.answers:
            raise UsageError(
                f"no answers of the reference to {challenge!r} for {self.assignment} part {self.part}; "
                f"make them with: autograder golden {self.assignment} --part {self.part}"
            )
        return self.answers[challenge]

    def value(self, key: str) -> GoldenValue:
        """Return the golden value `key`.

        Raises
        ------
        UsageError
            When there is none; the message names the nearest key and the command that makes goldens.
        """
        if key not in self.values:
            raise UsageError(
                f"no golden value {key!r} for {self.assignment} part {self.part}{nearest(key, self.values)}; "
                f"make it with: autograder golden {self.assignment} --part {self.part}"
            )
        return self.values[key]


def read_golden(path: Path) -> Golden:
    """Return the golden values stored at `path`.

    Raises
    ------
    UsageError
        When the file is missing or damaged; goldens are never made up.
    """
    try:
        return Golden.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise UsageError(
            f"the golden file {path} is missing; make it with: autograder golden ASSIGNMENT"
        ) from error
    except (ValidationError, ValueError) as error:
        raise UsageError(
            f"the golden file {path} is damaged ({error}); make it again with: autograder golden"
        ) from error
