"""What each reader may see of a grade: an allow-list, so that a new field is hidden until named here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reports.texts import file_name, finite, without_folders

_OWN_PARTS = {
    "band": ("value", "unit", "label"),
    "scatter": ("points", "xlim", "ylim", "labels"),
    "acf": ("observed", "label"),
    "bars": ("labels", "observed"),
    "contour": ("observed", "xlim", "ylim"),
}
_EXPECTED_PARTS = {
    "band": ("low", "high", "variants"),
    "scatter": ("contours",),
    "acf": ("expected", "low", "high"),
    "bars": ("expected",),
    "contour": ("expected",),
}
_STUDENT_NOTES = ("erratum", "variant", "limit", "execution")
_PRECISE = re.compile(r"\d*\.\d+(?:[eE][+-]?\d+)?")


def student_view(grade: Mapping[str, Any], show_markers: bool = False) -> dict[str, Any]:
    """Return what a student may see of a grade (JSON form), in the same shape.

    Left out: expectations of checks that are hidden (text and parts of pictures), tracebacks of the
    grader, flags, notes for the instructor alone, and the folders of every path. Of a mark that a person
    gave: criteria, reason, what a second marker gave, and, unless `show_markers`, who it was.
    """
    view = _view(grade, is_student=True)
    if not show_markers:
        for check in (check for item in view["items"] for check in item["checks"] if check["marked"]):
            check["marked"]["author"] = ""
    return view


def instructor_view(grade: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that the pages show of a grade, with every field present."""
    return _view(grade, is_student=False)


def _view(grade: Mapping[str, Any], *, is_student: bool) -> dict[str, Any]:
    submission = grade["submission"]
    shown = without_folders if is_student else str
    return {
        "submission": {
            "id": str(submission["id"]),
            "students": [str(name) for name in submission.get("students", ())],
            "sources": {
                part: file_name(path) if is_student else path
                for part, path in submission.get("sources", {}).items()
            },
            "digests": dict(submission.get("digests", {})),
            "notes": [shown(note) for note in submission.get("notes", ())],
            "problem": shown(submission["problem"]) if submission.get("problem") else None,
            "problem_name": "" if is_student else submission.get("problem_name") or "",
            "problem_detail": "" if is_student else submission.get("problem_detail") or "",
            "bindings": {} if is_student else dict(submission.get("bindings", {})),
            "choices": [_choice(choice) for choice in submission.get("choices", ())],
            "unused": [shown(name) for name in submission.get("unused", ())],
            "owner_detail": "" if is_student else submission.get("owner_detail") or "",
            "instructor_notes": [] if is_student else list(submission.get("instructor_notes", ())),
            "received": []
            if is_student
            else [str(one.get("entry", "")) for one in submission.get("received", ())],
        },
        **_people(grade.get("people", ()), is_student=is_student),
        "attempts": [
            {"attempt": int(one["attempt"]), "counts": bool(one.get("counts"))}
            for one in grade.get("attempts", ())
        ],
        "assignment": grade["assignment"],
        "title": grade.get("title") or grade["assignment"],
        "parts": list(grade.get("parts", ())),
        "state": grade["state"],
        **{key: finite(grade.get(key)) or 0.0 for key in ("earned", "pending", "possible")},
        "flags": [] if is_student else list(grade.get("flags", ())),
        "items": [_item(item, is_student=is_student) for item in grade.get("items", ())],
        "notes": [
            {"kind": note["kind"], "title": note["title"], "text": note["text"], "item": note.get("item")}
            for note in grade.get("notes", ())
            if not is_student or note["kind"] in _STUDENT_NOTES
        ],
        "executions": {
            part: _execution(record, is_student=is_student)
            for part, record in grade.get("executions", {}).items()
        },
        "cell_items": {part: list(items) for part, items in grade.get("cell_items", {}).items()},
        "engine": grade.get("engine", ""),
        "rubric_sha256": grade.get("rubric_sha256", ""),
    }


def _choice(choice: Mapping[str, Any]) -> dict[str, str]:
    keys = ("part", "file", "how", "why", "runner_up", "runner_up_why")
    return {key: str(choice.get(key, "")) for key in keys}


def _people(people: Sequence[Mapping[str, Any]], *, is_student: bool) -> dict[str, Any]:
    """Return what the people of a submission get: one line for all who get the same.

    Where they differ, by an extension or a state of one's own, that is nobody else's business: the report, which all of
    the group read, only says so.
    """
    shown = [_person(person, is_student=is_student) for person in people]
    alike = all({**one, "id": ""} == {**shown[0], "id": ""} for one in shown)
    if alike:
        shown = [{**one, "id": ""} for one in shown[:1]]
    return {"people": shown if alike or not is_student else [], "people_differ": not alike}


def _person(person: Mapping[str, Any], *, is_student: bool) -> dict[str, Any]:
    """Return what one person gets; why somebody is excused, and the score that is withheld, students do not see."""
    late = person.get("late")
    is_hidden = is_student and person["state"] in ("excused", "withheld")
    return {
        "id": str(person["id"]),
        "state": str(person["state"]),
        "score": 0.0 if is_hidden else finite(person.get("score")) or 0.0,
        "deducted": 0.0 if is_hidden else finite(person.get("deducted")) or 0.0,
        "late": late
        and {
            "due": str(late["due"]),
            "submitted": str(late.get("submitted") or ""),
            "rule": str(late.get("rule", "")),
            "extended": bool(late.get("extended")),
            "n_days": int(late.get("n_days", 0)),
            "late_seconds": finite(late.get("late_seconds")) or 0.0,
        },
        "note": "" if is_student else str(person.get("note", "")),
    }


def _item(item: Mapping[str, Any], *, is_student: bool) -> dict[str, Any]:
    return {
        "id": item["id"],
        "part": item.get("part", ""),
        "title": item["title"],
        **{key: finite(item.get(key)) or 0.0 for key in ("earned", "pending", "possible")},
        "extra": bool(item.get("extra")),
        "checks": [_check(check, is_student=is_student) for check in item.get("checks", ())],
    }


def _check(check: Mapping[str, Any], *, is_student: bool) -> dict[str, Any]:
    is_hidden = bool(check.get("hidden", True))
    is_withheld = is_student and is_hidden
    expected = check.get("expected", "")
    texts = {key: check.get(key, "") for key in ("message", "why", "hint")}
    if is_withheld:
        texts = {key: _without_figures(text, expected) for key, text in texts.items()}
    if is_student and check["status"] == "error":
        texts["message"] = without_folders(texts["message"])
    return {
        "id": check["id"],
        "title": check["title"],
        "status": check["status"],
        **{key: finite(check.get(key)) or 0.0 for key in ("fraction", "points", "earned", "pending")},
        "observed": check.get("observed", ""),
        "expected": "" if is_withheld else expected,
        **texts,
        "hidden": is_hidden,
        "public": bool(check.get("public", False)),
        "proposed": None if is_student else finite(check.get("proposed")),
        "found": [
            {"how": found["how"], "path": found.get("path", ""), "cell": found.get("cell")}
            for found in check.get("found", ())
        ],
        "pictures": [_picture(picture, is_withheld=is_withheld) for picture in check.get("pictures", ())],
        "answer": check.get("answer", ""),
        "marked": _marked(check["marked"], is_student=is_student) if check.get("marked") else None,
        "traceback": "" if is_student else check.get("traceback", ""),
    }


def _marked(mark: Mapping[str, Any], *, is_student: bool) -> dict[str, Any]:
    before, second = mark["automatic"], mark.get("second")
    return {
        "kind": mark["kind"],
        "points": finite(mark["points"]) or 0.0,
        "comment": mark.get("comment", ""),
        "author": mark.get("author", ""),
        "time": "" if is_student else mark.get("time", ""),
        "reason": "" if is_student else mark.get("reason", ""),
        "criteria": [] if is_student else list(mark.get("criteria", ())),
        "look_again": [] if is_student else list(mark.get("look_again", ())),
        "automatic": None
        if is_student
        else {
            "status": before["status"],
            "earned": finite(before.get("earned")) or 0.0,
            "message": before.get("message", ""),
        },
        "second": None
        if is_student or not second
        else {
            "points": finite(second["points"]) or 0.0,
            "comment": second.get("comment", ""),
            "author": second.get("author", ""),
        },
    }


def _without_figures(text: str, expected: str) -> str:
    """Return `text` with the precise figures of a hidden expectation replaced.

    A second fence: sentences of hidden checks should not quote the expectation, and here they cannot.
    """
    for precise in sorted(set(_PRECISE.findall(expected)), key=len, reverse=True):
        if len(precise.replace(".", "").strip("0")) >= 3:
            text = text.replace(precise, "[not shown]")
    return text


def _picture(picture: Mapping[str, Any], *, is_withheld: bool) -> dict[str, Any]:
    kind = picture["kind"]
    keys = _OWN_PARTS.get(kind, ()) + (() if is_withheld else _EXPECTED_PARTS.get(kind, ()))
    data = picture.get("data", {})
    return {
        "kind": kind,
        "title": picture.get("title", ""),
        "data": {key: data[key] for key in keys if key in data},
    }


def _execution(record: Mapping[str, Any], *, is_student: bool) -> dict[str, Any]:
    shown = without_folders if is_student else str
    return {
        "state": record["state"],
        "detail": shown(record.get("detail", "")),
        "seconds": finite(record.get("seconds")) or 0.0,
        "executor": record.get("executor", ""),
        "fence": shown(record.get("fence", "")),
        "kernel_stored": record.get("kernel_stored", ""),
        "output_cut": bool(record.get("output_cut", False)),
        "attempts": int(record.get("attempts", 1)),
        "kernel": "" if is_student else record.get("kernel", ""),
        "kernel_cpu_seconds": None if is_student else finite(record.get("kernel_cpu_seconds")),
        "same_as": "" if is_student else record.get("same_as", ""),
        "limits": {} if is_student else dict(record.get("limits") or {}),
        "cells": [_cell(cell, is_student=is_student) for cell in record.get("cells", ())],
    }


def _cell(cell: Mapping[str, Any], *, is_student: bool) -> dict[str, Any]:
    shown = without_folders if is_student else str
    error = cell.get("error")
    return {
        "index": int(cell["index"]),
        "status": cell["status"],
        "seconds": finite(cell.get("seconds")) or 0.0,
        "error": error
        and {
            "name": error["name"],
            "message": shown(error.get("message", "")),
            "traceback": shown(error.get("traceback", "")),
        },
    }
