"""The course's own tables in a kernel: beside the notebook, and under whatever name pandas is asked for."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest

from autograder.kernel_side.course_tables import CourseTables
from autograder.kernel_side.data_sets import DataSets
from autograder.kernel_side.known_data import KnownFile, KnownSet
from autograder.kernel_side.notices import Notices

SET = KnownSet("Lyrics", (KnownFile("lyrics/lyrics.csv", 0, "", "", is_own=True),))
OTHER = KnownSet("Poems", (KnownFile("poems/poems.csv", 0, "", "", is_own=True),))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def tables(folder: Path, *sets: KnownSet) -> CourseTables:
    return CourseTables(DataSets(Notices(), str(folder), sets), sets)


def with_table(folder: Path, place: str = "lyrics/lyrics.csv") -> Path:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("artist,song,lyrics\n")
    return path


def read_by(one: CourseTables) -> Any:
    pandas = types.SimpleNamespace(read_csv=lambda path=None, **more: (path, more))
    one.patch(pandas)
    return pandas.read_csv


def test_a_table_lies_beside_the_notebook(tmp_path: Path, home: Path) -> None:
    with_table(tmp_path)
    tables(tmp_path, SET).install()
    assert (home / "lyrics.csv").read_text() == "artist,song,lyrics\n"


def test_a_file_that_was_handed_in_stays(tmp_path: Path, home: Path) -> None:
    with_table(tmp_path)
    (home / "lyrics.csv").write_text("mine")
    tables(tmp_path, SET).install()
    assert (home / "lyrics.csv").read_text() == "mine"


def test_without_a_table_nothing_is_laid_down_or_replaced(tmp_path: Path, home: Path) -> None:
    one = tables(tmp_path, SET)
    one.install()
    assert list(home.iterdir()) == []
    assert read_by(one)("songs.csv") == ("songs.csv", {})


@pytest.mark.parametrize("asked", ["songs.csv", "/content/drive/MyDrive/x.csv", Path("C:\\Users\\me\\a.csv")])
def test_pandas_reads_the_table_under_any_name(tmp_path: Path, home: Path, asked: Any) -> None:
    path = with_table(tmp_path)
    one = tables(tmp_path, SET)
    assert read_by(one)(asked, sep=",") == (str(path), {"sep": ","})
    (used,) = one.data.take()
    assert (used["name"], used["path"]) == ("Lyrics", str(asked))


def test_the_name_may_be_given_by_keyword(tmp_path: Path, home: Path) -> None:
    path = with_table(tmp_path)
    pandas = types.SimpleNamespace(read_csv=lambda filepath_or_buffer=None: filepath_or_buffer)
    tables(tmp_path, SET).patch(pandas)
    assert pandas.read_csv(filepath_or_buffer="songs.csv") == str(path)


def test_a_file_that_is_there_is_read_and_so_is_what_is_no_path(tmp_path: Path, home: Path) -> None:
    with_table(tmp_path)
    (home / "mine.csv").write_text("a,b\n")
    read = read_by(tables(tmp_path, SET))
    assert read("mine.csv") == ("mine.csv", {})
    stream = object()
    assert read(stream) == (stream, {})


def test_of_two_tables_neither_is_guessed(tmp_path: Path, home: Path) -> None:
    with_table(tmp_path)
    with_table(tmp_path, "poems/poems.csv")
    assert read_by(tables(tmp_path, SET, OTHER))("songs.csv") == ("songs.csv", {})
