"""The facts of the lab of lecture 3. The sheet gives no numbers, so all of them are ours."""

from __future__ import annotations

SEED = 1234
N_POINTS = 10_000
N_NOISE = 8
N_SAMPLES = 2_000
GAN_STEPS = 4_000
WGAN_STEPS = 2_000  # of the generator
OTHER_STEPS = 2_000
BATCH_SIZE = 128
N_CRITIC = 5  # Arjovsky et al. 2017, algorithm 1
CLIP = 0.1
EVERY = 100  # steps between two counts of the modes
