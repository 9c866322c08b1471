"""The choices of the solution of `gm-a0`. The sheet prescribes no numbers; these are ours, with what each is for."""

from __future__ import annotations

SEED = 1234  # of the solution; the sheet asks for none

# Part 1 and 2: "a simple fully-connected network and MNIST"
N_CODE = 16  # numbers of a code
N_HIDDEN = 256  # units of the hidden layer each way
LEARNING_RATE = 1e-3  # Adam

# The cell tagged `parameters`: what the student template suggests
EPOCHS = 5
N_TRAIN, N_TEST = 10_000, 2_000  # images
BATCH_SIZE = 64

# What is shown
N_RECONSTRUCTIONS = 8  # test images, each with its reconstruction
N_GENERATED = 16  # decoded codes, a method
N_BETWEEN = 10  # "some number of codes (maybe 10 or so)" on the way from one image to another
