"""Which item a cell belongs to: by headings with their levels, or by code where nothing is headed."""

from __future__ import annotations

import pytest

from autograder.rubric.model import SectionSpec
from autograder.rubric.sections import assign_items, headings

SECTIONS = {
    "a1": SectionSpec(headings=[r"\bA1\b", "target"], code=["contour"]),
    "a2": SectionSpec(headings=[r"\bA2\b", "reject"], code=["reject", "accepted"]),
}


def items(*cells: str) -> list[str | None]:
    """Return the items of cells; what begins with `>` is code."""
    kinds = ["code" if cell.startswith(">") else "markdown" for cell in cells]
    return assign_items(kinds, [cell.removeprefix(">") for cell in cells], SECTIONS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# A1", [(1, "A1")]),
        ("### Target ##", [(3, "Target")]),
        ("   ## A2  ", [(2, "A2")]),
        ("#no heading", []),
        ("####### seven", []),
        ("    # code", []),
        ("**A2:**", [(7, "A2:")]),
        ("__Rejection__ :", [(7, "Rejection")]),
        ("a **bold** word", []),
        ("text\n# A1\ntext\n## A2", [(1, "A1"), (2, "A2")]),
        ("", []),
    ],
)
def test_headings(text: str, found: list[tuple[int, str]]) -> None:
    assert headings(text) == found


def test_a_heading_opens_a_section() -> None:
    assert items(">import x", "## A1", ">a = 1", "words", "## A2", ">b = 2") == [
        None,
        "a1",
        "a1",
        "a1",
        "a2",
        "a2",
    ]


def test_case_does_not_matter() -> None:
    assert items("## REJECTION", ">x") == ["a2", "a2"]


def test_a_section_ends_at_a_heading_of_its_level_or_above() -> None:
    assert items("## A1", "### Details", ">a", "## Appendix", ">b") == ["a1", "a1", "a1", None, None]
    assert items("## A1", "# Appendix", ">b") == ["a1", None, None]


def test_a_heading_below_may_open_another_item() -> None:
    assert items("# Target", "## A2 reject", ">a", "## Notes", ">b") == ["a1", "a2", "a2", None, None]


def test_a_line_in_bold_opens_a_section_and_ends_none() -> None:
    assert items("**A1**", ">a", "**Note**", ">b", "**A2**", ">c") == ["a1", "a1", "a1", "a1", "a2", "a2"]


def test_the_last_heading_of_a_cell_counts() -> None:
    assert items("## A1\n## A2", ">a") == ["a2", "a2"]


def test_the_first_item_that_fits_is_taken() -> None:
    assert items("## A1 before A2", ">a") == ["a1", "a1"]


def test_a_comment_in_code_is_no_heading() -> None:
    assert items("## A1", ">## A2", ">b") == ["a1", "a1", "a1"]


def test_code_decides_where_nothing_is_headed() -> None:
    assert items(">import x", ">plt.contour(z)", "words", ">accepted = 1", ">y = 2") == [
        None,
        "a1",
        "a1",
        "a2",
        "a2",
    ]


def test_code_decides_where_no_heading_fits() -> None:
    assert items("# My homework", ">x = 1", ">CONTOUR(z)") == [None, None, "a1"]


def test_words_in_markdown_do_not_decide() -> None:
    assert items("We reject some draws.", ">x = 1") == [None, None]


def test_one_matching_heading_switches_code_off() -> None:
    assert items(">accepted = 1", "## A1", ">reject()") == [None, "a1", "a1"]


def test_an_empty_notebook_has_no_items() -> None:
    assert items() == []
    assert assign_items(["code"], ["reject"], {}) == [None]
