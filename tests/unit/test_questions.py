"""The question analysis of classes whose marks are known: what counts, what waits, what failures resemble."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from question_runs import HALF, POINTS, SIGN, grade, known, mistake, rubric
from review_runs import class_run, refreshed
from scipy import stats

from autograder.questions import Questions, analyse, write_questions
from autograder.questions.mistakes import HELD, LIKE
from autograder.questions.records import ItemQuestion, MistakeGroup
from autograder.records import Grade
from autograder.refreshing import stored_grades, stored_rubric
from autograder.signatures import Signature

RNG = np.random.default_rng(5)


def item(found: Questions, name: str) -> ItemQuestion:
    (one,) = [item for part in found.parts for item in part.items if item.id == name]
    return one


def groups(grades: list[Grade], *mistakes: Signature, **about: object) -> tuple[MistakeGroup, ...]:
    signatures = known(*mistakes, **about)  # type: ignore[arg-type]
    return item(analyse(rubric(), grades, {"a": signatures}), "a1").mistakes


def random_class(n: int) -> tuple[list[Grade], dict[str, np.ndarray]]:
    """Return a class with random shares, and its marks: check to (n,)."""
    able = RNG.normal(size=n)
    checks = {check: worth for of_item in POINTS.values() for check, worth in of_item.items()}
    shares = {
        check: np.clip(0.5 + 0.3 * able + RNG.normal(scale=0.3, size=n), 0.05, 1).round(2) for check in checks
    }
    grades = [
        grade(f"s{who:03d}", shares={check: float(values[who]) for check, values in shares.items()})
        for who in range(n)
    ]
    return grades, {check: worth * shares[check] for check, worth in checks.items()}


# --------------------------------------------------------------------- numbers


def test_the_numbers_of_a_class_are_those_of_scipy() -> None:
    grades, marks = random_class(60)
    found = analyse(rubric(), grades, {})
    a1, a2 = marks["a1.density"] + marks["a1.plot"], marks["a2.rate"] + marks["a2.draws"]
    total = sum(marks.values())
    told = item(found, "a1")
    assert told.difficulty.value == pytest.approx((a1 / 6).mean())
    assert told.discrimination.value == pytest.approx(stats.pearsonr(a1, a2).statistic)
    assert told.mean_lost == pytest.approx((6 - a1).mean(), abs=1e-4)
    assert told.effect.mean_change == pytest.approx((100 * (total - a1) / 14 - 100 * total / 20).mean())
    tau = stats.kendalltau(total.round(9), (total - a1).round(9)).statistic  # ties are ties
    assert told.effect.kendall_tau == pytest.approx(tau)
    check = told.checks[0]
    assert check.discrimination.value == pytest.approx(stats.pearsonr(marks["a1.density"], a2).statistic)
    assert check.effect.mean_change == pytest.approx(
        (100 * (total - marks["a1.density"]) / 16 - 100 * total / 20).mean()
    )
    both = np.stack([a1, a2])
    alpha = 2 * (1 - both.var(axis=1, ddof=1).sum() / both.sum(axis=0).var(ddof=1))
    assert found.parts[0].reliability.value == pytest.approx(alpha)
    assert (found.parts[1].reliability.reason, item(found, "b1").discrimination.reason) == (
        "no_rest",
        "no_rest",
    )


def test_what_waits_for_a_person_counts_neither_for_nor_against() -> None:
    grades = [grade("ada", waiting=["b1.comment"]), grade("bo", {"b1.loss": "wrong"}, waiting=["b1.comment"])]
    told = item(analyse(rubric(), grades, {}), "b1")
    assert told.difficulty.value == 0.5
    assert (told.n_pending, told.mean_lost) == (2, 2.5)
    assert told.checks[1].difficulty.reason == "nobody"
    assert told.checks[1].effect.mean_change == 0.0
    assert told.checks[1].statuses == {"review": 2}
    assert told.effect.mean_change == pytest.approx(((100 - 100) + (100 - 100 * 12 / 17)) / 2)


def test_a_part_that_was_not_handed_in_says_nothing_of_its_questions_but_counts_in_totals() -> None:
    grades = [grade("ada"), grade("bo", ran="a"), grade("cy", {"b1.loss": "wrong"}), grade("dee", ran="")]
    found = analyse(rubric(), grades, {})
    assert [(part.n, part.n_absent) for part in found.parts] == [(3, 1), (2, 2)]
    told = item(found, "b1")
    assert told.difficulty.n == 2
    assert told.difficulty.value == pytest.approx((1 + 3 / 8) / 2)
    assert [(group.kind, group.submissions) for group in told.mistakes] == [("unlike", ("cy",))]
    assert (found.n_submissions, found.n_graded, told.effect.n) == (4, 3, 3)
    assert told.effect.largest_change == pytest.approx(100 - 60)  # bo, who has 12 of 20


def test_notebooks_that_earned_nothing_do_not_make_tasks_agree() -> None:
    nothing = dict.fromkeys([check for checks in POINTS.values() for check in checks], 0.0)
    grades, _ = random_class(20)
    told = analyse(rubric(), grades, {}).parts[0]
    more = analyse(rubric(), grades + [grade(f"blank{n}", shares=nothing) for n in range(5)], {}).parts[0]
    assert (told.n_nothing, more.n_nothing, more.n) == (0, 5, 25)
    assert more.reliability == told.reliability
    assert more.items[0].discrimination == told.items[0].discrimination
    assert more.items[0].difficulty.n == 25


def test_a_check_that_another_one_judged_is_not_counted() -> None:
    moved = {**POINTS, "a1": {"a1.density": 0.0, "a1.plot": 6.0}}
    grades = [grade("ada"), grade("bo"), grade("cy", points=moved)]
    density, plot = item(analyse(rubric(), grades, {}), "a1").checks
    assert (density.points, density.difficulty.n, density.statuses) == (4.0, 2, {"passed": 2})
    assert (plot.points, plot.difficulty.n) == (2.0, 3)


@pytest.mark.parametrize("grades", [[], [grade("dee", ran="")], [grade("ada")]])
def test_a_class_of_none_or_one_has_reasons_in_place_of_numbers(grades: list[Grade]) -> None:
    found = analyse(rubric(), grades, {"a": "there are none"})
    for part in found.parts:
        assert part.reliability.value is None
        for one in part.items:
            assert one.discrimination.value is None
            assert one.effect.n_pairs == 0
    assert found.parts[0].known_problem == "there are none"


# -------------------------------------------------------------------- mistakes


def test_a_failure_resembles_the_mistake_that_costs_the_same_checks_with_the_same_words() -> None:
    half, sign = mistake("half", {"a1.density": HALF}), mistake("sign", {"a1.density": SIGN})
    grades = [
        grade("ada", {"a1.density": HALF.replace("log_p", "my_density")}),
        grade("bo", {"a1.density": SIGN}),
        grade("cy", {"a1.density": HALF}),
        grade("dee"),
    ]
    first, second = groups(grades, half, sign)
    assert (first.kind, [one.id for one in first.mistakes], first.n) == ("like", ["half"], 2)
    assert (first.submissions, first.likeness) == (("ada", "cy"), (1.0, 1.0))
    assert [one.id for one in second.mistakes] == ["sign"]


def test_mistakes_that_nothing_tells_apart_are_shown_together() -> None:
    same = [mistake(name, {"a1.density": HALF}) for name in ("b", "a")]
    (group,) = groups([grade("ada", {"a1.density": HALF})], *same, mistake("other", {"a1.plot": "no plot"}))
    assert [one.id for one in group.mistakes] == ["a", "b"]


def test_an_unlike_failure_is_unlike() -> None:
    (group,) = groups(
        [grade("ada", {"a1.density": "Something else."})], mistake("plot", {"a1.plot": "No figure."})
    )
    assert (group.kind, group.mistakes, group.said[0].message) == ("unlike", (), "Something else.")


def test_a_failure_that_holds_a_whole_signature_and_more_says_so() -> None:
    more = f"{HALF} The first. The second. The third. The fourth."
    half = mistake("half", {"a1.density": HALF})
    (group,) = groups([grade("ada", {"a1.density": more})], half)
    assert (group.kind, [one.id for one in group.mistakes]) == ("holds", ["half"])
    assert HELD <= group.likeness[0] <= group.likeness[1] < LIKE
    (other,) = groups([grade("ada", {"a1.density": f"{more} The fifth. The sixth. The seventh."})], half)
    assert other.kind == "unlike"  # a tenth of it says nothing of the rest
    (nothing,) = groups([grade("ada", {"a1.density": more, "a1.plot": "No figure."})], half)
    assert nothing.kind == "all_lost"


def test_what_could_not_be_tried_is_told_from_what_is_wrong() -> None:
    text = "Cell 3 stopped with NameError."
    wrong, stopped = (
        mistake("wrong", {"a1.density": text}),
        mistake("gpu", {"a1.density": text}, outcome="blocked"),
    )
    (like,) = groups([grade("ada", blocked={"a1.density": text})], wrong, stopped)
    assert [one.id for one in like.mistakes] == ["gpu"]
    (unknown,) = groups([grade("ada", blocked={"a1.plot": "Cell 3 stopped with KeyError."})], wrong)
    assert unknown.kind == "blocked"
    everything = grade("bo", {"a1.density": "none", "a1.plot": "none"})
    assert groups([everything], wrong)[0].kind == "all_lost"


def test_checks_that_no_mistake_was_tried_on_are_left_out() -> None:
    half = mistake("half", {"a1.density": HALF})
    lost = {"a1.density": HALF, "a1.plot": "A long story. With parts. And more. And more still."}
    (group,) = groups([grade("ada", lost, shares={"a2.rate": 0.5})], half, checks=["a1.density"])
    assert (group.kind, group.likeness) == ("like", (1.0, 1.0))
    (apart,) = groups([grade("ada", {"a1.plot": "No figure."})], half, checks=["a1.density"])
    assert apart.kind == "uncovered"


def test_a_check_that_waits_hides_that_part_of_a_signature() -> None:
    waits = grade("ada", {"a1.density": HALF}, waiting=["a1.plot"], shares={"a2.rate": 0.5})
    (group,) = groups([waits], mistake("half", {"a1.density": HALF, "a1.plot": "No figure."}))
    assert (group.kind, group.likeness) == ("like", (1.0, 1.0))


def test_a_signature_of_which_too_little_can_be_seen_is_not_compared() -> None:
    long = "No figure. Not one. Not anywhere. None at all."
    seen, waits = grade("bo", {"a1.density": HALF}), grade("ada", {"a1.density": HALF}, waiting=["a1.plot"])
    signature = mistake("plot", {"a1.density": HALF, "a1.plot": long})
    assert [group.kind for group in groups([waits], signature)] == ["all_lost"]
    assert [group.kind for group in groups([seen], signature)] == ["unlike"]


def test_marks_that_a_person_gave_back_are_no_failure() -> None:
    assert groups([grade("ada", shares={"a1.density": 1.0})], mistake("half", {"a1.density": HALF})) == ()


def test_known_mistakes_say_where_they_come_from() -> None:
    unseen = mistake("unseen", {})
    signatures = known(mistake("half", {"a1.density": HALF}), unseen).model_copy(
        update={"rubric_sha256": "0"}
    )
    told = analyse(rubric(), [grade("ada")], {"a": signatures}).parts[0].known
    assert told is not None
    assert (told.n_mistakes, told.is_same_rubric, told.budget) == (1, False, "full")


# ----------------------------------------------------------------------- files


def test_a_run_holds_the_analysis_and_no_name_is_in_it(tmp_path: Path) -> None:
    run = class_run(tmp_path / "run")
    assert not run.questions.exists()
    refreshed(run)
    found = Questions.model_validate_json(run.questions.read_text(encoding="utf-8"))
    assert [item.id for item in found.parts[0].items] == ["a1", "a2"]
    assert 'href="questions.html"' in run.index.read_text(encoding="utf-8")
    for path in (run.questions, run.questions_page):
        assert "Lovelace" not in path.read_text(encoding="utf-8")
    for report in (run.path / "submissions").glob("*/report.html"):
        assert "questions.html" not in report.read_text(encoding="utf-8")


def test_a_course_that_is_not_here_costs_the_mistakes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = class_run(tmp_path / "run")
    (tmp_path / "empty" / "rubrics").mkdir(parents=True)
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(tmp_path / "empty"))
    found = write_questions(run, stored_rubric(run), stored_grades(run))
    assert found.parts[0].known is None
    assert "there is no assignment" in found.parts[0].known_problem
    assert "there is no assignment" in run.questions_page.read_text(encoding="utf-8")
