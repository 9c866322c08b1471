"""The verb `push`: scores, comments and reports to a server of an LMS."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.export import kinds, pairs, read_waivers
from autograder.cli.interrupts import stoppable
from autograder.cli.options import AsJson, author_or_me
from autograder.cli.output import err, print_json
from autograder.cli.pushed import document, print_push
from autograder.errors import UsageError
from autograder.store import RunDirectory

if TYPE_CHECKING:
    from autograder.export.scores import StudentScore
    from autograder.push.packing import PushChoices
    from autograder.push.parcels import Parcel, Remote
    from autograder.push.tokens import Token
    from autograder.pushing import Push

NEEDS_PERSON = 1


class Server(StrEnum):
    """What `--to` takes."""

    CANVAS = "canvas"
    MOODLE = "moodle"


def push(
    directory: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="The run directory that `grade --run` made.", show_default=False),
    ],
    to: Annotated[
        Server, typer.Option("--to", metavar="LMS", help="`canvas` or `moodle`.", show_default=False)
    ],
    url: Annotated[
        str,
        typer.Option(
            "--url",
            metavar="URL",
            envvar="AUTOGRADER_LMS_URL",
            help="Address of the LMS, such as `https://canvas.example.edu`.",
            show_default=False,
        ),
    ],
    course: Annotated[
        str,
        typer.Option(metavar="ID", help="The course: the number in its page's address.", show_default=False),
    ],
    assignment: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="The assignment: the number in its page's address (Moodle: after `id=`).",
            show_default=False,
        ),
    ],
    send: Annotated[
        bool, typer.Option("--send", help="Send it. Without this, nothing is sent: you see what would be.")
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="Students of this kind are in order without a score: `pending`, `missing`, `failed`, `locked`, `lower`, "
            "`unknown`; may be given several times.",
        ),
    ] = None,
    waive: Annotated[
        list[str] | None,
        typer.Option(metavar="ID=REASON", help="This student is in order; may be given several times."),
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
            metavar="STUDENT=USER",
            help="This student of the run has this user id at the LMS; may be given several times.",
        ),
    ] = None,
    id_kind: Annotated[
        str,
        typer.Option(
            "--id",
            metavar="KIND",
            help="What the ids of a run without a roster are: `number`, `login`, `email`, `canvas`. Default: whatever "
            "fits one student alone.",
        ),
    ] = "",
    partial: Annotated[
        bool, typer.Option("--partial", help="Pending students get what is earned so far.")
    ] = False,
    missing_as_zero: Annotated[
        bool, typer.Option("--missing-as-zero", help="Who handed in nothing gets 0.")
    ] = False,
    failed_as_zero: Annotated[
        bool, typer.Option("--failed-as-zero", help="Hand-ins that could not be graded get 0.")
    ] = False,
    allow_lower: Annotated[
        bool, typer.Option("--allow-lower", help="A score may become lower than what is there.")
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Scores and comments that somebody changed at the LMS are replaced by ours."
        ),
    ] = False,
    extra_credit: Annotated[
        bool,
        typer.Option("--extra-credit", help="A score may be above the maximum, where the LMS takes that."),
    ] = False,
    unequal_groups: Annotated[
        bool, typer.Option("--unequal-groups", help="Members of a group may get different scores.")
    ] = False,
    comments: Annotated[
        bool, typer.Option("--comments/--no-comments", help="Whether comments are sent.")
    ] = True,
    reports: Annotated[
        bool, typer.Option("--reports/--no-reports", help="Whether each student's report is sent.")
    ] = True,
    rubric: Annotated[
        bool,
        typer.Option(
            "--rubric/--no-rubric", help="Whether the points of items go into the rubric of the LMS."
        ),
    ] = True,
    criterion: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ITEM=ROW",
            help="This item is this row (its id) of the LMS's rubric; may be given several times.",
        ),
    ] = None,
    clear_late: Annotated[
        bool,
        typer.Option(
            "--clear-late",
            help="Canvas: whoever has our late deduction gets none from Canvas (status `none`).",
        ),
    ] = False,
    workflow: Annotated[
        str,
        typer.Option(
            metavar="STATE", help="Moodle: state of the marking workflow that grades get, such as `released`."
        ),
    ] = "",
    destination: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Name of the place in the ledger. Default: made of the assignment's id."
        ),
    ] = "",
    author: Annotated[
        str | None,
        typer.Option(help="Who sends. Default: git's user.name, else the login name.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send scores, rubric points, comments and reports to Canvas or Moodle: a rehearsal, unless you say `--send`.

    The token is taken from the environment: `AUTOGRADER_CANVAS_TOKEN` or `AUTOGRADER_MOODLE_TOKEN`. What was sent is
    kept in the run's gradebook, and read back from the server: the same command again sends only what changed or did
    not arrive. Exit status 1 means that somebody is not accounted for, so that nothing was sent, or that something did
    not arrive.
    """
    from autograder.push.packing import PushChoices

    choices = PushChoices(
        accepted=kinds(accept or ()),
        waived=pairs("--waive", waive or ()) | (read_waivers(waivers) if waivers else {}),
        pinned=pairs("--match", match or ()),
        criteria=pairs("--criterion", criterion or ()),
        id_kind=id_kind,
        partial=partial,
        missing_as_zero=missing_as_zero,
        failed_as_zero=failed_as_zero,
        may_lower=allow_lower,
        overwrite=overwrite,
        extra_credit=extra_credit,
        unequal_groups=unequal_groups,
        comments=comments,
        reports=reports,
        rubric=rubric,
        destination=destination,
    )
    found = _push(
        RunDirectory(directory),
        _opening(to, url, course, assignment, clear_late, workflow),
        choices,
        author_or_me(author),
        send,
    )
    if as_json:
        print_json(document(found))
    else:
        print_push(found)
    raise typer.Exit(NEEDS_PERSON if found.needs_person else 0)


class _Opening:
    """How a server is reached; the token is read when it is needed, and kept nowhere else."""

    def __init__(self, to: Server, url: str, course: str, assignment: str, clear_late: bool, workflow: str):
        from autograder.push import canvas_api, moodle_service
        from autograder.push.addresses import base_address
        from autograder.push.tokens import token_from

        source = canvas_api if to is Server.CANVAS else moodle_service
        self._to, self._base = to, base_address(url)
        self._course, self._assignment = course, assignment
        self._clear_late, self._workflow = clear_late, workflow
        self.token: Token = token_from(source.TOKEN, source.WHERE)

    def __call__(self, scores: Sequence[StudentScore]) -> Remote:
        from autograder.push.canvas import Canvas
        from autograder.push.moodle import Moodle
        from autograder.push.sessions import Session

        session = Session(self._base, self.token)
        if self._to is Server.MOODLE:
            return Moodle(session, self._course, self._assignment, workflow=self._workflow)
        server = Canvas(session, self._course, self._assignment, clears_late=self._clear_late)
        server.require_one_late_rule([one.key for one in scores if one.deduction])
        return server


def _opening(to: Server, url: str, course: str, assignment: str, clear_late: bool, workflow: str) -> _Opening:
    try:
        import requests  # noqa: F401
    except ImportError:
        raise UsageError(
            f"pushing needs more packages: pip install 'generative-autograder[{to.value}]'"
        ) from None
    return _Opening(to, url, course, assignment, clear_late, workflow)


def _push(run: RunDirectory, opening: _Opening, choices: PushChoices, author: str, send: bool) -> Push:
    import time

    from autograder.push.delivering import Listener
    from autograder.push.tokens import kept_secret
    from autograder.pushing import push as push_run

    class Told(Listener):
        def sending(self, parcel: Parcel, at: int, n: int) -> None:
            err().print(f"Sending {at} of {n}: {parcel.student}", soft_wrap=True)

        def reading_back(self, n: int) -> None:
            err().print(f"Reading back {n} ...")

    with (
        kept_secret(opening.token),
        stoppable("What was sent is in the ledger; the same command goes on with the rest."),
    ):
        return push_run(run, opening, choices, author=author, is_sent=send, pause=time.sleep, listener=Told())
