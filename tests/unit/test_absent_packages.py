"""TensorFlow and Keras where they are not installed: imports in a cell go through, uses do not."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator

import pytest

from autograder.kernel_side.absent_packages import PACKAGES, AbsentPackages
from autograder.kernel_side.notices import Notices


@pytest.fixture
def notices() -> Iterator[Notices]:
    """The stand-in in place of nothing else, for the time of a test."""
    told, others = Notices(), list(sys.meta_path)
    sys.meta_path[:] = [one for one in others if "Path" not in getattr(one, "__name__", "")]
    AbsentPackages(told).install()
    yield told
    sys.meta_path[:] = others
    for name in [name for name in sys.modules if name.partition(".")[0] in PACKAGES]:
        del sys.modules[name]


def in_a_cell(source: str) -> dict[str, object]:
    """The names that a cell leaves."""
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec"), names)
    return names


@pytest.mark.parametrize(
    "source",
    [
        "import tensorflow as tf",
        "from tensorflow import keras",
        "from tensorflow.keras.layers import Dense, LSTM",
        "import keras.models",
    ],
)
def test_imports_of_a_cell_go_through_and_are_told(
    notices: Notices, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    in_a_cell(f"{source}\nafter = 1")
    assert "is not installed here" in capsys.readouterr().out
    (note,) = notices.take()
    assert (note["kind"], note["what"]) == ("absent", source.split()[1].partition(".")[0])


def test_what_is_used_of_them_fails_with_a_sentence(notices: Notices) -> None:
    with pytest.raises(ImportError, match=r"TensorFlow is not installed here.*keras\.Sequential"):
        in_a_cell("import tensorflow as tf\ntf.keras.Sequential([1])")


def test_libraries_that_look_for_them_find_none(notices: Notices) -> None:
    assert importlib.util.find_spec("tensorflow") is None
    with pytest.raises(ModuleNotFoundError):
        exec("import keras", {"__name__": "some.library"})
