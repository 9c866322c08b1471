"""A class as it was handed in: a folder, an archive, a download of an LMS, or several of those.

The rule, stated once. Hidden files, `__MACOSX`, `.ipynb_checkpoints` and files called `*-checkpoint.ipynb` are
left aside. Archives are known by their content; those in a student's folder are opened only when the folder itself
holds fewer notebooks than the assignment has parts, and an archive in an archive that lies in an archive is not.
Each part takes the notebook whose file name fits the part's patterns; when none or several fit, the notebook whose
headings and code speak most of the part; the choice and what was left aside are recorded. A submission that cannot
be graded still is a row, with the reason; so is one of which nobody can tell whose it is.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from autograder.errors import UsageError
from autograder.groups import Groups
from autograder.intake.archives import archive_kind
from autograder.intake.attempts import settled
from autograder.intake.canvas import canvas_packets
from autograder.intake.choosing import capped, submission_of
from autograder.intake.deliveries import (
    Form,
    Root,
    holds_downloads,
    opened_root,
    recognised,
    root_of_archive,
    root_of_folder,
)
from autograder.intake.file_names import prescribed_ids, with_prescribed_names
from autograder.intake.files import is_noise, printable
from autograder.intake.gathering import Gathering, bare_name, reasons_of_lost
from autograder.intake.gradescope import METADATA, gradescope_packets
from autograder.intake.hand_ins import HandIn, loss_of, reasons_of
from autograder.intake.moodle import moodle_packets
from autograder.intake.owners import Owners, Owning
from autograder.intake.packets import Packet, PacketEntry, TopEntry
from autograder.intake.problems import Problem, UnreadableArchive
from autograder.records import Submission
from autograder.rosters import Roster
from autograder.rubric.model import PartSpec


@dataclass
class Delivery:
    """A class as it was taken in."""

    form: Form
    submissions: list[Submission] = field(default_factory=list)
    """A row for each hand-in, in the order of names; attempts follow each other as downloads do."""
    notes: list[str] = field(default_factory=list)
    """What is to be said of the download as a whole."""


def find_submissions(
    source: Path, parts: Sequence[PartSpec], unpack_into: Path | None = None
) -> list[Submission]:
    """Return one submission a student found in `source`, in the order of their names; see :func:`take_in`."""
    return take_in(source, parts, unpack_into).submissions


def take_in(
    source: Path,
    parts: Sequence[PartSpec],
    unpack_into: Path | None = None,
    *,
    form: Form | None = None,
    roster: Roster | None = None,
    groups: Groups | None = None,
    asked: Sequence[str] = (),
) -> Delivery:
    """Return what a class handed in: a row for each hand-in, whose it is and which file is which part's.

    Parameters
    ----------
    source : a folder, an archive that holds a class, a download of an LMS, or one notebook
    parts : of the assignment
    unpack_into : folder for what archives hold; without it they are not opened
    form : what `source` is; None: its names tell
    roster : who is who; without one, ids are taken as they stand
    groups : who works with whom
    asked : the file name that the sheet asks for, for each part; "" where it asks for none

    Raises
    ------
    UsageError
        When there is nothing at `source`, nothing in it, or it is an archive that cannot be unpacked.
    InternalError
        When `unpack_into` cannot be written.
    """
    require_source(source)
    named = with_prescribed_names(parts, asked) if asked else parts
    intake = _Intake(named, unpack_into, Owning(roster, groups, asked), roster)
    found = intake.source(source, form)
    if not found.submissions:
        raise _nothing_in(source)
    found.submissions = settled(found.submissions, intake.keys, roster is not None)
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


class _Intake:
    """One walk over what a class handed in."""

    def __init__(
        self, parts: Sequence[PartSpec], unpack_into: Path | None, owning: Owning, roster: Roster | None
    ):
        self._parts, self._into, self._owning, self._roster = parts, unpack_into, owning, roster
        self._gathering = Gathering(len(parts), unpack_into)
        self._taken: set[str] = set()
        self.keys: list[str] = []
        """Of the submissions, in their order."""

    def source(self, source: Path, form: Form | None) -> Delivery:
        """Return what lies at a path."""
        if source.is_dir():
            return self._class(root_of_folder(source), form)
        path = source.resolve() if source.is_symlink() else source
        if self._into is None or archive_kind(path) is None:
            entry = TopEntry(source.name, path.name, is_folder=False)
            alone = self._row(
                Packet(bare_name(source.name), "", [PacketEntry(entry)]), Root(path.parent, (entry,))
            )
            return Delivery("folder", [alone.model_copy(update={"shares_folder": False})])
        try:
            root = root_of_archive(path, self._into)
        except UnreadableArchive as error:
            raise UsageError(f"{error.problem.detail} [{error.problem.name}]") from error
        return self._class(root, form)

    def _class(self, root: Root, form: Form | None) -> Delivery:
        if form in (None, "downloads") and self._are_downloads(root, form):
            return self._downloads(root)
        if form != "folder":
            root = opened_root(root)
        found = Delivery(form if form not in (None, "downloads") else recognised(root.entries))
        packets = self._packets(root, found)
        found.submissions = [self._row(packet, root) for packet in packets]
        return found

    def _are_downloads(self, root: Root, form: Form | None) -> bool:
        if self._into is None or recognised(opened_root(root).entries) != "folder":
            return False
        return form == "downloads" or holds_downloads(root)

    def _packets(self, root: Root, found: Delivery) -> list[Packet]:
        if found.form == "canvas":
            return canvas_packets(root.entries, self._roster)
        if found.form == "moodle":
            return moodle_packets(root.entries, self._roster)
        if found.form == "gradescope":
            return gradescope_packets(root.entries, root.folder / METADATA, found.notes)
        return self._plain_packets(root)

    def _plain_packets(self, root: Root) -> list[Packet]:
        """Return a packet for each entry of a folder; notebooks that name the same ids are one."""
        packets: dict[str, Packet] = {}
        for entry in root.entries:
            ids = () if entry.is_folder else prescribed_ids(entry.name, self._owning.asked)
            key = f"ids {' '.join(sorted(ids))}" if ids else f"entry {entry.path}"
            name = "_".join(ids) or (entry.path if entry.is_folder else bare_name(entry.path))
            packet = packets.setdefault(key, Packet(name, ""))
            packet.entries.append(PacketEntry(entry))
        return list(packets.values())

    def _downloads(self, root: Root) -> Delivery:
        """Return the hand-ins of several downloads; one that cannot be opened is a row with the reason."""
        found = Delivery("downloads")
        for entry in sorted(root.entries, key=lambda entry: _order_of_downloads(entry.path)):
            path = root.folder / entry.path
            try:
                inner = root_of_folder(path) if entry.is_folder else self._archive(path)
            except (UnreadableArchive, OSError) as error:
                problem = getattr(error, "problem", None) or Problem("unreadable", str(error), str(error))
                packet = Packet(bare_name(entry.path), "", [PacketEntry(entry)])
                found.submissions.append(self._refused(packet, problem, [problem.detail]))
                continue
            one = self._class(inner, None)
            found.submissions += one.submissions
            found.notes += [
                f"{printable(entry.name)}: {one.form}, {len(one.submissions)} hand-ins",
                *one.notes,
            ]
        return found

    def _archive(self, path: Path) -> Root:
        assert self._into is not None
        return root_of_archive(path, self._into)

    # -------------------------------------------------------------- a hand-in

    def _row(self, packet: Packet, root: Root) -> Submission:
        lost = [one for entry in packet.entries for one in root.lost.get(entry.top.path, ())]
        notes = [loss_of(one).detail for one in lost]
        notes += [note for entry in packet.entries for note in root.notes.get(entry.top.path, ())]
        there = [one for one in packet.entries if os.path.lexists(root.folder / one.top.path)]
        if not there and lost:
            return self._refused(packet, reasons_of(lost, is_all=True)[0], notes)
        if not there:
            name = packet.entries[0].top.name
            gone = f"{name} is named by the download and does not lie in it"
            return self._refused(packet, Problem("no_notebook", f"{gone}; hand it in again", gone), notes)
        own = {root.folder / one.top.path: one.own_name for one in there if one.own_name}
        found = HandIn(notes=notes)
        # the archive that an LMS made of a class is none that a student packed
        n_deep = 0 if packet.system else root.n_deep
        found.add(self._gathering.hand_in([root.folder / one.top.path for one in there], n_deep, own))
        found.problems += reasons_of_lost(lost, found)
        return self._submission(packet, found, own, {root.folder / one.top.path for one in there})

    def _refused(self, packet: Packet, problem: Problem, notes: Sequence[str]) -> Submission:
        kept = capped([note for note in notes if note != problem.detail])
        blank = Submission(
            id=self._id(packet),
            students=(),
            notes=kept,
            problem=problem.sentence,
            problem_name=problem.name,
            problem_detail=problem.detail,
        )
        return self._owned(packet, blank, self._owners(packet, []))

    def _id(self, packet: Packet) -> str:
        return safe_id(printable(packet.key), self._taken)

    def _submission(self, packet: Packet, files: HandIn, own: dict[Path, str], top: set[Path]) -> Submission:
        submission = submission_of(
            packet.key,
            self._id(packet),
            files.notebooks,
            files.others,
            self._parts,
            problem=files.problems[0] if files.problems else None,
            notes=files.notes,
            own_names=own,
        )
        names = [own.get(path, path.name) for path in files.notebooks]
        names += [
            own.get(path, path.name) for path in top if path not in files.notebooks and not path.is_dir()
        ]
        submission = self._owned(packet, submission, self._owners(packet, names))
        loose = {part for part, source in submission.sources.items() if Path(source) in top}
        if packet.system and loose:
            beside = _modules(top, own)
            return submission.model_copy(update={"helpers": dict.fromkeys(sorted(loose), beside)})
        return submission.model_copy(update={"shares_folder": bool(loose)})

    def _owners(self, packet: Packet, file_names: Sequence[str]) -> Owners:
        if packet.system:
            return self._owning.of_packet(packet, file_names)
        entry = packet.entries[0].top
        name = entry.name if entry.is_folder else bare_name(entry.name)
        return self._owning.of_name(printable(name), file_names, [one.top.name for one in packet.entries])

    def _owned(self, packet: Packet, submission: Submission, owners: Owners) -> Submission:
        self.keys.append(self._key(packet, owners))
        entries = [self._roster.entry(person) for person in owners.students] if self._roster else []
        times = [entry.submitted for entry in entries if entry is not None and entry.submitted]
        return submission.model_copy(
            update={
                "students": tuple(printable(student) for student in owners.students),
                "system": packet.system,
                "lms": packet.lms,
                "received": tuple(entry.received for entry in packet.entries) if packet.system else (),
                "instructor_notes": capped([*packet.notes, *owners.notes]),
                "owner_problem": owners.problem.name if owners.problem else None,
                "owner_detail": owners.problem.text if owners.problem else None,
                "is_marked_late": packet.is_marked_late,
                "submitted": packet.submitted or next(iter(times), ""),
            }
        )

    def _key(self, packet: Packet, owners: Owners) -> str:
        """Return what is the same for hand-ins that are attempts of one another."""
        if self._roster is not None and owners.students and packet.submitted:
            return f"people {sorted(owners.students)}"
        return f"{packet.system} {packet.key}" if packet.system else f"row {len(self.keys)}"


def _order_of_downloads(name: str) -> tuple[list[str | int], str]:
    """Return what downloads are ordered by: names without endings, numbers as numbers.

    A browser calls the second download of a file `submissions (2).zip`; it comes after `submissions.zip`.

    >>> sorted(["a (10).zip", "a (2).zip", "a.zip"], key=_order_of_downloads)
    ['a.zip', 'a (2).zip', 'a (10).zip']
    """
    parts = re.split(r"([0-9]+)", bare_name(name).casefold())
    return [int(part) if at % 2 else part for at, part in enumerate(parts)], name


def _modules(top: set[Path], own: dict[Path, str]) -> dict[str, str]:
    """Return the modules that lie loose in a download beside a notebook, by the student's own names."""
    names = {own.get(path, path.name): path for path in sorted(top)}
    return {
        name: str(path)
        for name, path in names.items()
        if name.endswith(".py") and name.isprintable() and PurePath(name).name == name and path.is_file()
    }
