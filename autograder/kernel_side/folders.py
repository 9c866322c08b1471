"""Moves to folders that exist on Colab alone: the notebook stays where it is, and says so."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from .notices import Notices

COLAB_HOME = "/content"


class Folders:
    """Stands in for `os.chdir` and `%cd`, which do what they always do where the folder is there."""

    def __init__(self, shell: Any, notices: Notices) -> None:
        self.shell = shell
        self.notices = notices
        self.home = os.getcwd()  # noqa: PTH109
        self.chdir: Callable[[Any], None] = os.chdir

    def install(self) -> None:
        """Replaces them."""
        self.chdir = os.chdir

        @functools.wraps(os.chdir)
        def chdir(path: Any) -> None:
            self._move(path)

        os.chdir = chdir
        magic = self.shell.find_line_magic("cd")

        def cd(parameter_s: str = "") -> None:
            wanted = folder_of(parameter_s)
            if wanted and not os.path.isdir(os.path.expanduser(wanted)):  # noqa: PTH111, PTH112
                self._elsewhere(wanted)
                return
            magic(parameter_s)

        self.shell.register_magic_function(cd, "line", "cd")

    def _move(self, path: Any) -> None:
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        if isinstance(text, str) and on_colab(text) and not os.path.isdir(text):  # noqa: PTH112
            self._elsewhere(text)
            return
        self.chdir(path)

    def _elsewhere(self, wanted: str) -> None:
        """Goes to the folder that stands for one of Colab's when it was handed in, else stays."""
        inside = os.path.relpath(wanted, COLAB_HOME) if on_colab(wanted) else ""
        stand_in = os.path.join(self.home, inside)  # noqa: PTH118
        if inside and os.path.isdir(stand_in):  # noqa: PTH112
            self.chdir(stand_in)
            said = f"{wanted} does not exist here; the folder that the notebook started in stands for {COLAB_HOME}."
        else:
            said = f"There is no folder {wanted} here; the notebook stays where it is."
        self.notices.note("folder", wanted, said)


def on_colab(path: str) -> bool:
    """Whether a path lies in Colab's working folder."""
    return path == COLAB_HOME or path.startswith(f"{COLAB_HOME}/")


def folder_of(arguments: str) -> str:
    """The folder that `%cd` is asked for; "" for its other uses (`%cd`, `%cd -`, `%cd -3`, `%cd -b name`)."""
    text = arguments.strip().removeprefix("-q").strip()
    if text.startswith("-"):
        return ""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
