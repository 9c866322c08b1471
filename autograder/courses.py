"""What a grading needs of an assignment, read once: rubric, goldens, template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import autograder.registered  # noqa: F401  # fills the registries that rubrics refer to
from autograder.errors import UsageError
from autograder.golden import Golden, GoldenValue, read_golden
from autograder.goldens import is_of_data
from autograder.registry import Assignment, find_assignment
from autograder.rubric.loader import load_rubric
from autograder.rubric.model import Budget, PartSpec, Rubric
from autograder.template_cells import TemplateCells, template_cells


@dataclass(frozen=True)
class Course:
    """What a scoring needs of an assignment, read once."""

    assignment: Assignment
    rubric: Rubric
    goldens: Mapping[str, Golden]
    templates: Mapping[str, TemplateCells] = field(default_factory=dict)
    budget: Budget = "full"
    stand_ins: bool = False

    def with_truths(self, truths: Mapping[str, Mapping[str, GoldenValue]]) -> Course:
        """Return the course with the truths of the data of a run, part by part, in the place of the golden files'."""
        goldens = {
            part.part: _with_truths(self.goldens[part.part], part, truths.get(part.part, {}))
            for part in self.rubric.parts
        }
        return replace(self, goldens=goldens)

    @classmethod
    def load(
        cls,
        assignment_id: str,
        parts: Iterable[str] = (),
        budget: Budget = "full",
        stand_ins: bool = False,
    ) -> Course:
        """Return the rubric, goldens and template cells of an assignment.

        Parameters
        ----------
        budget : how notebooks are tried: it decides which golden values hold
        stand_ins : whether kernels are shown generated data in the place of data sets

        Raises
        ------
        RubricError, UsageError
            When the assignment, its rubric or a golden file is missing or wrong.
        """
        assignment = find_assignment(assignment_id)
        rubric = load_rubric(assignment, parts)
        if stand_ins and budget == "full" and any(part.data for part in rubric.parts):
            raise UsageError(
                "the folder of the data sets holds generated stand-ins, which only short runs are judged on; "
                "fetch the data sets (autograder data fetch) or give --budget short"
            )
        goldens = {
            part.part: read_golden(assignment.golden(part.part, part.golden_kind(budget, stand_ins)))
            for part in rubric.parts
        }
        templates = {
            part.part: template_cells(assignment.student_template / f"part_{part.part}.ipynb")
            for part in rubric.parts
        }
        return cls(assignment, rubric, goldens, templates, budget, stand_ins)


def _with_truths(golden: Golden, part: PartSpec, truths: Mapping[str, GoldenValue]) -> Golden:
    if not truths:
        return golden
    kept = {key: value for key, value in golden.values.items() if not is_of_data(part, key)}
    return golden.model_copy(update={"values": kept | dict(truths)})
