"""The reference's answers to challenges that are stored: for functions that no formula of the grader knows.

The solution runs once more, as a student's notebook would, and its functions are called on inputs that are drawn from a
new secret. Inputs and answers lie in the golden file; a grading puts the same inputs to each student's function.
"""

from __future__ import annotations

import json
from pathlib import Path as FilePath

from autograder.checks.calls import numbers_in
from autograder.errors import InternalError
from autograder.execute.protocol import Executor, Job
from autograder.golden import StoredCase, StoredChallenge, StoredOutput
from autograder.jobs import job_digest, make_plan
from autograder.probes.challenges import stored_cases
from autograder.probes.observations import Answer, Leaf, read_observations
from autograder.probes.paths import Path
from autograder.records import ExecutionRecord
from autograder.rendering import to_ipynb
from autograder.rubric.model import PartSpec
from autograder.shortened import with_values
from autograder.store import new_secret, read_record, write_json

MAX_NUMBERS = 5_000
"""Numbers that the answers to one challenge may have: golden files stay small."""
DIGITS = 12


def stored_answers(
    part: PartSpec, source: str, executor: Executor, folder: FilePath, data: str
) -> dict[str, StoredChallenge]:
    """Return the reference's answers to the challenges of a part that are stored, by the challenge's key.

    Parameters
    ----------
    source : the rendered solution (percent format); it runs with the short budget's numbers where there is one
    folder : where the run is kept
    data : identity of the data sets that the executor shows

    Raises
    ------
    InternalError
        When the solution does not run through, or has no function that answers.
    """
    stored = {key: spec for key, spec in part.challenges.items() if spec.stored}
    if not stored:
        return {}
    secrets = {key: new_secret() for key in stored}
    cases = {key: stored_cases(spec, secrets[key], key) for key, spec in stored.items()}
    alone = part.model_copy(update={"challenges": stored})
    notebook = folder / "answers.ipynb"
    write_json(notebook, with_values(json.loads(to_ipynb(source)), part.values_of("short")))
    job = Job(notebook=notebook, out=folder / "answers", plan=make_plan(alone, cases, {}), limits=part.limits)
    job = job.model_copy(update={"input_digest": job_digest(part.part, source, job, data=data)})
    executor.execute(job)
    record = read_record(job.out / "execution.json", ExecutionRecord)
    if record is None or not is_whole(record):
        raise InternalError(f"the reference's notebook did not run through ({why_not_whole(record)})")
    given = read_observations(job.out / "arrays").answers
    return {
        key: StoredChallenge(secret=secrets[key], cases=tuple(_cases(key, cases[key], given)))
        for key in stored
    }


def is_whole(record: ExecutionRecord) -> bool:
    """Return whether a notebook ran to its end without an error."""
    return record.state == "complete" and not any(cell.status == "error" for cell in record.cells)


def why_not_whole(record: ExecutionRecord | None) -> str:
    """Return what went wrong: the first cell that failed, or what the executor says."""
    failed = (
        next((cell for cell in record.cells if cell.status == "error"), None) if record is not None else None
    )
    if failed is not None and failed.error is not None:
        return f"cell {failed.index + 1} raised {failed.error.name}: {failed.error.message}"
    return (record.detail or record.state) if record is not None else "no record"


def _cases(key: str, cases: list[dict[str, object]], given: tuple[Answer, ...]) -> list[StoredCase]:
    """Return what the reference's function gave for each case; InternalError where it gave nothing."""
    found = []
    for case in cases:
        answer = next((one for one in given if (one.challenge, one.case) == (key, case["key"])), None)
        outputs = tuple(_outputs(answer.leaves)) if answer is not None and answer.status == "ok" else ()
        if not outputs:
            why = f"{answer.status}, {answer.error}" if answer is not None else "it was not called"
            raise InternalError(f"the reference has no function that answers the challenge {key!r} ({why})")
        found.append(StoredCase(case=str(case["key"]), outputs=outputs))
    if (n := sum(len(one.values) for case in found for one in case.outputs)) > MAX_NUMBERS:
        raise InternalError(
            f"the answers to the challenge {key!r} have {n:,} numbers; draw smaller inputs: at most {MAX_NUMBERS:,}"
        )
    return found


def _outputs(leaves: tuple[Leaf, ...]) -> list[StoredOutput]:
    """Return the numbers of an answer; a list that stands as an array beside its members is its members."""
    paths = {leaf.path for leaf in leaves}
    whole = {path for path in paths if any(_is_inside(other, path) for other in paths)}
    return [
        StoredOutput(
            path=str(leaf.path), shape=array.shape, values=tuple(_rounded(v) for v in array.reshape(-1))
        )
        for leaf in leaves
        if leaf.path not in whole and (array := numbers_in(leaf)) is not None
    ]


def _is_inside(path: Path, other: Path) -> bool:
    n = len(other.steps)
    return path.name == other.name and len(path.steps) > n and path.steps[:n] == other.steps


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
