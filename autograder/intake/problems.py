"""Why a hand-in cannot be graded: a stable name, a sentence for the student, a sentence for the instructor."""

from __future__ import annotations

from typing import NamedTuple

STATUSES = {
    "empty_file": "nothing is in the file (0 bytes, blanks or NULs)",
    "pdf": "a PDF",
    "picture": "a PNG, JPEG or GIF",
    "web_page": "an HTML or XML page, often the LMS's log-in page saved under the notebook's name",
    "office_document": "a Word, Excel, PowerPoint or OpenDocument file",
    "git_lfs_pointer": "the pointer that Git LFS leaves in place of the file",
    "merge_conflict": "a notebook with Git's conflict markers",
    "not_utf8": "text in UTF-16, Latin-1 or another encoding than UTF-8",
    "truncated_json": "a notebook whose end is missing",
    "not_json": "neither a notebook nor anything that is recognised",
    "too_many_values": "JSON with more than 2,000,000 lists and objects, which would fill the memory",
    "number_too_long": "JSON with a number of more than 1,000 digits",
    "nested_too_deeply": "JSON nested deeper than any notebook is",
    "no_cells": "JSON without a list of cells",
    "bad_cell": "something in the list of cells is no cell",
    "too_many_cells": "more than 10,000 cells",
    "old_format": "a notebook of format 1 to 3 that cannot be converted",
    "other_language": "a notebook in R, Julia or another language than Python",
    "too_large": "a notebook over 64 MiB, or an archive over its limit",
    "unreadable": "the file system does not let us read the file",
    "link": "a symbolic link, which is never followed",
    "not_a_file": "a pipe, socket or device",
    "bad_file_name": "a file name that is not valid text, or holds a NUL",
    "not_a_notebook": "a file of another kind in place of a notebook",
    "no_notebook": "a folder or an archive without any notebook",
    "no_part": "notebooks, but none that belongs to a part of the assignment",
    "archive_kind": "an archive that is not opened here (RAR, 7z, Zstandard, a compressed file that is no tar)",
    "archive_damaged": "an archive or an entry that is cut off, fails its checksum or contradicts itself",
    "archive_encrypted": "an entry is protected with a password",
    "archive_compression": "an entry is compressed by a method that is not read here (Deflate64, LZMA, ...)",
    "archive_bomb": "entries that overlap, or that grow out of all proportion when unpacked",
    "archive_too_large": "more data or more entries than a hand-in has",
    "archive_path_escape": "an entry with an absolute path, a drive or `..`",
    "archive_link": "an entry is a link",
    "archive_special": "an entry is a device, a pipe or a sparse file",
    "archive_too_deep": "an entry lies more than 16 folders deep",
    "archive_duplicate": "an entry is replaced by a later one of the same name",
    "archive_nested": "an archive in an archive in an archive",
    "archive_too_many": "more than eight archives in one hand-in",
}
"""Every name, with what was found. Names are an interface: one may be added, none is changed or removed."""


class Problem(NamedTuple):
    """Why something cannot be graded."""

    name: str
    """One of :data:`STATUSES`."""
    sentence: str
    """For the student: what is wrong, and what to do next."""
    detail: str
    """For the instructor: what exactly was found."""


class RefusedFile(ValueError):
    """A file that cannot be used; the message is the sentence for the student.

    Attributes
    ----------
    problem : Problem
        The same with its name and the sentence for the instructor.
    """

    def __init__(self, name: str, sentence: str, detail: str = ""):
        if name not in STATUSES:
            raise KeyError(name)
        super().__init__(sentence)
        self.problem = Problem(name, sentence, detail or sentence)


class UnreadableNotebook(RefusedFile):
    """A file that is no notebook."""


class UnreadableArchive(RefusedFile):
    """An archive that is not unpacked."""
