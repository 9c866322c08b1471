"""From what a run says of a student to what is written: nothing is guessed, and a state is never a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from autograder.errors import UsageError
from autograder.export.comments import normalised
from autograder.export.decimals import two_places
from autograder.export.ledger import EXCUSED, Entry, is_lower
from autograder.export.outcomes import Choices, Kind, Outcome
from autograder.export.scores import State, StudentScore, id_conflicts
from autograder.export.sheets import Row

ZERO = "0.00"


@dataclass(frozen=True)
class Takes:
    """What a format can express."""

    excused: bool = False
    partial: bool = True
    above_maximum: bool = False


def require_scores(scores: Sequence[StudentScore], choices: Choices) -> None:
    """Raise UsageError when two students have one key (V1), a score is no mark (V2), or a group is not equal (V8)."""
    twice = [found for found in id_conflicts(scores) if found.kind == "key"]
    if twice:
        told = "; ".join(f"{found.id or 'a blank id'} ({len(found.keys)} times)" for found in twice)
        raise UsageError(
            f"several hand-ins of the run are of one student: {told}. Grade with a roster, or keep one of them"
        )
    for score in scores:
        number = score.score if score.score is not None else score.so_far
        if number is not None and (not number.is_finite() or number < 0):
            raise UsageError(f"the score of {score.key} is {number}; a score is a number of 0 or more")
    if choices.unequal_groups:
        return
    by_key = {score.key: score for score in scores}
    for score in scores:
        values = {by_key[key].score for key in score.group if by_key[key].score is not None}
        if len(values) > 1:
            raise UsageError(
                f"the group of {', '.join(score.group)} has different scores "
                f"({', '.join(sorted(map(str, values)))}): an LMS that grades groups would let one overwrite the "
                "others. If each member is graded alone there, say --unequal-groups"
            )


def decide(
    score: StudentScore, row: Row | None, held: Entry | None, choices: Choices, takes: Takes
) -> Outcome:
    """Return what becomes of a student.

    Parameters
    ----------
    row : of the LMS; None for a format without a template
    held : what the ledger says was sent before
    """
    kind, value, why = _wanted(score, choices, takes)
    about = {"student": score.key, "row": row.key if row else "", "name": score.name}
    before = _before(row)
    if kind is not None:
        return Outcome(kind=kind, before=before, why=why, **about)
    kind, why = _obstacle(score, value, row, held, choices, takes)
    return Outcome(
        kind=kind or "written",
        before=before,
        value=value,
        why=why,
        comment=normalised(score.comment) if kind is None and choices.comments else "",
        **about,
    )


def _wanted(score: StudentScore, choices: Choices, takes: Takes) -> tuple[Kind | None, str, str]:
    """Return why nothing is written, or None and the value."""
    if score.state is State.GRADED and score.score is not None:
        return None, two_places(score.score), ""
    if score.state is State.PENDING:
        if choices.partial and takes.partial and score.so_far is not None:
            return None, two_places(score.so_far), ""
        cannot = "; the format cannot say that a score is not final" if choices.partial else ""
        return "pending", "", f"{score.reason}{cannot}"
    if score.state is State.EXCUSED:
        if takes.excused:
            return None, EXCUSED, ""
        return "excused", "", f"{score.reason}; the format cannot say it: excuse them at the LMS".lstrip("; ")
    if score.state is State.WITHHELD:
        return "withheld", "", score.reason
    if score.state is State.MISSING:
        return (None, ZERO, "") if choices.missing_as_zero else ("missing", "", score.reason)
    return (None, ZERO, "") if choices.failed_as_zero else ("failed", "", score.reason)


def _obstacle(
    score: StudentScore, value: str, row: Row | None, held: Entry | None, choices: Choices, takes: Takes
) -> tuple[Kind | None, str]:
    before = _before(row)
    if value == before or (row is None and held is not None and held.value == value):
        return "unchanged", ""
    if row is not None and row.locked:
        return "locked", row.locked
    if row is not None and row.is_excused:
        return "locked", "excused at the LMS: take that back there, or excuse the student in the run"
    if value != EXCUSED and Decimal(value) > two_places_of(score.maximum):
        if not choices.extra_credit:
            return "over", f"{value} is above the maximum; --extra-credit allows it"
        if not takes.above_maximum:
            return "over", f"{value} is above the maximum, and this LMS would drop or cut it silently"
    known = [before] if before else []
    known += [held.value] if held is not None else []
    higher = [number for number in known if is_lower(value, number)]
    if higher and not choices.may_lower:
        return (
            "lower",
            f"{value} is lower than {higher[0]}, which the LMS has or was sent before; --allow-lower allows it",
        )
    return None, ""


def two_places_of(number: Decimal) -> Decimal:
    """Return a number rounded as scores are written."""
    return Decimal(two_places(number))


def _before(row: Row | None) -> str:
    if row is None:
        return ""
    if row.is_excused:
        return EXCUSED
    return "" if row.score is None else two_places(row.score)


def outcome_of_free(row: Row) -> Outcome:
    """Return what becomes of a row that no student of the run lays claim to."""
    return Outcome(
        kind="missing",
        row=row.key,
        name=row.name,
        before=_before(row),
        why="the run has no hand-in of this row",
    )


def outcome_of_doubt(score: StudentScore) -> Outcome:
    """Return what becomes of a score of which it is not certain whose it is."""
    return Outcome(kind="ambiguous", student=score.key, name=score.name, why=score.doubt)


def outcome_of_unknown(score: StudentScore, hint: str) -> Outcome:
    """Return what becomes of a student whom the LMS does not list."""
    has_work = score.state in (State.GRADED, State.PENDING, State.FAILED)
    why = "not in the template: dropped, another section, or the wrong course" if has_work else score.reason
    return Outcome(
        kind="unknown" if has_work else "gone",
        student=score.key,
        name=score.name,
        value="" if score.score is None else two_places(score.score),
        why=f"{why}; {hint}" if hint else why,
    )


def changed_places(outcomes: Sequence[Outcome], held: Mapping[str, Entry]) -> list[str]:
    """Return the students whose row at the LMS is another one than the ledger has: another assignment (V10)."""
    return [
        one.student
        for one in outcomes
        if one.row and one.student in held and held[one.student].place not in ("", one.row)
    ]
