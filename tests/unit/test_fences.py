"""Which level of the fence a grading takes, and when it refuses to run."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.errors import UsageError
from autograder.execute import fences
from autograder.execute.fences import Level, choose
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Options
from autograder.execute.slots import Slot, SlotError, SlotRefused


@pytest.fixture(autouse=True)
def nothing_against(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every level may be tried here."""
    monkeypatch.setattr(fences, "possible", lambda level: "")


def only(*working: Level) -> Callable[[Level], str]:
    return lambda level: "" if level in working else f"{level} is refused"


def test_auto_takes_the_strongest_that_works_and_says_why() -> None:
    assert choose("auto", only("namespaces", "landlock"), own_work=False).level == "namespaces"
    choice = choose("auto", only("landlock", "container"), own_work=False)
    assert choice.level == "landlock"
    assert "namespaces is refused" in choice.why


def test_without_a_fence_only_ones_own_work_runs() -> None:
    with pytest.raises(UsageError, match="--fence none") as refused:
        choose("auto", only("none"), own_work=False)
    assert "landlock is refused" in str(refused.value)
    assert "autograder doctor" in str(refused.value)
    assert choose("auto", only("none"), own_work=True).level == "none"


def test_a_level_that_is_named_is_taken_or_refused() -> None:
    assert choose("none", only("none"), own_work=False).level == "none"
    with pytest.raises(UsageError, match=r"landlock is refused.*lsm=landlock"):
        choose("landlock", only("namespaces"), own_work=False)


def test_levels_that_cannot_be_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Level] = []

    def attempt(level: Level) -> str:
        tried.append(level)
        return ""

    monkeypatch.setattr(fences, "possible", lambda level: "not here" if level == "namespaces" else "")
    assert choose("auto", attempt, own_work=False).level == "landlock"
    assert tried == ["landlock"]


def test_a_stock_kernel_has_no_fence() -> None:
    with LocalExecutor(Options(kernel="stock")) as executor, pytest.raises(UsageError, match="stock kernel"):
        executor.choice()
    with LocalExecutor(Options(kernel="stock", fence="none")) as executor:
        assert executor.choice().level == "none"


def test_platforms_without_a_fence_use_stock_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(sys, "platform", "darwin")
    executor = LocalExecutor(own_work=True)
    assert (executor.kernel, executor.choice().level) == ("stock", "none")
    with pytest.raises(UsageError, match="has no such fence"):
        LocalExecutor().choice()


def test_sockets_of_others_are_found(tmp_path: Path) -> None:
    place = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(place))
        door.listen(1)
        assert str(place) in fences.sockets_in_reach(None)
        place.chmod(0o700)
        assert str(place) not in fences.sockets_in_reach(12_345)  # somebody who may not
    assert str(place) not in fences.sockets_in_reach(12_345)


class Breaking(LocalExecutor):
    """Slots that break at their start so many times."""

    def __init__(self, n: int, error: OSError) -> None:
        super().__init__(Options())
        self.left, self.error, self.levels = n, error, list[Level]()

    def _new_slot(self, level: Level) -> Slot:
        self.levels.append(level)
        if self.left:
            self.left -= 1
            raise self.error
        return Slot(socket.socket(), "", "", lambda: None, lambda: "")


def test_a_slot_that_was_killed_at_its_start_does_not_lower_the_fence() -> None:
    with Breaking(2, SlotError("the other side is gone")) as executor:
        assert executor.choice().level == "namespaces"
    assert executor.levels == ["namespaces"] * 3


def test_a_fence_that_is_refused_is_not_tried_again() -> None:
    with Breaking(1, SlotRefused("no namespaces here")) as executor:
        assert executor.choice().level == "landlock"
    assert executor.levels == ["namespaces", "landlock"]
