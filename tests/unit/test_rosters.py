"""Rosters: every id as it was written, people told apart by ids alone, nothing guessed and nobody lost."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.delimited import read_table
from autograder.errors import UsageError
from autograder.roster_files import kind_of, read_roster, read_rosters
from autograder.rosters import Roster, RosterEntry, merged, with_own_ids
from autograder.store import read_record, write_record
from tests.corpus.lms import (
    LANGUAGES,
    Person,
    canvas_gradebook,
    gradescope_roster,
    make_class,
    moodle_worksheet,
    plain_roster,
    written,
)

CLASS = make_class(45)


def put(folder: Path, data: bytes, name: str = "roster.csv") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def read(folder: Path, data: bytes, name: str = "roster.csv") -> Roster:
    return read_roster(put(folder, data, name))


def ids(roster: Roster, *kinds: str) -> list[tuple[str, ...]]:
    return [tuple(entry.ids.get(kind, "") for kind in kinds) for entry in roster.entries]  # type: ignore[call-overload]


# ------------------------------------------------------------- the four readers


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("bom", [False, True])
@pytest.mark.parametrize("split", [False, True])
def test_a_canvas_gradebook(separator: str, bom: bool, split: bool, tmp_path: Path) -> None:
    roster = read(tmp_path, canvas_gradebook(CLASS, separator=separator, bom=bom, split=split))
    assert roster.kinds == ("canvas",)
    assert ids(roster, "number", "login", "canvas") == [(one.number, one.login, one.canvas) for one in CLASS]
    assert [entry.id for entry in roster.entries] == [one.number for one in CLASS]
    assert roster.problems == ()
    assert "test student" in roster.notes[0]
    assert roster.entries[0].sections == ("Section 0",)


def test_names_of_canvas_are_as_people_write_them(tmp_path: Path) -> None:
    roster = read(tmp_path, canvas_gradebook(CLASS[:6], split=True))
    assert [entry.name for entry in roster.entries][:3] == ["Ana Müller-Íñiguez", "Sam Smith", "Sam Smith"]
    formula = read(tmp_path, b'Student,ID,SIS Login ID,Section,A (1)\n"=""=cmd, Eve""",7,eve,S,\n')
    assert formula.entries[0].name == "=cmd, Eve"


def test_without_sis_ids_the_login_is_the_id(tmp_path: Path) -> None:
    roster = read(tmp_path, canvas_gradebook(CLASS, sis=False))
    assert [entry.id for entry in roster.entries] == [one.login for one in CLASS]


def test_an_id_that_a_spreadsheet_made_is_a_row_with_a_reason(tmp_path: Path) -> None:
    """Canvas would read `1,9` as user 1."""
    data = b'Student,ID,SIS Login ID,Section,A (1)\nAna,"1,9",ana,S,\nBo,2,bo,S,\n'
    roster = read(tmp_path, data)
    assert [(one.name, one.where) for one in roster.problems] == [("bad_id", "roster.csv:2")]
    assert ids(roster, "canvas", "login") == [("", "ana"), ("2", "bo")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_moodle_worksheet_in_any_language(language: str, tmp_path: Path) -> None:
    roster = read(tmp_path, moodle_worksheet(CLASS, language))
    assert roster.kinds == ("moodle",)
    expected = [(one.number, one.email, one.moodle) for one in CLASS]
    assert ids(roster, "number", "email", "moodle") == expected
    assert [entry.id for entry in roster.entries] == [one.number for one in CLASS]
    assert roster.entries[3].name == "Zoë O'Brien"


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_teams_of_moodle(language: str, tmp_path: Path) -> None:
    people = [Person("0001", "a", "A B", "1", "5", team="Team_One"), Person("0002", "b", "C D", "2", "6")]
    roster = read(
        tmp_path, moodle_worksheet(people, language, teams=True, submitted={"5": "Saturday, 3 May 2026"})
    )
    assert [entry.group for entry in roster.entries] == ["Team_One", "Default group"]
    assert [entry.submitted for entry in roster.entries] == ["Saturday, 3 May 2026", ""]


def test_a_worksheet_under_blind_marking_has_no_names(tmp_path: Path) -> None:
    rows = [
        ["Identifier", "Status", "Grade", "Maximum grade", "Grade can be changed", "Last modified (grade)"]
    ]
    rows += [[f"Participant {n}", "Submitted for grading -  - ", "", "60.00", "Yes", "-"] for n in (7, 12)]
    roster = read(tmp_path, written(rows, bom=True))
    assert roster.kinds == ("moodle",)
    assert [(entry.id, entry.name) for entry in roster.entries] == [("7", ""), ("12", "")]


def test_a_gradescope_roster_without_its_staff(tmp_path: Path) -> None:
    roster = read(tmp_path, gradescope_roster(CLASS))
    assert roster.kinds == ("gradescope",)
    assert ids(roster, "number", "email") == [(one.number, one.email) for one in CLASS]
    assert "1 rows are staff" in roster.notes[0]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_plain_list(separator: str, tmp_path: Path) -> None:
    roster = read(tmp_path, plain_roster(CLASS, separator))
    assert roster.kinds == ("plain",)
    assert ids(roster, "number", "login", "email") == [(one.number, one.login, one.email) for one in CLASS]


def test_ids_that_look_like_participants_are_no_worksheet(tmp_path: Path) -> None:
    rows = [["id", "name", "section", "group", "role", "email"]]
    rows += [[f"stud{n}", "A", "S", "G", "student", f"{n}@x.org"] for n in range(3)]
    roster = read(tmp_path, written(rows))
    assert roster.kinds == ("plain",)
    assert [entry.id for entry in roster.entries] == ["stud0", "stud1", "stud2"]


# -------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"id,name\n", "names nobody"),
        (b"name,section\nAna,S1\n", "Names alone identify nobody"),
        ("id,name\n1,M\xfcller\n".encode("latin-1"), "is not UTF-8"),
        (b"id,name\n1\x00,A\n", "holds NULs"),
        (b"id,name\n1.23457E+15,Ana\n", "a spreadsheet rounded"),
    ],
)
def test_a_roster_that_cannot_be_used_says_what_to_do(data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        read(tmp_path, data)


def test_a_roster_in_utf16_is_read(tmp_path: Path) -> None:
    text = plain_roster(CLASS).decode().replace(",", "\t")
    assert len(read(tmp_path, text.encode("utf-16"))) == len(CLASS)


# ------------------------------------------------------------------- duplicates


def test_an_id_of_two_people_identifies_neither_and_loses_nobody(tmp_path: Path) -> None:
    roster = read(tmp_path, b"id,login,name\n007,bond,James\n007,moore,Roger\n008,bill,Bill\n")
    assert [entry.id for entry in roster.entries] == ["bond", "moore", "008"]
    assert len(roster.having("number", "007")) == 2
    assert [one.name for one in roster.problems] == ["duplicate_id"]
    assert "roster.csv:2, roster.csv:3" in roster.problems[0].where


def test_the_same_person_twice_is_one_person_in_two_sections(tmp_path: Path) -> None:
    roster = read(tmp_path, b"id,name,section\n007,James,S1\n007,James,S2\n")
    assert [(entry.id, entry.sections) for entry in roster.entries] == [("007", ("S1", "S2"))]
    assert roster.problems == ()


def test_logins_and_addresses_know_no_case_and_numbers_do(tmp_path: Path) -> None:
    roster = read(tmp_path, b"id,login,email\nA12,Ana,Ana@X.org\na12,bo,bo@x.org\n")
    assert [entry.id for entry in roster.having("login", "ANA")] == ["A12"]
    assert [entry.id for entry in roster.having("email", "ana@x.org")] == ["A12"]
    assert [entry.id for entry in roster.having("number", "a12")] == ["a12"]


def test_a_row_without_any_id_is_told(tmp_path: Path) -> None:
    roster = read(tmp_path, b"id,name\n1,Ana\n,Bo\n")
    assert [(one.name, one.where) for one in roster.problems] == [("no_id", "roster.csv:3")]


def test_names_never_identify() -> None:
    roster = Roster(entries=(RosterEntry(id="1", ids={"number": "1"}, name="Ana"),))
    assert roster.claiming("Ana") == ()
    assert roster.entry("Ana") is None


# ---------------------------------------------------------------- several files


def test_several_rosters_are_one_class(tmp_path: Path) -> None:
    paths = [
        put(tmp_path, canvas_gradebook(CLASS), "canvas.csv"),
        put(tmp_path, moodle_worksheet(list(reversed(CLASS)), "de"), "moodle.csv"),
        put(tmp_path, gradescope_roster(CLASS), "gradescope.csv"),
    ]
    roster = read_rosters(paths)
    assert roster.problems == ()
    assert ids(roster, "number", "login", "email", "canvas", "moodle") == [
        (one.number, one.login, one.email, one.canvas, one.moodle) for one in CLASS
    ]


def test_people_that_contradict_each_other_stay_two(tmp_path: Path) -> None:
    one = put(tmp_path, b"id,email\n1,a@x.org\n", "one.csv")
    two = put(tmp_path, b"id,email\n2,a@x.org\n", "two.csv")
    roster = read_rosters([one, two])
    assert [entry.ids["number"] for entry in roster.entries] == ["1", "2"]
    assert {problem.name for problem in roster.problems} == {"conflicting_ids", "duplicate_id"}


def test_two_people_of_one_file_are_never_made_one(tmp_path: Path) -> None:
    roster = read_rosters([put(tmp_path, b"id,email,name\n1,team@x.org,A\n2,team@x.org,B\n")])
    assert [entry.id for entry in roster.entries] == ["1", "2"]


def test_a_roster_survives_its_file(tmp_path: Path) -> None:
    roster = read(tmp_path, canvas_gradebook(CLASS))
    write_record(tmp_path / "roster.json", roster)
    assert read_record(tmp_path / "roster.json", Roster) == roster


# ------------------------------------------------------------------- properties

TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20)
NUMBERS = st.text("0123456789", min_size=1, max_size=10)
PEOPLE = st.lists(st.tuples(NUMBERS, TEXTS), min_size=1, max_size=12, unique_by=lambda one: one[0])


@settings(deadline=None)
@given(people=PEOPLE, separator=st.sampled_from([",", ";"]), bom=st.booleans(), data=st.data())
def test_any_class_through_any_reader(
    people: list[tuple[str, str]],
    separator: str,
    bom: bool,
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Leading zeros, duplicate, non-Latin and formula-like names, decimal commas: the same ids, in the same order."""
    listed = [
        Person(
            number=number,
            login=f"login{index}x",
            name=name.strip() or "x",
            canvas=str(100 + index),
            moodle=str(7 + index),
        )
        for index, (number, name) in enumerate(people)
    ]
    kind = data.draw(st.sampled_from(["canvas", "moodle", "gradescope", "plain"]))
    content = {
        "canvas": lambda: canvas_gradebook(listed, separator=separator, bom=bom),
        "moodle": lambda: moodle_worksheet(listed, data.draw(st.sampled_from(["en", "de", "fr"]))),
        "gradescope": lambda: gradescope_roster(listed),
        "plain": lambda: plain_roster(listed, separator),
    }[kind]()
    roster = read(tmp_path_factory.mktemp("class"), content)
    assert roster.kinds == (kind,)
    assert [entry.ids["number"] for entry in roster.entries] == [one.number for one in listed]
    assert len({entry.id for entry in roster.entries}) == len(listed)
    for entry in roster.entries:
        assert roster.having("number", entry.ids["number"]) == (entry,)


ENTRIES = st.lists(
    st.builds(
        lambda number, login, email: RosterEntry(
            id="",
            ids={
                kind: value  # type: ignore[misc]
                for kind, value in (("number", number), ("login", login), ("email", email))
                if value
            },
        ),
        st.sampled_from(["", "1", "01", "2"]),
        st.sampled_from(["", "a", "A", "b"]),
        st.sampled_from(["", "a@x", "A@x"]),
    ),
    max_size=8,
)


@given(ENTRIES)
def test_everybody_gets_an_id_of_his_own(entries: list[RosterEntry]) -> None:
    done, problems = with_own_ids(entries)
    assert len({entry.id for entry in done}) == len(done) == len(entries)
    assert [entry.ids for entry in done] == [entry.ids for entry in entries]
    roster = Roster(entries=done)
    ambiguous = sum(
        len(roster.having(kind, value)) > 1 for entry in done for kind, value in entry.ids.items()
    )
    assert bool(problems) == bool(ambiguous)


@given(st.lists(ENTRIES, max_size=3))
def test_merging_loses_no_id(lists: list[list[RosterEntry]]) -> None:
    rosters = [Roster(entries=with_own_ids(entries)[0]) for entries in lists]
    whole = merged(rosters)
    before = {(kind, value) for one in rosters for entry in one.entries for kind, value in entry.ids.items()}
    after = {(kind, value.casefold()) for entry in whole.entries for kind, value in entry.ids.items()}
    assert {(kind, value.casefold()) for kind, value in before if kind == "number"} <= after
    assert len(whole.entries) <= sum(len(one.entries) for one in rosters)
    assert len({entry.id for entry in whole.entries}) == len(whole.entries)


@settings(deadline=None)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_a_roster_or_a_sentence(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    try:
        roster = read(tmp_path_factory.mktemp("any"), b"id,name\n" + content)
    except UsageError:
        return
    assert len({entry.id for entry in roster.entries}) == len(roster.entries)


def test_kinds_are_told_by_content(tmp_path: Path) -> None:
    table = read_table(put(tmp_path, canvas_gradebook(CLASS, separator=";")))
    assert (table.separator, kind_of(table)) == (";", "canvas")
    rows = list(csv.reader(io.StringIO(moodle_worksheet(CLASS).decode("utf-8-sig"))))
    assert kind_of(read_table(put(tmp_path, written(rows, ";")))) == "moodle"
