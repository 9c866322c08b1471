"""Who is who in a run, from what the intake left."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from autograder.export.people import late_line, people_of_results
from autograder.export.scores import State
from autograder.rosters import Roster, RosterEntry

ROSTER = Roster(
    entries=(
        RosterEntry(id="00042", ids={"number": "00042", "canvas": "7"}, name="Müller, Ana"),
        RosterEntry(id="43", ids={"number": "43"}, name="Li"),
    )
)


def entry(name: str, *people: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": name, "students": [one["id"] for one in people], "people": list(people), **more}


def person(name: str, state: str = "graded", **more: Any) -> dict[str, Any]:
    return {"id": name, "state": state, "score": 0.0, "deducted": 0.0, "late": None, "note": "", **more}


def test_a_run_from_before_rosters_has_the_ids_of_its_folders() -> None:
    results = {"submissions": [{"id": "ada", "students": ["007", "008"]}]}
    found = people_of_results(results, None)
    assert [(one.key, dict(one.ids), one.submission) for one in found] == [
        ("007", {"any": "007"}, "ada"),
        ("008", {"any": "008"}, "ada"),
    ]


def test_the_roster_gives_ids_and_names_and_the_lms_its_own_keys() -> None:
    results = {
        "submissions": [
            entry("a", person("00042"), lms={"system": "canvas", "canvas": "9"}),
            entry("b", person("guest"), lms={"system": "moodle", "moodle": "114", "team": "T"}),
            entry("c", person("g1"), person("g2"), lms={"system": "canvas", "canvas": "5"}),
        ],
        "absent": [{"id": "43", "state": "missing", "note": ""}],
    }
    found = {one.key: one for one in people_of_results(results, ROSTER)}
    assert dict(found["00042"].ids) == {"number": "00042", "canvas": "7"}
    assert found["00042"].name == "Müller, Ana"
    assert dict(found["guest"].ids) == {"any": "guest", "moodle": "114"}
    assert dict(found["g1"].ids) == {"any": "g1"}  # the key is of whoever handed in for the group
    assert (found["43"].submission, found["43"].standing) == (None, None)


def test_what_a_person_said_is_a_standing() -> None:
    results = {
        "submissions": [
            entry("a", person("1", "excused", note="ill")),
            entry("b", person("2", "withheld")),
            entry("c", person("3", "pending", late={"submitted": None, "late_seconds": 0.0})),
            entry("d", person("4", "pending", late={"submitted": "2026-11-21T08:00:00+00:00"})),
        ],
        "absent": [{"id": "5", "state": "excused", "note": "moved"}],
    }
    found = people_of_results(results, None)
    assert [one.standing for one in found] == [
        State.EXCUSED,
        State.WITHHELD,
        State.PENDING,
        None,
        State.EXCUSED,
    ]
    assert [one.reason for one in found][::4] == ["ill", "moved"]
    assert "how late" in found[2].reason


@pytest.mark.parametrize("more", [{"owner_problem": "unknown_student"}, {}])
def test_nobody_s_submission_is_kept_with_the_doubt(more: dict[str, Any]) -> None:
    (found,) = people_of_results({"submissions": [entry("x", **more)]}, None)
    assert found.submission == "x"
    assert "nobody could tell whose submission x is" in found.doubt


def test_a_person_in_two_submissions_is_a_doubt_and_not_a_choice() -> None:
    results = {"submissions": [entry("a", person("1")), entry("b", person("1"), person("2"))]}
    found = people_of_results(results, None)
    assert [(one.key, bool(one.doubt)) for one in found] == [("1 in a", True), ("1 in b", True), ("2", False)]
    assert "is in several submissions (a, b)" in found[0].doubt


def test_lateness_is_a_line() -> None:
    late = {"late_seconds": 7200.0, "deducted": 1.5, "rule": "10 % a day.", "submitted": "2026-11-21T08:00"}
    (found,) = people_of_results({"submissions": [entry("a", person("1", late=late, deducted=1.5))]}, None)
    assert found.deduction == Decimal("1.5")
    assert found.late == "2 h after the deadline; 10 % a day; 1.5 points taken off"
    assert late_line({"late_seconds": 30.0, "deducted": 1.0}) == "1 min after the deadline; 1 point taken off"
    assert late_line({"late_seconds": 0.0}) == ""
