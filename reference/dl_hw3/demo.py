"""A small class for the demo: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reference.aml_a3.demo import PDF, named
from reference.dl_hw3 import special_pt1, special_pt2


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
    "pt1": Part(
        {"ada-lovelace": "plain_python", "andrey-markov": "one_cell", "gertrude-cox": "espanol"},
        {
            "josiah-gibbs": "artists_without_counts",
            "nicholas-metropolis": "median_for_mean",
            "john-von-neumann": "words_of_first_song",
            "thomas-bayes": "keras_imported",
        },
        special_pt1.crash,
        special_pt1.CONSTANTS,
    ),
    "pt2": Part(
        {"ada-lovelace": "tutorial", "andrey-markov": "trainer_class", "gertrude-cox": "convolutional"},
        {
            "josiah-gibbs": "noise_missing",
            "nicholas-metropolis": "printed_sign",
            "john-von-neumann": "scale_ignored",
            "thomas-bayes": "pixels_mixed",
        },
        special_pt2.crash,
        special_pt2.PROSE,
    ),
}


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
    of_part = PARTS[part]
    sources = {
        **{student: named(styles, name, "style") for student, name in of_part.correct.items()},
        **{student: named(mutants, name, "mutant")(solution) for student, name in of_part.wrong.items()},
        "charles-babbage": template,
        "grace-hopper": of_part.crash(solution),
        "karl-pearson": of_part.without_work,
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
