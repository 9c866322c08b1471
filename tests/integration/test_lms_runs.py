"""Downloads of three LMSs through a whole grading: a row for each hand-in with the right ids, whatever lies in it."""

from __future__ import annotations

import csv
import json
import random
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from autograder.class_lists import ClassLists
from autograder.course_files import read_course_rules
from autograder.courses import Course
from autograder.errors import UsageError
from autograder.execute.protocol import Job
from autograder.grading import Batch, grade, rescore
from autograder.groups import read_groups
from autograder.intake import take_in
from autograder.records import CheckResult, ExecutionRecord, Grade
from autograder.refreshing import refresh
from autograder.review.store import Mark, Place, add
from autograder.roster_files import read_rosters
from autograder.store import RunDirectory, read_record, write_record
from tests.corpus.archives import ACCEPTED, special, tarred, zipped
from tests.corpus.archives import CASES as ARCHIVES
from tests.corpus.lms import (
    HandIn,
    Person,
    canvas_files,
    canvas_gradebook,
    download,
    gradescope_files,
    gradescope_roster,
    make_class,
    moodle_files,
    moodle_worksheet,
    notebook,
)

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "results.json").read_text(encoding="utf-8"))


class CountingExecutor:
    """Executes nothing; counts, and leaves what a notebook that computed nothing leaves."""

    name = "counting"

    def __init__(self) -> None:
        self.executed: list[str] = []

    def cancel(self) -> None:
        pass

    def where(self, out: Path) -> str:
        return ""

    def describe(self) -> str:
        """One sentence."""
        return "Nothing is executed."

    def execute(self, job: Job) -> ExecutionRecord:
        """Every cell ran and left nothing."""
        self.executed.append(job.out.name)
        (job.out / "arrays").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(job.notebook, job.out / "executed.ipynb")
        record = ExecutionRecord(state="complete", executor=self.name, input_digest=job.input_digest)
        write_record(job.out / "execution.json", record)
        return record


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load("aml-a3", ["a"])


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def lists_of(folder: Path, *rosters: bytes, rules: str = "", groups: bytes = b"") -> ClassLists:
    paths = [put(folder / f"roster{index}.csv", data) for index, data in enumerate(rosters)]
    roster = read_rosters(paths) if paths else None
    course_file = put(folder / "course.yaml", rules.encode()) if rules else None
    return ClassLists(
        roster,
        read_groups(put(folder / "groups.csv", groups), roster) if groups else None,
        read_course_rules(course_file, "aml-a3", roster) if course_file else None,
    )


def graded(
    source: Path, run: Path, course: Course, lists: ClassLists, executor: CountingExecutor | None = None
) -> Batch:
    return grade(source, course, run, executor or CountingExecutor(), secret="5ec7e7" * 5, lists=lists)


def results(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "results.json").read_text(encoding="utf-8"))
    validate(found, SCHEMA)
    return found


def rows_of(run: Path) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in results(run)["submissions"]}


def work(people: list[Person]) -> list[HandIn]:
    return [HandIn(one, {"part_a.ipynb": notebook(one.number)}) for one in people]


# ------------------------------------------------------------------ 300 of them


def odd_files(person: Person, chance: random.Random) -> dict[str, bytes]:
    """What somebody hands in: mostly a notebook, called as everybody likes, in archives, with noise around it."""
    work_of = notebook(person.number)
    kind = chance.randrange(12)
    if kind == 0:
        return {"work.zip": zipped({"deep/part_a.ipynb": work_of, "__MACOSX/._part_a.ipynb": b"\0\5\26\7"})}
    if kind == 1:
        return {
            "part_a.tar.gz": tarred(
                {"part_a.ipynb": work_of, ".ipynb_checkpoints/part_a-checkpoint.ipynb": b"{}"}
            )
        }
    if kind == 2:
        return {"Copy of part_a (1).ipynb": work_of}
    if kind == 3:
        return {"part_a.ipynb": work_of, "part_a (1).ipynb": notebook("an older copy")}
    if kind == 4:
        return {"моя_робота_12_34.ipynb": work_of}
    if kind == 5:
        return {"part_a.ipynb": b"%PDF-1.7 " + person.number.encode()}
    if kind == 6:
        return {"part_a.ipynb": work_of, "helper.py": b"x = 1", "notes.txt": b"hello"}
    if kind == 7:
        return {"outer.zip": zipped({"inner.zip": zipped({"part_a.ipynb": work_of})})}
    if kind == 8:
        return {"part_a.ipynb": b""}
    return {"part_a.ipynb": work_of}


@dataclass(frozen=True)
class Mixed:
    """A folder with the downloads of three LMSs, and the class that it is of."""

    source: Path
    lists: ClassLists
    handing_in: list[str]
    missing: list[str]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Mixed:
    """300 hand-ins of a class of 330: Canvas, Moodle in German with and without folders, Gradescope."""
    folder, chance = tmp_path_factory.mktemp("mixed"), random.Random(20261121)
    people = make_class(330, seed=5)
    hand_ins = [HandIn(one, odd_files(one, chance), is_late=chance.random() < 0.1) for one in people[:300]]
    source = folder / "downloads"
    put(source / "canvas submissions.zip", download(canvas_files(hand_ins[:110])))
    put(source / "kurs-a3-77.zip", download(moodle_files(hand_ins[110:170])))
    put(source / "kurs-a3-77 flat.zip", download(moodle_files(hand_ins[170:210], folders=False)))
    put(source / "assignment_77_export.zip", download(gradescope_files(hand_ins[210:])))
    rosters = (canvas_gradebook(people), moodle_worksheet(people, "de"), gradescope_roster(people))
    numbers = [one.number for one in people]
    return Mixed(source, lists_of(folder, *rosters), numbers[:300], numbers[300:])


def holds_work_of(path: str, student: str) -> bool:
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return f"# {student}" in text or f"%PDF-1.7 {student}" in text or text == ""


def test_three_hundred_mixed_hand_ins_have_the_right_owners(
    mixed: Mixed, course: Course, tmp_path: Path
) -> None:
    found = take_in(
        mixed.source, course.rubric.parts, tmp_path / "into", roster=mixed.lists.roster
    ).submissions
    assert len(found) == 300
    assert sorted(one.students for one in found) == sorted((one,) for one in mixed.handing_in)
    assert not any(one.owner_problem or one.contested for one in found)
    for one in found:  # the very notebook of this student
        assert all(holds_work_of(path, one.students[0]) for path in one.sources.values())
    assert {one.problem_name for one in found} == {None, "pdf", "empty_file"}
    assert sum(one.is_marked_late for one in found) > 5


@pytest.mark.slow
def test_three_hundred_mixed_hand_ins_are_three_hundred_rows(
    mixed: Mixed, course: Course, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    graded(mixed.source, run, course, mixed.lists)
    rows = results(run)
    assert len(rows["submissions"]) == 300
    assert sorted(row["students"] for row in rows["submissions"]) == sorted([one] for one in mixed.handing_in)
    assert sorted(one["id"] for one in rows["absent"]) == sorted(mixed.missing)
    assert {one["state"] for one in rows["absent"]} == {"missing"}
    for row in rows["submissions"]:
        assert row["owner_problem"] is None
        assert [person["id"] for person in row["people"]] == row["students"]
        assert all(holds_work_of(path, row["students"][0]) for path in row["source"])
    failed = {row["problem_name"] for row in rows["submissions"] if row["state"] == "failed"}
    assert failed == {"pdf", "empty_file"}
    with (run / "scores.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 300
    again = CountingExecutor()
    graded(mixed.source, run, course, ClassLists(), again)  # the lists are kept in the run
    assert again.executed == []
    assert results(run) == rows


# ------------------------------------------------------------ hostile archives


@pytest.mark.parametrize("lms", ["canvas", "moodle", "gradescope"])
def test_hostile_archives_in_the_hand_ins_of_a_class(lms: str, course: Course, tmp_path: Path) -> None:
    """Each of the corpus handed in by a student: contained, a row with its reason, and the neighbours unharmed."""
    people = make_class(len(ARCHIVES) + 2, seed=9)
    cases = dict(zip((one.number for one in people), ARCHIVES, strict=False))
    hand_ins = [
        HandIn(one, {"work.zip": cases[one.number].make()})
        if one.number in cases
        else HandIn(one, {"part_a.ipynb": notebook(one.number)})
        for one in people
    ]
    files = {"canvas": canvas_files, "moodle": moodle_files, "gradescope": gradescope_files}[lms](hand_ins)  # type: ignore[operator]
    source = put(tmp_path / "submissions.zip", download(files))
    rosters = {"canvas": canvas_gradebook, "moodle": moodle_worksheet, "gradescope": gradescope_roster}
    lists = lists_of(tmp_path, rosters[lms](people))  # type: ignore[operator]
    run = tmp_path / "inside" / "run"
    before = {path for path in tmp_path.rglob("*") if run not in path.parents}
    graded(source, run, course, lists)
    found = {row["students"][0]: row["problem_name"] or ACCEPTED for row in results(run)["submissions"]}
    assert found == {
        one.number: cases[one.number].expected if one.number in cases else ACCEPTED for one in people
    }
    assert {path for path in tmp_path.rglob("*") if run not in path.parents} - before <= {run.parent, run}
    assert not any(path.is_symlink() for path in run.rglob("*"))
    assert all(path.is_file() or path.is_dir() for path in run.rglob("*"))


GOOD = canvas_files(work(make_class(3, seed=1)))


def linked() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("eve_666_700_part_a.ipynb")
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([("../../eve_1_700_x.ipynb", b"")], "archive_path_escape"),
        ([("/etc/cron.d/eve_1_700_x.ipynb", b"")], "archive_path_escape"),
        ([("C:\\eve_1_700_x.ipynb", b"")], "archive_path_escape"),
        ([("eve_1_700_..\\..\\x.ipynb", b"")], "archive_path_escape"),
        ([(f"eve_{number}_{number + 1000}_x.ipynb", b"") for number in range(60_000)], "archive_too_large"),
    ],
    ids=["traversal", "absolute", "drive", "backslashes", "60,000 entries"],
)
def test_a_hostile_download_is_refused_as_a_whole_with_a_sentence(
    entries: list[tuple[str, bytes]], reason: str, course: Course, tmp_path: Path
) -> None:
    source = put(tmp_path / "s.zip", zipped([*GOOD.items(), *entries]))
    with pytest.raises(UsageError, match=reason):
        graded(source, tmp_path / "run", course, ClassLists())
    assert not any(path.name.startswith("eve") for path in tmp_path.rglob("*"))


def test_one_hostile_download_of_several_is_a_row(course: Course, tmp_path: Path) -> None:
    people = make_class(4, seed=2)
    put(tmp_path / "all" / "good.zip", download(canvas_files(work(people))))
    put(tmp_path / "all" / "evil.zip", zipped({**GOOD, "../x_1_700_x.ipynb": b""}))
    grade(tmp_path / "all", course, tmp_path / "run", CountingExecutor(), form="downloads")
    rows = rows_of(tmp_path / "run")
    assert rows["evil"]["problem_name"] == "archive_path_escape"
    assert len(rows) == 5


def test_a_link_in_a_download_costs_its_owner_alone(course: Course, tmp_path: Path) -> None:
    source = put(tmp_path / "s.zip", zipped([*GOOD.items(), (linked(), b"/etc/passwd")]))
    graded(source, tmp_path / "run", course, ClassLists())
    assert rows_of(tmp_path / "run")["canvas-666"]["problem_name"] == "archive_link"
    tar = put(
        tmp_path / "m.tar",
        tarred([(special("Eve_5_assignsubmission_file/part_a.ipynb", b"2", "/etc/passwd"), b"")]),
    )
    with pytest.raises(UsageError):
        graded(put(tmp_path / "empty.zip", zipped({})), tmp_path / "run0", course, ClassLists())
    graded(tar, tmp_path / "run2", course, ClassLists())
    assert rows_of(tmp_path / "run2")["moodle-5"]["problem_name"] == "archive_link"


def test_names_that_differ_in_case_or_encoding_alone_stay_apart(course: Course, tmp_path: Path) -> None:
    people = make_class(2, seed=4)
    one = people[0]
    files = {
        f"{one.name}_{one.moodle}_assignsubmission_file/part_a.ipynb": notebook("lower"),
        f"{one.name.upper()}_{people[1].moodle}_assignsubmission_file/PART_A.ipynb": notebook("upper"),
    }
    graded(put(tmp_path / "m.zip", zipped(files)), tmp_path / "run", course, ClassLists())
    rows = rows_of(tmp_path / "run")
    assert {row["students"][0] for row in rows.values()} == {one.moodle, people[1].moodle}
    assert all(len(row["source"]) == 1 for row in rows.values())


def test_ten_thousand_entries_are_read(course: Course, tmp_path: Path) -> None:
    people = make_class(5, seed=6)
    many = {f"part {index}.txt": b"x" for index in range(1_996)} | {"part_a.ipynb": notebook("x")}
    hand_ins = [HandIn(one, many) for one in people]
    source = put(tmp_path / "m.zip", zipped(moodle_files(hand_ins), zipfile.ZIP_STORED))
    graded(source, tmp_path / "run", course, ClassLists())
    rows = results(tmp_path / "run")["submissions"]
    assert [row["problem_name"] for row in rows] == [None] * 5
    submission = json.loads(
        (tmp_path / "run" / "submissions" / rows[0]["id"] / "submission.json").read_text()
    )
    assert len(submission["unused"]) == 41
    assert "more" in submission["unused"][-1]


# --------------------------------------------------- groups, lateness, attempts

RULES = """time_zone: Europe/Berlin
assignments:
  aml-a3:
    due: 2026-11-21 08:00
    late: {per_day: 2 points}
"""


def richest(run: Path, submission: str) -> CheckResult:
    """The check that is worth most."""
    found = read_record(run / "submissions" / submission / "grade.json", Grade)
    assert found is not None
    return max((check for item in found.items for check in item.checks), key=lambda check: check.points)


def give(run: Path, submission: str) -> float:
    """Have a person give the points of one check, so that there are marks to take from."""
    check = richest(run, submission)
    assert check.points >= 4
    mark = Mark(kind="override", points=check.points, reason="for the test")
    add(run / "gradebook.db", Place(submission, check.id), "me", mark, 0)
    return check.points


def people_of(run: Path, submission: str) -> dict[str, tuple[str, float, float]]:
    """Person to (state, score, deducted)."""
    row = rows_of(run)[submission]
    return {one["id"]: (one["state"], one["score"], one["deducted"]) for one in row["people"]}


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Path, list[Person]]:
    """A Gradescope export of three: in time, a day late with a partner, two days late."""
    people = make_class(6, seed=8)
    times = ("2026-11-21 06:00:00 Z", "2026-11-21 20:00:00 Z", "2026-11-22 20:00:00 Z")
    hand_ins = [
        HandIn(
            one, {"part_a.ipynb": notebook(one.number)}, created=time, partners=(people[3],) * (index == 1)
        )
        for index, (one, time) in enumerate(zip(people, times, strict=False))
    ]
    return put(tmp_path / "export.zip", download(gradescope_files(hand_ins))), people


def test_lateness_is_a_line_of_the_grade_and_a_rule_changes_without_execution(
    exported: tuple[Path, list[Person]], course: Course, tmp_path: Path
) -> None:
    source, people = exported
    run = tmp_path / "run"
    lists = lists_of(tmp_path, gradescope_roster(people), rules=RULES)
    executor = CountingExecutor()
    graded(source, run, course, lists, executor)
    assert len(executor.executed) == 3
    ids = [row["id"] for row in results(run)["submissions"]]
    points, *_ = (give(run, one) for one in ids)
    refresh(RunDirectory(run), author="me")
    assert [next(iter(people_of(run, one).values()))[2] for one in ids] == [0, 2, 4]
    late = rows_of(run)[ids[1]]
    assert (late["earned"], late["adjusted"]) == (points, points - 2)
    assert [person["id"] for person in late["people"]] == [people[1].number, people[3].number]
    assert late["late"]["n_days"] == 1
    assert sum(item["earned"] for item in late["items"]) == points  # the marks of items say nothing of it
    report = (run / "submissions" / ids[1] / "report.html").read_text(encoding="utf-8")
    assert "2 points for each day begun" in report
    assert "1 day counts" in report

    milder = RULES.replace("2 points", "0.5 points").replace("due:", "extensions: {PERSON: 3 days}\n    due:")
    rules = read_course_rules(
        put(tmp_path / "milder.yaml", milder.replace("PERSON", people[3].number).encode()),
        "aml-a3",
        lists.roster,
    )
    rescore(run, rules=rules)
    found = people_of(run, ids[1])
    assert found[people[1].number][2] == 0.5
    assert found[people[3].number][2] == 0.0
    assert rows_of(run)[ids[1]]["adjusted"] is None
    report = (run / "submissions" / ids[1] / "report.html").read_text(encoding="utf-8")
    assert "have deadlines or states of their own" in report
    assert "extended" not in report  # whose extension it is concerns nobody else
    with (run / "scores.csv").open(encoding="utf-8", newline="") as file:
        row = {one["id"]: one for one in csv.DictReader(file)}[ids[1]]
    assert row["score"] == f"{people[1].number}: {points - 0.5:g}; {people[3].number}: {points:g}"
    assert executor.executed == sorted(executor.executed, key=executor.executed.index)
    assert len(executor.executed) == 3


def test_excused_withheld_and_missing_are_states(
    exported: tuple[Path, list[Person]], course: Course, tmp_path: Path
) -> None:
    source, people = exported
    extra = f"    excused: {{{people[0].number}: ill, {people[4].number}: abroad}}\n    withheld: [{people[2].number}]\n"
    lists = lists_of(tmp_path, gradescope_roster(people), rules=RULES + extra)
    graded(source, tmp_path / "run", course, lists)
    ids = [row["id"] for row in results(tmp_path / "run")["submissions"]]
    states = [next(iter(people_of(tmp_path / "run", one).values()))[0] for one in ids]
    assert states == ["excused", "pending", "withheld"]
    assert results(tmp_path / "run")["absent"] == [
        {"id": people[4].number, "state": "excused", "note": "abroad"},
        {"id": people[5].number, "state": "missing", "note": ""},
    ]
    report = (tmp_path / "run" / "submissions" / ids[0] / "report.html").read_text(encoding="utf-8")
    assert "Excused" in report
    assert "ill" not in report.split("Excused")[1][:200].replace("will", "")
    page = (tmp_path / "run" / "index.html").read_text(encoding="utf-8")
    assert "none of them has a 0" in page
    assert people[5].name.split()[0] in page


def test_a_late_mark_without_a_time_needs_a_person(course: Course, tmp_path: Path) -> None:
    people = make_class(2, seed=8)
    files = canvas_files(
        [HandIn(people[0], {"part_a.ipynb": notebook("1")}, is_late=True), *work(people[1:])]
    )
    source = put(tmp_path / "s.zip", download(files))
    lists = lists_of(tmp_path, canvas_gradebook(people), rules=RULES)
    batch = graded(source, tmp_path / "run", course, lists)
    assert batch.needs_person
    late, fine = (rows_of(tmp_path / "run")[f"canvas-{one.canvas}"] for one in people)
    assert "late: when?" in late["flags"]
    assert late["late"]["submitted"] is None
    assert fine["late"] is None
    told = RULES + f"    submitted: {{{people[0].number}: 2026-11-21 09:00}}\n"
    rules = read_course_rules(put(tmp_path / "told.yaml", told.encode()), "aml-a3", lists.roster)
    rescore(tmp_path / "run", rules=rules)
    assert rows_of(tmp_path / "run")[f"canvas-{people[0].canvas}"]["late"]["n_days"] == 1


def test_of_several_attempts_one_counts_and_only_that_is_executed(course: Course, tmp_path: Path) -> None:
    people = make_class(2, seed=8)
    for week in (1, 2):
        hand_ins = [HandIn(one, {"part_a.ipynb": notebook(f"{one.number} {week}")}) for one in people]
        files = gradescope_files(
            [HandIn(one.person, one.files, created=f"2026-11-2{week} 06:30:00 Z") for one in hand_ins]
        )
        put(tmp_path / "all" / f"week{week}.zip", download(files))
    lists = lists_of(tmp_path, gradescope_roster(people), rules=RULES)
    executor = CountingExecutor()
    graded(tmp_path / "all", tmp_path / "run", course, lists, executor)
    rows = results(tmp_path / "run")["submissions"]
    assert len(rows) == 2
    assert len(executor.executed) == 2
    assert [[one["counts"] for one in row["attempts"]] for row in rows] == [[True, False]] * 2
    best = RULES.replace("due:", "attempts: best\n    due:")
    rules = read_course_rules(put(tmp_path / "best.yaml", best.encode()), "aml-a3", lists.roster)
    graded(tmp_path / "all", tmp_path / "run", course, ClassLists(rules=rules), executor)
    assert len(executor.executed) == 4  # the other attempts, once
    rows = results(tmp_path / "run")["submissions"]
    assert len(rows) == 2
    for row in rows:
        give(tmp_path / "run", row["attempts"][1]["id"])
    rescore(tmp_path / "run")
    rows = results(tmp_path / "run")["submissions"]
    assert [[one["counts"] for one in row["attempts"]] for row in rows] == [[False, True]] * 2


def test_a_pair_is_graded_once_and_both_are_reported(course: Course, tmp_path: Path) -> None:
    people = make_class(4, seed=8)
    groups = f"id,group\n{people[0].number},red\n{people[2].number},red\n".encode()
    source = put(tmp_path / "s.zip", download(canvas_files(work(people[:2]))))
    executor = CountingExecutor()
    graded(
        source,
        tmp_path / "run",
        course,
        lists_of(tmp_path, canvas_gradebook(people), groups=groups),
        executor,
    )
    rows = rows_of(tmp_path / "run")
    assert rows[f"canvas-{people[0].canvas}"]["students"] == [people[0].number, people[2].number]
    assert [one["id"] for one in results(tmp_path / "run")["absent"]] == [people[3].number]
    assert len(executor.executed) == 2


def test_another_roster_later_runs_nothing_again(course: Course, tmp_path: Path) -> None:
    people = make_class(5, seed=8)
    source = put(tmp_path / "s.zip", download(canvas_files(work(people))))
    executor = CountingExecutor()
    graded(source, tmp_path / "run", course, ClassLists(), executor)
    assert {row["students"][0] for row in rows_of(tmp_path / "run").values()} == {
        one.canvas for one in people
    }
    graded(source, tmp_path / "run", course, lists_of(tmp_path, canvas_gradebook(people)), executor)
    assert {row["students"][0] for row in rows_of(tmp_path / "run").values()} == {
        one.number for one in people
    }
    assert len(executor.executed) == 5


def test_what_was_handed_in_earlier_and_is_gone_is_graded_no_more(course: Course, tmp_path: Path) -> None:
    people = make_class(3, seed=8)
    for n in (3, 2):
        source = put(tmp_path / "s.zip", download(canvas_files(work(people[:n]))))
        graded(source, tmp_path / "run", course, ClassLists())
    rescore(tmp_path / "run")
    assert len(rows_of(tmp_path / "run")) == 2
