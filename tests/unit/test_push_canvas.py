"""Scores to Canvas: each arrives once, whatever breaks; nothing is sent that was not asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from push_runs import MATRICULATION, Pauses, actions, canvas_users, push_canvas, scored_run
from stand_ins.canvas import CanvasStandIn
from stand_ins.servers import Trouble

from autograder.errors import UsageError
from autograder.export.ledger import history

POINTS = (6.0, 4.5, 3.0)


@pytest.fixture
def canvas() -> Iterator[CanvasStandIn]:
    with CanvasStandIn(canvas_users(3)) as server:
        assert isinstance(server, CanvasStandIn)
        yield server


def scores(server: CanvasStandIn) -> dict[int, str]:
    return {user: f"{score:.2f}" for user, score in server.scores.items()}


ALL = {100: "6.00", 101: "4.50", 102: "3.00"}


def assert_each_once(server: CanvasStandIn) -> None:
    """Every student has the score, one comment with one report, and no score was set twice."""
    assert scores(server) == ALL
    assert [user for user, _ in server.grade_events] == sorted(server.users)
    for user, comments in server.comments.items():
        (comment,) = comments
        assert comment["comment"].startswith("Score ")
        (attached,) = comment["attachments"]
        name, content = server.files[attached["id"]]
        assert name == "report.html"
        assert str(float(server.scores[user])) in content.decode()


def test_a_rehearsal_changes_nothing_and_leaves_no_trace(canvas: CanvasStandIn, tmp_path: Path) -> None:
    run = scored_run(tmp_path / "run", POINTS)
    found = push_canvas(run, canvas, send=False)
    assert [one.value for one in found.plan.parcels] == ["6.00", "4.50", "3.00"]
    assert {one.method for one in canvas.asked} == {"GET"}
    assert history(run.gradebook) == []
    assert not found.needs_person


def test_scores_comments_and_reports_arrive_and_a_second_push_sends_nothing(
    canvas: CanvasStandIn, tmp_path: Path
) -> None:
    run = scored_run(tmp_path / "run", POINTS)
    found = push_canvas(run, canvas)
    assert [one.state for one in found.deliveries] == ["verified"] * 3
    assert not found.needs_person
    assert_each_once(canvas)
    assert actions(run) == ["sending", "sent", "verified"]
    n_asked, n_entries = len(canvas.asked), len(history(run.gradebook))
    again = push_canvas(run, canvas)
    assert (again.plan.parcels, again.deliveries) == ((), ())
    assert {one.method for one in canvas.asked[n_asked:]} == {"GET"}
    assert len(history(run.gradebook)) == n_entries
    assert not again.needs_person


def test_pages_of_a_long_list_are_all_read(tmp_path: Path) -> None:
    with CanvasStandIn(canvas_users(6), page=2) as server:
        run = scored_run(tmp_path / "run", (6, 5, 4, 3, 2, 1))
        found = push_canvas(run, server)
    assert [one.state for one in found.deliveries] == ["verified"] * 6


def test_a_regrade_sends_only_what_changed(canvas: CanvasStandIn, tmp_path: Path) -> None:
    push_canvas(scored_run(tmp_path / "run", POINTS), canvas)
    run = scored_run(tmp_path / "run", (6.0, 5.5, 3.0))
    found = push_canvas(run, canvas)
    assert [(one.parcel.student, one.parcel.value) for one in found.deliveries] == [
        (MATRICULATION[1], "5.50")
    ]
    assert canvas.grade_events[3:] == [(101, "5.50")]
    assert [len(one) for one in canvas.comments.values()] == [1, 2, 1]


def test_a_score_never_falls_unless_that_is_allowed(canvas: CanvasStandIn, tmp_path: Path) -> None:
    push_canvas(scored_run(tmp_path / "run", POINTS), canvas)
    run = scored_run(tmp_path / "run", (5.0, 4.5, 3.0))
    found = push_canvas(run, canvas)
    assert [one.kind for one in found.unsettled] == ["lower"]
    assert found.needs_person
    assert scores(canvas) == ALL
    assert not push_canvas(run, canvas, accepted=frozenset({"lower"})).needs_person
    assert scores(canvas) == ALL
    push_canvas(run, canvas, may_lower=True)
    assert scores(canvas) == ALL | {100: "5.00"}


@pytest.mark.parametrize("trouble", ["cut_before", "cut_after", "broken_before", "broken_after"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_after_a_broken_connection_each_score_is_there_once(
    canvas: CanvasStandIn, tmp_path: Path, trouble: Trouble, number: int
) -> None:
    canvas.faults = {number: trouble}
    run = scored_run(tmp_path / "run", POINTS)
    found = push_canvas(run, canvas)
    assert [one.state for one in found.deliveries] == ["verified"] * 3
    assert_each_once(canvas)
    assert canvas.n_writes == (4 if trouble.endswith("before") else 3)
    assert push_canvas(run, canvas).plan.parcels == ()


def test_a_server_that_never_answers_is_given_up_and_continued_later(
    canvas: CanvasStandIn, tmp_path: Path
) -> None:
    canvas.faults = dict.fromkeys((2, 3, 4), "cut_before")
    run = scored_run(tmp_path / "run", POINTS)
    found = push_canvas(run, canvas)
    assert [one.state for one in found.deliveries] == ["verified", "unknown", "verified"]
    assert found.needs_person
    assert actions(run, MATRICULATION[1]) == ["sending"] * 3
    again = push_canvas(run, canvas)
    assert [one.parcel.student for one in again.deliveries] == [MATRICULATION[1]]
    assert sorted(canvas.grade_events) == [(100, "6.00"), (101, "4.50"), (102, "3.00")]
    assert [len(one) for one in canvas.comments.values()] == [1, 1, 1]


@pytest.mark.parametrize(("trouble", "least"), [("busy", 0.05), ("busy_403", 2.0)])
def test_a_busy_server_is_waited_for(
    canvas: CanvasStandIn, tmp_path: Path, trouble: Trouble, least: float
) -> None:
    canvas.faults = {1: trouble, 2: trouble}
    pauses = Pauses()
    found = push_canvas(scored_run(tmp_path / "run", POINTS), canvas, pause=pauses)
    assert [one.state for one in found.deliveries] == ["verified"] * 3
    assert_each_once(canvas)
    assert pauses.seconds[0] == least


def test_a_server_that_stays_busy_ends_the_push_and_the_rest_is_not_tried(
    canvas: CanvasStandIn, tmp_path: Path
) -> None:
    canvas.faults = dict.fromkeys(range(2, 200), "busy_403")
    run = scored_run(tmp_path / "run", POINTS)
    found = push_canvas(run, canvas)
    assert "no more requests" in found.stopped
    assert [one.state for one in found.deliveries] == ["sent", "unknown", "not_tried"]
    assert found.needs_person
    canvas.faults = {}
    push_canvas(run, canvas)
    assert_each_once(canvas)


def test_requests_slow_down_before_the_limit_is_reached(canvas: CanvasStandIn, tmp_path: Path) -> None:
    canvas.remaining = 20.0
    pauses = Pauses()
    push_canvas(scored_run(tmp_path / "run", POINTS), canvas, pause=pauses)
    assert set(pauses.seconds) == {4.0}
    canvas.remaining = 700.0
    pauses = Pauses()
    push_canvas(scored_run(tmp_path / "run", POINTS), canvas, pause=pauses)
    assert pauses.seconds == []


def test_a_refusal_fails_one_student_and_no_other(canvas: CanvasStandIn, tmp_path: Path) -> None:
    canvas.refuses = {101}
    run = scored_run(tmp_path / "run", POINTS)
    found = push_canvas(run, canvas)
    assert [one.state for one in found.deliveries] == ["verified", "failed", "verified"]
    assert "the grading period is closed" in found.deliveries[1].detail
    assert actions(run, MATRICULATION[1]) == ["sending", "failed"]
    canvas.refuses = set()
    push_canvas(run, canvas)
    assert scores(canvas) == ALL
    assert [len(one) for one in canvas.comments.values()] == [1, 1, 1]


def test_a_score_that_canvas_says_it_took_and_did_not_is_found_out(
    canvas: CanvasStandIn, tmp_path: Path
) -> None:
    canvas.ignores = {102}
    run = scored_run(tmp_path / "run", POINTS)
    found = push_canvas(run, canvas)
    assert [one.state for one in found.deliveries] == ["verified", "verified", "failed"]
    assert actions(run, MATRICULATION[2]) == ["sending", "sent", "failed"]
    canvas.ignores = set()
    again = push_canvas(run, canvas)
    assert [one.parcel.comment for one in again.deliveries] == [""]  # the comment had arrived
    assert scores(canvas) == ALL


def test_pending_missing_and_unknown_students_are_told_and_never_sent_as_zero(
    canvas: CanvasStandIn, tmp_path: Path
) -> None:
    del canvas.users[102]
    canvas.users[150] = {"name": "Zoe", "sis_user_id": "99"}
    canvas.comments[150] = []
    run = scored_run(tmp_path / "run", POINTS, pending=(1,))
    found = push_canvas(run, canvas)
    assert {one.kind: one.student or one.row for one in found.unsettled} == {
        "pending": MATRICULATION[1],
        "unknown": MATRICULATION[2],
        "missing": "150",
    }
    assert (found.is_refused, found.needs_person, canvas.n_writes) == (True, True, 0)
    assert not push_canvas(run, canvas, accepted=frozenset({"pending", "unknown", "missing"})).needs_person
    assert scores(canvas) == {100: "6.00"}
    partial = push_canvas(run, canvas, partial=True, accepted=frozenset({"unknown", "missing"}))
    assert [one.parcel.value for one in partial.deliveries] == ["2.00"]
    assert "2 of 6 so far, 4 pending" in canvas.comments[101][0]["comment"]


def test_excused_students_are_excused_and_withheld_ones_left_alone(
    canvas: CanvasStandIn, tmp_path: Path
) -> None:
    about = {1: {"state": "excused", "score": None, "note": "ill"}, 2: {"state": "withheld", "score": None}}
    found = push_canvas(scored_run(tmp_path / "run", POINTS, people=about), canvas)
    assert canvas.excused == {101}
    assert scores(canvas) == {100: "6.00"}
    assert canvas.comments[101] == canvas.comments[102] == []
    assert not found.needs_person


def test_a_score_that_a_person_changed_at_canvas_is_not_undone(canvas: CanvasStandIn, tmp_path: Path) -> None:
    run = scored_run(tmp_path / "run", POINTS)
    push_canvas(run, canvas)
    canvas.scores[102] = Decimal(2)
    found = push_canvas(run, canvas)
    assert [(one.kind, one.student) for one in found.unsettled] == [("locked", MATRICULATION[2])]
    assert "somebody made it 2.00" in found.unsettled[0].why
    assert canvas.scores[102] == 2
    push_canvas(run, canvas, overwrite=True)
    assert canvas.scores[102] == 3
    assert len(canvas.comments[102]) == 1


def test_a_comment_that_a_person_removed_stays_away(canvas: CanvasStandIn, tmp_path: Path) -> None:
    run = scored_run(tmp_path / "run", POINTS)
    push_canvas(run, canvas)
    canvas.comments[100] = []
    assert push_canvas(run, canvas).plan.parcels == ()


def test_a_lost_ledger_sends_nothing_twice(canvas: CanvasStandIn, tmp_path: Path) -> None:
    run = scored_run(tmp_path / "run", POINTS)
    push_canvas(run, canvas)
    run.gradebook.unlink()
    run = scored_run(tmp_path / "run", POINTS)
    found = push_canvas(run, canvas)
    assert found.plan.parcels == ()
    assert_each_once(canvas)
    assert actions(run) == ["verified"]


def test_items_go_into_the_rubric_where_every_row_fits(canvas: CanvasStandIn, tmp_path: Path) -> None:
    canvas.assignment["rubric"] = [
        {"id": "_1", "description": "A2 Task", "points": 3.0},
        {"id": "_2", "description": "a1: the task", "points": 3.0},
    ]
    canvas.assignment["use_rubric_for_grading"] = True
    run = scored_run(tmp_path / "run", POINTS)
    found = push_canvas(run, canvas)
    assert not found.needs_person
    assert {
        user: {key: row["points"] for key, row in rows.items()} for user, rows in canvas.rubrics.items()
    } == {
        100: {"_2": 3.0, "_1": 3.0},
        101: {"_2": 3.0, "_1": 1.5},
        102: {"_2": 3.0, "_1": 0.0},
    }
    assert push_canvas(run, canvas).plan.parcels == ()


def test_thirds_of_a_mark_are_the_same_in_score_comment_and_rubric(
    canvas: CanvasStandIn, tmp_path: Path
) -> None:
    """5.3333 marks are 5.33 at the LMS; where the rubric decides, its rows have to add up to that."""
    canvas.assignment["rubric"] = [
        {"id": "_1", "description": "a1", "points": 3.0},
        {"id": "_2", "description": "a2", "points": 3.0},
    ]
    canvas.assignment["use_rubric_for_grading"] = True
    run = scored_run(tmp_path / "run", [16 / 3, *POINTS[1:]])
    push_canvas(run, canvas)
    assert canvas.scores[100] == Decimal("5.33")
    assert [row["points"] for row in canvas.rubrics[100].values()] == [3.0, 2.33]
    assert canvas.comments[100][0]["comment"].startswith("Score 5.33 of 6")


def test_points_of_a_rubric_that_did_not_arrive_are_found_out(canvas: CanvasStandIn, tmp_path: Path) -> None:
    canvas.assignment["rubric"] = [
        {"id": f"_{number}", "description": f"a{number}", "points": 3.0} for number in (1, 2)
    ]
    canvas.after_write = lambda number: canvas.rubrics.pop(100, None)
    run = scored_run(tmp_path / "run", POINTS)
    found = push_canvas(run, canvas)
    assert [one.state for one in found.deliveries] == ["failed", "verified", "verified"]
    assert "does not have the rubric" in found.deliveries[0].detail
    assert actions(run) == ["sending", "sent", "verified"]
    canvas.after_write = lambda number: None
    again = push_canvas(run, canvas)
    assert [(one.parcel.value, len(one.parcel.rubric)) for one in again.deliveries] == [("", 2)]
    assert [len(comments) for comments in canvas.comments.values()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([("_1", "a1", 3.0), ("_2", "Task two", 3.0)], "no row of it is called like item a2"),
        ([("_1", "a1", 3.0), ("_2", "a2", 4.0)], "has 4 points, item a2 has 3"),
        (
            [("_1", "a1", 3.0), ("_2", "a2", 3.0), ("_3", "Style", 1.0)],
            "it has rows that are no items of ours",
        ),
        ([("_1", "a1", 3.0), ("_2", "a2", 3.0), ("_3", "a2 again", 3.0)], "2 rows of it"),
    ],
)
def test_a_rubric_that_does_not_fit_is_left_alone_and_said(
    canvas: CanvasStandIn, tmp_path: Path, rows: list[tuple[str, str, float]], why: str
) -> None:
    canvas.assignment["rubric"] = [{"id": row[0], "description": row[1], "points": row[2]} for row in rows]
    found = push_canvas(scored_run(tmp_path / "run", POINTS), canvas)
    assert any(why in note for note in found.plan.notes), found.plan.notes
    assert canvas.rubrics == {}
    assert scores(canvas) == ALL


def test_a_row_of_the_rubric_can_be_named(canvas: CanvasStandIn, tmp_path: Path) -> None:
    rows = [("_1", "a1", 3.0), ("_2", "Task two", 3.0)]
    canvas.assignment["rubric"] = [{"id": row[0], "description": row[1], "points": row[2]} for row in rows]
    run = scored_run(tmp_path / "run", POINTS)
    push_canvas(run, canvas, criteria={"a2": "_2"})
    assert canvas.rubrics[101]["_2"]["points"] == 1.5
    with pytest.raises(UsageError, match="no row '_9'"):
        push_canvas(run, canvas, criteria={"a2": "_9"})


LATE = {
    1: {"state": "graded", "score": 3.5, "deducted": 1.0, "late": {"late_seconds": 90000, "deducted": 1.0}}
}


def test_nobody_is_punished_twice_for_being_late(canvas: CanvasStandIn, tmp_path: Path) -> None:
    canvas.late_policy = {"late_submission_deduction_enabled": True}
    canvas.late_points = {101: Decimal(1)}
    run = scored_run(tmp_path / "run", POINTS, people=LATE)
    with pytest.raises(UsageError, match="punished twice"):
        push_canvas(run, canvas)
    found = push_canvas(run, canvas, clears_late=True)
    assert canvas.statuses == {101: "none"}
    assert scores(canvas) == ALL | {101: "3.50"}
    assert not found.needs_person


def test_a_rubric_that_decides_the_score_is_not_sent_where_a_late_rule_took_points(
    canvas: CanvasStandIn, tmp_path: Path
) -> None:
    canvas.assignment["rubric"] = [
        {"id": f"_{number}", "description": f"a{number}", "points": 3.0} for number in (1, 2)
    ]
    canvas.assignment["use_rubric_for_grading"] = True
    found = push_canvas(scored_run(tmp_path / "run", POINTS, people=LATE), canvas)
    assert scores(canvas) == ALL | {101: "3.50"}
    assert set(canvas.rubrics) == {100, 102}
    assert any("the sum of its rubric" in note or "sum of its rubric" in note for note in found.plan.notes)


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"points_possible": 10.0}, "has 10 points, the rubric 6"),
        ({"grading_type": "pass_fail"}, "pass fail"),
        ({"published": False}, "not published"),
        ({"anonymize_students": True}, "anonymously"),
    ],
)
def test_an_assignment_that_takes_no_scores_of_ours_is_refused(
    canvas: CanvasStandIn, tmp_path: Path, about: dict[str, object], why: str
) -> None:
    canvas.assignment |= about
    with pytest.raises(UsageError, match=why):
        push_canvas(scored_run(tmp_path / "run", POINTS), canvas)
    assert canvas.n_writes == 0


def test_a_student_to_whom_the_assignment_is_not_given_is_held_back(
    canvas: CanvasStandIn, tmp_path: Path
) -> None:
    canvas.not_given = {101}
    found = push_canvas(scored_run(tmp_path / "run", POINTS), canvas)
    assert [(one.kind, one.student) for one in found.unsettled] == [("locked", MATRICULATION[1])]
    push_canvas(scored_run(tmp_path / "run", POINTS), canvas, waived={MATRICULATION[1]: "left the course"})
    assert scores(canvas) == {100: "6.00", 102: "3.00"}


@pytest.mark.parametrize("moves", [False, True])
def test_the_server_for_files_gets_no_token(canvas: CanvasStandIn, tmp_path: Path, moves: bool) -> None:
    canvas.moves_uploads = moves
    push_canvas(scored_run(tmp_path / "run", POINTS), canvas)
    assert_each_once(canvas)
    uploads = [one for one in canvas.asked if one.path == "/upload"]
    assert len(uploads) == 3
    for one in uploads:
        assert "Authorization" not in one.headers
        assert one.port != int(canvas.url.rpartition(":")[2])


def test_a_report_that_is_uploaded_a_second_time_is_whole(canvas: CanvasStandIn, tmp_path: Path) -> None:
    canvas.busy_uploads = 2
    push_canvas(scored_run(tmp_path / "run", POINTS), canvas)
    assert_each_once(canvas)


def test_a_submission_of_which_nobody_knows_whose_it_is_goes_to_nobody(
    canvas: CanvasStandIn, tmp_path: Path
) -> None:
    run = scored_run(tmp_path / "run", POINTS)
    results = json.loads(run.results.read_text(encoding="utf-8"))
    results["submissions"][1] |= {"students": [], "owner_problem": "two ids in the name"}
    run.results.write_text(json.dumps(results), encoding="utf-8")
    found = push_canvas(run, canvas, waived={"nobody": "a slip"})
    assert {one.kind for one in found.unsettled} == {"ambiguous", "missing"}
    assert "A waiver fits nobody: nobody." in found.plan.notes
    assert canvas.n_writes == 0
