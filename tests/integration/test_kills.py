"""A grading that is killed at random moments, its workers too, ends as an undisturbed one and leaves nothing.

The long form is `python scripts/kills.py`: a hundred kills of a batch of thirty.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from kills import TARGETS, rehearse


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="kills processes of a slot, which only Linux has")
def test_killed_anywhere_a_grading_ends_the_same(tmp_path: Path) -> None:
    found = rehearse(tmp_path, n_kills=6, n_notebooks=6, kernel="cold", seed=3)
    assert found.n_kills == 6
    assert set(found.targets) <= set(TARGETS)
    assert found.differences == []
    assert found.left == []
