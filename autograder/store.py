"""The run directory: one grading of a batch, as files that survive a power cut.

    run.json            what is graded, with the run's secret: written first
    rubric.json         the rubric of the last scoring, to say what an edit changed
    roster.json  groups.json  course.json    who is in the class, who works with whom, the rules; where they were given
    intake.json         what was taken in
    results.json  scores.csv  index.html  gradebook.db  questions.json  questions.html
    submissions/<id>/   submission.json execution.json executed.ipynb evidence.json arrays/ grade.json report.html
    intake/             what archives held, a folder each
    exports/            what `export` wrote, a folder each time
    .lock               held by the process that works on the run

With several parts, `execution.json`, `executed.ipynb` and `arrays/` lie in `submissions/<id>/<part>/`.
Every file is written beside its place and renamed into it: it is there whole, or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from autograder.errors import InternalError, UsageError
from autograder.locks import locked
from autograder.records import Limits, Record, Submission

R = TypeVar("R", bound=Record)

Budgets = Mapping[str, Mapping[str, float]]
"""Part id to the limits that were given for it on the command line: name of the limit to value."""

_PARTIAL = re.compile(r"\..+\.(\d+)\.part")
ABANDONED_SECONDS = 3600.0
LOCK = ".lock"


class RunInfo(Record):
    """What a run grades, fixed when it starts."""

    schema_version: Literal[1] = 1
    assignment: str
    parts: tuple[str, ...]
    source: str
    secret: str
    """Challenge inputs are drawn from it: others for every run, the same when a run is continued."""
    limits: Limits | None = None
    """Limits of every part, in place of the rubric's."""
    budgets: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Single limits of a part, over `limits` and the rubric's: part id, name of the limit, value."""
    budget: Literal["full", "short", "replay"] = "full"
    """How notebooks are tried."""
    stand_ins: bool = False
    """Whether kernels are shown generated data in the place of data sets."""
    bindings: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Submission id to evidence key to path, confirmed by a person. `*` stands for every submission."""
    show_markers: bool = False
    """Whether students' reports name the people who marked."""
    seed_shift: int = 0
    """Not 0 only when `validate` or `golden` replays our own notebooks under other random streams."""

    def limits_of(self, part: str, of_rubric: Limits) -> Limits:
        """Return the limits of a part: what was given for the run, in place of the rubric's."""
        whole = (self.limits or of_rubric).model_dump()
        given = self.budgets.get(part, {}).items()
        return Limits.model_validate(
            whole | {name: int(value) if name == "memory_mib" else value for name, value in given}
        )

    def bindings_of(self, submission: Submission) -> dict[str, str]:
        """Return the bindings of a submission: the student's own, over them those that a person confirmed."""
        return submission.bindings | self.bindings.get("*", {}) | self.bindings.get(submission.id, {})


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`; see :func:`write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that it is there whole or not at all.

    Raises
    ------
    InternalError
        When it cannot be written (a full disk, no permission); nothing that was there is lost.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        try:
            make_folder(path.parent)
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            sync_folder(path.parent)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise


def write_new_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder `path` with some files (`/` in their names) in it, all of them or none.

    Raises
    ------
    InternalError
        When it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        try:
            make_folder(path.parent)
            for name, content in files.items():
                write_bytes(beside / name, content)
            beside.rename(path)
            sync_folder(path.parent)
        except OSError:
            shutil.rmtree(beside, ignore_errors=True)
            raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while `path` is written into an error that says what to do.

    Raises
    ------
    InternalError
        In place of OSError.
    """
    try:
        yield
    except OSError as error:
        raise InternalError(
            f"{path} cannot be written ({error.strerror or error}); "
            "free some space and run the same command again"
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, so that a power cut cannot take them away again."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have the names in a folder written to the disk: a rename alone may be undone by a power cut."""
    if os.name == "nt":  # folders cannot be opened there
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that does not know this for folders
            raise
    finally:
        os.close(folder)


def copy_file(source: Path, target: Path) -> None:
    """Copy the content of one file and have it written to the disk; its name is not yet (:func:`sync_folder`)."""
    shutil.copyfile(source, target)
    with target.open("rb+") as file:
        os.fsync(file.fileno())


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
        self.questions = path / "questions.json"
        self.questions_page = path / "questions.html"
        self.similarity = path / "similarity.json"
        self.similarity_page = path / "similarity.html"
        self.rubric = path / "rubric.json"
        self.gradebook = path / "gradebook.db"
        self.roster = path / "roster.json"
        self.groups = path / "groups.json"
        self.course = path / "course.json"
        self.taken_in = path / "intake.json"
        self.intake = path / "intake"
        self.exports = path / "exports"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one that works on the run; what a killed process left half-written is removed.

        The folder is made when it is missing; one that holds something else is left as it is.

        Raises
        ------
        UsageError
            When another process works on the run, or the folder holds something else.
        InternalError
            When the folder cannot be written.
        """
        self._refuse_other()
        with writing(self.path):
            make_folder(self.path)
        with locked(self.path / LOCK, str(self.path)):
            self._remove_partial()
            yield

    def _refuse_other(self) -> None:
        if (self.path / "run.json").exists() or not self.path.is_dir():
            return
        own = (LOCK, self.intake.name)
        if any(entry.name not in own and not _PARTIAL.fullmatch(entry.name) for entry in self.path.iterdir()):
            raise UsageError(f"{self.path} is not empty and no run directory; give --run a new folder")

    def _remove_partial(self) -> None:
        """Remove half-written files, but for those that a living process may be writing."""
        for path in self.path.rglob(".*.part"):
            found = _PARTIAL.fullmatch(path.name)
            with contextlib.suppress(OSError):
                if found and (not _is_alive(int(found[1])) or _age_seconds(path) > ABANDONED_SECONDS):
                    if path.is_dir():
                        shutil.rmtree(path)
                    else:
                        path.unlink()

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

        Limits and bindings of `wanted` are added to those that the run has.

        Raises
        ------
        UsageError
            When the folder holds something else, or the run of another assignment.
        """
        if not (self.path / "run.json").exists():
            self._refuse_other()
            write_record(self.path / "run.json", wanted)
            return wanted
        info = self.info()
        if (info.assignment, info.parts) != (wanted.assignment, wanted.parts):
            raise UsageError(
                f"{self.path} holds a run of {info.assignment} part {', '.join(info.parts)}; give --run another folder"
            )
        if info.budget != wanted.budget:
            raise UsageError(
                f"{self.path} holds a run with the budget {info.budget}; give --run another folder, "
                f"or continue it with --budget {info.budget}"
            )
        if info.stand_ins != wanted.stand_ins:
            raise UsageError(
                f"{self.path} holds a run on {'generated stand-ins' if info.stand_ins else 'the data sets'}; "
                "give --run another folder, or --data the folder of that run"
            )
        bindings = {name: info.bindings.get(name, {}) | paths for name, paths in wanted.bindings.items()}
        budgets = {part: info.budgets.get(part, {}) | given for part, given in wanted.budgets.items()}
        current = info.model_copy(
            update={
                "limits": wanted.limits or info.limits,
                "budgets": info.budgets | budgets,
                "bindings": info.bindings | bindings,
            }
        )
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


def _is_alive(process: int) -> bool:
    """Return whether another process with this number runs here; this one is done with what it left."""
    if process == os.getpid():  # in a container every grading may have the same number
        return False
    if os.name == "nt":  # asking there would end the process
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True


def _age_seconds(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def new_secret() -> str:
    """Return the secret of a new run."""
    return secrets.token_hex(16)
