"""The known data sets as a kernel has them: where their files are, and which of them the notebook really used."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from .known_data import KNOWN_SETS, STAND_INS, VARIABLE, KnownFile, KnownSet, known_by_url
from .notices import Notices

MAX_USES = 100
"""Of one cell."""
MAX_TEXT = 400


def missing_sentence(name: str) -> str:
    """What is said where a data set is asked for that the grader does not have."""
    return f"{name} is not on this machine: the instructor runs `autograder data fetch`"


class DataSets:
    """The folder of the data sets that the kernel is shown ("": none), and a record of what was taken from it."""

    def __init__(
        self, notices: Notices, folder: str | None = None, sets: tuple[KnownSet, ...] = KNOWN_SETS
    ) -> None:
        self.notices = notices
        self.folder = os.environ.get(VARIABLE, "") if folder is None else folder
        self.sets = sets
        self.uses: list[dict[str, Any]] = []
        self._is_ours = False
        """Whether a file is opened here, not by the notebook."""
        self._by_name = {file.name: file for known in sets for file in known.files}

    def by_url(self, url: str) -> tuple[KnownSet, KnownFile] | tuple[None, None]:
        """The data set and the file that a URL stands for, or twice None."""
        return known_by_url(url, self.sets)

    def local(self, file: KnownFile) -> str:
        """Where a file is, or "" when it is not there."""
        path = os.path.join(self.folder, *file.path.split("/"))  # noqa: PTH118
        return path if self.folder and self._is(path, file) else ""

    def content(self, url: str, how: str) -> tuple[KnownFile, bytes] | None:
        """The file and the bytes that a URL stands for, noted as used; None when it has to be refused."""
        with contextlib.suppress(Exception):
            known, file = self.by_url(url)
            if known is not None and file is not None and (path := self.local(file)):
                self._is_ours = True
                try:
                    with open(path, "rb") as source:  # noqa: PTH123
                        content = source.read()
                finally:
                    self._is_ours = False
                self.used(how, name=known.name, file=file.path, url=url)
                return file, content
        return None

    def used(self, how: str, **facts: Any) -> None:
        """Records a use, once in a cell; texts are shortened."""
        entry = {"how": how}
        entry |= {key: _short(value) if isinstance(value, str) else value for key, value in facts.items()}
        if entry not in self.uses and len(self.uses) < MAX_USES:
            self.uses.append(entry)

    def lacks(self, name: str) -> None:
        """Records that a data set was asked for that is not here: a fault of the grader's, not of the notebook's."""
        self.notices.record("data", name)

    def opened(self, path: Any) -> None:
        """Records that one of the known files was opened, wherever it lies; anything else is passed over."""
        if isinstance(path, str) and not self._is_ours:
            file = self._by_name.get(path.rpartition(os.sep)[2])
            if file is not None and self._is(path, file):
                self.used("open", file=file.path, path=path)

    def take(self) -> list[dict[str, Any]]:
        """What was used since the last call."""
        taken, self.uses = self.uses, []
        return taken

    def _is(self, path: str, file: KnownFile) -> bool:
        """Whether a path is this file, told by its size; in a folder of stand-ins whatever lies at its place."""
        own = os.path.join(self.folder, *file.path.split("/"))  # noqa: PTH118
        with contextlib.suppress(OSError, ValueError):
            is_stand_in = path == own and os.path.isfile(f"{self.folder}/{STAND_INS}")  # noqa: PTH113
            size = os.path.getsize(own) if file.is_own else file.size  # noqa: PTH202
            return os.path.isfile(path) and (is_stand_in or os.path.getsize(path) == size)  # noqa: PTH113, PTH202
        return False


def _short(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
