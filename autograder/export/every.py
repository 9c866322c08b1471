"""Importing this module registers every format."""

from autograder.export import (  # noqa: F401
    ags,
    blackboard,
    brightspace,
    canvas,
    feedback,
    gradescope,
    lists,
    moodle_gradebook,
    moodle_worksheet,
)
