"""The verb that compares the notebooks of a run with each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from autograder.cli.options import AsJson
from autograder.cli.output import line, plural, print_json, print_place, table
from autograder.store import RunDirectory, write_json, write_text

NEEDS_PERSON = 1
MAX_ROWS = 20


def similarity(
    directory: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="The run directory that `grade --run` made.", show_default=False),
    ],
    pool: Annotated[
        list[Path] | None,
        typer.Option(
            "--pool",
            metavar="DIR",
            help="An earlier class to compare with: another run directory, or a folder of notebooks as `grade` takes "
            "it; may be given several times.",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            min=0.01,
            max=1.0,
            metavar="SHARE",
            help="Show pairs that share this much of the smaller notebook, 0.01 to 1. Default: derived from independent "
            "solutions of the assignment.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the notebooks of a run share with each other: evidence for a person, which changes no mark.

    Code is compared without the template's lines, whatever its names, comments, order of cells and form of loops; written
    answers are compared as well. The page is `similarity.html` in the run directory; with `--json` there is
    `similarity.json` too. Needs the extra `similarity`. Exit status 1 means that there is something to look at.
    """
    import reports
    from autograder.refreshing import stored_grades
    from autograder.results import write_class_page
    from autograder.similarity.evidence import anything_to_see, compare

    run = RunDirectory(directory)
    run.info()
    with run.locked():
        found = compare(run, pool or (), threshold)
        page = run.similarity_page
        write_text(page, reports.render_similarity(found))
        if as_json:
            write_json(run.similarity, found)
        if run.index.is_file():
            write_class_page(run, stored_grades(run))  # it links to the page
    if as_json:
        print_json(found)
    else:
        for part in found["parts"]:
            _print_part(part)
        if found["unread"]:
            line(f"{plural(len(found['unread']), 'notebook')} not compared; the page says why.")
        print_place("Page for you alone", page)
    raise typer.Exit(NEEDS_PERSON if anything_to_see(found) else 0)


def _print_part(part: dict[str, Any]) -> None:
    from reports.similarity import name_of

    rows = [
        (*(name_of(side) for side in pair["sides"]), f"{100 * pair['share']:.0f} %")
        for pair in part["pairs"][:MAX_ROWS]
    ]
    limit = part["threshold"]
    about = f"from {100 * limit['value']:.0f} % on ({limit['how']})"
    line(
        f"Part {part['part']}: {plural(part['n_notebooks'], 'notebook')}, {plural(part['n_compared'], 'pair')} compared, "
        f"{part['n_pairs']:,} shown {about}; {plural(len(part['same']), 'group')} with the same cells; "
        f"{plural(part['n_texts'], 'pair')} of notebooks with written texts alike.",
        "bold",
    )
    if rows:
        table("", (("One", "left"), ("Other", "left"), ("Share", "right")), rows)
    if part["n_pairs"] > len(rows):
        line(f"and {part['n_pairs'] - len(rows):,} more on the page")
