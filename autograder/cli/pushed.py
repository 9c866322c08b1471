"""What `push` prints: the reconciliation, and what became of what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autograder.cli.output import line, plural, table

if TYPE_CHECKING:
    from autograder.push.delivering import Delivery
    from autograder.pushing import Push

MAX_LISTED = 12
HEADS = {
    "written": "To send",
    "unchanged": "There already",
    "without_score": "Without a score",
    "held_back": "Held back",
    "unknown": "Not in the assignment at the LMS",
    "ambiguous": "Ambiguous",
}


def document(found: Push) -> dict[str, Any]:
    """Return what `--json` prints of a push."""
    from autograder.export.outcomes import lists_of

    return {
        "destination": found.plan.destination,
        "sent": found.is_sent,
        "batch": found.batch if found.is_sent else None,
        "stopped": found.stopped,
        "lists": {
            name: [one.model_dump(mode="json") for one in outcomes]
            for name, outcomes in lists_of(found.plan.outcomes).items()
        },
        "deliveries": [_delivery(one) for one in found.deliveries],
        "notes": list(found.plan.notes),
        "needs_person": found.needs_person,
    }


def _delivery(one: Delivery) -> dict[str, Any]:
    return {
        "student": one.parcel.student,
        "place": one.parcel.place,
        "value": one.parcel.value,
        "what": [line.what for line in one.parcel.lines()],
        "state": one.state,
        "detail": one.detail,
    }


def print_push(found: Push) -> None:
    """Print the reconciliation, and what became of what was sent."""
    from autograder.export.outcomes import lists_of

    line(f"{found.plan.destination}: {'sent' if found.is_sent else 'nothing was sent'}", "bold")
    for name, outcomes in lists_of(found.plan.outcomes).items():
        line(f"{HEADS[name]}: {len(outcomes)}")
        shown = [one for one in outcomes if name == "written" or not one.accounted][:MAX_LISTED]
        rows = [
            (
                one.student or "-",
                one.row,
                one.before,
                one.value,
                one.why or ("comment" if one.comment else ""),
            )
            for one in shown
        ]
        if rows:
            columns = (
                ("Student", "left"),
                ("User", "left"),
                ("There", "right"),
                ("Ours", "right"),
                ("", "left"),
            )
            table("", columns, rows)
        if len(shown) == MAX_LISTED < len(outcomes):
            line(f"... all of them: --json (list {name})")
    for note in found.plan.notes:
        line(f"Note: {note}", "yellow")
    _print_deliveries(found)


def _print_deliveries(found: Push) -> None:
    line("")
    n, n_open = len(found.plan.parcels), len(found.unsettled)
    if n_open:
        told = "Nothing was sent" if found.is_refused else "Nothing would be sent"
        line(f"{told}: {n_open} not accounted for. Decide with --accept KIND or --waive ID=REASON.", "red")
        return
    if not n:
        line("There is nothing to send.", "bold")
        return
    if not found.is_sent:
        line(f"Would send {plural(n, 'student')}; say --send to do it.", "bold")
        return
    bad = [one for one in found.deliveries if one.state != "verified"]
    if bad:
        columns = (("Student", "left"), ("State", "left"), ("Why", "left"))
        rows = [(one.parcel.student, one.state.replace("_", " "), one.detail) for one in bad]
        table("Not verified", columns, rows)
    line(f"{plural(n - len(bad), 'student')} sent and read back, {len(bad)} not.", "bold")
    if found.stopped:
        line(f"Stopped early: {found.stopped}. The same command goes on.", "red")
