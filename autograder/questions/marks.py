"""The marks of a class as arrays, and the numbers of every question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from autograder.questions.records import CheckQuestion, Question
from autograder.records import CheckResult, Grade, ItemGrade, Status
from autograder.stats.questions import (
    ALIKE,
    Estimate,
    cronbach_alpha,
    effect_of,
    mean_share,
    rest_correlation,
    upper_lower,
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Marks:
    """Marks of the same people, in the same order: (n,) each."""

    earned: Array
    decided: Array
    """Marks that are decided; what is pending, or judged by another check, is not in it."""

    def __add__(self, other: Marks) -> Marks:
        return Marks(self.earned + other.earned, self.decided + other.decided)

    def __sub__(self, other: Marks) -> Marks:
        return Marks(self.earned - other.earned, self.decided - other.decided)

    @cached_property
    def is_decided(self) -> NDArray[np.bool_]:
        """Of whom something is decided."""
        found: NDArray[np.bool_] = self.decided > ALIKE
        return found

    @cached_property
    def shares(self) -> Array:
        """Share of the decided marks that was earned, in [0, 1]; 0 where nothing is decided."""
        safe = np.where(self.is_decided, self.decided, 1.0)
        return np.clip(np.where(self.is_decided, self.earned / safe, 0.0), 0.0, 1.0)


class PartMarks:
    """The marks of a part: of those whose notebook ran, and of the class with its totals."""

    def __init__(self, part: str, grades: Sequence[Grade]) -> None:
        self._class = [grade for grade in grades if grade.state != "failed"]
        self.grades = [grade for grade in self._class if part in grade.executions]
        self.items = items_of(self._class, part)
        self.checks = {item.id: {check.id: check for check in item.checks} for item in self.items.values()}
        """Item to its checks, as the first submission has them."""
        self._ran = np.array([part in grade.executions for grade in self._class], dtype=bool)
        whole = [_sum(item.checks for item in grade.items) for grade in self._class]
        self._totals = _marks(whole)
        self._by_check = {
            check: _marks([_of(grade, item, check) for grade in self._class])
            for item, checks in self.checks.items()
            for check in checks
        }

    def of_item(self, item: str, *, ran: bool = True) -> Marks:
        """Return the marks of an item, of those whose notebook ran or of all."""
        none = np.zeros(len(self._class))
        found = sum((self._by_check[check] for check in self.checks[item]), Marks(none, none))
        return self._chosen(found) if ran else found

    def _chosen(self, marks: Marks) -> Marks:
        return Marks(marks.earned[self._ran], marks.decided[self._ran])

    @cached_property
    def is_telling(self) -> NDArray[np.bool_]:
        """Whose notebook earned something in the part.

        A notebook that earned nothing is the same in every task: two of them in a class make any two tasks agree.
        """
        found: NDArray[np.bool_] = self._sum_of(self.checks).earned > ALIKE
        return found

    def _sum_of(self, items: Iterable[str]) -> Marks:
        none = np.zeros(len(self.grades))
        return sum((self.of_item(item) for item in items), Marks(none, none))

    def reliability(self) -> Estimate:
        """Return Cronbach's alpha of the items, over telling notebooks with decided marks in each."""
        items = [self.of_item(item) for item in self.checks]
        if not items:
            return Estimate(0, reason="nobody")
        complete = np.all([self.is_telling, *(item.is_decided for item in items)], axis=0)
        worth = [float(item.decided.max(initial=0.0)) for item in items]
        marks = [points * item.shares[complete] for points, item in zip(worth, items, strict=True)]
        return cronbach_alpha(np.stack(marks, axis=1))

    def item(self, item: str) -> Question:
        """Return the numbers of an item."""
        one = self.items[item]
        return self._question(item, item, one.title, one.possible, self.of_item(item, ran=False))

    def check(self, item: str, check: str) -> CheckQuestion:
        """Return the numbers of a check."""
        results = [result for grade in self.grades for result in _results(grade, item, check)]
        worth = [result for result in results if result.points > 0]
        first = self.checks[item][check]
        points = Counter(result.points for result in worth).most_common(1)[0][0] if worth else first.points
        question = self._question(item, check, first.title, points, self._by_check[check])
        statuses = Counter(word_of(result) for result in worth)
        return CheckQuestion(**vars(question), statuses=dict(sorted(statuses.items())))

    def _question(self, item: str, name: str, title: str, points: float, marks: Marks) -> Question:
        own = self._chosen(marks)
        rest = self._sum_of(other for other in self.checks if other != item)
        both = own.is_decided & rest.is_decided & self.is_telling
        compared = (own.shares[both], rest.shares[both])
        is_alone = len(self.checks) < 2
        alone = Estimate(int(own.is_decided.sum()), reason="no_rest")
        return Question(
            id=name,
            title=title,
            points=points,
            difficulty=mean_share(own.shares[own.is_decided]),
            discrimination=alone if is_alone else rest_correlation(*compared),
            upper_lower=alone if is_alone else upper_lower(*compared),
            mean_lost=round(float((own.decided - own.earned).mean()), 4) if len(self.grades) else 0.0,
            effect=effect_of(self._totals.earned, self._totals.decided, marks.earned, marks.decided),
        )


def word_of(check: CheckResult) -> str:
    """Return the status of a check as the pages count it: `partly` for one that passed by less than all."""
    return "partly" if check.status is Status.PASSED and check.fraction < 1 else check.status.value


def lost_marks(check: CheckResult) -> float:
    """Return the marks that are lost for good."""
    return max(check.points - check.earned - check.pending, 0.0)


def _results(grade: Grade, item: str, check: str) -> Iterable[CheckResult]:
    return (one for whole in grade.items if whole.id == item for one in whole.checks if one.id == check)


def _of(grade: Grade, item: str, check: str) -> tuple[float, float]:
    return _sum([tuple(_results(grade, item, check))])


def _sum(groups: Iterable[Iterable[CheckResult]]) -> tuple[float, float]:
    """Return the marks earned and decided of checks; what waits for a person is neither."""
    checks = [check for group in groups for check in group]
    return sum(check.earned for check in checks), sum(check.points - check.pending for check in checks)


def _marks(pairs: Sequence[tuple[float, float]]) -> Marks:
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return Marks(table[:, 0], table[:, 1])


def items_of(grades: Iterable[Grade], part: str) -> dict[str, ItemGrade]:
    """Return the items of a part, as the first submission has them."""
    found: dict[str, ItemGrade] = {}
    for grade in grades:
        for item in grade.items:
            if item.part == part:
                found.setdefault(item.id, item)
    return found
