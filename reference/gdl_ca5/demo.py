"""A small class for the demo: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reference.aml_a3.demo import PDF
from reference.gdl_ca5 import special_p51, special_p52

CORRECT = {
    "ada-lovelace": "template_filled",
    "andrey-markov": "convolutional",
    "florence-nightingale": "squared_error",  # none of the template's sizes
    "gertrude-cox": "espanol",
}
"""Student to style."""

WRONG = {
    "josiah-gibbs": "noise_missing",
    "nicholas-metropolis": "kl_without_half",
    "john-von-neumann": "optimizer_without_encoder",
    "thomas-bayes": "scatter_of_noise",
}
"""Student to mutant: one mistake each, in four different items."""


@dataclass(frozen=True)
class Part:
    """What a class hands in for a notebook."""

    correct: dict[str, str]
    wrong: dict[str, str]
    crash: Callable[[str], str]
    without_work: str
    filename: str


PARTS = {
    "p51": Part(
        {
            "ada-lovelace": "template_filled",
            "andrey-markov": "trainer_class",
            "florence-nightingale": "few_cells",
            "gertrude-cox": "espanol",
        },
        {
            "josiah-gibbs": "cell_with_relu",
            "nicholas-metropolis": "mask_missing",
            "john-von-neumann": "three_projections",
            "thomas-bayes": "pieces_are_characters",
        },
        special_p51.crash,
        special_p51.CONSTANTS,
        "{}_5.1_LanguageModels.ipynb",
    ),
    "p52": Part(CORRECT, WRONG, special_p52.crash, special_p52.CONSTANTS, "{}_5.2_VAE.ipynb"),
}


def demo_class(
    solution: str,
    template: str,
    mutants: Mapping[str, Callable[[str], str]],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "p52",
) -> dict[str, bytes]:
    """Return the files of the class: path relative to its folder (`ada-lovelace/Ada_5.2_VAE.ipynb`) to content.

    A dozen: correct in several styles, one mistake each, the untouched template, a crash in the middle, constants in
    place of work, and a PDF that is called a notebook. Parameters and exceptions as in
    :func:`reference.aml_a3.demo.demo_class`.
    """
    of_part = PARTS[part]
    sources = {
        **{student: styles[name] for student, name in of_part.correct.items()},
        **{student: mutants[name](solution) for student, name in of_part.wrong.items()},
        "charles-babbage": template,
        "grace-hopper": of_part.crash(solution),
        "karl-pearson": of_part.without_work,
    }

    def named(student: str) -> str:
        return f"{student}/{of_part.filename.format(student.partition('-')[0].capitalize())}"

    files = {named(student): to_ipynb(source) for student, source in sources.items()}
    return {**files, named("blaise-pascal"): PDF}
