"""Which of several hand-ins of the same people counts, by the course file: the last in time, the latest, the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from autograder.course_rules import CourseRules
from autograder.records import Attempt, Grade, Submission


def attempts_of(submissions: Iterable[Submission]) -> dict[str, list[Submission]]:
    """Return the attempts of the same people, in their order, by their common key; those without others alone."""
    groups: dict[str, list[Submission]] = {}
    for submission in submissions:
        groups.setdefault(submission.attempt_of or submission.id, []).append(submission)
    return {key: sorted(group, key=lambda one: one.attempt) for key, group in groups.items()}


def that_may_count(submissions: Sequence[Submission], rules: CourseRules | None) -> list[Submission]:
    """Return the submissions that may count, in the order given: of several attempts one, or all where the best does."""
    kept = set()
    for group in attempts_of(submissions).values():
        if rules is not None and rules.attempts == "best":
            kept |= {one.id for one in group}
        else:
            kept.add(_last(_in_order(group, rules), rules).id)
    return [submission for submission in submissions if submission.id in kept]


def _in_order(group: Sequence[Submission], rules: CourseRules | None) -> list[Submission]:
    """Return the attempts as they were handed in, where the times of all are known; else as they were numbered."""
    if rules is None:
        return list(group)
    times = [rules.submitted_of("", one.submitted) for one in group]
    if any(time is None for time in times):
        return list(group)
    pairs = zip(times, group, strict=True)
    return [
        one
        for _, one in sorted(
            pairs, key=lambda pair: (pair[0].timestamp() if pair[0] else 0.0, pair[1].attempt)
        )
    ]


def _last(group: Sequence[Submission], rules: CourseRules | None) -> Submission:
    """Return the last attempt that can be graded and, unless the latest counts, is in time; else the last one."""
    readable = [one for one in group if one.problem is None] or list(group)
    if rules is None or rules.attempts == "latest":
        return readable[-1]
    in_time = [one for one in readable if not _is_late(one, rules)]
    return (in_time or readable)[-1]


def _is_late(submission: Submission, rules: CourseRules) -> bool:
    """Return whether an attempt is late for all who handed it in."""
    return all(
        rules.is_late(student, submission.submitted, submission.is_marked_late)
        for student in submission.students or ("",)
    )


def that_count(
    grades: Sequence[Grade], submissions: Sequence[Submission], rules: CourseRules | None
) -> tuple[Grade, ...]:
    """Return the grades that count, in the order given, each with the attempts that it is one of.

    Parameters
    ----------
    grades : of those that may count
    submissions : all of them
    """
    graded = {grade.submission.id: grade for grade in grades}
    counted: dict[str, Grade] = {}
    for group in attempts_of(submissions).values():
        found = [graded[one.id] for one in group if one.id in graded]
        if not found:
            continue
        best = max(found, key=lambda grade: (_score(grade), grade.submission.attempt))
        listed = _listed(group, graded, best.submission.id) if len(group) > 1 else ()
        counted[best.submission.id] = best.model_copy(update={"attempts": listed})
    return tuple(counted[grade.submission.id] for grade in grades if grade.submission.id in counted)


def _score(grade: Grade) -> float:
    """Return the mean score of the people; what could not be graded comes after everything that could."""
    if grade.state == "failed":
        return -1.0
    return sum(person.score for person in grade.people) / len(grade.people) if grade.people else grade.earned


def _listed(group: Sequence[Submission], graded: Mapping[str, Grade], counted: str) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            id=one.id,
            attempt=one.attempt,
            submitted=one.submitted,
            counts=one.id == counted,
            score=round(_score(graded[one.id]), 4)
            if one.id in graded and graded[one.id].state != "failed"
            else None,
        )
        for one in group
    )
