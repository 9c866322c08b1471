"""A small class for the demo: submissions that are right, wrong, unfinished, or no notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reference.demo_classes import DemoClass, Edit, handed_in
from reference.mdl_gen import special_cvae, special_ddpm, special_gan, special_text, special_vae, special_vae2

PARTS = {
    "cvae": DemoClass(
        {"ada-lovelace": "tutorial", "andrey-markov": "trainer_class", "gertrude-cox": "espanol"},
        {
            "josiah-gibbs": "encoder_not_told",
            "nicholas-metropolis": "decoder_not_told",
            "john-von-neumann": "half_missing",
            "thomas-bayes": "classes_shuffled",
        },
        {"grace-hopper": special_cvae.crash, "karl-pearson": special_cvae.PROSE},
    ),
    "vae": DemoClass(
        {"ada-lovelace": "template_filled", "andrey-markov": "trainer", "gertrude-cox": "espanol"},
        {
            "josiah-gibbs": "variance_as_deviation",
            "nicholas-metropolis": "half_missing",
            "john-von-neumann": "decoder_alone",
            "thomas-bayes": "uniform_codes",
        },
        {"grace-hopper": special_vae.crash, "karl-pearson": special_vae.CONSTANTS},
    ),
    "vae2": DemoClass(
        {"ada-lovelace": "template_filled", "andrey-markov": "trainer", "gertrude-cox": "espanol"},
        {
            "josiah-gibbs": "padding_once",
            "nicholas-metropolis": "beta_on_reconstruction",
            "john-von-neumann": "weighted_kl",
            "thomas-bayes": "decoder_not_told",
        },
        {"grace-hopper": special_vae2.crash, "karl-pearson": special_vae2.CONSTANTS},
    ),
    "gan": DemoClass(
        {"ada-lovelace": "template_filled", "andrey-markov": "loops", "gertrude-cox": "espanol"},
        {
            "josiah-gibbs": "saturating",
            "nicholas-metropolis": "not_clipped",
            "john-von-neumann": "nearest_centre",
            "thomas-bayes": "one_loss_drawn",
        },
        {"grace-hopper": special_gan.crash, "karl-pearson": special_gan.PROSE},
    ),
    "text": DemoClass(
        {"ada-lovelace": "template_filled", "andrey-markov": "few_cells", "gertrude-cox": "espanol"},
        {
            "josiah-gibbs": "unknown_as_newline",
            "nicholas-metropolis": "targets_not_shifted",
            "john-von-neumann": "mask_missing",
            "thomas-bayes": "beam_of_logits",
        },
        {"grace-hopper": special_text.crash, "karl-pearson": special_text.PROSE},
    ),
    "ddpm": DemoClass(
        {"ada-lovelace": "deutsch", "andrey-markov": "trainer_class", "gertrude-cox": "few_cells"},
        {
            "josiah-gibbs": "roots_missing",
            "nicholas-metropolis": "noise_added",
            "john-von-neumann": "time_unused",
            "thomas-bayes": "noise_at_last",
        },
        {"grace-hopper": special_ddpm.crash, "karl-pearson": special_ddpm.PROSE},
    ),
}


def demo_class(
    solution: str,
    template: str,
    mutants: Mapping[str, Edit],
    styles: Mapping[str, str],
    to_ipynb: Callable[[str], bytes],
    part: str = "cvae",
) -> dict[str, bytes]:
    """Return the files of the class.

    Parameters and exceptions as in :func:`reference.demo_classes.handed_in`.
    """
    return handed_in(
        PARTS[part], solution, template, mutants, styles, to_ipynb, lambda student: f"part_{part}.ipynb"
    )
