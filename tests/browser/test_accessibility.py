"""axe-core finds nothing to object to on any page, in light and dark, wide and narrow, with every dialog open."""

from __future__ import annotations

import importlib
import sys
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
    page.evaluate(AXE)
    found = page.evaluate(RUN)
    assert len(found["passes"]) > 10  # it ran
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['target']} {node['html'][:200]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


LOOKS = [(looking.WIDE, "light"), (looking.WIDE, "dark"), (looking.NARROW, "light"), (looking.NARROW, "dark")]
each_look = pytest.mark.parametrize(
    ("size", "scheme"), LOOKS, ids=["wide-light", "wide-dark", "narrow-light", "narrow-dark"]
)


def opened(browser: Any, address: str, size: tuple[int, int], scheme: str) -> Any:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address, timeout=looking.WAIT_MS)
    return page


@each_look
@pytest.mark.parametrize("name", looking.PAGES)
def test_axe_has_no_objection(
    looked: Any, page_browser: Any, name: str, size: tuple[int, int], scheme: str
) -> None:
    view = looking.PAGES[name]
    students = (looking.hostile_class.HONEST, looking.hostile_class.NAME) if view.is_of_student else ("",)
    for student in students:
        page = opened(page_browser, view.address(looked, student), size, scheme)
        view.prepare(page, student)
        page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert violations(page) == []
        page.context.close()


@each_look
def test_axe_has_no_objection_to_any_status_or_picture(
    page_browser: Any, tmp_path: Path, size: tuple[int, int], scheme: str
) -> None:
    grade = samples.full_grade()
    pages = {
        "student": reports.render_student(grade),
        "instructor": reports.render_instructor(
            grade, evidence={"a": samples.evidence()}, history=samples.history()
        ),
        "failed": reports.render_student(samples.failed_grade()),
        "perfect": reports.render_student(samples.perfect_grade()),
        "class": reports.render_class(*samples.class_results()),
        "nobody": reports.render_class({"assignment": "aml-a3", "parts": [], "submissions": []}, []),
    }
    for name, html in pages.items():
        (tmp_path / f"{name}.html").write_text(html, encoding="utf-8")
        page = opened(page_browser, (tmp_path / f"{name}.html").as_uri(), size, scheme)
        page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert violations(page) == []
        page.context.close()
