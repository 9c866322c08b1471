"""The report pages: what they show, what they keep back, and that hostile text stays text."""

from __future__ import annotations

import ast
import copy
import json
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sample_grades as samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reports
from autograder.records import Grade
from reports import render_class, render_instructor, render_student, student_view
from reports.charts import CHARTS, draw, histogram
from reports.class_facts import class_facts, relative_link
from reports.class_facts import histogram as histogram_counts
from reports.svg import Scale, tick_texts
from reports.texts import clean, cut, file_name, marks, seconds, short, total, without_folders

PACKAGE = Path(reports.__file__).parent
GRADES = {
    "full": samples.full_grade,
    "perfect": samples.perfect_grade,
    "failed": samples.failed_grade,
    "hostile": samples.hostile_grade,
}
# Examples are judged by what they show, never by the time they take on a busy machine.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

VOID = {"meta", "br", "input", "img", "hr", "link"}


class Page(HTMLParser):
    """Tags with their attributes and text, and every break of nesting."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.children: list[tuple[str, str]] = []
        self.faults: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if self._open:
            self.children.append((self._open[-1], tag))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data

    def attributes(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]


def _pages() -> Iterator[Any]:
    for name, make in GRADES.items():
        yield pytest.param(lambda make=make: render_student(make()), id=f"{name}-student")
        yield pytest.param(lambda make=make: instructors(make()), id=f"{name}-instructor")
        yield pytest.param(lambda make=make: render_instructor(make()), id=f"{name}-instructor-alone")
    yield pytest.param(lambda: render_class(*samples.class_results()), id="class")
    yield pytest.param(lambda: render_class(*samples.class_results(1)), id="class-of-one")
    yield pytest.param(
        lambda: render_class({"assignment": "aml-a3", "parts": [], "submissions": []}, []), id="empty"
    )


def instructors(grade: dict[str, Any]) -> str:
    """Return the instructor's view of a grade with all that may stand beside the marks."""
    grade["submission"] |= {"problem_name": "truncated_json", "problem_detail": "archive of two notebooks"}
    if "a" in grade["executions"]:
        grade["executions"]["a"] |= {
            "kernel": "warm",
            "kernel_cpu_seconds": 4.65,
            "limits": {"cell_seconds": 20.0, "memory_mib": 4096},
        }
    return render_instructor(
        grade,
        notebooks={"a": "a b/notebook.html", "b": ""},
        evidence={"a": samples.evidence()},
        history=samples.history(),
    )


every_page = pytest.mark.parametrize("render", list(_pages()))


@pytest.mark.parametrize("make", GRADES.values(), ids=GRADES)
def test_samples_are_what_the_grader_writes(make: Any) -> None:
    grade = json.loads(json.dumps(make()))
    assert Grade.model_validate(grade).model_dump(mode="json")["items"] == grade["items"]


@every_page
def test_page_is_well_formed(render: Any) -> None:
    page = Page(render())
    assert page.faults == []
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert ("span", "h3") not in page.children
    for reference in ("href", "aria-labelledby", "for"):
        for value in page.attributes(reference):
            if reference != "href" or value.startswith("#"):
                assert value.removeprefix("#") in ids


@every_page
def test_page_asks_nothing_of_the_network(render: Any) -> None:
    html = render()
    page = Page(html)
    beside = r"#[\w.-]+|submissions/[\w%.-]+/report\.html"
    if 'class="student instructor"' in html:  # its files lie around it
        beside = r"#[\w.-]+|report\.html|\.\./\.\./index\.html|[\w%.-]+/notebook\.html(#cell-\d+)?"
        frames = [attrs for tag, attrs in page.tags if tag == "iframe"]
        assert all(attrs["sandbox"] in (None, "") for attrs in frames)  # it may do nothing at all
        assert len(frames) <= 1
    else:
        assert "iframe" not in {tag for tag, _ in page.tags}
    for name in ("href", "src", "action", "data", "srcset", "poster", "xlink:href"):
        for value in page.attributes(name):
            assert re.fullmatch(beside, value)
    assert not {"link", "object", "embed", "img", "form", "base"} & {tag for tag, _ in page.tags}
    style = re.search(r"<style>(.*?)</style>", html, re.S)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv"))
    assert policy
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert "script-src 'unsafe-inline'" not in policy


@every_page
def test_page_is_the_same_every_time(render: Any) -> None:
    assert render() == render()


@every_page
def test_headings_go_down_one_step_at_a_time(render: Any) -> None:
    levels = [int(tag[1]) for tag, _ in Page(render()).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


@every_page
def test_page_can_be_heard(render: Any) -> None:
    html = render()
    page = Page(html)
    tags = [tag for tag, _ in page.tags]
    assert ("html", {"lang": "en"}) in page.tags
    assert tags.count("main") == tags.count("footer") == tags.count("table") - tags.count("caption") + 1
    for svg in re.findall(r"<svg[^>]*>.{0,7}", html, re.S):
        assert 'aria-hidden="true"' in svg or ('role="img"' in svg and "<title>" in svg)
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    assert page.tags[tags.index("body") + 1][1]["href"] == "#main"


@every_page
def test_hostile_text_stays_text(render: Any) -> None:
    html = render()
    page = Page(html)
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    scripts = [tag for tag, _ in page.tags if tag == "script"]
    assert len(scripts) == ('id="submissions"' in html)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", html)
    html.encode("utf-8")


def test_hostile_page_shows_what_was_written() -> None:
    text = Page(render_student(samples.hostile_grade())).text
    assert samples.HOSTILE in text
    assert "{{7*7}}{% raw %}" in text
    assert samples.RTL_NAME in text
    assert samples.EMOJI_NAME in text
    assert "safegnp.exe" in text
    assert "more characters not shown" in text
    assert "This picture could not be drawn" in text


def test_student_sees_no_hidden_expectation() -> None:
    grade = samples.full_grade()
    student, instructor = render_student(grade), render_instructor(grade)
    for secret in (
        samples.HIDDEN_EXPECTATION,
        "0.07317",
        "0.09731",
        "all 5 points agree",
        "grader secret",
        samples.CONFIRM_TEXT,
        "names suggested",
        "/srv/",
    ):
        assert secret not in student
        assert secret in instructor or secret in Page(instructor).text
    assert "between 0.079 and 0.084" in student
    assert "part_a.ipynb" in student
    hidden = json.dumps(student_view(grade)["items"][0]["checks"][1])
    assert '"observed": [{' in hidden
    assert '"expected": [' not in hidden


def test_student_view_is_an_allow_list() -> None:
    grade = samples.full_grade()
    marked = copy.deepcopy(grade)
    check = marked["items"][1]["checks"][3]
    for place in (marked, marked["submission"], marked["items"][0], check, check["pictures"][0]["data"]):
        place["added_later"] = "SECRET"
    marked["notes"].append({"kind": "added", "title": "SECRET", "text": "SECRET", "item": None})
    check["pictures"].append({"kind": "added", "title": "new", "data": {"SECRET": 1}})
    del check["hidden"]
    assert "SECRET" not in json.dumps(student_view(marked))
    assert samples.HIDDEN_EXPECTATION not in json.dumps(student_view(marked))
    assert student_view(grade) == student_view(json.loads(json.dumps(grade)))


ENUMERATED = (
    "status",
    "state",
    "kind",
    "how",
    "schema_version",
    "part",
    "parts",
    "fence_level",
    "item",
    "id",
)
"""Keys whose values are words of ours; they are left as they are."""
SEEN_BY_STUDENTS = [
    "assignment",
    "title",
    "engine",
    "submission.students",
    "submission.sources.a",
    "submission.notes",
    "items.title",
    "items.checks.title",
    "items.checks.message",
    "items.checks.why",
    "items.checks.hint",
    "items.checks.observed",
    "items.checks.expected",
    "items.checks.answer",
    "items.checks.found.path",
    "items.checks.marked.comment",
    "items.checks.pictures.title",
    "items.checks.pictures.data.label",
    "items.checks.pictures.data.unit",
    "items.checks.pictures.data.variants.name",
    "items.checks.pictures.data.labels",
    "notes.title",
    "notes.text",
    "executions.a.detail",
    "executions.a.executor",
    "executions.a.fence",
    "executions.a.kernel_stored",
    "executions.a.cells.error.name",
    "executions.a.cells.error.message",
    "executions.a.cells.error.traceback",
    "rubric_sha256",
    "submission.digests.a",
]
"""Every text of a grade that is on a student's page, by its place."""


def tokens_in(value: Any, place: str, places: dict[str, str]) -> Any:
    """Return a grade with each text replaced by a token of its place."""
    if isinstance(value, dict):
        return {
            key: inner if key in ENUMERATED else tokens_in(inner, f"{place}.{key}", places)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [tokens_in(inner, place, places) for inner in value]
    if not isinstance(value, str):
        return value
    token = f"q{len(places):04d}z"
    places[token] = place.lstrip(".")
    return token


def test_a_student_sees_what_is_named_here_and_no_more() -> None:
    grade = samples.full_grade()
    automatic = {
        "status": "failed",
        "fraction": 0.0,
        "earned": 0.0,
        "pending": 0.0,
        "message": "said before",
        "hint": "hinted",
    }
    second = {"points": 1.0, "comment": "of the second", "author": "Ben", "time": "later"}
    for check in (check for item in grade["items"] for check in item["checks"]):
        check["marked"] = {
            "kind": "override",
            "points": 1.0,
            "comment": "for you",
            "reason": "why",
            "criteria": ["met"],
            "author": "Mia",
            "time": "2026-11-28T10:00:00",
            "automatic": automatic,
            "look_again": ["another answer"],
            "second": second,
        }
    grade["submission"] |= {
        "problem_name": "name",
        "problem_detail": "detail",
        "bindings": {"a2.rate": "rate"},
    }
    grade["executions"]["a"] |= {"same_as": "bo", "kernel": "warm", "input_digest": "ab"}
    places: dict[str, str] = {}
    marked = tokens_in(grade, "", places)
    page = Page(render_student(marked))
    text = page.text + " ".join(value or "" for _, attrs in page.tags for value in attrs.values())
    shown = {place for token, place in places.items() if token in text}
    assert shown <= set(SEEN_BY_STUDENTS), shown - set(SEEN_BY_STUDENTS)
    assert {place for place in SEEN_BY_STUDENTS if place in places.values()} == shown
    assert {"submission.problem_detail", "items.checks.marked.reason", "flags"} <= set(places.values())


def test_a_field_that_is_added_is_on_no_page_of_a_student() -> None:
    def with_secrets(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: with_secrets(inner) for key, inner in value.items()} | {"added_later": "S3CRET"}
        return [with_secrets(inner) for inner in value] if isinstance(value, list) else value

    for make in GRADES.values():
        grade = make()
        added = with_secrets(grade)
        for key in ("sources", "digests"):  # these name parts, not fields
            added["submission"][key].pop("added_later")
        for key in ("executions", "cell_items"):
            added[key].pop("added_later")
        assert render_student(added) == render_student(grade)


def test_student_view_does_not_change_the_grade() -> None:
    grade = samples.full_grade()
    before = copy.deepcopy(grade)
    render_student(grade)
    assert grade == before


def test_page_says_where_marks_are() -> None:
    text = re.sub(r"\s+", " ", Page(render_student(samples.full_grade())).text)
    assert "14 of 30, 4 pending" in text
    assert "found under accepted_samples, cell 10" in text
    assert "found by a search, under results['rej'].samples, cell 10" in text
    assert "A person will mark this" in text
    assert "Problem on our side" in text
    assert "Could not be tried" in text
    assert "stopped with NameError: name 'chian' is not defined" in text
    assert "21 of 24 code cells ran, in 5 min 18 s" in text
    assert "generative-autograder 0.1.0 with rubric 4f3a9c1e4f3a" in text


def test_failed_submission_says_why_and_gives_no_zero() -> None:
    items = copy.deepcopy(samples.full_grade()["items"])
    for item in items:
        item |= {"earned": 0.0, "pending": 0.0}
        for check in item["checks"]:
            check |= {"status": "blocked", "earned": 0.0, "pending": 0.0, "fraction": 0.0}
    for grade in (samples.failed_grade(), samples.failed_grade() | {"items": items}):
        text = Page(render_student(grade)).text
        assert "Not graded" in text
        assert "part_a.ipynb is no notebook" in text
        assert "0 of" not in text
        assert "not earned" not in text


def test_marks_that_a_person_gives_where_nothing_was_graded_are_shown() -> None:
    whole = samples.full_grade()
    about = {key: whole[key] for key in ("items", "earned", "pending", "possible")}
    text = Page(render_student(samples.failed_grade() | about)).text
    assert "Not graded" in text
    assert "A person will mark this" in text


def test_failed_checks_come_before_passed_ones() -> None:
    html = render_student(samples.full_grade())
    places = [html.index(f'id="check-a2.{name}"') for name in ("rate", "modes", "other_target", "count")]
    assert places == sorted(places)


def test_instructor_sees_everything_that_is_known() -> None:
    page = Page(instructors(samples.full_grade()))
    for known in (
        samples.HIDDEN_EXPECTATION,
        "what is expected is hidden from the student",
        samples.CONFIRM_TEXT,
        "names suggested",
        "a3.is_ess",
        "n_accepted",
        "0.0598",
        "not found",
        "20 s a cell",
        "warm, 4.7 s of processor time",
        "changed an automatic mark, taken back since",
        "copied from bo",
        "metropolis",
        "TypeError: no such argument",
    ):
        assert known in page.text, known
    failed = Page(instructors(samples.failed_grade())).text
    assert "archive of two notebooks" in failed
    assert "truncated_json" in failed
    assert "a%20b/notebook.html#cell-4" in page.attributes("href")
    assert ("iframe", "a%20b/notebook.html") in [(tag, attrs.get("src")) for tag, attrs in page.tags]


def test_a_notebook_lies_beside_the_page_or_is_no_link() -> None:
    for page in (
        "https://example.org/notebook.html",
        "../../eve/notebook.html",
        "//x/y",
        "javascript:alert(1)",
    ):
        html = render_instructor(samples.full_grade(), notebooks={"a": page}, missing="It is not there.")
        assert "<iframe" not in html
        assert "It is not there." in html


def test_class_page_says_what_was_found_and_its_name() -> None:
    results, rows = samples.class_results()
    failed = next(row for row in rows if row["state"] == "failed")
    detail = "part_a.ipynb is a PDF: its 7 bytes begin with <b'%PDF'>"
    failed |= {"problem_name": "pdf", "problem_detail": detail}
    html = render_class(results, rows)
    assert f"Found: {detail} (pdf)" in " ".join(Page(html).text.split())
    assert "<b'%PDF'>" not in html


def test_class_page_lists_everybody_and_why() -> None:
    results, rows = samples.class_results()
    html = render_class(results, rows)
    text = Page(html).text
    for row in rows:
        assert row["id"] in text
        assert f'href="{row["report"]}"' in html
    assert text.count("The file is no notebook: it is empty.") == sum(
        row["state"] == "failed" for row in rows
    )
    assert "nothing but written answers to mark" in text


def test_class_facts_leave_out_what_is_not_decided() -> None:
    checks = [samples.check("a1.x", "X", "passed", 4, fraction=0.5), samples.check("a1.y", "Y", "review", 6)]
    one = samples.item("a1", "A1", checks)
    submissions = [
        {
            "id": "p",
            "students": ["P"],
            "state": "needs_review",
            "earned": 2,
            "pending": 6,
            "possible": 10,
            "items": [one],
        },
        {
            "id": "q",
            "students": ["Q"],
            "state": "failed",
            "earned": 0,
            "pending": 0,
            "possible": 10,
            "items": [one],
        },
    ]
    facts = class_facts({"submissions": submissions}, [{"id": "q", "problem": "Empty file."}])
    assert facts["items"][0]["share"] == 0.5
    assert facts["items"][0]["n"] == 1
    assert facts["items"][0]["checks"][1]["share"] is None
    assert facts["median"] == 2
    assert [one["id"] for one in facts["urgent"]] == ["q"]
    assert [one["id"] for one in facts["to_mark"]] == ["p"]
    assert facts["urgent"][0]["reasons"] == ["Empty file."]


def test_several_parts_have_totals_of_their_own() -> None:
    checks = [samples.check("a1.x", "X", "passed", 4), samples.check("a1.y", "Y", "review", 6)]
    items = [
        samples.item("a1", "A1", checks),
        samples.item("b1", "B1", checks),
        samples.item("b2", "B2", checks),
    ]
    for one in items[1:]:
        one["part"] = "b"
    page = re.sub(r"<[^>]+>", "", render_student(samples.grade(items)))
    assert re.search(r"Part a\s+.*4 of 10, 6 pending", page, re.DOTALL)
    assert re.search(r"Part b\s+.*8 of 20, 12 pending", page, re.DOTALL)
    alone = render_student(samples.grade(items[:1]))
    assert 'class="part"' not in alone


def test_histogram_counts_every_value_once() -> None:
    counts, edges = histogram_counts([0, 5, 49.99, 50, 50], 50)
    assert sum(counts) == 5
    assert edges[0] == 0
    assert edges[-1] == 50
    assert counts[-1] == 3


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "//evil.example/x", "/etc/passwd", "../x", "a/../../x", "", None]
)
def test_only_plain_relative_links_become_links(link: str | None) -> None:
    assert relative_link(link) is None


def test_relative_link_is_encoded() -> None:
    assert relative_link('submissions/a "b/report.html') == "submissions/a%20%22b/report.html"


@pytest.mark.parametrize("name", samples.pictures())
def test_every_picture_is_drawn_with_words(name: str) -> None:
    picture = samples.pictures()[name]
    svg = draw(picture)
    assert Page(svg).faults == []
    assert f"<title>{picture['title']}</title><desc>" in svg
    assert not re.search(r"\d\.\d\d", re.sub(r"<(desc|text|title).*?</\1>", "", svg))
    assert "nan" not in svg.lower()


def test_band_says_inside_or_outside() -> None:
    picture = samples.pictures()["band"]
    assert "accepted: 0.079 – 0.084, outside" in draw(picture)
    picture["data"]["value"] = 0.08
    assert "accepted: 0.079 – 0.084, inside" in draw(picture)


def test_band_without_interval_shows_the_value_alone() -> None:
    svg = draw({"kind": "band", "title": "t", "data": {"value": 0.31, "label": "mean"}})
    assert "found 0.31" in svg
    assert "c-band" not in svg


def test_scatter_counts_draws_outside() -> None:
    svg = draw({"kind": "scatter", "title": "t", "data": {"points": [[0, 0], [99, 0], ["NaN", 1]]}})
    assert "1 draws are shown" in svg
    assert "1 more lie outside" in svg


_numbers = st.one_of(
    st.floats(allow_nan=True),
    st.integers(),
    st.none(),
    st.text(max_size=3),
    st.sampled_from(["NaN", "Infinity"]),
)
_series = st.one_of(
    _numbers, st.lists(_numbers, max_size=5), st.lists(st.lists(_numbers, max_size=3), max_size=3)
)


@unhurried
@given(
    st.sampled_from(sorted(CHARTS)),
    st.dictionaries(
        st.sampled_from(
            [
                "value",
                "low",
                "high",
                "points",
                "observed",
                "expected",
                "labels",
                "xlim",
                "ylim",
                "contours",
                "variants",
            ]
        ),
        _series,
    ),
)
def test_no_data_breaks_a_page(kind: str, data: dict[str, Any]) -> None:
    svg = draw({"kind": kind, "title": "<t>", "data": data})
    assert Page(svg).faults == []
    assert not re.search(r'="[^"]*(nan|inf)', svg)


@unhurried
@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_inside_and_told_apart(low: float, width: float) -> None:
    scale = Scale(low, low + width, 0.0, 100.0)
    ticks = scale.ticks()
    assert all(-1 <= scale(tick) <= 101 for tick in ticks)
    assert len(ticks) >= 2
    if width > abs(low) * 1e-3:
        assert len(set(tick_texts(ticks))) == len(ticks)


def test_histogram_draws_no_bar_for_nobody() -> None:
    assert "No submission was graded." in histogram("t", [0, 0], [0, 25, 50], "marks")


@unhurried
@given(st.text())
def test_cleaning_is_stable(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    once.encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\x1b[1;31mb\x1b[0m", "ab"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("x\u202ey\u2066z", "xyz"),
        ("tab\tstays", "tab\tstays"),
        ("\ud800", "\ufffd"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * 4),
        ("👩‍🔬", "👩‍🔬"),
    ],
)
def test_clean(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_cut_says_how_much_is_left_out() -> None:
    assert cut("a" * 1500, 100) == "a" * 100 + " … [1,400 more characters not shown]"
    assert cut("short", 100) == "short"


def test_labels_are_cut_where_a_note_has_no_room() -> None:
    assert short("proposals counted to the end", 14) == "proposals cou…"
    assert short("a\nb \x1b[31mc", 14) == "a b c"
    variant = {"name": "proposals counted to the last acceptance", "low": 0.1, "high": 0.2}
    drawn = draw(
        {
            "kind": "band",
            "title": "t",
            "data": {"value": 0.15, "low": 0.1, "high": 0.2, "variants": [variant]},
        }
    )
    assert "proposals counted to the…" in drawn
    assert "more characters" not in drawn.partition("</desc>")[2]


def test_what_was_judged_elsewhere_is_not_called_passed() -> None:
    checks = [
        samples.check("a1.x", "Judged elsewhere", "blocked", 0, message="Its points are those of a1.y.")
    ]
    html = render_student(samples.grade([samples.item("a1", "A1", checks)]))
    assert "badge is-blocked" in html
    assert "badge is-passed" not in html


def test_words_of_marks() -> None:
    assert total(41.0, 6.0, 50.0) == "41 of 50, 6 pending"
    assert total(41, 0, 50) == "41 of 50"
    assert [marks(value) for value in (2.5, 2.333, 0.0, "NaN", -0.001)] == ["2.5", "2.33", "0", "0", "0"]
    assert [seconds(value) for value in (0.04, 9.96, 59.7, 65, 120, None)] == [
        "0.0 s",
        "10 s",
        "1 min",
        "1 min 5 s",
        "2 min",
        "0.0 s",
    ]


def test_folders_are_left_out() -> None:
    assert file_name(r"C:\Users\anna\part_a.ipynb") == "part_a.ipynb"
    assert without_folders('File "/home/g/run 1.py" and /srv/a/b.py:12') == 'File "run 1.py" and b.py:12'
    assert (
        without_folders("3/4 of a/b/c, see https://example.org/a/b")
        == "3/4 of a/b/c, see https://example.org/a/b"
    )


def _palettes() -> dict[str, dict[str, str]]:
    css = (PACKAGE / "static" / "report.css").read_text()
    blocks = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.S)
    ]
    light, dark, paper = blocks
    return {"light": light, "dark": light | dark, "paper": light | paper}


def _luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


STATUSES = ("passed", "partly", "failed", "blocked", "error", "review")
TEXT_PAIRS = [
    *((text, ground) for text in ("ink", "quiet", "link") for ground in ("page", "surface")),
    ("ink", "soft"),
    ("quiet", "soft"),
    *((status, f"{status}-soft") for status in STATUSES),
    *((status, "surface") for status in STATUSES),
]
GRAPHIC_PAIRS = [
    ("found", "surface"),
    ("found", "range"),
    ("expected", "surface"),
    ("earned", "track"),
    ("hatch", "pending"),
]


@pytest.mark.parametrize("mode", ["light", "dark", "paper"])
def test_colours_have_enough_contrast(mode: str) -> None:
    palette = _palettes()[mode]
    weak = {
        pair: round(_contrast(palette[pair[0]], palette[pair[1]]), 2)
        for pairs, least in ((TEXT_PAIRS, 4.5), (GRAPHIC_PAIRS, 3.0))
        for pair in pairs
        if _contrast(palette[pair[0]], palette[pair[1]]) < least
    }
    assert weak == {}


def test_every_colour_of_the_styles_is_in_the_palette() -> None:
    css = (PACKAGE / "static" / "report.css").read_text()
    light = _palettes()["light"]
    assert set(re.findall(r"var\(--([\w-]+)\)", css)) <= set(light)
    assert set(light) == set(_palettes()["dark"])
    assert not re.search(
        r"#[0-9a-f]{3,8}\b(?!;)", re.sub(r"--[\w-]+: #[0-9a-f]{6};", "", css.replace("#submissions", ""))
    )


def test_reports_is_a_leaf() -> None:
    allowed = {*sys.stdlib_module_names, "jinja2", "markupsafe", "reports"}
    for module in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed
