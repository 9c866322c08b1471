"""Names of an archive's entries as paths below a folder of ours, safe on every system.

The rule: a NUL refuses the archive, and so does an absolute path, a drive or `..`. `/` and `\\` both separate.
In each part of a path, Unicode is composed (NFC), characters that are control characters, invisible or forbidden
on Windows become `_`, trailing dots and blanks go, a name that Windows reserves gets a `_` in front, and a long
name is cut before its ending. Two entries that would then fall on one path, the case of letters not counted, stay
apart: the later one gets `~2` before its ending.
"""

from __future__ import annotations

import re
import unicodedata

from autograder.intake.problems import UnreadableArchive

MAX_DEPTH = 16
MAX_NAME_BYTES = 160
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_DRIVE = re.compile(r"[A-Za-z]:")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|\Z)", re.IGNORECASE)

Path = tuple[str, ...]


class EntryNames:
    """The paths that the entries of one archive get; equal names get equal paths, others never do."""

    def __init__(self, archive: str):
        self._archive = archive
        self._given: dict[tuple[Path, str, bool], str] = {}
        self._taken: dict[tuple[Path, str], int] = {}

    def path(self, name: str, is_folder: bool) -> Path:
        """Return the path of an entry, or `()` for the archive's own folder.

        Raises
        ------
        UnreadableArchive
            When the name leads out of the folder (`archive_path_escape`) or holds a NUL (`bad_file_name`).
        """
        parts = split(name, self._archive)
        if len(parts) > MAX_DEPTH:  # nothing will be written there
            return tuple(safe_part(part) for part in parts[: MAX_DEPTH + 1])
        path: Path = ()
        for index, part in enumerate(parts):
            path = (*path, self._place(path, part, is_folder or index + 1 < len(parts)))
        return path

    def _place(self, parent: Path, part: str, is_folder: bool) -> str:
        key = (parent, part, is_folder)
        if key not in self._given:
            self._given[key] = self._free(parent, safe_part(part))
        return self._given[key]

    def _free(self, parent: Path, wanted: str) -> str:
        stem, dot, ending = wanted.rpartition(".")
        chosen, number = wanted, self._taken.get((parent, _folded(wanted)), 1)
        while (parent, _folded(chosen)) in self._taken:
            number += 1
            chosen = f"{stem}~{number}{dot}{ending}" if stem else f"{wanted}~{number}"
        self._taken[parent, _folded(wanted)] = number
        self._taken.setdefault((parent, _folded(chosen)), 1)
        return chosen


def split(name: str, archive: str) -> list[str]:
    """Return the parts of an entry's name as they are; see :meth:`EntryNames.path` for what is refused."""
    if "\x00" in name:
        raise _refused(archive, "bad_file_name", name, "holds a NUL")
    parts = name.replace("\\", "/").split("/")
    if _DRIVE.match(name) or (parts[0] == "" and len(parts) > 1):
        raise _refused(archive, "archive_path_escape", name, "is an absolute path")
    if ".." in (part.strip() for part in parts):
        raise _refused(archive, "archive_path_escape", name, "leads out of the archive's folder")
    return [part for part in parts if part not in ("", ".")]


def safe_part(part: str) -> str:
    """Return one part of a path as a name that every file system takes.

    >>> safe_part("AUX.txt"), safe_part("a:b. "), safe_part("...")
    ('_AUX.txt', 'a_b', '_')
    """
    text = unicodedata.normalize("NFC", part if len(part) <= 1000 else part[:900] + part[-100:])
    text = "".join("_" if unicodedata.category(one) in ("Cc", "Cf", "Cs") else one for one in text)
    text = _FORBIDDEN.sub("_", text).rstrip(". ") or "_"
    if _RESERVED.match(text):
        text = f"_{text}"
    if len(text.encode()) > MAX_NAME_BYTES:
        stem, dot, ending = text.rpartition(".")
        keeps_ending = bool(stem) and len(ending.encode()) <= 16
        tail = dot + ending if keeps_ending else ""
        text = _cut(stem if keeps_ending else text, MAX_NAME_BYTES - len(tail.encode())) + tail
    return text


def _cut(text: str, n_bytes: int) -> str:
    return text.encode()[:n_bytes].decode("utf-8", "ignore").rstrip(". ")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _refused(archive: str, status: str, name: str, why: str) -> UnreadableArchive:
    return UnreadableArchive(
        status,
        f"{archive} holds an entry whose name {why}, and is not unpacked; hand in the .ipynb file itself",
        f"{archive}: the name of the entry {name[:200]!r} {why}; nothing was unpacked",
    )
