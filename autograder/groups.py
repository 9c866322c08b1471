"""Who works with whom: the groups file, which also says whose a hand-in is when its name does not.

Two forms, told by the header. A row a person::

    id,group
    00042,red
    00043,red

or a row a group, with a column for each member; a column `file` names an entry of the download that is theirs::

    group,member1,member2,file
    red,00042,00043,
    ,00044,,submission without a name.ipynb
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field

from autograder.delimited import Row, Table, read_table
from autograder.errors import UsageError
from autograder.records import Record
from autograder.roster_headers import COLUMNS, plain_header
from autograder.rosters import IdKind, Roster

_MEMBER = re.compile(r"(?:member|student|id|person|mitglied|partner)\s*\d*")
_FILE = ("file", "files", "folder", "entry", "submission", "datei", "ordner")
IDS: tuple[IdKind, ...] = ("number", "login", "email", "canvas")


class GroupProblem(Record):
    """Something in a groups file that cannot be used as it is."""

    where: str
    name: Literal["unknown_id", "ambiguous_id", "two_groups"]
    text: str


class Groups(Record):
    """The groups of a class."""

    schema_version: Literal[1] = 1
    file: str = ""
    members: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Name of the group to the ids of its members."""
    files: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Name of an entry of the download to the ids of the people whose it is."""
    problems: tuple[GroupProblem, ...] = ()

    @cached_property
    def _groups_of(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for group, members in self.members.items():
            for member in members:
                found[member] = (*found.get(member, ()), group)
        return found

    def with_person(self, person: str) -> tuple[str, ...]:
        """Return everybody of the person's group; nobody when there is none, or when there are two."""
        groups = self._groups_of.get(person, ())
        return self.members[groups[0]] if len(groups) == 1 else ()

    def members_of(self, *entries: str) -> tuple[str, ...]:
        """Return the people whose an entry of the download is, by any of its names."""
        return next((self.files[one] for one in entries if one in self.files), ())


def read_groups(path: Path, roster: Roster | None) -> Groups:
    """Return the groups in a CSV file, their members by the ids of the roster.

    Raises
    ------
    UsageError
        When the file cannot be read or has neither of the two forms.
    """
    table = read_table(path)
    heads = [plain_header(head) for head in table.header]
    group = next((index for index, head in enumerate(heads) if head in COLUMNS["group"]), None)
    people = [index for index, head in enumerate(heads) if _is_of_people(head) and index != group]
    files = [index for index, head in enumerate(heads) if head in _FILE]
    if not people or (group is None and not files):
        listed = ", ".join(repr(head) for head in table.header[:10])
        raise UsageError(
            f"{path}: expected the columns id and group, or group, member1, member2, ...; found {listed}"
        )
    return _Reading(table, roster).read(group, people, files)


def _is_of_people(head: str) -> bool:
    return any(head in COLUMNS[kind] for kind in IDS) or bool(_MEMBER.fullmatch(head))


class _Reading:
    """One groups file on its way."""

    def __init__(self, table: Table, roster: Roster | None):
        self._table, self._roster = table, roster
        self._problems: list[GroupProblem] = []

    def read(self, group: int | None, people: Sequence[int], files: Sequence[int]) -> Groups:
        members: dict[str, tuple[str, ...]] = {}
        named: dict[str, str] = {}
        alone: dict[str, tuple[str, ...]] = {}
        for row in self._table.rows:
            found = [
                one for index in people if (value := row.cell(index)) for one in self._person(row, value)
            ]
            name, entries = row.cell(group), [text for index in files if (text := row.cell(index))]
            if name or not entries:
                name = name or f"{self._table.path.name}:{row.line}"
                members[name] = tuple(dict.fromkeys((*members.get(name, ()), *found)))
                named |= dict.fromkeys(entries, name)
            else:
                alone |= dict.fromkeys(entries, tuple(dict.fromkeys(found)))
        self._refuse_two_groups(members)
        whose = alone | {entry: members[name] for entry, name in named.items()}
        return Groups(
            file=self._table.path.name,
            members={name: found for name, found in members.items() if found},
            files={entry: found for entry, found in whose.items() if found},
            problems=tuple(self._problems),
        )

    def _refuse_two_groups(self, members: Mapping[str, tuple[str, ...]]) -> None:
        groups: dict[str, list[str]] = {}
        for name, people in members.items():
            for person in people:
                groups.setdefault(person, []).append(name)
        self._problems += [
            GroupProblem(
                where=self._table.path.name,
                name="two_groups",
                text=f"{person} is in {' and '.join(names)}; nobody is added to what this person hands in. Keep one",
            )
            for person, names in groups.items()
            if len(names) > 1
        ]

    def _person(self, row: Row, value: str) -> list[str]:
        if self._roster is None:
            return [value]
        entries = self._roster.claiming(value, IDS)
        if len(entries) == 1:
            return [entries[0].id]
        self._problems.append(
            GroupProblem(
                where=f"{self._table.path.name}:{row.line}",
                name="ambiguous_id" if entries else "unknown_id",
                text=f"{value!r} is the id of {f'{len(entries)} people' if entries else 'nobody'} in the roster",
            )
        )
        return []
