"""The verb `export`: scores for an LMS, into its own file, and the proof that they arrived."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autograder.cli.exported import document, print_export, print_verified, verdict_document
from autograder.cli.options import AsJson, author_or_me
from autograder.cli.output import print_json
from autograder.cli.sending import (
    AcceptOption,
    AuthorOption,
    DestinationOption,
    ExtraCreditOption,
    FailedOption,
    GroupsOption,
    IdOption,
    LowerOption,
    MatchOption,
    MissingOption,
    PartialOption,
    RunArgument,
    WaiveOption,
    WaiversOption,
    kinds,
    known_kind,
    pairs,
    waived,
)
from autograder.errors import UsageError
from autograder.store import RunDirectory

if TYPE_CHECKING:
    from autograder.export.formats import Format
    from autograder.export.outcomes import Choices

NEEDS_PERSON = 1


def export(
    directory: RunArgument,
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
    accept: AcceptOption = None,
    waive: WaiveOption = None,
    waivers: WaiversOption = None,
    match: MatchOption = None,
    id_kind: IdOption = "",
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
    partial: PartialOption = False,
    missing_as_zero: MissingOption = False,
    failed_as_zero: FailedOption = False,
    allow_lower: LowerOption = False,
    extra_credit: ExtraCreditOption = False,
    can_exceed: Annotated[
        bool,
        typer.Option(
            "--can-exceed", help="`brightspace`: the item is set to 'Can Exceed'; else it cuts scores."
        ),
    ] = False,
    unequal_groups: GroupsOption = False,
    comments: Annotated[
        bool,
        typer.Option(
            "--comments/--no-comments", help="Whether comments are written where the LMS takes them."
        ),
    ] = True,
    destination: DestinationOption = "",
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
    author: AuthorOption = None,
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

    told: dict[str, Any] = {
        "column": column,
        "by": by,
        "user": user,
        "encoding": encoding,
        "narrow": narrow,
        "can_exceed": can_exceed,
        "header": pairs("--header", header),
    }
    form = format_named(to, {name: value for name, value in told.items() if value})
    choices = Choices(
        accepted=kinds(accept),
        waived=waived(waive, waivers),
        pinned=pairs("--match", match),
        id_kind=known_kind(id_kind),
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
