"""A warm kernel records what a cold one does, to the last bit, however many notebooks its worker ran before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from autograder.errors import UsageError
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Options
from scripts.bench import notebooks
from scripts.bench.sameness import CELLS, differences, evidence

pytestmark = pytest.mark.slow

N_JOBS = 6
UNSEEDED = (
    "import random\nimport numpy as np\nimport torch",
    "a = np.array([random.random(), np.random.random(), float(torch.rand(1, dtype=torch.float64))])",
)


@pytest.fixture(scope="module")
def warm() -> Iterator[LocalExecutor]:
    with LocalExecutor(Options(kernel="warm"), own_work=True) as executor:
        try:
            executor.choice()
        except UsageError as error:
            pytest.skip(str(error))
        yield executor


def test_evidence_does_not_depend_on_how_a_kernel_started(warm: LocalExecutor, tmp_path: Path) -> None:
    notebook = notebooks.write(tmp_path / "same.ipynb", CELLS)
    with LocalExecutor(Options(kernel="cold"), own_work=True) as cold:
        base = evidence(cold, notebook, tmp_path / "cold")
    assert len(base) > len(CELLS)  # a document for each cell, and the answers of the function
    for number in range(1, N_JOBS + 1):
        found = evidence(warm, notebook, tmp_path / "warm")
        assert not list(differences(base, found)), f"job {number}"


def test_what_nobody_seeded_is_not_the_same_in_two_warm_kernels(warm: LocalExecutor, tmp_path: Path) -> None:
    notebook = notebooks.write(tmp_path / "unseeded.ipynb", UNSEEDED)
    drawn = []
    for name in ("one", "other"):
        container = evidence(warm, notebook, tmp_path / name)["cell-0001.safetensors"]
        drawn.append(container.arrays[container.document["values"]["a"]["ref"]])
    assert np.all(drawn[0] != drawn[1]), "a stream of Python, numpy or torch was inherited"
