"""The two pages: each one self-contained HTML file that asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports import charts, texts
from reports.class_facts import class_facts
from reports.views import instructor_view, student_view

CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_ORDER = {"failed": 0, "partly": 0, "error": 1, "review": 2, "blocked": 3, "passed": 4}


def render_student(
    grade: Mapping[str, Any],
    viewer: Literal["student", "instructor"] = "student",
    *,
    show_markers: bool = False,
) -> str:
    """Return the report of one submission as one HTML file.

    Parameters
    ----------
    grade : mapping
        A `Grade` in JSON form (`grade.model_dump(mode="json")`).
    viewer : {"student", "instructor"}
        A student sees what `student_view` keeps; an instructor sees all.
    show_markers : bool
        Whether a student sees who marked.

    Raises
    ------
    ValueError
        When `viewer` is neither.
    """
    if viewer not in ("student", "instructor"):
        raise ValueError(f'viewer is {viewer!r}, expected "student" or "instructor"')
    shown = student_view(grade, show_markers) if viewer == "student" else instructor_view(grade)
    anchors = _Anchors()
    # A submission that could not be graded has no marks to show: rows of "0 of 10" would read as a verdict.
    has_marks = shown["state"] != "failed"
    items = [_item(item, shown, anchors) for item in shown["items"] if has_marks or item["checks"]]
    known = {item["id"] for item in items}
    checks = [check for item in items for check in item["checks"]]
    lost = sorted((check for check in checks if check["lost"] > 0), key=lambda check: -check["lost"])
    return (
        _environment()
        .get_template("student.html.j2")
        .render(
            csp=CSP,
            grade=shown,
            is_student=viewer == "student",
            items=items,
            parts=_part_totals(items),
            lost=lost,
            waiting=[
                check for check in checks if check["kind"] in ("review", "error") and check["pending"] > 0
            ],
            notes=[note for note in shown["notes"] if note["item"] not in known],
            runs=[_run(part, record, shown) for part, record in shown["executions"].items()],
        )
    )


def _part_totals(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the marks of each part, with the item it begins with; none where there is one part only."""
    totals: dict[str, dict[str, Any]] = {}
    for item in items:
        total = totals.setdefault(
            item["part"],
            {"part": item["part"], "first": item["id"], "earned": 0.0, "pending": 0.0, "possible": 0.0},
        )
        for key in ("earned", "pending", "possible"):
            total[key] += item[key]
    return list(totals.values()) if len(totals) > 1 else []


def render_class(
    results: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    names: Mapping[str, str] | None = None,
    list_problems: Sequence[str] = (),
) -> str:
    """Return the class page as one HTML file.

    Parameters
    ----------
    results : mapping
        `results.json` (schema 1).
    rows : sequence of mappings
        Facts of each submission beyond `results`: `id`, `students`, `report` (relative link), `seconds`,
        `flags`, `problem`, `problem_name`, `problem_detail`, `state`, `notes`.
    names : mapping
        Id of a person to the name in the roster; the page is the instructor's alone.
    list_problems : sequence of str
        What is wrong in the roster and the groups file.
    """
    script = _static("table.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template("class.html.j2")
        .render(
            # The hash admits this one script and no other, which 'unsafe-inline' could not.
            csp=f"{CSP}; script-src 'sha256-{digest}'",
            script=Markup(script),
            results=results,
            list_problems=list_problems,
            **class_facts(results, rows, names or {}),
        )
    )


def render_selfcheck(result: Mapping[str, Any], *, is_page: bool) -> str:
    """Return a student's self-check as an HTML file, or as what a notebook shows below a cell.

    Parameters
    ----------
    result : mapping
        A `SelfCheck` as plain data (`document()`): public checks alone, as a student may see them.
    is_page : bool
        Whether it is a file of its own.
    """
    anchors = _Anchors()
    items = []
    for item, shown in zip(result["items"], student_view(_as_grade(result))["items"], strict=True):
        checks = [
            {**_check(check, anchors), "outcome": claim["outcome"]}
            for claim, check in zip(item["checks"], shown["checks"], strict=True)
        ]
        items.append({**shown, "anchor": anchors("item", item["id"]), "checks": checks})
    template = "selfcheck.html.j2" if is_page else "selfcheck_cell.html.j2"
    return _environment().get_template(template).render(csp=CSP, result=result, items=items)


def _as_grade(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a self-check as a grade that says nothing of marks: its checks get the shape of the report's."""
    items = [
        {**item, "checks": [{**check, "hidden": False} for check in item["checks"]]}
        for item in result["items"]
    ]
    return {
        "submission": {"id": ""},
        "assignment": result["assignment"],
        "state": "graded",
        "items": items,
    }


class _Anchors:
    """Unique ids for a page: the first use of a name gets it plainly, so that links stay the same."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def __call__(self, kind: str, name: str) -> str:
        plain = f"{kind}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)[:80]}"
        anchor, n = plain, 1
        while anchor in self._taken:
            n += 1
            anchor = f"{plain}-{n}"
        self._taken.add(anchor)
        return anchor


def _item(item: Mapping[str, Any], grade: Mapping[str, Any], anchors: _Anchors) -> dict[str, Any]:
    anchor = anchors("item", item["id"])
    checks = [{**_check(check, anchors), "item": item["title"]} for check in item["checks"]]
    checks.sort(key=lambda check: _ORDER.get(check["kind"], 0))
    return {
        **item,
        "anchor": anchor,
        "checks": checks,
        "open_checks": [check for check in checks if not _is_settled(check)],
        "passed_checks": [check for check in checks if _is_settled(check)],
        "notes": [note for note in grade["notes"] if note["item"] == item["id"]],
    }


def _check(check: Mapping[str, Any], anchors: _Anchors) -> dict[str, Any]:
    is_partly = check["status"] == "passed" and check["fraction"] < 1
    kind = "partly" if is_partly else check["status"]
    return {
        **check,
        "kind": kind,
        "word": texts.STATUS_WORDS.get(kind, kind),
        "anchor": anchors("check", check["id"]),
        "lost": round(max(check["points"] - check["earned"] - check["pending"], 0.0), 6),
        "places": [_place(found) for found in check["found"]],
    }


def _is_settled(check: Mapping[str, Any]) -> bool:
    """Return whether nothing is left to say of a check: passed, or its points were judged elsewhere."""
    return bool(check["kind"] == "passed" or (check["kind"] == "blocked" and check["points"] == 0))


def _place(found: Mapping[str, Any]) -> dict[str, str]:
    """Return where a value was found as the words before its path, the path, and the words after it."""
    cell = "" if found["cell"] is None else f"cell {found['cell'] + 1}"
    before = {
        "name": "under",
        "path": "under",
        "binding": "under",
        "suggestion": "by a search, under",
        "printed": "in the printed line",
        "figure": "in the figure",
        "source": "in the notebook’s source:",
        "call": "by calling",
        "record": "recorded during the run:",
    }.get(found["how"], "under")
    if not found["path"]:
        nameless = {"figure": "in the figure of", "printed": "in what was printed by"}
        before = nameless.get(found["how"], "in")
        return {"before": f"{before} {cell or 'the notebook'}", "path": "", "after": ""}
    return {"before": before, "path": found["path"], "after": f", {cell}" if cell else ""}


def _run(part: str, record: Mapping[str, Any], grade: Mapping[str, Any]) -> dict[str, Any]:
    titles = {item["id"]: item["title"] for item in grade["items"]}
    owners = grade["cell_items"].get(part, ())
    cells = [
        {
            **cell,
            "item": titles.get(owners[cell["index"]]) if cell["index"] < len(owners) else None,
            "word": texts.CELL_WORDS.get(cell["status"], cell["status"]),
        }
        for cell in record["cells"]
    ]
    return {
        **record,
        "part": part,
        "words": texts.RUN_WORDS.get(record["state"], record["state"]),
        "cells": cells,
        "n_ran": sum(cell["status"] != "not_run" for cell in cells),
        "stopped": [cell for cell in cells if cell["status"] in ("error", "time_limit")],
    }


def _static(name: str) -> str:
    return (files("reports") / "static" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Every string that a template prints is cleaned here, so that no template can forget it.
        finalize=lambda value: texts.clean(value) if type(value) is str else "" if value is None else value,
    )
    environment.filters |= {
        "cut": texts.cut,
        "marks": texts.marks,
        "seconds": texts.seconds,
        "figure": texts.figure,
        "plural": texts.plural,
        "late": texts.lateness,
        "moment": texts.moment,
    }
    environment.globals |= {
        "draw": charts.draw,
        "share_bar": charts.share_bar,
        "draw_histogram": charts.histogram,
        "total": texts.total,
        "style": Markup(_static("report.css")),
        "status_words": texts.STATUS_WORDS,
        "note_words": texts.NOTE_WORDS,
    }
    return environment
