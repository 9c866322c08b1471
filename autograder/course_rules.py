"""The rules of a course for one assignment: deadline, late rule, extensions, attempts, and who is excused.

They are read from the course file when a run is graded or scored again, lie in its folder as `course.json`, and are
applied once, to the sum of the marks. Excused and withheld are states; no number stands for them.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from autograder.moments import NoMoment, days_begun, moment_of, zone_of
from autograder.records import Lateness, Record

Attempts = Literal["last", "latest", "best"]
"""Which of several hand-ins counts.

last : the last one in time; where none is, the last one
latest : the last one, late or not
best : the one with the highest score, what lateness costs taken off
"""


class Amount(Record):
    """Points, or a share of some."""

    value: float = Field(ge=0)
    is_percent: bool = False

    def of(self, points: float) -> Decimal:
        """Return the points that it is of so many."""
        value = Decimal(str(self.value))
        return value * Decimal(str(points)) / 100 if self.is_percent else value

    def __str__(self) -> str:
        return (
            f"{self.value:g} %"
            if self.is_percent
            else f"{self.value:g} " + ("point" if self.value == 1 else "points")
        )


class LateRule(Record):
    """What lateness costs."""

    grace_seconds: float = Field(default=0.0, ge=0)
    """So much later still is in time; beyond it, days count from the deadline."""
    per_day: Amount
    """For each day begun, by the clocks of the time zone."""
    of: Literal["possible", "earned"] = "possible"
    """What a percentage is of."""
    cap: Amount | None = None
    """The most that is taken off."""
    closes_days: int | None = Field(default=None, ge=1)
    """After so many days nothing counts."""

    def __str__(self) -> str:
        base = {"possible": "the possible marks", "earned": "the marks earned"}[self.of]
        text = f"{self.per_day}{f' of {base}' if self.per_day.is_percent else ''} for each day begun"
        if self.cap is not None:
            text += f", at most {self.cap}"
        if self.grace_seconds:
            text += f"; {self.grace_seconds / 60:g} minutes are free"
        if self.closes_days is not None:
            text += f"; after {self.closes_days} days nothing counts"
        return text


class CourseRules(Record):
    """The rules of a course for one assignment."""

    schema_version: Literal[1] = 1
    file: str = ""
    time_zone: str
    """Name in the IANA database: what is written without an offset is meant in it."""
    due: str | None = None
    """ISO 8601 with its offset, as all moments here."""
    attempts: Attempts = "last"
    late: LateRule | None = None
    extensions: dict[str, str] = Field(default_factory=dict)
    """Person to a deadline of their own."""
    excused: dict[str, str] = Field(default_factory=dict)
    """Person to why."""
    withheld: dict[str, str] = Field(default_factory=dict)
    submitted: dict[str, str] = Field(default_factory=dict)
    """Person to when they handed in, where the LMS does not say it or is wrong."""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return zone_of(self.time_zone)

    def due_of(self, person: str) -> datetime | None:
        """Return the deadline of a person, their extension included; None without one."""
        said = self.extensions.get(person, self.due)
        return moment_of(said, self.zone) if said is not None else None

    def submitted_of(self, person: str, text: str) -> datetime | None:
        """Return when a person handed in, by the course file or else by what the LMS wrote; None: it is not known."""
        try:
            return (
                moment_of(self.submitted.get(person, text), self.zone)
                if person in self.submitted or text
                else None
            )
        except NoMoment:
            return None

    def is_late(self, person: str, text: str, is_marked: bool) -> bool:
        """Return whether a hand-in of a person is late; the LMS's own mark counts where no time is known."""
        due, moment = self.due_of(person), self.submitted_of(person, text)
        if due is None or moment is None:
            return is_marked and person not in self.extensions
        return (moment - due).total_seconds() > (self.late.grace_seconds if self.late else 0)

    def lateness(
        self, person: str, text: str, is_marked: bool, earned: float, possible: float
    ) -> Lateness | None:
        """Return how late a person handed in and what that costs; None where there is no deadline or no time.

        Parameters
        ----------
        text : when it was handed in, as the LMS wrote it; ""
        is_marked : whether the LMS marks it as late
        earned, possible : marks of the submission
        """
        due, moment = self.due_of(person), self.submitted_of(person, text)
        if due is None:
            return None
        is_extended, rule = person in self.extensions, str(self.late) if self.late else ""
        if moment is None:
            if not is_marked or self.late is None:
                return None
            return Lateness(due=due.isoformat(), extended=is_extended, rule=rule)
        late_seconds = max(0.0, (moment - due).total_seconds())
        n_days = 0
        if self.late is not None and late_seconds > self.late.grace_seconds:
            n_days = days_begun(due, moment, self.zone)
        return Lateness(
            due=due.isoformat(),
            extended=is_extended,
            submitted=moment.isoformat(),
            late_seconds=late_seconds,
            n_days=n_days,
            deducted=self._deducted(n_days, earned, possible),
            rule=rule,
        )

    def _deducted(self, n_days: int, earned: float, possible: float) -> float:
        """Return what is taken off: never more than there is."""
        if self.late is None or n_days == 0:
            return 0.0
        if self.late.closes_days is not None and n_days > self.late.closes_days:
            return earned
        base = possible if self.late.of == "possible" else earned
        points = self.late.per_day.of(base) * n_days
        if self.late.cap is not None:
            points = min(points, self.late.cap.of(base))
        return round(float(min(points, Decimal(str(earned)))), 4)
