"""One way to an assignment: two of them would block each other at the LMS."""

from __future__ import annotations

from autograder.errors import UsageError
from autograder.export.formats import Request


def require_one_route(request: Request, default: str, own: str, other: str) -> None:
    """Raise UsageError when scores went to the same destination by a route that this one would block.

    Parameters
    ----------
    default : the destination where none is named
    """
    destination = request.choices.destination or default
    held = request.held(destination)
    used = sorted({entry.route for entry in held.values() if entry.route == other})
    if used:
        raise UsageError(
            f"scores went to {destination} by {other.replace('_', '-')} before: a gradebook import and a worksheet on "
            f"one assignment block each other silently. Stay with that one; if {own.replace('_', '-')} is for another "
            "item, give it a name with --destination"
        )
