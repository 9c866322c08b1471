"""From a run to what leaves it: the scores of all its students, files for an LMS, and the record of what was sent."""

from __future__ import annotations

from decimal import Decimal

from autograder.export.people import people_of_results
from autograder.export.scores import StudentScore, exact, scores_of
from autograder.records import Grade
from autograder.refreshing import refresh, stored_grades, stored_rubric
from autograder.review.marks import with_marks
from autograder.review.store import standings
from autograder.rosters import Roster
from autograder.store import RunDirectory, read_json, read_record


def scores_of_run(run: RunDirectory, *, author: str) -> tuple[StudentScore, ...]:
    """Return what a run says of each student, with all marks that people gave.

    Marks that were given since the reports were written are taken in first, as `report` does, so that scores and
    reports say the same. The caller holds the run's lock.

    Raises
    ------
    UsageError
        When something stored is missing or damaged.
    """
    stored = stored_grades(run)
    given = standings(run.gradebook)
    current: tuple[Grade, ...] = tuple(with_marks(grade, given) for grade in stored)
    if list(current) != stored:
        current = refresh(run, author=author)
    people = people_of_results(read_json(run.results), read_record(run.roster, Roster))
    return scores_of(current, people, maximum_of(run))


def maximum_of(run: RunDirectory) -> Decimal:
    """Return the points that the run's parts give together."""
    return sum((exact(part.points) for part in stored_rubric(run).parts), Decimal(0))
