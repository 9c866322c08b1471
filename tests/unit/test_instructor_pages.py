"""The instructor's view in a run directory: written with the report, with every mark of a person and the notebook beside."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

from autograder.notebook_pages import writing
from autograder.review import store
from autograder.review.store import Mark, Place
from autograder.store import RunDirectory, read_json, write_json

sys.path.insert(0, str(Path(__file__).parent))
runs = importlib.import_module("review_runs")


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return runs.class_run(tmp_path / "run")


def page(run: RunDirectory, name: str, file: str = "instructor.html") -> str:
    return (run.submission(name) / file).read_text(encoding="utf-8")


def test_every_mark_of_a_person_stands_in_the_view_and_its_reason_in_no_report(run: RunDirectory) -> None:
    override = Mark("override", 0.25, (), "See the sheet.", "copied from bo", {})
    given = store.add(run.gradebook, Place("ada", "a1.rate"), "Mia", override, 0)
    store.undo(run.gradebook, "Mia")
    again = Mark("override", 0.5, (), "Half of it.", "the sheet is unclear", {})
    store.add(run.gradebook, Place("ada", "a1.rate"), "Ben", again, given.version + 1)
    runs.refreshed(run)
    seen, told = page(run, "ada"), page(run, "ada", "report.html")
    for word in ("copied from bo", "the sheet is unclear", "Mia", "Ben", "taken back since", "was 1"):
        assert word in seen
        assert word not in told
    assert "Half of it." in told
    assert "See the sheet." not in told
    assert "copied from bo" not in page(run, "bo")


def test_the_class_page_leads_to_both_views(run: RunDirectory) -> None:
    runs.refreshed(run)
    html = run.index.read_text(encoding="utf-8")
    for name in ("ada", "bo", "cy"):
        assert f'href="submissions/{name}/instructor.html"' in html
        assert f'href="submissions/{name}/report.html"' in html
        assert 'src="notebook.html"' in page(run, name)


def test_notebooks_are_rendered_once(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.refreshed(run)
    before = page(run, "ada", "notebook.html")
    monkeypatch.setattr(writing, "_in_time", lambda *given: pytest.fail("a notebook was rendered again"))
    runs.refreshed(run)
    assert page(run, "ada", "notebook.html") == before


def test_without_the_packages_the_view_has_everything_but_the_notebook(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "is_available", lambda: False)
    runs.refreshed(run)
    seen = page(run, "ada")
    assert "<iframe" not in seen
    assert "generative-autograder[review]" in seen
    assert "The rate is in the band." in seen
    assert not (run.submission("ada") / "notebook.html").exists()


def test_a_lost_or_damaged_file_costs_its_section_alone(run: RunDirectory) -> None:
    (run.submission("ada") / "executed.ipynb").unlink()
    (run.submission("bo") / "executed.ipynb").write_text("no JSON", encoding="utf-8")
    (run.submission("bo") / "evidence.json").write_text("no JSON", encoding="utf-8")
    runs.refreshed(run)
    assert "There is no page of an executed notebook." in page(run, "ada")
    assert "<iframe" in page(run, "bo")
    assert "There are no cells" in page(run, "bo", "notebook.html")


def test_what_was_observed_stands_in_the_view(run: RunDirectory) -> None:
    leaf = {"key": None, "path": "rate", "cell": 0, "dtype": "float", "shape": [], "value": 0.0817}
    found = {"how": "name", "path": "rate", "cell": 0}
    values = {"a1.draws": {"found": found, "values": [leaf], "candidates": []}}
    write_json(run.submission("ada") / "evidence.json", {"schema_version": 1, "values": values, "calls": {}})
    runs.refreshed(run)
    assert "0.0817" in page(run, "ada")
    assert 'href="notebook.html#cell-1"' in page(run, "ada")
    assert "0.0817" not in page(run, "ada", "report.html")
    assert (
        json.dumps(read_json(run.results)).count("instructor.html") == 0
    )  # the published schema stays as it is
