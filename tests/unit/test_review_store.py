"""Reviews and overrides: added, never changed; nobody overwrites anybody; scoring takes them in and never loses them."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import review_runs as runs
from review_runs import refreshed

import reports
from autograder import gradebook
from autograder.records import Grade, Status
from autograder.review import store
from autograder.review.marks import basis_of, changed_since, lost_places, with_marks
from autograder.review.pace import seconds_each
from autograder.review.standing import standing_of
from autograder.review.store import Entry, Mark, NothingToUndo, Place, Stale
from autograder.store import RunDirectory, read_json, write_record

ADA = Place("ada", "a1.comment")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "gradebook.db"


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return runs.class_run(tmp_path / "run")


def give(book: Path, points: float | None, place: Place = ADA, author: str = "Mia", **about: object) -> int:
    """Give a mark on what holds now; return the new version."""
    version = store.standing_of(book, place).version
    return store.add(book, place, author, Mark("review", points, **about), version).version  # type: ignore[arg-type]


def points_at(book: Path, place: Place = ADA) -> float | None:
    entry = store.standing_of(book, place).entry
    return entry.mark.points if entry else None


# ----------------------------------------------------------------------- records


def test_the_last_mark_holds_and_all_are_kept(book: Path) -> None:
    give(book, 1.0, comment="good")
    give(book, 1.5, comment="better", author="Ben", criteria=("Names the reason.",))
    standing = store.standing_of(book, ADA)
    assert standing.entry is not None
    assert (standing.entry.author, standing.entry.mark.points) == ("Ben", 1.5)
    assert standing.entry.mark.criteria == ("Names the reason.",)
    assert [entry.mark.comment for entry in store.history(book, "ada")] == ["good", "better"]
    assert store.history(book, "bo") == []


@pytest.mark.parametrize("command", ["UPDATE reviews SET points = 9", "DELETE FROM reviews"])
def test_records_cannot_be_changed_or_removed(book: Path, command: str) -> None:
    give(book, 1.0)
    with closing(sqlite3.connect(book)) as connection, pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute(command)
    assert points_at(book) == 1.0


@pytest.mark.parametrize("points", [-0.5, float("nan"), float("inf")])
def test_points_are_numbers_of_zero_or_more(book: Path, points: float) -> None:
    with pytest.raises(ValueError, match="points"):
        store.add(book, ADA, "Mia", Mark("review", points), 0)


def test_an_override_needs_a_reason(book: Path) -> None:
    with pytest.raises(ValueError, match="reason"):
        store.add(book, ADA, "Mia", Mark("override", 1.0, reason="  "), 0)
    assert store.add(book, ADA, "Mia", Mark("override", 1.0, reason="misread"), 0).version == 1


def test_who_saw_an_older_mark_writes_nothing(book: Path) -> None:
    seen = give(book, 1.0)
    give(book, 2.0, author="Ben")
    with pytest.raises(Stale) as stale:
        store.add(book, ADA, "Mia", Mark("review", 0.0), seen)
    assert stale.value.standing.entry is not None
    assert (stale.value.standing.entry.author, points_at(book)) == ("Ben", 2.0)
    assert "Ben" in str(stale.value)
    assert store.add(book, ADA, "Mia", Mark("review", 0.0), stale.value.standing.version).entry is not None


def test_a_mark_that_is_sent_twice_is_one(book: Path) -> None:
    mark = Mark("review", 1.0, comment="ok", basis={"points": 2.0})
    first = store.add(book, ADA, "Mia", mark, 0)
    assert store.add(book, ADA, "Mia", mark, 0) == first
    assert len(store.history(book)) == 1
    with pytest.raises(Stale):
        store.add(book, ADA, "Ben", mark, 0)


def test_of_many_at_once_one_writes_and_the_others_are_told(book: Path) -> None:
    give(book, 0.0, author="first")
    start, outcomes = threading.Barrier(8), list[str]()

    def mark(author: str) -> None:
        start.wait()
        try:
            store.add(book, ADA, author, Mark("review", 1.0), 1)
            outcomes.append("written")
        except Stale:
            outcomes.append("stale")

    threads = [threading.Thread(target=mark, args=(f"marker {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["stale"] * 7 + ["written"]
    assert len(store.history(book)) == 2


def test_a_transaction_that_is_cut_off_leaves_nothing(book: Path) -> None:
    give(book, 1.0)
    with closing(sqlite3.connect(book)) as other:  # a process that dies between its statements
        other.execute("BEGIN IMMEDIATE")
        other.execute(
            "INSERT INTO reviews (time, author, submission, check_id, round, kind, points, criteria, comment, reason, "
            "basis) VALUES ('', 'x', 'ada', 'a1.comment', 1, 'review', 9, '[]', '', '', '{}')"
        )
    assert points_at(book) == 1.0


# -------------------------------------------------------------------------- undo


def test_undo_goes_back_one_mark_at_a_time_and_keeps_all_records(book: Path) -> None:
    give(book, 1.0)
    give(book, 2.0)
    other = Place("bo", "a1.comment")
    give(book, 0.5, other)
    assert store.undo(book, "Mia")[0].place == other
    assert (points_at(book, other), points_at(book)) == (None, 2.0)
    store.undo(book, "Mia")
    assert points_at(book) == 1.0
    store.undo(book, "Mia")
    assert points_at(book) is None
    with pytest.raises(NothingToUndo):
        store.undo(book, "Mia")
    assert len(store.history(book)) == 6


def test_undo_gives_the_mark_of_the_other_person_back_under_that_name(book: Path) -> None:
    give(book, 1.0, author="Ben")
    give(book, 2.0, author="Mia")
    _, standing = store.undo(book, "Mia")
    assert standing.entry is not None
    assert (standing.entry.author, standing.entry.mark.points) == ("Ben", 1.0)


def test_what_somebody_else_marked_over_is_not_undone(book: Path) -> None:
    give(book, 1.0, author="Mia")
    give(book, 2.0, author="Ben")
    with pytest.raises(Stale):
        store.undo(book, "Mia")
    assert points_at(book) == 2.0


def test_after_an_undo_an_older_page_is_stale(book: Path) -> None:
    seen = give(book, 1.0)
    store.undo(book, "Mia")
    with pytest.raises(Stale):
        store.add(book, ADA, "Ben", Mark("review", 2.0), seen)


def test_a_mark_can_be_taken_back_and_that_can_be_undone(book: Path) -> None:
    give(book, 1.0)
    give(book, None)
    assert points_at(book) is None
    store.undo(book, "Mia")
    assert points_at(book) == 1.0


# ------------------------------------------------------------------------ drafts


def test_a_draft_is_kept_for_its_author_until_the_mark_is_given(book: Path) -> None:
    store.keep_draft(book, ADA, "Mia", {"comment": "half a sen"})
    store.keep_draft(book, ADA, "Mia", {"comment": "half a sentence"})
    store.keep_draft(book, ADA, "Ben", {"comment": "mine"})
    assert store.draft(book, ADA, "Mia") == {"comment": "half a sentence"}
    give(book, 1.0, author="Mia")
    assert store.draft(book, ADA, "Mia") is None
    assert store.draft(book, ADA, "Ben") == {"comment": "mine"}


def test_the_pace_leaves_pauses_out() -> None:
    def entry(minute: int, second: int) -> Entry:
        return Entry(0, f"2026-01-01T10:{minute:02}:{second:02}+00:00", "Mia", ADA, Mark("review", 1.0))

    history = [entry(0, 0), entry(0, 20), entry(0, 40), entry(30, 0), entry(30, 20)]
    assert seconds_each(history, "Mia") == 20.0
    assert seconds_each(history, "Ben") is None


# ------------------------------------------------------------------------ grades


def test_a_review_settles_an_answer(run: RunDirectory) -> None:
    before = refreshed(run)["ada"]
    assert (before.earned, before.pending, before.state) == (2.0, 4.0, "needs_review")
    give(run.gradebook, 1.5, comment="Numbers are missing.", criteria=("Names the reason.",))
    after = refreshed(run)["ada"]
    assert (after.earned, after.pending) == (3.5, 2.0)
    written = after.items[0].checks[1]
    assert (written.status, written.fraction, written.earned) == (Status.PASSED, 0.75, 1.5)
    assert refreshed(run)["ada"] == after  # however often


def test_zero_points_are_a_failed_check(run: RunDirectory) -> None:
    give(run.gradebook, 0.0)
    written = refreshed(run)["ada"].items[0].checks[1]
    assert (written.status, written.earned, written.pending) == (Status.FAILED, 0.0, 0.0)


def test_undone_marks_leave_the_grade_as_it_was(run: RunDirectory) -> None:
    before = refreshed(run)
    give(run.gradebook, 1.5)
    assert refreshed(run) != before
    store.undo(run.gradebook, "Mia")
    assert refreshed(run) == before


def test_an_override_keeps_what_the_machine_said(run: RunDirectory) -> None:
    place = Place("ada", "a1.rate")
    mark = Mark("override", 0.0, comment="Copied.", reason="copied from bo")
    store.add(run.gradebook, place, "Mia", mark, 0)
    grade = refreshed(run)["ada"]
    check = grade.items[0].checks[0]
    assert (check.status, check.earned) == (Status.FAILED, 0.0)
    assert check.marked is not None
    assert (check.marked.automatic.status, check.marked.automatic.earned) == (Status.PASSED, 1.0)
    assert "changed by hand" in grade.flags
    store.add(run.gradebook, place, "Mia", Mark("override", None, reason="a mistake"), 1)
    assert "changed by hand" not in refreshed(run)["ada"].flags


def test_an_override_on_a_hand_in_that_could_not_be_graded_counts(run: RunDirectory) -> None:
    path = run.submission("ada") / "grade.json"
    grade = Grade.model_validate_json(path.read_bytes())
    blocked = tuple(
        item.model_copy(
            update={
                "checks": tuple(
                    one.model_copy(
                        update={"status": Status.BLOCKED, "earned": 0.0, "pending": 0.0, "fraction": 0.0}
                    )
                    for one in item.checks
                )
            }
        )
        for item in grade.items
    )
    broken = grade.submission.model_copy(update={"problem": "It is a PDF."})
    write_record(path, grade.model_copy(update={"items": blocked, "submission": broken, "executions": {}}))
    assert refreshed(run)["ada"].state == "failed"
    store.add(
        run.gradebook, Place("ada", "a1.rate"), "Mia", Mark("override", 1.0, reason="shown in class"), 0
    )
    after = refreshed(run)["ada"]
    assert (after.state, after.earned) == ("graded", 1.0)


def test_a_second_marker_never_counts_and_is_shown_beside(run: RunDirectory) -> None:
    give(run.gradebook, 2.0)
    give(run.gradebook, 0.5, ADA._replace(round=2), author="Ben", comment="I doubt it.")
    check = refreshed(run)["ada"].items[0].checks[1]
    assert check.earned == 2.0
    assert check.marked is not None
    assert check.marked.second is not None
    assert (check.marked.second.points, check.marked.second.author) == (0.5, "Ben")


def test_a_mark_deserves_another_look_when_what_it_was_given_to_changed(run: RunDirectory) -> None:
    rubric = runs.rubric_of()
    check = runs.grade_of(rubric, "ada").items[0].checks[1]
    basis = basis_of(check)
    assert changed_since(basis, check) == ()
    other = check.model_copy(update={"answer": "Another answer.", "points": 3.0, "status": Status.BLOCKED})
    said = "; ".join(changed_since(basis, other))
    assert "the answer is another" in said
    assert "worth 2 and is worth 3" in said
    assert "said review and says blocked" in said
    assert changed_since({}, other) == ()


def test_scoring_again_keeps_marks_and_says_which_deserve_another_look(run: RunDirectory) -> None:
    """What `rescore` does to a stored grade: it is made anew, and the marks of people are put on it."""
    rubric = runs.rubric_of()
    old = refreshed(run)["ada"].items[0].checks[1]
    give(run.gradebook, 1.5, basis=basis_of(old))
    assert standing_of(list(refreshed(run).values())).look_again == 0
    anew = runs.grade_of(rubric, "ada", {"a1": "Handed in anew."})
    scored = with_marks(anew, store.standings(run.gradebook))
    check = scored.items[0].checks[1]
    assert check.earned == 1.5
    assert check.marked is not None
    assert check.marked.look_again == ("the answer is another",)
    assert "look again" in scored.flags
    assert len(store.history(run.gradebook)) == 1
    confirmed = store.standing_of(run.gradebook, ADA).version
    store.add(
        run.gradebook, ADA, "Mia", Mark("review", 1.5, basis=basis_of(anew.items[0].checks[1])), confirmed
    )
    assert "look again" not in with_marks(anew, store.standings(run.gradebook)).flags


def test_points_beyond_what_a_check_is_worth_now_are_cut_and_told(run: RunDirectory) -> None:
    rubric = runs.rubric_of()
    old = runs.grade_of(rubric, "ada")
    give(run.gradebook, 2.0, basis=basis_of(old.items[0].checks[1]))
    item = old.items[0]
    cheaper = item.checks[1].model_copy(update={"points": 1.0, "pending": 1.0})
    edited = item.model_copy(update={"checks": (item.checks[0], cheaper)})
    check = (
        with_marks(old.model_copy(update={"items": (edited, *old.items[1:])}), store.standings(run.gradebook))
        .items[0]
        .checks[1]
    )
    assert check.earned == 1.0
    assert check.marked is not None
    assert check.marked.look_again == ("the check was worth 2 and is worth 1",)


def test_marks_on_what_is_graded_no_more_are_told(run: RunDirectory) -> None:
    give(run.gradebook, 1.0, Place("ada", "a9.comment"))
    grades = refreshed(run).values()
    assert [entry.place.check for entry in lost_places(grades, store.standings(run.gradebook))] == [
        "a9.comment"
    ]


def test_the_last_review_makes_the_marks_final(run: RunDirectory) -> None:
    standing = standing_of(list(refreshed(run).values()))
    assert not standing.is_final
    assert str(standing) == (
        "Not final: 6 marks to give (a1.comment 3, a2.comment 3). 12 points of 3 submissions pending."
    )
    for name in ("ada", "bo", "cy"):
        for check in ("a1.comment", "a2.comment"):
            give(run.gradebook, 1.25, Place(name, check))
    grades = list(refreshed(run).values())
    assert str(standing_of(grades)) == "Final: every mark of 3 submissions is decided."
    assert {grade.state for grade in grades} == {"graded"}
    results = read_json(run.results)
    assert results["final"] is True
    assert [one["earned"] for one in results["submissions"]] == [4.5] * 3


def test_scorings_of_the_gradebook_keep_the_history_of_marks(run: RunDirectory) -> None:
    give(run.gradebook, 1.0)
    refreshed(run)
    refreshed(run)
    assert [scoring.why for scoring in gradebook.scorings(run.gradebook)] == [
        "graded",
        "marks of people taken in",
    ]
    assert [(one.check, one.after) for one in gradebook.last_changes(run.gradebook)] == [("a1.comment", 1.0)]


# ----------------------------------------------------------------------- reports


def test_students_see_points_and_comment_and_nothing_of_the_markers(run: RunDirectory) -> None:
    give(run.gradebook, 1.5, comment="Numbers are missing.", criteria=("Names the reason.",))
    give(run.gradebook, 0.5, ADA._replace(round=2), author="Ben", comment="I doubt it.")
    override = Mark("override", 0.5, comment="Half.", reason="copied from a friend")
    store.add(run.gradebook, Place("ada", "a2.rate"), "Mia", override, 0)
    grade = refreshed(run)["ada"]
    student = (run.submission("ada") / "report.html").read_text(encoding="utf-8")
    assert "Numbers are missing." in student
    assert "Half." in student
    for secret in (
        "Mia",
        "Ben",
        "I doubt it",
        "Names the reason",
        "copied from a friend",
        "secret model answer",
    ):
        assert secret not in student
    named = reports.render_student(grade.model_dump(mode="json"), show_markers=True)
    assert "Mia" in named
    assert "Ben" not in named
    instructor = reports.render_instructor(grade.model_dump(mode="json"))
    for shown in ("Mia", "Ben", "I doubt it", "Names the reason", "copied from a friend"):
        assert shown in instructor
    page = run.index.read_text(encoding="utf-8")
    assert "copied from a friend" in page
    assert "second marker: 0.5" in page
    scores = run.scores.read_text(encoding="utf-8")
    assert "a1.comment 1.5 of 2; a2.rate 0.5 of 1 (was 1: copied from a friend)" in scores
    check = json.loads(run.results.read_text(encoding="utf-8"))["submissions"][0]["items"][0]["checks"][1]
    assert check["marked"]["author"] == "Mia"
    assert check["marked"]["second"]["points"] == 0.5
