"""Which of the notebooks that a student handed in is which part's, and what is wrong with it.

The rule, in this order: copies are set aside for what they are copies of; a part takes the notebook whose name alone
fits the part's patterns; of several, or of none, the one whose content speaks most of the part (items with a section,
then modules that the part imports, then names that its evidence has). The choice and the runner-up are recorded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from autograder.errors import UsageError
from autograder.intake.bindings import FILE_NAMES, read_bindings
from autograder.intake.file_names import copy_mark, is_named_for, without_copy_mark
from autograder.intake.files import opened
from autograder.intake.notebooks import known_start, parse_notebook, read_content
from autograder.intake.problems import Problem, RefusedFile, UnreadableNotebook
from autograder.records import Choice, Submission
from autograder.rubric.model import PartSpec
from autograder.rubric.sections import assign_items

MAX_NOTES = 40
MIN_NAMES = 3
"""So many names of a part's evidence speak for it where no heading does."""


def submission_of(
    name: str,
    submission_id: str,
    notebooks: Sequence[Path],
    others: Sequence[Path],
    parts: Sequence[PartSpec],
    *,
    problem: Problem | None = None,
    notes: Sequence[str] = (),
    own_names: Mapping[Path, str] | None = None,
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
    own_names : the student's own names of files that an LMS renamed
    """
    own = own_names or {}
    said = list(notes)
    if not notebooks:
        return _failed(name, submission_id, problem or _nothing(others, own), said, _listed(others, own))
    read = [_File(path, own.get(path, path.name)) for path in notebooks]
    files = _without_copies(read, said)
    chosen: dict[str, _File] = {}
    choices: list[Choice] = []
    for part in parts:
        picked = _choose(part, files, parts, said)
        if picked is None:
            said.append(f"no notebook was found for part {part.part}")
        else:
            chosen[part.part] = picked[0]
            choices.append(picked[1])
    faults = [(part, file.problem) for part, file in chosen.items() if file.problem is not None]
    if len(parts) > 1:
        said += [f"part {part}: {fault.detail} ({fault.name})" for part, fault in faults]
    reason = (
        _no_part([file.name for file in files])
        if not chosen
        else faults[0][1]
        if len(faults) == len(chosen)
        else None
    )
    taken = {file.path for file in chosen.values()}
    return Submission(
        id=submission_id,
        students=(name,),
        sources={part: str(file.path) for part, file in chosen.items()},
        digests={part: file.digest for part, file in chosen.items() if file.digest},
        bindings=_bindings(others, own, said),
        notes=capped(said),
        choices=tuple(choices),
        unused=_listed([path for path in (*notebooks, *others) if path not in taken], own),
        problem=reason.sentence if reason else None,
        problem_name=reason.name if reason else None,
        problem_detail=reason.detail if reason else None,
    )


def capped(notes: Sequence[str]) -> tuple[str, ...]:
    """Return the notes that are kept: the first ones, and how many more there were."""
    if len(notes) <= MAX_NOTES:
        return tuple(notes)
    return (*notes[:MAX_NOTES], f"and {len(notes) - MAX_NOTES:,} more notes of this kind")


def _listed(paths: Sequence[Path], own: Mapping[Path, str]) -> tuple[str, ...]:
    """Return the names of files that no part needs; modules and bindings beside a notebook are needed."""
    names = [own.get(path, path.name) for path in paths]
    return capped(
        sorted(name for name in names if not name.endswith(".py") and name.lower() not in FILE_NAMES)
    )


def no_notebook_file(path: Path, kind: str | None, own_name: str = "") -> Problem:
    """Return what to say of a file that stands where a student's notebook should; `kind` of archive, if it is one."""
    shown = own_name or path.name
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
        f"{shown} is no notebook; hand in the .ipynb file",
        f"{shown} is {what} in place of a notebook",
    )


def _failed(
    name: str, submission_id: str, problem: Problem, notes: Sequence[str], unused: tuple[str, ...]
) -> Submission:
    return Submission(
        id=submission_id,
        students=(name,),
        notes=capped(notes),
        unused=unused,
        problem=problem.sentence,
        problem_name=problem.name,
        problem_detail=problem.detail,
    )


def _nothing(others: Sequence[Path], own: Mapping[Path, str]) -> Problem:
    listed = ", ".join(sorted(own.get(path, path.name) for path in others)[:5]) or "nothing"
    return Problem(
        "no_notebook",
        f"there is no notebook (found: {listed}); hand in the .ipynb file",
        f"no file with the ending .ipynb among {len(others)} files (found: {listed})",
    )


def _no_part(names: Sequence[str]) -> Problem:
    listed = ", ".join(names[:5])
    return Problem(
        "no_part",
        "none of the notebooks fits a part of the assignment; keep the file name of the template",
        f"neither name nor headings of {listed} fit a part of the assignment",
    )


def _bindings(others: Sequence[Path], own: Mapping[Path, str], notes: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in others:
        if own.get(path, path.name).lower() in FILE_NAMES:
            try:
                found |= read_bindings(path)
            except UsageError as error:
                notes.append(str(error))
    return found


class Speech(NamedTuple):
    """How much a notebook speaks of a part; the larger one speaks more."""

    n_items: int
    n_imports: int = 0
    n_names: int = 0

    def __str__(self) -> str:
        said = [
            f"{n} {what}" if n == 1 else f"{n} {what}s"
            for n, what in ((self.n_items, "section"), (self.n_imports, "import"), (self.n_names, "name"))
            if n
        ]
        return f"{', '.join(said)} of the part" if said else "nothing of the part"


@dataclass
class _File:
    """A notebook file, read once."""

    path: Path
    name: str
    """The student's own."""
    notebook: dict[str, Any] | None = None
    problem: Problem | None = None
    digest: str = ""

    def __post_init__(self) -> None:
        try:
            content = read_content(self.path)
            self.digest = hashlib.sha256(content).hexdigest()
            self.notebook = parse_notebook(content, self.name)
        except UnreadableNotebook as error:
            self.problem = error.problem

    def speech(self, part: PartSpec) -> Speech:
        """Return how much it speaks of a part."""
        return speech(self.notebook, part) if self.notebook is not None else Speech(0)


def relevance(notebook: Mapping[str, Any], part: PartSpec) -> int:
    """Return how many items of a part have a section in a normalised notebook."""
    kinds = [str(cell["cell_type"]) for cell in notebook["cells"]]
    sources = [str(cell["source"]) for cell in notebook["cells"]]
    return len({item for item in assign_items(kinds, sources, part.sections) if item})


def speech(notebook: Mapping[str, Any], part: PartSpec) -> Speech:
    """Return how much a normalised notebook speaks of a part: sections, imports, names of its evidence."""
    code = "\n".join(str(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    words = set(re.findall(r"[A-Za-z_]\w*", code))
    imported = set(re.findall(r"(?m)^\s*(?:import|from)\s+([A-Za-z_]\w*)", code))
    accepted = [spec.names for spec in part.evidence.values()] + [
        spec.names for spec in part.challenges.values()
    ]
    n_names = sum(not words.isdisjoint(names) for names in accepted)
    return Speech(relevance(notebook, part), len(imported & set(part.imports)), n_names)


def _without_copies(files: Sequence[_File], notes: list[str]) -> list[_File]:
    """Return the files without copies: of a file and its copies the one that can be read, itself first.

    A copy whose original is not there is no copy, unless another file has the same bytes.
    """
    kept: list[_File] = []
    originals = {
        (file.path.parent, file.name.casefold()): file
        for file in files
        if copy_mark(file.name) is None and file.problem is None
    }
    seen: dict[str, _File] = {}
    # originals first: of two with the same bytes, the copy is the copy
    for file in sorted(files, key=lambda file: copy_mark(file.name) is not None):
        original = originals.get((file.path.parent, without_copy_mark(file.name).casefold()))
        twin = seen.get(file.digest) if file.digest else None
        is_copy = copy_mark(file.name) is not None
        if is_copy and original is not None:
            same = file.digest == original.digest
            notes.append(
                f"{file.name} is a copy of {original.name} "
                + (
                    "with the same content; left aside"
                    if same
                    else "and differs from it; left aside: have a look"
                )
            )
        elif is_copy and twin is not None:
            notes.append(f"{file.name} has the same content as {twin.name}; left aside")
        else:
            kept.append(file)
            seen.setdefault(file.digest, file)
    return [file for file in files if file in kept]


How = Literal["only", "name", "content"]


def _choose(
    part: PartSpec, files: Sequence[_File], parts: Sequence[PartSpec], notes: list[str]
) -> tuple[_File, Choice] | None:
    """Return the notebook of a part with what it was chosen over, which is noted as well."""
    is_alone = len(parts) == 1
    if len(files) == 1 and is_alone:
        return files[0], Choice(part=part.part, file=files[0].name, how="only")
    named = [file for file in files if is_named_for(file.name, part)]
    speeches = {id(file): file.speech(part) for file in files}
    # of several that speak of nothing, one that can be read
    ranked = sorted(
        files,
        key=lambda file: (
            file not in named,
            *(-n for n in speeches[id(file)]),
            file.problem is not None,
            str(file.path),
        ),
    )
    first = ranked[0]
    if not named and not is_alone and not _speaks_of(first, part, parts):
        return None
    how: How = "name" if len(named) == 1 else "content"
    choice = Choice(
        part=part.part,
        file=first.name,
        how=how,
        why=str(speeches[id(first)]),
        runner_up=ranked[1].name if len(ranked) > 1 else "",
        runner_up_why=str(speeches[id(ranked[1])]) if len(ranked) > 1 else "",
    )
    if len(ranked) > 1 and how == "name":
        others = ", ".join(file.name for file in files if file is not first)
        notes.append(f"part {part.part}: {first.name}, by its name; left aside: {others}")
    elif len(ranked) > 1:
        notes.append(f"part {part.part}: {first.name}, by its content; the next best was {ranked[1].name}")
    return first, choice


def _speaks_of(file: _File, part: PartSpec, parts: Sequence[PartSpec]) -> bool:
    """Return whether a notebook without a fitting name speaks of a part: by its sections, else by its names.

    One that is named for another part has to speak of half of the items.
    """
    said = file.speech(part)
    if any(is_named_for(file.name, one) for one in parts if one is not part):
        return said.n_items > 0 and 2 * said.n_items >= len(part.sections)  # it may be everything in one file
    if said.n_items:
        return True
    others = [file.speech(one) for one in parts if one is not part]
    return said.n_names >= MIN_NAMES and all(one.n_items == 0 and one[1:] < said[1:] for one in others)
