"""What lies on the marker's desk: who and what is to be marked, and everything beside one answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

from autograder.errors import UsageError
from autograder.records import CheckResult, Grade, ItemGrade
from autograder.review import pace, store
from autograder.review.figures import figures_of
from autograder.review.marks import automatic, changed_since
from autograder.review.similar import alike
from autograder.review.store import Place, Round, Standing
from autograder.review.texts import to_html
from autograder.rubric.model import CheckSpec, Rubric
from autograder.store import RunDirectory, read_json, read_record

WRITTEN = "is_written"
Json = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A check of a submission, as the machine left it."""

    grade: Grade
    item: ItemGrade
    check: CheckResult


class Desk:
    """Reads a run for its markers. Grades are read again when their files change; marks come from the gradebook."""

    def __init__(self, run: RunDirectory, rubric: Rubric, *, is_blind: bool = False):
        info = run.info()
        results = read_json(run.results)
        if not isinstance(results, dict) or not results.get("submissions"):
            raise UsageError(
                f"{run.path} has no marks to review yet; grade it first: autograder grade --help"
            )
        self.run, self.rubric, self.is_blind = run, rubric, is_blind
        self._parts = info.parts
        self._specs = {check.id: (item, check) for part in rubric.parts for item, check in part.checks()}
        ids = [str(one["id"]) for one in results["submissions"]]
        hashed = {one: hashlib.sha256(f"{info.secret}:{one}".encode()).hexdigest()[:12] for one in ids}
        self._keys = {one: hashed[one] if is_blind else one for one in ids}
        self._ids = {key: one for one, key in self._keys.items()}
        self._order = sorted(ids, key=lambda one: hashed[one]) if is_blind else ids
        self._read: dict[str, tuple[float, Grade, dict[str, Case]]] = {}
        self._lock = Lock()

    # ------------------------------------------------------------------ the class

    def overview(self, author: str) -> Json:
        """Return who there is, what is to be marked and how far it is."""
        standings = store.standings(self.run.gradebook)
        rows = list(self._rows(standings))
        checks = {row["check"] for row in rows}
        first = next(iter(self._grades()))
        return {
            "title": first.title,
            "assignment": first.assignment,
            "blind": self.is_blind,
            "author": author,
            "checks": [
                {
                    "id": spec.id,
                    "item": item.title,
                    "title": spec.title,
                    "written": spec.check == WRITTEN,
                }
                for item, spec in sorted(
                    (self._specs[check] for check in checks if check in self._specs),
                    key=lambda one: (one[1].check != WRITTEN, list(self._specs).index(one[1].id)),
                )
            ],
            "people": [
                {"key": self._keys[one], "name": self.name_of(one, number)}
                for number, one in enumerate(self._order, 1)
            ],
            "rows": rows,
            "seconds_each": pace.seconds_each(store.history(self.run.gradebook), author),
        }

    def name_of(self, submission: str, number: int) -> str:
        """Return what a submission is called on the page."""
        if self.is_blind:
            return f"Answer {number}"
        return ", ".join(self._grade(submission)[0].submission.students) or submission

    def _rows(self, standings: dict[Place, Standing]) -> Iterator[Json]:
        for submission in self._order:
            for case in self._grade(submission)[1].values():
                if case.check.status.is_pending and case.check.points and case.check.id in self._specs:
                    yield self._row(submission, case, standings)

    def _row(self, submission: str, case: Case, standings: dict[Place, Standing]) -> Json:
        first = standings.get(Place(submission, case.check.id), Standing())
        second = standings.get(Place(submission, case.check.id, 2), Standing())
        has_changed = first.entry is not None and bool(changed_since(first.entry.mark.basis, case.check))
        return {
            "submission": self._keys[submission],
            "check": case.check.id,
            "version": first.version,
            "second_version": second.version,
            "state": "open" if first.entry is None else "look" if has_changed else "marked",
            "given": first.entry.mark.points if first.entry else None,
            "by": first.entry.author if first.entry else "",
            "second": second.entry.mark.points if second.entry else None,
            "second_by": second.entry.author if second.entry else "",
            "possible": case.check.points,
        }

    def row(self, key: str, check: str) -> Json:
        """Return one row of the overview."""
        return self._row(self._ids[key], self.case(key, check), store.standings(self.run.gradebook))

    def key_of(self, submission: str) -> str:
        """Return what stands for a submission in the page."""
        return self._keys.get(submission, "")

    # ------------------------------------------------------------------- one answer

    def case(self, key: str, check: str) -> Case:
        """Return a check of a submission; KeyError when there is none."""
        return self._grade(self._ids[key])[1][check]

    def place(self, key: str, check: str, round_: Round = 1) -> Place:
        """Return the place of a mark; KeyError when there is none."""
        self.case(key, check)
        return Place(self._ids[key], check, round_)

    def answer(self, key: str, check: str, round_: Round, author: str) -> Json:
        """Return everything that the page shows of one answer; KeyError when there is none."""
        case, place = self.case(key, check), self.place(key, check, round_)
        standings = store.standings(self.run.gradebook)
        item, spec = self._specs[check]
        figures, n_beyond = self._figures(case)
        own = standings.get(place, Standing())
        is_seen = (
            round_ == 1 or own.entry is not None
        )  # a second marker decides before the first's mark is shown
        return {
            "submission": key,
            "check": check,
            "round": round_,
            "possible": case.check.points,
            "item": item.title,
            "title": spec.title,
            "prompt": to_html(str(spec.params.get("prompt", "")) or spec.title),
            "answer": to_html(case.check.answer) if case.check.answer.strip() else "",
            "message": case.check.message,
            "proposed": case.check.proposed,
            "figures": figures,
            "n_figures_beyond": n_beyond,
            "findings": [
                self._finding(other, standings, place.submission)
                for other in case.item.checks
                if other.id != check
            ],
            "criteria": [{"points": one.points, "text": to_html(one.text)} for one in spec.criteria],
            "model_answer": to_html(spec.model_answer) if spec.model_answer else "",
            "mark": self.mark(own, spec, case.check),
            "version": own.version,
            "first": self.mark(standings.get(place._replace(round=1), Standing()), spec, case.check)
            if is_seen and round_ == 2
            else None,
            "second": self.mark(standings.get(place._replace(round=2), Standing()), spec, case.check)
            if round_ == 1
            else None,
            "draft": store.draft(self.run.gradebook, place, author),
            "similar": self._similar(case, standings),
        }

    def compared(self, key: str, check: str) -> Json:
        """Return an answer to be shown beside another, with what it was given."""
        case = self.case(key, check)
        standing = store.standing_of(self.run.gradebook, self.place(key, check))
        return {
            "submission": key,
            "answer": to_html(case.check.answer),
            "mark": self.mark(standing, self._specs[check][1], case.check),
        }

    def mark(self, standing: Standing, spec: CheckSpec, check: CheckResult) -> Json | None:
        """Return a mark for the page; None where nothing holds."""
        entry = standing.entry
        if entry is None:
            return None
        texts = [criterion.text for criterion in spec.criteria]
        return {
            "points": entry.mark.points,
            "criteria": [texts.index(text) for text in entry.mark.criteria if text in texts],
            "comment": entry.mark.comment,
            "reason": entry.mark.reason,
            "author": entry.author,
            "time": entry.time,
            "kind": entry.mark.kind,
            "look_again": list(changed_since(entry.mark.basis, check)),
        }

    def spec(self, check: str) -> CheckSpec:
        """Return what the rubric says of a check; KeyError when it says nothing."""
        return self._specs[check][1]

    def comments(self, check: str) -> list[Json]:
        """Return the comments that hold somewhere, those of this check first, the commonest first."""
        counts: dict[tuple[bool, str], int] = {}
        for place, standing in store.standings(self.run.gradebook).items():
            text = standing.entry.mark.comment.strip() if standing.entry else ""
            if text:
                known = (place.check == check, text)
                counts[known] = counts.get(known, 0) + 1
        listed = sorted(counts.items(), key=lambda one: (not one[0][0], -one[1], one[0][1]))
        return [{"text": text, "here": is_here, "n": n} for (is_here, text), n in listed[:500]]

    def _finding(self, check: CheckResult, standings: dict[Place, Standing], submission: str) -> Json:
        standing = standings.get(Place(submission, check.id), Standing())
        found = automatic(check)
        return {
            "id": check.id,
            "title": check.title,
            "status": found.status.value,
            "earned": found.earned,
            "pending": found.status.is_pending,
            "points": found.points,
            "message": found.message,
            "observed": found.observed,
            "expected": found.expected,
            "version": standing.version,
            "mark": self.mark(standing, self._specs[check.id][1], found) if check.id in self._specs else None,
        }

    def _figures(self, case: Case) -> tuple[list[Json], int]:
        folder = self.run.part(case.grade.submission.id, case.item.part, self._parts)
        notebook = read_json(folder / "executed.ipynb")
        owners = case.grade.cell_items.get(case.item.part, ())
        return figures_of(notebook if isinstance(notebook, dict) else {}, owners, case.item.id)

    def _similar(self, case: Case, standings: dict[Place, Standing]) -> list[Json]:
        own, check = case.grade.submission.id, case.check.id
        cases = ((one, self._grade(one)[1].get(check)) for one in self._order if one != own)
        others = {one: other.check.answer for one, other in cases if other is not None and other.check.answer}
        numbers = {one: number for number, one in enumerate(self._order, 1)}
        found = []
        for one, ratio in alike(case.check.answer, others):
            entry = standings.get(Place(one, check), Standing()).entry
            name = self.name_of(one, numbers[one])
            points = entry.mark.points if entry else None
            found.append({"key": self._keys[one], "name": name, "ratio": ratio, "points": points})
        return found

    # ------------------------------------------------------------------------ files

    def _grades(self) -> Iterator[Grade]:
        for submission in self._order:
            yield self._grade(submission)[0]

    def _grade(self, submission: str) -> tuple[Grade, dict[str, Case]]:
        path = self.run.submission(submission) / "grade.json"
        try:
            changed = path.stat().st_mtime_ns
        except OSError as error:
            raise UsageError(
                f"{path} is missing; make it again with: autograder rescore {self.run.path}"
            ) from error
        with self._lock:
            known = self._read.get(submission)
            if known is None or known[0] != changed:
                grade = read_record(path, Grade)
                if grade is None:
                    raise UsageError(
                        f"{path} is damaged; make it again with: autograder rescore {self.run.path}"
                    )
                cases = {
                    check.id: Case(grade, item, automatic(check))
                    for item in grade.items
                    for check in item.checks
                }
                known = self._read[submission] = (changed, grade, cases)
        return known[1], known[2]
