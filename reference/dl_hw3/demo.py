"""A small class for the demo: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reference.aml_a3.demo import PDF, named
from reference.dl_hw3.special_pt1 import CONSTANTS, crash

CORRECT = {"ada-lovelace": "plain_python", "andrey-markov": "one_cell", "gertrude-cox": "espanol"}
"""Student to style."""

WRONG = {
    "josiah-gibbs": "artists_without_counts",
    "nicholas-metropolis": "median_for_mean",
    "john-von-neumann": "words_of_first_song",
    "thomas-bayes": "keras_imported",
}
"""Student to mutant: one mistake each, in four different items."""


def demo_class(
    solution: str,
    template: str,
    mutants: Mapping[str, Callable[[str], str]],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "pt1",
) -> dict[str, bytes]:
    """Return the files of the class: path relative to its folder to content.

    The parameters are those of the demo class of every assignment. Names of files hold two ids, as the sheet asks.

    Raises
    ------
    LookupError
        A style or a mutant of the class is missing; the message names those that exist.
    ValueError
        An edit does not fit the solution any more.
    """
    sources = {
        **{student: named(styles, name, "style") for student, name in CORRECT.items()},
        **{student: named(mutants, name, "mutant")(solution) for student, name in WRONG.items()},
        "charles-babbage": template,
        "grace-hopper": crash(solution),
        "karl-pearson": CONSTANTS,
    }
    ids = {
        student: f"{100_000_000 + 1_111 * at}_{200_000_000 + 1_111 * at}"
        for at, student in enumerate(sources)
    }
    name = f"HW3_{part.upper()}_{{}}.ipynb"
    files = {
        f"{student}/{name.format(ids[student])}": to_ipynb(source) for student, source in sources.items()
    }
    return {**files, f"blaise-pascal/{name.format('300000000_400000000')}": PDF}
