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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import UsageError
from autograder.intake.archives import Aside, Unpacked, archive_kind, unpack
from autograder.intake.choosing import capped, no_notebook_file, submission_of
from autograder.intake.entries import OF_CLASS, OF_STUDENT
from autograder.intake.files import is_noise, listing, printable, problem_of
from autograder.intake.problems import Problem, UnreadableArchive
from autograder.records import Submission
from autograder.rubric.model import PartSpec

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


@dataclass
class _Files:
    """What one student handed in, archives unpacked."""

    notebooks: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """Of archives and entries that were not unpacked; what comes first is most likely the reason."""
    notes: list[str] = field(default_factory=list)


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
        aside = [(tuple(one.path.split("/")), one) for one in unpacked.aside]
        entries = [entry for entry in folder.iterdir() if not is_noise(entry.name)]
        if len(entries) == 1 and entries[0].is_dir() and self._is_wrapping(entries[0], bare_name(path.name)):
            folder = entries[0]
            aside = [(where[1:], one) for where, one in aside if len(where) > 1 and where[0] == folder.name]
        return self.rows(folder, 1, aside)

    def _is_wrapping(self, folder: Path, archive: str) -> bool:
        """Return whether the only folder of an archive is the class, not a student."""
        holds_notebook = any(
            entry.suffix.lower() == ".ipynb" and entry.is_file() for entry in folder.iterdir()
        )
        return folder.name.casefold() == archive.casefold() or not holds_notebook

    def rows(
        self, folder: Path, n_deep: int = 0, aside: Sequence[tuple[tuple[str, ...], Aside]] = ()
    ) -> list[Submission]:
        """Return a row for each entry of a folder, and for each that an archive could not give."""
        entries = {entry.name: entry for entry in folder.iterdir() if not is_noise(entry.name)}
        missing: dict[str, list[Aside]] = {}
        for where, one in aside:
            missing.setdefault(where[0], []).append(one)
        found = []
        for name in sorted({*entries, *missing}):
            if name in entries:
                found.append(self._row(entries[name], n_deep, missing.get(name, [])))
            else:
                reasons = _reasons(missing[name], is_all=True)
                found.append(self._refused(name, reasons[0], reasons[1:]))
        return found

    def _row(self, entry: Path, n_deep: int, aside: Sequence[Aside]) -> Submission:
        self._n_opened = 0
        problem = problem_of(entry)
        if problem is not None:
            return self._refused(entry.name, problem)
        if entry.is_dir():
            files = self._folder(entry, n_deep)
            files.problems += _reasons(aside, is_all=not files.others)
            files.notes += [_of_entry(one).detail for one in aside]
            return self._submission(entry.name, files)
        kind = archive_kind(entry)
        if kind is not None and self._into is not None:
            return self._submission(bare_name(entry.name), self._archive(entry, n_deep))
        if entry.suffix.lower() == ".ipynb":
            return self._submission(entry.stem, _Files([entry]), shares_folder=True)
        return self._refused(entry.name, no_notebook_file(entry, kind))

    def _refused(self, name: str, problem: Problem, more: Sequence[Problem] = ()) -> Submission:
        bare = printable(bare_name(name))
        return Submission(
            id=safe_id(bare, self._taken),
            students=(bare,),
            notes=capped([one.detail for one in more]),
            problem=problem.sentence,
            problem_name=problem.name,
            problem_detail=problem.detail,
        )

    # -------------------------------------------------------------- a student

    def _folder(self, folder: Path, n_deep: int) -> _Files:
        """Return the files of a student's folder, its archives unpacked where they are needed."""
        listed = listing(folder)
        named = [path for path in listed.files if path.suffix.lower() == ".ipynb"]
        kinds = {path: archive_kind(path) for path in named} if self._into is not None else {}
        found = _Files(
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
                _add(found, self._archive(path, n_deep))
        else:
            archives += [path for path in listed.files if path not in named and _ENDINGS.search(path.name)]
            found.notes += [f"{path.name} is an archive beside a notebook; left aside" for path in archives]
        found.others += [path for path in archives if path not in found.others]
        return found

    def _archive(self, path: Path, n_deep: int) -> _Files:
        """Return the files of an archive that a student handed in; `n_deep` archives lie around it."""
        assert self._into is not None
        try:
            self._allow(path.name, n_deep)
            folder, unpacked = unpack(path, self._into, OF_STUDENT)
        except UnreadableArchive as error:
            return _Files(others=[path], problems=[error.problem], notes=[error.problem.detail])
        found = _Files(notes=_notes_of(path.name, unpacked))
        _add(found, self._folder(folder, n_deep + 1))
        found.problems += _reasons(unpacked.aside, is_all=not unpacked.files)
        found.notes += [_of_entry(one).detail for one in unpacked.aside]
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

    def _submission(self, name: str, files: _Files, *, shares_folder: bool = False) -> Submission:
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


def _add(found: _Files, more: _Files) -> None:
    found.notebooks += more.notebooks
    found.others += more.others
    found.problems += more.problems
    found.notes += more.notes


def _notes_of(archive: str, unpacked: Unpacked) -> list[str]:
    """Return what is to be said of an archive that was unpacked."""
    words = f"{archive}: {len(unpacked.files)} of its files unpacked ({unpacked.kind})"
    if unpacked.n_noise:
        words += f"; {unpacked.n_noise} hidden, system or checkpoint entries left aside"
    return [words, *(f"{archive}: {name!r} is unpacked as {path}" for name, path in unpacked.renamed)]


def _reasons(aside: Sequence[Aside], is_all: bool) -> list[Problem]:
    """Return the entries whose loss can be why there is no notebook: notebooks, or anything when all is lost."""
    lost = [_of_entry(one) for one in aside if one.path.lower().endswith(".ipynb")]
    return lost or [_of_entry(one) for one in aside if is_all]


def _of_entry(aside: Aside) -> Problem:
    name = aside.path.rpartition("/")[2]
    return Problem(
        aside.status,
        f"{name} could not be unpacked: {aside.why}; hand in the .ipynb file itself",
        f"left aside: {aside.entry} ({aside.status}: {aside.why})",
    )
