"""`datasets` where it is not installed: stories of the course's own, or made ones, in the forms that notebooks use."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.kernel_side.data_sets import DataSets
from autograder.kernel_side.hub_sets import N_TRAIN, HubSets
from autograder.kernel_side.notices import Notices


@pytest.fixture
def served(tmp_path: Path) -> Iterator[HubSets]:
    notices = Notices()
    finder = HubSets(notices, DataSets(notices, str(tmp_path)))
    yield finder
    sys.modules.pop("datasets", None)
    if finder in sys.meta_path:
        sys.meta_path.remove(finder)


def test_made_stories_come_in_the_forms_of_the_package(
    served: HubSets, capsys: pytest.CaptureFixture[str]
) -> None:
    served.install()
    package = importlib.import_module("datasets")
    whole = package.load_dataset("roneneldan/TinyStories")
    assert sorted(whole) == ["train", "validation"]
    assert len(whole["train"]) == N_TRAIN
    first = package.load_dataset("roneneldan/TinyStories", split="train[:1%]")
    texts = [row["text"] for row in first]
    assert texts == first["text"] == whole["train"][: N_TRAIN // 100]["text"]
    assert first[0]["text"].startswith("Once upon a time")
    assert len(set(texts)) == len(texts) == first.num_rows
    assert first.select(range(3))["text"] == first.take(3)["text"] == texts[:3]
    assert sorted(first.shuffle(seed=1)["text"]) == sorted(texts)
    assert first.skip(199).filter(lambda row: "zzz" in row["text"])["text"] == []
    assert list(first.to_pandas().columns) == ["text"]
    assert "made stories stand in" in capsys.readouterr().out
    with pytest.raises(KeyError):
        first["story"]
    with pytest.raises(ValueError, match="Unknown split"):
        package.load_dataset("TinyStories", split="dev")


def test_the_course_s_own_stories_come_first(served: HubSets, tmp_path: Path) -> None:
    (tmp_path / "stories").mkdir()
    (tmp_path / "stories" / "stories.txt").write_text("".join(f"Story {n}.\n" for n in range(30)))
    assert served.load_dataset("TinyStories", split="train")["text"][:2] == ["Story 0.", "Story 1."]
    assert len(served.load_dataset("TinyStories", split="train+validation")) == 30


def test_what_is_not_known_needs_a_network(served: HubSets) -> None:
    with pytest.raises(ConnectionError, match="without a network"):
        served.load_dataset("wikitext", "wikitext-2-raw-v1", split="train")
    assert served.notices.take() == [{"kind": "network", "what": "the data set wikitext"}]
