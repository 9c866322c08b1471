"""A class as it was handed in: a folder or an archive, in it a folder, a notebook or an archive per student.

The rule, stated once. Hidden files, `__MACOSX`, `.ipynb_checkpoints` and files called `*-checkpoint.ipynb` are
left aside. Archives are known by their content; those in a student's folder are opened only when the folder itself
holds fewer notebooks than the assignment has parts, and an archive in an archive that lies in an archive is not.
Each part takes the notebook whose file name fits the part's patterns; when none or several fit, the notebook whose
headings and code speak most of the part; the choice and what was left aside are recorded. A submission that cannot
be graded still is a row, with the reason.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from autograder.errors import UsageError
from autograder.intake.archives import Aside, archive_kind, unpack
from autograder.intake.choosing import capped, no_notebook_file, submission_of
from autograder.intake.entries import OF_CLASS, OF_STUDENT
from autograder.intake.files import is_noise, listing, printable, problem_of
from autograder.intake.hand_ins import HandIn, loss_of, notes_of, reasons_of, renaming
from autograder.intake.problems import Problem, UnreadableArchive
from autograder.records import Submission
from autograder.rubric.model import PartSpec

NOTHING: Mapping[str, Any] = MappingProxyType({})
MAX_ARCHIVES_DEEP = 2
MAX_ARCHIVES = 8
"""That are opened for one student: each may fill a good part of a disk."""
_ENDINGS = re.compile(r"(\.ipynb|\.zip|\.tar|\.tgz|\.tbz2?|\.txz|\.tar\.(gz|bz2|xz))+\Z", re.IGNORECASE)


def find_submissions(
    source: Path, parts: Sequence[PartSpec], unpack_into: Path | None = None
) -> list[Submission]:
    """Return one submission a student found in `source`, in the order of their names.

    Parameters
    ----------
    source : a folder, an archive that holds a class, or one notebook
    parts : of the assignment
    unpack_into : folder for what archives hold; without it they are not opened

    Raises
    ------
    UsageError
        When there is nothing at `source`, nothing in it, or it is an archive that cannot be unpacked.
    InternalError
        When `unpack_into` cannot be written.
    """
    require_source(source)
    intake = _Intake(parts, unpack_into)
    if source.is_file():
        path = source.resolve() if source.is_symlink() else source
        if unpack_into is not None and archive_kind(path) is not None:
            found = intake.class_archive(path)
        else:
            found = [submission_of(source.stem, safe_id(source.stem, set()), [path], [], parts)]
    else:
        found = intake.rows(source)
    if not found:
        raise _nothing_in(source)
    return found


def require_source(source: Path) -> None:
    """Raise UsageError when there is nothing at `source`, or it is a folder with nothing in it."""
    if source.is_dir():
        try:
            is_empty = all(is_noise(entry.name) for entry in source.iterdir())
        except OSError as error:
            raise UsageError(f"the folder {source} cannot be read ({error.strerror})") from error
        if is_empty:
            raise _nothing_in(source)
    elif not source.is_file():
        raise UsageError(
            f"there is no folder {source}; give the folder with one sub-folder or one notebook per student"
        )


def _nothing_in(source: Path) -> UsageError:
    what = "folder" if source.is_dir() else "archive"
    return UsageError(
        f"the {what} {source} holds no submissions; it should hold one sub-folder or one notebook per student"
    )


def safe_id(name: str, taken: set[str]) -> str:
    """Return `name` as a folder name that nobody has yet: letters, digits, `-`, `_` and `.`; unique without case."""
    text = unicodedata.normalize("NFKC", name)
    text = re.sub(r"[^\w.-]+", "-", text).strip("-.")[:80] or "submission"
    chosen, number = text, 2
    while chosen.lower() in taken:
        chosen, number = f"{text}-{number}", number + 1
    taken.add(chosen.lower())
    return chosen


def bare_name(name: str) -> str:
    """Return a file's name without the endings of notebooks and archives.

    >>> bare_name("ada.tar.gz"), bare_name("ada.v2.ipynb"), bare_name("ada.pdf")
    ('ada', 'ada.v2', 'ada')
    """
    bare = _ENDINGS.sub("", name)
    return bare if bare and bare != name else Path(name).stem or name


class _Intake:
    """One walk over what a class handed in."""

    def __init__(self, parts: Sequence[PartSpec], unpack_into: Path | None):
        self._parts, self._into = parts, unpack_into
        self._taken: set[str] = set()
        self._n_opened = 0
        """Archives of the student whose turn it is."""

    # ---------------------------------------------------------------- a class

    def class_archive(self, path: Path) -> list[Submission]:
        """Return the rows of an archive that holds a class."""
        assert self._into is not None
        try:
            folder, unpacked = unpack(path, self._into, OF_CLASS)
        except UnreadableArchive as error:
            raise UsageError(f"{error.problem.detail} [{error.problem.name}]") from error
        entries = [entry for entry in folder.iterdir() if not is_noise(entry.name)]
        if len(entries) == 1 and entries[0].is_dir() and self._is_wrapping(entries[0], bare_name(path.name)):
            folder = entries[0]
        inside = f"{folder.name}/" if folder in entries else ""
        lost: dict[str, list[Aside]] = {}
        for one in unpacked.aside:
            lost.setdefault(one.path.removeprefix(inside).split("/")[0], []).append(one)
        renamed: dict[str, list[str]] = {}
        for name, where in unpacked.renamed:
            renamed.setdefault(where.removeprefix(inside).split("/")[0], []).append(renaming(name, where))
        return self.rows(folder, 1, lost, renamed)

    def _is_wrapping(self, folder: Path, archive: str) -> bool:
        """Return whether the only folder of an archive is the class, not a student."""
        holds_notebook = any(
            entry.suffix.lower() == ".ipynb" and entry.is_file() for entry in folder.iterdir()
        )
        return folder.name.casefold() == archive.casefold() or not holds_notebook

    def rows(
        self,
        folder: Path,
        n_deep: int = 0,
        lost: Mapping[str, Sequence[Aside]] = NOTHING,
        notes: Mapping[str, Sequence[str]] = NOTHING,
    ) -> list[Submission]:
        """Return a row for each entry of a folder.

        Parameters
        ----------
        n_deep : how many archives lie around it
        lost : name in the folder to what an archive could not give of it; also what is lost as a whole is a row
        notes : name in the folder to what else was noted
        """
        entries = {entry.name: entry for entry in folder.iterdir() if not is_noise(entry.name)}
        found = []
        for name in sorted({*entries, *lost}):
            more = [*(loss_of(one).detail for one in lost.get(name, ())), *notes.get(name, ())]
            if name in entries:
                found.append(self._row(entries[name], n_deep, lost.get(name, ()), more))
            else:
                found.append(self._refused(name, reasons_of(lost[name], is_all=True)[0], more))
        return found

    def _row(self, entry: Path, n_deep: int, lost: Sequence[Aside], notes: list[str]) -> Submission:
        self._n_opened = 0
        problem = problem_of(entry)
        if problem is not None:
            return self._refused(entry.name, problem, notes)
        found = HandIn(notes=notes)
        if entry.is_dir():
            found.add(self._folder(entry, n_deep))
            found.problems += reasons_of(lost, is_all=not found.others)
            return self._submission(entry.name, found)
        kind = archive_kind(entry)
        if kind is not None and self._into is not None:
            found.add(self._archive(entry, n_deep))
            return self._submission(bare_name(entry.name), found)
        if entry.suffix.lower() == ".ipynb":
            found.notebooks.append(entry)
            return self._submission(entry.stem, found, shares_folder=True)
        return self._refused(entry.name, no_notebook_file(entry, kind), notes)

    def _refused(self, name: str, problem: Problem, notes: Sequence[str] = ()) -> Submission:
        bare = printable(bare_name(name))
        return Submission(
            id=safe_id(bare, self._taken),
            students=(bare,),
            notes=capped([note for note in notes if note != problem.detail]),
            problem=problem.sentence,
            problem_name=problem.name,
            problem_detail=problem.detail,
        )

    # -------------------------------------------------------------- a student

    def _folder(self, folder: Path, n_deep: int) -> HandIn:
        """Return the files of a student's folder, its archives unpacked where they are needed."""
        listed = listing(folder)
        named = [path for path in listed.files if path.suffix.lower() == ".ipynb"]
        kinds = {path: archive_kind(path) for path in named} if self._into is not None else {}
        found = HandIn(
            notebooks=[path for path in named if kinds.get(path) is None],
            others=[path for path in (*listed.files, *listed.noise) if path not in named],
            problems=[problem for path, problem in listed.aside if path.suffix == ".ipynb" or path == folder],
            notes=[problem.detail for _, problem in listed.aside],
        )
        archives = [path for path in named if kinds.get(path) is not None]
        if self._into is not None and len(found.notebooks) < len(self._parts):
            archives += [
                path for path in listed.files if path not in named and archive_kind(path) is not None
            ]
            for path in archives:
                found.add(self._archive(path, n_deep))
        else:
            archives += [path for path in listed.files if path not in named and _ENDINGS.search(path.name)]
            found.notes += [f"{path.name} is an archive beside a notebook; left aside" for path in archives]
        found.others += [path for path in archives if path not in found.others]
        return found

    def _archive(self, path: Path, n_deep: int) -> HandIn:
        """Return the files of an archive that a student handed in; `n_deep` archives lie around it."""
        assert self._into is not None
        try:
            self._allow(path.name, n_deep)
            folder, unpacked = unpack(path, self._into, OF_STUDENT)
        except UnreadableArchive as error:
            return HandIn(others=[path], problems=[error.problem], notes=[error.problem.detail])
        found = HandIn(notes=notes_of(path.name, unpacked))
        found.add(self._folder(folder, n_deep + 1))
        found.problems += reasons_of(unpacked.aside, is_all=not unpacked.files)
        found.notes += [loss_of(one).detail for one in unpacked.aside]
        return found

    def _allow(self, name: str, n_deep: int) -> None:
        self._n_opened += 1
        if n_deep >= MAX_ARCHIVES_DEEP:
            raise UnreadableArchive(
                "archive_nested",
                f"{name} is an archive in an archive in an archive; hand in the .ipynb file itself",
                f"{name} lies in an archive that lies in an archive; not opened",
            )
        if self._n_opened > MAX_ARCHIVES:
            raise UnreadableArchive(
                "archive_too_many",
                f"{name} is one archive of many; hand in the .ipynb file itself",
                f"{name} comes after the {MAX_ARCHIVES} archives that are opened for a student; not opened",
            )

    def _submission(self, name: str, files: HandIn, *, shares_folder: bool = False) -> Submission:
        submission = submission_of(
            name,
            safe_id(name, self._taken),
            files.notebooks,
            files.others,
            self._parts,
            problem=files.problems[0] if files.problems else None,
            notes=files.notes,
        )
        return submission.model_copy(update={"shares_folder": shares_folder})
