"""A small class for the demo: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reference.demo_classes import DemoClass, Edit, handed_in
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
    mutants: Mapping[str, Edit],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "a0",
) -> dict[str, bytes]:
    """Return the files of the class (`student/part_a0.ipynb`).

    Parameters and exceptions as in :func:`reference.demo_classes.handed_in`.
    """
    whole = DemoClass(CORRECT, WRONG, {"grace-hopper": crash, "karl-pearson": CONSTANTS})
    return handed_in(
        whole, solution, template, mutants, styles, to_ipynb, lambda student: f"part_{part}.ipynb"
    )
