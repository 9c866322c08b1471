"""Moodle's web services over REST: the token travels in the body, and an error comes as an answer like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from autograder.push.sessions import Refused, Session, Stopped, Uncertain

TOKEN = "AUTOGRADER_MOODLE_TOKEN"
WHERE = "Moodle: Preferences, Security keys; the service must offer the functions that docs/lms.md names"
_ABOUT_TOKEN = ("invalidtoken", "accessexception", "servicenotavailable", "invalidlogin", "sitemaintenance")
"""Error codes after which every other call would fail as well."""


class Service:
    """Calls of functions by name."""

    def __init__(self, session: Session):
        self._session = session
        self._url = f"{session.base}/webservice/rest/server.php"
        site = self.read("core_webservice_get_site_info", {})
        functions = site.get("functions") if isinstance(site, dict) else None
        self.functions = frozenset(str(one.get("name")) for one in functions or ())

    def read(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """Return the answer of a function that changes nothing.

        Raises
        ------
        Stopped
            When there is none.
        """
        try:
            return self._call(function, arguments, is_read=True)
        except (Refused, Uncertain) as error:
            raise Stopped(f"{error}; look whether --url, --course and --assignment are right") from None

    def write(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """Return the answer of a function that changes something.

        Raises
        ------
        Refused, Uncertain, Stopped
            See :meth:`autograder.push.sessions.Session.exchange`. A call that the server breaks off may have been
            carried out in part, which makes it uncertain, too.
        """
        return self._call(function, arguments, is_read=False)

    def _call(self, function: str, arguments: Mapping[str, Any], *, is_read: bool) -> Any:
        words = {
            "wsfunction": function,
            "moodlewsrestformat": "json",
            "wstoken": self._session.token.reveal(),
        }
        response = self._session.exchange("POST", self._url, data=words | flat(arguments), is_read=is_read)
        answer = self._answer(response, function)
        if isinstance(answer, dict) and "exception" in answer:
            raise self._error(answer, function, is_read=is_read)
        return answer

    def _answer(self, response: requests.Response, function: str) -> Any:
        if response.status_code >= 400:
            raise Refused(
                f"{function}: the server answers {response.status_code}; is --url the address of a Moodle?"
            )
        try:
            return response.json()
        except ValueError:
            raise Uncertain(f"{function}: the server answered with a page in place of data") from None

    def _error(self, answer: Mapping[str, Any], function: str, *, is_read: bool) -> Exception:
        code = str(answer.get("errorcode", ""))
        told = self._session.told(f"{function}: {answer.get('message') or 'refused'} ({code})")
        if code in _ABOUT_TOKEN:
            return Stopped(f"{told}; is the token right, and does its service offer this function? ({WHERE})")
        if (
            code == "dmlwriteexception" and not is_read
        ):  # some of it may be stored: grades come before comments
            return Uncertain(told)
        return Refused(told)

    def upload(self, path: Path, name: str) -> int:
        """Return the id of a new draft area that holds one file; it belongs to nobody until a call names it."""
        words = {"token": self._session.token.reveal(), "filearea": "draft", "itemid": "0"}
        url = f"{self._session.base}/webservice/upload.php"
        with path.open("rb") as file:
            files = {"file_1": (name, file, "text/html")}
            response = self._session.exchange("POST", url, data=words, files=files, is_read=False)
        answer = self._answer(response, "upload")
        if isinstance(answer, list) and answer and "itemid" in answer[0]:
            return int(answer[0]["itemid"])
        said = answer.get("error", "no file was taken") if isinstance(answer, dict) else "no file was taken"
        raise Refused(self._session.told(f"upload of {name}: {said}"))


def flat(value: Any, name: str = "") -> dict[str, str]:
    """Return nested arguments as Moodle takes them.

    >>> flat({"grades": [{"userid": 5, "grade": "78.50"}], "applytoall": False})
    {'grades[0][userid]': '5', 'grades[0][grade]': '78.50', 'applytoall': '0'}
    """
    if isinstance(value, Mapping):
        pairs: Sequence[tuple[Any, Any]] = [*value.items()]
    elif isinstance(value, list | tuple):
        pairs = [*enumerate(value)]
    else:
        return {name: str(int(value)) if isinstance(value, bool) else str(value)}
    found: dict[str, str] = {}
    for key, one in pairs:
        found |= flat(one, f"{name}[{key}]" if name else str(key))
    return found
