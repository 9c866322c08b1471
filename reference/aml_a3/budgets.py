"""Runs of seconds for the tests of our own sources: the sheet's numbers in the `parameters` cell, replaced by tiny ones.

The grader's own short budget, for notebooks of any make, is :mod:`autograder.shortened` with the numbers of the rubric.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

TINY = {
    3: 1,  # epochs of part c
    5: 1,  # epochs of the classifier
    10: 2,  # epochs of part b
    1_000: 2,  # batches an epoch
    10_000: 100,  # images for validation
    50_000: 256,  # images for training
    60_000: 256,  # images for the classifier
    1_115_394: 6_000,  # characters
}
"""Enough to see that everything runs: seconds. Batch size and context length are no budget and stay."""

_CELLS = re.compile(r"^(?=# %%)", re.MULTILINE)
_ASSIGNED = re.compile(r"^(?P<name>\w+) = (?P<value>\d[\d_]*)(?![.\w])", re.MULTILINE)


def with_budget(source: str, values: Mapping[int, int] = TINY) -> str:
    """Return a percent-format notebook with other values in its cell tagged `parameters`.

    Parameters
    ----------
    values
        Number of the sheet to the number in its place. Any other number stays as it is.

    Raises
    ------
    ValueError
        There is not exactly one cell with this tag, or none of its numbers is to be replaced.
    """
    cells = _CELLS.split(source)
    tagged = [index for index, cell in enumerate(cells) if '"parameters"' in cell.split("\n", 1)[0]]
    if len(tagged) != 1:
        raise ValueError(f"expected one cell tagged parameters, found {len(tagged)}")

    def shorten(match: re.Match[str]) -> str:
        value = int(match["value"])
        return f"{match['name']} = {values.get(value, value)}"

    (index,) = tagged
    shortened = _ASSIGNED.sub(shorten, cells[index])
    if shortened == cells[index]:
        raise ValueError(f"no number of the parameters cell is among {sorted(values)}")
    return "".join([*cells[:index], shortened, *cells[index + 1 :]])
