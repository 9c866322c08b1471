"""Files that students hand in under a notebook's name, each made by a function of a line or a few.

Each case writes what it is about into a folder (most of them `work.ipynb`) and states what becomes of it: a status
of `autograder.intake.problems`, or `ACCEPTED`.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACCEPTED = "accepted"
NAME = "work.ipynb"


@dataclass(frozen=True)
class Case:
    """One file and what is expected of it."""

    expected: str
    make: Callable[[Path], object]
    """Writes into the folder that it is given."""

    @property
    def name(self) -> str:
        return getattr(self.make, "__name__", "")


CASES: list[Case] = []


def content(expected: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """Register a function that returns the content of the notebook file."""

    def register(function: Callable[[], bytes]) -> Callable[[], bytes]:
        def make(folder: Path) -> None:
            (folder / NAME).write_bytes(function())

        make.__name__ = function.__name__
        CASES.append(Case(expected, make))
        return function

    return register


def tree(expected: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Register a function that returns the JSON of the notebook file."""

    def register(function: Callable[[], Any]) -> Callable[[], Any]:
        def encoded() -> bytes:
            return json.dumps(function()).encode()

        encoded.__name__ = function.__name__
        content(expected)(encoded)
        return function

    return register


def entry(expected: str) -> Callable[[Callable[[Path], object]], Callable[[Path], object]]:
    """Register a function that makes something in a folder itself."""

    def register(function: Callable[[Path], object]) -> Callable[[Path], object]:
        CASES.append(Case(expected, function))
        return function

    return register


def code(source: Any = "x = 1", **more: Any) -> dict[str, Any]:
    """Return a code cell."""
    return {
        "cell_type": "code",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    } | more


def notebook(*cells: Any, **about: Any) -> dict[str, Any]:
    """Return a notebook of format 4."""
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)} | about


def raw(*cells: Any, **about: Any) -> str:
    """Return a notebook as text."""
    return json.dumps(notebook(*(cells or (code(),)), **about))


# ------------------------------------------------------------------ other files


@content("empty_file")
def no_bytes() -> bytes:
    """An upload that was cut off at once."""
    return b""


@content("empty_file")
def blanks_only() -> bytes:
    """Blanks and line ends."""
    return b" \r\n\t\n" * 50


@content("empty_file")
def nuls_only() -> bytes:
    """What is left of a file after a crash of the computer."""
    return bytes(4096)


@content("pdf")
def pdf() -> bytes:
    """The printed notebook."""
    return b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"


@content("no_notebook")
def zip_without_a_notebook() -> bytes:
    """A zip archive under the name of a notebook, with something else in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("main.py", "x = 1")
    return file.getvalue()


@content(ACCEPTED)
def zip_with_the_notebook() -> bytes:
    """A zip archive under the name of a notebook, with the notebook in it: content counts, not the name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("part_a.ipynb", raw())
    return file.getvalue()


@content("office_document")
def docx() -> bytes:
    """A Word document."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w:document/>")
    return file.getvalue()


@content("office_document")
def old_word() -> bytes:
    """A Word document of before 2007."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


@content("archive_kind")
def rar() -> bytes:
    """A RAR archive."""
    return b"Rar!\x1a\x07\x01\x00" + bytes(100)


@content("picture")
def png() -> bytes:
    """A picture of the screen."""
    return b"\x89PNG\r\n\x1a\n" + bytes(100)


@content("web_page")
def login_page() -> bytes:
    """The LMS's log-in page in place of the file."""
    return b"\n<!DOCTYPE HTML>\n<html><body>Please log in</body></html>"


@content("web_page")
def html_export() -> bytes:
    """The notebook as HTML."""
    return b"<html lang='en'><body>In [1]:</body></html>"


@content("not_json")
def python_script() -> bytes:
    """A script with the ending of a notebook."""
    return b"import numpy as np\nprint(np.pi)\n"


@content("git_lfs_pointer")
def git_lfs_pointer() -> bytes:
    """The repository was downloaded without its large files."""
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@content("merge_conflict")
def merge_conflict() -> bytes:
    """A conflict that nobody resolved."""
    text = json.dumps(notebook(code()), indent=1)
    return text.replace(
        ' "cells": [', '<<<<<<< HEAD\n "cells": [\n=======\n "cells": [\n>>>>>>> b', 1
    ).encode()


# --------------------------------------------------------------------- encoding


@content(ACCEPTED)
def utf8_with_a_mark() -> bytes:
    """A byte order mark, as some editors write it."""
    return b"\xef\xbb\xbf" + raw().encode()


@content("not_utf8")
def utf16() -> bytes:
    """UTF-16, as PowerShell's `>` writes it."""
    return raw().encode("utf-16")


@content("not_utf8")
def utf16_without_a_mark() -> bytes:
    """UTF-16 without a byte order mark."""
    return raw().encode("utf-16-le")


@content("not_utf8")
def latin1() -> bytes:
    """Latin-1 with an umlaut."""
    return json.dumps(notebook(code("# größer")), ensure_ascii=False).encode("latin-1")


@content(ACCEPTED)
def lone_surrogates() -> bytes:
    """Half a character, escaped."""
    return raw(code("s = '?'")).replace("?", "\\ud800").encode()


@content(ACCEPTED)
def escaped_nuls() -> bytes:
    """NUL characters in the source."""
    return raw(code("x = 1\x00\x00")).encode()


@content("not_json")
def naked_nuls() -> bytes:
    """NUL bytes in the middle of the file."""
    return raw(code("x = ?1")).replace("?", "\x00").encode()


# ------------------------------------------------------------------------- JSON


@content("truncated_json")
def truncated() -> bytes:
    """The first half of a notebook."""
    text = raw(code("x = 1"), code("y = 2")).encode()
    return text[: len(text) // 2]


@content("truncated_json")
def truncated_in_a_character() -> bytes:
    """Cut off in the middle of a character of three bytes."""
    text = json.dumps(notebook(code("# 你好")), ensure_ascii=False).encode()
    return text[: text.index("好".encode()) + 1]


@content("not_json")
def more_after_the_end() -> bytes:
    """Two notebooks in one file."""
    return (raw() + raw()).encode()


@content("not_json")
def single_quotes() -> bytes:
    """A printed Python dictionary."""
    return str(notebook(code())).encode()


@content(ACCEPTED)
def not_a_number() -> bytes:
    """NaN and Infinity, which Python writes and JSON does not know."""
    return raw(code(execution_count=float("nan")), metadata={"loss": float("-inf")}).encode()


@content(ACCEPTED)
def duplicate_keys() -> bytes:
    """Two lists of cells: the last counts, as in Jupyter."""
    return raw(code("x = 'last'")).replace("{", '{"cells": [], "nbformat": 9, ', 1).encode()


@content("nested_too_deeply")
def deep_lists() -> bytes:
    """100,000 lists in each other."""
    return b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@content("nested_too_deeply")
def deep_objects() -> bytes:
    """100,000 objects in each other, never closed."""
    return b'{"cells":' * 100_000


@content("too_many_values")
def millions_of_lists() -> bytes:
    """A few megabytes that would become hundreds in memory."""
    return b'{"cells": [' + b"[]," * 2_100_000 + b"[]]}"


@content(ACCEPTED)
def huge_float() -> bytes:
    """A number that no float holds."""
    return raw().replace("null", "1e400", 1).encode()


@content("number_too_long")
def huge_integer() -> bytes:
    """A number of 5,000 digits."""
    return raw().replace("null", "9" * 5000, 1).encode()


# --------------------------------------------------------------------- the tree


@tree("no_cells")
def top_is_a_list() -> Any:
    """The cells without their notebook."""
    return [code()]


@tree("no_cells")
def top_is_null() -> Any:
    """null."""
    return None


@tree("no_cells")
def top_is_a_text() -> Any:
    """A text."""
    return "part a"


@tree("no_cells")
def top_is_another_object() -> Any:
    """A settings file."""
    return {"editor.fontSize": 14}


@tree("no_cells")
def cells_are_an_object() -> Any:
    """Cells by number."""
    return notebook(cells={"0": code()})


@tree("no_cells")
def cells_are_null() -> Any:
    """No list at all."""
    return notebook(cells=None)


@tree("no_cells")
def cells_are_a_text() -> Any:
    """A text in place of the list."""
    return notebook(cells="x = 1")


@tree("bad_cell")
def a_cell_is_a_number() -> Any:
    """A number among the cells."""
    return notebook(code(), 7)


@tree("bad_cell")
def a_cell_is_a_list() -> Any:
    """A list among the cells."""
    return notebook([code()])


@tree(ACCEPTED)
def a_cell_without_a_kind() -> Any:
    """No cell_type: it is not run."""
    return notebook({"source": "raise SystemExit"}, code())


@tree(ACCEPTED)
def a_cell_of_an_unknown_kind() -> Any:
    """A cell_type that no format knows."""
    return notebook({"cell_type": "sql", "source": "select 1"}, {"cell_type": 7}, code())


@tree(ACCEPTED)
def source_is_null() -> Any:
    """No source."""
    return notebook(code(None))


@tree(ACCEPTED)
def source_is_a_number() -> Any:
    """A number as source."""
    return notebook(code(7))


@tree(ACCEPTED)
def source_is_a_nested_list() -> Any:
    """Lists of lists of lines."""
    return notebook(code([["x = 1\n"], "y = 2"]))


@tree(ACCEPTED)
def source_is_a_list_with_null() -> Any:
    """A line that is none."""
    return notebook(code(["x = 1\n", None, "y = 2"]))


@tree(ACCEPTED)
def metadata_is_null() -> Any:
    """No metadata, of the notebook and of a cell."""
    return notebook(code(metadata=None), metadata=None)


@tree(ACCEPTED)
def metadata_is_a_list() -> Any:
    """Lists in place of metadata."""
    return notebook(code(metadata=[1]), metadata=["kernelspec"])


@tree(ACCEPTED)
def outputs_are_an_object() -> Any:
    """An object in place of the list of outputs."""
    return notebook(code(outputs={"0": {}}))


@tree(ACCEPTED)
def outputs_are_missing() -> Any:
    """A code cell without outputs and count."""
    return notebook({"cell_type": "code", "source": "x = 1"})


# --------------------------------------------------------------------- formats


def old_cell() -> dict[str, Any]:
    """Return a code cell of format 3."""
    return {"cell_type": "code", "input": ["x = 1"], "language": "python", "outputs": [], "metadata": {}}


@tree(ACCEPTED)
def format_3_with_worksheets() -> Any:
    """A notebook of IPython 2."""
    sheets = [{"cells": [old_cell()], "metadata": {}}]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": sheets}


@tree(ACCEPTED)
def format_2() -> Any:
    """A notebook of IPython 0.12."""
    return {"nbformat": 2, "metadata": {"name": ""}, "worksheets": [{"cells": [old_cell()]}]}


@tree(ACCEPTED)
def format_1() -> Any:
    """The first format."""
    return {"nbformat": 1, "cells": [{"cell_type": "code", "code": "x = 1", "prompt_number": 1}]}


@tree("old_format")
def worksheets_are_a_number() -> Any:
    """An old notebook without its sheets."""
    return {"nbformat": 3, "metadata": {}, "worksheets": 7}


@tree(ACCEPTED)
def format_3_with_new_cells() -> Any:
    """Format 4 that calls itself 3."""
    return notebook(code(), nbformat=3)


@tree(ACCEPTED)
def format_5() -> Any:
    """A format that does not exist yet."""
    return notebook(code(), nbformat=5)


@tree(ACCEPTED)
def format_is_a_text() -> Any:
    """The number as text."""
    return notebook(code(), nbformat="4")


@tree(ACCEPTED)
def format_is_negative() -> Any:
    """A number that is none of a format."""
    return notebook(code(), nbformat=-1)


@tree(ACCEPTED)
def format_is_missing() -> Any:
    """No format at all."""
    return {"cells": [code()]}


# -------------------------------------------------------------------- languages


@tree("other_language")
def r_notebook() -> Any:
    """A notebook in R."""
    return notebook(code("x <- 1"), metadata={"kernelspec": {"name": "ir", "language": "R"}})


@tree("other_language")
def r_by_its_kernel_alone() -> Any:
    """A notebook in R that names its kernel only."""
    return notebook(code("x <- 1"), metadata={"kernelspec": {"name": "ir", "display_name": "R"}})


@tree("other_language")
def julia_notebook() -> Any:
    """A notebook in Julia."""
    return notebook(code("x = 1"), metadata={"language_info": {"name": "julia", "version": "1.9"}})


@tree(ACCEPTED)
def no_kernel() -> Any:
    """No kernelspec, as many tools write it."""
    return notebook(code())


# --------------------------------------------------------------------- contents


@tree(ACCEPTED)
def tags_that_change_what_runs() -> Any:
    """Tags that nbclient would obey."""
    return notebook(code(metadata={"tags": ["skip-execution", "raises-exception", "mine"]}))


@tree(ACCEPTED)
def no_cell_at_all() -> Any:
    """An empty notebook: it can be graded, and scores 0."""
    return notebook()


@tree(ACCEPTED)
def markdown_only() -> Any:
    """Text without code."""
    return notebook({"cell_type": "markdown", "metadata": {}, "source": "# A1\nI did it."})


@tree(ACCEPTED)
def one_cell_of_five_megabytes() -> Any:
    """A long text in one cell."""
    return notebook(code("x = '" + "a" * (5 * 2**20) + "'"))


@tree("too_many_cells")
def too_many_cells() -> Any:
    """100,000 cells."""
    return notebook(*[{"cell_type": "code", "source": ""}] * 100_000)


@entry("too_large")
def larger_than_what_is_read(folder: Path) -> None:
    """A sparse file of 65 MiB."""
    with (folder / NAME).open("wb") as file:
        file.truncate(65 * 2**20)


# --------------------------------------------------------------------- no files


@entry("no_notebook")
def a_folder(folder: Path) -> None:
    """A folder with the name of a notebook."""
    (folder / NAME).mkdir()


@entry("not_a_file")
def a_pipe(folder: Path) -> None:
    """A pipe that nobody writes to: opening it would wait for ever."""
    os.mkfifo(folder / NAME)


@entry("link")
def a_link(folder: Path) -> None:
    """A link to a file of ours."""
    (folder / NAME).symlink_to(__file__)


@entry("link")
def a_link_to_a_device(folder: Path) -> None:
    """A link to what never ends."""
    (folder / NAME).symlink_to("/dev/zero")


@entry("link")
def a_broken_link(folder: Path) -> None:
    """A link to nothing."""
    (folder / NAME).symlink_to("nowhere.ipynb")


@entry("unreadable")
def no_permission(folder: Path) -> None:
    """A file that we may not read."""
    (folder / NAME).write_text(raw())
    (folder / NAME).chmod(0)


@entry("bad_file_name")
def a_name_in_latin1(folder: Path) -> None:
    """A file name that is not UTF-8."""
    Path(os.fsdecode(os.fsencode(folder) + b"/l\xf6sung.ipynb")).write_text(raw())


@entry(ACCEPTED)
def beside_its_checkpoint(folder: Path) -> None:
    """The notebook with a checkpoint copy, which is damaged."""
    (folder / NAME).write_text(raw())
    (folder / "work-checkpoint.ipynb").write_bytes(b"")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "work-checkpoint.ipynb").write_bytes(b"%PDF")


@entry("not_a_notebook")
def another_ending(folder: Path) -> None:
    """A script."""
    (folder / "work.py").write_text("x = 1")


@entry("pdf")
def a_pdf_by_name(folder: Path) -> None:
    """A PDF that says so."""
    (folder / "work.pdf").write_bytes(b"%PDF-1.5")
