"""One way to an assignment: two of them would block each other at the LMS."""

from __future__ import annotations

from autograder.errors import UsageError
from autograder.export.formats import Request

RIVALS = {"moodle_gradebook": "moodle_worksheet", "moodle_worksheet": "moodle_gradebook"}
"""A route to the one that it blocks."""


def require_one_route(request: Request, default: str, own: str) -> None:
    """Raise UsageError when scores went to the same destination by a route that this one would block.

    Parameters
    ----------
    default : the destination where none is named
    """
    other = RIVALS[own]
    destination = request.choices.destination or default
    held = request.held(destination)
    used = sorted({entry.route for entry in held.values() if entry.route == other})
    if used:
        raise UsageError(
            f"scores went to {destination} by {other.replace('_', '-')} before: a gradebook import and a worksheet on "
            "one assignment block each other silently. Stay with that one, or say --not-imported if its last file was "
            f"never imported; if {own.replace('_', '-')} is for another "
            "item, give it a name with --destination"
        )
