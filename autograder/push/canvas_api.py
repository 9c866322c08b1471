"""What is asked of Canvas, by canvasapi, with its errors turned into what they mean."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder.errors import UsageError
from autograder.push.addresses import origin_of
from autograder.push.sessions import Refused, Session, Stopped, Uncertain

TOKEN = "AUTOGRADER_CANVAS_TOKEN"
WHERE = "Canvas: Account, Settings, New Access Token"
INSTALL = "pip install 'generative-autograder[canvas]' (in a clone: make setup)"
INCLUDED = ["submission_comments", "rubric_assessment"]
_TO_CONFIRM = (201, 301, 302, 303, 307, 308)


class CanvasApi:
    """What is asked of Canvas, with canvasapi's errors turned into ours."""

    def __init__(self, session: Session, course: int, assignment: int):
        try:
            from canvasapi.assignment import Assignment
            from canvasapi.course import Course
            from canvasapi.requester import Requester
            from canvasapi.submission import Submission
        except ImportError:
            raise UsageError(f"pushing to Canvas needs the package canvasapi: {INSTALL}") from None
        logging.getLogger("canvasapi.requester").disabled = True  # it logs what servers and comments say
        self._session, self._course, self._assignment = session, course, assignment
        self._requester = Requester(session.base, session.token.reveal())
        self._requester._session = session
        self._in_course = Course(self._requester, {"id": course})
        self._in_assignment = Assignment(self._requester, {"id": assignment, "course_id": course})
        self._submission_class = Submission

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn what canvasapi raises into what it means."""
        from canvasapi import exceptions

        try:
            yield
        except (exceptions.InvalidAccessToken, exceptions.Unauthorized) as error:
            raise Stopped(
                f"{what}: Canvas does not take the token ({self._words(error)}); make a new one ({WHERE})"
            ) from None
        except exceptions.CanvasException as error:
            raise Refused(f"{what}: {self._words(error)}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Uncertain(
                f"{what}: Canvas answered something else than expected ({type(error).__name__})"
            ) from None

    def _words(self, error: Exception) -> str:
        return self._session.told(getattr(error, "message", None) or error)

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        """As `_told`, for what only reads: then nothing can be done without it."""
        try:
            with self._told(what):
                yield
        except (Refused, Uncertain) as error:
            raise Stopped(f"{error}; look whether --url, --course and --assignment are right") from None

    def assignment(self) -> dict[str, Any]:
        with self._reading("reading the assignment"):
            return facts_of(self._in_course.get_assignment(self._assignment))

    def late_policy(self) -> dict[str, Any]:
        try:
            with self._told("reading the late policy"):
                return facts_of(self._in_course.get_late_policy())
        except (Refused, Uncertain):  # the course has none, or tells it to nobody
            return {}

    def students(self) -> list[dict[str, Any]]:
        with self._reading("reading the students"):
            found = self._in_course.get_users(enrollment_type=["student"], include=["email"])
            return [facts_of(one) for one in found]

    def submissions(self, include: Sequence[str] = ()) -> list[dict[str, Any]]:
        with self._reading("reading the scores"):
            words = {"include": list(include)} if include else {}
            return [facts_of(one) for one in self._in_assignment.get_submissions(**words)]

    def submission(self, user: str) -> dict[str, Any] | None:
        """Return what Canvas has of one student, None when it does not show it (any more)."""
        with self._reading("reading a score"):
            try:
                with self._told("reading a score"):
                    return facts_of(self._in_assignment.get_submission(int(user), include=INCLUDED))
            except Refused:
                return None

    def grade(self, user: str, words: Mapping[str, Any]) -> None:
        with self._told("sending"):
            facts = {
                "id": 0,
                "course_id": self._course,
                "assignment_id": self._assignment,
                "user_id": int(user),
            }
            self._submission_class(self._requester, facts).edit(**words)

    def upload(self, user: str, path: Path) -> int:
        """Return the id of a file for a comment: announced to Canvas, sent to where it says, confirmed."""
        place = (
            f"courses/{self._course}/assignments/{self._assignment}/submissions/{int(user)}/comments/files"
        )
        with self._told(f"uploading {path.name}"):
            size = path.stat().st_size
            asked = self._requester.request(
                "POST", place, name=path.name, size=size, content_type="text/html", on_duplicate="rename"
            ).json()
            url = str(asked["upload_url"])
            self._session.announce_upload(url)
            with path.open("rb") as file:
                answer = self._requester.request(
                    "POST", use_auth=False, _url=url, _kwargs=[*asked["upload_params"].items()], file=file
                )
            if "Location" in answer.headers and answer.status_code in _TO_CONFIRM:
                answer = self._confirmed(answer.headers["Location"])
            return int(answer.json()["id"])

    def _confirmed(self, url: str) -> Any:
        if origin_of(url) != origin_of(self._session.base):
            raise Refused(
                "uploading: the server leads to another one to confirm the file; nothing was sent there"
            )
        return self._requester.request("GET", _url=url)


def facts_of(found: Any) -> dict[str, Any]:
    """Return what Canvas said of an object of canvasapi."""
    return {key: value for key, value in vars(found).items() if not key.startswith("_")}
