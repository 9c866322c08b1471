"""What a self-check says: public checks in the report's sentences, what was not checked, what only the course checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, Literal, NamedTuple

import reports
from autograder import __version__
from autograder.records import Found, Grade, ItemGrade, Note, Picture, Record, Status, Submission
from autograder.rubric.model import WithheldSpec
from autograder.rubric.public import withheld_of
from autograder.selfcheck.choosing import Chosen

ELSEWHERE = "Not checked here; run `autograder check NOTEBOOK`."
"""What is said of a check that a live namespace gives no evidence for."""


SHOWN = ("execution", "limit", "variant")
"""Kinds of notes that are told: remarks on the sheet tell results, the others are for the instructor."""
OBSERVATION = "observation"
"""Title of notes on what the observer could not record, which are for the instructor too."""


class Outcome(StrEnum):
    """What became of a public check in a self-check."""

    PASSED = "passed"
    LOOK = "look"
    """Not passed, or not wholly."""
    UNCHECKED = "unchecked"
    """Could not be tried here, or waits for a person."""
    OURS = "ours"
    """A fault of ours."""


class CheckedClaim(Record):
    """One public check: what a student may see of it."""

    id: str
    title: str
    status: Status
    fraction: float
    message: str = ""
    observed: str = ""
    expected: str = ""
    why: str = ""
    hint: str = ""
    found: tuple[Found, ...] = ()
    pictures: tuple[Picture, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """What became of it."""
        if self.status is Status.PASSED and self.fraction == 1:
            return Outcome.PASSED
        if self.status in (Status.PASSED, Status.FAILED):
            return Outcome.LOOK
        return Outcome.OURS if self.status is Status.ERROR else Outcome.UNCHECKED


class CheckedItem(Record):
    """One item of the sheet with its public checks."""

    id: str
    title: str
    checks: tuple[CheckedClaim, ...]


class Line(NamedTuple):
    """One line of the result as text, with the colour that a terminal gives it."""

    text: str
    style: str = ""


class SelfCheck(Record):
    """A self-check; under a cell of a notebook it shows itself."""

    schema_version: Literal[1] = 1
    assignment: str
    title: str
    part: str
    part_title: str
    notebook: str
    """Name of the file; "" for a live namespace."""
    items: tuple[CheckedItem, ...]
    only_course: WithheldSpec
    """What only the course will check of these items."""
    notes: tuple[Note, ...] = ()
    """How the notebook ran: limits that it met, cells that stopped."""
    stopped: int = 0
    """How many cells stopped with an error or at a limit."""
    engine: str = __version__
    rubric_sha256: str = ""

    @property
    def checks(self) -> list[CheckedClaim]:
        """All public checks, in the order of the rubric."""
        return [check for item in self.items for check in item.checks]

    def count(self, outcome: Outcome) -> int:
        """Return how many checks came out so."""
        return sum(check.outcome is outcome for check in self.checks)

    @property
    def is_clear(self) -> bool:
        """Whether every public check passed in full, and no cell stopped."""
        return bool(self.checks) and self.count(Outcome.PASSED) == len(self.checks) and not self.stopped

    @property
    def summary(self) -> tuple[str, ...]:
        """What was checked, what could not be, and what only the course will check: a sentence or two each."""
        return tuple(filter(None, (self._checked(), self._unchecked(), self._only_course())))

    def _checked(self) -> str:
        n_passed, n_look = self.count(Outcome.PASSED), self.count(Outcome.LOOK)
        where = f"part {self.part}" if len(self.items) != 1 else self.items[0].title
        if not self.checks:
            return f"Checked: nothing. There is no public check of {where}."
        told = f"Checked: {_plural(n_passed + n_look, 'public check')} of {where}. {n_passed} passed"
        told += f", {n_look} to look at." if n_look else "."
        if self.stopped:
            told += f" {_plural(self.stopped, 'cell')} stopped before the end; see above."
        return told

    def _unchecked(self) -> str:
        n, n_ours = self.count(Outcome.UNCHECKED), self.count(Outcome.OURS)
        told = f"Could not be checked here: {_plural(n, 'public check')}; each says why." if n else ""
        ours = f"{_plural(n_ours, 'check')} broke through a fault of ours; tell your instructor."
        return f"{told} {ours}".strip() if n_ours else told

    def _only_course(self) -> str:
        withheld, told = self.only_course, []
        if withheld.n_checks:
            told.append(f"{_plural(withheld.n_checks, 'more check')} ({_plural(withheld.points, 'point')})")
        if withheld.n_written:
            told.append(
                f"{_plural(withheld.n_written, 'written answer')} ({_plural(withheld.written_points, 'point')})"
            )
        if not told:
            return ""
        return f"Only the course will check: {' and '.join(told)}. Nothing is said of these here."

    def lines(self) -> Iterator[Line]:
        """Return the result as text, a line after another."""
        where = f", {self.notebook}" if self.notebook else ""
        yield Line(f"Self-check of {self.assignment}, part {self.part} ({self.part_title}){where}", "bold")
        for item in self.items:
            if item.checks:
                yield Line("")
                yield Line(item.title, "bold")
            for check in item.checks:
                yield from _lines_of(check)
        if self.notes:
            yield Line("")
        for note in self.notes:
            yield Line(f"{note.title}: {note.text}", "yellow")
        yield Line("")
        for sentence in self.summary:
            yield Line(sentence)

    def document(self) -> dict[str, Any]:
        """Return the result as plain data, for `--json` and for pages."""
        data = self.model_dump(mode="json")
        for item, dumped in zip(self.items, data["items"], strict=True):
            for check, one in zip(item.checks, dumped["checks"], strict=True):
                one["outcome"] = check.outcome.value
        return data | {"summary": list(self.summary)}

    def __repr__(self) -> str:
        return "\n".join(line.text for line in self.lines())

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return reports.render_selfcheck(self.document(), is_page=False)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def page(self) -> str:
        """Return the result as an HTML page of its own."""
        return reports.render_selfcheck(self.document(), is_page=True)


SIGNS = {Outcome.PASSED: "✓", Outcome.LOOK: "✗", Outcome.UNCHECKED: "?", Outcome.OURS: "!"}
STYLES = {Outcome.PASSED: "green", Outcome.LOOK: "red", Outcome.UNCHECKED: "yellow", Outcome.OURS: "magenta"}


def _lines_of(check: CheckedClaim) -> Iterator[Line]:
    outcome = check.outcome
    sign = "~" if check.status is Status.PASSED and outcome is Outcome.LOOK else SIGNS[outcome]
    yield Line(f"  {sign} {check.title}", STYLES[outcome])
    yield from (Line(f"      {line}") for line in check.message.splitlines())
    if outcome is Outcome.LOOK:
        if check.expected:
            yield Line(f"      Expected: {check.expected}")
        if check.observed:
            yield Line(f"      Found: {check.observed}")
        if check.hint:
            yield Line(f"      Hint: {check.hint}", "cyan")


def _plural(n: float, noun: str) -> str:
    return f"{n:g} {noun}" + ("" if n == 1 else "s")


def self_check(
    chosen: Chosen, grade: Grade, *, notebook: str = "", notes: Sequence[Note] = (), stopped: int = 0
) -> SelfCheck:
    """Return the self-check that a grade of the public checks gives, by the allow-list of the student's report."""
    shown = reports.student_view(grade.model_dump(mode="json"))
    fields = CheckedClaim.model_fields
    items = [
        CheckedItem(
            id=item["id"],
            title=item["title"],
            checks=tuple(
                CheckedClaim.model_validate({key: check[key] for key in fields if key in check})
                for check in item["checks"]
            ),
        )
        for item in shown["items"]
    ]
    return SelfCheck(
        assignment=chosen.assignment.id,
        title=chosen.title,
        part=chosen.part.part,
        part_title=chosen.part.title,
        notebook=notebook,
        items=tuple(items),
        only_course=withheld_of(chosen.items),
        notes=tuple(note for note in notes if note.kind in SHOWN and note.title != OBSERVATION),
        stopped=stopped,
        rubric_sha256=chosen.rubric_sha256,
    )


def grade_of(chosen: Chosen, items: Sequence[ItemGrade]) -> Grade:
    """Return the grade that holds some items and says nothing else."""
    return Grade(
        submission=Submission(id="self-check", students=()),
        assignment=chosen.assignment.id,
        title=chosen.title,
        parts=(chosen.part.part,),
        state="graded",
        earned=0.0,
        pending=0.0,
        possible=0.0,
        items=tuple(items),
    )
