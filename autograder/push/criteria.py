"""Which row of an LMS's rubric is which item of ours: by its name and its maximum, never by its position."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.errors import UsageError, nearest
from autograder.export.comments import normalised, plain
from autograder.export.scores import ItemScore, StudentScore
from autograder.push.parcels import Criterion, RubricRow

MAX_COMMENT = 1000


@dataclass(frozen=True)
class Fit:
    """How a rubric at the LMS fits ours."""

    rows: Mapping[str, Criterion] = field(default_factory=dict)
    """Item to row of the rubric: every item, or none."""
    why_not: str = ""


def fit(items: Sequence[ItemScore], criteria: Sequence[Criterion], pinned: Mapping[str, str]) -> Fit:
    """Return which row is which item; none at all unless every item has one row and every row one item.

    Parameters
    ----------
    pinned : item to the id of the row that is meant, decided by a person

    Raises
    ------
    UsageError
        When a pinned item or row is not there.
    """
    by_id = {one.id: one for one in criteria}
    known = [one.id for one in items]
    for name, row in pinned.items():
        if name not in known:
            raise UsageError(f"--criterion {name}={row}: there is no item {name!r}{nearest(name, known)}")
        if row not in by_id:
            raise UsageError(
                f"--criterion {name}={row}: the rubric at the LMS has no row {row!r} (there are: {', '.join(by_id)})"
            )
    rows: dict[str, Criterion] = {}
    for item in items:
        found = (
            [by_id[pinned[item.id]]] if item.id in pinned else [one for one in criteria if _names(one, item)]
        )
        if len(found) != 1:
            what = "no row" if not found else f"{len(found)} rows"
            return Fit(
                why_not=f"{what} of it is called like item {item.id} ({item.title}); name it with --criterion"
            )
        if found[0].maximum != item.possible:
            return Fit(
                why_not=f"its row {found[0].text!r} has {plain(found[0].maximum)} points, item {item.id} has "
                f"{plain(item.possible)}"
            )
        rows[item.id] = found[0]
    if len({one.id for one in rows.values()}) != len(criteria):
        return Fit(why_not="it has rows that are no items of ours, or one row for several items")
    return Fit(rows)


def _names(criterion: Criterion, item: ItemScore) -> bool:
    text, own, title = (" ".join(one.casefold().split()) for one in (criterion.text, item.id, item.title))
    return text in (own, title) or bool(re.match(rf"{re.escape(own)}(?!\w)", text))


def rows_of(score: StudentScore, found: Fit) -> tuple[RubricRow, ...]:
    """Return the rows of a student's rubric."""
    return tuple(
        RubricRow(found.rows[item.id], item.points, normalised(item.comment, MAX_COMMENT))
        for item in score.items
        if item.id in found.rows
    )
