"""A small class for the demo of each part: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reference.aml_a3.demo import PDF, named
from reference.mdl_gen import special_ddpm


@dataclass(frozen=True)
class Part:
    """What a class hands in for a part."""

    correct: dict[str, str]
    """Student to style."""
    wrong: dict[str, str]
    """Student to mutant: one mistake each, in different items."""
    crash: Callable[[str], str]
    without_work: str


PARTS = {
    "ddpm": Part(
        {"ada-lovelace": "deutsch", "andrey-markov": "trainer_class", "gertrude-cox": "few_cells"},
        {
            "josiah-gibbs": "roots_missing",
            "nicholas-metropolis": "noise_added",
            "john-von-neumann": "time_unused",
            "thomas-bayes": "noise_at_last",
        },
        special_ddpm.crash,
        special_ddpm.PROSE,
    ),
}


def demo_class(
    solution: str,
    template: str,
    mutants: Mapping[str, Callable[[str], str]],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "ddpm",
) -> dict[str, bytes]:
    """Return the files of the class: path relative to its folder (`student/part_ddpm.ipynb`) to content.

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
    files = {f"{student}/part_{part}.ipynb": to_ipynb(source) for student, source in sources.items()}
    return {**files, f"blaise-pascal/part_{part}.ipynb": PDF}
