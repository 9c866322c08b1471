"""A claim about the form of a hand-in that is marked: which packages it imports."""

from __future__ import annotations

import ast

from pydantic import Field

from autograder.checks.findings import Context, Finding, FormCheckParams, failed, join, judged
from autograder.probes.evidence import Evidence
from autograder.probes.notebooks import parse_code
from autograder.records import Found
from autograder.registry import CHECKS


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
