"""The run directory: one grading of a batch, as files that survive a power cut.

    run.json            what is graded, with the run's secret: written first
    rubric.json         the rubric of the last scoring, to say what an edit changed
    results.json  scores.csv  index.html  gradebook.db
    submissions/<id>/   submission.json execution.json executed.ipynb evidence.json arrays/ grade.json report.html

With several parts, `execution.json`, `executed.ipynb` and `arrays/` lie in `submissions/<id>/<part>/`.
Every file is written beside its place and renamed into it: it is there whole, or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from autograder.errors import InternalError, UsageError
from autograder.records import Limits, Record, Submission

R = TypeVar("R", bound=Record)


class RunInfo(Record):
    """What a run grades, fixed when it starts."""

    schema_version: Literal[1] = 1
    assignment: str
    parts: tuple[str, ...]
    source: str
    secret: str
    """Challenge inputs are drawn from it: others for every run, the same when a run is continued."""
    limits: Limits | None = None
    """Limits given on the command line, in place of the rubric's."""
    bindings: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Submission id to evidence key to path, confirmed by a person. `*` stands for every submission."""

    seed_shift: int = 0
    """Not 0 only when `validate` or `golden` replays our own notebooks under other random streams."""

    def bindings_of(self, submission: Submission) -> dict[str, str]:
        """Return the bindings of a submission: the student's own, over them those that a person confirmed."""
        return submission.bindings | self.bindings.get("*", {}) | self.bindings.get(submission.id, {})


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` so that it is there whole or not at all.

    Raises
    ------
    InternalError
        When it cannot be written (a full disk, no permission); nothing that was there is lost.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise InternalError(
            f"{path} cannot be written ({error.strerror}); free some space and run the same command again"
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, sorted as given, with a final newline; see :func:`write_text`."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def write_record(path: Path, record: Record) -> None:
    """Write a record as JSON; see :func:`write_text`."""
    write_json(path, record.model_dump(mode="json"))


def read_record(path: Path, model: type[R]) -> R | None:
    """Return the record at `path`, or None when there is none or it is damaged."""
    try:
        return model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError, ValueError):
        return None


def read_json(path: Path) -> Any:
    """Return the JSON at `path`, or None when there is none or it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


class RunDirectory:
    """The paths of a run."""

    def __init__(self, path: Path):
        self.path = path
        self.results = path / "results.json"
        self.scores = path / "scores.csv"
        self.index = path / "index.html"
        self.rubric = path / "rubric.json"
        self.gradebook = path / "gradebook.db"

    def submission(self, submission_id: str) -> Path:
        """Return the folder of a submission."""
        return self.path / "submissions" / submission_id

    def part(self, submission_id: str, part: str, parts: tuple[str, ...]) -> Path:
        """Return the folder with what was executed of a part."""
        return self.submission(submission_id) if len(parts) == 1 else self.submission(submission_id) / part

    def info(self) -> RunInfo:
        """Return what the run grades.

        Raises
        ------
        UsageError
            When the folder is no run directory.
        """
        info = read_record(self.path / "run.json", RunInfo)
        if info is None:
            raise UsageError(
                f"{self.path} is no run directory (it has no readable run.json); give the folder that `grade --run` made"
            )
        return info

    def open(self, wanted: RunInfo) -> RunInfo:
        """Return the run's info: of the run that is continued here, or `wanted`, written now.

        Raises
        ------
        UsageError
            When the folder holds something else, or the run of another assignment.
        """
        if not (self.path / "run.json").exists():
            if self.path.is_dir() and any(self.path.iterdir()):
                raise UsageError(f"{self.path} is not empty and no run directory; give --run a new folder")
            write_record(self.path / "run.json", wanted)
            return wanted
        info = self.info()
        if (info.assignment, info.parts) != (wanted.assignment, wanted.parts):
            raise UsageError(
                f"{self.path} holds a run of {info.assignment} part {', '.join(info.parts)}; give --run another folder"
            )
        bindings = {name: info.bindings.get(name, {}) | paths for name, paths in wanted.bindings.items()}
        current = info.model_copy(update={"limits": wanted.limits, "bindings": info.bindings | bindings})
        if current != info:
            info = current
            write_record(self.path / "run.json", info)
        return info

    def bind(self, submission_id: str, key: str, path: str) -> None:
        """Keep a binding that a person confirmed."""
        info = self.info()
        bindings = {name: dict(paths) for name, paths in info.bindings.items()}
        bindings.setdefault(submission_id, {})[key] = path
        write_record(self.path / "run.json", info.model_copy(update={"bindings": bindings}))


def new_secret() -> str:
    """Return the secret of a new run."""
    return secrets.token_hex(16)
