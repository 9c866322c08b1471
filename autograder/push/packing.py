"""What is packed for one student: what the LMS does not have, and never what would do harm there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from pydantic import Field

from autograder.export.comments import normalised, plain
from autograder.export.deciding import decide, outcome_of_doubt, outcome_of_unknown
from autograder.export.ledger import Entry, holding, same
from autograder.export.matching import Matching, hint_of_zeros
from autograder.export.outcomes import Choices, Outcome
from autograder.export.scores import StudentScore
from autograder.export.sheets import Row
from autograder.push.criteria import Fit, rows_of
from autograder.push.parcels import (
    MARK,
    Parcel,
    Remote,
    RubricRow,
    Seen,
    file_digest,
    mark_of,
    rubric_digest,
)


class PushChoices(Choices):
    """What the person decided beforehand of a push."""

    reports: bool = True
    """Whether the reports are sent."""
    rubric: bool = True
    """Whether points of the items go into the rubric of the LMS."""
    criteria: Mapping[str, str] = Field(default_factory=dict)
    """Item to the row of the LMS's rubric that is meant."""
    overwrite: bool = False
    """Whether a score or a comment that a person changed at the LMS is replaced."""


class Desk:
    """Takes one student after the other and packs what is missing at the LMS."""

    def __init__(
        self, remote: Remote, choices: PushChoices, entries: Sequence[Entry], folder: Path, found: Fit
    ):
        self._remote, self._choices, self._folder, self._fit = remote, choices, folder, found
        self._scores = holding(entries)
        self._comments = holding(entries, "comment")
        self._reports = holding(entries, "report")
        self._rubrics = holding(entries, "rubric")
        self.outcomes: list[Outcome] = []
        self.parcels: list[Parcel] = []
        self.arrived: list[Parcel] = []
        self.notes: list[str] = []

    def take(
        self, score: StudentScore, matching: Matching, seen: Mapping[str, Seen], rows: Sequence[Row]
    ) -> None:
        """Decide on a student."""
        if score.doubt:
            self.outcomes.append(outcome_of_doubt(score))
            return
        if score.key in matching.ambiguous:
            why = matching.ambiguous[score.key]
            self.outcomes.append(Outcome(kind="ambiguous", student=score.key, name=score.name, why=why))
            return
        if score.key not in matching.rows:
            self.outcomes.append(outcome_of_unknown(score, hint_of_zeros(score, rows)))
            return
        row = matching.rows[score.key]
        there = seen.get(row.key, Seen(row))
        outcome = decide(score, there.row, self._scores.get(score.key), self._choices, self._remote.takes)
        self.notes += there.notes
        if outcome.kind not in ("written", "unchanged") or not outcome.value:
            self.outcomes.append(outcome)
            return
        parcel = self._packed(score, outcome, there)
        if why := self._objection(score, outcome, parcel, there):
            self.outcomes.append(outcome.model_copy(update={"kind": "locked", "why": why, "comment": ""}))
            return
        kind = "unchanged" if parcel.is_empty else "written"
        self.outcomes.append(outcome.model_copy(update={"kind": kind, "comment": parcel.comment}))
        if not parcel.is_empty:
            self.parcels.append(parcel)

    def _packed(self, score: StudentScore, outcome: Outcome, there: Seen) -> Parcel:
        """Return what the LMS does not have; what it has without the ledger knowing goes to `arrived`."""
        student, choices = score.key, self._choices
        report = self._report_of(score)
        mark = mark_of(score, report)
        text = normalised(score.comment)
        has_text = choices.comments and self._remote.takes_comments and bool(text)
        is_excused = outcome.value == "EX"
        whole = Parcel(
            student=student,
            place=there.row.key,
            name=score.name,
            before=outcome.before,
            value=outcome.value,
            comment=f"{text}\n({MARK}{mark})" if has_text and not is_excused else "",
            mark=mark,
            report=None if is_excused else report,
            rubric=() if is_excused else self._rubric_rows(score, outcome.value),
        )
        if whole.report is not None and not whole.comment and not self._remote.replaces_comments:
            whole = replace(whole, comment=f"Report ({MARK}{mark})")
        left = whole.without(there)
        known = self._comments.get(student)
        is_list = not self._remote.replaces_comments
        if known is not None and known.value == mark and (is_list or not there.is_whole):
            left = replace(left, comment="", report=None)  # a person may have removed it there
        if self._remote.replaces_comments:
            left = self._with_file(left, whole, there)
        left = self._with_rubric(left, whole, there)
        self._note_arrived(whole, left)
        if self._remote.replaces_comments and not left.comment and not left.is_empty:
            left = replace(left, keeps=there.comments[-1] if there.comments else "")
        return left

    def _with_rubric(self, left: Parcel, whole: Parcel, there: Seen) -> Parcel:
        """Return a parcel with its rubric unless that was sent before: a person may have changed it there."""
        held = self._rubrics.get(whole.student)
        is_known = held is not None and held.value == rubric_digest(whole.rubric)
        if self._remote.rubric_decides == "always":
            is_needed = not is_known or bool(left.value or left.comment or left.report)
            return replace(left, rubric=whole.rubric if is_needed else ())
        return replace(left, rubric=()) if is_known else left

    def _with_file(self, left: Parcel, whole: Parcel, there: Seen) -> Parcel:
        """Return a parcel with its report where files have a place of their own."""
        if whole.report is None:
            return replace(left, report=None)
        files = there.files or ()
        if foreign := [name for name in files if name != whole.report.name]:
            self.notes.append(
                f"{whole.student} has feedback files of somebody else ({', '.join(foreign[:3])}), which a report would "
                "replace; it is not sent"
            )
            return replace(left, report=None)
        held = self._reports.get(whole.student)
        is_there = whole.report.name in files or not there.is_whole
        was_sent = held is not None and held.value == file_digest(whole.report)
        is_same = was_sent or there.has(whole.mark)  # the mark is of comment and report, which came together
        return replace(left, report=None if is_there and is_same else whole.report)

    def _note_arrived(self, whole: Parcel, left: Parcel) -> None:
        """Keep what is there and not in the ledger: an earlier push was cut off after it arrived."""
        score, comment = self._scores.get(whole.student), self._comments.get(whole.student)
        has_score = (
            bool(whole.value) and not left.value and (score is None or not same(score.value, whole.value))
        )
        has_comment = (
            bool(whole.comment) and not left.comment and (comment is None or comment.value != whole.mark)
        )
        if has_score or has_comment:
            self.arrived.append(
                replace(
                    whole,
                    value=whole.value if has_score else "",
                    comment=whole.comment if has_comment else "",
                    report=whole.report if has_comment else None,
                    rubric=(),
                )
            )

    def _objection(self, score: StudentScore, outcome: Outcome, parcel: Parcel, there: Seen) -> str:
        """Return why nothing of a student is sent, or ""."""
        if self._choices.overwrite:
            return self._rubric_objection(outcome, parcel)
        held = self._scores.get(score.key)
        was_sent = held is not None and held.action in ("sent", "verified")
        changed = (
            was_sent and held is not None and bool(outcome.before) and not same(held.value, outcome.before)
        )
        if held is not None and changed and same(held.value, outcome.value):
            return f"{held.value} was sent before, and somebody made it {outcome.before} at the LMS; --overwrite takes ours"
        if self._remote.replaces_comments and parcel.comment and there.foreign:
            return "somebody wrote a comment at the LMS, which ours would replace; --overwrite, or --no-comments keeps it"
        return self._rubric_objection(outcome, parcel)

    def _rubric_objection(self, outcome: Outcome, parcel: Parcel) -> str:
        if self._remote.rubric_decides != "always" or parcel.is_empty:
            return ""
        if not parcel.rubric:
            return f"the LMS computes scores from its rubric, which does not fit: {self._fit.why_not or 'no items'}"
        total = _total(parcel.rubric)
        if not same(total, outcome.value):
            return (
                f"the LMS would make {total} of its rubric, and the score is {outcome.value} (a late rule?); take the "
                "rubric off the assignment there"
            )
        missing = [
            row for row in parcel.rubric if row.criterion.levels and row.points not in row.criterion.levels
        ]
        if missing:
            first = missing[0]
            return f"the row {first.criterion.text!r} of the LMS's rubric has no level of {plain(first.points)} points"
        return ""

    def _report_of(self, score: StudentScore) -> Path | None:
        if not (self._choices.reports and self._remote.takes_reports) or score.report is None:
            return None
        path = self._folder / score.report
        if path.is_file():
            return path
        self.notes.append(
            f"{score.key} has no report to send; make it again with: autograder report {self._folder}"
        )
        return None

    def _rubric_rows(self, score: StudentScore, value: str) -> tuple[RubricRow, ...]:
        rows = rows_of(score, self._fit)
        if rows and self._remote.rubric_decides == "when_sent" and not same(_total(rows), value):
            self.notes.append(
                f"{score.key}: the points of the items give {_total(rows)}, the score is {value}; the LMS would take the "
                "sum of its rubric for the score, so the rubric is not sent"
            )
            return ()
        return rows


def _total(rows: Sequence[RubricRow]) -> str:
    return f"{sum((row.points for row in rows), Decimal(0)):f}"
