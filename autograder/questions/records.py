"""The question analysis of a run as records: `questions.json`. Numbers of a class, no names."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from autograder.records import Record
from autograder.stats.questions import Effect, Estimate

Kind = Literal["like", "holds", "blocked", "all_lost", "uncovered", "unlike"]
"""What a failure resembles: the signature of a known mistake; all of a signature, and more besides; nothing could be
tried; everything of the item is lost; only checks that no known mistake was tried on; no known mistake."""


class KnownMistake(Record):
    """A mistake whose signature is known."""

    id: str
    title: str
    """What the student did, in words that complete "the student ..."."""


class Saying(Record):
    """One sentence of a report, as one notebook got it, and how many got the same but for numbers and names."""

    check: str
    message: str
    n: int


class MistakeGroup(Record):
    """Failures in an item that resemble the same known mistakes."""

    kind: Kind
    mistakes: tuple[KnownMistake, ...] = ()
    """All that are equally like; one failure cannot tell them apart."""
    n: int
    """Submissions."""
    likeness: tuple[float, float] = (0.0, 0.0)
    """Least and most of the group, in [0, 1]; higher is more alike."""
    said: tuple[Saying, ...] = ()
    """What the reports say of the lost marks, the most frequent first."""
    submissions: tuple[str, ...] = ()
    """Ids, for the one who wants to look; the page shows none."""


class Question(Record):
    """What marks say of an item or of a check."""

    id: str
    title: str
    points: float
    """What it is worth; where points move between checks, what it is worth to most."""
    difficulty: Estimate
    """Mean share of the decided marks; higher is easier."""
    discrimination: Estimate
    """Correlation with the marks of the other items of the part, over the notebooks that earned something there."""
    upper_lower: Estimate
    """Mean share of the best 27 % less that of the last 27 %, by the other items of the part."""
    mean_lost: float
    """Marks lost, over those to whom the part can be counted."""
    effect: Effect
    """On the total of the sheet."""


class CheckQuestion(Question):
    """One check."""

    statuses: dict[str, int] = Field(default_factory=dict)
    """Status to submissions, with `partly` for a check that passed by less than all; those with points there."""


class ItemQuestion(Question):
    """One item with its checks, and what its failures resemble."""

    n_pending: int
    """Submissions with marks of the item that are not decided."""
    n_lost: int
    """Submissions that lost marks in it."""
    checks: tuple[CheckQuestion, ...]
    mistakes: tuple[MistakeGroup, ...]


class Provenance(Record):
    """Where the known mistakes of a part come from."""

    n_mistakes: int
    """Those that some check sees."""
    budget: str
    is_same_rubric: bool
    """Whether they were tried with the rubric of this run."""


class PartQuestions(Record):
    """One part."""

    part: str
    title: str
    n: int
    """Submissions whose notebook ran: what the numbers of the part rest on."""
    n_absent: int
    """Submissions without a notebook that ran."""
    n_nothing: int
    """Those of `n` that earned nothing: they count as lost marks, and are left out of what compares tasks."""
    reliability: Estimate
    """Cronbach's alpha of the items, over the notebooks with decided marks in each."""
    items: tuple[ItemQuestion, ...]
    known: Provenance | None = None
    """None: nothing is known of mistakes in this part."""
    known_problem: str = ""
    """Why not."""


class Questions(Record):
    """`questions.json`."""

    schema_version: Literal[1] = 1
    assignment: str
    title: str
    n_submissions: int
    n_graded: int
    """Those with a grade: what effects on the total rest on."""
    parts: tuple[PartQuestions, ...]
    engine: str
    rubric_sha256: str
