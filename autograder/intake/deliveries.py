"""What was given to be graded: a folder, a download of an LMS, several of them; and what lies at its top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from autograder.intake.archives import Aside, archive_kind, unpack
from autograder.intake.canvas import is_canvas_name
from autograder.intake.entries import OF_CLASS
from autograder.intake.files import is_noise, opened
from autograder.intake.gathering import bare_name
from autograder.intake.gradescope import METADATA
from autograder.intake.hand_ins import renaming
from autograder.intake.moodle import is_moodle_name
from autograder.intake.packets import TopEntry
from autograder.intake.problems import RefusedFile, UnreadableArchive
from autograder.intake.zips import zip_entries

Form = Literal["folder", "canvas", "moodle", "gradescope", "downloads"]
"""`folder`: a folder, notebook or archive for each student. `downloads`: several downloads, side by side."""
FORMS: tuple[Form, ...] = get_args(Form)
MAX_DOWNLOADS = 64
NOTHING: Mapping[str, Any] = MappingProxyType({})

_SHAPES: dict[Form, Callable[[str], bool]] = {"moodle": is_moodle_name, "canvas": is_canvas_name}


@dataclass(frozen=True)
class Root:
    """The top of a class: what lies there, and what an archive could not give of it."""

    folder: Path
    entries: tuple[TopEntry, ...]
    """In the order of their names; what an archive could not give as a whole is among them."""
    n_deep: int = 0
    """How many archives lie around it."""
    lost: Mapping[str, Sequence[Aside]] = field(default_factory=lambda: NOTHING)
    """Path of an entry to what could not be unpacked of it."""
    notes: Mapping[str, Sequence[str]] = field(default_factory=lambda: NOTHING)
    """Path of an entry to what else was noted."""


def root_of_folder(folder: Path) -> Root:
    """Return the top of a folder, hidden and system files aside."""
    entries = [TopEntry(path.name, path.name, _is_folder(path)) for path in folder.iterdir()]
    return Root(
        folder, tuple(sorted((one for one in entries if not is_noise(one.path)), key=lambda one: one.path))
    )


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def root_of_archive(path: Path, into: Path) -> Root:
    """Return the top of an archive that holds a class, unpacked; a folder that is all of it is opened.

    Raises
    ------
    UnreadableArchive
        When it cannot be unpacked.
    """
    place, unpacked = unpack(path, into, OF_CLASS)
    originals = {where: _parts(name) for name, where in unpacked.renamed}
    at = root_of_folder(place)
    inside = ""
    if len(at.entries) == 1 and at.entries[0].is_folder and recognised(at.entries) == "folder":
        folder = place / at.entries[0].path
        if _is_wrapping(folder, bare_name(path.name)):
            at, inside = root_of_folder(folder), f"{folder.name}/"
    depth = 1 if inside else 0
    lost: dict[str, list[Aside]] = {}
    for one in unpacked.aside:
        lost.setdefault(one.path.removeprefix(inside).split("/")[0], []).append(one)
        originals.setdefault(one.path, _parts(one.entry))
    notes: dict[str, list[str]] = {}
    for name, where in unpacked.renamed:
        notes.setdefault(where.removeprefix(inside).split("/")[0], []).append(renaming(name, where))
    names = {
        where.removeprefix(inside).split("/")[0]: parts[depth]
        for where, parts in originals.items()
        if where.startswith(inside) and len(parts) > depth
    }
    there = {entry.path: entry.is_folder for entry in at.entries}
    is_folder = {
        name: there.get(name, any("/" in one.path.removeprefix(inside) for one in lost.get(name, ())))
        for name in (*there, *lost)
    }
    entries = tuple(TopEntry(names.get(name, name), name, is_folder[name]) for name in sorted(is_folder))
    return Root(at.folder, entries, 1, lost, notes)


def _parts(name: str) -> list[str]:
    """Return the parts of an entry's name, as `entry_names` counts them."""
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def _is_wrapping(folder: Path, archive: str) -> bool:
    """Return whether the only folder of an archive is the class, not a student."""
    holds_notebook = any(entry.suffix.lower() == ".ipynb" and entry.is_file() for entry in folder.iterdir())
    is_download = recognised(root_of_folder(folder).entries) != "folder"
    return folder.name.casefold() == archive.casefold() or not holds_notebook or is_download


def recognised(entries: Sequence[TopEntry]) -> Form:
    """Return the LMS whose names more than half of the entries have, else `folder`."""
    if any(entry.name == METADATA and not entry.is_folder for entry in entries):
        return "gradescope"
    for form, fits in _SHAPES.items():
        n = sum(fits(entry.name) for entry in entries if form != "canvas" or not entry.is_folder)
        if 2 * n > len(entries):
            return form
    return "folder"


def opened_root(root: Root) -> Root:
    """Return the folder that is all there is at the top when it is a download, else the top itself."""
    if len(root.entries) == 1 and root.entries[0].is_folder and recognised(root.entries) == "folder":
        try:
            inner = root_of_folder(root.folder / root.entries[0].path)
        except OSError:  # it cannot be read: a row with the reason
            return root
        if recognised(inner.entries) != "folder":
            return Root(inner.folder, inner.entries, root.n_deep)
    return root


def holds_downloads(root: Root) -> bool:
    """Return whether everything at the top is a download of an LMS by itself."""
    return 0 < len(root.entries) <= MAX_DOWNLOADS and all(
        _is_download(root.folder / entry.path, entry.is_folder) for entry in root.entries
    )


def _is_download(path: Path, is_folder: bool) -> bool:
    if is_folder:
        return recognised(opened_root(root_of_folder(path)).entries) != "folder"
    return recognised(_top_of_zip(path)) != "folder"


def _top_of_zip(path: Path) -> list[TopEntry]:
    """Return what lies at the top of a zip by its directory alone; nothing when it is none or cannot be read."""
    try:
        with opened(path) as file:
            if archive_kind(path) != "zip":
                return []
            names = [entry.name for entry in zip_entries(file, path.name, OF_CLASS)]
    except (RefusedFile, UnreadableArchive, OSError):
        return []
    tops: dict[str, bool] = {}
    parts = [one for name in names if (one := _parts(name)) and not is_noise(one[0])]
    if len({one[0] for one in parts}) == 1 and all(len(one) > 1 for one in parts):
        parts = [one[1:] for one in parts]  # a folder that is all of it
    for one in parts:
        tops[one[0]] = tops.get(one[0], False) or len(one) > 1
    return [TopEntry(name, name, is_folder) for name, is_folder in tops.items()]
