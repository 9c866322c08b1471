"""Short runs of notebooks that train: smaller numbers in the cell that is tagged `parameters`.

The tag is papermill's. What is put in is appended to that cell, so that no cell changes its number.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

TAG = "parameters"
INJECTED = "# put in by the autograder for a short run"
_ASSIGNED = re.compile(
    r"^(?P<name>[^\W\d]\w*)\s*(?::\s*int\s*)?=\s*(?P<value>\d[\d_]*)\s*(?:#.*)?$", re.MULTILINE
)


def with_values(notebook: Mapping[str, Any], values: Mapping[int, int]) -> dict[str, Any]:
    """Return a normalised notebook with other numbers in its cell tagged `parameters`.

    Parameters
    ----------
    values
        A number of the sheet to the number in its place, whatever its name in the notebook. Any other number
        stays as it is. A notebook without such a cell stays as it is.
    """
    short = copy.deepcopy(dict(notebook))
    for cell in short["cells"]:
        replaced = dict(_replacements(cell, values))
        if replaced:
            lines = [f"{name} = {value}" for name, value in replaced.items()]
            cell["source"] = "\n".join([_source(cell).rstrip(), INJECTED, *lines])
    return short


def replacements(notebook: Mapping[str, Any], values: Mapping[int, int]) -> dict[str, int]:
    """Return what a short run puts in: name to value, empty when the notebook cannot be shortened."""
    return {name: value for cell in notebook["cells"] for name, value in _replacements(cell, values)}


def _replacements(cell: Mapping[str, Any], values: Mapping[int, int]) -> Iterator[tuple[str, int]]:
    tags = cell.get("metadata", {}).get("tags", [])
    if cell["cell_type"] != "code" or TAG not in tags:
        return
    for found in _ASSIGNED.finditer(_source(cell)):
        value = int(found["value"].replace("_", ""))
        if value in values:
            yield found["name"], values[value]


def _source(cell: Mapping[str, Any]) -> str:
    """Return a cell's text, which nbformat keeps as one text or as lines."""
    source = cell["source"]
    return "".join(source) if isinstance(source, list) else str(source)
