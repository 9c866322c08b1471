"""A thousand submissions through an executor, killed three times on the way: nothing is lost, and nothing grows.

    python scripts/soak.py [--submissions 1000] [--executor local|dask] [--kills 3] [--seed 1] [--out DIR]

The class of the lab em-mixture: correct notebooks in all styles, one mistake each, hostile ones from the tests' corpus,
files that are no notebooks, and copies. With `dask` a scheduler and two workers are started on this machine, and one worker
is killed as well. While it runs, the grader's processes, memory, open files and sockets are counted; at the end there must
be one row for each submission, a gradebook that agrees with it, and nothing left: no process, mount or folder.
Exit status 1 when anything of that fails.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import kills
from clusters import SmallCluster

from autograder.courses import Course
from autograder.execute.fence import processes
from autograder.registry import find_assignment, load_reference_module
from autograder.rendering import solution_source, to_ipynb
from autograder.store import RunInfo, write_record
from tests.corpus import malformed
from tests.corpus.hostile import ATTACKS, PRELUDE

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENT, PART = "em-mixture", "em"
SHARES = {"correct": 0.55, "wrong": 0.2, "hostile": 0.08, "broken": 0.1, "copy": 0.07}
LIMITS = ("--cell-seconds", "4", "--total-seconds", "16", "--call-seconds", "1", "--memory-mib", "700")
SAMPLE_SECONDS = 2.0
ROOM = {"n_processes": 4, "grader_files": 6, "sockets": 4, "temporary": 4, "grader_mib": 100}
"""How much more there may be at any time in the last quarter than there was in the second: what grows with every
submission comes to hundreds. Of memory, the marks of a larger class."""


@dataclass
class Sample:
    """What the processes of a grading held at one moment."""

    seconds: float
    n_done: int
    n_processes: int
    grader_mib: float
    grader_files: int
    sockets: int
    temporary: int
    """Entries of the temporary folder."""


@dataclass
class Soak:
    """What became of the class."""

    seconds: float = 0.0
    n_starts: int = 0
    samples: list[Sample] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)


def hand_in(source: Path, n: int, rng: random.Random) -> Counter[str]:
    """Write a class of n submissions below `source`; how many of each kind."""
    assignment = find_assignment(ASSIGNMENT)
    solution = solution_source(assignment, PART)
    mutants = [one.apply for one in load_reference_module(assignment, "mutants").MUTANTS.values()]
    styles = [path.read_text() for path in sorted((ROOT / "reference/em_mixture/styles").glob("*.py"))]
    attacks = [one for one in ATTACKS if one.kind != "cheats"]
    kinds = [kind for kind, share in SHARES.items() for _ in range(round(share * n))]
    kinds = (kinds + ["correct"] * n)[:n]
    rng.shuffle(kinds)
    earlier: list[bytes] = []
    for at, kind in enumerate(kinds):
        folder = source / f"student-{at:04d}-{kind}"
        folder.mkdir(parents=True)
        own = f"\n\n# %%\n# handed in by number {at}\n"
        if kind == "broken":
            rng.choice(malformed.CASES).make(folder)
            continue
        if kind == "copy" and earlier:
            content = rng.choice(earlier)
        elif kind == "hostile":
            attack = rng.choice(attacks)
            cells = [PRELUDE, *attack.cells(), f"# number {at}"]
            content = kills.notebook(cells).encode()
        else:
            chosen = rng.choice([*styles, solution])
            if kind == "wrong":
                chosen = rng.choice(mutants)(solution)
            content = to_ipynb(chosen + own).encode()
            earlier.append(content)
        (folder / f"part_{PART}.ipynb").write_bytes(content)
    return Counter(kinds)


def start(source: Path, run: Path, temporary: Path, scheduler: str) -> subprocess.Popen[bytes]:
    """The grading as a process of its own, with its messages in a file beside the run."""
    command = [
        sys.executable,
        "-c",
        kills.GRADE,
        "grade",
        str(source),
        "--assignment",
        ASSIGNMENT,
        "--run",
        str(run),
    ]
    command += [
        *LIMITS,
        *(("--executor", "dask", "--scheduler", scheduler) if scheduler else ("--workers", "2")),
    ]
    with run.with_suffix(".log").open("ab") as said:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)}
        return subprocess.Popen(command, env=environment, stdout=said, stderr=said, stdin=subprocess.DEVNULL)


def sample(grader: int, run: Path, temporary: Path, began: float) -> Sample | None:
    """Count what a grading holds now; None when it is gone."""
    try:
        status = Path(f"/proc/{grader}/status").read_text()
        handles = [str(path.readlink()) for path in list(Path(f"/proc/{grader}/fd").iterdir())]
    except OSError:
        return None
    memory = next(
        (int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0.0
    )
    return Sample(
        seconds=time.monotonic() - began,
        n_done=n_done(run),
        n_processes=len(processes.descendants(grader)),
        grader_mib=memory,
        grader_files=len(handles),
        sockets=sum(one.startswith("socket:") for one in handles),
        temporary=sum(1 for _ in temporary.iterdir()),
    )


def n_done(run: Path) -> int:
    """How many submissions were executed."""
    return sum(1 for _ in run.glob("submissions/*/execution.json"))


@contextmanager
def sampling(
    found: Soak, current: list[subprocess.Popen[bytes]], run: Path, temporary: Path
) -> Iterator[None]:
    """Sample the grader that is the last of `current`, until the block ends."""
    ended, began = threading.Event(), time.monotonic()

    def watch() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            if current and (seen := sample(current[-1].pid, run, temporary, began)) is not None:
                found.samples.append(seen)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def soak(folder: Path, source: Path, n: int, n_kills: int, cluster: SmallCluster | None) -> Soak:
    """Grade the class, killed `n_kills` times at equal distances."""
    found = Soak()
    run, temporary = folder / "run", folder / "tmp"
    temporary.mkdir(parents=True)
    write_record(
        run / "run.json", RunInfo(assignment=ASSIGNMENT, parts=(PART,), source=str(source), secret="soak")
    )
    before, began = kills.mounts(), time.monotonic()
    address = cluster.address if cluster is not None else ""
    current: list[subprocess.Popen[bytes]] = []
    with sampling(found, current, run, temporary):
        for kill in range(n_kills):
            grader = start(source, run, temporary, address)
            current.append(grader)
            wanted = n * (kill + 1) // (n_kills + 1)
            while grader.poll() is None and n_done(run) < wanted:
                time.sleep(0.5)
            if cluster is not None and kill == 1:
                cluster.end("two")
                cluster.worker("three")
            grader.send_signal(signal.SIGKILL)
            grader.wait()
        grader = start(source, run, temporary, address)
        current.append(grader)
        status = grader.wait()
    found.seconds, found.n_starts = time.monotonic() - began, n_kills + 1
    if status not in (0, 1):
        found.problems.append(f"the last grading ended with status {status}")
    check(found, source, run)
    found.problems += kills.left_over(temporary, before)
    found.problems += growth(found.samples)
    return found


def check(found: Soak, source: Path, run: Path) -> None:
    """Note what is wrong with the results: one row each, and a gradebook that agrees."""
    wanted = sorted(path.name for path in source.iterdir())
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    rows = results["submissions"]
    if sorted(one["id"] for one in rows) != wanted:
        found.problems.append(f"{len(rows)} rows for {len(wanted)} submissions")
    with (run / "scores.csv").open(newline="", encoding="utf-8") as file:
        n_scores = sum(1 for _ in csv.DictReader(file))
    if n_scores != len(wanted):
        found.problems.append(f"{n_scores} lines in scores.csv for {len(wanted)} submissions")
    for one in rows:
        record = run / "submissions" / one["id"] / "execution.json"
        state = json.loads(record.read_text())["state"] if record.exists() else "no notebook"
        found.states[state] += 1
        kind = one["id"].rsplit("-", 1)[1]
        if kind in ("correct", "wrong", "copy") and state != "complete":
            found.problems.append(f"{one['id']}: {state}")
        if kind == "correct" and one["earned"] < FULL:
            found.problems.append(
                f"{one['id']} is correct and has {one['earned']} of {FULL} automatic points"
            )
    with closing(sqlite3.connect(run / "gradebook.db")) as book:
        (verdict,) = book.execute("PRAGMA integrity_check").fetchone()
        last = "SELECT submission, SUM(earned) FROM marks WHERE scoring = (SELECT MAX(id) FROM scorings) GROUP BY 1"
        marks = dict(book.execute(last).fetchall())
    if verdict != "ok":
        found.problems.append(f"the gradebook is damaged: {verdict}")
    apart = [one["id"] for one in rows if abs(marks.get(one["id"], 0.0) - one["earned"]) > 1e-6]
    if apart:
        found.problems.append(f"the gradebook disagrees with the results about {len(apart)}: {apart[:3]}")


FULL = 18.0
"""Automatic points of em-mixture."""


def growth(samples: list[Sample]) -> list[str]:
    """What grew between the second quarter of the samples and the last."""
    if len(samples) < 40:
        return []
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    found = []
    for name, room in ROOM.items():
        before, after = (max(getattr(one, name) for one in part) for part in (early, late))
        if after > before + room:
            found.append(f"{name} grew from {before:.0f} to {after:.0f}")
    return found


def table(found: Soak) -> str:
    """The samples at some moments, as Markdown."""
    lines = [
        "| after | executed | processes | grader MiB | open files | sockets | temporary |",
        "|---|---|---|---|---|---|---|",
    ]
    n = len(found.samples)
    for at in sorted({0, n // 10, n // 4, n // 2, 3 * n // 4, 9 * n // 10, n - 1}) if n else []:
        one = found.samples[at]
        lines.append(
            f"| {one.seconds / 60:.1f} min | {one.n_done} | {one.n_processes} | {one.grader_mib:.0f} | {one.grader_files} "
            f"| {one.sockets} | {one.temporary} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Soak once and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--executor", choices=("local", "dask"), default="local")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    Course.load(ASSIGNMENT, [PART])
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder = chosen.out or Path(temporary)
        source = folder / "in"
        kinds = hand_in(source, chosen.submissions, random.Random(chosen.seed))
        print(
            f"{chosen.submissions} submissions:",
            ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())),
        )
        if chosen.executor == "dask":
            (folder / "cluster").mkdir()
            with SmallCluster(folder / "cluster") as cluster:
                for name in ("one", "two"):
                    cluster.worker(name)
                found = soak(folder, source, chosen.submissions, chosen.kills, cluster)
        else:
            found = soak(folder, source, chosen.submissions, chosen.kills, None)
    print(
        f"{chosen.executor}: {found.seconds / 60:.1f} minutes, {found.n_starts} starts, {chosen.kills} kills"
    )
    print("states:", ", ".join(f"{n} {state}" for state, n in found.states.most_common()))
    print(table(found))
    print("problems:", "; ".join(found.problems) or "none")
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
