"""Where a value was found and what was observed of a notebook, in words, with links to its cells where they may be seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reports.texts import figure, finite

_BEFORE = {
    "name": "under",
    "path": "under",
    "binding": "under",
    "suggestion": "by a search, under",
    "printed": "in the printed line",
    "figure": "in the figure",
    "source": "in the notebook’s source:",
    "call": "by calling",
    "record": "recorded during the run:",
}
_NAMELESS = {"figure": "in the figure of", "printed": "in what was printed by"}
_LIMITS = {
    "cell_seconds": "{:g} s a cell",
    "total_seconds": "{:g} s in all",
    "call_seconds": "{:g} s a call",
    "memory_mib": "{:g} MiB of memory",
    "disk_mib": "{:g} MiB of files",
}


def cell_link(page: str, index: int | None) -> str:
    """Return the address of a cell in the page of its notebook; "" where there is none."""
    return f"{page}#cell-{index + 1}" if page and index is not None else ""


def place(found: Mapping[str, Any], page: str = "") -> dict[str, str]:
    """Return where a value was found: the words before its path, the path, the cell and the cell's address."""
    index = found["cell"]
    cell = "" if index is None else f"cell {index + 1}"
    told = {"path": str(found["path"]), "cell": cell, "href": cell_link(page, index)}
    if found["path"]:
        return {**told, "before": _BEFORE.get(found["how"], "under")}
    return {**told, "before": _NAMELESS.get(found["how"], "in") + ("" if cell else " the notebook")}


def limit_words(limits: Mapping[str, Any]) -> str:
    """Return the limits of an execution in words."""
    known = ((words, finite(limits.get(name))) for name, words in _LIMITS.items())
    return ", ".join(words.format(value) for words, value in known if value is not None)


def observed(part: str, evidence: Mapping[str, Any], page: str = "") -> dict[str, Any]:
    """Return what was observed of one part (`evidence.json`): rows of values, and rows of calls."""
    return {
        "part": part,
        "values": [_value_row(key, bound, page) for key, bound in evidence.get("values", {}).items()],
        "calls": [
            {
                "key": key,
                **{
                    name: str(answer.get(name) or "")
                    for name in ("case", "form", "function", "status", "error")
                },
            }
            for key, answers in evidence.get("calls", {}).items()
            for answer in answers
        ],
    }


def _value_row(key: str, bound: Mapping[str, Any], page: str) -> dict[str, Any]:
    found = bound.get("found")
    where = {"how": "", "path": "", "cell": None} | (found or {})
    return {
        "key": key,
        "place": place(where, page) if found else None,
        "values": list(_values(bound.get("values", ()))),
        "candidates": [
            {
                **place({"how": "name", "path": one.get("path", ""), "cell": one.get("cell")}, page),
                "summary": one.get("summary", ""),
            }
            for one in bound.get("candidates", ())
        ],
    }


def _values(leaves: Any) -> Iterator[str]:
    for leaf in leaves:
        number, value = finite(leaf.get("value")), leaf.get("value")
        sizes = " × ".join(f"{size:,}" for size in leaf.get("shape") or ())
        kind = f"{sizes} {leaf.get('dtype', '')}".strip()
        said = figure(number) if number is not None else kind if value is None else str(value)
        yield said if leaf.get("key") is None else f"{leaf['key']}: {said}"
