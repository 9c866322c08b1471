"""Files of an LMS: what is not changed comes out byte for byte; what could be damaged is refused."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import UsageError
from autograder.export.decimals import has_decimal_commas, is_damaged, number_of, two_places
from autograder.export.tables import read_table

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=6)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1, max_size=5)
)


def written(rows: list[list[str]], delimiter: str, end: str, quoting: int) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


@given(
    tables,
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from([(b"", "utf-8"), (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le")]),
    st.booleans(),
)
def test_a_table_comes_out_as_it_came_in(
    rows: list[list[str]],
    delimiter: str,
    end: str,
    quoting: int,
    mark: tuple[bytes, str],
    is_ended: bool,
) -> None:
    text = written(rows, delimiter, end, quoting)
    text = text if is_ended or text == end else text.removesuffix(end)
    if text.startswith("\ufeff"):
        return
    content = mark[0] + text.encode(mark[1])
    table = read_table(content, "t", (delimiter,))
    assert table.content({}) == content
    cells = [[cell.value for cell in row] for row in table.rows]
    assert cells == list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


@given(tables, st.data())
def test_only_the_cell_that_is_changed_changes(rows: list[list[str]], data: st.DataObject) -> None:
    text = written(rows, ",", "\n", csv.QUOTE_MINIMAL)
    if text.startswith("\ufeff"):
        return
    row, column = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.integers(0, len(rows[0]) - 1))
    new = data.draw(texts)
    content = read_table(text.encode(), "t", (",",)).content({(row, column): new})
    expected = [list(one) for one in rows]
    expected[row][column] = new
    if len(rows[0]) > 1:  # a lone blank cell is no row for that reader
        assert list(csv.reader(io.StringIO(content.decode(), newline=""))) == expected


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a,b\n1,2,3\n", "row 2 has 3 cells"),
        (b"a,b\n1\n", "row 2 has 1 cells"),
        (b'a,b\n1,"2\n', "quote"),
        (b'a,b\n1,2"3\n', "quote"),
        (b"a,b\r\n1,2\n3,4\r\n", "line ends"),
        (b"a,b\n\xfc,1\n", "not utf-8"),
        (b"a\x00,b\n", "NUL"),
        (b"", "empty"),
    ],
)
def test_what_would_lose_rows_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_table(content, "t.csv", (",", ";"))


def test_an_encoding_is_taken_only_when_it_is_named() -> None:
    content = "Name\nMüller\n".encode("cp1252")
    with pytest.raises(UsageError, match="--encoding"):
        read_table(content, "t.csv", (",",))
    table = read_table(content, "t.csv", (",",), encoding="cp1252")
    assert table.value(1, 0) == "Müller"
    assert table.content({}) == content
    with pytest.raises(UsageError, match="no such encoding"):
        read_table(content, "t.csv", (",",), encoding="klingon")


def test_escapes_keep_quotes_as_php_writes_them() -> None:
    content = b'a,b\n"x\\"y",2\n'
    table = read_table(content, "t.csv", (",",), has_escapes=True)
    assert table.value(1, 0) == 'x\\"y'
    assert table.content({(1, 1): "3"}) == b'a,b\n"x\\"y",3\n'


def test_rows_and_columns_can_be_left_out() -> None:
    table = read_table(b"a,b,c\r\n1,2,3\r\n4,5,6", "t.csv", (",",))
    assert table.content({}, rows=[0, 2], columns=[0, 2]) == b"a,c\r\n4,6"
    assert table.content({}, rows=[0, 1], columns=[1]) == b"b\r\n2\r\n"


@given(st.decimals(0, 10**6, places=4))
def test_a_score_is_written_with_two_places_rounded_half_up(number: object) -> None:
    from decimal import ROUND_HALF_UP, Decimal

    assert isinstance(number, Decimal)
    assert Decimal(two_places(number)) == number.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert two_places(number).partition(".")[2].isdecimal()


def test_decimal_commas_are_taken_only_where_no_point_is() -> None:
    assert has_decimal_commas(["78,50", "", "-", "EX"], "here")
    assert not has_decimal_commas(["78.50", "1"], "here")
    with pytest.raises(UsageError, match="here holds numbers with a comma and numbers with a point"):
        has_decimal_commas(["78,50", "1.5"], "here")
    assert number_of("1,234.5") is None
    assert is_damaged("1.23E+15")
    assert not is_damaged("00123")


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
def test_a_score_is_finite(number: str) -> None:
    from decimal import Decimal

    with pytest.raises(ValueError, match="finite"):
        two_places(Decimal(number))
