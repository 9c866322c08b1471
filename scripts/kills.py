"""Kills a grading again and again, at random moments, and compares what it ends in with an undisturbed one.

    python scripts/kills.py [--kills 100] [--notebooks 30] [--kernel warm] [--seed 1]

Each kill is SIGKILL for the grader, the nursery, a slot's supervisor, its driver or its kernel, chosen at random, at a
random moment: while notebooks run, while they are scored, while files are written. A grader that was killed is
started again with the same command. At the end `results.json` must be that of the undisturbed run, and nothing
may be left: no process, no mount, no temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from autograder.execute.fence import processes
from autograder.store import RunInfo, write_record

ROOT = Path(__file__).parents[1]
SECRET = "kills"
GRADE = "import sys; from autograder.cli import main; sys.argv[0] = 'autograder'; main()"
TARGETS = ("grader", "nursery", "supervisor", "driver", "kernel")
LONGEST_SECONDS = 6.0
"""Between a start, or the kill before, and a kill."""
OURS = ("autograder-", "/outer", "/spool", "/student")
"""What stands in the line of a mount that a fence made."""
MOST_DIFFERENCES = 40
"""That are printed."""
PATIENCE_SECONDS = 5.0
"""How long what was below a killed process may take to end."""


@dataclass
class Rehearsal:
    """What became of a grading that was killed."""

    n_kills: int = 0
    n_starts: int = 0
    targets: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    """Between the results of both, with their places; empty when they are equal."""
    left: list[str] = field(default_factory=list)
    """Processes, mounts and folders that should be gone."""


def rehearse(
    folder: Path, *, n_kills: int, n_notebooks: int, kernel: str = "warm", seed: int = 1
) -> Rehearsal:
    """Grade a batch undisturbed and killed, both below `folder`; what came of it."""
    source = folder / "in"
    hand_in(source, n_notebooks)
    for name in ("whole", "killed"):
        info = RunInfo(assignment="aml-a3", parts=("a",), source=str(source), secret=SECRET)
        write_record(folder / name / "run.json", info)
    temporary = folder / "tmp"
    temporary.mkdir()
    before = mounts()
    whole = start(source, folder / "whole", kernel, temporary)
    whole.wait()
    found = Rehearsal()
    rng = random.Random(seed)
    grader = start(source, folder / "killed", kernel, temporary)
    found.n_starts = 1
    while True:
        if found.n_kills < n_kills:
            wait_a_moment(grader, rng.uniform(0.0, LONGEST_SECONDS))
        else:
            grader.wait()
        if grader.poll() is not None and found.n_kills >= n_kills:
            break
        if grader.poll() is None:
            target = rng.choice(TARGETS)
            if kill(grader.pid, target, rng):
                found.n_kills += 1
                found.targets[target] += 1
        if grader.poll() is not None or wait_for_end(grader):
            if (folder / "killed" / "results.json").exists() and found.n_kills < n_kills:
                forget_one(folder / "killed", rng)  # it came to its end: there must be something left to kill
            grader = start(source, folder / "killed", kernel, temporary)
            found.n_starts += 1
    last = start(source, folder / "killed", kernel, temporary)  # what two kills in a row left unexecuted
    last.wait()
    found.n_starts += 1
    found.differences = list(differences(results(folder / "whole"), results(folder / "killed")))
    found.left = left_over(temporary, before)
    return found


def start(source: Path, run: Path, kernel: str, temporary: Path) -> subprocess.Popen[bytes]:
    """The grading as a process of its own, with its messages in a file beside the run."""
    command = [sys.executable, "-c", GRADE, "grade", str(source), "--assignment", "aml-a3", "--part", "a"]
    command += ["--run", str(run), "--workers", "2", "--kernel", kernel, "--cell-seconds", "2"]
    with run.with_suffix(".log").open("ab") as said:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
        return subprocess.Popen(command, env=environment, stdout=said, stderr=said, stdin=subprocess.DEVNULL)


def wait_a_moment(grader: subprocess.Popen[bytes], seconds: float) -> None:
    """Waits, or less when the grading ends by itself."""
    try:
        grader.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def wait_for_end(grader: subprocess.Popen[bytes]) -> bool:
    """Whether the grader is a process that was just killed."""
    try:
        grader.wait(0.01)
    except subprocess.TimeoutExpired:
        return False
    return True


def kill(grader: int, target: str, rng: random.Random) -> bool:
    """SIGKILL for one process of the kind that was drawn; whether there was one."""
    chosen = [grader] if target == "grader" else of_kind(target, grader)
    if not chosen:
        return False
    try:
        os.kill(rng.choice(chosen), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def of_kind(target: str, grader: int) -> list[int]:
    """Processes below the grader: nurseries are its children, supervisors forks of those; a slot's first process has
    two children, a driver and a kernel, which is a fork of the nursery as well, or a program.
    """
    below = processes.descendants(grader)
    lines = {pid: command_line(pid) for pid in below}
    drivers = {pid for pid, line in lines.items() if "autograder.execute.driver" in line}
    firsts = {parent_of(pid) for pid in drivers} - drivers
    found = []
    for pid in below:
        if pid in drivers:
            kind = "driver"
        elif parent_of(pid) in firsts:
            kind = "kernel"
        elif "nursery.main" in lines[pid]:
            kind = "nursery" if parent_of(pid) == grader else "supervisor"
        else:
            kind = ""
        if kind == target:
            found.append(pid)
    return found


def command_line(pid: int) -> str:
    """The words of a process, or "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def parent_of(pid: int) -> int:
    """The parent of a process, or 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def forget_one(run: Path, rng: random.Random) -> None:
    """Removes one execution, so that the next start has something to do."""
    done = sorted(run.glob("submissions/*/execution.json"))
    if done:
        rng.choice(done).unlink()


def results(run: Path) -> Any:
    """The results of a run, or None."""
    try:
        return json.loads((run / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def differences(whole: Any, killed: Any, place: str = "") -> Iterator[str]:
    """Each place where two JSON values differ, and what stands there; a missing value is None."""
    if isinstance(whole, dict) and isinstance(killed, dict):
        for key in sorted(whole.keys() | killed.keys()):
            yield from differences(whole.get(key), killed.get(key), f"{place}/{key}")
    elif isinstance(whole, list) and isinstance(killed, list):
        for index, (one, other) in enumerate(zip_longest(whole, killed)):
            yield from differences(one, other, f"{place}/{index}")
    elif whole != killed:
        yield f"{place}: {str(whole)[:200]} | {str(killed)[:200]}"


def mounts() -> int:
    """How many mounts of a fence this process sees."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return sum(any(mark in line for mark in OURS) for line in lines)


def left_over(temporary: Path, mounts_before: int) -> list[str]:
    """What should be gone: processes that know the temporary folder, mounts, temporary files."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (alive := survivors(temporary)) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = [f"process {pid}: {command_line(pid)[:100]}" for pid in alive]
    if mounts() > mounts_before:
        left.append(f"{mounts() - mounts_before} mounts")
    return left + [f"folder {path.name}" for path in temporary.iterdir() if not _is_pythons_own(path)]


def _is_pythons_own(path: Path) -> bool:
    """Whether it is the empty folder of Python's `multiprocessing`, of a grader that was killed in the milliseconds between
    its making and the start of the server that removes it.
    """
    return path.name.startswith("pymp-") and path.is_dir() and not any(path.iterdir())


def survivors(temporary: Path) -> list[int]:
    """Processes that were started with the temporary folder in their environment or their words."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                known = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(temporary).encode() in known:
                found.append(int(entry.name))
    return found


def hand_in(source: Path, n: int) -> None:
    """A class: most notebooks compute something small, some fail, some meet the limit of time."""
    for index in range(n):
        folder = source / f"student-{index:02d}"
        folder.mkdir(parents=True)
        sources = [
            f"import random, time\nrandom.seed({1234 + index})\ntime.sleep({0.2 + 0.05 * (index % 5)})",
            f"acceptance_rate = 0.08 + {index} / 10_000\nprint(acceptance_rate)",
        ]
        if index % 10 == 3:
            sources.insert(1, "raise ValueError('odd')")
        if index % 10 == 7:
            sources.append("while True:\n    pass")
        (folder / "part_a.ipynb").write_text(notebook(sources), encoding="utf-8")


def notebook(sources: list[str]) -> str:
    """A notebook of code cells, as JSON."""
    cells = [
        {
            "cell_type": "code",
            "id": f"c{at}",
            "metadata": {},
            "source": text,
            "outputs": [],
            "execution_count": None,
        }
        for at, text in enumerate(sources)
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def main() -> int:
    """Rehearse once and print what came of it; 1 when the results differ or something is left."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--notebooks", type=int, default=30)
    parser.add_argument("--kernel", default="warm", choices=("warm", "cold"))
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        found = rehearse(
            Path(folder),
            n_kills=chosen.kills,
            n_notebooks=chosen.notebooks,
            kernel=chosen.kernel,
            seed=chosen.seed,
        )
    told = ", ".join(f"{n} of the {target}" for target, n in sorted(found.targets.items()))
    print(f"{found.n_kills} kills ({told}), {found.n_starts} starts")
    print("results.json:", "DIFFERENT" if found.differences else "equal to that of the undisturbed run")
    print("\n".join(found.differences[:MOST_DIFFERENCES]), end="\n" if found.differences else "")
    print("left behind:", "; ".join(found.left) or "nothing")
    return 1 if found.differences or found.left else 0


if __name__ == "__main__":
    sys.exit(main())
