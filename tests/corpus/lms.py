"""Downloads and rosters of LMSs, made from a class: as Canvas, Moodle and Gradescope write them."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.corpus.archives import zipped


@dataclass(frozen=True)
class Person:
    """A student, with every id that some LMS knows."""

    number: str
    login: str
    name: str
    canvas: str
    moodle: str
    team: str = ""
    section: str = "S1"

    @property
    def email(self) -> str:
        return f"{self.login}@example.org"

    @property
    def sortable(self) -> str:
        """`Last, First`, as Canvas sorts."""
        first, _, last = self.name.rpartition(" ")
        return f"{last}, {first}" if first else last


NAMES = (
    "Ana Müller-Íñiguez", "Sam Smith", "Sam Smith", "Zoë O'Brien", "小龍 李", "=1+1 Evil", "Under_Score Na_me", "Ng",
    "Ødegård Åse", "محمد علي", "Олена Шевченко", "Sam_12_34 Smith", "O’Neil, Jr. Pat", 'Ann "Nan" Lee',
    "José María de la Cruz", "@home Alone", "NA", "Null", "-Dash First", "Late LATE", "Team_1 Two",
)  # fmt: skip


def make_class(n: int, seed: int = 0) -> list[Person]:
    """Return a class: duplicate and non-Latin names, ids with leading zeros that are not in any order."""
    chance = random.Random(seed)
    numbers = chance.sample(range(100_000), n)
    users, participants = chance.sample(range(100, 99_999), n), chance.sample(range(5, 5 + 3 * n), n)
    return [
        Person(
            number=f"{numbers[i]:08d}",
            login=f"u{numbers[i]:05d}",
            name=NAMES[i % len(NAMES)],
            canvas=str(users[i]),
            moodle=str(participants[i]),
            section=f"Section {i % 3}",
        )
        for i in range(n)
    ]


def written(rows: Iterable[Sequence[str]], separator: str = ",", bom: bool = False) -> bytes:
    """Return rows as a CSV file."""
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\n").writerows(rows)
    return (b"\xef\xbb\xbf" if bom else b"") + out.getvalue().encode()


# ---------------------------------------------------------------------- rosters


def canvas_gradebook(
    people: Sequence[Person],
    *,
    separator: str = ",",
    bom: bool = False,
    split: bool = False,
    sis: bool = True,
) -> bytes:
    """Return a gradebook as Canvas exports it; with `;` its numbers have a comma."""
    points = "100,00" if separator == ";" else "100.00"
    names = ["LastName", "FirstName"] if split else ["Student"]
    head = [
        *names,
        "ID",
        *(["SIS User ID"] if sis else []),
        "SIS Login ID",
        "Section",
        "VAE (55)",
        "Final Score",
    ]
    blank = [""] * (len(head) - 2)
    rows = [
        head,
        ["", *blank, "Manual Posting"][: len(head)],
        ["    Points Possible", *[""] * (len(head) - 3), points, "(read only)"],
    ]
    for person in people:
        last, _, first = person.sortable.partition(", ")
        name = f'="{person.sortable}"' if person.sortable.startswith("=") else person.sortable
        shown = [last, first] if split else [name]
        rows.append(
            [
                *shown,
                person.canvas,
                *([person.number] if sis else []),
                person.login,
                person.section,
                "EX",
                "N/A",
            ]
        )
    test = ["Student", "Test"] if split else ["Student, Test"]
    rows.append([*test, "99999999", *([""] if sis else []), "ab12cd34", "Section 0", "", ""])
    return written(rows, separator, bom)


LANGUAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "en": ("Participant ", ("Identifier", "Full name", "Email address", "ID number", "Status", "Group", "Grade",
                            "Maximum grade", "Grade can be changed", "Last modified (submission)", "Last modified (grade)",
                            "Feedback comments")),
    "de": ("Teilnehmer/in", ("ID", "Vollständiger Name", "E-Mail-Adresse", "ID-Nummer", "Status", "Gruppe", "Bewertung",
                             "Bestwertung", "Bewertung kann geändert werden", "Zuletzt geändert (Abgabe)",
                             "Zuletzt geändert (Bewertung)", "Feedback als Kommentar")),
    "fr": ("Participant ", ("Identifiant", "Nom complet", "Adresse de courriel", "Numéro d’identification", "Statut",
                            "Groupe", "Note", "Note maximale", "La note peut être modifiée",
                            "Dernière modification (travail remis)", "Dernière modification (note)", "Commentaires")),
    "an unknown one": ("Osallistuja ", ("Tunnus", "Koko nimi", "Sähköposti", "Numero-tunnus", "Tila", "Ryhmä", "Arvosana",
                                        "Enimmäisarvosana", "Muutettavissa", "Viimeksi muokattu (palautus)",
                                        "Viimeksi muokattu (arvosana)", "Palaute")),
}  # fmt: skip


def moodle_worksheet(
    people: Sequence[Person],
    language: str = "en",
    *,
    teams: bool = False,
    submitted: Mapping[str, str] | None = None,
) -> bytes:
    """Return a grading worksheet as Moodle writes it in a language."""
    word, heads = LANGUAGES[language]
    kept = [index for index in range(len(heads)) if index != 5 or teams]
    rows: list[Sequence[str]] = [[heads[index] for index in kept]]
    for person in people:
        time = (submitted or {}).get(person.moodle, "-")
        row = [
            f"{word}{person.moodle}", person.name, person.email, person.number, "Submitted for grading -  - ",
            person.team or "Default group", "", "100,00" if language == "de" else "100.00", "Yes", time, "-", "",
        ]  # fmt: skip
        rows.append([row[index] for index in kept])
    return written(rows, bom=True)


def gradescope_roster(people: Sequence[Person]) -> bytes:
    """Return a roster as Gradescope exports it, staff included."""
    rows = [["First Name", "Last Name", "SID", "Email", "Role", "Section"]]
    for person in people:
        first, _, last = person.name.rpartition(" ")
        rows.append([first, last, person.number, person.email, "Student", person.section])
    return written([*rows, ["Pro", "Fessor", "", "prof@example.org", "Instructor", ""]])


def plain_roster(people: Sequence[Person], separator: str = ",") -> bytes:
    """Return a list that somebody wrote."""
    rows = [["Student ID", "Login", "E-Mail", "Name", "Group"]]
    return written(
        [*rows, *([one.number, one.login, one.email, one.name, one.team] for one in people)], separator
    )


# -------------------------------------------------------------------- downloads


@dataclass(frozen=True)
class HandIn:
    """What one person, or a team, handed in."""

    person: Person
    files: Mapping[str, bytes]
    partners: tuple[Person, ...] = ()
    is_late: bool = False
    typed: str = ""
    created: str = "2026-11-21 07:32:00.000000000 Z"
    names: tuple[str, ...] = field(default=())


def notebook(text: str) -> bytes:
    """Return a notebook that is nobody else's."""
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": f"# {text}\nx = 1",
        "outputs": [],
        "execution_count": None,
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}).encode()


def canvas_name(person: Person) -> str:
    """Return a sortable name as Canvas writes it into a file name."""
    return re.sub(r"\W", "", person.sortable).lower()


def canvas_files(hand_ins: Iterable[HandIn], first_attachment: int = 700_000) -> dict[str, bytes]:
    """Return the entries of a Canvas bulk download."""
    entries: dict[str, bytes] = {}
    attachment = first_attachment
    for one in hand_ins:
        late = "_LATE" if one.is_late else ""
        for name, content in one.files.items():
            attachment += 7
            shown = re.sub(r'[\0/\\:*?"<>|]+', "_", name)
            entries[f"{canvas_name(one.person)}{late}_{one.person.canvas}_{attachment}_{shown}"] = content
        if one.typed:
            entries[f"{canvas_name(one.person)}{late}_{one.person.canvas}_text.html"] = one.typed.encode()
    return entries


def moodle_name(text: str) -> str:
    """Return a name as Moodle writes it into a file name."""
    return re.sub(r"""[&<>"'`|:\\/]""", "", text.replace("_", " "))


def moodle_files(
    hand_ins: Iterable[HandIn], *, folders: bool = True, teams: Mapping[str, int] | None = None
) -> dict[str, bytes]:
    """Return the entries of Moodle's zip of all submissions, with or without a folder for each."""
    entries: dict[str, bytes] = {}
    for one in hand_ins:
        who, number = (
            (one.person.team, teams[one.person.team]) if teams else (one.person.name, one.person.moodle)
        )
        start = f"{moodle_name(who)}_{number}_assignsubmission_"
        for name, content in one.files.items():
            entries[f"{start}file{'/' if folders else '_'}{name}"] = content
        if one.typed:
            entries[f"{start}onlinetext{'/' if folders else '_'}onlinetext.html"] = one.typed.encode()
    return entries


def gradescope_files(hand_ins: Iterable[HandIn], root: str = "assignment_77_export/") -> dict[str, bytes]:
    """Return the entries of a Gradescope export."""
    lines: list[str] = ["---"]
    entries: dict[str, bytes] = {}
    for index, one in enumerate(hand_ins):
        folder = f"submission_{9_000 + 13 * index}"
        lines += [f"{folder}:", "  :submitters:"]
        for person in (one.person, *one.partners):
            lines += [
                f"  - :name: {json.dumps(person.name, ensure_ascii=False)}",
                f"    :sid: '{person.number}'",
                f"    :email: {person.email}",
            ]
        lines += [
            f"  :created_at: {one.created}",
            "  :score: 3.0",
            "  :status: processed",
            "  :results:",
            "    tests:",
            "    - name: a",
            '      output: "submission_1:\\n  :submitters:\\n  - :sid: forged"',
            "  :history: []",
        ]
        entries |= {f"{root}{folder}/{name}": content for name, content in one.files.items()}
    return {f"{root}submission_metadata.yml": "\n".join(lines).encode() + b"\n"} | entries


def download(entries: Mapping[str, bytes]) -> bytes:
    """Return a zip of entries."""
    return zipped(dict(entries))
