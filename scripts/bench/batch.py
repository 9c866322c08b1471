"""Table 1: the same short notebooks through each contender, two at a time, in turn."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench import notebooks, peers, tables
from scripts.bench.measures import Command, CommandError, Usage, middle, run_all
from scripts.bench.peers import Environment, UnavailableError

ROOT = Path(__file__).parents[2]
N_WORKERS = 2
TARGETS = {"start excluded": 6.0, "start included": 4.0}
NBGRADER, OTTER = "nbgrader==0.9.6", "otter-grader==7.0.0"

COLD_NBCLIENT = "(a) nbclient, a cold kernel each"
OURS_COLD = "(b) this executor, cold kernels"
OURS_WARM = "(c) this executor, warm kernels"
NBGRADER_ROW = f"(d) nbgrader autograde ({NBGRADER.partition('==')[2]})"
OTTER_ROW = f"(e) otter run ({OTTER.partition('==')[2]})"

Runs = dict[str, list[Usage]]


@dataclass
class Bench:
    """What all contenders get: the notebooks, a folder, and the same environment variables."""

    folder: Path
    cache: Path
    batch: Sequence[Path]
    runs: Runs = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    losses: dict[str, list[str]] = field(default_factory=dict)
    fence: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """One thread for each notebook, as the cores are shared; a home of its own, with its caches."""
        home = self.cache / "home"
        home.mkdir(parents=True, exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
        return kept | threads | {"HOME": str(home), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}

    def note(self, row: str, usage: Usage) -> None:
        """Keeps one run of a row."""
        self.runs.setdefault(row, []).append(usage)


Contender = Callable[[Bench, Path], None]
"""Runs the batch once, in a fresh folder, and notes what it used."""


def cold_nbclient(bench: Bench, folder: Path) -> None:
    """(a): a process for each notebook, with the client that everybody has."""
    program = str(Path(__file__).with_name("cold_nbclient.py"))
    outs = [folder / path.name for path in bench.batch]
    commands = [
        Command([sys.executable, program, str(path), str(out)], folder, bench.variables)
        for path, out in zip(bench.batch, outs, strict=True)
    ]
    bench.note(COLD_NBCLIENT, run_all(commands, N_WORKERS, folder / "logs"))
    bench.losses[COLD_NBCLIENT] = [notebooks.final_loss(out) for out in outs]


def ours(row: str, kernel: str) -> Contender:
    """(b) and (c): the whole program, and the part of it after the executor was ready."""

    def run(bench: Bench, folder: Path) -> None:
        arguments = [sys.executable, "-m", "scripts.bench.ours", kernel, "auto", str(N_WORKERS)]
        command = Command([*arguments, str(folder), *map(str, bench.batch)], ROOT, bench.variables)
        whole = run_all([command], 1, folder / "logs")
        told = json.loads((folder / "logs" / "0.log").read_text().splitlines()[-1])
        bench.fence = told.pop("fence")
        kernels = told["kernel_cpu_seconds"]
        if kernel == "warm":
            bench.note(f"{row}, start excluded", Usage(**told, peak_mib=whole.peak_mib))
            row_of_whole = f"{row}, start included"
        else:
            row_of_whole = row
        cpu = max(whole.cpu_seconds, told["cpu_seconds"])
        bench.note(row_of_whole, Usage(whole.wall_seconds, cpu, kernels, whole.peak_mib))
        outs = [folder / path.stem / "executed.ipynb" for path in bench.batch]
        bench.losses[row_of_whole] = [notebooks.final_loss(out) for out in outs]

    return run


def nbgrader(bench: Bench, folder: Path) -> None:
    """(d): it takes one notebook after another, so the class is dealt out to two courses."""
    environment = Environment(bench.cache / "nbgrader", NBGRADER)
    environment.make()
    courses = peers.nbgrader_courses(environment, bench.variables, folder, bench.batch, N_WORKERS)
    commands = peers.autograde(environment, bench.variables, courses)
    bench.note(NBGRADER_ROW, run_all(commands, N_WORKERS, folder / "logs"))
    graded = {path.parts[-3]: path for course in courses for path in course.glob("autograded/*/vae/*.ipynb")}
    if set(graded) != {path.stem for path in bench.batch}:
        raise CommandError(f"{len(graded)} of {len(bench.batch)} notebooks were graded")
    bench.losses[NBGRADER_ROW] = [notebooks.final_loss(graded[path.stem]) for path in bench.batch]


def otter(bench: Bench, folder: Path) -> None:
    """(e): without containers, as `otter grade` is with a container for each notebook on top."""
    environment = Environment(bench.cache / "otter-grader", OTTER)
    environment.make()
    commands = peers.otter_run(environment, bench.variables, folder, bench.batch)
    bench.note(OTTER_ROW, run_all(commands, N_WORKERS, folder / "logs"))
    scores = peers.otter_scores(folder, bench.batch)
    if scores != [1.0] * len(bench.batch):
        raise CommandError(f"scores of correct notebooks: {scores}")


CONTENDERS: Mapping[str, Contender] = {
    COLD_NBCLIENT: cold_nbclient,
    OURS_COLD: ours(OURS_COLD, "cold"),
    OURS_WARM: ours(OURS_WARM, "warm"),
    NBGRADER_ROW: nbgrader,
    OTTER_ROW: otter,
}


def measure(folder: Path, cache: Path, n_notebooks: int, n_rounds: int) -> Bench:
    """Runs every contender once a round, one after another; one that fails is left out from then on."""
    bench = Bench(folder, cache, notebooks.write_batch(folder / "notebooks", n_notebooks))
    _warm_the_disk(bench)
    for number in range(n_rounds):
        for row, contender in CONTENDERS.items():
            if row in bench.missing:
                continue
            tables.say(f"round {number + 1} of {n_rounds}: {row}")
            place = folder / f"round{number}" / str(len(bench.runs))
            place.mkdir(parents=True)
            try:
                contender(bench, place)
            except (CommandError, UnavailableError, OSError, subprocess.SubprocessError) as error:
                bench.missing[row] = " ".join(str(error).split())[-200:]
            shutil.rmtree(place, ignore_errors=True)
    return bench


def _warm_the_disk(bench: Bench) -> None:
    """One notebook that is not counted: packages come from the disk cache afterwards, fonts are known."""
    tables.say("one notebook that does not count")
    place = bench.folder / "first"
    place.mkdir()
    cold_nbclient(Bench(place, bench.cache, bench.batch[:1]), place)


def show(bench: Bench) -> None:
    """Prints the table, the claims and whether all contenders computed the same."""
    n = len(bench.batch)
    columns = ["contender", "wall s", "s a notebook", "CPU s a notebook", "of it kernels", "others"]
    columns += ["biggest process MiB", "throughput, (a) = 1"]
    n_rounds = len(bench.runs.get(COLD_NBCLIENT, ()))
    title = f"1. {n} short PyTorch notebooks, {N_WORKERS} at a time; medians of {n_rounds} round(s)"
    tables.show(title, columns, _rows(bench, n), _notes(bench))


def _rows(bench: Bench, n: int) -> Iterator[list[str]]:
    base = middle(bench.runs[COLD_NBCLIENT]).wall_seconds if COLD_NBCLIENT in bench.runs else float("nan")
    for row, runs in bench.runs.items():
        used = middle(runs)
        kernels = used.kernel_cpu_seconds
        told = (
            ["-", "-"]
            if kernels is None
            else [f"{kernels / n:.2f}", f"{(used.cpu_seconds - kernels) / n:.2f}"]
        )
        numbers = [used.wall_seconds, used.wall_seconds / n, used.cpu_seconds / n]
        seconds = [f"{numbers[0]:.1f}", f"{numbers[1]:.2f}", f"{numbers[2]:.2f}"]
        yield [row, *seconds, *told, f"{used.peak_mib:.0f}", f"{base / used.wall_seconds:.2f}"]
    yield from ([row, "not measured"] for row in bench.missing)


def _notes(bench: Bench) -> Iterator[str]:
    yield f"(b) and (c) behind the fence `{bench.fence}`; (a), (d) and (e) have none." + _without_docker()
    yield from (f"{row} was not measured: {why}." for row, why in bench.missing.items())
    for name, target in TARGETS.items():
        row = f"{OURS_WARM}, {name}"
        if row in bench.runs and COLD_NBCLIENT in bench.runs:
            ratio = middle(bench.runs[COLD_NBCLIENT]).wall_seconds / middle(bench.runs[row]).wall_seconds
            claim = f"warm against cold nbclient, {name}: {ratio:.1f} times; target at least {target:g}"
            is_small = len(bench.batch) < 16 and name == "start included"
            yield claim + " for 16 notebooks" if is_small else tables.verdict(ratio >= target, claim)
    is_same = len({tuple(losses) for losses in bench.losses.values()}) == 1 and all(
        all(losses) for losses in bench.losses.values()
    )
    words = "equal to the last digit" if is_same else "DIFFERENT"
    yield f"The final losses of {len(bench.losses)} contenders are {words} (`otter run` keeps no outputs)."


def _without_docker() -> str:
    with_docker = (
        shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0
    )
    why = "" if with_docker else "; no Docker daemon runs here"
    return f" (e) is `otter run`, which uses no container{why}."
