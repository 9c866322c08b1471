"""Which of the notebooks that a student handed in is which part's, and what is wrong with it."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import UsageError
from autograder.intake.bindings import FILE_NAMES, read_bindings
from autograder.intake.files import opened
from autograder.intake.notebooks import known_start, parse_notebook, read_content
from autograder.intake.problems import Problem, RefusedFile, UnreadableNotebook
from autograder.records import Submission
from autograder.rubric.model import PartSpec
from autograder.rubric.sections import assign_items

MAX_NOTES = 40


def submission_of(
    name: str,
    submission_id: str,
    notebooks: Sequence[Path],
    others: Sequence[Path],
    parts: Sequence[PartSpec],
    *,
    problem: Problem | None = None,
    notes: Sequence[str] = (),
) -> Submission:
    """Return the submission of one student from the files that were handed in.

    Parameters
    ----------
    name : of the student
    submission_id : unique in the run
    notebooks, others : the files
    parts : of the assignment
    problem : why there are no notebooks, if that is known better than from the files
    notes : what was noted on the way here
    """
    said = list(notes)
    if not notebooks:
        return _failed(name, submission_id, problem or _nothing(others), said)
    files = {path: _File(path) for path in notebooks}
    chosen: dict[str, _File] = {}
    for part in parts:
        file = _choose(part, list(files.values()), said, alone=len(parts) == 1)
        if file is None:
            said.append(f"no notebook was found for part {part.part}")
        else:
            chosen[part.part] = file
    faults = [(part, file.problem) for part, file in chosen.items() if file.problem is not None]
    if len(parts) > 1:
        said += [f"part {part}: {fault.detail} ({fault.name})" for part, fault in faults]
    reason = _no_part(notebooks) if not chosen else faults[0][1] if len(faults) == len(chosen) else None
    return Submission(
        id=submission_id,
        students=(name,),
        sources={part: str(file.path) for part, file in chosen.items()},
        digests={part: file.digest for part, file in chosen.items() if file.digest},
        bindings=_bindings(others, said),
        notes=capped(said),
        problem=reason.sentence if reason else None,
        problem_name=reason.name if reason else None,
        problem_detail=reason.detail if reason else None,
    )


def capped(notes: Sequence[str]) -> tuple[str, ...]:
    """Return the notes that are kept: the first ones, and how many more there were."""
    if len(notes) <= MAX_NOTES:
        return tuple(notes)
    return (*notes[:MAX_NOTES], f"and {len(notes) - MAX_NOTES:,} more notes of this kind")


def no_notebook_file(path: Path, kind: str | None) -> Problem:
    """Return what to say of a file that stands where a student's notebook should; `kind` of archive, if it is one."""
    known = None
    try:
        with opened(path) as file:
            head = file.read(4096)
        known = ("archive_kind", f"an archive ({kind})") if kind else known_start(head)
    except (RefusedFile, OSError):
        head = b""
    name, what = known or ("not_a_notebook", f"a file that begins with {head[:16]!r}")
    return Problem(
        name,
        f"{path.name} is no notebook; hand in the .ipynb file",
        f"{path.name} is {what} in place of a notebook",
    )


def _failed(name: str, submission_id: str, problem: Problem, notes: Sequence[str]) -> Submission:
    return Submission(
        id=submission_id,
        students=(name,),
        notes=capped(notes),
        problem=problem.sentence,
        problem_name=problem.name,
        problem_detail=problem.detail,
    )


def _nothing(others: Sequence[Path]) -> Problem:
    listed = ", ".join(sorted(path.name for path in others)[:5]) or "nothing"
    return Problem(
        "no_notebook",
        f"there is no notebook (found: {listed}); hand in the .ipynb file",
        f"no file with the ending .ipynb among {len(others)} files (found: {listed})",
    )


def _no_part(notebooks: Sequence[Path]) -> Problem:
    listed = ", ".join(path.name for path in notebooks[:5])
    return Problem(
        "no_part",
        "none of the notebooks fits a part of the assignment; keep the file name of the template",
        f"neither name nor headings of {listed} fit a part of the assignment",
    )


def _bindings(others: Sequence[Path], notes: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in others:
        if path.name.lower() in FILE_NAMES:
            try:
                found |= read_bindings(path)
            except UsageError as error:
                notes.append(str(error))
    return found


@dataclass
class _File:
    """A notebook file, read once when it is first needed."""

    path: Path
    notebook: dict[str, Any] | None = None
    problem: Problem | None = None
    digest: str = ""

    def __post_init__(self) -> None:
        try:
            content = read_content(self.path)
            self.digest = hashlib.sha256(content).hexdigest()
            self.notebook = parse_notebook(content, self.path.name)
        except UnreadableNotebook as error:
            self.problem = error.problem

    def relevance(self, part: PartSpec) -> int:
        """Return how many items of the part have a section in the notebook."""
        return relevance(self.notebook, part) if self.notebook is not None else 0


def is_named_for(name: str, part: PartSpec) -> bool:
    """Return whether a file name fits the patterns of a part."""
    return any(fnmatch.fnmatch(name.lower(), pattern.lower()) for pattern in part.filenames)


def relevance(notebook: Mapping[str, Any], part: PartSpec) -> int:
    """Return how many items of a part have a section in a normalised notebook."""
    kinds = [str(cell["cell_type"]) for cell in notebook["cells"]]
    sources = [str(cell["source"]) for cell in notebook["cells"]]
    return len({item for item in assign_items(kinds, sources, part.sections) if item})


def _choose(part: PartSpec, files: list[_File], notes: list[str], alone: bool) -> _File | None:
    """Return the notebook of a part, and note what it was chosen over."""
    if len(files) == 1 and alone:
        return files[0]
    named = [file for file in files if is_named_for(file.path.name, part)]
    if len(named) == 1:
        others = [file.path.name for file in files if file is not named[0]]
        if others:
            name = named[0].path.name
            notes.append(f"part {part.part}: {name}, by its name; left aside: {', '.join(others)}")
        return named[0]
    relevances = {id(file): file.relevance(part) for file in files}
    # of several that speak of nothing, one that can be read
    ranked = sorted(
        named or files, key=lambda file: (-relevances[id(file)], file.problem is not None, str(file.path))
    )
    if not named and relevances[id(ranked[0])] == 0:
        return ranked[0] if alone else None
    if len(ranked) > 1:
        first, second = ranked[0].path.name, ranked[1].path.name
        notes.append(f"part {part.part}: {first}, by its content; the next best was {second}")
    return ranked[0]
