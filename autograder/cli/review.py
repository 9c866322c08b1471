"""The verb `review`: a local page on which people mark what waits for them."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.cli.options import AsJson, author_or_me
from autograder.cli.output import err, line, print_json, print_place
from autograder.errors import AutograderError, UsageError
from autograder.registry import find_assignment
from autograder.store import RunDirectory

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from autograder.records import Grade

LEAST_PASSWORD = 8
ANY = ("0.0.0.0", "::")


def review(
    directory: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="The run directory that `grade --run` made.", show_default=False),
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Port of the page; 0: any that is free.")
    ] = 0,
    host: Annotated[
        str,
        typer.Option(
            metavar="HOST",
            help="Address that the page listens on. Another than this machine's own needs a password, and is not encrypted.",
        ),
    ] = "127.0.0.1",
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with the password of a team on its first line: everybody gives a name and the password, in "
            "place of the secret address.",
            show_default=False,
        ),
    ] = None,
    author: Annotated[
        str | None,
        typer.Option(help="Who marks. Default: git's user.name, else the login name.", show_default=False),
    ] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Show no names of students.")] = False,
    as_json: AsJson = False,
) -> None:
    """Open a local page on which written answers are marked and automatic marks changed.

    Marks go into the run's gradebook at once, one transaction each: nothing is lost when the browser or this command
    ends. Ctrl-C ends it, takes the marks into reports and scores, and says whether they are final. Exit status 1 means
    that something is still pending.
    """
    from autograder.review.standing import standing_of

    run = RunDirectory(directory)
    run.info()
    password = _password(password_file)
    if password is None and not _is_own(host):
        raise UsageError(
            f"--host {host} opens the page to other machines; give --password-file FILE with a password of "
            f"{LEAST_PASSWORD} characters or more, or leave --host away"
        )
    app, token = _app(run, author_or_me(author), host, password, blind)
    listening = _listen(host, port)
    with listening:
        shown = host if host not in ANY else socket.gethostname()
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{listening.getsockname()[1]}/"
        address += f"#token={token}" if password is None else ""
        if as_json:
            print_json({"run": str(run.path.resolve()), "url": address, "blind": blind})
        else:
            line(f"Review page: {address}")
        if not _is_own(host):
            err().print(
                "Other machines can reach this page, and nothing between you and them is encrypted: use it in a "
                "network that you trust, or through an SSH tunnel.",
                style="yellow",
            )
        err().print("Ctrl-C ends it and writes the reports.")
        _serve(app, listening)
    try:
        grades = _take_in(run, author_or_me(author))
    except AutograderError as error:
        raise UsageError(
            f"The marks are kept, but the reports could not be written ({error}). "
            f"Write them with: autograder report {directory}"
        ) from error
    standing = standing_of(grades)
    if not as_json:
        line(str(standing), "bold")
        print_place("Class page", run.index)
    raise typer.Exit(0 if standing.is_final else 1)


def _app(
    run: RunDirectory, author: str, host: str, password: str | None, blind: bool
) -> tuple[Starlette, str]:
    """Return the server of the page, and its token."""
    import autograder.registered  # noqa: F401  # the checks that a rubric names
    from autograder.rubric.loader import load_rubric

    try:
        from autograder.review.app import create_app
        from autograder.review.desk import Desk
        from autograder.review.guard import Keys
    except ImportError as error:
        raise UsageError(
            f"the review page needs packages that are not installed ({error.name}); "
            'install them with: pip install "generative-autograder[review]"'
        ) from error
    info = run.info()
    rubric = load_rubric(find_assignment(info.assignment), info.parts)
    keys = Keys(author, password=password, salt=info.secret)
    names = {name.lower() for name in (host, socket.gethostname(), socket.getfqdn())}
    desk = Desk(run, rubric, is_blind=blind)
    return create_app(desk, keys, set() if _is_own(host) else names, is_open=not _is_own(host)), keys.token


def _is_own(host: str) -> bool:
    """Return whether a host is this machine alone."""
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--password-file {file} cannot be read ({error})") from error
    password = lines[0].strip() if lines else ""
    if len(password) < LEAST_PASSWORD:
        raise UsageError(
            f"--password-file {file}: expected a password of {LEAST_PASSWORD} characters or more on the first line"
        )
    return password


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; UsageError when the port is taken or the host is not ours."""
    listening: socket.socket | None = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)  # who opens the address at once waits for the server
    except OSError as error:
        if listening is not None:
            listening.close()
        raise UsageError(
            f"{host}:{port} cannot be listened on ({error.strerror or error}); give another --port, or 0 for any"
        ) from error
    return listening


def _serve(app: Starlette, listening: socket.socket) -> None:
    """Serve until Ctrl-C."""
    import uvicorn

    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
    with contextlib.suppress(KeyboardInterrupt):  # how it is meant to end
        uvicorn.Server(config).run(sockets=[listening])


def _take_in(run: RunDirectory, author: str) -> tuple[Grade, ...]:
    from autograder.refreshing import refresh

    with run.locked():
        return refresh(run, author=author)
