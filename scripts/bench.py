"""How long executing and scoring take on this machine: `make bench`.

    python scripts/bench.py [N]

Grades the reference's notebook N times (default 3), one after another, and scores it once more each time.
Compare runs on an idle machine only.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from autograder.courses import Course
from autograder.execute.local import LocalExecutor
from autograder.grading import grade, rescore
from autograder.rendering import solution_source, to_ipynb

ASSIGNMENT, PART = "aml-a3", "a"


def main(n_runs: int) -> None:
    """Print the median seconds of each stage."""
    loaded = time.perf_counter()
    course = Course.load(ASSIGNMENT, [PART])
    seconds: dict[str, list[float]] = {"load the rubric": [time.perf_counter() - loaded]}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        notebook = Path(folder) / "hand-ins" / "solution.ipynb"
        notebook.parent.mkdir()
        notebook.write_text(to_ipynb(solution_source(course.assignment, PART)), encoding="utf-8")
        for index in range(n_runs):
            run = Path(folder) / str(index)
            started = time.perf_counter()
            (graded,) = grade(notebook.parent, course, run, LocalExecutor(), n_workers=1).grades
            seconds.setdefault("grade one notebook", []).append(time.perf_counter() - started)
            seconds.setdefault("of that, its cells", []).append(graded.executions[PART].seconds)
            started = time.perf_counter()
            rescore(run)
            seconds.setdefault("rescore one notebook", []).append(time.perf_counter() - started)
    for stage, measured in seconds.items():
        print(f"{stage:<24} {statistics.median(measured):7.2f} s  ({len(measured)} runs)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
