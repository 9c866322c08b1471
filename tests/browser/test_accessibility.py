"""axe-core finds nothing to object to on any page, in light and dark, wide and narrow, with every dialog open."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import reports

sys.path.insert(0, str(Path(__file__).parent))
looking = importlib.import_module("looking")
samples = importlib.import_module("sample_grades")
pytestmark = looking.marks
axe_playwright = pytest.importorskip(
    "axe_playwright_python.base", reason="axe-core is not installed (the extra `browser`)"
)
AXE = axe_playwright.AXE_SCRIPT

# The frame of the notebook may run no script, axe's neither; its page is looked at by itself.
RUN = "() => axe.run(document, { iframes: false, resultTypes: ['violations'] })"


def violations(page: Any) -> list[str]:
    """Return what axe objects to, one line an element."""
    found = page.evaluate(RUN)
    assert len(found["passes"]) > 10  # it ran
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['target']} {node['html'][:200]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


LOOKS = {
    "wide, light": (looking.WIDE, "light"),
    "wide, dark": (looking.WIDE, "dark"),
    "narrow, light": (looking.NARROW, "light"),
    "narrow, dark": (looking.NARROW, "dark"),
}


def objections(page: Any) -> dict[str, list[str]]:
    """Return what axe objects to in each look of an open page, all of which is opened."""
    page.evaluate(AXE)
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = {}
    for look, (size, scheme) in LOOKS.items():
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=scheme)
        found[look] = violations(page)
    return {look: lines for look, lines in found.items() if lines}


def opened(browser: Any, address: str) -> Any:
    page = browser.new_context().new_page()
    page.goto(address, timeout=looking.WAIT_MS)
    return page


@pytest.mark.parametrize("name", looking.PAGES)
def test_axe_has_no_objection(looked: Any, page_browser: Any, name: str) -> None:
    view = looking.PAGES[name]
    students = (looking.hostile_class.HONEST, looking.hostile_class.NAME) if view.is_of_student else ("",)
    for student in students:
        page = opened(page_browser, view.address(looked, student))
        view.prepare(page, student)
        assert objections(page) == {}
        page.context.close()


@pytest.mark.parametrize("name", ["student", "instructor", "failed", "perfect", "class", "nobody"])
def test_axe_has_no_objection_to_any_status_or_picture(page_browser: Any, tmp_path: Path, name: str) -> None:
    grade = samples.full_grade()
    evidence, history = {"a": samples.evidence()}, samples.history()
    pages: dict[str, Callable[[], str]] = {
        "student": lambda: reports.render_student(grade),
        "instructor": lambda: reports.render_instructor(grade, evidence=evidence, history=history),
        "failed": lambda: reports.render_student(samples.failed_grade()),
        "perfect": lambda: reports.render_student(samples.perfect_grade()),
        "class": lambda: reports.render_class(*samples.class_results()),
        "nobody": lambda: reports.render_class({"assignment": "aml-a3", "parts": [], "submissions": []}, []),
    }
    (tmp_path / f"{name}.html").write_text(pages[name](), encoding="utf-8")
    page = opened(page_browser, (tmp_path / f"{name}.html").as_uri())
    assert objections(page) == {}
    page.context.close()


def test_a_look_in_which_nothing_can_be_read_is_noticed(page_browser: Any, tmp_path: Path) -> None:
    """The size and the scheme of an open page do change: what only one of them has is found there, and nowhere else."""
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><html lang=en><title>T</title><main><h1>Marks</h1><p>1 of 2</p></main><style>"
        "@media (max-width: 500px) and (prefers-color-scheme: dark) { p { color: #eee; background: #fff; } }</style>"
    )
    found = objections(opened(page_browser, page.as_uri()))
    assert set(found) == {"narrow, dark"}
    assert "color-contrast" in found["narrow, dark"][0]
