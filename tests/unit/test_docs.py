"""The documentation says what the code does: references and schemas are current, links lead somewhere."""

from __future__ import annotations

import doctest
import importlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any, cast

import jsonschema
import make_docs
import pytest
import sample_grades

from autograder.cli import app
from autograder.courses import Course
from autograder.execute.protocol import Executor
from autograder.grading import grade
from autograder.records import ExecutionRecord, Grade, Submission
from autograder.results import results_of
from autograder.store import RunInfo

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


def schema(name: str) -> dict[str, Any]:
    loaded = json.loads((DOCS / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(loaded)
    return cast("dict[str, Any]", loaded)


def closed(node: Any) -> Any:
    """The schema with every object closed: what is written must also be documented."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: closed(value) for key, value in node.items()}
    return inner | {"additionalProperties": False} if "properties" in node else inner


def validate(document: Any, name: str) -> None:
    jsonschema.Draft202012Validator(closed(schema(name))).validate(document)


# ----------------------------------------------------------- what is generated


@pytest.mark.parametrize("name", make_docs.PAGES)
def test_generated_pages_are_current(name: str) -> None:
    committed = (DOCS / name).read_text(encoding="utf-8")
    assert committed == make_docs.PAGES[name](), f"docs/{name} is out of date; run: make docs"


def test_every_generated_file_has_a_source() -> None:
    made = {DOCS / name for name in make_docs.PAGES} | {DOCS / "schemas" / "results.json"}
    assert {*(DOCS / "reference").iterdir(), *(DOCS / "schemas").iterdir()} == made


# --------------------------------------------------------------------- schemas


@pytest.fixture(scope="module")
def course() -> Course:
    return Course.load("aml-a3", ["a"])


def test_results_of_every_kind_of_check_fit_their_schema(course: Course) -> None:
    full = Grade.model_validate(sample_grades.full_grade())
    info = RunInfo(assignment="aml-a3", parts=("a",), source="hand-ins", secret="0" * 32)
    document = json.loads(json.dumps(results_of(info, course.rubric, [full])))
    statuses = {check["status"] for item in document["submissions"][0]["items"] for check in item["checks"]}
    assert statuses == {"passed", "failed", "blocked", "error", "review"}
    validate(document, "results")


def test_files_of_a_run_fit_their_schemas(course: Course, tmp_path: Path) -> None:
    hand_ins = tmp_path / "hand-ins"
    for student, content in {"ada": b"%PDF-1.5", "bob": b"", "eve": b'{"cells": 3}'}.items():
        (hand_ins / student).mkdir(parents=True)
        (hand_ins / student / "part_a.ipynb").write_bytes(content)
    batch = grade(hand_ins, course, tmp_path / "run", cast("Executor", None))  # nothing here can be executed
    assert [one.state for one in batch.grades] == ["failed"] * 3
    results = json.loads(batch.run.results.read_text(encoding="utf-8"))
    assert [one["problem_name"] for one in results["submissions"]] == ["pdf", "empty_file", "no_cells"]
    validate(json.loads(batch.run.results.read_text(encoding="utf-8")), "results")
    for folder in (tmp_path / "run" / "submissions").iterdir():
        for name in ("submission", "grade"):
            validate(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")), name)


@pytest.mark.parametrize(
    ("name", "model"), [("grade", Grade), ("execution", ExecutionRecord), ("submission", Submission)]
)
def test_record_schemas_know_every_field(name: str, model: Any) -> None:
    assert set(schema(name)["properties"]) == set(model.model_fields)


def test_rubric_fits_the_schema_that_editors_use() -> None:
    from ruamel.yaml import YAML

    for path in sorted((ROOT / "rubrics").glob("*/part_*.yaml")):
        validator = jsonschema.Draft202012Validator(schema("rubric_part"))
        validator.validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))


# ----------------------------------------------------------------------- prose


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.name} links to {target}, which is not there"
        if anchor and path.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in map(slug, headings), f"{page.name} links to {target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_in_the_prose_exist(page: Path) -> None:
    """Every `autograder VERB --option` in a code span or block is a verb with that option."""
    import typer.main

    commands: Any = typer.main.get_command(app)
    text = page.read_text(encoding="utf-8")
    spans = re.findall(r"^(?:\$ )?((?:\.venv/bin/)?autograder [a-z].*)$", text, flags=re.MULTILINE)
    spans += re.findall(r"`(autograder [a-z][^`\n]*)`", text)
    for span in spans:
        verb = span.split("autograder ", 1)[1].split()[0]
        assert verb in commands.commands, f"{page.name}: there is no verb {verb!r} ({span})"
        known = {word for option in commands.commands[verb].params for word in option.opts} | {"--help"}
        for option in re.findall(r"(?<=\s)--[a-z-]+", span):
            assert option in known, f"{page.name}: {verb} has no option {option}"


def test_make_targets_in_the_prose_exist() -> None:
    targets = set(
        re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    for page in PAGES:
        for name in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
            assert name in targets, f"{page.name}: there is no make target {name!r}"


def test_decisions_are_numbered_and_state_their_consequences() -> None:
    pages = sorted((DOCS / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for part in ("## Context", "## Decision", "## Consequences"):
            assert part in text, f"{page.name} has no {part!r}"


# ------------------------------------------------------------- examples, locks


def modules_with_examples() -> list[str]:
    files = [path for folder in ("autograder", "reports") for path in sorted((ROOT / folder).rglob("*.py"))]
    with_examples = [path for path in files if ">>> " in path.read_text(encoding="utf-8")]
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in with_examples]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_hooks_use_the_locked_versions() -> None:
    locked = set((ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines())
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    pins = re.findall(r"[a-z][a-z-]+==[\w.]+", hooks)
    assert pins
    assert set(pins) <= locked


def test_lock_holds_everything_that_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = sum(project["optional-dependencies"].values(), project["dependencies"])
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = {line.split("==")[0] for line in lines if "==" in line}
    names = {re.split(r"[<>=\[ ;]", one)[0].lower().replace("_", "-").replace(".", "-") for one in asked}
    assert names - {"torch", "torchvision"} <= locked
