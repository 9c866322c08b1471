"""The reference notebook of a part as the files that are made of it: solution, student template, submissions."""

from __future__ import annotations

from pathlib import Path

from autograder import template
from autograder.errors import UsageError
from autograder.registry import Assignment


def solution_source(assignment: Assignment, part: str) -> str:
    """Return the complete solution in percent format, with the reference's functions written into it.

    Raises
    ------
    UsageError
        When the reference of the assignment is not in this copy.
    """
    return template.to_percent(template.solution(inlined_cells(assignment, part)))


def template_ipynb(assignment: Assignment, part: str) -> str:
    """Return the student template as notebook JSON; UsageError when there is no reference."""
    return template.to_ipynb(template.template(inlined_cells(assignment, part)))


def to_ipynb(source: str) -> str:
    """Return a percent-format notebook as notebook JSON."""
    return template.to_ipynb(template.parse(source))


def inlined_cells(assignment: Assignment, part: str) -> list[template.Cell]:
    """Return the cells of a part's reference notebook with the functions that it imports from the reference."""
    path = assignment.notebook_source(part)
    root = assignment.reference.parent.parent

    def load(module: str) -> str:
        return (root / Path(*module.split("."))).with_suffix(".py").read_text(encoding="utf-8")

    try:
        return template.inline(template.parse(path.read_text(encoding="utf-8")), load)
    except FileNotFoundError as error:
        raise UsageError(
            f"{error.filename} is missing: this verb works on the reference of {assignment.id}, which is not in this copy"
        ) from error
    except template.TemplateError as error:
        raise UsageError(f"{path}: {error}") from error


def style_sources(assignment: Assignment, part: str) -> dict[str, str]:
    """Return the correct notebooks in other styles: name to percent source (first line `# style: ...`).

    They are in `styles/<part>/`, or in `styles/` itself where the part has no folder.
    """
    folder = assignment.reference / "styles"
    folder = folder / part if (folder / part).is_dir() else folder
    return {
        path.stem: path.read_text(encoding="utf-8").split("\n", 1)[1] for path in sorted(folder.glob("*.py"))
    }
