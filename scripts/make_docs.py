"""Write the references and the JSON schemas under `docs/` from the code: `make docs`.

    python scripts/make_docs.py

`tests/unit/test_docs.py` fails when what is committed differs from what this writes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import typer.main
from model_docs import fields_table, first_line, models_of, paragraphs, part_schema, record_schema, table
from pydantic import BaseModel

from autograder.class_lists import IntakeRecord
from autograder.cli import app
from autograder.course_rules import CourseRules
from autograder.groups import Groups
from autograder.probes.summaries import SUMMARIES
from autograder.questions import Questions
from autograder.records import ExecutionRecord, Grade, Submission
from autograder.registry import CHECKS, DRAWS, TRUTHS, Registry
from autograder.rosters import Roster
from autograder.rubric.model import PartSpec

importlib.import_module("autograder.registered")  # fills every registry

ROOT = Path(__file__).resolve().parent.parent
MADE = "<!-- Made by `make docs` from the code; do not edit. -->"


def main() -> None:
    """Write every generated file that differs from what the code says."""
    for name, page in PAGES.items():
        text = page()
        path = ROOT / "docs" / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"wrote docs/{name}")


# -------------------------------------------------------------------- commands


def commands_page() -> str:
    """Return the reference of the command line."""
    group: Any = typer.main.get_command(app)
    lines = [MADE, "# Commands", "", *paragraphs(group.help), ""]
    lines += ["| verb | does |", "| --- | --- |"]
    verbs = dict(verbs_of(group))
    lines += [
        f"| [`{name}`](#{name.replace(' ', '-')}) | {first_line(command.help)} |"
        for name, command in verbs.items()
    ]
    lines += ["", *paragraphs(group.epilog), ""]
    for name, command in verbs.items():
        shown = [parameter for parameter in command.params if parameter.name != "help"]
        arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
        options = [parameter for parameter in shown if parameter.param_type_name == "option"]
        words = ["autograder", name, *(argument_word(argument) for argument in arguments)]
        words += [f"{option.opts[0]} {option.metavar}" for option in options if option.required]
        words += ["[OPTIONS]"] if any(not option.required for option in options) else []
        lines += [f"## {name}", "", "```text", " ".join(words), "```", "", *paragraphs(command.help), ""]
        if arguments:
            rows = [(f"`{argument_word(argument)}`", argument.help or "") for argument in arguments]
            lines += [*table(("argument", "meaning"), rows), ""]
        if options:
            lines += [
                *table(
                    ("option", "meaning"), [(option_words(option), meaning(option)) for option in options]
                ),
                "",
            ]
    return "\n".join(lines).rstrip() + "\n"


def verbs_of(group: Any) -> Iterator[tuple[str, Any]]:
    """Yield every verb with its command; those of a group under its name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {verb}", inner) for verb, inner in verbs_of(command))
        else:
            yield name, command


def argument_word(argument: Any) -> str:
    """Return an argument as the usage line has it."""
    word = str(argument.metavar or argument.name.upper())
    return word if argument.required else f"[{word}]"


def option_words(option: Any) -> str:
    """Return how an option is written: `--workers N`."""
    written = ", ".join(f"`{word}`" for word in [*option.opts, *option.secondary_opts])
    return written if option.is_flag else f"{written} `{option.metavar or option.name.upper()}`"


def meaning(option: Any) -> str:
    """Return what an option does, whether it is needed, and its default."""
    text = " ".join((option.help or "").split())
    if option.required:
        return f"{text} Required."
    is_plain = isinstance(option.default, str | int | float | Path) and not isinstance(option.default, bool)
    return (
        f"{text} Default: `{option.default}`."
        if is_plain and "Default:" not in text and option.default != ""
        else text
    )


# ---------------------------------------------------------------------- checks


def checks_page() -> str:
    """Return the reference of what a rubric can name: checks, draws, truths, summaries."""
    lines = [
        MADE,
        "# Checks, draws, truths and summaries",
        "",
        "What a rubric can name. An `EvidenceKey` is a key of the part's `evidence`, a `ChallengeKey`",
        "one of its `challenges`.",
        "",
    ]
    models: dict[str, type[BaseModel]] = {}
    for title, registry in (
        ("Checks", CHECKS),
        ("Draws", DRAWS),
        ("Truths", TRUTHS),
        ("Summaries", SUMMARIES),
    ):
        lines += [f"## {title}", ""]
        for entry in cast("Registry[Any]", registry):
            lines += [f"### {entry.name}", "", first_line(entry.function.__doc__)]
            if getattr(entry.params, "is_random", False):
                lines += ["", "Tests a random quantity: takes its share of the part's false-fail rate."]
            lines += ["", *fields_table(entry.params)]
            for inner in models_of(entry.params):
                models[inner.__name__] = inner
    lines += ["## Parameters of parameters", ""]
    for name in sorted(models):
        lines += [f"### {name}", "", first_line(models[name].__doc__), "", *fields_table(models[name])]
    return "\n".join(lines).rstrip() + "\n"


def rubric_page() -> str:
    """Return the reference of the rubric's own keys."""
    lines = [MADE, "# Keys of a rubric", "", "What the YAML of a part may hold; every other key is an error."]
    lines += [
        "For an editor that checks while you type: [`rubric_part.json`](../schemas/rubric_part.json).",
        "",
    ]
    models: list[type[BaseModel]] = [PartSpec, *models_of(PartSpec)]
    for model in models:
        lines += [f"## {model.__name__}", "", first_line(model.__doc__), "", *fields_table(model)]
    return "\n".join(lines).rstrip() + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands_page,
    "reference/checks.md": checks_page,
    "reference/rubric.md": rubric_page,
    "schemas/grade.json": lambda: record_schema(Grade, "grade.json: one graded submission"),
    "schemas/execution.json": lambda: record_schema(
        ExecutionRecord, "execution.json: what happened when a notebook ran"
    ),
    "schemas/submission.json": lambda: record_schema(Submission, "submission.json: one hand-in"),
    "schemas/roster.json": lambda: record_schema(Roster, "roster.json: who is in the class"),
    "schemas/groups.json": lambda: record_schema(Groups, "groups.json: who works with whom"),
    "schemas/course.json": lambda: record_schema(CourseRules, "course.json: the rules that hold for a run"),
    "schemas/intake.json": lambda: record_schema(IntakeRecord, "intake.json: what was taken in"),
    "schemas/questions.json": lambda: record_schema(
        Questions, "questions.json: the question analysis of a run"
    ),
    "schemas/rubric_part.json": part_schema,
}
"""Every generated file: path below `docs/`, and what gives its content."""


if __name__ == "__main__":
    main()
