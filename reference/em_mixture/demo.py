"""A small class for the demo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from reference.demo_classes import DemoClass, Edit, handed_in
from reference.em_mixture.special import PROSE

CORRECT = {"ada-lovelace": "loops", "gertrude-cox": "espanol", "andrey-markov": "one_class"}
"""Student to style."""
WRONG = {
    "josiah-gibbs": "variances",
    "thomas-bayes": "weights_forgotten",
    "grace-hopper": "last_only",
}
"""Student to mutant."""


def load_styles() -> dict[str, str]:
    """Return the percent-format text of every correct style, by name."""
    folder = Path(__file__).parent / "styles"
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}


def demo_class(
    solution: str,
    template: str,
    mutants: Mapping[str, Edit],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "em",
) -> dict[str, bytes]:
    """Return the files of the class (`student/part_em.ipynb`).

    Parameters and exceptions as in :func:`reference.demo_classes.handed_in`.
    """
    whole = DemoClass(CORRECT, WRONG, {"karl-pearson": PROSE}, pdf=False)
    return handed_in(
        whole, solution, template, mutants, styles, to_ipynb, lambda student: f"part_{part}.ipynb"
    )
