"""Other correct ways to do what a sheet leaves open, each with golden values of its own.

Most of what a sheet leaves open changes no number, or has a truth that mathematics knows. How fast a network learns is
neither: it depends on how an embedding is drawn, and only runs tell. `reference/<id>/conventions_<part>.py` holds a table
`CONVENTIONS` of edits that turn the reference's notebook into one that does so; a band of the rubric names what such
notebooks give with `@` and the convention, as in `c1.train_last@small_embedding`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from autograder.errors import UsageError, nearest
from autograder.golden import MARK
from autograder.public_rubric import goldens_named
from autograder.registry import Assignment, load_reference_module
from autograder.rubric.model import Budget, PartSpec


class Convention(Protocol):
    """Another correct way."""

    @property
    def id(self) -> str:
        """What golden keys name it by."""

    @property
    def about(self) -> str:
        """The way, in words."""

    @property
    def apply(self) -> Callable[[str], str]:
        """The edit of the rendered solution (percent format) that goes this way."""


def keys_in_conventions(part: PartSpec, budget: Budget) -> dict[str, set[str]]:
    """Return the golden keys that the checks of a budget name, without the mark, by convention."""
    named: dict[str, set[str]] = {}
    for _, check in part.checks():
        if budget in check.budgets:
            for golden in goldens_named(check.params):
                key, mark, convention = golden.partition(MARK)
                if mark:
                    named.setdefault(convention, set()).add(key)
    return named


def conventions_of(assignment: Assignment, part: PartSpec) -> Mapping[str, Convention]:
    """Return the reference's table of conventions of a part; an empty one where it has none."""
    name = f"conventions_{part.part}"
    if not (assignment.reference / f"{name}.py").is_file():
        return {}
    table: Mapping[str, Convention] = load_reference_module(assignment, name).CONVENTIONS
    return table


def edited(assignment: Assignment, part: PartSpec, name: str, source: str) -> str:
    """Return the rendered solution as a convention has it.

    Raises
    ------
    UsageError
        When the reference has no such convention, or its edit does not fit the solution any more.
    """
    table = conventions_of(assignment, part)
    if name not in table:
        raise UsageError(
            f"the reference of {assignment.id} has no convention {name!r} for part {part.part}{nearest(name, table)}"
        )
    try:
        return table[name].apply(source)
    except ValueError as error:
        raise UsageError(f"the convention {name} does not fit the solution any more: {error}") from error
