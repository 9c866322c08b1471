"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from autograder.execute import local, slots
from tests.kept_nurseries import SharedNursery, close_kept

# No time limits on examples: a loaded machine must not fail a test. CI tries the same examples every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def _own_content(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see the course of this repository, whatever the person who runs them has set."""
    monkeypatch.delenv("AUTOGRADER_CONTENT", raising=False)


@pytest.fixture(scope="session", autouse=True)
def _shared_nursery() -> Iterator[None]:
    """Executors of this process have one warm nursery, which starts with the first that needs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "Nursery", SharedNursery)
        yield
    close_kept()


@pytest.fixture(scope="module")
def own_nurseries() -> Iterator[None]:
    """For tests that look at the processes and folders of an executor: it starts and ends all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "Nursery", slots.Nursery)
        yield
