"""Every page of the system as a browser opens it, for the tests that look at all of them.

A new page joins by one entry in `PAGES`; it is then attacked (`test_hostile_pages.py`) and looked at by axe
(`test_accessibility.py`), in light and dark, wide and narrow.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder import cli

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "unit"), str(ROOT / "tests" / "integration")]
hostile_class = importlib.import_module("corpus.hostile_class")
verb = importlib.import_module("test_review_verb")

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright's client is not installed (the extra `browser`)"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
marks = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed to look at the pages with"),
]
WAIT_MS = 60_000
WIDE, NARROW = (1280, 900), (400, 800)


@dataclass(frozen=True)
class Looked:
    """A class that was graded for real, and what its pages are opened from."""

    run: Path
    selfcheck: Path
    server: Any
    """`autograder review` for one person."""
    team: Any
    """The same with a password."""
    who: dict[str, str]
    """Student to submission id."""

    def file(self, student: str, name: str) -> str:
        """Return the address of a file of a submission."""
        return str((self.run / "submissions" / self.who[student] / name).as_uri())

    def end(self) -> None:
        """End both servers."""
        for server in (self.server, self.team):
            server.process.kill()
            server.process.communicate()


def grade_class(folder: Path) -> None:
    """Grade and check the class of `corpus/hostile_class.py` with the command line, into `run` and `check.html`."""
    hand_ins = hostile_class.write_class(folder / "hand-ins")
    run, page = folder / "run", folder / "check.html"
    _autograder("grade", hand_ins, "--assignment", "aml-a3", "--part", "a", "--run", run)
    own = hand_ins / hostile_class.NAME / "part_a.ipynb"
    _autograder("check", own, "--html", page, "--content", ROOT, "--assignment", "aml-a3", "--part", "a")
    _mark_by_hand(run)
    _autograder("report", run)
    _autograder("similarity", run)
    (folder / "password.txt").write_text("a long password", encoding="utf-8")


def serve_class(folder: Path) -> Looked:
    """Return the graded class with servers to review it."""
    run = folder / "run"
    who = {one["students"][0]: one["id"] for one in verb.read_json(run / "results.json")["submissions"]}
    alone = verb.Server(run, "--author", "Mia")
    team = verb.Server(run, "--password-file", str(folder / "password.txt"))
    return Looked(run, folder / "check.html", alone, team, who)


def _autograder(*arguments: object) -> None:
    """Run a command in this process, whose executors share a nursery."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.delenv("AUTOGRADER_CONTENT", raising=False)
        assert cli.run(list(map(str, arguments))) in (0, 1), arguments


def _mark_by_hand(run: Path) -> None:
    """Change an automatic mark, and mark an answer, with texts that attack: a marker may paste what a student wrote."""
    text = hostile_class.MARKUP[0] + hostile_class.MARKUP[16] + "wide" * 500
    results = verb.read_json(run / "results.json")["submissions"]
    (found,) = (one for one in results if one["students"] == [hostile_class.NAME])
    checks = [check for item in found["items"] for check in item["checks"]]
    for status, kind in (("failed", "override"), ("review", "review")):
        check = next(one for one in checks if one["status"] == status)
        mark = verb.Mark(kind, 0.5, (text,), text, text, {})
        verb.store.add(run / "gradebook.db", verb.Place(found["id"], check["id"]), text[:60], mark, 0)


@dataclass(frozen=True)
class View:
    """One page, or one state of it."""

    address: Callable[[Looked, str], str]
    """Where a student's page is."""
    seen: str
    """What must be seen and be covered by nothing, whatever a student does: a selector."""
    title: str
    """The title of the page: a regular expression."""
    prepare: Callable[[Any, str], None] = lambda page, student: None
    """What is done before the page is looked at."""
    is_of_student: bool = True
    """Whether each student has one of their own."""


def _review(check: str, *keys: str, until: str = "true") -> Callable[[Any, str], None]:
    """Return what shows an answer on the review page, and then presses keys."""

    def prepare(page: Any, student: str) -> None:
        page.wait_for_function("() => shown !== null", timeout=WAIT_MS)
        page.evaluate(
            """([name, check]) => { for (const box of ["only-open"]) $(box).checked = false;
            act(() => show(data.people.find((one) => one.name === name).key, check)); }""",
            [student, check],
        )
        page.wait_for_function(
            "([name, check]) => shown.check === check && nameOf(shown.submission) === name",
            arg=[student, check],
            timeout=WAIT_MS,
        )
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_function(f"() => {until}", timeout=WAIT_MS)

    return prepare


def _open(id_: str) -> str:
    return f"document.getElementById('{id_}').open"


def _server(looked: Looked, student: str) -> str:
    return f"{looked.server.url}#token={looked.server.token}"


_BESIDE = "!$('other').hidden || !shown.similar.length"
_FOUND = "document.getElementById('reusing').open && document.querySelector('#found li')"
_REVIEW = r"\d+ open – review of aml-a3"
_SHEET = "Advanced Machine Learning, Assignment 3"

PAGES: dict[str, View] = {
    "student": View(
        lambda looked, who: looked.file(who, "report.html"), ".total", f"{_SHEET}.* – report for .*"
    ),
    "instructor": View(
        lambda looked, who: looked.file(who, "instructor.html"), ".total", f"{_SHEET}.* – marks of .*"
    ),
    "notebook": View(
        lambda looked, who: looked.file(who, "notebook.html"), "h1", "Executed notebook, part a"
    ),
    "class": View(
        lambda looked, who: (looked.run / "index.html").as_uri(),
        ".numbers dd",
        "aml-a3 – the class",
        is_of_student=False,
    ),
    "questions": View(
        lambda looked, who: (looked.run / "questions.html").as_uri(),
        ".numbers dd",
        "aml-a3 – the questions",
        is_of_student=False,
    ),
    "similarity": View(
        lambda looked, who: (looked.run / "similarity.html").as_uri(),
        ".numbers dd",
        "aml-a3 – what notebooks share",
        is_of_student=False,
    ),
    "selfcheck": View(
        lambda looked, who: looked.selfcheck.as_uri(),
        "h1",
        f"{_SHEET}.* – self-check of part a",
        is_of_student=False,
    ),
    "review": View(_server, "#points", _REVIEW, _review("a4.comment")),
    "review, a long answer": View(_server, "#points", _REVIEW, _review("a5.comment")),
    "review, beside": View(
        _server,
        "#points",
        _REVIEW,
        _review("a4.comment", "x", until=_BESIDE),
    ),
    "review, no points": View(
        _server, "#points", _REVIEW, _review("a5.comment", "Enter", until="$('alarm').textContent")
    ),
    "review, second marker": View(
        _server, "#points", _REVIEW, _review("a4.comment", "r", until="round === 2")
    ),
    "review, keys": View(_server, "#help-head", _REVIEW, _review("a4.comment", "?", until=_open("help"))),
    "review, comments": View(
        _server,
        "#reusing-head",
        _REVIEW,
        _review("a4.comment", "/", until=_FOUND),
    ),
    "review, override": View(
        _server, "#overriding-head", _REVIEW, _review("a4.comment", "o", "Enter", until=_open("overriding"))
    ),
    "review, who": View(
        lambda looked, who: looked.team.url,
        "#login-head",
        "Review",
        lambda page, who: page.wait_for_selector("#logging-in[open]", timeout=WAIT_MS),
        is_of_student=False,
    ),
}


def browsing() -> Iterator[Any]:
    """Start a browser; end it afterwards."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()
