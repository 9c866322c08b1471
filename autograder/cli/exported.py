"""What `export` prints: the reconciliation, what has to be decided, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autograder.cli.output import err, line, plural, print_place, table
from autograder.store import RunDirectory

if TYPE_CHECKING:
    from autograder.export.formats import Format
    from autograder.export.outcomes import Outcome
    from autograder.exporting import Exported, Verified

MOST_ROWS = 30
TITLES = {
    "written": "written",
    "unchanged": "as the LMS has it already",
    "without_score": "in the LMS, without a score",
    "held_back": "scored, but held back",
    "unknown": "scored, but not in the LMS",
    "ambiguous": "ambiguous",
}


def document(run: RunDirectory, name: str, done: Exported) -> dict[str, Any]:
    """Return what `--json` prints of an export."""
    from autograder.export.outcomes import lists_of

    return {
        "run": str(run.path.resolve()),
        "format": name,
        "destination": done.draft.destination,
        "files": [str(path.resolve()) for path in done.paths],
        "reconciliation": {
            title: [one.model_dump(mode="json") for one in outcomes]
            for title, outcomes in lists_of(done.draft.outcomes).items()
        },
        "n_unaccounted": len(done.unaccounted),
        "n_fields_read_back": done.n_fields,
        "notes": list(done.draft.notes),
    }


def print_export(form: Format, done: Exported, *, is_rehearsal: bool) -> None:
    """Print the reconciliation, what has to be decided, and what to do with the file."""
    from autograder.export.outcomes import lists_of

    line(f"{form.title} ({done.draft.destination})", "bold")
    lists = lists_of(done.draft.outcomes)
    for name, outcomes in lists.items():
        n_open = sum(not one.accounted for one in outcomes)
        line(f"  {len(outcomes):5}  {TITLES[name]}" + (f"  ({n_open} not accounted for)" if n_open else ""))
    settled = [
        one for one in done.draft.outcomes if one.accounted and one.kind not in ("written", "unchanged")
    ]
    _print_outcomes("Left out, accounted for", settled)
    _print_outcomes("To be decided", done.unaccounted)
    for note in done.draft.notes:
        line(f"Note: {note}")
    if done.unaccounted:
        line(f"Nothing was written: {plural(len(done.unaccounted), 'case')} not accounted for.", "bold")
        line(_advice(done.unaccounted))
        return
    line(f"{plural(done.n_fields, 'field')} read back by the LMS's rules: all as they should be.")
    if not done.paths:
        told = (
            "Nothing was written: this was a rehearsal."
            if is_rehearsal
            else "Nothing to write: no score is left to send."
        )
        line(told, "bold")
        return
    for path in done.paths[:3]:
        print_place("Written", path)
    if len(done.paths) > 3:
        line(f"and {len(done.paths) - 3} more beside them")
    for note in form.notes:
        err().print(f"Next: {note}", style="yellow", markup=False, soft_wrap=True)


def _print_outcomes(title: str, outcomes: Sequence[Outcome]) -> None:
    if not outcomes:
        return
    rows = [
        (one.kind, one.student or "-", one.row or "-", one.name, one.value or one.before, one.why)
        for one in outcomes[:MOST_ROWS]
    ]
    line("")
    table(
        title,
        (
            ("What", "left"),
            ("Student", "left"),
            ("Row", "left"),
            ("Name", "left"),
            ("Score", "right"),
            ("Why", "left"),
        ),
        rows,
    )
    if len(outcomes) > MOST_ROWS:
        line(f"  and {len(outcomes) - MOST_ROWS} more; --json lists all")
    line("")


def _advice(unaccounted: Sequence[Outcome]) -> str:
    from autograder.export.outcomes import ACCEPTABLE

    found = list(dict.fromkeys(one.kind for one in unaccounted))
    options = [f"--accept {kind}" for kind in found if kind in ACCEPTABLE]
    if "pending" in found:
        options.append("--partial")
    if "lower" in found:
        options.append("--allow-lower")
    if "ambiguous" in found:
        options.append("--match STUDENT=ROW")
    return f"Say what is in order: {', '.join([*options, '--waive ID=REASON'])}."


def verdict_document(run: RunDirectory, name: str, found: Verified) -> dict[str, Any]:
    """Return what `--json` prints of a verification."""
    return {
        "run": str(run.path.resolve()),
        "format": name,
        "destination": found.destination,
        "complete": found.is_complete,
        "scores": [vars(one) for one in found.verdicts],
        "elsewhere": [vars(one) for one in found.elsewhere],
    }


def print_verified(found: Verified) -> None:
    """Print which scores arrived, and which did not."""
    lost = [one for one in found.verdicts if one.what != "arrived"]
    if lost:
        columns = (
            ("Student", "left"),
            ("Row", "left"),
            ("Sent", "right"),
            ("There", "right"),
            ("What", "left"),
        )
        table(
            "Scores that did not arrive",
            columns,
            ((one.student, one.row, one.sent, one.found, one.what) for one in lost),
        )
        line("")
    if found.elsewhere:
        line(f"Changed beside our scores ({len(found.elsewhere)}):")
        for one in found.elsewhere[:MOST_ROWS]:
            line(f"  {one}")
    arrived = len(found.verdicts) - len(lost)
    line(f"{arrived} of {plural(len(found.verdicts), 'score')} sent to {found.destination} arrived.", "bold")
    if lost:
        line("Download the file anew, export into it, and import that.")
