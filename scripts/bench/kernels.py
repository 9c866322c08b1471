"""Tables 2 to 4: what a kernel costs beyond the work of its notebook, in CPU time, memory and fence."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from autograder.errors import UsageError
from autograder.execute.fence.kernels import NICE
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Job, Options
from autograder.records import ExecutionRecord
from scripts.bench import measures, notebooks, tables
from scripts.bench.batch import ROOT

CPU_TARGET_SECONDS, MEMORY_TARGET_MIB, FENCE_TARGET_MS = 0.15, 60.0, 10.0
N_ALIVE = 4
SLEEP_SECONDS, QUIET_SECONDS, PATIENCE_SECONDS = 20, 0.6, 60.0
FIELD_OF_NICE = 16


def executed(executor: LocalExecutor, notebook: Path, out: Path) -> tuple[ExecutionRecord, float]:
    """The record of one notebook, and the wall seconds that it took in all."""
    began = time.perf_counter()
    record = executor.execute(Job(notebook=notebook, out=out))
    seconds = time.perf_counter() - began
    if record.state != "complete" or any(cell.status != "ok" for cell in record.cells):
        raise RuntimeError(f"a notebook of the bench failed: {record}")
    return record, seconds


# ------------------------------------------------------------------------- CPU


def show_cpu(executor: LocalExecutor, folder: Path, n_runs: int) -> None:
    """Table 2."""
    cells = [notebooks.vae_cells(seed) for seed in range(n_runs)]
    paths = [notebooks.write(folder / f"{seed}.ipynb", one) for seed, one in enumerate(cells)]
    kernel = [executed(executor, path, folder / path.stem)[0].kernel_cpu_seconds for path in paths]
    own = own_work(cells)
    beyond = [whole - work for whole, work in zip(kernel, own, strict=True)]
    rows = [
        [what, f"{median(seconds):.3f}", f"{min(seconds):.3f}", f"{max(seconds):.3f}"]
        for what, seconds in (("kernel, warm", kernel), ("the cells alone", own), ("beyond them", beyond))
    ]
    is_met = median(beyond) <= CPU_TARGET_SECONDS
    note = tables.verdict(is_met, f"kernel CPU beyond the cells: target at most {CPU_TARGET_SECONDS} s")
    title = f"2. CPU seconds of a kernel for one short PyTorch notebook ({n_runs} notebooks)"
    tables.show(title, ["CPU s", "median", "least", "most"], rows, [note])


def own_work(cells: Sequence[Sequence[str]]) -> list[float]:
    """CPU seconds of the cells of each notebook where nothing observes them."""
    from autograder.execute.slots import environment

    with_home = environment(os.environ.get("HOME", "/"), os.environ.get("TMPDIR", "/tmp"))
    run = subprocess.run(
        [sys.executable, "-m", "scripts.bench.own_work"],
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={name: value for name, value in with_home.items() if name != "PYTHONSAFEPATH"},
    )
    seconds: list[float] = json.loads(run.stdout.splitlines()[-1])
    return seconds


# ---------------------------------------------------------------------- memory


def show_memory(warm: LocalExecutor, cold: LocalExecutor, folder: Path) -> None:
    """Table 3."""
    cells = [*notebooks.MEMORY, f"import time\ntime.sleep({SLEEP_SECONDS})"]
    cells[0] = f"{notebooks.imports()}\n{cells[0]}"
    path = notebooks.write(folder / "memory.ipynb", cells)
    rows: list[list[str]] = []
    extra: dict[str, float] = {}
    for name, executor in (("warm", warm), ("cold", cold)):
        tables.say(f"{N_ALIVE} {name} kernels side by side")
        found = _side_by_side(executor, path, folder / name)
        columns = [[memory[key] for memory in found] for key in ("Rss", "Pss", "Private")]
        extra[name] = median(columns[2]) if found else float("nan")
        rows.append([name, str(len(found)), *(f"{median(c):.0f}" if c else "-" for c in columns)])
    is_met = extra["warm"] <= MEMORY_TARGET_MIB
    note = tables.verdict(
        is_met, f"memory of its own for a warm kernel: target at most {MEMORY_TARGET_MIB:g} MiB"
    )
    title = f"3. Memory of a kernel after the imports, a product of matrices and a figure ({N_ALIVE} alive at once)"
    tables.show(title, ["kernels", "read", "RSS MiB", "PSS MiB", "USS MiB"], rows, [note])


def _side_by_side(executor: LocalExecutor, path: Path, folder: Path) -> list[dict[str, float]]:
    """Memory of kernels that run at once, read when all of them have come to rest."""
    with ThreadPoolExecutor(N_ALIVE) as pool:
        jobs = [pool.submit(executed, executor, path, folder / str(index)) for index in range(N_ALIVE)]
        found = _memory_at_rest()
        for job in jobs:
            job.result()
    return found


def _memory_at_rest() -> list[dict[str, float]]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    before: dict[int, float] = {}
    while time.monotonic() < deadline:
        time.sleep(QUIET_SECONDS)
        now = {pid: measures.cpu_seconds(pid, with_waited=False) for pid in _kernels()}
        is_at_rest = all(now[pid] - before.get(pid, 0.0) <= 1 / measures.TICKS for pid in now)
        if len(now) == N_ALIVE and is_at_rest and min(now.values()) > 0.1:
            return [memory for pid in now if (memory := _memory_of(pid))]
        before = now
    return []


def _kernels() -> list[int]:
    """Kernels below this process: what runs with less priority, at the top of its tree."""
    nice = []
    for pid in measures.descendants(os.getpid()):
        with contextlib.suppress(OSError):
            fields = measures.stat_fields(pid)
            if int(fields[FIELD_OF_NICE]) >= NICE and int(fields[1]) not in nice:
                nice.append(pid)
    return nice


def _memory_of(pid: int) -> dict[str, float]:
    """RSS, PSS and USS in MiB; {} where that may not be read."""
    found = {"Rss": 0.0, "Pss": 0.0, "Private": 0.0}
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    for line in lines:
        name, value = line.split(":")
        key = name.removesuffix("_Clean").removesuffix("_Dirty")
        if key in found and (key == "Private" or key == name):
            found[key] += int(value.split()[0]) / 1024
    return found


# ----------------------------------------------------------------------- fence


def show_fence(folder: Path, n_runs: int) -> None:
    """Table 4."""
    path = notebooks.write(folder / "trivial.ipynb", notebooks.TRIVIAL)
    with contextlib.ExitStack() as stack:
        ready = dict(_executors(stack))
        seconds: dict[str, list[float]] = {level: [] for level in ready}
        for number in range(n_runs + 2):
            for level, executor in ready.items():
                _, took = executed(executor, path, folder / f"{level}{number}")
                if number >= 2:
                    seconds[level].append(took)
    rows: list[list[str]] = []
    notes: list[str] = []
    for level, walls in seconds.items():
        added = median(t - base for t, base in zip(walls, seconds["none"], strict=True)) * 1000
        rows.append([level, f"{median(walls) * 1000:.0f}", f"{min(walls) * 1000:.0f}", f"{added:+.1f}"])
        if level != "none":
            notes.append(
                tables.verdict(
                    added <= FENCE_TARGET_MS,
                    f"what the fence {level} adds: target at most {FENCE_TARGET_MS:g} ms",
                )
            )
    title = f"4. Warm kernel, notebook of 10 trivial cells, from the job to its record ({n_runs} of each, in turn)"
    tables.show(title, ["fence", "median ms", "least ms", "median of the differences ms"], rows, notes)


def _executors(stack: contextlib.ExitStack) -> Iterator[tuple[str, LocalExecutor]]:
    for level in ("none", "namespaces", "landlock"):
        tables.say(f"starting kernels behind the fence {level}")
        executor = stack.enter_context(LocalExecutor(Options.model_validate({"fence": level}), own_work=True))
        try:
            executor.choice()
        except UsageError as error:
            tables.say(str(error))
        else:
            yield level, executor
