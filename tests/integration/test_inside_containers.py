"""Inside a container that refuses namespaces, as Docker's default profile does, the grading steps down and says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.execute.fence import landlock

ROOT = Path(__file__).parents[2]
LIKE_DOCKER = """
import json, sys
from pathlib import Path
from autograder.execute.fence import seccomp
seccomp.install(seccomp.Rules(network=True, connect=True))  # no unshare, setns, mount, clone with CLONE_NEW*
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Job, Options
out = Path(sys.argv[1])
with LocalExecutor(Options(kernel="cold")) as executor:
    record = executor.execute(Job(notebook=out / "n.ipynb", out=out / "out"))
    print(json.dumps({"level": record.fence_level, "why": executor.choice().why, "state": record.state,
                      "errors": [cell.error and cell.error.name for cell in record.cells]}))
"""
CELLS = [
    "x = sum(range(10))",
    "import socket\nsocket.create_connection(('127.0.0.1', 9), 1)",
    f"open({str(ROOT / 'README.md')!r}).read()",
    "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == -1\nassert not __import__('os').listdir('.')",
]


@pytest.mark.slow
@pytest.mark.skipif(
    landlock.abi() < landlock.LEAST_ABI, reason="this Linux has no Landlock that fences signals"
)
def test_a_default_container_is_fenced_by_landlock(tmp_path: Path) -> None:
    cells = [
        {
            "cell_type": "code",
            "id": f"c{at}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for at, source in enumerate(CELLS)
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "n.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", LIKE_DOCKER, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(ran.stdout)
    assert (said["level"], said["state"]) == ("landlock", "complete")
    assert "no namespaces" in said["why"]
    assert said["errors"] == [None, "OSError", "PermissionError", None]
