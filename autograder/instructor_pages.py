"""The instructor's view of a submission: all that is known of it, with its executed notebooks beside the marks."""

from __future__ import annotations

from typing import Any

import reports
from autograder.notebook_pages import writing
from autograder.records import Grade
from autograder.review.store import history
from autograder.store import RunDirectory, RunInfo, read_json, write_text

FILE = "instructor.html"
_NOT_INSTALLED = (
    "Executed notebooks are shown here once the packages for it are installed: "
    'pip install "generative-autograder[review]", then: autograder report DIR'
)


def write_instructor_page(run: RunDirectory, info: RunInfo, grade: Grade) -> None:
    """Write the instructor's view of a submission, and the pages of its notebooks where they are missing or old."""
    folder = run.submission(grade.submission.id)
    html = reports.render_instructor(
        grade.model_dump(mode="json"),
        notebooks={part: _notebook(run, info, grade, part) for part in grade.executions},
        missing="There is no page of an executed notebook." if writing.is_available() else _NOT_INSTALLED,
        evidence={part: _evidence(run, info, grade, part) for part in grade.executions},
        history=_history(run, grade.submission.id),
    )
    write_text(folder / FILE, html)


def _notebook(run: RunDirectory, info: RunInfo, grade: Grade, part: str) -> str:
    """Return the page of a part's executed notebook, seen from the submission's folder; "" when there is none."""
    folder = run.part(grade.submission.id, part, info.parts)
    if not writing.ensure_page(folder, f"Executed notebook, part {part}", grade.executions[part]):
        return ""
    return (folder / writing.FILE).relative_to(run.submission(grade.submission.id)).as_posix()


def _evidence(run: RunDirectory, info: RunInfo, grade: Grade, part: str) -> dict[str, Any]:
    stored = read_json(run.part(grade.submission.id, part, info.parts) / "evidence.json")
    return stored if isinstance(stored, dict) else {}


def _history(run: RunDirectory, submission: str) -> list[dict[str, Any]]:
    """Return every mark that a person gave to a submission, oldest first, with whether it was taken back since."""
    if not run.gradebook.exists():
        return []
    entries = history(run.gradebook, submission)
    undone = {entry.undoes for entry in entries}
    return [
        {
            "time": entry.time,
            "author": entry.author,
            "check": entry.place.check,
            "round": entry.place.round,
            "kind": entry.mark.kind,
            "points": entry.mark.points,
            "comment": entry.mark.comment,
            "reason": entry.mark.reason,
            "is_undone": entry.id in undone,
        }
        for entry in entries
        if entry.undoes is None
    ]
