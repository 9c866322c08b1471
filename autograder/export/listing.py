"""Formats without a list of the LMS to fill: what becomes of each student."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autograder.export.deciding import Takes, changed_places, decide, outcome_of_doubt, require_scores
from autograder.export.formats import Request
from autograder.export.outcomes import Outcome, accounted
from autograder.export.scores import StudentScore


def listed(
    request: Request,
    takes: Takes,
    destination: str,
    place: Callable[[StudentScore], str],
    lacking: str,
    *,
    is_shared: bool = False,
    known: Mapping[str, str] | None = None,
) -> tuple[Outcome, ...]:
    """Return what becomes of each student.

    Parameters
    ----------
    place : where at the LMS the student's score belongs; "" when that cannot be told
    lacking : what to say then
    is_shared : whether a place may be that of several students, as the report of a group
    known : places that the LMS has, where that is known, to the names of their people
    """
    require_scores(request.scores, request.choices)
    held = request.held(destination)
    places = {score.key: "" if score.doubt else place(score) for score in request.scores}
    holders: dict[str, list[str]] = {}
    for student, where in places.items():
        holders.setdefault(where, []).append(student)
    outcomes = []
    for score in request.scores:
        where = places[score.key]
        one = decide(score, None, held.get(score.key), request.choices, takes)
        if score.doubt:
            one = outcome_of_doubt(score)
        elif one.kind in ("written", "unchanged") and (
            not where or (known is not None and where not in known)
        ):
            why = lacking if not where else f"{where} is not in the list of the LMS"
            one = one.model_copy(update={"kind": "unknown", "why": why, "comment": ""})
        elif where and len(holders[where]) > 1 and not is_shared:
            why = f"{where} fits {' and '.join(holders[where])}"
            one = Outcome(kind="ambiguous", student=score.key, name=score.name, why=why)
        outcomes.append(one.model_copy(update={"row": where}))
    if known is not None:
        taken = set(places.values())
        outcomes += [
            Outcome(kind="missing", row=where, name=name, why="the run has no hand-in of this person")
            for where, name in known.items()
            if where not in taken
        ]
    moved = set(changed_places(outcomes, held))
    outcomes = [
        one.model_copy(
            update={
                "kind": "ambiguous",
                "why": f"was sent to {held[one.student].place} before, and is {one.row} now",
            }
        )
        if one.student in moved
        else one
        for one in outcomes
    ]
    return accounted(outcomes, request.choices)


def written(outcomes: tuple[Outcome, ...]) -> list[Outcome]:
    """Return the outcomes that are written."""
    return [one for one in outcomes if one.kind == "written"]
