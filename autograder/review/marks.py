"""Marks of people on grades: pure functions, which give the same however often they are applied."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from autograder.records import (
    Automatic,
    CheckResult,
    Grade,
    ItemGrade,
    PersonMark,
    SecondMark,
    Status,
)
from autograder.review.store import Entry, Kind, Place, Standing

LOOK_AGAIN, CHANGED, OUR_FAULT = "look again", "changed by hand", "fault of ours"
"""Flags that depend on what people marked."""

Standings = Mapping[Place, Standing]


def with_marks(grade: Grade, standings: Standings) -> Grade:
    """Return a grade with the marks that people gave, in place of those that it carries already."""
    items = tuple(_item(grade.submission.id, item, standings) for item in grade.items)
    checks = [check for item in items for check in item.checks]
    earned, pending = sum(item.earned for item in items), sum(item.pending for item in items)
    is_nothing = not grade.executions and not any(automatic(check).status.is_pending for check in checks)
    is_failed = (grade.submission.problem is not None or is_nothing) and not any(
        check.marked for check in checks
    )
    return grade.model_copy(
        update={
            "items": items,
            "earned": round(earned, 4),
            "pending": round(pending, 4),
            "state": "failed" if is_failed else "needs_review" if pending else "graded",
            "flags": tuple(_flags(grade.flags, checks)),
        }
    )


def _flags(known: Iterable[str], checks: Iterable[CheckResult]) -> Iterable[str]:
    yield from (flag for flag in known if flag not in (LOOK_AGAIN, CHANGED, OUR_FAULT))
    listed = list(checks)
    if any(check.status is Status.ERROR for check in listed):
        yield OUR_FAULT
    marks = [check.marked for check in listed if check.marked is not None]
    if any(mark.look_again for mark in marks):
        yield LOOK_AGAIN
    if any(mark.kind == "override" for mark in marks):
        yield CHANGED


def _item(submission: str, item: ItemGrade, standings: Standings) -> ItemGrade:
    checks = tuple(
        _check(
            automatic(check),
            standings.get(Place(submission, check.id)),
            standings.get(Place(submission, check.id, 2)),
        )
        for check in item.checks
    )
    return item.model_copy(
        update={
            "checks": checks,
            "earned": round(sum(check.earned for check in checks), 4),
            "pending": round(sum(check.pending for check in checks), 4),
        }
    )


def automatic(check: CheckResult) -> CheckResult:
    """Return a check as the machine left it."""
    if check.marked is None:
        return check
    before = check.marked.automatic
    known = {key: getattr(before, key) for key in type(before).model_fields}
    return check.model_copy(update=known | {"marked": None})


def _check(check: CheckResult, first: Standing | None, second: Standing | None) -> CheckResult:
    entry = first.entry if first is not None else None
    if entry is None or entry.mark.points is None:
        return check
    mark, points = entry.mark, min(entry.mark.points, check.points)
    fraction = round(points / check.points, 4) if check.points else float(entry.mark.points > 0)
    return check.model_copy(
        update={
            "status": Status.PASSED if fraction > 0 else Status.FAILED,
            "fraction": fraction,
            "earned": round(points, 4),
            "pending": 0.0,
            "hint": "",
            "message": _message(check, mark.kind),
            "marked": PersonMark(
                kind=mark.kind,
                points=round(points, 4),
                comment=mark.comment,
                reason=mark.reason,
                criteria=mark.criteria,
                author=entry.author,
                time=entry.time,
                automatic=Automatic(
                    **{key: getattr(check, key) for key in Automatic.model_fields},
                ),
                look_again=changed_since(mark.basis, check),
                second=_second(second),
            ),
        }
    )


def _second(standing: Standing | None) -> SecondMark | None:
    entry = standing.entry if standing is not None else None
    if entry is None or entry.mark.points is None:
        return None
    return SecondMark(
        points=entry.mark.points, comment=entry.mark.comment, author=entry.author, time=entry.time
    )


def _message(check: CheckResult, kind: Kind) -> str:
    """Return the sentence of a marked check; students read it, so it holds no reason and no name."""
    if kind == "review":
        return "A person marked this."
    return f"{check.message} A person changed this mark.".strip()


# ------------------------------------------------------------- what a mark was given to


def basis_of(check: CheckResult) -> dict[str, Any]:
    """Return what a mark on this check is given to: what the machine found, its points, the answer."""
    found = automatic(check)
    return {
        "status": found.status.value,
        "fraction": found.fraction,
        "points": found.points,
        "answer": hashlib.sha256(found.answer.encode()).hexdigest()[:16],
    }


def changed_since(basis: Mapping[str, Any], check: CheckResult) -> tuple[str, ...]:
    """Return what changed since a mark was given, a clause each; nothing when it was given to the same."""
    now = basis_of(check)
    if not basis or all(basis.get(key) == value for key, value in now.items()):
        return ()
    clauses = []
    if basis.get("answer") != now["answer"]:
        clauses.append("the answer is another")
    if basis.get("points") != now["points"]:
        clauses.append(f"the check was worth {basis.get('points'):g} and is worth {now['points']:g}")
    if (basis.get("status"), basis.get("fraction")) != (now["status"], now["fraction"]):
        clauses.append(f"the machine said {_said(basis)} and says {_said(now)}")
    return tuple(clauses)


def _said(basis: Mapping[str, Any]) -> str:
    status, fraction = str(basis.get("status")), basis.get("fraction")
    return f"passed by {fraction:.0%}" if status == "passed" and fraction != 1 else status


def lost_places(grades: Iterable[Grade], standings: Standings) -> list[Entry]:
    """Return the marks that hold on what is graded no more: a submission or a check that is gone."""
    known = {
        (grade.submission.id, check.id) for grade in grades for item in grade.items for check in item.checks
    }
    return [
        standing.entry
        for place, standing in standings.items()
        if standing.entry is not None and place.round == 1 and (place.submission, place.check) not in known
    ]
