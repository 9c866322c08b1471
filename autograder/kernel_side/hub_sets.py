"""`datasets` where it is not installed: `load_dataset` for stories, the text of the course's own or a made one.

A hub cannot be reached from here, and what a notebook learns from simple stories it learns from these too.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import random
import re
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .data_sets import DataSets
from .known_data import STORIES, TINY_SHAKESPEARE, KnownFile
from .notices import Notices

PACKAGE = "datasets"
N_TRAIN, N_VALIDATION = 20_000, 2_000
WORDS: dict[str, tuple[str, ...]] = {
    "who": ("little girl", "small dog", "old bear", "brave mouse", "kind boy", "tiny bird", "big cat", "shy fox"),
    "place": ("in the garden", "by the river", "at the market", "under a tree", "in the snow", "near the sea", "at home"),
    "thing": ("red ball", "shiny stone", "old key", "warm cake", "lost kite", "blue hat", "wooden boat", "long rope"),
    "mood": ("happy", "sad", "curious", "tired", "scared", "proud", "angry", "calm"),
    "deed": ("play", "sing", "look for it", "share it", "build a house", "go home", "run fast", "help a friend"),
}  # fmt: skip
SENTENCES = (
    "Once upon a time there was a {who} called {name}.",
    "One day {name} was {place} and found a {thing}.",
    'A {who} called {friend} came. "Do you want to {deed}?" asked {friend}.',
    '"Yes," said {name}, "let us {deed} together."',
    "{name} was {mood}, and {friend} was {mood}.",
    "They went to {deed} {place}.",
    "{name} had a {thing}, but it was gone.",
    "{friend} gave {name} the {thing} and was {mood}.",
)
SYLLABLES = (
    "an",
    "bel",
    "dor",
    "el",
    "fin",
    "ga",
    "ho",
    "ka",
    "lim",
    "mo",
    "na",
    "pel",
    "ri",
    "sa",
    "to",
    "vi",
)


def made_story(number: int) -> str:
    """A story of simple sentences with names that no other has; always the same for a number."""
    drawn = random.Random(number)
    names = {one: "".join(drawn.choices(SYLLABLES, k=4)).capitalize() for one in ("name", "friend")}
    told = [
        SENTENCES[0],
        *drawn.choices(SENTENCES[1:], k=drawn.randint(4, 8)),
        "They were friends from then on.",
    ]
    return " ".join(
        one.format(**names, **{key: drawn.choice(held) for key, held in WORDS.items()}) for one in told
    )


class Rows:
    """Rows with the one column `text`: what notebooks use of a `Dataset`."""

    column_names = ("text",)

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.texts)

    @property
    def num_rows(self) -> int:
        """The same."""
        return len(self)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """One row after the other."""
        return ({"text": text} for text in self.texts)

    def __getitem__(self, key: Any) -> Any:
        """The column, rows of it, or one row, as in the package."""
        if isinstance(key, str):
            if key != "text":
                raise KeyError(f"Column {key} not in the dataset. Current columns in the dataset: ['text']")
            return list(self.texts)
        if isinstance(key, slice):
            return {"text": list(self.texts[key])}
        if isinstance(key, Sequence | range):
            return {"text": [self.texts[place] for place in key]}
        return {"text": self.texts[int(key)]}

    def select(self, indices: Any, **_: Any) -> Rows:
        """Some of the rows."""
        return Rows([self.texts[int(place)] for place in indices])

    def take(self, n: int) -> Rows:
        """The first rows."""
        return Rows(self.texts[:n])

    def skip(self, n: int) -> Rows:
        """The others."""
        return Rows(self.texts[n:])

    def shuffle(self, seed: int | None = None, **_: Any) -> Rows:
        """The rows in another order; always the same one for a seed."""
        texts = list(self.texts)
        random.Random(seed or 0).shuffle(texts)
        return Rows(texts)

    def filter(self, function: Callable[[dict[str, Any]], Any], **_: Any) -> Rows:
        """The rows that a function accepts."""
        return Rows([row["text"] for row in self if function(row)])

    def to_pandas(self) -> Any:
        """A frame of one column."""
        return importlib.import_module("pandas").DataFrame({"text": list(self.texts)})


class HubSets(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `datasets` where nothing else does."""

    def __init__(self, notices: Notices, data: DataSets) -> None:
        self.notices = notices
        self.data = data

    def install(self) -> None:
        """Comes last among the finders."""
        sys.meta_path.append(self)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """A spec for the package alone."""
        if fullname != PACKAGE:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin="stand-in")

    def exec_module(self, module: types.ModuleType) -> None:
        """Fills the stand-in."""
        vars(module).update(load_dataset=self.load_dataset, Dataset=Rows, DatasetDict=dict)

    def load_dataset(self, path: str, name: Any = None, *_: Any, split: Any = None, **others: Any) -> Any:
        """Stories, or Tiny Shakespeare, for what is called so; ConnectionError for anything else."""
        asked = re.sub(r"[\W_]", "", f"{path} {name or ''}").lower()
        sets: dict[str, Sequence[str]]
        if "shakespeare" in asked and (text := self._text(TINY_SHAKESPEARE.files[0])):
            sets = {
                "train": [text],
                "validation": [text[-len(text) // 20 :]],
                "test": [text[-len(text) // 20 :]],
            }
        elif "stories" in asked:
            sets = self._stories()
        else:
            self.notices.record("network", f"the data set {path}")
            raise ConnectionError(f"Couldn't reach '{path}' on the Hub: notebooks are run without a network")
        if split is None:
            return {key: Rows(texts) for key, texts in sets.items()}
        return Rows(_part_of(sets, str(split)))

    def _stories(self) -> dict[str, Sequence[str]]:
        lines = [line for line in self._text(STORIES.files[0]).splitlines() if line.strip()]
        if lines:
            said = "The stories are the course's own: the hub of the data set cannot be reached from here."
        else:
            lines = [made_story(number) for number in range(N_TRAIN + N_VALIDATION)]
            said = "The hub of the data set cannot be reached from here; made stories stand in for it."
        self.notices.note("package", PACKAGE, said)
        n = len(lines) - max(1, len(lines) * N_VALIDATION // (N_TRAIN + N_VALIDATION))
        return {"train": lines[:n] or lines, "validation": lines[n:]}

    def _text(self, file: KnownFile) -> str:
        path = self.data.local(file)
        if not path:
            return ""
        with open(path, encoding="utf-8", errors="replace") as source:  # noqa: PTH123
            return source.read()


def _part_of(sets: dict[str, Sequence[str]], split: str) -> Sequence[str]:
    """The rows that a split names: `train`, `train[:500]`, `train[10%:20%]`, `train+validation`."""
    found: list[str] = []
    for one in split.split("+"):
        match = re.fullmatch(r"\s*(\w+)(?:\[(-?\d*%?):(-?\d*%?)\])?\s*", one)
        if match is None or match[1] not in sets:
            raise ValueError(f'Unknown split "{split}". Should be one of {list(sets)}.')
        rows = sets[match[1]]
        low, high = (_place(text or "", len(rows)) for text in (match[2], match[3]))
        found += rows[low:high]
    return found


def _place(text: str, n: int) -> int | None:
    if not text:
        return None
    return max(1, n * int(text[:-1]) // 100) if text.endswith("%") else int(text)
