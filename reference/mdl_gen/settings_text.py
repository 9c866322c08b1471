"""The facts of the lab of lecture 5; its sheet gives no numbers, so all of them are ours."""

from __future__ import annotations

SEED = 5
STEPS = 500
"""Updates of each of the two models."""
N_CHARACTERS = 1_115_394
"""All of Tiny Shakespeare."""
BATCH_SIZE = 32
CONTEXT_LENGTH = 64
BEAM_WIDTH = 4
TOP_K = 10
TEMPERATURE = 0.7
N_NEW = 150
"""Characters of a generated text."""
