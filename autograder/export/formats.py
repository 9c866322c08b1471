"""What a format of an export is: one registered function that says how it is written, and how its LMS reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from autograder.export.ledger import Entry, What, holding
from autograder.export.outcomes import Choices, Outcome
from autograder.export.scores import StudentScore
from autograder.export.sheets import Sheet
from autograder.registry import Registry

Field = tuple[str, str]
"""(row of the LMS, what of it: `score`, `comment`, the heading of another column)."""
Contents = Mapping[str, bytes]
"""Name of a file (with `/` for folders) to its content."""


class FormatParams(BaseModel):
    """What a format can be told on the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: str | None = None
    """Encoding of the template, where it is neither UTF-8 nor marked."""


@dataclass(frozen=True)
class Template:
    """The file that the LMS gave."""

    name: str
    content: bytes
    modified: datetime


@dataclass(frozen=True)
class Request:
    """What is to be written."""

    scores: tuple[StudentScore, ...]
    choices: Choices
    folder: Path
    """Of the run; reports lie below it."""
    label: str
    """What the scores are of, such as `aml-a3`."""
    entries: Sequence[Entry]
    """Of the ledger, of all destinations."""
    now: datetime
    template: Template | None = None

    def held(self, destination: str, what: What = "score") -> Mapping[str, Entry]:
        """Return the scores (or reports) that a destination has by the ledger."""
        return holding([entry for entry in self.entries if entry.destination == destination], what)


@dataclass(frozen=True)
class Draft:
    """What would be written, and what becomes of every student and every row."""

    files: Contents
    outcomes: tuple[Outcome, ...]
    destination: str
    expected: Mapping[Field, str]
    """What the LMS will say of the fields that are ours; every other field says what it said before."""
    notes: tuple[str, ...] = ()
    what: What = "score"


Reading = Callable[[Contents, Template | None], tuple[Mapping[Field, str], Mapping[Field, str]]]
"""A model of the LMS's reader: files and template to what it says before and after the import."""


@dataclass(frozen=True)
class Format:
    """How one format is written and read."""

    title: str
    draft: Callable[[Request], Draft]
    reading: Reading
    sheet: Callable[[Template], Sheet] | None = None
    """How a download of the LMS is understood; None when there is none to compare with."""
    needs_template: str = ""
    """Which file of the LMS must be given as template; "" when none is needed."""
    is_record: bool = True
    """Whether the ledger keeps what was written; not so for lists that people read."""
    notes: tuple[str, ...] = field(default=())
    """What to do with the file."""


FORMATS: Registry[Callable[..., Format]] = Registry("export format")
"""Filled by importing :mod:`autograder.export.every`."""
