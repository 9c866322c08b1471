"""A run's marks and pages made again from what is stored, with the marks that people gave since."""

from __future__ import annotations

from pydantic import ValidationError

from autograder.class_lists import ClassLists
from autograder.errors import UsageError
from autograder.marking import write_graded
from autograder.people import with_people
from autograder.questions import write_questions
from autograder.records import Grade
from autograder.results import write_class_page, write_marks
from autograder.review.marks import with_marks
from autograder.review.store import standings
from autograder.rubric.model import Rubric
from autograder.store import RunDirectory, read_json, read_record, write_record


def refresh(run: RunDirectory, *, author: str, show_markers: bool | None = None) -> tuple[Grade, ...]:
    """Return the grades of a run with the marks of people, and write all that depends on them again.

    Nothing is executed and no check is tried again. The caller holds the run's lock.

    Parameters
    ----------
    author : who takes the marks in, for the gradebook
    show_markers : whether students' reports name the people who marked; None: as the run has it

    Raises
    ------
    UsageError
        When something stored is missing or damaged.
    """
    info = run.info()
    if show_markers is not None and show_markers != info.show_markers:
        info = info.model_copy(update={"show_markers": show_markers})
        write_record(run.path / "run.json", info)
    rubric = stored_rubric(run)
    given = standings(run.gradebook)
    rules = ClassLists.of(run).rules
    grades = tuple(with_people(with_marks(grade, given), rules) for grade in stored_grades(run))
    for grade in grades:
        write_graded(run, info, grade)
    write_marks(run, info, rubric, grades, author=author, why="marks of people taken in")
    write_class_page(run, grades)
    write_questions(run, rubric, grades)
    return grades


def stored_grades(run: RunDirectory) -> list[Grade]:
    """Return the stored grades in the order of `results.json`; UsageError when one is missing or damaged."""
    results = read_json(run.results)
    if not isinstance(results, dict):
        raise UsageError(_again(run, run.results))
    grades = []
    for entry in results["submissions"]:
        path = run.submission(entry["id"]) / "grade.json"
        grade = read_record(path, Grade)
        if grade is None:
            raise UsageError(_again(run, path))
        grades.append(grade)
    return grades


def stored_rubric(run: RunDirectory) -> Rubric:
    """Return the rubric of the last scoring; UsageError when it is missing or damaged."""
    try:
        return Rubric.model_validate_json(run.rubric.read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(_again(run, run.rubric)) from error


def _again(run: RunDirectory, path: object) -> str:
    return f"{path} is missing or damaged; make it again with: autograder rescore {run.path}"
