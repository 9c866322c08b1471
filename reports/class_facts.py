"""What a class page says, computed from `results.json` and the facts of each submission."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any
from urllib.parse import quote

from reports.texts import finite, plural

Facts = dict[str, Any]


_REMARKS = ("own names", "same notebook as ", "changed by hand", "excused", "withheld")
"""How flags begin that say something of a notebook and ask for nobody."""


def class_facts(
    results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], names: Mapping[str, str] | None = None
) -> Facts:
    """Return what the class page shows: submissions with their rows, totals, items, who waits, slowest."""
    extra = {row["id"]: row for row in rows}
    known = names or {}
    submissions = [
        _submission(graded, extra.get(graded["id"], {}), known) for graded in results.get("submissions", ())
    ]
    graded = [one for one in submissions if one["state"] != "failed"]
    possible = max((one["possible"] for one in submissions), default=0.0)
    earned = [one["earned"] for one in graded]
    items = _items([one for one in results.get("submissions", ()) if one.get("state") != "failed"])
    return {
        "submissions": submissions,
        "has_scores": any(one["has_scores"] for one in submissions),
        "absent": [_absent(one, known) for one in results.get("absent") or ()],
        "n_graded": len(graded),
        "n_failed": len(submissions) - len(graded),
        "n_waiting": sum(one["is_waiting"] for one in submissions),
        "possible": possible,
        "median": median(earned) if earned else None,
        "mean": math.fsum(earned) / len(earned) if earned else None,
        "pending": math.fsum(one["pending"] for one in submissions),
        "n_pending": sum(one["pending"] > 0 for one in graded),
        "histogram": histogram(earned, possible),
        "by_hand": _by_hand(submissions),
        "items": items,
        "hardest": _hardest(items),
        "urgent": sorted(
            (one for one in submissions if one["is_waiting"] and not one["is_routine"]), key=_urgency
        ),
        "to_mark": sorted((one for one in submissions if one["is_routine"]), key=_urgency),
        "slowest": sorted((one for one in submissions if one["seconds"]), key=lambda one: -one["seconds"])[
            :5
        ],
    }


def _by_hand(submissions: Sequence[Facts]) -> Facts:
    """Return what people marked: how many reviews, and the marks that an instructor should see one by one."""
    marks = [
        {"submission": one, "check": check, **check["marked"]}
        for one in submissions
        for item in one["items"].values()
        for check in item.get("checks", ())
        if check.get("marked")
    ]
    return {
        "n_reviews": sum(mark["kind"] == "review" for mark in marks),
        "overrides": [mark for mark in marks if mark["kind"] == "override"],
        "look_again": [mark for mark in marks if mark.get("look_again")],
        "differences": [
            mark for mark in marks if mark.get("second") and mark["second"]["points"] != mark["points"]
        ],
    }


def histogram(values: Sequence[float], possible: float) -> tuple[list[int], list[float]]:
    """Return counts and edges of about ten equal bins over [0, possible]; the last bin is closed."""
    top = max([possible, *values, 1.0])
    width = next(step for step in _round_steps() if top / step <= 10)
    edges = [index * width for index in range(math.ceil(top / width - 1e-9) + 1)]
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[min(max(int(value / width + 1e-9), 0), len(counts) - 1)] += 1
    return counts, edges


def _round_steps() -> list[float]:
    return [factor * 10.0**power for power in range(-2, 6) for factor in (1, 2, 2.5, 5)]


def _named(person: str, names: Mapping[str, str]) -> str:
    return f"{names[person]} ({person})" if names.get(person) else person


def _absent(one: Mapping[str, Any], names: Mapping[str, str]) -> Facts:
    return {
        "student": _named(str(one["id"]), names),
        "state": str(one.get("state", "missing")),
        "note": str(one.get("note", "")),
    }


def _scores(graded: Mapping[str, Any]) -> Facts:
    """Return what the people of a submission get after lateness, in words, and whether it differs from its marks."""
    people = list(graded.get("people") or ())
    words = [
        person["state"]
        if person["state"] in ("excused", "withheld")
        else f"{round(finite(person.get('score')) or 0.0, 2):g}"
        for person in people
    ]
    ids = [str(person["id"]) for person in people]
    is_one = len(set(words)) < 2
    return {
        "score": (words[0] if words else "")
        if is_one
        else "; ".join(map(": ".join, zip(ids, words, strict=True))),
        "score_value": words[0]
        if is_one and words and people[0]["state"] not in ("excused", "withheld")
        else "",
        "has_scores": any(finite(person.get("deducted")) for person in people)
        or any(person["state"] in ("excused", "withheld") for person in people),
    }


def _submission(graded: Mapping[str, Any], row: Mapping[str, Any], names: Mapping[str, str]) -> Facts:
    state = str(row.get("state") or graded.get("state", ""))
    figures = {key: finite(graded.get(key)) or 0.0 for key in ("earned", "pending", "possible")}
    flags = [str(flag) for flag in row.get("flags") or graded.get("flags") or ()]
    warnings = [flag for flag in flags if not flag.startswith(_REMARKS) and flag != "late"]
    statuses = Counter(
        check["status"] for item in graded.get("items", ()) for check in item.get("checks", ())
    )
    reasons = [str(row.get("problem") or "It could not be graded.")] if state == "failed" else []
    if figures["pending"] > 0:
        parts = (
            [_counted(statuses["review"], "answer to mark", "answers to mark")] if statuses["review"] else []
        )
        parts += [
            _counted(statuses["error"], "check failed on our side", "checks failed on our side")
        ] * bool(statuses["error"])
        reasons.append(
            f"{plural(figures['pending'], 'mark')} pending" + (f": {', '.join(parts)}" if parts else "")
        )
    return {
        "id": str(graded["id"]),
        "students": [
            _named(str(person), names) for person in graded.get("students") or row.get("students") or ()
        ],
        **_scores(graded),
        "report": relative_link(row.get("report")),
        "view": relative_link(row.get("view")) or relative_link(row.get("report")),
        "seconds": finite(row.get("seconds")) or 0.0,
        "state": state,
        "flags": flags,
        "reasons": reasons,
        "fault": {key: str(row.get(f"problem_{key}") or "") for key in ("name", "detail")},
        "notes": [str(note) for note in row.get("notes") or ()],
        "is_waiting": bool(reasons or warnings or state == "needs_review"),
        # Every notebook has written answers: those alone are a pile of work, not a case.
        "is_routine": bool(
            statuses["review"] and not statuses["error"] and not warnings and state != "failed"
        ),
        "items": {str(item["id"]): item for item in graded.get("items", ())},
        "parts": {str(total["part"]): total for total in graded.get("part_totals", ())},
        **figures,
    }


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _urgency(one: Facts) -> tuple[int, float, str]:
    return (0 if one["state"] == "failed" else 1, -one["pending"], one["id"])


def relative_link(link: object) -> str | None:
    """Return `link` percent-encoded when it is a plain relative path, else None: no scheme, no `..`."""
    parts = str(link or "").replace("\\", "/").split("/")
    if not link or ":" in str(link) or any(part in ("", "..") for part in parts):
        return None
    return quote("/".join(parts))


def _items(submissions: Sequence[Mapping[str, Any]]) -> list[Facts]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for submission in submissions:
        for item in submission.get("items", ()):
            found.setdefault(str(item["id"]), []).append(item)
    return [_item_facts(item_id, items) for item_id, items in found.items()]


def _hardest(items: Sequence[Facts]) -> list[Facts]:
    """Return the five checks at which the class lost most, a third of their marks or more."""
    checks = [
        {**check, "item": item["title"]} for item in items for check in item["checks"] if check["points"] > 0
    ]
    hard = [check for check in checks if check["share"] is not None and check["share"] <= 2 / 3]
    return sorted(hard, key=lambda check: (check["share"], check["id"]))[:5]


def _item_facts(item_id: str, items: Sequence[Mapping[str, Any]]) -> Facts:
    shares = []
    checks: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        decided = (finite(item.get("possible")) or 0.0) - (finite(item.get("pending")) or 0.0)
        if decided > 1e-9:
            shares.append(min((finite(item.get("earned")) or 0.0) / decided, 1.0))
        for check in item.get("checks", ()):
            checks.setdefault(str(check["id"]), []).append(check)
    return {
        "id": item_id,
        "title": str(items[0].get("title") or item_id),
        "possible": max(finite(item.get("possible")) or 0.0 for item in items),
        "extra": any(bool(item.get("extra")) for item in items),
        "share": math.fsum(shares) / len(shares) if shares else None,
        "n": len(shares),
        "n_pending": sum((finite(item.get("pending")) or 0.0) > 0 for item in items),
        "checks": [_check_facts(check_id, results) for check_id, results in checks.items()],
    }


def _check_facts(check_id: str, results: Sequence[Mapping[str, Any]]) -> Facts:
    statuses = Counter(
        "partly"
        if one["status"] == "passed" and (finite(one.get("fraction")) or 0.0) < 1
        else str(one["status"])
        for one in results
    )
    # A check without points was judged through another one; it says nothing of how hard it is.
    worth = [one for one in results if finite(one.get("points"))]
    decided = [one for one in worth if one["status"] in ("passed", "failed", "blocked")]
    shares = [(finite(one.get("fraction")) or 0.0) if one["status"] == "passed" else 0.0 for one in decided]
    return {
        "id": check_id,
        "title": str(results[0].get("title") or check_id),
        "points": max(finite(one.get("points")) or 0.0 for one in results),
        "share": math.fsum(shares) / len(shares) if shares else None,
        "statuses": statuses,
    }
