"""One browser, and one class that was graded for real, for the tests that look at every page."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

WAIT_SECONDS = 900


@pytest.fixture(scope="session")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The hostile class, graded once for all workers; each serves its review page itself."""
    from looking import grade_class, serve_class

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "hostile-class"
    done = folder / "done"
    try:
        folder.mkdir()
    except FileExistsError:  # another worker grades it
        for _ in range(WAIT_SECONDS):
            if done.exists():
                break
            time.sleep(1)
        assert done.exists(), "the hostile class was not graded; see the error of the other worker"
    else:
        grade_class(folder)
        done.touch()
    served = serve_class(folder)
    yield served
    served.end()


@pytest.fixture(scope="module")
def page_browser() -> Iterator[Any]:
    from looking import browsing

    yield from browsing()
