"""The files of one hand-in: its folders walked, its archives unpacked where they are needed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from autograder.intake.archives import Aside, archive_kind, unpack
from autograder.intake.choosing import no_notebook_file
from autograder.intake.entries import OF_STUDENT
from autograder.intake.files import listing, problem_of
from autograder.intake.hand_ins import HandIn, loss_of, notes_of, reasons_of
from autograder.intake.problems import Problem, UnreadableArchive

MAX_ARCHIVES_DEEP = 2
MAX_ARCHIVES = 8
"""That are opened for one student: each may fill a good part of a disk."""
_ENDINGS = re.compile(r"(\.ipynb|\.zip|\.tar|\.tgz|\.tbz2?|\.txz|\.tar\.(gz|bz2|xz))+\Z", re.IGNORECASE)


def bare_name(name: str) -> str:
    """Return a file's name without the endings of notebooks and archives.

    >>> bare_name("ada.tar.gz"), bare_name("ada.v2.ipynb"), bare_name("ada.pdf")
    ('ada', 'ada.v2', 'ada')
    """
    bare = _ENDINGS.sub("", name)
    return bare if bare and bare != name else Path(name).stem or name


class Gathering:
    """Gathers the files of one hand-in after another."""

    def __init__(self, n_parts: int, into: Path | None):
        """Keep where archives go.

        Parameters
        ----------
        n_parts : notebooks from which on no archive is opened
        into : folder for what archives hold; None: they are not opened
        """
        self._n_parts, self._into = n_parts, into
        self._n_opened = 0
        """Archives of the student whose turn it is."""

    def hand_in(self, paths: Sequence[Path], n_deep: int, names: dict[Path, str] | None = None) -> HandIn:
        """Return the files of a hand-in that is one folder, one file, or several of both.

        Parameters
        ----------
        n_deep : how many archives lie around it
        names : the student's own names of files that an LMS renamed
        """
        self._n_opened = 0
        found = HandIn()
        files: list[Path] = []
        for path in paths:
            problem = problem_of(path)
            if problem is not None:
                found.problems.append(problem)
                found.notes += [problem.detail] if len(paths) > 1 else []
            elif path.is_dir():
                found.add(self.folder(path, n_deep))
            else:
                files.append(path)
        if len(paths) == 1 and files:
            found.add(self._alone(files[0], n_deep, (names or {}).get(files[0], files[0].name)))
        elif files:
            found.add(self._files(files, n_deep))
        return found

    def _alone(self, path: Path, n_deep: int, name: str) -> HandIn:
        """Return a file that is all there is."""
        kind = archive_kind(path)
        if kind is not None and self._into is not None:
            return self._archive(path, n_deep)
        if Path(name).suffix.lower() == ".ipynb":
            return HandIn(notebooks=[path])
        return HandIn(others=[path], problems=[no_notebook_file(path, kind, name)])

    def folder(self, folder: Path, n_deep: int) -> HandIn:
        """Return the files of a student's folder, its archives unpacked where they are needed."""
        listed = listing(folder)
        found = self._files(listed.files, n_deep)
        found.others += listed.noise
        found.problems[:0] = [
            problem for path, problem in listed.aside if path.suffix == ".ipynb" or path == folder
        ]
        found.notes[:0] = [problem.detail for _, problem in listed.aside]
        return found

    def _files(self, files: Sequence[Path], n_deep: int) -> HandIn:
        named = [path for path in files if path.suffix.lower() == ".ipynb"]
        kinds = {path: archive_kind(path) for path in named} if self._into is not None else {}
        found = HandIn(
            notebooks=[path for path in named if kinds.get(path) is None],
            others=[path for path in files if path not in named],
        )
        archives = [path for path in named if kinds.get(path) is not None]
        if self._into is not None and len(found.notebooks) < self._n_parts:
            archives += [path for path in files if path not in named and archive_kind(path) is not None]
            for path in archives:
                found.add(self._archive(path, n_deep))
        else:
            archives += [path for path in files if path not in named and _ENDINGS.search(path.name)]
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
        found.add(self.folder(folder, n_deep + 1))
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


def reasons_of_lost(lost: Sequence[Aside], found: HandIn) -> list[Problem]:
    """Return what an archive of a class could not give of a hand-in, when it can be why there is no notebook."""
    return reasons_of(lost, is_all=not found.others)
