"""How Gradescope reads `results.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from autograder.export.formats import Contents, Field, Template
from autograder.export.readers import ImportRefused, said


def reading(files: Contents, template: Template | None) -> tuple[Mapping[Field, str], Mapping[Field, str]]:
    """Return the score that each submission gets: (submission, `score`) to a number."""
    after: dict[Field, str] = {}
    for name, content in files.items():
        document = json.loads(content.decode("utf-8"), parse_constant=_refuse, parse_float=Decimal)
        tests = document.get("tests", [])
        for test in [document, *tests]:
            _require(test)
        if "score" in document:
            score = Decimal(document["score"])
        elif tests:
            score = sum((Decimal(test["score"]) for test in tests if "score" in test), Decimal(0))
        else:
            continue  # Gradescope says that the autograder failed
        after[name.rpartition("/")[0], "score"] = said(score)
    return {}, after


def _require(part: Mapping[str, Any]) -> None:
    if not isinstance(part.get("output", ""), str):
        raise ImportRefused("an output is no text")
    for key in ("score", "max_score"):
        if isinstance(part.get(key, 0), bool) or not isinstance(part.get(key, 0), int | Decimal):
            raise ImportRefused(f"{key} is no number")
    if part.get("visibility", "visible") not in ("hidden", "after_due_date", "after_published", "visible"):
        raise ImportRefused("an unknown visibility")


def _refuse(word: str) -> None:
    raise ImportRefused(f"{word} is no JSON")
