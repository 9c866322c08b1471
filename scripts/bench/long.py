"""Tables 5 and 7: what grading adds to a long notebook, and the stages of grading a short one."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from autograder import template
from autograder.courses import Course
from autograder.execute.local import LocalExecutor
from autograder.execute.protocol import Options
from autograder.grading import grade, rescore
from autograder.records import ExecutionRecord
from autograder.rendering import solution_source, to_ipynb
from scripts.bench import notebooks, tables

ASSIGNMENT, PART = "aml-a3", "a"
OVERHEAD_TARGET = 0.03


def show_overhead(executor: LocalExecutor, folder: Path, minutes: float) -> None:
    """Table 5."""
    course = Course.load(ASSIGNMENT, [PART])
    notebook = folder / "hand-ins" / "long.ipynb"
    solution = template.parse(solution_source(course.assignment, PART))
    cells = [cell.source for cell in solution if cell.kind == "code"]
    notebooks.write(notebook, [*cells, *notebooks.long_cells(minutes)])
    before = notebooks.write(folder / "before" / "solution.ipynb", cells)
    grade(before.parent, course, folder / "first", executor, n_workers=1)
    tables.say(f"a notebook that trains for about {minutes:g} minutes")
    began, cpu = time.perf_counter(), time.process_time()
    batch = grade(notebook.parent, course, folder / "run", executor, n_workers=1)
    seconds, grader_cpu = time.perf_counter() - began, time.process_time() - cpu
    record = batch.grades[0].executions[PART]
    (executed,) = (folder / "run").rglob("executed.ipynb")
    trained, trained_cpu = _trained(executed)
    others = sum(cell.seconds for cell in record.cells) - trained
    kernel_cpu = record.kernel_cpu_seconds - trained_cpu
    rows = [
        ["grade, from the hand-in to the report", f"{seconds:.2f}", ""],
        ["training, measured by the notebook itself", f"{trained:.2f}", f"{trained_cpu:.2f}"],
        ["its other cells (the reference solution)", f"{others:.2f}", ""],
        [
            "the rest: kernel, observation, challenges, verdict, report",
            f"{seconds - trained - others:.2f}",
            "",
        ],
        ["the kernel but for the training (its other cells too)", "", f"{kernel_cpu:.2f}"],
        ["the grader: verdict, report", "", f"{grader_cpu:.2f}"],
    ]
    notes = list(_notes((seconds - trained - others) / trained, (kernel_cpu + grader_cpu) / trained_cpu))
    if minutes < 2:
        notes.append("The target is for two minutes of training; this notebook was shorter.")
    tables.show("5. Grading a notebook that trains", ["what", "wall s", "CPU s"], rows, notes)


def _notes(share: float, cpu_share: float) -> Iterator[str]:
    claim = f"what grading adds to the notebook's own cells, {share:.1%} of the training; target under {OVERHEAD_TARGET:.0%}"
    yield tables.verdict(share < OVERHEAD_TARGET, claim)
    yield f"In CPU time, which other programs do not stretch, and with the other cells: {cpu_share:.1%}."
    yield (
        "The executor was ready, and the grader had marked another notebook before: "
        "their start is paid once for a class, not for a notebook."
    )


def _trained(executed: Path) -> tuple[float, float]:
    """Wall and CPU seconds of the training."""
    found = re.search(r"trained for ([\d.]+) s, ([\d.]+) s of CPU", notebooks.printed(executed))
    if found is None:
        raise RuntimeError("the long notebook did not train to its end")
    return float(found[1]), float(found[2])


def show_stages(folder: Path, n_runs: int) -> None:
    """Table 7."""
    began = time.perf_counter()
    course = Course.load(ASSIGNMENT, [PART])
    seconds: dict[str, list[float]] = {"load the rubric": [time.perf_counter() - began]}
    notebook = folder / "hand-ins" / "solution.ipynb"
    notebook.parent.mkdir(parents=True)
    notebook.write_text(to_ipynb(solution_source(course.assignment, PART)), encoding="utf-8")
    for index in range(n_runs):
        run = folder / str(index)
        with LocalExecutor(Options()) as executor:
            began = time.perf_counter()
            executor.choice()
            _add(seconds, "start the executor (once for a class)", began)
            began = time.perf_counter()
            (graded,) = grade(notebook.parent, course, run, executor, n_workers=1).grades
            _add(seconds, "grade one notebook", began)
        record: ExecutionRecord = graded.executions[PART]
        seconds.setdefault("of that, executing it", []).append(record.seconds)
        seconds.setdefault("of that, its cells", []).append(sum(cell.seconds for cell in record.cells))
        began = time.perf_counter()
        rescore(run)
        _add(seconds, "rescore one notebook", began)
    rows = [[stage, f"{median(took):.2f}", str(len(took))] for stage, took in seconds.items()]
    tables.show(
        f"7. Stages: the reference solution of {ASSIGNMENT}, part {PART}", ["stage", "s", "runs"], rows
    )


def _add(seconds: dict[str, list[float]], stage: str, began: float) -> None:
    seconds.setdefault(stage, []).append(time.perf_counter() - began)
