"""What students read in a bundle: how to install, check and hand in, and where the data sets come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from autograder import __version__
from autograder.kernel_side.known_data import COURSE_SETS, KNOWN_SETS
from autograder.public_rubric import withheld_of
from autograder.rubric.model import FormSpec, ItemSpec, PartSpec, Rubric
from autograder.rubric.public import is_public

INSTALL = f'python -m pip install "generative-autograder[kernel]=={__version__}"'
"""How students install the autograder where the course has not said otherwise."""


def readme(rubric: Rubric, install: str = "") -> str:
    """Return the first page of a bundle."""
    names = [f"part_{part.part}.ipynb" for part in rubric.parts]
    has_data = any(part.data for part in rubric.parts)
    lines = [
        f"# {rubric.title}",
        "",
        f"Work in {_listed([f'`{name}`' for name in names])}. Leave the folders `rubrics` and `student_template` where "
        "they are: the self-check reads them.",
        "",
        "## Install",
        "",
        "Python 3.11 or newer, once:",
        "",
        *_block([install or INSTALL, *(["autograder data fetch"] if has_data else [])]),
        "",
        *(["The data sets and their checksums are listed in [DATA.md](DATA.md).", ""] if has_data else []),
        "## Check your work",
        "",
        *_block([f"autograder check {names[0]}", f"autograder check --submit-ready {' '.join(names)}"]),
        "",
        "The first runs your notebook and tells you, in the sentences of the report, what the public checks find. The "
        "second looks at what the sheet asks of the form; with `--zip DIR` it makes the archive.",
        "",
        "## What is checked here, and what is not",
        "",
        "Your self-check sees the public checks alone. The course runs further checks, and a person reads your answers: a "
        "clean self-check is no promise of full marks.",
        "",
        "| item | points | you can check | the course checks |",
        "| --- | --- | --- | --- |",
        *(_row(item) for part in rubric.parts for item in part.items),
        "",
        "## Hand in",
        "",
        *hand_in_lines(rubric),
    ]
    return "\n".join(lines) + "\n"


def hand_in_lines(rubric: Rubric) -> list[str]:
    """Return what the sheet asks of the form, a line of a list each."""
    told = [_file_line(rubric, part) for part in rubric.parts]
    forms = [rubric.form_of(part) for part in rubric.parts]
    if rubric.form.zip_name:
        told.append(f"or all of it in one archive, `{rubric.form.zip_name}`.")
    told += _form_lines(forms)
    told.append("*Restart kernel and run all cells* before you hand in, and look at every result.")
    return [f"- {line}" for line in dict.fromkeys(told)]


def _form_lines(forms: Iterable[FormSpec]) -> Iterator[str]:
    for form in forms:
        if form.outputs:
            yield "Outputs are stored: every code cell has run once, from top to bottom."
        if form.answers:
            yield "Every prompt has your answer, and every placeholder your code, in its place."
        if form.explanations == "cells":
            yield "A line of Markdown above every code cell says what it does."
        if form.explanations == "sections":
            yield "Text introduces each section."
        if form.comments:
            yield "The code is commented."
        if form.names_on_top:
            yield "The names of all members of the group stand at the top."
        if form.forbidden:
            yield f"These packages are not used: {', '.join(form.forbidden)}."
        yield from form.reminders


def _file_line(rubric: Rubric, part: PartSpec) -> str:
    name = rubric.form_of(part).filename or f"part_{part.part}.ipynb"
    return f"{part.title}: one notebook, `{name}`."


def _row(item: ItemSpec) -> str:
    public = [check for check in item.checks if is_public(check)]
    left = withheld_of(check for check in item.checks if not is_public(check))
    ours = _counted("check", len(public), sum(check.points for check in public))
    theirs = [
        _counted("check", left["n_checks"], left["points"]),
        _counted("written answer", left["n_written"], left["written_points"]),
    ]
    told = "; ".join(filter(None, theirs)) or "nothing more"
    points = f"{item.points:g} extra" if item.extra else f"{item.points:g}"
    return f"| {item.title} | {points} | {ours or 'nothing'} | {told} |"


def _counted(noun: str, n: int, points: float) -> str:
    return f"{_plural(n, noun)} ({_plural(points, 'point')})" if n else ""


def _plural(n: float, noun: str) -> str:
    return f"{round(n, 4):g} {noun}" + ("" if n == 1 else "s")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _block(commands: Iterable[str]) -> list[str]:
    return ["```sh", *commands, "```"]


def data_page(names: Iterable[str]) -> str:
    """Return where the data sets of a bundle come from: their files with sizes and checksums."""
    lines = [
        "# Data",
        "",
        "Fetched once, checked, and found by your notebooks without a network:",
        "",
        *_block(["autograder data fetch", "autograder data status"]),
        "",
        "Do not hand them in. The files, below the folder that `autograder data status` names:",
        "",
        "| data set | file | bytes | sha256 |",
        "| --- | --- | --- | --- |",
    ]
    wanted = list(names)
    for known in KNOWN_SETS:
        if known.name in wanted:
            lines += [
                f"| {known.name} | `{file.path}` | {file.size:,} | `{file.sha256}` |" for file in known.files
            ]
    own = [known for known in COURSE_SETS if known.name in wanted]
    lines += [f"| {known.name} | `{known.files[0].path}`: the table of the course | | |" for known in own]
    return "\n".join(lines) + "\n"
