"""What each person gets: the marks of the submission, less what lateness costs them; or a state in their place.

Applied once, to the sum, after everything else: items and checks are as they were. Applying it twice gives the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autograder.course_rules import CourseRules
from autograder.records import Grade, Lateness, PersonGrade

LATE, WHEN, WHOSE, SEVERAL, EXCUSED, WITHHELD = (
    "late",
    "late: when?",
    "whose?",
    "in several hand-ins",
    "excused",
    "withheld",
)
"""Flags that depend on the course file and on whose a hand-in is."""
OWN_FLAGS = (LATE, WHEN, WHOSE, SEVERAL, EXCUSED, WITHHELD)


def with_people(grade: Grade, rules: CourseRules | None) -> Grade:
    """Return a grade with what each of its students gets.

    Parameters
    ----------
    rules : of the course; None: everybody gets the marks
    """
    people = tuple(_person(grade, student, rules) for student in grade.submission.students)
    waits = any(person.late is not None and person.late.submitted is None for person in people) or bool(
        grade.submission.owner_problem or grade.submission.contested
    )
    return grade.model_copy(
        update={
            "people": people,
            "state": "needs_review" if waits and grade.state == "graded" else grade.state,
            "flags": (*(flag for flag in grade.flags if flag not in OWN_FLAGS), *_flags(grade, people)),
        }
    )


def _person(grade: Grade, student: str, rules: CourseRules | None) -> PersonGrade:
    submission = grade.submission
    late = None
    if rules is not None and grade.state != "failed":
        late = rules.lateness(
            student, submission.submitted, submission.is_marked_late, grade.earned, grade.possible
        )
    deducted = late.deducted if late is not None else 0.0
    person = PersonGrade(
        id=student,
        state="graded",
        score=round(max(0.0, grade.earned - deducted), 4),
        deducted=deducted,
        late=late,
    )
    return person.model_copy(update=_state(grade, student, late, rules))


def _state(grade: Grade, student: str, late: Lateness | None, rules: CourseRules | None) -> dict[str, str]:
    if rules is not None and student in rules.excused:
        return {"state": "excused", "note": rules.excused[student]}
    if rules is not None and student in rules.withheld:
        return {"state": "withheld", "note": rules.withheld[student]}
    if student in grade.submission.contested:
        return {"state": "pending", "note": "is in several hand-ins; a person decides which one counts"}
    if grade.state == "failed":
        return {"state": "failed", "note": grade.submission.problem_name or ""}
    if late is not None and late.submitted is None:
        return {
            "state": "pending",
            "note": "the LMS says late and not when; write the time into the course file",
        }
    return {"state": "pending" if grade.pending else "graded"}


def _flags(grade: Grade, people: Sequence[PersonGrade]) -> Iterable[str]:
    if grade.submission.owner_problem is not None:
        yield WHOSE
    if grade.submission.contested:
        yield SEVERAL
    if any(person.late is not None and person.late.submitted is None for person in people):
        yield WHEN
    elif any(person.late is not None and person.late.n_days for person in people):
        yield LATE
    for state in (EXCUSED, WITHHELD):
        if any(person.state == state for person in people):
            yield state


def shared_late(people: Sequence[PersonGrade]) -> Lateness | None:
    """Return the lateness when it is the same for all of them, else None."""
    return people[0].late if people and all(person.late == people[0].late for person in people) else None


def shared_score(people: Sequence[PersonGrade]) -> float | None:
    """Return the score when it is the same for all of them, else None."""
    return people[0].score if len({person.score for person in people}) == 1 else None
