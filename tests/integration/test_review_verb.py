"""`review` and `report` from the shell: a server that is ended or killed loses nothing, rescoring keeps every mark."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from autograder import cli
from autograder.courses import Course
from autograder.grading import grade, rescore
from autograder.records import ExecutionRecord
from autograder.review import store
from autograder.review.marks import basis_of
from autograder.review.store import Mark, Place
from autograder.store import RunDirectory, read_json

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "unit"))
runs = importlib.import_module("review_runs")

ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}


class Server:
    """`autograder review` as a process of its own."""

    def __init__(self, run: Path, *options: str):
        command = [
            sys.executable,
            "-c",
            "from autograder.cli import main; main()",
            "review",
            str(run),
            *options,
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd=ROOT
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        found = re.search(r"(http://[^#\s]+/)(?:#token=(\S+))?", line)
        assert found, line + (self.process.stderr.read() if self.process.stderr and not line else "")
        self.url, self.token = found[1], found[2] or ""

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"x-autograder-token": self.token, "content-type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers)) as said:
            return json.load(said)

    def end(self, by: int = signal.SIGINT) -> tuple[int, str]:
        """End the server; return its status and what it printed."""
        self.process.send_signal(by)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out + err


@contextmanager
def serving(run: Path, *options: str) -> Iterator[Server]:
    server = Server(run, *options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.communicate()


def rows_of(server: Server) -> list[dict[str, Any]]:
    return list(server.ask("api/overview")["rows"])


def give(server: Server, row: dict[str, Any], points: float) -> Any:
    target = {key: row[key] for key in ("submission", "check", "version")}
    return server.ask("api/mark", target | {"points": points})


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of rubrics and templates in which the rubric of the class stands for aml-a3."""
    content = tmp_path / "content"
    for folder in ("rubrics", "reference", "student_template"):
        shutil.copytree(
            ROOT / folder, content / folder, ignore=shutil.ignore_patterns("__pycache__", "golden")
        )
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(content))
    monkeypatch.setitem(ENVIRONMENT, "AUTOGRADER_CONTENT", str(content))
    rubric = runs.rubric_of().parts[0]
    items = rubric.model_dump(mode="json")["items"]
    for item in items:
        item["checks"][0]["params"] = {"evidence": "a1.draws", "n": 10}
    part = {
        "schema": 1,
        "part": "a",
        "title": "A",
        "points": rubric.points,
        "false_fail_rate": 1e-3,
        "filenames": ["*.ipynb"],
        "evidence": {"a1.draws": {"kind": "array", "about": "the draws"}},
        "items": items,
    }
    main = {"schema": 1, "assignment": "aml-a3", "title": runs.TITLE, "parts": ["part_a.yaml"]}
    (content / "rubrics/aml-a3/part_a.yaml").write_text(json.dumps(part), encoding="utf-8")
    (content / "rubrics/aml-a3/rubric.yaml").write_text(json.dumps(main), encoding="utf-8")
    return content


def test_a_class_is_marked_through_a_server_that_dies_and_comes_back(tmp_path: Path, shipped: Path) -> None:
    run = runs.class_run(tmp_path / "run").path
    with serving(run, "--author", "Mia") as server:
        open_rows = rows_of(server)
        assert len(open_rows) == 6
        for row in open_rows[:2]:
            assert give(server, row, 1.5)["ok"]
        with pytest.raises(HTTPError) as refused:
            give(server, open_rows[0] | {"version": 0}, 0.0)
        assert refused.value.code == 409
        server.end(signal.SIGKILL)
    with serving(run, "--author", "Ben") as server:
        rest = [row for row in rows_of(server) if row["state"] == "open"]
        assert len(rest) == 4
        for row in rest[:3]:
            give(server, row, 2.0)
        status, said = server.end()
        assert status == 1
        assert "Not final: 1 mark to give" in said
    with serving(run) as server:
        give(server, next(row for row in rows_of(server) if row["state"] == "open"), 0.5)
        status, said = server.end()
        assert (status, "Final: every mark of 3 submissions is decided." in said) == (0, True)
    results = read_json(run / "results.json")
    assert results["final"] is True
    assert sum(one["earned"] for one in results["submissions"]) == 6 * 1.0 + 2 * 1.5 + 3 * 2.0 + 0.5
    assert [entry.author for entry in store.history(run / "gradebook.db")][:5] == ["Mia"] * 2 + ["Ben"] * 3
    assert cli.run(["report", str(run)]) == 0


def test_a_team_logs_in_with_the_password_of_the_file(tmp_path: Path, shipped: Path) -> None:
    run = runs.class_run(tmp_path / "run").path
    password = tmp_path / "password.txt"
    password.write_text("a long password\n", encoding="utf-8")
    with serving(run, "--password-file", str(password)) as server:
        assert not server.token
        server.token = server.ask("api/login", {"name": "Ben", "password": "a long password"})["token"]
        assert give(server, rows_of(server)[0], 1.0)["mark"]["author"] == "Ben"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "0.0.0.0"), "give --password-file"),
        (("--host", "0.0.0.0", "--password-file", "short.txt"), "8 characters or more"),
        (("--password-file", "nowhere.txt"), "cannot be read"),
        (("--host", "192.0.2.1", "--password-file", "long.txt"), "cannot be listened on"),
    ],
)
def test_wrong_use_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: Any,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.txt").write_text("short", encoding="utf-8")
    (tmp_path / "long.txt").write_text("a long password", encoding="utf-8")
    run = runs.class_run(tmp_path / "run").path
    assert cli.run(["review", str(run), *options]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert cli.run(["review", str(tmp_path / "nothing")]) == 2


def test_without_its_packages_the_verb_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.class_run(tmp_path / "run").path
    monkeypatch.delitem(sys.modules, "autograder.review.app", raising=False)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    assert cli.run(["review", str(run)]) == 2
    assert 'pip install "generative-autograder[review]"' in " ".join(capsys.readouterr().err.split())


# ----------------------------------------------------------------------- rescore


class Prepared:
    """An executor whose notebooks ran and left nothing."""

    name = "prepared"

    def cancel(self) -> None:
        pass

    def where(self, out: Path) -> str:
        return ""

    def describe(self) -> str:
        return "Runs nothing."

    def execute(self, job: Any) -> ExecutionRecord:
        from autograder.store import write_record

        (job.out / "arrays").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(job.notebook, job.out / "executed.ipynb")
        record = ExecutionRecord(state="complete", executor=self.name, input_digest=job.input_digest)
        write_record(job.out / "execution.json", record)
        return record


def test_rescoring_keeps_marks_and_overrides_and_says_what_deserves_another_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = tmp_path / "content"
    for folder in ("rubrics", "reference", "student_template"):
        shutil.copytree(ROOT / folder, content / folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("AUTOGRADER_CONTENT", str(content))
    hand_in = tmp_path / "in" / "ada" / "part_a.ipynb"
    hand_in.parent.mkdir(parents=True)
    cells = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "## A5 Gibbs sampling"},
        {"cell_type": "markdown", "id": "b", "metadata": {}, "source": "**Answer:** it mixes well."},
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    hand_in.write_text(json.dumps(notebook), encoding="utf-8")
    course = Course.load("aml-a3", ["a"])
    batch = grade(tmp_path / "in", course, tmp_path / "run", Prepared(), n_workers=1)
    run = RunDirectory(tmp_path / "run")
    checks = {check.id: check for item in batch.grades[0].items for check in item.checks}
    assert checks["a5.comment"].answer == "**Answer:** it mixes well."
    for check_id, mark in {
        "a5.comment": Mark("review", 1.0, comment="Right.", basis=basis_of(checks["a5.comment"])),
        "a2.rate": Mark("override", 2.0, reason="shown in class", basis=basis_of(checks["a2.rate"])),
    }.items():
        store.add(run.gradebook, Place("ada", check_id), "Mia", mark, 0)
    assert cli.run(["report", str(run.path)]) == 1
    before = read_json(run.results)
    assert before["submissions"][0]["earned"] == 3.0
    assert rescore(run.path)[0].grades[0].earned == 3.0
    assert read_json(run.results) == before  # scoring and rendering again say the same
    part = content / "rubrics/aml-a3/part_a.yaml"
    text = part.read_text(encoding="utf-8")
    for check_id, delta in (("a2.rate", 0.5), ("a2.count", -0.5)):
        head, tail = text.split(f"- id: {check_id}\n", 1)
        old = tail.split("points: ", 1)[1].split("\n", 1)[0]
        text = f"{head}- id: {check_id}\n" + tail.replace(
            f"points: {old}", f"points: {float(old) + delta}", 1
        )
    part.write_text(text, encoding="utf-8")
    capsys.readouterr()
    assert cli.run(["rescore", str(run.path), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [(one["check"], one["author"]) for one in said["look_again"]] == [("a2.rate", "Mia")]
    assert "is worth" in said["look_again"][0]["why"]
    assert said["results"]["submissions"][0]["earned"] == 3.0
    assert len(store.history(run.gradebook)) == 2
    # Handed in anew, the mark on the old answer counts and deserves another look as well.
    hand_in.write_text(json.dumps(notebook).replace("mixes well", "mixes badly"), encoding="utf-8")
    again = grade(tmp_path / "in", Course.load("aml-a3", ["a"]), tmp_path / "run", Prepared(), n_workers=1)
    assert again.grades[0].earned == 3.0
    assert "look again" in again.grades[0].flags
    assert cli.run(["rescore", str(run.path)]) == 1
    assert "a5.comment" in capsys.readouterr().out.split("deserve another look (2)")[1]
