"""What becomes of each student when scores go to a server: decided by what the server has, and by the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from autograder.errors import UsageError
from autograder.export.comments import plain
from autograder.export.deciding import (
    changed_places,
    outcome_of_free,
    require_scores,
)
from autograder.export.ledger import Entry, holding
from autograder.export.matching import match
from autograder.export.outcomes import Outcome, accounted
from autograder.export.scores import StudentScore
from autograder.export.sheets import Row
from autograder.push.criteria import Fit, fit
from autograder.push.packing import Desk, PushChoices
from autograder.push.parcels import Parcel, Remote


@dataclass(frozen=True)
class Plan:
    """What would be sent."""

    destination: str
    outcomes: tuple[Outcome, ...]
    parcels: tuple[Parcel, ...]
    rows: Mapping[str, Row]
    """Student to what the LMS has."""
    arrived: tuple[Parcel, ...]
    """What an earlier push sent without hearing of it, and the LMS has."""
    notes: tuple[str, ...]


def plan(
    remote: Remote,
    scores: Sequence[StudentScore],
    choices: PushChoices,
    entries: Sequence[Entry],
    folder: Path,
) -> Plan:
    """Return what would be sent; nothing is written anywhere.

    Parameters
    ----------
    entries : of the ledger, of all destinations
    folder : of the run; reports lie below it

    Raises
    ------
    UsageError
        When the assignment at the LMS cannot be the right one (another maximum, other people), or the scores
        contradict each other.
    """
    require_scores(scores, choices)
    if scores:
        _require_maximum(remote, scores[0].maximum)
    destination = choices.destination or remote.destination
    entries = [entry for entry in entries if entry.destination == destination]
    rows = remote.students()
    certain = [score for score in scores if not score.doubt]
    matching = match(certain, rows, pinned=choices.pinned, id_kind=choices.id_kind)
    sent = [one.key for one in scores if one.key in matching.rows and _may_be_sent(one, choices)]
    wanted = [row for key in sent if not (row := matching.rows[key]).locked]
    seen = remote.look(wanted) if wanted else {}
    found = _rubric_fit(remote, scores, choices)
    desk = Desk(remote, choices, entries, folder, found)
    for score in scores:
        desk.take(score, matching, seen, rows)
    outcomes = [*desk.outcomes, *(outcome_of_free(row) for row in matching.free if not row.is_staff)]
    if moved := changed_places(outcomes, holding(entries)):
        raise UsageError(
            f"{remote.title} has {', '.join(moved[:5])} under another id than what was sent before: it is another "
            "assignment. Give the right one, or name another --destination"
        )
    notes = [
        *remote.notes,
        *_unused(choices, outcomes),
        *([f"The rubric at the LMS is left as it is: {found.why_not}."] if found.why_not else []),
    ]
    return Plan(
        destination=destination,
        outcomes=accounted(outcomes, choices),
        parcels=tuple(desk.parcels),
        rows={
            student: seen[row.key].row if row.key in seen else row for student, row in matching.rows.items()
        },
        arrived=tuple(desk.arrived),
        notes=(*notes, *dict.fromkeys(desk.notes)),
    )


def _require_maximum(remote: Remote, wanted: Decimal) -> None:
    """Raise UsageError when the LMS has another maximum than the rubric: nothing is rescaled silently."""
    if remote.maximum is not None and remote.maximum != wanted:
        raise UsageError(
            f"{remote.title} has {plain(remote.maximum)} points, the rubric {plain(wanted)}; set the points of the "
            f"assignment at the LMS to {plain(wanted)}"
        )


def _unused(choices: PushChoices, outcomes: Sequence[Outcome]) -> list[str]:
    known = {key for one in outcomes for key in (one.student, one.row)}
    unused = [key for key in choices.waived if key not in known]
    return [f"A waiver fits nobody: {', '.join(unused)}."] if unused else []


def _may_be_sent(score: StudentScore, choices: PushChoices) -> bool:
    states = {"graded", "excused"}
    states |= {"pending"} if choices.partial else set()
    states |= {"missing"} if choices.missing_as_zero else set()
    states |= {"failed"} if choices.failed_as_zero else set()
    return score.state.value in states


def _rubric_fit(remote: Remote, scores: Sequence[StudentScore], choices: PushChoices) -> Fit:
    items = next((score.items for score in scores if score.items), ())
    if not remote.rubric or not items:
        return Fit()
    if not choices.rubric:
        return Fit(why_not="--no-rubric")
    return fit(items, remote.rubric, choices.criteria)
