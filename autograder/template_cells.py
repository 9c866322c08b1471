"""The cells of a student template, as the checks compare them: what a template gives earns nothing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from autograder.shortened import INJECTED

PROMPT_TAGS = ("explain", "answer")


@dataclass(frozen=True)
class TemplateCells:
    """The texts of a template's cells, blanks and case removed."""

    texts: frozenset[str] = frozenset()
    prompts: frozenset[str] = frozenset()
    """Those that only ask for an explanation or an answer."""


NO_TEMPLATE = TemplateCells()


def squeeze(text: str) -> str:
    """Return `text` without blanks and without case, for comparing what editors reformat.

    What the grader put in for a short run is left out: a student's cell is what it was.
    """
    return re.sub(r"\s+", "", text.partition(INJECTED)[0]).lower()


def template_cells(path: Path) -> TemplateCells:
    """Return the cells of the template at `path`; none when there is no template."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8")).get("cells", [])
    except (OSError, ValueError):
        return NO_TEMPLATE
    texts = {
        squeeze("".join(cell.get("source", ""))): cell.get("metadata", {}).get("tags", []) for cell in cells
    }
    prompts = frozenset(text for text, tags in texts.items() if any(tag in PROMPT_TAGS for tag in tags))
    return TemplateCells(frozenset(texts), prompts)
