"""Archives that students hand in, each made by a function of a few lines: good ones, odd ones, hostile ones.

Each function returns the bytes of an archive and states what becomes of it when it is the only thing that a student
hands in: a status of `autograder.intake.problems`, or `ACCEPTED` when its notebook can be graded.
"""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import json
import lzma
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

ACCEPTED = "accepted"
NOTEBOOK = json.dumps(
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {
                "cell_type": "code",
                "metadata": {},
                "source": "answer = 42",
                "outputs": [],
                "execution_count": None,
            }
        ],
    }
).encode()
GOOD = {"part_a.ipynb": NOTEBOOK}


@dataclass(frozen=True)
class Case:
    """One archive and what is expected of it."""

    expected: str
    make: Callable[[], bytes]

    @property
    def name(self) -> str:
        return self.make.__name__


CASES: list[Case] = []


def archive(expected: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """Register a function that returns an archive."""

    def register(make: Callable[[], bytes]) -> Callable[[], bytes]:
        CASES.append(Case(expected, functools.cache(make)))
        return make

    return register


Files = dict[str, bytes]


def zipped(
    files: Files | Iterable[tuple[str | zipfile.ZipInfo, bytes]], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """Return a zip archive with `files`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of duplicate names
        for name, content in files.items() if isinstance(files, dict) else files:
            made.writestr(name, content)
    return file.getvalue()


def tarred(members: Files | Iterable[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar archive with `members`."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as made:
        for member, content in members.items() if isinstance(members, dict) else members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return file.getvalue()


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    """Return a member of a tar archive that is no regular file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def good_member() -> tuple[tarfile.TarInfo, bytes]:
    """Return the notebook as a member of a tar archive."""
    return tarfile.TarInfo("part_a.ipynb"), NOTEBOOK


def patched(data: bytes, signature: bytes, offset: int, new: bytes) -> bytes:
    """Return `data` with bytes replaced at `offset` behind each `signature`."""
    result = bytearray(data)
    at = result.find(signature)
    while at >= 0:
        result[at + offset : at + offset + len(new)] = new
        at = result.find(signature, at + 4)
    return bytes(result)


LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def flagged(data: bytes, flags: int) -> bytes:
    """Return a zip archive with the flags of all entries replaced."""
    new = struct.pack("<H", flags)
    return patched(patched(data, LOCAL, 6, new), CENTRAL, 8, new)


# ------------------------------------------------------------------- good ones


@archive(ACCEPTED)
def plain_zip() -> bytes:
    """A notebook and a helper."""
    return zipped({"part_a.ipynb": NOTEBOOK, "helper.py": b"x = 1"})


@archive(ACCEPTED)
def stored_zip() -> bytes:
    """Not compressed."""
    return zipped(GOOD, zipfile.ZIP_STORED)


@archive(ACCEPTED)
def bzip2_in_a_zip() -> bytes:
    """Compressed with bzip2."""
    return zipped(GOOD, zipfile.ZIP_BZIP2)


@archive(ACCEPTED)
def plain_tar() -> bytes:
    """Not compressed."""
    return tarred(GOOD)


@archive(ACCEPTED)
def old_tar() -> bytes:
    """The format of 1988."""
    return tarred(GOOD, tarfile.USTAR_FORMAT)


@archive(ACCEPTED)
def tar_gz() -> bytes:
    """Compressed with gzip."""
    return gzip.compress(tarred(GOOD))


@archive(ACCEPTED)
def tar_bz2() -> bytes:
    """Compressed with bzip2."""
    return bz2.compress(tarred(GOOD))


@archive(ACCEPTED)
def tar_xz() -> bytes:
    """Compressed with xz."""
    return lzma.compress(tarred(GOOD))


@archive(ACCEPTED)
def tar_gz_in_pieces() -> bytes:
    """Two compressed streams one after the other, and padding."""
    data = tarred(GOOD)
    return gzip.compress(data[:700]) + gzip.compress(data[700:]) + bytes(100)


@archive(ACCEPTED)
def tar_xz_before_other_bytes() -> bytes:
    """Something behind the end of the compressed stream."""
    return lzma.compress(tarred(GOOD)) + b"--boundary--"


@archive(ACCEPTED)
def made_on_a_mac() -> bytes:
    """With what macOS adds."""
    return zipped(
        {
            "work/part_a.ipynb": NOTEBOOK,
            "__MACOSX/work/._part_a.ipynb": b"\x00\x05\x16\x07",
            "work/.DS_Store": b"x",
            "work/.ipynb_checkpoints/part_a-checkpoint.ipynb": b"%PDF",
        }
    )


@archive(ACCEPTED)
def behind_a_program() -> bytes:
    """An archive that unpacks itself: other bytes in front."""
    return b"MZ" + bytes(3000) + zipped(GOOD)


@archive(ACCEPTED)
def before_other_bytes() -> bytes:
    """Something behind the end of the archive."""
    return zipped(GOOD) + b"\r\n--boundary--\r\n"


@archive(ACCEPTED)
def in_a_zip() -> bytes:
    """A zip in a zip: opened one level deep."""
    return zipped({"inner.zip": zipped(GOOD)})


# ------------------------------------------------------------------- odd names


@archive(ACCEPTED)
def backslashes() -> bytes:
    """Written by a tool of Windows."""
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = "work\\part_a.ipynb"
    return zipped([(info, NOTEBOOK)])


@archive(ACCEPTED)
def reserved_names() -> bytes:
    """Names that Windows does not have, trailing dots and blanks, control characters."""
    return zipped(
        {
            "AUX.ipynb": NOTEBOOK,
            "con/nul.txt": b"",
            "dots. . /a\x07\u202eb.txt": b"",
            "ab:c?.txt": b"",
            "...": b"",
        }
    )


@archive(ACCEPTED)
def names_that_differ_in_case() -> bytes:
    """Two notebooks whose names are one on Windows and macOS."""
    return zipped({"part_a.ipynb": NOTEBOOK, "PART_A.ipynb": b"%PDF"})


@archive(ACCEPTED)
def duplicate_names() -> bytes:
    """A name twice: the last one counts, as everywhere."""
    return zipped([("part_a.ipynb", b"%PDF"), ("part_a.ipynb", NOTEBOOK)])


@archive(ACCEPTED)
def utf8_that_does_not_say_so() -> bytes:
    """A name in UTF-8 without its flag, as macOS writes it."""
    return flagged(zipped({"lösung.ipynb": NOTEBOOK}), 0)


@archive(ACCEPTED)
def name_in_cp437() -> bytes:
    """A name in the encoding of DOS."""
    return flagged(zipped({"l?sung.ipynb": NOTEBOOK}).replace(b"l?sung", b"l\x94sung"), 0)


@archive("bad_file_name")
def name_that_is_no_utf8() -> bytes:
    """A name that says that it is UTF-8 and is not."""
    return flagged(zipped({"l?sung.ipynb": NOTEBOOK}).replace(b"l?sung", b"l\xffsung"), 0x800)


@archive("bad_file_name")
def name_with_a_nul() -> bytes:
    """A name that ends early for some programs."""
    return zipped({"part_a.ipynb?.exe": NOTEBOOK}).replace(b"ipynb?", b"ipynb\x00")


@archive(ACCEPTED)
def very_long_names() -> bytes:
    """A name of 20,000 characters."""
    return zipped({"ö" * 20_000 + ".ipynb": NOTEBOOK})


@archive(ACCEPTED)
def latin1_in_a_tar() -> bytes:
    """A name in Latin-1."""
    data = tarred({"l?sung.ipynb": NOTEBOOK}, tarfile.USTAR_FORMAT)
    header = bytearray(data[:512].replace(b"l?sung", b"l\xf6sung"))
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\x00 " % sum(header)
    return bytes(header) + data[512:]


@archive("archive_too_deep")
def many_folders_deep() -> bytes:
    """A notebook 100 folders deep."""
    return zipped({"d/" * 100 + "part_a.ipynb": NOTEBOOK})


# --------------------------------------------------------------------- escapes


@archive("archive_path_escape")
def dots_in_a_zip() -> bytes:
    """Out of the folder."""
    return zipped({"part_a.ipynb": NOTEBOOK, "../../escaped.txt": b"x"})


@archive("archive_path_escape")
def dots_with_backslashes() -> bytes:
    """Out of the folder, on Windows."""
    return zipped({"part_a.ipynb": NOTEBOOK, "a\\..\\..\\escaped.txt": b"x"})


@archive("archive_path_escape")
def dots_in_a_tar() -> bytes:
    """Out of the folder, from a tar."""
    return tarred({"part_a.ipynb": NOTEBOOK, "a/../../escaped.txt": b"x"})


@archive("archive_path_escape")
def absolute_in_a_zip() -> bytes:
    """A path from the root."""
    return zipped({"part_a.ipynb": NOTEBOOK, "/tmp/escaped.txt": b"x"})


@archive("archive_path_escape")
def absolute_in_a_tar() -> bytes:
    """A path from the root, from a tar."""
    return gzip.compress(tarred([good_member(), (tarfile.TarInfo("/tmp/escaped.txt"), b"x")]))


@archive("archive_path_escape")
def drive_letter() -> bytes:
    """A path on a drive."""
    return zipped({"part_a.ipynb": NOTEBOOK, "C:escaped.txt": b"x"})


@archive("archive_path_escape")
def network_path() -> bytes:
    """A path on another machine."""
    return zipped({"part_a.ipynb": NOTEBOOK, "\\\\server\\share\\escaped.txt": b"x"})


# ----------------------------------------------------------- links and devices


@archive("archive_link")
def link_in_a_zip() -> bytes:
    """A symbolic link in place of the notebook."""
    info = zipfile.ZipInfo("part_a.ipynb")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return zipped([(info, b"/etc/passwd")])


@archive("archive_link")
def link_in_a_tar() -> bytes:
    """A symbolic link in place of the notebook."""
    return tarred([(special("part_a.ipynb", tarfile.SYMTYPE, "/etc/passwd"), b"")])


@archive("archive_link")
def hard_link_in_a_tar() -> bytes:
    """A hard link in place of the notebook."""
    return tarred([(special("part_a.ipynb", tarfile.LNKTYPE, "../../../secret"), b"")])


@archive(ACCEPTED)
def file_through_a_link() -> bytes:
    """A link to the outside, and a file that would be written through it."""
    escaped = tarfile.TarInfo("out/escaped.txt")
    return tarred([good_member(), (special("out", tarfile.SYMTYPE, "../.."), b""), (escaped, b"x")])


@archive("archive_special")
def device_in_a_tar() -> bytes:
    """A device in place of the notebook."""
    return tarred([(special("part_a.ipynb", tarfile.CHRTYPE), b"")])


@archive(ACCEPTED)
def pipe_in_a_tar() -> bytes:
    """A pipe beside the notebook."""
    return tarred([(special("pipe", tarfile.FIFOTYPE), b""), good_member()])


# --------------------------------------------------------------------- damaged


@archive("archive_damaged")
def truncated_zip() -> bytes:
    """The first half of a zip archive."""
    data = zipped(GOOD)
    return data[: len(data) // 2]


@archive("archive_damaged")
def wrong_checksum() -> bytes:
    """A bit that changed."""
    return zipped(GOOD, zipfile.ZIP_STORED).replace(b"answer = 42", b"answer = 43", 1)


@archive("archive_damaged")
def broken_deflate() -> bytes:
    """Compressed data that is none."""
    data = bytearray(zipped(GOOD))
    start = 30 + len("part_a.ipynb")
    data[start : start + 20] = b"\xff" * 20
    return bytes(data)


@archive("archive_damaged")
def two_names_for_one_entry() -> bytes:
    """The entry is called otherwise than its directory says."""
    return zipped(GOOD).replace(b"part_a.ipynb", b"PART_A.ipynb", 1)


@archive("archive_damaged")
def wrong_number_of_entries() -> bytes:
    """The end of the archive lies."""
    return patched(zipped(GOOD), END, 8, struct.pack("<HH", 7, 7))


@archive("archive_damaged")
def first_of_several_volumes() -> bytes:
    """An archive in several files."""
    return patched(zipped(GOOD), END, 4, struct.pack("<HH", 2, 0))


@archive("archive_damaged")
def smaller_than_it_says() -> bytes:
    """An entry that announces more than there is."""
    return patched(zipped(GOOD), CENTRAL, 24, struct.pack("<L", 5000))


@archive("archive_damaged")
def larger_than_it_says() -> bytes:
    """An entry that announces 10 bytes: not more is read."""
    return patched(zipped(GOOD), CENTRAL, 24, struct.pack("<L", 10))


@archive("archive_damaged")
def entry_behind_the_end() -> bytes:
    """An entry whose data would reach over the directory."""
    return patched(zipped(GOOD), CENTRAL, 20, struct.pack("<L", 2**31))


@archive("archive_damaged")
def zip64_lies() -> bytes:
    """A 64-bit end that is not where it is said to be."""
    data = zipped(GOOD)
    end = data.index(END)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 2**60, 1)
    return data[:end] + bytes(56) + locator + data[end:]


@archive("archive_damaged")
def truncated_tar() -> bytes:
    """The first part of a tar archive."""
    return tarred({"part_a.ipynb": NOTEBOOK * 9})[:1500]


@archive("archive_damaged")
def truncated_tar_gz() -> bytes:
    """Without its checksum, and some more."""
    return gzip.compress(tarred({"part_a.ipynb": NOTEBOOK, "b.txt": bytes(range(256)) * 99}))[:-30]


@archive("archive_damaged")
def truncated_tar_xz() -> bytes:
    """The first half."""
    data = lzma.compress(tarred(GOOD))
    return data[: len(data) // 2]


@archive("archive_damaged")
def wrong_checksum_of_gzip() -> bytes:
    """The sum at the end is another one."""
    data = gzip.compress(tarred(GOOD))
    return data[:-8] + struct.pack("<L", zlib.crc32(b"another")) + data[-4:]


@archive("archive_damaged")
def thousands_of_empty_streams() -> bytes:
    """A compressed file that begins again and again."""
    return gzip.compress(b"") * 5000 + gzip.compress(tarred(GOOD))


@archive("archive_damaged")
def xz_that_wants_all_memory() -> bytes:
    """An xz header that asks for a dictionary of 1.5 GiB."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}]
    data = bytearray(lzma.compress(tarred(GOOD), filters=filters))
    data[16] = 37  # the size of the dictionary, with the checksum of the block's header
    data[20:24] = struct.pack("<L", zlib.crc32(bytes(data[12:20])))
    return bytes(data)


@archive("archive_damaged")
def damaged_header_of_a_tar() -> bytes:
    """The second header is none: what comes after it would be lost without a word."""
    first = tarred(GOOD)
    second = bytearray(tarred({"b.ipynb": NOTEBOOK}))
    second[:10] = b"garbagexxx"
    return first[: 512 * (1 + -(-len(NOTEBOOK) // 512))] + bytes(second)


@archive("archive_damaged")
def negative_size() -> bytes:
    """An entry with a size below zero."""
    info = tarfile.TarInfo("part_a.ipynb")
    info.pax_headers = {"size": "-5"}
    return tarred([(info, NOTEBOOK)])


@archive("archive_damaged")
def endless_header() -> bytes:
    """A header that says that it is 8 GB long."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 8 * 2**30
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(4096)


@archive("archive_damaged")
def headers_of_headers() -> bytes:
    """5,000 headers, each of which describes the next."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2
    return (info.tobuf(tarfile.GNU_FORMAT) + b"x\x00".ljust(512, b"\x00")) * 5000 + tarred(GOOD)


# --------------------------------------------------------- not opened, on purpose


@archive("archive_encrypted")
def password() -> bytes:
    """Protected with a password."""
    return flagged(zipped(GOOD), 1)


@archive("archive_compression")
def deflate64() -> bytes:
    """Compressed as Windows does with large files."""
    new = struct.pack("<H", 9)
    return patched(patched(zipped(GOOD), LOCAL, 8, new), CENTRAL, 10, new)


@archive("archive_compression")
def lzma_in_a_zip() -> bytes:
    """Compressed with LZMA, whose header says how much memory reading takes."""
    return zipped(GOOD, zipfile.ZIP_LZMA)


@archive("archive_kind")
def seven_zip() -> bytes:
    """A 7z archive."""
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(200)


@archive("archive_kind")
def rar() -> bytes:
    """A RAR archive."""
    return b"Rar!\x1a\x07\x01\x00" + bytes(200)


@archive("archive_kind")
def zstandard() -> bytes:
    """A Zstandard archive."""
    return b"\x28\xb5\x2f\xfd" + bytes(200)


@archive("archive_kind")
def compressed_notebook() -> bytes:
    """A compressed file that is no tar archive."""
    return gzip.compress(NOTEBOOK * 9)


@archive("office_document")
def spreadsheet() -> bytes:
    """An Excel file."""
    return zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"})


@archive("no_notebook")
def empty_zip() -> bytes:
    """Nothing in it."""
    return zipped({})


@archive("no_notebook")
def empty_tar() -> bytes:
    """Nothing in it, compressed."""
    return gzip.compress(tarred({}))


@archive("no_notebook")
def only_a_script() -> bytes:
    """No notebook in it."""
    return zipped({"main.py": b"x = 1", "data.csv": b"1,2"})


@archive("archive_nested")
def three_in_each_other() -> bytes:
    """An archive in an archive in an archive."""
    return zipped({"b.zip": zipped({"c.zip": zipped(GOOD)})})


@archive("archive_too_many")
def fifty_in_one() -> bytes:
    """Fifty archives, the last of which holds the notebook."""
    files = {f"{number:02d}.zip": zipped({"x.txt": b"%d" % number}) for number in range(50)}
    return zipped(files | {"zz.zip": zipped(GOOD)})


# ----------------------------------------------------------------------- bombs


@archive("archive_bomb")
def flat_bomb() -> bytes:
    """One entry that grows by a factor of 1,000."""
    return zipped({"part_a.ipynb": bytes(40 * 2**20)})


@archive("archive_bomb")
def tar_bomb() -> bytes:
    """A tar archive that grows by a factor of 1,000."""
    return gzip.compress(tarred({"part_a.ipynb": NOTEBOOK, "zeros.bin": bytes(40 * 2**20)}))


@archive("archive_bomb")
def xz_bomb() -> bytes:
    """A tar archive that grows by a factor of 6,000."""
    return lzma.compress(tarred({"part_a.ipynb": NOTEBOOK, "zeros.bin": bytes(40 * 2**20)}))


@archive("archive_bomb")
def overlapping_entries() -> bytes:
    """Many entries of the directory that share the bytes of one: the bomb without nesting."""
    data = zipped({"part_a.ipynb": NOTEBOOK})
    start, end = data.index(CENTRAL), data.index(END)
    directory = data[start:end] * 100
    return data[:start] + directory + struct.pack("<4s4H2LH", END, 0, 0, 100, 100, len(directory), start, 0)


@archive("archive_too_large")
def too_many_entries() -> bytes:
    """20,000 files without content."""
    return zipped({f"f{number}": b"" for number in range(20_000)}, zipfile.ZIP_STORED)


@archive("archive_too_large")
def too_many_members() -> bytes:
    """20,000 files without content in a tar archive."""
    return tarred({f"f{number}": b"" for number in range(20_000)})


@archive("archive_too_large")
def more_entries_than_said() -> bytes:
    """20,000 files of which the end admits none: its directory is too large."""
    data = zipped({f"f{number:0300d}": b"" for number in range(20_000)}, zipfile.ZIP_STORED)
    return data[:-14] + struct.pack("<HH", 1, 1) + data[-10:]


@archive("archive_bomb")
def many_small_bombs() -> bytes:
    """Entries that are each small enough to be read, but the first is not."""
    return zipped({"big.ipynb": bytes(30 * 2**20), "b/part_a.txt": NOTEBOOK})
