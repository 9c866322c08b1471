"""Table 9: a class graded by this grader, by nbgrader and by otter, and the bound that nobody can go below.

The class hands in the reference solution of em-mixture, with a cell at its end that the others test. This grader does all
that it does for a class: fence, questions to the functions, evidence, marks, reports. The others run the cells and one
assertion. What changes when a tolerance changes is measured too: here the run is marked again; the others execute
every notebook again, so they take as long as the first time.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograder.registry import find_assignment
from autograder.rendering import solution_source, to_ipynb
from scripts.bench import peers, tables
from scripts.bench.batch import N_WORKERS, NBGRADER, OTTER, ROOT, Bench
from scripts.bench.measures import Command, CommandError, Usage, run_all
from scripts.bench.peers import Environment, UnavailableError

ASSIGNMENT, PART = "em-mixture", "em"
TEST = "log_likelihoods[-1] > log_likelihoods[0]"
GRADE = "import sys; from autograder.cli import run; sys.exit(0 if run(sys.argv[1:]) in (0, 1) else 2)"
LOOK_SECONDS = 0.05
BOUND, OURS = "the bound: cells in a warm fork, no checks", "this grader, fenced, with marks and reports"
NBGRADER_ROW, OTTER_ROW = f"nbgrader autograde ({NBGRADER[10:]})", f"otter run ({OTTER[14:]})"


@dataclass(frozen=True)
class Graded:
    """What grading the class cost."""

    usage: Usage
    first_seconds: float
    """Until the first result of anybody was there."""
    again_seconds: float | None
    """To mark all again with another tolerance; None where that is grading them again."""


class First:
    """Notes when the first file of a pattern appears below a folder."""

    def __init__(self, folder: Path, pattern: str) -> None:
        self.seconds = float("nan")
        self._folder, self._pattern = folder, pattern
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> First:
        self._began = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(LOOK_SECONDS):
            if next(self._folder.glob(self._pattern), None) is not None:
                self.seconds = time.perf_counter() - self._began
                return


def write_class(folder: Path, n: int) -> list[Path]:
    """Write the notebooks, each with a line of its own, so that none equals another."""
    source = solution_source(find_assignment(ASSIGNMENT), PART)
    paths = []
    for at in range(n):
        text = to_ipynb(f"{source}\n# %%\nassert {TEST}  # {at}\n")
        notebook = nbformat.reads(text, as_version=4)
        about = {"grade": True, "grade_id": "test", "locked": True, "points": 1, "schema_version": 3}
        notebook.cells[-1].metadata["nbgrader"] = about | {
            "solution": False,
            "task": False,
            "cell_type": "code",
        }
        paths.append(folder / f"student{at:02d}.ipynb")
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, paths[-1])
    return paths


def bound(bench: Bench, folder: Path) -> Graded:
    """Cells and nothing else."""
    arguments = [sys.executable, "-m", "scripts.bench.warm_fork", str(N_WORKERS), str(folder)]
    command = Command([*arguments, *map(str, bench.batch)], ROOT, bench.variables)
    with First(folder, "*.done") as first:
        usage = run_all([command], 1, folder / "logs")
    return Graded(usage, first.seconds, None)


def ours(bench: Bench, folder: Path) -> Graded:
    """From the hand-ins to the reports, and marked again."""
    for path in bench.batch:
        target = folder / "in" / path.stem / f"part_{PART}.ipynb"
        target.parent.mkdir(parents=True)
        shutil.copyfile(path, target)
    words = ["grade", str(folder / "in"), "--assignment", ASSIGNMENT, "--run", str(folder / "run")]
    words += ["--workers", str(N_WORKERS)]
    command = Command([sys.executable, "-c", GRADE, *words], ROOT, bench.variables)
    with First(folder / "run", "submissions/*/report.html") as first:
        usage = run_all([command], 1, folder / "logs")
    again = Command([sys.executable, "-c", GRADE, "rescore", str(folder / "run")], ROOT, bench.variables)
    return Graded(usage, first.seconds, run_all([again], 1, folder / "logs").wall_seconds)


def nbgrader(bench: Bench, folder: Path) -> Graded:
    """Dealt out to two courses, as it takes one notebook after another."""
    environment = Environment(bench.cache / "nbgrader", NBGRADER)
    environment.make()
    courses = peers.nbgrader_courses(
        environment, bench.variables, folder, bench.batch, N_WORKERS, source=bench.batch[0]
    )
    with First(folder, "course*/autograded/*/vae/*.ipynb") as first:
        usage = run_all(peers.autograde(environment, bench.variables, courses), N_WORKERS, folder / "logs")
    return Graded(usage, first.seconds, None)


def otter(bench: Bench, folder: Path) -> Graded:
    """A command for each notebook."""
    environment = Environment(bench.cache / "otter-grader", OTTER)
    environment.make()
    commands = peers.otter_run(environment, bench.variables, folder, bench.batch, test=TEST)
    with First(folder, "*/results.json") as first:
        usage = run_all(commands, N_WORKERS, folder / "logs")
    if peers.otter_scores(folder, bench.batch) != [1.0] * len(bench.batch):
        raise CommandError("not all correct notebooks have their point")
    return Graded(usage, first.seconds, None)


GRADERS: dict[str, Callable[[Bench, Path], Graded]] = {
    BOUND: bound,
    OURS: ours,
    NBGRADER_ROW: nbgrader,
    OTTER_ROW: otter,
}


def show(folder: Path, cache: Path, n: int) -> None:
    """Table 9."""
    bench = Bench(folder, cache, write_class(folder / "notebooks", n))
    found: dict[str, Graded] = {}
    for row, grader in GRADERS.items():
        tables.say(f"table 9: {row}")
        place = folder / str(len(found) + len(bench.missing))
        place.mkdir(parents=True)
        try:
            found[row] = grader(bench, place)
        except (CommandError, UnavailableError, OSError, subprocess.SubprocessError) as error:
            bench.missing[row] = " ".join(str(error).split())[-200:]
        shutil.rmtree(place, ignore_errors=True)
    columns = ["grader", "wall s a notebook", "CPU s a notebook", "biggest process MiB", "first result s"]
    columns += ["marked again, s a notebook"]
    tables.show(
        f"9. A class of {n}, {ASSIGNMENT}, {N_WORKERS} at a time", columns, _rows(found, bench), _notes(found)
    )


def _rows(found: dict[str, Graded], bench: Bench) -> Iterator[list[str]]:
    n = len(bench.batch)
    for row, one in found.items():
        used = one.usage
        numbers = [used.wall_seconds / n, used.cpu_seconds / n]
        again = one.again_seconds / n if one.again_seconds is not None else None
        told = (
            "-"
            if row == BOUND
            else f"{again:.2f}"
            if again is not None
            else f"{numbers[0]:.2f} (executed again)"
        )
        yield [
            row,
            f"{numbers[0]:.2f}",
            f"{numbers[1]:.2f}",
            f"{used.peak_mib:.0f}",
            f"{one.first_seconds:.1f}",
            told,
        ]
    yield from ([row, f"not measured: {why}"] for row, why in bench.missing.items())


def _notes(found: dict[str, Graded]) -> Sequence[str]:
    if OURS not in found:
        return ()
    mine = found[OURS]
    said = []
    for row in (NBGRADER_ROW, OTTER_ROW):
        if row in found:
            ratio = found[row].usage.wall_seconds / mine.usage.wall_seconds
            again = found[row].usage.wall_seconds / (mine.again_seconds or float("nan"))
            said.append(
                f"Against {row}: {ratio:.1f} times as fast, {again:.1f} times when a tolerance changed."
            )
    return said
