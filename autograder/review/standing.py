"""Whether the marks of a class are final, and what they still wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.records import Grade, Status


@dataclass(frozen=True)
class ClassStanding:
    """What a class still waits for."""

    n_submissions: int
    n_failed: int
    """Submissions that could not be graded."""
    pending: float
    """Points that wait for a person, of all submissions."""
    n_pending: int
    """Submissions with such points."""
    to_mark: dict[str, int]
    """Check to the number of submissions in which a person has to mark it."""
    faults: dict[str, int]
    """Check to the number of submissions in which it broke."""
    look_again: int
    """Marks of people that deserve another look: what they were given to changed since."""
    undecided: int = 0
    """Submissions of which it is not certain whose they are, whether they count or how late they were."""

    @property
    def is_final(self) -> bool:
        """Whether nothing waits for a person."""
        return not (self.pending or self.to_mark or self.faults or self.look_again or self.undecided)

    def __str__(self) -> str:
        failed = f" {_counted(self.n_failed, 'submission')} could not be graded." if self.n_failed else ""
        if self.is_final:
            return f"Final: every mark of {_counted(self.n_submissions, 'submission')} is decided.{failed}"
        waits = []
        if self.to_mark:
            waits.append(f"{_counted(sum(self.to_mark.values()), 'mark')} to give ({_listed(self.to_mark)})")
        if self.faults:
            waits.append(f"{_counted(sum(self.faults.values()), 'fault')} of ours ({_listed(self.faults)})")
        if self.look_again:
            verb = "deserves" if self.look_again == 1 else "deserve"
            waits.append(f"{_counted(self.look_again, 'mark')} of a person {verb} another look")
        if self.undecided:
            waits.append(f"{_counted(self.undecided, 'hand-in')} without a clear owner, attempt or time")
        where = ""
        if self.pending:
            where = f" {_counted(self.pending, 'point')} of {_counted(self.n_pending, 'submission')} pending."
        return f"Not final: {'; '.join(waits)}.{where}{failed}"


def standing_of(grades: Sequence[Grade]) -> ClassStanding:
    """Return what a class still waits for."""
    checks = [check for grade in grades for item in grade.items for check in item.checks]
    return ClassStanding(
        n_submissions=len(grades),
        n_failed=sum(grade.state == "failed" for grade in grades),
        pending=round(sum(grade.pending for grade in grades), 4),
        n_pending=sum(grade.pending > 0 for grade in grades),
        to_mark=dict(Counter(check.id for check in checks if check.status is Status.REVIEW and check.points)),
        faults=dict(Counter(check.id for check in checks if check.status is Status.ERROR and check.points)),
        undecided=sum(_is_undecided(grade) for grade in grades),
        look_again=sum(check.marked is not None and bool(check.marked.look_again) for check in checks),
    )


def _is_undecided(grade: Grade) -> bool:
    late = (person.late for person in grade.people)
    return bool(grade.submission.owner_problem or grade.submission.contested) or any(
        one is not None and one.submitted is None for one in late
    )


def _listed(counts: dict[str, int]) -> str:
    shown = [f"{check} {n}" for check, n in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]
    return ", ".join(shown[:8]) + (f" and {len(shown) - 8} more" if len(shown) > 8 else "")


def _counted(n: float, noun: str) -> str:
    return f"{n:g} {noun}" + ("" if n == 1 else "s")
