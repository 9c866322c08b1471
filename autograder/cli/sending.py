"""What `export` and `push` ask alike: who is in order without a score, which scores may be sent, and who is who."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from autograder.errors import UsageError, nearest

ID_KINDS = ("number", "login", "email", "canvas", "moodle", "integration")

RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="The run directory that `grade --run` made.", show_default=False)
]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option(
        "--accept",
        metavar="KIND",
        help="What is in order for everybody: `missing` (nothing handed in), `pending`, `failed`, `unknown` (not "
        "in the LMS), `locked`, `lower`; may be given several times.",
    ),
]
WaiveOption = Annotated[
    list[str] | None,
    typer.Option(
        "--waive",
        metavar="ID=REASON",
        help="Why one student or row is in order; may be given several times.",
    ),
]
WaiversOption = Annotated[
    Path | None,
    typer.Option(
        "--waivers",
        metavar="FILE",
        help="CSV with the columns `id` and `reason`: the same for many.",
        show_default=False,
    ),
]
MatchOption = Annotated[
    list[str] | None,
    typer.Option(
        "--match",
        metavar="STUDENT=ROW",
        help="Which row or user of the LMS (its Canvas ID, its participant number, ...) is meant where ids are "
        "ambiguous; may be given several times.",
    ),
]
IdOption = Annotated[
    str,
    typer.Option(
        "--id",
        metavar="KIND",
        help="What the ids of a run without a roster are: `number`, `login`, `email`, `canvas`, `moodle`, "
        "`integration`. Default: whatever fits one row alone.",
    ),
]
PartialOption = Annotated[
    bool,
    typer.Option("--partial", help="Students with pending marks get what is earned so far, and are told so."),
]
MissingOption = Annotated[
    bool, typer.Option("--missing-as-zero", help="People of the roster who handed nothing in get 0.")
]
FailedOption = Annotated[
    bool, typer.Option("--failed-as-zero", help="Hand-ins that could not be graded get 0.")
]
LowerOption = Annotated[
    bool, typer.Option("--allow-lower", help="A score may be lower than what the LMS has or was sent before.")
]
ExtraCreditOption = Annotated[
    bool, typer.Option("--extra-credit", help="A score may be above the maximum, where the LMS takes that.")
]
GroupsOption = Annotated[
    bool, typer.Option("--unequal-groups", help="Members of a group may get different scores.")
]
DestinationOption = Annotated[
    str,
    typer.Option(
        "--destination",
        metavar="NAME",
        help="Name of the place at the LMS in the record of what was sent. Default: what the template says, or the "
        "assignment's id.",
    ),
]
AuthorOption = Annotated[
    str | None,
    typer.Option(
        "--author", help="Who sends. Default: git's user.name, else the login name.", show_default=False
    ),
]


def pairs(option: str, texts: Sequence[str] | None) -> dict[str, str]:
    """Return `NAME=TEXT` arguments; UsageError for one in another form."""
    found = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise UsageError(f"{option} {text!r}: expected NAME=TEXT")
        found[name.strip()] = value.strip()
    return found


def kinds(accepted: Sequence[str] | None) -> frozenset[str]:
    """Return kinds of outcomes that can be accepted; UsageError for another."""
    from autograder.export.outcomes import ACCEPTABLE

    for kind in accepted or ():
        if kind not in ACCEPTABLE:
            raise UsageError(
                f"--accept {kind}{nearest(kind, ACCEPTABLE)} (there are: {', '.join(ACCEPTABLE)})"
            )
    return frozenset(accepted or ())


def waived(waive: Sequence[str] | None, waivers: Path | None) -> dict[str, str]:
    """Return who is in order, and why: of `--waive`, and of the file, which counts where both say something."""
    return pairs("--waive", waive) | (_read_waivers(waivers) if waivers else {})


def known_kind(id_kind: str) -> str:
    """Return a kind of id; UsageError when there is none of that name."""
    if id_kind and id_kind not in ID_KINDS:
        raise UsageError(f"--id {id_kind}{nearest(id_kind, ID_KINDS)} (there are: {', '.join(ID_KINDS)})")
    return id_kind


def _read_waivers(path: Path) -> dict[str, str]:
    """Return the reasons of a file of waivers; UsageError when it has not the columns `id` and `reason`."""
    from autograder.delimited import read_table

    found = read_table(path)
    if not {"id", "reason"} <= set(found.header):
        raise UsageError(
            f"--waivers {path}: expected the columns id and reason, found {', '.join(found.header)}"
        )
    at_id, at_reason = found.header.index("id"), found.header.index("reason")
    for row in found.rows:
        if not row.cell(at_id) or not row.cell(at_reason):
            raise UsageError(f"--waivers {path}:{row.line}: an id and a reason are needed")
    return {row.cell(at_id): row.cell(at_reason) for row in found.rows}
