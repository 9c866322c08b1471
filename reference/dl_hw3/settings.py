"""The facts of the sheet of `dl-hw3`, each with its section; what it leaves open is ours and says so."""

from __future__ import annotations

# Part 1: the sheet gives no numbers beyond these
N_ROWS = 2  # "a couple of rows"
N_TOP_WORDS = 3

# Part 1, the text generation of the title: the sheet says nothing more, so all of this is ours
SEED = 1234
N_CLOUD_WORDS = 40
TEXT_EPOCHS = 5
TEXT_BATCHES = 150  # an epoch
TEXT_BATCH_SIZE = 32
TEXT_LENGTH = 64  # characters of a training sequence
TEXT_LEARNING_RATE = 5e-3
N_GENERATED = 300  # characters
