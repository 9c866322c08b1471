"""Every archive of the corpus is unpacked safely or refused by name; nothing is written outside; names are safe."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import itertools
import json
import lzma
import os
import stat
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import InternalError, UsageError
from autograder.intake import archives, find_submissions
from autograder.intake.archives import archive_kind, unpack
from autograder.intake.entries import OF_STUDENT, ArchiveLimits
from autograder.intake.entry_names import MAX_NAME_BYTES, EntryNames, safe_part
from autograder.intake.problems import STATUSES, UnreadableArchive
from autograder.intake.streams import COMPRESSIONS, Decompressed
from autograder.records import Submission
from autograder.rubric.model import PartSpec, SectionSpec
from tests.corpus.archives import (
    ACCEPTED,
    CASES,
    GOOD,
    NOTEBOOK,
    Case,
    flagged,
    tarred,
    zipped,
)

T = TypeVar("T")


def part(part_id: str = "a") -> PartSpec:
    return PartSpec(
        part=part_id,
        title=part_id,
        points=0,
        false_fail_rate=1e-3,
        filenames=[f"part_{part_id}*.ipynb"],
        items=[],
        sections={f"{part_id}1": SectionSpec(headings=["A1"])},
    )


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def found(source: Path, into: Path, *parts: PartSpec) -> list[Submission]:
    return find_submissions(source, parts or (part(),), into)


def everything(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder with its content, links not followed."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) else None
        for path in folder.rglob("*")
    }


def assert_as_expected(submission: Submission, case: Case, into: Path) -> None:
    if case.expected == ACCEPTED:
        assert submission.problem_name is None, submission.problem_detail
        source = Path(submission.sources["a"])
        assert source.is_relative_to(into)
        assert source.read_bytes() == NOTEBOOK
        return
    assert submission.problem_name == case.expected, submission.problem_detail
    assert "hand" in (submission.problem or "")
    assert submission.problem_detail
    json.dumps(submission.model_dump(mode="json"), ensure_ascii=False).encode("utf-8")


def assert_clean(into: Path) -> None:
    """Only plain files and folders, with names that every system takes, all of them in their places."""
    seen = set()
    for path in into.rglob("*"):
        mode = path.lstat().st_mode
        assert stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        assert not mode & 0o7000
        assert not path.name.endswith(".part")
        if "files" in path.relative_to(into).parts[1:-1]:
            assert safe_part(path.name) == path.name
            folded = str(path).casefold()
            assert folded not in seen
            seen.add(folded)


def attempt(action: Callable[[], T]) -> tuple[T | None, str | None]:
    """Return what an action gives, or the name of the refusal; anything else is a failure."""
    try:
        return action(), None
    except UnreadableArchive as error:
        return None, error.problem.name


def test_the_corpus_is_wide() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 60
    assert {case.expected for case in CASES} <= {ACCEPTED, *STATUSES}
    assert all(case.make.__doc__ for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_archive_as_a_hand_in(case: Case, tmp_path: Path) -> None:
    canary = {"outside.txt": b"here"}
    put(tmp_path / "box" / "outside.txt", b"here")
    into = tmp_path / "box" / "run" / "intake"
    put(tmp_path / "class" / "ada.zip", case.make())
    before = everything(tmp_path / "class")
    (ada,) = found(tmp_path / "class", into)
    assert ada.id == "ada"
    assert_as_expected(ada, case, into)
    assert everything(tmp_path / "class") == before
    outside = {
        name: data for name, data in everything(tmp_path / "box").items() if not name.startswith("run")
    }
    assert outside == canary
    assert not Path("/tmp/escaped.txt").exists()
    if into.parent.exists():
        assert [entry.name for entry in into.parent.iterdir()] == ["intake"]
    assert_clean(into)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_archive_in_the_folder_of_a_student(case: Case, tmp_path: Path) -> None:
    put(tmp_path / "class" / "ada" / "upload.ipynb", case.make())  # content counts, not the name
    (ada,) = found(tmp_path / "class", tmp_path / "into")
    assert_as_expected(ada, case, tmp_path / "into")


def test_all_of_them_beside_a_good_one(tmp_path: Path) -> None:
    for number, case in enumerate(CASES):
        put(tmp_path / "class" / f"s{number:03d}.zip", case.make())
    put(tmp_path / "class" / "zoe.zip", zipped(GOOD))
    rows = {submission.id: submission for submission in found(tmp_path / "class", tmp_path / "into")}
    assert len(rows) == len(CASES) + 1
    assert Path(rows["zoe"].sources["a"]).read_bytes() == NOTEBOOK
    for number, case in enumerate(CASES):
        assert_as_expected(rows[f"s{number:03d}"], case, tmp_path / "into")
    assert_clean(tmp_path / "into")


def test_a_refused_archive_leaves_nothing(tmp_path: Path) -> None:
    for number, case in enumerate(CASES):
        path = put(tmp_path / "one.zip", case.make())
        into = tmp_path / f"into{number}"
        try:
            unpack(path, into, OF_STUDENT)
        except UnreadableArchive:
            assert everything(into) == {}, case.name


# ------------------------------------------------------- what is kept and told


def hand_in(tmp_path: Path, data: bytes) -> Submission:
    put(tmp_path / "class" / "ada.zip", data)
    (ada,) = found(tmp_path / "class", tmp_path / "into")
    return ada


def test_every_entry_is_used_or_told(tmp_path: Path) -> None:
    files = {"part_a.ipynb": NOTEBOOK, "AUX.txt": b"", "__MACOSX/._x": b"", "d/" * 20 + "far.txt": b""}
    ada = hand_in(tmp_path, zipped(files))
    assert ada.notes == (
        "ada.zip: 2 of its files unpacked (zip); 1 hidden, system or checkpoint entries left aside",
        "'AUX.txt' is unpacked as _AUX.txt",
        f"left aside: {'d/' * 20}far.txt (archive_too_deep: it lies more than 16 folders deep)",
    )


def test_notes_are_capped(tmp_path: Path) -> None:
    files = {"part_a.ipynb": NOTEBOOK} | {f"a?{number}.txt": b"" for number in range(200)}
    ada = hand_in(tmp_path, zipped(files))
    assert len(ada.notes) == 41
    assert ada.notes[-1] == "and 161 more notes of this kind"


def test_of_two_entries_of_one_name_the_last_counts(tmp_path: Path) -> None:
    ada = hand_in(tmp_path, zipped([("part_a.ipynb", b"%PDF"), ("part_a.ipynb", NOTEBOOK)]))
    assert Path(ada.sources["a"]).read_bytes() == NOTEBOOK
    assert any("archive_duplicate" in note for note in ada.notes)


def test_names_that_differ_in_case_stay_apart(tmp_path: Path) -> None:
    path = put(
        tmp_path / "a.zip", zipped({"x.txt": b"1", "X.txt": b"2", "X/y": b"3", "É": b"4", "E\u0301": b"5"})
    )
    folder, _ = unpack(path, tmp_path / "into", OF_STUDENT)
    kept = {name: data for name, data in everything(folder).items() if data is not None}
    assert kept == {"x.txt": b"1", "X~2.txt": b"2", "X/y": b"3", "É": b"4", "É~2": b"5"}


def test_wrongly_encoded_names_are_read(tmp_path: Path) -> None:
    data = flagged(zipped({"lösung.ipynb": NOTEBOOK}), 0)
    assert hand_in(tmp_path, data).sources["a"].endswith("/lösung.ipynb")
    dos = flagged(zipped({"l?sung.ipynb": NOTEBOOK}).replace(b"l?sung", b"l\x94sung"), 0)
    assert hand_in(tmp_path, dos).sources["a"].endswith("/lösung.ipynb")


def test_a_damaged_entry_beside_a_good_one(tmp_path: Path) -> None:
    data = zipped({"part_a.ipynb": NOTEBOOK, "b.txt": b"some text"}, 0).replace(b"some text", b"same text", 1)
    ada = hand_in(tmp_path, data)
    assert ada.problem is None
    assert any(note.startswith("left aside: b.txt (archive_damaged: ") for note in ada.notes)
    assert not (Path(ada.sources["a"]).parent / "b.txt").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("truncated_zip", "was cut off"),
        ("wrong_number_of_entries", "its end says 7 entries, its directory holds 1"),
        ("first_of_several_volumes", "volume 3"),
        ("zip64_lies", "zip64 end is not where its locator stands"),
        ("entry_behind_the_end", "reaches into the directory"),
        ("wrong_checksum", "Bad CRC-32"),
        ("two_names_for_one_entry", "differ"),
        ("truncated_tar", "in the middle of 'part_a.ipynb'"),
        ("truncated_tar_gz", "in the middle of its compressed data"),
        ("damaged_header_of_a_tar", "is no header of an entry"),
        ("negative_size", "has -5 bytes"),
        ("endless_header", "says that it is 8,589,"),
        ("headers_of_headers", "too deep in each other"),
        ("xz_that_wants_all_memory", "Memory usage limit"),
        ("thousands_of_empty_streams", "1,000 compressed streams"),
        ("overlapping_entries", "overlap"),
        ("flat_bomb", "would become 41,943,040"),
        ("tar_bomb", "bytes became"),
        ("more_entries_than_said", "a directory of"),
        ("compressed_notebook", "holds no tar archive"),
        ("deflate64", "Deflate64"),
    ],
)
def test_the_instructor_reads_what_was_found(name: str, said: str, tmp_path: Path) -> None:
    ada = hand_in(tmp_path, next(case for case in CASES if case.name == name).make())
    assert said in (ada.problem_detail or "")


def test_limits_of_size(tmp_path: Path) -> None:
    limits = ArchiveLimits(archive_bytes=50_000, total_bytes=3000, entry_bytes=2000, n_entries=5, ratio=10)

    def refusal(data: bytes) -> str:
        with pytest.raises(UnreadableArchive) as caught:
            unpack(put(tmp_path / "a.zip", data), tmp_path / "into", limits)
        return caught.value.problem.name

    one_too_large = zipped({"a": bytes(2001), "b": b"x"})
    _, done = unpack(put(tmp_path / "a.zip", one_too_large), tmp_path / "into", limits)
    assert [(one.path, one.status) for one in done.aside] == [("a", "too_large")]
    assert refusal(zipped({"a": bytes(1600), "b": bytes(1600)})) == "archive_too_large"
    assert refusal(tarred({"a": bytes(1600), "b": bytes(1600)})) == "archive_too_large"
    assert refusal(zipped({str(number): b"" for number in range(6)})) == "archive_too_large"
    assert refusal(gzip.compress(tarred({str(number): b"" for number in range(6)}))) == "archive_too_large"
    assert refusal(zipped({"a": os.urandom(60_000)})) == "too_large"


# ------------------------------------------------------------- where and when


def test_an_archive_is_unpacked_once(tmp_path: Path) -> None:
    first = hand_in(tmp_path, zipped(GOOD))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "into").rglob("*")}
    assert hand_in(tmp_path, zipped(GOOD)) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "into").rglob("*")} == before


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_what_is_not_whole_is_unpacked_again(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    source = Path(hand_in(tmp_path, zipped(GOOD)).sources["a"])
    damage(source)
    assert Path(hand_in(tmp_path, zipped(GOOD)).sources["a"]) == source
    assert source.read_bytes() == NOTEBOOK


def test_a_killed_unpacking_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        """As if by a signal, at the last step."""

    def killed(self: Path, target: Path) -> Path:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(archives.shutil, "rmtree", lambda *_, **__: None)  # nor is anything tidied up
        patch.setattr(Path, "rename", killed)
        with pytest.raises(Killed):
            hand_in(tmp_path, zipped(GOOD))
    (left,) = (tmp_path / "into").iterdir()
    assert left.name.endswith(".part")
    (left / "files" / "stale.py").write_text("x = 1")
    ada = hand_in(tmp_path, zipped(GOOD))
    assert Path(ada.sources["a"]).read_bytes() == NOTEBOOK
    assert [path.name for path in Path(ada.sources["a"]).parent.iterdir()] == ["part_a.ipynb"]
    assert_clean(tmp_path / "into")


def test_a_full_disk_is_not_the_students_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really = os.open

    def full(path: Path, flags: int, *more: int, **named: Any) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(path, flags, *more, **named)

    with monkeypatch.context() as patch:
        patch.setattr(archives.os, "open", full)
        with pytest.raises(
            InternalError, match=r"No space left on device.*free some space and run the same command"
        ):
            hand_in(tmp_path, zipped(GOOD))
    assert everything(tmp_path / "into") == {}
    assert hand_in(tmp_path, zipped(GOOD)).problem is None


def test_archives_beside_a_notebook_are_left_aside(tmp_path: Path) -> None:
    put(tmp_path / "class" / "ada" / "part_a.ipynb", NOTEBOOK)
    put(tmp_path / "class" / "ada" / "copy.zip", zipped({"part_a.ipynb": b"%PDF"}))
    (ada,) = found(tmp_path / "class", tmp_path / "into")
    assert ada.sources["a"] == str(tmp_path / "class" / "ada" / "part_a.ipynb")
    assert ada.notes == ("copy.zip is an archive beside a notebook; left aside",)
    assert not (tmp_path / "into").exists()


def test_a_part_in_an_archive_beside_another_part(tmp_path: Path) -> None:
    put(tmp_path / "class" / "ada" / "part_a.ipynb", NOTEBOOK)
    put(tmp_path / "class" / "ada" / "rest.zip", zipped({"part_b.ipynb": NOTEBOOK}))
    (ada,) = found(tmp_path / "class", tmp_path / "into", part("a"), part("b"))
    assert [Path(path).name for path in ada.sources.values()] == ["part_a.ipynb", "part_b.ipynb"]


# --------------------------------------------------------------------- classes


CLASS = {
    "ada/part_a.ipynb": NOTEBOOK,
    "ada/helper.py": b"ada = 1",
    "bea.ipynb": NOTEBOOK + b" ",
    "carl.zip": zipped({"part_a.ipynb": NOTEBOOK + b"  ", "helper.py": b"carl = 1"}),
    "dora.pdf": b"%PDF",
    "emil/": b"",
    "other.py": b"secret = 1",
}


@pytest.mark.parametrize("wrapper", ["", "class/", "Hand ins/"])
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_holds_a_class(wrapper: str, kind: str, tmp_path: Path) -> None:
    files = {wrapper + name: data for name, data in CLASS.items() if name != "emil/" or kind == "zip"}
    if wrapper == "Hand ins/":  # a folder of another name is the class when it holds no notebook itself
        files.pop("Hand ins/bea.ipynb")
    data = zipped(files) if kind == "zip" else gzip.compress(tarred(files))
    rows = {one.id: one for one in found(put(tmp_path / f"class.{kind}", data), tmp_path / "into")}
    expected = {
        "ada": None,
        "bea": None,
        "carl": None,
        "dora": "pdf",
        "emil": "no_notebook",
        "other": "not_a_notebook",
    }
    if kind != "zip":
        expected.pop("emil")
    if wrapper == "Hand ins/":
        expected.pop("bea")
    assert {name: one.problem_name for name, one in rows.items()} == expected
    assert len({one.digests["a"] for one in rows.values() if one.digests}) == (
        2 if wrapper == "Hand ins/" else 3
    )


def test_a_single_student_in_an_archive_is_no_class(tmp_path: Path) -> None:
    (ada,) = found(put(tmp_path / "class.zip", zipped({"ada/part_a.ipynb": NOTEBOOK})), tmp_path / "into")
    assert ada.id == "ada"


def test_a_student_whose_entries_are_lost_still_is_a_row(tmp_path: Path) -> None:
    data = zipped({"class/ada/part_a.ipynb": b"some text", "class/bea/part_a.ipynb": NOTEBOOK}, 0)
    data = data.replace(b"some text", b"same text", 1)
    ada, bea = found(put(tmp_path / "class.zip", data), tmp_path / "into")
    assert (ada.id, ada.problem_name) == ("ada", "archive_damaged")
    assert (bea.id, bea.problem) == ("bea", None)


def test_what_is_told_of_an_archive_of_a_class(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("evil.ipynb")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    far = "d/" * 20 + "far.txt"
    files = [("class/ada/part_a.ipynb", NOTEBOOK), ("class/ada/a?.txt", b""), (f"class/ada/{far}", b"")]
    data = zipped([*files, ("class/bea/part_a.ipynb", NOTEBOOK), (link, b"/etc/passwd")])
    ada, bea, evil = found(put(tmp_path / "class.zip", data), tmp_path / "into")
    assert ada.notes == (
        f"left aside: class/ada/{far} (archive_too_deep: it lies more than 16 folders deep)",
        "'class/ada/a?.txt' is unpacked as class/ada/a_.txt",
    )
    assert bea.notes == ()
    assert (evil.id, evil.problem_name) == ("evil", "archive_link")


def test_a_class_that_cannot_be_unpacked_is_wrong_use(tmp_path: Path) -> None:
    for case in CASES:
        if case.name in ("dots_in_a_zip", "overlapping_entries", "truncated_zip", "rar"):
            path = put(tmp_path / f"{case.name}.zip", case.make())
            with pytest.raises(UsageError, match=rf"{case.name}\.zip.*\[{case.expected}\]"):
                found(path, tmp_path / "into")
    with pytest.raises(UsageError, match=r"archive .*empty\.zip holds no submissions"):
        found(put(tmp_path / "empty.zip", zipped({})), tmp_path / "into")


def test_without_a_place_archives_are_not_opened(tmp_path: Path) -> None:
    put(tmp_path / "class" / "ada.zip", zipped(GOOD))
    put(tmp_path / "class" / "bea.ipynb", zipped(GOOD))
    ada, bea = find_submissions(tmp_path / "class", (part(),))
    assert (ada.problem_name, bea.problem_name) == ("archive_kind", "archive_kind")


def test_kinds_are_told_by_content(tmp_path: Path) -> None:
    kinds = {
        "plain_zip": "zip",
        "behind_a_program": "zip",
        "plain_tar": "tar",
        "old_tar": "tar",
        "tar_gz": "tar.gz",
        "tar_xz": "tar.xz",
        "tar_bz2": "tar.bz2",
        "rar": "a RAR archive",
    }
    for case in CASES:
        if case.name in kinds:
            assert archive_kind(put(tmp_path / "x.ipynb", case.make())) == kinds[case.name]
    for data in (NOTEBOOK, b"", b"%PDF" + zipped(GOOD), b"{" + zipped(GOOD), b"print(1)\n", bytes(2000)):
        assert archive_kind(put(tmp_path / "x.zip", data)) is None
    os.mkfifo(tmp_path / "pipe.zip")
    assert archive_kind(tmp_path / "pipe.zip") is None


# ----------------------------------------------------------------------- names


@given(st.lists(st.tuples(st.text(max_size=40), st.booleans()), max_size=12))
def test_any_names_get_safe_paths_that_stay_apart(names: list[tuple[str, bool]]) -> None:
    given_paths: dict[tuple[str, ...], tuple[list[str], bool]] = {}
    entries = EntryNames("x.zip")
    for name, is_folder in names:
        path, refused = attempt(lambda name=name, is_folder=is_folder: entries.path(name, is_folder))
        assert refused in (None, "archive_path_escape", "bad_file_name")
        if path is None:
            continue
        for one in path:
            assert one not in ("", ".", "..")
            assert not set(one) & set('/\\:\x00<>"|?*')
            assert not one.endswith((".", " "))
            assert len(one.encode()) <= MAX_NAME_BYTES + 12
            assert unicodedata.is_normalized("NFC", one)
        raw = [one for one in name.replace("\\", "/").split("/") if one not in ("", ".")]
        folded = tuple(one.casefold() for one in path)
        assert given_paths.setdefault(folded, (raw, is_folder)) == (raw, is_folder) or not path


@pytest.mark.parametrize("kind", COMPRESSIONS)
@given(data=st.binary(max_size=3000), n=st.integers(1, 40), sizes=st.lists(st.integers(1, 700), min_size=1))
def test_compressed_files_are_read_as_they_were(kind: str, data: bytes, n: int, sizes: list[int]) -> None:
    pack = {"tar.gz": gzip.compress, "tar.bz2": bz2.compress, "tar.xz": lzma.compress}[kind]
    whole = data * n
    packed = pack(whole[:1000]) + pack(whole[1000:])
    stream, read = Decompressed(io.BytesIO(packed), COMPRESSIONS[kind]), b""
    for size in itertools.cycle(sizes):
        piece = stream.read(size)
        read += piece
        if len(piece) < size:
            break
    assert read == whole
    cut = Decompressed(io.BytesIO(packed[:-3]), COMPRESSIONS[kind])
    with pytest.raises((EOFError, OSError, lzma.LZMAError)):
        cut.read(len(whole) + 1)


@given(st.binary(max_size=600))
def test_any_bytes_behind_a_signature_are_unpacked_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    good = zipped({"part_a.ipynb": NOTEBOOK})
    for number, start in enumerate(
        (b"PK\x03\x04", b"\x1f\x8b\x08\x00", good[: len(good) - 60], tarred(GOOD)[:512])
    ):
        path = put(folder / f"{number}.zip", start + data)
        done, refused = attempt(lambda path=path: unpack(path, folder / "into", OF_STUDENT))
        assert done is not None or refused in STATUSES
