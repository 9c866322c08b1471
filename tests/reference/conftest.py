"""What the tests of the reference share: one thread, and the data sets where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _torch() -> None:
    """One thread: small tensors gain nothing from a second, and tests run side by side.

    Warnings each time: torch gives some once a process, and a test must not depend on those before it.
    """
    import torch

    torch.set_num_threads(1)
    torch.set_warn_always(True)


@pytest.fixture
def data_sets() -> Path:
    """The folder of the real data sets; a test that needs it is skipped where there is none."""
    folder = os.environ.get("AUTOGRADER_DATA", "")
    if not folder:
        pytest.skip("AUTOGRADER_DATA is not set")
    return Path(folder)
