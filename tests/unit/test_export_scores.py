"""What a run says of each student: states are never numbers, numbers are exact, comments are safe."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_runs import grade_of, rubric_of

from autograder.export.comments import CUT, as_html, normalised
from autograder.export.decimals import in_cents, two_places
from autograder.export.scores import Person, State, exact, id_conflicts, scores_of
from autograder.records import Grade, Submission
from autograder.review.marks import with_marks
from autograder.review.store import Entry, Mark, Place, Standing

MAXIMUM = Decimal(6)


def marked(grade: Grade, points: float, comment: str = "") -> Grade:
    """Return a grade whose written answers were all marked by a person."""
    given_marks = {}
    for number, item in enumerate(grade.items):
        check = item.checks[1]
        place = Place(grade.submission.id, check.id)
        entry = Entry(number, "now", "eva", place, Mark("review", points, comment=comment))
        given_marks[place] = Standing(number, entry)
    return with_marks(grade, given_marks)


def test_a_final_grade_has_a_score_and_a_pending_one_has_none() -> None:
    rubric = rubric_of()
    final, waiting = marked(grade_of(rubric, "ada"), 1.5), grade_of(rubric, "bo")
    people = [Person(key="1", submission="ada"), Person(key="2", submission="bo")]
    one, two = scores_of([final, waiting], people, MAXIMUM)
    assert (one.state, one.score, one.so_far) == (State.GRADED, Decimal(5), None)
    assert (two.state, two.score, two.so_far, two.pending) == (State.PENDING, None, Decimal(2), Decimal(4))
    assert "2 marks to give" in two.reason
    assert "Score 2 of 6 so far, 4 pending" in two.comment


def test_states_are_never_numbers() -> None:
    rubric = rubric_of()
    failed = with_marks(
        grade_of(rubric, "cy").model_copy(
            update={
                "submission": Submission(id="cy", students=("cy",), problem="it is a PDF"),
                "executions": {},
                "items": tuple(
                    item.model_copy(update={"checks": item.checks[:0]})
                    for item in grade_of(rubric, "cy").items
                ),
            }
        ),
        {},
    )
    people = [
        Person(key="1"),
        Person(key="2", submission="ada", standing=State.EXCUSED, reason="ill"),
        Person(key="3", submission="ada", standing=State.WITHHELD),
        Person(key="4", submission="cy"),
    ]
    found = scores_of([marked(grade_of(rubric, "ada"), 2), failed], people, MAXIMUM)
    assert [one.state for one in found] == [State.MISSING, State.EXCUSED, State.WITHHELD, State.FAILED]
    assert all(one.score is None and one.so_far is None and one.comment == "" for one in found)
    assert [one.reason for one in found] == ["nothing was handed in", "ill", "", "it is a PDF"]


def test_the_late_rule_is_a_line_and_is_taken_off_once() -> None:
    grade = marked(grade_of(rubric_of(), "ada"), 2)
    people = [
        Person(key="1", submission="ada", deduction=Decimal("1.25"), late="1 day, 1.25 points off"),
        Person(key="2", submission="ada", deduction=Decimal(99), late="30 days"),
    ]
    one, two = scores_of([grade], people, MAXIMUM)
    assert (one.raw, one.deduction, one.score) == (Decimal(6), Decimal("1.25"), Decimal("4.75"))
    assert "Score 4.75 of 6: see the report.\nLate: 1 day, 1.25 points off\na1: 3 of 3" in one.comment
    assert two.score == 0
    assert one.group == two.group == ("1", "2")


def test_comments_of_people_stand_with_their_item() -> None:
    grade = marked(grade_of(rubric_of(), "ada"), 2, "Good.")
    (found,) = scores_of([grade], [Person(key="1", submission="ada")], MAXIMUM)
    assert found.items[0].comment == "Good."
    assert "a1: 3 of 3\nGood." in found.comment


def test_ids_that_several_have_are_found() -> None:
    people = [
        Person(key="1", ids={"login": "sam", "canvas": "5"}),
        Person(key="2", ids={"login": "sam ", "sis": "5"}),
        Person(key=" ", ids={"login": ""}),
    ]
    found = {(one.kind, one.id): one.keys for one in id_conflicts(scores_of([], people, MAXIMUM))}
    assert found == {("login", "sam"): ("1", "2"), ("key", ""): (" ",)}


@given(st.integers(0, 10_000_000))
def test_marks_of_four_places_are_exact(ten_thousandths: int) -> None:
    assert exact(ten_thousandths / 10_000) == Decimal(ten_thousandths).scaleb(-4)


@given(st.lists(st.decimals(0, 60, places=4), max_size=8))
def test_points_of_items_in_cents_add_up_to_the_score_of_the_lms(points: list[Decimal]) -> None:
    rounded = in_cents(points)
    assert sum(rounded, Decimal(0)) == Decimal(two_places(sum(points, Decimal(0))))
    assert all(abs(one - other) < Decimal("0.01") for one, other in zip(rounded, points, strict=True))
    assert in_cents(rounded) == rounded


@pytest.mark.parametrize("number", [0.1 + 0.2, 1e-5, 100.0, 1e6])
def test_marks_are_written_without_an_exponent(number: float) -> None:
    assert "E" not in str(exact(number))


@given(st.text())
def test_normalised_text_stays_as_it_is(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once
    assert "\r" not in once
    assert "\x00" not in once
    once.encode()  # no lone surrogate is left


def test_a_long_comment_is_cut_and_says_so() -> None:
    cut = normalised("word " * 2000)
    assert len(cut) <= 4000
    assert cut.endswith(CUT)


@given(st.text())
def test_html_of_a_comment_holds_no_backslash_and_no_foreign_tag(text: str) -> None:
    html = as_html(text)
    assert "\\" not in html
    assert "<" not in html.replace("<br>", "")
