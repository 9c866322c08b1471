"""What one graded notebook lost, and what waits for a person although no person was asked for."""

from __future__ import annotations

import typing
from collections.abc import Collection

from pydantic import BaseModel

from autograder.records import Grade, Record, Status
from autograder.registry import CHECKS
from autograder.rubric.model import Budget, ChallengeKey, EvidenceKey, PartSpec
from autograder.validation.trials import Kind, Trial

WRITTEN_CHECK = "is_written"
"""The one check whose points always wait for a person."""
TRAINED_DRAWS = ("trained_language_model",)
"""Questions to a network as its training left it."""

_EVIDENCE_TAG, _CHALLENGE_TAG = (typing.get_args(key)[1] for key in (EvidenceKey, ChallengeKey))


class CheckOutcome(Record):
    """An automatic check that did not give all its points at once."""

    id: str
    item: str
    status: Status
    lost: float
    """Marks that were taken."""
    pending: float
    """Marks that wait for a person because the check could not decide."""
    message: str
    observed: str
    expected: str


class Outcome(Record):
    """One trial under one seed."""

    kind: Kind
    name: str
    seed: int
    state: str
    """How its execution ended: `complete` or what stopped it."""
    n_failed_cells: int
    seconds: float
    earned: float
    automatic: float
    """Marks that checks alone decide, of the part."""
    checks: tuple[CheckOutcome, ...]
    """Only those that took marks or could not decide."""

    @property
    def lost(self) -> float:
        """Automatic marks that were taken."""
        return round(sum(check.lost for check in self.checks), 4)

    @property
    def pending(self) -> float:
        """Automatic marks that wait for a person."""
        return round(sum(check.pending for check in self.checks), 4)

    @property
    def kept_share(self) -> float:
        """Share of the automatic marks that were given at once, in [0, 1]; higher is better."""
        return self.earned / self.automatic if self.automatic else 1.0

    def lost_in(self, items: Collection[str]) -> float:
        """Return the automatic marks taken in `items`."""
        return round(sum(check.lost for check in self.checks if check.item in items), 4)

    def elsewhere(self, items: Collection[str]) -> tuple[CheckOutcome, ...]:
        """Return the checks outside `items` that did not give all their points."""
        return tuple(check for check in self.checks if check.item not in items)


def outcome_of(trial: Trial, seed: int, grade: Grade, part: PartSpec, budget: Budget = "full") -> Outcome:
    """Return what `grade` took from a trial; points of written answers, and of what a budget cannot try, are left out.

    What other checks handed to one that the budget cannot try waits for a person like any other mark.
    """
    written = written_checks(part)
    untriable = {check.id: float(check.points) for _, check in part.checks() if budget not in check.budgets}
    checks = []
    automatic = 0.0
    for item in grade.items:
        for check in item.checks:
            by_design = 0.0
            if check.status.is_pending:
                own = check.pending if check.id in written else untriable.get(check.id, 0.0)
                by_design = min(check.pending, own)
            automatic += check.points - by_design
            lost = round(check.points - check.pending - check.earned, 4)
            pending = round(check.pending - by_design, 4)
            if lost > 0 or pending > 0:
                checks.append(
                    CheckOutcome(
                        id=check.id,
                        item=item.id,
                        status=check.status,
                        lost=max(lost, 0.0),
                        pending=pending,
                        message=check.message,
                        observed=check.observed,
                        expected=check.expected,
                    )
                )
    execution = grade.executions.get(part.part)
    return Outcome(
        kind=trial.kind,
        name=trial.name,
        seed=seed,
        state=execution.state if execution is not None else "not_executed",
        n_failed_cells=sum(cell.status == "error" for cell in execution.cells)
        if execution is not None
        else 0,
        seconds=round(execution.seconds, 2) if execution is not None else 0.0,
        earned=grade.earned,
        automatic=round(automatic, 4),
        checks=tuple(checks),
    )


def written_checks(part: PartSpec) -> frozenset[str]:
    """Return the checks of a part whose points a person gives."""
    return frozenset(check.id for _, check in part.checks() if check.check == WRITTEN_CHECK)


def probing_checks(part: PartSpec) -> frozenset[str]:
    """Return the checks that put questions to the notebook's code, and none to what its training made of it."""
    found = set()
    for _, check in part.checks():
        params = CHECKS[check.check].params.model_validate(check.params)
        asked = [
            getattr(params, name)
            for name, field in type(params).model_fields.items()
            if _CHALLENGE_TAG in field.metadata
        ]
        if asked and all(part.challenges[key].draw not in TRAINED_DRAWS for key in asked if key):
            found.add(check.id)
    return frozenset(found)


def scalar_points(part: PartSpec) -> float:
    """Return the points of the checks that numbers, or tables of numbers, can satisfy alone.

    A check counts when all the evidence that it requires is of that kind; where it requires none by name,
    when all that it refers to is. What it calls in the notebook is no number.
    """
    return float(
        sum(
            check.points for _, check in part.checks() if _needs_numbers_only(part, check.check, check.params)
        )
    )


def _needs_numbers_only(part: PartSpec, check: str, values: dict[str, object]) -> bool:
    params = CHECKS[check].params.model_validate(values)
    tags = {name: field.metadata for name, field in type(params).model_fields.items()}
    if any(_CHALLENGE_TAG in found for found in tags.values()):
        return False
    required = [getattr(params, name) for name, found in tags.items() if _EVIDENCE_TAG in found]
    referred = [word for word in _words(params) if word in part.evidence]
    specs = [part.evidence[key] for key in required if isinstance(key, str)] or [
        part.evidence[key] for key in referred
    ]
    return bool(specs) and all(
        spec.kind == "number" or (spec.kind == "table" and not spec.shape) for spec in specs
    )


def _words(params: BaseModel) -> list[str]:
    values = [getattr(params, name) for name in type(params).model_fields]
    flat = [word for value in values for word in (value if isinstance(value, list) else [value])]
    return [word for word in flat if isinstance(word, str)]
