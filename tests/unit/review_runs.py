"""Run directories for people to mark: a class whose marks were made by hand, without any execution."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

import autograder.registered  # noqa: F401  # the checks that rubrics name
from autograder.records import CheckResult, ExecutionRecord, Grade, ItemGrade, Status, Submission
from autograder.refreshing import refresh
from autograder.results import write_class_page, write_marks
from autograder.review.marks import with_marks
from autograder.rubric.model import CheckSpec, CriterionSpec, ItemSpec, PartSpec, Rubric
from autograder.store import RunDirectory, RunInfo, write_json, write_record

SECRET = "5" * 32
WRITTEN_POINTS = 2.0
TITLE = "A sheet with written answers"


def png(width: int = 2, height: int = 2, *, extra: bytes = b"") -> bytes:
    """Return a grey PNG; `extra` goes into a text chunk."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    rows = b"".join(b"\x00" + b"\x80" * width for _ in range(height))
    text = chunk(b"tEXt", b"note\x00" + extra) if extra else b""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + text + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def rubric_of(n_items: int = 2) -> Rubric:
    """Return a rubric of items with a written answer (2 points, three criteria) and an automatic check (1 point)."""
    items = [
        ItemSpec(
            id=f"a{number}",
            title=f"A{number} Task",
            points=WRITTEN_POINTS + 1,
            checks=[
                CheckSpec(id=f"a{number}.rate", check="rows_kept", title="The rate is right", points=1),
                CheckSpec(
                    id=f"a{number}.comment",
                    check="is_written",
                    title=f"Comment {number}",
                    points=WRITTEN_POINTS,
                    params={"prompt": f"Comment on task {number}: why $x^2$?", "words": ["answer"]},
                    criteria=[
                        CriterionSpec(points=1, text="Names the reason."),
                        CriterionSpec(points=0.5, text="Gives numbers."),
                        CriterionSpec(points=0.5, text="Says the limits."),
                    ],
                    model_answer="The secret model answer.",
                ),
            ],
        )
        for number in range(1, n_items + 1)
    ]
    part = PartSpec(
        part="a",
        title="A",
        points=sum(item.points for item in items),
        false_fail_rate=1e-3,
        filenames=[],
        items=items,
    )
    return Rubric(assignment="aml-a3", title=TITLE, parts=[part], sha256="ab" * 32)


def check(spec: CheckSpec, status: Status, **about: Any) -> CheckResult:
    """Return the result of a check as the machine leaves it."""
    fraction = 1.0 if status is Status.PASSED else 0.0
    return CheckResult(
        id=spec.id,
        title=spec.title,
        status=status,
        fraction=fraction,
        points=float(spec.points),
        earned=spec.points * fraction,
        pending=float(spec.points) if status.is_pending else 0.0,
        **about,
    )


def grade_of(rubric: Rubric, name: str, answers: dict[str, str] | None = None) -> Grade:
    """Return a grade whose automatic checks passed and whose written answers wait."""
    items = []
    for item in rubric.parts[0].items:
        automatic, written = item.checks
        text = (answers or {}).get(item.id, f"Answer of {name} to {item.id}.")
        checks = (
            check(automatic, Status.PASSED, message="The rate is in the band.", observed="0.73"),
            check(written, Status.REVIEW, message="A person will mark this answer.", answer=text),
        )
        items.append(
            ItemGrade(
                id=item.id,
                part="a",
                title=item.title,
                earned=sum(one.earned for one in checks),
                pending=sum(one.pending for one in checks),
                possible=float(item.points),
                checks=checks,
            )
        )
    return with_marks(
        Grade(
            submission=Submission(
                id=name, students=(f"{name.title()} Lovelace",), sources={"a": "part_a.ipynb"}
            ),
            assignment=rubric.assignment,
            title=rubric.title,
            parts=("a",),
            state="graded",
            earned=0.0,
            pending=0.0,
            possible=float(rubric.parts[0].points),
            items=tuple(items),
            executions={"a": ExecutionRecord(state="complete")},
            cell_items={"a": tuple(item.id for item in rubric.parts[0].items)},
            rubric_sha256=rubric.sha256,
        ),
        {},
    )


def make_run(folder: Path, rubric: Rubric, grades: list[Grade]) -> RunDirectory:
    """Return a run directory that holds these grades, with a figure for each item."""
    run = RunDirectory(folder)
    folder.mkdir(parents=True, exist_ok=True)
    info = RunInfo(assignment=rubric.assignment, parts=("a",), source="hand-ins", secret=SECRET)
    write_record(folder / "run.json", info)
    picture = base64.b64encode(png(extra=b"hidden")).decode()
    output = {"output_type": "display_data", "data": {"image/png": picture}, "metadata": {}}
    notebook = {"cells": [{"cell_type": "code", "source": "", "outputs": [output]} for _ in grades[0].items]}
    for grade in grades:
        place = run.submission(grade.submission.id)
        place.mkdir(parents=True, exist_ok=True)
        write_record(place / "submission.json", grade.submission)
        write_record(place / "grade.json", grade)
        write_json(place / "executed.ipynb", notebook)
    write_json(run.rubric, rubric.model_dump(mode="json"))
    write_marks(run, info, rubric, grades, author="machine", why="graded")
    write_class_page(run, grades)
    return run


def class_run(folder: Path, names: tuple[str, ...] = ("ada", "bo", "cy"), n_items: int = 2) -> RunDirectory:
    """Return the run of a small class."""
    rubric = rubric_of(n_items)
    return make_run(folder, rubric, [grade_of(rubric, name) for name in names])


def refreshed(run: RunDirectory) -> dict[str, Grade]:
    """Return the grades after the marks of people were taken in."""
    with run.locked():
        return {grade.submission.id: grade for grade in refresh(run, author="tester")}
