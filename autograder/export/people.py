"""Who is who in a run: from `results.json` and `roster.json`, as the intake left them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from autograder.export.comments import plain
from autograder.export.scores import ANY_ID, Person, Received, State, exact
from autograder.rosters import Roster

LMS_KEYS = ("canvas", "moodle")
"""Keys of a submission at the LMS that are an id of its student."""
_STANDINGS = {"excused": State.EXCUSED, "withheld": State.WITHHELD}


def people_of_results(results: Mapping[str, Any], roster: Roster | None) -> tuple[Person, ...]:
    """Return the people of a run: those of its submissions in their order, then those who handed nothing in.

    A submission of which nobody could tell whose it is makes a person of its own, with the doubt.

    Parameters
    ----------
    results : `results.json` of the run
    roster : None where none was given; then the ids are those that were found when the files were taken in
    """
    people = [*_owners(results, roster), *_absent(results, roster)]
    places: dict[str, list[str]] = {}
    for person in people:
        places.setdefault(person.key, []).append(person.submission or "none")
    return tuple(_in_doubt(person, places[person.key]) for person in people)


def _in_doubt(person: Person, submissions: Sequence[str]) -> Person:
    """Return a person, with a key and a doubt of its own where several submissions are of one."""
    if len(submissions) == 1:
        return person
    told = f"{person.key} is in several submissions ({', '.join(submissions)}), and only one can count"
    return person.model_copy(update={"key": f"{person.key} in {person.submission}", "doubt": told})


def _owners(results: Mapping[str, Any], roster: Roster | None) -> Iterator[Person]:
    for entry in results["submissions"]:
        people = entry.get("people") or [{"id": student} for student in entry["students"]]
        doubt = entry.get("owner_problem") or ""
        if doubt or not people:
            told = f"nobody could tell whose submission {entry['id']} is ({doubt or 'no student'})"
            yield Person(key=f"submission {entry['id']}", submission=entry["id"], doubt=told)
            continue
        is_alone = len(people) == 1
        for person in people:
            yield _person(person, entry, roster, is_alone)


def _person(
    person: Mapping[str, Any], entry: Mapping[str, Any], roster: Roster | None, is_alone: bool
) -> Person:
    late = person.get("late") or {}
    waits_for_time = person.get("state") == "pending" and late and late.get("submitted") is None
    return Person(
        key=person["id"],
        ids=_ids(person["id"], roster, entry.get("lms", {}) if is_alone else {}),
        name=roster.name_of(person["id"]) if roster else person["id"],
        submission=entry["id"],
        standing=State.PENDING if waits_for_time else _STANDINGS.get(person.get("state", "")),
        reason="it is late, and a person has to say how late" if waits_for_time else person.get("note", ""),
        deduction=exact(person.get("deducted", 0.0)),
        late=late_line(late),
        lms=entry.get("lms", {}),
        received=tuple(
            Received(entry=one["entry"], name=one.get("name", ""), attachment=one.get("attachment", ""))
            for one in entry.get("received") or ()
        ),
    )


def _absent(results: Mapping[str, Any], roster: Roster | None) -> Iterator[Person]:
    for absent in results.get("absent") or ():
        yield Person(
            key=absent["id"],
            ids=_ids(absent["id"], roster, {}),
            name=roster.name_of(absent["id"]) if roster else absent["id"],
            standing=_STANDINGS.get(absent["state"]),
            reason=absent.get("note", ""),
        )


def _ids(person: str, roster: Roster | None, lms: Mapping[str, str]) -> dict[str, str]:
    entry = roster.entry(person) if roster else None
    if entry is not None:
        return {str(kind): value for kind, value in entry.ids.items()} or {ANY_ID: person}
    return {ANY_ID: person} | {kind: lms[kind] for kind in LMS_KEYS if lms.get(kind)}


def late_line(late: Mapping[str, Any]) -> str:
    """Return how late a hand-in was, by which rule, and what it costs; "" for one in time.

    >>> late_line({"late_seconds": 93600, "n_days": 2, "deducted": 4.0, "rule": "2 points a day"})
    '1 day 2 h after the deadline; 2 points a day; 4 points taken off'
    """
    seconds = float(late.get("late_seconds") or 0.0)
    if not seconds:
        return ""
    days, hours = divmod(int(seconds // 3600), 24)
    told = [f"{days} day{'' if days == 1 else 's'}"] if days else []
    told += [f"{hours} h"] if hours else []
    told = told or [f"{max(1, int(seconds // 60))} min"]
    taken = exact(late.get("deducted", 0.0))
    parts = [f"{' '.join(told)} after the deadline", str(late.get("rule") or "").strip(" .")]
    parts.append(f"{plain(taken)} point{'' if taken == Decimal(1) else 's'} taken off")
    return "; ".join(part for part in parts if part)
