"""Random classes, and what each LMS would give of them: names, ids and comments of the nastiest kind."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import autograder.export.every  # noqa: F401  # registers every format
from autograder.export.formats import FORMATS, Draft, Format, Request, Template
from autograder.export.ledger import Entry
from autograder.export.outcomes import ACCEPTABLE, Choices
from autograder.export.readers import php
from autograder.export.scores import ItemScore, Received, State, StudentScore

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
MAXIMUM = Decimal(60)
NAMES = (
    "Smith, Sam",
    "Smith, Sam",
    "Müller-Íñiguez, Ana",
    "李, 小龍",
    "الأحمدي, ليلى",
    "=1+1 Evil",
    "=cmd|'/c calc'!A1",
    "+49 Ada",
    "-Minus",
    "@at",
    'O\'Brien, "Zoë"',
    "NA",
    "null",
    "1,234",
    "Team_1_2",
    "A;B",
    "Zoë 👩‍🔬",
    " Blank ",
    "Tab\tbed",
)
COMMENTS = (
    "",
    "plain",
    'he said "no", twice',
    "back\\slash",
    "ends with a backslash \\",
    '\\" and "\\',
    "\\frac{a}{b} and $x < y$ & more",
    "two\nlines\n\nand a third",
    "<class 'int'> <script>alert(1)</script>",
    "=SUM(A1:A9)",
    "emoji 🎲 and 小龍 and ë",
    "a\rb\r\nc",
    "tab\there; semicolon, comma",
    "&amp; already &lt;escaped&gt; &#92;",
)


@dataclass(frozen=True)
class Student:
    """One person, as the run and as the LMS have them."""

    number: str
    login: str
    email: str
    canvas: str
    participant: str
    name: str
    state: State
    points: Decimal
    comment: str
    before: Decimal | None
    """What the LMS has."""
    in_run: bool
    in_lms: bool
    locked: bool
    group: int
    """Members of one group have one number above 0."""

    @property
    def ids(self) -> dict[str, str]:
        return {
            "number": self.number,
            "login": self.login,
            "email": self.email,
            "canvas": self.canvas,
            "moodle": self.participant,
            "lti": f"sub/{self.number}",
        }

    @property
    def value(self) -> Decimal | None:
        """The score that the LMS should get; None for none."""
        if not (self.in_run and self.state is State.GRADED):
            return None
        return self.points.quantize(Decimal("0.01"), ROUND_HALF_UP)

    def after(self, *, can_lock: bool) -> Decimal | None:
        """What the LMS should have at the end."""
        value = self.value
        if value is None or (self.before is not None and value < self.before) or (can_lock and self.locked):
            return self.before
        return value


@st.composite
def classes(draw: st.DrawFn, most: int = 7) -> tuple[Student, ...]:
    """Draw a class: everybody's ids are unique, names are not."""
    n = draw(st.integers(0, most))
    offsets = draw(st.permutations(range(n)))
    students = [
        Student(
            number=draw(st.sampled_from(["", "0", "00"])) + str(100 + at),
            login=draw(st.sampled_from(["sam", "Ünal", "=x", "-y", "a.b", "+z", "007"])) + f"{at}",
            email=f"sam{at}@example.invalid",
            canvas=str(9000 + offsets[at]),
            participant=str(300 + offsets[at]),
            name=draw(st.sampled_from(NAMES)),
            state=draw(st.sampled_from([State.GRADED] * 5 + list(State))),
            points=draw(st.decimals(0, MAXIMUM, places=draw(st.integers(0, 4)))),
            comment=draw(st.sampled_from(COMMENTS) | st.text(max_size=30)),
            before=draw(st.none() | st.decimals(0, MAXIMUM, places=2)),
            in_run=draw(st.integers(0, 9)) > 0,
            in_lms=draw(st.integers(0, 9)) > 0,
            locked=draw(st.integers(0, 9)) == 0,
            group=draw(st.integers(0, 2)),
        )
        for at in range(n)
    ]
    return tuple(_grouped(students))


def _grouped(students: Sequence[Student]) -> list[Student]:
    """Return the students with equal work in every group."""
    first: dict[int, Student] = {}
    grouped = []
    for one in students:
        lead = first.setdefault(one.group, one) if one.group else one
        grouped.append(
            Student(**{**vars(one), "state": lead.state, "points": lead.points, "comment": lead.comment})
        )
    return grouped


def scores_of(students: Sequence[Student]) -> tuple[StudentScore, ...]:
    """Return what the run says of those who are in it."""
    found = []
    for one in students:
        if not one.in_run:
            continue
        members = tuple(
            other.number for other in students if other.in_run and other.group == one.group and one.group
        )
        is_graded = one.state is State.GRADED
        found.append(
            StudentScore(
                key=one.number,
                ids=one.ids,
                name=one.name,
                state=one.state,
                score=one.points if is_graded else None,
                so_far=one.points if one.state is State.PENDING else None,
                maximum=MAXIMUM,
                comment=f"Score: {one.comment}" if is_graded else "",
                group=members if len(members) > 1 else (),
                submission=f"s{one.group or one.number}",
                items=(ItemScore(id="a1", part="a", title="A1 ≤ <b>", points=one.points, possible=MAXIMUM),)
                if is_graded
                else (),
                lms={"system": "canvas", "canvas": one.canvas},
                received=(Received(entry=f"x_{one.canvas}_77_a.ipynb", name="a.ipynb", attachment="77"),),
            )
        )
    return tuple(found)


def request_of(
    scores: Sequence[StudentScore],
    content: bytes | None = None,
    name: str = "grades.csv",
    *,
    entries: Sequence[Entry] = (),
    modified: datetime = NOW,
    folder: Path = Path("run"),
    **choices: Any,
) -> Request:
    """Return a request in which everything that can be accepted is accepted, unless `accepted` says otherwise."""
    return Request(
        scores=tuple(scores),
        choices=Choices(**({"accepted": frozenset(ACCEPTABLE)} | choices)),
        folder=folder,
        label="aml-a3",
        entries=list(entries),
        now=NOW,
        template=None if content is None else Template(name, content, modified),
    )


def format_of(name: str, **options: Any) -> Format:
    """Return a format with its options."""
    entry = FORMATS[name]
    made: Format = entry.function(entry.params.model_validate(options))
    return made


def only_file(draft: Draft) -> bytes:
    """Return the content of the one file of a draft."""
    (content,) = draft.files.values()
    return content


# ------------------------------------------------------- what each LMS gives


def canvas_export(
    students: Sequence[Student],
    *,
    delimiter: str = ",",
    bom: bool = False,
    end: str = "\n",
    other: str = "3.50",
) -> bytes:
    """Return the gradebook as Canvas would export it: two assignments, totals, the test student."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)

    def number(value: Decimal | None) -> str:
        text = "" if value is None else f"{value:.2f}"
        return text.replace(".", ",") if delimiter == ";" else text

    writer.writerow(
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "VAE (55)", "Essay (56)", "Final Score"]
    )
    writer.writerow(
        ["    Points Possible", "", "", "", "", number(MAXIMUM), number(Decimal(10)), "(read only)"]
    )
    for one in students:
        if one.in_lms:
            name = f'="{one.name}"' if one.name.startswith("=") else one.name
            score = "N/A" if one.locked else number(one.before)
            row = [name, one.canvas, one.number, one.login, "S1 and S2", score, other, number(Decimal(80))]
            writer.writerow(row)
    writer.writerow(["Student, Test", "8999", "", "a1b2", "S1", "", "", ""])
    return (b"\xef\xbb\xbf" if bom else b"") + out.getvalue().encode()


MOODLE_EN = (
    'Identifier,"Full name","Email address","ID number",Status,Grade,"Maximum grade",'
    '"Grade can be changed","Last modified (submission)","Last modified (grade)","Feedback comments"\n'
)
MOODLE_DE = (
    'ID,"Vollständiger Name","Email address","ID number",Status,Bewertung,Bestwertung,'
    '"Bewertung kann geändert werden","Zuletzt geändert (Abgabe)","Zuletzt geändert (Bewertung)",'
    '"Feedback als Kommentar"\n'
)


def moodle_worksheet(students: Sequence[Student], *, german: bool = False, comment: str = "") -> bytes:
    """Return the grading worksheet as Moodle would write it."""

    def number(value: Decimal | None) -> str:
        text = "" if value is None else f"{value:.2f}"
        return text.replace(".", ",") if german else text

    text = MOODLE_DE if german else MOODLE_EN
    for one in students:
        if one.in_lms:
            text += php.line_of(
                [
                    f"{'Teilnehmer/in' if german else 'Participant '}{one.participant}",
                    one.name,
                    one.email,
                    one.number,
                    "Submitted for grading -  - ",
                    number(one.before),
                    number(MAXIMUM),
                    ("Nein" if german else "No") if one.locked else ("Ja" if german else "Yes"),
                    "Saturday, 21 November 2026, 8:06 AM",
                    "-",
                    comment if one.before is not None else "",
                ]
            )
    return b"\xef\xbb\xbf" + text.encode()


def moodle_gradebook(students: Sequence[Student]) -> bytes:
    """Return a plain-text export of Moodle's gradebook."""
    text = php.line_of(["First name", "ID number", "Email address", "Assignment: VAE (Real)", "Quiz (Real)"])
    for one in students:
        if one.in_lms:
            before = "-" if one.before is None else f"{one.before:.2f}"
            text += php.line_of([one.name, one.number, one.email, before, "-"])
    return text.encode()


def blackboard_export(students: Sequence[Student], *, tabbed: bool = True) -> bytes:
    """Return a column of Blackboard's grade centre: tabs in UTF-16, or quoted CSV."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t" if tabbed else ",", lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    heading = "VAE [Total Pts: 60 Score] |1702852"
    writer.writerow(
        [
            "Last Name",
            "First Name",
            "Username",
            "Student ID",
            heading,
            "Feedback to Learner",
            "Feedback Format",
        ]
    )
    for one in students:
        if one.in_lms:
            before = "" if one.before is None else f"{one.before:.2f}"
            writer.writerow([one.name, "X", one.login, one.number, before, "", ""])
    return b"\xff\xfe" + out.getvalue().encode("utf-16-le") if tabbed else out.getvalue().encode()


def brightspace_export(students: Sequence[Student]) -> bytes:
    """Return Brightspace's export of a grade item, with names."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    item = "VAE Points Grade <Numeric MaxPoints:60 Weight:10>"
    writer.writerow(["OrgDefinedId", "Username", "Last Name", "Email", item, "End-of-Line Indicator"])
    for one in students:
        if one.in_lms:
            before = "" if one.before is None else f"{one.before:.2f}"
            writer.writerow([f"#{one.number}", f"#{one.login}", one.name, one.email, before, "#"])
    return b"\xef\xbb\xbf" + out.getvalue().encode()
