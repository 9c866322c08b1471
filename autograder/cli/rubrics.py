"""Verbs that judge a rubric: `lint` by itself, `validate` by notebooks whose marks are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from autograder.cli.interrupts import stoppable
from autograder.cli.options import (
    AsJson,
    AssignmentArgument,
    BudgetKind,
    BudgetOption,
    DataOption,
    WorkersOption,
    n_workers,
)
from autograder.cli.output import err, line, print_json, print_place, table
from autograder.registry import find_assignment
from autograder.store import write_text

if TYPE_CHECKING:
    from autograder.lint import Report
    from autograder.validation import Validation

WRONG_RUBRIC = 2
NOT_PROVED = 1


def lint(assignment: AssignmentArgument, as_json: AsJson = False) -> None:
    """Say everything that is wrong with a rubric, with file, line and column, and show its bands.

    A band that holds the value of a typical mistake is a problem. Exit status 2 when there are problems;
    advice alone does not count. Executes nothing.
    """
    from autograder.lint import lint as lint_rubric

    report = lint_rubric(find_assignment(assignment))
    if as_json:
        print_json(
            {
                "problems": [vars(problem) for problem in report.problems],
                "advice": [vars(advice) for advice in report.advice],
                "bands": [_json_band(vars(row)) for row in report.bands],
                "risks": [vars(risk) for risk in report.risks],
            }
        )
    else:
        print_lint(report)
    raise typer.Exit(WRONG_RUBRIC if report.problems else 0)


def _json_band(row: dict[str, Any]) -> dict[str, Any]:
    """Return a band as JSON can hold it: what is infinite (never caught) becomes null."""
    return row | {
        "min_discrepancy": None if row["min_discrepancy"] == float("inf") else row["min_discrepancy"]
    }


def print_lint(report: Report) -> None:
    """Print bands, risks, advice and problems; the problems last, where they are seen."""
    if report.bands:
        rows = [
            (
                row.check,
                row.convention,
                row.method,
                f"{row.n:,}" if row.n else "",
                f"{row.false_fail_rate:.1e}",
                "" if row.truth is None else f"{row.truth:.6g}",
                f"{row.low:.6g} to {row.high:.6g}",
                f"{row.min_discrepancy:.2g}",
                Text(", ".join(f"{name} ({value:g})" for name, value in row.excludes.items())),
            )
            for row in report.bands
        ]
        headings = (
            "Check",
            "Convention",
            "Method",
            "n",
            "False-fail",
            "Truth",
            "Band",
            "Caught from",
            "Keeps out",
        )
        right = {"n", "False-fail", "Truth", "Caught from"}
        table("", [(heading, "right" if heading in right else "left") for heading in headings], rows)
        line("")
    for risk in report.risks:
        line(
            f"Part {risk.part}: {risk.n_checks} checks, {risk.n_random} of them on random quantities at "
            f"{risk.rate_per_check:.2e} each: a correct notebook loses a mark with probability "
            f"{risk.false_fail_rate:.1e} at most."
        )
    for title, problems, colour in (("Advice", report.advice, "cyan"), ("Problems", report.problems, "red")):
        if problems:
            line("")
            line(f"{title} ({len(problems)})", f"bold {colour}")
            for problem in problems:
                line(f"  {problem}")
    if not report.problems:
        line("")
        line("No problems.", "green")


# -------------------------------------------------------------------- validate


def validate(
    assignment: AssignmentArgument,
    part: Annotated[
        str, typer.Option("--part", metavar="PART", help="The part, such as `a`.", show_default=False)
    ],
    run: Annotated[
        Path,
        typer.Option(
            "--run", "-r", metavar="DIR", help="Where the runs are kept. What is there is continued."
        ),
    ] = Path("runs/validation"),
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Random streams for every correct notebook.")
    ] = 25,
    mutant_seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Random streams for every wrong notebook.")
    ] = 3,
    first_seed: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="The first of them; streams that no check was tuned on prove more."
        ),
    ] = 0,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD",
            help="Only these notebooks: a kind, a name, or a pattern such as `mutant-acf*`; may be repeated.",
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="A small sample with one stream, for every push; `--first-seed` takes the next ones.",
        ),
    ] = False,
    rescore: Annotated[
        bool,
        typer.Option("--rescore", help="Execute nothing: mark what is stored with the rubric as it is now."),
    ] = False,
    signatures: Annotated[
        bool,
        typer.Option(
            "--signatures",
            help="Keep what each wrong notebook looks like to the checks, in `rubrics/ID/signatures/`: gradings name "
            "the commonest mistakes by it. All wrong notebooks of the part must have been tried.",
        ),
    ] = False,
    workers: WorkersOption = None,
    data: DataOption = None,
    budget: BudgetOption = BudgetKind.FULL,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Save the numbers here as well: `.json`, `.md` or text.", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that a rubric is fair and sharp.

    Executes every correct style and every typical mistake under several random streams, and prints how
    often a correct notebook lost a mark, which mistakes cost marks in their own item, and which cost marks
    elsewhere. All of it takes hours; it can be stopped at any time, and the same command continues. Exit
    status 1 when a target is missed.
    """
    from autograder.cli.progress import bar
    from autograder.datasets import require_directory
    from autograder.execute.local import LocalExecutor
    from autograder.execute.protocol import Options
    from autograder.validation import Progress, Sample, write_signatures
    from autograder.validation import validate as validate_rubric

    require_directory(data)
    with (
        LocalExecutor(Options(data=data), own_work=True) as executor,
        stoppable("What is finished is kept; the same command continues with the rest."),
        bar(err()) as progress,
    ):
        task = progress.add_task("Trying notebooks", total=None)

        def move(so_far: Progress) -> None:
            progress.update(task, completed=so_far.n_done, total=so_far.n_total)
            outcome = so_far.outcome
            told = f"{so_far.n_done}/{so_far.n_total}  {outcome.kind} {outcome.name}, stream {outcome.seed}"
            progress.console.print(Text(told, style="dim"), soft_wrap=True)

        validation = validate_rubric(
            assignment,
            part,
            executor,
            run,
            n_seeds_styles=seeds,
            n_seeds_mutants=mutant_seeds,
            first_seed=first_seed,
            n_workers=n_workers(workers),
            only=only,
            sample=Sample(rotation=first_seed) if quick else None,
            rescore=rescore,
            signatures=signatures,
            budget=budget.value,
            data=data,
            progress=move,
        )
    kept = write_signatures(validation) if signatures else None
    if out is not None:
        write_text(out, rendered(validation, out.suffix))
    if as_json:
        print_json(validation.to_json())
    else:
        line(rendered(validation, ".txt"))
        print_place("Saved in", out if out is not None else run)
        if kept is not None:
            print_place("Signatures of mistakes", kept)
    raise typer.Exit(0 if validation.holds else NOT_PROVED)


def rendered(validation: Validation, suffix: str) -> str:
    """Return a validation as JSON, as Markdown, or as text, by the suffix of the file that it goes to."""
    from autograder.validation import as_markdown, as_text

    if suffix == ".json":
        return json.dumps(validation.to_json(), ensure_ascii=False, indent=1) + "\n"
    return as_markdown(validation) if suffix == ".md" else as_text(validation)
