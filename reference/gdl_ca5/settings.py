"""The numbers of `gdl-ca5`. The sheet prescribes points alone; sizes and budgets are ours, with what each is for."""

from __future__ import annotations

SEED = 1234  # of the solutions; the sheet asks for none

# 5.2, the sheet's table of points
VAE_CODING, VAE_REFLECTION = 8, 7

# 5.2, what the student template suggests
N_LATENT = 2  # dimensions, so that the latent space can be drawn as it is
VAE_EPOCHS = 10
N_IMAGES = 50_000  # training images
N_SHOWN = 2_000  # test images whose codes are drawn
IMAGE_BATCH_SIZE = 128
N_SAMPLES = 25  # a 5 x 5 grid of generated images
N_PLANE = 15  # images a side of the decoded plane
