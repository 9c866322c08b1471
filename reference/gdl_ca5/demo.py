"""A small class for the demo: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reference.demo_classes import DemoClass, Edit, handed_in
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


PARTS = {
    "p51": DemoClass(
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
        {"grace-hopper": special_p51.crash, "karl-pearson": special_p51.CONSTANTS},
    ),
    "p52": DemoClass(
        CORRECT, WRONG, {"grace-hopper": special_p52.crash, "karl-pearson": special_p52.CONSTANTS}
    ),
}
FILENAMES = {"p51": "5.1_LanguageModels", "p52": "5.2_VAE"}
"""As the sheet wants them, behind a name."""


def demo_class(
    solution: str,
    template: str,
    mutants: Mapping[str, Edit],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "p52",
) -> dict[str, bytes]:
    """Return the files of the class (`ada-lovelace/Ada_5.2_VAE.ipynb`).

    Parameters and exceptions as in :func:`reference.demo_classes.handed_in`.
    """

    def filename(student: str) -> str:
        return f"{student.partition('-')[0].capitalize()}_{FILENAMES[part]}.ipynb"

    return handed_in(PARTS[part], solution, template, mutants, styles, to_ipynb, filename)
