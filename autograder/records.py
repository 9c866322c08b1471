"""The records that flow through a grading run: frozen, validated, schema-versioned.

    Submission -> ExecutionRecord -> Evidence -> CheckResult -> Grade

Every record is written to the run directory as JSON, so that each stage can be repeated alone. The only
thing that a student's process ever writes is read by :mod:`autograder.probes.container`; it becomes one of
these records on the trusted side.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = 1


class Record(BaseModel):
    """Base of all records: immutable, and a field that nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Status(StrEnum):
    """What became of one check. Five values and no more."""

    PASSED = "passed"  # the evidence supports the claim, by `fraction` (0..1)
    FAILED = "failed"  # the evidence contradicts the claim, or the work is not there
    BLOCKED = "blocked"  # could not be tried because of something named in the message
    ERROR = "error"  # our own fault: the points are pending, never zero
    REVIEW = "review"  # a person decides: the points are pending

    @property
    def is_pending(self) -> bool:
        """Whether the points of a check in this state wait for a person."""
        return self in (Status.ERROR, Status.REVIEW)


# ------------------------------------------------------------------ intake


class Received(Record):
    """One entry of a download, as the LMS named it."""

    entry: str
    """Its name in the download."""
    name: str
    """The student's own name of the file; "" for a folder."""
    attachment: str = ""
    """Canvas' id of the attachment."""


class Choice(Record):
    """Which of the notebooks was taken for a part, and which would have been next."""

    part: str
    file: str
    how: Literal["only", "name", "content"]
    """`only`: there was no other. `name`: it alone fits the file names of the part. `content`: it speaks most of it."""
    why: str = ""
    """What was found in it: "4 of its headings, 7 of its names"."""
    runner_up: str = ""
    """The next best; "" when there was no other."""
    runner_up_why: str = ""


class Submission(Record):
    """One hand-in: who, which files, and what is wrong with them if they cannot be graded."""

    schema_version: Literal[1] = 1
    id: str
    """Unique in the run, safe as a folder name. It does not depend on the roster."""
    students: tuple[str, ...]
    """Ids of the roster; without one, what the download or the folder says. Empty when nobody could be told."""
    sources: dict[str, str] = Field(default_factory=dict)
    """Part id to the path of its notebook, as found."""
    digests: dict[str, str] = Field(default_factory=dict)
    """Part id to the sha256 of the notebook's bytes: a changed notebook is executed again."""
    bindings: dict[str, str] = Field(default_factory=dict)
    """Evidence or challenge key to a path in the notebook, from a bindings file beside it."""
    notes: tuple[str, ...] = ()
    """How the files were chosen; what was left aside and why."""
    problem: str | None = None
    """Why nothing can be graded (a sentence for the student, which says what to do next), or None."""
    problem_name: str | None = None
    """The same as a stable name for programs, such as `pdf`; docs/instructor.md lists them."""
    problem_detail: str | None = None
    """The same for the instructor: what exactly was found."""
    shares_folder: bool = False
    """Whether other people's files lie beside the notebook: they are not given to its kernel."""
    helpers: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Part id to the modules beside its notebook, name to path, where an LMS put all files of a class in one folder."""
    system: Literal["", "canvas", "moodle", "gradescope"] = ""
    """The LMS whose download it came from; "" for a folder."""
    lms: dict[str, str] = Field(default_factory=dict)
    """The LMS's own keys: `canvas` (user), `moodle` (participant), `team`, `gradescope` (submission)."""
    received: tuple[Received, ...] = ()
    """The entries of the download that it came from."""
    choices: tuple[Choice, ...] = ()
    unused: tuple[str, ...] = ()
    """Files that were handed in and that no part needs; at most 40 are listed."""
    instructor_notes: tuple[str, ...] = ()
    """What concerns other people too, such as who else is in the group; no report of a student shows it."""
    owner_problem: str | None = None
    """Why it is not certain whose it is, as a stable name; docs/lms.md lists them."""
    owner_detail: str | None = None
    """The same for the instructor: what was found and what to do."""
    contested: tuple[str, ...] = ()
    """Those of `students` who are in another submission as well: a person decides which one counts for them."""
    submitted: str = ""
    """When it was handed in, as the LMS says it; read by the time zone of the course."""
    is_marked_late: bool = False
    """Whether the LMS marks it as late."""
    attempt_of: str = ""
    """The same for all attempts of the same people; "" when there is but one."""
    attempt: int = 1
    """1 is the first of them."""


# ------------------------------------------------------------------ execution


class Limits(Record):
    """What an execution may use."""

    model_config = ConfigDict(strict=True)  # a number written as text is refused in a rubric

    cell_seconds: float = Field(default=300.0, gt=0)
    total_seconds: float = Field(default=1200.0, gt=0)
    call_seconds: float = Field(default=60.0, gt=0)
    """One challenge call."""
    memory_mib: int = Field(default=4096, gt=0)
    output_mib: float = Field(default=20.0, gt=0)
    """All outputs of a notebook together; what is beyond is cut and noted."""
    disk_mib: int = Field(default=512, gt=0)
    """Files that the notebook writes, all together."""
    record_mib: float = Field(default=64.0, gt=0)
    """All recorded values of a notebook together."""


class CellError(Record):
    """The exception that ended a cell."""

    name: str
    message: str
    traceback: str = ""
    """Without terminal colours, at most 4,000 characters."""


class CellRecord(Record):
    """What became of one cell of the notebook."""

    index: int
    """0-based position in the notebook, Markdown cells counted."""
    status: Literal["ok", "error", "time_limit", "not_run"]
    seconds: float = 0.0
    error: CellError | None = None


class ExecutionRecord(Record):
    """What happened when a notebook ran: facts only, no judgement."""

    schema_version: Literal[1] = 1
    state: Literal[
        "complete",
        "cell_limit",
        "total_limit",
        "memory_limit",
        "disk_limit",
        "kernel_died",
        "unreadable",
        "not_executed",
    ]
    """`complete`: every cell was tried (cells may have errors). The others name what ended the run early."""
    detail: str = ""
    """One sentence on `state`, for people."""
    cells: tuple[CellRecord, ...] = ()
    seconds: float = 0.0
    executor: str = ""
    fence: str = ""
    """The protection that was in force, in words: `network off, own process space, ...`."""
    fence_level: Literal["namespaces", "landlock", "container", "none", ""] = ""
    """Which rung of the ladder it was; "" in records from before there was one."""
    kernel: Literal["warm", "cold", "stock", ""] = ""
    """`warm`: a fork of a process that had the imports done; `cold`: a program of its own; `stock`: without us."""
    kernel_cpu_seconds: float = 0.0
    """CPU time of the kernel and of what it waited for."""
    kernel_stored: str = ""
    """The kernel name that the notebook asked for (always overridden)."""
    output_cut: bool = False
    attempts: int = 1
    input_digest: str = ""
    """sha256 over what decides the outcome (content, helper files, plan, limits, environment): equal digests
    need no second execution."""
    same_as: str = ""
    """Id of the submission with the same digest whose execution this is a copy of; "" when it ran itself."""
    from_cache: bool = False
    """Whether this is a copy of an execution with the same digest in another run."""
    limits: Limits | None = None
    """The limits that were in force."""


# ------------------------------------------------------------------ evidence


class Found(Record):
    """Where an observation was found."""

    how: Literal["name", "path", "binding", "suggestion", "printed", "figure", "source", "call", "record"]
    path: str = ""
    """`accepted_samples`, `results_mh[0.5].samples`, or the printed line."""
    cell: int | None = None


class Candidate(Record):
    """A value that might be meant, to be confirmed by the instructor."""

    path: str
    cell: int | None = None
    summary: str = ""


# ------------------------------------------------------------------ verdict


class Picture(Record):
    """Data of one figure in the report; `reports` draws it as inline SVG. Kinds are listed there."""

    kind: Literal["band", "scatter", "acf", "bars", "contour"]
    title: str
    data: dict[str, Any]
    """Plain numbers, strings and lists."""


class Automatic(Record):
    """What the checks said before a person marked."""

    status: Status
    fraction: float
    earned: float
    pending: float
    message: str = ""
    hint: str = ""


class SecondMark(Record):
    """What a second marker gave; it never counts by itself."""

    points: float
    comment: str = ""
    author: str
    time: str


class PersonMark(Record):
    """What a person decided of a check. The record itself is in the gradebook; this is what it says here."""

    kind: Literal["review", "override"]
    """`review`: the check waited for a person. `override`: an automatic mark was changed."""
    points: float
    comment: str = ""
    """For the student."""
    reason: str = ""
    """For the instructor: why an automatic mark was changed."""
    criteria: tuple[str, ...] = ()
    """The criteria of the marking guide that were met; for the instructor."""
    author: str
    time: str
    automatic: Automatic
    look_again: tuple[str, ...] = ()
    """What changed since: the mark counts, and deserves another look."""
    second: SecondMark | None = None


class CheckResult(Record):
    """One claim about the work, what became of it, and the sentence that explains it."""

    id: str
    title: str
    status: Status
    fraction: float = Field(ge=0.0, le=1.0)
    points: float = Field(ge=0.0)
    earned: float = Field(ge=0.0)
    pending: float = Field(default=0.0, ge=0.0)
    observed: str = ""
    expected: str = ""
    message: str = ""
    why: str = ""
    hint: str = ""
    public: bool = False
    """Whether the student's self-check shows it."""
    hidden: bool = False
    """Whether `expected`, and what the pictures say of it, are for the instructor only."""
    found: tuple[Found, ...] = ()
    pictures: tuple[Picture, ...] = ()
    answer: str = ""
    """REVIEW items: the student's own text."""
    proposed: float | None = None
    """REVIEW only: the points that the machine proposes to the person (0 for a blank answer)."""
    marked: PersonMark | None = None
    """What a person decided; status, fraction, earned, pending and message say it as well."""
    traceback: str = ""
    """ERROR only, for the instructor."""


class ItemGrade(Record):
    """One marked task of the sheet."""

    id: str
    part: str
    title: str
    earned: float
    pending: float
    possible: float
    extra: bool = False
    """Extra credit: what is earned counts, and `possible` is no part of any total."""
    checks: tuple[CheckResult, ...]


def possible_of(items: Iterable[ItemGrade]) -> float:
    """Return what full marks are: the points of all items that are no extra credit."""
    return round(sum(item.possible for item in items if not item.extra), 4)


class Lateness(Record):
    """When a person handed in, against the deadline that held for them, and what the rule takes off."""

    due: str
    """ISO 8601 with its offset: the deadline of this person, an extension included."""
    extended: bool = False
    """Whether the deadline is an extension for this person alone."""
    submitted: str | None = None
    """ISO 8601 with its offset; None: the LMS says "late" and not when, so that a person must say."""
    late_seconds: float = 0.0
    """After the deadline; the grace is not taken off. 0: in time."""
    n_days: int = 0
    """Days that were charged."""
    deducted: float = 0.0
    """Points that were taken off, once."""
    rule: str = ""
    """The rule in words, as the student reads it."""


class PersonGrade(Record):
    """What one person gets for a submission: the items' marks, less what lateness costs this person."""

    id: str
    """As in `students`."""
    state: Literal["graded", "pending", "failed", "excused", "withheld"]
    """`score` counts in `graded` alone. `pending`: marks or a time wait for a person. `failed`: something was handed
    in, and nothing of it could be graded."""
    score: float
    """`earned` of the submission less `deducted`, never below 0."""
    deducted: float = 0.0
    late: Lateness | None = None
    """None where there is no deadline."""
    note: str = ""
    """Why it is excused or withheld; for the instructor."""


class Attempt(Record):
    """One of several hand-ins of the same people."""

    id: str
    """Of the submission."""
    attempt: int
    """1 is the first."""
    submitted: str = ""
    """As the LMS says it."""
    counts: bool = False
    score: float | None = None
    """None: it was not graded, because it cannot count."""


class Note(Record):
    """Something the reader should know: an erratum of the sheet, an accepted variant, a value found by search."""

    kind: Literal["erratum", "variant", "limit", "execution", "confirm", "same"]
    """`confirm` and `same` (another submission is the same) are for the instructor alone."""
    title: str
    text: str
    item: str | None = None


class Grade(Record):
    """Everything a report needs to say about one submission."""

    schema_version: Literal[1] = 1
    submission: Submission
    assignment: str
    title: str
    parts: tuple[str, ...]
    state: Literal["graded", "needs_review", "failed"]
    earned: float
    pending: float
    possible: float
    flags: tuple[str, ...] = ()
    """Short words for the instructor's table: `time limit`, `cell errors`, `names suggested`, ..."""
    items: tuple[ItemGrade, ...] = ()
    notes: tuple[Note, ...] = ()
    people: tuple[PersonGrade, ...] = ()
    """What each of the students gets, in their order: the marks, less what lateness costs."""
    attempts: tuple[Attempt, ...] = ()
    """All hand-ins of the same people, this one among them; empty when it is the only one."""
    executions: dict[str, ExecutionRecord] = Field(default_factory=dict)
    """Part id to what happened when its notebook ran."""
    cell_items: dict[str, tuple[str | None, ...]] = Field(default_factory=dict)
    """Part id to the item each cell belongs to (None: none that can be told)."""
    engine: str = ""
    rubric_sha256: str = ""
