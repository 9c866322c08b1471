"""A grading with prepared executions, to be killed: `resume_worker.py SOURCE RUN LOG`.

Not a test: tests/integration/test_resume.py starts it as a process of its own. It prints a line at every step.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from pathlib import Path
from typing import Self

import numpy as np

from autograder.execute.protocol import Job
from autograder.grading import Batch, Course, Listener, grade
from autograder.kernel_side.containers import write_container
from autograder.records import CellRecord, ExecutionRecord, Grade, Submission
from autograder.store import write_record

SECRET = "5ec7e7" * 5
PAUSE_SECONDS = 0.02


class PreparedExecutor:
    """Writes what a kernel would have left, from the digest of the notebook alone; keeps a log of its work."""

    name = "prepared"

    def __init__(self, log: Path, state: str = "complete", by_chance: tuple[str, ...] = ()):
        self.log = log
        self.state = state
        self.by_chance = by_chance

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *about: object) -> None:
        pass

    def describe(self) -> str:
        """One sentence."""
        return "Nothing is executed; prepared values are written."

    def cancel(self) -> None:
        """Nothing runs."""

    def where(self, out: Path) -> str:
        """Nowhere."""
        return ""

    def execute(self, job: Job) -> ExecutionRecord:
        """See the protocol: the containers first, the record last."""
        self._note(f"started {job.out.name}")
        (job.out / "execution.json").unlink(missing_ok=True)
        shutil.rmtree(job.out / "arrays", ignore_errors=True)
        (job.out / "arrays").mkdir(parents=True)
        shutil.copyfile(job.notebook, job.out / "executed.ipynb")
        digest = hashlib.sha256(job.notebook.read_bytes()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:4], "little"))
        grid = rng.random((200, 200))
        document = {
            "cell": 0,
            "values": {
                "acceptance_rate": {"t": "float", "v": 0.0816 + 0.002 * rng.standard_normal()},
                "is_mean": {"t": "float", "v": 6.37 + 0.2 * rng.standard_normal()},
                "grid_density": {
                    "t": "array",
                    "ref": "k1",
                    "dtype": "float64",
                    "shape": [200, 200],
                    "src": "ndarray",
                },
            },
            "functions": {},
            "figures": [],
            "seeds": [{"call": "numpy.random.seed", "seed": 1234}],
            "torch_initial_seed": 1234,
            "by_chance": list(self.by_chance),
            "dropped": [],
        }
        write_container(str(job.out / "arrays" / "cell-0000.safetensors"), document, {"k1": grid})
        time.sleep(PAUSE_SECONDS)
        record = ExecutionRecord(
            state=self.state,  # type: ignore[arg-type]
            detail="the worker ended without a result" if self.state == "not_executed" else "",
            cells=(CellRecord(index=0, status="ok"),),
            executor=self.name,
            input_digest=job.input_digest,
        )
        write_record(job.out / "execution.json", record)
        self._note(f"finished {job.out.name}")
        return record

    def _note(self, text: str) -> None:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(text + "\n")


class Talker(Listener):
    """Prints every step."""

    def executed(self, submission: Submission, job: Job, record: ExecutionRecord) -> None:
        """A notebook was executed."""
        print("executed", submission.id, flush=True)

    def scored(self, grade: Grade, seconds: float) -> None:
        """A submission was scored."""
        print("scored", grade.submission.id, flush=True)


def graded(
    source: Path, run: Path, log: Path, listener: Listener | None = None, state: str = "complete"
) -> Batch:
    """Return a grading with prepared executions."""
    course = Course.load("aml-a3", ["a"])
    executor = PreparedExecutor(log, state)
    return grade(source, course, run, executor, secret=SECRET, listener=listener)


if __name__ == "__main__":
    graded(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), Talker())
