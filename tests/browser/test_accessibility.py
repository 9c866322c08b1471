"""axe-core finds nothing to object to on any page, in light and dark, wide and narrow, with every dialog open."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
looking = importlib.import_module("looking")
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [looking.WIDE, looking.NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", looking.PAGES)
def test_axe_has_no_objection(
    looked: Any, page_browser: Any, name: str, size: tuple[int, int], scheme: str
) -> None:
    view = looking.PAGES[name]
    students = (looking.hostile_class.HONEST, looking.hostile_class.NAME) if view.is_of_student else ("",)
    for student in students:
        context = page_browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
        )
        page = context.new_page()
        page.goto(view.address(looked, student), timeout=looking.WAIT_MS)
        view.prepare(page, student)
        page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert violations(page) == []
        context.close()
