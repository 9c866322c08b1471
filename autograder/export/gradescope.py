"""Gradescope: `results.json` of each submission."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from autograder.errors import UsageError
from autograder.export.comments import normalised, plain
from autograder.export.deciding import Takes
from autograder.export.decimals import as_read
from autograder.export.formats import FORMATS, Draft, Field, Format, FormatParams, Request
from autograder.export.listing import listed, written
from autograder.export.readers.gradescope import reading
from autograder.export.scores import StudentScore

MAX_OUTPUT = 4000
"""Characters of one text."""


class GradescopeParams(FormatParams):
    """What `gradescope` can be told: nothing."""


@FORMATS.register(GradescopeParams)
def gradescope(params: GradescopeParams) -> Format:
    """Gradescope results.json."""
    return Format(
        title="Gradescope results.json",
        draft=_draft,
        reading=reading,
        notes=(
            "Each file is what the autograder of that submission writes to /autograder/results/results.json.",
        ),
    )


def _draft(request: Request) -> Draft:
    destination = request.choices.destination or "gradescope"
    outcomes = listed(
        request,
        Takes(above_maximum=True),
        destination,
        lambda score: score.submission or "",
        "",
        is_shared=True,
    )
    by_key = {score.key: score for score in request.scores}
    total = _total(request)
    files: dict[str, bytes] = {}
    expected: dict[Field, str] = {}
    for one in written(outcomes):
        if expected.setdefault((one.row, "score"), as_read(one.value)) != as_read(one.value):
            raise UsageError(
                f"the members of submission {one.row} have different scores; Gradescope gives all of them the same"
            )
        document = results_of(by_key[one.student], request.label, Decimal(one.value))
        given = sum((Decimal(str(test["max_score"])) for test in document["tests"]), Decimal(0))
        if total is not None and given > total:
            raise UsageError(
                f"the tests of {one.row} give {plain(given)} points, the assignment only {plain(total)}"
            )
        text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        files[f"{one.row}/results.json"] = text.encode("utf-8")
    return Draft(files, outcomes, destination, expected)


def _total(request: Request) -> Decimal | None:
    """Return the points of the assignment, where `submission_metadata.json` is given as template."""
    if request.template is None:
        return None
    try:
        return Decimal(json.loads(request.template.content)["assignment"]["total_points"])
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise UsageError(f"{request.template.name} is no submission_metadata.json of Gradescope") from error


def results_of(score: StudentScore, label: str, given: Decimal | None = None) -> dict[str, Any]:
    """Return `results.json` for one student: a test an item, without the points that wait for a person.

    The maxima of the tests are those of the points that the grader gives: Gradescope's total is these and its own
    manual questions.

    Parameters
    ----------
    label : what was graded, such as `aml-a3`
    given : the score to state; None: the student's own. Without any there is no `score`, which Gradescope takes for a
        failure of the grader, never for 0
    """
    stated = given if given is not None else score.score
    lines = [score.comment or f"There is no score: {score.reason}"]
    document: dict[str, Any] = {
        "output": normalised("\n".join(lines), MAX_OUTPUT),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {
            "assignment": label,
            "state": score.state.value,
            "pending": number(score.pending),
            "deducted": number(score.deduction),
        },
    }
    if stated is not None:
        document = {"score": number(stated)} | document | {"tests": _tests(score)}
    return document


def _tests(score: StudentScore) -> Sequence[dict[str, Any]]:
    return [
        {
            "name": f"{item.id}: {normalised(item.title, 200)}",
            "number": item.id,
            "score": number(item.points),
            "max_score": 0 if item.extra else number(item.possible - item.pending),
            "output": normalised(_output(item.pending, item.comment), MAX_OUTPUT),
            "visibility": "visible",
        }
        for item in score.items
    ]


def _output(pending: Decimal, comment: str) -> str:
    waits = f"{plain(pending)} points wait for a person." if pending else ""
    return "\n".join(line for line in (waits, comment) if line)


def number(value: Decimal) -> int | float:
    """Return a decimal number as the JSON number that reads the same."""
    return int(value) if value == value.to_integral() else float(value)
