"""Executions that several runs share, by content: resubmissions, other students, other machines.

What may be shared is an execution with the same digest (cells, helper files, data, environment, plan, limits) that was
complete and drew no random numbers without a seed; nothing else. A run that uses a cache draws the inputs of its challenges
with the cache's secret: with a secret of its own, it would ask equal notebooks other questions.

    secret.json                 the secret, for whoever may read the folder
    ab/abcdef.../               by digest: executed.ipynb, arrays/, execution.json
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from autograder.errors import InternalError
from autograder.jobs import Task, copy_results, may_be_shared
from autograder.records import ExecutionRecord
from autograder.store import (
    make_folder,
    new_secret,
    read_json,
    read_record,
    write_json,
    write_record,
    writing,
)


class ExecutionCache:
    """A folder of executions; several gradings may use it at a time.

    Raises
    ------
    InternalError
        The folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with writing(folder):
            make_folder(folder)
            folder.chmod(0o700)
        self.secret = self._secret()

    def filled(self, task: Task) -> Task:
        """Return a task with what is kept of an equal one; as it is where nothing is, or it needs nothing."""
        if task.done is not None:
            return task
        folder = self._place(task.digest)
        record = read_record(folder / "execution.json", ExecutionRecord)
        if record is None or record.input_digest != task.digest:
            return task
        update = {"from_cache": True, "same_as": ""}
        try:
            return replace(task, done=task.take_results(folder, record.model_copy(update=update)))
        except OSError:  # it is being removed: the notebook runs
            return task

    def keep(self, task: Task, record: ExecutionRecord) -> None:
        """Keep an execution that may be shared; a cache that is full costs no grading."""
        place = self._place(task.digest)
        if record.state != "complete" or place.exists() or not may_be_shared(task.job.out, record):
            return
        with contextlib.suppress(OSError, InternalError):
            place.parent.mkdir(exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
            try:
                copy_results(task.job.out, fresh)
                write_record(fresh / "execution.json", record.model_copy(update={"same_as": ""}))
                fresh.rename(place)  # fails where another grading was first
            finally:
                shutil.rmtree(fresh, ignore_errors=True)

    def _place(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def _secret(self) -> str:
        """Return the cache's secret; the first grading that comes makes it, and none replaces another's."""
        path = self.folder / "secret.json"
        if not path.exists():
            with writing(path), tempfile.TemporaryDirectory(prefix=".new-", dir=self.folder) as fresh:
                write_json(Path(fresh) / path.name, {"secret": new_secret()})
                with contextlib.suppress(FileExistsError):  # another grading was first
                    path.hardlink_to(Path(fresh) / path.name)
        known = read_json(path)
        if not isinstance(known, dict) or not isinstance(known.get("secret"), str):
            raise InternalError(
                f"{path} is damaged: remove the folder {self.folder}, what it holds is made again"
            )
        return str(known["secret"])
