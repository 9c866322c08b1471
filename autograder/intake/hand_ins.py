"""What one student handed in, and what is said of the archives that it came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.intake.archives import Aside, Unpacked
from autograder.intake.problems import Problem


@dataclass
class HandIn:
    """What one student handed in, archives unpacked."""

    notebooks: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """Of archives and entries that were not unpacked; what comes first is most likely the reason."""
    notes: list[str] = field(default_factory=list)

    def add(self, more: HandIn) -> None:
        """Take what else the student handed in."""
        self.notebooks += more.notebooks
        self.others += more.others
        self.problems += more.problems
        self.notes += more.notes


def notes_of(archive: str, unpacked: Unpacked) -> list[str]:
    """Return what is to be said of an archive that was unpacked."""
    words = f"{archive}: {len(unpacked.files)} of its files unpacked ({unpacked.kind})"
    if unpacked.n_noise:
        words += f"; {unpacked.n_noise} hidden, system or checkpoint entries left aside"
    return [words, *(renaming(name, path) for name, path in unpacked.renamed)]


def renaming(name: str, path: str) -> str:
    """Return the note on an entry whose name was not safe."""
    return f"{name!r} is unpacked as {path}"


def reasons_of(aside: Sequence[Aside], is_all: bool) -> list[Problem]:
    """Return the entries whose loss can be why there is no notebook: notebooks, or anything when all is lost."""
    lost = [loss_of(one) for one in aside if one.path.lower().endswith(".ipynb")]
    return lost or [loss_of(one) for one in aside if is_all]


def loss_of(aside: Aside) -> Problem:
    """Return what to say of an entry that was not unpacked."""
    name = aside.path.rpartition("/")[2]
    return Problem(
        aside.status,
        f"{name} could not be unpacked: {aside.why}; hand in the .ipynb file itself",
        f"left aside: {aside.entry} ({aside.status}: {aside.why})",
    )
