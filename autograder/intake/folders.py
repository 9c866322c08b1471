"""A folder of submissions: a sub-folder or a file per student.

The rule, stated once: hidden files, `__MACOSX`, `.ipynb_checkpoints` and files called `*-checkpoint.ipynb` are
left aside. In a student's folder each part takes the notebook whose file name fits the part's patterns; when
none or several fit, the notebook whose headings and code speak most of the part; the choice and what was left
aside are recorded. A submission that cannot be graded still is a row, with the reason.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from autograder.errors import UsageError
from autograder.intake.bindings import FILE_NAMES, read_bindings
from autograder.intake.notebooks import UnreadableNotebook, read_notebook
from autograder.records import Submission
from autograder.rubric.model import PartSpec
from autograder.rubric.sections import assign_items


def find_submissions(folder: Path, parts: Sequence[PartSpec]) -> list[Submission]:
    """Return one submission a student found in `folder`, in the order of their names.

    Raises
    ------
    UsageError
        When there is no such folder, or nothing in it.
    """
    if folder.is_file():
        return [_submission(folder.stem, [folder], [], parts, set())]
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder}; give the folder with one sub-folder or one notebook per student"
        )
    entries = sorted(
        (entry for entry in folder.iterdir() if not _is_noise(entry)), key=lambda entry: entry.name
    )
    taken: set[str] = set()
    found = []
    for entry in entries:
        if entry.is_symlink():
            found.append(_refused(entry, taken, f"{entry.name} is a link; hand in the file itself"))
        elif entry.is_dir():
            files = sorted(path for path in entry.rglob("*") if path.is_file() and not path.is_symlink())
            noise = [
                path
                for path in files
                if _is_noise(path) or any(_is_noise(parent) for parent in _between(path, entry))
            ]
            notebooks = [path for path in files if path not in noise and path.suffix.lower() == ".ipynb"]
            found.append(
                _submission(
                    entry.name, notebooks, [path for path in files if path not in notebooks], parts, taken
                )
            )
        elif entry.suffix.lower() == ".ipynb":
            found.append(_submission(entry.stem, [entry], [], parts, taken))
        else:
            found.append(_refused(entry, taken, f"{entry.name} is no notebook; hand in the .ipynb file"))
    if not found:
        raise UsageError(
            f"the folder {folder} holds no submissions; it should hold one sub-folder or one notebook per student"
        )
    return found


def _between(path: Path, top: Path) -> Iterable[Path]:
    for parent in path.parents:
        if parent == top:
            return
        yield parent


def _is_noise(path: Path) -> bool:
    return (
        path.name.startswith(".")
        or path.name in ("__MACOSX", "Thumbs.db")
        or path.stem.endswith("-checkpoint")
    )


def _refused(entry: Path, taken: set[str], problem: str) -> Submission:
    return Submission(id=safe_id(entry.stem or entry.name, taken), students=(entry.stem,), problem=problem)


def safe_id(name: str, taken: set[str]) -> str:
    """Return `name` as a folder name that nobody has yet: letters, digits, `-`, `_` and `.`; unique without case."""
    text = unicodedata.normalize("NFKC", name)
    text = re.sub(r"[^\w.-]+", "-", text).strip("-.")[:80] or "submission"
    chosen, number = text, 2
    while chosen.lower() in taken:
        chosen, number = f"{text}-{number}", number + 1
    taken.add(chosen.lower())
    return chosen


def _submission(
    name: str, notebooks: list[Path], others: list[Path], parts: Sequence[PartSpec], taken: set[str]
) -> Submission:
    submission_id = safe_id(name, taken)
    if not notebooks:
        listed = ", ".join(sorted(path.name for path in others)[:5]) or "nothing"
        return Submission(
            id=submission_id,
            students=(name,),
            problem=f"there is no notebook (found: {listed}); hand in the .ipynb file",
        )
    sources: dict[str, str] = {}
    digests: dict[str, str] = {}
    notes: list[str] = []
    for part in parts:
        chosen = _choose(part, notebooks, notes, alone=len(parts) == 1)
        if chosen is not None:
            sources[part.part] = str(chosen)
            digests[part.part] = hashlib.sha256(chosen.read_bytes()).hexdigest()
        else:
            notes.append(f"no notebook was found for part {part.part}")
    problem = None if sources else "none of the notebooks fits a part of the assignment"
    if len(parts) == 1 and sources:
        try:
            read_notebook(Path(next(iter(sources.values()))))
        except UnreadableNotebook as error:
            problem = str(error)
    bindings: dict[str, str] = {}
    for path in others:
        if path.name.lower() in FILE_NAMES:
            try:
                bindings |= read_bindings(path)
            except UsageError as error:
                notes.append(str(error))
    return Submission(
        id=submission_id,
        students=(name,),
        sources=sources,
        digests=digests,
        bindings=bindings,
        notes=tuple(notes),
        problem=problem,
    )


def _choose(part: PartSpec, notebooks: list[Path], notes: list[str], alone: bool) -> Path | None:
    """Return the notebook of a part, and note what it was chosen over."""
    if len(notebooks) == 1 and alone:
        return notebooks[0]
    patterns = [pattern.lower() for pattern in part.filenames]
    named = [
        path for path in notebooks if any(fnmatch.fnmatch(path.name.lower(), pattern) for pattern in patterns)
    ]
    if len(named) == 1:
        others = [path.name for path in notebooks if path != named[0]]
        if others:
            notes.append(f"part {part.part}: {named[0].name}, by its name; left aside: {', '.join(others)}")
        return named[0]
    ranked = sorted(named or notebooks, key=lambda path: (-_relevance(path, part), str(path)))
    if not ranked or (not named and _relevance(ranked[0], part) == 0):
        return ranked[0] if ranked and alone else None
    if len(ranked) > 1:
        notes.append(
            f"part {part.part}: {ranked[0].name}, by its content; the next best was {ranked[1].name}"
        )
    return ranked[0]


def _relevance(path: Path, part: PartSpec) -> int:
    """Return how many items of the part have a section in the notebook."""
    try:
        notebook = read_notebook(path)
    except UnreadableNotebook:
        return 0
    kinds = [str(cell["cell_type"]) for cell in notebook["cells"]]
    sources = [str(cell["source"]) for cell in notebook["cells"]]
    return len({item for item in assign_items(kinds, sources, part.sections) if item})
