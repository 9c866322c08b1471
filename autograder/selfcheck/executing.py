"""Check a notebook on its author's machine: executed, observed and judged as in a grading, public checks only."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.datasets import data_directory, has_stand_ins, how_to_get, identity, missing_for
from autograder.errors import InternalError, UsageError
from autograder.execute.protocol import Executor
from autograder.execution_notes import budget_notes, execution_notes
from autograder.intake import UnreadableNotebook, code_of, read_notebook
from autograder.intake.bindings import FILE_NAMES
from autograder.intake.choosing import submission_of
from autograder.jobs import Task, plan_tasks
from autograder.judging import Verdict, judge_part
from autograder.marking import stored_evidence
from autograder.probes.bindings import Bound
from autograder.probes.evidence import Agreement, Evidence
from autograder.records import CellRecord, ExecutionRecord, Note, Status, Submission
from autograder.rubric.model import Budget, PartSpec
from autograder.rubric.public import challenges_for, is_public_alone, named_evidence, public_part
from autograder.scoring import score_part
from autograder.selfcheck.choosing import Chosen
from autograder.selfcheck.results import SelfCheck, grade_of, self_check
from autograder.shortened import TAG, replacements
from autograder.store import RunDirectory, RunInfo, new_secret

MAX_STOPPED_TEXT = 400
SURE = ("name", "path", "binding")
"""Ways to find a value that leave no doubt."""
UNDECIDED = "The public checks cannot tell which value is meant, the course may; the names of the template leave no doubt."


def read_own(path: Path) -> dict[str, Any]:
    """Return a notebook, normalised; UsageError says what is wrong with a file that is none."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the notebook itself, an .ipynb file")
    if not path.exists():
        raise UsageError(f"there is no file {path}; give the path of your notebook")
    try:
        return read_notebook(path)
    except UnreadableNotebook as error:
        raise UsageError(str(error)) from error


def check_notebook(
    path: Path, chosen: Chosen, executor: Executor, *, is_fast: bool = False, data: Path | None = None
) -> SelfCheck:
    """Return what the public checks say of a notebook.

    Challenges are drawn from a secret of this check alone; nothing is kept.

    Parameters
    ----------
    path : a notebook that can be read (:func:`read_own`)
    is_fast : whether the numbers of the sheet are made smaller, in the cell tagged `parameters`
    data : folder of the data sets that the executor shows

    Raises
    ------
    UsageError
        When the data sets are not there, or nothing can be made smaller.
    InternalError
        When the notebook could not be executed through a fault of ours.
    """
    budget: Budget = "short" if is_fast and "short" in chosen.part.budgets else "full"
    notebook = read_own(path)
    if budget == "short":
        _require_parameters(path.name, notebook, chosen.part)
    _require_data(chosen.part, data_directory(data), budget, notebook)
    needed = challenges_for(chosen.part, chosen.wanted)
    part = chosen.part.model_copy(
        update={"challenges": {key: spec for key, spec in chosen.part.challenges.items() if key in needed}}
    )
    with tempfile.TemporaryDirectory(prefix="self-check-") as folder:
        ran = _execute(path, chosen.assignment.id, part, budget, executor, data, Path(folder))
        return _judged(chosen, part, ran, path.name, is_fast)


def run_through(
    path: Path, assignment: str, part: PartSpec, executor: Executor, data: Path | None = None
) -> ExecutionRecord | None:
    """Return what happens when a notebook runs from top to bottom; None where its data sets are not there.

    Training is shortened where the part has a short budget and the notebook a cell tagged `parameters`: whether a
    notebook runs does not depend on how long it trains.

    Raises
    ------
    InternalError
        When the notebook could not be executed through a fault of ours.
    """
    notebook = read_own(path)
    if _missing(part, data_directory(data), notebook):
        return None
    can_be_short = bool(replacements(notebook, part.values_of("short")))
    alone = part.model_copy(update={"challenges": {}})
    with tempfile.TemporaryDirectory(prefix="self-check-") as folder:
        budget: Budget = "short" if can_be_short else "full"
        return _execute(path, assignment, alone, budget, executor, data, Path(folder)).record


@dataclass(frozen=True)
class _Ran:
    """One execution of a student's own notebook, with what it was asked for."""

    record: ExecutionRecord
    info: RunInfo
    submission: Submission
    task: Task


def _execute(
    path: Path,
    assignment: str,
    part: PartSpec,
    budget: Budget,
    executor: Executor,
    data: Path | None,
    folder: Path,
) -> _Ran:
    """Return the execution of a notebook, whose results lie in `folder`."""
    beside = [one for name in FILE_NAMES if (one := path.parent / name).is_file()]
    submission = submission_of(path.stem, "own", [path], beside, [part])
    info = RunInfo(
        assignment=assignment, parts=(part.part,), source=str(path), secret=new_secret(), budget=budget
    )
    (task,) = plan_tasks(
        RunDirectory(folder), info, [part], [submission], data=identity(data_directory(data))
    )
    task.lay_out()
    record = executor.execute(task.job)
    if record.state == "not_executed":
        raise InternalError(f"the notebook could not be executed: {record.detail} See: autograder doctor")
    return _Ran(record, info, submission, task)


def _judged(chosen: Chosen, part: PartSpec, ran: _Ran, name: str, is_fast: bool) -> SelfCheck:
    """Return the self-check of what an execution left."""
    record, info, submission, folder = ran.record, ran.info, ran.submission, ran.task.job.out
    golden = chosen.golden(info.budget)
    bindings = info.bindings_of(submission)

    seen: list[Evidence] = []

    def evidence_of(agreement: Agreement) -> Evidence:
        seen.append(stored_evidence(folder, part, record, bindings, agreement))
        return seen[-1]

    judged = judge_part(
        part,
        golden,
        chosen.template,
        json.dumps(bindings),
        evidence_of,
        folder / "findings.json",
        info.budget,
        chosen.wanted,
    )
    limits = record.limits or info.limits_of(part.part, part.limits)
    notes = [
        *_untouched(chosen.part, is_fast),
        *budget_notes(part, info.budget, ran.task.notebook),
        *execution_notes(part.part, record, limits),
        *_stopped(record.cells),
        *judged.notes,
    ]
    return from_verdicts(
        chosen,
        judged.verdicts,
        doubted=doubted(chosen, seen[-1]) if seen else (),
        notebook=name,
        notes=notes,
        stopped=sum(cell.status in ("error", "time_limit") for cell in record.cells),
    )


def from_verdicts(
    chosen: Chosen,
    verdicts: Mapping[str, Verdict],
    *,
    doubted: Collection[str] = (),
    notebook: str = "",
    notes: Iterable[Note] = (),
    stopped: int = 0,
) -> SelfCheck:
    """Return the self-check that the verdicts of the wanted checks give.

    Marks follow the public checks alone: what the others found, and what they are called, is not told.

    Parameters
    ----------
    doubted : ids of the checks that may have looked at something else than what is meant
    """
    public = public_part(chosen.part.model_copy(update={"items": chosen.items}))
    verdicts = {key: _doubtful(one) if key in doubted else one for key, one in verdicts.items()}
    graded, said = score_part(public, verdicts)
    return self_check(
        chosen, grade_of(chosen, graded), notebook=notebook, notes=[*notes, *said], stopped=stopped
    )


def doubted(chosen: Chosen, evidence: Evidence) -> set[str]:
    """Return the checks whose evidence was guessed, or could not be decided, where the rubric is public alone.

    The checks that would tell which of several values is meant are the course's.
    """
    if not is_public_alone(chosen.part):
        return set()
    unsure = {key for key, bound in evidence.bound.items() if _is_unsure(bound)}
    return {check.id for item in chosen.items for check in item.checks if named_evidence([check]) & unsure}


def _is_unsure(bound: Bound) -> bool:
    if bound.is_found:
        return bound.found is None or bound.found.how not in SURE
    return bound.is_undecided or bool(bound.candidates)


def _doubtful(verdict: Verdict) -> Verdict:
    """Return a verdict that claims no failure: only the course can tell which value is meant."""
    finding = verdict.finding
    if finding.fraction == 1 or finding.status not in (Status.PASSED, Status.FAILED):
        return verdict
    message = f"{finding.message} {UNDECIDED}"
    return Verdict(replace(finding, status=Status.BLOCKED, fraction=0.0, message=message), is_evaluated=False)


def _require_parameters(name: str, notebook: Mapping[str, Any], part: PartSpec) -> None:
    """Raise UsageError when a short run would be no shorter; it says what to do."""
    if replacements(notebook, part.values_of("short")):
        return
    numbers = ", ".join(f"{value:,}" for value in part.values_of("short"))
    is_tagged = any(TAG in cell["metadata"].get("tags", []) for cell in notebook["cells"])
    if is_tagged:
        raise UsageError(
            f"{name} has a cell tagged `{TAG}`, but none of the sheet's numbers stands there (one of {numbers}, as in "
            "`n_epochs = 10`); write them there, or leave out --fast"
        )
    raise UsageError(
        f"{name} has no cell tagged `{TAG}`, so that --fast has nothing to make smaller; put the sheet's numbers "
        f"({numbers}) into one cell, as in `n_epochs = 10`, and give it the tag `{TAG}` (in Jupyter: the gears at the "
        "right, Cell Tags), or leave out --fast"
    )


def _missing(part: PartSpec, folder: Path, notebook: Mapping[str, Any]) -> list[str]:
    """Return the data sets that are not there and that the notebook cannot do without."""
    return missing_for(folder, part.data, code_of(notebook) if part.own_data else None)


def _require_data(part: PartSpec, folder: Path, budget: Budget, notebook: Mapping[str, Any]) -> None:
    missing = _missing(part, folder, notebook)
    if missing:
        raise UsageError(
            f"part {part.part} needs {' and '.join(missing)}, which {folder} does not hold; "
            f"{how_to_get(folder, missing)}"
        )
    if part.data and budget == "full" and has_stand_ins(folder):
        raise UsageError(
            f"{folder} holds generated stand-ins, which only short runs are judged on; fetch the data sets "
            "(autograder data fetch) or give --fast"
        )


def _untouched(part: PartSpec, is_fast: bool) -> Iterator[Note]:
    if is_fast and "short" not in part.budgets:
        text = "Nothing in this part is long enough to be made shorter; the notebook was run as it is."
        yield Note(kind="execution", title=f"Part {part.part}: --fast", text=text)


def _stopped(cells: Sequence[CellRecord]) -> Iterator[Note]:
    """Return a note on every cell that stopped."""
    for cell in cells:
        if cell.status in ("error", "time_limit"):
            error = cell.error
            why = f"with {error.name}: {error.message.strip()}" if error else "at the time limit"
            yield Note(
                kind="execution", title=f"Cell {cell.index + 1}", text=f"stopped {why}"[:MAX_STOPPED_TEXT]
            )
