"""What holds for every test."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# No time limits on examples: a loaded machine must not fail a test. CI tries the same examples every time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def _own_content(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see the course of this repository, whatever the person who runs them has set."""
    monkeypatch.delenv("AUTOGRADER_CONTENT", raising=False)
