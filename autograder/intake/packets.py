"""What a download holds of one hand-in, before a file of it was opened: entries, the LMS's keys, who it says it is from.

A reader (one module an LMS) sorts the names at the top of a download into packets: every name is in exactly one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from autograder.intake.files import printable
from autograder.records import Received
from autograder.rosters import IdKind, Roster

System = Literal["", "canvas", "moodle", "gradescope"]

OWNER_PROBLEMS = {
    "unknown_student": "no id that the roster has stands in the name, or none that says whose it is",
    "ambiguous_student": "several people fit: two ids in one name, one id of two people, a name in place of an id",
    "conflicting_student": "the download contradicts itself or the roster, which is often that of another assignment",
    "too_many_students": "more than four ids in one name",
}
"""Why it is not certain whose a hand-in is. Names are an interface: one may be added, none is changed or removed."""


class OwnerProblem(NamedTuple):
    """Why it is not certain whose a hand-in is."""

    name: str
    """One of :data:`OWNER_PROBLEMS`."""
    text: str
    """For the instructor: what was found and what to do."""


class Claim(NamedTuple):
    """Ids of one person who, somebody says, handed in."""

    ids: tuple[tuple[IdKind, str], ...]
    """The first one is the id where there is no roster."""
    source: str
    """Who says so, in words."""


@dataclass(frozen=True)
class TopEntry:
    """Something at the top of a download."""

    name: str
    """As the download names it."""
    path: str
    """As it is called on the disk: the same, or a name that was made safe."""
    is_folder: bool


@dataclass(frozen=True)
class PacketEntry:
    """An entry that belongs to a packet."""

    top: TopEntry
    own_name: str = ""
    """The student's own name of a file; "" where the LMS did not rename."""
    attachment: str = ""

    @property
    def received(self) -> Received:
        """What is kept of it."""
        own = self.own_name or ("" if self.top.is_folder else self.top.name)
        return Received(entry=printable(self.top.name), name=printable(own), attachment=self.attachment)


@dataclass
class Packet:
    """Everything of one hand-in."""

    key: str
    """Unique in the download, and the same in the next download of the same assignment."""
    system: System
    entries: list[PacketEntry] = field(default_factory=list)
    lms: dict[str, str] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    members: tuple[str, ...] | None = None
    """Ids of the roster, where the LMS names a team of it."""
    problem: OwnerProblem | None = None
    is_marked_late: bool = False
    submitted: str = ""
    notes: list[str] = field(default_factory=list)


def unclaimed(entry: TopEntry, system: System, problem: OwnerProblem) -> Packet:
    """Return the packet of an entry that cannot be read as the LMS's: a row with the reason, never a guess."""
    return Packet(f"{system}-{printable(entry.name)}", system, [PacketEntry(entry)], problem=problem)


def by_key(packets: Iterable[Packet]) -> list[Packet]:
    """Return the packets, those with equal keys as one; the first one's keys and claims count."""
    found: dict[str, Packet] = {}
    for packet in packets:
        known = found.setdefault(packet.key, packet)
        if known is not packet:
            known.entries += packet.entries
            known.notes += packet.notes
            known.is_marked_late |= packet.is_marked_late
            known.problem = known.problem or packet.problem
    return list(found.values())


def has_kind(roster: Roster | None, kind: IdKind) -> bool:
    """Return whether a roster knows ids of a kind at all."""
    return roster is not None and any(kind in entry.ids for entry in roster.entries)
