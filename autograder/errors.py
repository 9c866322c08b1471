"""Errors that a person can act upon: where, what was found against what was expected, what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class AutograderError(Exception):
    """Base of every error whose message is written for the person at the command line.

    Attributes
    ----------
    exit_code : int
        What the command line exits with: 2 for wrong use, 3 for a failure of ours.
    """

    exit_code = 2


class UsageError(AutograderError):
    """The command cannot be carried out as given (a missing folder, an unknown assignment)."""


class InternalError(AutograderError):
    """Something of ours is broken; nothing the user did."""

    exit_code = 3


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a file, and where.

    Attributes
    ----------
    path : str
        The file, as the user would open it.
    line, column : int
        1-based; 0 when the file as a whole is meant.
    text : str
        What was found, what was expected, what to do.
    """

    path: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{where}: {self.text}"


class RubricError(AutograderError):
    """A rubric that cannot be used, with every problem found in it."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the known word nearest to `word`, or nothing."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {matches[0]!r}?" if matches else ""
