"""What the lint says of rubrics that load: bands, shares of the rate, mistakes that would pass."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from autograder import lint as linting
from autograder.lint import Report, lint
from autograder.registry import Assignment, find_assignment

ROOT = Path(__file__).parents[2]
PART = "rubrics/aml-a3/part_a.yaml"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of part a's rubric and the golden files, and nothing else."""
    shutil.copytree(ROOT / "rubrics", tmp_path / "rubrics")
    whole = tmp_path / "rubrics" / "aml-a3" / "rubric.yaml"
    text = whole.read_text(encoding="utf-8")
    whole.write_text(text[: text.index("parts:")] + "parts: [part_a.yaml]\n", encoding="utf-8")
    shutil.copytree(ROOT / "reference" / "aml_a3" / "golden", tmp_path / "reference" / "aml_a3" / "golden")
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def assignment(course: Path) -> Assignment:
    return find_assignment("aml-a3")


def edit(course: Path, old: str, new: str) -> int:
    """Replace a text of the rubric that stands there once; return its line."""
    path = course / PART
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def about(report: Report, word: str) -> list[str]:
    return [str(problem) for problem in report.problems if word in problem.text]


def set_golden(course: Path, key: str, **values: object) -> None:
    path = course / "reference" / "aml_a3" / "golden" / "part_a.json"
    golden = json.loads(path.read_text(encoding="utf-8"))
    if values:
        golden["values"][key].update(values)
    else:
        del golden["values"][key]
    path.write_text(json.dumps(golden), encoding="utf-8")


def test_bands_are_those_that_checks_judge_by(assignment: Assignment) -> None:
    report = lint(assignment)
    rows = {(row.check, row.golden): row for row in report.bands}
    (risk,) = report.risks
    mean = rows["a3.mean", "a3.mean"]
    assert (mean.method, mean.n, mean.false_fail_rate) == ("normal", 50_000, risk.rate_per_check)
    assert mean.low < 6.366 < mean.high
    rate = rows["a4.rates", "a4.rates[0.5]"]
    assert rate.false_fail_rate == pytest.approx(risk.rate_per_check / 3)
    jumps = rows["a4.chains", "a4.jumps[0.5]"]
    assert jumps.false_fail_rate == pytest.approx(risk.rate_per_check / 12)
    assert sum(1 for row in report.bands if row.check == "a4.chains") >= 11
    assert risk.n_random * risk.rate_per_check == pytest.approx(risk.false_fail_rate)
    assert 0 < risk.n_random < risk.n_checks


def test_a_mistake_inside_a_band_is_a_problem_with_its_place(course: Path, assignment: Assignment) -> None:
    label = "label: estimate of E[f]"
    line = edit(course, label, label)
    text = (course / PART).read_text(encoding="utf-8")
    head, tail = text.split(label, 1)
    band = "{name: mean, method: normal, golden: a3.mean, excludes: {halved: 3.18, close: 6.37}}"
    bands = f"\n          bands: [{band}]"
    rest = tail.split("\n")
    end = next(i for i, row in enumerate(rest) if i and not row.startswith(" " * 10))
    (course / PART).write_text(head + label + bands + "\n" + "\n".join(rest[end:]), encoding="utf-8")
    report = lint(assignment)
    (problem,) = about(report, "the mistake 'close'")
    assert problem.startswith(f"{PART}:{line + 1}:{bands[1:].index('close') + 1}: ")
    assert "gives 6.37, which lies in the band" in problem
    assert not about(report, "halved")
    (row,) = [row for row in report.bands if row.check == "a3.mean"]
    assert row.excludes == {"halved": 3.18, "close": 6.37}


def test_a_mistake_inside_another_convention_of_the_check_is_found(
    course: Path, assignment: Assignment
) -> None:
    old = "{name: with the reliability correction, method: normal, golden: a3.reliability}"
    edit(course, old, old[:-1] + ", excludes: {estimator: 0.00377}}")
    problems = about(lint(assignment), "the mistake 'estimator'")
    assert any("(variance of the estimator)" in problem for problem in problems)


def test_golden_that_is_missing_names_check_and_nearest(course: Path, assignment: Assignment) -> None:
    line = edit(course, "golden: a3.ess}", "golden: a3.es}")
    (problem,) = about(lint(assignment), "'a3.es'")
    assert problem.startswith(f"{PART}:{line}:")
    assert "did you mean 'a3.ess'?" in problem


def test_golden_without_what_the_method_needs(course: Path, assignment: Assignment) -> None:
    set_golden(course, "a3.ess", sd=None)
    set_golden(course, "a4.rates[0.5]", replicates=None)
    report = lint(assignment)
    assert about(report, "'a3.ess' has no standard deviation")
    assert about(report, "'a4.rates[0.5]' has no replicates")


def test_truth_that_is_not_stored(course: Path, assignment: Assignment) -> None:
    set_golden(course, "a2.envelope")
    (problem,) = about(lint(assignment), "the truth 'a2.envelope'")
    assert "make it with: autograder golden aml-a3 --part a" in problem


def test_golden_file_that_is_missing(course: Path, assignment: Assignment) -> None:
    assignment.golden("a").unlink()
    report = lint(assignment)
    assert about(report, "is missing; make it with: autograder golden")
    assert report.risks
    assert not report.bands


def test_few_replicates_are_worth_a_word(course: Path, assignment: Assignment) -> None:
    path = assignment.golden("a")
    golden = json.loads(path.read_text(encoding="utf-8"))
    for n, advised in ((5, True), (60, False)):
        for value in golden["values"].values():
            if value["replicates"]:
                value["replicates"]["n"] = n
        path.write_text(json.dumps(golden), encoding="utf-8")
        assert any(f"rests on {n} replicates" in advice.text for advice in lint(assignment).advice) == advised


def test_replicates_that_no_band_rests_on_need_not_be_many() -> None:
    """gm-a0 has two and four: they say how the solution's losses go, and its sheet gives no level to compare with."""
    report = lint(find_assignment("gm-a0"))
    assert not report.problems
    assert not any("replicates" in advice.text for advice in report.advice)


def test_checks_say_what_to_do(course: Path, assignment: Assignment) -> None:
    edit(course, "title: The density is that of the mixture", "title: ' '")
    hint = "hint: Put a short Markdown cell above each code cell that says what the cell does."
    edit(course, hint, "hint: ''")
    report = lint(assignment)
    assert about(report, "'a1.density' has no title")
    (advice,) = [str(advice) for advice in report.advice if "'a1.explained'" in advice.text]
    assert "neither why nor hint" in advice


def test_every_problem_of_a_rubric_that_does_not_load_is_told(course: Path, assignment: Assignment) -> None:
    line = edit(course, "check: surface_agrees", "check: surface_agree")
    edit(course, "false_fail_rate: 1.0e-3", "false_fail_rate: 1.0e-3\ntitel: x")
    report = lint(assignment)
    assert not report.bands
    assert [problem for problem in report.problems if "unknown key 'titel'" in problem.text]
    edit(course, "\ntitel: x", "")
    (problem,) = about(lint(assignment), "surface_agree'")
    assert problem.startswith(f"{PART}:{line}:9: ")


def test_paths_are_shown_as_the_user_opens_them(course: Path, tmp_path: Path) -> None:
    assert linting.shown(course / PART) == PART
    assert linting.shown(Path("/elsewhere/x.yaml")) == "/elsewhere/x.yaml"
