"""What a command prints: one JSON document, or tables and lines for people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.records import Grade

WIDTH_OF_FILES = 140
"""Columns of a table that no terminal shows."""

STATES = {
    "graded": ("graded", "green"),
    "needs_review": ("needs a person", "yellow"),
    "failed": ("failed", "red"),
}


def out() -> Console:
    """Return the console of results."""
    return _console(sys.stdout, stderr=False)


def err() -> Console:
    """Return the console of progress and errors."""
    return _console(sys.stderr, stderr=True)


def _console(stream: TextIO, stderr: bool) -> Console:
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH_OF_FILES
    return Console(stderr=stderr, width=width, highlight=False, emoji=False, markup=False)


def print_json(value: Any) -> None:
    """Print one JSON document to standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def line(text: str, style: str = "") -> None:
    """Print one line of a result; it is never broken, so that paths can be copied."""
    out().print(Text(text, style=style), soft_wrap=True)


def table(title: str, columns: Sequence[tuple[str, str]], rows: Iterable[Iterable[str | Text]]) -> None:
    """Print a table under its title; a column is its heading and `left` or `right`."""
    if title:
        line(title, "bold")
    is_headed = any(heading for heading, _ in columns)
    grid = Table(show_header=is_headed, box=None, padding=(0, 2, 0, 0))
    for heading, side in columns:
        grid.add_column(heading, justify="right" if side == "right" else "left", header_style="bold")
    for row in rows:
        grid.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    out().print(grid)


def marks(value: float) -> str:
    """Return marks as people write them.

    >>> marks(45.3571), marks(48.0)
    ('45.36', '48')
    """
    return f"{round(value, 2):g}"


def people_of(grade: Grade, names: Mapping[str, str]) -> str:
    """Return the people of a submission, by name and id where names are known; the submission when there are none."""
    told = [f"{names[one]} ({one})" if one in names else one for one in grade.submission.students]
    return ", ".join(told) or f"? {grade.submission.id}"


def score_of(grade: Grade) -> str:
    """Return what the people get after lateness, once when it is the same for all; "" when nothing was taken off."""
    words = [
        one.state if one.state in ("excused", "withheld") else marks(one.score)
        for one in grade.people
        if one.deducted or one.state in ("excused", "withheld")
    ]
    return " / ".join(dict.fromkeys(words))


def print_grades(grades: Iterable[Grade], names: Mapping[str, str] | None = None) -> None:
    """Print the table of a class, and how many of it are left for a person."""
    listed = list(grades)
    rows = []
    for grade in listed:
        word, colour = STATES[grade.state]
        remark = grade.submission.problem or ", ".join(grade.flags)
        earned = f"{marks(grade.earned)} of {marks(grade.possible)}"
        pending = marks(grade.pending) if grade.pending else ""
        who = people_of(grade, names or {})
        rows.append((who, earned, score_of(grade), pending, Text(word, style=colour), remark))
    columns = [
        ("Student", "left"),
        ("Earned", "right"),
        ("Score", "right"),
        ("Pending", "right"),
        ("State", "left"),
        ("Remarks", "left"),
    ]
    shown = [index for index in range(len(columns)) if index != 2 or any(row[2] for row in rows)]
    table("", [columns[index] for index in shown], ([row[index] for index in shown] for row in rows))
    counts = {state: sum(grade.state == state for grade in listed) for state in STATES}
    told = [
        f"{n} {'need' if state == 'needs_review' and n != 1 else STATES[state][0].split(' ')[0]}"
        for state, n in counts.items()
    ]
    told[1] += " a person"
    line("")
    line(f"{plural(len(listed), 'submission')}: {', '.join(told)}.")


def plural(n: int, noun: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "notebook"), plural(3, "notebook")
    ('1 notebook', '3 notebooks')
    """
    return f"{n} {noun}" + ("" if n == 1 else "s")


def print_place(label: str, path: Path) -> None:
    """Print where something was written, as a path that can be opened."""
    line(f"{label}: {path.resolve()}")
