"""The cells of a student template, as the checks compare them: what a template gives earns nothing."""

from __future__ import annotations

import json
from pathlib import Path

from autograder.checks.form import squeeze


def template_cells(path: Path) -> frozenset[str]:
    """Return the cells of the template at `path`, blanks and case removed; nothing when there is no template."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return frozenset()
    return frozenset(squeeze("".join(cell.get("source", ""))) for cell in notebook.get("cells", []))
