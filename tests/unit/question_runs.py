"""Classes whose marks are made by hand, and known mistakes for them, to analyse questions without any execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autograder.records import CheckResult, ExecutionRecord, Grade, ItemGrade, Status, Submission
from autograder.rubric.model import Rubric
from autograder.signatures import CheckSignature, Outcome, Signature, Signatures, clauses

Said = Mapping[str, str]
"""Check to the sentence with which it took its marks."""

POINTS = {
    "a1": {"a1.density": 4.0, "a1.plot": 2.0},
    "a2": {"a2.rate": 3.0, "a2.draws": 3.0},
    "b1": {"b1.loss": 5.0, "b1.comment": 3.0},
}
HALF = "In `log_p`, the factor ½ is missing."
SIGN = "In `log_p`, the sign is wrong."


def rubric(points: Mapping[str, Mapping[str, float]] = POINTS) -> Rubric:
    """Return a rubric with these items, an item's part being its first letter."""
    parts = [
        {
            "part": part,
            "title": f"Part {part.upper()}",
            "points": sum(sum(checks.values()) for item, checks in points.items() if item[0] == part),
            "false_fail_rate": 1e-3,
            "filenames": [],
            "items": [
                {
                    "id": item,
                    "title": f"Task {item}",
                    "points": sum(checks.values()),
                    "checks": [
                        {"id": check, "check": "rows_kept", "title": f"Check {check}", "points": worth}
                        for check, worth in checks.items()
                    ],
                }
                for item, checks in points.items()
                if item[0] == part
            ],
        }
        for part in sorted({item[0] for item in points})
    ]
    return Rubric.model_validate(
        {"assignment": "aml-a3", "title": "A sheet", "parts": parts, "sha256": "ab" * 32}
    )


def grade(
    name: str,
    lost: Said | None = None,
    *,
    blocked: Said | None = None,
    waiting: Sequence[str] = (),
    shares: Mapping[str, float] | None = None,
    ran: str = "ab",
    points: Mapping[str, Mapping[str, float]] = POINTS,
) -> Grade:
    """Return the grade of a submission that earned everything but what is named.

    Parameters
    ----------
    lost, blocked : check to its sentence
    waiting : checks that a person has to mark
    shares : check to the share that it earned
    ran : the parts whose notebook ran; another one earns nothing
    """

    def result(item: str, check: str, worth: float) -> CheckResult:
        status, fraction, message = Status.PASSED, (shares or {}).get(check, 1.0), "It is right."
        if check in (lost or {}):
            status, fraction, message = Status.FAILED, 0.0, (lost or {})[check]
        if check in (blocked or {}):
            status, fraction, message = Status.BLOCKED, 0.0, (blocked or {})[check]
        if check in waiting:
            status, fraction, message = Status.REVIEW, 0.0, "A person marks this."
        if item[0] not in ran:
            status, fraction, message = Status.BLOCKED, 0.0, "No notebook was found."
        return CheckResult(
            id=check,
            title=f"Check {check}",
            status=status,
            fraction=fraction,
            points=worth,
            earned=worth * fraction,
            pending=worth if status.is_pending else 0.0,
            message=message,
        )

    items = []
    for item, checks in points.items():
        results = tuple(result(item, check, worth) for check, worth in checks.items())
        items.append(
            ItemGrade(
                id=item,
                part=item[0],
                title=f"Task {item}",
                earned=sum(one.earned for one in results),
                pending=sum(one.pending for one in results),
                possible=sum(checks.values()),
                checks=results,
            )
        )
    return Grade(
        submission=Submission(id=name, students=(f"{name.title()} Secretname",)),
        assignment="aml-a3",
        title="A sheet",
        parts=tuple(sorted({item[0] for item in points})),
        state="graded" if ran else "failed",
        earned=sum(one.earned for one in items),
        pending=sum(one.pending for one in items),
        possible=sum(one.possible for one in items),
        items=tuple(items),
        executions={part: ExecutionRecord(state="complete") for part in ran},
    )


def mistake(name: str, said: Said, item: str = "a1", outcome: Outcome = "lost") -> Signature:
    """Return a known mistake that makes checks of an item say these sentences."""
    checks = {check: CheckSignature(outcome=outcome, clauses=clauses(text)) for check, text in said.items()}
    return Signature(id=name, item=item, title=f"makes the mistake {name}", checks=checks)


def known(*mistakes: Signature, part: str = "a", checks: Sequence[str] | None = None) -> Signatures:
    """Return the known mistakes of a part; all of its checks were tried unless `checks` names those that were."""
    of_part = [check for item in POINTS if item[0] == part for check in POINTS[item]]
    return Signatures(
        assignment="aml-a3",
        part=part,
        engine="0",
        rubric_sha256="ab" * 32,
        budget="full",
        first_seed=0,
        n_seeds=1,
        checks=tuple(of_part if checks is None else checks),
        mistakes=mistakes,
    )
