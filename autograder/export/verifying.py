"""Whether what was written is what the LMS has: before an import by a model of its reader, after it by a download."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autograder.errors import UsageError
from autograder.export.decimals import two_places
from autograder.export.formats import Draft, Field, Format, Template
from autograder.export.ledger import EXCUSED, Entry
from autograder.export.readers import ImportRefused
from autograder.export.sheets import Sheet


@dataclass(frozen=True)
class Difference:
    """A field that the LMS would have otherwise than it should."""

    row: str
    field: str
    wanted: str
    found: str
    is_ours: bool

    def __str__(self) -> str:
        return (
            f"row {self.row}, {self.field}: {self.found or 'nothing'} in place of {self.wanted or 'nothing'}"
        )


def read_back(form: Format, draft: Draft, template: Template | None) -> tuple[int, list[Difference]]:
    """Return how many fields the LMS would have after the import, and those that are wrong.

    Every field that is ours has to say what was written, every other one what it said before.

    Raises
    ------
    UsageError
        When the LMS would refuse the file.
    """
    try:
        before, after = form.reading(draft.files, template)
    except ImportRefused as error:
        raise UsageError(
            f"an import would be refused: {error}. Nothing was written; download the file anew and open it in no "
            "other program"
        ) from error
    wanted = dict(before) | dict(draft.expected)
    found = [
        Difference(place[0], place[1], wanted.get(place, ""), after.get(place, ""), place in draft.expected)
        for place in dict.fromkeys((*wanted, *after))
        if wanted.get(place, "") != after.get(place, "")
    ]
    return len(after), found


@dataclass(frozen=True)
class Verdict:
    """What became of one score that was sent."""

    student: str
    row: str
    sent: str
    found: str
    """What the LMS has; "" for nothing."""
    what: str
    """`arrived`, `differs`, `no score` or `no row`."""


def verdicts(sheet: Sheet, held: Mapping[str, Entry]) -> list[Verdict]:
    """Return what became of every score that the ledger has as sent.

    Parameters
    ----------
    sheet : a download that was made after the import
    held : student to the entry that holds
    """
    rows = {row.key: row for row in sheet.rows}
    found = []
    for student, entry in held.items():
        row = rows.get(entry.place)
        if row is None:
            found.append(Verdict(student, entry.place, entry.value, "", "no row"))
            continue
        has = EXCUSED if row.is_excused else "" if row.score is None else two_places(row.score)
        what = "arrived" if has == entry.value else "differs" if has else "no score"
        found.append(Verdict(student, entry.place, entry.value, has, what))
    return found


def changed_elsewhere(
    form: Format, before: Template, after: Template, sheet: Sheet, held: Mapping[str, Entry]
) -> list[Difference]:
    """Return what differs between two downloads beside the scores that were sent."""
    try:
        old, _ = form.reading({before.name: before.content}, before)
        new, _ = form.reading({after.name: after.content}, after)
    except ImportRefused as error:
        raise UsageError(f"the two downloads cannot be compared: {error}") from error
    ours: set[Field] = {
        (entry.place, name) for entry in held.values() for name in (sheet.score_field, "comment")
    }
    return [
        Difference(place[0], place[1], old.get(place, ""), new.get(place, ""), False)
        for place in dict.fromkeys((*old, *new))
        if place not in ours and old.get(place, "") != new.get(place, "")
    ]
