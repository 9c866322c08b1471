"""The review page's server: who may talk to it, what it says, and that nothing of a student's is active in it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import review_runs as runs
from starlette.testclient import TestClient

from autograder.review import store
from autograder.review.app import create_app
from autograder.review.desk import Desk
from autograder.review.figures import clean_png, figures_of
from autograder.review.guard import TOKEN_HEADER, Keys, is_loopback
from autograder.review.similar import alike
from autograder.review.store import Place
from autograder.review.texts import formula, to_html
from autograder.store import RunDirectory, write_record

HERE = "http://127.0.0.1:8000"
PASSWORD = "a long password"
Json = dict[str, Any]


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return runs.class_run(tmp_path / "run")


class Page:
    """A marker's browser, without its screen."""

    def __init__(
        self, run: RunDirectory, author: str = "Mia", *, blind: bool = False, keys: Keys | None = None
    ):
        self.keys = keys or Keys(author)
        desk = Desk(run, runs.rubric_of(), is_blind=blind)
        self.client = TestClient(create_app(desk, self.keys), base_url=HERE, raise_server_exceptions=False)
        self.headers = {TOKEN_HEADER: self.keys.token}

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/{path}", params=query, headers=self.headers)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self.client.post(f"/api/{path}", json=dict(body), headers=self.headers)

    def answer(self, submission: str = "ada", check: str = "a1.comment", round_: int = 1) -> Json:
        said = self.get("answer", submission=submission, check=check, round=round_)
        assert said.status_code == 200, said.text
        return dict(said.json())

    def mark(self, points: float | None, version: int = 0, **about: Any) -> Any:
        target = {"submission": "ada", "check": "a1.comment", "round": 1}
        return self.post("mark", target | {"points": points, "version": version} | about)


@pytest.fixture
def page(run: RunDirectory) -> Page:
    return Page(run)


# ------------------------------------------------------------- who may talk to it


@pytest.mark.parametrize("path", ["overview", "answer", "compared", "comments"])
@pytest.mark.parametrize("token", [None, "", "wrong", "ä"])
def test_without_the_token_nothing_is_told(page: Page, path: str, token: str | None) -> None:
    headers = {} if token is None else {TOKEN_HEADER: token.encode()}
    said = page.client.get(f"/api/{path}", headers=headers)  # type: ignore[arg-type]
    assert said.status_code == 401
    assert "ada" not in said.text.lower()


@pytest.mark.parametrize("path", ["mark", "undo", "draft"])
def test_without_the_token_nothing_is_written(page: Page, run: RunDirectory, path: str) -> None:
    body = {"submission": "ada", "check": "a1.comment", "points": 1, "version": 0}
    assert page.client.post(f"/api/{path}", json=body).status_code == 401
    assert page.client.post(f"/api/{path}?token={page.keys.token}", json=body).status_code == 401
    cookie = {"cookie": f"token={page.keys.token}"}
    assert page.client.post(f"/api/{path}", json=body, headers=cookie).status_code == 401
    assert store.history(run.gradebook) == []


@pytest.mark.parametrize("path", ["mark", "undo", "draft", "login"])
def test_nothing_is_written_by_reading(page: Page, path: str) -> None:
    assert page.client.get(f"/api/{path}", headers=page.headers).status_code == 405


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "192.168.1.7", ""]
)
@pytest.mark.parametrize("path", ["/", "/api/overview", "/review.js"])
def test_under_a_foreign_name_the_page_is_not_there(page: Page, host: str, path: str) -> None:
    said = page.client.get(path, headers=page.headers | {"host": host})
    assert said.status_code == 400
    assert page.client.get(path, headers=page.headers | {"host": "localhost:8000"}).status_code == 200


def test_another_page_cannot_act(page: Page, run: RunDirectory) -> None:
    body = {"submission": "ada", "check": "a1.comment", "points": 1, "version": 0}
    foreign = page.headers | {"origin": "http://evil.example"}
    assert page.client.post("/api/mark", json=body, headers=foreign).status_code == 403
    form = page.headers | {"content-type": "text/plain"}
    assert page.client.post("/api/mark", content=json.dumps(body), headers=form).status_code == 415
    assert store.history(run.gradebook) == []
    own = page.headers | {"origin": HERE}
    assert page.client.post("/api/mark", json=body, headers=own).status_code == 200


def test_too_much_text_is_refused(page: Page) -> None:
    assert page.mark(1, comment="x" * 300_000).status_code == 413
    assert page.mark(1, comment="x" * 30_000).status_code == 422


@pytest.mark.parametrize(
    "path", ["/", "/review.js", "/review.css", "/api/hello", "/api/overview", "/nowhere"]
)
def test_every_answer_forbids_what_the_page_does_not_need(page: Page, path: str) -> None:
    said = page.client.get(path)
    policy = dict(part.strip().split(" ", 1) for part in said.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert said.headers["x-content-type-options"] == "nosniff"
    assert said.headers["cache-control"] == "no-store"
    assert said.headers["referrer-policy"] == "no-referrer"


def test_the_page_itself_holds_no_script_or_style_of_its_own_and_asks_nobody_else(page: Page) -> None:
    html = page.client.get("/").text
    assert re.findall(r"<script[^>]*>", html) == ['<script src="review.js" defer>']
    assert not re.search(r"<style|\son\w+=|https?:|style=", html)
    assert not re.search(r"https?:|eval\(|document\.write|\.style\b", page.client.get("/review.js").text)


def test_a_team_gives_name_and_password(run: RunDirectory) -> None:
    keys = Keys("host", password=PASSWORD, salt="run")
    page = Page(run, keys=keys)
    assert page.client.get("/api/hello").json() == {"password": True}
    assert page.get("overview").status_code == 401  # the token of an address is none here
    assert page.client.post("/api/login", json={"name": "Ben", "password": "wrong"}).status_code == 403
    token = page.client.post("/api/login", json={"name": " Ben  K. ", "password": PASSWORD}).json()["token"]
    headers = {TOKEN_HEADER: token}
    assert page.client.get("/api/overview", headers=headers).json()["author"] == "Ben K."
    forged = base64.urlsafe_b64encode(b"Mia").decode() + "." + token.partition(".")[2]
    assert page.client.get("/api/overview", headers={TOKEN_HEADER: forged}).status_code == 401
    again = Keys("host", password=PASSWORD, salt="run")  # another start of the server
    assert again.author_of(token) == "Ben K."
    assert Keys("host", password=PASSWORD, salt="other run").author_of(token) is None
    assert Keys("host", password="another password", salt="run").author_of(token) is None


def test_passwords_cannot_be_tried_without_end(run: RunDirectory) -> None:
    page = Page(run, keys=Keys("host", password=PASSWORD))
    said = [
        page.client.post("/api/login", json={"name": "Eve", "password": str(n)}).status_code
        for n in range(12)
    ]
    assert said == [403] * 10 + [429] * 2


def test_only_this_machine_is_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "192.168.0.1", "localhost.evil.example", "", "::")))


# ------------------------------------------------------------------- what it says


def test_the_overview_lists_what_waits(page: Page) -> None:
    said = page.get("overview").json()
    assert [one["id"] for one in said["checks"]] == ["a1.comment", "a2.comment"]
    assert [one["name"] for one in said["people"]] == ["Ada Lovelace", "Bo Lovelace", "Cy Lovelace"]
    assert {row["state"] for row in said["rows"]} == {"open"}
    assert len(said["rows"]) == 6


def test_an_answer_stands_beside_all_that_is_known_of_it(page: Page) -> None:
    said = page.answer()
    assert "Answer of ada to a1." in said["answer"]
    assert "<math" in said["prompt"]
    assert "secret model answer" in said["model_answer"]
    assert [one["points"] for one in said["criteria"]] == [1, 0.5, 0.5]
    assert [(one["id"], one["status"], one["earned"]) for one in said["findings"]] == [
        ("a1.rate", "passed", 1.0)
    ]
    assert len(said["figures"]) == 1
    png = base64.b64decode(said["figures"][0]["url"].removeprefix("data:image/png;base64,"))
    assert png.startswith(b"\x89PNG")
    assert b"hidden" not in png
    assert said["version"] == 0
    assert said["mark"] is None
    assert [one["name"] for one in said["similar"]] == ["Bo Lovelace", "Cy Lovelace"]
    assert "Answer of bo" in page.get("compared", submission="bo", check="a1.comment").json()["answer"]


def test_blind_markers_see_no_name(run: RunDirectory) -> None:
    page = Page(run, blind=True)
    overview = page.get("overview").text
    key = json.loads(overview)["people"][0]["key"]
    answers = overview + page.get("answer", submission=key, check="a1.comment").text.replace("Answer of", "")
    for name in ("ada", "bo", "cy"):
        assert f'"{name}"' not in answers
    assert "Lovelace" not in answers
    assert page.get("answer", submission="ada", check="a1.comment").status_code == 404
    said = page.post("mark", {"submission": key, "check": "a1.comment", "points": 1, "version": 0})
    assert said.status_code == 200
    assert store.history(run.gradebook)[0].place.submission in ("ada", "bo", "cy")


def test_what_is_not_there_is_404(page: Page) -> None:
    assert page.get("answer", submission="nobody", check="a1.comment").status_code == 404
    assert page.get("answer", submission="ada", check="a9.comment").status_code == 404
    assert page.get("answer", submission="../ada", check="a1.comment").status_code == 404


# ------------------------------------------------------------------------ marking


def test_a_mark_is_kept_with_its_criteria_and_author(page: Page, run: RunDirectory) -> None:
    said = page.mark(1.5, criteria=[2, 0], comment=" Numbers? ").json()
    assert said["ok"]
    assert said["row"]["state"] == "marked"
    entry = store.standing_of(run.gradebook, Place("ada", "a1.comment")).entry
    assert entry is not None
    assert (entry.author, entry.mark.points, entry.mark.comment) == ("Mia", 1.5, "Numbers?")
    assert entry.mark.criteria == ("Names the reason.", "Says the limits.")
    assert page.answer()["mark"]["criteria"] == [0, 2]
    assert page.get("comments", check="a1.comment").json()["comments"] == [
        {"text": "Numbers?", "here": True, "n": 1}
    ]
    assert page.get("comments", check="a2.comment").json()["comments"][0]["here"] is False


@pytest.mark.parametrize(
    "about",
    [
        {"points": 2.5},
        {"points": -1},
        {"points": "1"},
        {"points": 1, "criteria": [3]},
        {"points": 1, "criteria": [-1]},
        {"points": 1, "round": 3},
        {"points": 1, "version": "0"},
        {"points": 1, "author": "Eve"},
    ],
)
def test_what_cannot_be_a_mark_is_refused(page: Page, run: RunDirectory, about: Json) -> None:
    body = {"submission": "ada", "check": "a1.comment", "version": 0} | about
    said = page.post("mark", body)
    assert said.status_code == 422
    assert said.json()["error"]
    assert store.history(run.gradebook) == []


def test_points_that_are_no_number_are_refused(page: Page, run: RunDirectory) -> None:
    raw = '{"submission": "ada", "check": "a1.comment", "version": 0, "points": NaN}'
    headers = page.headers | {"content-type": "application/json"}
    assert page.client.post("/api/mark", content=raw, headers=headers).status_code == 422
    assert store.history(run.gradebook) == []


def test_a_stale_mark_is_refused_and_the_other_is_shown(page: Page, run: RunDirectory) -> None:
    ben = Page(run, "Ben")
    assert ben.mark(2, comment="all there").status_code == 200
    said = page.mark(0)
    assert said.status_code == 409
    assert said.json()["mark"]["author"] == "Ben"
    assert said.json()["mark"]["comment"] == "all there"
    assert len(store.history(run.gradebook)) == 1
    assert page.mark(0, version=said.json()["version"]).status_code == 200


def test_undo_says_what_it_undid(page: Page, run: RunDirectory) -> None:
    page.mark(1)
    said = page.post("undo", {}).json()
    assert (said["submission"], said["check"], said["points"]) == ("ada", "a1.comment", 1.0)
    assert page.answer()["mark"] is None
    assert page.post("undo", {}).status_code == 404
    page.mark(1, version=2)
    Page(run, "Ben").mark(2, version=3)
    assert page.post("undo", {}).status_code == 409


def test_drafts_come_back(page: Page) -> None:
    body = {
        "submission": "ada",
        "check": "a1.comment",
        "round": 1,
        "points": "1.",
        "criteria": [1],
        "comment": "hal",
    }
    assert page.post("draft", body).status_code == 200
    assert page.answer()["draft"] == {"points": "1.", "criteria": [1], "comment": "hal"}
    page.mark(1)
    assert page.answer()["draft"] is None


def test_an_automatic_mark_is_changed_with_a_reason_alone(page: Page, run: RunDirectory) -> None:
    assert page.mark(0, check="a1.rate").status_code == 422
    assert page.mark(0, check="a1.rate", reason="  ").status_code == 422
    said = page.mark(0.5, check="a1.rate", reason="half of it is hers")
    assert said.status_code == 200
    assert said.json()["row"] is None
    entry = store.history(run.gradebook)[0]
    assert (entry.mark.kind, entry.mark.reason) == ("override", "half of it is hers")
    assert page.answer()["findings"][0]["mark"]["points"] == 0.5
    assert page.mark(None, check="a1.rate", reason="no, all", version=1).status_code == 200
    assert page.answer()["findings"][0]["mark"] is None


def test_a_second_marker_decides_before_the_first_mark_is_shown(page: Page, run: RunDirectory) -> None:
    ben = Page(run, "Ben")
    assert ben.mark(1, round=2).status_code == 422  # nobody was first
    page.mark(2, comment="all there")
    assert page.mark(1, round=2).status_code == 422  # the same person
    seen = ben.answer(round_=2)
    assert seen["mark"] is None
    assert seen["first"] is None
    assert ben.mark(0.5, round=2).status_code == 200
    seen = ben.answer(round_=2)
    assert (seen["mark"]["points"], seen["first"]["points"]) == (0.5, 2.0)
    assert page.answer()["second"]["points"] == 0.5
    row = page.get("overview").json()["rows"][0]
    assert (row["given"], row["second"], row["second_by"]) == (2.0, 0.5, "Ben")


def test_an_answer_that_changed_is_to_be_looked_at_again(page: Page, run: RunDirectory) -> None:
    page.mark(2)
    grade = runs.grade_of(runs.rubric_of(), "ada", {"a1": "Handed in anew."})
    write_record(run.submission("ada") / "grade.json", grade)
    row = page.get("overview").json()["rows"][0]
    assert row["state"] == "look"
    assert page.answer()["mark"]["look_again"] == ["the answer is another"]
    assert "Handed in anew." in page.answer()["answer"]


# ------------------------------------------------------------- what students write


class Tags(HTMLParser):
    """Collects elements and attributes of a piece of HTML."""

    def __init__(self, html: str):
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}


HOSTILE = r"""
<script>document.title = 'PWNED'</script> <img src=x onerror=alert(1)> <svg/onload=alert(1)> <style>*{display:none}</style>
[click](javascript:alert(1)) ![see](https://evil.example/x.png) <https://evil.example> https://evil.example
[ref][1] `<b>` &lt;script&gt;

[1]: javascript:alert(1)

<iframe src="https://evil.example"></iframe>

$\href{javascript:alert(1)}{x}$ $\text{<img src=x onerror=alert(1)>}$ $\style{background:url(//e)}{x}$ $\class{a}{x}$
$\html{<script>}$ $<script>alert(1)</script>$ $$\begin{array}{l}<svg onload=alert(1)>\end{array}$$

\begin{align} a & <script> \\ b \end{align}

> ### deep *and* **strong** ~~gone~~

| a | b |
| - | - |
| <b onclick=x> | 2 |
"""
INERT = re.compile(
    "h[1-6]|p|em|strong|s|code|pre|ul|ol|li|blockquote|hr|br|table|thead|tbody|tr|th|td|span|"
    "math|mrow|mi|mn|mo|mtext|mspace|mfrac|msqrt|mroot|msub|msup|msubsup|munder|mover|munderover|"
    "mtable|mtr|mtd|mstyle|mpadded|mphantom|menclose|mfenced"
)
HARMLESS = re.compile(
    "class|title|start|display|displaystyle|scriptlevel|mathvariant|stretchy|fence|separator|form|[lr]space|"
    "minsize|maxsize|largeop|movablelimits|accent|accentunder|linethickness|(column|row)(align|spacing)|notation|width"
)


@pytest.mark.parametrize("text", [HOSTILE, HOSTILE.replace("\n", " "), "> " + HOSTILE, f"    {HOSTILE}"])
def test_nothing_that_a_student_writes_is_active(text: str) -> None:
    tags = Tags(to_html(text))
    assert {name for name in tags.elements if not INERT.fullmatch(name)} == set()
    assert {name for name in tags.attributes if not HARMLESS.fullmatch(name)} == set()


def test_hostile_answers_are_inert_on_the_page(tmp_path: Path) -> None:
    rubric = runs.rubric_of()
    run = runs.make_run(tmp_path / "run", rubric, [runs.grade_of(rubric, "ada", {"a1": HOSTILE})])
    said = Page(run).answer()
    assert all(map(INERT.fullmatch, Tags(said["answer"]).elements))
    assert "PWNED" in said["answer"]  # it is shown, as text


@pytest.mark.parametrize(
    "tex", [r"\rho^2 = 0.81", r"\sqrt{1 - 0.9^2}", r"\int_0^1 x\,dx = \frac12", r"\mathcal{N}(0, I)"]
)
def test_formulas_become_mathml(tex: str) -> None:
    assert formula(tex).startswith('<span class="tex" title="')
    assert "<math" in formula(tex)


@pytest.mark.parametrize(
    "tex", [r"\frac{", r"\unknown{x}", "{" * 1900, r"\sqrt" * 900, "x" * 3000, r"\def\a{\a\a}\a", "^" * 1000]
)
def test_what_is_no_formula_stays_readable(tex: str) -> None:
    shown = formula(tex, is_block=True)
    assert shown.startswith('<code class="tex is-block">')
    assert tex[:200] in shown


def test_prices_are_no_formulas() -> None:
    assert "math" not in to_html("It costs 5$ or 6$, about $ 7 in all.")


def test_endless_text_is_cut_and_said() -> None:
    assert "50,000 more characters are not shown" in to_html("x" * 150_000)


def test_what_reads_otherwise_than_it_is_goes() -> None:
    assert to_html("safe\u202egnp.exe\x00\x1b[31m") == "<p>safegnp.exe[31m</p>\n"


# ------------------------------------------------------------------------ figures


def test_a_png_keeps_its_picture_alone() -> None:
    assert clean_png(runs.png(extra=b"<script>")) == runs.png()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg onload=alert(1)>",
        b"\xff\xd8\xff\xe0 a JPEG",
        runs.png()[:-20],
        runs.png()[:40] + b"\x00" + runs.png()[41:],
        runs.png(20_000, 1),
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_what_is_no_whole_png_of_a_modest_size_is_not_shown(data: bytes) -> None:
    assert clean_png(data) is None


def test_figures_are_those_of_the_section_and_of_no_other_kind() -> None:
    picture = base64.b64encode(runs.png()).decode()
    outputs = [
        {"data": {"image/png": [picture[:10] + "\n", picture[10:]]}},
        {"data": {"image/svg+xml": "<svg/>", "text/html": "<b>"}},
        {"data": {"image/png": "!!"}},
        {"data": "nonsense"},
        "nonsense",
    ]
    notebook = {"cells": [{"outputs": outputs}, {"outputs": outputs}, "nonsense"]}
    shown, n_beyond = figures_of(notebook, ("a1", "a2", "a1"), "a2")
    assert ([one["cell"] for one in shown], n_beyond) == ([1], 1)
    assert figures_of({}, (), "a1") == ([], 0)


def test_alike_answers_are_found_and_ranked() -> None:
    text = "The smaller the step the more proposals are accepted but the chain creeps along"
    others = {
        "same": text.upper(),
        "near": text.replace("creeps", "crawls"),
        "far": "Gibbs never rejects",
        "none": "",
    }
    found = alike(text, others)
    assert [key for key, _ in found] == ["same", "near"]
    assert found[0][1] == 1.0
    assert alike("", others) == []
