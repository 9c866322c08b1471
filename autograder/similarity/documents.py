"""What is compared: the notebooks of a run, and those of earlier years; what cannot be read is said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.errors import UsageError
from autograder.intake import UnreadableNotebook, find_submissions, read_notebook
from autograder.probes.notebooks import NotebookCell, read_cells
from autograder.records import Submission
from autograder.rubric.model import PartSpec
from autograder.store import RunDirectory, read_record

PLACE_SHOWN = 60


@dataclass(frozen=True)
class Document:
    """One notebook of one part."""

    id: str
    students: tuple[str, ...]
    part: str
    cells: tuple[NotebookCell, ...]
    digest: str = ""
    """Of the file as it was handed in; empty where it is not known."""
    pool: str = ""
    """The folder of an earlier class that it comes from; empty for the class itself."""

    @property
    def content(self) -> str:
        """A digest of its cells, whatever else the file holds."""
        cells = [(cell.kind, cell.source) for cell in self.cells]
        return hashlib.sha256(json.dumps(cells).encode("utf-8", "replace")).hexdigest()

    def code(self) -> list[tuple[int, str]]:
        """Return index and source of each code cell."""
        return [(cell.index, cell.source) for cell in self.cells if cell.kind == "code"]


@dataclass(frozen=True)
class Unread:
    """A notebook that is not compared, and why."""

    id: str
    students: tuple[str, ...]
    part: str
    why: str
    pool: str = ""


@dataclass
class Documents:
    """All that was found."""

    read: list[Document] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def add(self, submission: Submission, part: PartSpec, path: Path | None, missing: str, pool: str) -> None:
        """Read a notebook; one that is missing or cannot be read is noted with the reason."""
        who = (submission.id, submission.students, part.part)
        if path is None or not path.is_file():
            self.unread.append(Unread(*who, submission.problem or missing, pool))
            return
        try:
            cells = read_cells(read_notebook(path), part.sections)
        except UnreadableNotebook as error:
            self.unread.append(Unread(*who, str(error), pool))
            return
        self.read.append(Document(*who, cells, submission.digests.get(part.part, ""), pool))


def of_run(run: RunDirectory, parts: Sequence[PartSpec], pool: str = "") -> Documents:
    """Return the notebooks of a run as they were graded."""
    found = Documents()
    parts_of_run = run.info().parts
    for submission in _submissions(run, found, pool):
        for part in parts:
            if part.part not in parts_of_run:
                continue
            path = run.part(submission.id, part.part, parts_of_run) / "input.ipynb"
            is_given = part.part in submission.sources
            missing = "graded without being run: no copy in the run" if is_given else "not handed in"
            found.add(submission, part, path, missing, pool)
    return found


def _submissions(run: RunDirectory, found: Documents, pool: str) -> Iterable[Submission]:
    folder = run.path / "submissions"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        submission = read_record(path / "submission.json", Submission)
        if submission is not None:
            yield submission
        elif path.is_dir():
            found.unread.append(Unread(path.name, (), "", "its submission.json is missing or damaged", pool))


def of_pool(folder: Path, parts: Sequence[PartSpec], assignment: str) -> Documents:
    """Return the notebooks of an earlier class: a run directory, or a folder as `grade` takes it.

    Raises
    ------
    UsageError
        When there is nothing, or a run of another assignment.
    """
    if (folder / "run.json").is_file():
        run = RunDirectory(folder)
        if run.info().assignment != assignment:
            raise UsageError(
                f"--pool {folder} is a run of {run.info().assignment}, not of {assignment}; "
                "give a run or a folder of the same assignment"
            )
        return of_run(run, parts, pool=_named(folder))
    found = Documents()
    for submission in find_submissions(folder, parts):
        for part in parts:
            source = submission.sources.get(part.part)
            if source is None and submission.sources:
                continue  # of an earlier class only what there is counts
            found.add(submission, part, Path(source) if source else None, "not handed in", _named(folder))
    return found


def _named(folder: Path) -> str:
    parts = folder.resolve().parts
    return "/".join(parts[-2:])[-PLACE_SHOWN:]


def described(document: Document | Unread) -> dict[str, Any]:
    """Return who handed in a notebook, as plain data."""
    return {"id": document.id, "students": list(document.students), "pool": document.pool}
