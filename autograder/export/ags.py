"""LTI 1.3 Advantage: the JSON bodies of AGS scores, for whoever runs the registered tool to post."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from autograder.errors import UsageError
from autograder.export.deciding import Takes
from autograder.export.decimals import as_read
from autograder.export.formats import FORMATS, Draft, Field, Format, FormatParams, Request, Template
from autograder.export.gradescope import number
from autograder.export.ledger import Entry
from autograder.export.listing import listed, written
from autograder.export.matching import match
from autograder.export.outcomes import Outcome
from autograder.export.readers.ags import reading
from autograder.export.scores import ANY_ID, StudentScore
from autograder.export.sheets import Row

NO_SUBMISSION = {"https://canvas.instructure.com/lti/submission": {"new_submission": False}}
"""Keeps Canvas from making a new submission of each score."""
LEARNER = "Learner"


class AgsParams(FormatParams):
    """What `ags` can be told."""

    user: str = ""
    """Kind of id that is the platform's user id (`sub`), when no list of members is given as template."""


@FORMATS.register(AgsParams)
def ags(params: AgsParams) -> Format:
    """LTI AGS scores (JSON bodies)."""

    def draft(request: Request) -> Draft:
        return _draft(request, params)

    return Format(
        title="LTI AGS scores",
        draft=draft,
        reading=reading,
        notes=(
            "POST each to {lineitem}/scores (before a '?' in the line item's address) with the content type "
            "application/vnd.ims.lis.v1.score+json; 409 means that the platform has a later one: stop for that user.",
        ),
    )


def _draft(request: Request, params: AgsParams) -> Draft:
    destination = request.choices.destination or "ags"
    places, known = _users(request, params)
    outcomes = listed(
        request,
        Takes(partial=False),
        destination,
        lambda score: places.get(score.key, ""),
        "nobody can tell its user id at the platform: give the list of members (NRPS) as --template, or say which id "
        "it is with --user",
        known=known,
    )
    times = _times(request.entries, destination)
    maximum = {score.key: score.maximum for score in request.scores}
    files: dict[str, bytes] = {}
    expected: dict[Field, str] = {}
    names = _file_names([one.row for one in written(outcomes)])
    for one in written(outcomes):
        body = _body(one, maximum[one.student], _later(request.now, times.get(one.row)))
        files[names[one.row]] = (json.dumps(body, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
        expected[one.row, "score"] = as_read(one.value)
        if one.comment:
            expected[one.row, "comment"] = one.comment
    return Draft(files, outcomes, destination, expected)


def _body(one: Outcome, maximum: Decimal, time: datetime) -> dict[str, Any]:
    body = {
        "userId": one.row,
        "scoreGiven": number(Decimal(one.value)),
        "scoreMaximum": number(maximum),
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "timestamp": time.isoformat(timespec="milliseconds"),
    }
    return body | ({"comment": one.comment} if one.comment else {}) | NO_SUBMISSION


def _users(request: Request, params: AgsParams) -> tuple[Mapping[str, str], Mapping[str, str] | None]:
    """Return the user id of each student, and the names of all users where the platform gave a list."""
    if request.template is None:
        kind = params.user or ANY_ID
        found = {score.key: score.ids.get(kind, "") for score in request.scores} if params.user else {}
        return found, None
    rows = read_members(request.template)
    certain: list[StudentScore] = [score for score in request.scores if not score.doubt]
    matching = match(certain, rows, pinned=request.choices.pinned, id_kind=request.choices.id_kind)
    if matching.ambiguous:
        student, why = next(iter(matching.ambiguous.items()))
        raise UsageError(f"{request.template.name}: {student}: {why}; say which with --match")
    return (
        {student: row.key for student, row in matching.rows.items()},
        {row.key: row.name for row in rows},
    )


def read_members(template: Template) -> tuple[Row, ...]:
    """Return the students of a list of members (NRPS) as rows.

    Raises
    ------
    UsageError
        When it is no such list, or a user id is there twice.
    """
    try:
        members = json.loads(template.content.decode("utf-8-sig"))["members"]
        listed_members = [
            member
            for member in members
            if any(str(role).endswith(LEARNER) for role in member["roles"])
            and member.get("status", "Active") == "Active"
        ]
        rows = tuple(_member(at, member) for at, member in enumerate(listed_members))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{template.name} is no list of members of the Names and Role Provisioning Service ({error!r})"
        ) from error
    keys = [row.key for row in rows]
    if len(set(keys)) < len(keys) or not all(keys):
        raise UsageError(f"{template.name}: a user id is blank or there twice; fetch the list again")
    return rows


def _member(at: int, member: Mapping[str, Any]) -> Row:
    ids = {"number": member.get("lis_person_sourcedid"), "email": member.get("email")}
    return Row(
        at=at,
        key=str(member["user_id"]),
        ids={"lti": str(member["user_id"])} | {kind: str(value) for kind, value in ids.items() if value},
        name=str(member.get("name", "")),
    )


def _times(entries: Sequence[Entry], destination: str) -> dict[str, datetime]:
    """Return when each user's last score was stamped."""
    found: dict[str, datetime] = {}
    for entry in entries:
        if entry.destination == destination and entry.what == "score":
            found[entry.place] = datetime.fromisoformat(entry.time)
    return found


def _later(now: datetime, last: datetime | None) -> datetime:
    """Return a time that is later than the last one, to the millisecond."""
    time = now.astimezone(UTC)
    return (
        time if last is None or time > last + timedelta(milliseconds=1) else last + timedelta(milliseconds=2)
    )


def _file_names(users: list[str]) -> dict[str, str]:
    """Return a file name for each user: the id where it is a safe name, a number beside it in any case of doubt."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for index, user in enumerate(users, 1):
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", user)[:60].lstrip(".")
        name = safe if safe == user and safe.casefold() not in taken else f"{safe or 'user'}~{index}"
        taken.add(name.casefold())
        names[user] = f"ags/{name}.json"
    return names
