"""Brightspace (D2L): the grades file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from autograder.errors import UsageError
from autograder.export.deciding import Takes
from autograder.export.decimals import has_decimal_commas, number_of
from autograder.export.filling import fill
from autograder.export.formats import FORMATS, Draft, Format, FormatParams, Request, Template
from autograder.export.readers.brightspace import reading
from autograder.export.sheets import Row, Sheet, require_keys, require_whole
from autograder.export.tables import Table, read_table

_ITEM = re.compile(r"(?P<title>.*?) Points Grade(?:\s*<(?P<about>[^>]*)>)?\s*", re.DOTALL)
_MAXIMUM = re.compile(r"MaxPoints:\s*([\d.,]+)")
IDS = {"OrgDefinedId": "number", "Username": "login"}
PERSONAL = ("Last Name", "First Name", "Email")
LAST = "End-of-Line Indicator"


class BrightspaceParams(FormatParams):
    """What `brightspace` can be told."""

    column: str = ""
    """The grade item: its heading or its name. Needed when the template has several."""
    can_exceed: bool = False
    """Whether the item lets scores exceed its maximum; else Brightspace cuts them silently."""


@FORMATS.register(BrightspaceParams)
def brightspace(params: BrightspaceParams) -> Format:
    """Brightspace grades file."""

    def sheet(template: Template) -> Sheet:
        return read_grades(template, params)

    def draft(request: Request) -> Draft:
        assert request.template is not None
        found = sheet(request.template)
        kept = [at for at, heading in enumerate(found.table.header) if heading.strip() not in PERSONAL]
        return fill(found, request, Takes(above_maximum=params.can_exceed), comment_text=str, columns=kept)

    return Format(
        title="Brightspace grades file",
        draft=draft,
        reading=reading,
        sheet=sheet,
        needs_template="the grades as Brightspace exports them (Enter Grades, Export: points grade, both ids)",
        notes=("Import it under Enter Grades, Import; leave 'create new grade item' unticked.",),
    )


def read_grades(template: Template, params: BrightspaceParams) -> Sheet:
    """Return grades that Brightspace exported, understood.

    Raises
    ------
    UsageError
        When they are none, or our item is not to be told.
    """
    table = read_table(template.content, template.name, (",", "\t", ";"), encoding=params.encoding)
    header = [heading.strip() for heading in table.header]
    if header[0] not in IDS or header[-1] != LAST:
        raise UsageError(
            f"{template.name} is no grades file of Brightspace: it begins with OrgDefinedId or Username and ends "
            f"with {LAST!r}. Export it with both ids"
        )
    rows = range(1, len(table.rows))
    for at in rows:
        if table.value(at, len(header) - 1).strip() != "#":
            raise UsageError(f"{template.name}: row {at + 1} does not end with '#'; export it again")
    column = _our_column(table, header, params.column)
    ids = {at: IDS[heading] for at, heading in enumerate(header) if heading in IDS}
    require_keys(table, min(ids), rows)
    require_whole(table, ids, rows)
    has_decimal_commas(table.column(column, rows), f"{template.name}: the column {header[column]!r}")
    about = _ITEM.fullmatch(header[column])
    assert about is not None
    maximum = _MAXIMUM.search(about["about"] or "")
    return Sheet(
        table=table,
        rows=tuple(_row(table, at, column, ids) for at in rows),
        score_column=column,
        score_field=table.header[column],
        maximum=number_of(maximum[1]) if maximum else None,
        destination=f"brightspace:{about['title']}",
        notes=_notes(header, maximum is None),
    )


def _our_column(table: Table, header: Sequence[str], wanted: str) -> int:
    found = {at: one for at, heading in enumerate(header) if (one := _ITEM.fullmatch(heading))}
    matches = [at for at, one in found.items() if not wanted or wanted in (header[at], one["title"])]
    if len(matches) != 1:
        listed = "; ".join(one["title"] for one in found.values()) or "none"
        what = "has several items" if matches else f"has no item {wanted!r}"
        raise UsageError(f"{table.name} {what} with a points grade; say which with --column: {listed}")
    return matches[0]


def _row(table: Table, at: int, column: int, kinds: Mapping[int, str]) -> Row:
    ids = {kind: table.value(at, place).strip().removeprefix("#") for place, kind in kinds.items()}
    return Row(
        at=at,
        key=next(iter(ids.values())),
        ids={kind: value for kind, value in ids.items() if value},
        score=number_of(table.value(at, column)),
    )


def _notes(header: Sequence[str], is_maximum_unknown: bool) -> tuple[str, ...]:
    notes = []
    if any(heading in PERSONAL for heading in header):
        notes.append("names and e-mail addresses are left out: Brightspace wants none")
    if is_maximum_unknown:
        notes.append("the file does not say the item's maximum: make sure that it is the rubric's")
    return tuple(notes)
