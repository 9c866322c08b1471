"""What becomes of each student and each row of the LMS: the reconciliation before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from autograder.records import Record

Kind = Literal[
    "written",
    "unchanged",
    "pending",
    "missing",
    "failed",
    "excused",
    "withheld",
    "locked",
    "lower",
    "over",
    "unknown",
    "gone",
    "ambiguous",
]
LISTS: Mapping[str, tuple[Kind, ...]] = {
    "written": ("written",),
    "unchanged": ("unchanged",),
    "without_score": ("pending", "missing", "failed", "excused", "withheld"),
    "held_back": ("locked", "lower", "over"),
    "unknown": ("unknown", "gone"),
    "ambiguous": ("ambiguous",),
}
"""The lists of a reconciliation, and which outcomes are in them."""
SETTLED: frozenset[Kind] = frozenset({"written", "unchanged", "excused", "withheld", "gone"})
"""Outcomes that ask for no decision: a score that arrives, or a state that a person set."""
ACCEPTABLE: tuple[Kind, ...] = ("pending", "missing", "failed", "locked", "lower", "unknown")
"""Outcomes that can be accepted for all students at once."""


class Choices(Record):
    """What the person decided beforehand."""

    accepted: frozenset[str] = frozenset()
    """Kinds of outcomes that are in order."""
    waived: Mapping[str, str] = Field(default_factory=dict)
    """Student or row to the reason why its outcome is in order."""
    pinned: Mapping[str, str] = Field(default_factory=dict)
    """Student to the row that is meant."""
    id_kind: str = ""
    """What the ids of a run without a roster are, such as `login`."""
    partial: bool = False
    """Pending students get what is earned so far."""
    missing_as_zero: bool = False
    failed_as_zero: bool = False
    may_lower: bool = False
    extra_credit: bool = False
    """A score may be above the maximum, where the LMS takes that."""
    unequal_groups: bool = False
    """Members of a group may get different scores."""
    comments: bool = True
    destination: str = ""
    """Name of the place that the scores go to, in place of the format's own."""


class Outcome(Record):
    """What becomes of a student, or of a row of the LMS that is nobody's."""

    kind: Kind
    student: str = ""
    """Key of the student; "" for a row without a student in the run."""
    row: str = ""
    """Key of the row; "" when the LMS has none."""
    name: str = ""
    before: str = ""
    """What the LMS said, in the template."""
    value: str = ""
    """What is written: decimal text or `EX`."""
    comment: str = ""
    why: str = ""
    accounted: bool = False
    """Whether a person need not look."""

    @property
    def listed(self) -> str:
        """The list of the reconciliation that it is in."""
        return next(name for name, kinds in LISTS.items() if self.kind in kinds)


def accounted(outcomes: Iterable[Outcome], choices: Choices) -> tuple[Outcome, ...]:
    """Return the outcomes with those marked that are settled, accepted or waived."""
    found = []
    for outcome in outcomes:
        reason = choices.waived.get(outcome.student) or choices.waived.get(outcome.row)
        done = outcome.kind in SETTLED or (outcome.kind in ACCEPTABLE and outcome.kind in choices.accepted)
        why = f"{outcome.why}; waived: {reason}" if reason and not done else outcome.why
        found.append(outcome.model_copy(update={"accounted": done or bool(reason), "why": why}))
    return tuple(found)


def lists_of(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """Return the lists of a reconciliation, empty ones too."""
    found: dict[str, list[Outcome]] = {name: [] for name in LISTS}
    for outcome in outcomes:
        found[outcome.listed].append(outcome)
    return found
