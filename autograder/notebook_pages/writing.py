"""The page of each executed notebook in the run directory: made once, in a process of its own that has a time limit."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import multiprocessing.util
import os
import signal
import sys
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from multiprocessing.process import BaseProcess
from pathlib import Path

from autograder import __version__
from autograder.records import ExecutionRecord
from autograder.store import read_json, write_text

FILE = "notebook.html"
SECONDS = 60.0
SOCKETS = "AUTOGRADER_SOCKETS"
"""The environment variable that names the folder in which renderers are asked for."""
"""A page takes hundredths of a second; whatever takes this long was made to."""
_NEEDED = ("nbconvert", "nh3", "defusedxml", "markdown_it", "latex2mathml")
_HEAD_BYTES = 400


def ensure_page(folder: Path, title: str, execution: ExecutionRecord) -> bool:
    """Return whether the page of the notebook that was executed in `folder` is there, making it where it must.

    A page that was made of the same notebook is left as it is.
    """
    executed, page = folder / "executed.ipynb", folder / FILE
    statuses = {cell.index: str(cell.status) for cell in execution.cells if cell.status != "ok"}
    try:
        stamp = _stamp(executed.read_bytes(), title, statuses)
    except OSError:
        page.unlink(missing_ok=True)
        return False
    if _is_made_of(page, stamp):
        return True
    page.unlink(missing_ok=True)  # of another notebook: no page is better than a wrong one
    if not is_available():
        return False
    try:
        is_made = _in_time(executed, page, title, statuses, stamp)
    except (OSError, EOFError):  # no process can be started now; the next time it is tried again
        return False
    if not is_made:
        why = f"Rendering it did not come to its end: it took longer than {SECONDS:g} seconds, or too much memory."
        _give_up(page, title, stamp, why)
    return page.exists()


@cache
def is_available() -> bool:
    """Return whether the packages are installed that pages of notebooks are made with."""
    return all(find_spec(name) is not None for name in _NEEDED)


def _stamp(executed: bytes, title: str, statuses: dict[int, str]) -> str:
    """Return a digest of all that a page shows, and of what it is made with."""
    told = json.dumps([__version__, title, sorted(statuses.items())])
    return hashlib.sha256(b"\0".join([executed, told.encode(), _look()])).hexdigest()


@cache
def _look() -> bytes:
    folder = files("autograder.notebook_pages") / "templates"
    return b"\0".join((folder / name).read_bytes() for name in ("notebook.html.j2", "notebook.css"))


def _is_made_of(page: Path, stamp: str) -> bool:
    try:
        with page.open("rb") as file:
            return stamp.encode() in file.read(_HEAD_BYTES)
    except OSError:
        return False


def _in_time(executed: Path, page: Path, title: str, statuses: dict[int, str], stamp: str) -> bool:
    """Render in a process of its own; return whether it came to an end by itself."""
    work = (executed, page, title, statuses, stamp)
    process: BaseProcess
    if sys.platform == "win32":
        process = multiprocessing.get_context("spawn").Process(target=_work, args=work, daemon=True)
    else:
        # The server outlives a grader that is killed, and removes this folder at its end (`ready`).
        os.environ[SOCKETS] = multiprocessing.util.get_temp_dir()
        forking = multiprocessing.get_context("forkserver")
        forking.set_forkserver_preload(["__main__", "autograder.notebook_pages.ready"])
        process = forking.Process(target=_work, args=work, daemon=True)
    process.start()
    try:
        process.join(SECONDS)
        return process.exitcode == 0
    finally:
        process.kill()
        process.join()


def _work(executed: Path, page: Path, title: str, statuses: dict[int, str], stamp: str) -> None:
    """Make one page; a notebook that cannot be rendered gets one that says so."""
    from autograder.notebook_pages.exporter import render

    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who waits for us decides
    try:
        notebook = read_json(executed)
        cells = notebook if isinstance(notebook, dict) else {}
        write_text(page, render(cells, title=title, statuses=statuses, stamp=stamp))
    except (OSError, MemoryError):
        raise
    except Exception as error:  # of libraries that were handed anything at all
        _give_up(page, title, stamp, f"Rendering it failed: {type(error).__name__}: {error}"[:500])


def _give_up(page: Path, title: str, stamp: str, why: str) -> None:
    from autograder.notebook_pages.exporter import render

    write_text(page, render({}, title=title, stamp=stamp, problem=why))
