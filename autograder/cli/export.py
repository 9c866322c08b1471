"""The verb `export`: scores for an LMS, into its own file, and the proof that they arrived."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.cli.exported import document, print_export, print_verified, verdict_document
from autograder.cli.options import AsJson, author_or_me
from autograder.cli.output import print_json
from autograder.errors import UsageError, nearest
from autograder.store import RunDirectory

if TYPE_CHECKING:
    from autograder.export.formats import Format
    from autograder.export.outcomes import Choices

NEEDS_PERSON = 1
ID_KINDS = ("number", "login", "email", "canvas", "moodle", "integration")


def export(
    directory: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="The run directory that `grade --run` made.", show_default=False),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="`canvas`, `canvas-feedback`, `moodle-worksheet`, `moodle-gradebook`, `moodle-feedback`, "
            "`gradescope`, `brightspace`, `blackboard`, `ags`, `plain-csv` or `xlsx`.",
            show_default=False,
        ),
    ],
    template: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file that the LMS gave, downloaded just now: it is filled, and nothing else in it changes.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where the file goes (a folder where there are several). Default: a new folder in the run's `exports`.",
            show_default=False,
        ),
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option(
            metavar="AFTER",
            help="Write nothing: compare a download that was made after the import with what was sent. With "
            "`--template` (the download before it), say what else changed.",
            show_default=False,
        ),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="What is in order for everybody: `missing` (nothing handed in), `pending`, `failed`, `unknown` (not "
            "in the LMS), `locked`, `lower`; may be given several times.",
        ),
    ] = None,
    waive: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=REASON", help="Why one student or row is in order; may be given several times."
        ),
    ] = None,
    waivers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV with the columns `id` and `reason`: the same for many.",
            show_default=False,
        ),
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STUDENT=ROW",
            help="Which row of the LMS (its Canvas ID, its participant number, ...) is meant where ids are "
            "ambiguous; may be given several times.",
        ),
    ] = None,
    id_kind: Annotated[
        str,
        typer.Option(
            "--id",
            metavar="KIND",
            help="What the ids of a run without a roster are: `number`, `login`, `email`, `canvas`, `moodle`. "
            "Default: whatever fits one row alone.",
        ),
    ] = "",
    column: Annotated[
        str | None,
        typer.Option(
            metavar="TITLE",
            help="Our assignment in the template, by heading, title or id. Needed when it holds several.",
            show_default=False,
        ),
    ] = None,
    narrow: Annotated[
        bool,
        typer.Option(
            "--narrow",
            help="`canvas`: keep only the students' columns, ours, and the rows that are written, so that nothing "
            "else can change.",
        ),
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="`moodle-gradebook`: the id that identifies a user, `number` (default), `login` or `email`.",
            show_default=False,
        ),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="`ags`: which id is the platform's user id, where no list of members is given as template.",
            show_default=False,
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=TEXT",
            help="`moodle-worksheet`: a heading in another language than English or German, such as "
            "`grade=Calificación`; may be given several times.",
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Encoding of the template, where it is not UTF-8 and has no byte order mark.",
            show_default=False,
        ),
    ] = None,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="Students with pending marks get what is earned so far, and are told so."
        ),
    ] = False,
    missing_as_zero: Annotated[
        bool, typer.Option("--missing-as-zero", help="People of the roster who handed nothing in get 0.")
    ] = False,
    failed_as_zero: Annotated[
        bool, typer.Option("--failed-as-zero", help="Hand-ins that could not be graded get 0.")
    ] = False,
    allow_lower: Annotated[
        bool,
        typer.Option("--allow-lower", help="A score may be lower than what the LMS has or was sent before."),
    ] = False,
    extra_credit: Annotated[
        bool,
        typer.Option("--extra-credit", help="A score may be above the maximum, where the LMS takes that."),
    ] = False,
    can_exceed: Annotated[
        bool,
        typer.Option(
            "--can-exceed", help="`brightspace`: the item is set to 'Can Exceed'; else it cuts scores."
        ),
    ] = False,
    unequal_groups: Annotated[
        bool, typer.Option("--unequal-groups", help="Members of a group may get different scores.")
    ] = False,
    comments: Annotated[
        bool,
        typer.Option(
            "--comments/--no-comments", help="Whether comments are written where the LMS takes them."
        ),
    ] = True,
    destination: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Name of the place at the LMS in the record of what was sent. Default: what the template says.",
        ),
    ] = "",
    not_imported: Annotated[
        bool,
        typer.Option(
            "--not-imported",
            help="The last file of this format was never imported: forget that it was written.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")
    ] = False,
    author: Annotated[
        str | None,
        typer.Option(help="Who exports. Default: git's user.name, else the login name.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the scores of a run into the file of an LMS, and prove that they arrive.

    Students are matched by ids alone. Before anything is written, every student of the run and every row of the LMS is
    accounted for: exit status 1 means that some are not, and that nothing was written. What is written is read again by
    the LMS's own rules. A record of what was sent keeps a rerun from lowering a score.
    """
    from autograder.export.outcomes import Choices
    from autograder.exporting import export as export_run
    from autograder.exporting import format_named, read_template

    if id_kind and id_kind not in ID_KINDS:
        raise UsageError(f"--id {id_kind}{nearest(id_kind, ID_KINDS)} (there are: {', '.join(ID_KINDS)})")
    told: dict[str, Any] = {
        "column": column,
        "by": by,
        "user": user,
        "encoding": encoding,
        "narrow": narrow,
        "can_exceed": can_exceed,
        "header": pairs("--header", header or ()),
    }
    form = format_named(to, {name: value for name, value in told.items() if value})
    choices = Choices(
        accepted=kinds(accept or ()),
        waived=pairs("--waive", waive or ()) | (read_waivers(waivers) if waivers else {}),
        pinned=pairs("--match", match or ()),
        id_kind=id_kind,
        partial=partial,
        missing_as_zero=missing_as_zero,
        failed_as_zero=failed_as_zero,
        may_lower=allow_lower,
        extra_credit=extra_credit,
        unequal_groups=unequal_groups,
        comments=comments,
        destination=destination,
    )
    run = RunDirectory(directory)
    before = read_template(template) if template else None
    if verify is not None:
        _verify(run, to, form, choices, verify, before, author_or_me(author), as_json)
    if out is not None and template is not None and out.resolve() == template.resolve():
        raise UsageError(f"--out {out} is the template itself; it is kept as it was downloaded")
    done = export_run(
        run,
        to,
        form,
        choices,
        author=author_or_me(author),
        template=before,
        out=out,
        was_not_imported=not_imported,
        is_rehearsal=dry_run,
    )
    if as_json:
        print_json(document(run, to, done))
    else:
        print_export(form, done, is_rehearsal=dry_run)
    raise typer.Exit(NEEDS_PERSON if done.unaccounted else 0)


# ------------------------------------------------------------------- arguments


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Return `NAME=TEXT` arguments; UsageError for one in another form."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise UsageError(f"{option} {text!r}: expected NAME=TEXT")
        found[name.strip()] = value.strip()
    return found


def kinds(accepted: Sequence[str]) -> frozenset[str]:
    """Return kinds of outcomes that can be accepted; UsageError for another."""
    from autograder.export.outcomes import ACCEPTABLE

    for kind in accepted:
        if kind not in ACCEPTABLE:
            raise UsageError(
                f"--accept {kind}{nearest(kind, ACCEPTABLE)} (there are: {', '.join(ACCEPTABLE)})"
            )
    return frozenset(accepted)


def read_waivers(path: Path) -> dict[str, str]:
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


# ---------------------------------------------------------------------- verify


def _verify(
    run: RunDirectory,
    name: str,
    form: Format,
    choices: Choices,
    after: Path,
    before: Any,
    author: str,
    as_json: bool,
) -> None:
    from autograder.exporting import read_template
    from autograder.exporting import verify as verify_run

    found = verify_run(run, name, form, choices, read_template(after), author=author, template=before)
    if as_json:
        print_json(verdict_document(run, name, found))
    else:
        print_verified(found)
    raise typer.Exit(0 if found.is_complete else NEEDS_PERSON)
