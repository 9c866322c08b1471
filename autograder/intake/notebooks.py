"""Read a notebook file that may be anything at all, and bring it into one form (nbformat 4, plain strings)."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import nbformat

MAX_NOTEBOOK_BYTES = 64 * 2**20
_KNOWN_STARTS = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a zip archive (or an Office document)",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
}


class UnreadableNotebook(ValueError):
    """A file that is no notebook; the message is a sentence for the student and the instructor."""


def read_notebook(path: Path) -> dict[str, Any]:
    """Return the notebook at `path` as nbformat 4 JSON with every source a plain string.

    Raises
    ------
    UnreadableNotebook
        When the file is missing, empty, too large, something else, damaged, or written in another language.
    """
    try:
        if path.stat().st_size > MAX_NOTEBOOK_BYTES:
            raise UnreadableNotebook(
                f"{path.name} is larger than {MAX_NOTEBOOK_BYTES >> 20} MiB; clear its outputs and hand it in again"
            )
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableNotebook(f"{path.name} cannot be read ({error.strerror})") from error
    return parse_notebook(content, path.name)


def parse_notebook(content: bytes, name: str) -> dict[str, Any]:
    """Return the notebook in `content`; see :func:`read_notebook`."""
    if not content.strip():
        raise UnreadableNotebook(f"{name} is empty (0 bytes of text); the upload may have been cut off")
    for start, what in _KNOWN_STARTS.items():
        if content.lstrip().startswith(start):
            raise UnreadableNotebook(f"{name} is {what}, not a notebook; hand in the .ipynb file itself")
    try:
        tree = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnreadableNotebook(
            f"{name} is not UTF-8 text (byte {error.start}); save it again in Jupyter"
        ) from error
    except RecursionError as error:
        raise UnreadableNotebook(f"{name} is nested too deeply to be a notebook") from error
    except ValueError as error:
        raise UnreadableNotebook(
            f"{name} is no valid JSON ({error}); the file is damaged or cut off"
        ) from error
    if not isinstance(tree, dict) or not ("cells" in tree or "worksheets" in tree):
        raise UnreadableNotebook(f"{name} is JSON, but not a notebook: it has no cells")
    return normalise(tree, name)


def normalise(tree: dict[str, Any], name: str = "the notebook") -> dict[str, Any]:
    """Return notebook JSON in the one form that the rest works with.

    Old formats are converted, sources joined, characters that cannot be encoded replaced, metadata that would
    change what runs (`skip-execution`, `raises-exception`) left out.

    Raises
    ------
    UnreadableNotebook
        When the cells are not cells, or the notebook is written in another language than Python.
    """
    if tree.get("nbformat") in (1, 2, 3) or "worksheets" in tree:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # `reads`, and not `convert` alone: it joins the lists of lines that old files hold
                new = nbformat.reads(json.dumps(tree), as_version=4)  # type: ignore[no-untyped-call]
                tree = json.loads(json.dumps(new))
        except Exception as error:  # nbformat raises many kinds on damaged files
            raise UnreadableNotebook(
                f"{name} is in an old notebook format that cannot be converted ({error})"
            ) from error
    cells = tree.get("cells")
    if not isinstance(cells, list):
        raise UnreadableNotebook(f"{name} has no list of cells")
    metadata = tree.get("metadata") if isinstance(tree.get("metadata"), dict) else {}
    assert isinstance(metadata, dict)
    kernelspec = metadata.get("kernelspec") if isinstance(metadata.get("kernelspec"), dict) else {}
    assert isinstance(kernelspec, dict)
    written_in = metadata.get("language_info")
    language = kernelspec.get("language") or (
        written_in.get("name") if isinstance(written_in, dict) else None
    )
    if isinstance(language, str) and language.lower() not in ("python", "python3", "ipython", ""):
        raise UnreadableNotebook(f"{name} is written in {language}; only Python notebooks can be graded")
    clean = [_cell(cell, index, name) for index, cell in enumerate(cells)]
    return {
        "cells": clean,
        "metadata": {
            "kernelspec": {
                "name": _text(kernelspec.get("name")),
                "display_name": "Python 3",
                "language": "python",
            }
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(cell: Any, index: int, name: str) -> dict[str, Any]:
    if not isinstance(cell, dict):
        raise UnreadableNotebook(f"cell {index + 1} of {name} is not a cell but {type(cell).__name__}")
    kind = cell.get("cell_type")
    if kind not in ("code", "markdown", "raw"):
        kind = "markdown" if kind == "heading" else "raw"
    clean: dict[str, Any] = {
        "id": f"cell-{index:04d}",
        "cell_type": kind,
        "metadata": {},
        "source": _text(cell.get("source")),
    }
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    if isinstance(tags, list):
        kept = [_text(tag) for tag in tags if tag not in ("skip-execution", "raises-exception")]
        clean["metadata"] = {"tags": [tag for tag in dict.fromkeys(kept) if tag and "," not in tag]}
    if kind == "code":
        clean |= {"execution_count": None, "outputs": []}
    return clean


def _text(value: Any) -> str:
    """Return a source as one string that can be encoded in UTF-8, without NUL."""
    text = "".join(line for line in value if isinstance(line, str)) if isinstance(value, list) else value
    if not isinstance(text, str):
        return ""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
