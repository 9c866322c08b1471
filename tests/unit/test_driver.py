"""The driver without a kernel: what it does when what observes a notebook does not start."""

from __future__ import annotations

from typing import Any

import pytest

from autograder.execute.driver import Run, Task
from autograder.execute.kernel import KernelStartError, Outcome
from autograder.execute.protocol import Plan
from autograder.records import Limits

TASK = Task(
    plan=Plan(),
    limits=Limits(),
    input_digest="",
    python="python",
    kernel="warm",
    environment={},
    executor="local",
    level="namespaces",
)
NO_OBSERVER = Outcome("error", {"ename": "LookupError", "evalue": "no observer"})


class Answers:
    """A kernel that answers as it is told, one run after another."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)

    def run(self, code: str, seconds: float, **about: Any) -> Outcome:
        return self.outcomes.pop(0)


def run_of(kind: str, *outcomes: Outcome) -> Run:
    run = object.__new__(Run)
    run.job = TASK.model_copy(update={"kernel": kind})
    run.folders = {"seen": "/seen", "work": "/work"}
    run.kernel = Answers(*outcomes)  # type: ignore[assignment]
    return run


@pytest.mark.parametrize(
    ("kind", "outcomes"),
    [("warm", [Outcome("ok")]), ("warm", [NO_OBSERVER, Outcome("ok")]), ("cold", [Outcome("ok")])],
)
def test_an_observer_that_starts_is_used(kind: str, outcomes: list[Outcome]) -> None:
    run = run_of(kind, *outcomes)
    run._load_observer()
    assert not run.kernel.outcomes  # type: ignore[attr-defined]


@pytest.mark.parametrize("last", [Outcome("error", {"ename": "ImportError", "evalue": "x"}), Outcome("died")])
@pytest.mark.parametrize(("kind", "first"), [("warm", [NO_OBSERVER]), ("cold", [])])
def test_without_an_observer_nothing_is_executed(kind: str, first: list[Outcome], last: Outcome) -> None:
    with pytest.raises(KernelStartError, match="did not start"):
        run_of(kind, *first, last)._load_observer()
