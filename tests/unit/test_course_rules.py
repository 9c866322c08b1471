"""Deadlines, late rules, extensions and attempts: applied once, to the sum; states are no numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.course_files import read_course_rules
from autograder.course_rules import Amount, CourseRules, LateRule
from autograder.errors import UsageError
from autograder.moments import NoMoment, days_begun, days_later, moment_of, seconds_of, zone_of
from autograder.people import shared_late, shared_score, with_people
from autograder.records import Grade, PersonGrade, Submission
from autograder.resubmissions import that_count, that_may_count
from autograder.rosters import Roster, RosterEntry

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


# ---------------------------------------------------------------------- moments


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21 08:06",
        "2026-11-21T08:06:00",
        "2026-11-21 07:06:00.123456789 Z",
        "2026-11-21T12:36:00+05:30",
        "2026-11-21 07:06 UTC",
        "Saturday, 21 November 2026, 8:06 AM",
        "Saturday, November 21, 2026, 8:06 AM",
        "Samstag, 21. November 2026, 08:06",
        "samedi 21 novembre 2026, 08:06",
        "sábado, 21 de noviembre de 2026, 08:06",
        "sábado, 21 de novembro de 2026 às 08:06",
        "sabato, 21 novembre 2026, 08:06",
        "zaterdag, 21 november 2026, 08:06",
        "sobota, 21 listopada 2026, 08:06",
        "sobota, 21. listopadu 2026, 08.06",
        "2026年11月21日 星期六 08:06",
        "21 Nov 2026, 08:06",
    ],
)
def test_one_moment_in_many_words(text: str) -> None:
    assert moment_of(text, BERLIN).astimezone(UTC) == datetime(2026, 11, 21, 7, 6, tzinfo=UTC)


@pytest.mark.parametrize("hour", ["12:06 AM", "12:06 PM"])
def test_noon_and_midnight(hour: str) -> None:
    expected = 0 if hour.endswith("AM") else 12
    assert moment_of(f"Saturday, 21 November 2026, {hour}", BERLIN).hour == expected


@pytest.mark.parametrize(
    "text", ["", "-", "tomorrow", "21/11/2026", "31 February 2026, 08:00", "2026-13-01", "2026-11-21 25:00"]
)
def test_what_says_no_moment_is_never_guessed(text: str) -> None:
    with pytest.raises(NoMoment):
        moment_of(text, BERLIN)


def test_an_hour_that_the_clocks_skip_is_no_moment() -> None:
    with pytest.raises(NoMoment, match="skip that hour"):
        moment_of("2026-03-29 02:30", BERLIN)


def test_an_hour_that_the_clocks_repeat_must_be_told_apart_in_a_deadline() -> None:
    with pytest.raises(NoMoment, match=r"\+0200 or \+0100"):
        moment_of("2026-10-25 02:30", BERLIN, is_deadline=True)
    assert moment_of("2026-10-25 02:30+01:00", BERLIN, is_deadline=True).utcoffset() == timedelta(hours=1)
    handed_in = moment_of("Sonntag, 25. Oktober 2026, 02:30", BERLIN)
    assert handed_in.utcoffset() == timedelta(hours=2)  # the earlier one: in the student's favour


def test_two_moments_of_one_repeated_hour_are_not_equal() -> None:
    """Python compares moments of one zone by their clocks."""
    first, second = (moment_of(f"2026-10-25 02:30{offset}", BERLIN) for offset in ("+02:00", "+01:00"))
    assert second - first == timedelta(hours=1)
    assert days_begun(moment_of("2026-10-25 02:30", BERLIN), second, BERLIN) == 1


@pytest.mark.parametrize(
    ("due", "handed_in", "days"),
    [
        ("2026-10-24 23:59", "2026-10-25 23:59", 1),  # 25 hours later: the clocks went back
        ("2026-10-24 23:59", "2026-10-26 00:00", 2),
        ("2026-03-28 23:59", "2026-03-29 23:59", 1),  # 23 hours later
        ("2026-03-28 23:59", "2026-03-30 00:00", 2),
        ("2026-11-21 23:59", "2026-11-21 23:59", 0),
        ("2026-11-21 23:59", "2026-11-22 00:00", 1),
        ("2026-11-21 23:59", "2027-11-21 23:59", 365),
    ],
)
def test_days_are_counted_by_the_clock(due: str, handed_in: str, days: int) -> None:
    assert days_begun(moment_of(due, BERLIN), moment_of(handed_in, BERLIN), BERLIN) == days


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.integers(0, 40 * 86400),
    st.sampled_from([BERLIN, NEW_YORK, ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC")]),
)
def test_days_begun_hold_their_definition(start: datetime, seconds: int, zone: ZoneInfo) -> None:
    due = start.replace(microsecond=0, tzinfo=UTC)
    moment = due + timedelta(seconds=seconds)
    days = days_begun(due, moment, zone)
    assert moment <= days_later(due, days, zone)
    assert days == 0 or moment > days_later(due, days - 1, zone)


@pytest.mark.parametrize(
    ("text", "seconds"), [("15 min", 900), ("36 h", 129600), ("1 day, 12 hours", 129600), ("0.5 days", 43200)]
)
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "soon", "3 fortnights", "15 min later"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(NoMoment):
        seconds_of(text)


def test_a_time_zone_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="no time zone"):
        zone_of("Berlin")


# --------------------------------------------------------------- the course file

GOOD = """time_zone: Europe/Berlin
assignments:
  aml-a3:
    due: 2026-11-21 23:59
    attempts: best
    late: {grace: 15 minutes, per_day: 10 %, of: possible, cap: 50 %, closes: 7 days}
    extensions:
      0042: 2026-11-24 23:59
      "0043": 3 days
    excused: {0047: ill}
    withheld: [0048]
    submitted: {0049: 2026-11-22 01:12}
"""


def rules_of(tmp_path: Path, text: str, roster: Roster | None = None) -> CourseRules:
    path = tmp_path / "course.yaml"
    path.write_text(text, encoding="utf-8")
    return read_course_rules(path, "aml-a3", roster)


def test_a_course_file(tmp_path: Path) -> None:
    rules = rules_of(tmp_path, GOOD)
    assert rules == CourseRules(
        file="course.yaml",
        time_zone="Europe/Berlin",
        due="2026-11-21T23:59:00+01:00",
        attempts="best",
        late=LateRule(
            grace_seconds=900,
            per_day=Amount(value=10, is_percent=True),
            of="possible",
            cap=Amount(value=50, is_percent=True),
            closes_days=7,
        ),
        extensions={"0042": "2026-11-24T23:59:00+01:00", "0043": "2026-11-24T23:59:00+01:00"},
        excused={"0047": "ill"},
        withheld={"0048": ""},
        submitted={"0049": "2026-11-22T01:12:00+01:00"},
    )


def test_people_are_named_by_any_of_their_ids(tmp_path: Path) -> None:
    entry = RosterEntry(id="0042", ids={"number": "0042", "login": "ana"})
    rules = rules_of(
        tmp_path,
        "time_zone: UTC\nassignments:\n  aml-a3:\n    due: 2026-11-21\n    excused: {ANA: ill}\n",
        Roster(entries=(entry,)),
    )
    assert rules.excused == {"0042": "ill"}
    assert rules.due == "2026-11-21T23:59:59+00:00"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("time_zone: Europe/Berlin", "time_zone: Berlin"), ":1:12: there is no time zone"),
        (("time_zone: Europe/Berlin\n", ""), "no time_zone"),
        (("due: 2026-11-21", "due: 21/11/2026"), ":4:10: '21/11/2026 23:59' says no time"),
        (("due: 2026-11-21 23:59", "due: 2026-10-25 02:30"), "the clocks repeat that hour"),
        (("attempts: best", "attempts: first"), "expected last, latest or best"),
        (("per_day: 10 %", "per_day: ten"), "is no amount"),
        (("per_day: 10 %", "per_day: 110 %"), "more than everything"),
        (("per_day: 10 %, ", ""), "no per_day"),
        (("of: possible", "of: all"), "expected possible or earned"),
        (("closes: 7 days", "closes: 30 hours"), "whole days"),
        (("grace: 15", "grase: 15"), "did you mean 'grace'"),
        (('"0043": 3 days', "0042: 3 days"), "stands twice"),
        (('"0043": 3 days', '"0043": 30 hours'), "whole days"),
        (("aml-a3", "aml-a4"), "nothing is said of 'aml-a3'; did you mean 'aml-a4'"),
        (("    due", "   due"), ":5:"),
        (("excused: {0047: ill}", "excused: ill"), "expected people"),
    ],
)
def test_a_mistake_is_named_with_its_place(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        rules_of(tmp_path, GOOD.replace(*change, 1))
    assert said in str(caught.value)
    assert "course.yaml" in str(caught.value)


def test_an_extension_for_nobody_is_no_extension_that_is_lost(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nobody with the id '0042'"):
        rules_of(tmp_path, GOOD, Roster(entries=(RosterEntry(id="42", ids={"number": "42"}),)))


# ------------------------------------------------------------------- lateness


def rule(
    *, per_day: float = 10, is_percent: bool = True, of: str = "possible", cap: float | None = None,
    grace: float = 0, closes: int | None = None, **more: object,
) -> CourseRules:  # fmt: skip
    late = {
        "grace_seconds": grace,
        "per_day": {"value": per_day, "is_percent": is_percent},
        "of": of,
        "cap": {"value": cap, "is_percent": True} if cap is not None else None,
        "closes_days": closes,
    }
    due = "2026-11-21T23:59:00+01:00"
    return CourseRules.model_validate({"time_zone": "Europe/Berlin", "due": due, "late": late, **more})


@pytest.mark.parametrize(
    ("rules", "days", "deducted"),
    [
        (rule(), 0, 0.0),
        (rule(), 1, 5.0),
        (rule(), 3, 15.0),
        (rule(of="earned"), 3, 12.0),
        (rule(per_day=2.5, is_percent=False), 3, 7.5),
        (rule(cap=20), 3, 10.0),
        (rule(), 30, 40.0),  # never more than there is
        (rule(closes=2), 2, 10.0),
        (rule(closes=2), 3, 40.0),
    ],
)
def test_what_days_cost(rules: CourseRules, days: int, deducted: float) -> None:
    moment = moment_of("2026-11-21 23:59", BERLIN) + timedelta(days=days)
    late = rules.lateness("1", moment.isoformat(), is_marked=False, earned=40.0, possible=50.0)
    assert late is not None
    assert (late.n_days, late.deducted) == (days, deducted)


def test_the_grace_is_free_and_beyond_it_days_count_from_the_deadline() -> None:
    rules = rule(grace=900)
    within = rules.lateness("1", "2026-11-22 00:14", False, 40, 50)
    beyond = rules.lateness("1", "2026-11-22 00:15", False, 40, 50)
    assert within is not None
    assert beyond is not None
    assert (within.late_seconds, within.deducted) == (900, 0)
    assert (beyond.n_days, beyond.deducted) == (1, 5)


def test_an_extension_is_of_one_person() -> None:
    rules = rule(extensions={"2": "2026-11-24T23:59:00+01:00"})
    one, two = (rules.lateness(person, "2026-11-23 12:00", False, 40, 50) for person in "12")
    assert one is not None
    assert two is not None
    assert (one.deducted, one.extended) == (10, False)
    assert (two.deducted, two.extended) == (0, True)


def test_a_late_mark_without_a_time_waits_for_a_person() -> None:
    late = rule().lateness("1", "", is_marked=True, earned=40, possible=50)
    assert late is not None
    assert (late.submitted, late.deducted) == (None, 0)
    told = rule(submitted={"1": "2026-11-22T12:00:00+01:00"}).lateness("1", "", True, 40, 50)
    assert told is not None
    assert told.deducted == 5


def test_without_a_time_or_a_deadline_nothing_is_said() -> None:
    assert rule().lateness("1", "", False, 40, 50) is None
    assert CourseRules(time_zone="UTC").lateness("1", "2026-11-21", True, 40, 50) is None
    assert rule().lateness("1", "who knows when", False, 40, 50) is None


@given(
    earned=st.floats(0, 100), possible=st.floats(1, 100), hours=st.floats(0, 2000), per_day=st.floats(0, 100),
    cap=st.none() | st.floats(0, 100), of=st.sampled_from(["possible", "earned"]),
)  # fmt: skip
def test_what_lateness_costs_is_bounded_and_grows(
    earned: float, possible: float, hours: float, per_day: float, cap: float | None, of: str
) -> None:
    rules = rule(per_day=per_day, cap=cap, of=of)
    due = moment_of("2026-11-21 23:59", BERLIN)
    first, later = (
        rules.lateness("1", (due + timedelta(hours=n)).isoformat(), False, earned, possible)
        for n in (hours, hours + 30)
    )
    assert first is not None
    assert later is not None
    assert 0 <= first.deducted <= later.deducted <= earned + 1e-3
    if cap is not None:
        assert later.deducted <= cap / 100 * (possible if of == "possible" else earned) + 1e-3


# ------------------------------------------------------- what each person gets


def grade_of(
    *students: str, earned: float = 40.0, pending: float = 0.0, state: str = "graded", **submission: object
) -> Grade:
    about = {"id": "s1", "students": students, **submission}
    return Grade.model_validate(
        {"submission": about, "assignment": "x", "title": "X", "parts": ["a"], "state": state, "earned": earned,
         "pending": pending, "possible": 50.0}
    )  # fmt: skip


LATE = "2026-11-22 12:00"


def test_marks_of_items_stay_and_the_sum_is_less() -> None:
    grade = with_people(grade_of("1", submitted=LATE), rule())
    assert grade.earned == 40
    (person,) = grade.people
    assert (person.state, person.score, person.deducted) == ("graded", 35, 5)
    assert grade.flags == ("late",)


def test_applied_twice_is_applied_once() -> None:
    once = with_people(grade_of("1", submitted=LATE), rule())
    assert with_people(once, rule()) == once
    assert with_people(once, None).people == (PersonGrade(id="1", state="graded", score=40.0),)
    assert with_people(once, None).flags == ()


def test_a_group_has_one_score_unless_one_of_them_has_an_extension() -> None:
    same = with_people(grade_of("1", "2", submitted=LATE), rule())
    assert shared_score(same.people) == 35
    assert shared_late(same.people) is not None
    rules = rule(extensions={"2": "2026-11-24T23:59:00+01:00"})
    differs = with_people(grade_of("1", "2", submitted=LATE), rules)
    assert [person.score for person in differs.people] == [35, 40]
    assert shared_score(differs.people) is None
    assert shared_late(differs.people) is None


def test_states_are_no_numbers() -> None:
    rules = rule(excused={"1": "ill"}, withheld={"2": ""})
    grade = with_people(grade_of("1", "2", "3", submitted=LATE), rules)
    assert [(person.state, person.note) for person in grade.people] == [
        ("excused", "ill"),
        ("withheld", ""),
        ("graded", ""),
    ]
    assert set(grade.flags) == {"late", "excused", "withheld"}


@pytest.mark.parametrize(
    ("grade", "state"),
    [
        (grade_of("1", pending=5.0, state="needs_review"), "pending"),
        (grade_of("1", state="failed", problem="x", problem_name="pdf"), "failed"),
        (grade_of("1", contested=("1",)), "pending"),
        (grade_of("1", is_marked_late=True), "pending"),
    ],
)
def test_who_waits(grade: Grade, state: str) -> None:
    found = with_people(grade, rule())
    assert found.people[0].state == state
    assert found.state != "graded"


def test_a_hand_in_of_nobody_needs_a_person() -> None:
    grade = with_people(grade_of(owner_problem="unknown_student", owner_detail="?"), None)
    assert (grade.state, grade.people, grade.flags) == ("needs_review", (), ("whose?",))


# --------------------------------------------------------------------- attempts


def attempt(number: int, submitted: str, **more: object) -> Submission:
    about = {
        "id": f"s{number}",
        "students": ("1",),
        "submitted": submitted,
        "attempt": number,
        "attempt_of": "s1",
    }
    return Submission.model_validate({**about, **more})


IN_TIME, IN_TIME_TOO, TOO_LATE = "2026-11-20 10:00", "2026-11-21 10:00", "2026-11-23 10:00"


@pytest.mark.parametrize(
    ("attempts", "rules", "counts"),
    [
        ([attempt(1, IN_TIME), attempt(2, IN_TIME_TOO), attempt(3, TOO_LATE)], "last", ["s2"]),
        ([attempt(1, IN_TIME), attempt(2, IN_TIME_TOO), attempt(3, TOO_LATE)], "latest", ["s3"]),
        ([attempt(1, IN_TIME), attempt(2, IN_TIME_TOO), attempt(3, TOO_LATE)], "best", ["s1", "s2", "s3"]),
        ([attempt(1, TOO_LATE), attempt(2, TOO_LATE)], "last", ["s2"]),
        ([attempt(1, IN_TIME_TOO), attempt(2, IN_TIME)], "last", ["s1"]),  # by the times, not by the numbers
        ([attempt(1, ""), attempt(2, "", is_marked_late=True)], "last", ["s1"]),
        ([attempt(1, IN_TIME), attempt(2, IN_TIME_TOO, problem="not a notebook")], "last", ["s1"]),
        ([attempt(1, "", problem="x"), attempt(2, "", problem="x")], "last", ["s2"]),
    ],
)
def test_which_attempts_may_count(attempts: list[Submission], rules: str, counts: list[str]) -> None:
    assert [one.id for one in that_may_count(attempts, rule(attempts=rules))] == counts


def test_without_rules_the_last_attempt_counts() -> None:
    assert [one.id for one in that_may_count([attempt(1, ""), attempt(2, "")], None)] == ["s2"]


def test_the_best_attempt_counts_after_what_lateness_costs() -> None:
    rules = rule(attempts="best")
    submissions = [attempt(1, IN_TIME), attempt(2, TOO_LATE)]
    grades = [
        with_people(grade_of("1", earned=earned).model_copy(update={"submission": one}), rules)
        for one, earned in zip(submissions, (38.0, 45.0), strict=True)
    ]
    (counted,) = that_count(grades, submissions, rules)
    assert counted.submission.id == "s1"  # 45 less two days is 35
    assert [(one.id, one.score, one.counts) for one in counted.attempts] == [
        ("s1", 38, True),
        ("s2", 35, False),
    ]


def test_attempts_that_cannot_count_are_listed_without_a_score() -> None:
    rules = rule()
    submissions = [attempt(1, IN_TIME), attempt(2, TOO_LATE)]
    grades = [with_people(grade_of("1").model_copy(update={"submission": submissions[0]}), rules)]
    (counted,) = that_count(grades, submissions, rules)
    assert [(one.id, one.score) for one in counted.attempts] == [("s1", 40), ("s2", None)]
