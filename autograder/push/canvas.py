"""Canvas' REST interface, by canvasapi: one request for each student, with score, rubric, comment and report together.

The comment is added and never replaced, so that it must not be sent twice: it ends with a mark, for which the comments
that are there are searched first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from autograder.errors import UsageError
from autograder.export.deciding import Takes
from autograder.export.sheets import Row
from autograder.push.canvas_api import INCLUDED, CanvasApi
from autograder.push.parcels import Criterion, Parcel, Seen
from autograder.push.sessions import Session

FEW = 5
"""So many students are read one by one; more, all of the assignment page by page."""


class Canvas:
    """One assignment of one course.

    Parameters
    ----------
    course, assignment : ids, as in the address of the assignment's page
    clears_late : whether Canvas' own late penalty is taken off whoever has one of ours
    """

    route = "push:canvas"
    takes = Takes(excused=True, above_maximum=True)
    replaces_comments = False
    takes_comments = takes_reports = True

    def __init__(self, session: Session, course: str, assignment: str, *, clears_late: bool = False):
        self._session, self._clears_late = session, clears_late
        self._api = CanvasApi(session, _id(course, "--course"), _id(assignment, "--assignment"))
        self.destination = f"canvas:{int(assignment)}"
        self.notes: list[str] = []
        facts = self._api.assignment()
        self.title = f"Canvas, {facts.get('name') or assignment}"
        self.maximum = _number(facts.get("points_possible"))
        self._require_gradeable(facts)
        self.rubric = tuple(_criterion(row) for row in facts.get("rubric") or ())
        self.rubric_decides: Literal["never", "when_sent", "always"] = (
            "when_sent" if facts.get("use_rubric_for_grading") else "never"
        )
        self._deducts = bool(self._api.late_policy().get("late_submission_deduction_enabled"))
        self._late: frozenset[str] = frozenset()

    def _require_gradeable(self, facts: Mapping[str, Any]) -> None:
        kind = facts.get("grading_type", "points")
        if kind not in ("points", "percent"):
            raise UsageError(
                f"{self.title} is graded by {str(kind).replace('_', ' ')}; set 'Display Grade as' to Points there"
            )
        if facts.get("published") is False:
            raise UsageError(f"{self.title} is not published; Canvas takes no scores for it")
        if facts.get("anonymize_students"):
            raise UsageError(
                f"{self.title} is graded anonymously and hides who is who; post its grades, or use a CSV"
            )
        if facts.get("moderated_grading") and not facts.get("grades_published", False):
            raise UsageError(f"{self.title} is moderated; release its grades there first")
        if facts.get("post_manually"):
            self.notes.append(
                "Grades are posted by hand here: students see nothing until you post them in Canvas."
            )
        if facts.get("group_category_id") and not facts.get("grade_group_students_individually"):
            self.notes.append(
                "A group assignment: Canvas gives a score to all members of the student's group there."
            )

    def require_one_late_rule(self, deducted: Sequence[str]) -> None:
        """Raise UsageError when both we and Canvas would take points off for lateness.

        Parameters
        ----------
        deducted : students of whom points are taken off by our rule
        """
        if deducted and self._deducts and not self._clears_late:
            raise UsageError(
                f"the course has a late policy of its own, and {len(deducted)} scores have our deduction already "
                f"({', '.join(deducted[:5])}): they would be punished twice. Say --clear-late, which sets their status in "
                "Canvas to 'none', or turn the policy off there"
            )
        if self._clears_late:
            self._late = frozenset(deducted)

    def students(self) -> Sequence[Row]:
        """Return the students of the course to whom the assignment is given."""
        states = {str(one["user_id"]): one for one in self._api.submissions()}
        rows = []
        for user in self._api.students():
            key = str(user["id"])
            rows.append(self._row(key, states.get(key), user))
        return rows

    def _row(self, key: str, state: Mapping[str, Any] | None, user: Mapping[str, Any]) -> Row:
        ids = {
            "canvas": key,
            "number": user.get("sis_user_id"),
            "login": user.get("login_id"),
            "email": user.get("email"),
            "integration": user.get("integration_id"),
        }
        locked = "" if state is not None else "Canvas has the assignment as not given to this student"
        return Row(
            at=0,
            key=key,
            ids={kind: str(value) for kind, value in ids.items() if value},
            name=str(user.get("sortable_name") or user.get("name") or key),
            score=None if state is None else _score(state),
            is_excused=bool(state and state.get("excused")),
            locked=locked,
        )

    def look(self, rows: Sequence[Row]) -> Mapping[str, Seen]:
        """Return what Canvas has of some students."""
        wanted = {row.key: row for row in rows}
        if len(rows) <= FEW:
            asked = [self._api.submission(key) for key in wanted]
            states = [one for one in asked if one is not None]
        else:
            states = [one for one in self._api.submissions(INCLUDED) if str(one["user_id"]) in wanted]
        return {str(one["user_id"]): self._seen(wanted[str(one["user_id"])], one) for one in states}

    def _seen(self, row: Row, state: Mapping[str, Any]) -> Seen:
        notes = []
        deducted = _number(state.get("points_deducted"))
        if deducted:
            notes.append(
                f"{row.name} (id {row.key}): Canvas itself takes {deducted:f} points off for lateness."
            )
        if state.get("grade_matches_current_submission") is False:
            notes.append(f"{row.name} (id {row.key}) handed in again after the grade that Canvas has.")
        points = {
            str(criterion): number
            for criterion, given in (state.get("rubric_assessment") or {}).items()
            if (number := _number((given or {}).get("points"))) is not None
        }
        fresh = Row(
            at=0,
            key=row.key,
            ids=row.ids,
            name=row.name,
            score=_score(state),
            is_excused=bool(state.get("excused")),
            locked=row.locked,
        )
        comments = tuple(str(one.get("comment") or "") for one in state.get("submission_comments") or ())
        return Seen(fresh, comments, points, notes=tuple(notes))

    def send(self, parcel: Parcel) -> None:
        """Send one student's score, rubric, comment and report in one request; the file goes before it."""
        words: dict[str, Any] = {}
        if parcel.value:
            is_excused = parcel.value == "EX"
            words["submission"] = {"excuse": True} if is_excused else {"posted_grade": parcel.value}
            if parcel.student in self._late:
                words["submission"]["late_policy_status"] = "none"
        if parcel.comment:
            words["comment"] = {"text_comment": parcel.comment}
            if parcel.report is not None:
                words["comment"]["file_ids"] = [self._api.upload(parcel.place, parcel.report)]
        if parcel.rubric:
            words["rubric_assessment"] = {
                row.criterion.id: {"points": f"{row.points:f}", "comments": row.comment}
                for row in parcel.rubric
            }
        self._api.grade(parcel.place, words)


def _id(text: str, option: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,18}", text):
        raise UsageError(
            f"{option} {text!r} is no id; take the number from the address of the assignment's page"
        )
    return int(text)


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _score(state: Mapping[str, Any]) -> Decimal | None:
    """Return the score before Canvas' own late penalty."""
    entered = state.get("entered_score")
    return _number(state.get("score") if entered is None else entered)


def _criterion(row: Mapping[str, Any]) -> Criterion:
    return Criterion(
        str(row["id"]), str(row.get("description") or ""), _number(row.get("points")) or Decimal(0)
    )
