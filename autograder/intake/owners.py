"""Whose a hand-in is. Ids identify, names never do: what cannot be told is a row with the reason, not a guess.

In this order: what the LMS says (its user, its participant, its submitters, its team); the ids in the name of the
folder or file; the groups file, which adds the other members. What they say must not contradict each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autograder.groups import Groups
from autograder.intake.file_names import prescribed_ids
from autograder.intake.packets import Claim, OwnerProblem, Packet
from autograder.rosters import PREFERENCE, IdKind, Roster, RosterEntry, folded

MAX_GROUP = 4
"""People that the name of a file may name."""
LEAST_ID = 4
"""Characters of an id, a digit among them, from which on it is found within a name."""
_WORDS: dict[IdKind, str] = {
    "number": "id",
    "login": "login",
    "email": "address",
    "canvas": "Canvas ID",
    "integration": "integration ID",
    "moodle": "participant",
}
IN_NAMES: tuple[IdKind, ...] = ("number", "login", "email")
"""Ids that people write; those of an LMS are read where the LMS writes them."""


@dataclass
class Owners:
    """The people who handed something in, as far as that can be told."""

    students: tuple[str, ...] = ()
    problem: OwnerProblem | None = None
    notes: list[str] = field(default_factory=list)


class Owning:
    """Tells whose a hand-in is, by a roster and a groups file."""

    def __init__(self, roster: Roster | None, groups: Groups | None = None, asked: Iterable[str] = ()):
        """Keep what decides.

        Parameters
        ----------
        roster : None: an id is whatever stands there
        groups : who works with whom
        asked : the file names that the sheet asks for, with words such as `{ID1}`
        """
        self._roster, self._groups = roster, groups
        self.asked = tuple(name for name in asked if name)
        self._within = _IdsWithin(roster) if roster is not None else None

    # --------------------------------------------------------------- an LMS

    def of_packet(self, packet: Packet, file_names: Sequence[str]) -> Owners:
        """Return whose a packet of an LMS is.

        Parameters
        ----------
        file_names : the student's own names of the files in it, which may name partners
        """
        if packet.members is not None:
            return Owners(packet.members, packet.problem)
        if packet.problem is not None:
            return self._by_hand(packet, packet.problem)
        found = Owners()
        for claim in packet.claims:
            self._add(found, claim)
        if found.problem is not None:
            known = f". With them: {', '.join(found.students)}" if found.students else ""
            return self._by_hand(packet, found.problem._replace(text=found.problem.text + known))
        self._add_partners(found, file_names)
        self._add_group(found)
        return found

    def _by_hand(self, packet: Packet, problem: OwnerProblem) -> Owners:
        """Return whose a packet is by the groups file, which may name its entries; else nobody's."""
        if self._groups is not None:
            for entry in packet.entries:
                if members := self._groups.members_of(entry.top.name, packet.key):
                    return Owners(members, notes=[f"{problem.text}. The groups file says whose it is"])
        return Owners(problem=problem)

    def _add(self, found: Owners, claim: Claim) -> None:
        if self._roster is None:
            found.students = _with(found.students, claim.ids[0][1])
            return
        known = [(kind, value, self._roster.having(kind, value)) for kind, value in claim.ids]
        people = {entry.id: entry for _, _, entries in known for entry in entries}
        words = " and ".join(f"{_WORDS[kind]} {value}" for kind, value in claim.ids)
        if len(people) == 1 and all(len(entries) < 2 for _, _, entries in known):
            found.students = _with(found.students, next(iter(people)))
        elif not people:
            found.problem = OwnerProblem(
                "unknown_student",
                f"{claim.source}: the roster has no {words}; say with --groups whose it is, or give a roster that has them",
            )
        elif any(len(entries) > 1 for _, _, entries in known):
            found.problem = OwnerProblem(
                "ambiguous_student", f"{claim.source}: {len(people)} people of the roster have {words}"
            )
        else:
            found.problem = OwnerProblem(
                "conflicting_student",
                f"{claim.source}: {words} are those of {len(people)} people of the roster",
            )

    # --------------------------------------------------------------- a name

    def of_name(self, name: str, file_names: Sequence[str] = (), entries: Sequence[str] = ()) -> Owners:
        """Return whose a folder or file is by its name, then by the names of the notebooks in it.

        Parameters
        ----------
        name : without the endings of notebooks and archives
        file_names : of the notebooks in it; of a notebook alone, its own
        entries : what the groups file may call it beside its name
        """
        if self._groups is not None and (members := self._groups.members_of(name, *entries)):
            return Owners(members)
        if self._roster is None:
            ids = _first(prescribed_ids(one, self.asked) for one in file_names)
            return self._grouped(Owners(ids or (name,)))
        whole = self._roster.claiming(name, IN_NAMES)
        if len(whole) == 1:
            return self._with_partners(Owners((whole[0].id,)), file_names)
        if len(whole) > 1:
            return Owners(
                problem=OwnerProblem(
                    "ambiguous_student", f"{len(whole)} people of the roster have the id {name!r}"
                )
            )
        for text in (name, *file_names):
            found = self._named(text)
            if found.students or found.problem is not None:
                return self._grouped(found)
        return Owners(problem=self._nobody(name))

    def _with_partners(self, found: Owners, file_names: Sequence[str]) -> Owners:
        self._add_partners(found, file_names)
        return self._grouped(found)

    def _grouped(self, found: Owners) -> Owners:
        if found.problem is None or found.students:
            self._add_group(found)
        return found

    def _named(self, text: str) -> Owners:
        """Return the people whose ids stand in a text: where the sheet asks for them, else anywhere."""
        assert self._roster is not None
        written = prescribed_ids(text, self.asked)
        if not written:
            return _of_people(text, self._within.people(text) if self._within is not None else ())
        people: tuple[str, ...] = ()
        for one in written:
            entries = self._roster.claiming(one, IN_NAMES)
            if len(entries) != 1:
                kind = "ambiguous_student" if entries else "unknown_student"
                said = (
                    f"{len(entries)} people of the roster have" if entries else "the roster has nobody with"
                )
                return Owners(people, OwnerProblem(kind, f"{text}: {said} the id {one!r}"))
            people = _with(people, entries[0].id)
        return Owners(people) if len(people) <= MAX_GROUP else _too_many(text, people)

    def _nobody(self, name: str) -> OwnerProblem:
        assert self._roster is not None
        plain = _plain(name)
        alike = [entry.id for entry in self._roster.entries if plain and _plain(entry.name) == plain]
        listed = ", ".join(alike[:4])
        if len(alike) > 1:
            return OwnerProblem(
                "ambiguous_student",
                f"{name} is the name of {len(alike)} people ({listed}); say with --groups whose it is",
            )
        if alike:
            return OwnerProblem(
                "unknown_student",
                f"{name} is a name, and names identify nobody; the roster has one person of that name ({listed}). "
                "Say with --groups whose it is, or name the folder after the id",
            )
        return OwnerProblem(
            "unknown_student",
            f"{name}: no id of the roster stands in this name; say with --groups whose it is",
        )

    # --------------------------------------------------------------- partners

    def _add_partners(self, found: Owners, file_names: Sequence[str]) -> None:
        """Add the people whom a student's own file names name; that they leave out who handed it in is said."""
        n_before = len(found.students)
        for text in file_names:
            if self._roster is None:
                partners = prescribed_ids(text, self.asked)
                if found.students and partners and not set(partners) & set(found.students):
                    found.notes.append(
                        f"{text} names the ids {', '.join(partners)}; give a roster to tell who they are"
                    )
                continue
            named = self._named(text)
            if named.problem is not None:
                found.problem = found.problem or named.problem
            if named.students and not set(named.students) & set(found.students):
                found.problem = OwnerProblem(
                    "conflicting_student",
                    f"{text} names {', '.join(named.students)}, and {', '.join(found.students)} handed it in",
                )
                continue
            for one in named.students:
                found.students = _with(found.students, one)
        if len(found.students) > max(MAX_GROUP, n_before):
            found.problem = _too_many(", ".join(file_names), found.students).problem

    def _add_group(self, found: Owners) -> None:
        if self._groups is None:
            return
        for person in found.students:
            for member in self._groups.with_person(person):
                found.students = _with(found.students, member)


def _first(found: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return next((one for one in found if one), ())


def _with(people: tuple[str, ...], person: str) -> tuple[str, ...]:
    return people if person in people else (*people, person)


def _too_many(text: str, people: Sequence[str]) -> Owners:
    return Owners(
        problem=OwnerProblem(
            "too_many_students", f"{text}: {len(people)} ids in one name, at most {MAX_GROUP} are a group"
        )
    )


def _of_people(text: str, entries: Sequence[RosterEntry]) -> Owners:
    people = tuple(dict.fromkeys(entry.id for entry in entries))
    return Owners(people) if len(people) <= MAX_GROUP else _too_many(text, people)


def _plain(name: str) -> tuple[str, ...]:
    """Return a name as a set of words: an order or a comma does not tell two people apart."""
    return tuple(sorted(re.findall(r"\w+", name.replace("_", " ").casefold())))


class _IdsWithin:
    """Finds the ids of a roster within names, where no letter or digit stands beside them."""

    def __init__(self, roster: Roster):
        self._by_text: dict[str, list[tuple[IdKind, RosterEntry]]] = {}
        for entry in roster.entries:
            for kind in PREFERENCE:
                value = entry.ids.get(kind)
                if kind in IN_NAMES and value and len(value) >= LEAST_ID and re.search(r"\d", value):
                    self._by_text.setdefault(value.casefold(), []).append((kind, entry))
        longest_first = sorted(self._by_text, key=len, reverse=True)
        listed = "|".join(re.escape(text) for text in longest_first)
        self._pattern = re.compile(rf"(?<![^\W_])(?:{listed})(?![^\W_])", re.IGNORECASE) if listed else None

    def people(self, text: str) -> list[RosterEntry]:
        """Return the people whose ids stand in a text, in its order; an id of two people counts for neither."""
        found = []
        for match in self._pattern.finditer(text) if self._pattern is not None else ():
            fits = [
                entry
                for kind, entry in self._by_text.get(match[0].casefold(), ())
                if folded(kind, entry.ids[kind]) == folded(kind, match[0])
            ]
            if len({entry.id for entry in fits}) == 1:
                found.append(fits[0])
        return found
