"""The bound: the cells of a batch in forks of a process that has the imports done, with no kernel, fence or check.

python -m scripts.bench.warm_fork N_WORKERS OUT NOTEBOOK...
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

IMPORTS = ("numpy", "scipy.stats", "pandas", "torch", "torchvision", "matplotlib.pyplot")


def main(n_workers: int, out: Path, notebooks: list[Path]) -> None:
    """Run every notebook in a child of its own, so many at a time; a file tells that one is done."""
    os.environ["MPLBACKEND"] = "agg"
    for name in IMPORTS:
        try:
            __import__(name)
        except (ImportError, RuntimeError):  # torchvision, where its operators are not there
            continue
    began = time.perf_counter()
    waiting, running = list(notebooks), 0
    while waiting or running:
        while waiting and running < n_workers:
            path = waiting.pop(0)
            if os.fork() == 0:
                _run(path, out / f"{path.stem}.done")
            running += 1
        _, status = os.wait()
        running -= 1
        if status:
            raise SystemExit(f"a notebook ended with {os.waitstatus_to_exitcode(status)}")
    print(json.dumps({"wall_seconds": time.perf_counter() - began}))


def _run(path: Path, done: Path) -> None:
    status = 1
    try:
        namespace: dict[str, object] = {"__name__": "__main__"}
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), namespace)
        done.touch()
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    n_workers, out, *notebooks = sys.argv[1:]
    main(int(n_workers), Path(out), [Path(path) for path in notebooks])
