"""A hostile hand-in, graded for real, opened in a real browser: on no page does anything of it run, load, move or hide."""

from __future__ import annotations

import importlib
import operator
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
looking = importlib.import_module("looking")
hostile_class = looking.hostile_class
pytestmark = looking.marks

MEASURE = """(seen) => {
  const one = document.querySelector(seen);
  one.scrollIntoView({ block: "center", inline: "nearest" });
  const box = one.getBoundingClientRect();
  const top = document.elementFromPoint(Math.min(box.left + 8, box.right - 1), box.top + box.height / 2);
  const look = (selector) => {
    const style = getComputedStyle(document.querySelector(selector));
    return [style.color, style.backgroundColor, style.fontFamily, style.fontSize, style.display, style.position];
  };
  const placed = [...document.body.querySelectorAll("*")]
    .filter((one) => ["fixed", "absolute", "sticky"].includes(getComputedStyle(one).position))
    .map((one) => one.tagName + "." + one.className + "#" + one.id);
  return {
    pwned: window.__pwned === undefined ? null : window.__pwned,
    title: document.title,
    widths: [document.documentElement.scrollWidth, document.documentElement.clientWidth],
    isSeen: box.width > 0 && box.height > 0 && box.left >= 0 && box.right <= innerWidth
      && Boolean(top) && (one === top || one.contains(top)),
    above: top && top.outerHTML.slice(0, 200),
    looks: [look("body"), look("h1"), look(seen)],
    placed: [...new Set(placed)].sort(),
    left: [...document.body.querySelectorAll("*")].filter((one) => {
      const box = one.getBoundingClientRect();
      return box.width && box.right < 0 && !one.closest(".skip, .for-ears, thead");
    }).length,
    scripts: [...document.scripts].map((one) => one.src || one.textContent.slice(0, 40)),
    handlers: [...document.querySelectorAll("*")].flatMap((one) => [...one.attributes])
      .map((attribute) => attribute.name).filter((name) => name.startsWith("on")),
  };
}"""


class Visit:
    """One page, looked at, with all that it asked for and all that it did."""

    def __init__(self, browser: Any, looked: Any, view: Any, student: str, size: tuple[int, int]):
        self.asked: list[str] = []
        self.did: list[str] = []
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        page = context.new_page()
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("dialog", lambda dialog: (self.did.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: self.did.append(f"error: {error}"))
        page.on("popup", lambda other: self.did.append(f"popup: {other.url}"))
        page.on("download", lambda other: self.did.append(f"download: {other.url}"))
        page.goto(view.address(looked, student), timeout=looking.WAIT_MS)
        view.prepare(page, student)
        page.wait_for_timeout(300)  # for what would come late
        self.measured = page.evaluate(MEASURE, view.seen)
        self.address = page.url
        self.frames = [frame.url for frame in page.frames[1:]]
        self.text = page.inner_text("body")
        context.close()


def is_own(url: str, looked: Any) -> bool:
    """Whether a request stays on this machine: a file of the run, data in the page, or the review page's own server."""
    return url.startswith(("data:", looked.run.parent.as_uri(), looked.server.url, looked.team.url))


@pytest.mark.parametrize("size", [looking.WIDE, looking.NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", looking.PAGES)
def test_nothing_of_a_hostile_hand_in_acts_on_a_page(
    looked: Any, page_browser: Any, name: str, size: tuple[int, int]
) -> None:
    view = looking.PAGES[name]
    visit = Visit(page_browser, looked, view, hostile_class.NAME, size)
    seen = visit.measured
    assert seen["pwned"] is None
    assert visit.did == []
    assert [url for url in visit.asked if not is_own(url, looked)] == []
    assert visit.address.partition("#")[0] == view.address(looked, hostile_class.NAME).partition("#")[0]
    assert re.fullmatch(view.title, seen["title"], re.DOTALL), seen["title"]
    assert seen["handlers"] == []
    assert seen["widths"][0] <= seen["widths"][1]
    assert seen["isSeen"], seen["above"]
    assert seen["left"] == 0
    if view.is_of_student:
        honest = Visit(page_browser, looked, view, hostile_class.HONEST, size).measured
        assert seen["looks"] == honest["looks"]
        assert seen["placed"] == honest["placed"]
        assert seen["scripts"] == honest["scripts"]
        assert hostile_class.HONEST not in visit.text or name.startswith("review")


def test_what_attacks_is_there_to_be_read(looked: Any, page_browser: Any) -> None:
    """The test above would pass on pages that show nothing."""
    said = {
        name: Visit(page_browser, looked, looking.PAGES[name], hostile_class.NAME, looking.WIDE).text
        for name in ("student", "instructor", "notebook", "class", "selfcheck", "review")
    }
    for name, text in said.items():
        if name != "selfcheck":
            assert "globalThis.__pwned=1" in text, name
    assert "<script>globalThis.__pwned=1;document.title='PWNED'</script>" in said["student"]
    assert "characters are not shown" in said["notebook"]
    assert "Changed by a person" in said["instructor"]


@pytest.mark.parametrize(
    ("attack", "noticed"),
    [
        (0, lambda visit: visit.measured["pwned"] == 1 and visit.measured["title"] == "PWNED"),
        (1, lambda visit: visit.measured["pwned"] == 1 and visit.measured["handlers"]),
        (15, lambda visit: visit.measured["looks"][1][0] != "rgb(0, 0, 0)"),
        (16, lambda visit: not visit.measured["isSeen"] and visit.measured["placed"]),
        (18, lambda visit: any("evil.example" in url for url in visit.asked)),
        (hostile_class.MARKUP.index("wide" * 20_000), lambda visit: operator.gt(*visit.measured["widths"])),
    ],
)
def test_an_attack_on_a_page_without_protection_is_noticed(
    page_browser: Any, tmp_path: Path, attack: int, noticed: Callable[[Visit], Any]
) -> None:
    """What the tests above look at does change."""
    page = tmp_path / "page.html"
    page.write_text(
        f"<!doctype html><title>T</title><h1>Marks</h1><p class=total>1 of 2</p>{hostile_class.MARKUP[attack]}"
    )
    open_page = looking.View(lambda looked, who: page.as_uri(), ".total", ".*")
    assert noticed(Visit(page_browser, None, open_page, "", looking.WIDE))


def test_the_notebook_in_the_frame_may_do_nothing(looked: Any, page_browser: Any, tmp_path: Path) -> None:
    """Even a page of a notebook that was not made safe could not do anything to the marks beside it."""
    view = tmp_path / "instructor.html"
    shutil.copy(looked.run / "submissions" / looked.who[hostile_class.NAME] / view.name, view)
    attack = "<!doctype html><body onload='top.location=`about:blank`'><script>parent.__pwned=1;top.__pwned=1;alert(1);"
    attack += (
        "open('https://evil.example')</script><a href='javascript:parent.__pwned=1'>x</a><h1>attack</h1>"
    )
    (tmp_path / "notebook.html").write_text(attack, encoding="utf-8")
    alone = looking.View(lambda looked, who: view.as_uri(), ".total", ".*")
    visit = Visit(page_browser, looked, alone, "", looking.WIDE)
    assert visit.frames == [(tmp_path / "notebook.html").as_uri()]
    assert visit.measured["pwned"] is None
    assert visit.did == []
    assert visit.address == view.as_uri()


def test_a_link_in_the_marks_leads_to_the_cell_beside_them(looked: Any, page_browser: Any) -> None:
    context = page_browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(looked.file(hostile_class.HONEST, "instructor.html"))
    link = page.locator("a[target=notebook][href$='#cell-2']").first
    link.scroll_into_view_if_needed()
    link.click()
    frame = page.frame("notebook")
    frame.wait_for_selector("#cell-2:target", timeout=looking.WAIT_MS)
    assert page.url.endswith("instructor.html")
    context.close()
