"""Who is in the class: the ids that a person has here and there. Ids identify; names are for people to read.

The roster of a run lies in its folder as `roster.json`. Everything else (`results.json`, records, folders) holds ids
alone; whoever needs a name, an e-mail address or the id of an LMS looks it up here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Literal

from pydantic import Field

from autograder.records import Record

IdKind = Literal["number", "login", "email", "canvas", "integration", "moodle"]
"""What an id is to whom.

number : the institution's own (Canvas `SIS User ID`, Moodle `ID number`, Gradescope `SID`)
login : the name of the account (Canvas `SIS Login ID`, `Username`); the case of letters does not count
email : the address; the case of letters does not count
canvas : Canvas' `ID`, which the names of its downloads hold
integration : Canvas' `Integration ID`
moodle : the number of the participant in *this* Moodle assignment
"""

PREFERENCE: tuple[IdKind, ...] = ("number", "login", "email", "canvas", "moodle", "integration")
"""Which id a person is known by: the first of these that they have and nobody else claims."""
WITHOUT_CASE = ("login", "email")


class RosterEntry(Record):
    """One person of the class."""

    id: str
    """By which the person is known here, everywhere: exactly as it was written, leading zeros kept."""
    ids: dict[IdKind, str] = Field(default_factory=dict)
    """Every id of the person, `id` among them, exactly as written; the e-mail address as well."""
    name: str = ""
    """For people to read, composed (NFC); nothing is ever looked up by it."""
    other_names: tuple[str, ...] = ()
    """As further files write it."""
    sections: tuple[str, ...] = ()
    group: str = ""
    """The team in the LMS, exactly as written; "" for none."""
    submitted: str = ""
    """When the LMS says that it was handed in, exactly as written; "" when it does not say."""
    lines: tuple[str, ...] = ()
    """Where it stands: `gradebook.csv:17`."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that some file has."""
        return (*((self.name,) if self.name else ()), *self.other_names)

    @property
    def email(self) -> str:
        """The e-mail address, or ""."""
        return self.ids.get("email", "")


class RosterProblem(Record):
    """A row that cannot be used as it is."""

    where: str
    """`gradebook.csv:17`."""
    name: Literal["no_id", "bad_id", "duplicate_id", "conflicting_ids"]
    text: str
    """What was found and what to do."""


class Roster(Record):
    """A class, from one or several files."""

    schema_version: Literal[1] = 1
    files: tuple[str, ...] = ()
    """The names of the files, without their folders."""
    kinds: tuple[Literal["canvas", "moodle", "gradescope", "plain"], ...] = ()
    """What each of the files is."""
    entries: tuple[RosterEntry, ...] = ()
    problems: tuple[RosterProblem, ...] = ()
    notes: tuple[str, ...] = ()
    """What was left out on purpose: Canvas' test student, staff."""

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def _by_id(self) -> Mapping[str, RosterEntry]:
        return {entry.id: entry for entry in self.entries}

    @cached_property
    def _by_kind(self) -> Mapping[tuple[str, str], tuple[RosterEntry, ...]]:
        found: dict[tuple[str, str], tuple[RosterEntry, ...]] = {}
        for entry in self.entries:
            for kind, value in entry.ids.items():
                key = (kind, folded(kind, value))
                found[key] = (*found.get(key, ()), entry)
        return found

    def entry(self, person: str) -> RosterEntry | None:
        """Return the entry of the person who is known by this id here, or None."""
        return self._by_id.get(person)

    def having(self, kind: IdKind, value: str) -> tuple[RosterEntry, ...]:
        """Return the people who have an id of a kind: nobody, one, or several where the roster is ambiguous."""
        return self._by_kind.get((kind, folded(kind, value)), ())

    def claiming(self, value: str, kinds: Iterable[IdKind] = PREFERENCE) -> tuple[RosterEntry, ...]:
        """Return the people of whom `value` is an id of any of the kinds, each once, in the order of the roster."""
        found = {entry.id for kind in kinds for entry in self.having(kind, value)}
        return tuple(entry for entry in self.entries if entry.id in found) if found else ()

    def name_of(self, person: str) -> str:
        """Return the name of a person, or the id itself when it has none here."""
        entry = self.entry(person)
        return entry.name if entry is not None and entry.name else person

    def in_group(self, group: str) -> tuple[RosterEntry, ...]:
        """Return the members of a team of the LMS, by its name exactly as written."""
        return tuple(entry for entry in self.entries if entry.group == group)


def folded(kind: str, value: str) -> str:
    """Return an id in the form in which it is compared: exactly, but for the case of logins and addresses."""
    return value.casefold() if kind in WITHOUT_CASE else value


# ------------------------------------------------------------ one id for everybody


def with_own_ids(
    entries: Iterable[RosterEntry],
) -> tuple[tuple[RosterEntry, ...], tuple[RosterProblem, ...]]:
    """Return the entries, each with an `id` that nobody else has, and what is ambiguous among their ids.

    Nobody is dropped: a person whose ids are all claimed by others gets the place in the file for an id.
    """
    listed = list(entries)
    owners: dict[tuple[IdKind, str], list[RosterEntry]] = defaultdict(list)
    for entry in listed:
        for kind, value in entry.ids.items():
            owners[kind, folded(kind, value)].append(entry)
    taken: set[str] = set()
    done = []
    for entry in listed:
        free = [
            own
            for kind in PREFERENCE
            if (own := entry.ids.get(kind, "")) not in ("", *taken)
            and len(owners[kind, folded(kind, own)]) == 1
        ]
        chosen = free[0] if free else _place(entry, taken)
        taken.add(chosen)
        done.append(entry.model_copy(update={"id": chosen}))
    problems = tuple(
        RosterProblem(
            where=", ".join(line for one in group for line in one.lines),
            name="duplicate_id",
            text=f"{len(group)} people have the {kind} {group[0].ids[kind]!r}; nobody is known by it. "
            "Correct the file and give it again",
        )
        for (kind, _), group in owners.items()
        if len(group) > 1
    )
    return tuple(done), problems


def _place(entry: RosterEntry, taken: set[str]) -> str:
    place: str = entry.lines[0] if entry.lines else "somebody"
    chosen, number = place, 2
    while chosen in taken:
        chosen, number = f"{place}-{number}", number + 1
    return chosen


# ------------------------------------------------------------------ several files


def merged(rosters: Iterable[Roster]) -> Roster:
    """Return one roster of several files: the same number is the same person, else the same e-mail address.

    What cannot be both (one address, two numbers) stays two people and is listed as a problem; so do two people of
    one file, whatever they share.
    """
    listed = list(rosters)
    people: list[RosterEntry] = []
    problems = [problem for one in listed for problem in one.problems if problem.name != "duplicate_id"]
    for roster in listed:
        n_before = len(people)
        for entry in roster.entries:
            same = [index for index in range(n_before) if _share_an_id(people[index], entry)]
            kinds = _contradictions(people[same[0]], entry) if len(same) == 1 else ["number or address"]
            if len(same) == 1 and not kinds:
                people[same[0]] = _both(people[same[0]], entry)
                continue
            people.append(entry)
            if same:
                others = ", ".join(line for index in same for line in people[index].lines)
                problems.append(
                    RosterProblem(
                        where=", ".join(entry.lines),
                        name="conflicting_ids",
                        text=f"this row shares an id with {others} and differs in {' and '.join(kinds)}; taken for "
                        "another person. Correct one of the files",
                    )
                )
    entries, ambiguous = with_own_ids(people)
    return Roster(
        files=tuple(name for one in listed for name in one.files),
        kinds=tuple(kind for one in listed for kind in one.kinds),
        entries=entries,
        problems=(*problems, *ambiguous),
        notes=tuple(note for one in listed for note in one.notes),
    )


def _share_an_id(one: RosterEntry, other: RosterEntry) -> bool:
    kinds: tuple[IdKind, ...] = ("number", "email")
    return any(
        kind in one.ids and kind in other.ids and folded(kind, one.ids[kind]) == folded(kind, other.ids[kind])
        for kind in kinds
    )


def _contradictions(one: RosterEntry, other: RosterEntry) -> list[str]:
    """Return the kinds of ids that one person cannot have two of; accounts differ from system to system."""
    kinds: tuple[IdKind, ...] = ("number", "canvas", "moodle")
    return [
        kind for kind in kinds if kind in one.ids and kind in other.ids and one.ids[kind] != other.ids[kind]
    ]


def _both(one: RosterEntry, other: RosterEntry) -> RosterEntry:
    return one.model_copy(
        update={
            "ids": {**other.ids, **one.ids},
            "name": one.name or other.name,
            "other_names": tuple(
                dict.fromkeys(
                    name
                    for name in (*one.other_names, other.name, *other.other_names)
                    if name and name != one.name
                )
            ),
            "sections": tuple(dict.fromkeys((*one.sections, *other.sections))),
            "group": one.group or other.group,
            "submitted": one.submitted or other.submitted,
            "lines": (*one.lines, *other.lines),
        }
    )
