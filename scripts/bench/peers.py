"""Other graders: installed into environments of their own, and asked to grade the same notebooks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.bench import notebooks
from scripts.bench.measures import Command
from scripts.bench.tables import say

INSTALL_SECONDS = 600


class UnavailableError(RuntimeError):
    """A tool cannot be had here; the message says why."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with one tool in it; what kernels import it shares with ours."""

    folder: Path
    requirement: str

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def program(self, name: str) -> str:
        """Path of one of its programs."""
        return str(self.folder / "bin" / name)

    def activated(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables of a shell in which it is activated: nbgrader starts a program by name."""
        return {**variables, "PATH": f"{self.folder / 'bin'}:{variables.get('PATH', '')}"}

    def make(self) -> None:
        """Installs the tool, once. UnavailableError when that is not possible."""
        stamp = self.folder / "installed"
        if stamp.is_file() and stamp.read_text() == self.requirement:
            return
        say(f"installing {self.requirement}")
        try:
            _run([sys.executable, "-m", "venv", "--clear", str(self.folder)])
            _borrow_packages(self.python)
            _run([str(self.python), "-m", "pip", "install", "--quiet", self.requirement])
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            raise UnavailableError(f"cannot be installed: {' '.join(said.split())[-160:]}") from error
        stamp.write_text(self.requirement)


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)


def _borrow_packages(python: Path) -> None:
    """Puts our packages behind those of another environment: the same torch for all, and nothing twice on disk."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True)
    Path(found.stdout.strip(), "zz-ours.pth").write_text(sysconfig.get_path("purelib") + "\n")


# -------------------------------------------------------------------- nbgrader


def nbgrader_courses(
    environment: Environment,
    variables: Mapping[str, str],
    folder: Path,
    batch: Sequence[Path],
    n: int,
    source: Path | None = None,
) -> list[Path]:
    """`n` course folders with a share of the batch each, ready for `nbgrader autograde`, which uses one core.

    `source`: the instructor's notebook, in the place of the short one that trains.
    """
    courses = [folder / f"course{index}" for index in range(n)]
    for index, course in enumerate(courses):
        shutil.rmtree(course, ignore_errors=True)
        own = notebooks.write(course / "source" / "vae" / "vae.ipynb", notebooks.vae_cells(0))
        if source is not None:
            shutil.copyfile(source, own)
        (course / "nbgrader_config.py").write_text(
            "c = get_config()\nc.CourseDirectory.course_id = 'bench'\nc.ExecutePreprocessor.timeout = 300\n"
        )
        make = [environment.program("nbgrader"), "generate_assignment", "vae"]
        Command(make, course, environment.activated(variables)).run(course / "generate.log")
        for path in batch[index::n]:
            target = course / "submitted" / path.stem / "vae" / "vae.ipynb"
            target.parent.mkdir(parents=True)
            shutil.copyfile(path, target)
    return courses


def autograde(
    environment: Environment, variables: Mapping[str, str], courses: Sequence[Path]
) -> list[Command]:
    """One command for each course."""
    arguments = [environment.program("nbgrader"), "autograde", "vae", "--force"]
    return [Command(arguments, course, environment.activated(variables)) for course in courses]


# ----------------------------------------------------------------------- otter

VAE_TEST = "losses[-1] > 0 and slope < 0"


def otter_archive(path: Path, test: str) -> Path:
    """The configuration that `otter run` takes: one trivial test, an expression that has to be true."""
    case = {"code": f">>> bool({test})\nTrue", "hidden": False, "locked": False}
    suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
    whole = {"name": "test", "points": 1, "suites": [suite]}
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("otter_config.json", json.dumps({"lang": "python", "show_hidden": True}))
        archive.writestr("tests/test.py", f"OK_FORMAT = True\ntest = {whole!r}\n")
    return path


def otter_run(
    environment: Environment,
    variables: Mapping[str, str],
    folder: Path,
    batch: Sequence[Path],
    test: str = VAE_TEST,
) -> list[Command]:
    """One command for each notebook."""
    archive = otter_archive(folder / "autograder.zip", test)
    commands = []
    for path in batch:
        out = folder / path.stem
        out.mkdir(parents=True, exist_ok=True)
        asked = ["run", "-a", str(archive), "-o", str(out), "--no-logo", str(path)]
        commands.append(
            Command([environment.program("otter"), *asked], out, environment.activated(variables))
        )
    return commands


def otter_scores(folder: Path, batch: Sequence[Path]) -> list[float]:
    """What each notebook was given."""
    results = [json.loads((folder / path.stem / "results.json").read_text()) for path in batch]
    return [sum(float(test.get("score") or 0) for test in result["tests"]) for result in results]
