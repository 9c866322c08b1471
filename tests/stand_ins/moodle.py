"""A stand-in for Moodle's web services: `mod_assign_save_grades` with every silent loss that was seen on a real one."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from stand_ins.servers import Answer, Asked, StandIn

COURSE, PAGE, INSTANCE = 4, 31, 7
TOKEN = "0123456789abcdef0123456789planted"
FUNCTIONS = (
    "core_webservice_get_site_info",
    "mod_assign_get_assignments",
    "mod_assign_get_grades",
    "mod_assign_get_submission_status",
    "mod_assign_list_participants",
    "mod_assign_save_grades",
    "gradereport_user_get_grade_items",
    "core_grading_get_definitions",
)


class MoodleStandIn(StandIn):
    """Moodle with one course and one assignment."""

    def __init__(self, users: dict[int, dict[str, Any]], *, maximum: int = 6):
        super().__init__()
        self.users = users
        self.functions = set(FUNCTIONS)
        self.assignment: dict[str, Any] = {
            "id": INSTANCE,
            "cmid": PAGE,
            "course": COURSE,
            "name": "Sampling",
            "grade": maximum,
            "teamsubmission": 0,
            "blindmarking": 0,
            "revealidentities": 0,
            "markingworkflow": 0,
            "configs": [
                {"plugin": plugin, "subtype": "assignfeedback", "name": "enabled", "value": "1"}
                for plugin in ("comments", "file")
            ],
        }
        self.without_submission: set[int] = set()
        """Users whom get_grades leaves out: members of teams, people without a submission."""
        self.locked: set[int] = set()
        self.overridden: set[int] = set()
        self.suspended: set[int] = set()
        self.grades: dict[int, Decimal] = {}
        self.comments: dict[int, str] = {}
        self.feedback_files: dict[int, dict[str, bytes]] = {}
        self.drafts: dict[int, tuple[str, bytes]] = {}
        self.states: dict[int, str] = {}
        self.fillings: dict[int, dict[str, str]] = {}
        self.grade_events: list[tuple[int, str]] = []
        self.rubric: list[dict[str, Any]] = []
        self.query_tokens: list[str] = []

    @property
    def _plugins(self) -> set[str]:
        return {one["plugin"] for one in self.assignment["configs"]}

    def is_write(self, asked: Asked) -> bool:
        return b"wsfunction=mod_assign_save_grades" in asked.body

    def answer(self, asked: Asked) -> Answer:
        if "wstoken" in asked.query or "token" in asked.query:
            self.query_tokens.append(asked.path)
        if asked.path == "/webservice/upload.php":
            return self._upload(asked)
        if asked.path != "/webservice/rest/server.php":
            return Answer("not found", 404)
        form = dict(parse_qsl(asked.body.decode(), keep_blank_values=True))
        if form.get("wstoken") != TOKEN:
            return _error("invalidtoken", f"Invalid token - token not found: {form.get('wstoken')}")
        name = form["wsfunction"]
        if name not in self.functions:
            return _error("accessexception", f"Access control exception: {name}")
        return Answer(None) if name == "none" else getattr(self, f"_{name}")(form)

    def _core_webservice_get_site_info(self, form: dict[str, str]) -> Answer:
        return Answer({"sitename": "X", "functions": [{"name": name} for name in sorted(self.functions)]})

    def _mod_assign_get_assignments(self, form: dict[str, str]) -> Answer:
        if form.get("courseids[0]") != str(COURSE):
            return Answer({"courses": [], "warnings": [{"item": "course", "warningcode": "2"}]})
        return Answer({"courses": [{"id": COURSE, "assignments": [self.assignment]}], "warnings": []})

    def _mod_assign_list_participants(self, form: dict[str, str]) -> Answer:
        shown = [{"id": key, **about} for key, about in self.users.items() if key not in self.suspended]
        return Answer(shown)

    def _mod_assign_get_grades(self, form: dict[str, str]) -> Answer:
        listed = [
            {"userid": user, "grade": f"{grade:.5f}", "attemptnumber": 0}
            for user, grade in self.grades.items()
            if user not in self.without_submission
        ]
        if not listed:
            return Answer({"assignments": [], "warnings": [{"itemid": INSTANCE, "warningcode": "3"}]})
        return Answer({"assignments": [{"assignmentid": INSTANCE, "grades": listed}], "warnings": []})

    def _mod_assign_get_submission_status(self, form: dict[str, str]) -> Answer:
        user = int(form["userid"])
        if user not in self.grades and not self.comments.get(user):
            return Answer({"lastattempt": {}, "warnings": []})
        if self.assignment["markingworkflow"] and self.states.get(user) != "released":
            return Answer({"lastattempt": {}, "warnings": []})
        files = [{"filename": name} for name in self.feedback_files.get(user, {})]
        plugins = [
            {
                "type": "comments",
                "editorfields": [{"name": "comments", "text": self.comments.get(user, ""), "format": 1}],
            },
            {"type": "file", "fileareas": [{"area": "feedback_files", "files": files}]},
        ]
        grade = {"userid": user, "grade": f"{self.grades.get(user, Decimal(-1)):.5f}"}
        return Answer({"lastattempt": {}, "feedback": {"grade": grade, "plugins": plugins}, "warnings": []})

    def _gradereport_user_get_grade_items(self, form: dict[str, str]) -> Answer:
        listed = [
            {
                "userid": user,
                "gradeitems": [
                    {
                        "itemmodule": "assign",
                        "iteminstance": INSTANCE,
                        "gradeislocked": user in self.locked,
                        "gradeisoverridden": user in self.overridden,
                    }
                ],
            }
            for user in self.users
        ]
        return Answer({"usergrades": listed, "warnings": []})

    def _core_grading_get_definitions(self, form: dict[str, str]) -> Answer:
        if not self.rubric:
            return Answer({"areas": [{"cmid": PAGE, "activemethod": "", "definitions": []}], "warnings": []})
        definition = {"method": "rubric", "rubric": {"rubric_criteria": self.rubric}}
        return Answer(
            {"areas": [{"cmid": PAGE, "activemethod": "rubric", "definitions": [definition]}], "warnings": []}
        )

    def _mod_assign_save_grades(self, form: dict[str, str]) -> Answer:
        if form["assignmentid"] != str(INSTANCE):
            return _error("invalidrecord", "Can't find data record in database")
        numbers = sorted({int(found[1]) for name in form if (found := re.match(r"grades\[(\d+)\]", name))})
        for number in numbers:
            given = {
                name.removeprefix(f"grades[{number}]"): value
                for name, value in form.items()
                if name.startswith(f"grades[{number}]")
            }
            if failure := self._save(given):
                return failure
        return Answer(None, headers={})

    def _save(self, given: dict[str, str]) -> Answer | None:
        user, grade = int(given["[userid]"]), Decimal(given["[grade]"])
        if user not in self.users:
            return None  # silently
        text = given.get("[plugindata][assignfeedbackcomments_editor][text]")
        if "comments" in self._plugins and text is None:
            return _error("dmlwriteexception", "Error writing to database")
        if self.assignment["markingworkflow"]:
            self.states[user] = given["[workflowstate]"]
        if self.rubric:
            taken = self._fill(user, given)
            if taken is None:
                return _error("invalidparameter", "a rubric needs its fillings")
            grade = taken
        stays = user in self.locked or user in self.overridden
        if grade <= self.assignment["grade"] and not stays:
            self.grade_events.append((user, given["[grade]"]))
            if grade < 0:
                self.grades.pop(user, None)
            else:
                self.grades[user] = grade
        if text is not None:
            self.comments[user] = text
        draft = int(given.get("[plugindata][files_filemanager]", 0))
        if draft:
            name, content = self.drafts[draft]
            self.feedback_files[user] = {name: content}
        return None

    def _fill(self, user: int, given: dict[str, str]) -> Decimal | None:
        levels = {str(one["id"]): Decimal(str(one["score"])) for row in self.rubric for one in row["levels"]}
        base, taken = "[advancedgradingdata][rubric][criteria]", {}
        for number in range(len(self.rubric)):
            row = given.get(f"{base}[{number}][criterionid]")
            level = given.get(f"{base}[{number}][fillings][0][levelid]")
            if row is None or level not in levels:
                return None
            taken[row] = level
        self.fillings[user] = taken
        return sum((levels[level] for level in taken.values()), Decimal(0))

    def _upload(self, asked: Asked) -> Answer:
        token = re.search(rb'name="token"\r\n\r\n(\S+)', asked.body)
        if token is None or token[1].decode() != TOKEN:
            return _error("invalidtoken", "Invalid token")
        found = re.search(
            rb'filename="([^"]*)"[^\n]*\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)\r\n--', asked.body, re.DOTALL
        )
        assert found is not None
        number = 500 + len(self.drafts)
        self.drafts[number] = (found[1].decode(), found[2])
        return Answer([{"itemid": number, "filename": found[1].decode()}])


def _error(code: str, message: str) -> Answer:
    return Answer({"exception": "moodle_exception", "errorcode": code, "message": message})
