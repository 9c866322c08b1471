"""The page of the question analysis: what stands on it, that hostile texts stay text, that it asks for nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from question_runs import HALF, POINTS, grade, known, mistake, rubric
from sample_grades import BIDI, HOSTILE, HOSTILE_ATTRIBUTE

import reports
from autograder.questions import analyse
from reports.question_facts import likeness, number, share, without

VOID = {"meta", "br", "input", "path", "circle", "link"}


class Page(HTMLParser):
    """Elements of a page: their names, attributes, and whether they are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def document(**about: Any) -> dict[str, Any]:
    """Return the analysis of a class of twelve, two of whom forget the factor ½."""
    grades = [
        grade(f"s{n}", {"a1.density": HALF} if n < 2 else None, waiting=["b1.comment"]) for n in range(12)
    ]
    grades += [grade("dee", ran="")]
    signatures = known(mistake("half", {"a1.density": HALF}))
    made = analyse(rubric(), grades, {"a": signatures, "b": "nobody has tried"} | about)
    return made.model_dump(mode="json")


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.split("</style>")[1]))


def test_it_says_how_hard_how_telling_and_which_mistake() -> None:
    html = reports.render_questions(document())
    told = text_of(html)
    assert "submissions 13" in told
    assert "makes the mistake half" in told
    assert "factor ½ is missing" in told
    assert "Part a: 1 known mistake." in told
    assert "Part b: nobody has tried." in told
    assert "nothing to compare" in told  # part b has one task
    assert "A small class." in told
    assert told.count("Task a1") >= 3
    assert "89 % (61 to 98)" in told  # 2 of 12 lost 4 of 6 marks


def test_it_is_in_order_for_those_who_listen() -> None:
    page = Page(reports.render_questions(document()))
    assert len(page.named("h1")) == 1
    tables = page.named("table")
    assert len(tables) == len(page.named("caption")) >= 6
    assert all(head.get("scope") in ("col", "row") for head in page.named("th"))
    regions = [one for one in page.named("div") if one.get("role") == "region"]
    assert len(regions) == len(tables)
    assert all(
        one.get("tabindex") == "0" and (one.get("aria-label") or one.get("aria-labelledby"))
        for one in regions
    )
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    inner = [str(one["href"])[1:] for one in page.named("a") if str(one.get("href")).startswith("#")]
    assert set(inner) <= set(ids)


def test_it_asks_the_network_for_nothing_and_runs_nothing() -> None:
    page = Page(reports.render_questions(document()))
    (policy,) = [
        one["content"] for one in page.named("meta") if one.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert not page.named("script")
    assert {str(one["href"]) for one in page.named("a") if not str(one["href"]).startswith("#")} == {
        "index.html"
    }


@pytest.mark.parametrize(
    "text", [HOSTILE, HOSTILE_ATTRIBUTE, BIDI, "x" * 50_000, "{{ 7*7 }}"], ids=str.__len__
)
def test_hostile_texts_stay_text(text: str) -> None:
    found = document()
    found["title"] = found["assignment"] = found["engine"] = text
    for part in found["parts"]:
        part["title"] = part["part"] = part["known_problem"] = text
        for item in part["items"]:
            item["title"] = text
            for check in item["checks"]:
                check["title"] = text
                check["statuses"] |= {text: 3}
            for group in item["mistakes"]:
                group["mistakes"] = [{"id": text, "title": text}] * 9
                group["said"] = [{"check": text, "message": text, "n": 2}]
    html = reports.render_questions(found)
    page = Page(html)
    assert not page.named("script")
    assert not page.named("img")
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert "{{ 7*7 }}" not in text or "{{ 7*7 }}" in html
    assert len(html) < 400_000


def test_messages_of_students_go_through_the_whole_way_as_text() -> None:
    """A variable's name, an exception's text: what a check quotes of a notebook ends up on the instructor's page."""
    grades = [grade("eve", {"a1.density": f"Cell 3 stopped with {HOSTILE}."})]
    html = reports.render_questions(analyse(rubric(), grades, {}).model_dump(mode="json"))
    assert "&lt;script&gt;" in html
    assert not Page(html).named("script")


@pytest.mark.parametrize("grades", [[], [grade("dee", ran="")], [grade("ada")]])
def test_a_page_is_made_of_any_class(grades: list[Any]) -> None:
    found = analyse(rubric(), grades, {}).model_dump(mode="json")
    html = reports.render_questions(found)
    assert len(Page(html).named("h1")) == 1
    assert "How to read this page" in text_of(html)


def test_one_check_with_hundreds_of_names_does_not_break_the_page() -> None:
    many = {**POINTS, "a1": {f"a1.c{n}": 1.0 for n in range(200)}}
    found = analyse(rubric(many), [grade("ada", points=many)], {}).model_dump(mode="json")
    assert Page(reports.render_questions(found)).named("table")


# ----------------------------------------------------------------------- words


def estimate(
    value: float | None, low: float | None = None, high: float | None = None, reason: str = ""
) -> Any:
    return {"n": 7, "value": value, "low": low, "high": high, "reason": reason}


def test_numbers_in_words() -> None:
    assert share(estimate(0.624, 0.48, 0.745)) == "62 % (48 to 74)"
    assert number(estimate(-0.001, -0.5, 0.5)) == "0.00 (−0.50 to 0.50)"
    assert number(estimate(0.5)) == "0.50"
    assert number(estimate(None, reason="too_few")) == "too few to tell (7)"
    assert share(estimate(None, reason="nobody")) == "nobody yet"
    assert likeness({"likeness": [0.5, 1.0]}) == "50 to 100 %"
    assert likeness({"likeness": [0.998, 1.0]}) == "100 %"
    effect = {"n": 30, "mean_change": -1.26, "n_moved": 4, "kendall_tau": 0.981}
    assert without(effect) == "mean −1.3, 4 of 30 moved, τ\u00a00.98"
    assert without(effect | {"mean_change": 0.04, "kendall_tau": None}) == "mean ±0, 4 of 30 moved"
    assert without(effect | {"n": 0}) == "nothing would be left"


def test_the_page_is_linked_from_the_class_page_where_there_is_one() -> None:
    results = {"assignment": "x", "parts": ["a"], "submissions": []}
    graded = results | {
        "submissions": [
            {"id": "ada", "state": "graded", "earned": 1, "pending": 0, "possible": 2, "items": []}
        ]
    }
    assert "Question analysis" not in reports.render_class(graded, [])
    assert 'href="questions.html"' in reports.render_class(graded, [], questions="questions.html")
    assert "Question analysis" not in reports.render_class(results, [], questions="questions.html")
    assert "javascript" not in reports.render_class(graded, [], questions="javascript:alert(1)")
