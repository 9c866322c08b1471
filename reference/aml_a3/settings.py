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
