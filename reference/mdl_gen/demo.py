"""A small class for the demo: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reference.aml_a3.demo import PDF, named
from reference.mdl_gen import special_text


@dataclass(frozen=True)
class Part:
    """What a class hands in for a part."""

    correct: dict[str, str]
    """Student to style."""
    wrong: dict[str, str]
    """Student to mutant: one mistake each, in four different items."""
    crash: Callable[[str], str]
    without_work: str


PARTS = {
    "text": Part(
        {"ada-lovelace": "template_filled", "andrey-markov": "few_cells", "gertrude-cox": "espanol"},
        {
            "josiah-gibbs": "unknown_as_newline",
            "nicholas-metropolis": "targets_not_shifted",
            "john-von-neumann": "mask_missing",
            "thomas-bayes": "beam_of_logits",
        },
        special_text.crash,
        special_text.PROSE,
    ),
}
"""One entry for each part, beside the others."""


def demo_class(
    solution: str,
    template: str,
    mutants: Mapping[str, Callable[[str], str]],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "text",
) -> dict[str, bytes]:
    """Return the files of the class: path relative to its folder to content.

    The parameters are those of the demo class of every assignment.

    Raises
    ------
    LookupError
        A style or a mutant of the class is missing; the message names those that exist.
    ValueError
        An edit does not fit the solution any more.
    """
    of_part = PARTS[part]
    sources = {
        **{student: named(styles, name, "style") for student, name in of_part.correct.items()},
        **{student: named(mutants, name, "mutant")(solution) for student, name in of_part.wrong.items()},
        "charles-babbage": template,
        "grace-hopper": of_part.crash(solution),
        "karl-pearson": of_part.without_work,
    }
    name = f"part_{part}.ipynb"
    files = {f"{student}/{name}": to_ipynb(source) for student, source in sources.items()}
    return {**files, f"blaise-pascal/{name}": PDF}
