"""Read a notebook file that may be anything at all, and bring it into one form (nbformat 4, plain strings)."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from autograder.intake.files import read_file
from autograder.intake.outputs import stored_outputs, text_of
from autograder.intake.problems import RefusedFile, UnreadableNotebook

MAX_NOTEBOOK_BYTES = 64 * 2**20
MAX_CELLS = 10_000
MAX_DIGITS = 1000
MAX_VALUES = 2_000_000
"""Lists and objects: the smallest take 3 bytes in the file and a hundred times that in memory."""
_KNOWN_STARTS = {
    b"%PDF": ("pdf", "a PDF"),
    b"PK\x03\x04": ("archive_kind", "a zip archive (or an Office document)"),
    b"PK\x05\x06": ("archive_kind", "an empty zip archive"),
    b"Rar!\x1a\x07": ("archive_kind", "a RAR archive"),
    b"7z\xbc\xaf\x27\x1c": ("archive_kind", "a 7z archive"),
    b"\x28\xb5\x2f\xfd": ("archive_kind", "a Zstandard archive"),
    b"\x1f\x8b": ("archive_kind", "a gzip archive"),
    b"\xfd7zXZ\x00": ("archive_kind", "an xz archive"),
    b"\xd0\xcf\x11\xe0": ("office_document", "an old Office document"),
    b"\x89PNG": ("picture", "a picture"),
    b"\xff\xd8\xff": ("picture", "a picture"),
    b"GIF8": ("picture", "a picture"),
    b"<!doctype": ("web_page", "a web page"),
    b"<html": ("web_page", "a web page"),
    b"<?xml": ("web_page", "a web page"),
    b"version https://git-lfs": ("git_lfs_pointer", "what Git LFS leaves in place of a file"),
}
_WIDE = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"{\x00": "UTF-16", b"\x00{": "UTF-16"}
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
_OTHER_KERNELS = re.compile(
    r"(ir|julia-.*|octave|matlab|scala|almond|javascript|bash|sas|xcpp.*|stata)\Z", re.I
)


def read_notebook(path: Path, *, keep_outputs: bool = False) -> dict[str, Any]:
    """Return the notebook at `path` as nbformat 4 JSON with every source a plain string.

    Outputs are cleared, or, `keep_outputs`, kept as far as they are outputs.

    Raises
    ------
    UnreadableNotebook
        When the file is missing, empty, too large, something else, damaged, or written in another language.
    """
    return parse_notebook(read_content(path), path.name, keep_outputs=keep_outputs)


def code_of(notebook: Mapping[str, Any]) -> str:
    """Return all code of a notebook that :func:`read_notebook` gave."""
    return "\n".join(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code")


def read_content(path: Path) -> bytes:
    """Return the bytes of the notebook file at `path`; see :func:`read_notebook`."""
    try:
        content = read_file(path, MAX_NOTEBOOK_BYTES)
    except RefusedFile as error:
        raise UnreadableNotebook(*error.problem) from error
    if len(content) > MAX_NOTEBOOK_BYTES:
        limit = f"{MAX_NOTEBOOK_BYTES >> 20} MiB"
        raise UnreadableNotebook(
            "too_large",
            f"{path.name} is larger than {limit}; clear its outputs and hand it in again",
            f"{path.name} has more than the {MAX_NOTEBOOK_BYTES:,} bytes ({limit}) that are read",
        )
    return content


def known_start(content: bytes) -> tuple[str, str] | None:
    """Return name and description of the file kind that the first bytes tell, or None."""
    head = content[:4096].lstrip()[:64]
    folded = head.lower()
    for start, known in _KNOWN_STARTS.items():
        if head.startswith(start) or (start[:1] == b"<" and folded.startswith(start)):
            return known
    return None


def parse_notebook(content: bytes, name: str, *, keep_outputs: bool = False) -> dict[str, Any]:
    """Return the notebook in `content`; see :func:`read_notebook`."""
    if not content.strip(b"\x00 \t\r\n"):
        raise UnreadableNotebook(
            "empty_file",
            f"{name} is empty; the upload may have been cut off: hand it in again",
            f"{name} has {len(content)} bytes, none of them text",
        )
    known = known_start(content)
    if known is not None:
        kind, what = known
        raise UnreadableNotebook(
            kind,
            f"{name} is {what}, not a notebook; hand in the .ipynb file itself",
            f"{name} is {what}: its {len(content):,} bytes begin with {content.lstrip()[:8]!r}",
        )
    tree = _tree(_text_of(content, name), name)
    if not isinstance(tree, dict) or not ("cells" in tree or "worksheets" in tree):
        found = f"an object with the keys {sorted(tree)[:8]}" if isinstance(tree, dict) else _kind_of(tree)
        raise UnreadableNotebook(
            "no_cells",
            f"{name} is JSON, but not a notebook: it has no cells; hand in the notebook that you worked in",
            f"{name} is valid JSON, but {found[:300]}",
        )
    return normalise(tree, name, keep_outputs=keep_outputs)


def _text_of(content: bytes, name: str) -> str:
    encoding = _WIDE.get(content[:2])
    try:
        if encoding is None:
            return content.decode("utf-8-sig")
        found = f"begins with {content[:4]!r}: {encoding}"
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise _cut_off(name, error.start, "in the middle of a character") from error
        found = f"byte {error.start} is 0x{content[error.start]:02x} ({error.reason})"
    raise UnreadableNotebook(
        "not_utf8",
        f"{name} is not UTF-8 text; open it in Jupyter, save it again and hand it in",
        f"{name}: {found}",
    )


def _tree(text: str, name: str) -> Any:
    n_values = text.count("[") + text.count("{")
    if n_values > MAX_VALUES:
        raise UnreadableNotebook(
            "too_many_values",
            f"{name} holds more data than a notebook has; clear its outputs and hand it in again",
            f"{name} holds {n_values:,} opening brackets; at most {MAX_VALUES:,} are read",
        )
    try:
        return json.loads(text, parse_int=lambda digits: _integer(digits, name))
    except RecursionError as error:
        raise UnreadableNotebook(
            "nested_too_deeply",
            f"{name} is nested too deeply to be a notebook; hand in the notebook that Jupyter saved",
            f"{name}: the lists and objects of its JSON lie deeper in each other than Python's JSON reader goes",
        ) from error
    except json.JSONDecodeError as error:
        raise _no_json(text, error, name) from error


def _integer(digits: str, name: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise UnreadableNotebook(
            "number_too_long",
            f"{name} is no valid JSON: it holds a number of {len(digits):,} digits; save it again in "
            "Jupyter and hand it in",
            f"{name} holds a whole number of {len(digits):,} digits (at most {MAX_DIGITS:,} are read)",
        )
    return int(digits)


def _no_json(text: str, error: json.JSONDecodeError, name: str) -> UnreadableNotebook:
    where = f"{error.msg} at line {error.lineno}, column {error.colno} (character {error.pos:,})"
    marker = _CONFLICT.search(text)
    if marker is not None:
        line = text.count("\n", 0, marker.start()) + 1
        return UnreadableNotebook(
            "merge_conflict",
            f"{name} is no valid JSON: it holds the marks of a Git conflict; resolve the conflict, look whether "
            "the notebook opens in Jupyter, and hand it in again",
            f"{name} has a conflict marker ({marker[0].strip()}) in line {line}",
        )
    whole = text.rstrip()
    n_left = len(whole) - error.pos
    at_end = error.msg.startswith("Unterminated string") or n_left <= 6  # 6: a cut-off `\u12ab` or `false`
    if whole.lstrip("\ufeff \t\r\n").startswith("{") and at_end and error.msg != "Extra data":
        return _cut_off(name, len(whole), where)
    return UnreadableNotebook(
        "not_json",
        f"{name} is no valid JSON; the file is damaged or no notebook: look whether it opens in Jupyter, save it "
        "there and hand it in again",
        f"{name}: {where}; the file begins with {whole[:40]!r}",
    )


def _cut_off(name: str, at: int, where: str) -> UnreadableNotebook:
    return UnreadableNotebook(
        "truncated_json",
        f"{name} is no valid JSON: its end is missing; the upload may have been cut off, hand it in again",
        f"{name} ends after {at:,} characters or bytes: {where}",
    )


def _kind_of(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", type(None): "null", bool: "true or false"}
    return kinds.get(type(value), "a number")


def normalise(
    tree: dict[str, Any], name: str = "the notebook", *, keep_outputs: bool = False
) -> dict[str, Any]:
    """Return notebook JSON in the one form that the rest works with.

    Old formats are converted, sources joined, characters that cannot be encoded replaced, metadata that would
    change what runs (`skip-execution`, `raises-exception`) left out. Outputs are cleared, or, `keep_outputs`,
    kept as far as they are outputs.

    Raises
    ------
    UnreadableNotebook
        When the cells are not cells, or the notebook is written in another language than Python.
    """
    if _is_old(tree):
        tree = _converted(tree, name)
    cells = tree.get("cells")
    if not isinstance(cells, list):
        raise UnreadableNotebook(
            "no_cells",
            f"{name} has no list of cells; hand in the notebook that you worked in",
            f"{name}: `cells` is {_kind_of(cells)} where a list is expected",
        )
    if len(cells) > MAX_CELLS:
        raise UnreadableNotebook(
            "too_many_cells",
            f"{name} has more than {MAX_CELLS:,} cells; hand in the notebook that you worked in",
            f"{name} has {len(cells):,} cells; at most {MAX_CELLS:,} are run",
        )
    kernelspec = _kernelspec(tree.get("metadata"), name)
    clean = [_cell(cell, index, name) for index, cell in enumerate(cells)]
    if keep_outputs:
        for cell, given in zip(clean, cells, strict=True):
            if cell["cell_type"] == "code":
                count = given.get("execution_count")
                cell["execution_count"] = count if type(count) is int else None
                cell["outputs"] = stored_outputs(given.get("outputs"))
    return {
        "cells": clean,
        "metadata": {
            "kernelspec": {
                "name": text_of(kernelspec.get("name")),
                "display_name": "Python 3",
                "language": "python",
            }
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _is_old(tree: dict[str, Any]) -> bool:
    """Return whether the cells are kept as formats 1 to 3 keep them; the number alone is often wrong."""
    cells = tree.get("cells")
    if not isinstance(cells, list):
        return "worksheets" in tree
    is_first = tree.get("nbformat") == 1
    return is_first and any(isinstance(cell, dict) and ("code" in cell or "text" in cell) for cell in cells)


def _converted(tree: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a notebook of format 1, 2 or 3 in format 4."""
    old = tree if tree.get("nbformat") in (1, 2, 3) else tree | {"nbformat": 3}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # `reads`, and not `convert` alone: it joins the lists of lines that old files hold
            new = nbformat.reads(json.dumps(old), as_version=4)  # type: ignore[no-untyped-call]
            return dict(json.loads(json.dumps(new)))
    except Exception as error:  # nbformat raises many kinds on damaged files
        raise UnreadableNotebook(
            "old_format",
            f"{name} is in an old notebook format that cannot be converted; open it in Jupyter, save it and hand "
            "it in again",
            f"{name}, nbformat {_short(tree.get('nbformat'))}: {type(error).__name__}: {_short(str(error))}",
        ) from error


def _short(value: Any) -> str:
    return " ".join(str(value).split())[:200]


def _kernelspec(metadata: Any, name: str) -> dict[str, Any]:
    """Return the kernel that a notebook names, which must be one of Python."""
    known = metadata if isinstance(metadata, dict) else {}
    kernelspec = known.get("kernelspec") if isinstance(known.get("kernelspec"), dict) else {}
    assert isinstance(kernelspec, dict)
    written_in = known.get("language_info")
    language = kernelspec.get("language") or (
        written_in.get("name") if isinstance(written_in, dict) else None
    )
    kernel = kernelspec.get("name")
    if not language and isinstance(kernel, str) and _OTHER_KERNELS.match(kernel):
        language = "R" if kernel.lower() == "ir" else kernel
    if isinstance(language, str) and language.strip().lower() not in ("python", "python3", "ipython", ""):
        raise UnreadableNotebook(
            "other_language",
            f"{name} is written in {_short(text_of(language))}; only Python notebooks can be graded: "
            "choose a Python kernel and hand it in again",
            f"{name}: language {_short(text_of(language))!r}, kernel {_short(text_of(kernel))!r}",
        )
    return kernelspec


def _cell(cell: Any, index: int, name: str) -> dict[str, Any]:
    if not isinstance(cell, dict):
        raise UnreadableNotebook(
            "bad_cell",
            f"cell {index + 1} of {name} is not a cell but {type(cell).__name__}; open the notebook in Jupyter, save "
            "it and hand it in again",
            f"{name}: element {index} of `cells` is {_kind_of(cell)} where an object is expected",
        )
    kind = cell.get("cell_type")
    if kind not in ("code", "markdown", "raw"):
        kind = "markdown" if kind == "heading" else "raw"
    clean: dict[str, Any] = {
        "id": f"cell-{index:04d}",
        "cell_type": kind,
        "metadata": {},
        "source": text_of(cell.get("source")),
    }
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    if isinstance(tags, list):
        kept = [text_of(tag) for tag in tags if tag not in ("skip-execution", "raises-exception")]
        clean["metadata"] = {"tags": [tag for tag in dict.fromkeys(kept) if tag and "," not in tag]}
    if kind == "code":
        clean |= {"execution_count": None, "outputs": []}
    return clean
