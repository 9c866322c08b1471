"""Data sets and the network as a kernel has them, on small data sets of our own in the usual layout."""

from __future__ import annotations

import functools
import hashlib
import http.client
import importlib
import importlib.util
import io
import os
import socket
import subprocess
import sys
import types
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from autograder.kernel_side import downloaders, known_data
from autograder.kernel_side.data_sets import MAX_USES, DataSets
from autograder.kernel_side.known_data import MNIST, TINY_SHAKESPEARE, KnownFile, KnownSet
from autograder.kernel_side.network import Network, is_local
from autograder.kernel_side.notices import Notices
from autograder.kernel_side.torchvision_sets import TorchvisionSets

TEXT_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
GZ_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz"
TEXT = b"First Citizen:\nBefore we proceed any further, hear me speak.\n"


def idx(n: int, *shape: int) -> bytes:
    """An idx file of n images or labels."""
    magic = 0x0800 + 1 + len(shape)
    content = b"".join(size.to_bytes(4, "big") for size in (magic, n, *shape))
    each = 1
    for size in shape:
        each *= size
    return content + bytes(at % 10 for at in range(n * each))


def content_of(file: KnownFile) -> bytes:
    if file.name.endswith(".gz"):
        return b"packed " + file.name.encode()
    n = 12 if file.name.startswith("train") else 5
    if file.name.endswith("idx3-ubyte"):
        return idx(n, 28, 28)
    return idx(n) if file.name.endswith("idx1-ubyte") else TEXT


def small(known: KnownSet) -> KnownSet:
    """The data set with the same names and addresses, and other content."""
    files = []
    for file in known.files:
        content = content_of(file)
        digest = hashlib.sha256(content).hexdigest()
        files.append(replace(file, size=len(content), sha256=digest))
    return KnownSet(known.name, tuple(files))


SETS = (small(MNIST), small(TINY_SHAKESPEARE))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "datasets"
    for known in SETS:
        for file in known.files:
            (made / file.path).parent.mkdir(parents=True, exist_ok=True)
            (made / file.path).write_bytes(content_of(file))
    return made


@pytest.fixture
def notices() -> Notices:
    return Notices()


@pytest.fixture
def data(folder: Path, notices: Notices) -> DataSets:
    return DataSets(notices, str(folder), SETS)


@pytest.fixture
def lacking(tmp_path: Path, notices: Notices) -> DataSets:
    """A kernel that is shown no data."""
    return DataSets(notices, str(tmp_path / "nowhere"), SETS)


@pytest.fixture
def http_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is patched there is put back."""
    monkeypatch.setattr(http.client.HTTPConnection, "putrequest", http.client.HTTPConnection.putrequest)
    monkeypatch.setattr(urllib.request, "_opener", None)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


def refuse_connections(monkeypatch: pytest.MonkeyPatch, network: Network) -> None:
    """What the audit hook does, without leaving one in this process."""
    original = socket.getaddrinfo

    @functools.wraps(original)
    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        network.hear("socket.getaddrinfo", (host, *args))
        return original(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


# ------------------------------------------------------------------ the folder


def test_files_are_there_when_their_size_is_right(data: DataSets, folder: Path) -> None:
    text = SETS[1].files[0]
    assert data.local(text) == str(folder / "tinyshakespeare" / "input.txt")
    (folder / "tinyshakespeare" / "input.txt").write_bytes(TEXT[:-1])
    assert data.local(text) == ""
    assert DataSets(Notices(), "", SETS).local(text) == ""


def test_folder_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGRADER_DATA", "/datasets")
    assert DataSets(Notices()).folder == "/datasets"
    monkeypatch.delenv("AUTOGRADER_DATA")
    assert DataSets(Notices()).folder == ""


def test_opened_files_are_recorded_wherever_they_lie(data: DataSets, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "input.txt"
    copy.write_bytes(TEXT)
    other = tmp_path / "other" / "input.txt"
    other.parent.mkdir()
    other.write_text("my own text")
    for path in (str(copy), str(copy), str(other), 3, b"input.txt", str(tmp_path / "gone" / "input.txt")):
        data.opened(path)
    assert data.take() == [{"how": "open", "file": "tinyshakespeare/input.txt", "path": str(copy)}]
    assert data.take() == []


def test_records_are_limited(data: DataSets) -> None:
    for at in range(200):
        data.used("url", url=f"{at}" * 1000)
    uses = data.take()
    assert (len(uses), len(uses[-1]["url"])) == (MAX_USES, 400)


# ------------------------------------------------------------------ the network


@pytest.mark.parametrize(
    "name", ["", "localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1", "[::1]", "0.0.0.0"]
)
def test_this_machine_is_no_network(name: str, data: DataSets, notices: Notices) -> None:
    network = Network(notices, data)
    network.hear("socket.getaddrinfo", (name, 80))
    network.hear("socket.connect", (None, (name, 80)))
    assert is_local(name)
    assert notices.take() == []


def test_own_name_and_sockets_in_files_are_no_network(data: DataSets, notices: Notices) -> None:
    network = Network(notices, data)
    for host in (socket.gethostname(), None):
        network.hear("socket.getaddrinfo", (host, 80))
    network.hear("socket.connect", (None, "/tmp/socket"))
    network.hear("socket.connect", (None, b"\0abstract"))
    network.hear("socket.connect", (None, ()))
    network.hear("another event", ("example.org",))
    assert notices.take() == []


def test_everything_else_is_refused_and_noted_once(data: DataSets, notices: Notices) -> None:
    network = Network(notices, data)
    for host in ("example.org", b"example.org"):
        with pytest.raises(
            socket.gaierror, match=r"example.org cannot be reached: notebooks run without a network"
        ):
            network.hear("socket.getaddrinfo", (host, 443))
    for event in ("socket.connect", "socket.sendto"):
        with pytest.raises(OSError, match="run without a network"):
            network.hear(event, (None, ("93.184.216.34", 80)))
    network.hear("urllib.Request", ("https://example.org/a?b=c", None, {}, "GET"))
    with pytest.raises(socket.gaierror):
        network.hear("socket.gethostbyname", ("example.org",))
    assert notices.take() == [
        {"kind": "network", "what": "example.org"},
        {"kind": "network", "what": "93.184.216.34:80"},
        {"kind": "network", "what": "https://example.org/a?b=c"},
    ]


def test_known_data_that_is_not_here_is_told_apart(lacking: DataSets, notices: Notices) -> None:
    network = Network(notices, lacking)
    network.asks(GZ_URL)
    with pytest.raises(
        socket.gaierror, match="MNIST is not on this machine: the instructor runs `autograder data fetch`"
    ):
        network.looks_up("ossci-datasets.s3.amazonaws.com")
    assert notices.take() == [{"kind": "data", "what": "MNIST"}]


@pytest.mark.usefixtures("http_client")
def test_urllib_gets_the_files(
    data: DataSets, notices: Notices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(notices, data)
    network.patch_http(http.client)
    refuse_connections(monkeypatch, network)
    with urllib.request.urlopen(TEXT_URL) as answer:
        assert (answer.status, answer.read(), answer.headers["Content-Length"]) == (200, TEXT, str(len(TEXT)))
        assert answer.headers.get_content_charset() == "utf-8"
        assert answer.url == TEXT_URL
    request = urllib.request.Request(TEXT_URL.replace("https", "http"), headers={"User-Agent": "Mozilla"})
    with urllib.request.urlopen(request, timeout=3) as answer:
        assert [line.decode() for line in answer] == TEXT.decode().splitlines(keepends=True)
    path, headers = urllib.request.urlretrieve(GZ_URL, tmp_path / "labels.gz")
    assert Path(path).read_bytes() == b"packed t10k-labels-idx1-ubyte.gz"
    assert headers["Content-Type"] == "application/gzip"
    with urllib.request.urlopen(urllib.request.Request(TEXT_URL, method="HEAD")) as answer:
        assert (answer.read(), answer.length) == (b"", 0)
    assert {use["url"] for use in data.take() if use["how"] == "url"} == {
        TEXT_URL,
        GZ_URL,
        TEXT_URL.replace("https", "http"),
    }
    with pytest.raises(urllib.error.URLError, match="without a network"):
        urllib.request.urlopen("https://raw.githubusercontent.com/karpathy/char-rnn/master/Readme.md")
    assert [noted["kind"] for noted in notices.take()] == ["network"]


@pytest.mark.usefixtures("http_client")
def test_connections_and_tables_get_the_files(data: DataSets, notices: Notices) -> None:
    Network(notices, data).patch_http(http.client)
    connection = http.client.HTTPSConnection("raw.githubusercontent.com", timeout=3)
    for _ in range(2):  # the same connection may be asked again
        connection.request("GET", TEXT_URL.partition(".com")[2])
        answer = connection.getresponse()
        assert (answer.status, answer.reason, answer.read()) == (200, "OK", TEXT)
    connection.close()
    pandas: Any = pytest.importorskip("pandas")
    assert list(pandas.read_csv(TEXT_URL, header=None, sep="\t")[0]) == TEXT.decode().splitlines()


def test_requests_get_the_files(data: DataSets, notices: Notices, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: Any = pytest.importorskip("requests")
    pool: Any = importlib.import_module("urllib3.connectionpool")
    monkeypatch.setattr(pool.HTTPConnectionPool, "urlopen", pool.HTTPConnectionPool.urlopen)
    network = Network(notices, data)
    network.patch_pool(pool)
    refuse_connections(monkeypatch, network)
    monkeypatch.setenv("NO_PROXY", "*")
    answer = requests.get(TEXT_URL, timeout=3)
    answer.raise_for_status()
    assert (answer.status_code, answer.content, answer.text) == (200, TEXT, TEXT.decode())
    assert (answer.ok, answer.encoding, answer.url) == (True, "utf-8", TEXT_URL)
    with requests.Session() as session:
        with session.get(GZ_URL, stream=True) as stream:
            assert b"".join(stream.iter_content(5)) == b"packed t10k-labels-idx1-ubyte.gz"
        with session.get(TEXT_URL, stream=True) as stream:
            assert list(stream.iter_lines(decode_unicode=True)) == TEXT.decode().splitlines()
        assert session.head(TEXT_URL).headers["content-length"] == str(len(TEXT))
        with pytest.raises(requests.exceptions.ConnectionError, match=r"example.org"):
            session.get("https://example.org/x")
    assert notices.take() == [{"kind": "network", "what": "https://example.org/x"}]


def test_hook_is_an_audit_hook(folder: Path) -> None:
    code = (
        "from autograder.kernel_side.network import Network\n"
        "from autograder.kernel_side.notices import Notices\n"
        "from autograder.kernel_side.data_sets import DataSets\n"
        "import socket, urllib.request\n"
        "notices = Notices()\n"
        "Network(notices, DataSets(notices)).install()\n"
        "for act in (lambda: socket.create_connection(('example.org', 80)), lambda: urllib.request.urlopen('http://a.org/b'),\n"
        "    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', ('8.8.8.8', 53))):\n"
        "    try:\n        act()\n    except OSError as error:\n        assert 'without a network' in str(error), error\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()\n"
        "print([noted['what'] for noted in notices.take()])\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "['example.org', 'http://a.org/b', '8.8.8.8:53']\n"


# ------------------------------------------------------------------ torchvision


class Vision:
    """What torchvision's MNIST does with its folder, in a few lines."""

    resources: ClassVar[Any] = [("t10k-labels-idx1-ubyte.gz", "")]

    def __init__(self, root: Any, train: bool = True, transform: Any = None, download: bool = False) -> None:
        self.root, self.train = root, train
        path = Path(self.raw_folder, f"{'train' if train else 't10k'}-labels-idx1-ubyte")
        if not path.is_file():
            raise RuntimeError("Dataset not found")
        self.labels = path.read_bytes()[8:]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def raw_folder(self) -> str:
        return os.path.join(self.root, type(self).__name__, "raw")  # noqa: PTH118


@pytest.fixture
def vision() -> Any:
    """A module like `torchvision.datasets`."""
    module: Any = types.ModuleType("datasets")

    module.MNIST = type("MNIST", (Vision,), dict(vars(Vision)))
    module.Other = type("Other", (module.MNIST,), {"resources": [("other.gz", "")]})
    module.__all__ = ("MNIST", "Other", "absent")
    return module


def made(data: DataSets) -> list[dict[str, Any]]:
    return [use for use in data.take() if use["how"] == "made"]


@pytest.mark.parametrize("root", ["data", "../elsewhere", "/no/such/place", "~/datasets", Path("x")])
@pytest.mark.parametrize("download", [True, False])
def test_mnist_is_there_whatever_the_root(
    vision: Any,
    data: DataSets,
    notices: Notices,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    root: Any,
    download: bool,
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    if os.fspath(root).startswith("/no") and os.access("/", os.W_OK):
        root = "/proc/no/such/place"
    TorchvisionSets(data).patch(vision)
    train, test = (
        vision.MNIST(root, download=download),
        vision.MNIST(root=root, train=False, download=download),
    )
    assert (len(train), len(test)) == (12, 5)
    first, second = made(data)
    assert (first["train"], first["given"], first["length"], first["is_shared"]) == (
        True,
        ["download", "root"],
        12,
        True,
    )
    assert (second["train"], second["given"], second["length"]) == (False, ["download", "root", "train"], 5)
    assert notices.take() == []


def test_download_leaves_links_where_the_notebook_may_look(
    vision: Any, data: DataSets, folder: Path, tmp_path: Path
) -> None:
    TorchvisionSets(data).patch(vision)
    vision.MNIST(tmp_path / "a", download=False)
    assert not (tmp_path / "a").exists()
    vision.MNIST(tmp_path / "a", download=True)
    vision.MNIST(tmp_path / "a", download=True)
    labels = tmp_path / "a" / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    assert labels.resolve() == folder / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    assert len(list(labels.parent.iterdir())) == len(MNIST.files)


def test_classes_below_are_mnist_and_relatives_are_not(
    vision: Any, data: DataSets, notices: Notices, tmp_path: Path
) -> None:
    TorchvisionSets(data).patch(vision)

    class Mine(vision.MNIST):  # type: ignore[misc]
        def __init__(self, train: bool) -> None:
            super().__init__(tmp_path, train, transform=Loud())

    class Loud:
        def __repr__(self) -> str:
            raise ValueError("no text")

    assert len(Mine(False)) == 5
    [seen] = made(data)
    assert (seen["type"], seen["name"], seen["train"], seen["transform"]) == ("Mine", "MNIST", False, None)
    assert seen["given"] == ["root", "train", "transform"]
    with pytest.raises(RuntimeError, match="not found"):
        vision.Other(tmp_path)
    with pytest.raises(TypeError):
        vision.MNIST()
    assert (made(data), notices.take()) == ([], [])


def test_files_of_the_notebooks_own_are_left_to_it(vision: Any, data: DataSets, tmp_path: Path) -> None:
    own = tmp_path / "MNIST" / "raw"
    own.mkdir(parents=True)
    for file in MNIST.files:
        if file.is_needed:
            (own / file.name).write_bytes(idx(3))
    TorchvisionSets(data).patch(vision)
    assert len(vision.MNIST(tmp_path)) == 3


def test_mnist_that_is_not_here_is_noted(
    vision: Any, lacking: DataSets, notices: Notices, tmp_path: Path
) -> None:
    TorchvisionSets(lacking).patch(vision)
    with pytest.raises(RuntimeError, match="Dataset not found"):
        vision.MNIST(tmp_path)
    assert notices.take() == [{"kind": "data", "what": "MNIST"}]


def test_a_module_without_data_sets_hurts_nobody(data: DataSets) -> None:
    TorchvisionSets(data).patch(types.ModuleType("empty"))


REAL_CLASS = """
import dataclasses, os, sys
from autograder.kernel_side import torchvision_shim
from autograder.kernel_side.data_sets import DataSets
from autograder.kernel_side.known_data import MNIST
from autograder.kernel_side.notices import Notices
from autograder.kernel_side.torchvision_sets import TorchvisionSets

folder = sys.argv[1]
files = [dataclasses.replace(one, size=os.path.getsize(f"{folder}/{one.path}")) for one in MNIST.files]
data = DataSets(Notices(), folder, (dataclasses.replace(MNIST, files=tuple(files)),))
torchvision_shim.declare_operators()
from torchvision import datasets
TorchvisionSets(data).patch(datasets)
train = datasets.MNIST(root="./nowhere", train=True, transform=len)
test = datasets.MNIST(root="./data", train=False, download=True)
print(len(train), len(test), tuple(train.data.shape), [int(label) for label in train.targets[:3]])
print([use["transform"] for use in data.take()], os.path.islink("data/MNIST/raw/t10k-labels-idx1-ubyte"))
"""


def test_the_real_class_is_served(folder: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    command = [sys.executable, "-W", "ignore", "-c", REAL_CLASS, str(folder)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "12 5 (12, 28, 28) [0, 1, 2]",
        "['<built-in function len>', None] True",
    ], done.stderr


# ------------------------------------------------------------------ wget and curl


@pytest.fixture
def tools(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a shell line with the stand-ins first in PATH; the table in them is that of the small data sets."""
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setenv("AUTOGRADER_DATA", str(folder))
    (tmp_path / "work").mkdir()
    place = Path(downloaders.install(str(tmp_path)))

    def run(line: str) -> Any:
        return subprocess.run(
            ["/bin/sh", "-c", line], cwd=tmp_path / "work", capture_output=True, text=True, check=False
        )

    run.work = tmp_path / "work"  # type: ignore[attr-defined]
    run.noted = lambda: list(downloaders.noted(str(place)))  # type: ignore[attr-defined]
    return run


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("wget {url}", ["input.txt"]),
        ("wget -q {url} -O data.txt", ["data.txt"]),
        ("wget -qO data.txt '{url}?raw=true'", ["data.txt"]),
        ("wget --no-check-certificate --quiet --output-document=data.txt {url}", ["data.txt"]),
        ("wget -nc {url} && wget -nc {url}", ["input.txt"]),
        ("wget -c {url}; wget -N {url}", ["input.txt"]),
        ("wget {url}; wget {url}", ["input.txt", "input.txt.1"]),
        ("wget -P sub/dir {url}", ["sub/dir/input.txt"]),
        ("mkdir a && cd a && wget --some-new-option {url}", ["a/input.txt"]),
        ("for n in 1 2; do wget -q {url} -O $n.txt; done", ["1.txt", "2.txt"]),
        ("curl -O {url}", ["input.txt"]),
        ("curl -sSLo data.txt {url}", ["data.txt"]),
        ("curl -L {url} --output sub/data.txt --create-dirs", ["sub/data.txt"]),
        ("curl -s {url} > data.txt", ["data.txt"]),
        ("wget -qO- {url} | cat > data.txt", ["data.txt"]),
        ("curl {url} -o a.txt {url} -o b.txt", ["a.txt", "b.txt"]),
    ],
)
def test_known_urls_become_files(tools: Any, line: str, files: list[str]) -> None:
    done = tools(line.format(url=TEXT_URL))
    assert done.returncode == 0, done.stderr
    found = sorted(
        path.relative_to(tools.work).as_posix() for path in tools.work.rglob("*") if path.is_file()
    )
    assert found == files
    assert all((tools.work / name).read_bytes() == TEXT for name in files)
    assert {(entry["name"], entry["file"]) for entry in tools.noted()} == {
        ("Tiny Shakespeare", "tinyshakespeare/input.txt")
    }
    assert tools.noted() == []


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        (
            "wget https://example.org/x.zip",
            4,
            "wget: unable to resolve host address of https://example.org/x.zip",
        ),
        ("wget -q https://example.org/x.zip", 4, ""),
        ("curl -O example.org/x.zip", 6, "curl: (6) unable to resolve"),
        ("curl -s example.org/x.zip", 6, ""),
        ("wget", 1, "missing URL"),
        ("curl -L", 2, "no URL"),
    ],
)
def test_other_urls_are_refused_and_noted(tools: Any, line: str, status: int, said: str) -> None:
    done = tools(line)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert bool(done.stderr) is bool(said)
    assert ["x.zip" in entry["url"] for entry in tools.noted()] == (
        ["x.zip" in line] if "x.zip" in line else []
    )
    assert list(tools.work.iterdir()) == []


def test_data_that_is_not_here_is_told_by_the_tools(tools: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGRADER_DATA", "/nowhere")
    done = tools(f"wget {TEXT_URL}")
    assert (done.returncode, "the instructor runs `autograder data fetch`" in done.stderr) == (4, True)
    assert [entry["missing"] for entry in tools.noted()] == ["Tiny Shakespeare"]


def test_target_that_cannot_be_written_is_said(tools: Any) -> None:
    assert tools(f"wget {TEXT_URL} -O no/such/folder.txt").returncode == 3
    assert tools(f"curl {TEXT_URL} -o no/such/folder.txt").returncode == 23


def test_both_urls_of_one_line_count(tools: Any) -> None:
    done = tools(f"wget {TEXT_URL} https://example.org/x.zip")
    assert (done.returncode, (tools.work / "input.txt").read_bytes()) == (4, TEXT)


def test_stand_ins_are_known_and_their_log_is_believed_in_nothing(tools: Any, tmp_path: Path) -> None:
    assert downloaders.is_stand_in("wget")
    assert not downloaders.is_stand_in("sh")
    assert not downloaders.is_stand_in("no-such-program")
    (tmp_path / downloaders.FOLDER / downloaders.LOG).write_text('nonsense\n[1]\n{"url": 3}\n')
    assert tools.noted() == [{"url": "3"}]


def test_sources_of_a_kernel_are_used_where_there_are_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setattr(known_data, "source_text", "KNOWN = 1\n", raising=False)
    place = Path(downloaders.install(str(tmp_path)))
    assert (place / downloaders.PACKAGE / "known_data.py").read_text() == "KNOWN = 1\n"


def test_output_of_curl_is_binary(tools: Any, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    raw = folder / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz"
    raw.write_bytes(bytes(range(256)))
    done = subprocess.run(["curl", GZ_URL], cwd=tools.work, capture_output=True, check=True)
    assert done.stdout == bytes(range(256))
    assert io.BytesIO(done.stdout).read(2) == b"\0\1"
