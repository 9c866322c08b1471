"""A grading that is killed goes on where it stopped, and gives what an uninterrupted one gives."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from resume_worker import SECRET, graded

from autograder.grading import rescore
from autograder.store import RunInfo, write_record

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("resume_worker.py")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
NAMES = ("ada", "bo", "chen", "dara", "eve", "fay", "gil", "hana")


def notebook(*sources: str) -> str:
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "id": "m0", "metadata": {}, "source": "# A2 rejection: an explanation"}
    ]
    cells += [
        {
            "cell_type": "code",
            "id": f"c{index}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for index, source in enumerate(sources)
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def hand_ins(folder: Path, names: tuple[str, ...] = NAMES) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "part_a.ipynb").write_text(notebook(f"name = {name!r}"), encoding="utf-8")
    return folder


def assert_whole(run: Path) -> None:
    """Whatever stands under its own name can be read."""
    for path in run.rglob("*"):
        if path.name.startswith(".") or path.suffix not in (".json", ".ipynb"):
            continue
        json.loads(path.read_text(encoding="utf-8"))
    for path in run.glob("*.db"):
        with sqlite3.connect(path) as base:
            assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        base.close()


def executed_twice(log: Path) -> list[str]:
    """Submissions that were started again after they had finished."""
    finished: set[str] = set()
    again = []
    for line in log.read_text(encoding="utf-8").splitlines():
        word, name = line.split()
        if word == "finished":
            finished.add(name)
        elif name in finished:
            again.append(name)
    return again


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_killed_grading_goes_on_and_ends_the_same(seed: int, tmp_path: Path) -> None:
    source, run, log = hand_ins(tmp_path / "in"), tmp_path / "run", tmp_path / "log"
    for name, same_as in (("chen", "ada"), ("gil", "ada"), ("hana", "bo")):
        shutil.copy(source / same_as / "part_a.ipynb", source / name / "part_a.ipynb")
    graded(source, tmp_path / "whole", tmp_path / "whole.log")
    rng = np.random.default_rng(seed)
    kills = 0
    while True:
        worker = subprocess.Popen(
            [sys.executable, str(WORKER), str(source), str(run), str(log)],
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        assert worker.stdout is not None
        with worker.stdout as said:
            if kills < 3:  # after some steps, and then somewhere inside the next
                for _ in range(int(rng.integers(1, 9))):
                    said.readline()
                time.sleep(float(rng.uniform(0.0, 0.05)))
                worker.send_signal(signal.SIGKILL)
                kills += 1
            said.read()
        if worker.wait() == 0:
            break
        assert worker.returncode == -signal.SIGKILL
        if run.exists():
            assert_whole(run)
    assert executed_twice(log) == []
    assert_whole(run)
    for name in ("results.json", "scores.csv"):
        assert (run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    log_before = log.read_text()
    graded(source, run, log)  # once more: nothing is left to execute, and nothing changes
    assert log.read_text() == log_before
    assert (run / "results.json").read_bytes() == (tmp_path / "whole" / "results.json").read_bytes()


def test_a_changed_notebook_is_executed_again_and_no_other(tmp_path: Path) -> None:
    source, run, log = hand_ins(tmp_path / "in", NAMES[:3]), tmp_path / "run", tmp_path / "log"
    graded(source, run, log)
    log.write_text("")
    (source / "bo" / "part_a.ipynb").write_text(notebook("name = 'another'"), encoding="utf-8")
    graded(source, run, log)
    assert log.read_text().split() == ["started", "bo", "finished", "bo"]


def test_results_fit_their_schema(tmp_path: Path) -> None:
    source = hand_ins(tmp_path / "in", NAMES[:2])
    (source / "notes.txt").write_text("no notebook")
    (source / "broken.ipynb").write_text("{")
    graded(source, tmp_path / "run", tmp_path / "log")
    results = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    schema = json.loads((ROOT / "docs" / "schemas" / "results.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(results)
    assert {one["id"]: one["state"] for one in results["submissions"]}["broken"] == "failed"


def test_rescoring_after_an_edit_of_points_changes_what_the_edit_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = tmp_path / "course"
    for name in ("rubrics", "reference", "student_template"):
        shutil.copytree(ROOT / name, content / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(content))
    run, log = tmp_path / "run", tmp_path / "log"
    graded(hand_ins(tmp_path / "in", NAMES[:4]), run, log)
    before = json.loads((run / "results.json").read_text(encoding="utf-8"))
    log_before = log.read_text()
    evidence = {path: path.read_bytes() for path in run.rglob("execution.json")}
    rubric = content / "rubrics" / "aml-a3" / "part_a.yaml"
    text = rubric.read_text(encoding="utf-8")
    for check, old, new in (("a1.seed", "1", "0.5"), ("a1.contour", "1.5", "2")):
        start = text.index(f"- id: {check}\n")
        at = text.index(f"points: {old}\n", start)
        text = text[:at] + f"points: {new}\n" + text[at + len(f"points: {old}\n") :]
    rubric.write_text(text, encoding="utf-8")
    _, changes = rescore(run, author="ada", why="the contour counts more")
    after = json.loads((run / "results.json").read_text(encoding="utf-8"))
    assert log.read_text() == log_before
    assert {path: path.read_bytes() for path in run.rglob("execution.json")} == evidence
    assert sorted(change.split(":")[0].rsplit("[", 1)[1] for change in changes) == [
        "a1.contour].points",
        "a1.seed].points",
    ]
    assert before.pop("rubric_sha256") != after.pop("rubric_sha256")
    for old, new in zip(before["submissions"], after["submissions"], strict=True):
        for item, item_after in zip(old["items"], new["items"], strict=True):
            for check, check_after in zip(item["checks"], item_after["checks"], strict=True):
                points = {"a1.seed": 0.5, "a1.contour": 2.0}.get(check["id"], check["points"])
                assert check_after["points"] == points
                if check["id"] in ("a1.seed", "a1.contour"):
                    assert check_after["earned"] == pytest.approx(points * check["fraction"])
                    check_after |= {"points": check["points"], "earned": check["earned"]}
        lost = 0.5 * next(c["fraction"] for c in old["items"][0]["checks"] if c["id"] == "a1.seed")
        assert lost > 0
        assert new["earned"] == pytest.approx(old["earned"] - lost)
        assert new["items"][0]["earned"] == pytest.approx(old["items"][0]["earned"] - lost)
        assert new["part_totals"][0]["earned"] == pytest.approx(old["part_totals"][0]["earned"] - lost)
        new["earned"], new["items"][0]["earned"] = old["earned"], old["items"][0]["earned"]
        new["part_totals"] = old["part_totals"]
        assert [one["score"] for one in new["people"]] == pytest.approx(
            [one["score"] - lost for one in old["people"]]
        )
        assert new["adjusted"] == pytest.approx(old["adjusted"] - lost)
        new["people"], new["adjusted"] = old["people"], old["adjusted"]
    assert after == before


FORMULAS = ("=1+1", "+cmd", "-2+3", "@SUM(A1)", "=HYPERLINK(x)", "-x", "'quoted", "Zoë")


def test_no_cell_of_the_scores_is_a_formula(tmp_path: Path) -> None:
    source = hand_ins(tmp_path / "in", FORMULAS)
    graded(source, tmp_path / "run", tmp_path / "log")
    with (tmp_path / "run" / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 1 + len(FORMULAS)
    students = {row[1] for row in rows[1:]}
    assert {"'=1+1", "'-2+3", "'@SUM(A1)", "Zoë"} <= students
    for cell in (cell for row in rows for cell in row):
        assert cell[:1] not in ("=", "+", "@", "\t", "\r")
        assert not cell.startswith("-") or cell[1:].replace(".", "", 1).isdigit()


def test_a_worker_that_dies_leaves_marks_pending_and_never_zero(tmp_path: Path) -> None:
    source, run, log = hand_ins(tmp_path / "in", NAMES[:2]), tmp_path / "run", tmp_path / "log"
    batch = graded(source, run, log, state="not_executed")
    assert batch.needs_person
    for one in batch.grades:
        assert one.state != "graded"
        assert (one.earned, one.pending) == (0.0, one.possible)
        assert "fault of ours" in one.flags
        assert all(check.status.value == "error" for item in one.items for check in item.checks)
        assert "fault of ours" in one.items[0].checks[0].message
    again = graded(source, run, log)  # not executed is not done
    assert all(one.earned > 0 for one in again.grades)
    assert set(executed_twice(log)) == {"ada", "bo"}


# ---------------------------------------------------------------- real kernels

GRADE = "import sys; from autograder.cli import main; sys.argv[0] = 'autograder'; main()"


def command(source: Path, run: Path) -> list[str]:
    return [
        *(sys.executable, "-c", GRADE, "grade", str(source), "--assignment", "aml-a3"),
        *("--part", "a", "--run", str(run), "--workers", "1"),
    ]


@pytest.mark.slow
def test_a_killed_grading_with_real_kernels_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for name in ("ada", "bo"):
        (source / name).mkdir(parents=True)
        seeded, rate = "import random\nrandom.seed(1234)", "acceptance_rate = 0.0816\nprint(acceptance_rate)"
        text = notebook(seeded, rate, f"name = {name!r}")
        (source / name / "part_a.ipynb").write_text(text, encoding="utf-8")
    runs = {name: tmp_path / name for name in ("whole", "killed")}
    for run in runs.values():
        info = RunInfo(assignment="aml-a3", parts=("a",), source=str(source), secret=SECRET)
        write_record(run / "run.json", info)
    whole = subprocess.run(command(source, runs["whole"]), env=ENVIRONMENT, capture_output=True, text=True)
    assert whole.returncode == 1, whole.stderr  # written answers are left for a person

    first = runs["killed"] / "submissions" / "ada" / "execution.json"
    with (tmp_path / "said").open("wb") as said:
        grading = subprocess.Popen(command(source, runs["killed"]), env=ENVIRONMENT, stdout=said, stderr=said)
        while not first.exists() and grading.poll() is None:
            time.sleep(0.02)
        time.sleep(0.3)  # somewhere inside the second notebook
        grading.send_signal(signal.SIGKILL)
        assert grading.wait() == -signal.SIGKILL
    assert not (runs["killed"] / "results.json").exists()
    assert_whole(runs["killed"])
    executed = first.stat().st_mtime_ns
    again = subprocess.run(command(source, runs["killed"]), env=ENVIRONMENT, capture_output=True, text=True)
    assert again.returncode == 1, again.stderr
    assert first.stat().st_mtime_ns == executed
    assert (runs["killed"] / "results.json").read_bytes() == (runs["whole"] / "results.json").read_bytes()
