"""The self-check without kernels: what is public, which part a notebook belongs to, what the result says."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from evidence_builder import bound, code, evidence, markdown, run

import reports
from autograder.checks.findings import Finding
from autograder.errors import UsageError
from autograder.judging import Verdict
from autograder.probes.bindings import Bound
from autograder.records import Found, Note, Status
from autograder.registry import CHECKS, find_assignment
from autograder.rubric.loader import load_rubric, read_rubric
from autograder.rubric.model import ChallengeKey, PartSpec
from autograder.rubric.public import (
    CHALLENGE,
    WRITTEN,
    challenges_for,
    is_public_alone,
    public_part,
    withheld_of,
)
from autograder.selfcheck.choosing import Chosen, choices, choose, find_content
from autograder.selfcheck.executing import doubted, from_verdicts
from autograder.selfcheck.results import Outcome, SelfCheck
from tests.corpus.public_rubrics import write_public

ROOT = Path(__file__).parents[2]
OFFERED = choices(ROOT)
RUBRIC = load_rubric(find_assignment("aml-a3"))
PARTS = {part.part: part for part in RUBRIC.parts}
PASSED = Verdict(Finding(Status.PASSED, 1.0, message="As it should be."), is_evaluated=True)


def chosen(part: str = "a", item: str | None = None, spec: PartSpec | None = None) -> Chosen:
    return Chosen(
        find_assignment("aml-a3"),
        RUBRIC.title,
        RUBRIC.sha256,
        spec if spec is not None else PARTS[part],
        item,
    )


# ------------------------------------------------------------------ the public part


@pytest.mark.parametrize("part", PARTS)
def test_the_public_part_holds_nothing_of_the_other_checks(part: str) -> None:
    whole, public = PARTS[part], public_part(PARTS[part])
    text = public.model_dump_json()
    hidden = [check for _, check in whole.checks() if not check.public]
    assert hidden
    titles = {check.title for _, check in public.checks()}
    for check in hidden:
        is_key = check.id in public.evidence or check.id in public.challenges  # of the same name
        assert is_key or f'"{check.id}"' not in text
        assert check.title in titles or check.title not in text
        assert not check.hint or check.hint not in text
    assert not any((public.truths, public.summaries, public.settings, public.changes))
    assert all(erratum.public for erratum in public.errata)
    assert '"golden"' not in text
    linked = {getattr(check, name) for _, check in public.checks() for name in ("twin", "follows", "proof")}
    agreeing = {one for spec in public.evidence.values() for one in spec.agrees}
    assert (linked - {None}) | agreeing <= {check.id for _, check in public.checks()}


@pytest.mark.parametrize("part", PARTS)
def test_every_check_is_public_or_counted(part: str) -> None:
    whole, public = PARTS[part], public_part(PARTS[part])
    for before, after in zip(whole.items, public.items, strict=True):
        written = [check for check in before.checks if check.check == WRITTEN and not check.public]
        assert after.withheld.n_written == len(written)
        assert len(after.checks) + after.withheld.n_checks + len(written) == len(before.checks)
        left = after.withheld.points + after.withheld.written_points
        assert sum(check.points for check in after.checks) + left == pytest.approx(before.points)
    assert withheld_of(public.items) == withheld_of(whole.items)
    assert is_public_alone(public)
    assert not is_public_alone(whole)
    assert public_part(public) == public


def test_the_public_part_is_a_rubric(tmp_path: Path) -> None:
    write_public(tmp_path, tuple(PARTS))
    read = read_rubric(tmp_path / "rubrics" / "aml-a3" / "rubric.yaml")
    assert [part.part for part in read.parts] == list(PARTS)
    for part in read.parts:
        assert part == public_part(PARTS[part.part])


@pytest.mark.parametrize("part", PARTS)
def test_every_part_has_something_to_check_at_home(part: str) -> None:
    n_public = sum(check.public for _, check in PARTS[part].checks())
    assert n_public >= 10
    tried = {item.id for item, check in PARTS[part].checks() if check.public}
    assert tried == {item.id for item in PARTS[part].items}


def test_parameters_that_name_challenges_are_called_so() -> None:
    for entry in CHECKS:
        for name, field in entry.params.model_fields.items():
            is_challenge = get_args(ChallengeKey)[1] in field.metadata or "challenge" in str(field.annotation)
            assert not is_challenge or name.startswith(CHALLENGE), (entry.name, name)


def test_only_the_challenges_of_public_checks_are_put() -> None:
    assert challenges_for(PARTS["a"], chosen("a").wanted) == {"a1.density"}
    assert "b1.vae" not in challenges_for(PARTS["b"], chosen("b", "b4").wanted)


# ------------------------------------------------------------------ which rubric, which part


def notebook(*sources: str, kind: str = "code") -> dict[str, Any]:
    return {"cells": [{"cell_type": kind, "source": source, "metadata": {}} for source in sources]}


def how(one: Chosen) -> str:
    return f"--part {one.part.part}"


def test_the_nearest_rubric_above_the_notebook_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_public(tmp_path)
    deep = tmp_path / "mine" / "tries"
    deep.mkdir(parents=True)
    assert find_content(deep) == tmp_path
    (tmp_path / "mine" / "rubrics").mkdir()  # a folder of that name without a rubric is none
    assert find_content(deep) == tmp_path
    assert find_content(deep, tmp_path / "rubrics") == tmp_path
    assert find_content(deep, ROOT) == ROOT
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(ROOT))
    assert find_content(deep) == ROOT


def test_without_a_rubric_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_content(tmp_path) == ROOT  # the clone that the tests run in
    with pytest.raises(UsageError, match="holds no rubric"):
        find_content(tmp_path, tmp_path)
    monkeypatch.setattr("autograder.selfcheck.choosing.content_root", lambda: _raise())
    with pytest.raises(UsageError, match="--content DIR"):
        find_content(tmp_path)


def _raise() -> Path:
    raise UsageError("no folder")


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("part_b.ipynb", "", "b"),
        ("Ada_sampling.ipynb", "", "a"),
        ("homework.ipynb", "gibbs = metropolis(weights, ess)", "a"),
        ("homework.ipynb", "nn.Embedding(65, 192); perplexity = 3", "c"),
    ],
)
def test_a_part_is_told_by_name_then_by_content(name: str, text: str, part: str) -> None:
    assert choose(OFFERED, notebook(text), name, how).part.part == part


def test_what_may_be_several_parts_is_listed() -> None:
    with pytest.raises(UsageError, match=r"--part a \(Sampling methods\) or --part b .* or --part c"):
        choose(OFFERED, notebook("x = 1"), "homework.ipynb", how)
    assert (
        choose(
            [one for one in OFFERED if one.part.part == "c"], notebook("x = 1"), "homework.ipynb", how
        ).part.part
        == "c"
    )
    assert choose(choices(ROOT, item="b4"), notebook("x = 1"), "homework.ipynb", how).part.part == "b"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"assignment": "aml-a4"}, "did you mean 'aml-a3'"),
        ({"part": "d"}, r"no part 'd'.*\ba\b.*\bb\b.*\bc\b"),
        ({"item": "a9"}, "no item 'a9'"),
        ({"part": "b", "item": "a2"}, "no item 'a2'"),
    ],
)
def test_what_is_not_there_is_named(asked: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        choices(ROOT, **asked)


def test_without_the_answers_there_are_no_golden_values(tmp_path: Path) -> None:
    write_public(tmp_path)
    (one,) = choices(tmp_path)
    assert one.golden("full").values == {}
    assert one.template.texts == frozenset()
    assert chosen().golden("full").values


# ------------------------------------------------------------------ what is said


def said(
    found: dict[str, Verdict] | None = None,
    item: str | None = None,
    spec: PartSpec | None = None,
    **about: Any,
) -> SelfCheck:
    """The self-check of a notebook where all passes but what is given."""
    asked = chosen("a", item, spec)
    return from_verdicts(asked, dict.fromkeys(asked.wanted, PASSED) | (found or {}), **about)


def failing(message: str, fraction: float = 0.0, **about: Any) -> Verdict:
    status = Status.PASSED if fraction else Status.FAILED
    return Verdict(Finding(status, fraction, message=message, **about), is_evaluated=True)


def test_it_never_says_that_all_is_well_while_something_is_left() -> None:
    clear = said()
    assert clear.is_clear
    text = repr(clear)
    assert "Checked: 14 public checks of part a. 14 passed." in text
    assert "Only the course will check: 24 more checks" in text
    assert "2 written answers (2 points)" in text
    assert not re.search(r"\ball\b", text, re.IGNORECASE)


def test_the_three_things_are_said() -> None:
    verdicts = {
        "a2.count": failing("You kept 10 rows.", expected="10,000 rows", observed="10 rows"),
        "a2.scatter": failing("A scatter is drawn, but not over the contour of the target.", 0.5),
        "a3.count": Verdict(Finding(Status.BLOCKED, 0.0, message="Cell 4 stopped."), is_evaluated=False),
        "a4.count": Verdict(
            Finding(Status.ERROR, 0.0, message="A fault."), is_evaluated=False, traceback="T"
        ),
    }
    result = said(verdicts, stopped=1)
    assert not result.is_clear
    checked, unchecked, course = result.summary
    assert "12 public checks" in checked
    assert "10 passed, 2 to look at" in checked
    assert "1 cell stopped" in checked
    assert unchecked.startswith("Could not be checked here: 1 public check;")
    assert "1 check broke through a fault of ours" in unchecked
    assert course.startswith("Only the course will check")
    text = repr(result)
    assert "  ✗ 10,000 draws were accepted\n      You kept 10 rows.\n      Expected: 10,000 rows" in text
    assert "  ~ The accepted draws are drawn over the contour" in text
    assert "Hint: Go on proposing" in text
    assert result.count(Outcome.OURS) == 1
    assert "T" not in [
        check.get("traceback") for item in result.document()["items"] for check in item["checks"]
    ]


def test_an_item_alone() -> None:
    result = said(item="a2")
    assert [item.id for item in result.items] == ["a2"]
    assert "2 public checks of A2 Rejection sampling" in result.summary[0]
    assert result.only_course.n_checks == 4
    assert result.only_course.n_written == 0


def test_an_item_without_public_checks_is_no_success() -> None:
    spec = PARTS["a"].model_copy(
        update={
            "items": [
                item.model_copy(
                    update={"checks": [one.model_copy(update={"public": False}) for one in item.checks]}
                )
                for item in PARTS["a"].items
            ]
        }
    )
    result = said(item="a2", spec=spec)
    assert not result.is_clear
    assert result.summary[0] == "Checked: nothing. There is no public check of A2 Rejection sampling."


def test_remarks_on_the_sheet_are_not_told() -> None:
    """They tell what a correct run gives."""
    assert "0.0816" in PARTS["a"].model_dump_json()
    remarks = [
        Note(kind="erratum", title="c = 12", text="the rate is 0.0816"),
        Note(kind="confirm", title="the rate", text="`rate1`, `rate2`"),
        Note(kind="execution", title="observation", text="`chain` was not recorded"),
        Note(kind="execution", title="Part a: budget", text="Executed with the short budget."),
    ]
    text = json.dumps(said(notes=remarks).document())
    assert "0.0816" not in text
    assert "rate1" not in text
    assert "chain` was" not in text
    assert "short budget" in text


def test_links_to_other_checks_are_not_followed() -> None:
    """`c1.clip` follows a hidden check, `c1.vocabulary` hands its points to one: neither is named."""
    asked = chosen("c", "c1")
    untried = Verdict(Finding(Status.BLOCKED, 0.0, message="Nothing to try.", untried=True), True)
    verdicts = dict.fromkeys(asked.wanted, PASSED)
    verdicts |= {"c1.vocabulary": untried, "c1.clip": failing("The gradient is clipped to another norm.")}
    by_id = {check.id: check for check in from_verdicts(asked, verdicts).checks}
    assert by_id["c1.vocabulary"].message == "Nothing to try."
    assert by_id["c1.clip"].message == "The gradient is clipped to another norm."
    assert by_id["c1.clip"].status is Status.FAILED


def test_where_only_the_course_can_tell_nothing_counts_as_a_failure() -> None:
    less = failing("You kept 10 rows.", 0.5)
    verdicts = {"a2.count": less, "a3.count": failing("No value was found."), "a5.count": less}
    assert said(verdicts).count(Outcome.LOOK) == 3
    unsure = {"a2.count", "a2.scatter", "a3.count"}
    by_id = {check.id: check for check in said(verdicts, doubted=unsure).checks}
    assert by_id["a2.count"].outcome is by_id["a3.count"].outcome is Outcome.UNCHECKED
    assert by_id["a2.count"].message.startswith("You kept 10 rows. The public checks cannot tell")
    assert by_id["a2.scatter"].outcome is Outcome.PASSED
    assert by_id["a5.count"].outcome is Outcome.LOOK


def test_what_was_guessed_is_doubted_where_the_rubric_is_public_alone() -> None:
    guess = replace(bound([[0.0, 1.0]]), found=Found(how="suggestion", path="pts", cell=3))
    seen = evidence({"a2.draws": guess, "a3.draws": Bound(is_undecided=True), "a5.draws": [[0.0, 1.0]]})
    home = chosen(spec=public_part(PARTS["a"]))
    assert {"a2.count", "a2.scatter", "a3.count"} <= doubted(home, seen)
    assert not {"a5.count", "a4.count", "a1.seed"} & doubted(home, seen)
    assert doubted(chosen(), seen) == set()


def test_it_shows_itself_below_a_cell() -> None:
    hostile = "<script>alert(1)</script>"
    result = said({"a2.count": failing(hostile, observed=hostile)}, notebook=hostile)
    shown = result._repr_mimebundle_()
    assert shown["text/plain"] == repr(result) == str(result)
    assert shown["text/html"] == result._repr_html_()
    for page in (shown["text/html"], result.page()):
        assert "<script>" not in page
        assert "&lt;script&gt;" in page
        assert "10,000 draws were accepted" in page
        assert "Only the course will check" in page
    assert "<html" in result.page()
    assert "Content-Security-Policy" in result.page()
    assert "<html" not in shown["text/html"]
    assert "<style" not in shown["text/html"]


def test_a_page_shows_every_kind_of_outcome() -> None:
    verdicts = {
        "a2.count": failing("Ten rows.", 0.5),
        "a3.count": Verdict(Finding(Status.REVIEW, 0.0, message="Several values."), True),
        "a4.count": Verdict(Finding(Status.ERROR, 0.0, message="A fault."), False),
        "a5.count": failing("None."),
    }
    page = reports.render_selfcheck(
        said(verdicts, notes=[Note(kind="limit", title="T", text="L")]).document(), is_page=True
    )
    for word in ("Partly passed", "A person will mark this", "Problem on our side", "Not passed", "Passed"):
        assert word in page


# ------------------------------------------------------------------ in a notebook that is handed in


def test_a_cell_that_asks_for_the_check_needs_no_explanation() -> None:
    cells = [
        markdown("# Draws", 0),
        code("from autograder import check", 1),
        code("x = 1", 2),
        code('check("a2")', 3),
        code("import autograder\nautograder.check()", 4),
    ]
    seen = evidence({"a2.draws": bound([[0.0, 1.0]] * 3, key="a2.draws")}, cells=cells)
    assert run("a1.explained", seen).fraction == 1.0
    more = [*cells, code('check("a2")\ny = 2', 5)]
    assert run("a1.explained", evidence({}, cells=more)).fraction == 0.5


def test_public_folder_of_students_is_read_as_it_is(tmp_path: Path) -> None:
    """A bundle that was moved, with other files beside it, still is one."""
    write_public(tmp_path / "bundle", ("a", "c"))
    shutil.copytree(tmp_path / "bundle", tmp_path / "moved" / "Ada's folder")
    root = find_content(tmp_path / "moved" / "Ada's folder")
    assert {one.part.part for one in choices(root)} == {"a", "c"}
