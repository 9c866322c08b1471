"""Executes a batch with the executor of this project; a program of its own, which prints what it used as JSON.

python -m scripts.bench.ours KERNEL FENCE N_WORKERS OUT NOTEBOOK...
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Job, Options
from scripts.bench.measures import tree_cpu_seconds


def main(kernel: str, fence: str, n_workers: int, out: Path, notebooks: list[Path]) -> dict[str, Any]:
    """Seconds from the moment that the executor is ready; the caller measures the whole program."""
    options = Options.model_validate({"kernel": kernel, "fence": fence})
    jobs = [Job(notebook=path, out=out / path.stem) for path in notebooks]
    with LocalExecutor(options, own_work=True) as executor:
        level = executor.choice().level
        began, cpu_before = time.perf_counter(), tree_cpu_seconds(os.getpid())
        with ThreadPoolExecutor(n_workers) as pool:
            records = list(pool.map(executor.execute, jobs))
        seconds = time.perf_counter() - began
        used = tree_cpu_seconds(os.getpid()) - cpu_before
    failed = [record for record in records if any(cell.status != "ok" for cell in record.cells)]
    if failed or not all(record.state == "complete" for record in records):
        raise SystemExit(f"not every notebook was executed: {failed[:1] or records[:1]}")
    return {
        "fence": level,
        "wall_seconds": seconds,
        "cpu_seconds": used,
        "kernel_cpu_seconds": sum(record.kernel_cpu_seconds for record in records),
    }


if __name__ == "__main__":
    kernel, fence, n_workers, out, *notebooks = sys.argv[1:]
    print(json.dumps(main(kernel, fence, int(n_workers), Path(out), [Path(path) for path in notebooks])))
