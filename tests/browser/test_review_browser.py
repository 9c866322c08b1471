"""The review page in a real browser: a class of 40 with 5 written items is marked from the keyboard alone, while the page
is loaded again, the server is killed and somebody else marks beside; the totals are exact."""

from __future__ import annotations

import importlib
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
for folder in ("unit", "integration"):
    sys.path.insert(0, str(ROOT / "tests" / folder))
runs = importlib.import_module("review_runs")
verb = importlib.import_module("test_review_verb")
shipped = verb.shipped
HOSTILE = importlib.import_module("test_review_page").HOSTILE

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright's client is not installed (the extra `browser`)"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed to mark with"),
]
PASSWORD = "a long password"
N_STUDENTS, N_ITEMS = 40, 5
WAIT_MS = 20_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


class Marker:
    """A person with a browser and no mouse."""

    def __init__(self, browser: Any, url: str, name: str = "", scheme: str = "light"):
        self.context = browser.new_context(color_scheme=scheme)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.origin = url.split("#")[0]
        self.page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((self.origin, "data:"))
                else self.faults.append(f"asked: {asked.url}")
            ),
        )
        self.page.goto(url)
        if name:
            self.page.wait_for_selector("#logging-in[open]")
            self.page.keyboard.type(name)
            self.page.keyboard.press("Tab")
            self.page.keyboard.type(PASSWORD)
            self.page.keyboard.press("Enter")
        self.wait("shown !== null")

    def wait(self, condition: str) -> None:
        try:
            self.page.wait_for_function(f"() => {condition}", timeout=WAIT_MS)
        except playwright.TimeoutError:
            seen = {
                name: self.text(f"#{name}") for name in ("heading", "progress", "notice", "alarm", "kept")
            }
            seen["points"] = self.page.input_value("#points")
            seen["focus"] = self.page.evaluate("document.activeElement.outerHTML.slice(0, 80)")
            raise AssertionError(f"{condition} did not come true; {seen}; {self.faults}") from None

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector))

    @property
    def place(self) -> tuple[str, str]:
        submission, check = self.page.evaluate("[shown.submission, shown.check]")
        return submission, check

    def give(self, points: float) -> tuple[str, str]:
        """Type points and Enter; return what they were given to, once the next answer is there."""
        place = self.place
        self.press(*f"{points:g}", "Enter")
        self.moved_from(place)
        return place

    def moved_from(self, place: tuple[str, str]) -> None:
        self.wait(
            f"(shown.submission !== {place[0]!r} || shown.check !== {place[1]!r} || "
            "document.getElementById('notice').textContent.startsWith('Everything is marked'))"
        )


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def points_for(n: int) -> float:
    """Return points that differ from answer to answer: 0 to 2 in quarters."""
    return (n * 7 % 9) / 4


@pytest.fixture
def rubric_of_five(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the shipped rubric be the one with five items."""
    plain = runs.rubric_of
    monkeypatch.setattr(runs, "rubric_of", lambda n_items=N_ITEMS: plain(n_items))


def test_a_class_is_marked_by_keyboard_through_a_reload_a_crash_and_with_company(
    tmp_path: Path, browser: Any, rubric_of_five: None, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("shipped")
    names = tuple(f"student{number:02}" for number in range(N_STUDENTS))
    run = runs.class_run(tmp_path / "run", names, N_ITEMS).path
    password = tmp_path / "password.txt"
    password.write_text(PASSWORD, encoding="utf-8")
    options = ("--password-file", str(password), "--port", str(free_port()))
    given: dict[tuple[str, str], float] = {}

    def mark(marker: Marker, n_answers: int) -> None:
        for _ in range(n_answers):
            points = points_for(len(given))
            given[marker.give(points)] = points

    server = verb.Server(run, *options)
    try:
        mia = Marker(browser, server.url, "Mia")
        assert mia.text("#progress").startswith("0 of 200 marked, 200 open")
        mark(mia, 30)

        # Criteria, a comment, and what was typed when the page goes away.
        place = mia.place
        mia.press("a", "d", "c")  # the text may come before the field is ready
        mia.page.keyboard.type("Numbers are miss")
        mia.wait("document.getElementById('kept').textContent === 'Draft kept.'")
        mia.page.reload()
        mia.wait("shown !== null")
        assert mia.place == place
        assert mia.page.input_value("#comment") == "Numbers are miss"
        assert mia.page.input_value("#points") == "1.5"
        mia.press("c", "End")
        mia.page.keyboard.type("ing.")
        mia.press("Control+Enter")
        mia.moved_from(place)
        given[place] = 1.5
        mark(mia, 17)

        # Typed ahead: each mark is given to the answer that is there when its turn comes.
        ahead = [
            (row["submission"], row["check"])
            for row in mia.page.evaluate("ordered().filter((row) => !isDone(row))")
        ][:3]
        mia.press("1", "Enter", "2", "Enter", "0", "Enter")
        mia.wait(f"rowOf(...{list(ahead[-1])!r}).state === 'marked'")
        given |= dict(zip(ahead, (1.0, 2.0, 0.0), strict=True))
        mia.moved_from(ahead[-1])

        # A comment given before, found by a word of it.
        place = mia.place
        mia.press("/")
        mia.wait("document.querySelectorAll('#found li').length === 1")
        mia.page.keyboard.type("numbers")
        mia.press("Enter", "1", "Enter")
        mia.moved_from(place)
        given[place] = 1.0

        # The server is killed between two keys, and comes back; the page was never loaded again.
        place = mia.place
        mia.press("0", ".", "5")
        server.end(signal.SIGKILL)
        mia.press("Enter")
        mia.wait("document.getElementById('alarm').textContent.startsWith('The server does not answer')")
        assert (mia.place, mia.page.input_value("#points")) == (place, "0.5")
        server = verb.Server(run, *options)
        mia.press("Enter")
        mia.moved_from(place)
        given[place] = 0.5

        # Undo, and mark it again.
        last = place
        mia.press("u")
        mia.wait(f"shown.submission === {last[0]!r} && shown.check === {last[1]!r} && shown.mark === null")
        mia.press("2", "Enter")
        mia.moved_from(last)
        given[last] = 2.0

        # Somebody else begins at the last item; both come to the same answer once.
        ben = Marker(browser, server.url, "Ben")
        assert ben.place == mia.place
        place = mia.place
        mia.press("0")
        given[ben.give(1.25)] = 1.25
        mia.press("Enter")
        mia.wait("document.getElementById('alarm').textContent.startsWith('Ben gave 1.25')")
        mia.press("Escape")
        mia.moved_from(place)
        ben.press("I", "I", "I")
        ben.wait("shown.check === 'a4.comment'")
        while len(given) < N_STUDENTS * N_ITEMS:
            before = len(given)
            for marker in (mia, ben):
                if len(given) < N_STUDENTS * N_ITEMS and marker.place not in given:
                    mark(marker, 1)
            if len(given) == before:  # both stand on what the other marked: go on
                for marker in (mia, ben):
                    stood = marker.place
                    marker.press("n")
                    marker.moved_from(stood)
        mia.press("n")
        mia.wait("document.getElementById('notice').textContent.startsWith('Everything is marked')")
        assert mia.faults == ben.faults == []
        status, said = server.end()
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.communicate()
    assert "Final: every mark of 40 submissions is decided." in said
    assert status == 0
    results = verb.read_json(run / "results.json")
    assert len(given) == N_STUDENTS * N_ITEMS
    expected = {
        name: N_ITEMS + sum(points for (one, _), points in given.items() if one == name) for name in names
    }
    assert {one["id"]: one["earned"] for one in results["submissions"]} == expected
    assert all(one["pending"] == 0 for one in results["submissions"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_answers_and_automatic_marks(
    tmp_path: Path, browser: Any, shipped: Path, scheme: str
) -> None:
    rubric = runs.rubric_of()
    hostile = runs.grade_of(rubric, "eve", {"a1": HOSTILE + "\n\n" + "wide" * 5000})
    near = {"a1": "The chain creeps with small steps and never crosses."}
    grades = [hostile, runs.grade_of(rubric, "ada", near), runs.grade_of(rubric, "bo", near)]
    run = runs.make_run(tmp_path / "run", rubric, grades).path
    with verb.serving(run, "--author", "Mia") as server:
        mia = Marker(browser, f"{server.url}#token={server.token}", scheme=scheme)
        assert "PWNED" in mia.text("#answer")
        assert (
            mia.page.evaluate(
                "document.querySelectorAll('#answer script, #answer img, #answer svg, #answer a').length"
            )
            == 0
        )
        assert mia.page.evaluate("document.querySelectorAll('#prompt math').length") == 1
        assert mia.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert mia.page.evaluate("document.querySelector('#figures img').naturalWidth") == 2
        assert not mia.page.title().startswith("PWNED")

        # A similar answer is laid beside; an automatic mark is changed, with a reason.
        mia.give(2)
        mia.press("x")
        mia.wait("!document.getElementById('other').hidden")
        assert "100 % alike" in mia.text("#other-name")
        assert "never crosses" in mia.text("#other-answer")
        mia.press("o", "Enter")
        mia.wait("document.getElementById('overriding').open")
        mia.page.keyboard.type("0.5")
        mia.press("Tab")
        mia.page.keyboard.type("copied from bo")
        mia.press("Tab", "Tab", "Enter")
        mia.wait("!document.getElementById('overriding').open")
        mia.wait("document.getElementById('findings').textContent.includes('copied from bo')")
        assert mia.faults == []
        server.end()
    results = {one["id"]: one for one in verb.read_json(run / "results.json")["submissions"]}
    assert results["ada"]["items"][0]["checks"][0]["marked"]["reason"] == "copied from bo"
    assert results["ada"]["earned"] == 1.5
