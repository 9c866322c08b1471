"""One submission inside Gradescope's container, from the files that were handed in to `results.json`.

`results.json` is written several times, each time whole: at once, and again whenever more is known. A grading that
nears the limit ends by itself with what it knows, which is no score. Nothing that goes wrong on our side becomes 0.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError, UsageError
from autograder.gradescope.budgets import budgets_of, container_mib, is_cut
from autograder.gradescope.results import STARTED, results_of, without_score
from autograder.gradescope.settings import FILE, Settings
from autograder.records import Status
from autograder.store import read_record, write_json

OURS = (
    "Your submission could not be graded, through no fault of yours, and it has no score. Your instructor has been told "
    "why; nothing is lost."
)
LATE = (
    "Grading did not end within the time limit, so that there is no score. It says nothing about your work."
)
LAST_SECONDS = 20.0
"""How long before Gradescope's limit a grading ends by itself."""
MAX_FILES, MAX_BYTES = 2000, 512 * 2**20
STUDENT = "submission"


class Place:
    """The folders of Gradescope's container, below a root."""

    def __init__(self, root: Path):
        self.root = root
        self.source = root / "source"
        self.submission = root / "submission"
        self.results = root / "results" / "results.json"
        self.metadata = root / "submission_metadata.json"

    def settings(self) -> Settings:
        """Return what the archive says; UsageError when it is not there."""
        found = read_record(self.source / FILE, Settings)
        if found is None:
            raise UsageError(
                f"{self.source / FILE} is missing or damaged; make the archive again: autograder gradescope"
            )
        return found

    def write(self, document: dict[str, Any]) -> None:
        """Write `results.json`: whole, or as it was."""
        write_json(self.results, document)


def run(root: Path, *, end: Callable[[int], None] = os._exit) -> int:
    """Grade the submission below a root; return the exit status: 0 with a score, 1 without.

    Parameters
    ----------
    end : ends the process when time runs out
    """
    started = time.monotonic()
    place = Place(root)
    place.write(without_score(STARTED))
    try:
        settings = place.settings()
        seconds = settings.minutes * 60

        def give_up() -> None:
            place.write(without_score(LATE, f"the limit of {settings.minutes:g} minutes"))
            print(
                f"gave up {LAST_SECONDS:g} s before the limit of {settings.minutes:g} minutes",
                file=sys.stderr,
            )
            end(1)

        clock = threading.Timer(max(1.0, seconds - LAST_SECONDS), give_up)
        clock.daemon = True
        clock.start()
        try:
            return _grade(place, settings, started)
        finally:
            clock.cancel()
    except AutograderError as error:
        place.write(without_score(OURS, str(error)))
        print(error, file=sys.stderr)
    except Exception as error:
        place.write(without_score(OURS, f"{type(error).__name__}: {error}"))
        traceback.print_exc()
    return 1


def _grade(place: Place, settings: Settings, started: float) -> int:
    os.environ["AUTOGRADER_CONTENT"] = str(place.source / "content")
    from autograder.courses import Course
    from autograder.execute.local import LocalExecutor
    from autograder.execute.protocol import Options
    from autograder.grading import grade
    from autograder.rubric.public import WRITTEN

    course = Course.load(settings.assignment, settings.parts)
    left = settings.minutes * 60 - LAST_SECONDS - (time.monotonic() - started)
    budgets = budgets_of(course.rubric.parts, left, container_mib())
    remarks = is_cut(course.rubric.parts, budgets) + _metadata_remarks(place)
    with tempfile.TemporaryDirectory(prefix="autograder-") as folder:
        class_folder = Path(folder) / "hand-ins"
        _take_in(place.submission, class_folder / STUDENT)
        with LocalExecutor(Options(fence=settings.fence, kernel="cold")) as executor:
            remarks.append(executor.describe())
            batch = grade(
                class_folder,
                course,
                Path(folder) / "run",
                executor,
                n_workers=1,
                budgets=budgets,
                author="Gradescope",
            )
        if len(batch.grades) != 1:
            raise UsageError(
                f"the submission was taken for {len(batch.grades)}; name the files as the sheet asks"
            )
        written = {
            check.id for part in course.rubric.parts for _, check in part.checks() if check.check == WRITTEN
        }
        results = [check for item in batch.grades[0].items for check in item.checks]
        remarks += sorted({one.message for one in results if one.status is Status.ERROR})
        found = results_of(batch.grades[0], settings, written, time.monotonic() - started, "; ".join(remarks))
        place.write(found.document)
    print("\n".join(remarks))
    return 0 if found.has_score else 1


def _take_in(source: Path, target: Path) -> None:
    """Copy what was handed in: plain files alone, so that no link leads elsewhere."""
    n_files = n_bytes = 0
    for folder, folders, names in os.walk(source, followlinks=False):
        folders[:] = [name for name in folders if not (Path(folder) / name).is_symlink()]
        for name in names:
            path = Path(folder) / name
            if path.is_symlink() or not path.is_file():
                continue
            n_files, n_bytes = n_files + 1, n_bytes + path.stat().st_size
            if n_files > MAX_FILES or n_bytes > MAX_BYTES:
                raise UsageError(f"more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB were handed in")
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    target.mkdir(parents=True, exist_ok=True)


def _metadata_remarks(place: Place) -> list[str]:
    """Return what Gradescope says of the submission that an instructor should compare with the rubric."""
    try:
        found = json.loads(place.metadata.read_text(encoding="utf-8"))
        points = found["assignment"].get("total_points")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return ["submission_metadata.json cannot be read"]
    return [f"total_points at Gradescope: {points}"]


def look(root: Path) -> int:
    """Say whether other people's notebooks can be run in this container; for the log of the image."""
    from autograder.execute.local import LocalExecutor
    from autograder.execute.protocol import Options

    settings = Place(root).settings()
    try:
        with LocalExecutor(Options(fence=settings.fence, kernel="cold")) as executor:
            level = executor.choice().level
            print(executor.describe())
            if level == "none":
                print("NO FENCE: a notebook can read the goldens and the rubric, and write its own score.")
    except UsageError as error:
        print(f"{error}\nNothing will be graded here. See docs/lms.md, Gradescope.", file=sys.stderr)
    return 0
