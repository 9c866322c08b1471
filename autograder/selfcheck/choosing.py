"""Which rubric and which part of it a notebook is checked against."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
from autograder.errors import UsageError, nearest
from autograder.golden import Golden, read_golden
from autograder.intake.choosing import relevance
from autograder.intake.file_names import is_named_for
from autograder.registry import Assignment, assignment_ids, content_above, content_root, find_assignment
from autograder.rubric.loader import load_rubric
from autograder.rubric.model import Budget, ItemSpec, PartSpec
from autograder.rubric.public import is_public
from autograder.template_cells import TemplateCells, template_cells


@dataclass(frozen=True)
class Chosen:
    """What a notebook is checked against."""

    assignment: Assignment
    title: str
    """Of the assignment."""
    rubric_sha256: str
    part: PartSpec
    item: str | None = None
    """The only item that is looked at; None: all."""

    @property
    def items(self) -> list[ItemSpec]:
        """The items that are looked at."""
        return [item for item in self.part.items if self.item in (None, item.id)]

    @property
    def wanted(self) -> set[str]:
        """The ids of the checks that are made: the public ones."""
        return {check.id for item in self.items for check in item.checks if is_public(check)}

    @property
    def template(self) -> TemplateCells:
        """The cells of the student template; none where there is no template."""
        return template_cells(self.assignment.student_template / f"part_{self.part.part}.ipynb")

    def golden(self, budget: Budget) -> Golden:
        """Return the golden values: the reference's, else those that students got; none where there are neither."""
        name = self.assignment.golden(self.part.part, self.part.golden_kind(budget))
        for path in (name, self.assignment.rubric.parent / "golden" / name.name):
            if path.is_file():
                return read_golden(path)
        return Golden(assignment=self.assignment.id, part=self.part.part)


def find_content(near: Path, given: Path | None = None) -> Path:
    """Return the folder that holds `rubrics/`.

    It is the one that is given, else AUTOGRADER_CONTENT where that is set, else the nearest above `near`, else as
    for all verbs.

    Raises
    ------
    UsageError
        When there is none.
    """
    if given is not None:
        root = given.parent if given.name == "rubrics" else given
        if content_above(root) != root:
            raise UsageError(f"--content {given} holds no rubric; give the folder that holds `rubrics`")
        return root
    if not os.environ.get("AUTOGRADER_CONTENT") and (root_above := content_above(near)) is not None:
        return root_above
    try:
        return content_root()
    except UsageError as error:
        if os.environ.get("AUTOGRADER_CONTENT"):
            raise
        raise UsageError(
            f"there is no rubric in {near} or above it; put the notebook back into the folder that your course "
            "handed out, or say where that is (--content DIR)"
        ) from error


def choices(
    root: Path, assignment: str | None = None, part: str | None = None, item: str | None = None
) -> list[Chosen]:
    """Return every part that may be meant.

    Raises
    ------
    UsageError, RubricError
        When what is asked for is not there, or a rubric is wrong.
    """
    ids = assignment_ids(root) if assignment is None else [assignment]
    every = []
    for one in ids:
        found = find_assignment(one, root)
        rubric = load_rubric(found)
        every += [Chosen(found, rubric.title, rubric.sha256, spec, item) for spec in rubric.parts]
    of_part = [one for one in every if part in (None, one.part.part)]
    if not of_part:
        known = sorted({one.part.part for one in every})
        raise UsageError(
            f"there is no part {part!r}{nearest(str(part), known)} (there are: {', '.join(known)})"
        )
    of_item = [one for one in of_part if one.items]
    if not of_item:
        known = [spec.id for one in of_part for spec in one.part.items]
        raise UsageError(
            f"there is no item {item!r}{nearest(str(item), known)} (there are: {', '.join(known)})"
        )
    return of_item


def choose(
    offered: Sequence[Chosen], notebook: Mapping[str, Any], name: str, how: Callable[[Chosen], str]
) -> Chosen:
    """Return the part that a notebook belongs to, as a grading tells it: by its file name, else by its content.

    Parameters
    ----------
    notebook : normalised
    name : of its file; "" when that is not known
    how : how a person chooses a part, such as `--part a`

    Raises
    ------
    UsageError
        When several fit equally well; it lists them.
    """
    if len(offered) == 1:
        return offered[0]
    named = [one for one in offered if name and is_named_for(name, one.part)]
    if len(named) == 1:
        return named[0]
    speaks = [(relevance(notebook, one.part), one) for one in named or offered]
    most = max(n for n, _ in speaks)
    best = [one for n, one in speaks if n == most]
    if len(best) == 1 and most > 0:
        return best[0]
    listed = " or ".join(f"{how(one)} ({one.part.title})" for one in best)
    raise UsageError(f"{name or 'this notebook'} may belong to several parts; say which: {listed}")
