"""Entries of a zip archive, whose own claims are checked before anything is read."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from autograder.intake.entries import CHUNK, RATIO_FLOOR, ArchiveLimits, Entry, bomb, damaged, too_many
from autograder.intake.problems import UnreadableArchive

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""Not LZMA: its header chooses how much memory reading takes, and hardly anybody uses it in a zip."""
READ_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)
_METHOD_NAMES = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd", 99: "AES"}
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_LOCAL = struct.Struct("<4s5H3L2H")
_DIRECTORY_BYTES = 46 + 600
"""Of one entry in the central directory, generously."""


def zip_entries(file: BinaryIO, archive: str, limits: ArchiveLimits) -> Iterator[Entry]:
    """Yield the entries of a zip archive, in their order in its directory.

    Raises
    ------
    UnreadableArchive
        When the archive contradicts itself (`archive_damaged`), its entries overlap (`archive_bomb`), there are too
        many (`archive_too_large`), or it is an Office document (`office_document`).
    """
    n_said = _n_entries(file, archive, limits)
    try:
        opened = zipfile.ZipFile(file)
    except UnicodeDecodeError as error:
        raise UnreadableArchive(
            "bad_file_name",
            f"{archive} holds a file name that cannot be read; hand in the .ipynb file itself",
            f"{archive}: a name says that it is UTF-8 and is not ({error.object[:80]!r})",
        ) from error
    except (*READ_ERRORS, struct.error) as error:
        raise damaged(archive, str(error)) from error
    with opened:
        infos = opened.infolist()
        if len(infos) != n_said:
            raise damaged(archive, f"its end says {n_said:,} entries, its directory holds {len(infos):,}")
        _refuse_office(infos, archive)
        try:
            _refuse_overlaps(file, opened, archive)
        except (OSError, OverflowError) as error:
            raise damaged(archive, str(error)) from error
        for info in infos:
            yield _entry(opened, info, limits)


def _n_entries(file: BinaryIO, archive: str, limits: ArchiveLimits) -> int:
    """Return how many entries the archive's end claims; refused before a large directory is read."""
    size = file.seek(0, 2)
    start = max(0, size - _END.size - 0xFFFF)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise damaged(archive, f"the end of its {size:,} bytes is no end of a zip archive: it was cut off")
    _, disk, first_disk, _, n_entries, directory, _, _ = _END.unpack_from(tail, at)
    if (disk or first_disk) and disk != 0xFFFF:
        raise damaged(archive, f"it is volume {disk + 1} of an archive in several files")
    if n_entries == 0xFFFF or directory == 0xFFFFFFFF or _has_locator(tail, at):
        n_entries, directory = _end_64(file, start + at, archive, n_entries, directory)
    if n_entries > limits.n_entries:
        raise too_many(archive, limits, f"{n_entries:,} entries")
    if directory > limits.n_entries * _DIRECTORY_BYTES:
        raise too_many(archive, limits, f"a directory of {directory:,} bytes")
    return int(n_entries)


def _has_locator(tail: bytes, at: int) -> bool:
    return at >= _LOCATOR_64.size and tail[at - _LOCATOR_64.size :].startswith(b"PK\x06\x07")


def _end_64(file: BinaryIO, end: int, archive: str, n_entries: int, directory: int) -> tuple[int, int]:
    """Return entries and size of the directory from the zip64 end, which stands before its locator."""
    at = end - _LOCATOR_64.size - _END_64.size
    if at < 0:
        return n_entries, directory
    file.seek(at)
    block = file.read(_END_64.size + _LOCATOR_64.size)
    if block[_END_64.size :][:4] != b"PK\x06\x07":
        return n_entries, directory  # no zip64: the numbers mean themselves
    fields = _END_64.unpack_from(block)
    if fields[0] != b"PK\x06\x06":
        raise damaged(archive, "its zip64 end is not where its locator stands")
    return int(fields[7]), int(fields[8])


def _refuse_office(infos: list[zipfile.ZipInfo], archive: str) -> None:
    names = {info.filename for info in infos}
    is_open = bool(infos) and infos[0].filename == "mimetype" and "META-INF/manifest.xml" in names
    if "[Content_Types].xml" in names or is_open:
        raise UnreadableArchive(
            "office_document",
            f"{archive} is an Office document, not a notebook; hand in the .ipynb file itself",
            f"{archive} is a zip archive with the parts of an Office document ({', '.join(sorted(names)[:3])})",
        )


def _refuse_overlaps(file: BinaryIO, opened: zipfile.ZipFile, archive: str) -> None:
    """Refuse entries that share bytes: the way in which a small archive becomes a very large one."""
    free, last = 0, ""
    for info in sorted(opened.infolist(), key=lambda info: info.header_offset):
        if info.header_offset < 0:
            raise damaged(archive, f"the entry {info.filename[:100]!r} begins before the archive")
        file.seek(info.header_offset)
        header = file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
            raise damaged(
                archive, f"there is no entry at byte {info.header_offset:,} ({info.filename[:100]!r})"
            )
        if info.header_offset < free:
            raise bomb(archive, f"the entries {last[:100]!r} and {info.filename[:100]!r} overlap")
        fields = _LOCAL.unpack(header)
        free = info.header_offset + _LOCAL.size + fields[9] + fields[10] + info.compress_size
        last = info.filename
        if free > opened.start_dir:
            raise damaged(archive, f"the entry {last[:100]!r} reaches into the directory")


def _entry(opened: zipfile.ZipFile, info: zipfile.ZipInfo, limits: ArchiveLimits) -> Entry:
    name = entry_name(info)
    is_folder = name.replace("\\", "/").endswith("/")
    refused = None if is_folder else _refused(info, limits)
    return Entry(name, is_folder, info.file_size, lambda: _chunks(opened, info), refused)


def entry_name(info: zipfile.ZipInfo) -> str:
    """Return the name of an entry; UTF-8 that does not say so (as macOS writes it) is recognised."""
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return name


def _refused(info: zipfile.ZipInfo, limits: ArchiveLimits) -> tuple[str, str] | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "archive_link", "it is a link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "archive_special", "it is a device or a pipe"
    if info.flag_bits & 0x41:
        return "archive_encrypted", "it is protected with a password"
    if info.compress_type not in METHODS:
        method = _METHOD_NAMES.get(info.compress_type, f"method {info.compress_type}")
        return "archive_compression", f"it is compressed with {method}"
    if info.file_size > RATIO_FLOOR and info.file_size > limits.ratio * max(info.compress_size, 1):
        return "archive_bomb", f"{info.compress_size:,} bytes would become {info.file_size:,}"
    return None


def _chunks(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with opened.open(info) as stream:
        n_read = 0
        while chunk := stream.read(CHUNK):
            n_read += len(chunk)
            yield chunk
    if n_read != info.file_size:
        raise zipfile.BadZipFile(f"{n_read:,} bytes where {info.file_size:,} were announced")
