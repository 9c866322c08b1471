"""Where content lives on disk, and the one pattern by which functions are registered by name.

An assignment is two folders: `rubrics/<id>/` (what is checked) and `reference/<id with underscores>/` (the
answers, mutants, styles and goldens). The engine knows neither by name; it finds them here. The reference
is never imported by the engine: its Python files are loaded by path, and only by the verbs that work on
the reference itself (`golden`, `template`, `validate`, `demo`).
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from autograder.errors import UsageError, nearest

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Entry(Generic[T]):
    """A registered function with the model of its parameters."""

    name: str
    function: T
    params: type[BaseModel]


class Registry(Generic[T]):
    """Functions by name; the first line of a docstring is what the generated reference shows."""

    def __init__(self, what: str):
        self.what = what
        self._entries: dict[str, Entry[T]] = {}

    def register(self, params: type[BaseModel]) -> Callable[[T], T]:
        """Register the decorated function under its own name, with `params` as its parameters."""

        def add(function: T) -> T:
            name = function.__name__
            if name in self._entries:
                raise ValueError(f"two {self.what}s are called {name!r}")
            if not function.__doc__:
                raise ValueError(f"{self.what} {name!r} has no docstring; students and authors read it")
            self._entries[name] = Entry(name, function, params)
            return function

        return add

    def __getitem__(self, name: str) -> Entry[T]:
        if name not in self._entries:
            raise UsageError(f"there is no {self.what} {name!r}{nearest(name, self._entries)}")
        return self._entries[name]

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[Entry[T]]:
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))

    def names(self) -> list[str]:
        """Return the registered names, sorted."""
        return sorted(self._entries)


CHECKS: Registry[Callable[..., Any]] = Registry("check")
"""Claims about evidence; filled by importing :mod:`autograder.checks`."""

DRAWS: Registry[Callable[..., dict[str, Any]]] = Registry("draw")
"""Generators of challenge inputs; filled by importing :mod:`autograder.probes.challenges`."""

SUMMARIES: Registry[Callable[..., float]] = Registry("summary")
"""Statistics compared with their replicates; filled by importing :mod:`autograder.probes.summaries`."""

TRUTHS: Registry[Callable[..., Any]] = Registry("truth")
"""Exact values by quadrature or closed form; filled by importing :mod:`autograder.truths`."""


def content_root() -> Path:
    """Return the folder that holds `rubrics/` and `reference/`.

    It is `$AUTOGRADER_CONTENT` when set, else the working directory when it has a `rubrics` folder, else
    the folder beside the engine (a clone of the repository).

    Raises
    ------
    UsageError
        When none of them has a `rubrics` folder.
    """
    if chosen := os.environ.get("AUTOGRADER_CONTENT"):
        if not (Path(chosen) / "rubrics").is_dir():
            raise UsageError(
                f"AUTOGRADER_CONTENT={chosen} has no folder 'rubrics'; point it at your course folder"
            )
        return Path(chosen).resolve()
    for root in (Path.cwd(), Path(__file__).resolve().parent.parent):
        if (root / "rubrics").is_dir():
            return root
    raise UsageError(
        "no folder 'rubrics' here; run from a clone of the course or set AUTOGRADER_CONTENT to it"
    )


def content_above(place: Path) -> Path | None:
    """Return the nearest folder, `place` or one above it, that holds a rubric; None when there is none."""
    above = (folder for folder in (place, *place.parents) if any(folder.glob("rubrics/*/rubric.yaml")))
    return next(above, None)


def assignment_ids(root: Path | None = None) -> list[str]:
    """Return the ids of all assignments with a rubric in `root` (None: the content root), sorted."""
    root = root or content_root()
    return sorted(path.parent.name for path in (root / "rubrics").glob("*/rubric.yaml"))


@dataclass(frozen=True)
class Assignment:
    """The folders of one assignment."""

    id: str
    rubric: Path
    reference: Path
    student_template: Path

    def golden(self, part: str, kind: Literal["full", "short", "stand_ins"] = "full") -> Path:
        """Return the file that holds the golden values of a part, from one kind of runs."""
        suffix = "" if kind == "full" else f".{kind}"
        return self.reference / "golden" / f"part_{part}{suffix}.json"

    @property
    def all_signatures(self) -> Path:
        """The folder that holds what known mistakes look like to the checks."""
        return self.rubric.parent / "signatures"

    def signatures(self, part: str) -> Path:
        """Return the file that holds what known mistakes in a part look like to its checks."""
        return self.all_signatures / f"part_{part}.json"

    def notebook_source(self, part: str) -> Path:
        """Return the percent-format source of a part's reference notebook."""
        return self.reference / f"notebook_{part}.py"


def find_assignment(assignment_id: str, root: Path | None = None) -> Assignment:
    """Return the folders of the assignment called `assignment_id` in `root` (None: the content root).

    Raises
    ------
    UsageError
        When there is none; the message names the nearest id and all that exist.
    """
    root = root or content_root()
    folder = root / "rubrics" / assignment_id
    if not (folder / "rubric.yaml").is_file():
        known = assignment_ids(root)
        listed = ", ".join(known) or "none"
        raise UsageError(
            f"there is no assignment {assignment_id!r}{nearest(assignment_id, known)} (there are: {listed})"
        )
    package = assignment_id.replace("-", "_")
    return Assignment(
        id=assignment_id,
        rubric=folder / "rubric.yaml",
        reference=root / "reference" / package,
        student_template=root / "student_template" / assignment_id,
    )


def load_reference_module(assignment: Assignment, name: str) -> ModuleType:
    """Return the module `<reference>/<name>.py`, loaded by path (trusted code of the course's own).

    Raises
    ------
    UsageError
        When the file is not there.
    """
    path = assignment.reference / f"{name}.py"
    if not path.is_file():
        raise UsageError(
            f"{path} is missing: this verb works on the reference of {assignment.id}, which is not in this copy"
        )
    qualified = f"{assignment.reference.parent.name}.{assignment.reference.name}.{name}"
    root = str(assignment.reference.parent.parent)
    if root not in sys.path:
        sys.path.append(root)
    if qualified in sys.modules:
        return sys.modules[qualified]
    spec = importlib.util.spec_from_file_location(qualified, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[qualified] = module
    spec.loader.exec_module(module)
    return module


def module_of(assignment: Assignment, name: str, part: str) -> ModuleType:
    """Return the part's own module (`mutants_b`), or the assignment's (`mutants`) where there is none."""
    own = f"{name}_{part}"
    is_there = (assignment.reference / f"{own}.py").is_file()
    return load_reference_module(assignment, own if is_there else name)
