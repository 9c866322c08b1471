"""Who is in the class and which rules hold for it, as they lie in the folder of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from autograder.course_rules import CourseRules
from autograder.groups import Groups
from autograder.records import Grade, Record
from autograder.rosters import Roster
from autograder.store import RunDirectory, read_record, write_record


class IntakeRecord(Record):
    """`intake.json`: what was taken in, so that what was taken in earlier is not graded again."""

    schema_version: int = 1
    form: str
    """What the source is: `folder`, `canvas`, `moodle`, `gradescope`, `downloads`."""
    submissions: tuple[str, ...]
    """Their ids, in their order, attempts that do not count among them."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassLists:
    """Roster, groups and course rules; each may be missing."""

    roster: Roster | None = None
    groups: Groups | None = None
    rules: CourseRules | None = None

    @classmethod
    def of(cls, run: RunDirectory) -> ClassLists:
        """Return what lies in a run."""
        return cls(
            read_record(run.roster, Roster),
            read_record(run.groups, Groups),
            read_record(run.course, CourseRules),
        )

    def over(self, other: ClassLists) -> ClassLists:
        """Return these lists, those that are missing taken from `other`."""
        return ClassLists(self.roster or other.roster, self.groups or other.groups, self.rules or other.rules)

    def keep(self, run: RunDirectory) -> None:
        """Write the lists into a run."""
        for path, record in ((run.roster, self.roster), (run.groups, self.groups), (run.course, self.rules)):
            if record is not None and read_record(path, type(record)) != record:
                write_record(path, record)

    def with_rules(self, rules: CourseRules | None) -> ClassLists:
        """Return the lists under other rules; None: as they are."""
        return self if rules is None else replace(self, rules=rules)

    def absent(self, grades: list[Grade] | tuple[Grade, ...]) -> list[dict[str, str]]:
        """Return the people of the roster who are in no submission: `{id, state, note}`, never a number."""
        if self.roster is None:
            return []
        there = {student for grade in grades for student in grade.submission.students}
        return [self._absent(entry.id) for entry in self.roster.entries if entry.id not in there]

    def _absent(self, person: str) -> dict[str, str]:
        rules = self.rules
        if rules is not None and person in rules.excused:
            return {"id": person, "state": "excused", "note": rules.excused[person]}
        if rules is not None and person in rules.withheld:
            return {"id": person, "state": "withheld", "note": rules.withheld[person]}
        until = rules.extensions.get(person) if rules is not None else None
        return {"id": person, "state": "missing", "note": f"extension until {until}" if until else ""}

    def names(self) -> dict[str, str]:
        """Return person to name, for pages that only the instructor sees."""
        return {entry.id: entry.name for entry in self.roster.entries if entry.name} if self.roster else {}

    def document(self) -> dict[str, Any] | None:
        """Return what `results.json` says of the roster."""
        if self.roster is None:
            return None
        problems = [problem.model_dump(mode="json") for problem in self.roster.problems]
        return {"files": list(self.roster.files), "n": len(self.roster), "problems": problems}

    def problems(self) -> list[str]:
        """Return what is wrong in the lists, a sentence each, with its place."""
        of_roster = [f"{one.where}: {one.text}" for one in (self.roster.problems if self.roster else ())]
        return of_roster + [
            f"{one.where}: {one.text}" for one in (self.groups.problems if self.groups else ())
        ]
