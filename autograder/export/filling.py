"""The file of an LMS, filled: the same header, the same rows, only our cells changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from autograder.errors import UsageError
from autograder.export.deciding import (
    Takes,
    changed_places,
    decide,
    outcome_of_doubt,
    outcome_of_free,
    outcome_of_unknown,
    require_scores,
)
from autograder.export.decimals import as_read
from autograder.export.formats import Draft, Field, Request
from autograder.export.ledger import Entry
from autograder.export.matching import Matching, hint_of_zeros, match
from autograder.export.outcomes import Outcome, accounted
from autograder.export.sheets import Sheet, require_maximum


def fill(
    sheet: Sheet,
    request: Request,
    takes: Takes,
    *,
    comment_text: Callable[[str], str],
    columns: Sequence[int] | None = None,
    only_written: bool = False,
    heads: Sequence[int] = (0,),
) -> Draft:
    """Return the template with the scores of a run.

    Parameters
    ----------
    comment_text : a comment in plain text to what its cell says
    columns : that are kept; None: all
    only_written : whether rows that are not written are left out
    heads : rows that are kept in any case

    Raises
    ------
    UsageError
        When the template has another maximum, is older than what was sent, or is of another assignment.
    """
    destination = request.choices.destination or sheet.destination
    require_scores(request.scores, request.choices)
    if request.scores:
        require_maximum(sheet.maximum, request.scores[0].maximum, f"{sheet.table.name}: the assignment")
    require_fresh(request, destination)
    outcomes, matching = reconcile(sheet, request, takes, destination)
    changes: dict[tuple[int, int], str] = {}
    expected: dict[Field, str] = {}
    positions = list(heads)
    for one in outcomes:
        if one.kind != "written":
            continue
        at = matching.rows[one.student].at
        positions.append(at)
        changes[at, sheet.score_column] = one.value
        expected[one.row, sheet.score_field] = as_read(one.value)
        if one.comment and sheet.comment_column is not None:
            changes[at, sheet.comment_column] = comment_text(one.comment)
            changes |= {(at, column): text for column, text in sheet.fixed.items()}
            expected[one.row, "comment"] = one.comment
    content = sheet.table.content(
        changes, rows=sorted(set(positions)) if only_written else None, columns=columns
    )
    notes = [*sheet.notes, *_lost(outcomes, request, destination)]
    return Draft({sheet.table.name: content}, outcomes, destination, expected, tuple(notes))


def reconcile(
    sheet: Sheet, request: Request, takes: Takes, destination: str
) -> tuple[tuple[Outcome, ...], Matching]:
    """Return what becomes of every student of the run and every row of the sheet."""
    held = request.held(destination)
    choices = request.choices
    certain = [score for score in request.scores if not score.doubt]
    matching = match(certain, sheet.rows, pinned=choices.pinned, id_kind=choices.id_kind)
    outcomes = []
    for score in request.scores:
        if score.doubt:
            outcomes.append(outcome_of_doubt(score))
        elif score.key in matching.rows:
            row = matching.rows[score.key]
            outcomes.append(decide(score, row, held.get(score.key), choices, takes))
        elif score.key in matching.ambiguous:
            why = matching.ambiguous[score.key]
            outcomes.append(Outcome(kind="ambiguous", student=score.key, name=score.name, why=why))
        else:
            outcomes.append(outcome_of_unknown(score, hint_of_zeros(score, sheet.rows)))
    outcomes += [outcome_of_free(row) for row in matching.free if not row.is_staff]
    if moved := changed_places(outcomes, held):
        raise UsageError(
            f"{sheet.table.name} has {', '.join(moved[:5])} in another row than the file that was sent before: it is "
            "of another assignment. Give the right one, or name another --destination"
        )
    if sheet.comment_column is None:
        outcomes = [one.model_copy(update={"comment": ""}) for one in outcomes]
    return accounted(outcomes, choices), matching


def require_fresh(request: Request, destination: str) -> None:
    """Raise UsageError when the template is older than the last file that was written for its assignment (V10)."""
    last = _last_sent(request.entries, destination)
    if request.template is None or last is None:
        return
    if request.template.modified <= datetime.fromisoformat(last.time):
        raise UsageError(
            f"{request.template.name} is older than the last file that was written for {destination} ({last.time}): "
            "an import of both would undo what happened between. Download it again. If that last file was never "
            "imported, say --not-imported"
        )


def _last_sent(entries: Sequence[Entry], destination: str) -> Entry | None:
    withdrawn = {entry.batch for entry in entries if entry.action == "withdrawn"}
    sent = [
        entry
        for entry in entries
        if entry.destination == destination
        and entry.action in ("written", "sent")
        and entry.batch not in withdrawn
    ]
    return sent[-1] if sent else None


def _lost(outcomes: Sequence[Outcome], request: Request, destination: str) -> list[str]:
    """Return a note on scores that the ledger has as written, and the fresh template does not have."""
    held = request.held(destination)
    lost = [one.student for one in outcomes if one.student in held and one.row and not one.before]
    if not lost:
        return []
    return [
        f"{len(lost)} scores that were written before are not at the LMS ({', '.join(lost[:5])}): the file was not "
        "imported, or the LMS dropped them"
    ]
