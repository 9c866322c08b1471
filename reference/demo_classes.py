"""The small classes of `autograder demo`: who hands in what, and the files of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

PDF = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
"""What somebody hands in in the place of a notebook."""

Chosen = TypeVar("Chosen")
Edit = Callable[[str], str]


@dataclass(frozen=True)
class DemoClass:
    """What a class hands in for one part."""

    correct: Mapping[str, str]
    """Student to style."""
    wrong: Mapping[str, str]
    """Student to mutant: one mistake each, in different items."""
    others: Mapping[str, str | Edit]
    """Student to a notebook (percent format), or to what makes one of the solution: a crash, numbers without work."""
    pdf: bool = True
    """Whether somebody hands in a PDF that is called a notebook."""


def handed_in(
    of_part: DemoClass,
    solution: str,
    template: str,
    mutants: Mapping[str, Edit],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    filename: Callable[[str], str],
) -> dict[str, bytes]:
    """Return the files of a class: path relative to its folder to content.

    Correct in several styles, one mistake each, the untouched template, what the part adds, and a PDF.

    Parameters
    ----------
    solution, template
        The two renderings of the reference notebook in percent format.
    mutants
        Mutant id to its edit of the solution.
    styles
        Style name to percent-format text (`load_styles`).
    to_ipynb
        Percent-format text to the bytes of a notebook file.
    filename
        Student to the name of the file that is handed in.

    Raises
    ------
    LookupError
        A style or a mutant of the class is missing; the message names those that exist.
    ValueError
        An edit does not fit the solution any more.
    """
    sources = {
        **{student: named(styles, name, "style") for student, name in of_part.correct.items()},
        **{student: named(mutants, name, "mutant")(solution) for student, name in of_part.wrong.items()},
        "charles-babbage": template,
        **{
            student: one if isinstance(one, str) else one(solution) for student, one in of_part.others.items()
        },
    }
    files = {f"{student}/{filename(student)}": to_ipynb(source) for student, source in sources.items()}
    return files | ({f"blaise-pascal/{filename('blaise-pascal')}": PDF} if of_part.pdf else {})


def named(choices: Mapping[str, Chosen], name: str, kind: str) -> Chosen:
    """Return a style or a mutant; LookupError with all that there are when there is none of this name."""
    if name not in choices:
        found = ", ".join(sorted(choices)) or "none"
        raise LookupError(f"the demo class needs the {kind} {name!r}; found {found}")
    return choices[name]
