"""Who hands in what in the demo classes of parts b and c."""

from __future__ import annotations

from reference.aml_a3.special_b import CONSTANTS as CONSTANTS_B
from reference.aml_a3.special_b import crash as crash_b
from reference.aml_a3.special_c import CONSTANTS as CONSTANTS_C
from reference.aml_a3.special_c import crash as crash_c
from reference.demo_classes import DemoClass

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
        others={"grace-hopper": crash_b, "karl-pearson": CONSTANTS_B},
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
        others={"grace-hopper": crash_c, "karl-pearson": CONSTANTS_C},
    ),
}
