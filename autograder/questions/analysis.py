"""The question analysis of a run, and the files that hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import reports
from autograder import __version__
from autograder.errors import UsageError
from autograder.questions.marks import PartMarks
from autograder.questions.mistakes import KnownMistakes, failures_in, groups_of
from autograder.questions.records import ItemQuestion, PartQuestions, Provenance, Questions
from autograder.records import Grade
from autograder.registry import find_assignment
from autograder.rubric.model import PartSpec, Rubric
from autograder.signatures import Signatures, read_signatures
from autograder.store import RunDirectory, write_record, write_text

Known = Mapping[str, Signatures | str]
"""Part to the signatures of its known mistakes, or why there are none."""


def write_questions(run: RunDirectory, rubric: Rubric, grades: Sequence[Grade]) -> Questions:
    """Write `questions.json` and `questions.html` of a run, and return what they say."""
    found = analyse(rubric, grades, known_mistakes(rubric))
    write_record(run.questions, found)
    write_text(run.questions_page, reports.render_questions(found.model_dump(mode="json")))
    return found


def known_mistakes(rubric: Rubric) -> dict[str, Signatures | str]:
    """Return what is known of mistakes in each part, as the course has it now."""
    return {part.part: _known_in(rubric.assignment, part.part) for part in rubric.parts}


def _known_in(assignment: str, part: str) -> Signatures | str:
    try:
        found = read_signatures(find_assignment(assignment).signatures(part))
    except UsageError as error:
        return str(error)
    command = f"autograder validate {assignment} --part {part} --signatures"
    return found or f"nobody has tried known mistakes yet; do it with: {command}"


def analyse(rubric: Rubric, grades: Sequence[Grade], known: Known) -> Questions:
    """Return what the grades of a class say of the questions; nothing is tried again.

    Parameters
    ----------
    rubric : the rubric of the last scoring
    known : part to the signatures of its known mistakes, or why there are none
    """
    return Questions(
        assignment=rubric.assignment,
        title=rubric.title,
        n_submissions=len(grades),
        n_graded=sum(grade.state != "failed" for grade in grades),
        parts=tuple(_part(part, grades, known.get(part.part, ""), rubric.sha256) for part in rubric.parts),
        engine=__version__,
        rubric_sha256=rubric.sha256,
    )


def _part(spec: PartSpec, grades: Sequence[Grade], known: Signatures | str, sha256: str) -> PartQuestions:
    marks = PartMarks(spec.part, grades)
    signatures = known if isinstance(known, Signatures) else None
    return PartQuestions(
        part=spec.part,
        title=spec.title,
        n=len(marks.grades),
        n_absent=len(grades) - len(marks.grades),
        n_nothing=int((~marks.is_telling).sum()),
        reliability=marks.reliability(),
        items=tuple(_item(item, marks, signatures) for item in marks.items),
        known=_provenance(signatures, sha256) if signatures is not None else None,
        known_problem=known if isinstance(known, str) else "",
    )


def _item(item: str, marks: PartMarks, signatures: Signatures | None) -> ItemQuestion:
    mine = [one for grade in marks.grades for one in grade.items if one.id == item]
    failures = failures_in(item, marks.grades)
    return ItemQuestion(
        **vars(marks.item(item)),
        n_pending=sum(one.pending > 0 for one in mine),
        n_lost=len(failures),
        checks=tuple(marks.check(item, check) for check in marks.checks[item]),
        mistakes=groups_of(failures, KnownMistakes(item, signatures)),
    )


def _provenance(signatures: Signatures, sha256: str) -> Provenance:
    return Provenance(
        n_mistakes=sum(bool(one.checks) for one in signatures.mistakes),
        budget=signatures.budget,
        is_same_rubric=signatures.rubric_sha256 == sha256,
    )
