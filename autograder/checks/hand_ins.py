"""Claims about the form of a hand-in that are marked: which packages it imports, whose names stand on top."""

from __future__ import annotations

import ast

from pydantic import Field

from autograder.checks.findings import Context, Finding, FormCheckParams, failed, join, judged
from autograder.probes.evidence import Evidence
from autograder.probes.notebooks import parse_code
from autograder.records import Found
from autograder.registry import CHECKS
from autograder.template_cells import squeeze


class ImportsAreAllowed(FormCheckParams):
    """Packages that the sheet rules out."""

    forbidden: list[str] = Field(min_length=1)


@CHECKS.register(ImportsAreAllowed)
def imports_are_allowed(evidence: Evidence, params: ImportsAreAllowed, context: Context) -> Finding:
    """No cell imports a package that the sheet rules out, whether or not it is here."""
    expected = f"no {join(params.forbidden)}"
    for cell in evidence.cells:
        tree = parse_code(cell.source) if cell.kind == "code" else None
        for name in _imports(tree):
            package = next((one for one in params.forbidden if _is_of(name, one)), None)
            if package is not None:
                return failed(
                    f"Cell {cell.index + 1} imports `{name}`, and the sheet allows no {package}: "
                    "write the model in PyTorch.",
                    observed=name,
                    expected=expected,
                    found=(Found(how="source", cell=cell.index),),
                )
    return judged(
        1.0, observed="none", expected=expected, message="No package is used that the sheet rules out."
    )


def _is_of(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _imports(tree: ast.Module | None) -> list[str]:
    """Return the full names of what a cell imports."""
    names: list[str] = []
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


class SectionsAreExplained(FormCheckParams):
    """Text of the student's own."""

    n_cells: int = Field(default=3, ge=1)
    """Fewest text cells that say something of their own."""
    n_words: int = Field(default=4, ge=1)
    """Fewest words of such a cell, headings left out."""


@CHECKS.register(SectionsAreExplained)
def sections_are_explained(evidence: Evidence, params: SectionsAreExplained, context: Context) -> Finding:
    """Text cells of the student's own introduce the sections (a share where there are fewer)."""
    n = 0
    for cell in evidence.cells:
        text = squeeze(cell.source)
        if cell.kind != "markdown" or text in context.template.texts or text in context.template.prompts:
            continue
        own = [line for line in cell.source.splitlines() if not line.lstrip().startswith("#")]
        words = " ".join(own).split()
        # Scripts without blanks between words (Chinese, Japanese) count by sign.
        n += (
            len(words) >= params.n_words
            or sum(ord(sign) > 0x2E80 for sign in " ".join(own)) >= params.n_words
        )
    expected = f"{params.n_cells} text cells of your own or more"
    if n >= params.n_cells:
        return judged(1.0, observed=f"{n}", expected=expected, message="Text cells introduce your sections.")
    message = f"{n} text cells say something of your own; introduce each section with one."
    return judged(n / params.n_cells, observed=f"{n}", expected=expected, message=message)
