"""The data sets that notebooks can count on: their files, their checksums, and the addresses that stand for them.

One table for both sides: what the instructor fetches is what a kernel serves. This file stands alone, so that
it can also be loaded by its path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

VARIABLE = "AUTOGRADER_DATA"
"""Environment variable with the folder of the data sets; for the grader its own, for a kernel what it is shown."""

STAND_INS = "stand-ins.json"
"""In a folder of generated files in the place of the data sets: which these are. Whoever shows them, says so."""


@dataclass(frozen=True)
class KnownFile:
    """One file of a data set."""

    path: str
    """Below the folder of the data sets, with `/`: the layout that torchvision expects for MNIST."""
    size: int
    md5: str
    sha256: str
    mirrors: tuple[str, ...] = ()
    """Where it is fetched from, in turn; none: it is unpacked from `path` + ".gz"."""
    addresses: tuple[str, ...] = ()
    """Regular expressions for host and path of the URLs under which notebooks ask for this very content."""
    is_own: bool = False
    """Whether the course brings it: whatever lies at its place is the data set, and nothing is fetched."""

    @property
    def name(self) -> str:
        """The name without its folders."""
        return self.path.rpartition("/")[2]

    @property
    def is_needed(self) -> bool:
        """Whether the data set cannot be used without it; an archive only answers its URL once it is unpacked."""
        return not self.path.endswith(".gz")


@dataclass(frozen=True)
class KnownSet:
    """A data set under the name that people know it by."""

    name: str
    files: tuple[KnownFile, ...]


BRANCH = r"(?:refs/heads/)?[\w.-]+"


def _mnist(stem: str, packed: tuple[int, str, str], plain: tuple[int, str, str]) -> tuple[KnownFile, ...]:
    """The archive of one part of MNIST, and the file in it; each as size, md5 and sha256."""
    name = f"{stem}-ubyte.gz"
    hosts = (
        r"ossci-datasets\.s3\.amazonaws\.com/mnist",
        r"(?:www\.)?yann\.lecun\.com/exdb/mnist",
        r"storage\.googleapis\.com/cvdf-datasets/mnist",
        rf"raw\.githubusercontent\.com/fgnt/mnist/{BRANCH}",
        rf"github\.com/fgnt/mnist/(?:raw|blob)/{BRANCH}",
    )
    mirrors = (
        f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}",
        f"https://storage.googleapis.com/cvdf-datasets/mnist/{name}",
        f"https://raw.githubusercontent.com/fgnt/mnist/master/{name}",
    )
    addresses = tuple(f"{host}/{re.escape(name)}" for host in hosts)
    return (
        KnownFile(f"MNIST/raw/{name}", *packed, mirrors, addresses),
        KnownFile(f"MNIST/raw/{stem}-ubyte", *plain),
    )


MNIST = KnownSet(
    "MNIST",
    (
        *_mnist(
            "train-images-idx3",
            (
                9_912_422,
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            (
                47_040_016,
                "6bbc9ace898e44ae57da46a324031adb",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
        ),
        *_mnist(
            "train-labels-idx1",
            (
                28_881,
                "d53e105ee54ea40749a09fcbcd1e9432",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            (
                60_008,
                "a25bea736e30d166cdddb491f175f624",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
        ),
        *_mnist(
            "t10k-images-idx3",
            (
                1_648_877,
                "9fb629c4189551a2d022fa330f9573f3",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            (
                7_840_016,
                "2646ac647ad5339dbf082846283269ea",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
        ),
        *_mnist(
            "t10k-labels-idx1",
            (
                4_542,
                "ec29112dd5afa0611ce80d1b7f02629c",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
            (
                10_008,
                "27ae3e4e09519cfbb04c329615203637",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
    ),
)

_CHAR_RNN = "data/tinyshakespeare/input.txt"
TINY_SHAKESPEARE = KnownSet(
    "Tiny Shakespeare",
    (
        KnownFile(
            "tinyshakespeare/input.txt",
            1_115_394,
            "6fb458f1232090904fb40fe944165e91",
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            (
                f"https://raw.githubusercontent.com/karpathy/char-rnn/master/{_CHAR_RNN}",
                f"https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/{_CHAR_RNN}",
                "https://raw.githubusercontent.com/karpathy/ng-video-lecture/master/input.txt",
                "https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt",
            ),
            (
                rf"raw\.githubusercontent\.com/karpathy/char-rnn/{BRANCH}/{re.escape(_CHAR_RNN)}",
                rf"github\.com/karpathy/char-rnn/(?:raw|blob)/{BRANCH}/{re.escape(_CHAR_RNN)}",
                rf"cdn\.jsdelivr\.net/gh/karpathy/char-rnn(?:@{BRANCH})?/{re.escape(_CHAR_RNN)}",
                rf"raw\.githubusercontent\.com/karpathy/ng-video-lecture/{BRANCH}/input\.txt",
                rf"github\.com/karpathy/ng-video-lecture/raw/{BRANCH}/input\.txt",
                r"storage\.googleapis\.com/download\.tensorflow\.org/data/shakespeare\.txt",
            ),
        ),
    ),
)

KNOWN_SETS = (MNIST, TINY_SHAKESPEARE)

LYRICS = KnownSet("Lyrics", (KnownFile("lyrics/lyrics.csv", 0, "", "", is_own=True),))
STORIES = KnownSet("Stories", (KnownFile("stories/stories.txt", 0, "", "", is_own=True),))
COURSE_SETS = (LYRICS, STORIES)
"""What may not be passed on, or is too large: each course puts its own there, a table with a column each for what is
asked, a text with one story a line."""

ALL_SETS = KNOWN_SETS + COURSE_SETS


def known_by_url(
    url: str, sets: Iterable[KnownSet] = KNOWN_SETS
) -> tuple[KnownSet, KnownFile] | tuple[None, None]:
    """The data set and the file that a URL stands for, or twice None; `?raw=true` and the like do not count."""
    try:
        parts = urlsplit(url.strip())
        place = f"{(parts.hostname or '').lower()}{unquote(parts.path)}"
    except ValueError:  # no URL at all
        return None, None
    is_page = "/blob/" in place and "raw" not in parts.query  # a page about the file, not the file
    if parts.scheme.lower() not in ("http", "https") or is_page:
        return None, None
    for known in sets:
        for file in known.files:
            if any(re.fullmatch(address, place) for address in file.addresses):
                return known, file
    return None, None
