"""For random classes: export, then the LMS's own reading rules, gives the same scores for the same ids."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from export_classes import (
    Student,
    blackboard_export,
    brightspace_export,
    canvas_export,
    classes,
    format_of,
    moodle_gradebook,
    moodle_worksheet,
    only_file,
    request_of,
    scores_of,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.export.comments import normalised
from autograder.export.formats import Draft, Format, Request
from autograder.export.outcomes import LISTS, lists_of
from autograder.export.readers import said
from autograder.export.scores import State
from autograder.export.tables import read_table
from autograder.export.verifying import read_back

SETTINGS = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
Class = tuple[Student, ...]


def exported(form: Format, request: Request) -> Draft:
    """Return a draft that reads back as it should, with every student and every row in one list."""
    draft = form.draft(request)
    n, differences = read_back(form, draft, request.template)
    assert not differences, [str(one) for one in differences]
    assert n >= len(draft.expected)
    students = [one.student for one in draft.outcomes if one.student]
    assert sorted(students) == sorted(score.key for score in request.scores)
    assert sum(len(one) for one in lists_of(draft.outcomes).values()) == len(draft.outcomes)
    assert {one.listed for one in draft.outcomes} <= set(LISTS)
    return draft


def table_of(content: bytes, delimiter: str, encoding: str = "utf-8-sig") -> list[list[str]]:
    """Return the cells by the standard library's own reader."""
    text = content.decode(encoding)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def changed_cells(before: list[list[str]], after: list[list[str]]) -> set[int]:
    """Return the columns in which any cell differs; rows and header are the same."""
    assert len(before) == len(after)
    assert before[0] == after[0]
    return {
        column
        for old, new in zip(before, after, strict=True)
        for column, (one, other) in enumerate(zip(old, new, strict=True))
        if one != other
    }


@SETTINGS
@given(classes(), st.sampled_from([",", ";"]), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_canvas(students: Class, delimiter: str, bom: bool, end: str) -> None:
    template = canvas_export(students, delimiter=delimiter, bom=bom, end=end)
    form, request = format_of("canvas", column="55"), request_of(scores_of(students), template)
    draft = exported(form, request)
    content = only_file(draft)
    old, new = table_of(template, delimiter), table_of(content, delimiter)
    assert changed_cells(old, new) <= {5}
    assert content.startswith(b"\xef\xbb\xbf") == bom
    assert content.count(end.encode()) == template.count(end.encode())
    _, after = form.reading(draft.files, request.template)
    for one in students:
        if one.in_lms:
            expected = one.after(can_lock=True)
            if one.in_run and one.state is State.EXCUSED and not one.locked:
                assert after[one.canvas, "VAE (55)"] == "EX"
            elif one.locked:
                assert (one.canvas, "VAE (55)") not in after
            else:
                assert after.get((one.canvas, "VAE (55)")) == (None if expected is None else said(expected))
            assert after[one.canvas, "Essay (56)"] == "3.5"


@SETTINGS
@given(classes())
def test_a_narrow_canvas_file_holds_what_is_written_and_nothing_else(students: Class) -> None:
    form = format_of("canvas", column="VAE", narrow=True)
    draft = exported(form, request_of(scores_of(students), canvas_export(students)))
    header, points, *rows = table_of(only_file(draft), ",")
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "VAE (55)"]
    assert points[-1] == "60.00"
    written = {one.row: one.value for one in draft.outcomes if one.kind == "written"}
    assert {row[1]: row[5] for row in rows} == written


@SETTINGS
@given(classes(), st.booleans(), st.sampled_from(["", "old comment", "old\nwith <b>HTML</b> &amp; \\frac"]))
def test_moodle_worksheet(students: Class, german: bool, comment: str) -> None:
    template = moodle_worksheet(students, german=german, comment=comment)
    form, request = format_of("moodle_worksheet"), request_of(scores_of(students), template)
    draft = exported(form, request)
    content = only_file(draft)
    table = read_table(template, "before", (",",), has_escapes=True)
    again = read_table(content, "after", (",",), has_escapes=True)
    for old, new in zip(table.rows, again.rows, strict=True):
        different = {at for at, (one, other) in enumerate(zip(old, new, strict=True)) if one != other}
        assert different <= {5, 10}  # as they are written, byte for byte
    assert b"\\" not in content.replace(comment.encode(), b"")
    before, after = form.reading(draft.files, request.template)
    for one in students:
        if not one.in_lms:
            assert (one.participant, "score") not in after
            continue
        expected = one.after(can_lock=True)
        assert after.get((one.participant, "score")) == (None if expected is None else said(expected))
        is_written = any(found.row == one.participant and found.kind == "written" for found in draft.outcomes)
        told = normalised(f"Score: {one.comment}") if is_written else before.get((one.participant, "comment"))
        assert after.get((one.participant, "comment")) == told


@SETTINGS
@given(classes(), st.sampled_from(["number", "email"]), st.booleans())
def test_moodle_gradebook(students: Class, by: str, with_template: bool) -> None:
    template = moodle_gradebook(students) if with_template else None
    column = "Assignment: VAE (Real)" if with_template else ""
    form = format_of("moodle_gradebook", by=by, column=column)
    request = request_of(scores_of(students), template)
    draft = exported(form, request)
    _, after = form.reading(draft.files, request.template)
    for one in students:
        place = (one.ids[by], column or "Score")
        there = one.after(can_lock=False) if one.in_lms else None
        expected = there if with_template else one.value
        assert after.get(place) == (None if expected is None else said(expected))


@SETTINGS
@given(classes(), st.booleans())
def test_blackboard(students: Class, tabbed: bool) -> None:
    template = blackboard_export(students, tabbed=tabbed)
    form, request = format_of("blackboard"), request_of(scores_of(students), template)
    draft = exported(form, request)
    sign, encoding = ("\t", "utf-16") if tabbed else (",", "utf-8")
    content = only_file(draft)
    assert changed_cells(table_of(template, sign, encoding), table_of(content, sign, encoding)) <= {4, 5, 6}
    _, after = form.reading(draft.files, request.template)
    for one in students:
        expected = one.after(can_lock=False) if one.in_lms else None
        place = (one.login, "VAE [Total Pts: 60 Score] |1702852")
        assert after.get(place) == (None if expected is None else said(expected))


@SETTINGS
@given(classes())
def test_brightspace(students: Class) -> None:
    template = brightspace_export(students)
    form, request = format_of("brightspace"), request_of(scores_of(students), template)
    draft = exported(form, request)
    rows = table_of(only_file(draft), ",")
    assert rows[0][:2] == ["OrgDefinedId", "Username"]
    assert not {"Last Name", "Email"} & set(rows[0])
    assert all(row[-1] == "#" for row in rows[1:])
    _, after = form.reading(draft.files, request.template)
    item = "VAE Points Grade <Numeric MaxPoints:60 Weight:10>"
    for one in students:
        expected = one.after(can_lock=False) if one.in_lms else None
        assert after.get((one.number, item)) == (None if expected is None else said(expected))


@SETTINGS
@given(classes())
def test_gradescope(students: Class) -> None:
    form, request = format_of("gradescope"), request_of(scores_of(students))
    draft = exported(form, request)
    _, after = form.reading(draft.files, None)
    for score in request.scores:
        is_graded = score.state is State.GRADED
        assert ((score.submission or "", "score") in after) == is_graded
        if is_graded and score.score is not None:
            wanted = score.score.quantize(Decimal("0.01"), "ROUND_HALF_UP")
            assert Decimal(after[score.submission or "", "score"]) == wanted


@SETTINGS
@given(classes())
def test_ags(students: Class) -> None:
    form, request = format_of("ags", user="lti"), request_of(scores_of(students))
    draft = exported(form, request)
    _, after = form.reading(draft.files, None)
    found = {user: value for (user, field), value in after.items() if field == "score"}
    assert found == {one.ids["lti"]: said(one.value) for one in students if one.value is not None}


@SETTINGS
@given(classes())
@pytest.mark.parametrize("name", ["plain_csv", "xlsx"])
def test_lists_for_people(name: str, students: Class) -> None:
    form, request = format_of(name), request_of(scores_of(students))
    draft = exported(form, request)
    _, after = form.reading(draft.files, None)
    for score in request.scores:
        assert after[score.key, "number"] == score.ids["number"]
        assert after[score.key, "login"] == score.ids["login"]
        assert after[score.key, "state"] == score.state.value
        assert ((score.key, "score") in after) == (score.score is not None)
