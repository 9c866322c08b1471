"""Gradescope's `results.json` of one submission: public sentences at once, sums of the rest, never a guess for a score.

Each public check is a test that students see. The course's own checks of an item are one test, without a sentence.
Written answers are nobody's test: people mark them in Gradescope's own questions. Where anything else waits for a
person, there is no score, which Gradescope takes for a failure of the grader, never for 0.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import reports
from autograder.gradescope.settings import Settings
from autograder.records import Grade
from autograder.selfcheck.results import OBSERVATION

MAX_OUTPUT = 4000
"""Characters of one text."""
MAX_NAME = 200
SHOWN = ("execution", "limit")
"""Kinds of notes that are told at once."""
BLOCKED = "Could not be tried: something that it builds on did not work."
STARTED = (
    "Grading has started. If this is all that you read, it was cut off before it ended (time or memory): it says nothing "
    "about your work. Tell your instructor, or hand in again."
)


@dataclass(frozen=True)
class Outcome:
    """What is written, and whether it holds a score."""

    document: dict[str, Any]
    has_score: bool


def without_score(text: str, for_instructor: str = "") -> dict[str, Any]:
    """Return a document that says something and gives no score.

    Parameters
    ----------
    text : what students read
    for_instructor : what is kept beside it, where no student sees it
    """
    return {
        "output": clean(text),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {"autograder": clean(for_instructor)},
    }


def results_of(
    grade: Grade, settings: Settings, written: Collection[str], seconds: float, why_not_whole: str = ""
) -> Outcome:
    """Return `results.json` of a graded submission.

    Parameters
    ----------
    written : ids of the checks that people mark by Gradescope's own questions
    seconds : that the grading took
    why_not_whole : a remark for the instructor
    """
    tests = [test for item in _items(grade, written) for test in _tests(item, settings)]
    earned = round(sum(test["score"] for test in tests), 4)
    possible = round(sum(test["max_score"] for test in tests), 4)
    waiting = round(
        sum(check.pending for item in grade.items for check in item.checks if check.id not in written), 4
    )
    by_hand = round(
        sum(check.points for item in grade.items for check in item.checks if check.id in written), 4
    )
    has_score = not waiting or settings.partial
    lines = [*_summary(grade, earned, possible, waiting, by_hand, has_score), *_notes(grade)]
    document: dict[str, Any] = {"score": float(earned)} if has_score else {}
    document |= {
        "execution_time": max(1, round(seconds)),
        "output": clean("\n".join(lines)),
        "output_format": "text",
        "test_output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {
            "assignment": grade.assignment,
            "engine": grade.engine,
            "rubric_sha256": grade.rubric_sha256,
            "state": grade.state,
            "pending": waiting,
            "by_hand": by_hand,
            "possible": possible,
            "flags": list(grade.flags),
            "fences": sorted({run.fence_level for run in grade.executions.values() if run.fence_level}),
            "autograder": clean(why_not_whole),
        },
    }
    if has_score:
        document["tests"] = tests
    return Outcome(document, has_score)


def _summary(
    grade: Grade, earned: float, possible: float, waiting: float, by_hand: float, has_score: bool
) -> Iterator[str]:
    if grade.submission.problem:
        yield f"Nothing of this could be graded: {grade.submission.problem}"
    if has_score:
        so_far = " so far" if waiting else ""
        yield f"{earned:g} of {possible:g} marks by the automatic checks{so_far}."
    else:
        yield "There is no score yet: it says nothing about your work."
    if waiting:
        yield f"{waiting:g} marks of the automatic checks wait for a person."
    if by_hand:
        yield f"{by_hand:g} more marks are given by people."


def _notes(grade: Grade) -> Iterator[str]:
    """Return how the notebook was run. Remarks on the sheet and on what was accepted tell results, and stay out."""
    for note in reports.student_view(grade.model_dump(mode="json"))["notes"]:
        if note["kind"] in SHOWN and note["title"] != OBSERVATION:
            yield f"{note['title']}: {note['text']}"


def _items(grade: Grade, written: Collection[str]) -> Iterator[dict[str, Any]]:
    """Return the items as students may see them, each check with whether it is public; without written answers."""
    shown = reports.student_view(grade.model_dump(mode="json"))["items"]
    for item, own in zip(shown, grade.items, strict=True):
        checks = [
            check | {"is_public": result.public and not result.hidden}
            for check, result in zip(item["checks"], own.checks, strict=True)
            if result.id not in written
        ]
        yield item | {"checks": checks}


def _tests(item: Mapping[str, Any], settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield the tests of an item; extra credit has no maximum, so that full marks do without it."""
    counts = not item["extra"]
    public = [check for check in item["checks"] if check["is_public"]]
    for check in public:
        name = f"{item['title']}: {check['title']}"
        yield _test(name, check["earned"], counts * check["points"], _told(check), "visible")
    rest = [check for check in item["checks"] if not check["is_public"] and check["points"]]
    if rest:
        earned, points = (round(sum(check[key] for check in rest), 4) for key in ("earned", "points"))
        yield _test(
            f"{item['title']}: checks of the course", earned, counts * points, "", settings.visibility
        )


def _test(name: str, score: float, max_score: float, output: str, visibility: str) -> dict[str, Any]:
    return {
        "name": clean(name)[:MAX_NAME],
        "score": float(score),
        "max_score": float(max_score),
        "status": "passed" if score >= max_score else "failed",
        "output": clean(output),
        "output_format": "text",
        "visibility": visibility,
    }


def _told(check: Mapping[str, Any]) -> str:
    """Return the sentences of a public check; what another check found is not among them."""
    if check["status"] == "blocked":
        return BLOCKED
    lines = [check["message"]]
    if check["status"] not in ("passed", "review", "error") or check["fraction"] < 1:
        lines += [
            f"{label}: {check[key]}"
            for label, key in (("Expected", "expected"), ("Found", "observed"), ("Hint", "hint"))
            if check[key]
        ]
    return "\n".join(line for line in lines if line)


def clean(text: str) -> str:
    """Return text without control characters, composed, and not longer than MAX_OUTPUT."""
    kept = "".join(
        sign
        for sign in unicodedata.normalize("NFC", text)
        if sign in "\n\t" or unicodedata.category(sign)[0] != "C"
    )
    return kept if len(kept) <= MAX_OUTPUT else f"{kept[: MAX_OUTPUT - 4]} ..."
