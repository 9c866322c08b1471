"""The archive that Gradescope is given: this grader, one assignment, and the two programs that Gradescope calls.

    setup.sh  run_autograder        what Gradescope calls
    settings.json  started.json     what is graded, and the first results.json
    requirements.txt  constraints.txt
    engine/autograder  engine/reports
    content/rubrics/<id>  content/reference/<id>/golden  content/student_template/<id>

It holds goldens and the whole rubric, which the marks need, and nothing else of the reference: no answers.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import autograder
import reports
from autograder.courses import Course
from autograder.errors import UsageError
from autograder.gradescope.results import STARTED, without_score
from autograder.gradescope.settings import FILE, Settings
from autograder.gradescope.texts import RUN, SETUP
from autograder.registry import Assignment, content_root
from autograder.store import writing

MOMENT = (2020, 1, 1, 0, 0, 0)
"""Of all entries: the same inputs give the same bytes."""
PROGRAMS = ("setup.sh", "run_autograder")
DISTRIBUTION = "generative-autograder"
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def archive(assignment: Assignment, settings: Settings) -> dict[str, bytes]:
    """Return the files of the archive: name to content.

    Raises
    ------
    UsageError, RubricError
        When the assignment cannot be graded: something of it is missing or wrong.
    """
    course = Course.load(assignment.id, settings.parts)
    files = {
        "setup.sh": SETUP.encode(),
        "run_autograder": RUN.encode(),
        FILE: _json(settings.model_dump(mode="json")),
        "started.json": _json(without_score(STARTED)),
        "requirements.txt": _lines(requirements()),
        "constraints.txt": _constraints(),
        **_tree(Path(autograder.__file__).parent, "engine/autograder"),
        **_tree(Path(reports.__file__).parent, "engine/reports"),
        **_tree(assignment.rubric.parent, f"content/rubrics/{assignment.id}"),
    }
    reference = f"content/reference/{assignment.reference.name}/golden"
    template = f"content/student_template/{assignment.id}"
    for part in course.rubric.parts:
        golden = assignment.golden(part.part)
        files[f"{reference}/{golden.name}"] = golden.read_bytes()
        name = f"part_{part.part}.ipynb"
        files[f"{template}/{name}"] = (assignment.student_template / name).read_bytes()
    if names := sorted({name for part in course.rubric.parts for name in part.data}):
        files["data.txt"] = _lines(names)
    return dict(sorted(files.items()))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return the files as a zip; its programs can be executed."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # so that the mode counts
            entry.external_attr = (0o100755 if name in PROGRAMS else 0o100644) << 16
            target.writestr(entry, data)
    return content.getvalue()


def write_archive(assignment: Assignment, settings: Settings, out: Path) -> dict[str, bytes]:
    """Write the archive; it is there whole, or as it was. Returns its files."""
    files = archive(assignment, settings)
    data = zipped(files)
    beside = out.with_name(f".{out.name}.part")
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        beside.replace(out)
    return files


def requirements() -> list[str]:
    """Return the packages that the grader and its kernels need, as the project declares them.

    Raises
    ------
    UsageError
        When this copy was not installed, so that nobody knows.
    """
    try:
        declared = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        raise UsageError(
            f"the package {DISTRIBUTION} is not installed here, so that what it needs is not known; run make setup"
        ) from None
    found = []
    for one in declared:
        wanted, _, condition = one.partition(";")
        if "extra" not in condition or 'extra == "kernel"' in condition:
            found.append(wanted.strip())
    return found


def _constraints() -> bytes:
    """Return the versions that the container gets: those of the lock file, else those that are installed here."""
    lock = content_root() / "requirements.lock"
    if lock.is_file():
        return lock.read_bytes()
    names = [found[0] for one in requirements() if (found := _NAME.match(one))]
    return _lines([f"{name}=={importlib.metadata.version(name)}" for name in names])


def _tree(folder: Path, place: str) -> dict[str, bytes]:
    return {
        f"{place}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.is_symlink()
        and "__pycache__" not in path.parts
        and path.suffix != ".pyc"
    }


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{one}\n" for one in lines).encode()
