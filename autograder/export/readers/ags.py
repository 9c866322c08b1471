"""How a platform reads the body of an AGS score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from autograder.export.formats import Contents, Field, Template
from autograder.export.readers import ImportRefused, said

_PROGRESS = ("Initialized", "Started", "InProgress", "Submitted", "Completed")


def reading(files: Contents, template: Template | None) -> tuple[Mapping[Field, str], Mapping[Field, str]]:
    """Return what each user gets: (user id, `score` or `comment`) to a number or text."""
    after: dict[Field, str] = {}
    for name, content in files.items():
        body = json.loads(content.decode("utf-8"), parse_float=Decimal)
        user = body.get("userId")
        if not isinstance(user, str) or not user or body.get("activityProgress") not in _PROGRESS:
            raise ImportRefused(f"{name}: 400, a field is missing or wrong")
        if datetime.fromisoformat(body["timestamp"]).tzinfo is None:
            raise ImportRefused(f"{name}: 400, the timestamp has no zone")
        given, maximum = body.get("scoreGiven"), body.get("scoreMaximum")
        if any(isinstance(one, bool) or not isinstance(one, int | Decimal) for one in (given, maximum)):
            raise ImportRefused(f"{name}: 400, a score is no number")
        if body.get("gradingProgress") == "FullyGraded":
            after[user, "score"] = said(Decimal(given))
        if body.get("comment"):
            after[user, "comment"] = body["comment"]
    return {}, after
