"""Table 8: what the probes of parts that train cost, beside the notebook's own cells."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from autograder.cli.authoring import write_stand_ins
from autograder.courses import Course
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Job, Options
from autograder.grading import grade, rescore
from autograder.rendering import solution_source, to_ipynb
from autograder.shortened import with_values
from scripts.bench import tables

ASSIGNMENT, PARTS = "aml-a3", ("b", "c")
TARGET_SECONDS = 20.0


def show_probes(folder: Path) -> None:
    """Table 8: CPU seconds of the kernel with and without the questions to it, and of the verdict."""
    rows: list[list[str]] = []
    total = 0.0
    with tempfile.TemporaryDirectory(prefix="stand-ins-") as place:
        data = Path(place)
        for part in PARTS:
            course = Course.load(ASSIGNMENT, [part], "short", stand_ins=True)
            write_stand_ins(course.assignment, data)
            with LocalExecutor(Options(data=data), own_work=True) as executor:
                executor.choice()
                cells, asked, verdict = _measure(course, executor, folder / part, data)
            total += asked - cells + verdict
            rows.append([part, *(f"{seconds:.2f}" for seconds in (cells, asked - cells, verdict))])
    columns = ["part", "kernel with its cells", "the questions to it", "verdict and report"]
    claim = f"the probes of one submission, both parts: {total:.1f} CPU s; target under {TARGET_SECONDS:g}"
    title = f"8. CPU seconds of the reference solution of {ASSIGNMENT}, short budget, on stand-ins"
    tables.show(title, columns, rows, [tables.verdict(total < TARGET_SECONDS, claim)])


def _measure(course: Course, executor: LocalExecutor, folder: Path, data: Path) -> tuple[float, float, float]:
    (part,) = course.rubric.parts
    hand_in = folder / "hand-ins" / f"part_{part.part}.ipynb"
    hand_in.parent.mkdir(parents=True)
    solution = to_ipynb(solution_source(course.assignment, part.part))
    hand_in.write_text(solution, encoding="utf-8")
    short = folder / "short.ipynb"
    short.write_text(json.dumps(with_values(json.loads(solution), part.values_of("short"))), encoding="utf-8")
    tables.say(f"part {part.part} without questions, then with them")
    alone = executor.execute(Job(notebook=short, out=folder / "alone", limits=part.limits))
    (graded,) = grade(hand_in.parent, course, folder / "run", executor, n_workers=1, data=data).grades
    for found in (folder / "run").rglob("findings.json"):
        found.unlink()
    began = time.process_time()
    rescore(folder / "run")
    verdict = time.process_time() - began
    return alone.kernel_cpu_seconds, graded.executions[part.part].kernel_cpu_seconds, verdict
