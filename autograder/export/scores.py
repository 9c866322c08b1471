"""What one run says of each student: the one record that feeds every format and every push.

`excused`, `withheld`, `missing`, `failed` and `pending` are states, never numbers: only a state of `graded` has a
score. A format that cannot express a state leaves the student out and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from autograder.export.comments import normalised, plain
from autograder.export.decimals import in_cents, two_places
from autograder.records import Grade, ItemGrade, Record
from autograder.review.standing import standing_of

ANY_ID = "any"
"""The kind of an id of which it is not known which LMS gave it, such as the name of a folder."""


class State(StrEnum):
    """What a run says of a student."""

    GRADED = "graded"  # final: every mark is decided
    PENDING = "pending"  # marks wait for a person, or one of a person deserves another look
    EXCUSED = "excused"  # a person said that nothing is asked of this student
    WITHHELD = "withheld"  # a person said that nothing is to be told yet
    MISSING = "missing"  # nothing was handed in
    FAILED = "failed"  # something was handed in, and none of it could be graded


class Received(Record):
    """One entry of the download that a submission came from."""

    entry: str
    """As the LMS named it, with `/` for folders."""
    name: str = ""
    """The student's own name of the file."""
    attachment: str = ""
    """Canvas' id of the attachment; "" elsewhere."""


class Person(Record):
    """A student as the roster knows them, and the submission that counts."""

    key: str
    """Identifies the student in the run: an id, never a name."""
    ids: Mapping[str, str] = Field(default_factory=dict)
    """Kind of id (`number`, `login`, `email`, `canvas`, `moodle`, ...: see docs/lms.md) to the id as text."""
    name: str = ""
    """For people to read; nothing is ever matched by it."""
    submission: str | None = None
    """Id of the submission in the run; None when nothing was handed in."""
    standing: State | None = None
    """EXCUSED or WITHHELD when a person said so, PENDING when something of theirs waits for a person; else None."""
    reason: str = ""
    """Why, where a person gave a reason."""
    deduction: Decimal = Decimal(0)
    """Points that the late rule takes off."""
    late: str = ""
    """The line that says so: how late, by which rule, how much."""
    attempt: int | None = None
    lms: Mapping[str, str] = Field(default_factory=dict)
    """The LMS's own keys of the submission, its `system` among them."""
    received: tuple[Received, ...] = ()
    """The entries of the download that the submission came from."""
    doubt: str = ""
    """Why it is not certain whose submission it is; "" when it is."""


class ItemScore(Record):
    """The points of one item."""

    id: str
    part: str
    title: str
    points: Decimal
    """Two places; those of all items add up to the sum of two places that an LMS gets."""
    possible: Decimal
    pending: Decimal = Decimal(0)
    extra: bool = False
    """Extra credit: its points are above the maximum."""
    comment: str = ""
    """What people wrote to the student on this item."""


class StudentScore(Record):
    """Everything that can be sent of one student."""

    key: str
    ids: Mapping[str, str]
    name: str
    state: State
    score: Decimal | None
    """The final score, the late rule applied; None unless the state is GRADED."""
    so_far: Decimal | None = None
    """What is earned for certain while marks are pending; None in every other state."""
    pending: Decimal = Decimal(0)
    """Points that wait for a person."""
    maximum: Decimal
    raw: Decimal | None = None
    """Before the late rule."""
    deduction: Decimal = Decimal(0)
    late: str = ""
    reason: str = ""
    """Why there is no score; "" when there is one."""
    comment: str = ""
    """Plain text for the student; each format makes it safe for its reader."""
    group: tuple[str, ...] = ()
    """Keys of all who handed in together, this student included; empty when alone."""
    attempt: int | None = None
    lms: Mapping[str, str] = Field(default_factory=dict)
    received: tuple[Received, ...] = ()
    doubt: str = ""
    """Why it is not certain whose score this is; then it is sent to nobody."""
    submission: str | None = None
    report: str | None = None
    """Path of the report below the run directory."""
    items: tuple[ItemScore, ...] = ()


class IdConflict(NamedTuple):
    """Two students with one id."""

    kind: str
    id: str
    keys: tuple[str, ...]


def scores_of(
    grades: Sequence[Grade], people: Sequence[Person], maximum: Decimal
) -> tuple[StudentScore, ...]:
    """Return what a run says of each student, in the order of `people`.

    Parameters
    ----------
    grades : of the run, with the marks of people
    people : who is who; a submission that several name is group work
    maximum : points that the run's parts give together

    Raises
    ------
    KeyError
        When a person names a submission that has no grade.
    """
    by_id = {grade.submission.id: grade for grade in grades}
    members: dict[str, list[str]] = {}
    for person in people:
        if person.submission is not None:
            members.setdefault(person.submission, []).append(person.key)
    return tuple(
        _score_of(
            person,
            by_id[person.submission] if person.submission is not None else None,
            members.get(person.submission or "", []),
            maximum,
        )
        for person in people
    )


def _score_of(person: Person, grade: Grade | None, members: Sequence[str], maximum: Decimal) -> StudentScore:
    state = person.standing or _state_of(grade)
    raw = exact(grade.earned) if grade is not None and state in (State.GRADED, State.PENDING) else None
    earned = None if raw is None else max(Decimal(0), raw - person.deduction)
    items = _items(grade.items) if raw is not None and grade is not None else ()
    score = StudentScore(
        key=person.key,
        ids=person.ids,
        name=person.name,
        state=state,
        score=earned if state is State.GRADED else None,
        so_far=earned if state is State.PENDING else None,
        pending=exact(grade.pending) if grade is not None and state is State.PENDING else Decimal(0),
        maximum=maximum,
        raw=raw,
        deduction=Decimal(0) if raw is None else person.deduction,
        late=person.late,
        reason=_reason(person, grade, state),
        group=tuple(members) if len(members) > 1 else (),
        attempt=person.attempt,
        lms=person.lms,
        received=person.received,
        doubt=person.doubt,
        submission=person.submission,
        report=None if grade is None else f"submissions/{grade.submission.id}/report.html",
        items=items,
    )
    return score.model_copy(update={"comment": score_comment(score)})


def _state_of(grade: Grade | None) -> State:
    if grade is None:
        return State.MISSING
    if grade.state == "failed":
        return State.FAILED
    waits = standing_of(
        [grade]
    )  # whether its marks are decided; what else the class waits for, people's states say
    is_final = not (waits.pending or waits.to_mark or waits.faults or waits.look_again)
    return State.GRADED if is_final else State.PENDING


def _reason(person: Person, grade: Grade | None, state: State) -> str:
    if state is State.FAILED and grade is not None:
        return grade.submission.problem or "nothing of it could be graded"
    if state is State.PENDING and grade is not None:
        return person.reason or str(standing_of([grade]))
    if state is State.MISSING:
        return person.reason or "nothing was handed in"
    return "" if state is State.GRADED else person.reason


def _items(items: Sequence[ItemGrade]) -> tuple[ItemScore, ...]:
    points = in_cents([exact(item.earned) for item in items])
    return tuple(_item(item, own) for item, own in zip(items, points, strict=True))


def _item(item: ItemGrade, points: Decimal) -> ItemScore:
    comments = [check.marked.comment for check in item.checks if check.marked and check.marked.comment]
    return ItemScore(
        id=item.id,
        part=item.part,
        title=item.title,
        points=points,
        possible=exact(item.possible),
        pending=exact(item.pending),
        extra=item.extra,
        comment="\n".join(comments),
    )


def score_comment(score: StudentScore) -> str:
    """Return the comment to a score as plain text; it begins with a letter, so that no reader takes it for a formula.

    The text is empty when there is no score.
    """
    return normalised("\n".join(_lines(score)))


def _lines(score: StudentScore) -> Iterator[str]:
    earned = score.score if score.score is not None else score.so_far
    if earned is None:
        return
    waiting = f" so far, {plain(score.pending)} pending" if score.so_far is not None else ""
    yield f"Score {plain(Decimal(two_places(earned)))} of {plain(score.maximum)}{waiting}: see the report."
    if score.late:
        yield f"Late: {score.late}"
    for item in score.items:
        wait = f", {plain(item.pending)} pending" if item.pending else ""
        extra = " (extra credit)" if item.extra else ""
        yield f"{item.id}: {plain(item.points)} of {plain(item.possible)}{extra}{wait}"
        if item.comment:
            yield item.comment


def exact(marks: float) -> Decimal:
    """Return marks as the decimal number that they are written as; they are kept to four places.

    >>> exact(0.1 + 0.2), exact(41.0)
    (Decimal('0.3'), Decimal('41'))
    """
    number = Decimal(repr(float(marks))).quantize(Decimal("0.0001"), ROUND_HALF_UP).normalize()
    return number.quantize(Decimal(1)) if number == number.to_integral() else number


def id_conflicts(scores: Iterable[StudentScore]) -> tuple[IdConflict, ...]:
    """Return the ids that several students have, and keys that are blank or given twice (kind `key`)."""
    holders: dict[tuple[str, str], list[str]] = {}
    for score in scores:
        holders.setdefault(("key", score.key.strip()), []).append(score.key)
        for kind, value in score.ids.items():
            if value.strip():
                holders.setdefault((kind, value.strip()), []).append(score.key)
    return tuple(
        IdConflict(kind, value, tuple(keys))
        for (kind, value), keys in holders.items()
        if len(keys) > 1 or not value
    )
