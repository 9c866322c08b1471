"""Downloads of Canvas, Moodle and Gradescope: whose each entry is, by ids alone, and a row for each that is nobody's."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.groups import Groups, read_groups
from autograder.intake import Delivery, take_in
from autograder.intake.canvas import canvas_packets, is_canvas_name
from autograder.intake.deliveries import Form, recognised
from autograder.intake.gradescope import read_metadata
from autograder.intake.moodle import cleaned, is_moodle_name, moodle_packets
from autograder.intake.packets import OWNER_PROBLEMS, Packet, TopEntry
from autograder.records import Submission
from autograder.roster_files import read_roster
from autograder.rosters import Roster, RosterEntry, merged
from autograder.rubric.model import PartSpec, SectionSpec
from tests.corpus.archives import zipped
from tests.corpus.lms import (
    HandIn,
    Person,
    canvas_files,
    canvas_gradebook,
    download,
    gradescope_files,
    gradescope_roster,
    make_class,
    moodle_files,
    moodle_worksheet,
    notebook,
    plain_roster,
)

CLASS = make_class(42, seed=3)
PART = PartSpec(
    part="a",
    title="A",
    points=1,
    false_fail_rate=0.001,
    filenames=["part_a*.ipynb"],
    sections={"a1": SectionSpec(headings=["A1"])},
    items=[],
)


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def laid_out(folder: Path, entries: dict[str, bytes]) -> Path:
    for name, data in entries.items():
        put(folder / name, data)
    return folder


def roster_of(folder: Path, data: bytes) -> Roster:
    return read_roster(put(folder / "roster.csv", data))


def taken(
    source: Path,
    into: Path,
    roster: Roster | None = None,
    form: Form | None = None,
    groups: Groups | None = None,
    asked: Sequence[str] = ("",),
) -> Delivery:
    return take_in(source, [PART], into / "intake", form=form, roster=roster, groups=groups, asked=asked)


def work(people: Sequence[Person], name: str = "part_a.ipynb") -> list[HandIn]:
    return [HandIn(person, {name: notebook(person.number)}) for person in people]


def entries(*names: str) -> list[TopEntry]:
    return [TopEntry(name, name, is_folder=False) for name in names]


def people(*rows: tuple[str, str, str]) -> Roster:
    """A roster of (Canvas id, participant, name)."""
    return Roster(
        entries=tuple(
            RosterEntry(id=f"n{canvas}", ids={"canvas": canvas, "moodle": participant}, name=name)
            for canvas, participant, name in rows
        )
    )


def whose(submissions: Sequence[Submission]) -> dict[str, tuple[str, ...]]:
    """What each notebook says of its author, and whose it is taken for."""
    found = {}
    for one in submissions:
        text = Path(next(iter(one.sources.values()))).read_text(encoding="utf-8")
        match = re.search(r"# (\d+)", text)
        assert match is not None
        found[match[1]] = one.students
    return found


# ------------------------------------------------------------- names of Canvas

ROSTER = people(("123", "5", "Ana Müller"), ("4567", "6", "Sam Smith"), ("12", "7", "Sam Smith"))


@pytest.mark.parametrize(
    ("name", "user", "file", "is_late"),
    [
        ("mullerana_123_700_part_a.ipynb", "123", "part_a.ipynb", False),
        ("mullerana_LATE_123_700_part_a.ipynb", "123", "part_a.ipynb", True),
        ("team_1_123_4568_f.ipynb", "123", "f.ipynb", False),
        ("late_123_700_LATE.ipynb", "123", "LATE.ipynb", False),
        ("_123_700_x.ipynb", "123", "x.ipynb", False),
        ("sam_99_123_700_x.ipynb", "123", "x.ipynb", False),
        ("ana_123_700_hw_1_2_3.ipynb", "123", "hw_1_2_3.ipynb", False),
        ("李小龍_123_700_файл 1.ipynb", "123", "файл 1.ipynb", False),
        ("ana_LATE_123_text.html", "123", "text.html", True),
        ("ana_123_link.html", "123", "link.html", False),
    ],
)
def test_a_name_of_canvas(name: str, user: str, file: str, is_late: bool) -> None:
    (packet,) = canvas_packets(entries(name), ROSTER)
    assert packet.problem is None
    assert packet.lms["canvas"] == user
    assert packet.entries[0].received.name == file
    assert packet.is_marked_late is is_late


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("ana_123_4567_89_x.ipynb", "ambiguous_student"),
        ("ana_999_700_x.ipynb", "unknown_student"),
        ("part_a.ipynb", "unknown_student"),
        ("ana_0123_700_x.ipynb", "unknown_student"),
        ("anon_k3Xz9_700_part_a.ipynb", "unknown_student"),
        ("LATE_anon_k3Xz9_700_part_a.ipynb", "unknown_student"),
    ],
)
def test_a_name_that_canvas_did_not_make_or_that_says_two_things(name: str, problem: str) -> None:
    (packet,) = canvas_packets(entries(name), ROSTER)
    assert packet.problem is not None
    assert packet.problem.name == problem


def test_several_attachments_of_one_user_are_one_hand_in() -> None:
    names = ("ana_123_700_a.ipynb", "ana_123_701_helper.py", "ana_123_text.html", "sam_12_702_a.ipynb")
    packets = canvas_packets(entries(*names), ROSTER)
    assert [(packet.key, len(packet.entries)) for packet in packets] == [("canvas-123", 3), ("canvas-12", 1)]


def test_an_attachment_of_two_users_is_nobodys() -> None:
    packets = canvas_packets(entries("ana_123_700_a.ipynb", "sam_12_700_a.ipynb"), ROSTER)
    assert [packet.problem.name for packet in packets if packet.problem] == ["conflicting_student"] * 2


@pytest.mark.parametrize(
    "name", ["part_a.ipynb", "HW3_PT1_123_4567.ipynb", "ada_1_2_x.ipynb", "Ana_5_assignsubmission_file"]
)
def test_what_canvas_is_not(name: str) -> None:
    assert not is_canvas_name(name)


NAMES = st.text(st.sampled_from("ab_1290LATEanon. é"), min_size=1, max_size=25)


@given(st.lists(NAMES, max_size=10, unique=True))
def test_every_entry_is_in_exactly_one_packet(names: list[str]) -> None:
    for packets in (canvas_packets(entries(*names), ROSTER), moodle_packets(entries(*names), ROSTER)):
        listed = [entry.top.name for packet in packets for entry in packet.entries]
        assert sorted(listed) == sorted(names)
        assert len({packet.key for packet in packets}) == len(packets)
        for packet in packets:
            assert packet.problem is not None or packet.claims
            assert packet.problem is None or packet.problem.name in OWNER_PROBLEMS


# ------------------------------------------------------------- names of Moodle


def in_moodle(*names: str, roster: Roster | None = ROSTER) -> list[Packet]:
    return moodle_packets([TopEntry(name, name, "/" in name or "." not in name) for name in names], roster)


def test_the_number_identifies_and_the_name_is_no_help() -> None:
    packets = in_moodle("Sam Smith_6_assignsubmission_file", "Sam Smith_7_assignsubmission_file")
    assert [packet.lms["moodle"] for packet in packets] == ["6", "7"]
    assert [packet.problem for packet in packets] == [None, None]


def test_another_name_under_the_number_is_another_assignments_worksheet() -> None:
    (packet,) = in_moodle("Ana Müller_6_assignsubmission_file")
    assert packet.problem is not None
    assert packet.problem.name == "conflicting_student"
    assert "give the worksheet of this one" in packet.problem.text


@pytest.mark.parametrize("who", ["Participant", "Teilnehmerin"])
def test_blind_marking_has_a_word_for_everybody(who: str) -> None:
    (packet,) = in_moodle(f"{who}_6_assignsubmission_file")
    assert packet.problem is None


def test_files_and_typed_text_of_one_participant_are_one_hand_in() -> None:
    packets = in_moodle("Ana Müller_5_assignsubmission_file", "Ana Müller_5_assignsubmission_onlinetext")
    assert [(packet.key, len(packet.entries)) for packet in packets] == [("moodle-5", 2)]


def test_before_4_1_folders_ended_in_a_line() -> None:
    (packet,) = in_moodle("Ana Müller_5_assignsubmission_file_")
    assert packet.lms["moodle"] == "5"


def test_without_folders_the_rest_is_the_name_of_the_file() -> None:
    (packet,) = in_moodle("Ana Müller_5_assignsubmission_file_5_assignsubmission_file_1.ipynb")
    assert packet.lms["moodle"] == "5"
    assert packet.entries[0].own_name == "5_assignsubmission_file_1.ipynb"


def team_roster(*rows: tuple[str, str, str]) -> Roster:
    """A roster of (participant, name, team)."""
    return Roster(
        entries=tuple(
            RosterEntry(id=f"n{number}", ids={"moodle": number}, name=name, group=team)
            for number, name, team in rows
        )
    )


def test_a_team_is_joined_by_its_name_never_by_its_number() -> None:
    """The number of a team may be that of somebody's participant."""
    roster = team_roster(("5", "Ana", "Team_One"), ("6", "Bo", "Team_One"), ("7", "Cy", "Team Two"))
    one, two = in_moodle(
        "Team One_7_assignsubmission_file", "Team Two_5_assignsubmission_file", roster=roster
    )
    assert (one.members, two.members) == (("n5", "n6"), ("n7",))


def test_two_teams_with_one_name_are_nobodys() -> None:
    roster = team_roster(("5", "Ana", "Team_One"), ("6", "Bo", "Team One"), ("7", "Cy", "Three"))
    packets = in_moodle("Team One_50_assignsubmission_file", "Three_51_assignsubmission_file", roster=roster)
    assert packets[0].problem is not None
    assert packets[0].problem.name == "ambiguous_student"
    assert packets[1].members == ("n7",)


def test_people_without_a_team_are_not_guessed() -> None:
    (packet,) = in_moodle("Default group_assignsubmission_file")
    assert packet.problem is not None
    assert packet.problem.name == "ambiguous_student"


def test_names_are_compared_as_moodle_cleans_them() -> None:
    assert cleaned("Zoë  O'Brien") == cleaned("Zoë OBrien")
    assert is_moodle_name("Under Score Na me_113_assignsubmission_file")
    assert not is_moodle_name("a_b_113_assignsubmission_file")


# ------------------------------------------------------- whole downloads: whose


def test_a_canvas_download(tmp_path: Path) -> None:
    source = put(tmp_path / "submissions.zip", download(canvas_files(work(CLASS))))
    found = taken(source, tmp_path, roster_of(tmp_path, canvas_gradebook(CLASS)))
    assert found.form == "canvas"
    assert whose(found.submissions) == {one.number: (one.number,) for one in CLASS}
    assert all(one.problem is None and one.owner_problem is None for one in found.submissions)
    first = found.submissions[0]
    assert first.received[0].attachment
    assert first.received[0].entry in canvas_files(work(CLASS))


@pytest.mark.parametrize("folders", [True, False])
@pytest.mark.parametrize("language", ["en", "de", "fr", "an unknown one"])
@pytest.mark.parametrize("as_zip", [True, False])
def test_a_moodle_download(folders: bool, language: str, as_zip: bool, tmp_path: Path) -> None:
    files = moodle_files(work(CLASS), folders=folders)
    source = (
        put(tmp_path / "course-a3-1234.zip", download(files))
        if as_zip
        else laid_out(tmp_path / "unpacked", files)
    )
    found = taken(source, tmp_path, roster_of(tmp_path, moodle_worksheet(CLASS, language)))
    assert found.form == "moodle"
    assert whose(found.submissions) == {one.number: (one.number,) for one in CLASS}


def test_teams_of_moodle(tmp_path: Path) -> None:
    teams = {f"Team_{index}": 900 + index for index in range(14)}
    listed = [
        Person(one.number, one.login, one.name, one.canvas, one.moodle, team=f"Team_{index % 14}")
        for index, one in enumerate(CLASS)
    ]
    source = put(tmp_path / "a.zip", download(moodle_files(work(listed[:14]), teams=teams)))
    found = taken(source, tmp_path, roster_of(tmp_path, moodle_worksheet(listed, teams=True)))
    expected = {one.number: {p.number for p in listed if p.team == one.team} for one in listed[:14]}
    assert {key: set(students) for key, students in whose(found.submissions).items()} == expected


def test_a_gradescope_export(tmp_path: Path) -> None:
    hand_ins = [
        HandIn(one, {"part_a.ipynb": notebook(one.number)}, partners=(CLASS[index + 20],))
        for index, one in enumerate(CLASS[:20])
    ]
    source = put(tmp_path / "submissions.zip", download(gradescope_files(hand_ins)))
    found = taken(source, tmp_path, roster_of(tmp_path, gradescope_roster(CLASS)))
    assert found.form == "gradescope"
    assert whose(found.submissions) == {
        one.number: (one.number, CLASS[index + 20].number) for index, one in enumerate(CLASS[:20])
    }
    assert {one.submitted for one in found.submissions} == {"2026-11-21 07:32:00.000000000 Z"}


def test_what_an_autograder_printed_says_nothing_of_owners(tmp_path: Path) -> None:
    text = """---
submission_1:
  :submitters:
  - :name: Ana
    :sid: 00042
  :results:
    output: |
      submission_1:
        :submitters:
        - :sid: '00043'
  :created_at: 2026-11-21 07:32:00 Z
submission_2:
  :submitters: []
"""
    about, wrong = read_metadata(put(tmp_path / "submission_metadata.yml", text.encode()))
    assert wrong == ""
    assert about["submission_1"][":submitters"] == [{":name": "Ana", ":sid": "00042"}]
    assert set(about) == {"submission_1", "submission_2"}


def test_an_export_with_damaged_metadata_still_has_its_rows(tmp_path: Path) -> None:
    files = gradescope_files(work(CLASS[:3])) | {"assignment_77_export/submission_metadata.yml": b"a: [1"}
    found = taken(put(tmp_path / "s.zip", download(files)), tmp_path)
    assert [one.owner_problem for one in found.submissions] == ["unknown_student"] * 3
    assert "no valid YAML" in found.notes[0]


def test_a_submission_that_is_named_and_not_there_is_a_row(tmp_path: Path) -> None:
    files = gradescope_files(work(CLASS[:3]))
    del files["assignment_77_export/submission_9013/part_a.ipynb"]
    found = taken(
        put(tmp_path / "s.zip", download(files)), tmp_path, roster_of(tmp_path, plain_roster(CLASS))
    )
    assert [(one.students, one.problem_name) for one in found.submissions] == [
        ((CLASS[0].number,), None),
        ((CLASS[2].number,), None),
        ((CLASS[1].number,), "no_notebook"),
    ]


def test_without_a_roster_the_ids_of_the_lms_stand(tmp_path: Path) -> None:
    found = taken(put(tmp_path / "s.zip", download(canvas_files(work(CLASS[:2])))), tmp_path)
    assert {one.students for one in found.submissions} == {(one.canvas,) for one in CLASS[:2]}
    found = taken(put(tmp_path / "m.zip", download(moodle_files(work(CLASS[:2])))), tmp_path)
    assert {one.students for one in found.submissions} == {(one.moodle,) for one in CLASS[:2]}


def test_the_id_of_a_hand_in_does_not_depend_on_the_roster(tmp_path: Path) -> None:
    plain = [one for one in CLASS if "_" not in one.name]  # the others' users only a roster can tell
    source = put(tmp_path / "s.zip", download(canvas_files(work(plain))))
    bare = taken(source, tmp_path)
    known = taken(source, tmp_path, roster_of(tmp_path, canvas_gradebook(CLASS)))
    assert [one.id for one in bare.submissions] == [one.id for one in known.submissions]


def test_an_id_of_two_people_is_a_row_with_the_reason(tmp_path: Path) -> None:
    roster = roster_of(tmp_path, b"id,canvas id\n1,500\n2,500\n")
    found = taken(laid_out(tmp_path / "c", {"ana_500_700_part_a.ipynb": notebook("1")}), tmp_path, roster)
    (row,) = found.submissions
    assert (row.students, row.owner_problem, row.problem) == ((), "ambiguous_student", None)


# ---------------------------------------------------------------- recognising


def test_a_source_is_told_by_its_names() -> None:
    assert recognised(entries("ada.ipynb", "bo.zip")) == "folder"
    assert recognised(entries("submission_metadata.yml", "submission_1")) == "gradescope"
    assert recognised(entries("a_12_345_x.ipynb", "b_13_346_x.ipynb", "notes.txt")) == "canvas"
    assert recognised(entries("a_12_345_x.ipynb", "notes.txt", "more.txt")) == "folder"


def test_what_was_said_counts_over_what_was_recognised(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "c", {"ada_1_234_x.ipynb": notebook("1"), "bo_2_235_x.ipynb": notebook("2")})
    assert [one.id for one in taken(source, tmp_path).submissions] == ["canvas-1", "canvas-2"]
    assert [one.id for one in taken(source, tmp_path, form="folder").submissions] == [
        "ada_1_234_x",
        "bo_2_235_x",
    ]


def test_an_odd_file_in_a_download_is_a_row(tmp_path: Path) -> None:
    files = {**canvas_files(work(CLASS[:4])), "worksheet.csv": b"a,b", "readme.pdf": b"%PDF-1.7"}
    found = taken(put(tmp_path / "s.zip", download(files)), tmp_path)
    odd = [one for one in found.submissions if one.owner_problem]
    assert [(one.id, one.problem_name) for one in odd] == [
        ("canvas-readme.pdf", "pdf"),
        ("canvas-worksheet.csv", "not_a_notebook"),
    ]
    assert len(found.submissions) == 6


def test_several_downloads_in_one_folder(tmp_path: Path) -> None:
    put(tmp_path / "all" / "canvas.zip", download(canvas_files(work(CLASS[:10]))))
    put(tmp_path / "all" / "moodle.zip", download(moodle_files(work(CLASS[10:20]))))
    laid_out(tmp_path / "all" / "export", gradescope_files(work(CLASS[20:30]), root=""))
    rosters = [roster_of(tmp_path, data) for data in (canvas_gradebook(CLASS), moodle_worksheet(CLASS))]
    found = taken(tmp_path / "all", tmp_path, merged(rosters))
    assert found.form == "downloads"
    assert whose(found.submissions) == {one.number: (one.number,) for one in CLASS[:30]}
    packed = put(
        tmp_path / "everything.zip",
        zipped({p.name: p.read_bytes() for p in (tmp_path / "all").glob("*.zip")}),
    )
    assert len(taken(packed, tmp_path / "two").submissions) == 20


def test_a_students_archive_is_never_taken_for_a_download(tmp_path: Path) -> None:
    """Its names would put work into another student's row."""
    forged = zipped({"ada_1_700_part_a.ipynb": notebook("1"), "bo_2_701_part_a.ipynb": notebook("2")})
    source = laid_out(tmp_path / "class", {"mallory.zip": forged, "zoe.ipynb": notebook("3")})
    found = taken(source, tmp_path)
    assert [one.id for one in found.submissions] == ["mallory", "zoe"]
    canvas = canvas_files([HandIn(CLASS[0], {"work.zip": forged})])
    found = taken(put(tmp_path / "c.zip", download(canvas)), tmp_path)
    assert [one.id for one in found.submissions] == [f"canvas-{CLASS[0].canvas}"]


# ------------------------------------------------- what an LMS does to the files


def test_helpers_of_canvas_keep_their_own_names_and_their_owner(tmp_path: Path) -> None:
    hand_ins = [
        HandIn(one, {"part_a.ipynb": notebook(one.number), "helper.py": one.number.encode()})
        for one in CLASS[:3]
    ]
    found = taken(put(tmp_path / "s.zip", download(canvas_files(hand_ins))), tmp_path)
    for one in found.submissions:
        assert set(one.helpers["a"]) == {"helper.py"}
        own = re.search(r"# (\d+)", Path(one.sources["a"]).read_text())
        assert own is not None
        assert Path(one.helpers["a"]["helper.py"]).read_text() == own[1]


def test_the_students_own_name_of_a_file_decides_the_part(tmp_path: Path) -> None:
    files = {"other.ipynb": notebook("1"), "part_a-1.ipynb": notebook("2")}
    found = taken(put(tmp_path / "s.zip", download(canvas_files([HandIn(CLASS[0], files)]))), tmp_path)
    (choice,) = found.submissions[0].choices
    assert (choice.file, choice.how, choice.runner_up) == ("part_a-1.ipynb", "name", "other.ipynb")


def test_nobody_is_lost_who_handed_in_a_checkpoint_or_has_an_odd_name(tmp_path: Path) -> None:
    one, two = CLASS[0], CLASS[1]
    files = canvas_files([HandIn(one, {"part_a-checkpoint.ipynb": notebook("1")})])
    found = taken(put(tmp_path / "c.zip", download(files)), tmp_path)
    assert [row.students for row in found.submissions] == [(one.canvas,)]
    hidden = {
        f".dot_{two.moodle}_assignsubmission_file/part_a.ipynb": notebook("1"),
        f"Only Hidden_{one.moodle}_assignsubmission_file/.ipynb_checkpoints/part_a-checkpoint.ipynb": notebook(
            "2"
        ),
    }
    found = taken(put(tmp_path / "m.zip", download(hidden)), tmp_path)
    assert {(row.students, row.problem_name) for row in found.submissions} == {
        ((two.moodle,), None),
        ((one.moodle,), "no_notebook"),
    }


def test_a_name_that_is_no_text_is_a_row_of_its_owner(tmp_path: Path) -> None:
    roster = roster_of(tmp_path, canvas_gradebook(CLASS))
    one = CLASS[0]
    folder = laid_out(tmp_path / "c", canvas_files(work(CLASS[1:4])))
    put(Path(os.fsdecode(os.fsencode(folder) + f"/x_{one.canvas}_900_l".encode() + b"\xf6sung.ipynb")), b"{}")
    rows = {row.students: row for row in taken(folder, tmp_path, roster).submissions}
    assert rows[(one.number,)].problem_name == "bad_file_name"
    assert all(row.model_dump_json() for row in rows.values())


def test_teams_of_an_lms_may_be_large(tmp_path: Path) -> None:
    hand_in = HandIn(CLASS[0], {"part_a.ipynb": notebook("1")}, partners=tuple(CLASS[1:7]))
    source = put(tmp_path / "s.zip", download(gradescope_files([hand_in])))
    (row,) = taken(source, tmp_path, roster_of(tmp_path, gradescope_roster(CLASS))).submissions
    assert (len(row.students), row.owner_problem) == (7, None)


def test_a_name_too_long_for_a_disk_keeps_its_owner(tmp_path: Path) -> None:
    long = Person("1", "l", "小" * 90 + " 李", "1", "4321")
    found = taken(put(tmp_path / "m.zip", download(moodle_files(work([long, *CLASS[:3]])))), tmp_path)
    assert ("4321",) in [one.students for one in found.submissions]


def test_a_typed_answer_without_a_notebook_is_a_row_with_the_reason(tmp_path: Path) -> None:
    hand_ins = [HandIn(CLASS[0], {}, typed="<html><p>see my mail</p></html>"), *work(CLASS[1:3])]
    found = taken(put(tmp_path / "s.zip", download(canvas_files(hand_ins))), tmp_path)
    assert {one.students: one.problem_name for one in found.submissions}[(CLASS[0].canvas,)] == "web_page"


def test_late_marks_of_canvas_are_kept(tmp_path: Path) -> None:
    hand_ins = [HandIn(CLASS[0], {"part_a.ipynb": notebook("1")}, is_late=True), *work(CLASS[1:3])]
    found = taken(put(tmp_path / "s.zip", download(canvas_files(hand_ins))), tmp_path)
    assert [one.students for one in found.submissions if one.is_marked_late] == [(CLASS[0].canvas,)]


# ---------------------------------------------------------- owners in a folder


def folder_of(tmp_path: Path, *names: str) -> Path:
    return laid_out(tmp_path / "class", {name: notebook(str(index)) for index, name in enumerate(names)})


LIST = b"id,login,name\n00042,ana,Ana M\n00043,bob1,Bo B\n00044,cy,Cy C\n00045,sam1,Sam Smith\n00046,sam2,Sam Smith\n"


@pytest.mark.parametrize(
    ("name", "students", "problem"),
    [
        ("00042/part_a.ipynb", ("00042",), None),
        ("ana/part_a.ipynb", ("00042",), None),
        ("ANA.ipynb", ("00042",), None),
        ("HW3_00042_00043.ipynb", ("00042", "00043"), None),
        ("00042-00043-00044-00045/part_a.ipynb", ("00042", "00043", "00044", "00045"), None),
        ("00042 00043 00044 00045 00046/part_a.ipynb", (), "too_many_students"),
        ("work by bob1/part_a.ipynb", ("00043",), None),
        ("42/part_a.ipynb", (), "unknown_student"),
        ("000420/part_a.ipynb", (), "unknown_student"),
        ("Ana M/part_a.ipynb", (), "unknown_student"),
        ("Sam Smith/part_a.ipynb", (), "ambiguous_student"),
        ("smith_sam/part_a.ipynb", (), "ambiguous_student"),
        ("x/part_a_00042.ipynb", ("00042",), None),
        ("cy and others/part_a.ipynb", (), "unknown_student"),
    ],
)
def test_ids_identify_and_names_never_do(
    name: str, students: tuple[str, ...], problem: str | None, tmp_path: Path
) -> None:
    found = taken(folder_of(tmp_path, name), tmp_path, roster_of(tmp_path, LIST))
    (row,) = found.submissions
    assert (row.students, row.owner_problem) == (students, problem)
    assert row.problem is None  # its notebook is graded all the same
    if problem is not None:
        assert row.owner_detail


def test_a_sheet_that_asks_for_ids_is_read_by_its_pattern(tmp_path: Path) -> None:
    asked = ["HW3_PT1_{ID1}[_{ID2}].ipynb"]
    source = folder_of(tmp_path, "HW3_PT1_7_8.ipynb", "hw3_pt1_9 (1).ipynb", "HW3_PT1_7_99.ipynb")
    roster = roster_of(tmp_path, b"id\n7\n8\n9\n")
    found = taken(source, tmp_path, roster, asked=asked)
    rows = {one.received or one.id: (one.students, one.owner_problem) for one in found.submissions}
    assert rows == {"7_8": (("7", "8"), None), "9": (("9",), None), "7_99": (("7",), "unknown_student")}
    alone = taken(source, tmp_path, asked=asked)
    assert {one.students for one in alone.submissions} == {("7", "8"), ("9",), ("7", "99")}


def test_a_partner_in_a_file_name_and_a_stranger_in_one(tmp_path: Path) -> None:
    roster = roster_of(tmp_path, canvas_gradebook(CLASS))
    one, two, three = CLASS[:3]
    pair = HandIn(one, {f"HW3_{one.number}_{two.number}.ipynb": notebook("1")})
    stranger = HandIn(three, {f"HW3_{CLASS[5].number}.ipynb": notebook("2")})
    found = taken(put(tmp_path / "s.zip", download(canvas_files([pair, stranger]))), tmp_path, roster)
    rows = {one.lms["canvas"]: (one.students, one.owner_problem) for one in found.submissions}
    assert rows[one.canvas] == ((one.number, two.number), None)
    assert rows[three.canvas] == ((three.number,), "conflicting_student")


# --------------------------------------------------------------------- groups


def test_a_groups_file_adds_the_members(tmp_path: Path) -> None:
    roster = roster_of(tmp_path, LIST)
    groups = read_groups(
        put(tmp_path / "g.csv", b"id,group\n00042,red\nbob1,red\n00044,blue\n99,red\n"), roster
    )
    assert groups.members == {"red": ("00042", "00043"), "blue": ("00044",)}
    assert [one.name for one in groups.problems] == ["unknown_id"]
    found = taken(
        folder_of(tmp_path, "bob1/part_a.ipynb", "cy/part_a.ipynb"), tmp_path, roster, groups=groups
    )
    assert [one.students for one in found.submissions] == [("00043", "00042"), ("00044",)]


def test_a_groups_file_with_a_column_for_each_member(tmp_path: Path) -> None:
    data = b"group,member1,member2\nred,00042,00043\nblue,00044,\n"
    assert read_groups(put(tmp_path / "g.csv", data), None).members == {
        "red": ("00042", "00043"),
        "blue": ("00044",),
    }


def test_a_person_in_two_groups_brings_nobody_along(tmp_path: Path) -> None:
    roster = roster_of(tmp_path, LIST)
    groups = read_groups(
        put(tmp_path / "g.csv", b"id,group\n00042,red\n00043,red\n00042,blue\n00044,blue\n"), roster
    )
    assert [one.name for one in groups.problems] == ["two_groups"]
    found = taken(
        folder_of(tmp_path, "00042/part_a.ipynb", "00043/part_a.ipynb"), tmp_path, roster, groups=groups
    )
    rows = {one.id: (one.students, one.contested) for one in found.submissions}
    assert rows == {"00042": (("00042",), ("00042",)), "00043": (("00043", "00042"), ("00042",))}


def test_a_groups_file_says_whose_an_entry_is(tmp_path: Path) -> None:
    roster = roster_of(tmp_path, LIST)
    groups = read_groups(
        put(tmp_path / "g.csv", b"member1,member2,file\n00045,,Sam Smith\n00046,00042,odd.ipynb\n"), roster
    )
    found = taken(folder_of(tmp_path, "Sam Smith/part_a.ipynb", "odd.ipynb"), tmp_path, roster, groups=groups)
    assert {one.id: one.students for one in found.submissions} == {
        "Sam-Smith": ("00045",),
        "odd": ("00046", "00042"),
    }


# ------------------------------------------------------------------- attempts


def test_later_downloads_of_an_assignment_are_attempts(tmp_path: Path) -> None:
    roster = roster_of(tmp_path, canvas_gradebook(CLASS))
    for week, part in ((1, CLASS[:5]), (2, CLASS[:3])):
        hand_ins = [HandIn(one, {"part_a.ipynb": notebook(f"{one.number} {week}")}) for one in part]
        put(tmp_path / "all" / f"week{week}.zip", download(canvas_files(hand_ins, 700_000 * week)))
    found = taken(tmp_path / "all", tmp_path, roster)
    assert len(found.submissions) == 8
    attempts = {(one.students[0], one.attempt, bool(one.attempt_of)) for one in found.submissions}
    assert attempts == {
        *((one.number, 1, index < 3) for index, one in enumerate(CLASS[:5])),
        *((one.number, 2, True) for one in CLASS[:3]),
    }
    assert not any(one.contested for one in found.submissions)


def test_a_second_download_of_the_same_name_comes_second(tmp_path: Path) -> None:
    """Browsers call it `submissions (2).zip`, which stands before `submissions.zip` by the alphabet."""
    roster = roster_of(tmp_path, canvas_gradebook(CLASS))
    for number, name in enumerate(("submissions", "submissions (2)", "submissions (10)"), start=1):
        hand_ins = [HandIn(CLASS[0], {"part_a.ipynb": notebook(f"attempt {number}")})]
        put(tmp_path / "all" / f"{name}.zip", download(canvas_files(hand_ins, 700_000 * number)))
    found = taken(tmp_path / "all", tmp_path, roster).submissions
    for one in found:
        assert f"attempt {one.attempt}" in Path(one.sources["a"]).read_text(encoding="utf-8")
    assert sorted(one.attempt for one in found) == [1, 2, 3]


def test_a_group_with_somebody_whom_the_roster_does_not_have_says_who_is_known(tmp_path: Path) -> None:
    roster = roster_of(tmp_path, gradescope_roster(CLASS[:2]))
    hand_in = HandIn(CLASS[0], {"part_a.ipynb": notebook("1")}, partners=(CLASS[1], CLASS[2]))
    source = put(tmp_path / "e.zip", download(gradescope_files([hand_in])))
    (found,) = taken(source, tmp_path, roster).submissions
    assert (found.students, found.owner_problem) == ((), "unknown_student")
    told = found.owner_detail or ""
    assert f"no id {CLASS[2].number}" in told
    assert "--groups" in told
    assert told.endswith(f"With them: {CLASS[0].number}, {CLASS[1].number}")


def test_the_time_of_a_worksheet_is_that_of_the_last_attempt(tmp_path: Path) -> None:
    submitted = {one.moodle: "Monday, 23 November 2026, 8:00 AM" for one in CLASS}
    roster = roster_of(tmp_path, moodle_worksheet(CLASS, submitted=submitted))
    for week in (1, 2):
        hand_ins = [HandIn(CLASS[0], {"part_a.ipynb": notebook(f"{CLASS[0].number} {week}")})]
        put(tmp_path / "all" / f"week{week}.zip", download(moodle_files(hand_ins)))
    found = taken(tmp_path / "all", tmp_path, roster).submissions
    assert [(one.attempt, one.submitted) for one in found] == [
        (1, ""),
        (2, "Monday, 23 November 2026, 8:00 AM"),
    ]


def test_partners_who_both_hand_in_the_same_file_are_graded_once(tmp_path: Path) -> None:
    roster = roster_of(tmp_path, canvas_gradebook(CLASS))
    one, two = CLASS[:2]
    name, same = f"HW3_{one.number}_{two.number}.ipynb", notebook("both")
    files = canvas_files([HandIn(one, {name: same}), HandIn(two, {name: same})])
    found = taken(put(tmp_path / "s.zip", download(files)), tmp_path, roster)
    assert len({row.attempt_of for row in found.submissions}) == 1
    assert not any(row.contested for row in found.submissions)


def test_partners_who_hand_in_different_files_are_for_a_person(tmp_path: Path) -> None:
    roster = roster_of(tmp_path, canvas_gradebook(CLASS))
    one, two = CLASS[:2]
    name = f"HW3_{one.number}_{two.number}.ipynb"
    files = canvas_files([HandIn(one, {name: notebook("1")}), HandIn(two, {name: notebook("2")})])
    found = taken(put(tmp_path / "s.zip", download(files)), tmp_path, roster)
    assert all(set(row.contested) == {one.number, two.number} for row in found.submissions)


def test_a_person_in_two_pairs_is_contested_and_the_partners_are_not(tmp_path: Path) -> None:
    roster = roster_of(tmp_path, canvas_gradebook(CLASS))
    one, two, three = CLASS[:3]
    hand_ins = [
        HandIn(one, {f"HW3_{one.number}_{two.number}.ipynb": notebook("1")}),
        HandIn(three, {f"HW3_{three.number}_{two.number}.ipynb": notebook("2")}),
    ]
    found = taken(put(tmp_path / "s.zip", download(canvas_files(hand_ins))), tmp_path, roster)
    assert [row.contested for row in found.submissions] == [(two.number,), (two.number,)]
    assert all(two.number in row.instructor_notes[0] for row in found.submissions)
    assert not any(two.number in note for row in found.submissions for note in row.notes)
