"""The models of the readers do what was seen of each LMS: every way in which a score vanishes without an error."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from export_classes import MOODLE_DE, MOODLE_EN, format_of

from autograder.export.formats import Template
from autograder.export.readers import ImportRefused, php
from autograder.export.readers import canvas as canvas_reader
from autograder.export.readers import feedback as feedback_reader

NOW = datetime(2026, 11, 28, tzinfo=UTC)


# ---------------------------------------------------------------------- Moodle


def worksheet(*rows: tuple[str, str, str], header: str = MOODLE_EN, who: str = "Participant ") -> bytes:
    """Return a worksheet of rows (number, grade, comment), each as it is written."""
    body = "".join(
        f"{who}{n},Ana,a@x.org,007,Submitted,{grade},100.00,Yes,-,-,{said}\n" for n, grade, said in rows
    )
    return (header + body).encode()


def imported(
    *rows: tuple[str, str, str], before: bytes | None = None, german: bool = False
) -> dict[str, str]:
    """Return the grades and comments after an import into an assignment with participants 5 and 6."""
    header, who = (MOODLE_DE, "Teilnehmer/in") if german else (MOODLE_EN, "Participant ")
    content = worksheet(*rows, header=header, who=who)
    if german:
        content = content.replace(b",Yes,", b",Ja,")
    return read_worksheet(content, before, header, who)


def read_worksheet(content: bytes, before: bytes | None, header: str, who: str) -> dict[str, str]:
    known = before or worksheet(("5", "", ""), ("6", "", ""), header=header, who=who)
    known = known.replace(b",Yes,", b",Ja,") if header == MOODLE_DE else known
    _, after = format_of("moodle_worksheet").reading({"w.csv": content}, Template("w.csv", known, NOW))
    return {f"{row} {field}": value for (row, field), value in after.items()}


@pytest.mark.parametrize(
    ("cell", "grade"),
    [
        ("78.5", "78.5"),
        ("EX", "0"),
        ("A", "0"),
        ("N/A", "0"),
        ("nan", "0"),
        ("#REF!", "0"),
        ('"78,5"', "78"),
        ("78.5%", "78.5"),
        ("1e1", "10"),
        ("7 8", "78"),
        ("12.34567", "12.34567"),
    ],
)
def test_what_moodle_makes_of_a_grade_in_english(cell: str, grade: str) -> None:
    assert imported(("5", cell, ""))["5 score"] == grade


@pytest.mark.parametrize("cell", ["78.5", '"78,5"'])
def test_a_german_moodle_reads_both_signs(cell: str) -> None:
    assert imported(("5", cell, ""), german=True)["5 score"] == "78.5"


@pytest.mark.parametrize("cell", ["100.01", "-1", ""])
def test_what_moodle_skips_silently_leaves_the_comment_behind(cell: str) -> None:
    assert imported(("5", cell, "Well done")) == {"5 comment": "Well done"}


def test_a_blank_comment_wipes_the_old_one() -> None:
    before = worksheet(("5", "", '"old words"'), ("6", "", ""))
    assert imported(("5", "1", ""), before=before) == {"5 score": "1"}


def test_unknown_participants_are_ignored() -> None:
    assert imported(("99", "50", "")) == {}


def test_a_locked_grade_is_skipped() -> None:
    content = worksheet(("5", "50", "")).replace(b",Yes,", b",No,")
    assert read_worksheet(content, None, MOODLE_EN, "Participant ") == {}


def test_a_comment_that_ends_in_a_backslash_swallows_the_next_row() -> None:
    after = imported(("5", "50", '"ends \\"'), ("6", "60", "fine"))
    assert "6 score" not in after
    assert "Participant 6" in after["5 comment"]
    with pytest.raises(ImportRefused, match="cells"):  # with quotes in that row nothing at all is imported
        imported(("5", "50", '"ends \\"'), ("6", "60", '"fine, too"'))


def test_latex_survives_and_escaped_quotes_are_damaged() -> None:
    latex = imported(("5", "50", '"\\frac{a}{b} of it"'))
    assert latex["5 comment"] == "\\frac{a}{b} of it"


@pytest.mark.parametrize("row", ["Participant 5,50\n", "Participant 5" + "," * 20 + "\n"])
def test_one_ragged_row_loses_all(row: str) -> None:
    with pytest.raises(ImportRefused, match="nothing is imported"):
        read_worksheet(worksheet(("6", "1", "")) + row.encode(), None, MOODLE_EN, "Participant ")


def test_a_lone_carriage_return_without_quotes_breaks_the_row() -> None:
    with pytest.raises(ImportRefused):
        imported(("5", "50", "one\rtwo"))


def test_headings_of_another_language_are_refused() -> None:
    content = worksheet(("5", "50", "")).replace(b"Last modified (grade)", b"Modified")
    with pytest.raises(ImportRefused, match="heading"):
        read_worksheet(content, None, MOODLE_EN, "Participant ")


def test_a_raw_tag_disappears_from_view() -> None:
    assert imported(("5", "50", "a <class 'int'> b"))["5 comment"] == "a  b"


def test_php_takes_a_backslash_for_a_guard_of_quotes() -> None:
    assert php.rows_of('"a\\"b",c\n') == [['a\\"b', "c"]]
    assert php.rows_of('"a\\\\",c\n') == [["a\\\\", "c"]]
    assert php.rows_of('"a""b"x,\n\nc') == [['a"bx', ""], ["c"]]
    assert php.line_of(["a b", 'q"', "\\", ""]) == '"a b","q""","\\",\n'
    assert php.line_of(['a\\"b']) == '"a\\"b"\n'


# ---------------------------------------------------------------------- Canvas


CANVAS = "Student,ID,SIS Login ID,Section,VAE (55),Essay (56)\n    Points Possible,,,,100.00,10.00\n"


def canvas(text: str | bytes, before: str = '"Müller, Ana",123,amueller,S1,,\n') -> dict[str, str]:
    """Return the scores after an import: `user heading` to what is said."""
    content = text if isinstance(text, bytes) else text.encode()
    _, after = canvas_reader.reading({"g.csv": content}, Template("g.csv", (CANVAS + before).encode(), NOW))
    return {f"{row} {field}": value for (row, field), value in after.items()}


@pytest.mark.parametrize(
    ("cell", "score"),
    [
        ("78.5", "78.5"),
        ('"78,5"', "78.5"),
        ('"1,234.5"', "1234.5"),
        ('"1,234"', "1.23"),
        ("1.234.567", "1234.57"),
        ("ex", "EX"),
        ("EXCUSED", "EX"),
        ("85%", "85%"),
        ("A-", "A-"),
    ],
)
def test_what_canvas_makes_of_a_cell(cell: str, score: str) -> None:
    assert canvas(f"{CANVAS}Ana,123,a,S1,{cell},\n")["123 VAE (55)"] == score


@pytest.mark.parametrize("cell", ["", "-", "  "])
def test_a_blank_over_a_score_removes_it(cell: str) -> None:
    assert canvas(f"{CANVAS}Ana,123,a,S1,{cell},\n", before="Ana,123,a,S1,9.50,\n") == {}


def test_the_smallest_file_that_imports() -> None:
    text = "Student,ID,SIS Login ID,Section,VAE (55)\n    Points Possible,,,,100.00\nAna,123,a,S1,78.50\n"
    assert canvas(text) == {"123 VAE (55)": "78.5"}


def test_an_id_with_a_comma_is_somebody_else() -> None:
    assert canvas(f'{CANVAS}Ana,"1,9",a,S1,5,\n') == {"1 VAE (55)": "5"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b'\xef\xbb\xbf"Student",ID,SIS Login ID,Section,VAE (55)\n', "byte order mark"),
        ((CANVAS + "Müller,1,a,S1,1,\n").encode("latin-1"), "UTF-8"),
        (CANVAS.replace("\n", "\r\n", 1).encode(), "line ends"),
        (
            b"Student,ID,SIS Login ID,Section,VAE (55)\n    Points Possible\nA,1,a,S1,5\n",
            "Invalid header row",
        ),
        (b"Name,Number,X,Section,VAE (55)\n,,,,\n,,,,\n", "Invalid header row"),
        ((CANVAS + '"A,1,a,S1,5,\n').encode(), "malformed"),
    ],
)
def test_what_canvas_refuses(content: bytes, why: str) -> None:
    with pytest.raises(ImportRefused, match=why):
        canvas(content)


def test_a_title_that_sounds_like_a_total_is_dropped() -> None:
    text = CANVAS.replace("VAE (55)", "VAE Final Score (55)")
    assert canvas(f"{text}Ana,123,a,S1,78.5,3\n") == {"123 Essay (56)": "3"}


def test_a_read_only_column_is_ignored() -> None:
    assert canvas(f"{CANVAS.replace('100.00', '(read only)')}Ana,123,a,S1,78.5,3\n") == {
        "123 Essay (56)": "3"
    }


def test_of_two_equal_headings_the_first_is_read() -> None:
    text = CANVAS.replace("Essay (56)", "VAE (55)")
    assert canvas(f"{text}Ana,123,a,S1,1,2\n") == {"123 VAE (55)": "1"}


# ------------------------------------------------------------------- the zips


def zip_of(*names: str) -> dict[str, bytes]:
    from autograder.export.feedback import zipped

    return {"f.zip": zipped({name: name.encode() for name in names})}


def test_moodle_places_feedback_by_the_number_alone() -> None:
    names = (
        "Ana Müller_5_assignsubmission_file/report.html",
        "Zoë_6_assignsubmission_file_report.html",
        "Team_One_7_assignsubmission_file/report.html",
        "Ana_8_assignsubmission_other/report.html",
        "Ana_9_assignsubmission_file/.report.html",
        "Default group_assignsubmission_file/report.html",
    )
    _, after = feedback_reader.moodle(zip_of(*names), None)
    assert sorted(after) == [("5", "report"), ("6", "report")]


def test_canvas_takes_the_first_two_numbers_of_a_name() -> None:
    names = ("ana_LATE_123_4567_a.html", "team_1_124_4568_a.html", "anna_125_a.html")
    _, after = feedback_reader.canvas(zip_of(*names), None)
    assert sorted(after) == [("1/124", "report"), ("123/4567", "report")]
    known = Template("s.zip", zip_of("team_1_124_4568_x.ipynb", "ana_123_4567_y.ipynb")["f.zip"], NOW)
    _, after = feedback_reader.canvas(zip_of("ana_123_4568_a.html", "team_1_124_4568_a.html"), known)
    assert sorted(after) == [("1/124", "report")]
