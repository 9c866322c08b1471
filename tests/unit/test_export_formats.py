"""Each format: what its LMS would lose silently is refused or held back, with what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from export_classes import (
    NOW,
    Student,
    blackboard_export,
    brightspace_export,
    canvas_export,
    format_of,
    moodle_gradebook,
    moodle_worksheet,
    only_file,
    request_of,
    scores_of,
)

from autograder.errors import UsageError
from autograder.export.formats import Draft
from autograder.export.ledger import Entry
from autograder.export.outcomes import Outcome
from autograder.export.scores import Received, State, StudentScore

NOTHING: frozenset[str] = frozenset()


def student(at: int = 1, **more: Any) -> Student:
    """Return a graded student with 41.5 of 60, whom the LMS has without a score."""
    about: dict[str, Any] = {
        "number": f"0010{at}",
        "login": f"sam{at}",
        "email": f"sam{at}@example.invalid",
        "canvas": f"900{at}",
        "participant": f"30{at}",
        "name": "Smith, Sam",
        "state": State.GRADED,
        "points": Decimal("41.5"),
        "comment": "well done",
        "before": None,
        "in_run": True,
        "in_lms": True,
        "locked": False,
        "group": 0,
    }
    return Student(**(about | more))


def sent(
    one: Student, value: str, place: str, *, route: str = "canvas", destination: str = "canvas:55"
) -> Entry:
    """Return an entry of the ledger, of an hour ago."""
    time = (NOW - timedelta(hours=1)).isoformat()
    return Entry(
        1, time, "eva", "b1", destination, route, one.number, place, "score", "written", value, "", ""
    )


def canvas_draft(students: Sequence[Student], content: bytes | None = None, **more: Any) -> Draft:
    request = request_of(scores_of(students), content or canvas_export(students), **more)
    return format_of("canvas", column="55").draft(request)


def only(draft: Draft) -> Outcome:
    (outcome,) = draft.outcomes
    return outcome


# --------------------------------------------------- V1 to V10, with Canvas' file


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("9001", "9002", "9002, as in row"),
        ("9001", "", "is blank"),
        ("9001", "9.0E+03", "a spreadsheet rewrote it"),
        ("9001", "9001a", "which Canvas would read as another"),
    ],
)
def test_v1_keys_of_the_template_are_unique_and_whole(old: str, new: str, why: str) -> None:
    students = [student(1), student(2)]
    content = canvas_export(students).replace(f",{old},".encode(), f",{new},".encode())
    with pytest.raises(UsageError, match=why.replace("+", r"\+")):
        canvas_draft(students, content)


def test_v1_two_hand_ins_of_one_student_are_refused() -> None:
    with pytest.raises(UsageError, match=r"00101 \(2 times\)"):
        canvas_draft([student(1), student(1)], canvas_export([student(1)]))


def test_v1_two_students_with_one_row_are_ambiguous_and_get_nothing() -> None:
    one, other = student(1), student(2, login="sam1", number="00102", canvas="", email="", participant="")
    draft = canvas_draft([one, other], canvas_export([one]), accepted=NOTHING)
    assert {outcome.kind for outcome in draft.outcomes} == {"ambiguous"}
    assert only_file(draft) == canvas_export([one])


def test_ids_that_contradict_each_other_are_ambiguous() -> None:
    one = student(1)
    (score,) = scores_of([one])
    wrong = score.model_copy(update={"ids": {**score.ids, "number": "00999"}})
    draft = format_of("canvas", column="55").draft(request_of([wrong], canvas_export([one])))
    assert only(draft).kind == "ambiguous"
    assert "number is 00999 here and 00101 there" in only(draft).why


def test_a_person_decides_what_is_ambiguous() -> None:
    one = student(1)
    (score,) = scores_of([one])
    wrong = score.model_copy(update={"ids": {**score.ids, "number": "00999"}})
    request = request_of([wrong], canvas_export([one]), pinned={"00101": "9001"})
    assert only(format_of("canvas", column="55").draft(request)).value == "41.50"
    request = request_of([wrong], canvas_export([one]), pinned={"00101": "9009"})
    with pytest.raises(UsageError, match="no row '9009'"):
        format_of("canvas", column="55").draft(request)


def test_an_id_of_an_unknown_kind_fits_one_row_or_is_ambiguous() -> None:
    rows = [student(1, login="42"), student(2, number="42")]
    score = scores_of([student(3)])[0].model_copy(update={"ids": {"any": "42"}})
    content = canvas_export(rows)
    form = format_of("canvas", column="55")
    assert form.draft(request_of([score], content)).outcomes[0].kind == "ambiguous"
    found = form.draft(request_of([score], content, id_kind="login")).outcomes[0]
    assert (found.kind, found.row) == ("written", "9001")


def test_v2_a_score_above_the_maximum_is_held_back() -> None:
    one = student(1, points=Decimal("60.01"))
    assert only(canvas_draft([one])).kind == "over"
    assert not only(canvas_draft([one])).accounted
    assert only(canvas_draft([one], extra_credit=True)).value == "60.01"
    request = request_of(scores_of([one]), moodle_worksheet([one]), extra_credit=True)
    found = only(format_of("moodle_worksheet").draft(request))
    assert found.kind == "over"
    assert "silently" in found.why


def test_v3_another_maximum_stops() -> None:
    content = canvas_export([student()]).replace(b"60.00", b"100.00")
    with pytest.raises(UsageError, match="has 100 points, the rubric 60"):
        canvas_draft([student()], content)


@pytest.mark.parametrize(("points", "text"), [("41.005", "41.01"), ("0", "0.00"), ("59.9999", "60.00")])
def test_v4_numbers_are_plain(points: str, text: str) -> None:
    assert only(canvas_draft([student(points=Decimal(points))])).value == text


@pytest.mark.parametrize("state", [State.EXCUSED, State.WITHHELD, State.MISSING, State.FAILED, State.PENDING])
def test_v5_states_are_no_numbers(state: State) -> None:
    one = student(state=state)
    for name, content in (
        ("moodle_worksheet", moodle_worksheet([one])),
        ("blackboard", blackboard_export([one])),
    ):
        draft = format_of(name).draft(request_of(scores_of([one]), content, accepted=NOTHING))
        assert only_file(draft) == content
        assert only(draft).kind == state.value
        assert only(draft).accounted == (state in (State.EXCUSED, State.WITHHELD))


def test_canvas_can_say_excused() -> None:
    one = student(state=State.EXCUSED)
    draft = canvas_draft([one])
    assert b",EX,3.50," in only_file(draft)
    assert only(draft).value == "EX"


def test_zero_is_written_for_nothing_only_when_it_is_said() -> None:
    students = [student(1, state=State.MISSING), student(2, state=State.FAILED), student(3, in_run=False)]
    draft = canvas_draft(students, missing_as_zero=True, failed_as_zero=True, accepted=NOTHING)
    assert [(one.kind, one.value) for one in draft.outcomes] == [
        ("written", "0.00"),
        ("written", "0.00"),
        ("missing", ""),  # a row that nobody lays claim to may be somebody whose id is wrong
    ]


def test_pending_marks_are_not_final() -> None:
    one = student(state=State.PENDING)
    assert only(canvas_draft([one], accepted=NOTHING)).kind == "pending"
    assert only(canvas_draft([one], partial=True)).value == "41.50"
    ags = format_of("ags", user="lti").draft(request_of(scores_of([one]), partial=True))
    assert only(ags).kind == "pending"
    assert "cannot say that a score is not final" in only(ags).why


def test_v8_a_group_gets_equal_scores_one_row_each() -> None:
    students = [student(1, group=1), student(2, group=1)]
    assert [one.value for one in canvas_draft(students).outcomes] == ["41.50", "41.50"]
    unequal = list(scores_of(students))
    unequal[1] = unequal[1].model_copy(update={"score": Decimal(3)})
    form = format_of("canvas", column="55")
    with pytest.raises(UsageError, match="different scores"):
        form.draft(request_of(unequal, canvas_export(students)))
    draft = form.draft(request_of(unequal, canvas_export(students), unequal_groups=True))
    assert [one.value for one in draft.outcomes] == ["41.50", "3.00"]


def test_v9_what_is_there_is_not_sent_again() -> None:
    one = student(before=Decimal("41.50"))
    draft = canvas_draft([one])
    assert only(draft).kind == "unchanged"
    assert only_file(draft) == canvas_export([one])


def test_v9_a_score_is_lowered_only_when_it_is_said() -> None:
    one = student(before=Decimal(50))
    assert only(canvas_draft([one], accepted=NOTHING)).kind == "lower"
    assert only(canvas_draft([one], may_lower=True)).value == "41.50"
    blank = student()
    entry = sent(blank, "50.00", "9001")
    held = only(canvas_draft([blank], entries=[entry]))
    assert held.kind == "lower"
    assert "lower than 50.00" in held.why


def test_v10_a_template_from_before_the_last_file_is_stale() -> None:
    one = student()
    entry = sent(one, "40.00", "9001")
    with pytest.raises(UsageError, match="--not-imported"):
        canvas_draft([one], entries=[entry], modified=NOW - timedelta(hours=2))
    fresh = canvas_draft([one], entries=[entry], modified=NOW)
    assert only(fresh).value == "41.50"
    assert any("not at the LMS" in note for note in fresh.notes)


def test_v10_a_template_of_another_assignment_is_refused() -> None:
    one = student()
    entry = sent(one, "40.00", "299", route="moodle_worksheet", destination="moodle")
    request = request_of(scores_of([one]), moodle_worksheet([one]), entries=[entry])
    with pytest.raises(UsageError, match="of another assignment"):
        format_of("moodle_worksheet").draft(request)


def test_a_score_of_nobody_knows_whom_is_kept_in_sight() -> None:
    doubt = scores_of([student()])[0].model_copy(update={"doubt": "nobody could tell whose it is", "ids": {}})
    draft = format_of("canvas", column="55").draft(request_of([doubt], canvas_export([student(2)])))
    assert [one.kind for one in draft.outcomes] == ["ambiguous", "missing"]
    assert not draft.outcomes[0].accounted


def test_single_cases_are_waived_with_a_reason() -> None:
    draft = canvas_draft(
        [student(in_lms=False), student(2, in_run=False)],
        waived={"00101": "dropped", "9002": "auditor"},
        accepted=NOTHING,
    )
    assert all(one.accounted for one in draft.outcomes)
    assert [one.why.rpartition("; ")[2] for one in draft.outcomes] == ["waived: dropped", "waived: auditor"]


def test_leading_zeros_that_differ_are_pointed_out() -> None:
    one = student(number="101", canvas="", login="", email="")
    draft = canvas_draft([one], canvas_export([student(number="00101")]))
    assert draft.outcomes[0].kind == "unknown"
    assert "leading zeros differ" in draft.outcomes[0].why


# ---------------------------------------------------------------------- Canvas


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"VAE (55)", b"VAE Final Score (55)", "Canvas ignores the column"),
        (b"VAE (55)", b"VAE", "no assignment '55'"),
        (b"60.00", b"(read only)", "lets nobody write"),
        (b"Section", b"Sections", "no gradebook"),
        (b"    Points Possible", b"    Points", "no row 'Points Possible'"),
        (b"Student,ID", b"Name,Number", "no gradebook"),
        (b",3.50,", b",", "has 7 cells, the header has 8"),
    ],
)
def test_gradebooks_that_would_fail_are_refused(old: bytes, new: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        canvas_draft([student()], canvas_export([student()]).replace(old, new))


def test_a_byte_order_mark_before_a_quote_is_refused() -> None:
    content = canvas_export([student()], bom=True).replace(b"Student,", b'"Student",', 1)
    with pytest.raises(UsageError, match="byte order mark"):
        canvas_draft([student()], content)


def test_our_column_has_to_be_named_when_there_are_several() -> None:
    request = request_of(scores_of([student()]), canvas_export([student()]))
    with pytest.raises(UsageError, match="several assignments"):
        format_of("canvas").draft(request)
    for name in ("55", "VAE", "VAE (55)"):
        assert format_of("canvas", column=name).draft(request).destination == "canvas:55"


def test_canvas_would_drop_a_score_of_who_is_not_assigned() -> None:
    found = only(canvas_draft([student(locked=True)], accepted=NOTHING))
    assert found.kind == "locked"
    assert not found.accounted


def test_a_score_does_not_end_an_excuse_by_itself() -> None:
    content = canvas_export([student()]).replace(b"S1 and S2,,", b"S1 and S2,EX,")
    found = only(canvas_draft([student()], content))
    assert (found.kind, found.before) == ("locked", "EX")


def test_two_names_and_rows_of_canvas_own_are_understood() -> None:
    text = (
        "LastName,FirstName,ID,SIS Login ID,Section,VAE (55)\n,,,,,Manual Posting\n    Points Possible,,,,,60.00\n"
        "Smith,Sam,9001,sam1,S1,\n"
    )
    draft = canvas_draft([student()], text.encode())
    assert only_file(draft).decode() == text.replace("sam1,S1,", "sam1,S1,41.50")


def test_what_lateness_costs_is_taken_off_once() -> None:
    late = scores_of([student()])[0].model_copy(update={"deduction": Decimal(2)})
    draft = format_of("canvas", column="55").draft(request_of([late], canvas_export([student()])))
    assert any("late policy must be off" in note for note in draft.notes)


def test_an_id_that_a_spreadsheet_rewrote_stops() -> None:
    content = canvas_export([student()]).replace(b"00101", b"1.01E+02")
    with pytest.raises(UsageError, match=r"SIS User ID is .* a spreadsheet rewrote it"):
        canvas_draft([student()], content)


def test_names_like_formulas_are_told_to_the_teacher() -> None:
    draft = canvas_draft([student(name="=1+1 Evil")])
    assert any("look like formulas" in note for note in draft.notes)


# ---------------------------------------------------------------------- Moodle


def worksheet_draft(content: bytes, students: Sequence[Student] = (), **more: Any) -> Draft:
    return format_of("moodle_worksheet").draft(
        request_of(scores_of(students or [student()]), content, **more)
    )


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"\xef\xbb\xbf", b"", "no byte order mark"),
        (b"Identifier", b"Kennung", "no grading worksheet"),
        (b'"Maximum grade"', b"Scale", "graded by a scale"),
        (b"60.00", b"100.00", "has 100 points"),
        (b"Participant 301", b"Participant", "no number"),
    ],
)
def test_worksheets_that_would_fail_are_refused(old: bytes, new: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        worksheet_draft(moodle_worksheet([student()]).replace(old, new))


def test_semicolons_are_the_trace_of_a_spreadsheet() -> None:
    content = moodle_worksheet([student()]).replace(b",", b";")
    with pytest.raises(UsageError, match="semicolons"):
        worksheet_draft(content)


def test_a_locked_grade_is_held_back() -> None:
    one = student(locked=True)
    found = only(worksheet_draft(moodle_worksheet([one]), [one], accepted=NOTHING))
    assert (found.kind, found.accounted) == ("locked", False)


def test_old_comments_stay_and_ours_hold_no_backslash() -> None:
    students = [student(1, comment="\\frac < \\"), student(2, before=Decimal(50))]
    draft = worksheet_draft(moodle_worksheet(students, comment="old \\alpha"), students)
    text = only_file(draft).decode()
    assert '"old \\alpha"' in text
    assert "Score: &#92;frac &lt; &#92;" in text
    assert "Moodle should say: Updated 1 grades and 1 feedback instances" in draft.notes


def test_dates_that_moodle_cannot_read_are_told() -> None:
    content = moodle_worksheet([student()], german=True).replace(b",-,\n", b',"Samstag, 21. November",\n')
    assert any("Allow updating records" in note for note in worksheet_draft(content).notes)


def test_other_languages_are_named_by_their_headings() -> None:
    content = (
        moodle_worksheet([student()]).replace(b"Identifier", b"Identificador").replace(b"Grade,", b"Nota,")
    )
    roles = {
        "identifier": "Identificador",
        "grade": "Nota",
        "modified": "Last modified (grade)",
        "maximum": "Maximum grade",
    }
    draft = format_of("moodle_worksheet", header=roles).draft(request_of(scores_of([student()]), content))
    assert only(draft).value == "41.50"
    assert any("no column says whose grade cannot be changed" in note for note in draft.notes)
    with pytest.raises(UsageError, match="missing: identifier"):
        format_of("moodle_worksheet", header={"grade": "Nota"})


def test_what_stands_there_when_a_grade_can_be_changed_is_asked_for() -> None:
    roles = {
        "identifier": "ID",
        "grade": "Nota",
        "modified": "Data",
        "maximum": "Max",
        "changeable": "Si può",
    }
    with pytest.raises(UsageError, match="--header yes=TEXT"):
        format_of("moodle_worksheet", header=roles)


@pytest.mark.parametrize(
    ("headings", "said"),
    [
        ("Identifiant,Nom complet,Numéro d'identification,Statut,Note,Note maximale,La note peut être modifiée,"
         "Dernière modification (note),Feedback par commentaires", ("Oui", "Non")),
        ("Identificador,Nombre completo,Número de ID,Estado,Calificación,Calificación máxima,"
         "La calificación puede ser cambiada,Última modificación (calificación),Comentarios de retroalimentación",
         ("Sí", "No")),
    ],
    ids=["French", "Spanish"],
)  # fmt: skip
def test_worksheets_in_french_and_spanish(headings: str, said: tuple[str, str]) -> None:
    people = [student(1), student(2)]
    rows = "".join(
        f'Participante {one.participant},"{one.name}",{one.number},-,,"60,00",{can},-,\n'
        for one, can in zip(people, said, strict=True)
    )
    draft = worksheet_draft(b"\xef\xbb\xbf" + f"{headings}\n{rows}".encode(), people)
    assert [(one.kind, one.value) for one in draft.outcomes] == [("written", "41.50"), ("locked", "41.50")]
    assert only_file(draft).decode("utf-8-sig").splitlines()[0] == headings


def test_the_gradebook_import_holds_only_rows_with_a_score() -> None:
    students = [student(1), student(2, state=State.MISSING)]
    request = request_of(scores_of(students))
    draft = format_of("moodle_gradebook").draft(request)
    assert only_file(draft).decode().splitlines() == [
        "ID number,Score,Feedback",
        "00101,41.50,Score: well done",
    ]
    template = moodle_gradebook(students)
    request = request_of(scores_of(students), template)
    draft = format_of("moodle_gradebook", column="Assignment: VAE (Real)").draft(request)
    assert only_file(draft).decode().splitlines()[1:] == ['"Smith, Sam",00101,sam1@example.invalid,41.50,-']


def test_one_assignment_of_moodle_has_one_route() -> None:
    entry = sent(student(), "40.00", "301", route="moodle_worksheet", destination="moodle")
    request = request_of(scores_of([student()]), entries=[entry])
    with pytest.raises(UsageError, match="block each other"):
        format_of("moodle_gradebook").draft(request)
    request = request_of(scores_of([student()]), entries=[entry], destination="quiz")
    assert only(format_of("moodle_gradebook").draft(request)).kind == "written"
    entry = sent(student(), "40.00", "00101", route="moodle_gradebook", destination="moodle")
    with pytest.raises(UsageError, match=r"by moodle-gradebook before.*--not-imported"):
        worksheet_draft(moodle_worksheet([student()]), entries=[entry])


# ------------------------------------------------------- Blackboard, Brightspace


def test_blackboard_keeps_its_header_and_takes_a_comment() -> None:
    one = student(comment="a <b>")
    draft = format_of("blackboard").draft(
        request_of(scores_of([one]), blackboard_export([one], tabbed=False))
    )
    header, row = only_file(draft).decode().splitlines()
    assert header.endswith('"VAE [Total Pts: 60 Score] |1702852","Feedback to Learner","Feedback Format"')
    assert row.endswith('"41.50","Score: a &lt;b&gt;","HTML"')


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"|1702852", b"", "no column ''"),
        (b"Username", b"User", "no column Username"),
        (b"Pts: 60", b"Pts: 100", "has 100 points"),
        (b'"sam1"', b'""', "blank"),
    ],
)
def test_blackboard_files_that_would_fail_are_refused(old: bytes, new: bytes, why: str) -> None:
    content = blackboard_export([student()], tabbed=False).replace(old, new)
    with pytest.raises(UsageError, match=why):
        format_of("blackboard").draft(request_of(scores_of([student()]), content))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"OrgDefinedId", b"Org", "no grades file"),
        (b",#\r\n", b",\r\n", "does not end with '#'"),
        (b"MaxPoints:60", b"MaxPoints:100", "has 100 points"),
        (b"VAE Points Grade", b"VAE Text Grade", "no item ''"),
    ],
)
def test_brightspace_files_that_would_fail_are_refused(old: bytes, new: bytes, why: str) -> None:
    content = brightspace_export([student()]).replace(old, new)
    with pytest.raises(UsageError, match=why):
        format_of("brightspace").draft(request_of(scores_of([student()]), content))


def test_brightspace_would_cut_a_score_above_the_maximum() -> None:
    one = student(points=Decimal(61))
    request = request_of(scores_of([one]), brightspace_export([one]), extra_credit=True)
    assert only(format_of("brightspace").draft(request)).kind == "over"
    assert only(format_of("brightspace", can_exceed=True).draft(request)).value == "61.00"


# ------------------------------------------------------------------- the zips


def with_report(folder: Path, score: StudentScore, text: str = "<p>report</p>") -> StudentScore:
    """Return a score whose report lies in `folder`."""
    place = f"submissions/{score.submission}/report.html"
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_text(text, encoding="utf-8")
    return score.model_copy(update={"report": place})


def test_reports_go_into_moodle_s_own_folders(tmp_path: Path) -> None:
    (score,) = scores_of([student()])
    folder = "Ana Müller_114_assignsubmission_file"
    own = score.model_copy(update={"received": (Received(entry=f"{folder}/a.ipynb"),)})
    form = format_of("moodle_feedback")
    request = request_of([with_report(tmp_path, own)], folder=tmp_path)
    draft = form.draft(request)
    _, after = form.reading(draft.files, None)
    assert dict(after) == dict(draft.expected)
    assert list(after) == [("114", "report")]
    assert draft.what == "report"
    assert only_file(form.draft(request)) == only_file(draft)  # the same reports, the same bytes


def test_a_report_reaches_a_team_once_and_never_a_participant_of_its_number(tmp_path: Path) -> None:
    team = Received(entry="Team One_7_assignsubmission_file/a.ipynb")
    members = [
        with_report(
            tmp_path,
            one.model_copy(update={"received": (team,), "submission": "t", "lms": {"team": "Team One"}}),
        )
        for one in scores_of([student(1, group=1), student(2, group=1)])
    ]
    form = format_of("moodle_feedback")
    draft = form.draft(request_of(members, folder=tmp_path))
    assert list(draft.expected) == [("7", "report")]
    entry = Received(entry="Default group_assignsubmission_file")
    teamless = members[0].model_copy(update={"received": (entry,), "lms": {"team_name": "Default group"}})
    assert only(form.draft(request_of([teamless], folder=tmp_path))).kind == "unknown"
    lost = [one.model_copy(update={"received": ()}) for one in members]
    assert {one.kind for one in form.draft(request_of(lost, folder=tmp_path)).outcomes} == {"unknown"}


def test_canvas_reports_name_user_and_attachment(tmp_path: Path) -> None:
    received = (
        Received(entry="team_1_9001_76_notes.pdf", name="notes.pdf", attachment="76"),
        Received(entry="team_1_9001_77_a.ipynb", name="a.ipynb", attachment="77"),
    )
    (score,) = scores_of([student()])
    form = format_of("canvas_feedback")
    own = with_report(tmp_path, score.model_copy(update={"received": received}))
    draft = form.draft(request_of([own], folder=tmp_path))
    assert form.reading(draft.files, None)[1] == draft.expected
    assert list(draft.expected) == [("9001/77", "report")]
    lost = own.model_copy(update={"received": ()})
    assert only(form.draft(request_of([lost], folder=tmp_path))).kind == "unknown"


def test_reports_of_states_without_a_score_stay_here(tmp_path: Path) -> None:
    scores = [
        with_report(tmp_path, one)
        for one in scores_of([student(1, state=State.WITHHELD), student(2, state=State.PENDING)])
    ]
    draft = format_of("canvas_feedback").draft(request_of(scores, folder=tmp_path))
    assert not draft.expected
    assert {one.kind for one in draft.outcomes} == {"withheld", "pending"}


# --------------------------------------------------------------- Gradescope, AGS


def test_gradescope_leaves_out_points_that_wait() -> None:
    (score,) = scores_of([student(state=State.PENDING)])
    form = format_of("gradescope")
    assert form.draft(request_of([score])).files == {}
    graded = scores_of([student(points=Decimal("41.25"))])[0]
    items = tuple(item.model_copy(update={"pending": Decimal(6)}) for item in graded.items)
    waiting = graded.model_copy(
        update={"state": State.PENDING, "score": None, "so_far": Decimal("41.25"), "items": items}
    )
    document = json.loads(only_file(form.draft(request_of([waiting], partial=True))))
    assert document["score"] == 41.25
    assert document["tests"][0]["max_score"] == 54
    assert "6 points wait" in document["tests"][0]["output"]


def test_gradescope_s_total_is_the_most_that_tests_may_give() -> None:
    scores = scores_of([student()])
    form = format_of("gradescope")
    enough, less = (
        json.dumps({"assignment": {"total_points": total}}).encode() for total in ("60.0", "50.0")
    )
    assert form.draft(request_of(scores, enough, "submission_metadata.json")).files
    with pytest.raises(UsageError, match="give 60 points, the assignment only 50"):
        form.draft(request_of(scores, less, "submission_metadata.json"))
    with pytest.raises(UsageError, match=r"no submission_metadata\.json"):
        form.draft(request_of(scores, b"[]", "submission_metadata.json"))


def test_without_a_score_gradescope_hears_of_a_failure_and_not_of_zero() -> None:
    from autograder.export.gradescope import results_of

    (score,) = scores_of([student(state=State.FAILED)])
    document = results_of(score.model_copy(update={"reason": "it is a PDF"}), "aml-a3")
    assert "score" not in document
    assert "tests" not in document
    assert document["output"] == "There is no score: it is a PDF"


def members(*people: dict[str, Any]) -> bytes:
    return json.dumps({"members": [{"roles": ["http://x#Learner"], **one} for one in people]}).encode()


def test_ags_finds_users_in_the_list_of_members() -> None:
    content = members(
        {"user_id": "u1", "email": "SAM1@example.invalid", "name": "Sam"},
        {"user_id": "u2", "lis_person_sourcedid": "00102"},
        {"user_id": "u3", "email": "other@example.invalid"},
        {"user_id": "t", "roles": ["http://x#Instructor"], "email": "t@example.invalid"},
    )
    scores = scores_of([student(1), student(2)])
    known = [
        one.model_copy(update={"ids": {k: v for k, v in one.ids.items() if k != "lti"}}) for one in scores
    ]
    request = request_of(known, content, "members.json")
    draft = format_of("ags").draft(request)
    assert [(one.kind, one.row) for one in draft.outcomes] == [
        ("written", "u1"),
        ("written", "u2"),
        ("missing", "u3"),
    ]
    body = json.loads(draft.files["ags/u1.json"])
    assert body["userId"] == "u1"
    assert (body["scoreGiven"], body["scoreMaximum"]) == (41.5, 60)
    assert body["gradingProgress"] == "FullyGraded"
    assert body["https://canvas.instructure.com/lti/submission"] == {"new_submission": False}


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"members": 3}', members({"user_id": ""}), b"\xff"])
def test_a_list_of_members_that_is_none_is_refused(content: bytes) -> None:
    request = request_of(scores_of([student()]), content, "members.json")
    with pytest.raises(UsageError, match=r"members\.json"):
        format_of("ags").draft(request)


def test_ags_times_rise_for_every_user() -> None:
    one = student()
    later = (NOW + timedelta(hours=1)).isoformat()
    entry = Entry(
        1, later, "eva", "b", "ags", "ags", one.number, "sub/00101", "score", "written", "1.00", "", ""
    )
    draft = format_of("ags", user="lti").draft(request_of(scores_of([one]), entries=[entry]))
    body = json.loads(only_file(draft))
    assert datetime.fromisoformat(body["timestamp"]) > datetime.fromisoformat(later)
    assert list(draft.files) == ["ags/sub_00101~1.json"]


@pytest.mark.parametrize("name", ["plain_csv", "xlsx"])
def test_lists_show_people_of_whom_little_is_known(name: str) -> None:
    (score,) = scores_of([student(state=State.MISSING)])
    form = format_of(name)
    draft = form.draft(request_of([score.model_copy(update={"ids": {"any": "x"}, "items": ()})]))
    assert form.reading(draft.files, None)[1] == draft.expected


def test_lists_guard_what_looks_like_a_formula() -> None:
    (score,) = scores_of([student(name="=1+1 Evil", login="-x", number="00101")])
    text = only_file(format_of("plain_csv").draft(request_of([score]))).decode("utf-8-sig")
    header, row = text.splitlines()
    assert header.endswith(",a ' before a text keeps a spreadsheet from reading it as a formula")
    assert row.startswith("00101,'=1+1 Evil,graded,41.5,60,")
    assert ",'-x," in row
