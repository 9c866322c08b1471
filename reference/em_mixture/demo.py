"""A small class for the demo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

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
    mutants: Mapping[str, Callable[[str], str]],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "em",
) -> dict[str, bytes]:
    """Return the files of the class: path relative to its folder (`student/part_em.ipynb`) to content."""
    sources = {
        **{student: styles[name] for student, name in CORRECT.items()},
        **{student: mutants[name](solution) for student, name in WRONG.items()},
        "charles-babbage": template,
        "karl-pearson": PROSE,
    }
    return {f"{student}/part_{part}.ipynb": to_ipynb(source) for student, source in sources.items()}
