"""Who hands in what in the demo classes of parts b and c."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reference.aml_a3.special_b import CONSTANTS as CONSTANTS_B
from reference.aml_a3.special_b import crash as crash_b
from reference.aml_a3.special_c import CONSTANTS as CONSTANTS_C
from reference.aml_a3.special_c import crash as crash_c


@dataclass(frozen=True)
class DemoClass:
    """A class of one part."""

    correct: dict[str, str]
    """Student to style."""
    wrong: dict[str, str]
    """Student to mutant: one mistake each, in different items."""
    crash: Callable[[str], str]
    """From the solution to a notebook that stops in the middle."""
    constants: str
    """The right numbers and nothing that could have made them (percent format)."""


CLASSES = {
    "b": DemoClass(
        correct={
            "ada-lovelace": "distributions",
            "andrey-markov": "inline_loops",
            "gertrude-cox": "espanol",
        },
        wrong={
            "josiah-gibbs": "noise_missing",
            "nicholas-metropolis": "training_images_reconstructed",
            "john-von-neumann": "smoothing_missing",
            "thomas-bayes": "is_without_exp",
        },
        crash=crash_b,
        constants=CONSTANTS_B,
    ),
    "c": DemoClass(
        correct={
            "ada-lovelace": "multihead_attention",
            "andrey-markov": "fused_functional",
            "gertrude-cox": "espanol",
        },
        wrong={
            "josiah-gibbs": "mask_missing",
            "nicholas-metropolis": "perplexity_base_two",
            "thomas-bayes": "top_k_not_cut",
        },
        crash=crash_c,
        constants=CONSTANTS_C,
    ),
}
