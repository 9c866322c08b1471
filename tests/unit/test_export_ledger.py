"""The ledger: nothing in it is ever changed; what holds is worked out from it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import InternalError
from autograder.export import ledger
from autograder.export.ledger import Action, Line


def write(path: Path, action: Action, batch: str, *lines: Line, destination: str = "canvas:55") -> None:
    ledger.record(path, lines, action, batch=batch, destination=destination, route="canvas", author="eva")


def values(path: Path, destination: str = "canvas:55") -> dict[str, str]:
    held = ledger.holding(ledger.history(path, destination))
    return {student: entry.value for student, entry in held.items()}


def test_what_holds_is_the_last_value_of_each_destination(tmp_path: Path) -> None:
    book = tmp_path / "gradebook.db"
    assert ledger.history(book) == []
    write(book, "written", "one", Line("ada", "101", value="10.00"), Line("bo", "102", value="7.50"))
    write(book, "written", "two", Line("ada", "101", value="12.00"))
    write(book, "written", "three", Line("ada", "5", value="1.00"), destination="moodle")
    assert values(book) == {"ada": "12.00", "bo": "7.50"}
    assert values(book, "moodle") == {"ada": "1.00"}
    assert [entry.batch for entry in ledger.history(book)] == ["one", "one", "two", "three"]


def test_a_batch_that_was_never_imported_is_taken_back(tmp_path: Path) -> None:
    book = tmp_path / "gradebook.db"
    write(book, "written", "one", Line("ada", "101", value="10.00"))
    write(book, "written", "two", Line("ada", "101", value="12.00"), Line("bo", "102", value="1.00"))
    assert ledger.last_batch(ledger.history(book)) == "two"
    write(book, "withdrawn", "two", Line("", ""))
    assert values(book) == {"ada": "10.00"}
    assert ledger.last_batch(ledger.history(book)) == "one"


def test_a_value_that_did_not_arrive_does_not_hold(tmp_path: Path) -> None:
    book = tmp_path / "gradebook.db"
    write(book, "sending", "one", Line("ada", "101", value="10.00"))
    assert set(ledger.unfinished(ledger.history(book))) == {"ada"}
    assert values(book) == {}
    write(book, "sent", "one", Line("ada", "101", value="10.00"))
    write(book, "sending", "two", Line("ada", "101", value="12.00"))
    write(book, "failed", "two", Line("ada", "101", value="12.00", detail="409"))
    assert ledger.unfinished(ledger.history(book)) == {}
    assert values(book) == {"ada": "10.00"}
    write(book, "verified", "one", Line("ada", "101", value="10.00"))
    assert values(book) == {"ada": "10.00"}


def test_comments_and_reports_are_lines_of_their_own(tmp_path: Path) -> None:
    book = tmp_path / "gradebook.db"
    write(book, "sent", "one", Line("ada", "101", value="10.00"), Line("ada", "101", "comment", "aa"))
    entries = ledger.history(book)
    assert ledger.holding(entries)["ada"].value == "10.00"
    assert ledger.holding(entries, "comment")["ada"].value == "aa"
    assert ledger.holding(entries, "report") == {}


@pytest.mark.parametrize("statement", ["UPDATE exports SET value = '99'", "DELETE FROM exports"])
def test_records_stay(tmp_path: Path, statement: str) -> None:
    book = tmp_path / "gradebook.db"
    write(book, "written", "one", Line("ada", "101", value="10.00"))
    with closing(sqlite3.connect(book)) as connection, pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute(statement)


def test_a_batch_is_recorded_whole_or_not_at_all(tmp_path: Path) -> None:
    book = tmp_path / "gradebook.db"
    with pytest.raises(InternalError):
        write(book, "written", "one", Line("ada", "1", value="1.00"), Line("bo", "2", "nonsense"))  # type: ignore[arg-type]
    assert ledger.history(book) == []


def test_a_rerun_sends_only_changes_and_lowers_nothing_by_itself(tmp_path: Path) -> None:
    book = tmp_path / "gradebook.db"
    before = {"same": "5.00", "up": "5.00", "down": "5.00", "was excused": "EX", "now excused": "5.00"}
    write(book, "written", "one", *(Line(name, name, value=value) for name, value in before.items()))
    held = ledger.holding(ledger.history(book))
    wanted = {"same": "5.0", "up": "6", "down": "4.99", "was excused": "1", "now excused": "EX", "new": "0"}
    found = ledger.changes(wanted, held)
    assert found == ledger.Changes(("new",), ("up", "was excused", "now excused"), ("same",), ("down",))
    assert ledger.changes(wanted, held, may_lower=True).lowered == ()


@given(st.dictionaries(st.text(min_size=1), st.decimals(0, 100, places=2).map(str)))
def test_every_student_is_in_one_list(wanted: dict[str, str]) -> None:
    found = ledger.changes(wanted, {})
    assert found.new == tuple(wanted)
    assert not found.changed + found.unchanged + found.lowered
