"""The facts of the sheet of `aml-a3`, each with its section."""

from __future__ import annotations

import numpy as np

# Submission instructions
SEED = 1234  # NumPy and PyTorch

# Part A, settings
GRID_LIMITS = (-6.0, 6.0)  # both axes
GRID_SIZE = 200  # points an axis

# Part A, 1) target: mixture of three Gaussians in two dimensions
WEIGHTS = np.array([0.4, 0.35, 0.25], dtype=np.float64)  # (3,)
MEANS = np.array([[0.0, 0.0], [3.0, 3.0], [-3.0, 3.0]], dtype=np.float64)  # (3, 2)
COVARIANCES = np.array(
    [
        [[1.0, 0.8], [0.8, 1.5]],
        [[0.6, 0.0], [0.0, 0.6]],
        [[1.2, -0.6], [-0.6, 1.2]],
    ],
    dtype=np.float64,
)  # (3, 2, 2)

# Part A, 2) rejection sampling
SIGMA = 2.5  # standard deviation of the proposal q = N(0, SIGMA^2 I)
C = 12.0  # envelope constant
N_ACCEPT = 10_000

# Part A, 3) importance sampling, same proposal
N_IMPORTANCE = 50_000

# Part A, 4) Metropolis-Hastings
STEP_SIZES = (0.1, 0.5, 1.5)
TRACE_STEP_SIZE = 0.5  # the one whose trace and ACF are asked for

# Part A, 4) and 5) chains
N_ITERATIONS = 50_000
N_BURN_IN = 5_000
THIN = 5
START = (0.0, 0.0)
MAX_LAG = 50

# Part A, 5) Gibbs sampling: standard bivariate Gaussian with this correlation
RHO = 0.9

# Part B, settings
N_TRAIN, N_VALIDATION, N_TEST = 50_000, 10_000, 10_000  # images; the first two are split from MNIST's 60k
IMAGE_SIZE = 28  # pixels a side, values in [0, 1]; the MLPs see them flattened
N_PIXELS = IMAGE_SIZE**2
IMAGE_BATCH_SIZE = 128
IMAGE_EPOCHS = 10
SAMPLE_GRID = (10, 10)  # rows, columns: fixed sample grids, saved each epoch

# Part B, 1) variational autoencoder: 784-512-256-(16, 16) and 16-256-512-784
VAE_HIDDEN = (512, 256)  # encoder; the decoder goes back the same way
N_LATENT = 16
VAE_LEARNING_RATE = 1e-3
VAE_BETAS = (0.9, 0.999)

# Part B, 2) reconstruction and generation
N_RECONSTRUCTIONS = 5  # validation images
GENERATED_GRID = (2, 5)

# Part B, 3) GAN: 64-256-512-784 and 784-512-256-1
N_NOISE = 64
GENERATOR_HIDDEN = (256, 512)
DISCRIMINATOR_HIDDEN = (512, 256)
LEAK = 0.2  # slope of LeakyReLU below zero
DROPOUT = 0.3  # after the discriminator's hidden layers
REAL_TARGET, FAKE_TARGET = 0.9, 0.0  # label smoothing, in the discriminator's loss
GAN_LEARNING_RATE = 2e-4
GAN_BETAS = (0.5, 0.999)

# Part B, 4) GAN generation
N_FIXED_NOISE = 64
NOISE_GRID = (8, 8)
GRID_EPOCHS = (1, 5, 10)

# Part B, 5) quantitative comparison
CLASSIFIER_CHANNELS = (32, 64)
N_FEATURES = 128  # penultimate activations
N_CLASSES = 10
CLASSIFIER_EPOCHS = 5  # on all 60k
CLASSIFIER_LEARNING_RATE = 1e-3
N_GENERATED = 100  # images a model
N_SPLITS = 10  # of the Inception Score
N_REAL = 1_000  # test images of the Frechet distance

# Part C, settings
TEXT_PERCENTAGES = (90, 5, 5)  # contiguous: train, validation, test
CONTEXT_LENGTH = 128
TEXT_BATCH_SIZE = 64
TEXT_EPOCHS = 3
TEXT_LEARNING_RATE = 3e-4
TEXT_WEIGHT_DECAY = 0.01
TEXT_BETAS = (0.9, 0.95)
CLIP_NORM = 1.0

# Part C, 1) tiny Transformer
D_MODEL = 192
N_LAYER = 2
N_HEAD = 3
D_HEAD = 64
D_FF = 768

# Part C, 3) decoding
N_PROMPT = 64  # the first characters of the validation split
N_GENERATED_TOKENS = 200
TEMPERATURE = 1.0
TOP_K = 20
TOP_P = 0.9
