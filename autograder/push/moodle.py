"""Moodle's `mod_assign_save_grades`: one call for each student, read back, since its answer says nothing.

Its silent losses, and what is done about them: a grade above the maximum or of a locked or overridden student is not
stored (held back; read back), `-1` clears a grade (never sent), a call without a comment fails or wipes the one that is
there (the comment is always sent), an unknown student is ignored (read back), a team in one call is an error (members
are sent one by one, `applytoall` 0).
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from autograder.errors import UsageError
from autograder.export.comments import as_html
from autograder.export.deciding import Takes
from autograder.export.sheets import Row
from autograder.push.moodle_service import Service
from autograder.push.parcels import Criterion, Parcel, RubricRow, Seen
from autograder.push.sessions import Session, Stopped

NEEDED = (
    "mod_assign_get_assignments",
    "mod_assign_get_grades",
    "mod_assign_get_submission_status",
    "mod_assign_list_participants",
    "mod_assign_save_grades",
)
GRADE_ITEMS = "gradereport_user_get_grade_items"
DEFINITIONS = "core_grading_get_definitions"
OPTIONAL = (GRADE_ITEMS, DEFINITIONS)
WORKFLOW = ("notmarked", "inmarking", "readyforreview", "inreview", "readyforrelease", "released")
HTML_FORMAT = 1
_TAG = re.compile(r"<[^>]*>")


class Moodle:
    """One assignment of one course.

    Parameters
    ----------
    course : id, as in the address of the course's page
    assignment : id, as in the address of the assignment's page (`mod/assign/view.php?id=...`)
    workflow : state that a grade gets where the assignment has a marking workflow
    """

    route = "push:moodle"
    takes = Takes()
    replaces_comments = True

    def __init__(self, session: Session, course: str, assignment: str, *, workflow: str = ""):
        self._course, self._page = _id(course, "--course"), _id(assignment, "--assignment")
        self._service = Service(session)
        self._require_functions()
        self.notes: list[str] = []
        self.destination = f"moodle:{self._page}"
        facts = self._find()
        self.title = f"Moodle, {facts.get('name') or assignment}"
        self._instance = int(facts["id"])
        self.maximum: Decimal | None = self._maximum(facts)
        enabled = {
            str(one["plugin"]) for one in facts.get("configs", ()) if one.get("subtype") == "assignfeedback"
        }
        self.takes_comments, self.takes_reports = "comments" in enabled, "file" in enabled
        self._workflow = self._state(facts, workflow)
        self.rubric: tuple[Criterion, ...] = self._rubric()
        self.rubric_decides: Literal["never", "when_sent", "always"] = "always" if self.rubric else "never"
        self._tell(facts)

    def _require_functions(self) -> None:
        lacking = [name for name in NEEDED if name not in self._service.functions]
        if lacking:
            raise UsageError(
                f"the service of this token does not offer {', '.join(lacking)}; add them (Site administration, Server, "
                "Web services, External services)"
            )

    def _find(self) -> Mapping[str, Any]:
        found = self._service.read("mod_assign_get_assignments", {"courseids": [self._course]})
        listed = [one for course in found.get("courses", ()) for one in course.get("assignments", ())]
        for one in listed:
            if one.get("cmid") == self._page:
                return dict(one)
        known = (
            ", ".join(f"{one.get('cmid')} ({one.get('name')})" for one in listed)
            or "none that this token can see"
        )
        raise UsageError(
            f"course {self._course} has no assignment with id={self._page} in its address; it has: {known}"
        )

    def _maximum(self, facts: Mapping[str, Any]) -> Decimal:
        grade = int(facts.get("grade") or 0)
        if grade <= 0:
            raise UsageError(
                f"{self.title} is graded by a scale or not at all; set its grade to points there"
            )
        if facts.get("blindmarking") and not facts.get("revealidentities"):
            raise UsageError(
                f"{self.title} is marked blind and hides who is who; reveal the identities there first"
            )
        return Decimal(grade)

    def _state(self, facts: Mapping[str, Any], workflow: str) -> str:
        if not facts.get("markingworkflow"):
            return ""
        if workflow not in WORKFLOW:
            raise UsageError(
                f"{self.title} has a marking workflow, and every grade that is sent sets its state; say which with "
                f"--workflow ({', '.join(WORKFLOW)}). Students see grades that are released"
            )
        return workflow

    def _tell(self, facts: Mapping[str, Any]) -> None:
        if GRADE_ITEMS not in self._service.functions:
            self.notes.append(
                f"The token's service does not offer {GRADE_ITEMS}: grades that are locked or overridden in the gradebook "
                "show only after sending, as not stored."
            )
        if DEFINITIONS not in self._service.functions:
            self.notes.append(
                f"The token's service does not offer {DEFINITIONS}: a rubric would not be seen."
            )
        if facts.get("teamsubmission"):
            self.notes.append("A team assignment: every member is sent alone.")
        if not self.takes_comments:
            self.notes.append("Feedback comments are off in this assignment: no comments are sent.")
        if not self.takes_reports:
            self.notes.append("Feedback files are off in this assignment: no reports are sent.")

    def _rubric(self) -> tuple[Criterion, ...]:
        if DEFINITIONS not in self._service.functions:
            return ()
        words = {"cmids": [self._page], "areaname": "submissions", "activeonly": True}
        for area in self._service.read(DEFINITIONS, words).get("areas", ()):
            method = area.get("activemethod")
            if method and method != "rubric":
                raise UsageError(
                    f"{self.title} is graded by {method}, which takes no scores from outside; choose simple direct grading"
                )
            if method:
                rows = area["definitions"][0].get("rubric", {}).get("rubric_criteria", ())
                return tuple(_criterion(row) for row in rows)
        return ()

    # ---------------------------------------------------------------- reading

    def students(self) -> Sequence[Row]:
        """Return the participants of the assignment."""
        words = {"assignid": self._instance, "groupid": 0, "filter": ""}
        grades, locked = self._grades(), self._locked()
        return [
            self._row(one, grades.get(int(one["id"])), locked.get(int(one["id"]), ""))
            for one in self._service.read("mod_assign_list_participants", words)
        ]

    def _row(self, one: Mapping[str, Any], score: Decimal | None, locked: str) -> Row:
        ids = {"number": one.get("idnumber"), "login": one.get("username"), "email": one.get("email")}
        return Row(
            at=0,
            key=str(one["id"]),
            ids={kind: str(value) for kind, value in ids.items() if value},
            name=str(one.get("fullname") or one["id"]),
            score=score,
            locked=locked,
        )

    def _grades(self) -> dict[int, Decimal]:
        found = self._service.read("mod_assign_get_grades", {"assignmentids": [self._instance]})
        return {
            int(one["userid"]): number
            for assignment in found.get("assignments", ())
            for one in assignment.get("grades", ())
            if (number := _grade(one.get("grade"))) is not None
        }

    def _locked(self) -> dict[int, str]:
        if GRADE_ITEMS not in self._service.functions:
            return {}
        found = self._service.read(GRADE_ITEMS, {"courseid": self._course, "userid": 0})
        locked = {}
        for user in found.get("usergrades", ()):
            for item in user.get("gradeitems", ()):
                if item.get("itemmodule") == "assign" and item.get("iteminstance") == self._instance:
                    if item.get("gradeisoverridden"):
                        locked[int(user["userid"])] = (
                            "overridden in Moodle's gradebook; take the override back there"
                        )
                    elif item.get("gradeislocked"):
                        locked[int(user["userid"])] = "locked in Moodle's gradebook; unlock it there"
        return locked

    def look(self, rows: Sequence[Row]) -> Mapping[str, Seen]:
        """Return what Moodle has of some students."""
        grades = self._grades()
        return {row.key: self._seen(row, grades) for row in rows}

    def _seen(self, row: Row, grades: Mapping[int, Decimal]) -> Seen:
        words = {"assignid": self._instance, "userid": int(row.key)}
        feedback = self._service.read("mod_assign_get_submission_status", words).get("feedback") or {}
        score = grades.get(int(row.key))
        if score is None:  # get_grades leaves out who has no submission of their own, as members of teams
            score = _grade((feedback.get("grade") or {}).get("grade"))
        comments, files = [], []
        for plugin in feedback.get("plugins", ()):
            if plugin.get("type") == "comments":
                comments += [str(one.get("text") or "") for one in plugin.get("editorfields", ())]
            if plugin.get("type") == "file":
                areas = plugin.get("fileareas", ())
                files += [str(one["filename"]) for area in areas for one in area.get("files", ())]
        told = tuple(text for text in comments if _plain(text))
        is_shown = self._workflow in ("", "released") and (score is not None or bool(feedback))
        return Seen(replace(row, score=score), told, files=tuple(files), is_whole=is_shown)

    # ---------------------------------------------------------------- sending

    def send(self, parcel: Parcel) -> None:
        """Send one student's grade with comment, report and rubric."""
        self._service.write("mod_assign_save_grades", self._words(parcel))

    def _words(self, parcel: Parcel) -> dict[str, Any]:
        value = parcel.value or parcel.before
        if not re.fullmatch(r"\d+\.\d\d", value):  # -1 would clear the grade
            raise Stopped(f"{parcel.student} has no grade to be sent with a comment; Moodle takes none alone")
        plugins: dict[str, Any] = {}
        if self.takes_comments:
            text = as_html(parcel.comment) if parcel.comment else parcel.keeps
            plugins["assignfeedbackcomments_editor"] = {"text": text, "format": HTML_FORMAT}
        if self.takes_reports:
            draft = 0 if parcel.report is None else self._service.upload(parcel.report, parcel.report.name)
            plugins["files_filemanager"] = draft
        grade: dict[str, Any] = {
            "userid": int(parcel.place),
            "grade": value,
            "attemptnumber": -1,
            "addattempt": 0,
            "workflowstate": self._workflow,
            "plugindata": plugins,
        }
        if parcel.rubric:
            rows = [_filling(row) for row in parcel.rubric]
            grade["advancedgradingdata"] = {"rubric": {"criteria": rows}}
        return {"assignmentid": self._instance, "applytoall": 0, "grades": [grade]}


def _filling(row: RubricRow) -> dict[str, Any]:
    level = row.criterion.levels[row.points]
    filling = {"levelid": level, "remark": as_html(row.comment), "remarkformat": HTML_FORMAT}
    return {"criterionid": row.criterion.id, "fillings": [filling]}


def _criterion(row: Mapping[str, Any]) -> Criterion:
    levels = {Decimal(str(one["score"])): str(one["id"]) for one in row.get("levels", ())}
    text = " ".join(html.unescape(_TAG.sub(" ", str(row.get("description", "")))).split())
    return Criterion(str(row["id"]), text, max(levels, default=Decimal(0)), levels)


def _grade(value: Any) -> Decimal | None:
    """Return a grade, None where Moodle says that there is none (-1, blank)."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 else None


def _plain(text: str) -> str:
    return html.unescape(_TAG.sub("", text)).strip()


def _id(text: str, option: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,18}", text):
        raise UsageError(f"{option} {text!r} is no id; take the number from the address of the page")
    return int(text)
