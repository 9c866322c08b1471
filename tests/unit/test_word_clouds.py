"""`wordcloud` where it is not installed: what notebooks use of it works, and they are told."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from autograder.kernel_side.notices import Notices
from autograder.kernel_side.word_clouds import PACKAGE, WordCloud, WordClouds


@pytest.fixture
def notices() -> Iterator[Notices]:
    """The stand-in in place, for the time of a test, and any real package out of sight."""
    told = Notices()
    finder, others = WordClouds(told), list(sys.meta_path)
    sys.modules.pop(PACKAGE, None)
    finder.install()
    yield told
    sys.meta_path[:] = others
    sys.modules.pop(PACKAGE, None)


def test_the_import_works_and_is_told(notices: Notices, capsys: pytest.CaptureFixture[str]) -> None:
    if importlib.util.find_spec(PACKAGE).origin != "stand-in":  # type: ignore[union-attr]
        return  # the package itself comes first
    made = importlib.import_module(PACKAGE)
    assert {"the", "and"} <= made.STOPWORDS
    assert "stands in" in capsys.readouterr().out
    (note,) = notices.take()
    assert (note["kind"], note["what"]) == ("package", PACKAGE)


def test_other_packages_are_not_found_by_it() -> None:
    assert WordClouds(Notices()).find_spec("wordclouds") is None


def test_a_cloud_of_a_text_is_a_coloured_picture(tmp_path: Path) -> None:
    cloud = WordCloud(width=300, height=150, background_color="white", colormap="viridis").generate(
        "The river, the river! Night of 1999 and the Singer's night; river."
    )
    assert cloud.words_ == {"river": 1.0, "night": 2 / 3, "singer": 1 / 3}
    picture = np.asarray(cloud)
    assert picture.shape == (150, 300, 3)
    assert len(np.unique(picture)) > 2
    assert np.array_equal(picture, cloud.to_array()), "always the same picture"
    cloud.to_file(tmp_path / "cloud.png")
    assert (tmp_path / "cloud.png").stat().st_size > 100


def test_clouds_of_weights_and_of_own_stop_words() -> None:
    cloud = WordCloud(max_words=2).generate_from_frequencies({"sea": 2, "river": 4, "night": 1})
    assert cloud.words_ == {"river": 1.0, "sea": 0.5}
    assert WordCloud(stopwords={"sea"}).process_text("Sea the the") == {"the": 2}


def test_a_cloud_without_words_is_refused_as_in_the_package() -> None:
    with pytest.raises(ValueError, match="at least 1 word"):
        WordCloud().generate("the and of")
    with pytest.raises(ValueError, match="generate first"):
        WordCloud().to_image()


def test_no_random_stream_of_the_notebook_is_touched() -> None:
    import random

    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = (random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]  # noqa: NPY002
    WordCloud().generate("river sea night").to_array()
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # type: ignore[index]  # noqa: NPY002
