"""What an archive says to the grader inside the container."""

from __future__ import annotations

from typing import Literal

from autograder.records import Record

Visibility = Literal["visible", "after_published", "after_due_date", "hidden"]
FILE = "settings.json"


class Settings(Record):
    """How submissions are graded inside the container."""

    schema_version: Literal[1] = 1
    assignment: str
    parts: tuple[str, ...]
    minutes: float = 10.0
    """Gradescope's limit on one submission, as it is set there."""
    visibility: Visibility = "after_published"
    """When students see what is not public: the sum of the course's own checks of each item."""
    partial: bool = False
    """Whether a submission of which marks wait for a person gets what is earned so far."""
    fence: Literal["auto", "namespaces", "landlock", "container", "none"] = "auto"
