"""A small class for the demo: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reference.aml_a3.demo import PDF, named
from reference.gm_a0.special import CONSTANTS, crash

CORRECT = {
    "ada-lovelace": "template_filled",
    "andrey-markov": "convolutional",
    "florence-nightingale": "other_data",  # no MNIST at all
    "gertrude-cox": "espanol",
}
"""Student to style."""

WRONG = {
    "josiah-gibbs": "encoder_detached",
    "nicholas-metropolis": "originals_twice",
    "john-von-neumann": "codes_of_images",
    "thomas-bayes": "black_pixels_forgotten",
    "daniel-bernoulli": "sigmoid_twice",
}
"""Student to mutant: one mistake each, in five different items."""


def demo_class(
    solution: str,
    template: str,
    mutants: Mapping[str, Callable[[str], str]],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "a0",
) -> dict[str, bytes]:
    """Return the files of the class: path relative to its folder (`student/part_a0.ipynb`) to content.

    A dozen: correct in several styles, one mistake each, the untouched template, a crash where Part 2 is trained,
    constants in place of work, and a PDF that is called a notebook. Parameters and exceptions as in
    :func:`reference.aml_a3.demo.demo_class`.
    """
    sources = {
        **{student: named(styles, name, "style") for student, name in CORRECT.items()},
        **{student: named(mutants, name, "mutant")(solution) for student, name in WRONG.items()},
        "charles-babbage": template,
        "grace-hopper": crash(solution),
        "karl-pearson": CONSTANTS,
    }
    notebook = f"part_{part}.ipynb"
    files = {f"{student}/{notebook}": to_ipynb(source) for student, source in sources.items()}
    return {**files, f"blaise-pascal/{notebook}": PDF}
