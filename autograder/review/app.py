"""The review page's server: a handful of JSON routes over the desk and the gradebook.

Routes are plain functions, which Starlette runs in threads; every action is one transaction of the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from importlib.resources import files
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from autograder.errors import AutograderError
from autograder.review import store
from autograder.review.desk import Desk
from autograder.review.guard import MAX_NAME, Guard, Keys, TooManyTries
from autograder.review.marks import basis_of
from autograder.review.store import Mark, NothingToUndo, Round, Stale

Json = dict[str, Any]
MAX_TEXT = 20_000
_KINDS = {"review.js": "text/javascript", "review.css": "text/css", "index.html": "text/html"}


class Refused(Exception):
    """What was asked cannot be done: a status and a sentence."""

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status = status


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Target(_Body):
    submission: StrictStr
    check: StrictStr
    round: Round = 1


class _Given(_Target):
    version: StrictInt
    points: StrictFloat | StrictInt | None
    criteria: list[StrictInt] = Field(default_factory=list, max_length=100)
    comment: StrictStr = Field(default="", max_length=MAX_TEXT)
    reason: StrictStr = Field(default="", max_length=MAX_TEXT)


class _Draft(_Target):
    points: StrictStr = Field(default="", max_length=20)
    criteria: list[StrictInt] = Field(default_factory=list, max_length=100)
    comment: StrictStr = Field(default="", max_length=MAX_TEXT)


class _Login(_Body):
    name: StrictStr = Field(min_length=1, max_length=MAX_NAME)
    password: StrictStr = Field(max_length=1000)


def create_app(desk: Desk, keys: Keys, names: Collection[str] = (), *, is_open: bool = False) -> Starlette:
    """Return the server of one run.

    Parameters
    ----------
    names, is_open : see :class:`autograder.review.guard.Guard`
    """
    routes = [
        Route("/", _file("index.html")),
        Route("/review.js", _file("review.js")),
        Route("/review.css", _file("review.css")),
        Route("/api/hello", _json(lambda asked: {"password": keys.password is not None})),
        Route("/api/login", _json(lambda asked: _log_in(keys, asked)), methods=["POST"]),
        Route("/api/overview", _json(lambda asked: desk.overview(asked.author))),
        Route("/api/answer", _json(lambda asked: _answer(desk, asked))),
        Route(
            "/api/compared",
            _json(lambda asked: desk.compared(asked.query("submission"), asked.query("check"))),
        ),
        Route("/api/comments", _json(lambda asked: {"comments": desk.comments(asked.query("check"))})),
        Route("/api/mark", _json(lambda asked: _mark(desk, asked)), methods=["POST"]),
        Route("/api/undo", _json(lambda asked: _undo(desk, asked)), methods=["POST"]),
        Route("/api/draft", _json(lambda asked: _draft(desk, asked)), methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, keys, names, is_open=is_open)])


class _Asked:
    """One request, read."""

    def __init__(self, request: Request, body: bytes):
        self._request, self._body = request, body

    @property
    def author(self) -> str:
        return str(self._request.state.author)

    def query(self, name: str) -> str:
        return self._request.query_params.get(name, "")

    def read(self, model: type[_Body]) -> Any:
        try:
            return model.model_validate_json(self._body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise Refused(422, f"{where or 'the request'}: {first['msg']}") from error


def _json(answer: Callable[[_Asked], Json]) -> Callable[[Request], Awaitable[Response]]:
    """Return a route that answers with JSON, and with a sentence when it cannot."""

    async def route(request: Request) -> Response:
        asked = _Asked(request, await request.body())
        try:
            said = await run_in_threadpool(answer, asked)
            return JSONResponse(said, 409 if said.get("ok") is False else 200)
        except KeyError:
            return JSONResponse({"error": "There is no such answer in this run."}, 404)
        except Refused as error:
            return JSONResponse({"error": str(error)}, error.status)
        except NothingToUndo as error:
            return JSONResponse({"error": str(error)}, 404)
        except AutograderError as error:
            return JSONResponse({"error": str(error)}, 500)

    return route


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    content = (files("autograder.review") / "static" / name).read_text(encoding="utf-8")

    async def route(request: Request) -> Response:
        return Response(content, media_type=_KINDS[name])

    return route


def _log_in(keys: Keys, asked: _Asked) -> Json:
    body = cast(_Login, asked.read(_Login))
    name = " ".join(body.name.split())
    if not name.isprintable() or not name:
        raise Refused(422, "Give a name that can be read.")
    try:
        token = keys.log_in(name, body.password)
    except TooManyTries:
        raise Refused(429, "Too many wrong passwords; wait a minute.") from None
    if token is None:
        raise Refused(403, "The password is wrong.")
    return {"token": token, "author": name}


def _answer(desk: Desk, asked: _Asked) -> Json:
    round_: Round = 2 if asked.query("round") == "2" else 1
    return desk.answer(asked.query("submission"), asked.query("check"), round_, asked.author)


def _mark(desk: Desk, asked: _Asked) -> Json:
    body = cast(_Given, asked.read(_Given))
    place = desk.place(body.submission, body.check, body.round)
    case, spec = desk.case(body.submission, body.check), desk.spec(body.check)
    is_pending = case.check.status.is_pending
    if body.points is not None and not 0 <= body.points <= case.check.points:
        raise Refused(422, f"Expected 0 to {case.check.points:g} points, found {body.points:g}.")
    if not is_pending and (body.round == 2 or not body.reason.strip()):
        raise Refused(422, "Changing an automatic mark needs a reason, and has no second marker.")
    if any(not 0 <= index < len(spec.criteria) for index in body.criteria):
        raise Refused(422, "There is no such criterion; the rubric may have changed: load the page again.")
    mark = Mark(
        "review" if is_pending else "override",
        None if body.points is None else float(round(body.points, 4)),
        tuple(spec.criteria[index].text for index in sorted(set(body.criteria))),
        body.comment.strip(),
        body.reason.strip(),
        basis_of(case.check),
    )
    if body.round == 2:
        first = store.standing_of(desk.run.gradebook, place._replace(round=1)).entry
        if first is None or first.author == asked.author:
            raise Refused(422, "A second marker is somebody else than the first, and comes after.")
    try:
        standing = store.add(desk.run.gradebook, place, asked.author, mark, body.version)
    except Stale as stale:
        return _conflict(desk, body, stale)
    given = desk.mark(standing, spec, case.check)
    return {
        "ok": True,
        "row": _row(desk, body.submission, body.check),
        "mark": given,
        "version": standing.version,
    }


def _row(desk: Desk, key: str, check: str) -> Json | None:
    return desk.row(key, check) if desk.case(key, check).check.status.is_pending else None


def _conflict(desk: Desk, target: _Target, stale: Stale) -> Json:
    """Return what somebody else marked meanwhile: nothing was written."""
    case, spec = desk.case(target.submission, target.check), desk.spec(target.check)
    return {
        "ok": False,
        "error": str(stale),
        "row": _row(desk, target.submission, target.check),
        "mark": desk.mark(stale.standing, spec, case.check),
        "version": stale.standing.version,
    }


def _undo(desk: Desk, asked: _Asked) -> Json:
    try:
        undone, _ = store.undo(desk.run.gradebook, asked.author)
    except Stale as stale:
        raise Refused(409, f"It cannot be undone. {stale}") from stale
    key, place = desk.key_of(undone.place.submission), undone.place
    if not key:
        raise Refused(404, "The mark of a submission that is no longer in the run was undone.")
    return {
        "ok": True,
        "submission": key,
        "check": place.check,
        "round": place.round,
        "points": undone.mark.points,
    }


def _draft(desk: Desk, asked: _Asked) -> Json:
    body = cast(_Draft, asked.read(_Draft))
    content = {"points": body.points, "criteria": body.criteria, "comment": body.comment}
    store.keep_draft(
        desk.run.gradebook, desk.place(body.submission, body.check, body.round), asked.author, content
    )
    return {"ok": True}
