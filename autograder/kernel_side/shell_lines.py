"""Shell lines of a notebook: run as they are, but without a terminal, without input and with a deadline."""

from __future__ import annotations

import codecs
import contextlib
import importlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from .downloaders import is_stand_in
from .installs import Installs, split_words
from .notices import Notices

SHELL_SECONDS = 60.0
"""How long one shell line may take; the limits of the cell and of the notebook hold beside it."""
POLL_SECONDS = 0.1
MAX_TEXT = 8 * 2**20
"""How much of a captured output is kept."""
NOT_FOUND = 127
DOWNLOADERS = {"wget", "curl", "git", "gdown", "kaggle", "aria2c", "huggingface-cli", "hf"}


class ShellLines:
    """Stands in for the functions of IPython that `!`, `%sx`, `!!` and `%%bash` lead to."""

    def __init__(self, shell: Any, notices: Notices, seconds: float = SHELL_SECONDS) -> None:
        self.shell = shell
        self.notices = notices
        self.seconds = seconds
        self.installs = Installs(shell, notices)

    def install(self) -> None:
        """Replaces them; the installations among them are left out."""
        self.installs.install()
        self.shell.system = self.shell.system_piped = self.shell.system_raw = self.system
        self.shell.getoutput = self.getoutput
        for name in ("bash", "sh"):
            self._replace_cell_magic(name)

    def system(self, cmd: str) -> None:
        """What `!cmd` calls: the output appears as it comes; the exit status goes to `_exit_code`."""
        line = self.shell.var_expand(cmd, depth=1)
        self.shell.user_ns["_exit_code"] = self._run(line, line, _say)

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """What `x = !cmd` and `%sx cmd` call: the output as IPython's list of lines, or as its text."""
        texts: Any = importlib.import_module("IPython.utils.text")
        line = self.shell.var_expand(cmd, depth=depth + 1)
        heard = Heard()
        self.shell.user_ns["_exit_code"] = self._run(line, line, heard.add)
        return texts.SList(heard.text().splitlines()) if split else texts.LSString(heard.text())

    def _replace_cell_magic(self, name: str) -> None:
        def script(line: str, cell: str) -> None:
            options = split_words(line)
            if set(options) - {"--no-raise-error"}:
                # What %%bash is: looked up only now, as it takes IPython 30 ms to make it.
                self.shell.find_cell_magic("script")(f"{name} {line}", cell)
                return
            status = self._run(cell, f"%%{name}", _say, name)
            if status and status != -signal.SIGKILL and not options:
                raise subprocess.CalledProcessError(status, cell)

        self.shell.register_magic_function(script, "cell", name)

    def _run(self, script: str, title: str, say: Callable[[str], None], program: str = "bash") -> int:
        """The exit status of a script: -9 when it was ended at the deadline, 0 when nothing was left to run."""
        rest = self.installs.taken_out(script)
        if not rest.strip():
            return 0
        try:
            status = run_script([shutil.which(program) or "/bin/sh", "-c", rest], self.seconds, say)
        except OSError as error:  # no shell, or no further process allowed
            say(f"{error}\n")
            return NOT_FOUND
        if status is None:
            said = f"This shell line was ended after {self.seconds:g} s, with all that it had started."
            self.notices.note("deadline", title, said, seconds=self.seconds)
            return -signal.SIGKILL
        if status:
            self._note_download(rest, status)
        return status

    def _note_download(self, line: str, status: int) -> None:
        """Records a download that failed: what comes later may miss its file. Its own words say enough."""
        words = split_words(line)
        if words and is_stand_in(words[0]):  # it notes what it did itself
            return
        if words and words[0] in DOWNLOADERS and (words[0] != "git" or "clone" in words):
            said = f"{words[0]} failed (exit status {status}); there may be no network while a notebook is graded."
            self.notices.note("download", line, said, status=status)


class Heard:
    """Collects an output up to `MAX_TEXT` characters."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.room = MAX_TEXT

    def add(self, text: str) -> None:
        """Keeps what there is room for."""
        self.parts.append(text[: self.room])
        self.room -= len(self.parts[-1])

    def text(self) -> str:
        """All that was kept."""
        return "".join(self.parts)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def run_script(command: list[str], seconds: float, say: Callable[[str], None]) -> int | None:
    """The exit status of a command, or None when it and its process group were killed at the deadline.

    Pipes, because a fence may have no terminals to lend. A program that was left in the background does not
    hold up the cell: it goes on until the deadline of nothing but the kernel.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_environment(),
        start_new_session=True,
    )
    ended = False
    try:
        ended = _listen(process, time.monotonic() + seconds, say)
    finally:
        if not ended:  # also when the cell was interrupted
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
        if process.stdout is not None:
            process.stdout.close()
        process.wait()
    return process.returncode if ended else None


def _listen(process: subprocess.Popen[bytes], deadline: float, say: Callable[[str], None]) -> bool:
    """Passes the output on until the command ends; False when it has not at the deadline."""
    assert process.stdout is not None
    source, decoder = process.stdout.fileno(), codecs.getincrementaldecoder("utf-8")("replace")
    is_open = True
    with selectors.DefaultSelector() as waiting:
        waiting.register(source, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if is_open and waiting.select(min(POLL_SECONDS, max(deadline - time.monotonic(), 0.0))):
                chunk = os.read(source, 65536)
                say(decoder.decode(chunk, not chunk))
                is_open = bool(chunk)
            elif process.poll() is not None:
                return True
            elif not is_open:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_SECONDS)
    return False


def _environment() -> dict[str, str]:
    """The kernel's, so that `python` is the kernel's own, says things at once, and finds files beside a script."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    path = os.pathsep.join([os.path.dirname(sys.executable), kept.get("PATH", os.defpath)])  # noqa: PTH120
    return kept | {"PATH": path, "PYTHONUNBUFFERED": "1"}
