"""The signatures of the mistakes that a validation tried: what a grading compares failures with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from autograder.errors import UsageError
from autograder.registry import find_assignment
from autograder.signatures import CheckSignature, Signature, Signatures, clauses, outcome_of
from autograder.store import write_record
from autograder.validation.outcomes import CheckOutcome, Outcome
from autograder.validation.summary import Validation
from autograder.validation.trials import Trial


def write_signatures(validation: Validation) -> Path:
    """Write the signatures of a part into the rubric's folder, and return where they are.

    Raises
    ------
    UsageError
        When not every known mistake of the part was tried.
    """
    path = find_assignment(validation.assignment).signatures(validation.part)
    write_record(path, signatures_of(validation))
    return path


def signatures_of(validation: Validation) -> Signatures:
    """Return the signature of every mistake: what at least half of its runs have in common in its own item.

    Raises
    ------
    UsageError
        When not every known mistake of the part was tried.
    """
    mutants = [trial for trial in validation.trials if trial.kind == "mutant"]
    runs: dict[str, list[Outcome]] = {trial.name: [] for trial in mutants}
    for outcome in validation.outcomes:
        if outcome.kind == "mutant":
            runs[outcome.name].append(outcome)
    untried = [name for name, outcomes in runs.items() if not outcomes]
    refuse_some(validation.part, len(mutants) - len(untried), validation.n_mutants)
    return Signatures(
        assignment=validation.assignment,
        part=validation.part,
        engine=validation.engine,
        rubric_sha256=validation.rubric_sha256,
        budget=validation.budget,
        first_seed=validation.first_seed,
        n_seeds=max((len(outcomes) for outcomes in runs.values()), default=0),
        checks=validation.automatic_checks,
        mistakes=tuple(_signature(trial, runs[trial.name]) for trial in mutants),
    )


def refuse_some(part: str, n_tried: int, n_mutants: int) -> None:
    """Refuse to make signatures of some of the known mistakes of a part: the others would be taken for unknown.

    Raises
    ------
    UsageError
        When not all are tried.
    """
    if n_tried < n_mutants:
        raise UsageError(
            f"signatures need all known mistakes of part {part}, and {n_mutants - n_tried} of the {n_mutants} are not "
            "tried; run it without --quick, and with --only mutant or without --only"
        )


def _signature(trial: Trial, outcomes: Sequence[Outcome]) -> Signature:
    (item,) = trial.items
    own = [check for outcome in outcomes for check in outcome.checks if check.item == item and check.lost > 0]
    names = Counter(check.id for check in own)
    common = [name for name, n in names.items() if 2 * n >= len(outcomes)]
    return Signature(
        id=trial.name,
        item=item,
        title=trial.title,
        unrevealable=trial.unrevealable or "",
        checks={name: _check([check for check in own if check.id == name]) for name in common},
    )


def _check(seen: Sequence[CheckOutcome]) -> CheckSignature:
    outcomes = Counter(outcome_of(check.status) for check in seen)
    said = Counter(clause for check in seen for clause in clauses(check.message))
    return CheckSignature(
        outcome=outcomes.most_common(1)[0][0],
        clauses=tuple(clause for clause, n in said.items() if 2 * n >= len(seen)),
    )
