"""The archive for Gradescope, run as Gradescope runs it: in folders laid out like its container's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.execute import fences
from autograder.execute.local import LocalExecutor
from autograder.gradescope.archive import archive
from autograder.gradescope.settings import Settings
from autograder.registry import find_assignment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
THIEF = """
import os
reached = []
for name in {read!r}:
    try:
        open(name).read(1)
        reached.append(name)
    except OSError:
        pass
for name in {written!r}:
    try:
        open(name, "w").write('{{"score": 1000.0}}')
        reached.append(name)
    except OSError:
        pass
if reached:
    os._exit(7)
"""


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder like `/autograder`, which other users can enter, as there."""
    with tempfile.TemporaryDirectory(prefix="gradescope-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        for name, content in archive(
            find_assignment("aml-a3"), Settings(assignment="aml-a3", parts=("a",))
        ).items():
            path = place / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for path in (place / "source" / "content").rglob("*"):  # as setup.sh does
            path.chmod(0o700 if path.is_dir() else 0o600)
        (place / "source" / "content").chmod(0o700)
        (place / "submission").mkdir()
        (place / "submission_metadata.json").write_text(
            '{"assignment": {"total_points": "50.0"}}', encoding="utf-8"
        )
        yield place


def hand_in(root: Path, first_cell: str) -> None:
    """Hand in the template, untouched but for a cell of one's own before all others."""
    notebook = json.loads((ROOT / "student_template" / "aml-a3" / "part_a.ipynb").read_text(encoding="utf-8"))
    cell = {"cell_type": "code", "id": "own", "metadata": {}, "outputs": [], "execution_count": None}
    notebook["cells"].insert(0, cell | {"source": first_cell})
    (root / "submission" / "part_a.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def ran(root: Path) -> tuple[int, dict[str, Any]]:
    kept = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "AUTOGRADER_CONTENT")
    }
    done = subprocess.run(
        ["bash", str(root / "source" / "run_autograder"), str(root)],
        env=kept | {"AUTOGRADER_PYTHON": sys.executable},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return done.returncode, json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))


def thief(root: Path) -> str:
    content = root / "source" / "content"
    read = [content / "reference/aml_a3/golden/part_a.json", content / "rubrics/aml-a3/part_a.yaml"]
    written = [
        root / "results" / "results.json",
        root / "submission" / "stolen",
        root / "source" / "settings.json",
    ]
    return THIEF.format(read=[*map(str, read)], written=[*map(str, written)])


def can_fence() -> bool:
    with LocalExecutor() as executor:
        return not all(executor.survey().values())


def test_a_notebook_reaches_neither_goldens_nor_its_own_score(root: Path) -> None:
    if not can_fence():
        pytest.skip("no fence works on this machine")
    hand_in(root, thief(root))
    status, found = ran(root)
    assert status == 0, found
    assert 0.0 <= found["score"] <= 48.0
    assert sum(test["max_score"] for test in found["tests"]) == 48.0
    assert "Python ended" not in found["output"]
    assert found["extra_data"]["fences"][0] in ("namespaces", "landlock", "container")
    assert not (root / "submission" / "stolen").exists()
    told = json.dumps([found["output"], found["tests"]])
    assert str(root) not in told
    assert {test["visibility"] for test in found["tests"]} == {"visible", "after_published"}


def test_without_a_fence_the_same_notebook_would_have_reached_them(root: Path) -> None:
    """What the test above would see if the fence were open."""
    settings = root / "source" / "settings.json"
    settings.write_text(settings.read_text(encoding="utf-8").replace('"auto"', '"none"'), encoding="utf-8")
    hand_in(root, thief(root))
    _, found = ran(root)
    assert (root / "submission" / "stolen").exists() or os.geteuid() != 0
    assert "Python ended" in found["output"]


def test_landlock_is_put_up_where_the_grader_is_installed_nowhere(root: Path) -> None:
    """What Docker mostly leaves: behind it, nobody may look for the grader's package in the folder around it."""
    if why_not := fences.possible("landlock"):
        pytest.skip(why_not)
    settings = root / "source" / "settings.json"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace('"auto"', '"landlock"'), encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-m", "autograder.gradescope", "--look", str(root)],
        env=os.environ | {"PYTHONPATH": str(root / "source" / "engine")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "fence: landlock" in done.stdout, done.stderr


def test_a_submission_without_a_notebook_is_told_so(root: Path) -> None:
    (root / "submission" / "answer.pdf").write_bytes(b"%PDF-1.4")
    _, found = ran(root)
    assert "Nothing of this could be graded" in found["output"]
    assert sum(test["score"] for test in found.get("tests", [])) == 0.0
