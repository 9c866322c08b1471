"""The data sets: which URLs stand for them, how they lie in a folder, and fetching them from servers of all kinds."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from autograder import datasets, fetching
from autograder.datasets import (
    data_directory,
    identity,
    is_whole,
    require_directory,
    shown_files,
    status,
)
from autograder.errors import InternalError, UsageError
from autograder.fetching import fetch
from autograder.kernel_side.known_data import (
    KNOWN_SETS,
    MNIST,
    TINY_SHAKESPEARE,
    KnownFile,
    KnownSet,
    known_by_url,
)

PLAIN = bytes(range(256)) * 40
TEXT = b"First Citizen:\nBefore we proceed any further, hear me speak.\n" * 500
PACKED = gzip.compress(PLAIN, mtime=0)


def known(path: str, content: bytes, *mirrors: str) -> KnownFile:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return KnownFile(path, len(content), md5, hashlib.sha256(content).hexdigest(), mirrors)


def small_sets(*mirrors: str) -> tuple[KnownSet, KnownSet]:
    """Two data sets of a few kilobytes in the usual layout."""
    return (
        KnownSet(
            "MNIST",
            (
                known("MNIST/raw/images-ubyte", PLAIN),
                known("MNIST/raw/images-ubyte.gz", PACKED, *(f"{one}/images-ubyte.gz" for one in mirrors)),
            ),
        ),
        KnownSet(
            "Tiny Shakespeare",
            (known("tinyshakespeare/input.txt", TEXT, *(f"{one}/input.txt" for one in mirrors)),),
        ),
    )


CONTENT = {"images-ubyte.gz": PACKED, "input.txt": TEXT}


class Server(ThreadingHTTPServer):
    """Serves CONTENT below /good, and behaves badly below other names; `asked` has every path with its Range."""

    asked: list[tuple[str, str]]

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # the connection that a handler broke off


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.asked.append((self.path, self.headers.get("Range", "")))
        _, kind, name = self.path.split("/")
        if kind == "gone":
            self.send_error(404)
            return
        content = CONTENT[name]
        if kind == "garbage":
            content = bytes(len(content))
        if kind == "other":
            content += b"more"
        begin = 0
        asked = self.headers.get("Range", "")
        if asked and kind != "no-range":
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if kind != "endless":
            self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        rest = content[begin:]
        if kind in ("breaks", "no-range-breaks"):
            rest = rest[: len(content) // 2]
        if kind == "endless":
            rest *= 3
        self.wfile.write(rest)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as made:
        made.asked = []
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def mirror(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """The address of a kind of mirror."""
    monkeypatch.setenv("no_proxy", "*")
    return lambda kind: f"http://127.0.0.1:{server.server_address[1]}/{kind}"


def states(directory: Path, sets: tuple[KnownSet, ...], **how: Any) -> list[str]:
    return [one.state for one in status(directory, sets, **how)]


# ------------------------------------------------------------------ the table


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (
            "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            "tinyshakespeare/input.txt",
        ),
        (
            "https://github.com/karpathy/char-rnn/blob/master/data/tinyshakespeare/input.txt?raw=true",
            "tinyshakespeare/input.txt",
        ),
        ("https://github.com/karpathy/char-rnn/blob/master/data/tinyshakespeare/input.txt", None),
        (
            "https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt",
            "tinyshakespeare/input.txt",
        ),
        ("http://yann.lecun.com/exdb/mnist/t10k-labels-idx1-ubyte.gz", "MNIST/raw/t10k-labels-idx1-ubyte.gz"),
        (
            "https://OSSCI-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
            "MNIST/raw/train-images-idx3-ubyte.gz",
        ),
        ("https://raw.githubusercontent.com/karpathy/char-rnn/master/Readme.md", None),
        ("https://example.org/input.txt", None),
        ("ftp://yann.lecun.com/exdb/mnist/t10k-labels-idx1-ubyte.gz", None),
        ("http://[broken/input.txt", None),
        ("", None),
    ],
)
def test_urls_stand_for_files(url: str, path: str | None) -> None:
    found_set, file = known_by_url(url)
    assert (file.path if file else None) == path
    assert (found_set is None) == (path is None)


def test_every_mirror_is_known_by_its_url() -> None:
    for one in (MNIST, TINY_SHAKESPEARE):
        for file in one.files:
            assert [known_by_url(mirror)[1] for mirror in file.mirrors] == [file] * len(file.mirrors)


def test_real_data_has_the_checksums_of_the_table() -> None:
    folder = os.environ.get("AUTOGRADER_DATA", "")
    if not folder or any(one.state != "present" for one in status(Path(folder))):
        pytest.skip("AUTOGRADER_DATA names no folder with the data sets")
    assert [one.state for one in status(Path(folder), verified=True)] == ["present", "present"]
    needed = {file.path for one in KNOWN_SETS for file in one.files if file.is_needed}
    assert needed <= set(shown_files(Path(folder)))


# ------------------------------------------------------------------ the folder


def test_folder_is_as_chosen_then_of_the_environment_then_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOGRADER_DATA", "~/sets")
    assert data_directory(tmp_path) == tmp_path
    assert data_directory() == Path("~/sets").expanduser()
    monkeypatch.delenv("AUTOGRADER_DATA")
    assert (data_directory().name, "autograder" in str(data_directory())) == ("data", True)
    require_directory(None)
    with pytest.raises(UsageError, match="data fetch --data"):
        require_directory(tmp_path / "nowhere")


def test_states_of_files(tmp_path: Path) -> None:
    sets = small_sets("http://127.0.0.1:1")
    assert states(tmp_path, sets) == ["missing", "missing"]
    assert (identity(tmp_path, sets), shown_files(tmp_path, sets)) == ("", {})
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "images-ubyte").write_bytes(PLAIN)
    assert states(tmp_path, sets) == ["present", "missing"]  # usable without its archive
    assert not status(tmp_path, sets)[0].is_whole
    first = identity(tmp_path, sets)
    (tmp_path / "tinyshakespeare").mkdir()
    text = tmp_path / "tinyshakespeare" / "input.txt"
    text.write_bytes(TEXT[:-1])
    (tmp_path / "tinyshakespeare" / "secret.txt").write_text("of the instructor")
    assert states(tmp_path, sets) == ["present", "damaged"]
    text.write_bytes(bytes(len(TEXT)))
    assert states(tmp_path, sets) == ["present", "present"]  # its size is right
    assert states(tmp_path, sets, verified=True) == ["present", "damaged"]
    assert identity(tmp_path, sets) == first
    text.write_bytes(TEXT)
    os.utime(text, ns=(1, 1))
    assert states(tmp_path, sets, verified=True) == ["present", "present"]
    assert identity(tmp_path, sets) not in ("", first)
    assert list(shown_files(tmp_path, sets)) == ["MNIST/raw/images-ubyte", "tinyshakespeare/input.txt"]


# ------------------------------------------------------------------ fetching


def test_fetched_checked_and_unpacked(tmp_path: Path, server: Server, mirror: Callable[[str], str]) -> None:
    sets = small_sets(mirror("good"))
    done = {one.path: one.state for one in fetch(tmp_path / "new", sets)}
    assert done == {
        "MNIST/raw/images-ubyte.gz": "fetched",
        "MNIST/raw/images-ubyte": "unpacked",
        "tinyshakespeare/input.txt": "fetched",
    }
    assert states(tmp_path / "new", sets, verified=True) == ["present", "present"]
    assert not list((tmp_path / "new").rglob("*.part"))
    asked = len(server.asked)
    assert {one.state for one in fetch(tmp_path / "new", sets)} == {"present"}
    assert len(server.asked) == asked


def test_what_broke_off_is_continued(tmp_path: Path, server: Server, mirror: Callable[[str], str]) -> None:
    text = small_sets(mirror("breaks"))[1:]
    [done] = fetch(tmp_path, text)
    assert done.state == "fetched"
    assert [asked for _, asked in server.asked] == ["", f"bytes={len(TEXT) // 2}-"]
    assert (tmp_path / "tinyshakespeare" / "input.txt").read_bytes() == TEXT


def test_an_earlier_call_is_continued(tmp_path: Path, server: Server, mirror: Callable[[str], str]) -> None:
    part = tmp_path / "tinyshakespeare" / "input.txt.part"
    part.parent.mkdir()
    part.write_bytes(TEXT[:1000])
    assert status(tmp_path, small_sets())[1].files[0].n_bytes == 1000
    [done] = fetch(tmp_path, small_sets(mirror("good"))[1:])
    assert (done.state, server.asked) == ("fetched", [("/good/input.txt", "bytes=1000-")])
    assert (tmp_path / "tinyshakespeare" / "input.txt").read_bytes() == TEXT


@pytest.mark.parametrize("kind", ["good", "no-range"])
@pytest.mark.parametrize("begun", [b"something else", TEXT[:100], TEXT, TEXT + b"and more"])
def test_whatever_was_there_the_file_comes_out_whole(
    tmp_path: Path, mirror: Callable[[str], str], kind: str, begun: bytes
) -> None:
    part = tmp_path / "tinyshakespeare" / "input.txt.part"
    part.parent.mkdir()
    part.write_bytes(begun)
    [done] = fetch(tmp_path, small_sets(mirror(kind))[1:])
    assert done.state == "fetched"
    assert (tmp_path / "tinyshakespeare" / "input.txt").read_bytes() == TEXT


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("gone", "does not have it any more (404"),
        ("garbage", "checksum is wrong"),
        ("other", "another file"),
        ("endless", "sends more than"),
    ],
)
def test_bad_mirror_is_named_and_the_next_one_taken(
    tmp_path: Path, mirror: Callable[[str], str], kind: str, told: str
) -> None:
    [done] = fetch(tmp_path / "a", small_sets(mirror(kind))[1:])
    assert (done.state, done.is_offline) == ("failed", False)
    assert told in done.why[0]
    assert not (tmp_path / "a" / "tinyshakespeare" / "input.txt").exists()
    [done] = fetch(tmp_path / "a", small_sets(mirror(kind), mirror("good"))[1:])
    assert (done.state, "/good/" in done.source) == ("fetched", True)
    assert is_whole(tmp_path / "a" / "tinyshakespeare" / "input.txt", small_sets()[1].files[0])


def test_without_a_network_one_file_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    asked = []
    monkeypatch.setattr(
        fetching.urllib.request, "urlopen", lambda request, timeout: asked.append(request) or no()
    )

    def no() -> None:
        raise OSError(101, "Network is unreachable")

    done = fetch(tmp_path, small_sets("http://127.0.0.1:1", "http://127.0.0.2:1"))
    assert [(one.state, one.is_offline) for one in done] == [("failed", True)] * 3
    assert len(asked) == 2
    assert "Network is unreachable" in done[0].why[0]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TimeoutError(), "does not answer within"),
        (fetching.socket.gaierror(-2, "Name or service not known"), "there is no network"),
        (fetching.urllib.error.URLError(fetching.socket.gaierror(-2, "x")), "there is no network"),
        (ConnectionRefusedError(111, "Connection refused"), "cannot be reached (Connection refused)"),
    ],
)
def test_what_cannot_be_reached_is_said(error: Exception, told: str) -> None:
    assert told in fetching._unreachable(error)


def test_damaged_archive_is_fetched_again(tmp_path: Path, mirror: Callable[[str], str]) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "images-ubyte.gz").write_bytes(PACKED[:-3] + b"abc")
    (raw / "images-ubyte").write_bytes(PLAIN[:50])
    assert [one.state for one in fetch(tmp_path, small_sets(mirror("good"))[:1])] == ["fetched", "unpacked"]
    assert (raw / "images-ubyte").read_bytes() == PLAIN


@pytest.mark.parametrize(
    "content", [gzip.compress(PLAIN + b"x", mtime=0), gzip.compress(b"", mtime=0), b"no archive", PACKED[:50]]
)
def test_archive_that_holds_something_else_is_not_unpacked(tmp_path: Path, content: bytes) -> None:
    packed = known("MNIST/raw/images-ubyte.gz", content, "http://127.0.0.1:1")
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / packed.path).write_bytes(content)
    sets = (KnownSet("MNIST", (packed, known("MNIST/raw/images-ubyte", PLAIN))),)
    assert [one.state for one in fetch(tmp_path, sets)] == ["present", "failed"]
    assert sorted(path.name for path in (tmp_path / "MNIST" / "raw").iterdir()) == ["images-ubyte.gz"]


def test_full_disk_and_forbidden_folder_are_said(
    tmp_path: Path, mirror: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        fetch(tmp_path / "file", small_sets(mirror("good")))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InternalError, match=r"disk is full.*run the same command again"):
        fetch(tmp_path, small_sets(mirror("good")))


def test_listener_hears_how_far_it_is(tmp_path: Path, mirror: Callable[[str], str]) -> None:
    heard: list[Any] = []

    class Heard(fetching.Listener):
        def begins(self, file: KnownFile, n_bytes: int) -> None:
            heard.append((file.name, n_bytes))

        def moves(self, n_bytes: int) -> None:
            heard.append(n_bytes)

    fetch(tmp_path, small_sets(mirror("good"))[1:], Heard())
    assert (heard[0], heard[-1]) == (("input.txt", 0), len(TEXT))


def test_known_files_are_told_apart() -> None:
    packed, plain = small_sets()[0].files[1], small_sets()[0].files[0]
    assert (packed.is_needed, plain.is_needed, packed.name) == (False, True, "images-ubyte.gz")
    assert replace(plain, size=1) != plain


def test_stand_ins_are_shown_and_called_what_they_are(tmp_path: Path) -> None:
    text = tmp_path / "tinyshakespeare" / "input.txt"
    text.parent.mkdir()
    text.write_text("First Citizen\n", encoding="utf-8")
    other = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"not listed")
    digest = hashlib.sha256(text.read_bytes()).hexdigest()
    assert datasets.shown_files(tmp_path) == {}
    assert not datasets.has_stand_ins(tmp_path)
    (tmp_path / datasets.STAND_INS).write_text(json.dumps({"files": {"tinyshakespeare/input.txt": digest}}))
    assert datasets.has_stand_ins(tmp_path)
    manifest = tmp_path / datasets.STAND_INS
    assert datasets.shown_files(tmp_path) == {"tinyshakespeare/input.txt": text, manifest.name: manifest}
    assert datasets.missing_sets(tmp_path, ["MNIST", "Tiny Shakespeare"]) == ["MNIST"]
    assert [one.state for one in datasets.status(tmp_path)] == ["damaged", "stand-in"]
    seen = datasets.identity(tmp_path)
    text.write_text("Second Citizen\n", encoding="utf-8")
    assert datasets.shown_files(tmp_path) == {}, "a file that is not what the manifest lists is no stand-in"
    assert seen
    assert datasets.identity(tmp_path) == ""


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": 3}', '{"files": ["a"]}', "\x00"])
def test_a_damaged_manifest_lists_nothing(content: str, tmp_path: Path) -> None:
    (tmp_path / datasets.STAND_INS).write_text(content)
    assert not datasets.has_stand_ins(tmp_path)


@pytest.mark.parametrize(
    ("code", "n_missing"),
    [
        ("datasets.MNIST(root)", 1),
        ("from keras.datasets import mnist", 1),
        ("fetch_openml('mnist_784')", 1),
        ("datasets.FashionMNIST(root)", 0),
        ("datasets.EMNIST(root); mnistify(x)", 0),
        ("x = make_discs(2000)", 0),
        ("", 0),
        (None, 1),
    ],
)
def test_a_data_set_is_needed_by_code_that_names_it(code: str | None, n_missing: int, tmp_path: Path) -> None:
    assert len(datasets.missing_for(tmp_path, ["MNIST"], code)) == n_missing
    assert datasets.missing_for(tmp_path, ["Tiny Shakespeare"], "open('tiny_shakespeare.txt')")
