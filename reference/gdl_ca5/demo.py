"""A small class for the demo: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reference.aml_a3.demo import PDF
from reference.gdl_ca5.special_p52 import CONSTANTS, crash

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


def demo_class(
    solution: str,
    template: str,
    mutants: Mapping[str, Callable[[str], str]],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "p52",
) -> dict[str, bytes]:
    """Return the files of the class: path relative to its folder (`ada-lovelace/Ada_5.2_VAE.ipynb`) to content.

    A dozen: correct in several styles, one mistake each, the untouched template, a crash where codes are drawn,
    constants in place of work, and a PDF that is called a notebook. Parameters and exceptions as in
    :func:`reference.aml_a3.demo.demo_class`.
    """
    sources = {
        **{student: styles[name] for student, name in CORRECT.items()},
        **{student: mutants[name](solution) for student, name in WRONG.items()},
        "charles-babbage": template,
        "grace-hopper": crash(solution),
        "karl-pearson": CONSTANTS,
    }
    files = {f"{student}/{_notebook(student)}": to_ipynb(source) for student, source in sources.items()}
    return {**files, f"blaise-pascal/{_notebook('blaise-pascal')}": PDF}


def _notebook(student: str) -> str:
    return f"{student.partition('-')[0].capitalize()}_5.2_VAE.ipynb"
