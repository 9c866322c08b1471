"""What works on this machine, from the kernel and its fence to the encoding, and how to mend the rest."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import locale
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from autograder.datasets import data_directory, status
from autograder.errors import AutograderError
from autograder.execute.fences import MENDS, Level
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Executor, Job, Options
from autograder.kernel_side.known_data import VARIABLE
from autograder.records import Limits
from autograder.registry import assignment_ids, content_root, find_assignment

LEAST_PYTHON = (3, 11)
KERNEL_PACKAGES = ("ipykernel", "torch", "matplotlib", "numpy")
"""Without these no notebook of the assignments runs."""
EXTRAS = {
    "review": (("starlette", "uvicorn", "nh3", "nbconvert"), "marking written answers, executed notebooks"),
    "xlsx": (("openpyxl",), "`export --to xlsx`"),
    "canvas": (("canvasapi",), "`push --to canvas`"),
    "moodle": (("requests",), "`push --to moodle`"),
    "similarity": (("copydetect",), "what notebooks share"),
}
"""What some verbs need beside the grader: extra to its packages, and to what it is for."""
COMMON_PACKAGES = ("pandas", "seaborn", "tqdm", "scipy")
"""What students import beside them."""
INSTALL = (
    "install the kernel's packages: pip install 'generative-autograder[kernel]' (in a clone: make setup)"
)
LEAST_FREE_GIB = 2.0
LEAST_MEMORY_GIB = 4.0
IMPORT_SECONDS = 120
TRIAL_SOURCE = "import numpy as np\nimport torch\nsquares = np.arange(3) ** 2\nprint(squares)"


Survey = Callable[[], dict[Level, str]]
"""Why each level of the fence does not work, or ""."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "note", "problem"]
    """`note`: grading works, but somebody should know; `problem`: grading does not work."""
    text: str
    mend: str = ""
    """What to do about it."""


def examine(executor: Executor | None = None, survey: Survey | None = None) -> list[Finding]:
    """Return what was found of everything that a grading needs, in the order in which to mend it."""
    with LocalExecutor(Options(kernel="cold"), own_work=True) as local:
        return list(_examine(executor or local, survey or local.survey))


def _examine(executor: Executor, survey: Survey) -> Iterator[Finding]:
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        python,
        kernel_packages,
        lambda: fence(survey),
        lambda: trial(executor),
        memory,
        disk,
        content,
        data,
        extras,
        encoding,
    )
    for look in looks:
        yield from look()


def python() -> Iterator[Finding]:
    """Yield the version of Python and where it is."""
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    text = f"{platform.python_version()} at {sys.executable}, {machine}"
    if sys.version_info >= LEAST_PYTHON:
        yield Finding("Python", "ok", text)
    else:
        wanted = ".".join(map(str, LEAST_PYTHON))
        yield Finding("Python", "problem", text, f"use Python {wanted} or newer")


def kernel_packages() -> Iterator[Finding]:
    """Yield the packages that students' notebooks import: installed, and importable in a new process."""
    missing = [name for name in KERNEL_PACKAGES if importlib.util.find_spec(name) is None]
    present = [name for name in KERNEL_PACKAGES if name not in missing]
    if missing:
        yield Finding("Kernel", "problem", f"not installed: {', '.join(missing)}", INSTALL)
    elif failure := import_failure(present):
        yield Finding("Kernel", "problem", f"installed, but the import fails: {failure}", INSTALL)
    else:
        yield Finding("Kernel", "ok", ", ".join(f"{name} {_version(name)}" for name in present))
    absent = [name for name in COMMON_PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        text = f"not installed, though students may import them: {', '.join(absent)}"
        yield Finding("Kernel extras", "note", text, INSTALL)


def import_failure(names: list[str]) -> str:
    """Return the last line of what goes wrong when the packages are imported in a new process, or nothing."""
    command = [sys.executable, "-c", f"import {', '.join(names)}"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"it takes longer than {IMPORT_SECONDS} s"
    if tried.returncode == 0:
        return ""
    return (tried.stderr.strip().splitlines() or [f"exit status {tried.returncode}"])[-1]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(version unknown)"


def trial(executor: Executor) -> Iterator[Finding]:
    """Yield whether a notebook of two cells runs to its end, and behind which fence."""
    limits = Limits(cell_seconds=60, total_seconds=90, memory_mib=2048)
    with tempfile.TemporaryDirectory(prefix="autograder-doctor-", ignore_cleanup_errors=True) as folder:
        notebook = Path(folder) / "trial.ipynb"
        notebook.write_text(_trial_notebook(), encoding="utf-8")
        try:
            record = executor.execute(Job(notebook=notebook, out=Path(folder) / "out", limits=limits))
        except OSError as error:
            yield Finding(
                "Trial notebook",
                "problem",
                f"could not be executed: {error}",
                "free space in the temporary folder",
            )
            return
    failures = [cell.error for cell in record.cells if cell.error is not None]
    if record.state != "complete" or failures:
        told = f"{failures[0].name}: {failures[0].message}" if failures else record.detail or record.state
        yield Finding("Trial notebook", "problem", f"did not run through ({told})", INSTALL)
        return
    told = f"ran in {record.seconds:.1f} s. {executor.describe()} In force: {record.fence}."
    yield Finding("Trial notebook", "ok", told)


def fence(survey: Survey) -> Iterator[Finding]:
    """Yield which levels of the fence work here, the strongest first; what is below the first is in reserve."""
    found = survey()
    working = [level for level, why_not in found.items() if not why_not]
    for level, why_not in found.items():
        name = f"Fence: {level}"
        if not why_not:
            is_taken = level == working[0]
            yield Finding(name, "ok", "works; this is what `grade` takes" if is_taken else "works")
        elif working and list(found).index(level) > list(found).index(working[0]):
            yield Finding(name, "ok", f"does not work, and is not needed ({why_not})")
        else:
            yield Finding(name, "note", f"does not work: {why_not}", MENDS[level])
    if not working:
        text = (
            "no fence works: `grade` refuses other people's notebooks here unless `--fence none` is given, "
            "which opens your files and your network to them; one's own notebooks run"
        )
        state: Literal["problem", "note"] = "problem" if sys.platform == "linux" else "note"
        yield Finding("Fence", state, text, "mend one of the levels above, or grade on Linux")


def _trial_notebook() -> str:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "trial",
        "metadata": {},
        "source": TRIAL_SOURCE,
        "outputs": [],
        "execution_count": None,
    }
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def memory() -> Iterator[Finding]:
    """Yield the memory of the machine, beside what one notebook may take."""
    total = memory_gib()
    if total is None:
        yield Finding("Memory", "note", "how much there is could not be found out on this platform")
        return
    text = f"{total:.1f} GiB; one notebook may take {LEAST_MEMORY_GIB:g} GiB"
    if total >= 2 * LEAST_MEMORY_GIB:
        yield Finding("Memory", "ok", text)
    elif total >= LEAST_MEMORY_GIB:
        yield Finding("Memory", "note", text, "grade with --workers 1, or with a lower --memory-mib")
    else:
        yield Finding("Memory", "note", text, "grade with --workers 1 and a lower --memory-mib")


def memory_gib() -> float | None:
    """Return the memory that this process may use, in GiB: the machine's, or its control group's if less."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
    with contextlib.suppress(OSError, ValueError):  # no control group, or no limit in it
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total / 2**30


def disk() -> Iterator[Finding]:
    """Yield the free space where runs are written and where kernels work."""
    for name, folder in (
        ("Disk, working folder", Path.cwd()),
        ("Disk, temporary folder", Path(tempfile.gettempdir())),
    ):
        free = shutil.disk_usage(folder).free / 2**30
        if not os.access(folder, os.W_OK):
            yield Finding(
                name, "problem", f"{folder} cannot be written", "work in a folder of your own, or set TMPDIR"
            )
        elif free < LEAST_FREE_GIB:
            yield Finding(
                name,
                "problem",
                f"{free:.1f} GiB free in {folder}",
                f"free {LEAST_FREE_GIB:g} GiB; a class of 100 takes about that",
            )
        else:
            yield Finding(name, "ok", f"{free:.0f} GiB free in {folder}")


def content() -> Iterator[Finding]:
    """Yield which assignments are here, and which of their files are missing."""
    try:
        root, ids = content_root(), assignment_ids()
    except AutograderError as error:
        yield Finding(
            "Rubrics", "problem", str(error), "run in a clone of the course, or set AUTOGRADER_CONTENT to it"
        )
        return
    yield Finding("Rubrics", "ok" if ids else "problem", f"{', '.join(ids) or 'none'} in {root / 'rubrics'}")
    for assignment_id in ids:
        assignment = find_assignment(assignment_id)
        goldens = (assignment.reference / "golden").glob("part_*.json")
        n_goldens = len({path.name.partition(".")[0] for path in goldens})
        has_source = any(assignment.reference.glob("notebook_*.py"))
        name = f"Reference of {assignment_id}"
        if not n_goldens:
            yield Finding(
                name,
                "problem",
                "no golden values, so nothing can be graded",
                f"autograder golden {assignment_id}",
            )
        elif not has_source:
            text = "not in this copy: grade and rescore work; demo, golden, template and validate do not"
            yield Finding(name, "note", text)
        else:
            yield Finding(
                name, "ok", f"present, with golden values of {n_goldens} part{'s' if n_goldens > 1 else ''}"
            )


def data() -> Iterator[Finding]:
    """Yield whether the data sets that some parts need are here, by the sizes of their files."""
    folder = data_directory()
    if os.environ.get(VARIABLE) and not folder.is_dir():
        yield Finding(
            "Data sets",
            "problem",
            f"{VARIABLE}={folder} is no folder",
            "set it to the folder of the data sets, or unset it",
        )
        return
    try:
        sets = status(folder)
    except OSError as error:
        yield Finding(
            "Data sets", "problem", f"{folder} cannot be read ({error.strerror})", f"set {VARIABLE}"
        )
        return
    lacking = [one for one in sets if one.state != "present"]
    if not lacking:
        yield Finding("Data sets", "ok", f"{', '.join(one.name for one in sets)} in {folder}")
        return
    told = ", ".join(f"{one.name} {one.state}" for one in lacking)
    is_damaged = any(one.state == "damaged" for one in lacking)
    text = f"{told} in {folder}; only parts that train on data sets need them"
    yield Finding("Data sets", "problem" if is_damaged else "note", text, "autograder data fetch")


def extras() -> Iterator[Finding]:
    """Yield which verbs lack packages that grading does without."""
    lacking = {
        name: what
        for name, (packages, what) in EXTRAS.items()
        if any(importlib.util.find_spec(package) is None for package in packages)
    }
    if not lacking:
        yield Finding("Extras", "ok", f"installed: {', '.join(EXTRAS)}")
        return
    text = "; ".join(f"{name} ({what})" for name, what in lacking.items())
    mend = f"pip install 'generative-autograder[{','.join(lacking)}]', if you want it"
    yield Finding("Extras", "note", f"not installed: {text}; grading does without", mend)


def encoding() -> Iterator[Finding]:
    """Yield whether names and formulas survive in files and on the terminal."""
    names = {
        "files": sys.getfilesystemencoding(),
        "text": locale.getpreferredencoding(False),
        "terminal": sys.stdout.encoding or "ascii",
    }
    text = ", ".join(f"{what} {name}" for what, name in names.items())
    if all(name.lower().replace("-", "") == "utf8" for name in names.values()):
        yield Finding("Encoding", "ok", text)
    else:
        yield Finding(
            "Encoding",
            "note",
            f"{text}: some names may be shown with ?",
            "set PYTHONUTF8=1, or a UTF-8 locale such as C.UTF-8",
        )
