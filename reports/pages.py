"""The pages: each one self-contained HTML file that asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports import charts, texts
from reports.class_facts import class_facts, relative_link
from reports.observed import cell_link, limit_words, observed, place
from reports.question_charts import interval_bar
from reports.question_facts import KINDS, effect_cells, likeness, number, question_facts, share
from reports.views import instructor_view, student_view

CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_ORDER = {"failed": 0, "partly": 0, "error": 1, "review": 2, "blocked": 3, "passed": 4}


def render_student(grade: Mapping[str, Any], *, show_markers: bool = False) -> str:
    """Return the report of one submission for its students, as one HTML file: what `student_view` keeps.

    Parameters
    ----------
    grade : mapping
        A `Grade` in JSON form (`grade.model_dump(mode="json")`).
    show_markers : bool
        Whether the students see who marked.
    """
    template = environment().get_template("student.html.j2")
    return template.render(csp=CSP, is_student=True, **_report(student_view(grade, show_markers), {}))


def render_instructor(
    grade: Mapping[str, Any],
    *,
    notebooks: Mapping[str, str] | None = None,
    missing: str = "There is no page of an executed notebook.",
    evidence: Mapping[str, Mapping[str, Any]] | None = None,
    history: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the instructor's view of one submission as one HTML file: everything, with the executed notebook beside.

    Parameters
    ----------
    grade : mapping
        A `Grade` in JSON form.
    notebooks : mapping
        Part id to the page of its executed notebook, as a link relative to this page; "" where there is none. A cell
        is `#cell-1` in it, counted from 1.
    missing : str
        What is said where no notebook has a page.
    evidence : mapping
        Part id to what was observed (`evidence.json`).
    history : sequence of mappings
        Every mark that a person gave or took back, oldest first: `time`, `author`, `check`, `round`, `kind`, `points`
        (None: taken back), `comment`, `reason`, `is_undone`.
    """
    pages = {part: relative_link(page) or "" for part, page in (notebooks or {}).items()}
    template = environment().get_template("instructor.html.j2")
    return template.render(
        # The frame of the notebook holds a file that lies beside this one.
        csp=f"{CSP}; frame-src 'self' file:",
        is_student=False,
        notebooks=pages,
        missing=missing,
        observed=[observed(part, stored, pages.get(part, "")) for part, stored in (evidence or {}).items()],
        history=history,
        **_report(instructor_view(grade), pages),
    )


def _report(shown: Mapping[str, Any], pages: Mapping[str, str]) -> dict[str, Any]:
    """Return what the report of one submission says; `pages` are those of its notebooks, where they may be seen."""
    anchors = _Anchors()
    # A submission that could not be graded has no marks to show: rows of "0 of 10" would read as a verdict.
    has_marks = shown["state"] != "failed"
    items = [
        _item(item, shown, anchors, pages.get(item["part"], ""))
        for item in shown["items"]
        if has_marks or item["checks"]
    ]
    known = {item["id"] for item in items}
    checks = [check for item in items for check in item["checks"]]
    lost = sorted((check for check in checks if check["lost"] > 0), key=lambda check: -check["lost"])
    return {
        "grade": shown,
        "items": items,
        "parts": _part_totals(items),
        "lost": lost,
        "waiting": [
            check for check in checks if check["kind"] in ("review", "error") and check["pending"] > 0
        ],
        "notes": [note for note in shown["notes"] if note["item"] not in known],
        "runs": [
            _run(part, record, shown, pages.get(part, "")) for part, record in shown["executions"].items()
        ],
    }


def _part_totals(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the marks of each part, with the item it begins with; none where there is one part only."""
    totals: dict[str, dict[str, Any]] = {}
    for item in items:
        total = totals.setdefault(
            item["part"],
            {"part": item["part"], "first": item["id"], "earned": 0.0, "pending": 0.0, "possible": 0.0},
        )
        for key in ("earned", "pending") if item["extra"] else ("earned", "pending", "possible"):
            total[key] += item[key]
    return list(totals.values()) if len(totals) > 1 else []


def render_class(
    results: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    names: Mapping[str, str] | None = None,
    list_problems: Sequence[str] = (),
    *,
    questions: str | None = None,
    similarity: str | None = None,
) -> str:
    """Return the class page as one HTML file.

    Parameters
    ----------
    results : mapping
        `results.json` (schema 1).
    rows : sequence of mappings
        Facts of each submission beyond `results`: `id`, `students`, `report` and `view` (relative links to the
        student's report and the instructor's view), `seconds`, `flags`, `problem`, `problem_name`,
        `problem_detail`, `state`, `notes`.
    names : mapping
        Id of a person to the name in the roster; the page is the instructor's alone.
    list_problems : sequence of str
        What is wrong in the roster and the groups file.
    questions : str or None
        Relative link to the page of the question analysis.
    similarity : str or None
        Relative link to the page of what notebooks share, where there is one.
    """
    script = static("table.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        environment()
        .get_template("class.html.j2")
        .render(
            # The hash admits this one script and no other, which 'unsafe-inline' could not.
            csp=f"{CSP}; script-src 'sha256-{digest}'",
            script=Markup(script),
            results=results,
            questions=relative_link(questions),
            similarity=relative_link(similarity),
            list_problems=list_problems,
            **class_facts(results, rows, names or {}),
        )
    )


def render_questions(document: Mapping[str, Any]) -> str:
    """Return the page of the question analysis as one HTML file: for instructors, without names.

    Parameters
    ----------
    document : mapping
        `questions.json` (schema 1).
    """
    anchors = _Anchors()
    facts = question_facts(document)
    links = {item["id"]: anchors("task", item["id"]) for _, item in facts["items"]}
    template = environment().get_template("questions.html.j2")
    return template.render(csp=CSP, document=document, links=links, kinds=KINDS, **facts)


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
            {**_check(check, anchors, ""), "outcome": claim["outcome"]}
            for claim, check in zip(item["checks"], shown["checks"], strict=True)
        ]
        items.append({**shown, "anchor": anchors("item", item["id"]), "checks": checks})
    template = "selfcheck.html.j2" if is_page else "selfcheck_cell.html.j2"
    return environment().get_template(template).render(csp=CSP, result=result, items=items)


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


def _item(item: Mapping[str, Any], grade: Mapping[str, Any], anchors: _Anchors, page: str) -> dict[str, Any]:
    anchor = anchors("item", item["id"])
    checks = [{**_check(check, anchors, page), "item": item["title"]} for check in item["checks"]]
    if item["extra"]:  # extra credit that was not earned is nothing that was lost
        checks = [{**check, "lost": 0.0} for check in checks]
    checks.sort(key=lambda check: _ORDER.get(check["kind"], 0))
    return {
        **item,
        "anchor": anchor,
        "checks": checks,
        "open_checks": [check for check in checks if not _is_settled(check)],
        "passed_checks": [check for check in checks if _is_settled(check)],
        "notes": [note for note in grade["notes"] if note["item"] == item["id"]],
    }


def _check(check: Mapping[str, Any], anchors: _Anchors, page: str) -> dict[str, Any]:
    is_partly = check["status"] == "passed" and check["fraction"] < 1
    kind = "partly" if is_partly else check["status"]
    return {
        **check,
        "kind": kind,
        "word": texts.STATUS_WORDS.get(kind, kind),
        "anchor": anchors("check", check["id"]),
        "lost": round(max(check["points"] - check["earned"] - check["pending"], 0.0), 6),
        "places": [place(found, page) for found in check["found"]],
    }


def _is_settled(check: Mapping[str, Any]) -> bool:
    """Return whether nothing is left to say of a check: passed, or its points were judged elsewhere."""
    return bool(check["kind"] == "passed" or (check["kind"] == "blocked" and check["points"] == 0))


def _run(part: str, record: Mapping[str, Any], grade: Mapping[str, Any], page: str) -> dict[str, Any]:
    titles = {item["id"]: item["title"] for item in grade["items"]}
    owners = grade["cell_items"].get(part, ())
    cells = [
        {
            **cell,
            "item": titles.get(owners[cell["index"]]) if cell["index"] < len(owners) else None,
            "word": texts.CELL_WORDS.get(cell["status"], cell["status"]),
            "href": cell_link(page, cell["index"]),
        }
        for cell in record["cells"]
    ]
    return {
        **record,
        "part": part,
        "words": texts.RUN_WORDS.get(record["state"], record["state"]),
        "cells": cells,
        "limits": limit_words(record["limits"]),
        "n_ran": sum(cell["status"] != "not_run" for cell in cells),
        "stopped": [cell for cell in cells if cell["status"] in ("error", "time_limit")],
    }


def style() -> str:
    """Return the style sheet of the pages, for one that is made elsewhere and stands beside them."""
    return static("report.css")


def static(name: str) -> str:
    """Return a file of `static/`."""
    return (files("reports") / "static" / name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """Return the templates with the filters that they use."""
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
        "mean_share": share,
        "number": number,
        "effect_cells": effect_cells,
        "likeness": likeness,
        "late": texts.lateness,
        "moment": texts.moment,
    }
    environment.globals |= {
        "draw": charts.draw,
        "share_bar": charts.share_bar,
        "interval_bar": interval_bar,
        "draw_histogram": charts.histogram,
        "total": texts.total,
        "style": Markup(style()),
        "status_words": texts.STATUS_WORDS,
        "note_words": texts.NOTE_WORDS,
    }
    return environment
