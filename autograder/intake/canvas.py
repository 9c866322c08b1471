"""A bulk download of Canvas: all files of a class in one folder, each under a name that Canvas made.

    {name}[_LATE]_{user}_{attachment}_{file}        a file
    {name}[_LATE]_{user}_text.html, ..._link.html    a text entry, a web address
    [LATE_]anon_{anonymous id}_{attachment}_{file}   under anonymous marking

`name` is the sortable name without anything that is no word character, or that of a group, and both may hold `_` and
digits, as may `file`: so of several places that could be the user only one that the roster knows is believed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from autograder.intake.packets import (
    Claim,
    OwnerProblem,
    Packet,
    PacketEntry,
    TopEntry,
    by_key,
    has_kind,
    unclaimed,
)
from autograder.rosters import Roster

_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?anon_(?P<anon>[^_]+)_(?P<attachment>[0-9]+)_(?P<file>.+)", re.DOTALL
)
_DIGITS = re.compile(r"[0-9]+")
_ENTRIES = ("text.html", "link.html")
LEAST_ATTACHMENT = 3
"""Digits of an attachment's id from which on a name is recognised as Canvas' without being told."""


class _Fit(NamedTuple):
    """One way to read a name."""

    at: int
    """Position of the user among the parts."""
    user: str
    attachment: str
    own_name: str


def canvas_packets(entries: Sequence[TopEntry], roster: Roster | None) -> list[Packet]:
    """Return a packet for each user of a Canvas download, and one for each entry that cannot be told."""
    packets = [_packet(entry, roster) for entry in entries]
    users: dict[str, set[str]] = {}
    for packet in packets:
        for one in packet.entries:
            if one.attachment:
                users.setdefault(one.attachment, set()).add(packet.key)
    for packet in packets:
        shared = [one.attachment for one in packet.entries if len(users.get(one.attachment, ())) > 1]
        if shared and packet.problem is None:
            packet.problem = OwnerProblem(
                "conflicting_student",
                f"the attachment {shared[0]} stands under several users; two downloads were mixed. Give one of them",
            )
    return by_key(packets)


def is_canvas_name(name: str) -> bool:
    """Return whether a name has the shape of Canvas'.

    >>> is_canvas_name("mullerana_LATE_123_4567_part_a.ipynb"), is_canvas_name("HW3_PT1_123_4567.ipynb")
    (True, False)
    """
    if _ANONYMOUS.fullmatch(name):
        return True
    fits = _fits(name)
    return any(len(fit.attachment) >= LEAST_ATTACHMENT or fit.own_name in _ENTRIES for fit in fits)


def _fits(name: str) -> list[_Fit]:
    parts = name.split("_")
    found = []
    for at in range(1, len(parts) - 1):
        if not _DIGITS.fullmatch(parts[at]):
            continue
        rest = "_".join(parts[at + 1 :])
        if rest in _ENTRIES:
            found.append(_Fit(at, parts[at], "", rest))
        elif at + 2 < len(parts) and _DIGITS.fullmatch(parts[at + 1]):
            found.append(_Fit(at, parts[at], parts[at + 1], "_".join(parts[at + 2 :])))
    return found


def _packet(entry: TopEntry, roster: Roster | None) -> Packet:
    if anonymous := _ANONYMOUS.fullmatch(entry.name):
        packet = Packet(
            f"canvas-anon-{anonymous['anon']}", "canvas", lms={"canvas_anonymous": anonymous["anon"]}
        )
        packet.entries.append(PacketEntry(entry, anonymous["file"], anonymous["attachment"]))
        packet.is_marked_late = bool(anonymous["late"])
        packet.problem = OwnerProblem(
            "unknown_student",
            f"{entry.name} is anonymous: Canvas names nobody. Grade it, and look the student up in Canvas afterwards",
        )
        return packet
    fits = _fits(entry.name)
    knows = has_kind(roster, "canvas")
    known = [fit for fit in fits if roster is None or not knows or roster.having("canvas", fit.user)]
    if len(known) != 1:
        return unclaimed(entry, "canvas", _not_one(entry.name, fits, known, knows))
    at, user, attachment, own_name = known[0]
    packet = Packet(f"canvas-{user}", "canvas", lms={"canvas": user})
    packet.entries.append(PacketEntry(entry, own_name, attachment))
    packet.claims.append(Claim((("canvas", user),), f"{entry.name}: user {user}"))
    packet.is_marked_late = entry.name.split("_")[at - 1] == "LATE" and at > 1
    return packet


def _not_one(name: str, fits: Sequence[_Fit], known: Sequence[_Fit], knows: bool) -> OwnerProblem:
    if len(known) > 1:
        users = " or ".join(fit.user for fit in known)
        advice = "say whose it is with --groups" if knows else "give Canvas' gradebook with --roster"
        return OwnerProblem("ambiguous_student", f"{name}: the user may be {users}; {advice}")
    if fits:
        users = " or ".join(fit.user for fit in fits)
        return OwnerProblem(
            "unknown_student",
            f"{name}: the roster has no Canvas ID {users}; give the gradebook of this course",
        )
    return OwnerProblem(
        "unknown_student", f"{name} has no name of a Canvas download: no user and attachment in it"
    )
