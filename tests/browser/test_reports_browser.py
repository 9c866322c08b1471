"""The report pages in a real browser: they render, their script runs, and hostile text does not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from reports import render_class, render_instructor, render_student

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
import sample_grades as samples

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed to look at the pages with"),
]


def _browse(page: Path, *flags: str) -> str:
    assert CHROMIUM
    profile = page.parent / "profile"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def _write(folder: Path, html: str) -> Path:
    page = folder / "page.html"
    page.write_text(html, encoding="utf-8")
    return page


def _n_values(png: bytes) -> int:
    """Return how many different bytes the pixels of a PNG hold: a blank page has a handful."""
    place, packed = 8, b""
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        if png[place + 4 : place + 8] == b"IDAT":
            packed += png[place + 8 : place + 8 + length]
        place += length + 12
    return len(set(zlib.decompress(packed)))


@pytest.mark.parametrize("render", [render_student, render_instructor])
def test_hostile_student_page_does_not_run(tmp_path: Path, render: Callable[..., str]) -> None:
    page = _write(tmp_path, render(samples.hostile_grade()))
    dom = _browse(page, "--dump-dom")
    assert "1 of 10, 6 pending" in re.sub(r"<[^>]+>", "", dom)
    assert "<title>PWNED" not in dom
    assert "<script" not in dom
    assert "onerror=" not in re.sub(r">[^<]*<", "><", dom)


def test_class_page_sorts_and_filters(tmp_path: Path) -> None:
    html = render_class(*samples.class_results())
    dom = _browse(_write(tmp_path, html), "--dump-dom")
    assert "<title>PWNED" not in dom
    assert "24 of 24 shown" in dom  # the policy lets the page's own script run
    assert dom.count('<button type="button">') == 12

    # The same page with a hand on its controls; the policy would stop this script, so it is taken out.
    press = """<script>
      document.querySelectorAll("#submissions thead button")[2].click();
      var input = document.getElementById("filter-text");
      input.value = "graded names"; input.dispatchEvent(new Event("input"));
      var rows = Array.from(document.querySelectorAll("#submissions tbody tr"));
      document.body.dataset.marks = rows.map(function (row) { return row.cells[2].textContent; }).join(" ");
    </script></body>"""
    without_policy = re.sub(r"<meta http-equiv[^>]*>", "", html).replace("</body>", press)
    dom = _browse(_write(tmp_path, without_policy), "--dump-dom")
    shown = re.search(r'data-marks="([^"]*)"', dom)
    assert shown
    order = [float(mark) for mark in shown[1].split() if mark != "–"]
    assert order == sorted(order, reverse=True)
    assert shown[1].endswith("– –")
    assert 'aria-sort="descending"' in dom
    assert re.search(r"\b[1-9] of 24 shown", dom)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_not_blank(tmp_path: Path, scheme: str) -> None:
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    for html in (render_student(samples.full_grade()), render_class(*samples.class_results())):
        shot = tmp_path / "shot.png"
        _browse(_write(tmp_path, html), f"--screenshot={shot}", "--window-size=1000,1400", *dark)
        assert _n_values(shot.read_bytes()) > 100


def test_nothing_is_wider_than_a_phone(tmp_path: Path) -> None:
    (tmp_path / "student.html").write_text(render_student(samples.hostile_grade()), encoding="utf-8")
    (tmp_path / "full.html").write_text(render_student(samples.full_grade()), encoding="utf-8")
    (tmp_path / "class.html").write_text(render_class(*samples.class_results()), encoding="utf-8")
    # The headless window is never narrower than about 500 pixels, a frame is.
    frames = "".join(
        f'<iframe src="{name}.html" width="360" height="700"></iframe>'
        for name in ("student", "full", "class")
    )
    measure = """<script>onload = function () {
      document.body.dataset.widths = Array.from(frames).map(function (one) {
        return one.document.documentElement.scrollWidth; }).join(" "); }</script>"""
    page = _write(tmp_path, f"<!doctype html><body>{frames}{measure}</body>")
    dom = _browse(page, "--dump-dom", "--allow-file-access-from-files")
    assert 'data-widths="360 360 360"' in dom
