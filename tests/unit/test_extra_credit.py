"""Extra credit: it counts above the total, and full marks do without it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sample_grades as sample
from test_rubric_loader import SMALL, written

import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
import reports
from autograder.checks.findings import failed, judged
from autograder.errors import RubricError
from autograder.export.gradescope import _tests as gradescope_tests
from autograder.export.scores import ItemScore, State, StudentScore, score_comment
from autograder.gradescope.results import results_of
from autograder.gradescope.settings import Settings
from autograder.judging import Verdict
from autograder.records import Grade, ItemGrade, possible_of
from autograder.results import part_total
from autograder.rubric.loader import read_rubric
from autograder.rubric.model import CheckSpec, ItemSpec, PartSpec
from autograder.scoring import score_part


def part_with_extra() -> PartSpec:
    def item(item_id: str, points: float, **about: Any) -> ItemSpec:
        check = CheckSpec(
            id=f"{item_id}.x", check="rows_kept", title=f"Claim {item_id}", points=points, public=True
        )
        return ItemSpec(id=item_id, title=f"Task {item_id}", points=points, checks=[check], **about)

    items = [item("r1", 10), item("r2", 5, extra=True)]
    return PartSpec(part="p51", title="5.1", points=10, false_fail_rate=1e-3, filenames=[], items=items)


def graded(*fractions: float) -> Grade:
    part = part_with_extra()
    findings = [judged(one, message="Right.") if one else failed("Wrong.") for one in fractions]
    verdicts = {
        check.id: Verdict(one, is_evaluated=True)
        for (_, check), one in zip(part.checks(), findings, strict=True)
    }
    items, _ = score_part(part, verdicts)
    return Grade.model_validate(
        sample.grade([])
        | {
            "items": [one.model_dump() for one in items],
            "parts": ["p51"],
            "earned": sum(one.earned for one in items),
            "possible": possible_of(items),
        }
    )


def test_full_marks_do_without_it() -> None:
    full, more = graded(1.0, 0.0), graded(1.0, 1.0)
    assert (full.earned, full.possible) == (10, 10)
    assert (more.earned, more.possible) == (15, 10)
    assert part_total("p51", more) == {"part": "p51", "earned": 15, "pending": 0, "possible": 10}


def test_records_from_before_have_none() -> None:
    old = {
        "id": "a1",
        "part": "a",
        "title": "A",
        "earned": 1.0,
        "pending": 0.0,
        "possible": 2.0,
        "checks": [],
    }
    assert possible_of([ItemGrade.model_validate(old)]) == 2.0


@pytest.mark.parametrize(
    ("fractions", "total", "lost"),
    [((1.0, 0.0), "10", False), ((1.0, 1.0), "15", False), ((0.0, 1.0), "5", True)],
)
def test_the_report_says_what_is_extra_and_never_calls_it_lost(
    fractions: tuple[float, float], total: str, lost: bool
) -> None:
    page = reports.render_student(graded(*fractions).model_dump(mode="json"))
    assert f"<strong>{total}</strong> of 10" in page
    assert "(extra credit)" in page
    assert ("not earned: <a" in page) is lost


def test_a_score_names_it_and_gradescope_has_no_maximum_for_it() -> None:
    items = tuple(
        ItemScore(
            id=one.id,
            part=one.part,
            title=one.title,
            points=Decimal(5),
            possible=Decimal(int(one.possible)),
            extra=one.extra,
        )
        for one in graded(0.5, 1.0).items
    )
    score = StudentScore(
        key="anna",
        ids={},
        name="Anna",
        state=State.GRADED,
        score=Decimal(10),
        maximum=Decimal(10),
        items=items,
    )
    assert "r2: 5 of 5 (extra credit)" in score_comment(score)
    assert [(one["score"], one["max_score"]) for one in gradescope_tests(score)] == [(5, 10), (5, 0)]


def test_gradescopes_own_autograder_counts_it_above() -> None:
    document = results_of(graded(1.0, 1.0), Settings(assignment="x", parts=("p51",)), (), 1.0).document
    assert document["score"] == 15
    assert sum(test["max_score"] for test in document["tests"]) == 10


EXTRA = """\
  - id: a9
    title: More
    points: 2
    extra: true
    checks:
      - id: a9.count
        check: rows_kept
        title: Enough rows
        points: 2
        params: {evidence: a1.count, n: 20000}
"""


def test_a_part_has_the_points_of_its_other_items(tmp_path: Path) -> None:
    def read(text: str) -> PartSpec:
        return read_rubric(written(tmp_path, text)).parts[0]

    part = read(SMALL + EXTRA)
    assert (part.points, [item.extra for item in part.items]) == (4, [False, True])
    with pytest.raises(RubricError, match="add up to"):
        read(SMALL + EXTRA.replace("    extra: true\n", ""))
