"""A stand-in for Canvas: submissions of one assignment, by the rules of its REST interface.

Written from the specification of formats: `posted_grade` present but blank clears, each PUT adds its comment again, a
rubric assessment without any known row is refused, files are announced, sent elsewhere without the token, confirmed.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from stand_ins.servers import Answer, Asked, StandIn

COURSE, ASSIGNMENT = 12, 55
TOKEN = "1234~planted-Canvas-Token-0123456789abcdef"
_PLACE = f"/api/v1/courses/{COURSE}/assignments/{ASSIGNMENT}"


class CanvasStandIn(StandIn):
    """Canvas with one course and one assignment."""

    def __init__(self, users: dict[int, dict[str, Any]], *, points: float = 6.0, page: int = 100):
        super().__init__()
        self.users = users
        self.page = page
        self.assignment: dict[str, Any] = {
            "id": ASSIGNMENT,
            "course_id": COURSE,
            "name": "Sampling",
            "points_possible": points,
            "grading_type": "points",
            "published": True,
        }
        self.late_policy: dict[str, Any] | None = None
        self.late_points: dict[int, Decimal] = {}
        self.not_given: set[int] = set()
        self.refuses: set[int] = set()
        """Users of whom a closed grading period refuses a score."""
        self.ignores: set[int] = set()
        """Users whose score is answered and not stored."""
        self.remaining = 700.0
        self.scores: dict[int, Decimal] = {}
        self.excused: set[int] = set()
        self.statuses: dict[int, str] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {user: [] for user in users}
        self.rubrics: dict[int, dict[str, dict[str, Any]]] = {}
        self.grade_events: list[tuple[int, str]] = []
        """Every score that was set, in order: what the grade history of Canvas would show."""
        self.files: dict[int, tuple[str, bytes]] = {}
        self.busy_uploads = 0
        """So many uploads are put off."""
        self.moves_uploads = False
        """Whether the server for files leads on by a redirect in place of a 201."""

    def is_write(self, asked: Asked) -> bool:
        return asked.method == "PUT"

    def answer(self, asked: Asked) -> Answer:
        if asked.path == "/upload":
            if self.busy_uploads:
                self.busy_uploads -= 1
                return Answer({"message": "slow down"}, 429, {"Retry-After": "1"})
            return self._stored(asked)
        if asked.headers.get("Authorization") != f"Bearer {TOKEN}":
            told = {"errors": [{"message": f"Invalid access token. {asked.headers.get('Authorization')}"}]}
            return Answer(told, 401, {"WWW-Authenticate": "Bearer"})
        answer = self._known(asked)
        answer.headers |= {"X-Rate-Limit-Remaining": str(self.remaining)}
        return answer

    def _known(self, asked: Asked) -> Answer:
        if asked.path == _PLACE:
            return Answer(self.assignment)
        if asked.path == f"/api/v1/courses/{COURSE}/late_policy":
            if self.late_policy is None:
                return Answer({"errors": [{"message": "not found"}]}, 404)
            return Answer({"late_policy": self.late_policy})
        if asked.path == f"/api/v1/courses/{COURSE}/search_users":
            return self._paged(asked, [{"id": key, **about} for key, about in self.users.items()])
        if asked.path == f"{_PLACE}/submissions":
            given = [user for user in self.users if user not in self.not_given]
            return self._paged(asked, [self._shown(user, asked) for user in given])
        if found := re.fullmatch(rf"{_PLACE}/submissions/(\d+)(/comments/files)?", asked.path):
            user = int(found[1])
            if user not in self.users or user in self.not_given:
                return Answer({"errors": [{"message": "The specified resource does not exist."}]}, 404)
            if found[2]:
                return self._announced(asked)
            return self._graded(user, asked) if asked.method == "PUT" else Answer(self._shown(user, asked))
        if found := re.fullmatch(r"/api/v1/files/(\d+)", asked.path):
            return Answer({"id": int(found[1]), "url": "https://files.example/1"})
        return Answer({"errors": [{"message": "not found"}]}, 404)

    def _paged(self, asked: Asked, rows: list[dict[str, Any]]) -> Answer:
        size = min(self.page, int(asked.query.get("per_page", ["10"])[0]))
        at = int(asked.query.get("page", ["1"])[0])
        headers = {}
        if at * size < len(rows):
            kept = "&".join(
                f"{name}={value}"
                for name, values in asked.query.items()
                if name != "page"
                for value in values
            )
            headers["Link"] = f'<{self.url}{asked.path}?{kept}&page={at + 1}>; rel="next"'
        return Answer(rows[(at - 1) * size : at * size], headers=headers)

    def _shown(self, user: int, asked: Asked) -> dict[str, Any]:
        included = asked.query.get("include[]", []) + asked.query.get("include", [])
        entered = self.scores.get(user)
        late = self.late_points.get(user) if self.statuses.get(user) != "none" else None
        shown: dict[str, Any] = {
            "id": 9000 + user,
            "user_id": user,
            "assignment_id": ASSIGNMENT,
            "entered_score": None if entered is None else float(entered),
            "score": None if entered is None else float(entered - (late or 0)),
            "points_deducted": None if late is None else float(late),
            "excused": user in self.excused,
            "grade_matches_current_submission": True,
            "attempt": 1,
        }
        if "submission_comments" in included:
            shown["submission_comments"] = self.comments[user]
        if "rubric_assessment" in included and user in self.rubrics:
            shown["rubric_assessment"] = self.rubrics[user]
        return shown

    def _graded(self, user: int, asked: Asked) -> Answer:
        form = asked.form
        if user in self.refuses:
            return Answer({"errors": [{"message": "the grading period is closed"}]}, 403)
        given: dict[str, dict[str, Any]] = {}
        for name, (value, *_) in form.items():
            if found := re.fullmatch(r"rubric_assessment\[([^]]+)\]\[(\w+)\]", name):
                given.setdefault(found[1], {})[found[2]] = float(value) if found[2] == "points" else value
        known = {str(row["id"]) for row in self.assignment.get("rubric", [])}
        if given and not known & set(given):
            return Answer({"errors": [{"message": "no known criterion"}]}, 400)
        if user not in self.ignores:
            self._take_score(user, form)
            if given:
                self.rubrics[user] = {key: value for key, value in given.items() if key in known}
                if self.assignment.get("use_rubric_for_grading"):
                    self.scores[user] = Decimal(
                        str(sum(one["points"] for one in self.rubrics[user].values()))
                    )
        if text := form.get("comment[text_comment]", [""])[0]:
            ids = [int(one) for one in form.get("comment[file_ids][]", [])]
            attached = [{"id": one, "display_name": self.files[one][0]} for one in ids]
            self.comments[user].append({"comment": text, "attachments": attached})
        return Answer(self._shown(user, asked))

    def _take_score(self, user: int, form: dict[str, list[str]]) -> None:
        if (posted := form.get("submission[posted_grade]")) is not None:
            self.grade_events.append((user, posted[0]))
            self.excused.discard(user)
            if posted[0] == "":
                self.scores.pop(user, None)
            else:
                self.scores[user] = Decimal(posted[0])
        if form.get("submission[excuse]") == ["true"]:
            self.grade_events.append((user, "EX"))
            self.excused.add(user)
            self.scores.pop(user, None)
        if status := form.get("submission[late_policy_status]"):
            self.statuses[user] = status[0]

    def _announced(self, asked: Asked) -> Answer:
        form = asked.form
        number = 700 + len(self.files)
        self.files[number] = (form["name"][0], b"")
        return Answer(
            {
                "upload_url": f"{self.files_url}/upload",
                "upload_params": {"key": str(number), "policy": "signed"},
            }
        )

    def _stored(self, asked: Asked) -> Answer:
        number = int(re.search(rb'name="key"\r\n\r\n(\d+)', asked.body)[1])  # type: ignore[index]
        content = re.search(
            rb'name="file"; filename="[^"]*"[^\n]*\r\n(?:[^\r\n]+\r\n)*\r\n(.*?)\r\n--', asked.body, re.DOTALL
        )
        assert content is not None, "the file is the last part, under the name 'file'"
        self.files[number] = (self.files[number][0], content[1])
        status = 303 if self.moves_uploads else 201
        return Answer(
            {"url": "x"} if self.moves_uploads else {},
            status,
            {"Location": f"{self.url}/api/v1/files/{number}"},
        )
