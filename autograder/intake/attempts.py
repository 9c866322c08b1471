"""Several hand-ins of the same people: attempts of one submission, or a case for a person.

The same key of an LMS in several downloads, the same people with a time each, and the same files of the same people are
attempts: the course file says which one counts. Whoever else stands in two submissions is contested, and a person decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from autograder.records import Submission


def settled(submissions: Sequence[Submission], keys: Sequence[str], has_roster: bool) -> list[Submission]:
    """Return the submissions with their attempts numbered and those people named who stand in several.

    Parameters
    ----------
    keys : of each submission, the same for the same people in several downloads
    has_roster : whether `students` are ids; names identify nobody
    """
    groups: dict[str, list[int]] = defaultdict(list)
    first_key: dict[tuple[frozenset[str], tuple[tuple[str, str], ...]], str] = {}
    for index, (submission, key) in enumerate(zip(submissions, keys, strict=True)):
        if has_roster and submission.students and submission.digests:
            same = (frozenset(submission.students), tuple(sorted(submission.digests.items())))
            key = first_key.setdefault(same, key)  # all of a group handed in the same file
        groups[key].append(index)
    done = list(submissions)
    for indices in groups.values():
        if len(indices) > 1:
            for number, index in enumerate(sorted(indices), start=1):
                done[index] = done[index].model_copy(
                    update={"attempt_of": submissions[min(indices)].id, "attempt": number}
                )
    return _contested(done) if has_roster else done


def _contested(submissions: Sequence[Submission]) -> list[Submission]:
    places: dict[str, set[str]] = defaultdict(set)
    for submission in submissions:
        for student in submission.students:
            places[student].add(submission.attempt_of or submission.id)
    done = []
    for submission in submissions:
        several = tuple(student for student in submission.students if len(places[student]) > 1)
        notes = tuple(
            f"{student} is in several hand-ins ({', '.join(sorted(places[student]))}); a person decides which counts"
            for student in several
        )
        update = {"contested": several, "instructor_notes": (*submission.instructor_notes, *notes)}
        done.append(submission.model_copy(update=update) if several else submission)
    return done
