"""The verb `questions`: what a run says of its questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from autograder.cli.options import AsJson
from autograder.cli.output import line, marks, print_json, print_place, table
from autograder.cli.runs import RunArgument
from autograder.store import RunDirectory

if TYPE_CHECKING:
    from autograder.questions import Questions

N_COMMONEST = 10


def questions(directory: RunArgument, as_json: AsJson = False) -> None:
    """Say how hard and how telling each task was, and which mistakes were the commonest.

    Writes `questions.json` and `questions.html` into the run directory again, with the marks as they stand and the
    known mistakes as the course has them now. Nothing is executed, no mark changes, and no student's page is touched.
    """
    from autograder.questions import write_questions
    from autograder.refreshing import stored_grades, stored_rubric

    run = RunDirectory(directory)
    run.info()
    with run.locked():
        found = write_questions(run, stored_rubric(run), stored_grades(run))
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        print_questions(found)
        print_place("Question analysis", run.questions_page)


def print_questions(found: Questions) -> None:
    """Print a row for each task, and the commonest mistakes."""
    from reports.question_facts import number, question_facts, share, without

    document = found.model_dump(mode="json")
    facts = question_facts(document)
    rows = [
        (
            item["title"],
            marks(item["points"]),
            share(item["difficulty"]),
            number(item["discrimination"]),
            marks(item["mean_lost"]),
            without(item["effect"]),
        )
        for _, item in facts["items"]
    ]
    columns = (
        ("Task", "left"),
        ("Marks", "right"),
        ("Mean share", "right"),
        ("Goes with the rest", "right"),
        ("Lost", "right"),
        ("Totals without it", "left"),
    )
    table("", columns, rows)
    line("")
    for part in document["parts"]:
        line(f"Part {part['part']}: {part['n']} ran, Cronbach's alpha {number(part['reliability'])}.")
    line("")
    commonest = facts["commonest"][:N_COMMONEST]
    if commonest:
        heads = (("Notebooks", "right"), ("The student ...", "left"), ("Task", "left"))
        told = ((str(group["n"]), Text(_titles(group)), item["title"]) for group, item in commonest)
        table("Commonest mistakes", heads, told)
        line("")
    for source in facts["sources"]:
        line(source, "dim")


def _titles(group: dict[str, object]) -> str:
    listed = group["mistakes"]
    assert isinstance(listed, list)
    more = ", and more besides" if group["kind"] == "holds" else ""
    return " or ".join(str(one["title"]) for one in listed) + more
