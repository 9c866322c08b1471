"""One browser, and one class that was graded for real, for the tests that look at every page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from looking import graded_class

    graded = graded_class(tmp_path_factory.mktemp("hostile"))
    yield graded
    graded.end()


@pytest.fixture(scope="module")
def page_browser() -> Iterator[Any]:
    from looking import browsing

    yield from browsing()
