"""From what was handed in to submissions: find the files, read them, say why when that is not possible."""

from autograder.intake.bindings import read_class_bindings
from autograder.intake.folders import Delivery, find_submissions, require_source, take_in
from autograder.intake.notebooks import code_of, normalise, read_notebook
from autograder.intake.problems import UnreadableNotebook

__all__ = [
    "Delivery",
    "UnreadableNotebook",
    "code_of",
    "find_submissions",
    "normalise",
    "read_class_bindings",
    "read_notebook",
    "require_source",
    "take_in",
]
