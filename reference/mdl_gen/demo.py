"""A small class for the demo: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reference.aml_a3.demo import PDF, named
from reference.mdl_gen import special_cvae, special_ddpm, special_gan, special_text, special_vae, special_vae2


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
    "cvae": Part(
        {"ada-lovelace": "tutorial", "andrey-markov": "trainer_class", "gertrude-cox": "espanol"},
        {
            "josiah-gibbs": "encoder_not_told",
            "nicholas-metropolis": "decoder_not_told",
            "john-von-neumann": "half_missing",
            "thomas-bayes": "classes_shuffled",
        },
        special_cvae.crash,
        special_cvae.PROSE,
    ),
    "vae": Part(
        {"ada-lovelace": "template_filled", "andrey-markov": "trainer", "gertrude-cox": "espanol"},
        {
            "josiah-gibbs": "variance_as_deviation",
            "nicholas-metropolis": "half_missing",
            "john-von-neumann": "decoder_alone",
            "thomas-bayes": "uniform_codes",
        },
        special_vae.crash,
        special_vae.CONSTANTS,
    ),
    "vae2": Part(
        {"ada-lovelace": "template_filled", "andrey-markov": "trainer", "gertrude-cox": "espanol"},
        {
            "josiah-gibbs": "padding_once",
            "nicholas-metropolis": "beta_on_reconstruction",
            "john-von-neumann": "weighted_kl",
            "thomas-bayes": "decoder_not_told",
        },
        special_vae2.crash,
        special_vae2.CONSTANTS,
    ),
    "gan": Part(
        {"ada-lovelace": "template_filled", "andrey-markov": "loops", "gertrude-cox": "espanol"},
        {
            "josiah-gibbs": "saturating",
            "nicholas-metropolis": "not_clipped",
            "john-von-neumann": "nearest_centre",
            "thomas-bayes": "one_loss_drawn",
        },
        special_gan.crash,
        special_gan.PROSE,
    ),
    "text": Part(
        {"ada-lovelace": "template_filled", "andrey-markov": "few_cells", "gertrude-cox": "espanol"},
        {
            "josiah-gibbs": "unknown_as_newline",
            "nicholas-metropolis": "targets_not_shifted",
            "john-von-neumann": "mask_missing",
            "thomas-bayes": "beam_of_logits",
        },
        special_text.crash,
        special_text.PROSE,
    ),
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
    part: str = "cvae",
) -> dict[str, bytes]:
    """Return the files of the class: path relative to its folder to content.

    The parameters are those of the demo class of every assignment.

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
