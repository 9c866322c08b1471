"""Scores to Moodle: its silent losses are foreseen or found out, and each score arrives once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from push_runs import MATRICULATION, actions, moodle_users, push_moodle, scored_run
from stand_ins.moodle import MoodleStandIn
from stand_ins.servers import Trouble

from autograder.errors import UsageError
from autograder.export.ledger import history
from autograder.push.sessions import Stopped

POINTS = (6.0, 4.5, 3.0)
ALL = {200: Decimal("6.00"), 201: Decimal("4.50"), 202: Decimal("3.00")}


@pytest.fixture
def moodle() -> Iterator[MoodleStandIn]:
    with MoodleStandIn(moodle_users(3)) as server:
        assert isinstance(server, MoodleStandIn)
        yield server


def assert_each_once(server: MoodleStandIn) -> None:
    assert server.grades == ALL
    assert [user for user, _ in server.grade_events] == sorted(server.users)
    for user, grade in ALL.items():
        assert server.comments[user].startswith("Score ")
        assert list(server.feedback_files[user]) == ["report.html"]
        assert str(float(grade)) in server.feedback_files[user]["report.html"].decode()


def test_a_rehearsal_sends_nothing(moodle: MoodleStandIn, tmp_path: Path) -> None:
    run = scored_run(tmp_path / "run", POINTS)
    found = push_moodle(run, moodle, send=False)
    assert len(found.plan.parcels) == 3
    assert (moodle.n_writes, moodle.drafts, history(run.gradebook)) == (0, {}, [])


def test_grades_comments_and_reports_arrive_and_a_second_push_sends_nothing(
    moodle: MoodleStandIn, tmp_path: Path
) -> None:
    run = scored_run(tmp_path / "run", POINTS)
    found = push_moodle(run, moodle)
    assert [one.state for one in found.deliveries] == ["verified"] * 3
    assert not found.needs_person
    assert_each_once(moodle)
    assert actions(run) == ["sending", "sent", "verified"]
    again = push_moodle(run, moodle)
    assert again.plan.parcels == ()
    assert moodle.n_writes == 3
    assert moodle.query_tokens == []


def test_comments_are_html_that_shows_the_text(moodle: MoodleStandIn, tmp_path: Path) -> None:
    push_moodle(scored_run(tmp_path / "run", POINTS), moodle)
    assert moodle.comments[200].startswith("Score 6 of 6: see the report.<br>a1: 3 of 3<br>")


@pytest.mark.parametrize("trouble", ["cut_before", "cut_after", "broken_before", "broken_after", "busy"])
@pytest.mark.parametrize("number", [1, 3])
def test_after_trouble_each_grade_is_there_once(
    moodle: MoodleStandIn, tmp_path: Path, trouble: Trouble, number: int
) -> None:
    moodle.faults = {number: trouble}
    run = scored_run(tmp_path / "run", POINTS)
    found = push_moodle(run, moodle)
    assert [one.state for one in found.deliveries] == ["verified"] * 3
    assert_each_once(moodle)
    assert push_moodle(run, moodle).plan.parcels == ()


@pytest.mark.parametrize("kind", ["locked", "overridden"])
def test_a_locked_or_overridden_grade_is_held_back(moodle: MoodleStandIn, tmp_path: Path, kind: str) -> None:
    getattr(moodle, kind).add(201)
    run = scored_run(tmp_path / "run", POINTS)
    found = push_moodle(run, moodle)
    assert [(one.kind, one.student) for one in found.unsettled] == [("locked", MATRICULATION[1])]
    assert kind in found.unsettled[0].why
    push_moodle(run, moodle, accepted=frozenset({"locked"}))
    assert sorted(moodle.grades) == sorted(moodle.comments) == [200, 202]


@pytest.mark.parametrize("kind", ["locked", "overridden"])
def test_where_moodle_does_not_tell_of_locks_the_loss_is_found_out(
    moodle: MoodleStandIn, tmp_path: Path, kind: str
) -> None:
    getattr(moodle, kind).add(201)
    moodle.functions.remove("gradereport_user_get_grade_items")
    run = scored_run(tmp_path / "run", POINTS)
    found = push_moodle(run, moodle)
    assert [one.state for one in found.deliveries] == ["verified", "failed", "verified"]
    assert found.needs_person
    assert actions(run, MATRICULATION[1]) == ["sending", "sent", "failed"]


def test_a_student_whom_moodle_ignores_in_silence_is_not_called_verified(
    moodle: MoodleStandIn, tmp_path: Path
) -> None:
    run = scored_run(tmp_path / "run", POINTS)
    moodle.after_write = lambda number: moodle.users.pop(202, None)  # unenrolled while we send
    found = push_moodle(run, moodle)
    assert [one.state for one in found.deliveries] == ["verified", "verified", "sent"]
    assert found.needs_person


def test_a_member_of_a_team_whom_get_grades_leaves_out_is_read_back(
    moodle: MoodleStandIn, tmp_path: Path
) -> None:
    moodle.assignment["teamsubmission"] = 1
    moodle.without_submission = {200, 201}
    run = scored_run(tmp_path / "run", POINTS)
    found = push_moodle(run, moodle)
    assert [one.state for one in found.deliveries] == ["verified"] * 3
    assert push_moodle(run, moodle).plan.parcels == ()
    calls = [one.form for one in moodle.asked if moodle.is_write(one)]
    assert {call["applytoall"][0] for call in calls} == {"0"}


def test_minus_one_is_never_sent_and_no_score_is_lowered(moodle: MoodleStandIn, tmp_path: Path) -> None:
    push_moodle(scored_run(tmp_path / "run", POINTS), moodle)
    run = scored_run(tmp_path / "run", (2.0, 4.5, 3.0), pending=(2,))
    found = push_moodle(run, moodle)
    assert {one.kind for one in found.unsettled} == {"lower", "pending"}
    assert moodle.grades == ALL
    assert all(Decimal(value) >= 0 for _, value in moodle.grade_events)


def test_excused_students_are_told_since_moodle_has_no_word_for_them(
    moodle: MoodleStandIn, tmp_path: Path
) -> None:
    run = scored_run(tmp_path / "run", POINTS, people={0: {"state": "excused", "score": None, "note": "ill"}})
    found = push_moodle(run, moodle)
    excused = next(one for one in found.plan.outcomes if one.student == MATRICULATION[0])
    assert (excused.kind, 200 in moodle.grades) == ("excused", False)
    assert "excuse them at the LMS" in excused.why


def test_a_comment_of_a_person_is_neither_wiped_nor_replaced_unasked(
    moodle: MoodleStandIn, tmp_path: Path
) -> None:
    moodle.comments[201] = "<p>Come and see me.</p>"
    run = scored_run(tmp_path / "run", POINTS)
    found = push_moodle(run, moodle)
    assert [(one.kind, one.student) for one in found.unsettled] == [("locked", MATRICULATION[1])]
    assert moodle.comments[201] == "<p>Come and see me.</p>"
    push_moodle(run, moodle, comments=False)
    assert (moodle.grades[201], moodle.comments[201]) == (Decimal("4.50"), "<p>Come and see me.</p>")
    push_moodle(run, moodle, overwrite=True)
    assert moodle.comments[201].startswith("Score 4.5 of 6")


def test_feedback_files_of_a_person_stay(moodle: MoodleStandIn, tmp_path: Path) -> None:
    moodle.feedback_files[201] = {"annotated.pdf": b"%PDF"}
    moodle.comments[201] = "Score 1 of 6<br>(autograder:000000000000)"
    found = push_moodle(scored_run(tmp_path / "run", POINTS), moodle)
    assert list(moodle.feedback_files[201]) == ["annotated.pdf"]
    assert any("annotated.pdf" in note for note in found.plan.notes)
    assert moodle.grades == ALL


def test_a_report_that_did_not_arrive_is_found_out(moodle: MoodleStandIn, tmp_path: Path) -> None:
    moodle.after_write = lambda number: moodle.feedback_files.pop(200, None)
    run = scored_run(tmp_path / "run", POINTS)
    found = push_moodle(run, moodle)
    assert [one.state for one in found.deliveries] == ["failed", "verified", "verified"]
    moodle.after_write = lambda number: None
    again = push_moodle(run, moodle)
    assert [[line.what for line in one.parcel.lines()] for one in again.deliveries] == [["report"]]
    assert list(moodle.feedback_files[200]) == ["report.html"]
    assert moodle.comments[200].startswith("Score 6 of 6")


def test_an_assignment_without_comments_and_files_gets_grades_alone(
    moodle: MoodleStandIn, tmp_path: Path
) -> None:
    moodle.assignment["configs"] = []
    run = scored_run(tmp_path / "run", POINTS)
    found = push_moodle(run, moodle)
    assert (moodle.grades, moodle.comments, moodle.drafts) == (ALL, {}, {})
    assert len([note for note in found.plan.notes if " are off " in note]) == 2
    assert push_moodle(run, moodle).plan.parcels == ()


def test_a_marking_workflow_needs_a_state_and_gets_it(moodle: MoodleStandIn, tmp_path: Path) -> None:
    moodle.assignment["markingworkflow"] = 1
    run = scored_run(tmp_path / "run", POINTS)
    with pytest.raises(UsageError, match="--workflow"):
        push_moodle(run, moodle)
    found = push_moodle(run, moodle, workflow="readyforrelease")
    assert set(moodle.states.values()) == {"readyforrelease"}
    assert [one.state for one in found.deliveries] == [
        "sent"
    ] * 3  # comments are not shown before the release
    assert push_moodle(run, moodle, workflow="readyforrelease").plan.parcels == ()


LEVELS = [{"id": 10 + number, "score": number * 0.5, "definition": str(number)} for number in range(7)]


def test_a_rubric_is_filled_by_levels_of_the_same_points(moodle: MoodleStandIn, tmp_path: Path) -> None:
    second = [one | {"id": one["id"] + 100} for one in LEVELS]
    moodle.rubric = [
        {"id": 1, "description": "<p>a1: first</p>", "levels": LEVELS},
        {"id": 2, "description": "a2", "levels": second},
    ]
    run = scored_run(tmp_path / "run", POINTS)
    found = push_moodle(run, moodle)
    assert [one.state for one in found.deliveries] == ["verified"] * 3
    assert moodle.fillings[201] == {"1": "16", "2": "113"}
    assert_each_once(moodle)
    assert push_moodle(run, moodle).plan.parcels == ()


def test_a_rubric_without_such_a_level_holds_the_student_back(moodle: MoodleStandIn, tmp_path: Path) -> None:
    coarse = [one for one in LEVELS if one["score"] in (0, 3)]
    moodle.rubric = [
        {"id": 1, "description": "a1", "levels": coarse},
        {"id": 2, "description": "a2", "levels": [one | {"id": one["id"] + 100} for one in coarse]},
    ]
    run = scored_run(tmp_path / "run", POINTS)
    found = push_moodle(run, moodle)
    assert [(one.kind, one.student) for one in found.unsettled] == [("locked", MATRICULATION[1])]
    push_moodle(run, moodle, accepted=frozenset({"locked"}))
    assert "no level of 1.5 points" in found.unsettled[0].why
    assert sorted(moodle.grades) == [200, 202]


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"grade": 10}, "has 10 points, the rubric 6"),
        ({"grade": -3}, "scale"),
        ({"blindmarking": 1}, "marked blind"),
        ({"cmid": 99}, "it has: 99"),
    ],
)
def test_an_assignment_that_takes_no_scores_of_ours_is_refused(
    moodle: MoodleStandIn, tmp_path: Path, about: dict[str, int], why: str
) -> None:
    moodle.assignment |= about
    with pytest.raises(UsageError, match=why):
        push_moodle(scored_run(tmp_path / "run", POINTS), moodle)


def test_a_service_that_lacks_functions_is_told_which(moodle: MoodleStandIn, tmp_path: Path) -> None:
    moodle.functions -= {"mod_assign_get_grades", "mod_assign_save_grades"}
    with pytest.raises(UsageError, match="mod_assign_get_grades, mod_assign_save_grades"):
        push_moodle(scored_run(tmp_path / "run", POINTS), moodle)


def test_an_error_comes_with_status_200_and_is_an_error(moodle: MoodleStandIn, tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="invalidtoken") as caught:
        push_moodle(scored_run(tmp_path / "run", POINTS), moodle, token="a-planted-wrong-token")
    assert "a-planted-wrong-token" not in str(caught.value)
