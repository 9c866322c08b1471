"""Lines that would install something: left out, with a word on what is there already."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import io
import os
import re
import shlex
import tokenize
from typing import Any

from .notices import Notices

SEPARATORS = re.compile(
    r"""('[^']*'|"(?:\\.|[^"\\])*"|\\.)|(&&|\|\||[;\n()|]|(?<![<>&])&(?![>&\d]))""", re.DOTALL
)
LEADING = re.compile(r"^\s*(?:(?:then|do|else|if|time|!|\{)\s+)*")
REDIRECTED = re.compile(r"^[0-9&]*[<>]")
BARE = re.compile(r"^\s*(pip3?|conda|mamba|apt|apt-get)\s+(-\S+\s+)*(install|uninstall)\b(?!\s*[=(.,:\[])")
NOTHING_LEFT = re.compile(r"[\s:;&|()]*")

PIP_ACTIONS = {"install", "uninstall", "download", "wheel"}
CONDAS = {"conda", "mamba", "micromamba"}
APTS = {"apt", "apt-get", "aptitude"}
TAKE_A_VALUE = {"-c", "-e", "-f", "-i", "-r", "-t", "--constraint", "--editable", "--extra-index-url"}
TAKE_A_VALUE |= {
    "--find-links",
    "--index-url",
    "--platform",
    "--requirement",
    "--root",
    "--target",
    "--timeout",
}
MAX_PACKAGES = 40


class Installs:
    """Takes the installations out of shell lines and notes each."""

    def __init__(self, shell: Any, notices: Notices) -> None:
        self.shell = shell
        self.notices = notices

    def install(self) -> None:
        """Replaces the magics that install, and lets `pip install x` stand among other lines of a cell."""
        pip = self.shell.find_line_magic("pip")

        def left_out_pip(line: str) -> None:
            if not self.noted(f"pip {line}"):
                pip(line)

        self.shell.register_magic_function(left_out_pip, "line", "pip")
        for name in (*sorted(CONDAS), "uv", *sorted(APTS)):
            self.shell.register_magic_function(functools.partial(self._left_out, name), "line", name)
        self.shell.input_transformers_cleanup.append(bare_installs_to_magics)

    def taken_out(self, script: str) -> str:
        """The shell line or script without its installations; "" when nothing is left to run."""
        parts = []
        for piece, separator in pieces(script):
            lead = LEADING.match(piece)
            command = piece[lead.end() if lead else 0 :]
            parts += [f"{piece[: len(piece) - len(command)]}: " if self.noted(command) else piece, separator]
        rest = "".join(parts)
        return "" if rest != script and NOTHING_LEFT.fullmatch(rest) else rest

    def noted(self, command: str) -> bool:
        """Whether the command installs something, after saying that it was left out."""
        words = split_words(command)
        tool, asked = installation(words)
        if tool == "pip":
            here = {name: is_available(name) for name in asked[:MAX_PACKAGES]}
            available = [name for name, found in here.items() if found]
            missing = [name for name, found in here.items() if not found]
            said = "left out: nothing is installed while a notebook is graded."
            said += f" Available: {', '.join(available)}." if available else ""
            said += f" Not available: {', '.join(missing)}." if missing else ""
            self.notices.note("pip", command, f"pip {said}", available=available, missing=missing)
        elif tool:
            self._left_out(tool, " ".join(words[1:]))
        return bool(tool)

    def _left_out(self, tool: str, line: str) -> None:
        said = f"{tool} left out: nothing is installed while a notebook is graded."
        self.notices.note("system", f"{tool} {line}", said)


def pieces(script: str) -> list[tuple[str, str]]:
    """The commands of a shell script, each with the separator behind it; what is quoted is left whole."""
    found, start = [], 0
    for match in SEPARATORS.finditer(script):
        if match[2]:
            found.append((script[start : match.start()], match[2]))
            start = match.end()
    return [*found, (script[start:], "")]


def split_words(command: str) -> list[str]:
    """The words of a shell command, as well as they can be told."""
    text = command.replace("\\\n", " ")
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def installation(words: list[str]) -> tuple[str, list[str]]:
    """Which tool installs, and the Python packages that it is asked for; ("", []) for any other command."""
    while words and (words[0] in ("sudo", "-H", "-E", "nohup", "command", "env") or _is_assignment(words[0])):
        words = words[1:]
    program = os.path.basename(words[0]) if words else ""  # noqa: PTH119
    rest = words[1:]
    if re.fullmatch(r"python[\d.]*", program) and rest[:2] == ["-m", "pip"]:
        program, rest = "pip", rest[2:]
    elif program == "uv" and rest[:1] == ["pip"]:
        program, rest = "pip", rest[1:]
    if re.fullmatch(r"pip[\d.]*", program):
        action = next((at for at, word in enumerate(rest) if not word.startswith("-")), len(rest))
        if rest[action : action + 1] and rest[action] in PIP_ACTIONS:
            return "pip", packages(rest[action + 1 :])
        return "", []
    return (program, []) if program in CONDAS | APTS else ("", [])


def _is_assignment(word: str) -> bool:
    return re.match(r"[A-Za-z_]\w*=", word) is not None


def packages(words: list[str]) -> list[str]:
    """The names of the packages among the arguments of `pip install`, also those of a requirements file."""
    names: list[str] = []
    option = ""
    for word in words:
        if REDIRECTED.match(word) or word in ("|", "&"):
            break
        if option in ("-r", "--requirement"):
            names += _required(word)
        elif not option and not word.startswith("-"):
            names.append(package_name(word))
        option = word if word in TAKE_A_VALUE else ""
    return list(dict.fromkeys(name for name in names if name))


def _required(path: str) -> list[str]:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        lines = [line.partition("#")[0].strip() for line in file.read(100_000).splitlines()]
        return [package_name(line) for line in lines if line and not line.startswith("-")]
    return []


def package_name(asked: str) -> str:
    """The name in `torch>=2`, `ray[tune]`, `git+https://host/owner/name.git@main` or `./name`."""
    if "://" in asked or asked.startswith((".", "/")):
        asked = asked.partition("#")[0].rstrip("/").rpartition("/")[2].partition("@")[0].removesuffix(".git")
    return re.split(r"[\s<>=!~;@\[]", asked.strip(), maxsplit=1)[0]


def is_available(package: str) -> bool:
    """Whether a package of this name, or a module of it, is there."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, ValueError):
        return bool(importlib.metadata.version(package))
    module = package.replace("-", "_")
    with contextlib.suppress(ImportError, ValueError):
        return module.isidentifier() and importlib.util.find_spec(module) is not None
    return False


def bare_installs_to_magics(lines: list[str]) -> list[str]:
    """The lines of a cell with every bare `pip install x` made the magic that it is meant to be.

    IPython does so itself where the line is the whole cell. Such a line is no Python, so a cell with one runs
    not at all otherwise; text within quotes is left alone, and so is a cell that is no Python (`%%bash`).
    """
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") or not any(BARE.match(line) for line in lines):
        return lines
    quoted = lines_within_texts("".join(lines))
    return [
        re.sub(r"^(\s*)", r"\1%", line, count=1) if BARE.match(line) and at not in quoted else line
        for at, line in enumerate(lines)
    ]


def lines_within_texts(source: str) -> set[int]:
    """The 0-based lines that begin inside a text of several lines."""
    inside: set[int] = set()
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.end[0] > token.start[0] and token.type not in (tokenize.NEWLINE, tokenize.NL):
                inside |= set(range(token.start[0], token.end[0]))
    return inside
