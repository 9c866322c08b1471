"""`wget` and `curl` for notebooks: stand-ins that write known data sets into files, and refuse the rest at once.

They are programs, so that they work wherever a notebook calls them: in `!` lines, scripts, loops, `os.system`,
`subprocess`. This module and the table of data sets are laid down in a folder that comes first in `PATH`; there
it runs as a program of its own (:func:`main`), which notes what it did in a file that the kernel reads.
"""

from __future__ import annotations

import contextlib
import getopt
import inspect
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .known_data import VARIABLE, known_by_url

FOLDER = ".download-stand-ins"
PACKAGE = "download_stand_ins"
LOG = "log"
LOG_VARIABLE = "AUTOGRADER_DOWNLOAD_LOG"
MAX_LOG_BYTES = 100_000
NO_NETWORK = "notebooks run without a network while they are graded"

Options = list[tuple[str, str]]
Said = Callable[[str], Any]


# ------------------------------------------------------------------ in the kernel


def install(home: str | None = None) -> str:
    """Lays the stand-ins down and puts them first in PATH; returns their folder."""
    folder = os.path.join(home or os.environ.get("HOME") or os.getcwd(), FOLDER)  # noqa: PTH109, PTH118
    package = os.path.join(folder, PACKAGE)  # noqa: PTH118
    os.makedirs(package, exist_ok=True)  # noqa: PTH103
    _write(f"{package}/__init__.py", "")
    _write(f"{package}/known_data.py", _source(sys.modules[known_by_url.__module__]))
    _write(f"{package}/downloaders.py", _source(sys.modules[__name__]))
    log = os.path.join(folder, LOG)  # noqa: PTH118
    code = f"import sys; sys.path.insert(0, {folder!r}); from {PACKAGE}.downloaders import main; sys.exit(main())"
    for tool in ("wget", "curl"):
        command = shlex.join([sys.executable, "-I", "-S", "-B", "-c", code, tool])
        _write(f"{folder}/{tool}", f'#!/bin/sh\n{LOG_VARIABLE}={shlex.quote(log)} exec {command} "$@"\n')
        os.chmod(f"{folder}/{tool}", 0o700)  # noqa: PTH101
    os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])
    return folder


def _source(module: Any) -> str:
    """Where a module was built from a text, as in a kernel, it has it."""
    return getattr(module, "source_text", None) or inspect.getsource(module)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)


def is_stand_in(tool: str) -> bool:
    """Whether a program is one of these."""
    found = shutil.which(tool)
    return found is not None and os.path.basename(os.path.dirname(found)) == FOLDER  # noqa: PTH119, PTH120


def noted(folder: str) -> Iterator[dict[str, str]]:
    """What the programs noted since the last call: `tool`, `url`, and `file` and `name` or `missing` or nothing."""
    path = os.path.join(folder, LOG)  # noqa: PTH118
    lines: list[str] = []
    with contextlib.suppress(OSError):
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            lines = file.read(MAX_LOG_BYTES).splitlines()
        os.unlink(path)  # noqa: PTH108
    for line in lines:
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict):
                yield {str(key): str(value) for key, value in entry.items()}


# ------------------------------------------------------------------ as a program


def main() -> int:
    """The exit status of `wget ...` or `curl ...`."""
    tool, arguments = sys.argv[1], sys.argv[2:]
    run = wget if tool == "wget" else curl
    return run(arguments)


WGET_SHORT = "VhbdqvFcNSrkKmpHLxE46e:i:o:a:B:t:O:T:w:Q:U:P:l:A:R:D:I:X:n:"
WGET_LONG = [
    "output-document=",
    "directory-prefix=",
    "quiet",
    "no-clobber",
    "continue",
    "timestamping",
    "no-check-certificate",
    "show-progress",
    "no-verbose",
    "user-agent=",
    "header=",
    "tries=",
    "timeout=",
    "content-disposition",
    "progress=",
    "help",
    "version",
    "output-file=",
    "no-cache",
    "max-redirect=",
    "trust-server-names",
    "load-cookies=",
    "save-cookies=",
    "keep-session-cookies",
]

CURL_SHORT = "OLsSfiIkvgjJN#RZ046o:A:b:c:d:e:F:H:m:u:w:x:X:T:r:K:C:Y:y:z:"
CURL_LONG = [
    "output=",
    "remote-name",
    "remote-name-all",
    "location",
    "silent",
    "show-error",
    "fail",
    "url=",
    "create-dirs",
    "output-dir=",
    "header=",
    "user-agent=",
    "request=",
    "retry=",
    "max-time=",
    "connect-timeout=",
    "insecure",
    "progress-bar",
    "compressed",
    "head",
    "include",
    "help",
    "version",
    "no-progress-meter",
    "continue-at=",
    "ssl-no-revoke",
    "retry-delay=",
    "http1.1",
]


def parsed(arguments: list[str], short: str, long: list[str]) -> tuple[Options, list[str]]:
    """Options and URLs, in whatever order; an option that nobody knows is passed over."""
    left = list(arguments)
    while True:
        try:
            return getopt.gnu_getopt(left, short, long)
        except getopt.GetoptError as error:
            known = [
                at for at, word in enumerate(left) if word.startswith("-") and error.opt in word.lstrip("-")
            ]
            if not known:
                return [], [word for word in left if not word.startswith("-")]
            del left[known[0]]


def wget(arguments: list[str]) -> int:
    """`wget`: each URL into a file of its name, into `-P`'s folder, or all into `-O`."""
    options, urls = parsed(arguments, WGET_SHORT, WGET_LONG)
    given = dict(options)
    is_quiet = "-q" in given or "--quiet" in given
    target = given.get("-O", given.get("--output-document", ""))
    folder = given.get("-P", given.get("--directory-prefix", ""))
    keeps = "--no-clobber" in given or given.get("-n") == "c"
    renews = {"-c", "-N", "--continue", "--timestamping"} & set(given)
    say: Said = (lambda text: None) if is_quiet else _err
    status = 0 if urls else 1
    if not urls:
        _err("wget: missing URL")
    for number, url in enumerate(urls):
        content = fetched("wget", url)
        if isinstance(content, str):
            say(f"wget: {content}")
            status = 4
            continue
        name = target or os.path.join(folder, _file_name(url, "index.html"))  # noqa: PTH118
        if not target and os.path.exists(name) and not renews:  # noqa: PTH110
            if keeps:
                say(f"File '{name}' already there; not retrieving.")
                continue
            name = next(free for n in range(1, 10_000) if not os.path.exists(free := f"{name}.{n}"))  # noqa: PTH110
        try:
            put(content, name, "wget", url, is_more=bool(target) and number > 0, makes_folders=not target)
        except OSError as error:
            _err(f"{name}: {error.strerror}")
            status = status or 3
            continue
        say(f"'{name}' saved [{len(content)}/{len(content)}]")
    return status


def curl(arguments: list[str]) -> int:
    """`curl`: each URL to `-o`'s file, with `-O` to a file of its name, else to the output."""
    options, urls = parsed(arguments, CURL_SHORT, CURL_LONG)
    given = dict(options)
    urls += [value for name, value in options if name == "--url"]
    is_silent = bool({"-s", "--silent"} & set(given)) and not {"-S", "--show-error"} & set(given)
    targets = [(n, v) for n, v in options if n in ("-o", "--output", "-O", "--remote-name")]
    names_all = "--remote-name-all" in given
    say: Said = (lambda text: None) if is_silent else _err
    status = 0 if urls else 2
    if not urls:
        _err("curl: (2) no URL specified")
    for number, url in enumerate(urls):
        content = fetched("curl", url)
        if isinstance(content, str):
            say(f"curl: (6) {content}")
            status = 6
            continue
        option, name = targets[number] if number < len(targets) else ("-O" if names_all else "", "")
        if option in ("-O", "--remote-name"):
            name = _file_name(url, "curl_response")
        if {"-I", "--head"} & set(given):
            content = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        name = os.path.join(given.get("--output-dir", ""), name) if name else "-"  # noqa: PTH118
        try:
            put(content, name, "curl", url, makes_folders="--create-dirs" in given)
        except OSError as error:
            say(f"curl: (23) {name}: {error.strerror}")
            status = 23
    return status


def fetched(tool: str, url: str) -> bytes | str:
    """The content of a URL, or why there is none."""
    full = url if "://" in url else f"http://{url}"
    known, file = known_by_url(full)
    if known is None or file is None:
        note(tool=tool, url=url)
        return f"unable to resolve host address of {url}: {NO_NETWORK}"
    path = os.path.join(os.environ.get(VARIABLE, ""), *file.path.split("/"))  # noqa: PTH118
    try:
        with open(path, "rb") as source:  # noqa: PTH123
            return source.read()
    except OSError:
        note(tool=tool, url=url, missing=known.name)
        return f"{known.name} is not on this machine: the instructor runs `autograder data fetch`"


def put(
    content: bytes, name: str, tool: str, url: str, *, is_more: bool = False, makes_folders: bool = False
) -> None:
    """Writes the content to a file, or to the output where its name is `-`."""
    if name == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        if makes_folders and os.path.dirname(name):  # noqa: PTH120
            os.makedirs(os.path.dirname(name), exist_ok=True)  # noqa: PTH103, PTH120
        with open(name, "ab" if is_more else "wb") as target:  # noqa: PTH123
            target.write(content)
    known, file = known_by_url(url if "://" in url else f"http://{url}")
    if known is not None and file is not None:
        note(tool=tool, url=url, name=known.name, file=file.path, path=name)


def note(**facts: str) -> None:
    """Tells the kernel."""
    with contextlib.suppress(OSError, KeyError), open(os.environ[LOG_VARIABLE], "a", encoding="utf-8") as log:  # noqa: PTH123
        log.write(json.dumps(facts) + "\n")


def _file_name(url: str, default: str) -> str:
    return os.path.basename(url.partition("://")[2].partition("?")[0].partition("#")[0]) or default  # noqa: PTH119


def _err(text: str) -> None:
    sys.stderr.write(f"{text}\n")
